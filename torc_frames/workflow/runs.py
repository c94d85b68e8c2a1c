"""How jobs of a workflow are run: a part of `Workflow`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import pandas as pd

from torc_frames.files.foreign import Table
from torc_frames.store.base import Store
from torc_frames.store.keys import as_key
from torc_frames.workflow.keys import JobLike, job_keys, told_whose
from torc_frames.workflow.push.resources import DependsOn, ResourceTable
from torc_frames.workflow.run import runner
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.map import MapOptions, map_rows

if TYPE_CHECKING:
    from torc_frames.workflow.run.torc import Slurm

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
        rerun: runner.Rerun = None,
        output_dir: str | os.PathLike[str] | None = None,
        show_progress: bool = True,
        slurm: Slurm | None = None,
    ) -> runner.RunSummary:
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
        TorcFramesError
            If torc fails, with what it says.

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
            output_dir=output_dir,
            show_progress=show_progress,
            slurm=slurm,
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

    def map(
        self,
        func: Callable[..., Mapping[str, Any] | None],
        params: Table,
        executor: Executor | None = None,
        *,
        on: str | Sequence[str] | None = None,
        name: str | None = None,
        rerun: runner.Rerun = "changed",
        resources: ResourceTable = None,
        depends_on: DependsOn = None,
        command: str = "torc-frames",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        """Call a function with each row of a table, and return what it returned as the jobs' results.

        The table is pushed as `push` does; each row is a job. In an embedded store an executor calls the
        function, and this process stores what comes back as it comes. The same call goes on after any kind of
        end: what has completed is not run again. On a torc-server the jobs get the command
        ``torc-frames run-function module:func``, for ``torc run`` and Slurm to run.

        Parameters
        ----------
        func : callable
            Takes the row's values by name (``model.depth`` is in the dict ``model``, a missing cell is
            None), or the whole row as one dict if its only parameter is named ``row`` or is positional-only.
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
            What calls torc-frames where torc runs the jobs, if it is not on the PATH there.
        show_progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        DataFrame
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
        options = MapOptions(name, rerun, resources, depends_on, command, show_progress, on)
        with told_whose(self._store, self.key):
            return map_rows(self._store, self.key, func, params, executor, options)
