"""Copying a workflow from one store to another: read it whole, check all of it, then write."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any, NamedTuple

from msgspec import structs

from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    TorcFramesError,
    counted,
)
from torc_frames.store.base import RunnableStore, SettingsStore, Store
from torc_frames.store.records import (
    NewJobs,
    ResultPage,
    WorkflowRecord,
)
from torc_frames.store.whole import read_whole
from torc_frames.store.wire.torc_settings import NEEDS
from torc_frames.workflow.copying.order import chunks
from torc_frames.workflow.copying.original import OnUnkept, Original
from torc_frames.workflow.copying.roles import RoleFit
from torc_frames.workflow.copying.settings import SettingsCopy, lost_settings
from torc_frames.workflow.progress import Bar, progress
from torc_frames.workflow.pull.origins import told_elsewhere

__all__ = ["Copied", "OnUnkept", "copy"]

_NEW = ("uninitialized", "ready", "blocked")


class Copied(NamedTuple):
    """What was made, the new keys by the old ones, and what is not in the copy."""

    workflow: WorkflowRecord
    job_keys: dict[str, str]
    record_keys: dict[str, str]
    left_out: list[str]


def copy(
    source: Store, workflow_key: str, target: Store, *, name: str | None, on_unkept: OnUnkept, show: bool
) -> Copied:
    """Copy a workflow; see `Client.copy`."""
    if on_unkept not in ("error", "skip"):
        raise RefusedError(f"on_unkept={on_unkept!r}: use 'error' or 'skip'")

    def read() -> Original:
        original = Original(source, target, show)
        original.read(workflow_key)
        return original

    original = read_whole(source.url, read)
    original.check(on_unkept)
    names = {key: job.name for key, job in original.jobs.items()}
    calls = chunks(names, {key: set(original.waits.get(key, ())) for key in names})
    if list(chain.from_iterable(calls)) != list(names):
        original.left_out.append("the order of jobs: those that others wait for come first")
    return _Writer(original, target, calls, show).write(name)


@dataclass(slots=True)
class _Writer:
    """Writes what was read, all of it or nothing."""

    original: Original
    target: Store
    chunks: list[list[str]]
    show: bool
    job_keys: dict[str, str] = field(default_factory=dict)
    record_keys: dict[str, str] = field(default_factory=dict)
    settings: SettingsCopy | None = None
    """What is told of settings, where they are kept."""

    def write(self, name: str | None) -> Copied:
        """Write all; on any error what was written is deleted again."""
        was = self.original.workflow
        made: WorkflowRecord | None = None
        try:
            with self.target.transaction():
                made = self._add_workflow(name or was.name)
                total = len(self.original.names) + len(self.original.jobs)
                with progress(total, "copy", self.show, unit="row") as bar:
                    self._add_records(made.key, bar)
                    self._add_jobs(made.key, bar)
                self._add_runs(made.key)
                self._add_series(made.key)
            self._finish_settings(made.key)
        except BaseException as error:
            if made is not None:
                _undo(self.target, made, error)
            raise
        if was.user not in (None, made.user):
            self.original.left_out.append(f"that it was of user {was.user}: the copy is of {made.user}")
        keys = {key: self.job_keys[key] for key in self.original.jobs}
        return Copied(made, keys, self.record_keys, self.original.left_out)

    def _add_workflow(self, name: str) -> WorkflowRecord:
        was, target = self.original.workflow, self.target
        told: dict[str, Any] = {"user": was.user, "description": was.description, "metadata": was.metadata}
        if not target.roles_are_of_records:
            told["project"] = was.project
        elif was.project is not None:
            self.original.left_out.append("project of the workflow")
        if not isinstance(target, SettingsStore):
            return target.add_workflow(name, **told)
        self.settings = SettingsCopy(self.original.settings, target)
        made = target.add_workflow(name, **told, settings=self.settings.of_workflow())
        self.settings.add_parts(made.key)
        return made

    def _finish_settings(self, workflow_key: str) -> None:
        if self.settings is None:
            self.original.left_out += lost_settings(self.original.settings)
        else:
            self.settings.add_actions(workflow_key, self.job_keys)
            self.original.left_out += self.settings.left_out(workflow_key)

    def _add_records(self, workflow_key: str, bar: Bar) -> None:
        for page in self.original.spool.pages():
            flags, lines = [key in self.original.ephemeral for key in page.keys], page.lines()
            if self.original.fitted is not None:
                self._add_fitted(workflow_key, page.keys, lines, self.original.fitted)
            else:
                added = self.target.add_user_data(workflow_key, lines, names=page.names, is_ephemeral=flags)
                self.record_keys.update(zip(page.keys, added, strict=True))
            bar.update(len(lines))

    def _add_fitted(self, workflow_key: str, keys: list[str], lines: list[bytes], fitted: RoleFit) -> None:
        rows = zip(keys, lines, strict=True)
        for role, some in groupby(rows, key=lambda row: fitted.roles.get(row[0])):
            alike = list(some)
            names = [fitted.names.get(key) for key, _ in alike]
            data = [line for _, line in alike]
            added = self.target.add_user_data(workflow_key, data, names=names, role=role)
            self.record_keys.update(zip([key for key, _ in alike], added, strict=True))

    def _add_jobs(self, workflow_key: str, bar: Bar) -> None:
        waits, settings = self.original.waits, self.settings
        needs_are_there = settings is not None and NEEDS in self.original.settings.parts
        for keys in self.chunks:
            jobs = [self.original.jobs[key] for key in keys]
            new = NewJobs(
                names=[job.name for job in jobs],
                commands=[job.command for job in jobs],
                inputs=[None] * len(keys),
                resources=None if needs_are_there else [job.resources for job in jobs],
                depends_on=[[self.job_keys[other] for other in waits.get(key, ())] for key in keys],
                links={
                    role: [[self.record_keys[record] for record in of_job.get(key, ())] for key in keys]
                    for role, of_job in self.original.links.items()
                },
                settings=None if settings is None else [settings.of_job(key) for key in keys],
            )
            self.job_keys.update(zip(keys, self.target.add_jobs(workflow_key, new).job_keys, strict=True))
            bar.update(len(keys))

    def _add_runs(self, workflow_key: str) -> None:
        jobs, runs, left_out = self.original.jobs, self.original.runs, self.original.left_out
        if not isinstance(self.target, RunnableStore):
            begun = [key for key, job in jobs.items() if job.status not in _NEW]
            jobs_told = counted(len({*begun, *(job for job, _ in runs)}), "job")
            if begun or runs:
                left_out.append(
                    f"status, return codes and times of {jobs_told}: {self.target.url} takes none"
                )
            return
        if self.original.measured:
            left_out.append(f"memory and CPU of {counted(self.original.measured, 'run')}")
        underway = sum(job.status in ("pending", "running") for job in jobs.values())
        if underway:
            left_out.append(
                f"{counted(underway, 'job')} of which a run had begun: nobody runs them in the copy"
            )
        keys = [self.job_keys[key] for key in jobs]
        statuses, run_ids = ([getattr(job, part) for job in jobs.values()] for part in ("status", "run_id"))
        columns = [list(column) for column in zip(*runs.values(), strict=True)] or [[], [], [], []]
        more = {"call": [self.original.call_of.get(run) for run in runs]}
        own_keys = [self.job_keys[job] for job, _ in runs]
        results = ResultPage(own_keys, [run for _, run in runs], *columns, more=more)
        calls = [told_elsewhere(call) for call in self.original.calls]
        self.target.add_runs(workflow_key, keys, statuses, run_ids, results, calls)

    def _add_series(self, workflow_key: str) -> None:
        """Add what jobs logged, as of their present runs in the copy."""
        series, target = self.original.series, self.target
        try:
            if series:
                target.add_series(workflow_key, [])
        except RefusedError:
            rows = sum(map(len, chain.from_iterable(series.values())))
            told = f"{counted(rows, 'row')} that {counted(len(series), 'job')} logged"
            self.original.left_out.append(f"{told}: {target.url} keeps no series")
            return
        for job, logged in series.items():
            key = self.job_keys[job]
            run = self.original.jobs[job].run_id if isinstance(target, RunnableStore) else 0
            moved = [structs.replace(one, job_key=key, run_id=run, attempt_id=0) for one in logged]
            target.add_series(workflow_key, moved)


def _undo(target: Store, made: WorkflowRecord, error: BaseException) -> None:
    """Delete a workflow that is half made; if that fails, too, say so."""
    try:
        found = target.get_workflow(made.key)
        # Where a transaction was rolled back, another workflow may have the key by now.
        if (found.name, found.created) == (made.name, made.created):
            target.delete_workflow(made.key)
    except NotFoundError:
        return
    except TorcFramesError as left:
        raise TorcFramesError(
            f"workflow {made.key} of {target.url} is half a copy and could not be deleted ({left}): delete "
            f"it. The copy failed: {error or type(error).__name__}"
        ) from error
