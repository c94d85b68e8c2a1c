"""What torc keeps of a workflow beside jobs and records: a part of `Workflow`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd

from torc_frames.frame.column import DtypeBackend
from torc_frames.frame.shape import Shape, Usecols
from torc_frames.store.base import Store
from torc_frames.workflow.keys import JobLike, job_key, told_whose
from torc_frames.workflow.pull import listings as pull
from torc_frames.workflow.pull import tables
from torc_frames.workflow.pull.samples import samples_frame

__all__ = ["WorkflowListings"]


class WorkflowListings:
    """The part of `Workflow` that only reads, and of which a store may have nothing.

    All return plain DataFrames, which have the same columns where there is nothing. All take `usecols` and
    `dtype_backend` as `user_data` does.
    """

    key: str
    _store: Store

    def runs(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for every run of every job.

        Returns
        -------
        DataFrame
            In the order in which they ended. Columns: job_key, job_name (str); run_id (int64); status (str,
            of the run); return_code (int64); start_time, end_time (datetime64[us, UTC]); exec_time_minutes
            (float64). Of torc also attempt_id (Int64), and what it measured, as for `jobs`. A job that torc
            tries again within a run has only its last attempt there; `events` tell of the others. At the end
            where it was run from: host, python_version, torc_frames_version, git_commit (str); git_clean
            (boolean, whether the tracked files of the working directory's repository were as committed).
            They are missing where nobody noted them, as for runs that torc was started for by hand, of which
            only the host is known.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("again")
        >>> _ = wf.push(tf.grid(n=[1]), command="exit {n}")
        >>> for rerun in (None, "all"):
        ...     _ = wf.run(rerun=rerun)
        >>> wf.runs(usecols=["job_key", "run_id", "status", "return_code"])
          job_key  run_id  status  return_code
        0       1       1  failed            1
        1       1       2  failed            1
        """
        return tables.runs(self._store, self.key, Shape(usecols=usecols, dtype_backend=dtype_backend))

    def curves(
        self,
        *names: str,
        by: str | Sequence[str] | None = None,
        job: JobLike | None = None,
        parameters: bool | Sequence[str] = False,
        times: bool = False,
        usecols: Usecols = None,
        dtype_backend: DtypeBackend = None,
    ) -> pd.DataFrame:
        """Return one row for each that jobs logged with `Job.log`, also of those that run now.

        Parameters
        ----------
        *names : str
            Only rows that have one of these, and of their columns only these and the steps. Default: all.
        by : str or list of str, optional
            The columns that say where on a curve a row is. Default: those named epoch, step, global_step,
            iteration or batch.
        job : str, int or Job, optional
            Only the rows of this job.
        parameters : bool or list of str
            Show the parameters of the job beside each row, or some of them.
        times : bool
            Show when each row was logged.
        usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            The rows of each job's present run, by the age of the job, as they were logged. Columns: job_key
            (str); logged_at (datetime64[us, UTC]), if `times`; what was logged, in the order of first
            appearance, of types that are decided over all rows (NaN and infinity are floats, a value that a
            row has not is missing); the parameters as ``params.*``. A logged name that is ``job_key`` or
            ``logged_at`` shows as ``data.<name>``.

        Raises
        ------
        RefusedError
            For a name that no job logged, though there are rows; and on a service of 2023.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("curves")
        >>> for job in wf.push(tf.grid(rate=[0.1, 10.0])).index:
        ...     wf.job(job).log(epoch=1, loss=float("inf") if job == "2" else 0.5)
        ...     wf.job(job).flush()
        >>> wf.curves("loss", parameters=True)
          job_key  epoch  loss  params.rate
        0       1      1   0.5          0.1
        1       2      1   inf         10.0
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        key = None if job is None else job_key(job)
        with told_whose(self._store, self.key):
            return tables.curves(self._store, self.key, names, by, key, parameters, times, shape)

    def utilization(
        self, *, under: float = 0.5, usecols: Usecols = None, dtype_backend: DtypeBackend = None
    ) -> pd.DataFrame:
        """Return what each job asked for beside what it used.

        Parameters
        ----------
        under : float
            The share of what was asked for below which a job is marked "under", from 0 to 1.
        usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            Indexed by job_key. Columns: job_name, status (str), run_id (int64), and of cpu (percent of one
            core), memory (bytes) and runtime (seconds): ``cpu_asked_percent``, ``cpu_used_percent`` (the
            peak), ``cpu_share`` (used by asked, float64), ``cpu_mark`` ("over", "within", "under"), and so
            on. What was not asked for is missing, and so is what was not measured: memory and cpu by another
            store than torc's, of a run that was over before torc looked at it, or of a workflow without the
            resource monitor of torc, which ``torc create`` turns on and `Client.create_workflow` does not.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("short")
        >>> _ = wf.push(tf.grid(n=[1]), command="true", resources={"runtime": "PT1H"})
        >>> _ = wf.run()
        >>> wf.utilization(usecols=["runtime_asked_seconds", "runtime_mark"])
                 runtime_asked_seconds runtime_mark
        job_key
        1                       3600.0        under
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        return tables.utilization(self._store, self.key, under, shape)

    def dependencies(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for each job that a job waits for.

        Returns
        -------
        DataFrame
            Columns job_key, depends_on (str, the key of the job that has to complete first), by job_key. What
            follows from files and records of jobs, torc adds when it initializes the workflow, as its first
            run does.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("chain")
        >>> first = wf.add_job("first")
        >>> _ = wf.add_job("second", depends_on=first.key)
        >>> wf.dependencies()
          job_key depends_on
        0       2          1
        """
        return self._pulled(pull.dependencies, usecols, dtype_backend)

    def files(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for each file that torc knows of the workflow.

        Returns
        -------
        DataFrame
            Indexed by file_key (str). Columns: name, path (str); producer (str, the key of the job that makes
            it, missing for a file that is there from the start); consumers (lists of the keys of jobs that
            read it); modified (datetime64[us, UTC], when torc saw it last). Empty where nobody told of files.
            ``load(file=name)`` reads them.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("no files")
        >>> list(wf.files())
        ['name', 'path', 'producer', 'consumers', 'modified']
        """
        return self._pulled(pull.files, usecols, dtype_backend)

    def compute_nodes(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for each runner that torc had for the workflow.

        Returns
        -------
        DataFrame
            Indexed by compute_node (str), which `jobs` and `runs` name. Columns: hostname, compute_node_type
            (str); is_active (boolean); pid (Int64); start_time, end_time (datetime64[us, UTC]; the latter is
            that of its allocation); duration_seconds (float64); num_nodes, num_cpus, num_gpus (Int64);
            memory_gb (float64, in GiB); labels (lists of str); sample_count (Int64), peak_memory_bytes,
            avg_memory_bytes (Int64), peak_cpu_percent, avg_cpu_percent (float64) of the whole machine, if
            torc's monitor was told to watch it. Empty where torc runs no jobs.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("here")
        >>> len(wf.compute_nodes())
        0
        """
        return self._pulled(pull.compute_nodes, usecols, dtype_backend)

    def events(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for each event that torc noted, oldest first.

        Returns
        -------
        DataFrame
            Columns: timestamp (datetime64[us, UTC]); category, type, job_key, message (str, missing where the
            event tells none); data (dict, all that it tells). Empty where nobody noted any.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("quiet")
        >>> list(wf.events())
        ['timestamp', 'category', 'type', 'job_key', 'message', 'data']
        """
        return self._pulled(pull.events, usecols, dtype_backend)

    def slurm_stats(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row for each run of a job of which Slurm told what it used.

        Returns
        -------
        DataFrame
            Columns: job_key (str); run_id, attempt_id (Int64); slurm_job_id (str); max_rss_bytes,
            max_vm_size_bytes, max_disk_read_bytes, max_disk_write_bytes (Int64); ave_cpu_seconds (float64);
            node_list (str). Empty where no job ran in Slurm.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("here")
        >>> len(wf.slurm_stats())
        0
        """
        return self._pulled(pull.slurm_stats, usecols, dtype_backend)

    def resource_samples(
        self,
        output_dir: str | os.PathLike[str] | None = None,
        *,
        usecols: Usecols = None,
        dtype_backend: DtypeBackend = None,
    ) -> pd.DataFrame:
        """Return what torc's resource monitor sampled of jobs, of its files on this machine.

        torc writes them where a workflow's ``resource_monitor`` has the granularity ``time_series``.

        Parameters
        ----------
        output_dir : path, optional
            The ``--output-dir`` of `torc run`. Default: ``torc_output``.
        usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            One row a sample, by run, then by job. Columns: job_key, job_name (str); timestamp (datetime64[us,
            UTC]); cpu_percent (float64, of one core, all processes of the job together); memory_bytes,
            num_processes (Int64); hostname (str) and run_id (Int64), missing for runs in Slurm. Empty where
            there are no such files.

        Raises
        ------
        RefusedError
            If the folder that is given does not exist.
        StoreFileError
            If a file is none of the monitor.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("here")
        >>> len(wf.resource_samples(tmp))
        0
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        return samples_frame(self.key, output_dir, shape)

    def _pulled(self, build: pull.Build, usecols: Usecols, dtype_backend: DtypeBackend) -> pd.DataFrame:
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        return pull.pulled(self._store, self.key, build, shape)
