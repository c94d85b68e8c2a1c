"""Which dtypes a push keeps, how they stand in a workflow's metadata, and what to use instead of others."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = [
    "UNITS",
    "Spec",
    "all_categories",
    "is_kept",
    "is_spec",
    "key_of",
    "kind_of",
    "mend_of",
    "name_of",
    "native",
    "recorded_dtype",
    "time_unit",
    "time_zone",
    "unit_of",
]

Spec = Mapping[str, Any]
"""A dtype as JSON: ``{"dtype": "int64"}``, with what else it takes to make the same dtype again."""

UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Units of time, and how many digits of a second they have."""

_UNIT = r"\[(?:s|ms|us|ns)\]"
# pandas would open the file that dateutil/… names.
_ZONE = r"(?!dateutil/)[^/.][^.]{0,60}"
_RECORDED = re.compile(
    r"bool|boolean|u?int(?:8|16|32|64)|U?Int(?:8|16|32|64)|[fF]loat(?:32|64)|[<>](?:[iu][248]|f[48])"
    rf"|[<>]?[mM]8{_UNIT}|(?:datetime|timedelta)64{_UNIT}"
    rf"|datetime64\[(?:s|ms|us|ns), {_ZONE}\]|period\[[\w-]{{1,20}}\]"
)
"""What may stand in the metadata, which others can write: pandas and numpy would take much more."""

_ZONED = re.compile(rf"timestamp\[(s|ms|us|ns), tz=({_ZONE})\]")


def recorded_dtype(spec: Spec) -> Any:
    """Return the dtype of a spec, None for what no push records and for what this pandas lacks."""
    try:
        if spec["dtype"] != "arrow":
            if _RECORDED.fullmatch(spec["dtype"]) is None:
                return None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of frequencies under their old names
                dtype = pd.api.types.pandas_dtype(spec["dtype"])
                # In another order of bytes pandas 2 takes no rows, and joins no columns.
                return dtype if pd.__version__ >= "3" else native(dtype)
        zoned = _ZONED.fullmatch(spec["type"])
        if zoned is None:
            return pd.ArrowDtype(pa.type_for_alias(spec["type"]))
        pd.DatetimeTZDtype("ns", zoned[2])  # Arrow takes any text for a zone
        return pd.ArrowDtype(pa.timestamp(zoned[1], zoned[2]))
    except (TypeError, ValueError, LookupError, OSError, OverflowError, NotImplementedError):
        return None


def is_kept(dtype: Any) -> bool:
    """Return whether a push keeps a dtype, beside objects, texts and categories."""
    if isinstance(dtype, pd.ArrowDtype):
        kind = dtype.pyarrow_dtype
        numbers = pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind)
        texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
        times = pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_date32(kind)
        return bool(numbers or texts or times)
    if isinstance(dtype, (pd.DatetimeTZDtype, pd.PeriodDtype)):
        return True
    numpy = getattr(dtype, "numpy_dtype", dtype)
    return isinstance(numpy, np.dtype) and (
        numpy.kind in "biu"
        or (numpy.kind == "f" and numpy.itemsize in (4, 8))
        or time_unit(dtype) is not None
    )


def name_of(dtype: Any) -> str:
    """Return what a dtype is called; pandas has no name for some of Arrow's."""
    try:
        return str(dtype)
    except NotImplementedError:
        return f"{dtype.pyarrow_dtype}[pyarrow]"


def mend_of(dtype: Any, s: str) -> str:
    """Return what to do with a column of a dtype that is not kept; `s` is how to write the column."""
    if isinstance(dtype, pd.ArrowDtype):
        mend = next(mend for is_kind, mend in _ARROW_MENDS if is_kind(dtype.pyarrow_dtype))
        return f"use {mend.format(s=s)}"
    if isinstance(dtype, pd.SparseDtype):
        return f"use {s}.sparse.to_dense()"
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f'its zone has no name that others know: use {s}.dt.tz_convert("UTC")'
    if isinstance(dtype, np.dtype) and not dtype.isnative and is_kept(native(dtype)):
        return f'use {s}.astype("{native(dtype).name}")'
    if isinstance(dtype, np.dtype) and dtype.kind == "c":
        return f"use two columns, numpy.real({s}) and numpy.imag({s})"
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        narrow = dtype.itemsize == 2
        return f'use {s}.astype("float32")' if narrow else f'use {s}.astype("float64"), which may round'
    if isinstance(dtype, np.dtype):
        return "use a column for each of its fields"
    return f'use {s}.astype("string") if texts will do'


