"""Rows that a job logs: gathered in this process, and written together to the job's store."""

from __future__ import annotations

import atexit
import logging
import math
import os
import secrets
import threading
import time
import weakref
from collections.abc import Mapping
from itertools import accumulate, pairwise
from multiprocessing import util
from typing import TYPE_CHECKING, Any

import msgspec

from torc_frames.errors import NotFoundError, Problem, RefusedError, TorcFramesError, counted, warn
from torc_frames.frame.flatten import Path, join
from torc_frames.frame.results import result_value
from torc_frames.frame.values import RefusalError
from torc_frames.store.records import SeriesChunk

if TYPE_CHECKING:
    from torc_frames.store.base import Store

__all__ = ["flush_all", "series_writer"]

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
"""How often what was logged is written; what can't be is tried again after ten times as long as that took."""

_CHUNK_BYTES = 128 * 1024
"""From how many on rows are written at once."""

_MOST_ROW_BYTES = 64 * 1024
_MOST_BYTES = 8 * 2**20
"""How much may wait to be written, as while a server does not answer."""

_PLAIN = frozenset({int, str, bool})
_encode = msgspec.json.Encoder().encode

Odd = list[tuple[int, list[str], Any]]


class SeriesWriter:
    """Keeps the rows of a job until its store has them.

    A thread of this process writes them, once a second, and sooner when there are many. What could not be
    written is kept and tried again. A row is in the store when a `flush` that began after it has returned.

    Parameters
    ----------
    store : Store
    workflow_key, job_key : str
    run : tuple
        See `series_writer`.
    label : str
        Whose they are, for messages.

    Raises
    ------
    RefusedError
        If the store keeps no rows.
    """

    def __init__(
        self, store: Store, workflow_key: str, job_key: str, run: tuple[int | None, int], label: str
    ) -> None:
        store.add_series(workflow_key, [])
        self._store = store
        self._workflow_key = workflow_key
        self._job_key = job_key
        self._run = run
        self._label = label
        self._begin()

    def _begin(self) -> None:
        self._name = secrets.token_hex(8)
        self._count = 0
        self._size = 0
        self._rows: list[bytes] = []
        self._times: list[int] = []
        self._odd: Odd = []
        self._sending: SeriesChunk | None = None
        self._told: str | None = None
        self._adding = threading.Lock()
        self._flushing = threading.Lock()

    def add(self, values: Mapping[str, Any]) -> None:
        """Add a row; only when very much waits it is written first."""
        row, odd = _row(values)
        if len(row) > _MOST_ROW_BYTES:
            raise RefusedError(
                f"a row of {len(row):,} bytes is too large for a series: store a file and tf.Pointer(path)"
            )
        if self._size > _MOST_BYTES:
            self.flush()
        now = time.time_ns() // 1_000
        with self._adding:
            first = not self._rows
            if odd:
                self._odd += [(len(self._rows), path, kind) for path, kind in odd]
            self._rows.append(row)
            self._times.append(now)
            before, self._size = self._size, self._size + len(row)
        if first or before < _CHUNK_BYTES <= self._size:
            _thread.expect(self, soon=not first)

    def flush(self) -> None:
        """Write all that was added before; what can't be written is kept for the next time."""
        with self._flushing:
            while chunk := self._next():
                self._store.add_series(self._workflow_key, [chunk])
                self._sending = None
            self._told = None

    def waiting(self) -> int:
        """Return how many rows are not written yet."""
        return len(self._rows) + len(self._sending or ())

    def flush_or_tell(self) -> bool:
        """Write all, or warn of why not, of each reason once; return whether it is to be tried again."""
        try:
            self.flush()
        except (TorcFramesError, OSError) as error:
            again = not isinstance(error, NotFoundError | RefusedError)
            if self._told != str(error):
                self._told = str(error)
                count, yet = self.waiting(), " yet" if again else ""
                rows = f"{counted(count, 'row')} that it logged {'is' if count == 1 else 'are'}"
                warn(f"{self._label}: {rows} not stored{yet}: {error}")
            return again
        return False

    def forget(self) -> None:
        """Begin anew without the rows that another process, of which this is a fork, will write."""
        self._begin()

    def _next(self) -> SeriesChunk | None:
        """Return what is to be written next: what was tried before, or what has been added since."""
        if self._sending is None and self._rows:
            run_id, attempt_id = self._run
            if run_id is None:
                run_id = self._store.get_job(self._job_key, self._workflow_key).run_id
            rows, times, odd = self._take()
            self._sending = SeriesChunk(
                job_key=self._job_key,
                run_id=run_id,
                attempt_id=attempt_id,
                writer=self._name,
                number=self._count,
                times=[times[0], *(later - earlier for earlier, later in pairwise(times))],
                odd=odd,
                rows=b"\n".join(rows).decode(),
            )
            self._count += 1
        return self._sending

    def _take(self) -> tuple[list[bytes], list[int], Odd]:
        """Return the oldest rows, as many as are written at once, and keep the others."""
        with self._adding:
            rows, times, odd = self._rows, self._times, self._odd
            ends = accumulate(map(len, rows))
            count = next((at for at, end in enumerate(ends, 1) if end >= 2 * _CHUNK_BYTES), len(rows))
            self._rows, self._times = rows[count:], times[count:]
            self._odd = [(row - count, path, kind) for row, path, kind in odd if row >= count]
            self._size = sum(map(len, self._rows))
            return rows[:count], times[:count], [one for one in odd if one[0] < count]


