"""The files that pointers name: written whole, and those of many jobs read into one frame."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from torc_frames import settings
from torc_frames.dataset.parquet import frame_of_table, read_parquet
from torc_frames.dataset.parts import parquet_errors, sync
from torc_frames.errors import NotInJobError, PointerError, Problem, RefusedError, TorcFramesError, warn
from torc_frames.frame.dtypes import describe, restore
from torc_frames.frame.exact import as_dtype
from torc_frames.frame.specs import is_spec, name_of, recorded_dtype
from torc_frames.frame.types import Column
from torc_frames.frame.values import RefusalError
from torc_frames.pointers import Format, Pointer
from torc_frames.tables import concat_exactly, read_table

__all__ = [
    "Missing",
    "OnMissing",
    "Pairs",
    "Signature",
    "each_verified",
    "load_pointers",
    "read_verified",
    "signature",
    "with_index_as_columns",
    "write_file",
]

OnMissing = Literal["warn", "raise"]
Pairs = Sequence[tuple[str, Pointer]]
"""Keys of jobs, and what they point to."""

Signature = tuple[int, ...] | None
"""What tells whether a file was changed; None if there is none."""

T = TypeVar("T")
Digest = Callable[[str], tuple[int, str]]

_DTYPES = b"torc_frames.dtypes"
_PLAIN_KEY = re.compile(r"\w{1,40}")
_DIGITS = 16


@dataclass(slots=True)
class Missing:
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


def load_pointers(pairs: Pairs, missing: Missing) -> pd.DataFrame:
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
        frame = with_index_as_columns(read_verified(pointer), pointer)
        if signature(pointer) != seen:
            missing.add(key, pointer, f"{pointer.path} was changed while it was read")
            return None
        frame.insert(0, "job_key", pd.Series([key] * len(frame), dtype="str"))
        return frame

    frames = each_verified(pairs, missing, read)
    missing.tell(len(pairs))
    return concat_exactly([frame for frame in frames if frame is not None], first="job_key")


def each_verified(pairs: Pairs, missing: Missing, read: Callable[[str, Pointer, Signature], T]) -> list[T]:
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


def read_verified(pointer: Pointer) -> pd.DataFrame:
    """Read a file that was verified.

    Raises
    ------
    RefusedError
        If its format is not one that can be read, or its content isn't of its format.
    """
    if pointer.format is None:
        formats = ", ".join(get_args(Format))
        raise RefusedError(
            f"{pointer.path} is of no format that a pointer reads ({formats}); open it yourself"
        )
    if pointer.format != "parquet":
        return read_table(pointer.path, pointer.format)
    frame, table = read_parquet(pointer.path)
    return _with_recorded(frame, table)


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


def write_file(df: Any, folder: str, name: str | None, digest: Digest) -> tuple[str, tuple[int, str]]:
    """Write a table to a Parquet file of a folder; return its path, size and digest.

    Raises
    ------
    RefusedError
        For what Parquet can't hold, and a name that is no file's.
    """
    is_name = isinstance(name, str) and os.path.basename(name) == name and name.strip(".")
    if name is not None and not is_name:
        raise RefusedError(f"name={name!r}: use the name of a file, without folders")
    table = _as_arrow(df)
    os.makedirs(folder, exist_ok=True)
    temporary = os.path.join(folder, f".{secrets.token_hex(8)}.tmp")
    try:
        with parquet_errors(table):
            pq.write_table(table, temporary)
        sync(temporary)
        found = digest(temporary)
        name = f"{_job_prefix()}{found[1][:_DIGITS]}" if name is None else name.removesuffix(".parquet")
        path = os.path.join(folder, f"{name}.parquet")
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    sync(folder)
    return path, found


def _job_prefix() -> str:
    try:
        key = settings.job_environment().job_key
    except NotInJobError:
        return ""
    return f"job-{key}-" if _PLAIN_KEY.fullmatch(key) else ""


def _as_arrow(df: Any) -> pa.Table:
    try:
        if isinstance(df, pd.DataFrame):
            table = pa.Table.from_pandas(df)
            recorded = json.dumps(_dtypes_to_record(df, table))
            return table.replace_schema_metadata({**(table.schema.metadata or {}), _DTYPES: recorded})
        if hasattr(df, "__arrow_c_stream__") and not isinstance(df, pd.Series):
            return pa.table(df)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise RefusedError(f"Parquet can't hold this table: {error}") from error
    raise RefusedError(f"save takes a DataFrame, not a {type(df).__name__}")


def _dtypes_to_record(df: pd.DataFrame, table: pa.Table) -> dict[str, Any]:
    """Return, by column, the dtypes that would not come back from Parquet, and tell of those that can't."""
    file = io.BytesIO()
    with parquet_errors(table):
        pq.write_table(table.schema.empty_table(), file)
    back = frame_of_table(pq.ParquetFile(file).read())
    recorded, lost = {}, []
    for name, dtype in df.dtypes.items():
        if name not in back.columns or back[name].dtype == dtype or getattr(dtype, "hasobject", False):
            continue
        try:
            recorded[str(name)] = dict(describe(df[name]))
        except RefusalError:
            lost.append(f"{name!r} as {name_of(back[name].dtype)}, not {name_of(dtype)}")
    if lost:
        warn(f"columns come back with another dtype: {', '.join(lost)}")
    return recorded


def _with_recorded(frame: pd.DataFrame, table: pa.Table) -> pd.DataFrame:
    """Return a frame with the dtypes that Parquet doesn't hold, where they hold its values."""
    specs = _decoded((table.schema.metadata or {}).get(_DTYPES))
    for at, name in enumerate(frame.columns):
        spec = specs.get(str(name))
        dtype = _recorded_dtype(spec) if isinstance(spec, dict) and is_spec(spec) else None
        made = None if dtype is None else as_dtype(frame.iloc[:, at], dtype)
        if made is not None:
            frame.isetitem(at, made.array)
    return frame


def _recorded_dtype(spec: Mapping[str, Any]) -> Any:
    """Return the dtype of a spec, None where there is none."""
    try:
        if spec["dtype"] == "category":
            categories: Any = restore(Column.of(spec["categories"]), spec["of"])
            return pd.CategoricalDtype(pd.Index(categories), ordered=spec["ordered"])
        if spec["dtype"] == "string":
            made = restore(Column.of([]), spec)
            return None if made is None else made.dtype
    except (ValueError, TypeError, AttributeError):
        return None
    return recorded_dtype(spec)


def _decoded(raw: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
