"""The files that pointers of many jobs name, read into one frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

import pandas as pd

from torc_frames.errors import PointerError, Problem, RefusedError, TorcFramesError, warn
from torc_frames.files.pointers import Pointer
from torc_frames.files.read import concat_exactly
from torc_frames.files.verified import read_verified

__all__ = [
    "MissingFiles",
    "OnMissing",
    "Pairs",
    "Signature",
    "each_verified",
    "load_pointers",
    "signature",
    "with_index_as_columns",
]

OnMissing = Literal["warn", "raise"]
Pairs = Sequence[tuple[str, Pointer]]
"""Keys of jobs, and what they point to."""

Signature = tuple[int, ...] | None
"""What tells whether a file was changed; None if there is none."""

T = TypeVar("T")


@dataclass(slots=True)
class MissingFiles:
    """Files that are not what their pointers say, as one call finds them."""

    on_missing: OnMissing
    files: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.on_missing not in get_args(OnMissing):
            raise RefusedError(f"on_missing={self.on_missing!r}: use 'warn' or 'raise'")

    def add(self, job_key: str, pointer: Pointer, problem: str) -> None:
        """Note a file."""
        self.files.append({"job_key": job_key, "path": pointer.path, "problem": problem})

    def tell(self, count: int) -> None:
        """Raise, or warn of, the files that were found."""
        problems = [f"job {file['job_key']}: {file['problem']}" for file in self.files]
        if problems and self.on_missing == "raise":
            raise PointerError(problems)
        if problems:
            warn(f"{len(problems)} of {count} files left out: {PointerError(problems)}")


def load_pointers(pairs: Pairs, missing: MissingFiles) -> pd.DataFrame:
    """Read the files of several jobs into one frame.

    Parameters
    ----------
    pairs : sequence of (job_key, Pointer)
    missing : Missing
        Takes the files that are missing or were altered; they are left out.

    Returns
    -------
    pandas.DataFrame
        ``job_key`` (str) first, then the columns of the files, of which an index is the first; rows in the
        order of the pairs and of the files. Integers stay integers where a file lacks the column (Int64).

    Raises
    ------
    PointerError
        For all files that are not the ones pointed to, if that is asked for.
    RefusedError
        For all files that can't be read, or have a column ``job_key`` of their own.
    """

    def read(key: str, pointer: Pointer, seen: Signature) -> pd.DataFrame | None:
        frame = with_index_as_columns(read_verified(pointer.path, pointer.format), pointer)
        if signature(pointer) != seen:
            missing.add(key, pointer, f"{pointer.path} was changed while it was read")
            return None
        frame.insert(0, "job_key", pd.Series([key] * len(frame), dtype="str"))
        return frame

    frames = each_verified(pairs, missing, read)
    missing.tell(len(pairs))
    return concat_exactly([frame for frame in frames if frame is not None], first="job_key")


def each_verified(
    pairs: Pairs, missing: MissingFiles, read: Callable[[str, Pointer, Signature], T]
) -> list[T]:
    """Return what is read of each file that is what its pointer says.

    Parameters
    ----------
    pairs : sequence of (job_key, Pointer)
    missing : Missing
        Takes the files that are missing or were altered.
    read : callable
        Takes a job's key, its pointer, and the `signature` that the file had before it was verified.

    Raises
    ------
    RefusedError
        For all files that can't be read.
    """
    found, refused = [], []
    for key, pointer in pairs:
        seen, problem = signature(pointer), pointer.problem()
        if problem is not None:
            missing.add(key, pointer, problem)
            continue
        try:
            found.append(read(key, pointer, seen))
        except TorcFramesError as error:
            refused.append(Problem(None, None, f"job {key}: {error}"))
    if refused:
        raise RefusedError(refused)
    return found


def with_index_as_columns(frame: pd.DataFrame, pointer: Pointer) -> pd.DataFrame:
    """Return a frame with an index of numbers from 0 on; another index is its first columns.

    Raises
    ------
    RefusedError
        If that gives two columns of one name, or one ``job_key``.
    """
    index = frame.index
    try:
        frame = frame.reset_index(drop=isinstance(index, pd.RangeIndex) and index.name is None)
    except ValueError as error:
        raise RefusedError(f"{pointer.path}: its index has the name of a column: {error}") from error
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise RefusedError(f"{pointer.path} has two columns {twice[0]!r}; rename one in the file")
    if "job_key" in frame.columns:
        raise RefusedError(f"{pointer.path} has a column job_key of its own; rename it in the file")
    return frame


def signature(pointer: Pointer) -> Signature:
    """Return what changes when somebody writes to the file, None if it is not there."""
    try:
        status = os.stat(pointer.path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
