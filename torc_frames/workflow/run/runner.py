"""Running a workflow's jobs on this machine, and finding the job that a process is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from torc_frames import settings
from torc_frames.errors import ConflictError, NotInJobError, Problem, RefusedError, counted, shorten, warn
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.named import job_of
from torc_frames.store.open import open_store
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING_FAILED,
    READY,
    TERMINATED,
    UNINITIALIZED,
)
from torc_frames.workflow.progress import progress
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.launcher import Launcher
from torc_frames.workflow.run.logs import TORC_OUTPUT
from torc_frames.workflow.run.outputs import jobs_with_output
from torc_frames.workflow.run.processes import end_processes, has_ended, is_same_process, mark_of, runner_id
from torc_frames.workflow.run.schedule import (
    Board,
    Failure,
    Machine,
    RunSummary,
    Scheduler,
    is_abandoned,
    machine_for,
    read_board,
    shown_runners,
)
from torc_frames.workflow.run.signals import ended_by_signals

if TYPE_CHECKING:
    from torc_frames.workflow.run.torc import Slurm

__all__ = [
    "Failure",
    "Rerun",
    "RunSummary",
    "alone",
    "check_rerun",
    "current_job",
    "end_left",
    "jobs_to_reset",
    "reset_jobs",
    "run",
]

Rerun = Literal["failed", "missing", "changed", "all"] | None

_RERUNS = ("failed", "missing", "changed", "all")


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


def run(
    store: Store,
    workflow_key: str,
    *,
    workers: int | None = None,
    rerun: Rerun = None,
    output_dir: str | os.PathLike[str] | None = None,
    show_progress: bool = True,
    slurm: Slurm | None = None,
) -> RunSummary:
    """Run the jobs of a workflow, each command in a process of its own; see `Workflow.run`."""
    slots = (os.cpu_count() or 1) if workers is None else workers
    if not isinstance(slots, int) or slots < 1:
        raise RefusedError(f"workers must be a whole number from 1 on, not {workers!r}")
    check_rerun(rerun)
    if not isinstance(store, RunnableStore):
        return _by_torc(store)(
            store,
            workflow_key,
            workers=workers,
            rerun=rerun,
            output_dir=output_dir,
            show_progress=show_progress,
            slurm=slurm,
        )
    if slurm:
        raise RefusedError(
            "torc submits the jobs of its servers to Slurm; those of a file run here: leave it out"
        )
    directory = _output_dir(store, output_dir)
    with ended_by_signals():
        with alone(store):
            board = read_board(store, workflow_key)
            again = jobs_to_reset(store, workflow_key, board, rerun)
            waiting = board.with_status(READY, BLOCKED)
            pending = [key for key in board.jobs if key in again.union(waiting)]
            machine = machine_for([board.jobs[key] for key in pending], slots)
            _refuse_impossible(board, pending, machine)
            directory.mkdir(parents=True, exist_ok=True)
            end_left(store, workflow_key, again)
            if again:
                store.reset_jobs(workflow_key, sorted(again, key=board.place.__getitem__))
        scheduler = Scheduler(store, workflow_key, Launcher(store.url, directory, runner_id()), machine)
        with progress(len(pending), "jobs", show_progress, unit="job") as bar:
            scheduler.work(bar)
    return replace(scheduler.summary(), stale=_tell_of_stale(store, workflow_key))


def _by_torc(store: Store) -> Callable[..., RunSummary]:
    """Return what has torc run the jobs of its server; RefusedError for any other store."""
    from torc_frames.store.v1.store import V1Store
    from torc_frames.workflow.run import torc

    if isinstance(store, V1Store):
        return torc.run
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


def check_rerun(rerun: Rerun) -> None:
    """Raise RefusedError for what is no way to choose jobs."""
    if rerun is not None and rerun not in _RERUNS:
        raise RefusedError(f"rerun is one of {', '.join(_RERUNS)}, or None, not {rerun!r}")


def jobs_to_reset(store: RunnableStore, workflow_key: str, board: Board, rerun: Rerun) -> set[str]:
    """Return the jobs to run again: what `rerun` says, and those whose runner is no more."""
    runners = store.runners(workflow_key)
    again = {key for key, runner in runners.items() if key in board.jobs and is_abandoned(key, runner)}
    # As in torc, jobs that clients of the service added are so until the workflow is run.
    again.update(board.with_status(UNINITIALIZED))
    if rerun is not None:
        again.update(board.with_status(FAILED, CANCELED, TERMINATED, PENDING_FAILED))
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


def _refuse_impossible(board: Board, keys: list[str], machine: Machine) -> None:
    bare = [key for key in keys if not board.jobs[key].command.strip()]
    reasons = [
        f"job {key} ({job.name}) {lacks}"
        for key, job in ((key, board.jobs[key]) for key in keys if key not in set(bare))
        if (lacks := machine.lacks(job.resources))
    ]
    mend = "push their parameters with command=… to give them one"
    if bare and len(bare) == len(keys):
        reasons.append(f"jobs {shorten(bare)} have no command to run: {mend}")
    if reasons:
        raise RefusedError([Problem(None, None, reason) for reason in reasons])
    if bare:
        message = f"jobs {shorten(bare)} have no command and are not run: {mend}"
        warn(message)


def _output_dir(store: RunnableStore, given: str | os.PathLike[str] | None) -> Path:
    if given is not None:
        return Path(os.path.abspath(given))
    database = settings.database_path(store.url)
    beside = Path.cwd() if database is None else Path(os.path.abspath(database)).parent
    return beside / TORC_OUTPUT / (database.stem if database else "jobs")


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
