"""Whether something else than SQLite has written over an open database, and its log is of no use any more.

In WAL mode nothing but a checkpoint writes to the database. Its index says how far the last one came, and how
far one has begun to go, before it writes. If that stays as it was while the file changes, somebody has
copied another file over it. What is in the log then must not be read with it, or be written into it.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import NamedTuple

from torc_frames.store.sqlite.identity import FileId, file_id
from torc_frames.store.sqlite.locks import CHECKPOINT, WRITER, flock, is_locked, let_go, lock, lock_range

if sys.platform == "linux":
    import fcntl

    _ASKED = flock(fcntl.F_WRLCK, *CHECKPOINT)

__all__ = ["INDEX_BYTES", "FileWatch", "is_brought_in", "is_long", "restored", "times_overwritten"]

# See "wal.c" of SQLite: the index begins with two copies of a header, and says then what was brought into
# the database.
INDEX_BYTES = 136
"""How much of the index says what there is, and what was brought in."""
_HEADER_BYTES = 48
_FRAMES_AT, _DONE_AT, _BEGUN_AT = 16, 96, 128
_PROGRESS = struct.Struct("32x 8s 56x 4s 28x 4s 4x").unpack  # the salts, what was done and what was begun
_LONG_FRAMES = 1000  # as SQLite does by itself
# Page 1 and the first of every table's: that of the workflows changes with every write.
_HEAD_BYTES = 2**16

times_overwritten: dict[FileId | None, int] = {}
"""How often this process has noticed that a file was written over."""
restored: set[FileId | None] = set()
"""Files that were written over. The log of the first write has to be brought into them: to copy the same file
over them once more would change nothing else, and could not be noticed."""


class _Seen(NamedTuple):
    """What a database was like when no checkpoint was under way."""

    progress: tuple[bytes, ...]
    look: tuple[int, int, int]
    head: bytes | None
    """None if a checkpoint had begun, which may have died: nothing can be told from this then."""


class FileWatch:
    """Watches an open database in WAL mode."""

    def __init__(self, file: str, descriptor: int, index: int) -> None:
        self._file = file
        self._descriptor = descriptor
        self._index = index
        self._id = os.fstat(descriptor).st_dev, os.fstat(descriptor).st_ino
        self._seen = self._now()

    def notice(self, index: bytes, found: os.stat_result) -> None:
        """Count it if the file was written over, and take its log away.

        Parameters
        ----------
        index : bytes
            The beginning of the index, from before the file was looked at: what a checkpoint changes there,
            it changes before it writes.
        found : os.stat_result
            What the file looked like.
        """
        if _look(found) != self._seen.look or _progress(index) != self._seen.progress:
            self.settle()

    def settle(self) -> bool:
        """Do so whatever it looked like, and return whether the log that is there is of what is there."""
        with lock:
            if not self._is_overwritten():
                return True
            times_overwritten[self._id] = times_overwritten.get(self._id, 0) + 1
            restored.add(self._id)
            return self._take_log_away()

    def is_sighted(self) -> bool:
        """Return whether anything could be noticed; not after a crash, until the log was brought in."""
        return _is_at_rest(self._read_index())

    def _is_overwritten(self) -> bool:
        seen, progress = self._seen, self._progress()
        look = _look(os.fstat(self._descriptor))
        if progress != seen.progress or seen.head is None:
            self._seen = self._now()
            return False
        if look == seen.look:
            return False
        head = self._head()
        # Old versions of SQLite don't say what they begin, but lock it.
        if is_locked(self._index, _ASKED) or self._progress() != progress:
            return False
        if (look[0], head) == (seen.look[0], seen.head):  # by `touch`, `chmod` or a new link
            self._seen = seen._replace(look=look)
            return False
        return True

    def _take_log_away(self) -> bool:
        """Empty the log, and have everybody who uses it read it anew; False while somebody writes."""
        try:
            index = os.open(f"{self._file}-shm", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # a user who can only read it does not write to it either
            return False
        try:
            if file_id(index) != file_id(self._index):
                return False
            for where in (WRITER, CHECKPOINT):
                if not lock_range(index, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, where):
                    return False
            # Another process may have done it, and somebody may have written since.
            if self._progress() == self._seen.progress:
                os.pwrite(index, bytes(2 * _HEADER_BYTES), 0)
                os.truncate(f"{self._file}-wal", 0)
            self._seen = self._now()
            return True
        finally:
            lock_range(index, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, (0, 0))
            let_go([index])

    def _now(self) -> _Seen:
        index = self._read_index()
        look = _look(os.fstat(self._descriptor))
        return _Seen(_progress(index), look, self._head() if _is_at_rest(index) else None)

    def _progress(self) -> tuple[bytes, ...]:
        return _progress(self._read_index())

    def _read_index(self) -> bytes:
        return os.pread(self._index, INDEX_BYTES, 0)

    def _head(self) -> bytes:
        return os.pread(self._descriptor, _HEAD_BYTES, 0)


def _look(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _progress(index: bytes) -> tuple[bytes, ...]:
    return _PROGRESS(index) if len(index) == INDEX_BYTES else ()


def _is_at_rest(index: bytes) -> bool:
    """Return whether nobody has begun to bring anything of the log into the database, or to begin it anew."""
    if len(index) < INDEX_BYTES or index[:_HEADER_BYTES] != index[_HEADER_BYTES : 2 * _HEADER_BYTES]:
        return False
    frames, done, begun = (_number(index, at) for at in (_FRAMES_AT, _DONE_AT, _BEGUN_AT))
    return begun == done <= frames


def is_brought_in(index: bytes) -> bool:
    """Return whether all of the log is in the database, so that the next write may begin it anew."""
    return index[_FRAMES_AT : _FRAMES_AT + 4] == index[_DONE_AT : _DONE_AT + 4]


def is_long(index: bytes) -> bool:
    """Return whether the log is so long that it should be brought into the database."""
    return len(index) == INDEX_BYTES and _number(index, _FRAMES_AT) >= _LONG_FRAMES


def _number(index: bytes, at: int) -> int:
    return int.from_bytes(index[at : at + 4], sys.byteorder)
