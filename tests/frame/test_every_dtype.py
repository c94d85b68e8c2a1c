"""Frames of every dtype that pandas has: what is accepted comes back, what is not is told with its mend."""

from __future__ import annotations

import datetime
import decimal
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from strategies import examples, json_values

import torc_frames as tf
from torc_frames.errors import Problem, RefusedError
from torc_frames.files.exports import json_rows, write_csv, write_parquet
from torc_frames.files.sheets import write_sheet
from torc_frames.frame.column import objects
from torc_frames.frame.encode import encode_frame
from torc_frames.workflow.workflow import Workflow

COUNTS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**40, -(2**63)]))
TIME_TYPES = [
    *(
        pa.timestamp("s"),
        pa.timestamp("ns"),
        pa.timestamp("us", "Europe/Berlin"),
        pa.timestamp("ms", "+02:30"),
    ),
    *(pa.duration("s"), pa.duration("ns")),
]
OTHER_TYPES = [
    *(pa.null(), pa.float16(), pa.binary(), pa.binary(2), pa.binary_view(), pa.date64(), pa.time32("s")),
    *(pa.time64("ns"), pa.decimal128(10, 2), pa.list_(pa.int64()), pa.large_list(pa.int64())),
    *(pa.list_(pa.int64(), 2), pa.list_view(pa.int64()), pa.struct([("a", pa.int64())]), pa.string_view()),
    *(pa.map_(pa.string(), pa.int64()), pa.dictionary(pa.int8(), pa.string()), pa.month_day_nano_interval()),
]
CELLS_OF = {
    pa.binary(): b"a",
    pa.binary(2): b"ab",
    pa.binary_view(): b"a",
    pa.time32("s"): datetime.time(1),
    pa.time64("ns"): datetime.time(1),
    pa.decimal128(10, 2): decimal.Decimal("1.10"),
    pa.list_(pa.int64()): [1, None],
    pa.large_list(pa.int64()): [1],
    pa.list_(pa.int64(), 2): [1, 2],
    pa.list_view(pa.int64()): [1],
    pa.struct([("a", pa.int64())]): {"a": 1},
    pa.string_view(): "a",
    pa.map_(pa.string(), pa.int64()): [("a", 1)],
    pa.dictionary(pa.int8(), pa.string()): "a",
    pa.month_day_nano_interval(): (1, 2, 3),
    pa.date64(): datetime.date(2020, 1, 1),
    pa.null(): None,
}


def arrow(kind: pa.DataType, values: list[Any]) -> pd.Series:
    return pd.Series(pa.array(values, kind), dtype=pd.ArrowDtype(kind))


def counted(dtype: str) -> Callable[[list[int]], Any]:
    """Return how to make times of counts of their unit."""
    return lambda counts: pd.Series(np.array(counts, dtype="i8").view(dtype.replace(">", "")).astype(dtype))


def zoned(unit: str, zone: Any) -> Callable[[list[int]], Any]:
    def make(counts: list[int]) -> Any:
        return counted(f"M8[{unit}]")(counts).dt.tz_localize("UTC").dt.tz_convert(zone)

    return make


def of_arrow(kind: pa.DataType) -> Callable[[list[int]], Any]:
    return lambda counts: pd.Series(pa.array(counts, pa.int64()).view(kind), dtype=pd.ArrowDtype(kind))


def categories(values: list[Any]) -> Any:
    distinct = list(dict.fromkeys(values))  # pandas takes 1 and True for the same category
    return pd.Categorical.from_codes(
        [*range(len(distinct)), *[-1] * (len(values) - len(distinct))],
        pd.Index(objects(distinct)),
    )


MIXED = st.one_of(st.integers(-2, 2), st.sampled_from(["a", "", True, 1.5, 2**64, (1, 2), b"x"]), st.dates())
ODD = [
    *(
        np.array([1, 2]),
        np.array([[1.5]]),
        np.array([1, "a", None], dtype=object),
        np.float32(0.5),
        np.int8(1),
    ),
    *(np.datetime64("NaT"), pd.NaT, pd.NA, float("nan"), decimal.Decimal("NaN"), 1j, b"a", {1}, object),
    *(pd.Timestamp.max, pd.Interval(0, 1), np.array([1j]), np.array(["2020"], "M8[D]"), np.void(b"a")),
]
ANYTHING = st.one_of(json_values(), st.sampled_from(ODD))

