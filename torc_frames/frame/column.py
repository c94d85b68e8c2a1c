"""One column of JSON values: which type it has over the whole workflow, and how pandas shows it."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import RefusedError
from torc_frames.frame.exact import EXACT_IN_FLOAT, as_type, cast, fits_float
from torc_frames.frame.specs import native

__all__ = ["Column", "DtypeBackend", "InexactChunkError", "as_native", "check_dtype_backend", "to_backend"]

DtypeBackend = Literal["numpy_nullable", "pyarrow"] | None

ARROW = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "str": pa.string()}


class InexactChunkError(Exception):
    """Numbers read as float64 are needed as they were written; read again without Arrow."""


class Column:
    """The values of one column, gathered page by page, with None for missing ones.

    A chunk is an Arrow array, or a list of Python values. ``kinds`` says what was seen: bool, int
    (of 64 bits), bigint, float, str, other (lists, objects).
    """

    def __init__(self) -> None:
        self.chunks: list[pa.Array | list[Any]] = []
        self.length = 0
        self.kinds: set[str] = set()
        self.inexact = False

    @classmethod
    def of(cls, values: list[Any]) -> Column:
        """Return a column of Python values."""
        column = cls()
        column.add_values(0, values)
        return column

    def add_values(self, start: int, values: list[Any]) -> None:
        """Add decoded JSON values of the rows from `start` on."""
        self.pad(start)
        self.kinds |= {kind for kind in map(_kind, {*map(type, values)}) if kind}
        if "int" in self.kinds and any(
            type(value) is int and not -(2**63) <= value < 2**63 for value in values
        ):
            self.kinds.add("bigint")
        self.chunks.append(values)
        self.length += len(values)

    def add_array(self, start: int, array: pa.Array, kind: str, inexact: bool) -> None:
        """Add an Arrow array of one kind; `inexact` floats may have been written as integers."""
        self.pad(start)
        if array.null_count < len(array):
            self.kinds.add(kind)
            self.inexact |= inexact
        self.chunks.append(array)
        self.length += len(array)

    def append(self, start: int, other: Column) -> None:
        """Add the values of another column, of the rows from `start` on."""
        self.pad(start)
        self.chunks += other.chunks
        self.length += other.length
        self.kinds |= other.kinds
        self.inexact |= other.inexact

    def pad(self, length: int) -> None:
        """Add missing values up to the given length."""
        if length > self.length:
            self.chunks.append(pa.nulls(length - self.length))
            self.length = length

    def kind(self) -> str:
        """Return the one kind of the whole column: bool, int, float, str, object, or "" if all missing."""
        return one_kind(self.kinds, self.floats_hold_ints)

    def values(self) -> list[Any]:
        """Return all values as they were in JSON, None for missing ones."""
        if self.inexact:
            raise InexactChunkError
        listed: list[Any] = []
        for chunk in self.chunks:
            listed += chunk if isinstance(chunk, list) else chunk.to_pylist()
        return listed

    def arrow(self) -> pa.ChunkedArray:
        """Return the column as Arrow; for the kinds that are no objects."""
        return self.as_type(ARROW.get(self.kind(), pa.null()))

    def as_type(self, target: pa.DataType) -> pa.ChunkedArray:
        """Return the column as an Arrow type that holds its values."""
        arrays = (
            as_type(chunk, target) if isinstance(chunk, list) else cast(chunk, target)
            for chunk in self.chunks
        )
        return pa.chunked_array(arrays, target)

    def natural(self) -> pd.Series:
        """Return the column with the dtype that its JSON values have by themselves.

        bool, int64 (with gaps boolean, Int64), float64, pandas' own string dtype, else object.
        """
        kind = self.kind()
        if kind in ("object", ""):
            return objects(self.values())
        array = self.arrow()
        if kind == "str":
            return pd.Series(array.to_pandas())
        if array.null_count and kind != "float":
            return from_arrow(array, pd.BooleanDtype() if kind == "bool" else pd.Int64Dtype())
        return pd.Series(to_numpy(array), copy=False)

    def floats_hold_ints(self) -> bool:
        """Return whether every integer is exact in a float64."""
        return all(map(_ints_fit_float, self.chunks))


def one_kind(kinds: Set[str], floats_hold_ints: Callable[[], bool]) -> str:
    """Return the kind that a column has as a whole, by the kinds of its values; see `Column.kind`."""
    if len(kinds) <= 1:
        kind = next(iter(kinds), "")
        return "object" if kind == "other" else kind
    if kinds <= {"int", "float", "bigint"} and "float" in kinds and floats_hold_ints():
        return "float"
    return "object"


def objects(values: list[Any]) -> pd.Series:
    """Return a Series of dtype object that holds the values as they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return pd.Series(array, dtype=object)