_ARROW_MENDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_float16, '{s}.astype("float[pyarrow]")'),
    (pa.types.is_date64, '{s}.astype("date32[pyarrow]")'),
    (pa.types.is_decimal, '{s}.astype("string") to keep the digits, or {s}.astype("double[pyarrow]")'),
    (pa.types.is_time, '{s}.astype("string")'),
    (pa.types.is_null, "{s}.astype(object)"),
    (pa.types.is_string_view, 'pandas.Series(pyarrow.array({s}).to_pylist(), dtype="str")'),
    (pa.types.is_dictionary, "pandas.Series(pyarrow.array({s}).to_pandas()), which is categorical"),
    (pa.types.is_map, "pandas.Series([x and dict(x) for x in pyarrow.array({s}).to_pylist()], dtype=object)"),
    (pa.types.is_nested, "pandas.Series(pyarrow.array({s}).to_pylist(), dtype=object)"),
    (
        lambda kind: "binary" in str(kind),
        "pandas.Series([x and x.hex() for x in pyarrow.array({s}).to_pylist()])",
    ),
    (lambda kind: True, "pandas.Series([x and str(x) for x in pyarrow.array({s}).to_pylist()])"),
)
"""What to use instead of Arrow's types that are not kept; `s` is how the column is written."""


def native(dtype: Any) -> Any:
    """Return a dtype with the order of bytes that this machine has; Arrow knows no other."""
    foreign = isinstance(dtype, np.dtype) and not dtype.isnative
    return dtype.newbyteorder("=") if foreign else dtype


def is_spec(found: Mapping[str, Any]) -> bool:
    """Return whether what stands in the metadata has the form of a spec."""
    if found.get("dtype") == "category":
        of, values = found.get("of"), found.get("categories")
        scalars = isinstance(values, list) and all(isinstance(value, (str, int, float)) for value in values)
        inner = isinstance(of, dict) and of.get("dtype") != "category" and is_spec(of)
        return scalars and inner and isinstance(found.get("ordered"), bool)
    if found.get("dtype") == "arrow":
        return isinstance(found.get("type"), str)
    return isinstance(found.get("dtype"), str)


def kind_of(spec: Spec) -> str:
    """Return what a dtype means to JSON: plain values, or texts of times, durations, periods, categories."""
    if spec["dtype"] in ("object", "category"):
        return str(spec["dtype"])
    dtype = recorded_dtype(spec) if spec["dtype"] != "string" else None
    if isinstance(dtype, pd.PeriodDtype):
        return str(dtype)
    found = time_unit(dtype)
    if found is None:
        return "plain"
    return f"{found[0]}8, {'zoned' if time_zone(dtype) else 'naive'}"


def unit_of(spec: Spec) -> str:
    """Return the unit of times or durations, like ``"us"``; "" for other dtypes."""
    found = time_unit(recorded_dtype(spec)) if kind_of(spec)[:2] in ("M8", "m8") else None
    return found[3:-1] if found else ""


def time_unit(dtype: Any) -> str | None:
    """Return the numpy dtype of times, dates or durations, None for other dtypes."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"M8[{dtype.unit}]"
    if isinstance(dtype, pd.ArrowDtype):
        arrow = dtype.pyarrow_dtype
        if pa.types.is_date32(arrow):
            return "M8[D]"
        if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
            return f"{'M' if pa.types.is_timestamp(arrow) else 'm'}8[{arrow.unit}]"
    return dtype.str[1:] if isinstance(dtype, np.dtype) and dtype.kind in "mM" else None


def time_zone(dtype: Any) -> str | None:
    """Return the zone of times, None for those without and for other dtypes."""
    if isinstance(dtype, pd.ArrowDtype):
        return getattr(dtype.pyarrow_dtype, "tz", None)
    return str(dtype.tz) if isinstance(dtype, pd.DatetimeTZDtype) else None


def all_categories(known: list[Any], others: Iterable[Any]) -> list[Any]:
    """Return categories, then those of others that are none of them."""
    found: dict[Any, Any] = {}
    for value in (*known, *others):
        found.setdefault(key_of(value), value)
    return list(found.values())


def key_of(value: Any) -> tuple[bool, Any]:
    """Return a key for a JSON value by which True is not 1."""
    return isinstance(value, bool), value
