"""The handle of one job: its parameters, its records, and where its results go."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

from torc_frames import settings
from torc_frames.errors import ConflictError, NotFoundError, RefusedError, UnreadableRecordError
from torc_frames.files.pointers import relative_to, warn_if_large
from torc_frames.frame.joining import joined_parameters
from torc_frames.frame.results import Keepable, keepable
from torc_frames.frame.shown import Shown
from torc_frames.frame.typed import typed, types_of
from torc_frames.frame.values import decode_lines, encode_documents
from torc_frames.store.base import RunnableStore
from torc_frames.store.records import INPUT, OUTPUT, RUNNING, JobRecord, Role, UserData
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.run.outputs import (
    Fitted,
    fit,
    fit_documents,
    output_name,
    result_record,
    warn_of_unstored,
)

if TYPE_CHECKING:
    from torc_frames.frame.description import Description
    from torc_frames.store.base import Store
    from torc_frames.workflow.run.logs import Stream
    from torc_frames.workflow.run.series import SeriesWriter

__all__ = ["Job"]

_TRIES = 50
_SHORTEST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05

Mark = tuple[str, str, str, int]

_stored: set[Mark] = set()
"""The runs that this process has stored something of."""

_first: set[str] = set()
"""The files of runs of which this process is the first to store something."""

_storing = threading.RLock()


def _after_fork() -> None:
    global _storing
    _storing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Job(Shown, Fixed):
    """One job of a workflow, as a person or the job's own process sees it.

    Parameters
    ----------
    store : Store
    record : JobRecord
    run_id : int, optional
        Which run of the job this process is; `store` is refused once a later run has started.
    inside : bool
        Whether this process is the job, as `torc_frames.current_job` says, and not somebody looking at it.
    attempt_id : int, optional
        Which attempt of that run it is.
    output_dir : str, optional
        The folder of the runner's outputs, which all processes of the run see.

    Attributes
    ----------
    key, name, workflow_key, command, status : str
        As they were when the handle was made.
    run_id : int
        How often the job had been started, or which run this process is.
    """

    _setters: ClassVar = {
        "parameters": "wf.push(table)",
        "command": "wf.push(table, command=...)",
        "status": "wf.reset_jobs(key)",
        **dict.fromkeys(("result", "results"), "job.store(...)"),
    }

    def __init__(
        self,
        store: Store,
        record: JobRecord,
        *,
        run_id: int | None = None,
        inside: bool = False,
        attempt_id: int | None = None,
        output_dir: str | None = None,
    ) -> None:
        self._store = store
        self._own_run = run_id
        self._inside = inside or run_id is not None
        self._attempt = 1 if attempt_id is None else attempt_id
        self._output_dir = output_dir
        self.key = record.key
        self.name = record.name
        self.workflow_key = record.workflow_key
        self.command = record.command
        self.status = record.status
        self.run_id = record.run_id if run_id is None else run_id
        self._fixed = True

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_series"}

    def __repr__(self) -> str:
        return f"Job(key={self.key!r}, name={self.name!r}, workflow_key={self.workflow_key!r})"

    def describe(self) -> Description:
        """Return what it is now, at one look: it prints, and is what a notebook shows.

        That are its parameters and results, how it ran last, and the end of what it said if it failed. How a
        job of a server ran is left to `Workflow.runs` where there are more than 2,000 jobs.

        Returns
        -------
        Description
            ``str()`` of it is the text.

        Raises
        ------
        NotFoundError
            If the job was deleted.
        UnavailableError
            If the store can't be reached; a notebook shows that instead.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0]), command="echo {alpha}")
        >>> print(wf.job(2).describe())
        Job 'job_2', key 2 of workflow 1: ready
        command: echo 1.0
          parameter  value
          alpha      1
        wf.run()  # runs it with all that wait
        """
        from torc_frames.workflow.run.one_job import describe_job

        return describe_job(self._store, self.workflow_key, self.key)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The keys and values of the job's input records, joined in the order of the records.

        What it consumes of other jobs is among them. A record whose data is not an object is under
        ``"data"``; a key that records hold with different values is below the names of these, or a list where
        names don't tell them apart. Values are what stands in the row of the table that was pushed: times,
        dates, durations and periods are those of pandas, as are the values of categories. What is missing is
        None, whatever the dtype. Read once, when first asked for.
        """
        records, metadata = self._read(INPUT)
        joined = joined_parameters([one.data for one in records], [one.name for one in records])
        return typed(joined, types_of(metadata))

    @property
    def stdout(self) -> str:
        r"""All that the last run of the job has printed, as it was written; so far, if it runs.

        Bytes that are no UTF-8 are shown as U+FFFD. `Workflow.logs` shows the last lines of many jobs,
        without control characters.

        Raises
        ------
        NotFoundError
            If the job was never run, or the file is not there: deleted, on another machine, or none, as for
            functions that an executor of `Workflow.map` called.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("echo")
        >>> job = wf.add_job("hello", command="echo hello; ls nothing.txt")
        >>> _ = wf.run()
        >>> job.stdout
        'hello\n'
        >>> "nothing.txt" in job.stderr
        True
        """
        return self._said("stdout")

    @property
    def stderr(self) -> str:
        """All that the last run of the job wrote to stderr; see `stdout`."""
        return self._said("stderr")

    def _said(self, stream: Stream) -> str:
        from torc_frames.workflow.run.said import said_by

        return said_by(self._store, self.workflow_key, self.key, stream)

    def user_data(self, role: Role | None = None) -> list[UserData]:
        """Return the job's records, oldest first.

        Parameters
        ----------
        role : {"input", "output"}, optional
            Only records that the job has in that role; what it consumes of other jobs is an input.
        """
        return self._read(role)[0]

    def _read(self, role: Role | None) -> tuple[list[UserData], Mapping[str, Any]]:
        """Return the job's records, and the metadata of its workflow."""
        with self._store.snapshot(self.workflow_key) as snapshot:
            metadata = snapshot.workflow.metadata
            # All at once: whose outputs a job's inputs are need not be asked then.
            pages = list(snapshot.user_data(job_key=self.key, role=None if role == INPUT else role))
            if role == INPUT and pages:
                links = snapshot.links(job_key=self.key, labels=False)
                inputs = {key for page in links for key in page.records_as(INPUT)}
                pages = [page.only(inputs) for page in pages]
            read = {key for page in pages for key in page.keys}
            unreadable = {key: reason for key, reason in snapshot.unreadable.items() if key in read}
            for key, reason in unreadable.items():
                raise UnreadableRecordError(key, reason, unreadable)
        records = [
            UserData(key, self.workflow_key, data, name=name, rev=rev)
            for page in pages
            for key, name, rev, data in zip(
                page.keys, page.names, page.revs, decode_lines(page.keys, page.data), strict=True
            )
        ]
        return records, metadata

    def add_user_data(
        self, *documents: Any, role: Role | None = "input", name: str | None = None
    ) -> list[str]:
        """Add one record a document to the job, and return their keys in order.

        Of output records inside the job, those of its earlier runs go with the first that a new run adds.

        Parameters
        ----------
        *documents
            JSON-able values. Of objects that are outputs what can't be kept is left out, as `store` says.
        role : {"input", "output"}, optional
            What the records are to the job; ``"output"`` for what it logs, None for neither.
        name : str, optional
            The name of each of the records.

        Raises
        ------
        RefusedError
            For documents that can't be kept exactly; ``row`` of a problem is the document's position.
        ConflictError
            For outputs, if this process is a run of the job that a later run has taken over from.
        """
        if role == OUTPUT:
            encoded = fit_documents(self._store, documents, self._label)
        else:
            with relative_to(self._store.base):
                encoded = self._store.kept(encode_documents(documents))
        if not encoded:
            return []
        warn_if_large((self._label, len(data)) for data in encoded)
        count = len(encoded)
        with self._store.transaction():
            files = self._drop_earlier() if role == OUTPUT and self._inside else None
            keys = self._store.add_user_data(
                self.workflow_key, encoded, job_keys=[self.key] * count, role=role, names=[name] * count
            )
        if files is not None:
            files.note_added(keys)
        self.__dict__.pop("parameters", None)
        return keys

    def store(self, /, *nothing: Any, **values: Any) -> str:
        """Store results of the job, and return the key of the record that holds them.

        They go to the job's output record: the one named ``output_<job name>``, or the oldest other one
        that has a name or is still empty, or a new one. Calls of one run add up, also those of several
        processes; the first call of a new run replaces what an earlier run stored. From outside the job
        (a handle that is not of `torc_frames.current_job`) they are added to what is there.

        NaN and other missing values are stored as missing; tuples, arrays of up to 10,000 values and other
        sequences as lists; scalars of numpy and pandas as what they are, members of an IntEnum or StrEnum
        as their values; times and durations as text in ISO 8601. What can't be kept exactly (infinity, bytes,
        sets, other objects; on a torc-server integers beyond 64 bits) is left out and named in a warning and
        in ``error.unstored`` of the record, a list of texts; the rest is stored.

        Parameters
        ----------
        **values
            JSON-able values, or `torc_frames.Pointer` to files for large ones.

        Raises
        ------
        RefusedError
            For results without names; nothing is stored.
        ConflictError
            If this process is a run of the job that a later run has taken over from.
        """
        if nothing:
            raise RefusedError("store() takes results by name: store(loss=0.3), or store(**results)")
        if self._inside and settings.mapped.get() is not None:
            raise RefusedError("a function that is mapped returns its results: return {'loss': 0.3}")
        with relative_to(self._store.base):
            results = keepable(values)
        for attempt in range(_TRIES):
            with _storing:
                stored = self._try_to_store(results)
            if stored is not None:
                record_key, (data, unstored) = stored
                if "_series" in self.__dict__:
                    self._series.flush_or_tell()
                warn_if_large([(self._label, len(data))])
                warn_of_unstored(self._label, unstored)
                return record_key
            pause = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2**attempt)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads retries, keeps no secret
        raise ConflictError(
            f"{self._label}: its output record was written by others {_TRIES} times in a row; "
            "nothing was stored"
        )

    def log(self, /, *nothing: Any, **values: Any) -> None:
        """Append a row to the series of the job, which `Workflow.curves` shows.

        It returns at once: rows are written together, once a second, and when `flush` or `store` is called or
        the process ends. What was logged before a `flush` that has returned is kept, whatever becomes of the
        process then; one that is killed loses the rows of about the last second. While the store does not
        answer, or its disk is full, a warning says so, and rows wait and are tried again.

        A series is no result, and in none of the other tables. The first rows of a new run replace those of
        earlier ones. Processes of one run may log at once.

        Parameters
        ----------
        **values
            Scalars that `store` takes, or dicts of them (``train={"loss": 0.4}`` is the column
            ``train.loss``), and NaN and infinity, which a series keeps.

        Raises
        ------
        RefusedError
            For what is no scalar, by name; nothing of that row is added. And on a service of 2023.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("train")
        >>> job = wf.job(wf.add_job("first").key)
        >>> for epoch in range(2):
        ...     job.log(epoch=epoch, loss=0.5 / (epoch + 1))
        >>> job.flush()
        >>> wf.curves("loss")
          job_key  epoch  loss
        0       1      0  0.50
        1       1      1  0.25
        """
        if nothing or not values:
            raise RefusedError("log() takes values by name: log(epoch=3, loss=0.4), or log(**row)")
        self._series.add(values)

    def flush(self) -> None:
        """Write all rows that this process has logged for the job.

        Raises
        ------
        UnavailableError
            If the store can't be written now. The rows are kept, and tried again.
        NotFoundError
            If the job was deleted.
        """
        self._series.flush()

    @cached_property
    def _series(self) -> SeriesWriter:
        from torc_frames.workflow.run.series import series_writer

        # Who looks at a job from outside logs for what is its run by then, in whatever attempt.
        run = (self._own_run, self._attempt if self._inside else 0)
        return series_writer(self._store, self.workflow_key, self.key, run, self._label)

    @property
    def _label(self) -> str:
        return f"job {self.key} ({self.name})"

    def _current(self) -> JobRecord:
        """Return the job as it is; ConflictError if a later run has taken over from this process."""
        job = self._store.get_job(self.key, self.workflow_key)
        if self._own_run is not None and job.run_id > self._own_run:
            raise ConflictError(
                f"{self._label} was started anew as run {job.run_id}; nothing of run {self._own_run}, "
                "which is this process, is stored"
            )
        return job

    def _try_to_store(self, results: Keepable) -> tuple[str, Fitted] | None:
        """Return the record's key and data, or None if another process wrote it meanwhile."""
        job = self._current()
        mark = (self._store.url, job.workflow_key, job.key, job.run_id)
        record = self._output_record()
        merge = not self._inside or mark in _stored or self._was_stored(job, record.rev if record else None)
        stored = self._add_output(results) if record is None else self._update(record, results, merge)
        if stored is not None:
            _stored.add(mark)
        return stored

    def _was_stored(self, job: JobRecord, rev: str | None) -> bool:
        """Return whether this run has stored something, as far as anybody can tell."""
        if job.rev is not None:
            return _of_this_run(job, rev)
        files = self._files(job)
        return files is None or not files.is_first()

    def _files(self, job: JobRecord) -> RunFiles | None:
        """Return where the processes of this run leave what they have to tell each other."""
        if self._output_dir is None:
            return None
        created = self._store.get_workflow(job.workflow_key).created
        whose = (self._store.url, job.workflow_key, job.key, created)
        return RunFiles(self._output_dir, whose, (job.run_id, self._attempt))

    def _drop_earlier(self) -> RunFiles | None:
        """Delete the outputs of earlier runs, where anybody can tell; return where to note new ones."""
        job = self._current()
        if isinstance(self._store, RunnableStore):
            self._store.drop_outputs(self.workflow_key, self.key, self._own_run)
            return None
        files = self._files(job)
        if files is not None and (earlier := files.added_earlier()):
            there = [record.key for record in self.user_data(OUTPUT) if record.key in earlier]
            with suppress(NotFoundError):  # another process of this run was quicker
                self._store.delete_user_data(self.workflow_key, there)
        return files

    def _update(self, record: UserData, results: Keepable, merge: bool) -> tuple[str, Fitted] | None:
        before = record.data if merge and record.data is not None else {}
        if not isinstance(before, dict):
            raise ConflictError(
                f"{self._label}: output record {record.key} holds data of this run that is not "
                "an object, so nothing can be added to it"
            )
        fitted = fit(self._store, results, before)
        try:
            self._store.update_user_data(self.workflow_key, [record.key], [fitted[0]], revs=[record.rev])
        except (ConflictError, NotFoundError):
            return None
        return record.key, fitted

    def _add_output(self, results: Keepable) -> tuple[str, Fitted]:
        fitted = fit(self._store, results)
        [added] = self._store.add_user_data(
            self.workflow_key, [fitted[0]], job_keys=[self.key], role=OUTPUT, names=[output_name(self.name)]
        )
        for _ in range(_TRIES):
            first = self._output_record()
            if first is None or first.key == added:
                break
            # Another process of this run added its own at the same time; the older one stays.
            if (stored := self._update(first, results, merge=True)) is not None:
                self._store.delete_user_data(self.workflow_key, [added])
                return stored
        return added, fitted

    def _output_record(self) -> UserData | None:
        return result_record(self.user_data(OUTPUT), self.name)


