"""Frames as JSON, CSV and Parquet, so that reading them again loses nothing that the format can hold."""

from __future__ import annotations

import csv
import io
import sys
from typing import IO, Any, Literal

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from torc_frames.errors import Problem, RefusedError
from torc_frames.files.arrow import JSON_TEXT, NOT_HELD, can_be_written, json_texts
from torc_frames.files.cells import cell_text, neutral, neutral_name
from torc_frames.files.dataset import parquet_errors
from torc_frames.frame.column import Column, as_native, objects
from torc_frames.frame.dtypes import are_near, encode
from torc_frames.frame.flatten import above, split, unflatten

__all__ = ["as_arrow", "json_columns", "json_rows", "write_csv", "write_json", "write_parquet"]

_encode = msgspec.json.Encoder().encode


def json_columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns of a frame, a named index first, as JSON values; times in ISO 8601."""
    whole = frame if frame.index.name is None else frame.reset_index()
    return {str(name): _values(series) for name, series in whole.items()}


def json_rows(frame: pd.DataFrame) -> list[bytes]:
    """Return each row as a JSON object, nested where column names have dots; missing values are null."""
    columns = json_columns(frame)
    rows = zip(*columns.values(), strict=True)
    if all("." not in name and "\\" not in name for name in columns):
        return [_encode(dict(zip(columns, row, strict=True))) for row in rows]
    clashing = _inner(list(columns))
    return [_encode(_nested(dict(zip(columns, row, strict=True)), clashing)) for row in rows]


def write_json(frame: pd.DataFrame, file: IO[bytes], *, lines: bool = False) -> None:
    """Write a list of JSON objects, a row each, or an object a line; see `json_rows`."""
    rows = json_rows(frame)
    if lines:
        file.writelines(row + b"\n" for row in rows)
    else:
        file.write(b"[\n" + b",\n".join(rows) + b"\n]\n" if rows else b"[]\n")


def write_csv(frame: pd.DataFrame, file: IO[bytes], *, raw: bool = False) -> None:
    """Write CSV in UTF-8: missing cells are empty, lists and objects are JSON.

    What a spreadsheet would take for a formula is written as `neutral` does, unless `raw` is set.
    """
    plain = frame.copy(deep=False)
    safe, safe_name = (str, str) if raw else (neutral, neutral_name)
    for position in range(len(frame.columns)):
        texts = _texts(frame.iloc[:, position])
        if texts is not None:
            safe_texts = [None if text is None else safe(text) for text in texts]
            plain.isetitem(position, objects(safe_texts).array)
    plain.columns = pd.Index([safe_name(str(name)) for name in plain.columns], dtype=object)
    if plain.index.name is not None:
        name = safe_name(str(plain.index.name))
        plain.index = pd.Index([safe(str(key)) for key in plain.index], name=name)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if _needs_quotes(plain) else csv.QUOTE_MINIMAL
    text = plain.to_csv(index=plain.index.name is not None, lineterminator="\n", quoting=quoting)
    file.write(text.encode("utf-8", "surrogatepass"))


def _needs_quotes(plain: pd.DataFrame) -> bool:
    """Return whether texts need quotes that csv doesn't think of.

    Before Python 3.13 it leaves a lone carriage return unquoted; and a name with another separator would
    leave open which one separates.
    """
    names = [name for name in (plain.index.name, *plain.columns) if isinstance(name, str)]
    cells = (value for _, series in plain.items() if series.dtype.kind == "O" for value in series)
    return any(";" in name or "\t" in name for name in names) or any(
        "\r" in value for value in (*names, *cells) if isinstance(value, str)
    )


def _texts(series: pd.Series) -> list[str | None] | None:
    """Return the cells of a column of objects, texts or durations; None for others, which are not live."""
    kinds = series.cat.categories.to_series() if isinstance(series.dtype, pd.CategoricalDtype) else series
    dtype = kinds.dtype
    if pd.api.types.is_object_dtype(dtype) or (dtype.kind in "mM" and not are_near(kinds)):
        return [None if value is None else cell_text(value) for value in _values(series)]
    if dtype.kind == "m":
        lines = csv.reader(io.StringIO(series.to_csv(index=False, header=False)))
        return [line[0] if line and line[0] else None for line in lines]
    if isinstance(dtype, pd.StringDtype) or "string" in str(dtype):
        return [None if missing else value for value, missing in zip(series, series.isna(), strict=True)]
    return None


def write_parquet(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """Write Parquet; a column of mixed values is stored as JSON strings, and said so on stderr."""
    plain = frame.copy(deep=False)
    as_json = []
    for position, (name, dtype) in enumerate(frame.dtypes.items()):
        series = frame.iloc[:, position]
        inner = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
        if inner is not dtype and isinstance(inner, pd.PeriodDtype):
            plain.isetitem(position, Column.of(_values(series)).natural().array)
        elif not pd.api.types.is_object_dtype(inner):
            plain.isetitem(position, as_native(series).array)
        elif not can_be_written(values := _values(series)):
            plain.isetitem(position, Column.of(json_texts(values).to_pylist()).natural().array)
            as_json.append(str(name))
    table = as_arrow(plain)
    if as_json:
        print(f"Stored as JSON strings, for their mixed values: {', '.join(as_json)}", file=sys.stderr)
    for name in as_json:
        at = table.schema.get_field_index(name)
        field = table.schema.field(at).with_metadata({JSON_TEXT: b"1"})
        table = table.set_column(at, field, table.column(at))
    with parquet_errors(table):
        pq.write_table(table, file)


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a frame as Arrow; RefusedError names the columns that it has no type for."""
    try:
        return pa.Table.from_pandas(frame)
    except NOT_HELD as error:
        problems = []
        for name, series in frame.items():
            try:
                pa.Array.from_pandas(series)
            except NOT_HELD as reason:
                problems.append(Problem(None, str(name), f"Parquet can't hold it; make it texts: {reason}"))
        raise RefusedError(problems or f"Parquet can't hold this table: {error}") from error


def _values(series: pd.Series) -> list[Any]:
    values, refused = encode(series)
    if refused:
        raise RefusedError([Problem(row, str(series.name), reason) for row, reason in refused.items()])
    return values


def _inner(names: list[str]) -> set[str]:
    """Return the columns that others lie inside of, and those others."""
    paths = {split(name): name for name in names}
    found = set()
    for path, name in paths.items():
        if (outer := above(path, paths)) is not None:
            found |= {name, paths[outer]}
    return found


def _nested(row: dict[str, Any], clashing: set[str]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if value is not None or name not in clashing}
    try:
        return unflatten(kept)
    except RefusedError:
        return row
