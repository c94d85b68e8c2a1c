"""Texts in cells: what is shown is read back as the same value, and nothing else is let through."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import COLUMNS, LEAVES, json_values

from torc_frames.frame.values import RefusalError
from torc_frames.widgets.table.cells import Format, column_of, kind_of, read, texts

MISSING_OBJECTS = [None, np.nan, pd.NA, pd.NaT]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return pd.Series(array, dtype=object)


@st.composite
def columns(draw):
    cells, gaps, make = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
    cell = st.one_of(cells, st.none()) if gaps else cells
    return pd.Series(make(draw(st.lists(cell, max_size=5))))


@given(columns())
def test_every_cell_of_every_dtype_is_read_as_it_was_shown(series):
    format = Format.of(series)
    shown = format.texts(series)
    parsed = format.read(shown)
    assert parsed.refused == {}
    pd.testing.assert_series_equal(parsed.values, series, check_names=False)
    assert parsed.values.dtype == series.dtype


@given(columns())
def test_a_text_that_is_shown_stays_the_same_text(series):
    shown = texts(series)
    assert texts(Format.of(series).read(shown).values) == shown


@given(json_values(), st.sampled_from(MISSING_OBJECTS))
def test_json_keeps_its_type_and_the_column_its_missing_value(value, missing):
    series = objects([missing if value is None else value, missing, []])
    again = Format.of(series).read(texts(series)).values
    assert again[1] is missing
    if value is None:
        assert again[0] is missing
    else:
        assert (type(again[0]), again[0]) == (type(value), value)


@given(
    st.text(st.characters(codec="utf-8"), max_size=6) | st.text('"', max_size=5),
    st.sampled_from(["string", object]),
)
def test_a_string_stays_a_string(text, dtype):
    series = objects([text]) if dtype is object else pd.Series([text], dtype=dtype)
    assert read(texts(series)[0], series) == text


@given(st.text(st.characters(codec="utf-8"), max_size=6))
def test_what_was_typed_into_json_settles_at_once(text):
    try:
        value = read(text, "object")
    except RefusalError:
        return
    shown = texts(objects([value]))[0]
    again = read(shown, "object")
    assert (type(again), again) == (type(value), value)
    assert texts(objects([again])) == [shown]


@given(LEAVES | json_values())
def test_whatever_is_typed_is_a_value_or_a_reason(value):
    text = value if isinstance(value, str) else texts(objects([value]))[0]
    for name in COLUMNS:
        series = pd.Series(COLUMNS[name][2]([]))
        parsed = Format.of(series).read([text])
        assert parsed.values.dtype == series.dtype
        assert (parsed.good == [0]) != (0 in parsed.refused)


@pytest.mark.parametrize(
    ("text", "dtype", "value"),
    [
        (" 12 ", "int64", 12),
        ("1e3", "int64", 1000),
        ("2.0", "Int64", 2),
        ("-7", "int8", -7),
        ("18446744073709551615", "uint64", 2**64 - 1),
        ("\N{MINUS SIGN}3", "int64", -3),
        (".5", "float64", 0.5),
        ("1e-3", "float32", float(np.float32(0.001))),
        ("TRUE", "bool", True),
        ("no", "boolean", False),
        ('""', "string", ""),
        ('""""', "string", '""'),
        (" x ", "string", " x "),
        ("abc", "object", "abc"),
        ('{"a": [1, 2.0, null]}', "object", {"a": [1, 2.0, None]}),
        (str(2**70), "object", 2**70),
        ('"1"', "object", "1"),
    ],
)
def test_what_people_type_is_understood(text, dtype, value):
    found = read(text, dtype)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "dtype", "reason"),
    [
        ("abc", "int64", "'abc' is no whole number"),
        ("3.7", "int64", "'3.7' is no whole number"),
        ("1e999999999", "int64", "is beyond int64"),
        ("128", "int8", "is beyond int8, which goes from -128 to 127"),
        ("-1", "uint8", "from 0 to 255"),
        ("", "int64", "int64 can't be missing: type a value, or retype the column to Int64"),
        ("", "uint8", "retype the column to UInt8"),
        ("", "bool", "retype the column to boolean"),
        ("1,5", "float64", "write it with a point and nothing between thousands, 1.5"),
        ("1,234.5", "float64", "1234.5"),
        ("50%", "float64", "without %"),
        ("inf", "float64", "not JSON"),
        ("1e400", "float64", "is beyond float64"),
        ("1e39", "float32", "is beyond float32"),
        ("1_000", "int64", "no whole number"),
        ("9007199254740993", "float64", "is 9007199254740992 as float64"),
        ("maybe", "bool", "neither true nor false"),
        ('{"a": 1', "object", "is no JSON"),
        ("[NaN]", "object", "is no JSON"),
        ('{"a": 1, "a": 2}', "object", "there twice"),
        ("[1e400]", "object", "not JSON"),
        ("\ud800", "string", "lone surrogate"),
        ("31.12.2026", "datetime64[s]", "write it like 2026-11-02"),
        ("2026-02-30", "datetime64[s]", "is no time"),
        ("2026-01-01 00:00:00.5", "datetime64[s]", "keeps whole seconds"),
        ("2026-01-01 00:00+01:00", "datetime64[s]", "knows no time zone"),
        ("2300-01-01", "datetime64[ns]", "beyond what datetime64[ns] holds"),
        ("2026-03-29 02:30", "datetime64[us, Europe/Berlin]", "clocks change"),
        ("2026-10-25 02:30", "datetime64[us, Europe/Berlin]", "clocks change"),
        ("2026-10-25 02:30+99:99", "datetime64[us, Europe/Berlin]", "is no time"),
        ("soon", "timedelta64[s]", "is no duration"),
        ("0:00:00.5", "timedelta64[s]", "keeps whole seconds"),
    ],
)
def test_what_means_nothing_is_refused_with_a_reason_that_helps(text, dtype, reason):
    with pytest.raises(RefusalError) as caught:
        read(text, dtype)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "dtype", ["Int64", "float64", "boolean", "datetime64[us]", "timedelta64[s]", "string", object]
)
def test_an_empty_text_is_a_missing_value_where_there_can_be_one(dtype):
    assert pd.isna(read("", dtype))


