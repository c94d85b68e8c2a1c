"""Running a workflow's jobs on this machine, and finding the job that a process is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torc_frames import settings
from torc_frames.errors import (
    ConflictError,
    FailedJobsWarning,
    NotInJobError,
    Problem,
    RefusedError,
    counted,
    shorten,
    warn,
)
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.named import job_of
from torc_frames.store.open import open_store
from torc_frames.store.records import (
    BLOCKED,
    COMPLETED,
    READY,
    UNINITIALIZED,
    UNSUCCESSFUL,
)
from torc_frames.workflow.progress import progress
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.calls import NotedCall, call_details, noted
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.launcher import Launcher
from torc_frames.workflow.run.logs import default_folder, make_folder
from torc_frames.workflow.run.options import Rerun, RunOptions
from torc_frames.workflow.run.outputs import jobs_with_output
from torc_frames.workflow.run.processes import end_processes, has_ended, is_same_process, mark_of, runner_id
from torc_frames.workflow.run.schedule import (
    Board,
    Machine,
    Scheduler,
    is_abandoned,
    machine_for,
    read_board,
    shown_runners,
)
from torc_frames.workflow.run.signals import ended_by_signals
from torc_frames.workflow.run.summary import RunSummary, tell_of_failures, to_json

__all__ = [
    "alone",
    "by_torc",
    "current_job",
    "end_left",
    "jobs_to_reset",
    "output_folder",
    "planned",
    "reset_jobs",
    "run",
]


def current_job() -> Job:
    """Return the job that this process is, as the TORC_* variables say.

    Raises
    ------
    NotInJobError
        If they do not say, or name a store that isn't there.
    ConflictError
        If the job has been started anew since.

    Examples
    --------
    The script of a job, and the jobs that it is run for:

    >>> import sys
    >>> import torc_frames as tf
    >>> lines = "import torc_frames as tf; job = tf.current_job(); job.store(square=job.parameters['n'] ** 2)"
    >>> _ = (tmp / "run.py").write_text(lines)
    >>> wf = tf.connect(tmp / "study.db").create_workflow("squares")
    >>> _ = wf.push(tf.grid(n=[2, 3]), command=f"{sys.executable} {tmp / 'run.py'}")
    >>> _ = wf.run(workers=2)
    >>> wf.results()["square"].tolist()
    [4, 9]
    """
    environment = settings.job_environment()
    path = settings.database_path(environment.url)
    if path is not None and not path.exists():
        raise NotInJobError(f"{settings.API_URL} names a store that does not exist: {os.path.abspath(path)}")
    store = open_store(environment.url)
    record = job_of(store, environment.job_key, environment.workflow_key)
    if environment.run_id is not None and record.run_id > environment.run_id:
        raise ConflictError(
            f"job {record.key} ({record.name}) was started anew as run {record.run_id}; this process is run "
            f"{environment.run_id}"
        )
    return Job(
        store,
        record,
        run_id=environment.run_id,
        inside=True,
        attempt_id=environment.attempt_id,
        output_dir=environment.output_dir,
    )


def run(store: Store, workflow_key: str, *, call: NotedCall | None = None, **options: Any) -> RunSummary:
    """Run the jobs of a workflow, each command in a process of its own; see `Workflow.run`.

    Parameters
    ----------
    call : NotedCall, optional
        What was noted of it already, and where to tell how it ended.
    **options
        As of `RunOptions`.
    """
    asked = RunOptions(**options)
    if isinstance(store, RunnableStore):
        summary = _run_here(store, workflow_key, asked, call)
    else:
        summary = by_torc(store).run(store, workflow_key, asked, call)
    tell_of_failures(summary)
    if asked.jobs is None and summary._did_nothing:
        _tell_of_failed_before(store, workflow_key)
    return summary


def _run_here(
    store: RunnableStore, workflow_key: str, asked: RunOptions, call: NotedCall | None = None
) -> RunSummary:
    directory = output_folder(store, asked)
    with ended_by_signals():
        with alone(store):
            plan = planned(store, workflow_key, asked)
            make_folder(directory)
            end_left(store, workflow_key, plan.again)
            if plan.again:
                place = plan.board.place.__getitem__
                store.reset_jobs(workflow_key, sorted(plan.again, key=place))
        told = call or NotedCall(runner_id())
        launcher = Launcher(store.url, directory, told.runner, asked.timeout_s)
        scheduler = Scheduler(store, workflow_key, launcher, plan.machine, asked.jobs, asked.retries)
        details = call_details(asked, directory)
        with noted(store, workflow_key, told, details) if call is None and plan.pending else nullcontext():
            with progress(len(plan.pending), "jobs", asked.show_progress, unit="job") as bar:
                scheduler.work(bar)
            summary = replace(scheduler.summary(), stale=_tell_of_stale(store, workflow_key))
            told.outcome["summary"] = to_json(summary)
    return summary


class Planned(NamedTuple):
    """What a run would do: the jobs made ready first, all that it runs, and what there is for them."""

    board: Board
    again: set[str]
    pending: list[str]
    machine: Machine


def planned(store: RunnableStore, workflow_key: str, asked: RunOptions, *, tell: bool = True) -> Planned:
    """Return what a run would do; RefusedError if that can't be done here."""
    if asked.slurm:
        raise RefusedError(
            "torc submits the jobs of its servers to Slurm; those of a file run here: leave it out"
        )
    board = read_board(store, workflow_key)
    again = jobs_to_reset(store, workflow_key, board, asked.rerun)
    wanted = again.union(board.with_status(READY, BLOCKED))
    if asked.jobs is not None:
        again, wanted = again.intersection(asked.jobs), wanted.intersection(asked.jobs)
    pending = [key for key in board.jobs if key in wanted]
    machine = machine_for([board.jobs[key] for key in pending], asked.slots)
    _refuse_impossible(board, pending, machine, tell)
    return Planned(board, again, pending, machine)


