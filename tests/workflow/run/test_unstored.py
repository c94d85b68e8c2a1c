"""A result that can't be kept takes no others with it: what can be is stored, the rest is named."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import STORES, StoreKind
from strategies import examples

import torc_frames as tf
from torc_frames.errors import RefusedError, TorcFramesWarning
from torc_frames.frame.flatten import leaves
from torc_frames.frame.results import MOST_ITEMS, keepable, note_unstored
from torc_frames.frame.values import encode_data
from torc_frames.workflow.workflow import Workflow


class Unreadable:
    dtype, shape = "float", (2,)

    def tolist(self) -> list[float]:
        raise RuntimeError("gone")


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 2


class Kind(enum.StrEnum):
    RIDGE = "ridge"


class Mode(str, enum.Enum):  # noqa: UP042 - as older code writes it
    FAST = "fast"


KEPT = {
    "IntEnum": (Level.HIGH, 2),
    "StrEnum": (Kind.RIDGE, "ridge"),
    "str and Enum": (Mode.FAST, "fast"),
    "IntFlag": (enum.IntFlag("Flag", "A B")(3), 3),
    "of int": (type("I", (int,), {"__int__": lambda self: 0, "__repr__": lambda self: "?"})(5), 5),
    "of float": (type("F", (float,), {"__float__": lambda self: 0.0})(0.5), 0.5),
    "of float nan": (type("F", (float,), {})("nan"), None),
    "of str": (type("S", (str,), {"__str__": lambda self: "?"})("a"), "a"),
    "range": (range(3), [0, 1, 2]),
    "deque": (collections.deque([1, math.nan], 2), [1, None]),
    "UserList": (collections.UserList([1, (2,)]), [1, [2]]),
    "numbers": (array.array("d", [0.5]), [0.5]),
    "keys": ({"b": 1, "a": 2}.keys(), ["b", "a"]),
    "values": ({"b": 1, "a": Level.HIGH}.values(), [1, 2]),
    "items": ({"b": 1}.items(), [["b", 1]]),
    "nan": (math.nan, None),
    "NA": (pd.NA, None),
    "NaT": (pd.NaT, None),
    "numpy's NaT": (np.datetime64("NaT"), None),
    "float32": (np.float32(0.5), 0.5),
    "float32 nan": (np.float32("nan"), None),
    "int64": (np.int64(3), 3),
    "uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "bool_": (np.bool_(True), True),
    "str_": (np.str_("a"), "a"),
    "0-d": (np.array(5), 5),
    "tuple": ((1, (2, math.nan)), [1, [2, None]]),
    "array": (np.array([[1.0, math.nan]]), [[1.0, None]]),
    "array of bools": (np.array([True, False]), [True, False]),
    "array of objects": (np.array([1, "a", None], dtype=object), [1, "a", None]),
    "array of times": (np.array(["2026-01-01", "NaT"], "M8[ns]"), ["2026-01-01T00:00:00", None]),
    "masked array": (np.ma.array([1, 2], mask=[False, True]), [1, None]),
    "Series": (pd.Series([1, None], dtype="Int64"), [1, None]),
    "Categorical": (pd.Categorical(["a", None]), ["a", None]),
    "Index": (pd.Index([1.5]), [1.5]),
    "as many as fit": (np.arange(MOST_ITEMS), list(range(MOST_ITEMS))),
    "Timestamp": (pd.Timestamp("2026-01-01 10:00:00.5"), "2026-01-01T10:00:00.5"),
    "Timestamp to the ns": (pd.Timestamp("2026-01-01 10:00:00.000000001"), "2026-01-01T10:00:00.000000001"),
    "Timestamp with a zone": (pd.Timestamp("2026-01-01 10:00", tz="Europe/Berlin"), "2026-01-01T09:00:00Z"),
    "datetime": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01T00:00:00Z"),
    "datetime64": (np.datetime64("2026-01-01T10:00:00.500"), "2026-01-01T10:00:00.5"),
    "date": (dt.date(2026, 1, 1), "2026-01-01"),
    "Timedelta": (pd.Timedelta("1.5s"), "PT1.5S"),
    "timedelta": (-dt.timedelta(days=1), "-PT86400S"),
    "timedelta64": (np.timedelta64(5, "ns"), "PT0.000000005S"),
    "Period": (pd.Period("2026-01", "M"), "2026-01"),
    "large int": (2**200, 2**200),
    "nested": ({"a": [{"b": math.nan}], "c": {}}, {"a": [{"b": None}], "c": {}}),
}


@pytest.mark.parametrize("name", list(KEPT))
def test_what_means_something_plain_is_kept_as_that(name: str) -> None:
    value, expected = KEPT[name]
    assert keepable({"x": value, "in": {"a": [value]}}) == ({"x": expected, "in": {"a": [expected]}}, {})


def test_times_are_texts_as_columns_of_them_are_pushed(tmp_path: Path) -> None:
    values = {
        "naive": pd.Timestamp("2026-03-29 01:30:00.000001"),
        "zoned": pd.Timestamp("2026-03-29 03:30", tz="Europe/Berlin"),
        "took": pd.Timedelta("1 days 00:00:01.000001"),
    }
    wf = tf.connect(tmp_path / "study.db").create_workflow("times")
    wf.push(pd.DataFrame({name: [value] for name, value in values.items()}))
    assert keepable(values).values == wf.job(1).user_data("input")[0].data


LEFT_OUT = {
    "inf": (math.inf, "inf is not JSON"),
    "inf in a list": ([1, -math.inf], r"at \[1\]: -inf is not JSON"),
    "inf in an array": (np.array([1, np.inf]), r"at \[1\]: inf is not JSON"),
    "bytes": (b"x", r"\.hex\(\)"),
    "memoryview": (memoryview(b"x"), r"\.hex\(\)"),
    "object": (object(), "a object can't be kept"),
    "function": (len, "can't be kept"),
    "bytearray": (bytearray(b"x"), r"\.hex\(\)"),
    "set": ({1}, "sorted list"),
    "frozenset": (frozenset({1}), "sorted list"),
    "long range": (range(10**30), "too large"),
    "inf of a class": (type("F", (float,), {})("inf"), "inf is not JSON"),
    "surrogate of a class": (type("S", (str,), {})("\ud800"), "lone surrogate"),
    "inf in a deque": (collections.deque([math.inf]), r"at \[0\]: inf"),
    "Decimal": (decimal.Decimal("1.1"), r"str\(\)"),
    "complex": (1j, "two parts"),
    "numpy complex": (np.complex64(1), "two parts"),
    "longdouble": (np.longdouble(1), "longdouble"),
    "records": (np.zeros(2, [("a", "i4")]), "ndarray"),
    "Enum": (Colour.RED, r"\.value"),
    "DataFrame": (pd.DataFrame({"a": [1]}), r"tf\.Pointer"),
    "large array": (np.zeros((MOST_ITEMS, 2)), "20,000 values is too large"),
    "huge int": (10**5000, "4,000 digits"),
    "surrogate": ("\ud800", "lone surrogate"),
    "key": ([{1: 2}], "JSON keys are strings"),
    "unreadable": (Unreadable(), "can't be read: RuntimeError"),
}


@pytest.mark.parametrize("name", list(LEFT_OUT))
def test_what_can_not_be_kept_is_left_out_alone(name: str) -> None:
    value, reason = LEFT_OUT[name]
    kept = keepable({"x": value, "deep": {"bad": value, "good": 1}, "only": {"bad": value}, "y": 2})
    assert kept.values == {"deep": {"good": 1}, "y": 2}
    assert list(kept.unstored) == [("x",), ("deep", "bad"), ("only", "bad")]
    for told in kept.unstored.values():
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(told)


def test_lists_that_hold_themselves_are_left_out() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert keepable({"endless": endless, "loss": 1}).values == {"loss": 1}


GOOD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_infinity=False), st.text(max_size=4)
)
BAD = st.sampled_from([math.inf, b"x", object(), "\ud800", 1j, np.array([np.inf])])
LEAVES = st.one_of(GOOD, BAD, st.lists(st.one_of(GOOD, BAD), max_size=3))
RESULTS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(LEAVES, lambda inner: st.dictionaries(st.text(max_size=4), inner, min_size=1, max_size=3)),
)


@given(RESULTS)
def test_every_value_is_either_there_or_named(results: dict[str, Any]) -> None:
    kept = keepable(results)
    there = {path for path, _ in leaves(kept.values)}
    assert there.isdisjoint(kept.unstored)
    assert there | kept.unstored.keys() == {path for path, _ in leaves(results)}
    encode_data(note_unstored(kept.values, kept.unstored))
    given_values = dict(leaves(results))
    for path, value in leaves(kept.values):
        if isinstance(given_values[path], str | bool | int):
            assert (value, type(value)) == (given_values[path], type(given_values[path]))


@given(RESULTS, RESULTS)
@settings(max_examples=examples(50))
def test_what_is_named_is_what_the_last_calls_could_not_store(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    first, then = ({key: value for key, value in one.items() if "error" not in key} for one in (first, then))
    values: dict[str, Any] = {}
    for given_values in (first, then):
        kept = keepable(given_values)
        values = note_unstored({**values, **kept.values}, kept.unstored, given_values)
    own = {**first, **then}
    expected = [*keepable({k: v for k, v in first.items() if k not in then}).unstored]
    expected += keepable(then).unstored
    lines = values.get("error", {}).get("unstored", [])
    assert len(lines) == len(expected)
    again = note_unstored({**values, **dict.fromkeys(own, 1)}, {}, own)
    assert "error" not in again


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"error": 0.2}, {"error": 0.2, "error.unstored": ["x: no"]}),
        ({"error": {"mine": 1}}, {"error": {"mine": 1, "unstored": ["x: no"]}}),
        ({"error": {"unstored": 3}}, {"error": {"unstored": 3}, "error.unstored": ["x: no"]}),
        ({"error": None}, {"error": {"unstored": ["x: no"]}}),
    ],
)
def test_an_error_of_the_job_s_own_stays(values: dict[str, Any], expected: dict[str, Any]) -> None:
    noted = note_unstored(values, {("x",): "no"})
    assert noted == expected
    assert note_unstored(noted, {}, ["x"]) == {
        key: value for key, value in values.items() if value is not None
    }


def test_every_store_keeps_the_rest_and_names_what_it_can_not(store: Any, store_kind: StoreKind) -> None:
    wf = Workflow(store, store.add_workflow("w"))
    wf.push(tf.grid(n=[1]))
    [key] = wf.jobs().index
    deep: Any = 1
    for _ in range(122):
        deep = [deep]
    with pytest.warns(TorcFramesWarning, match="not stored") as told:
        wf.job(key).store(
            loss=math.nan, epochs=3, bad=math.inf, large={"a": 2**70, "b": 7}, deep=deep, at=np.float32(0.5)
        )
    table = wf.table()
    row = table.loc[key]
    assert (row["results.epochs"], row["results.large.b"], row["results.at"]) == (3, 7, 0.5)
    assert pd.isna(row["results.loss"])
    named = [line.partition(":")[0] for line in row["results.error.unstored"]]
    there = [name for name in ("large.a", "deep") if f"results.{name}" in table]
    assert sorted([*named, *there]) == ["bad", "deep", "large.a"]
    assert "bad" in named
    if store_kind.runs_jobs:
        assert named == ["bad"]
    if "torc" in str(store_kind.server):
        assert there == []
    assert all(name in str(told[-1].message) for name in named)


@pytest.mark.filterwarnings("ignore:records over 64 KiB")
def test_of_records_that_are_too_large_for_a_server_the_largest_values_go(
    tmp_path: Path, torc_server: Any
) -> None:
    store = STORES["torc-server"].make(tmp_path, torc_server)
    wf = Workflow(store, store.add_workflow("w"))
    wf.push(tf.grid(n=[1]))
    [key] = wf.jobs().index
    with pytest.warns(TorcFramesWarning, match=r"not stored: b\.x \(.*bytes"):
        wf.job(key).store(a="a" * 900_000, b={"x": "b" * 1_100_000, "y": 1}, c=2)
    [record] = wf.job(key).user_data("output")
    assert {name: value for name, value in record.data.items() if name != "error"} == {
        "a": "a" * 900_000,
        "b": {"y": 1},
        "c": 2,
    }
    with pytest.warns(TorcFramesWarning, match=r"not stored: more"):
        wf.job(key).store(more="m" * 1_500_000, c=3)
    assert wf.job(key).user_data("output")[0].data["c"] == 3


@pytest.fixture
def wf(tmp_path: Path) -> Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("unstored")


def test_a_later_call_that_stores_well_takes_the_error_back(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    with pytest.warns(TorcFramesWarning, match=r"job 1 \(job_1\): not stored: loss \(inf"):
        wf.job(1).store(loss=math.inf, epochs=3)
    wf.job(1).store(epochs=4)
    assert "results.error.unstored" in wf.table()
    wf.job(1).store(loss=0.5)
    assert wf.job(1).user_data("output")[0].data == {"epochs": 4, "loss": 0.5}


def test_output_records_are_kept_likewise_and_parameters_are_refused(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    with pytest.warns(TorcFramesWarning, match="not stored: bad"):
        wf.add_user_data(1, {"epoch": 1, "loss": math.nan, "bad": b""}, {"epoch": 2}, role="output")
    with pytest.warns(TorcFramesWarning, match="not stored: bad"):
        wf.job(1).add_user_data({"epoch": 3, "bad": b""}, (1, math.nan), role="output")
    data = [record.data for record in wf.job(1).user_data("output")]
    assert [one["epoch"] for one in data[:3]] == [1, 2, 3]
    assert data[0]["loss"] is None
    assert data[3] == [1, None]
    for add in (lambda *documents: wf.add_user_data(1, *documents), wf.job(1).add_user_data):
        with pytest.raises(RefusedError, match="nan is not JSON"):
            add({"loss": math.nan})
    with pytest.raises(RefusedError, match=r"row 1: .*inf"):
        wf.job(1).add_user_data({"fine": 1}, math.inf, role="output")
    assert len(wf.user_data(role="output")) == 4


def test_a_mapped_function_s_results_are_kept_but_for_what_can_not_be(wf: Workflow) -> None:
    def fit(n: int, broken: bool) -> dict[Any, Any]:
        more: dict[Any, Any] = {"bad": math.inf, 1: 2} if broken else {}
        return {"loss": math.nan, "epochs": n, "curve": np.array([1.0, math.nan]), **more}

    with ThreadPoolExecutor(2) as threads:
        with pytest.warns(TorcFramesWarning, match=r"1 job returned what can't be stored: 2 \(bad \(inf"):
            table = wf.map(fit, tf.zip_(n=[1, 2], broken=[False, True]), threads)
        assert table["status"].tolist() == ["completed", "completed"]
        assert table["results.epochs"].tolist() == [1, 2]
        assert table["results.loss"].isna().all()
        assert table["results.curve"].tolist() == [[1.0, None]] * 2
        named = table["results.error.unstored"]
        assert named.isna().tolist() == [True, False]
        assert [line.partition(":")[0] for line in named["2"]] == ["bad", "1"]