KINDS = ("i2", "i8", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "g")
NUMPY = [f"{order}{kind}" for order in "<>" for kind in KINDS]

# How a column is made of the cells that are drawn.
FAMILIES: dict[str, tuple[st.SearchStrategy[Any], Callable[[list[Any]], Any]]] = {
    **{name: (st.integers(0, 100), lambda v, name=name: np.array(v, dtype=name)) for name in NUMPY},
    **{
        name: (st.integers(0, 100) | st.none(), lambda v, name=name: pd.array(v, dtype=name))
        for name in ("Int8", "UInt64", "Float32", "Float64")
    },
    **{name: (COUNTS, counted(name)) for name in ("M8[s]", "M8[ms]", "M8[us]", "M8[ns]", ">M8[us]", "m8[s]")},
    **{f"m8[{unit}]": (COUNTS, counted(f"m8[{unit}]")) for unit in ("ms", "us", "ns")},
    **{
        f"{unit} {zone}": (COUNTS, zoned(unit, zone))
        for unit in ("s", "ns")
        for zone in ("UTC", "Asia/Tokyo")
    },
    "fixed offset": (COUNTS, zoned("us", datetime.timezone(-datetime.timedelta(minutes=17)))),
    **{str(kind): (COUNTS, of_arrow(kind)) for kind in TIME_TYPES},
    "date32": (st.integers(-(2**31), 2**31 - 1), lambda v: arrow(pa.date32(), v)),
    **{
        f"arrow {kind}": (st.just(CELLS_OF.get(kind, 1)) | st.none(), lambda v, kind=kind: arrow(kind, v))
        for kind in OTHER_TYPES
    },
    "float with nan": (st.sampled_from([0.5, float("nan"), None]), lambda v: arrow(pa.float64(), v)),
    "sparse": (st.integers(0, 1), lambda v: pd.arrays.SparseArray(v)),
    "interval": (st.integers(0, 5), lambda v: pd.arrays.IntervalArray.from_tuples([(n, n + 1) for n in v])),
    "period": (COUNTS, lambda v: pd.PeriodIndex.from_ordinals([n % 10**6 for n in v], freq="D")),
    "far period": (COUNTS, lambda v: pd.PeriodIndex.from_ordinals(v, freq="M")),
    "mixed categories": (MIXED, categories),
    "object": (ANYTHING, objects),
    "text of Python": (st.text(max_size=2), lambda v: pd.array(v, dtype=pd.StringDtype("python"))),
    "bytes": (st.just(b"a"), lambda v: np.array(v, dtype="S2")),
}


if pd.__version__ < "3":  # which makes some of them native by itself
    FAMILIES = {name: family for name, family in FAMILIES.items() if not name.startswith(">")}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    length = draw(st.integers(0, 3))
    columns = {}
    for at, family in enumerate(draw(st.lists(st.sampled_from(sorted(FAMILIES)), min_size=1, max_size=3))):
        cells, make = FAMILIES[family]
        columns[f"c{at}"] = make(draw(st.lists(cells, min_size=length, max_size=length)))
    return pd.DataFrame(columns, index=pd.RangeIndex(length))


def as_lists(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with arrays in cells as the lists that they come back as."""
    lists = df.copy(deep=False)
    for name, column in df.items():
        if column.dtype == object:
            lists[name] = objects([x.tolist() if isinstance(x, np.ndarray) else x for x in column])
    return lists


def as_days(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with dates as numbers: of those before our era Python has none, to compare them by."""
    days = df.copy(deep=False)  # a deep one makes one block of two columns, in the machine's order of bytes
    for name, column in df.items():
        if column.dtype == pd.ArrowDtype(pa.date32()):
            days[name] = pd.Series(pa.array(column).cast(pa.int32()), dtype=pd.ArrowDtype(pa.int32()))
    return days


def refused(call: Callable[[], object]) -> tuple[Problem, ...]:
    """Return why a call is refused, nothing if it is not; no other error may come of it."""
    try:
        call()
    except RefusedError as error:
        return error.problems
    return ()


def outputs(frame: pd.DataFrame) -> None:
    for write in (write_csv, write_parquet, write_sheet, lambda frame, file: json_rows(frame)):
        problems = refused(lambda: write(frame, io.BytesIO()))  # noqa: B023 - called at once
        assert all(problem.column is not None for problem in problems), problems


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    client = tf.connect(tmp_path_factory.mktemp("store") / "study.db")
    yield client
    client.close()


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], max_examples=examples(40)
)
@given(df=frames())
def test_a_frame_of_any_dtypes_comes_back_or_is_refused(client: Any, df: pd.DataFrame) -> None:
    comes_back_or_is_refused(client, df)