def by_torc(store: Store) -> Any:
    """Return the module that has torc run the jobs of its server; RefusedError for any other store."""
    from torc_frames.store.v1.store import V1Store
    from torc_frames.workflow.run import torc

    if isinstance(store, V1Store):
        return torc
    raise RefusedError(f"jobs of {store.url} are not run from here: a server runs its own")


def _tell_of_stale(store: RunnableStore, workflow_key: str) -> int:
    """Warn of completed jobs whose results are of other parameters, and return how many there are."""
    completed = read_board(store, workflow_key).with_status(COMPLETED)
    stale = stale_jobs(store, workflow_key).intersection(completed)
    if stale:
        warn(
            f"{counted(len(stale), 'completed job')} of workflow {workflow_key} had parameters changed since "
            "the run whose results are there: wf.run(rerun='changed'), or `torc-frames run --rerun changed`, "
            f"runs {'it' if len(stale) == 1 else 'them'} again"
        )
    return len(stale)


def _tell_of_failed_before(store: Store, workflow_key: str) -> None:
    """Warn of jobs that ended without success, which a run leaves as they are."""
    [counts] = store.count_jobs([workflow_key])
    if count := sum(counts.get(status, 0) for status in UNSUCCESSFUL):
        warn(
            f"nothing to run: {counted(count, 'job')} of workflow {workflow_key} failed or "
            f"{'was' if count == 1 else 'were'} canceled before: wf.run(rerun='failed'), or `torc-frames run "
            f"--rerun failed`, runs {'it' if count == 1 else 'them'} again",
            FailedJobsWarning,
        )


