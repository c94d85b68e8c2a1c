"""Copying a workflow from one store to another: read it whole, check all of it, then write."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from typing import Any, Literal, NamedTuple

from msgspec import structs

from torc_frames.errors import (
    InexactFloatWarning,
    NotFoundError,
    Problem,
    RefusedError,
    TorcFramesError,
    counted,
    shorten,
    warn,
)
from torc_frames.store.base import RunnableStore, SettingsStore, Snapshot, Store
from torc_frames.store.contents import dependencies, present_series, read_calls, read_jobs
from torc_frames.store.records import (
    MEASURED,
    JobRecord,
    NewJobs,
    ResultPage,
    RunCall,
    SeriesChunk,
    TorcSettings,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.whole import read_whole
from torc_frames.store.wire.torc_settings import NEEDS
from torc_frames.workflow.copying.order import chunks
from torc_frames.workflow.copying.roles import RoleFit, fit
from torc_frames.workflow.copying.settings import SettingsCopy, lost_settings
from torc_frames.workflow.progress import Bar, progress
from torc_frames.workflow.pull.origins import ORIGIN, calls_of
from torc_frames.workflow.pull.spool import Spool

__all__ = ["Copied", "OnUnkept", "copy"]

OnUnkept = Literal["error", "skip"]

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

    def read() -> _Original:
        original = _Original(source, target, show)
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
class _Original:
    """A workflow as it was read: data in a temporary file, all else in memory.

    The snapshot is closed when all is read: a file on a network file system can't be written to before,
    and a server's workflow may change before all is written.
    """

    source: Store
    target: Store
    show: bool
    spool: Spool = field(default_factory=Spool)
    names: dict[str, str | None] = field(default_factory=dict)
    """Of the records that will be written, by their keys."""
    workflow: WorkflowRecord = field(default_factory=lambda: WorkflowRecord("", ""))
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    ephemeral: set[str] = field(default_factory=set)
    links: dict[str | None, dict[str, list[str]]] = field(default_factory=dict)
    """By role and job key: records."""
    waits: dict[str, list[str]] = field(default_factory=dict)
    runs: dict[tuple[str, int], tuple[str, int, str, str]] = field(default_factory=dict)
    """By job key and run_id: status, return code, start and end time."""
    calls: list[RunCall] = field(default_factory=list)
    call_of: dict[tuple[str, int], int] = field(default_factory=dict)
    """By job key and run_id: the place of the call that it was of."""
    unkept: dict[str, str] = field(default_factory=dict)
    """By record key: why it can't be kept."""
    inexact: list[str] = field(default_factory=list)
    """Records with floats that come back as others."""
    settings: TorcSettings = field(default_factory=TorcSettings)
    series: dict[str, list[SeriesChunk]] = field(default_factory=dict)
    """By job key: what it logged in its present run."""
    measured: int = 0
    """Of how many runs there is memory and CPU."""
    left_out: list[str] = field(default_factory=list)
    fitted: RoleFit | None = None
    """What records are told of themselves, where roles are theirs."""

    def read(self, workflow_key: str) -> None:
        """Read all of the workflow; TornReadError if it changed meanwhile."""
        with self.source.snapshot(workflow_key) as snap:
            self.workflow = snap.workflow
            self.jobs = read_jobs(snap)
            with progress(snap.count_user_data(), "read", self.show, unit="record") as bar:
                for page in snap.user_data():
                    self._add(page, snap)
                    bar.update(len(page))
            self.ephemeral = snap.ephemeral()
            self._read_links(snap)
            self._read_runs(snap)
            self._read_series(snap)
            self.settings = snap.settings()
            self.left_out += [f"{kind}: {count}" for kind, count in snap.others().items()]
            snap.verify()

    def check(self, on_unkept: OnUnkept) -> None:
        """Refuse, or note, what the target can't keep."""
        roleless = self.links.get(None, {}) if self.target.needs_role else {}
        where = self.target.url
        if on_unkept == "error" and (self.unkept or roleless):
            problems = [f"user_data key {key}: {reason}" for key, reason in self.unkept.items()]
            problems += [
                f"user_data keys {shorten(keys)}: linked to job {job} without a role, and {where} links "
                "records as input or output only"
                for job, keys in roleless.items()
            ]
            problems[0] += "; on_unkept='skip' leaves out what can't be kept"
            raise RefusedError([Problem(None, None, text) for text in problems])
        if roleless:
            links = [f"job {job} to user_data keys {shorten(keys)}" for job, keys in roleless.items()]
            self.left_out.append(f"links without a role, of which {where} has none: {shorten(links)}")
            del self.links[None]
        if self.unkept:
            keys, reason = shorten(self.unkept), next(iter(self.unkept.values()))
            self.left_out.append(f"{counted(len(self.unkept), 'record')}: user_data keys {keys} ({reason})")
        if self.target.roles_are_of_records:
            self._fit(on_unkept)
        if self.inexact:
            text = (
                f"the last digit of floats in {len(self.inexact):,} of {counted(len(self.names), 'record')}"
            )
            self.left_out.append(f"{text}: user_data keys {shorten(self.inexact)}")
            warn(f"{self.target.url} changes {text}", InexactFloatWarning)

    def _fit(self, on_unkept: OnUnkept) -> None:
        """Note what there is of roles, names and lifetimes where a record has one role of its own."""
        job_names = {key: job.name for key, job in self.jobs.items()}
        self.fitted = fit(self.links, self.names, job_names, self.ephemeral)
        several = f"user_data keys {shorten(self.fitted.several)}: input and output of jobs, and a record of "
        several += f"{self.target.url} has one role"
        if self.fitted.several and on_unkept == "error":
            raise RefusedError(f"{several}; on_unkept='skip' leaves out their roles")
        self.left_out += [several] if self.fitted.several else []
        self.left_out += self.fitted.left_out
        self.links, self.ephemeral = self.fitted.links, set()

    # parts of a workflow

    def _add(self, page: UserDataPage, snap: Snapshot) -> None:
        """Keep the records of a page that the target keeps."""
        lines = dict(zip(page.keys, page.lines(), strict=True))
        self.unkept |= {key: reason for key, reason in snap.unreadable.items() if key in lines}
        keys = [key for key in page.keys if key not in self.unkept]
        while keys:
            try:
                back = self._kept([lines[key] for key in keys])
                break
            except RefusedError as error:
                refused = {keys[one.row]: one.reason for one in error.problems if one.row is not None}
                if not refused:
                    raise
                self.unkept |= refused
                keys = [key for key in keys if key not in refused]
        if keys:
            self.inexact += [key for key, line in zip(keys, back, strict=True) if line != lines[key]]
            page = page.only(set(keys))
            self.spool.add(page)
            self.names.update(zip(page.keys, page.names, strict=True))

    def _kept(self, lines: list[bytes]) -> list[bytes]:
        with warnings.catch_warnings():
            # Told once, for all pages.
            warnings.simplefilter("ignore", InexactFloatWarning)
            return self.target.kept(lines)

    def _read_links(self, snap: Snapshot) -> None:
        jobs, records = self.jobs, self.names
        dangling = []
        for page in snap.links(labels=False):
            for record, job, role in zip(page.record_keys, page.job_keys, page.roles, strict=True):
                if record in records and job in jobs:
                    self.links.setdefault(role, {}).setdefault(job, []).append(record)
                elif record not in self.unkept:
                    dangling.append(f"job {job} to user_data key {record}")
        if dangling:
            self.left_out.append(f"links from or to another workflow: {shorten(dangling)}")

    def _read_series(self, snap: Snapshot) -> None:
        with suppress(RefusedError):  # a store that keeps none
            runs = {key: job.run_id for key, job in self.jobs.items()}
            self.series = dict(present_series(runs, snap.series()))

    def _read_runs(self, snap: Snapshot) -> None:
        jobs, repeated = self.jobs, 0
        for job, other in dependencies(snap):
            if job in jobs and other in jobs:
                self.waits.setdefault(job, []).append(other)
        pages = list(snap.results(labels=True))
        self.calls = read_calls(snap)
        places = {call.runner: at for at, call in enumerate(self.calls)}
        called = iter(calls_of(pages, self.calls))
        for runs in pages:
            ends = zip(runs.statuses, runs.return_codes, runs.start_times, runs.end_times, strict=True)
            measured = zip(*(runs.more[name] for name in MEASURED if name in runs.more), strict=True)
            self.measured += sum(row.count(None) < len(row) for row in measured)
            for job, run_id, end, call in zip(runs.job_keys, runs.run_ids, ends, called, strict=False):
                repeated += (job, run_id) in self.runs
                if job in jobs:
                    self.runs[job, run_id] = end
                    if call is not None:
                        self.call_of[job, run_id] = places[call.runner]
        if repeated:
            self.left_out.append(
                f"{counted(repeated, 'attempt')} of runs that were tried again: the last of each is kept"
            )


@dataclass(slots=True)
class _Writer:
    """Writes what was read, all of it or nothing."""

    original: _Original
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
        calls = [_elsewhere(call) for call in self.original.calls]
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
            key, run = self.job_keys[job], 0
            if isinstance(target, RunnableStore):
                run = target.get_job(key, workflow_key).run_id
            moved = [structs.replace(one, job_key=key, run_id=run, attempt_id=0) for one in logged]
            target.add_series(workflow_key, moved)


def _elsewhere(call: RunCall) -> RunCall:
    """Return a call as it is known of in a copy: where it was, not what is going on there."""
    details = {name: value for name, value in call.details.items() if name in ORIGIN}
    return replace(call, ended=call.ended or call.started, details=details)


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
