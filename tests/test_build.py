"""Arrow reads a page exactly as the slow, obvious way does, or leaves it to it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import pages

from torc_frames.frame.column import InexactChunkError
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import moved_name, reserved_name
from torc_frames.frame.values import encode_data, is_missing

WHOLE = frozenset({("a",), ("b", "x")})


def build(drawn, **options):
    columns = Columns(**options)
    for page in drawn:
        keys = [str(at) for at in range(len(page))]
        columns.add_page((keys, b"\n".join(map(encode_data, page))))
    return columns.finish()


def exactly(columns):
    shown = {}
    for name, column in columns.items():
        series = column.natural()
        shown[name] = (str(series.dtype), [(type(cell).__name__, repr(cell)) for cell in series.tolist()])
    return list(shown), shown


@given(pages(), st.booleans(), st.sampled_from([frozenset(), WHOLE]))
@example([[{"a": [None, "0"]}]], False, frozenset())
@example([[{"a": {"a": None, "b": "2020-01-01"}}]], False, frozenset())
@example([[{"a": 2**53 + 1}], [{"a": 0.5}]], False, frozenset())
@example([[{"a": {}}, {"a": {"b": None}}]], False, frozenset())
@example([[{"a": 1, "b": 2.5}], [{"a": "x"}], [None, 5]], True, frozenset())
def test_the_fast_builder_gives_what_the_slow_one_gives(drawn, reserved, whole):
    name = reserved_name if reserved else moved_name
    slow = exactly(build(drawn, fast=False, name=name, whole=whole))
    try:
        fast = exactly(build(drawn, fast=True, name=name, whole=whole))
    except InexactChunkError:
        return  # a pull then reads the slow way
    assert fast == slow


def test_a_sweep_is_read_by_arrow(monkeypatch):
    def refuse(self, rows):
        raise AssertionError("decoded row by row")

    monkeypatch.setattr(Columns, "add_rows", refuse)
    page = [{"alpha": 0.1, "n": 1, "s": "2020-01-01", "model": {"d": 1}, "l": [1]}, {"n": 2}, None]
    columns = build([page, page[:1]], fast=True)
    assert list(columns) == ["alpha", "n", "s", "model.d", "l"]
    assert [columns[name].kind() for name in columns] == ["float", "int", "str", "int", "object"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        ([1, 2.5], "float64"),
        ([0.5, None], "float64"),
        ([2**53 + 1, 0.5], "object"),
        ([2**63], "object"),
        ([True, 1], "object"),
        (["a", "b"], "str"),
        (["a", 1], "object"),
        ([[1], None], "object"),
        ([None, None], "object"),
    ],
)
def test_types_are_decided_over_all_pages(values, dtype):
    for drawn in ([[{"x": value} for value in values]], [[{"x": value}] for value in values]):
        series = build(drawn)["x"].natural()
        assert series.dtype == dtype or (dtype == "str" and series.dtype == object)
        cells = [None if is_missing(value) else value for value in series.tolist()]
        if dtype == "object":
            assert list(map(repr, cells)) == list(map(repr, values))


def test_columns_come_in_the_order_of_first_appearance_and_objects_stay_together():
    columns = build([[{"b": 1, "m": {"y": 1}, "a": 2}], [{"c": 3, "m": {"x": 2}}]])
    assert list(columns) == ["b", "m.y", "m.x", "a", "c"]


def test_null_where_others_have_an_object_makes_no_column():
    assert list(build([[{"m": None}, {"m": {"x": 1}}], [{"n": None}]])) == ["m.x", "n"]
