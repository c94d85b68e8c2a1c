"""Whether the file at a path is still the one that was opened."""

from __future__ import annotations

import os

from torc_frames.errors import UnavailableError

__all__ = ["FileId", "check_is", "file_id", "replaced"]

FileId = tuple[int, int]
"""What tells a file that exists from any other one: its device and its inode."""


def file_id(path: str | int) -> FileId | None:
    """Return the identity of the file at a path, or of a descriptor; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.st_dev, found.st_ino


def check_is(path: str, known: FileId) -> os.stat_result:
    """Return what a file is like; raise UnavailableError if its path no longer names the file that it did.

    Links are not counted: a file that was replaced may still have another name.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise replaced(path) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if (found.st_dev, found.st_ino) != known:
        raise replaced(path)
    return found


def replaced(path: str) -> UnavailableError:
    """Return the error that a path names another file than before, or one with another content."""
    return UnavailableError(
        f"{path} was deleted or replaced since it was opened, so nothing is read from it or written to "
        "it: connect to it again"
    )


def _unreadable(path: str | int, error: OSError) -> UnavailableError:
    return UnavailableError(f"can not read {path}: {error.strerror or error}")
