"""Table files as frames: every value as it is in the file, whatever the file says of its dtypes."""

from __future__ import annotations

import json
import os
from datetime import timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.column import Column, from_arrow, objects, to_backend
from torc_frames.frame.exact import InexactError, cast
from torc_frames.frame.numerals import Numerals
from torc_frames.frame.texts import typed
from torc_frames.settings.regular import open_regular

__all__ = [
    "decode_json",
    "frame_of_table",
    "index_columns",
    "read_objects",
    "read_parquet",
    "read_table",
    "table_columns",
]

_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}
_NUMERALS = Numerals(infinite=True)
_PLAIN = (
    (r"\A-?(0|[1-9][0-9]{0,17})\z", "int", pa.int64()),
    (r"\A(0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]*)\.[0-9]+)([eE][-+]?[0-9]+)?\z", "float", pa.float64()),
)
"""Forms of numbers that Arrow reads as `typed` does, where a whole column is written so."""


def read_table(path: str, format: str) -> pd.DataFrame:
    """Read a file of the given format (csv, json or jsonl); JSON may also be one object, a row.

    Raises
    ------
    RefusedError
        If the content isn't of that format.
    """
    try:
        if format == "csv":
            return _read_csv(path)
        rows = read_objects(path, lines=format == "jsonl", nan=True, one=True)
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: Column.of([row.get(name) for row in rows]).natural() for name in names}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
    except (ValueError, OSError, NotImplementedError, RecursionError) as error:
        raise RefusedError(f"can not read {path} as {format}: {error}") from error


def read_objects(
    path: str | os.PathLike[str], *, lines: bool, nan: bool = False, one: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of a JSON file: a list of objects, or an object a line.

    Parameters
    ----------
    nan : bool
        Whether NaN and Infinity, which are no JSON, are the floats that Python writes so.
    one : bool
        Whether an object that is no list's is a table of one row.

    Raises
    ------
    RefusedError
        If it holds something else.
    ValueError
        If it is no JSON.
    """
    with open_regular(path) as file:
        text = file.read().decode("utf-8-sig")
    if lines:
        rows = [decode_json(line, nan=nan) for line in text.split("\n") if line.strip()]
    else:
        rows = decode_json(text, nan=nan)
        if one and isinstance(rows, dict):
            rows = [rows]
    if not isinstance(rows, list):
        raise RefusedError(f"{os.path.basename(path)}: a table is a list of objects, [{{…}}, {{…}}]")
    wrong = [row for row, value in enumerate(rows) if not isinstance(value, dict)]
    if wrong:
        raise RefusedError(f"{os.path.basename(path)}: not objects: rows {shorten(wrong)}")
    return rows


def decode_json(text: str, *, nan: bool = False) -> Any:
    """Return the value of a JSON text; ValueError for keys that are there twice, and what is no JSON."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=float if nan else _no_constant)


def read_parquet(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, pa.Table]:
    """Return a Parquet file as a frame, and as the table that it is made of; see `frame_of_table`.

    Raises
    ------
    RefusedError
        If it is no Parquet file, or holds what pandas can't.
    """
    try:
        with open_regular(path) as file:
            table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError, ValueError, NotImplementedError) as error:
        raise RefusedError(f"can not read {os.fspath(path)} as parquet: {_first_line(error)}") from error
    try:
        return frame_of_table(table), table
    except RefusedError as error:
        raise RefusedError(f"can not read {os.fspath(path)}: {error}") from error


