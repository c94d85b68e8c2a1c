"""Whether the file at a path is still the one that was opened."""

from __future__ import annotations

import os

from torc_frames.errors import UnavailableError

__all__ = ["FileId", "check_is", "file_id"]

FileId = tuple[int, int]
"""What tells a file that exists from any other one: its device and its inode."""


def file_id(path: str | int) -> FileId | None:
    """Return the identity of the file at a path, or of a descriptor; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"can not read {path}: {error.strerror or error}") from error
    return found.st_dev, found.st_ino


def check_is(path: str, known: FileId) -> None:
    """Raise UnavailableError if a path no longer names the file that it did.

    Links are not counted: a file that was replaced may still have another name.
    """
    if file_id(path) != known:
        raise UnavailableError(
            f"{path} was deleted or replaced since it was opened, so nothing is read from it or written to "
            "it: connect to it again"
        )
