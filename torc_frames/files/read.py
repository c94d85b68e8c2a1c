"""Reading table files and joining them end to end without changing a value."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import RefusedError
from torc_frames.frame.column import Column, to_backend
from torc_frames.frame.exact import EXACT_IN_FLOAT, as_dtype
from torc_frames.frame.specs import native
from torc_frames.frame.texts import Numerals, typed
from torc_frames.settings.regular import open_regular

__all__ = ["concat_exactly", "read_table", "typed"]

_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}
_NUMERALS = Numerals(infinite=True)
_PLAIN = (
    (r"\A-?(0|[1-9][0-9]{0,17})\z", "int", pa.int64()),
    (r"\A(0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]*)\.[0-9]+)([eE][-+]?[0-9]+)?\z", "float", pa.float64()),
)
"""Forms of numbers that Arrow reads as `typed` does, where a whole column is written so."""


def read_table(path: str, format: str) -> pd.DataFrame:
    """Read a file of the given format (csv, json or jsonl).

    Raises
    ------
    RefusedError
        If the content isn't of that format.
    """
    try:
        return _read_csv(path) if format == "csv" else _frame_of_objects(_objects(path, format))
    except (ValueError, OSError, NotImplementedError, RecursionError) as error:
        raise RefusedError(f"can not read {path} as {format}: {error}") from error


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


def _objects(path: str, format: str) -> list[dict[str, Any]]:
    with io.TextIOWrapper(open_regular(path), encoding="utf-8") as file:
        if format == "jsonl":
            objects = [json.loads(line) for line in file if line.strip()]
        else:
            objects = json.load(file)
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise ValueError("its rows are not JSON objects")
    return objects


def _frame_of_objects(objects: list[dict[str, Any]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for item in objects for name in item))
    columns = {name: _column([item.get(name) for item in objects]) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(objects)))


def _column(values: list[Any]) -> pd.Series[Any]:
    kinds = {type(value) for value in values if value is not None}
    integers = [value for value in values if type(value) is int]
    small = all(-(2**63) <= value < 2**63 for value in integers)
    if kinds == {int} and small:
        return pd.Series(values, dtype="Int64" if len(integers) < len(values) else "int64")
    if kinds == {str}:
        return pd.Series(values, dtype="str")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if None in values else "bool")
    exact = all(abs(value) <= EXACT_IN_FLOAT for value in integers)
    if kinds and kinds <= {int, float} and exact:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object")


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
