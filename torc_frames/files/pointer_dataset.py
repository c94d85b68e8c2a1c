"""The files of many pointers as one Parquet dataset, a batch of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from torc_frames.errors import PointerError, Problem, RefusedError, TorcFramesError, shorten
from torc_frames.files.arrow import NOT_HELD, Field, dtype_of, label_field, schema_of
from torc_frames.files.dataset import check_rows_per_file, new_dataset, write_parts
from torc_frames.files.places import is_url
from torc_frames.files.pointer_frames import (
    MissingFiles,
    Pairs,
    Signature,
    each_verified,
    signature,
    table_of,
    with_index_as_columns,
)
from torc_frames.files.pointers import Pointer
from torc_frames.files.read import frame_of_table, index_columns, table_columns
from torc_frames.files.readers import read_file
from torc_frames.frame.column import Column
from torc_frames.frame.exact import InexactError, cast
from torc_frames.settings.regular import open_regular

__all__ = ["write_dataset"]

_BATCH_ROWS = 65_536
_BUFFER = 2**20


def write_dataset(
    pairs: Pairs,
    missing: MissingFiles,
    *,
    path: str | os.PathLike[str],
    overwrite: bool,
    max_rows_per_file: int,
) -> pd.DataFrame:
    """Write the rows of files to a folder of Parquet files, and return what became of each file.

    Parameters
    ----------
    pairs : sequence of (job_key, Pointer)
    missing : Missing
        Takes the files that are missing or were altered; they are left out.
    path : path
        The folder.
    overwrite, max_rows_per_file
        As for `Workflow.to_parquet`.

    Returns
    -------
    DataFrame
        One row a file: job_key, path (str), rows (Int64, missing for a file that was left out), problem (str,
        missing for one that was not).

    Raises
    ------
    PointerError
        For files that are not the ones pointed to, if that is asked for, or that change meanwhile.
    RefusedError
        For files that can't be read, or have columns of which no one type holds all values.
    """
    check_rows_per_file(max_rows_per_file)
    with new_dataset(path, overwrite=overwrite) as folder:
        _check_outside(pairs, path)
        with ExitStack() as copies:
            files = each_verified(pairs, missing, _File, copies)
            missing.tell(len(pairs))
            schema = _schema(files)
            batches = (batch for file in files for batch in file.batches(schema))
            write_parts(folder, schema, batches, max_rows_per_file)
    rows = {id(file.pointer): file.rows for file in files}
    problems = {(file["job_key"], file["path"]): file["problem"] for file in missing.files}
    return pd.DataFrame(
        {
            "job_key": pd.Series([key for key, _ in pairs], dtype="str"),
            "path": pd.Series([pointer.path for _, pointer in pairs], dtype="str"),
            "rows": pd.array([rows.get(id(pointer)) for _, pointer in pairs], dtype="Int64"),
            "problem": pd.Series([problems.get((key, pointer.path)) for key, pointer in pairs], dtype="str"),
        }
    )


class _Column(NamedTuple):
    """A column of one file: where it stands, and what it is."""

    at: int
    type: pa.DataType
    dtype: Any
    gaps: bool


class _Content(NamedTuple):
    """What a file has: its columns by name, those of its index first, and its rows."""

    columns: dict[str, _Column]
    batches: Callable[[], Iterator[pa.RecordBatch]]


class _File:
    """A verified file of a job."""

    def __init__(self, job_key: str, pointer: Pointer, path: str, seen: Signature) -> None:
        self.job_key = job_key
        self.pointer = pointer
        self._path = path
        self.rows = 0
        self._seen = seen
        self.columns = self._content().columns

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the types of a dataset, whose first column is the job's key."""
        content = self._content()
        _, *fields = schema
        for part in content.batches():
            self.rows += part.num_rows
            arrays = [self._array(part, content.columns.get(field.name), field) for field in fields]
            yield pa.record_batch([pa.repeat(self.job_key, part.num_rows), *arrays], schema=schema)
        if signature(self._path) != self._seen:
            raise PointerError([f"job {self.job_key}: {self.pointer.path} was changed while it was read"])

    def _array(self, part: pa.RecordBatch, column: _Column | None, field: pa.Field) -> pa.Array:
        if column is None:
            return pa.nulls(part.num_rows, field.type)
        array = part.column(column.at)
        try:
            return cast(array, field.type)
        except InexactError as error:
            reason = (
                f"is {field.type} for all files together, which does not hold what job {self.job_key} has"
            )
            problem = Problem(None, field.name, f"{reason} ({self.pointer.path}): {error}")
            raise RefusedError([problem]) from error

    def _content(self) -> _Content:
        pointer, path = self.pointer, self._path
        try:
            return _of_parquet(pointer, path) if pointer.format == "parquet" else _of_other(pointer, path)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, TorcFramesError):
                raise
            raise RefusedError(f"can not read {pointer.path} as {pointer.format}: {error}") from error