def test_a_date_before_our_era_comes_back(client: Any) -> None:
    # Of such a frame pandas has no repr.
    comes_back_or_is_refused(client, pd.DataFrame({"c0": arrow(pa.date32(), [-1_084_406, 0])}))


def comes_back_or_is_refused(client: Any, df: pd.DataFrame) -> None:
    wf: Workflow = client.create_workflow("study")
    problems = refused(lambda: wf.push(df))
    if problems:
        assert all(problem.column is not None for problem in problems), problems
        return
    again = wf.parameters()
    assert_frame_equal(
        as_days(again.reset_index(drop=True)),
        as_days(as_lists(df)),
        check_freq=False,
        check_exact=True,
        check_column_type=False,
    )
    assert (wf.push(again).attrs["torc"]["added"], wf.push(again).attrs["torc"]["changed"]) == (0, 0)
    pulls: list[Callable[[], Any]] = [
        wf.table,
        lambda: wf.parameters(dtype_backend="pyarrow"),
        lambda: wf.parameters(dtype_backend="numpy_nullable"),
        lambda: pa.table(wf.stream("parameters")),
    ]
    for pull in pulls:
        pulled = pull()
        if isinstance(pulled, pd.DataFrame):
            outputs(pulled)
    outputs(again)


REFUSED = {
    **{str(kind): arrow(kind, [CELLS_OF.get(kind, 1), None]) for kind in OTHER_TYPES},
    "float16": pd.Series([1.5, None], dtype="float16"),
    "complex": pd.Series([1j, 2]),
    "longdouble": pd.Series([1.5], dtype="longdouble"),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 1])),
    "interval": pd.Series(pd.interval_range(0, 2)),
    "cut": pd.Series(pd.cut([1, 2], 2)),
    "named zone": pd.to_datetime(pd.Series(["2020"])).dt.tz_localize(
        datetime.timezone(datetime.timedelta(hours=1), "mine")
    ),
    "far period": pd.Series(pd.PeriodIndex.from_ordinals([10**9], freq="D")),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_mend_of_a_refused_dtype_mends_it(name: str) -> None:
    df = pd.DataFrame({"x": REFUSED[name]})
    with pytest.raises(RefusedError, match="column 'x'") as caught:
        encode_frame(df)
    told = str(caught.value)
    assert ".astype(str)" not in told
    mends = re.split(r", or (?=df|pandas)", re.split("; use |: use ", told)[1].removeprefix("two columns, "))
    for mend in mends:
        expression = re.split(" if texts|, which| to keep| and numpy", mend)[0]
        mended = eval(expression, {"df": df, "pandas": pd, "pyarrow": pa, "numpy": np})
        assert len(mended) == len(df)
        encode_frame(pd.DataFrame({"x": mended}))


@pytest.mark.skipif(pd.__version__ < "3", reason="earlier pandas can't take rows of such columns")
def test_bytes_of_any_order_come_back_and_are_native_to_others(client: Any) -> None:
    wf = client.create_workflow("study")
    wf.push(pd.DataFrame({"x": np.array([1, -2], dtype=">i4"), "y": np.array([0.5, 2], dtype=">f8")}))
    assert [str(dtype) for dtype in wf.parameters().dtypes] == [">i4", ">f8"]
    assert [str(field.type) for field in pa.table(wf.stream("parameters")).schema][1:] == ["int32", "double"]


BASE = pd.DataFrame({"g": [1, 1, 2], "x": [3.0, 1.0, 2.0], "y": [1, 2, 3]})


@pytest.mark.parametrize(
    "df",
    [
        BASE.sort_values("x"),
        BASE.sample(2, random_state=0),
        pd.concat([BASE, BASE.assign(x=9.0)]),
        BASE.iloc[1:],
        BASE[BASE.g == 1],
        BASE.drop(index=1),
    ],
)
def test_rows_in_another_order_are_pushed_as_they_are(client: Any, df: pd.DataFrame) -> None:
    wf = client.create_workflow("study")
    wf.push(df)
    assert_frame_equal(
        wf.parameters().reset_index(drop=True), df.reset_index(drop=True), check_column_type=False
    )


