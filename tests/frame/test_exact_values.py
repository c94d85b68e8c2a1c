"""What comes back is what was stored, value by value, whatever dtype is recorded and however it is pulled."""

from __future__ import annotations

import io
import itertools
import json
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import LEAVES, NUMBERS, TEXTS, examples, json_values

from torc_frames.files.arrow import JSON_TEXT
from torc_frames.files.exports import json_columns, write_parquet
from torc_frames.files.pointer_frames import concat_exactly
from torc_frames.frame.column import Column, InexactChunkError, objects
from torc_frames.frame.columns import Columns
from torc_frames.frame.dtypes import encode, restore
from torc_frames.frame.exact import InexactError, as_dtype, as_type, cast, is_same
from torc_frames.frame.recorded import KEY, is_spec
from torc_frames.frame.specs import recorded_dtype
from torc_frames.frame.values import encode_data, is_missing
from torc_frames.store.sqlite import snapshot
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.client import Client

DTYPES = [
    *("bool", "boolean", "int8", "uint8", "int64", "uint64", "Int8", "UInt64", "Int64", ">i8", "<u2", ">f4"),
    *("float32", "float64", "Float32", "Float64", "datetime64[s]", "datetime64[ns]", "timedelta64[us]"),
    *("datetime64[us, UTC]", "datetime64[ns, Europe/Berlin]", "datetime64[us, UTC+02:30]", "period[M]"),
    *("str", "object", "S3", "U1", "V2", "float16", "complex128", "longdouble", "datetime64", "timedelta64"),
    *("datetime64[D]", "timedelta64[2us]", "datetime64[us, dateutil//etc/passwd]", "datetime64[us, Europe]"),
    *("datetime64[us, ../../etc]", "period[999999999999Y]", "period[?]", "interval[int64]", "Sparse[int64]"),
    *("i4,i4", "(2,2)i4", "category[x]", "int64[pyarrow]", "", "\x00", "arrow", "string", "category"),
]
ARROW = ["int8", "int64", "uint64", "float", "double", "halffloat", "bool", "string", "large_string"]
ARROW += ["timestamp[s]", "timestamp[us, tz=UTC]", "timestamp[us, tz=nowhere]", "duration[ns]", "date32[day]"]
ARROW += ["timestamp[us, tz=dateutil//etc/passwd]"]
ARROW += ["binary", "null", "list<item: int64>", "banana"]

SPECS = st.one_of(
    st.sampled_from(DTYPES).map(lambda name: {"dtype": name}),
    st.sampled_from(ARROW).map(lambda name: {"dtype": "arrow", "type": name}),
    st.sampled_from(["None", "nan", "NA", "NaT", "?", [1]]).map(lambda v: {"dtype": "object", "missing": v}),
    st.builds(
        lambda storage, missing: {"dtype": "string", "storage": storage, "missing": missing},
        st.sampled_from(["python", "pyarrow", "x", 5]),
        st.sampled_from(["nan", "NA", "None", 5, None]),
    ),
    st.builds(
        lambda of, values, ordered: {"dtype": "category", "of": of, "categories": values, "ordered": ordered},
        st.sampled_from(["int64", "int8", "bool", "object", "float64", "datetime64[us]"]).map(
            lambda name: {"dtype": name}
        )
        | st.just({"dtype": "string", "storage": "python", "missing": "nan"}),
        st.lists(LEAVES, max_size=4),
        st.booleans(),
    ),
    st.dictionaries(st.sampled_from(["dtype", "type", "of", "missing"]), json_values(), max_size=4),
).filter(is_spec)

