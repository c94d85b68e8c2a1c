"""Which jobs of a workflow to start next, and what became of them."""

from __future__ import annotations

import heapq
import queue
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from torc_frames.errors import ConflictError, NotFoundError, TorcFramesError, TorcFramesWarning, shorten, warn
from torc_frames.processes import JobProcess, Launcher, is_dead_runner, runner_id
from torc_frames.progress import Bar
from torc_frames.records import BLOCKED, CANCELED, COMPLETED, FAILED, READY, RunResult
from torc_frames.store.base import RunnableStore

__all__ = [
    "Board",
    "Claimer",
    "Failure",
    "RunSummary",
    "Scheduler",
    "active",
    "is_abandoned",
    "read_board",
]


class Failure(NamedTuple):
    """A run that failed: its code (negative for a signal), and the file of its errors."""

    job_key: str
    return_code: int
    stderr: Path


_TICK_S = 1.0
"""How often the progress bar is drawn anew while no job ends."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What one `run` did, and what it left.

    Attributes
    ----------
    completed, failed : int
        Jobs that this call ran, by how they ended.
    canceled : int
        Jobs that were canceled meanwhile, because a job they depend on failed.
    not_run : int
        Jobs that are still ready or blocked.
    running_elsewhere : int
        Jobs that another runner is running.
    output_dir : Path
        Where the jobs' stdout (.o) and stderr (.e) are.
    failures : tuple of Failure
        In the order in which they failed.
    stale : int
        Completed jobs whose parameters were changed since the run whose results are there.
    """

    completed: int
    failed: int
    canceled: int
    not_run: int
    running_elsewhere: int
    output_dir: Path = field(repr=False)
    failures: tuple[Failure, ...] = field(default=(), repr=False)
    stale: int = field(default=0, repr=False)


class Claimer(Protocol):
    """What runs jobs in this process: those claimed are not to be run by anybody else in it."""

    claimed: set[str]


active: list[Claimer] = []


class BoardJob(NamedTuple):
    """What starting a job needs to know of it."""

    position: int
    name: str
    command: str
    status: str
    num_cpus: int

    def fits(self, slots: int) -> bool:
        """Return whether the job can be run at all with so many slots."""
        return bool(self.command.strip()) and self.num_cpus <= slots


@dataclass(slots=True)
class Board:
    """All jobs of a workflow in order, and which wait for which."""

    jobs: dict[str, BoardJob]
    dependents: dict[str, list[str]]

    def with_status(self, *statuses: str) -> list[str]:
        """Return the keys of jobs with one of these statuses, oldest first."""
        return [key for key, job in self.jobs.items() if job.status in statuses]


def read_board(store: RunnableStore, workflow_key: str) -> Board:
    """Read the jobs and dependencies as they are at one moment."""
    jobs: dict[str, BoardJob] = {}
    dependents: dict[str, list[str]] = {}
    with store.snapshot(workflow_key) as snapshot:
        for page in snapshot.jobs():
            for row in zip(page.keys, page.names, page.commands, page.statuses, page.num_cpus, strict=True):
                jobs[row[0]] = BoardJob(len(jobs), *row[1:-1], max(1, row[-1]))
        for links in snapshot.dependencies():
            for key, needed in zip(links.job_keys, links.depends_on_keys, strict=True):
                dependents.setdefault(needed, []).append(key)
    return Board(jobs, dependents)


def is_abandoned(job_key: str, runner: str) -> bool:
    """Return whether a running job's runner has ended, or is this process and has let go of the job."""
    if runner == runner_id():
        return not any(job_key in one.claimed for one in active)
    return is_dead_runner(runner)


