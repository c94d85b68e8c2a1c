"""Running jobs of an embedded store as calls of a function on an executor."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from pickle import PicklingError
from queue import Empty, SimpleQueue

from torc_frames.errors import ConflictError, NotFoundError, TorcFramesError, counted, shorten, warn
from torc_frames.files.pointers import LARGE_BYTES
from torc_frames.frame.joining import joined_parameters
from torc_frames.frame.typed import Types, types_of
from torc_frames.frame.values import encode_data
from torc_frames.settings import JobEnvironment
from torc_frames.store.base import RunnableStore, Snapshot
from torc_frames.store.contents import read_records
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    INPUT,
    OUTPUT,
    READY,
    RUNNING,
    JobRecord,
    RunResult,
    UserData,
)
from torc_frames.workflow.progress import Bar
from torc_frames.workflow.run.call import Function, Outcome, failed, marked_call
from torc_frames.workflow.run.logs import default_folder
from torc_frames.workflow.run.outputs import output_name, result_record
from torc_frames.workflow.run.processes import mark_of, utc_now
from torc_frames.workflow.run.schedule import active, read_board
from torc_frames.workflow.run.signals import check_signals
from torc_frames.workflow.run.summary import Failure, RunSummary
from torc_frames.workflow.run.workers import Crew

__all__ = ["Mapper"]

_TICK_S = 1.0
"""How often the progress bar is drawn anew while no job ends."""

_STOPS = (BrokenExecutor, CancelledError, PicklingError)
"""Errors of an executor that say nothing of one job."""

Call = Future[Outcome]
Run = tuple[JobRecord, Outcome]


@dataclass(slots=True, eq=False)
class Mapper:
    """Keeps an executor busy with the jobs that are ready, in their order, and stores what comes back.

    Attributes
    ----------
    keys : sequence of str
        The jobs to run.
    failures : list of (job key, line)
    unstored : dict of job key to lines
        Which results of it could not be kept, and why.
    large : list of (label, bytes)
        Records that are better kept in files.
    """

    store: RunnableStore
    workflow_key: str
    func: Function
    crew: Crew
    keys: Sequence[str]
    me: str
    queue: deque[str] = field(default_factory=deque)
    rows: dict[str, bytes] = field(default_factory=dict)
    types: Types = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    under_way: dict[Call, JobRecord] = field(default_factory=dict)
    ended: SimpleQueue[Call] = field(default_factory=SimpleQueue)
    left: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    unstored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    large: list[tuple[str, int]] = field(default_factory=list)

    def work(self, bar: Bar) -> None:
        """Run until no job is ready; on any error, Ctrl-C too, store what has ended, give back the rest."""
        active.append(self)
        try:
            while self._fill_queue():
                while self.queue or self.under_way:
                    self._start()
                    if self.under_way:
                        self._store_ended(bar)
        except BaseException:
            self._give_back()
            raise
        finally:
            active.remove(self)

    def summary(self) -> RunSummary:
        """Return what was done; what the functions printed went where this process prints."""
        folder = default_folder(self.store.url)
        return RunSummary(
            completed=self.stored - len(self.failures),
            failed=len(self.failures),
            canceled=self.left[CANCELED],
            not_run=self.left[READY] + self.left[BLOCKED],
            running_elsewhere=self.left[RUNNING],
            output_dir=folder,
            failures=tuple(Failure(key, 1, folder, line) for key, line in self.failures),
        )

    def _fill_queue(self) -> bool:
        """Queue the jobs that are ready now, also ones that became so meanwhile."""
        jobs = read_board(self.store, self.workflow_key).jobs
        self.left = Counter(jobs[key].status for key in self.keys if key in jobs)
        self.queue = deque(key for key in self.keys if key in jobs and jobs[key].status == READY)
        if self.queue:
            names = {key: jobs[key].name for key in self.queue}
            with self.store.snapshot(self.workflow_key) as snapshot:
                self.rows, self.types = _rows(snapshot, names), types_of(snapshot.workflow.metadata)
                self.outputs = _output_keys(snapshot, names)
        return bool(self.queue)

    def _start(self) -> None:
        """Submit as many jobs as may be under way; those that aren't ready any more leave the queue."""
        count = min(len(self.queue), self.crew.most - len(self.under_way))
        if not count:
            return
        batch = [self.queue.popleft() for _ in range(count)]
        self.claimed.update(batch)
        jobs = self.store.start_jobs(self.workflow_key, batch, self.me)
        self.claimed.difference_update(set(batch).difference(job.key for job in jobs))
        for job in jobs:
            mark = mark_of(self.me, job.key)
            environment = JobEnvironment(self.store.url, self.workflow_key, job.key, job.run_id)
            whose = f"{self.store.url} workflow {self.workflow_key} job {job.key} run {job.run_id}"
            try:
                future = self.crew.executor.submit(
                    marked_call,
                    mark,
                    self.func,
                    self.rows.pop(job.key),
                    whose,
                    environment,
                    self.types,
                )
            except _STOPS as error:
                raise self._stopped(error) from error
            self.under_way[future] = job
            future.add_done_callback(self.ended.put)

    def _store_ended(self, bar: Bar) -> None:
        """Wait until a job ends, and store all that have."""
        check_signals()
        futures = []
        with suppress(Empty):
            futures.append(self.ended.get(timeout=_TICK_S))
            while True:
                futures.append(self.ended.get_nowait())
        outcomes = {future: _outcome(future) for future in futures}
        bar.update(self._keep(outcomes))
        for stop in outcomes.values():
            if isinstance(stop, BaseException):
                raise self._stopped(stop) if isinstance(stop, _STOPS) else stop

    def _keep(self, outcomes: Mapping[Call, Outcome | BaseException]) -> int:
        """Store the runs that have ended, and return how many these are."""
        runs = self._runs(outcomes)
        if runs:
            self._store(list(runs.values()))
        for future, (job, _) in runs.items():
            del self.under_way[future]
            self.claimed.discard(job.key)
        return len(runs)

    def _runs(self, outcomes: Mapping[Call, Outcome | BaseException]) -> dict[Call, Run]:
        return {
            future: (self.under_way[future], outcome)
            for future, outcome in outcomes.items()
            if isinstance(outcome, Outcome)
        }

    def _store(self, runs: list[Run]) -> None:
        """Store results and how jobs ended, in one transaction; if one of them can't be, each by itself."""
        try:
            with self.store.transaction():
                self._write(runs)
        except (ConflictError, NotFoundError) as error:
            missing = error.keys if isinstance(error, NotFoundError) and error.kind == "user_data" else ()
            if missing:
                self.outputs = {job: key for job, key in self.outputs.items() if key not in missing}
                self._store(runs)
            elif len(runs) > 1:
                for run in runs:
                    self._store([run])
            else:
                warn(f"how job {runs[0][0].key} ended is not recorded: {error}")
            return
        for job, outcome in runs:
            self.stored += 1
            if outcome.error is not None:
                self.failures.append((job.key, outcome.error))
            if outcome.unstored:
                self.unstored[job.key] = outcome.unstored
            if len(outcome.data) > LARGE_BYTES:
                self.large.append((f"job {job.key} ({job.name})", len(outcome.data)))

    def _write(self, runs: list[Run]) -> None:
        known = [(self.outputs[job.key], outcome.data) for job, outcome in runs if job.key in self.outputs]
        new = [(job, outcome.data) for job, outcome in runs if job.key not in self.outputs]
        new = [(job, data) for job, data in new if data != b"{}"]
        if known:
            keys, data = zip(*known, strict=True)
            self.store.update_user_data(self.workflow_key, keys, data)
        if new:
            self.store.add_user_data(
                self.workflow_key,
                [data for _, data in new],
                job_keys=[job.key for job, _ in new],
                role=OUTPUT,
                names=[output_name(job.name) for job, _ in new],
            )
        for job, outcome in runs:
            status, code = (COMPLETED, 0) if outcome.error is None else (FAILED, 1)
            times = outcome.start_time, outcome.end_time
            self.store.finish_job(self.workflow_key, RunResult(job.key, job.run_id, status, code, *times))

    def _give_back(self) -> None:
        """Stop all calls; those that had ended before are stored, the jobs of the others are ready again."""
        self.crew.stop([mark_of(self.me, job.key) for job in self.under_way.values()])
        for future in self.under_way:
            future.cancel()
        runs = self._runs({future: _outcome(future) for future in self.under_way if future.done()})
        with suppress(TorcFramesError):
            runners = self.store.runners(self.workflow_key)
            mine = {key for key in self.claimed if runners.get(key) == self.me}
            ended = [run for run in runs.values() if run[0].key in mine]
            if ended:
                self._store(ended)
            self.store.reset_jobs(self.workflow_key, sorted(mine.difference(job.key for job, _ in ended)))

    def _stopped(self, error: BaseException) -> TorcFramesError:
        self._keep({future: _outcome(future) for future in self.under_way if future.done()})
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        keys = shorten(job.key for job in self.under_way.values())
        return TorcFramesError(
            f"the executor stopped ({told}) with {counted(len(self.under_way), 'job')} under way, the first "
            f"of which may be the reason: {keys}. {counted(self.stored, 'job')} of this call stored, the "
            "others are ready again: the same call goes on, with a new executor where one was given"
        )


