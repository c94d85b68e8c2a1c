"""Opening the file of an embedded store, and what a fork does to what is open."""

from __future__ import annotations

import atexit
import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import TypeVar

from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite import guard as guards
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite.file import Connection, check_file, check_ids, is_busy, translated
from torc_frames.store.sqlite.identity import FileId, check_is, file_id

__all__ = [
    "close_idle",
    "guarded",
    "let_fork",
    "open_file",
    "readers",
    "registry_lock",
    "using",
    "was_forked",
]

C = TypeVar("C", bound=Connection)

_open: weakref.WeakSet[Connection] = weakref.WeakSet()
registry_lock = RLock()
"""Held over a fork; guards every set of open connections."""
readers: weakref.WeakSet[Connection] = weakref.WeakSet()
"""Open connections that only read, and may be to the file of another program."""
_inherited: list[Connection] = []
_held: list[Connection] = []
"""Connections that are held over a fork."""
_FORK_SECONDS = 10.0
"""How long a fork waits for each connection."""


def let_fork() -> None:
    """Wait for who is about to fork; a busy thread would never let it otherwise."""
    with registry_lock:
        pass


class using:  # noqa: N801 - used like a function
    """Holds a connection while SQLite works on it: who is about to fork waits until it is done.

    A mutex of SQLite that a thread holds when another one forks is never given back in the child.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        """Wait until nobody forks, and until no other thread uses the connection."""
        let_fork()
        self._connection.lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Let others have it."""
        self._connection.lock.release()


def open_file(
    path: str,
    *,
    network: bool,
    timeout: float,
    known: FileId | None = None,
    create: bool = True,
    reading: bool = False,
) -> Connection:
    """Open a store.

    Parameters
    ----------
    network : bool
        Whether several machines share the file.
    timeout : float
        How long to wait for others, in seconds.
    known : tuple of int, optional
        Which file it has to be.
    create : bool
        Whether to make a store where there is none.
    reading : bool
        Whether it is for a snapshot.

    Raises
    ------
    UnavailableError
        If it is another file than the one that is known, or can't be opened.
    StoreFileError, VersionError
        See `check_file`.
    """
    file = os.path.realpath(path)
    # Before anything else: SQLite's own mutexes may have been held when this process was forked.
    if any(connection.file == file for connection in _inherited):
        raise was_forked(path)
    connection, mode = _opened(path, file, network, timeout, known, create, reading)
    guard = connection.guard
    if mode != "wal" or not guards.AVAILABLE or (guard is not None and guard.held):
        return connection
    # It is in WAL mode only now. It has to be held from before SQLite opens it.
    connection.close()
    return _opened(path, file, network, timeout, known, create, reading)[0]


def _opened(
    path: str, file: str, network: bool, timeout: float, known: FileId | None, create: bool, reading: bool
) -> tuple[Connection, str]:
    """Return a new connection and the mode of its journal."""
    _leave_former(path, file, known)
    connection = guarded(file, timeout, lambda: _connect(path, file, timeout, create), wanted=not network)
    guard, connection.reading = connection.guard, reading
    try:
        with translated(path):
            mode = _prepare(connection, path, network, timeout)
        if guard is not None and guard.held:
            guard.hold_index(timeout)
            with translated(path):
                if not reading:
                    # By itself, SQLite does so within COMMIT: it could not be looked at the file before.
                    connection.execute("PRAGMA wal_autocheckpoint = 0")
                if guard.watch is not None and not guard.watch.is_sighted():
                    connection.execute("PRAGMA wal_checkpoint").fetchone()
        connection.id = file_id(path) if guard is None else guard.id
        if connection.id is not None:
            check_is(path, known or connection.id)
    except BaseException:
        connection.close()
        raise
    finally:
        connection.lock.release()
    return connection, mode


def guarded(file: str, timeout: float, connect: Callable[[], C], *, wanted: bool) -> C:
    """Return a connection to a file that is held, where that is wanted, from before it was opened."""
    guard = guards.take(file) if wanted else None
    try:
        if guard is not None:
            guard.hold(timeout)
        connection = connect()
    except BaseException:
        if guard is not None:
            guard.drop()
        raise
    connection.guard = guard
    return connection


