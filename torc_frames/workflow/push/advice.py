"""What a push leaves as it is although somebody may expect otherwise: told, with the way to it."""

from __future__ import annotations

from torc_frames.errors import counted, warn
from torc_frames.store.base import RunnableStore, Store
from torc_frames.workflow.push import templates
from torc_frames.workflow.push.steps import Steps
from torc_frames.workflow.push.stored import Existing
from torc_frames.workflow.push.table import Prepared

__all__ = ["advise"]

_FRESH = "uninitialized"
_NEVER_RAN = (_FRESH, "blocked", "ready")


def advise(store: Store, workflow_key: str, prepared: Prepared, steps: Steps, existing: Existing) -> None:
    """Warn of jobs that exist and keep their commands or resources, and of what torc has to be told."""
    there = {key: row for row, key in enumerate(steps.job_keys) if key is not None}
    # Those that the table names by key get a new command where one is given.
    matched = [key for key in there if key not in steps.named]
    command, resources = prepared.options.command, prepared.needs
    if command is not None and matched:
        rows = [there[key] for key in matched]
        filled = templates.fill("command", command, prepared.frame.cells, rows, quoted=True)
        kept = [key for key, text in zip(matched, filled, strict=True) if existing.jobs[key].command != text]
        if kept:
            warn(
                f"{counted(len(kept), 'job')} of the same parameters had another command, and kept it: "
                "push wf.parameters() with command= to change it"
            )
    if resources is not None:
        kept = [key for key, row in there.items() if existing.jobs[key].resources != resources[row]]
        if kept:
            warn(f"{counted(len(kept), 'job')} that exist kept their resources: those are for new jobs")
    if not isinstance(store, RunnableStore):
        _advise_of_torc(workflow_key, existing, len(steps.new), steps.changed)


def _advise_of_torc(workflow_key: str, existing: Existing, new: int, changed: set[str]) -> None:
    """Tell when torc starts jobs that were made or changed after the workflow was initialized."""
    ran = [key for key in changed if existing.jobs[key].status not in _NEVER_RAN]
    initialized = any(job.status != _FRESH for job in existing.jobs.values())
    what = [f"{counted(len(ran), 'job')} that changed, and keep their results until then"] if ran else []
    what += [f"{counted(new, 'new job')}"] if new and initialized else []
    if what:
        warn(
            f"torc runs {' and '.join(what)} after `torc workflows reinit {workflow_key}` and "
            f"`torc run {workflow_key}`"
        )
