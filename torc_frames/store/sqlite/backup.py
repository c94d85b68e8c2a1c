"""A whole copy of a database that others write meanwhile."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path

from torc_frames.errors import RefusedError, TorcFramesError, UnavailableError
from torc_frames.files.whole import beside, put
from torc_frames.settings import database_path
from torc_frames.store.sqlite.file import Connection, translated
from torc_frames.store.sqlite.opening import let_fork, using
from torc_frames.store.whole import read_whole

__all__ = ["Moment", "back_up"]

Moment = AbstractContextManager[tuple[Connection, Callable[[], None]]]
"""Lends a connection that shows one moment, and what raises if it did not."""

_PAGES = 4096
_BESIDE = ("-wal", "-shm", "-journal")


def back_up(
    source: str, moment: Callable[[], Moment], path: str | os.PathLike[str], *, overwrite: bool
) -> Path:
    """Copy a database, with what is in its log, and return where to.

    The copy is of one moment, so that writers neither wait (but on a network file system) nor keep it from
    ending. It appears under its name when it is whole and on the disk.

    Raises
    ------
    RefusedError
        If there is a file, unless `overwrite` is set; or files of another database are beside it.
    UnavailableError
        If the source can't be read or the copy not be written.
    """
    target = _target(path)
    try:
        _check_target(source, target, overwrite)
        with beside(target) as copy:
            read_whole(source, lambda: _copy(source, moment, copy))
            _check_target(source, target, overwrite)
            put(copy, os.path.realpath(target) if overwrite else target, overwrite=overwrite)
    except TorcFramesError:
        raise
    except FileExistsError:
        raise RefusedError(f"{target} exists: name another file, or say overwrite") from None
    except OSError as error:
        raise UnavailableError(f"can not write {target}: {error.strerror or error}") from error
    return Path(target)


def _target(path: str | os.PathLike[str]) -> str:
    try:
        named = database_path(os.fspath(path))
        if named is not None:
            os.stat(named)  # some texts can be no file's name
    except OSError:
        pass  # it is still to be made
    except RefusedError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise RefusedError(f"a backup is a file, and {path!r} can not be the path of one: {error}") from None
    if named is None:
        raise RefusedError(f"a backup is a file, not {path}; client.copy copies workflows to a server")
    return os.path.abspath(named)


def _check_target(source: str, target: str, overwrite: bool) -> None:
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RefusedError(f"can not make {target}: there is no folder {folder}")
    if os.path.isdir(target):
        raise RefusedError(f"{target} is a folder: name a file in it")
    if os.path.exists(target):
        if os.path.samefile(source, target):
            raise RefusedError(f"{target} is the store itself: name another file")
        if not os.path.isfile(target):
            raise RefusedError(f"{target} is no regular file: name another one")
        if not overwrite:
            raise RefusedError(f"{target} exists: name another file, or say overwrite")
    # SQLite would read them as part of the copy.
    real = os.path.realpath(target)
    found = [f"{real}{end}" for end in _BESIDE if os.path.lexists(f"{real}{end}")]
    if found:
        raise RefusedError(
            f"{' and '.join(found)} would be taken for parts of the copy: somebody has {target} open, or was "
            "killed while it was open; name another file"
        )


def _copy(source: str, moment: Callable[[], Moment], copy: str) -> None:
    with suppress(FileNotFoundError):  # of an attempt before
        os.unlink(copy)
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with moment() as (connection, verify):
        with (
            translated(copy),
            using(connection),
            closing(sqlite3.connect(copy, isolation_level=None)) as made,
        ):
            # It has no name yet under which anybody would look for it after a crash.
            made.execute("PRAGMA journal_mode = OFF")
            made.execute("PRAGMA synchronous = OFF")
            connection.backup(made, pages=_PAGES, progress=partial(_interrupted, connection))
        mode = stat.S_IMODE(os.stat(source).st_mode)
        verify()
    os.chmod(copy, mode & 0o666 | 0o600)


def _interrupted(connection: Connection, *progress: int) -> None:
    """Let other threads fork; and that it is Python lets signals through."""
    connection.lock.release()
    try:
        let_fork()
    finally:
        connection.lock.acquire()