def _of_parquet(pointer: Pointer, path: str) -> _Content:
    with _opened(path) as file:
        schema = file.schema_arrow
        empty = schema.empty_table()
        inner = frame_of_table(empty)
        frame = with_index_as_columns(inner, pointer)
        places = [*index_columns(empty, inner), *table_columns(empty, inner)]
        columns = {
            str(name): _Column(at, _dense(schema.field(at).type), dtype, _has_gaps(file, schema.names[at]))
            for at, (name, dtype) in zip(places, frame.dtypes.items(), strict=True)
        }
    return _Content(columns, lambda: _batches(path))


def _batches(path: str) -> Iterator[pa.RecordBatch]:
    with _opened(path) as file:
        yield from file.iter_batches(_BATCH_ROWS)


@contextmanager
def _opened(path: str) -> Iterator[pq.ParquetFile]:
    with open_regular(path) as file:
        yield pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)


def _of_other(pointer: Pointer, path: str) -> _Content:
    frame = table_of(read_file(path, pointer.format, pointer.path), pointer)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = {
        str(name): _Column(at, _dense(table.field(at).type), dtype, table.column(at).null_count > 0)
        for at, (name, dtype) in enumerate(frame.dtypes.items())
    }
    return _Content(columns, lambda: iter(table.to_batches(_BATCH_ROWS)))


def _dense(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values: files do not share their categories."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _has_gaps(file: pq.ParquetFile, name: str) -> bool:
    """Return whether a column of a Parquet file may have missing values."""
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    columns = (column for group in groups for column in map(group.column, range(group.num_columns)))
    found = [column.statistics for column in columns if column.path_in_schema == name]
    return any(statistics is None or statistics.null_count != 0 for statistics in found)


def _check_outside(pairs: Pairs, path: str | os.PathLike[str]) -> None:
    target = os.path.realpath(path)
    paths = (os.path.realpath(pointer.path) for _, pointer in pairs if not is_url(pointer.path))
    inside = [path for path in paths if os.path.dirname(path) == target]
    if inside:
        raise RefusedError(f"{target} would replace files that it is made of: {shorten(inside)}")


def _schema(files: Sequence[_File]) -> pa.Schema:
    """Return the schema that holds the rows of all files."""
    found: dict[str, list[tuple[_File, _Column]]] = {}
    for file in files:
        for name, column in file.columns.items():
            found.setdefault(name, []).append((file, column))
    fields, problems = [label_field("job_key")], []
    for name, columns in found.items():
        try:
            kind = _common_type(columns)
        except RefusedError as error:
            problems.append(Problem(None, name, str(error)))
            continue
        gaps = len(columns) < len(files) or any(column.gaps for _, column in columns)
        fields.append(Field(name, None, kind, _common_dtype(columns, kind, gaps), Column.arrow))
    if problems:
        raise RefusedError(problems)
    return schema_of(fields, None, {"kind": "files"})


def _common_type(columns: Sequence[tuple[_File, _Column]]) -> pa.DataType:
    (first, start), *others = columns
    common = start.type
    for file, column in others:
        try:
            common = _unified(common, column.type)
        except pa.ArrowException:
            raise RefusedError(
                f"is {column.type} for job {file.job_key} ({file.pointer.path}) and {common} for others, "
                f"such as job {first.job_key} ({first.pointer.path}); load it without to="
            ) from None
    return common


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    if pa.types.is_binary(one) != pa.types.is_binary(other) and not pa.types.is_null(one):
        raise pa.ArrowTypeError
    schemas = [pa.schema([("x", kind)]) for kind in (one, other)]
    return pa.unify_schemas(schemas, promote_options="permissive").field("x").type


def _common_dtype(columns: Sequence[tuple[_File, _Column]], kind: pa.DataType, gaps: bool) -> Any:
    """Return what the column is in pandas: what it is for each file, if that is one dtype and has room."""
    dtypes = [column.dtype for _, column in columns]
    one = dtypes[0] if all(dtype == dtypes[0] for dtype in dtypes) else None
    has_room = not (gaps and isinstance(one, np.dtype) and one.kind in "biu")
    return one if has_room and _is_of(one, kind) else dtype_of(kind, gaps)


def _is_of(dtype: Any, kind: pa.DataType) -> bool:
    """Return whether a dtype, which a file only says that it has, is one of the type that it has."""
    try:
        return bool(pa.Array.from_pandas(pd.Series(dtype=dtype)).type == kind)
    except NOT_HELD:
        return False