def jobs_to_reset(store: RunnableStore, workflow_key: str, board: Board, rerun: Rerun) -> set[str]:
    """Return the jobs to run again: what `rerun` says, and those whose runner is no more."""
    runners = store.runners(workflow_key)
    again = {key for key, runner in runners.items() if key in board.jobs and is_abandoned(key, runner)}
    # As in torc, jobs that clients of the service added are so until the workflow is run.
    again.update(board.with_status(UNINITIALIZED))
    if rerun is not None:
        again.update(board.with_status(*UNSUCCESSFUL))
    if rerun == "missing":
        filled = jobs_with_output(store, workflow_key)
        again.update(key for key in board.with_status(COMPLETED) if key not in filled)
    if rerun == "changed":
        changed = stale_jobs(store, workflow_key)
        again.update(key for key in board.with_status(COMPLETED) if key in changed)
    if rerun == "all":
        again.update(board.with_status(COMPLETED))
    return again


def end_left(store: RunnableStore, workflow_key: str, job_keys: Collection[str]) -> None:
    """End what runners that are no more have left of jobs, so that these never run twice side by side.

    Raises
    ------
    TorcFramesError
        If some can't be ended.
    """
    runners = store.runners(workflow_key)
    wanted = set(job_keys)
    left = {key: one for key, one in runners.items() if key in wanted and not is_same_process(one)}
    if not left:
        return
    end_processes(dict.fromkeys(mark_of(runner, key) for key, runner in left.items()), calls=True)
    if not procfs.available():
        warn(
            f"jobs {shorten(left)} are started again; what their killed runner left of them can't be found "
            "on this system: look whether it still runs"
        )


def reset_jobs(store: Store, workflow_key: str, job_keys: Sequence[str]) -> None:
    """Make jobs ready to be run again; see `Workflow.reset_jobs`."""
    if not isinstance(store, RunnableStore):
        raise RefusedError(
            "torc runs the jobs of its server: torc workflows reset-status says which run again there"
        )
    with alone(store):
        runners = store.runners(workflow_key)
        busy = {
            key: runners[key]
            for key in job_keys
            if key in runners and has_ended(runners[key]) is False and not is_abandoned(key, runners[key])
        }
        if busy:
            raise ConflictError(
                f"jobs {shorten(busy)} are being run by {shown_runners(busy)}: end that first"
            )
        end_left(store, workflow_key, job_keys)
        store.reset_jobs(workflow_key, job_keys)


def _refuse_impossible(board: Board, keys: list[str], machine: Machine, tell: bool) -> None:
    bare = [key for key in keys if not board.jobs[key].command.strip()]
    reasons = [
        f"job {key} ({job.name}) {lacks}"
        for key, job in ((key, board.jobs[key]) for key in keys if key not in set(bare))
        if (lacks := machine.lacks(job.resources))
    ]
    mend = "wf.push(wf.parameters(), command=…) gives them one"
    if bare and len(bare) == len(keys):
        reasons.append(f"jobs {shorten(bare)} have no command to run: {mend}")
    if reasons:
        raise RefusedError([Problem(None, None, reason) for reason in reasons])
    if bare and tell:
        warn(f"jobs {shorten(bare)} have no command and are not run: {mend}")


def output_folder(store: Store, asked: RunOptions) -> Path:
    """Return where the outputs of jobs go."""
    given = asked.output_dir
    return default_folder(store.url) if given is None else Path(os.path.abspath(given))


def stale_jobs(store: RunnableStore, workflow_key: str) -> set[str]:
    """Return the jobs that show results of other parameters than they have now, as far as can be told."""
    with store.snapshot(workflow_key) as snapshot:
        return {key for key, is_stale in (snapshot.stale() or {}).items() if is_stale}


@contextlib.contextmanager
def alone(store: RunnableStore) -> Iterator[None]:
    """Let no other runner of this machine reset jobs meanwhile: it might reset what has just been started."""
    database = settings.database_path(store.url)
    try:
        import fcntl

        folder = os.open(os.path.dirname(os.path.abspath(database or ".")), os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        # The folder, not the file: closing a second handle of the file would drop SQLite's own locks.
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