def to_numpy(array: pa.ChunkedArray) -> np.ndarray:
    """Return Arrow values as a numpy array that may be written to."""
    values: np.ndarray = array.to_numpy(zero_copy_only=False)
    return values if values.flags.writeable else values.copy()


def from_arrow(array: pa.ChunkedArray, dtype: Any) -> pd.Series:
    """Return Arrow values, of the type that fits, as a column of an extension dtype."""
    return pd.Series(dtype.__from_arrow__(array), copy=False)


def check_dtype_backend(dtype_backend: DtypeBackend) -> None:
    """Refuse what pandas doesn't know as a dtype_backend."""
    if dtype_backend not in (None, "numpy_nullable", "pyarrow"):
        raise RefusedError(
            f"dtype_backend={dtype_backend!r}: use None, 'numpy_nullable' or 'pyarrow', as in pandas"
        )


def to_backend(series: pd.Series, dtype_backend: DtypeBackend) -> pd.Series:
    """Return a column in the dtypes of a pandas dtype_backend; categoricals stay, objects but for strings."""
    convert = _BACKENDS.get(dtype_backend or "")
    given: Any = series.dtype
    if convert and given.kind == "O" and pd.api.types.infer_dtype(series, skipna=True) == "string":
        given = pd.StringDtype()
    dtype = convert(given) if convert else None
    return series if dtype is None else as_native(series).astype(dtype)


def as_native(series: pd.Series) -> pd.Series:
    """Return a column with its bytes in the order that this machine has, which Arrow needs."""
    dtype = native(series.dtype)
    return series if dtype is series.dtype else series.astype(dtype)


def _nullable(dtype: Any) -> Any:
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        name = dtype.name.capitalize() if dtype.kind != "u" else f"UInt{dtype.itemsize * 8}"
        return name if name != "Float16" else None
    if isinstance(dtype, np.dtype) and dtype.kind == "b":
        return "boolean"
    if isinstance(dtype, pd.StringDtype):
        return pd.StringDtype()
    return None


def _arrow(dtype: Any) -> Any:
    if (
        isinstance(dtype, pd.ArrowDtype)
        or pd.api.types.is_object_dtype(dtype)
        or isinstance(dtype, pd.CategoricalDtype)
    ):
        return None
    if isinstance(dtype, pd.StringDtype):
        return pd.ArrowDtype(pa.string())
    if isinstance(dtype, pd.DatetimeTZDtype):
        zone = _arrow_zone(dtype.tz)
        return None if zone is None else pd.ArrowDtype(pa.timestamp(dtype.unit, zone))
    numpy = native(getattr(dtype, "numpy_dtype", dtype))
    return pd.ArrowDtype(pa.from_numpy_dtype(numpy)) if isinstance(numpy, np.dtype) else None


def _arrow_zone(zone: Any) -> str | None:
    """Return what Arrow calls a zone, None for one that it has no name for."""
    try:
        name: str = pa.lib.tzinfo_to_string(zone)
        pa.lib.string_to_tzinfo(name)
    except (ValueError, TypeError, LookupError, pa.ArrowException):
        return None
    return name


_BACKENDS: dict[str, Callable[[Any], Any]] = {"numpy_nullable": _nullable, "pyarrow": _arrow}


def _kind(kind: type) -> str | None:
    if kind in (bool, int, float, str):
        return kind.__name__
    return None if kind is type(None) else "other"


def _ints_fit_float(chunk: pa.Array | list[Any]) -> bool:
    if not isinstance(chunk, list):
        if chunk.type != pa.int64() or not len(chunk):
            return True
        if pc.max(pc.abs(chunk)).as_py() in range(EXACT_IN_FLOAT + 1):
            return True
        chunk = chunk.drop_null().to_pylist()
    return all(fits_float(value) for value in chunk if type(value) is int)
