"""A workflow as it was read to be copied, and what of it another store does not keep."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from torc_frames.errors import (
    InexactFloatWarning,
    Problem,
    RefusedError,
    counted,
    shorten,
    warn,
)
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.contents import dependencies, present_series, read_calls, read_jobs
from torc_frames.store.records import (
    MEASURED,
    JobRecord,
    RunCall,
    SeriesChunk,
    TorcSettings,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.workflow.copying.roles import RoleFit, fit
from torc_frames.workflow.progress import progress
from torc_frames.workflow.pull.origins import calls_of
from torc_frames.workflow.pull.spool import Spool

__all__ = ["OnUnkept", "Original"]

OnUnkept = Literal["error", "skip"]


@dataclass(slots=True)
class Original:
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