@pytest.mark.parametrize(
    ("df", "mend"),
    [
        (BASE.groupby("g").agg(["min", "max"]), "reset_index"),
        (BASE.groupby("g").agg(["min", "max"]).reset_index(), "several levels"),
        (BASE.groupby(["g", "y"]).agg({"x": "sum"}), "reset_index"),
        (BASE.pivot_table(index="g", columns="y", values="x"), "reset_index"),
        (BASE.describe(), "reset_index"),
        (BASE.set_index(pd.to_datetime(["2020", "2021", "2022"])), "reset_index"),
        (pd.concat([pd.DataFrame({"job_key": ["1"]})] * 2, axis=1), "job_key and by job_key"),
        (pd.DataFrame([[1, 2]]), "rename"),
    ],
)
def test_frames_of_other_shapes_are_refused_with_a_mend(client: Any, df: pd.DataFrame, mend: str) -> None:
    wf = client.create_workflow("study")
    with pytest.raises(RefusedError, match=mend):
        wf.push(df)


def test_the_mend_of_several_levels_mends_them(client: Any) -> None:
    df = BASE.groupby("g").agg(["min", "max"]).reset_index()
    with pytest.raises(RefusedError) as caught:
        client.create_workflow("study").push(df)
    exec(str(caught.value).partition("join them, ")[2])
    assert list(client.create_workflow("study").push(df)) == ["g", "x.min", "x.max", "y.min", "y.max"]


def test_arrays_in_cells_are_lists(client: Any) -> None:
    wf = client.create_workflow("study")
    wf.push(
        pd.DataFrame({"x": objects([np.array([1, 2]), np.array([[0.5], [1]]), np.array([], dtype="U1")])})
    )
    assert wf.parameters()["x"].tolist() == [[1, 2], [[0.5], [1.0]], []]
    with pytest.raises(RefusedError, match="row 1, column 'x': an array of dtype datetime64"):
        wf.push(pd.DataFrame({"x": objects([[1], np.array(["2020"], "M8[s]")])}))


def test_a_table_keeps_the_dtypes_of_its_parameters(client: Any) -> None:
    wf = client.create_workflow("study")
    df = pd.DataFrame(
        {
            "texts": objects(["a", None, "c"]),
            "nan": objects(["a", float("nan"), "c"]),
            "dicts": objects([{"a": 1}, {"b": 2}, None]),
            "small": np.array([1, 2, 3], dtype="int8"),
            "big end": np.array([1, 2, 3], dtype=">i4" if pd.__version__ >= "3" else "i4"),
            "period": pd.period_range("2020", periods=3, freq="M"),
        }
    )
    wf.push(df)
    params, table = wf.parameters(), wf.table()
    for name in df:
        assert_series_equal(table[f"params.{name}"], params[name], check_names=False)
    wf.add_job("without")
    table = wf.table()
    assert table["params.texts"].tolist() == ["a", None, "c", None]
    assert [str(table[f"params.{name}"].dtype) for name in ("texts", "small", "period")] == [
        "object",
        "Int8",
        "period[M]",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"m": [{"d": 1}]}, {"m.d": [2]}),
        ({"m.d": [2]}, {"m": [{"d": 1}]}),
        ({"a.b": [{"c": 1}]}, {"a.b.c": [1]}),
        ({"a.b.c": [1]}, {"a": [{"b": 1}]}),
    ],
)
def test_objects_and_columns_inside_of_them_are_not_pushed_one_after_the_other(
    client: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    wf = client.create_workflow("study")
    wf.push(pd.DataFrame(first))
    before = wf.parameters()
    with pytest.raises(RefusedError, match="pushed before: rename it"):
        wf.push(pd.DataFrame(second))
    assert_frame_equal(wf.parameters(), before)


def test_what_can_not_be_saved_to_a_file_is_told(tmp_path: Any) -> None:
    for name in sorted(FAMILIES):
        _, make = FAMILIES[name]
        column = make([]) if "categories" in name else pd.Series(make([]))
        df = pd.DataFrame({"x": column})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tf.TorcFramesWarning)  # of dtypes that do not come back
            refused(lambda: tf.Pointer.save(df, tmp_path, "t").read())  # noqa: B023 - called at once
