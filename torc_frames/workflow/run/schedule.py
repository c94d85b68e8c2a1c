"""Which jobs of a workflow to start next, and what became of them."""

from __future__ import annotations

import heapq
import queue
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    TorcFramesError,
    shorten,
    warn,
)
from torc_frames.store.base import RunnableStore
from torc_frames.store.contents import dependencies, read_jobs
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    READY,
    JobRecord,
    Resources,
    RunResult,
)
from torc_frames.store.resources import Needs, needs_of, shown_bytes
from torc_frames.workflow.progress import Bar
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.launcher import JobProcess, Launcher
from torc_frames.workflow.run.logs import reason_of
from torc_frames.workflow.run.machine import gpu_devices, total_memory
from torc_frames.workflow.run.processes import has_ended, is_same_process, shown_runner
from torc_frames.workflow.run.signals import check_signals, is_of_a_signal, wait_for_signal
from torc_frames.workflow.run.summary import Failure, RunSummary

__all__ = [
    "Board",
    "Claimer",
    "Machine",
    "Scheduler",
    "active",
    "is_abandoned",
    "machine_for",
    "read_board",
    "shown_runners",
]


_TICK_S = 1.0
"""How often the progress bar is drawn anew, and jobs are held to their limits, while no job ends."""


class Claimer(Protocol):
    """What runs jobs in this process: those claimed are not to be run by anybody else in it."""

    claimed: set[str]


active: list[Claimer] = []


class Machine(NamedTuple):
    """What there is for jobs: slots, bytes of memory (None: not known), and the names of GPUs."""

    slots: int
    memory: int | None = None
    gpus: tuple[str, ...] = ()

    def lacks(self, resources: Resources) -> str | None:
        """Return why a job of these needs can't be run here at all, None if it can."""
        try:
            needs = needs_of(resources)
        except RefusedError as error:
            return f"has {error}"
        if needs.cpus > self.slots:
            return f"needs num_cpus={needs.cpus}, and workers is {self.slots}"
        if needs.gpus > len(self.gpus):
            found = f"{len(self.gpus)} (CUDA_VISIBLE_DEVICES says which, or nvidia-smi)"
            return f"needs num_gpus={needs.gpus}, and there are {found}"
        if needs.memory is not None and self.memory is None:
            return f"needs memory={resources.memory}, and this system does not tell how much a job uses"
        if needs.memory is not None and needs.memory > (self.memory or 0):
            return f"needs memory={resources.memory}, and this machine has {shown_bytes(self.memory or 0)}"
        return None

    def holds(self, needs: Needs) -> bool:
        """Return whether there is room for a job."""
        memory = self.memory is None or (needs.memory or 0) <= self.memory
        return needs.cpus <= self.slots and needs.gpus <= len(self.gpus) and memory

    def without(self, needs: Needs, gpus: Collection[str]) -> Machine:
        """Return what is left beside a job that has these GPUs."""
        memory = None if self.memory is None else self.memory - (needs.memory or 0)
        left = tuple(device for device in self.gpus if device not in gpus)
        return Machine(self.slots - needs.cpus, memory, left)


def machine_for(jobs: Collection[JobRecord], slots: int) -> Machine:
    """Return what there is for jobs; GPUs are only looked for where one needs them."""
    gpus = gpu_devices() if any(job.resources.num_gpus for job in jobs) else ()
    return Machine(slots, total_memory() if procfs.available() else None, gpus)


@dataclass(slots=True)
class Board:
    """All jobs of a workflow in order, and which wait for which."""

    jobs: dict[str, JobRecord]
    dependents: dict[str, list[str]]
    place: dict[str, int] = field(init=False)
    """By key: where the job is in the order."""

    def __post_init__(self) -> None:
        self.place = {key: place for place, key in enumerate(self.jobs)}

    def with_status(self, *statuses: str) -> list[str]:
        """Return the keys of jobs with one of these statuses, oldest first."""
        return [key for key, job in self.jobs.items() if job.status in statuses]