@dataclass(slots=True, eq=False)
class Scheduler:
    """Keeps slots filled with jobs that are ready, oldest first."""

    store: RunnableStore
    workflow_key: str
    launcher: Launcher
    slots: int
    board: Board = field(default_factory=lambda: Board({}, {}))
    me: str = field(default_factory=runner_id)
    queue: list[tuple[int, str]] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    running: dict[str, JobProcess] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    canceled_before: set[str] | None = None

    def work(self, bar: Bar) -> None:
        """Run until no job is left to start; on any error, Ctrl-C too, end what runs and make it ready."""
        active.append(self)
        try:
            while self._fill_queue():
                self._start()
                while self.running:
                    try:
                        run = self.launcher.ended.get(timeout=_TICK_S)
                    except queue.Empty:
                        bar.update(0)
                        continue
                    self._finish(run)
                    bar.update(1)
                    self._start()
        except BaseException:
            self._give_back()
            raise
        finally:
            active.remove(self)

    def summary(self) -> RunSummary:
        """Return what was done, and warn of jobs that other runners have."""
        canceled = set(self.board.with_status(CANCELED)) - (self.canceled_before or set())
        elsewhere = self.store.runners(self.workflow_key)
        if elsewhere:
            warnings.warn(
                f"{len(elsewhere)} jobs of workflow {self.workflow_key} are left to other runners: "
                f"{shorten(sorted(set(elsewhere.values())))}",
                TorcFramesWarning,
                stacklevel=3,
            )
        return RunSummary(
            completed=self.counts[COMPLETED],
            failed=self.counts[FAILED],
            canceled=len(canceled),
            not_run=len(self.board.with_status(READY, BLOCKED)),
            running_elsewhere=len(elsewhere),
            output_dir=self.launcher.output_dir,
            failures=tuple(self.failures),
        )

    def _fill_queue(self) -> bool:
        """Queue all jobs that are ready now, also ones added or made ready by others meanwhile."""
        self.board = read_board(self.store, self.workflow_key)
        if self.canceled_before is None:
            self.canceled_before = set(self.board.with_status(CANCELED))
        ready = [key for key in self.board.with_status(READY) if self.board.jobs[key].fits(self.slots)]
        self.queue = [(self.board.jobs[key].position, key) for key in ready]
        return bool(ready)

    def _start(self) -> None:
        """Start as many jobs of the queue as there are slots; those that aren't ready leave it."""
        free = self.slots - sum(self.board.jobs[key].num_cpus for key in self.running)
        while self.queue:
            batch: list[str] = []
            while self.queue and (needed := self.board.jobs[self.queue[0][1]].num_cpus) <= free:
                _, key = heapq.heappop(self.queue)
                if key not in self.claimed and key not in batch:
                    batch.append(key)
                    free -= needed
            if not batch:
                return
            self.claimed.update(batch)
            for job in self.store.start_jobs(self.workflow_key, batch, self.me):
                self.running[job.key] = self.launcher.prepare(job)
            for key in batch:
                if key in self.running:
                    self.launcher.launch(self.running[key])
                else:
                    self.claimed.discard(key)
                    free += self.board.jobs[key].num_cpus

    def _finish(self, run: JobProcess) -> None:
        key = run.job.key
        assert run.return_code is not None
        assert run.end_time is not None
        status = COMPLETED if run.return_code == 0 else FAILED
        result = RunResult(key, run.job.run_id, status, run.return_code, run.start_time, run.end_time)
        try:
            self.store.finish_job(self.workflow_key, result)
        except (ConflictError, NotFoundError) as error:
            warn(f"how job {key} ended is not recorded: {error}")
            status = "unrecorded"
        self.claimed.discard(key)
        del self.running[key]
        self.counts[status] += 1
        if status == FAILED:
            self.failures.append(Failure(key, run.return_code, run.stderr))
        if status != COMPLETED:
            return
        for dependent in self.board.dependents.get(key, ()):
            job = self.board.jobs[dependent]
            if job.fits(self.slots):
                heapq.heappush(self.queue, (job.position, dependent))

    def _give_back(self) -> None:
        """End all running jobs and make them ready; those that had ended before count as they ended."""
        ended = [run for run in self.running.values() if run.end_time is not None]
        try:
            self.launcher.stop(run for run in self.running.values() if run.end_time is None)
        finally:
            with suppress(TorcFramesError):
                mine = {
                    key for key, runner in self.store.runners(self.workflow_key).items() if runner == self.me
                }
                for run in ended:
                    if run.job.key in mine:
                        self._finish(run)
                        mine.discard(run.job.key)
                self.store.reset_jobs(self.workflow_key, [key for key in self.claimed if key in mine])
