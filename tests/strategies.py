"""What Hypothesis draws: JSON values, records, pages of records, columns of every dtype that is kept."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

TEXT = str(pd.Series(["a"]).dtype)
"""The dtype of texts: pandas 3 has one for them."""


def examples(few: int) -> int:
    """How many examples a property has with the profile `full`; in proportion with the others."""
    return max(1, few * settings().max_examples // 100)


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.sampled_from(["2020-01-01", "2020-01-01T00:00:00Z", "1", "true", "null", "\x00", "a\nb"]),
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([2**53, 2**53 + 1, 2**63, 2**64, -(2**63), -0.0, 1.0, 0.5, 1e300, 5e-324]),
    st.floats(allow_nan=False, allow_infinity=False),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.sampled_from(["a", "b", "c", "data", "rev", "a.b", "", "d\\", "\\.", "é"])
FREE_KEYS = st.one_of(KEYS, st.text(st.characters(codec="utf-8"), max_size=4), st.text("a\\.", max_size=5))


def json_values(keys: st.SearchStrategy[str] = KEYS) -> st.SearchStrategy[Any]:
    """Any JSON value."""
    return st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


OBJECTS = st.dictionaries(FREE_KEYS, json_values(FREE_KEYS), max_size=4)

_COLUMNS = st.sampled_from(
    [
        st.integers(-3, 3),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False, width=16),
        TEXTS,
        st.booleans(),
        st.lists(st.integers(0, 3), max_size=2),
        st.lists(TEXTS, max_size=2),
        st.fixed_dictionaries({"x": st.integers(0, 3)}, optional={"y": TEXTS}),
        LEAVES,
        json_values(),
    ]
)


@st.composite
def pages(draw: st.DrawFn) -> list[list[Any]]:
    """Pages of records: alike, as a sweep makes them, or any mixture."""
    if draw(st.booleans()):
        records = st.one_of(st.dictionaries(KEYS, json_values(), max_size=3), json_values())
    else:
        columns = draw(st.dictionaries(KEYS, _COLUMNS, max_size=4))
        gaps = draw(st.booleans())
        records = st.fixed_dictionaries({}, optional=columns) if gaps else st.fixed_dictionaries(columns)
    return draw(st.lists(st.lists(records, min_size=1, max_size=4), max_size=3))


FINITE = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**31), 2**31 - 1)
DATES = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
SPANS = st.timedeltas(datetime.timedelta(days=-9999), datetime.timedelta(days=9999))


def _objects(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _arrow(kind: pa.DataType) -> Any:
    return lambda values: pd.array(pa.array(values, kind), dtype=pd.ArrowDtype(kind))


def _times(unit: str) -> Any:
    return lambda values: pd.Series(np.array(values, dtype=f"datetime64[{unit}]"))


def _spans(unit: str) -> Any:
    return lambda values: pd.Series(np.array(values, dtype=f"timedelta64[{unit}]"))


def _zoned(zone: Any) -> Any:
    return lambda values: pd.Series(_times("us")(values)).dt.tz_localize("UTC").dt.tz_convert(zone)


def _categories(ordered: bool) -> Any:
    return lambda values: pd.Categorical(values, categories=["b", "a", "unused"], ordered=ordered)


NESTED = st.dictionaries(st.text("ab", max_size=2), json_values(), max_size=2)
NO_NULL = json_values().filter(lambda value: value is not None)

# Each: how a cell is drawn, whether it may be missing (None), how the column is made.
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], bool, Any]] = {
    "int64": (st.integers(-(2**63), 2**63 - 1), False, lambda v: np.array(v, dtype="int64")),
    "int8": (st.integers(-128, 127), False, lambda v: np.array(v, dtype="int8")),
    "uint64": (st.integers(0, 2**64 - 1), False, lambda v: np.array(v, dtype="uint64")),
    "float64": (FINITE, True, lambda v: np.array(v, dtype="float64")),
    "float32": (
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        True,
        lambda v: np.array(v, dtype="float32"),
    ),
    "bool": (st.booleans(), False, lambda v: np.array(v, dtype=bool)),
    "str": (TEXTS, True, lambda v: pd.Series(v, dtype="str")),
    "string": (TEXTS, True, lambda v: pd.array(v, dtype="string")),
    "string[python]": (TEXTS, True, lambda v: pd.array(v, dtype="string[python]")),
    "Int64": (INTS, True, lambda v: pd.array(v, dtype="Int64")),
    "UInt8": (st.integers(0, 255), True, lambda v: pd.array(v, dtype="UInt8")),
    "Float64": (FINITE, True, lambda v: pd.array(v, dtype="Float64")),
    "boolean": (st.booleans(), True, lambda v: pd.array(v, dtype="boolean")),
    "object": (NO_NULL, True, _objects),
    "dicts": (NESTED, True, _objects),
    "lists": (st.lists(json_values(), max_size=2), True, _objects),
    "big ints": (st.integers(2**62, 2**80), True, _objects),
    "datetime[us]": (DATES, True, _times("us")),
    "datetime[ns]": (DATES, True, _times("ns")),
    "datetime[s]": (DATES, True, _times("s")),
    "timedelta[us]": (SPANS, True, _spans("us")),
    "timedelta[ns]": (SPANS, True, _spans("ns")),
    "UTC": (DATES, True, _zoned("UTC")),
    "Berlin": (DATES, True, _zoned("Europe/Berlin")),
    "+02:30": (DATES, True, _zoned(datetime.timezone(datetime.timedelta(hours=2, minutes=30)))),
    "category": (st.sampled_from(["a", "b"]), True, _categories(ordered=False)),
    "ordered": (st.sampled_from(["a", "b"]), True, _categories(ordered=True)),
    "numbers category": (st.integers(0, 2), False, lambda v: pd.Categorical(v, categories=[2, 0, 1])),
    "period": (DATES, True, lambda v: pd.PeriodIndex(v, freq="M")),
    "arrow int": (st.integers(-(2**31), 2**31 - 1), True, _arrow(pa.int32())),
    "arrow double": (FINITE, True, _arrow(pa.float64())),
    "arrow string": (TEXTS, True, _arrow(pa.string())),
    "arrow bool": (st.booleans(), True, _arrow(pa.bool_())),
    "arrow timestamp": (DATES, True, _arrow(pa.timestamp("us"))),
    "arrow zoned": (DATES, True, _arrow(pa.timestamp("us", "UTC"))),
    "arrow duration": (SPANS, True, _arrow(pa.duration("us"))),
    "arrow date": (st.dates(datetime.date(1000, 1, 1)), True, _arrow(pa.date32())),
}

NAMES = st.lists(
    st.one_of(st.sampled_from(["alpha", "model.depth", "model.lr", "rev", "data", "v1\\.2", ""]), TEXTS),
    unique=True,
    max_size=4,
)


@st.composite
def columns(draw: st.DrawFn, length: int) -> Any:
    """A column of one of the dtypes that are kept."""
    cells, gaps, make = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
    cell = st.one_of(cells, st.none()) if gaps else cells
    return make(draw(st.lists(cell, min_size=length, max_size=length)))


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """A table that can be pushed."""
    length = draw(st.integers(0, 5))
    names = [name for name in draw(NAMES) if _is_name(name)]
    names = [name for name in names if not any(_inside(name, other) for other in names)]
    cells = {name: draw(columns(length)) for name in names}
    df = pd.DataFrame(cells, index=pd.RangeIndex(length))
    if names:
        df.columns = pd.Index(names, dtype="str")
    return df


def _is_name(name: str) -> bool:
    return (len(name) - len(name.rstrip("\\"))) % 2 == 0


def _inside(name: str, other: str) -> bool:
    return name != other and name.startswith(f"{other}.")
