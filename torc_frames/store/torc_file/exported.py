"""What ``torc workflows export`` wrote as a store, for reading."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

from torc_frames.errors import RefusedError, UnavailableError
from torc_frames.store.sqlite.file import translated
from torc_frames.store.sqlite.opening import using
from torc_frames.store.sqlite.reading import ReadConnection, connect
from torc_frames.store.torc_file.export import load
from torc_frames.store.torc_file.snapshot import TorcFileSnapshot, show_as_ours
from torc_frames.store.torc_file.store import TorcConnections, TorcFileStore

__all__ = ["ExportStore"]


def _remove(folder: str, process: int) -> None:
    if process == os.getpid():  # not in a process that was forked
        shutil.rmtree(folder, ignore_errors=True)


class ExportSnapshot(TorcFileSnapshot):
    """A `Snapshot` of an export."""

    _as_stored = False


class ExportConnections(TorcConnections):
    """Opens a database that was made of the file, and is made anew when the file is another one."""

    snapshot_class = ExportSnapshot

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._made: str | None = None
        self._of: tuple[int, ...] = ()
        """What the file was like of which that was made."""
        self._loading = threading.Lock()

    @contextmanager
    def _only_reading(self) -> Iterator[ReadConnection]:
        with closing(connect(self._database(), None, network=False)) as connection:
            with translated(self.path), using(connection):
                show_as_ours(connection)
            yield connection

    def close(self) -> None:
        """Forget what was made; it is deleted when nobody can be reading it."""
        super().close()
        self._made = None

    def _database(self) -> str:
        with self._loading:
            now = self._look()
            if self._made is None or now != self._of:
                folder = tempfile.mkdtemp(prefix="torc_frames-")
                weakref.finalize(self, _remove, folder, os.getpid())
                made = os.path.join(folder, "export.db")
                load(self.path, made)
                self._made, self._of = made, now
            return self._made

    def _look(self) -> tuple[int, ...]:
        try:
            found = os.stat(self.path)
        except OSError as error:
            raise UnavailableError(f"can not read {self.path}: {error.strerror or error}") from error
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def refuse(self) -> NoReturn:
        """Refuse to write, and say what can be done."""
        raise RefusedError(
            f"{self.path} is an export, which is only read: copy it into a store (`torc-frames copy -u "
            f"{shlex.quote(self.path)} --to study.db`), or put it on a server (`torc workflows import`)"
        )


class ExportStore(TorcFileStore):
    """Reads what ``torc workflows export`` wrote: one workflow, as its server gave it.

    It is read whole, into a temporary database, when it is first used and when it was replaced.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    StoreFileError
        If the file is no export.
    UnavailableError
        If it can not be read.
    """

    _connections: ExportConnections
    _as_stored = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._locate(path)
        self.url = self.path
        self._connections = ExportConnections(self.path)
        with self._connections.reading():
            pass

    def backup(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Refuse, as the file is all there is."""
        raise RefusedError(f"{self.path} is an export, which is copied as any other file")
