"""The dtypes of axes: those that their values have as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.frame.column import Column
from torc_frames.sweep.columns import column_of

INTEGERS = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 2**53 + 1, 2**63 - 1, -(2**63)])
VALUES = st.one_of(
    st.none(), st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3)
)
AXES = st.one_of(
    st.lists(st.none() | INTEGERS, min_size=1, max_size=5),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=5),
    st.lists(st.none() | INTEGERS | st.floats(-1, 1), min_size=1, max_size=5),
    st.lists(VALUES, min_size=1, max_size=5),
)
WAYS = {
    "grid": lambda values: tf.grid(x=values)["x"],
    "zip_": lambda values: tf.zip_(x=values)["x"],
    "product": lambda values: tf.product(tf.grid(y=[0]), tf.grid(x=values))["x"],
    "choice": lambda values: tf.choice(values).values,
}


def plain(series: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in series.tolist()]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, 3, 5], "Int64"),
        ([3, float("nan")], "Int64"),
        ([3, pd.NA, 2**62 + 1], "Int64"),
        ([np.int64(3), None], "Int64"),
        ([3, 5], "int64"),
        ([True, None], "boolean"),
        ([True, False], "bool"),
        (["a", None], pd.Series(["a", None]).dtype),
        ([1.5, None], "float64"),
        ([1, 0.5], "float64"),
        ([2**53 + 1, 0.5], "object"),
        ([2**70, None], "object"),
        ([True, 1], "object"),
        ([pd.Timestamp("2026-01-02"), None], pd.Series([pd.Timestamp("2026-01-02"), None]).dtype),
        (np.array([None, 3], dtype=object), "Int64"),
        (np.array([1, 2], dtype="int8"), "int8"),
        (pd.Index([1, 2], dtype="uint8"), "uint8"),
        (pd.Series([3.0, None]), "float64"),
        (pl.Series([None, 3]), "Int64"),
        (pa.chunked_array([[None, 3]]), "Int64"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_axis_has_the_dtype_of_its_values_as_json(way: Any, values: Any, dtype: Any) -> None:
    column = way(values)
    assert column.dtype == dtype
    listed = values.to_pylist() if isinstance(values, pa.ChunkedArray) else list(values)
    assert plain(column) == [None if pd.isna(value) else value for value in listed]


@given(AXES)
@settings(deadline=None)
def test_no_value_of_an_axis_is_changed(values: list[Any]) -> None:
    column = column_of("x", values)
    cells = plain(column)
    assert cells == values
    same = [type(cell) is type(value) for cell, value in zip(cells, values, strict=True)]
    assert all(same) or Column.of(values).kind() == "float"  # in which integers are exact


def test_what_is_sampled_has_its_dtype_too() -> None:
    drawn = tf.sample(20, {"depth": tf.choice([None, 3, 5]), "ok": [True, None]}, seed=7)
    assert drawn.dtypes.astype(str).tolist() == ["Int64", "boolean"]


def test_a_pushed_axis_with_a_gap_comes_back_as_it_was(tmp_path: Path) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("gaps")
    table = tf.grid(max_depth=[None, 3, 5], shuffle=[True, None])
    wf.push(table)
    assert wf.get_user_data(3).data == {"max_depth": 3, "shuffle": True}
    assert_frame_equal(wf.parameters().reset_index(drop=True), table)
    assert_frame_equal(tf.from_recipe(wf.recipes()[0]), table)


def test_what_is_missing_meets_no_constraint() -> None:
    table = tf.grid(max_depth=[None, 3, 5], where="max_depth < 4")
    assert table["max_depth"].tolist() == [3]
    assert tf.grid(max_depth=[None, 3, 5], where=lambda df: df["max_depth"] > 3)["max_depth"].tolist() == [5]
