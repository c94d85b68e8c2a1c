"""A table's cells become JSON and come back, dtype by dtype; what would not is refused with its place."""

import datetime
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import tables

from torc_frames.errors import RefusedError
from torc_frames.frame.column import Column, InexactChunkError
from torc_frames.frame.columns import Columns
from torc_frames.frame.dtypes import restore
from torc_frames.frame.encode import encode_frame, records
from torc_frames.frame.recorded import merge, read, whole_paths


def there_and_back(df, fast):
    frame = encode_frame(df)
    columns = Columns(whole=whole_paths(frame.specs), fast=fast)
    lines = records(frame)
    if lines:
        columns.add_page(([str(at) for at in range(len(df))], b"\n".join(lines)))
    made = columns.finish()
    series = {name: restore(made.get(name, Column()), frame.specs[name]) for name in df}
    again = pd.DataFrame(series, index=df.index)
    if len(df.columns):
        again.columns = pd.Index(list(df), dtype="str")
    return again


@given(tables(), st.booleans())
def test_every_dtype_comes_back_as_it_went(df, fast):
    try:
        pd.testing.assert_frame_equal(there_and_back(df, fast), df, check_exact=True, check_freq=False)
    except InexactChunkError:
        assert fast


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0, np.inf], "row 1, column 'x': inf is not JSON"),
        (pd.Series([b"a", 1], dtype=object), "row 0, column 'x': a bytes"),
        (pd.Series([None, np.nan, 1], dtype=object), "column 'x': mixes None (row 0) and nan (row 1)"),
        ([1j, 2j], "dtype complex128"),
        (pd.arrays.SparseArray([1, 2]), "dtype Sparse"),
        (pd.interval_range(0, 2), "dtype interval"),
        (pd.cut([1, 2], 2), "dtype interval"),
        (np.array([1, 2], dtype="float16"), "dtype float16"),
        (pd.array([1, 2], pd.ArrowDtype(pa.decimal128(10, 2))), "dtype decimal128"),
        (pd.array([1.0, np.inf], dtype="Float64"), "row 1"),
    ],
)
def test_what_cannot_be_kept_is_refused(values, says):
    with pytest.raises(RefusedError, match=re.escape(says)):
        encode_frame(pd.DataFrame({"x": values}))


def test_all_bad_cells_are_reported_at_once():
    df = pd.DataFrame({"a": [np.inf, 1.0, -np.inf], "b": [(1,), {2}, "fine"]})
    with pytest.raises(RefusedError) as caught:
        encode_frame(df)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (0, "a"),
        (0, "b"),
        (1, "b"),
        (2, "a"),
    ]


@pytest.mark.parametrize(
    ("df", "says"),
    [
        (pd.DataFrame({1: [1]}), "column names are strings"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of this name"),
        (pd.DataFrame({"a": [1], "a.b": [2]}), "lies inside column 'a'"),
        (pd.DataFrame({"a\\": [1]}), "lone backslash"),
        (pd.DataFrame({("a", "b"): [1]}), "several levels"),
        (pd.DataFrame({"a": [1]}).rename_axis(columns="axis"), "rename_axis"),
    ],
)
def test_column_names_that_make_no_path_are_refused(df, says):
    with pytest.raises(RefusedError, match=says):
        encode_frame(df)


def test_dotted_columns_are_stored_nested():
    df = pd.DataFrame({"model.depth": [1], "alpha": [0.5], "model.opt.lr": [0.1], "v1\\.2": [True]})
    assert records(encode_frame(df)) == [b'{"model":{"depth":1,"opt":{"lr":0.1}},"alpha":0.5,"v1.2":true}']


def test_times_and_durations_are_plain_iso_8601():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    df = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-01-02 03:04:05.5"]).tz_localize(zone).as_unit("ms"),
            "took": pd.to_timedelta(["-90.25s"]).as_unit("us"),
            "none": pd.to_datetime([None]).as_unit("s"),
        }
    )
    assert records(encode_frame(df)) == [b'{"at":"2026-01-02T01:04:05.5Z","took":"-PT90.25S","none":null}']


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ({"dtype": "int64"}, [1, None]),
        ({"dtype": "int8"}, [300]),
        ({"dtype": "int64"}, ["1"]),
        ({"dtype": "int64"}, [True]),
        ({"dtype": "bool"}, [1]),
        ({"dtype": "float32"}, [0.1]),
        ({"dtype": "datetime64[us]"}, ["yesterday"]),
        ({"dtype": "datetime64[s]"}, ["2020-01-01T00:00:00.5"]),
        ({"dtype": "datetime64[us, UTC]"}, ["2020-01-01T00:00:00"]),
        ({"dtype": "timedelta64[s]"}, ["PT0.5S"]),
        ({"dtype": "category", "ordered": False, "of": {"dtype": "object"}, "categories": ["a"]}, ["b"]),
        ({"dtype": "string", "storage": "python", "missing": "NA"}, [1]),
        ({"dtype": "no such dtype"}, [1]),
        ({"dtype": "category"}, ["a"]),
        ({"dtype": "object", "missing": "?"}, ["a"]),
        ({"dtype": "datetime64[us]"}, ["now"]),
        ({"dtype": "datetime64[us]"}, [""]),
        ({"dtype": "datetime64[us]"}, ["2020-01-01T00:00:00+02:00"]),
        ({"dtype": "period[M]"}, ["2020-01-15"]),
        ({"dtype": "arrow", "type": "banana"}, ["a"]),
    ],
)
def test_a_recorded_dtype_that_does_not_fit_any_more_is_not_forced(spec, values):
    assert restore(Column.of(values), spec) is None


