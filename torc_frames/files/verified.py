"""The files of pointers: written whole, and read once they were verified."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from torc_frames.errors import RefusedError, warn
from torc_frames.files.arrow import NOT_HELD
from torc_frames.files.dataset import parquet_errors
from torc_frames.files.exports import as_arrow
from torc_frames.files.formats import Format
from torc_frames.files.read import frame_of_table, read_parquet, read_table
from torc_frames.frame.column import Column
from torc_frames.frame.dtypes import describe, restore
from torc_frames.frame.exact import as_dtype
from torc_frames.frame.specs import is_spec, name_of, recorded_dtype
from torc_frames.frame.values import RefusalError

__all__ = ["read_verified", "write_table"]

_DTYPES = b"torc_frames.dtypes"


def read_verified(path: str, format: Format) -> pd.DataFrame:
    """Read a file that was verified.

    Raises
    ------
    RefusedError
        If its content isn't of its format.
    """
    if format != "parquet":
        return read_table(path, format)
    frame, table = read_parquet(path)
    return _with_recorded(frame, table)


def write_table(df: Any, made: str, folder: str) -> None:
    """Write a table to a Parquet file, whose folder is made if it has to be.

    Raises
    ------
    RefusedError
        For what Parquet can't hold.
    """
    table = _as_arrow(df)
    os.makedirs(folder, exist_ok=True)
    with parquet_errors(table):
        pq.write_table(table, made)


def _as_arrow(df: Any) -> pa.Table:
    if isinstance(df, pd.DataFrame):
        table = as_arrow(df)
        recorded = json.dumps(_dtypes_to_record(df, table))
        return table.replace_schema_metadata({**(table.schema.metadata or {}), _DTYPES: recorded})
    try:
        return pa.table(df)
    except NOT_HELD as error:
        raise RefusedError(f"Parquet can't hold this table: {error}") from error


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