class _Thread:
    """The one thread of a process that writes what was logged in it."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._due: dict[SeriesWriter, float] = {}
        self._runs = False

    def expect(self, writer: SeriesWriter, *, soon: bool) -> None:
        """Write what a writer has in a second, or soon."""
        with self.changed:
            due = time.monotonic() + (0 if soon else INTERVAL_S)
            earlier = due < min(self._due.values(), default=math.inf)
            self._due[writer] = min(due, self._due.get(writer, due))
            if not self._runs:
                self._runs = True
                _at_exit()
                threading.Thread(target=self._work, name="torc_frames-series", daemon=True).start()
            if earlier:
                self.changed.notify()

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self._due or min(self._due.values()) > time.monotonic():
                    first = min(self._due.values(), default=None)
                    self.changed.wait(None if first is None else max(0.0, first - time.monotonic()))
                writer = min(self._due, key=self._due.__getitem__)
                del self._due[writer]
            began = time.monotonic()
            if _tried(writer) and writer.waiting():
                pause = max(INTERVAL_S, 10 * (time.monotonic() - began))
                with self.changed:
                    self._due.setdefault(writer, time.monotonic() + pause)


_writers: weakref.WeakValueDictionary[tuple[object, ...], SeriesWriter] = weakref.WeakValueDictionary()
"""By job and run; one is kept by the thread for as long as it has rows."""
_thread = _Thread()


def series_writer(
    store: Store, workflow_key: str, job_key: str, run: tuple[int | None, int], label: str
) -> SeriesWriter:
    """Return what writes the rows of a job: that of an earlier handle, if it has some still.

    Parameters
    ----------
    run : tuple
        Which run and attempt rows are of; None for the run that is the job's when they are written.
    """
    key = (store.url, workflow_key, job_key, run)
    with _thread.changed:
        writer = _writers.get(key)
    if writer is None:
        writer = SeriesWriter(store, workflow_key, job_key, run, label)
        with _thread.changed:
            writer = _writers.setdefault(key, writer)
    return writer


def flush_all() -> None:
    """Write all that was logged in this process, or warn of what could not be."""
    # Other threads may begin to log meanwhile; the lock may be one that a fork has left held.
    for writer in [reference() for reference in _writers.valuerefs()]:
        if writer is not None and writer.waiting():
            _tried(writer)


def _tried(writer: SeriesWriter) -> bool:
    """Write all, whatever that raises, and return whether it is to be tried again; others have rows, too."""
    try:
        return writer.flush_or_tell()
    except Exception:
        log.exception("rows that a job logged are not stored yet")
        return True


def _at_exit() -> None:
    """Write what there is when the process ends; that of `multiprocessing` does not run `atexit`."""
    atexit.unregister(flush_all)
    atexit.register(flush_all)
    util.Finalize(None, flush_all, exitpriority=100)


def _after_fork() -> None:
    global _thread
    _thread = _Thread()
    for writer in list(_writers.values()):
        writer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _row(values: Mapping[str, Any]) -> tuple[bytes, list[tuple[list[str], str]]]:
    """Return a row as JSON, and what of it JSON has not."""
    if all(
        type(value) in _PLAIN or (type(value) is float and value - value == 0) for value in values.values()
    ):
        try:
            return _encode(values), []
        except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
            pass  # it is said below what is wrong, and an integer may be of more than 64 bits
    odd: list[tuple[list[str], str]] = []
    problems: list[Problem] = []
    kept = _scalars(values, (), odd, problems)
    if problems:
        raise RefusedError(problems)
    return _encode(kept), odd


def _scalars(
    values: Mapping[str, Any], above: Path, odd: list[tuple[list[str], str]], problems: list[Problem]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value:
            kept[str(name)] = _scalars(value, path, odd, problems)
            continue
        try:
            number = _number(value)
            if number is not None:
                odd.append((list(path), str(number)))
            found = None if number is not None else result_value(value)
            if isinstance(found, list | dict):
                raise RefusalError(
                    f"a {type(value).__name__} is no scalar, as all values of a row are: log its items by "
                    "name, or store() it"
                )
            kept[str(name)] = found
        except RefusalError as refusal:
            problems.append(Problem(None, join(path), str(refusal)))
    return kept


def _number(value: Any) -> float | None:
    """Return what is NaN or infinite as a float, None for all else."""
    if getattr(value, "shape", None) == () and hasattr(value, "tolist"):
        value = value.tolist()
    return float(value) if isinstance(value, float) and not math.isfinite(value) else None
