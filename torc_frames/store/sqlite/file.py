"""The file of an embedded store: is it one of ours, on what file system, and how it is opened."""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from torc_frames.errors import (
    RefusedError,
    StoreFileError,
    TorcFramesError,
    UnavailableError,
    VersionError,
)
from torc_frames.store.sqlite import schema

__all__ = [
    "Connection",
    "check_file",
    "file_system",
    "is_network",
    "is_network_kind",
    "open_file",
    "registry_lock",
    "translated",
]

_NETWORK = re.compile(
    "(nfs|smb|cifs|lustre|gpfs|mmfs|beegfs|fhgfs|ceph|9p|afs|openafs|coda|ncp|gfs|ocfs|glusterfs|panfs"
    "|pvfs|orangefs|weka|davfs|virtiofs|vboxsf|prl_fs|vmhgfs|autofs).*"
)
# A file system in user space may be anything: only these are known to be this machine's own.
_LOCAL_FUSE = re.compile(r"fuse\.(fuse-overlayfs|mergerfs|bindfs|gocryptfs|encfs|ntfs-3g)")


class Connection(sqlite3.Connection):
    """An SQLite connection that others can lock, see closed, and find by weak reference."""

    closed = True

    def __init__(self, path: str, *args: Any, **kwargs: Any) -> None:
        self.lock = RLock()
        self.file = os.path.realpath(path)
        self.process = os.getpid()
        self.reading = False
        super().__init__(path, *args, **kwargs)
        self.closed = False

    def close(self) -> None:
        """Close it; a second time does nothing."""
        self.closed = True
        super().close()

    def __del__(self) -> None:
        if not self.closed and self.process == os.getpid():
            self.close()


_open: weakref.WeakSet[Connection] = weakref.WeakSet()
registry_lock = RLock()
"""Held over a fork; guards every set of open connections."""
_inherited: list[Connection] = []


def check_file(path: str) -> bool:
    """Return whether a file is a store of ours already; False if it is still to be made.

    The file is read and nothing else, as SQLite alters files beside it even to read.

    Raises
    ------
    StoreFileError
        If it is something else.
    VersionError
        If a newer torc_frames made it.
    """
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if not os.path.isdir(parent):
            raise StoreFileError(f"can not create {path}: there is no directory {parent}") from None
        return False
    except OSError as error:
        raise UnavailableError(f"can not read {path}: {error.strerror or error}") from error
    if os.path.isdir(path):
        raise StoreFileError(f"{path} is a directory, not a torc_frames store")
    if size == 0:
        return False
    _check_ids(path, *_header_ids(path))
    return True


def _header_ids(path: str) -> tuple[int, int]:
    # By SQLite itself: on POSIX, closing a file that was opened in any other way would drop the locks
    # that connections of this process hold on it. Immutable: no lock, nothing made beside it.
    try:
        with closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        if _code(error) == sqlite3.SQLITE_NOTADB:
            raise StoreFileError(f"{path} is not a torc_frames store: not an SQLite file") from None
        if _code(error) == sqlite3.SQLITE_CORRUPT:
            return schema.APPLICATION_ID, 0  # someone is writing: `_prepare` looks again, with locks
        raise _translate(error, path) from error
    return application, version


def _check_ids(path: str, application: int, version: int) -> None:
    if application != schema.APPLICATION_ID:
        raise StoreFileError(
            f"{path} is not a torc_frames store: an SQLite database of another program "
            f"(application_id {application})"
        )
    if version > schema.VERSION:
        raise VersionError(
            f"{path} has schema {version} and this torc_frames knows schemas up to {schema.VERSION}: "
            "upgrade torc_frames"
        )


def file_system(path: str, mounts: str) -> str | None:
    """Return the type of the file system that holds an absolute path.

    Parameters
    ----------
    path : str
        Without symbolic links.
    mounts : str
        The text of ``/proc/self/mounts``.
    """
    found, longest = None, -1
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1]).rstrip("/")
        # Of two mounts on one point the later hides the earlier.
        if len(mount) >= longest and (path == mount or path.startswith(mount + "/")):
            found, longest = fields[2], len(mount)
    return found