def test_times_that_another_client_wrote_in_another_form_are_read():
    spec = {"dtype": "datetime64[us]"}
    series = restore(Column.of(["2020-01-01", "2020-01-01T12:00"]), spec)
    assert series.tolist() == [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01 12:00")]
    zoned = restore(
        Column.of(["2020-01-01T00:00:00+02:00", "2020-01-01T00:00:00Z", None]),
        {"dtype": "datetime64[us, UTC]"},
    )
    assert zoned.tolist()[:2] == [
        pd.Timestamp("2019-12-31 22:00", tz="UTC"),
        pd.Timestamp("2020-01-01", tz="UTC"),
    ]


@pytest.mark.parametrize("found", [{}, {"torc_frames": 5}, {"torc_frames": {"parameters": [1, {"name": 2}]}}])
def test_metadata_of_others_is_ignored(found):
    assert read(found) == {}


def test_a_second_push_keeps_the_order_and_joins_categories():
    def spec(values):
        frame = encode_frame(pd.DataFrame({"c": pd.Categorical(values)}))
        return frame.specs

    first = merge({"others": 1, "torc_frames": {"also": 2}}, {"a": {"dtype": "int64"}, **spec(["x", "y"])})
    assert first["torc_frames"]["also"] == 2
    second = read(merge(first, {**spec(["z", "x"]), "b": {"dtype": "bool"}, "a": {"dtype": "float64"}}))
    assert list(second) == ["a", "c", "b"]
    assert second["a"] == {"dtype": "float64"}
    assert list(read(merge(first, {"c": {"dtype": "bool"}}, empty={"c"}))["c"]["categories"]) == ["x", "y"]
    assert second["c"]["categories"] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (
            pd.to_datetime(["2020-01-01"]).as_unit("ns"),
            pd.to_datetime(["2020"]).as_unit("s"),
            "datetime64[ns]",
        ),
        (pd.Series([{"x": 1}], dtype=object), ["text"], "object"),
        (["text"], pd.Series([{"x": 1}], dtype=object), "object"),
        ([1], [0.5], "float64"),
        (pd.to_datetime(["2020-01-01"]), ["hello"], None),
        (["2020-01-01"], pd.to_datetime(["2020-01-01"]), None),
        (pd.to_datetime(["2020-01-01"]), pd.to_datetime(["2020-01-01"], utc=True), None),
        (pd.to_timedelta(["1s"]), [1], None),
        (pd.Categorical(["a"], ["a", "b"], ordered=True), pd.Categorical(["c"], ordered=True), None),
    ],
)
def test_a_later_push_never_makes_earlier_values_something_else(before, after, kept):
    old, new = ({"x": encode_frame(pd.DataFrame({"x": values})).specs["x"]} for values in (before, after))
    first = merge({}, old)
    if kept is None:
        with pytest.raises(RefusedError, match="column 'x': is recorded"):
            merge(first, new)
        assert read(merge(first, new, replaces={"x"}))["x"] == new["x"]
    else:
        assert read(merge(first, new))["x"]["dtype"] == kept


def test_many_categories_are_merged_in_good_time():
    def spec(start):
        values = [f"c{n}" for n in range(start, start + 60_000)]
        return encode_frame(pd.DataFrame({"c": pd.Categorical(values)})).specs

    assert len(read(merge(merge({}, spec(0)), spec(1000)))["c"]["categories"]) == 61_000


class NeverCopied:
    def __deepcopy__(self, memo):
        raise AssertionError("a recipe is as large as its tables are many: no column needs a copy")


def test_what_a_table_keeps_in_attrs_is_not_copied_for_each_column():
    df = pd.DataFrame({"a": [1], "b": ["x"]})
    df.attrs["torc_recipe"] = NeverCopied()
    assert records(encode_frame(df)) == [b'{"a":1,"b":"x"}']
