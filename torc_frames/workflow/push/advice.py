"""What a push leaves as it is although somebody may expect otherwise: told, with the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torc_frames.errors import counted, warn
from torc_frames.frame.encode import EncodedFrame
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.records import Resources
from torc_frames.workflow.push import templates
from torc_frames.workflow.push.stored import Existing

__all__ = ["advise"]

_FRESH = "uninitialized"
_NEVER_RAN = (_FRESH, "blocked", "ready")


def advise(
    store: Store,
    workflow_key: str,
    existing: Existing,
    frame: EncodedFrame,
    job_keys: Sequence[str | None],
    changed: set[str],
    *,
    named: Mapping[str, int],
    command: str | None,
    resources: Sequence[Resources] | None,
) -> None:
    """Warn of jobs that exist and keep their commands or resources, and of what torc has to be told.

    Parameters
    ----------
    job_keys : sequence of str or None
        By row: the job that the row is, None for a new one.
    changed : set of str
        The jobs whose parameters or commands change.
    named : mapping
        The rows of jobs that the table names by key; those get a new command where one is given.
    """
    there = {key: row for row, key in enumerate(job_keys) if key is not None}
    matched = [key for key in there if key not in named]
    if command is not None and matched:
        rows = [there[key] for key in matched]
        filled = templates.fill("command", command, frame.cells, rows, quoted=True)
        kept = [key for key, text in zip(matched, filled, strict=True) if existing.commands[key] != text]
        if kept:
            warn(
                f"{counted(len(kept), 'job')} of the same parameters had another command, and kept it: "
                "push wf.parameters() with command= to change it"
            )
    if resources is not None:
        kept = [key for key, row in there.items() if existing.resources[key] != resources[row]]
        if kept:
            warn(f"{counted(len(kept), 'job')} that exist kept their resources: those are for new jobs")
    if not isinstance(store, RunnableStore):
        _advise_of_torc(workflow_key, existing, len(job_keys) - len(there), changed)


def _advise_of_torc(workflow_key: str, existing: Existing, new: int, changed: set[str]) -> None:
    """Tell when torc starts jobs that were made or changed after the workflow was initialized."""
    ran = [key for key in changed if existing.statuses[key] not in _NEVER_RAN]
    initialized = any(status != _FRESH for status in existing.statuses.values())
    what = [f"{counted(len(ran), 'job')} that changed, and keep their results until then"] if ran else []
    what += [f"{counted(new, 'new job')}"] if new and initialized else []
    if what:
        warn(
            f"torc runs {' and '.join(what)} after `torc workflows reinit {workflow_key}` and "
            f"`torc run {workflow_key}`"
        )