def was_forked(path: str) -> UnavailableError:
    """Return the error that a fork came in between: SQLite would believe in locks that are the parent's."""
    return UnavailableError(
        f"{path} was being read when this process was forked, so SQLite can't lock it here: "
        "fork at another time or start processes by 'spawn'"
    )


def close_idle(file: str, other_than: FileId | None) -> None:
    """Close the connections to what a file was before, but for those in use."""
    with registry_lock:
        former = [each for each in _open if each.file == file and each.id not in (None, other_than)]
    _close_those_idle(former)


@atexit.register
def _close_all_idle() -> None:
    """Close all connections, but for those in use; later on, what that takes may be gone."""
    with registry_lock:
        connections = list(_open)
    _close_those_idle(connections)


def _close_those_idle(connections: list[Connection]) -> None:
    for connection in connections:
        if connection.closed or not connection.lock.acquire(blocking=False):
            continue
        try:
            # Another thread may have closed it meanwhile, or may be about to.
            with suppress(sqlite3.ProgrammingError):
                if not connection.closed and not connection.in_transaction:
                    connection.close()
        finally:
            connection.lock.release()


def _leave_former(path: str, file: str, known: FileId | None) -> None:
    """See to it that this process has open only the file that is there now."""
    if known is not None:
        check_is(path, known)
    now = file_id(file)
    close_idle(file, now)
    with registry_lock:
        if any(each.file == file and not each.closed and each.id not in (None, now) for each in _open):
            raise UnavailableError(
                f"{path} was deleted or replaced, and this process still reads what it was before: "
                "end that first"
            )


def _connect(path: str, file: str, timeout: float, create: bool) -> Connection:
    """Return a connection that is locked and registered, but not prepared."""
    with registry_lock, translated(path):
        # A file that is open in this process was checked when it was opened first.
        exists = any(each.file == file and not each.closed for each in _open) or check_file(path)
        if not exists and not create:
            raise UnavailableError(f"{path} is gone or empty, and nothing is made in its place")
        connection = sqlite3.connect(
            f"{_uri(file)}?mode={'rwc' if create and not exists else 'rw'}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        connection.file = file
        connection.lock.acquire()
        _open.add(connection)
    return connection


@lru_cache(maxsize=16)
def _uri(file: str) -> str:
    return Path(file).as_uri()


def _prepare(connection: Connection, path: str, network: bool, timeout: float) -> str:
    """Bring the file to today's schema and its journal to what suits the file system, and return that."""
    if _version(connection) < schema.VERSION:
        _create(connection, path)
    # The header may be older than what is still in the write-ahead log.
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    check_ids(path, application, _version(connection))
    mode = _set_journal(connection, "delete" if network else "wal", timeout)
    if network and mode != "delete":
        raise UnavailableError(f"{path} is on a network file system and in use without regard to that")
    # In rollback-journal mode NORMAL may lose, or even damage, what a crash of the machine interrupts.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    return mode


def _version(connection: Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _create(connection: Connection, path: str) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            check_ids(path, application, _version(connection))
        if _version(connection) < schema.VERSION:
            schema.upgrade(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _set_journal(connection: Connection, wanted: str, timeout: float) -> str:
    # SQLite changes the mode only when nobody else reads, and does not wait for that.
    deadline = time.monotonic() + (timeout if wanted == "delete" else min(timeout, 2.0))
    pause = 0.001
    while True:
        try:
            (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == wanted or time.monotonic() > deadline:
            return str(mode)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _before_fork() -> None:
    registry_lock.acquire()
    try:
        # Until SQLite has ended what it does on it; see `using`.
        used = [each for each in (*_open, *readers) if not each.closed and each.process == os.getpid()]
        _held.extend(each for each in used if each.lock.acquire(timeout=_FORK_SECONDS))
        # A connection carried over a fork makes SQLite believe in locks that the child does not hold.
        _close_those_idle([each for each in _open if not each.reading])
    finally:
        guards.lock.acquire()


def _after_fork_in_parent() -> None:
    try:
        guards.lock.release()
        while _held:
            _held.pop().lock.release()
    finally:
        registry_lock.release()


def _after_fork_in_child() -> None:
    # What is still open is kept for good: closing it, too, would spoil locks.
    _inherited.extend(connection for connection in _open if not connection.closed)
    _open.clear()
    for connection in _inherited:
        connection.guard = None
    guards.forget()
    _after_fork_in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