def _of_this_run(job: JobRecord, rev: str | None) -> bool:
    if job.status != RUNNING or rev is None or job.rev is None:
        return False
    return rev.isdecimal() and job.rev.isdecimal() and int(rev) > int(job.rev)


class RunFiles:
    """What the processes of a job's runs leave for each other in files, where its store has no revs.

    They are in the folder of a runner's outputs, which all processes of a run see.

    Parameters
    ----------
    output_dir : str
    job : tuple
        What tells the job from all others, also from one of the same key in another database.
    run : tuple
        What tells this run of it from the others.
    """

    def __init__(self, output_dir: str, job: tuple[object, ...], run: tuple[object, ...]) -> None:
        self._folder = os.path.join(output_dir, ".torc_frames")
        self._added = os.path.join(self._folder, f"added-{_digest(job)}")
        self._stored = os.path.join(self._folder, f"stored-{_digest((*job, *run))}")
        self._run = _digest(run)

    def is_first(self) -> bool:
        """Return whether this process is the first of the run that stores results.

        Where nobody can tell, it is not: adding to what is there loses nothing.
        """
        if self._stored in _first:
            return True
        try:
            os.makedirs(self._folder, exist_ok=True)
            os.close(os.open(self._stored, os.O_CREAT | os.O_EXCL, 0o600))
        except OSError:
            return False
        _first.add(self._stored)
        return True

    def note_added(self, record_keys: Iterable[str]) -> None:
        """Note which records this run has added; where that fails, the next run leaves them alone."""
        line = json.dumps([self._run, *record_keys]) + "\n"
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(self._added, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            return

    def added_earlier(self) -> set[str]:
        """Return the records that earlier runs have added, as far as that was noted."""
        try:
            with open(self._added, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        except (OSError, ValueError, RecursionError):
            return set()
        return {str(key) for run, *keys in lines if run != self._run for key in keys}


def _digest(what: tuple[object, ...]) -> str:
    return blake2b(repr(what).encode(), digest_size=16).hexdigest()
