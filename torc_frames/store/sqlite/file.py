"""The file of an embedded store: is it one of ours, on what file system, and a connection to it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from contextlib import closing, suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any

from torc_frames.errors import (
    RefusedError,
    StoreFileError,
    TorcFramesError,
    UnavailableError,
    VersionError,
)
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite.guard import Guard, GuardState
from torc_frames.store.sqlite.identity import FileId
from torc_frames.store.sqlite.locks import lock
from torc_frames.store.sqlite.overwriting import FileWatch

__all__ = [
    "Connection",
    "check_file",
    "check_ids",
    "check_readable",
    "file_system",
    "is_busy",
    "is_network",
    "is_network_kind",
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
    file = ""
    """The path without symbolic links."""
    id: FileId | None = None
    reading = False
    """Whether it is a snapshot's."""
    guard: Guard | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lock = RLock()
        self.process = os.getpid()
        super().__init__(*args, **kwargs)
        self.closed = False

    def state(self, index: bytes | None = None) -> GuardState | None:
        """Return what `is_undisturbed` compares with."""
        return None if self.guard is None else self.guard.state(index)

    def is_undisturbed(self, state: GuardState | None, index: bytes | None = None) -> bool:
        """Return whether SQLite's locks, or what they are for, have been kept since; see `Guard`."""
        return self.guard is None or state is None or self.guard.is_undisturbed(state, index)

    @property
    def watch(self) -> FileWatch | None:
        """What notices that the file is written over."""
        return None if self.guard is None else self.guard.watch

    def is_outgrown(self) -> bool:
        """Return whether the file is in WAL mode by now, and was not when this was opened."""
        return self.guard is not None and not self.guard.held and self.guard.is_wal()

    def close(self) -> None:
        """Close it; a second time does nothing."""
        self.closed = True
        guard, self.guard = self.guard, None
        with lock:  # nobody forks meanwhile
            if guard is None or self.process != os.getpid():
                super().close()
            else:
                guard.close(super().close, self._empty_log)

    def _empty_log(self) -> None:
        """Write the log into the file, which is another one than that at the path."""
        with suppress(sqlite3.Error):  # it was damaged, and is of no use any more
            self.rollback()
            self.execute("PRAGMA busy_timeout = 0")
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def __del__(self) -> None:
        if not self.closed and self.process == os.getpid():
            self.close()


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
        found = os.stat(path)
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if not os.path.isdir(parent):
            raise StoreFileError(f"can not create {path}: there is no directory {parent}") from None
        return False
    except OSError as error:
        raise UnavailableError(f"can not read {path}: {error.strerror or error}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StoreFileError(f"{path} is {kind}, not a torc_frames store")
    if found.st_size == 0:
        return False
    check_ids(path, *_header_ids(path))
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


def check_ids(path: str, application: int, version: int) -> None:
    """Raise unless a file with these numbers in its header is a store that can be used."""
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


def check_readable(connection: Connection, path: str) -> None:
    """Raise unless a store that can't be written has a schema that can be read as it is."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    check_ids(path, application, version)
    if version < schema.OLDEST_READ:
        raise VersionError(
            f"{path} has the older schema {version}, and can't be brought to schema {schema.VERSION} where "
            "it can't be written: copy it to where it can"
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


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether others had the file locked."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class translated:  # noqa: N801 - used like a function
    """Turns what SQLite raises into errors of this package."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what the error is to users."""
        if isinstance(error, sqlite3.Error):
            raise _translate(error, self._path) from error
        if isinstance(error, UnicodeEncodeError):
            reason = f"text that is not Unicode can not be kept: {error.object!r}"
            raise RefusedError(reason) from error


def _translate(error: sqlite3.Error, path: str) -> TorcFramesError:
    code = _code(error)
    if is_busy(error):
        return UnavailableError(f"{path} stayed locked by another process: {error}")
    if code == sqlite3.SQLITE_NOTADB or code == sqlite3.SQLITE_CORRUPT:
        return StoreFileError(f"{path} is damaged or not a torc_frames store: {error}")
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, sqlite3.DataError):
        return RefusedError(f"a value is too large for {path}: {error}")
    if code == sqlite3.SQLITE_FULL:
        return UnavailableError(f"nothing was written to {path}: {error}")
    if code == sqlite3.SQLITE_READONLY:
        return UnavailableError(f"{path} can not be written: {error}")
    if code == sqlite3.SQLITE_CANTOPEN and not os.path.exists(path):
        folder = os.path.dirname(path)
        return UnavailableError(f"can not make {path}: {folder} can not be written by this user")
    return UnavailableError(f"{path}: {error}")