def read_board(store: RunnableStore, workflow_key: str) -> Board:
    """Read the jobs and dependencies as they are at one moment."""
    dependents: dict[str, list[str]] = {}
    with store.snapshot(workflow_key) as snapshot:
        jobs = read_jobs(snapshot)
        for key, needed in dependencies(snapshot):
            dependents.setdefault(needed, []).append(key)
    return Board(jobs, dependents)


def is_abandoned(job_key: str, runner: str) -> bool:
    """Return whether a running job's runner has ended, or is this process and has let go of the job."""
    if is_same_process(runner):
        return not any(job_key in one.claimed for one in active)
    return has_ended(runner) is True


def shown_runners(runners: Mapping[str, str]) -> str:
    """Return who runs jobs, for a message, and how to free those whose runner may be no more."""
    who = shorten(sorted({shown_runner(runner) for runner in runners.values()}))
    unknown = [key for key, runner in runners.items() if has_ended(runner) is None]
    if not unknown:
        return who
    return (
        f"{who}. Whether jobs {shorten(unknown)} still run can't be known from here, another machine or "
        "container: if they don't, `torc-frames jobs reset KEY…` or wf.reset_jobs(…) makes them ready again"
    )


@dataclass(slots=True, eq=False)
class Scheduler:
    """Keeps slots filled with jobs that are ready, oldest first."""

    store: RunnableStore
    workflow_key: str
    launcher: Launcher
    machine: Machine
    chosen: Collection[str] | None = None
    """The jobs that may be run; None for all."""

    retries: int = 0
    """How often a job is run again that fails."""

    tried: Counter[str] = field(default_factory=Counter)
    board: Board = field(default_factory=lambda: Board({}, {}))
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
                    bar.update(self._wait())
                    self._start()
        except BaseException:
            self._give_back()
            raise
        finally:
            self.launcher.close()
            active.remove(self)

    def summary(self) -> RunSummary:
        """Return what was done, and warn of jobs that other runners have."""
        canceled = self._chosen_of(self.board.with_status(CANCELED)) - (self.canceled_before or set())
        runners = self.store.runners(self.workflow_key)
        elsewhere = {key: runners[key] for key in self._chosen_of(runners)}
        if elsewhere:
            warn(
                f"{len(elsewhere)} jobs of workflow {self.workflow_key} are left to other runners: "
                f"{shown_runners(elsewhere)}"
            )
        return RunSummary(
            completed=self.counts[COMPLETED],
            failed=self.counts[FAILED],
            canceled=len(canceled),
            not_run=len(self._chosen_of(self.board.with_status(READY, BLOCKED))),
            running_elsewhere=len(elsewhere),
            output_dir=self.launcher.output_dir,
            failures=tuple(self.failures),
        )

    def _fill_queue(self) -> bool:
        """Queue all jobs that are ready now, also ones added or made ready by others meanwhile."""
        self.board = read_board(self.store, self.workflow_key)
        if self.canceled_before is None:
            self.canceled_before = set(self.board.with_status(CANCELED))
        ready = [key for key in self.board.with_status(READY) if self._can_run(self.board.jobs[key])]
        self.queue = [(self.board.place[key], key) for key in ready]
        return bool(ready)

    def _chosen_of(self, keys: Iterable[str]) -> set[str]:
        return set(keys) if self.chosen is None else set(self.chosen).intersection(keys)

    def _can_run(self, job: JobRecord) -> bool:
        if self.chosen is not None and job.key not in self.chosen:
            return False
        return bool(job.command.strip()) and self.machine.lacks(job.resources) is None

    def _wait(self) -> int:
        """Wait until a job ends, record it, and return how many have ended for good.

        It gives up after a while. Runs are held to their limits.
        """
        check_signals()
        self.launcher.limit()
        patience = min([_TICK_S, *(run.left_s for run in self.running.values())])
        try:
            run = self.launcher.ended.get(timeout=max(0.0, patience))
        except queue.Empty:
            return 0
        if is_of_a_signal(run.return_code or 0) and run.over is None:
            wait_for_signal()
        return self._finish(run)

    def _start(self) -> None:
        """Start as many jobs of the queue as there is room for; those that aren't ready leave it."""
        while self.queue:
            batch = self._batch()
            if not batch:
                return
            self.claimed.update(batch)
            for job in self.store.start_jobs(self.workflow_key, list(batch), self.launcher.runner):
                self.running[job.key] = self.launcher.prepare(job, batch[job.key])
            for key in batch:
                if key in self.running:
                    self.launcher.launch(self.running[key])
                else:
                    self.claimed.discard(key)

    def _batch(self) -> dict[str, tuple[str, ...]]:
        """Take the jobs from the queue for which there is room, and return the GPUs of each."""
        room, batch = self.machine, {}
        for run in self.running.values():
            room = room.without(run.needs, run.gpus)
        while self.queue and room.holds(needs := needs_of(self.board.jobs[self.queue[0][1]].resources)):
            _, key = heapq.heappop(self.queue)
            if key not in self.claimed and key not in batch:
                batch[key] = room.gpus[: needs.gpus]
                room = room.without(needs, batch[key])
        return batch

    def _finish(self, run: JobProcess) -> int:
        """Record how a run ended, and return 0 if its job is to be run again, else 1."""
        key = run.job.key
        assert run.return_code is not None
        assert run.end_time is not None
        status = COMPLETED if run.return_code == 0 else FAILED
        result = RunResult(key, run.job.run_id, status, run.return_code, run.start_time, run.end_time)
        again = status == FAILED and self.tried[key] < self.retries
        try:
            with self.store.transaction():
                self.store.finish_job(self.workflow_key, result)
                if again:
                    self.store.reset_jobs(self.workflow_key, [key])
        except (ConflictError, NotFoundError) as error:
            warn(f"how job {key} ended is not recorded: {error}")
            status, again = "unrecorded", False
        self.claimed.discard(key)
        del self.running[key]
        if again:
            self.tried[key] += 1
            heapq.heappush(self.queue, (self.board.place[key], key))
            return 0
        self.counts[status] += 1
        if status == FAILED:
            self.failures.append(
                Failure(key, run.return_code, run.stderr, reason_of((run.stderr, run.stdout)))
            )
        if status != COMPLETED:
            return 1
        for dependent in self.board.dependents.get(key, ()):
            if self._can_run(self.board.jobs[dependent]):
                heapq.heappush(self.queue, (self.board.place[dependent], dependent))
        return 1

    def _give_back(self) -> None:
        """End all running jobs and make them ready; those that had ended before count as they ended.

        What a signal ended that was sent to all processes had not.
        """
        runs = list(self.running.values())
        ended = [run for run in runs if run.end_time is not None and not is_of_a_signal(run.return_code or 0)]
        mine: set[str] = set()
        try:
            self.launcher.stop(run for run in runs if run not in ended)
            mine = self.claimed.copy()
        except TorcFramesError as error:
            # Their jobs stay this runner's, so that whoever runs them next ends what is left first.
            warn(str(error))
        except BaseException:
            mine = self.claimed.copy()  # they were killed
            raise
        finally:
            with suppress(TorcFramesError):
                self._record(ended, mine)

    def _record(self, ended: list[JobProcess], again: set[str]) -> None:
        """Record runs that have ended, and make jobs ready, as far as they are still this runner's."""
        runners = self.store.runners(self.workflow_key)
        mine = {key for key, runner in runners.items() if runner == self.launcher.runner}
        for run in ended:
            if run.job.key in mine:
                self._finish(run)
                mine.discard(run.job.key)
        self.store.reset_jobs(self.workflow_key, sorted(again & mine))