def frame_of_table(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as pandas has it, but for values that pandas would change.

    Integers and booleans with gaps are nullable, lists and objects are as in JSON. What the table says of
    its dtypes, for pandas, holds where it is true.

    Raises
    ------
    RefusedError
        For columns that pandas can't hold.
    """
    frame = _by_pandas(table, told=True)
    if frame is None:
        frame = _by_pandas(table, told=False)
    if frame is None:
        raise RefusedError(_not_of_pandas(table))
    plain = _by_pandas(table.slice(0, 0), told=False)

    def exact(at: int, given: pd.Series) -> pd.Series | None:
        try:
            return _exact(table.column(at), given, given.dtype if plain is None else plain.dtypes.iloc[at])
        except (pa.ArrowException, ValueError, OverflowError, NotImplementedError) as error:
            raise RefusedError(_told(table.schema.field(at), error)) from error

    for place, at in enumerate(table_columns(table, frame)):
        series = exact(at, frame.iloc[:, place])
        if series is not None:
            frame.isetitem(place, series.array)
    given = [frame.index.get_level_values(level).to_series() for level in range(frame.index.nlevels)]
    levels = [exact(at, level) for level, at in zip(given, index_columns(table, frame), strict=False)]
    if any(level is not None for level in levels):
        arrays = [one if other is None else other for one, other in zip(given, levels, strict=True)]
        frame.index = _index(arrays, frame.index.names)
    return _with_named_zones(frame)


def index_columns(table: pa.Table, frame: pd.DataFrame) -> list[int]:
    """Return where in a table the columns of its frame's index are, in the order of its levels."""
    if len(table.column_names) == len(frame.columns):
        return []
    names = (table.schema.pandas_metadata or {}).get("index_columns", [])
    return [table.column_names.index(name) for name in names if name in table.column_names]


def table_columns(table: pa.Table, frame: pd.DataFrame) -> list[int]:
    """Return where in a table the columns of its frame are; see `index_columns` for the others."""
    index = index_columns(table, frame)
    return [at for at in range(table.num_columns) if at not in index]


def _with_named_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Return it with fixed offsets as Python has them: those that pandas 2 makes have no name."""
    for place, dtype in enumerate(frame.dtypes):
        if (offset := _unnamed(dtype)) is not None:
            frame.isetitem(place, frame.iloc[:, place].dt.tz_convert(offset).array)
    if isinstance(frame.index, pd.DatetimeIndex) and (offset := _unnamed(frame.index.dtype)) is not None:
        frame.index = frame.index.tz_convert(offset)
    return frame


def _unnamed(dtype: Any) -> timezone | None:
    fixed = isinstance(dtype, pd.DatetimeTZDtype) and type(dtype.tz).__name__ == "_FixedOffset"
    return timezone(dtype.tz.utcoffset(None)) if fixed else None


def _index(arrays: list[pd.Series], names: Any) -> pd.Index:
    one = len(arrays) == 1
    made: pd.Index = (
        pd.Index(arrays[0], name=names[0]) if one else pd.MultiIndex.from_arrays(arrays, names=names)
    )
    return made


def _by_pandas(table: pa.Table, *, told: bool) -> pd.DataFrame | None:
    """Return what pandas makes of a table, None if it fails, or makes other rows or columns of it."""
    try:
        frame: pd.DataFrame = (table if told else table.replace_schema_metadata()).to_pandas()
        fits = len(frame) == table.num_rows and len(table_columns(table, frame)) == len(frame.columns)
    except Exception:  # noqa: BLE001 - what others say of dtypes makes pandas raise whatever it makes it raise
        return None
    return frame if fits else None


def _not_of_pandas(table: pa.Table) -> str:
    told = []
    for field, column in zip(table.schema, table.columns, strict=True):
        try:
            column.to_pandas()
        except Exception as error:  # noqa: BLE001 - as above
            told.append(_told(field, error))
    return "; ".join(told) or "pandas can't hold this table"


def _told(field: pa.Field, error: Exception) -> str:
    return f"column {field.name!r} of type {field.type}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _exact(column: pa.ChunkedArray, series: pd.Series, natural: Any) -> pd.Series | None:
    """Return a column that pandas has otherwise than it is, None for others."""
    kind = column.type
    if pa.types.is_nested(kind):
        return objects(column.to_pylist())
    asked = isinstance(series.dtype, pd.api.extensions.ExtensionDtype) and series.dtype != natural
    if asked and not isinstance(series.dtype, pd.CategoricalDtype):
        if _holds(series, column):
            return None
        series = column.to_pandas()
    elif asked or column.null_count == 0:
        return None
    if column.null_count and pa.types.is_boolean(kind):
        return from_arrow(column, pd.BooleanDtype())
    if column.null_count and pa.types.is_integer(kind):
        like = pd.Series(dtype=kind.to_pandas_dtype())
        return from_arrow(column, to_backend(like, "numpy_nullable").dtype)
    return series if asked else None


def _holds(series: pd.Series, column: pa.ChunkedArray) -> bool:
    """Return whether a column in a dtype that a file asked for is what the file holds."""
    try:
        back = cast(pa.chunked_array([pa.Array.from_pandas(series)]), column.type)
    except (InexactError, pa.ArrowException, TypeError, ValueError):
        return False
    if not pa.types.is_floating(column.type):
        return bool(back.equals(column))
    one, other = (values.to_numpy(zero_copy_only=False) for values in (back, column))
    return np.array_equal(one, other, equal_nan=True)


def _read_csv(path: str) -> pd.DataFrame:
    """Read CSV as pandas does, but each column as what all its cells are written as: 007 is a text."""
    compression: Any = _COMPRESSIONS.get(os.path.splitext(path)[1].lower())
    with open_regular(path) as file:
        frame: pd.DataFrame = pd.read_csv(file, dtype="str", low_memory=False, compression=compression)
    for at in range(frame.shape[1]):
        frame.isetitem(at, _as_written(frame.iloc[:, at]))
    if not isinstance(frame.index, pd.RangeIndex):  # rows have more cells than there are names
        levels = [_as_written(frame.index.get_level_values(at)) for at in range(frame.index.nlevels)]
        frame.index = pd.Index(levels[0]) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
    return frame


def _as_written(cells: pd.Series[str] | pd.Index[str]) -> Any:
    """Return the cells of a column as `typed` does, plain numbers as fast as Arrow reads them."""
    texts: Any = pa.array(cells, pa.large_string(), from_pandas=True)
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if texts.null_count == len(texts) and len(texts):
        return np.full(len(texts), np.nan)
    for form, kind, target in _PLAIN:
        if pc.all(pc.match_substring_regex(texts, form)).as_py():
            made = texts.cast(target)
            if kind == "int" or pc.all(pc.is_finite(made)).as_py():
                column = Column()
                column.add_array(0, made, kind, inexact=False)
                return column.natural().array
    distinct = texts.dictionary_encode(null_encoding="encode")
    return typed(distinct.dictionary.to_pylist(), _NUMERALS).array.take(distinct.indices.to_numpy())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON; use null, a string or a number")
