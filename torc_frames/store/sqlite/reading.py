"""Connections that only read: of databases that others write, or that can't be written here."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from torc_frames.errors import TornReadError, UnavailableError
from torc_frames.store.sqlite.file import Connection, translated
from torc_frames.store.sqlite.guard import GuardState
from torc_frames.store.sqlite.identity import FileId, check_is
from torc_frames.store.sqlite.opening import guarded, readers, registry_lock, was_forked

__all__ = ["ReadConnection", "connect", "is_read_only"]

_TIMEOUT = 60.0


class ReadConnection(Connection):
    """A connection that only reads."""

    path: str
    known: FileId | None
    watched: dict[str, tuple[int, ...]]
    """Files that others may write to while they are read, and what they were like before."""
    before: GuardState | None = None
    """The state of SQLite's locks when it was opened."""

    def verify(self) -> None:
        """Raise TornReadError if what was read may not be of one moment."""
        if self.known is not None:
            check_is(self.path, self.known)
        if self.watch is not None and not self.watch.settle():
            raise TornReadError(f"{self.path} was written over while it was read")
        if any(_look(file) != look for file, look in self.watched.items()):
            raise TornReadError(f"{self.path} was written to while it was read")
        if not self.is_undisturbed(self.before):
            raise TornReadError(f"{self.path}-shm was opened in this process while {self.path} was read")


def connect(path: str, known: FileId | None, *, network: bool) -> ReadConnection:
    """Open a database for reading, without making files beside it where that is possible.

    Where there is a write-ahead log (of a process that runs or was killed, and torc leaves one even when
    it ends), SQLite reads it with the file, and with locks. Without one all is
    in the file and nobody has it open; SQLite would then make a log just to read, and leave it there, or
    fail in a read-only folder. Said to be immutable, the file is read alone and without locks: it is
    watched instead, should somebody open it meanwhile. So are file and log on a network file system, where
    a process on another machine is not seen through locks.

    Parameters
    ----------
    known : tuple of int, optional
        Which file it has to be.
    network : bool
        Whether several machines share the file.

    Raises
    ------
    UnavailableError
        If it can't be read, or is another file.
    """
    file = os.path.realpath(path)
    _refuse_after_fork(path, file)
    if known is not None:
        check_is(path, known)
    log, looks = f"{file}-wal", {file: _look(file)}
    looks[log] = _look(log)
    options, watched = "mode=ro", looks if network else {}
    in_use = _is_in_use(path, file, looks[log])
    if not in_use:
        options, watched = "mode=ro&immutable=1", {file: looks[file]}
    connection = guarded(file, _TIMEOUT, lambda: _connect(path, file, options), wanted=in_use and not network)
    connection.file, connection.path, connection.known, connection.watched = file, path, known, watched
    try:
        _hold_index(connection, path)
    except BaseException:
        connection.close()
        raise
    finally:
        connection.lock.release()
    return connection


def _connect(path: str, file: str, options: str) -> ReadConnection:
    with registry_lock, translated(path):
        connection = sqlite3.connect(
            f"{Path(file).as_uri()}?{options}",
            uri=True,
            timeout=_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            factory=ReadConnection,
        )
        connection.lock.acquire()
        readers.add(connection)
    return connection


def _hold_index(connection: ReadConnection, path: str) -> None:
    if connection.guard is None or not connection.guard.held:
        return
    with translated(path):
        connection.execute("PRAGMA user_version").fetchone()  # until something is read there is no index
    connection.guard.hold_index(_TIMEOUT)
    connection.before = connection.state()


def is_read_only(file: str) -> bool:
    """Return whether this user can only read a store: it, or files that SQLite makes beside it."""
    if not os.path.exists(file):
        return False
    beside = [f"{file}-wal", f"{file}-shm"]
    if not all(map(os.path.exists, beside)):
        beside = [os.path.dirname(file)]
    return not all(os.access(each, os.W_OK) for each in (file, *beside))


def _look(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UnavailableError(f"can not read {path}: {error.strerror or error}") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _is_in_use(path: str, file: str, log: tuple[int, ...]) -> bool:
    """Return whether there is more to read than the file, or somebody may write to it."""
    has_log = bool(log) and log[2] > 0
    has_index = bool(log) and os.path.exists(f"{file}-shm")
    if has_log and not has_index and not os.access(os.path.dirname(file), os.W_OK):
        raise UnavailableError(
            f"{path} has changes in {file}-wal, which SQLite reads only with {file}-shm, and that can't be "
            "made in a folder that can't be written: copy both files elsewhere and open the copy"
        )
    return has_log or has_index or os.path.exists(f"{file}-journal")


def _refuse_after_fork(path: str, file: str) -> None:
    with registry_lock:
        others = [other for other in readers if other.process != os.getpid() and not other.closed]
    if any(other.file == file for other in others):
        raise was_forked(path)
