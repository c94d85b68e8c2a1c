"""Locks of open file descriptions, and descriptors that are closed when no lock goes with them."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable
from functools import lru_cache
from threading import RLock

from torc_frames.errors import UnavailableError
from torc_frames.store.sqlite.identity import FileId, file_id

if sys.platform == "linux":
    import fcntl

    _UNLOCKED = struct.pack("h", fcntl.F_UNLCK)

__all__ = ["CHECKPOINT", "WRITER", "flock", "is_locked", "kept", "let_go", "lock", "lock_range", "opened"]

WRITER = (120, 1)
"""The byte of the index of SQLite's log that who writes locks; see "os_unix.c" of SQLite."""
CHECKPOINT = (121, 1)
"""The byte that who brings the log into the database locks."""

lock = RLock()
"""Held while guards are made or given up, and over a fork."""

kept: list[int] = []
"""Descriptors that could not be closed yet."""


def opened(file: str) -> int:
    """Return a descriptor of a file, for writing if that is possible."""
    try:
        return os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)


@lru_cache(maxsize=64)
def flock(kind: int, start: int, length: int) -> bytes:
    """Return a ``struct flock``."""
    return struct.pack("hhqqi", kind, os.SEEK_SET, start, length, 0)


def lock_range(descriptor: int, command: int, kind: int, where: tuple[int, int]) -> bool:
    """Take or give up a lock, and return whether that was possible now."""
    try:
        fcntl.fcntl(descriptor, command, flock(kind, *where))
    except BlockingIOError:
        return False
    return True


def is_locked(descriptor: int, asked: bytes, command: int | None = None) -> bool:
    """Return whether anybody but this description (with `F_GETLK`: but this process) has a lock."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK if command is None else command, asked)
    return bool(answer[:2] != _UNLOCKED)


def let_go(descriptors: Iterable[int]) -> None:
    """Close descriptors, but not while anybody else in this process may have locks on their files.

    Those would be dropped: somebody may have the database open by SQLite alone.
    """
    kept.extend(descriptors)
    others = {_id_of(each) for each in _all_descriptors() if each not in kept}
    for each in list(kept):
        if _id_of(each) not in others:
            kept.remove(each)
            os.close(each)


def _all_descriptors() -> list[int]:
    try:
        return list(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        return []


def _id_of(descriptor: int) -> FileId | None:
    try:
        return file_id(descriptor)
    except UnavailableError:
        return None