@pytest.mark.parametrize("text", ["NA", "nan", "NULL", "#N/A"])
def test_what_spreadsheets_write_for_missing_is_missing_but_in_texts(text):
    assert pd.isna(read(text, "float64"))
    assert read(text, "string") == text


def test_zoned_times_show_as_on_the_clock_and_may_be_typed_with_or_without_an_offset():
    dtype = "datetime64[us, Europe/Berlin]"
    summer = read("2026-07-01 12:00", dtype)
    assert texts(pd.Series([summer])) == ["2026-07-01 12:00:00+02:00"]
    assert read("2026-07-01T10:00Z", dtype) == summer
    early = read("2026-10-25 02:30:00+02:00", dtype)
    assert texts(pd.Series([early])) == ["2026-10-25 02:30:00+02:00"]


@pytest.mark.parametrize("text", ["1:30:00", "0 days 01:30", "PT1H30M", "90 min", "1.5 h", "5400s"])
def test_a_duration_may_be_written_in_many_ways(text):
    assert read(text, "timedelta64[s]").total_seconds() == 5400


def test_a_category_is_one_of_its_choices_of_any_type():
    numbers = pd.Series(pd.Categorical([1.0, 2.5], categories=[2.5, 1.0]))
    column = column_of("x", numbers)
    assert column.choices == ("2.5", "1.0")
    assert column.kind == "category"
    assert read("1", numbers) == 1.0
    assert pd.isna(read("", numbers))
    with pytest.raises(RefusalError, match=r"none of the categories: 2\.5, 1\.0"):
        read("3", numbers)


def test_one_bad_text_among_many_leaves_the_others_read():
    parsed = Format.of("datetime64[ns]").read(["2026-01-01", "2300-01-01", "x", ""])
    assert parsed.good == [0, 3]
    assert parsed.values.dtype == "datetime64[ns]"
    assert set(parsed.refused) == {1, 2}


def test_cells_of_dtypes_that_no_push_keeps_are_shown_and_not_edited():
    intervals = pd.Series(pd.IntervalIndex.from_breaks([0, 1, 2]))
    assert texts(intervals) == ["(0, 1]", "(1, 2]"]
    assert column_of("x", intervals).read_only
    assert Format.of(intervals).read(["(0, 1]"]).good == []
    assert texts(objects([(1, 2), pd.Timestamp("2026-01-01")])) == ["(1, 2)", "2026-01-01 00:00:00"]
    lists = pd.Series([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    assert len(texts(lists)) == 2


def test_a_column_of_objects_that_are_all_strings_is_one_of_strings_and_its_parts_too():
    strings = objects(["a", None, "1"])
    assert texts(strings) == ["a", "", "1"]
    assert read("5", strings) == "5"
    mixed = objects(["a", None, "1", 1])
    assert Format.of(mixed).texts(mixed[:3]) == ["a", "", '"1"']
    assert read("5", mixed) == 5


def test_the_kind_says_how_cells_are_typed():
    dtypes = ["int8", "Float64", "boolean", "string", "datetime64[s, UTC]", "category", "period[M]"]
    kinds = ["int", "float", "bool", "string", "datetime", "category", "string"]
    assert [kind_of(dtype) for dtype in dtypes] == kinds
    assert kind_of(pd.ArrowDtype(pa.date32())) == "datetime"
    assert column_of("a", pd.Series([1]), read_only=True).read_only


def test_half_infinite_floats_of_a_frame_are_shown_though_they_are_not_typed():
    assert texts(pd.Series([np.inf, np.nan])) == ["inf", ""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, 'b': [.5, +2,], }", {"a": 1, "b": [0.5, 2]}),
        ("[1, // one\n 2]", [1, 2]),
        ("{a: 9007199254740993}", {"a": 9007199254740993}),
        ("'a'", "'a'"),
        ("+1", "+1"),
    ],
)
def test_lists_and_objects_are_typed_in_json5(text, value):
    found = read(text, "object")
    assert (type(found), found) == (type(value), value)
    (shown_as,) = texts(pd.Series([found], dtype=object))
    assert read(shown_as, "object") == value


@pytest.mark.parametrize("text", ["{a: 1, a: 2}", '{"a": 1, "a": 2}', "{a: NaN}", "[1, 2", "{a: 1_0}", '"x'])
def test_what_json5_says_twice_or_cannot_be_kept_is_refused(text):
    with pytest.raises(RefusalError):
        read(text, "object")
