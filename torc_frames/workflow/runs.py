"""How jobs of a workflow are run: a part of `Workflow`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, overload

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.files.foreign import Table
from torc_frames.frame.column import DtypeBackend
from torc_frames.frame.shape import Shape, Usecols
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.keys import as_key
from torc_frames.workflow.choice import Jobs, chosen_jobs
from torc_frames.workflow.keys import Awaited, JobLike, awaited, job_keys, told_whose
from torc_frames.workflow.push.resources import ResourceTable
from torc_frames.workflow.run import detached, runner, tails
from torc_frames.workflow.run.handle import RunHandle, handle_of, handles
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.map import MapOptions, map_rows, push_function
from torc_frames.workflow.run.options import Rerun, RunOptions, Slurm, Timeout
from torc_frames.workflow.run.summary import RunSummary

__all__ = ["WorkflowRuns"]


class WorkflowRuns:
    """The part of `Workflow` that runs jobs."""

    key: str
    _store: Store

    def job(self, key: str | int) -> Job:
        """Return one job of this workflow by its key."""
        with told_whose(self._store, self.key):
            return Job(self._store, self._store.get_job(as_key(key, "job"), self.key))

    def run(
        self,
        *,
        workers: int | None = None,
        rerun: Rerun = None,
        jobs: Jobs | None = None,
        where: str | None = None,
        timeout: Timeout | None = None,
        retries: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
        show_progress: bool = True,
        slurm: Slurm | None = None,
    ) -> RunSummary:
        r"""Run the jobs of the workflow on this machine, each in a process, until none is left to start.

        Those of a torc-server are run by ``torc run``, which is looked for on the PATH, and holds jobs to
        what they need in its own way: to their memory only where its resource monitor is on, as for workflows
        of ``torc create``. Ctrl-C and the like end it with its jobs, and make these ready again,
        too. The summary counts what ended meanwhile, whoever ran it; jobs that can't run here are told by a
        warning.

        Several calls may run one workflow at once; each job is run by one of them. Ctrl-C, SIGTERM and SIGHUP
        end the running jobs with all that they started, and make them ready again; after such a signal the
        process ends by it. What a killed run has left of its jobs, the next one ends first.

        A job is held to what it says it needs: one whose ``runtime`` is over, or that uses more than its
        ``memory``, is ended and has failed, with the return codes 152 and 137 and the reason in its .e file.
        Jobs run side by side as the machine's memory and GPUs allow, and ``CUDA_VISIBLE_DEVICES`` says which
        GPUs are a job's.

        Parameters
        ----------
        workers : int, optional
            How many cores to use; a job takes as many as its num_cpus. Default: all.
        rerun : {"failed", "missing", "changed", "all"}, optional
            Which jobs that ended to run again: those that failed or were canceled; also those without
            a result; also those whose parameters were changed since they began (``stale`` of `jobs`); or
            all. Jobs that never ended are always run. On a torc-server ``torc workflows reinit`` makes them
            ready, which makes those ready, too, that it takes for changed.
        jobs : job, sequence of jobs, or DataFrame, optional
            Which jobs to run: keys, or a frame (or an index) of jobs such as ``wf.jobs()``. All others are
            left alone; of these, `rerun` says which that ended run again. torc runs all jobs that are ready:
            on a torc-server jobs can be chosen only of those that ended, while no other waits.
        where : str, optional
            Which jobs to run, as for `table`: ``"alpha > 1"``. With `jobs`, those of both.
        timeout : float, str or timedelta, optional
            How long each job may run: seconds, or ISO 8601 (``"PT1H"``). One that takes longer is ended as if
            it were its ``runtime``. torc has that only: a RefusedError on a torc-server.
        retries : int
            How often a job that fails is run again, each time as a run of its own in `runs`; the summary
            counts how the last ended. On a torc-server after the others have ended.
        output_dir : path, optional
            Where stdout and stderr of jobs are kept. Default: ``torc_output/<name of the database>`` beside
            the database; of a torc-server's jobs ``torc_output`` here.
        show_progress : bool
            Show a progress bar when it takes more than a second.
        slurm : bool or dict, optional
            Submit the jobs of a torc-server to Slurm instead, and don't wait for them: True does what the
            workflow's own actions say (``torc submit``); a dict has the options of ``torc slurm
            regenerate``, which makes schedulers of what jobs need: ``{"account": "project"}``.

        Returns
        -------
        RunSummary
            How many jobs completed, failed, were canceled or not run.

        Raises
        ------
        RefusedError
            For jobs that need more slots, memory or GPUs than there are, and if no job has a command; if torc
            is not there, or the workflow was canceled there. Nothing is run.
        NotFoundError
            For `jobs` that there are not.
        TorcFramesError
            If torc fails, with what it says.

        Warns
        -----
        FailedJobsWarning
            If jobs failed, with the first reasons, of which `logs` has more; or if there is nothing to run
            but what failed before.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("echo")
        >>> _ = wf.push(tf.grid(n=[1, 2]), command="echo {n}")
        >>> summary = wf.run(workers=2)
        >>> summary
        RunSummary(completed=2, failed=0, canceled=0, not_run=0, running_elsewhere=0)
        >>> sorted(file.read_text() for file in summary.output_dir.glob("*.o"))
        ['1\n', '2\n']
        """
        return runner.run(
            self._store,
            self.key,
            workers=workers,
            rerun=rerun,
            jobs=chosen_jobs(self._store, self.key, jobs, where),
            timeout=timeout,
            retries=retries,
            output_dir=output_dir,
            show_progress=show_progress,
            slurm=slurm,
        )

    def start(
        self,
        *,
        workers: int | None = None,
        rerun: Rerun = None,
        jobs: Jobs | None = None,
        where: str | None = None,
        timeout: Timeout | None = None,
        retries: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
    ) -> RunHandle:
        """Run jobs as `run` does, in a process of its own, and return at once.

        It goes on when this process ends, however it ends; `running` finds it then. Several runs of a
        workflow, in whichever process, never run a job twice. On a torc-server it is `torc run` that goes on.

        Parameters
        ----------
        workers, rerun, jobs, where, timeout, retries, output_dir
            As for `run`.

        Returns
        -------
        RunHandle
            With ``status()``, ``wait(timeout)``, ``cancel()`` and ``as_completed()``.

        Raises
        ------
        RefusedError, NotFoundError
            As `run` does; nothing is started then. What goes wrong later `RunHandle.wait` raises.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("echo")
        >>> _ = wf.push(tf.grid(n=[1, 2]), command="echo {n}")
        >>> run = wf.start(workers=2)
        >>> run.wait()
        RunSummary(completed=2, failed=0, canceled=0, not_run=0, running_elsewhere=0)
        """
        asked = RunOptions(
            workers=workers,
            rerun=rerun,
            jobs=chosen_jobs(self._store, self.key, jobs, where),
            timeout=timeout,
            retries=retries,
            output_dir=output_dir,
        )
        return handle_of(self._store, self.key, detached.start(self._store, self.key, asked))

    def running(self) -> list[RunHandle]:
        """Return the runs of this workflow that have not ended, whoever started them, oldest first.

        Those of `start`, and those that other processes do by `run` or `map`. Runs on other machines, of
        which it can't be known whether they go on, are among them. `torc run` started by hand is not.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("slow")
        >>> _ = wf.push(tf.grid(n=[1]), command="sleep 600")
        >>> _ = wf.start()
        >>> [run] = wf.running()
        >>> run.cancel()
        True
        >>> wf.running()
        []
        """
        return handles(self._store, self.key)

    def logs(
        self,
        jobs: Jobs | None = None,
        *,
        failed: bool = False,
        where: str | None = None,
        lines: int = 10,
        output_dir: str | os.PathLike[str] | None = None,
        usecols: Usecols = None,
        dtype_backend: DtypeBackend = None,
    ) -> pd.DataFrame:
        r"""Return the last lines that jobs wrote to stdout and stderr, one row for the last run of each.

        Whichever session ran them, and whether by `run`, `start` or torc, if the files are on this machine.

        Parameters
        ----------
        jobs, where
            Of which jobs; as for `run`.
        failed : bool
            Only of those that failed.
        lines : int
            How many lines of each stream; only the end of a file is read, 4 MiB at most.
        output_dir : path, optional
            Where to look alone. Default: where each run put its output, beside the store and in
            ``torc_output``.
        usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            In the order of the jobs, those left out that were never run. Columns: job_key, job_name (str);
            run_id (int64); status (str, of the job); return_code (Int64, missing while it runs); stdout,
            stderr (str). A stream is missing where there is no file of it, and empty where nothing was
            written. In place of a stderr that says nothing, of functions of `map` the end of the traceback,
            and what torc's runner says of a job that failed. Control characters and colours are taken out;
            `Job.stdout` and `Job.stderr` have all of it.

        Raises
        ------
        NotFoundError
            For jobs that there are not.
        RefusedError
            For an output_dir that does not exist.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("logs")
        >>> _ = wf.push(tf.grid(n=[0, 3]), command="echo no {n} >&2; exit {n}")
        >>> _ = wf.run()
        >>> wf.logs(failed=True)[["job_key", "run_id", "return_code", "stderr"]]
          job_key  run_id  return_code stderr
        0       2       1            3   no 3
        """
        keys = chosen_jobs(self._store, self.key, jobs, where)
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        return tails.logs(
            self._store, self.key, keys, failed=failed, lines=lines, output_dir=output_dir, shape=shape
        )

    def reset_jobs(self, *jobs: JobLike) -> None:
        """Make jobs of an embedded store ready to be run again, whatever they are.

        `run` does so by itself for jobs that a killed runner of this machine has left. For those of another
        machine or container, of which nothing can be known from here, this says that they are no more.

        Parameters
        ----------
        *jobs : str, int or Job

        Raises
        ------
        ConflictError
            For jobs that a process of this machine is running; nothing is changed.
        RefusedError
            On a torc-server.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("again")
        >>> job = wf.add_job("first", command="true")
        >>> _ = wf.run()
        >>> wf.reset_jobs(job)
        >>> wf.jobs()["status"].tolist()
        ['ready']
        """
        with told_whose(self._store, self.key):
            runner.reset_jobs(self._store, self.key, job_keys(jobs))

    @overload
    def map(
        self,
        func: Callable[..., Mapping[str, Any] | None],
        params: Table,
        executor: Executor | None = None,
        *,
        on: str | Sequence[str] | None = None,
        name: str | None = None,
        rerun: Rerun = "changed",
        resources: ResourceTable = None,
        depends_on: Awaited = None,
        command: str = "torc-frames",
        show_progress: bool = True,
        wait: Literal[True] = True,
        workers: None = None,
    ) -> pd.DataFrame: ...

    @overload
    def map(
        self,
        func: Callable[..., Mapping[str, Any] | None],
        params: Table,
        executor: Executor | None = None,
        *,
        on: str | Sequence[str] | None = None,
        name: str | None = None,
        rerun: Rerun = "changed",
        resources: ResourceTable = None,
        depends_on: Awaited = None,
        command: str = "torc-frames",
        show_progress: bool = True,
        wait: Literal[False],
        workers: int | None = None,
    ) -> RunHandle: ...

    def map(
        self,
        func: Callable[..., Mapping[str, Any] | None],
        params: Table,
        executor: Executor | None = None,
        *,
        on: str | Sequence[str] | None = None,
        name: str | None = None,
        rerun: Rerun = "changed",
        resources: ResourceTable = None,
        depends_on: Awaited = None,
        command: str = "torc-frames",
        show_progress: bool = True,
        wait: bool = True,
        workers: int | None = None,
    ) -> pd.DataFrame | RunHandle:
        """Call a function with each row of a table, and return what it returned as the jobs' results.

        The table is pushed as `push` does; each row is a job. In an embedded store an executor calls the
        function, and this process stores what comes back as it comes. The same call goes on after any kind of
        end: what has completed is not run again. On a torc-server the jobs get the command
        ``torc-frames run-function module:func``, for ``torc run`` and Slurm to run.

        Parameters
        ----------
        func : callable
            Takes the row's values by name, as they stand in the table's row: times, dates and durations are
            those of pandas, a missing cell is None whatever its dtype, ``model.depth`` is in the dict
            ``model``. Or the whole row as one dict if its only parameter is named ``row`` or is
            positional-only.
            Returns a dict of values that `Job.store` takes, or None.
        params : DataFrame, or a table of Polars, Arrow or DuckDB
            As for `push`.
        executor : concurrent.futures.Executor, optional
            Any, such as loky's, or Dask's ``client.get_executor()``; it stays open. Default: a process for
            each CPU, for which the function must stand in a module, or in a script whose calls are under
            ``if __name__ == "__main__":``. For functions of a notebook: ``loky.get_reusable_executor()``.
        on, name, resources, depends_on
            As for `push`; names that it has the workflow remember are not used here. An executor holds no
            call to memory, runtime or GPUs: those are refused in an embedded store.
        rerun : {"changed", "failed", "missing", "all"}, optional
            Which jobs that ended to run again, as for `run`; None for those only that never ended. Changed
            code is not noticed: say "all" then.
        command : str
            What calls torc-frames where jobs call the function, if it is not on the PATH there.
        show_progress : bool
            Show a progress bar when it takes more than a second.
        wait : bool
            With False the jobs are started as by `start`, and a `RunHandle` is returned at once: each is a
            process that calls ``torc-frames run-function``, held to its `resources`. The function must
            stand in a module that a new Python finds here. One of a notebook or a script ends with it, and is
            refused, as is an executor.
        workers : int, optional
            How many cores such jobs use. Default: all.

        Returns
        -------
        DataFrame, or RunHandle
            The rows of `table` that are these jobs, in the order of `params`. Where the function raised, or
            returned no dict, the job failed with return code 1, and its results are ``error.type``,
            ``error.message`` and ``error.traceback``; a warning tells how many. Of what can't be stored the
            rest is, and ``error.unstored`` says what, as `Job.store` does. The next run of a job replaces its
            results.

        Raises
        ------
        RefusedError
            As for `push`; for a function that does not take the columns, can't be sent to the worker
            processes, or can't be imported by torc's jobs. Nothing is written then.
        ConflictError
            As for `push`; and for rows whose jobs are another function's.
        TorcFramesError
            If the executor stopped, because one of its processes died. What was stored stays, the other
            jobs are ready again, as after an interrupt.

        Examples
        --------
        >>> import torc_frames as tf
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> def area(width, height):
        ...     return {"area": width * height}
        >>> wf = tf.connect(tmp / "study.db").create_workflow("areas")
        >>> with ThreadPoolExecutor() as threads:
        ...     table = wf.map(area, tf.grid(width=[1, 2], height=[3]), threads)
        >>> table[["status", "params.width", "results.area"]]
                    status  params.width  results.area
        job_key
        1        completed             1             3
        2        completed             2             6
        """
        waits = awaited(depends_on)
        options = MapOptions(name, rerun, resources, waits, command, show_progress, on)
        if not wait:
            if executor is not None:
                raise RefusedError("wait=False starts processes of their own: leave the executor out")
            with told_whose(self._store, self.key):
                keys = push_function(self._store, self.key, func, params, options)
            again = rerun if isinstance(self._store, RunnableStore) else None
            return self.start(workers=workers, rerun=again, jobs=keys)
        if workers is not None:
            raise RefusedError("workers= is for wait=False; an executor has its own: ProcessPoolExecutor(4)")
        with told_whose(self._store, self.key):
            return map_rows(self._store, self.key, func, params, executor, options)