def _outcome(future: Call) -> Outcome | BaseException:
    """Return how a call ended, or the error for which the others have to end, too."""
    if future.cancelled():
        return CancelledError("the executor canceled it")
    error = future.exception()
    if error is None:
        return future.result()
    # Dask says so of a job whose workers died one after the other, and goes on with the others.
    stops = isinstance(error, _STOPS) or not isinstance(error, Exception)
    return error if stops else failed(error, utc_now())


def _rows(snapshot: Snapshot, names: Mapping[str, str]) -> dict[str, bytes]:
    """Return the parameters of each job as one JSON object."""
    rows, inputs = {}, read_records(snapshot, INPUT)
    for key in names:
        keys = inputs.of_job.get(key, [])
        if len(keys) == 1 and inputs.raws[keys[0]].lstrip().startswith(b"{"):
            rows[key] = inputs.raws[keys[0]]
        else:
            held = [inputs.data(record) for record in keys]
            rows[key] = encode_data(joined_parameters(held, [inputs.names[record] for record in keys]))
    return rows


def _output_keys(snapshot: Snapshot, names: Mapping[str, str]) -> dict[str, str]:
    """Return the record that the results of each job go to, where there is one."""
    keys, found = {}, read_records(snapshot, OUTPUT)
    for job_key, name in names.items():
        outputs = [
            UserData(key, snapshot.workflow.key, found.data(key), found.names[key])
            for key in found.of_job.get(job_key, ())
        ]
        record = result_record(outputs, name)
        if record is not None:
            keys[job_key] = record.key
    return keys
