"""The files that pointers of many jobs name, read into one frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import pandas as pd

from torc_frames.errors import PointerError, Problem, RefusedError, TorcFramesError, UnavailableError, warn
from torc_frames.files.pointers import Pointer
from torc_frames.files.readers import read_file
from torc_frames.frame.column import to_backend
from torc_frames.frame.exact import as_dtype
from torc_frames.frame.specs import native

__all__ = [
    "MissingFiles",
    "OnMissing",
    "Pairs",
    "Signature",
    "concat_exactly",
    "each_verified",
    "load_pointers",
    "read_values",
    "signature",
    "table_of",
    "with_index_as_columns",
]

OnMissing = Literal["warn", "raise"]
Pairs = Sequence[tuple[str, Pointer]]
"""Keys of jobs, and what they point to; the key is empty for a file that is no job's."""

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
        problems = [_whose(file["job_key"]) + file["problem"] for file in self.files]
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
    frames = []
    for key, value in read_values(pairs, missing, table_of):
        value.insert(0, "job_key", pd.Series([key] * len(value), dtype="str"))
        frames.append(value)
    return concat_exactly(frames, first="job_key")


def read_values(
    pairs: Pairs, missing: MissingFiles, made: Callable[[Any, Pointer], T]
) -> list[tuple[str, T]]:
    """Return what is made of the content of each file, each with its job; see `load_pointers`."""

    def read(key: str, pointer: Pointer, path: str, seen: Signature) -> tuple[str, T] | None:
        value = made(read_file(path, pointer.format, pointer.path), pointer)
        if signature(path) != seen:
            missing.add(key, pointer, f"{pointer.path} was changed while it was read")
            return None
        return key, value

    found = each_verified(pairs, missing, read)
    missing.tell(len(pairs))
    return [one for one in found if one is not None]


def table_of(value: Any, pointer: Pointer) -> pd.DataFrame:
    """Return what a file holds as a table, whose index is its first columns.

    Raises
    ------
    RefusedError
        For what is no table.
    """
    if isinstance(value, np.ndarray) and value.ndim <= 2:
        value = (
            pd.DataFrame(value)
            if value.ndim == 2 or value.dtype.names
            else pd.DataFrame({"value": np.atleast_1d(value)})
        )
        value.columns = value.columns.astype("str")
    elif hasattr(value, "to_dataframe"):
        value = value.to_dataframe()
    if not isinstance(value, pd.DataFrame):
        raise RefusedError(
            f"{pointer.path} is of format {pointer.format}, and no table: load it with to='dict', arrays and "
            "datasets with to='xarray'"
        )
    return with_index_as_columns(value, pointer)


def each_verified(
    pairs: Pairs,
    missing: MissingFiles,
    read: Callable[[str, Pointer, str, Signature], T],
    copies: ExitStack | None = None,
) -> list[T]:
    """Return what is read of each file that is what its pointer says.

    Parameters
    ----------
    pairs : sequence of (job_key, Pointer)
    missing : Missing
        Takes the files that are missing or were altered, or that an object store does not give.
    read : callable
        Takes a job's key, its pointer, where the file is on this machine, and the `signature` that it had
        before it was verified.
    copies : ExitStack, optional
        Keeps what was brought here; without it each copy is deleted when it was read.

    Raises
    ------
    RefusedError
        For all files that can't be read.
    """
    found, refused = [], []
    for key, pointer in pairs:
        with ExitStack() as own:
            try:
                seen = signature(pointer.path)
                path = (copies or own).enter_context(pointer.fetched())
                seen = seen if path == pointer.path else signature(path)
            except PointerError as error:
                missing.add(key, pointer, "; ".join(error.problems))
                continue
            except UnavailableError as error:
                missing.add(key, pointer, str(error))
                continue
            try:
                found.append(read(key, pointer, path, seen))
            except TorcFramesError as error:
                refused.append(Problem(None, None, f"{_whose(key)}{error}"))
    if refused:
        raise RefusedError(refused)
    return found


def _whose(job_key: str) -> str:
    return f"job {job_key}: " if job_key else ""


def concat_exactly(frames: list[pd.DataFrame], first: str) -> pd.DataFrame:
    """Join frames end to end; columns in the order of first appearance, `first` before all.

    Each value is as it was: integers and booleans that other frames lack become nullable, and a column of
    which no dtype but object holds all values is of objects.
    """
    if not frames:
        return pd.DataFrame({first: pd.Series([], dtype="str")})
    frames = [frame.astype({name: native(dtype) for name, dtype in frame.dtypes.items()}) for frame in frames]
    columns = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    targets = {name: _common_dtype(frames, name) for name in columns}
    aligned = [frame.astype({name: targets[name] for name in frame.columns}) for frame in frames]
    return pd.concat(aligned, ignore_index=True)


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


def signature(path: str) -> Signature:
    """Return what changes when somebody writes to the file, None if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _common_dtype(frames: list[pd.DataFrame], name: Any) -> Any:
    """Return the dtype in which a column of several frames is joined: it holds each value, and gaps."""
    present = [frame[name] for frame in frames if name in frame.columns]
    dtypes = list({column.dtype: None for column in present})
    gaps = len(present) < len(frames)
    try:
        if {dtype.kind for dtype in dtypes} <= {"i", "u"}:
            return _common_integer(present, gaps)
        filled = [column for column in present if len(column)] or present[:1]  # pandas 2 warns of others
        joined = dtypes[0] if len(dtypes) == 1 else pd.concat(filled, ignore_index=True).dtype
        if gaps and isinstance(joined, np.dtype) and joined.kind in "biu":
            joined = to_backend(pd.Series(dtype=joined), "numpy_nullable").dtype
    except (ValueError, TypeError, OverflowError, NotImplementedError):
        return object
    same = len(dtypes) == 1 or all(as_dtype(column, joined) is not None for column in present)
    return joined if same else object


def _common_integer(columns: list[pd.Series], gaps: bool) -> Any:
    """Return a dtype that holds all integers: one of theirs, if that has room for gaps, else of 64 bits."""
    dtypes = {column.dtype for column in columns}
    if len(dtypes) == 1 and not (gaps and isinstance(columns[0].dtype, np.dtype)):
        return columns[0].dtype
    plain = not gaps and all(isinstance(dtype, np.dtype) for dtype in dtypes)
    both: list[Any] = ["int64", "uint64"] if plain else ["Int64", "UInt64"]
    if all(column.dtype.kind == "u" for column in columns):
        both.reverse()
    holding = (one for one in both if all(as_dtype(column, one) is not None for column in columns))
    return next(holding, object)
