"""Files that are there whole and on the disk, or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from torc_frames.errors import RefusedError
from torc_frames.settings.regular import open_regular

__all__ = ["beside", "file_digest", "put", "sync", "written_whole"]


@contextmanager
def written_whole(path: str | os.PathLike[str], *, private: bool = False) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of another when it is whole.

    It has the permissions of the one that it replaces; a new `private` one only this user can read.
    """
    target = os.path.realpath(path)
    with beside(target) as made:
        with open(made, "xb", opener=_open_privately if private else None) as file:
            if os.path.exists(target):
                shutil.copymode(target, made)
            yield file
        put(made, target)


@contextmanager
def beside(target: str) -> Iterator[str]:
    """Give a hidden name in the folder of a file; what has that name at the end is deleted."""
    made = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{secrets.token_hex(4)}")
    try:
        yield made
    finally:
        with suppress(OSError):
            os.unlink(made)
        shutil.rmtree(made, ignore_errors=True)


def put(made: str, target: str, *, overwrite: bool = True) -> None:
    """Let a file that was made beside another take its place; FileExistsError without `overwrite`."""
    sync(made)
    if overwrite:
        os.replace(made, target)
    else:
        try:
            os.link(made, target)  # does not replace what somebody else has made meanwhile
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            os.rename(made, target)
    sync(os.path.dirname(target))


def sync(path: str | os.PathLike[str]) -> None:
    """Wait until a file or folder is on the disk, as far as its file system tells."""
    with suppress(OSError):  # not every system opens a folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def file_digest(path: str) -> tuple[int, str]:
    """Return size and digest of a file of this machine."""
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise RefusedError(f"can not read {path}: {error.strerror}") from error
