"""Tables of other libraries as DataFrames: one door for pushes and for files."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import Problem, RefusedError
from torc_frames.files.arrow import JSON_TEXT, NOT_HELD
from torc_frames.files.read import decode_json, frame_of_table, table_columns
from torc_frames.frame.column import Column, from_arrow, objects

__all__ = ["Table", "as_frame", "as_pushed"]


class ArrowTable(Protocol):
    """A table of Polars, Arrow, DuckDB or another library that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return the table as Arrow's C stream."""


Table = pd.DataFrame | ArrowTable
"""What is pushed."""

_ONE_COLUMN = "pa.table({'name': array}) makes a table of one column"
_ROWS = "pd.DataFrame(rows) makes a table of dicts, pd.DataFrame(rows, columns=[…]) one of lists"
_FILE = "torc-frames push FILE pushes a file; or read it, with pd.read_csv(path) or pd.read_parquet(path)"

_MENDS = {
    "Series": "series.to_frame('name') makes a table of one column, series.to_frame().T one of a row",
    "ChunkedArray": _ONE_COLUMN,
    "Array": _ONE_COLUMN,
    "Index": "index.to_frame(index=False, name='name') makes a table of it",
    "LazyFrame": "its .collect() is a table",
    "DuckDBPyConnection": "its .sql('select …') is a table",
    "GroupBy": "take what it gives, as .mean().reset_index() does",
    "Styler": "its .data is the table",
    "Plan": "a plan is done by its apply()",
    "Workflow": "its .parameters() is a table",
    "ndarray": "pd.DataFrame(array, columns=[…]) makes a table of it",
    "dict": "pd.DataFrame(columns) makes a table of lists, pd.DataFrame([row]) of one row, "
    "tf.grid(**axes) of all combinations",
    "str": _FILE,
    "PurePath": _FILE,
    "list": _ROWS,
    "tuple": _ROWS,
}
_METHODS = {
    "to_pandas": "its .to_pandas() is one",
    "toPandas": "its .toPandas() is one",
    "compute": "its .compute() is one",
    "to_dataframe": "its .to_dataframe().reset_index() is one",
}


def as_frame(table: Any) -> pd.DataFrame:
    """Return a table of pandas as it is, and one of Polars, Arrow, DuckDB or the like as a DataFrame.

    Integers and booleans with gaps are Int64 and boolean, dates ``date32[pyarrow]``, lists and structs
    objects; no value is changed.

    Raises
    ------
    RefusedError
        For what is no table, with the call that makes one of it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_frame(pa.table({"depth": [3, None], "ok": [True, False]})).dtypes.astype(str).tolist()
    ['Int64', 'bool']
    """
    if isinstance(table, pd.DataFrame):
        return table
    kinds = [base.__name__ for base in type(table).__mro__]
    mend = next((_MENDS[kind] for kind in kinds if kind in _MENDS), None)
    if mend is None and (hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__")):
        try:
            return _frame_of(pa.table(table))
        except NOT_HELD as error:
            if problems := _unread(table):
                raise RefusedError(problems) from error
            mend = f"Arrow can not read it, {error}"
    if mend is None:
        mend = next((text for name, text in _METHODS.items() if callable(getattr(table, name, None))), None)
    told = f": {mend}" if mend else ""
    raise RefusedError(
        f"a push takes a DataFrame, or a table of Polars, Arrow or DuckDB, not a {type(table).__name__}{told}"
    )


def _unread(table: Any) -> list[Problem]:
    """Return the columns that Arrow does not read, of a table that can be asked for single ones."""
    problems = []
    names: Any = getattr(table, "columns", None)
    for name in names if isinstance(names, list) and callable(getattr(table, "select", None)) else ():
        try:
            pa.table(table.select([name]))
        except NOT_HELD as error:
            problems.append(
                Problem(None, str(name), f"Arrow can not read it, {error}: cast it to Int64 or String")
            )
    return problems


def _frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame without changing a value; see `as_frame`."""
    simple = [_simple(column) for column in table.columns]
    fields = [field.with_type(column.type) for field, column in zip(table.schema, simple, strict=True)]
    plain = pa.Table.from_arrays(simple, schema=pa.schema(fields, table.schema.metadata))
    return as_pushed(frame_of_table(plain), plain)


def as_pushed(frame: pd.DataFrame, table: pa.Table) -> pd.DataFrame:
    """Return the frame of a table with its dates, JSON in texts and integers as what can be pushed."""
    for place, at in enumerate(table_columns(table, frame)):
        series = _special(table.schema.field(at), table.column(at))
        if series is not None:
            whole: Any = series.set_axis(frame.index)  # of an array alone pandas would infer a dtype anew
            frame.isetitem(place, whole)
    return frame


def _special(field: pa.Field, column: pa.ChunkedArray) -> pd.Series | None:
    """Return a column that pandas has as objects, or as texts, as what it is; None for others."""
    kind = column.type
    if field.metadata and JSON_TEXT in field.metadata:
        return _decoded(field.name, column.to_pylist())
    if pa.types.is_date(kind):
        return from_arrow(column.cast(pa.date32()), pd.ArrowDtype(pa.date32()))
    if pa.types.is_decimal(kind) and kind.scale <= 0:
        return Column.of([None if value is None else int(value) for value in column.to_pylist()]).natural()
    return None


def _decoded(name: str, texts: list[Any]) -> pd.Series:
    """Return the values of a column whose texts are JSON, as the table says."""
    values, problems = [], []
    for row, text in enumerate(texts):
        try:
            values.append(None if text is None else decode_json(text))
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(Problem(row, name, f"is no JSON, though the file says so: {error}"))
    if problems:
        raise RefusedError(problems)
    return objects(values)


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of a type that pandas knows, with the same values."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and not kind.extension_name.startswith("pandas."):
        storage = [chunk.storage for chunk in column.chunks]
        return _simple(pa.chunked_array(storage, kind.storage_type))
    if pa.types.is_run_end_encoded(kind):
        return _simple(pa.chunked_array(map(pc.run_end_decode, column.chunks), kind.value_type))
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        return _categories(column)
    return column


def _categories(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    chunks = [
        pa.DictionaryArray.from_arrays(
            chunk.indices, chunk.dictionary.cast(pa.large_string()), ordered=kind.ordered
        )
        for chunk in column.chunks
    ]
    made = pa.dictionary(kind.index_type, pa.large_string(), kind.ordered)
    return pa.chunked_array(chunks, made).unify_dictionaries()