BIG = {"dtype": "category", "of": {"dtype": "object"}, "categories": [2**64, "a"], "ordered": True}
NEAR = st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63, 2**64, 300, -1, 0, 1, 0.5, -0.0, 1e300, 0.1, 2.0**63])
TIMES = st.sampled_from(
    [
        *(
            "2020-01-01",
            "2020-01-01T00:00:00Z",
            "2020-01-01T00:00:00.123456789",
            "2020-01",
            "PT1S",
            "-PT0.5S",
        ),
        *("2020-01-01 00:00:00.1234567891", "2020-01-01T00:00:00+02:00", "9999-12-31", "-0001-01-01", "NaT"),
        *("-PT9223372036854775808S", "PT9223372036854775807S", "300000-01-01", "1677-09-21", "2262-04-12"),
    ]
)
CELLS = st.sampled_from([NUMBERS, NEAR, st.one_of(NEAR, st.none()), LEAVES, TEXTS, TIMES | st.none()])
COLUMN = st.one_of(CELLS.flatmap(lambda cells: st.lists(cells, min_size=1, max_size=5)))


def no_objects(values: list[Any]) -> bool:
    return not any(isinstance(value, dict) for value in values)


MIXED = st.lists(json_values(), min_size=1, max_size=4).filter(no_objects)


def holds(series: pd.Series | None, values: list[Any]) -> None:
    """Check that a column holds values, each as it is."""
    assert series is not None
    cells, refused = encode(series)
    assert not refused
    assert len(cells) == len(values)
    for cell, value in zip(cells, values, strict=True):
        assert is_same(cell, value) or (cell is None and value is None), (series.dtype, cell, value)


def read_fast(values: list[Any]) -> Column:
    columns = Columns()
    lines = [encode_data({"x": value}) for value in values]
    columns.add_page(([str(at) for at in range(len(values))], b"\n".join(lines)))
    return columns.finish()["x"]


@settings(max_examples=examples(200))
@given(COLUMN | MIXED, SPECS)
@example([2**53 + 1, 0.5], {"dtype": "int64"})
@example([2**53 + 1, 0.5, None], {"dtype": "Int64"})
@example([2**53 + 1, 0.5], {"dtype": "arrow", "type": "int64"})
@example([300], {"dtype": "int8"})
@example([-0.0], {"dtype": "int64"})
@example([2**63 + 1], {"dtype": "float32"})
@example([2**53 + 2, 0.5], {"dtype": "float32"})
@example([2**64], {"dtype": "arrow", "type": "float"})
@example([True, 1], {"dtype": "int64"})
@example(["2020-01-01 00:00:00.1234567891"], {"dtype": "datetime64[ns]"})
@example(["-PT9223372036854775808S"], {"dtype": "timedelta64[s]"})
@example(["PT1S"], {"dtype": "timedelta64[2us]"})
def test_a_recorded_dtype_holds_the_values_or_is_not_taken(values: list[Any], spec: dict[str, Any]) -> None:
    slow = restore(Column.of(values), spec)
    if slow is not None:
        times = slow.dtype.kind in "mM" or isinstance(slow.dtype, pd.PeriodDtype)
        if times:
            # in whatever form of ISO 8601 they were
            assert slow.isna().tolist() == [value is None for value in values]
            again, _ = encode(slow)
            holds(restore(Column.of(again), spec), again)
        else:
            check(slow, values)
    try:
        fast = restore(read_fast(values), spec)
    except InexactChunkError:
        return
    assert (fast is None) == (slow is None)
    if fast is not None and slow is not None:
        assert fast.dtype == slow.dtype
        holds(fast, encode(slow)[0])


@given(COLUMN, st.sampled_from([pa.int8(), pa.int64(), pa.uint64(), pa.float64(), pa.bool_(), pa.string()]))
def test_values_in_an_arrow_type_are_the_same_or_an_error(values: list[Any], target: pa.DataType) -> None:
    try:
        made = as_type(values, target)
    except InexactError:
        return
    assert all(is_same(one, other) for one, other in zip(made.to_pylist(), values, strict=True))


