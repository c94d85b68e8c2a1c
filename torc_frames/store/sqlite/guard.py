"""Locks on an open store that no other opening and closing of its files in this process drops.

SQLite's locks are POSIX locks, and those of a process on a file are dropped when any descriptor of that file
is closed in it: `shutil.copy` of an open database does. The next one to close the database anywhere then
takes itself for the last, and removes the write-ahead log with what is still to be written through it. Locks
of an open file description, which only Linux has, stay. A read lock beside SQLite's own keeps every process
from being the last.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from threading import get_ident
from typing import NamedTuple

from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite.identity import FileId, file_id
from torc_frames.store.sqlite.locks import (
    CHECKPOINT,
    WRITER,
    flock,
    is_locked,
    kept,
    let_go,
    lock,
    lock_range,
    opened,
)
from torc_frames.store.sqlite.overwriting import INDEX_BYTES, FileWatch

if sys.platform == "linux":
    import fcntl

__all__ = ["AVAILABLE", "Guard", "GuardState", "can_guard", "forget", "lock", "take"]

AVAILABLE = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")
"""Whether this system has locks of open file descriptions."""

# See "os_unix.c" of SQLite: bytes of the database, and of its index, that it locks.
_SHARED = (0x40000002, 510)  # all who use the database; who is to be the last one locks it for writing
_IN_USE = (128, 1)  # in the index: all who use it; who finds it free makes the index anew
_MARKS = 2**40  # from here on, bytes that nobody locks but a process for itself

_BESIDE = ("-wal", "-shm")
_HEADER_BYTES = 48  # of the index: every write changes them
_WAL = b"\2\2"
_WAL_AT = 18
_PAUSE = 0.001
_SETTLING = 2.0
_COPYING = 60.0

_guards: dict[FileId, Guard] = {}


class GuardState(NamedTuple):
    """How often SQLite's locks were dropped, and how the index of the log begins."""

    touches: int
    head: bytes