def is_network(path: str) -> bool:
    """Return whether a file is on a file system that several machines share, as far as can be told."""
    if sys.platform == "win32":
        return os.path.realpath(path).startswith(("\\\\", "//"))
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return False
    return is_network_kind(file_system(os.path.realpath(path), mounts) or "")


def is_network_kind(kind: str) -> bool:
    """Return whether a type of file system, as the kernel names it, is shared between machines."""
    if kind.startswith("fuse."):
        return _LOCAL_FUSE.fullmatch(kind) is None
    return _NETWORK.fullmatch(kind) is not None


def open_file(path: str, *, network: bool, timeout: float, reading: bool = False) -> Connection:
    """Open a store, making it if there is none; `reading` says that it is for a snapshot."""
    connection = _connect(path, timeout, reading)
    try:
        with translated(path):
            _prepare(connection, path, network, timeout)
    except BaseException:
        connection.close()
        raise
    finally:
        connection.lock.release()
    return connection


def _connect(path: str, timeout: float, reading: bool) -> Connection:
    """Return a connection that is locked and registered, but not prepared."""
    file = os.path.realpath(path)
    if any(connection.file == file for connection in _inherited):
        raise UnavailableError(
            f"{path} was being read when this process was forked, so SQLite can't lock it here: "
            "fork at another time or start processes by 'spawn'"
        )
    with registry_lock, translated(path):
        # A file that is open in this process was checked when it was opened first.
        if not any(connection.file == file and not connection.closed for connection in _open):
            check_file(path)
        connection = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False, factory=Connection
        )
        connection.reading = reading
        connection.lock.acquire()
        _open.add(connection)
    return connection


def _prepare(connection: Connection, path: str, network: bool, timeout: float) -> None:
    if _version(connection) < schema.VERSION:
        _create(connection, path)
    # The header may be older than what is still in the write-ahead log.
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    _check_ids(path, application, _version(connection))
    mode = _set_journal(connection, "delete" if network else "wal", timeout)
    if network and mode != "delete":
        raise UnavailableError(f"{path} is on a network file system and in use without regard to that")
    # In rollback-journal mode NORMAL may lose, or even damage, what a crash of the machine interrupts.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute("PRAGMA foreign_keys = ON")


def _version(connection: Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _create(connection: Connection, path: str) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            _check_ids(path, application, _version(connection))
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
            if not _is_busy(error):
                raise
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == wanted or time.monotonic() > deadline:
            return str(mode)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn what SQLite raises into errors of this package."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error
    except UnicodeEncodeError as error:
        reason = f"text that is not Unicode can not be kept: {error.object!r}"
        raise RefusedError(reason) from error


def _translate(error: sqlite3.Error, path: str) -> TorcFramesError:
    code = _code(error)
    if _is_busy(error):
        return UnavailableError(f"{path} stayed locked by another process: {error}")
    if code == sqlite3.SQLITE_NOTADB or code == sqlite3.SQLITE_CORRUPT:
        return StoreFileError(f"{path} is damaged or not a torc_frames store: {error}")
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, sqlite3.DataError):
        return RefusedError(f"a value is too large for {path}: {error}")
    if code == sqlite3.SQLITE_FULL:
        return UnavailableError(f"nothing was written to {path}: {error}")
    if code == sqlite3.SQLITE_READONLY:
        return UnavailableError(f"{path} can not be written: {error}")
    return UnavailableError(f"{path}: {error}")


def _before_fork() -> None:
    # A connection carried over a fork makes SQLite believe in locks that the child does not hold.
    registry_lock.acquire()
    for connection in list(_open):
        if connection.closed or connection.reading or not connection.lock.acquire(timeout=10):
            continue
        try:
            if not connection.in_transaction:
                connection.close()
        finally:
            connection.lock.release()


def _after_fork_in_child() -> None:
    # What is still open is kept for good: closing it, too, would spoil locks.
    _inherited.extend(connection for connection in _open if not connection.closed)
    _open.clear()
    registry_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=registry_lock.release, after_in_child=_after_fork_in_child
    )