NUMERIC = {
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.float64(), st.floats(allow_nan=False) | st.sampled_from([-0.0, 2.0**53, 0.1])),
    "small": (pa.int8(), st.integers(-128, 127)),
    "unsigned": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "bool": (pa.bool_(), st.booleans()),
}


ARROW_DOUBLE = pd.ArrowDtype(pa.float64())
FRAMES = [
    *(pd.Series([1, 2**53 + 1]), pd.Series([1, 2**64 - 1], dtype="uint64"), pd.Series([-1], dtype="int8")),
    *(pd.Series([1, None, 2**53 + 1], dtype="Int64"), pd.Series([1, 2], dtype="uint64"), pd.Series([True])),
    *(pd.Series([0.5, None]), pd.Series([0.1], dtype="float32"), pd.Series([True, None], dtype="boolean")),
    *(pd.Series(["a", None]), pd.Series([1, "a", [1]], dtype=object), pd.Series([1, 2], dtype="category")),
    pd.Series(np.array(["3000"], "M8[s]")),
    pd.Series(np.array(["2020-01-01T00:00:00.000000001"], "M8[ns]")),
    *(pd.Series(np.array([1, 2], ">i8")), pd.Series(pa.array([0.5, None]), dtype=ARROW_DOUBLE)),
    *(pd.Series([], dtype="float64"), pd.Series([2**64 - 1, None], dtype="UInt64"), pd.Series([-(2**63)])),
]


@pytest.mark.parametrize("gap", [False, True])
def test_columns_of_several_files_are_joined_without_changing_a_value(gap: bool) -> None:
    # A gap makes of each pair what it makes of the pair the other way round.
    pairs = itertools.combinations_with_replacement(FRAMES, 2) if gap else itertools.product(FRAMES, repeat=2)
    for one, other in pairs:
        frames = [pd.DataFrame({"job_key": ["1"] * len(column), "x": column}) for column in (one, other)]
        frames += [pd.DataFrame({"job_key": ["3"]})] if gap else []
        joined = concat_exactly(frames, "job_key")["x"]
        expected = [*one.tolist(), *other.tolist(), *([None] if gap else [])]
        assert same(joined.tolist(), expected), (one.dtype, other.dtype, joined.dtype)


@given(st.data(), *[st.sampled_from(sorted(NUMERIC))] * 2)
def test_arrow_values_cast_to_another_type_are_the_same_or_an_error(
    data: st.DataObject, source: str, target: str
) -> None:
    kind, cells = NUMERIC[source]
    values = data.draw(st.lists(cells | st.none(), max_size=4))
    try:
        made = cast(pa.array(values, kind), NUMERIC[target][0])
    except InexactError:
        return
    assert all(is_same(one, other) for one, other in zip(made.to_pylist(), values, strict=True))


def test_a_column_in_another_dtype_is_the_same_or_none() -> None:
    for values, dtype, kept in [
        ([300], "int8", False),
        ([0.5], "int64", False),
        ([1.0], "int64", True),
        ([2**53 + 1], "float64", False),
        ([True], "int64", False),
        ([1], "bool", False),
        ([1], "str", False),
        (["a", "b"], pd.CategoricalDtype(["a"]), False),
        (["a", "b"], pd.CategoricalDtype(["b", "a"]), True),
        ([1.0, np.nan], "Int64", True),
    ]:
        made = as_dtype(pd.Series(values), dtype)
        assert (made is not None) == kept, (values, dtype)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "PAGE_ROWS", 2)


def columns_of(table: pa.Table, name: str) -> list[Any]:
    """Return what a program that speaks Arrow gets of a column, as JSON values."""
    field = table.schema.field(name)
    if field.metadata and JSON_TEXT in field.metadata:
        return [None if text is None else json.loads(text) for text in table.column(name).to_pylist()]
    series = table.select([name]).to_pandas()[name]
    return table.column(name).to_pylist() if series.dtype == object else encode(series)[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(10))