class Guard:
    """Holds one file for all connections that this process has to it.

    Attributes
    ----------
    id : tuple of int
        Which file it is, whatever its path names meanwhile.
    held : bool
        Whether nobody can remove the file's log; only of a file in WAL mode.
    watch : Watch, optional
        Notices that the file is written over; only of one that is held, and open in SQLite.
    """

    def __init__(self, file: str, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self.file = file
        self.id = found.st_dev, found.st_ino
        self.held = False
        self.watch: FileWatch | None = None
        self.users = 0
        self._descriptor = descriptor
        self._index: int | None = None
        self._log: FileId | None = None
        self._mark = (_MARKS + secrets.randbits(60), 1)
        self._mark_asked = flock(fcntl.F_WRLCK, *self._mark)
        self._touches = 0
        self._writer: int | None = None  # the thread that owns the lock for writing

    def is_wal(self) -> bool:
        """Return whether the file is in WAL mode by now."""
        return os.pread(self._descriptor, len(_WAL), _WAL_AT) == _WAL

    def hold(self, timeout: float) -> bool:
        """Hold the file if it is in WAL mode, and return whether it is held."""
        if not self.held and self._is_log_of_another_file():
            log, index = f"{self.file}-wal", f"{self.file}-shm"
            raise UnavailableError(
                f"{self.file} was deleted or replaced while a process had it open, and that process still "
                f"uses {log}, which belongs to the former file: end that process, delete {log} and {index} "
                "if they are still there then, and connect again"
            )
        started = time.monotonic()
        deadline = started + timeout
        while self.watch is not None and not self.watch.settle():
            if time.monotonic() > min(deadline, started + _SETTLING):
                raise UnavailableError(
                    f"{self.file} was written over, and somebody still writes to the log of what it was "
                    "before: end that, and connect again"
                )
            time.sleep(_PAUSE)
        while not self.held and self.is_wal():
            try:
                with lock:
                    self.held = lock_range(self._descriptor, fcntl.F_OFD_SETLK, fcntl.F_RDLCK, _SHARED)
                    if self.held and not self.is_wal():
                        lock_range(self._descriptor, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, _SHARED)
                        self.held = False
            except OSError:  # a file system without such locks
                return False
            if not self.held:  # its last connection is being closed
                if time.monotonic() > deadline:
                    raise UnavailableError(f"{self.file} stayed locked by another process")
                time.sleep(_PAUSE)
        return self.held

    def hold_index(self, timeout: float) -> None:
        """Hold the index, too; to be called once SQLite has opened it."""
        deadline = time.monotonic() + timeout
        with lock:
            if self._index is None:
                self._log = file_id(f"{self.file}-wal")
                try:
                    self._index = opened(f"{self.file}-shm")
                    while not lock_range(self._index, fcntl.F_OFD_SETLK, fcntl.F_RDLCK, _IN_USE):
                        if time.monotonic() > deadline:
                            raise UnavailableError(f"{self.file}-shm stayed locked by another process")
                        time.sleep(_PAUSE)  # somebody is opening it
                    lock_range(self._index, fcntl.F_SETLK, fcntl.F_RDLCK, self._mark)
                    self.watch = FileWatch(self.file, self._descriptor, self._index)
                except OSError as error:
                    raise UnavailableError(f"can not lock {self.file}-shm: {error.strerror}") from error

    def read_index(self) -> bytes:
        """Return how the index of the log begins; nothing as long as it is not held."""
        return b"" if self._index is None else os.pread(self._index, INDEX_BYTES, 0)

    def state(self, index: bytes | None = None) -> GuardState:
        """Return what `is_undisturbed` and `own_writing` compare with; to be asked for before a lock."""
        return GuardState(self._count(), self.read_index() if index is None else index)

    def is_undisturbed(self, state: GuardState, index: bytes | None = None) -> bool:
        """Return whether SQLite has kept its locks since, or nobody wrote while it had none.

        What was just read of the index, if anything, need not be read again.
        """
        now = self.read_index() if index is None else index
        return now[:_HEADER_BYTES] == state.head[:_HEADER_BYTES] or self._count() == state.touches

    def own_writing(self, state: GuardState) -> bool:
        """Turn SQLite's lock for writing, just taken, into one that stays.

        Returns whether nobody wrote meanwhile; `state` is that before SQLite took its own. SQLite goes on
        believing in that, and other connections of this process ask SQLite.
        """
        if self._index is None:
            return True
        before = self.read_index()[:_HEADER_BYTES]
        lock_range(self._index, fcntl.F_SETLK, fcntl.F_UNLCK, WRITER)
        # Who was first may be a checkpoint, which waits until nobody reads: what was begun here does.
        if not lock_range(self._index, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, WRITER):
            return False
        self._writer = get_ident()
        return self._count() == state.touches and self.read_index()[:_HEADER_BYTES] == before

    def end_writing(self) -> None:
        """Let others write, after SQLite has ended its transaction."""
        if self._index is not None and self._writer == get_ident():
            self._writer = None
            lock_range(self._index, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, WRITER)

    def wait_for_others(self, state: GuardState) -> None:
        """Wait for who has begun to bring in the log while we did, as SQLite's lock for that was dropped.

        To be called before others may write: they would begin the log anew under who still copies it.
        """
        deadline = time.monotonic() + _COPYING
        while self._index is not None and self._count() != state.touches and time.monotonic() < deadline:
            if not is_locked(self._index, flock(fcntl.F_WRLCK, *CHECKPOINT)):
                return
            time.sleep(_PAUSE)

    def _count(self) -> int:
        """Return how often the index was opened and closed elsewhere in this process.

        That drops SQLite's locks there, of which other processes may be the readers and writers at once.
        They can't be held in any other way, but a lock of the same kind on a byte of our own goes with them.
        """
        if self._index is not None and not is_locked(self._index, self._mark_asked):
            with lock:
                if not is_locked(self._index, self._mark_asked):
                    self._touches += 1
                    lock_range(self._index, fcntl.F_SETLK, fcntl.F_RDLCK, self._mark)
        return self._touches

    def close(self, close: Callable[[], None], empty_log: Callable[[], None]) -> None:
        """Close a connection; with the last one let go of the file, so that SQLite puts it in order.

        Of a file that was deleted or replaced SQLite leaves the log where it is, for whatever is at the path
        to be read with it. If nobody else uses that log, it is written into the former file, and removed.
        """
        with lock:
            self.users -= 1
            if self.users:
                close()
                return
            del _guards[self.id]
            if self.watch is not None:
                self.watch.settle()  # else SQLite writes the log of the former file into what is there
            descriptors = [each for each in (self._descriptor, self._index) if each is not None]
            for each in descriptors:
                lock_range(each, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, (0, 0))
            is_left = self._leaves_log()
            if is_left:
                empty_log()
            close()
            if is_left:
                for end in _BESIDE:
                    os.unlink(f"{self.file}{end}")
            let_go(descriptors)

    def _leaves_log(self) -> bool:
        """Return whether the file is not at its path any more, but its log, which nobody else uses, is."""
        try:
            return (
                self._index is not None
                and file_id(self.file) != self.id
                and [file_id(f"{self.file}{end}") for end in _BESIDE] == [self._log, file_id(self._index)]
                and not is_locked(self._index, flock(fcntl.F_WRLCK, *_IN_USE), fcntl.F_GETLK)
            )
        except UnavailableError:
            return False

    def _is_log_of_another_file(self) -> bool:
        """Return whether somebody uses the log beside the file, but not the file.

        Then it was replaced, and what is still in the log belongs to what it was.
        """
        for _ in range(20):  # who is opening or closing it may be between the two
            if not _is_index_used(f"{self.file}-shm") or is_locked(
                self._descriptor, flock(fcntl.F_WRLCK, *_SHARED)
            ):
                return False
            time.sleep(5 * _PAUSE)
            if self.held:  # by another thread since: a description does not see its own locks
                return False
        return True

    def drop(self) -> None:
        """Let go of it where no connection was made."""
        self.close(lambda: None, lambda: None)

    def forget(self) -> None:
        """Close what a fork copied; the locks are the parent's."""
        for each in (self._descriptor, self._index):
            if each is not None:
                os.close(each)


def take(file: str) -> Guard | None:
    """Return the guard of a file for one more connection; None if it has none on this system."""
    if not AVAILABLE or not os.path.isfile(file):  # a pipe would be waited for
        return None
    with lock:
        while True:
            found = file_id(file)
            if found is None:
                return None
            guard = _guards.get(found)
            if guard is None:
                try:
                    guard = Guard(file, os.open(file, os.O_RDONLY | os.O_CLOEXEC))
                except OSError:
                    return None
                _guards[guard.id] = guard
            guard.users += 1
            # Garbage that is collected here may have closed the last connection.
            if _guards.get(guard.id) is guard:
                return guard


def can_guard(file: str) -> bool:
    """Return whether a file, if there is one, can be held on this system."""
    guard = take(file)
    if guard is None:
        return AVAILABLE and not os.path.exists(file)
    try:
        with lock:
            if not guard.held:
                lock_range(guard._descriptor, fcntl.F_OFD_SETLK, fcntl.F_RDLCK, _SHARED)
                lock_range(guard._descriptor, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, _SHARED)
        return True
    except OSError:
        return False
    finally:
        guard.drop()


def forget() -> None:
    """Forget all guards, in the child of a fork."""
    for guard in _guards.values():
        guard.forget()
    for each in kept:
        os.close(each)
    _guards.clear()
    kept.clear()


def _is_index_used(index: str) -> bool:
    with lock:
        try:
            descriptor = opened(index)
        except OSError:
            return False
        try:
            return is_locked(descriptor, flock(fcntl.F_WRLCK, *_IN_USE))
        finally:
            let_go([descriptor])
