"""Tables of other libraries as DataFrames: one door for pushes and for files."""

from __future__ import annotations

import json
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.dataset.types import JSON_TEXT
from torc_frames.errors import RefusedError
from torc_frames.frame.types import Column, from_arrow, objects, to_numpy

__all__ = ["Table", "as_frame", "decode_json", "frame_of_arrow"]


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
            return frame_of_arrow(pa.table(table))
        except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
            mend = f"Arrow can not read it, {error}"
    if mend is None:
        mend = next((text for name, text in _METHODS.items() if callable(getattr(table, name, None))), None)
    told = f": {mend}" if mend else ""
    raise RefusedError(
        f"a push takes a DataFrame, or a table of Polars, Arrow or DuckDB, not a {type(table).__name__}{told}"
    )


def frame_of_arrow(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame without changing a value.

    An index and the dtypes of pandas are those that its metadata tells of, if they can be had.
    """
    columns = [_series(field, table.column(at)) for at, field in enumerate(table.schema)]
    told = _as_pandas_tells(table)
    if told is None:
        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.num_rows))
        frame.columns = pd.Index(table.column_names, dtype="str") if columns else pd.RangeIndex(0)
        return frame
    for name, series in zip(table.column_names, columns, strict=True):
        if name in told.columns and not _is_exact(told[name], table.schema.field(name)):
            told[name] = series.set_axis(told.index)
    return told


def decode_json(text: str) -> Any:
    """Return the value of a JSON text; ValueError for keys that are there twice, and what is no JSON."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON; use null, a string or a number")


def _as_pandas_tells(table: pa.Table) -> pd.DataFrame | None:
    """Return what pandas makes of a table that it has written, None for others."""
    if b"pandas" not in (table.schema.metadata or {}) or len({*table.column_names}) < table.num_columns:
        return None
    try:
        frame: pd.DataFrame = table.to_pandas()
    except Exception:  # noqa: BLE001 - whatever somebody else's notes make pandas raise: it does without them
        return None
    return frame if len(frame) == table.num_rows and frame.columns.is_unique else None


def _is_exact(series: pd.Series, field: pa.Field) -> bool:
    """Return whether pandas has a column in a dtype of its own that its metadata tells of."""
    marked = field.metadata and JSON_TEXT in field.metadata
    return isinstance(series.dtype, pd.api.extensions.ExtensionDtype) and not marked


def _series(field: pa.Field, column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if field.metadata and JSON_TEXT in field.metadata:
        return objects([None if text is None else decode_json(text) for text in column.to_pylist()])
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        return _series(pa.field(field.name, kind.storage_type), column)
    if pa.types.is_run_end_encoded(kind):
        return _series(field, pa.chunked_array(map(pc.run_end_decode, column.chunks), kind.value_type))
    if pa.types.is_dictionary(kind):
        return _categories(column)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        if column.null_count:
            return from_arrow(column, _nullable(kind))
        return pd.Series(to_numpy(column))
    if pa.types.is_floating(kind):
        return pd.Series(to_numpy(column))
    if _is_text(kind):
        return pd.Series(
            column.cast(pa.large_string()).to_pandas(), dtype="str" if column.null_count else None
        )
    if pa.types.is_date(kind):
        return from_arrow(column.cast(pa.date32()), pd.ArrowDtype(pa.date32()))
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return pd.Series(column.to_pandas())
    values = column.to_pylist()
    if pa.types.is_decimal(kind) and kind.scale <= 0:
        return Column.of([None if value is None else int(value) for value in values]).natural()
    return objects(values)


def _nullable(kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.api.types.pandas_dtype(str(kind).replace("uint", "UInt").replace("int", "Int"))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _categories(column: pa.ChunkedArray) -> pd.Series:
    if not _is_text(column.type.value_type):
        return pd.Series(column.to_pandas())
    chunks = [
        pa.DictionaryArray.from_arrays(
            chunk.indices, chunk.dictionary.cast(pa.large_string()), ordered=column.type.ordered
        )
        for chunk in column.chunks
    ]
    if not chunks:
        return pd.Series(pd.Categorical([], ordered=column.type.ordered))
    return pd.Series(pa.chunked_array(chunks).unify_dictionaries().to_pandas())