@given(st.lists(st.tuples(COLUMN, SPECS), min_size=1, max_size=5), st.integers(1, 6))
@example([([2**53 + 1, 0.5], {"dtype": "int64"}), ([1, True], {"dtype": "Int8"})], 2)
@example([([2**64, "a"], BIG)], 2)
@example([([0], {"dtype": ">i8"}), ([0.5, None], {"dtype": ">f4"})], 1)
@example([([0], {"dtype": ">i8"}), ([1], {"dtype": ">M8[s]"}), (["a"], {"dtype": "object"})], 2)
@example([([1, 2, 0.5], {"dtype": "int64"}), (["a", None, "b"], {"dtype": "object", "missing": "NA"})], 3)
def test_all_pulls_agree_with_what_is_stored(
    tmp_path_factory: pytest.TempPathFactory, small_pages: None, drawn: list[Any], length: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    stored = {
        f"c{at}": list(itertools.islice(itertools.cycle(values), length))
        for at, (values, _) in enumerate(drawn)
    }
    with closing(SQLiteStore(folder / "study.db")) as store:
        wf = Client(store).create_workflow("study")
        wf.push(pd.DataFrame({name: objects(values) for name, values in stored.items()}))
        specs = [{"name": f"c{at}", **spec} for at, (_, spec) in enumerate(drawn)]
        store.merge_metadata(wf.key, {KEY: {"parameters": specs}})
        params = wf.parameters()
        table = wf.table().filter(like="params.").rename(columns=lambda name: name.removeprefix("params."))
        pulls = {
            "parameters": params,
            "user_data": wf.user_data(role="input"),
            "nullable": wf.parameters(dtype_backend="numpy_nullable"),
            "pyarrow": wf.parameters(dtype_backend="pyarrow"),
            "table": table,
        }
        tables = {
            "stream": pa.table(wf.stream("parameters")),
            "records": pa.table(wf.stream("user_data", role="input")),
        }
        parquet = wf.to_parquet(folder / "out", "parameters")
        tables["parquet"] = pa.parquet.read_table(parquet)
        for name in stored:
            expected = encode(params[name])[0]
            assert table[name].dtype == params[name].dtype
            check(params[name], stored[name])
            for what, frame in pulls.items():
                assert same(encode(frame[name])[0], expected), what
            for what, arrow in tables.items():
                assert same(columns_of(arrow, name), expected), what
            assert same(json_columns(params)[name], expected)
        write_parquet(params, io.BytesIO())


def same(cells: list[Any], others: list[Any]) -> bool:
    return all(
        is_same(cell, other) or (is_missing(cell) and is_missing(other))
        for cell, other in zip(cells, others, strict=True)
    )


def check(series: pd.Series, values: list[Any]) -> None:
    """Check a pulled column against the stored values; times may be in another form of ISO 8601."""
    dtype = series.dtype
    if (dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype).kind in "mM":
        assert series.isna().tolist() == [value is None for value in values]
    elif str(dtype) in ("float32", "Float32", ">f4", "float[pyarrow]"):
        assert series.isna().tolist() == [value is None for value in values]
        given = [value for value in values if value is not None]
        assert np.allclose(series.dropna().astype("float64"), np.array(given, float), rtol=1e-15, atol=0)
    else:
        holds(series, values)


@pytest.mark.parametrize("zone", ["nowhere", "dateutil//etc/passwd", "/etc/passwd", "../UTC"])
def test_a_recorded_zone_that_there_is_not_is_no_dtype(zone):
    assert recorded_dtype({"dtype": "arrow", "type": f"timestamp[us, tz={zone}]"}) is None
    assert recorded_dtype({"dtype": f"datetime64[us, {zone}]"}) is None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+05:30"])
def test_a_recorded_zone_of_arrow_is_kept(zone):
    spec = {"dtype": "arrow", "type": f"timestamp[us, tz={zone}]"}
    assert recorded_dtype(spec) == pd.ArrowDtype(pa.timestamp("us", zone))
