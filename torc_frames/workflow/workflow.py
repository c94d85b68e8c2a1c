"""One workflow: its records as DataFrames, its parameter table, its runs."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.files.foreign import Table
from torc_frames.files.pointer_frames import OnMissing
from torc_frames.files.pointers import relative_to, warn_if_large
from torc_frames.frame import recorded
from torc_frames.frame.column import DtypeBackend
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError, Shape, Usecols
from torc_frames.frame.values import encode_data, encode_documents
from torc_frames.store.base import Store
from torc_frames.store.keys import as_key
from torc_frames.store.records import INPUT, OUTPUT, NewJobs, Role, UserData, WorkflowRecord
from torc_frames.workflow.about import WorkflowAbout
from torc_frames.workflow.keys import Awaited, JobLike, awaited, job_key, job_keys, told_whose
from torc_frames.workflow.listings import WorkflowListings
from torc_frames.workflow.progress import Progress
from torc_frames.workflow.pull import refresh
from torc_frames.workflow.pull import tables as pull
from torc_frames.workflow.pull.files import Loading, load, load_files, writer
from torc_frames.workflow.pull.named import FromNames
from torc_frames.workflow.pull.refresh import Refreshed
from torc_frames.workflow.pull.runs import JobColumns
from torc_frames.workflow.push import apply as push
from torc_frames.workflow.push.edits import base_of, edited_rows, keep_base
from torc_frames.workflow.push.on import names_of_on
from torc_frames.workflow.push.plan import Plan
from torc_frames.workflow.push.resources import ResourceTable, resource_list
from torc_frames.workflow.push.table import OnConflict, OnExists, PushOptions
from torc_frames.workflow.results import WorkflowResults
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.outputs import fit_documents
from torc_frames.workflow.runs import WorkflowRuns

if TYPE_CHECKING:
    from torc_frames.workflow.pull.stream import TableStream, What

__all__ = ["Workflow"]


class Workflow(WorkflowAbout, WorkflowListings, WorkflowResults, WorkflowRuns):
    """A workflow of a store; made by ``Client.create_workflow`` and ``Client.workflow``.

    All pulls return plain DataFrames whose ``attrs["torc"]`` says where the data is from (url,
    workflow_key), when it was pulled (pulled_at, UTC), how many records it has and how many
    requests it took.

    Attributes
    ----------
    key, name : str
    user, description : str or None
    tags : tuple of str
        As they were when it was opened, or changed by `update`.
    """

    _last: weakref.ref[pd.DataFrame] | None = None
    """The frame that was pulled last, for as long as somebody has it."""

    def __init__(self, store: Store, record: WorkflowRecord) -> None:
        self._store = store
        self._tell(record)
        self._fixed = True

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_last"}

    def __repr__(self) -> str:
        return f"Workflow(key={self.key!r}, name={self.name!r})"

    # pulling

    def jobs(
        self, *, where: str | None = None, usecols: Usecols = None, dtype_backend: DtypeBackend = None
    ) -> pd.DataFrame:
        """Return one row a job, in the order in which they were added.

        Parameters
        ----------
        where, usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            Indexed by job_key (str). Columns: job_name, command, status (str); stale (boolean); num_cpus,
            num_gpus (int64); memory, runtime (str, may be missing); run_id (int64, 0 before the first run);
            return_code (Int64), start_time and end_time (datetime64[us, UTC]), exec_time_minutes
            (float64) of that run, missing for one that has not ended: `runs` has those before.

            ``run_id`` counts the runs of the job in an embedded store. torc counts those of the workflow, one
            more with each reset: there it is the run of which the job's result is, or in which the job is
            running, and 0 for a job that was reset, or never ran.

            On a torc-server, and of its file, there are also: resource_requirements (str, the name of what it
            needs), num_nodes, priority (Int64), labels (lists of str); attempt_id (Int64, which try within
            the run); compute_node (str, see `compute_nodes`), peak_memory_bytes, avg_memory_bytes (Int64),
            peak_cpu_percent and avg_cpu_percent (float64, 100 is one core) of the run, 0 for one that was
            over before torc looked. Other stores keep none of it, and have no such columns.

            ``stale`` says whether parameters were changed after the run began whose results are there
            (without results, after the last run began): ``run(rerun="changed")`` runs such jobs again. It is
            missing where a store can't tell, as servers can't, nor embedded stores of runs that were copied
            or are from before schema 3.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("jobs")
        >>> _ = wf.push(tf.grid(n=[1, 2]), command="exit {n}")
        >>> wf.run(workers=1).failed
        2
        >>> wf.jobs(usecols=["job_name", "status", "return_code"])
                job_name  status  return_code
        job_key
        1          job_1  failed            1
        2          job_2  failed            2
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend)
        return self._noted(pull.jobs(self._store, self.key, shape, where))

    def user_data(
        self,
        *,
        job: JobLike | None = None,
        role: Role | None = None,
        where: str | None = None,
        usecols: Usecols = None,
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        r"""Return one row a record, oldest first: which record and job, then its data.

        Parameters
        ----------
        job : str, int or Job, optional
            Only the records of this job.
        role : {"input", "output"}, optional
            Only the records with this role. What a job consumes of others is their output.
        where : str, optional
            Only the rows that it holds for, as `select` would choose them of the whole frame, in the same
            language: ``"loss < 0.1 and solver == 'svd'"``. Embedded stores and files of torc read little more
            than these rows where columns are compared with constants, by ``<``, ``<=``, ``>``, ``>=``, ``==``
            or ``in``, and these joined by ``and`` and ``or``; for other texts, and from servers, all is read
            and then chosen from. Columns and dtypes are decided over what was read: these rows and the first
            1,000, or all. Recorded dtypes hold either way. Rows are numbered from 0 on.
        usecols : list of str or callable, optional
            The columns to return, as in pandas.
        dtype_backend : {"numpy_nullable", "pyarrow"}, optional
            As in pandas.
        on_error : {"raise", "warn"}
            What to do with records that can't be read: with "warn" their data is missing, and
            ``attrs["torc"]["unreadable"]`` says which they are and why.
        show_progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        DataFrame
            Columns workflow_key, job_key, job_name, role, record_key, record_name, rev (str), then a
            column for each value in the data: objects are flattened with dots (``model.depth``; a dot
            in a key is ``\.``), lists stay one cell, a record that is no object is in column ``data``,
            a key with the name of a reserved column (or ``data``) becomes ``data.<key>``. A record that
            one job made has that job's key, name and role "output", whoever consumes it. job_key is
            missing for a record of the workflow as a whole, and for one that several of the jobs asked for
            share; `links` has those.

        Raises
        ------
        NotFoundError
            If the job does not exist.
        RefusedError
            If `where` is no text of the language, names no column, or has no value for a row.
        UnreadableRecordError
            If the data of records that are read is not JSON, or is none that the server can give back.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("log")
        >>> job = wf.add_job("train")
        >>> _ = wf.add_user_data(job, {"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.4}, role="output")
        >>> wf.user_data(usecols=["job_key", "epoch", "loss"])
          job_key  epoch  loss
        0       1      1   0.5
        1       1      2   0.4
        >>> wf.user_data(where="loss < 0.5", usecols=["epoch", "loss"])
           epoch  loss
        0      2   0.4
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        key = self._job_key(job)
        return self._noted(pull.user_data(self._store, self.key, key, role, shape, show_progress, where))

    def parameters(
        self,
        *,
        job: JobLike | None = None,
        where: str | None = None,
        pattern: str | None = None,
        command_pattern: str | None = None,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
        upstream: bool = False,
    ) -> pd.DataFrame:
        """Return one row a job: its input records, as they were pushed.

        Parameters
        ----------
        job, where, usecols, dtype_backend, on_error, show_progress
            As for `user_data`; with a pattern, all is read.
        pattern : str, optional
            Read parameters out of job names, too: ``train_lr{lr:.4f}_bs{bs}`` is the name in a specification
            of torc, or ``name=`` of `push`. What has a number's format is a number; other columns are numbers
            if all their texts are, as in CSV files. A warning names jobs that are not of the pattern, and
            names that can be read in several ways. What a record holds goes before what a name says.
        command_pattern : str, optional
            The same of commands: a whole one, or some of its words (``--lr={lr} --seed={seed}``). Blanks and
            quotes only part words.
        on_clash : {"names", "error", "last", "list"}
            What to do where several records of a job hold a key with different values. By "names" there is
            a column for each, which begins with the name of the record (``data1.loss``, ``data2.loss``), or
            where names don't tell them apart a list, with a warning; "list" makes lists of all values that
            several records hold, and "last" takes that of the newest record.
        upstream : bool
            Also show what jobs consume of others: the records that these made. `push` takes no such table.

        Returns
        -------
        DataFrame
            Indexed by job_key, only jobs with an input record that no job of the workflow made, or of the
            pattern; the columns, their order and dtypes are those of the pushed table, then those of the
            patterns. A key that would name the row (``job_key``, ``job_name``, ``record_key``) is in
            column ``data.<key>``.

        Raises
        ------
        ConflictError
            With ``on_clash="error"``.
        RefusedError
            For a pattern that no job is of, with some names; and for one that can't be read in one way, as
            ``{a}{b}``.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> pushed = wf.push(tf.grid(alpha=[0.1, 1.0], fit_intercept=[True, False]))
        >>> wf.parameters()
                 alpha  fit_intercept
        job_key
        1          0.1           True
        2          0.1          False
        3          1.0           True
        4          1.0          False
        >>> wf.parameters().equals(pushed)
        True

        Of a workflow that has its parameters in the names of its jobs:

        >>> wf = tf.connect(tmp / "study.db").create_workflow("others")
        >>> for name in ("train_lr0.1000_bs16", "train_lr0.0100_bs32"):
        ...     _ = wf.add_job(name)
        >>> wf.parameters(pattern="train_lr{lr:.4f}_bs{bs}")
                   lr  bs
        job_key
        5        0.10  16
        6        0.01  32
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        key, named = self._job_key(job), FromNames(pattern, command_pattern)
        pulled = (self._store, self.key, INPUT, key, on_clash, shape, show_progress, upstream, named, where)
        return self._noted(pull.job_records(*pulled))

    def results(
        self,
        *,
        job: JobLike | None = None,
        where: str | None = None,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        """Return one row a job: its output records, what its runs stored.

        Parameters and errors are those of `parameters`, without `upstream`. A job that logs many records
        with the same keys is read with ``user_data(role="output")``.

        Returns
        -------
        DataFrame
            Indexed by job_key, only jobs with an output record.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("results")
        >>> _ = wf.push(tf.grid(n=[1, 2]))
        >>> _ = wf.job(2).store(loss=0.5)
        >>> wf.results()
                 loss
        job_key
        2         0.5
        """
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        key = self._job_key(job)
        pulled = (self._store, self.key, OUTPUT, key, on_clash, shape, show_progress)
        return self._noted(pull.job_records(*pulled, where=where))

    def table(
        self,
        *,
        where: str | None = None,
        job_columns: JobColumns = False,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        load: str | Sequence[str] | None = None,
        on_missing: OnMissing = "warn",
        pattern: str | None = None,
        command_pattern: str | None = None,
        dtype_backend: DtypeBackend = None,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> pd.DataFrame:
        """Return one row for every job: its parameters beside its results.

        Jobs that failed, or never ran, are rows like any other, with missing results; ``stale`` marks those
        whose results are of other parameters than stand beside them, as in `jobs`.

        Parameters
        ----------
        where : str, optional
            As for `user_data`. A name is that of a column, or that of a parameter or a result if only one of
            them has it: ``"status == 'completed' and loss < 0.1"``, else ``results.loss`` or
            ``params.loss``. Files that are loaded are only those of the rows that it chooses; their columns
            it can't name.
        job_columns : bool or list of str
            Also show what else is known of the jobs: all columns of `jobs`, or those of these names. Those
            that `usecols` names are there without it.
        usecols, on_clash, pattern, command_pattern, dtype_backend, on_error, show_progress
            As for `parameters`; what jobs say that are not of the pattern is missing.
        load : str or list of str, optional
            Results that are pointers to files (see `load`). Their columns become those of the file,
            as ``results.<name>.<column>``, and each job has a row for each row of its file. Of several
            names only one may have files of more than one row a job.
        on_missing : {"warn", "raise"}
            What to do about such files that are missing or were altered; see `load`.

        Returns
        -------
        DataFrame
            Indexed by job_key (str). Columns: job_name, status (str); stale (boolean); ``params.*`` as in
            `parameters`, ``results.*`` as in `results`. Columns of `jobs` stand before those, in its order.
            ``attrs["torc"]["log"]`` names the parameters that recipes of pushed tables spread by their
            logarithms, if any: axes of `torc_frames.plots` are so.

        Raises
        ------
        RefusedError, ConflictError
            As for `parameters`; and for a name in `job_columns` that is no column of `jobs`.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("table")
        >>> _ = wf.push(tf.grid(n=[1, 2]))
        >>> _ = wf.job(2).store(loss=0.5)
        >>> wf.table()
                job_name status  stale  params.n  results.loss
        job_key
        1          job_1  ready  False         1           NaN
        2          job_2  ready  False         2           0.5
        >>> wf.table(job_columns=["num_cpus"], usecols=["num_cpus", "params.n"])
                 num_cpus  params.n
        job_key
        1               1         1
        2               1         2
        >>> wf.table(where="loss < 1 and n > 1", usecols=["params.n"])
                 params.n
        job_key
        2               2
        """
        names = [load] if isinstance(load, str) else list(load or [])
        shape = Shape(usecols=usecols, dtype_backend=dtype_backend, on_error=on_error)
        named = FromNames(pattern, command_pattern)
        how = (on_clash, names, shape, show_progress, on_missing, named, job_columns, where)
        return self._noted(pull.table(self._store, self.key, *how))

    def refresh(self, frame: pd.DataFrame | None = None) -> Refreshed:
        """Return a pulled frame as it would be pulled now, and what changed.

        An embedded store tells what changed since, and only that is read, of `table` and `jobs` everything if
        anything has changed; a server does not, and is read anew. Rows that did not change are taken from the
        frame as they are there: cells that you edited in it may stay. Refresh a frame as it was pulled, and
        edit a copy.

        Parameters
        ----------
        frame : DataFrame, optional
            As `user_data`, `parameters`, `results`, `table` or `jobs` returned it. Without it, the one that
            was pulled, or refreshed, last through this object.

        Returns
        -------
        Refreshed
            ``frame``, and lists of keys: ``added``, ``updated``, ``removed``; of records for `user_data`, of
            jobs for the others.

        Raises
        ------
        RefusedError
            For a frame of another workflow, or one that was pulled with a function as ``usecols``; and if
            nothing was pulled yet, or nobody has it any more.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("refresh")
        >>> _ = wf.push(tf.grid(n=[1, 2]))
        >>> results = wf.results()
        >>> _ = wf.job(2).store(loss=0.5)
        >>> now = wf.refresh(results)
        >>> now.added
        ['2']
        >>> now.frame
                 loss
        job_key
        2         0.5
        """
        if frame is None:
            frame = self._last() if self._last is not None else None
        if frame is None:
            raise RefusedError("there is no frame to refresh: pull one, keep it, and say which")
        refreshed = refresh.refresh(self._store, self.key, frame)
        if refreshed.frame is frame:
            self._last = weakref.ref(frame)
            return refreshed
        # Cells that were edited may be in it still: they are no base to know edits by.
        rows = edited_rows(frame, base_of(frame))
        is_edited = rows is None or len(rows) > 0
        self._noted(refreshed.frame)
        if is_edited:
            refreshed.frame.attrs["torc"].pop("base", None)
        return refreshed

    def _noted(self, frame: pd.DataFrame) -> pd.DataFrame:
        self._last = weakref.ref(frame)
        about = frame.attrs["torc"]
        # What stands in names is in no record yet, and a push is to write it.
        if about["kind"] == "parameters" and "pattern" not in about.get("pull", ()):
            keep_base(frame)
        return frame

    def links(self, *, usecols: Usecols = None, dtype_backend: DtypeBackend = None) -> pd.DataFrame:
        """Return one row a link between a record and a job.

        Parameters
        ----------
        usecols, dtype_backend
            As for `user_data`.

        Returns
        -------
        DataFrame
            Columns record_key, job_key, role (str; role missing where it has none), ordered by job.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("links")
        >>> _ = wf.push(tf.grid(n=[1, 2]), outputs=True)
        >>> wf.links()
          record_key job_key    role
        0          1       1   input
        1          3       1  output
        2          2       2   input
        3          4       2  output
        """
        return pull.links(self._store, self.key, Shape(usecols=usecols, dtype_backend=dtype_backend))

    def load(
        self,
        name: str | None = None,
        *,
        file: str | None = None,
        role: Role = OUTPUT,
        on_missing: OnMissing = "warn",
        to: str | os.PathLike[str] | None = None,
        base: str | os.PathLike[str] | None = None,
        remote: Sequence[str] = (),
        overwrite: bool = False,
        max_rows_per_file: int = 1_000_000,
    ) -> Any:
        """Return files that belong to jobs, end to end.

        They are named by the pointers that jobs stored under a name, or are those that torc knows of. The
        size and digest of the former are checked before they are read.

        Parameters
        ----------
        name : str
            The key under which jobs stored a `Pointer`, as in ``job.store(model=Pointer(…))``.
        file : str
            Instead of that, the name of a file in `files`, or with ``*``, ``?`` and ``[…]`` that of several.
            Its suffix says the format; a path that is not absolute begins in the working directory. A JSON
            file is a list of objects, or one object, which is one row.
        role : {"output", "input"}
            Whose records to look at for pointers.
        on_missing : {"warn", "raise"}
            What to do about files that are missing or were altered: leave them out and say so, or return
            nothing.
        to : {"xarray", "dict"} or path, optional
            "xarray": return a Dataset of arrays, datasets or tables, with the jobs as its first dimension,
            ``job_key``. "dict": return by job what `Pointer.read` gives, of a format that nobody reads the
            pointer. A path: write the rows to this folder as a dataset (see `to_parquet`), a batch of a
            Parquet file at a time and a whole file of another format, instead of returning them.
        base : str or path, optional
            The folder, or url, that relative pointers begin in. Default: that of the database, or what
            `torc_frames.connect` was told.
        remote : sequence of str
            How other urls begin that may be opened, see `Pointer.from_json`.
        overwrite, max_rows_per_file
            As for `to_parquet`.

        Returns
        -------
        DataFrame
            The rows of all files in the order of jobs, with job_key (str, with `file` that of the producer,
            "" where a file has none) as the first column; the index of a file follows as columns, unless it
            is plain numbers. An array of one dimension is a column ``value``, one of two has numbers for
            names. ``attrs["torc"]["missing"]`` lists files that were left out: job_key, path,
            problem. With `to` one row a file: job_key, path, rows, problem.

        Raises
        ------
        PointerError
            With ``on_missing="raise"``, if files are missing or were altered; all of them are named.
        RefusedError
            If no job has a pointer, or the workflow no file, of that name; for files that can't be read; with
            `to` also for columns of which no one type holds the values of all files.

        Examples
        --------
        >>> import pandas as pd
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("files")
        >>> _ = wf.push(tf.grid(n=[1, 2]))
        >>> for key in ("1", "2"):
        ...     pointer = tf.Pointer.save(pd.DataFrame({"step": [0, 1]}), tmp, f"curve-{key}")
        ...     _ = wf.job(key).store(curve=pointer)
        >>> wf.load("curve")
          job_key  step
        0       1     0
        1       1     1
        2       2     0
        3       2     1
        >>> wf.load("curve", to=tmp / "curves")["rows"].sum()
        np.int64(4)
        >>> pd.read_parquet(tmp / "curves").equals(wf.load("curve"))
        True
        """
        if (name is None) == (file is None):
            raise RefusedError("load takes the name of pointers, or file= and the name of a file")
        write = writer(to, str(name or file), overwrite, max_rows_per_file)
        how = Loading(on_missing, write, None if base is None else os.fspath(base), remote)
        if file is not None:
            return load_files(self._store, self.key, file, how)
        return load(self._store, self.key, name, role, how)

    def stream(
        self,
        what: What = "user_data",
        *,
        role: Role | None = None,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        job_columns: JobColumns = False,
        on_error: OnError = "raise",
        show_progress: bool = True,
    ) -> TableStream:
        """Return a table that pyarrow, Polars, DuckDB or pandas read batch by batch.

        For tables that are too large to be a DataFrame. All of it is read and verified now, into a temporary
        file (where TMPDIR says) of about the size of its JSON.

        Parameters
        ----------
        what : {"user_data", "parameters", "results", "table"}
            Which table: those of the methods with these names.
        role
            As for `user_data`; with that only.
        on_clash
            As for `parameters`; with all but `user_data`.
        job_columns
            As for `table`; with that only.
        usecols, on_error, show_progress
            As for `user_data`.

        Returns
        -------
        TableStream
            With ``__arrow_c_stream__``. The columns and their types are those of the pull, recorded dtypes
            included, as far as Arrow has them and Parquet files hold them: lists and objects of one type
            nested; values of different types in one column, integers beyond 64 bits, empty objects and lists
            alone as JSON, in strings, marked by ``torc_frames.json`` in the metadata of the field; periods as
            text; categories of other things than texts as these.

        Examples
        --------
        >>> import pyarrow as pa
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]))
        >>> stream = wf.stream("parameters")
        >>> stream
        TableStream(2 rows, 2 columns)
        >>> pa.table(stream).to_pandas().equals(wf.parameters())
        True
        """
        from torc_frames.workflow.pull import stream as streams

        shape = Shape(usecols=usecols, on_error=on_error)
        wanted = streams.Wanted(what, role, on_clash, shape, show_progress, job_columns)
        return streams.stream(self._store, self.key, wanted)

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        what: What = "user_data",
        *,
        role: Role | None = None,
        usecols: Usecols = None,
        on_clash: OnClash = "names",
        job_columns: JobColumns = False,
        on_error: OnError = "raise",
        overwrite: bool = False,
        max_rows_per_file: int = 1_000_000,
        show_progress: bool = True,
    ) -> Path:
        """Write a table to a folder of Parquet files, in little memory, whole or not at all.

        The folder is a dataset to DuckDB (``FROM 'out/*.parquet'``), Polars (``scan_parquet("out/")``), Dask
        and pandas (``read_parquet("out")``, which gives the dtypes and index of the pull). A million records
        of ten fields take less than 500 MB of memory, that of pandas included, and for as long as it lasts
        room beside the folder for the data as JSON.

        Parameters
        ----------
        path : path
            The folder: a new one, an empty one, or with `overwrite` an earlier dataset, which is replaced at
            once where the system can do that (Linux). It is there when it is whole.
        what, role, usecols, on_clash, job_columns, on_error
            As for `stream`, which also says which types columns have.
        overwrite : bool
            Replace an earlier dataset; a folder that holds anything else is refused.
        max_rows_per_file : int
            How many rows a file may have; files are named ``part-00000.parquet`` and so on.
        show_progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        RefusedError
            If there is something at `path`; nothing is changed then.

        Examples
        --------
        >>> import pandas as pd
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]))
        >>> folder = wf.to_parquet(tmp / "out", "parameters")
        >>> pd.read_parquet(folder).equals(wf.parameters())
        True
        """
        from torc_frames.workflow.pull import stream as streams

        shape = Shape(usecols=usecols, on_error=on_error)
        wanted = streams.Wanted(what, role, on_clash, shape, show_progress, job_columns)
        return streams.to_parquet(
            self._store, self.key, path, wanted, overwrite=overwrite, max_rows_per_file=max_rows_per_file
        )

    # pushing

    def push(
        self,
        df: Table,
        *,
        on: str | Sequence[str] | None = None,
        command: str | None = None,
        name: str | None = None,
        on_exists: OnExists = "skip",
        on_conflict: OnConflict = "error",
        outputs: bool = False,
        resources: ResourceTable = None,
        depends_on: Awaited = None,
        drop: str | Sequence[str] = (),
        delete: JobLike | Sequence[JobLike] = (),
        show_progress: Progress = True,
    ) -> pd.DataFrame:
        """Make one job with one input record of each row, or update those that the table names.

        Every cell is checked before anything is written. A row is known by its content: pushing a
        table again changes nothing, pushing a longer one adds what is new. A table with a column or
        index job_key (as `parameters` returns it), or a column job_name, adds to and changes the
        input records of those jobs, and leaves alone what it does not change; a row without a key
        becomes a new job.

        Parameters
        ----------
        df : DataFrame, or a table of Polars, Arrow or DuckDB
            A row a job; columns have unique string names, ``model.depth`` is stored nested. Integers and
            booleans with gaps of other libraries become Int64 and boolean.
        on : str or list of str, optional
            The columns that rows are known by, as in pandas' merge: a row is the job that has the same values
            there, and a new job if none has. Other columns are set, or added, so that a new column is no new
            job; those that the table has not stay as they are. 1 is 1.0 and not True, and a time is the same
            in every zone. Refused are rows that have the same values there, that several jobs are or that
            name another job by key, missing values, texts where the workflow has none (and the other way
            round), and columns that the table or all jobs lack.
        command : str, optional
            The job's command, run by a shell. ``{column}`` (or ``{column:format}``) is replaced by the
            row's value, quoted for the shell; double braces stand for themselves. A job that reads its
            parameters through `current_job` needs no placeholder. Jobs that the table names by key, or by
            `on`, get the new command, too, where one is given. The workflow remembers it, in its metadata,
            for rows that become jobs later and have none; what is used is told. "" is no command.
        name : str, optional
            The job's name, a template, too, which is remembered if it has a column in it, for tables that
            have its columns. Default, and for "": ``job_1``, ``job_2``, …
        on_exists : {"skip", "error", "append", "update"}
            What to do with a row whose content is there already: leave it ("skip", "update"), refuse
            the whole table ("error"), or add another job ("append"). Rows with a job key are updated
            by "skip" and "update", refused by "error" if they change something.
        on_conflict : {"error", "ours", "theirs"}
            What to do with a cell that was edited here, and that somebody else has changed to another value
            since the table was pulled: write nothing at all ("error"), write that cell, too ("ours"), or
            leave that cell as it is in the store ("theirs"). Cells that were not edited are never written,
            and what others made of them is no conflict. See `plan`, which shows both values.
        outputs : bool
            Also declare an empty output record for each new job; ``job.store()`` fills it. torc then lets
            other jobs depend on it, and after a change runs again only what changed.
        resources : dict or DataFrame, optional
            num_cpus, num_gpus, memory (``"2g"``), runtime (``"PT1H"``): a value, or one for each row.
            `run` holds jobs to them, and `map` refuses all but the first. Say all of them for a torc-server:
            what is left out is torc's default there, 1 CPU, ``"1m"`` and ``"PT1M"``, and Slurm holds jobs to
            it.
        depends_on : job, list of jobs, or list of lists of jobs, optional
            Jobs, or their keys, that must complete before any of the new ones start, or a list of such for
            each row.
        drop : str or list of str
            Columns to take out of the input records of the jobs that the table names, by key or name; the
            table itself has them no more. What no job has any more is no column of `parameters`. Columns
            that no job has are told by a warning, as the same push may have been here before.
        delete : str, int, Job or list of such
            Jobs to delete in the same step, as `delete_jobs` does: rows are not taken for them, and their
            names are free. In an embedded store all is done or nothing; a server deletes first, when all is
            checked.
        show_progress : bool or callable
            Show a progress bar when it takes more than a second; or what is called with how many jobs are
            done, and of how many (see `Plan.apply`).

        Returns
        -------
        DataFrame
            The table, indexed by job_key; ``attrs["torc"]`` counts the jobs added, changed and unchanged, and
            has under ``remembered`` what new ones have of earlier pushes, if anything.

        Raises
        ------
        RefusedError
            With all bad cells, names and templates at once (``.problems``), and all that the store would
            change or can't keep; nothing is written then.
        UncertainWriteError, UnavailableError
            If a server was lost on the way: the same push again finishes it, and doubles nothing.
        ConflictError
            With ``on_exists="error"``, or for a conflict; nothing is written then. What was edited is known
            by ``df.attrs["torc"]``, which frames take along in this process. Of a table that was in a file
            meanwhile every cell of a record that others have written counts as edited.
        NotFoundError
            If a job key of the table, or one to delete, does not exist.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> pushed = wf.push(tf.grid(alpha=[0.1, 1.0]), command="echo {alpha}", name="alpha-{alpha}")
        >>> wf.jobs()[["job_name", "command", "status"]]
                  job_name   command status
        job_key
        1        alpha-0.1  echo 0.1  ready
        2        alpha-1.0  echo 1.0  ready

        A column more, and a row:

        >>> more = tf.grid(alpha=[0.1, 1.0, 10.0]).assign(seed=7)
        >>> wf.plan(more, on="alpha")
        Plan of 3 rows: 1 create, 2 update, 0 unchanged
          1 new job with the command 'echo {alpha}' and the name 'alpha-{alpha}', which the workflow remembers
          job 1: seed missing -> 7
          job 2: seed missing -> 7
        """
        gone = (drop,) if isinstance(drop, str) else tuple(drop)
        keys = job_keys(delete)
        options = PushOptions(
            command,
            name,
            on_exists,
            on_conflict,
            outputs,
            resources,
            awaited(depends_on),
            gone,
            keys,
            names_of_on(on),
        )
        with told_whose(self._store, self.key):
            return push.push(self._store, self.key, df, options, show_progress=show_progress)

    def plan(
        self,
        df: Table,
        *,
        on: str | Sequence[str] | None = None,
        command: str | None = None,
        name: str | None = None,
        on_exists: OnExists = "skip",
        on_conflict: OnConflict = "error",
        outputs: bool = False,
        resources: ResourceTable = None,
        depends_on: Awaited = None,
        drop: str | Sequence[str] = (),
        delete: JobLike | Sequence[JobLike] = (),
    ) -> Plan:
        """Return what `push` would do with a table, and write nothing.

        Parameters
        ----------
        df, on, command, name, on_exists, on_conflict, outputs, resources, depends_on, drop, delete
            As for `push`.

        Returns
        -------
        Plan
            Its ``rows`` say what becomes of each row of the table (create, update, unchanged, conflict), its
            ``cells`` which values change from what to what, its ``commands`` which commands; its ``apply()``
            does it.

        Raises
        ------
        RefusedError, ConflictError, NotFoundError
            As for `push`; but conflicts are shown, not raised.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> params = wf.push(tf.grid(alpha=[0.1, 1.0]))
        >>> params.loc["1", "alpha"] = 0.5
        >>> wf.plan(params)
        Plan of 2 rows: 0 create, 1 update, 1 unchanged
          job 1: alpha 0.1 -> 0.5
        """
        gone = (drop,) if isinstance(drop, str) else tuple(drop)
        keys = job_keys(delete)
        options = PushOptions(
            command,
            name,
            on_exists,
            on_conflict,
            outputs,
            resources,
            awaited(depends_on),
            gone,
            keys,
            names_of_on(on),
        )
        with told_whose(self._store, self.key):
            return Plan(self._store, self.key, df, options)

    def adopt(
        self,
        pattern: str | None = None,
        *,
        command_pattern: str | None = None,
        show_progress: Progress = True,
    ) -> pd.DataFrame:
        """Write what stands in names of jobs as their input records, after printing the plan.

        ``wf.plan(wf.parameters(pattern=…))`` shows that alone. Jobs that are not of the
        pattern, and values that records hold already, are left alone. To `run`, and to torc, jobs that
        have ended have other parameters then: ``rerun="changed"`` and ``torc workflows reinit`` take them
        for changed.

        Parameters
        ----------
        pattern, command_pattern : str, optional
            As for `parameters`; one of them at least.
        show_progress
            As for `push`.

        Returns
        -------
        DataFrame
            The table that was pushed, as `push` returns it: a row a job of the pattern, its columns.

        Raises
        ------
        RefusedError, ConflictError
            As for `parameters` and `push`; nothing is written then.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("others")
        >>> for name in ("train_bs16", "train_bs32"):
        ...     _ = wf.add_job(name)
        >>> _ = wf.adopt("train_bs{bs}")
        Plan of 2 rows: 0 create, 2 update, 0 unchanged
          job 1: bs missing -> 16
          job 2: bs missing -> 32
        >>> wf.parameters()["bs"].tolist()
        [16, 32]
        """
        named = FromNames(pattern, command_pattern)
        plan = self.plan(named.only(self.parameters(pattern=pattern, command_pattern=command_pattern)))
        print(plan)
        return plan.apply(progress=show_progress)

    def recipes(self) -> list[dict[str, Any]]:
        """Return how the tables that were pushed were made, oldest first, for `torc_frames.from_recipe`.

        Only of tables that `grid`, `zip_`, `sample` or `product` made, and that were pushed unchanged. Those
        of `suggest` say who proposed the rows, but not how to make them again.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> _ = wf.push(tf.sample(8, {"alpha": tf.loguniform(1e-3, 1e2)}, seed=7))
        >>> (recipe,) = wf.recipes()
        >>> tf.from_recipe(recipe).equals(wf.parameters().reset_index(drop=True))
        True
        """
        return recorded.recipes(self._store.get_workflow(self.key).metadata)

    def add_job(
        self,
        name: str,
        *,
        command: str = "",
        resources: ResourceTable = None,
        depends_on: JobLike | Sequence[JobLike] | None = None,
    ) -> Job:
        """Add one job without records and return it; see `push` for what the arguments mean.

        What a push has the workflow remember is for rows, and not for this job.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("by hand")
        >>> first = wf.add_job("first", command="echo 1")
        >>> wf.add_job("second", command="echo 2", resources={"num_cpus": 2}, depends_on=first.key)
        Job(key='2', name='second', workflow_key='1')
        """
        if not isinstance(name, str) or not name.strip():
            raise RefusedError(f"a job needs a name, not {name!r}")
        waits = None if depends_on is None else [list(job_keys(depends_on))]
        jobs = NewJobs(
            names=[name],
            commands=[command],
            inputs=[None],
            depends_on=waits,
            resources=resource_list(resources, 1),
        )
        with told_whose(self._store, self.key):
            (key,) = self._store.add_jobs(self.key, jobs).job_keys
        return self.job(key)

    def delete_jobs(self, *jobs: JobLike) -> None:
        """Delete jobs with their results, and with the records that no other job has.

        In an embedded store all of them, or none. A server deletes one after the other; what an interrupted
        call leaves, the same call deletes.

        Parameters
        ----------
        *jobs : str, int or Job
            Jobs of this workflow, or their keys.

        Raises
        ------
        NotFoundError
            With all keys that do not exist; nothing is deleted then.
        RefusedError
            For jobs that are running, and jobs that others depend on, unless these are deleted, too; nothing
            is deleted then.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0, 10.0]))
        >>> wf.delete_jobs(1, "3")
        >>> wf.parameters()
                 alpha
        job_key
        2          1.0
        """
        with told_whose(self._store, self.key):
            self._store.delete_jobs(self.key, job_keys(jobs))

    def add_user_data(
        self, job: JobLike | None, *documents: Any, role: Role | None = INPUT, name: str | None = None
    ) -> list[str]:
        """Add records to a job, or to the workflow as a whole, and return their keys.

        All documents are checked before any is stored. Of objects that are outputs of a job, what can't be
        kept is left out and named, as `Job.store` says.

        Parameters
        ----------
        job : str, int, Job or None
            None for records of the workflow as a whole.
        *documents : JSON values
            One record each.
        role : {"input", "output"} or None
            Parameters of the job, its results, or neither.
        name : str, optional
            A name for the records.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("by hand")
        >>> job = wf.add_job("first")
        >>> wf.add_user_data(job, {"key1": "val1", "key2": "val2"}, {"key3": "val3"})
        ['1', '2']
        """
        job_key = self._job_key(job)
        label = f"workflow {self.key}" if job_key is None else f"job {job_key}"
        if job_key is not None and role == OUTPUT:
            data = fit_documents(self._store, documents, label)
        else:
            with relative_to(self._store.base):
                data = self._store.kept(encode_documents(documents))
        warn_if_large((label, len(raw)) for raw in data)
        return self._store.add_user_data(
            self.key,
            data,
            job_keys=None if job_key is None else [job_key] * len(data),
            role=None if job_key is None else role,
            names=None if name is None else [name] * len(data),
        )

    def get_user_data(self, record_key: str | int) -> UserData:
        """Return one record, its data decoded."""
        with told_whose(self._store, self.key):
            return self._store.get_user_data(self.key, as_key(record_key, "record"))

    def update_user_data(self, record_key: str | int, data: Any, *, rev: str | None = None) -> str | None:
        """Replace the data of a record and return its new rev.

        With `rev`, as `get_user_data` and `user_data` give it, only if the record still has that rev; else
        ConflictError. The rev of a torc-server's record is a digest of its data, which is compared just
        before it is written, and is the same again when the data is.
        """
        with relative_to(self._store.base):
            (raw,) = self._store.kept([encode_data(data)])
        revs = None if rev is None else [rev]
        keys = [as_key(record_key, "record")]
        with told_whose(self._store, self.key):
            return self._store.update_user_data(self.key, keys, [raw], revs=revs)[0]

    def delete_user_data(self, *record_keys: str | int) -> None:
        """Delete records and their links, all or none of them."""
        keys = [as_key(key, "record") for key in record_keys]
        with told_whose(self._store, self.key):
            self._store.delete_user_data(self.key, keys)

    # inside

    def _job_key(self, job: JobLike | None) -> str | None:
        if job is None:
            return None
        with told_whose(self._store, self.key):
            return self._store.get_job(job_key(job), self.key).key
