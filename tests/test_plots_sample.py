"""Figures of many rows: what is drawn of them invents nothing, and leaves the best in."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

import torc_frames as tf
from torc_frames import plots
from torc_frames.plots.part import positions
from torc_frames.plots.scales import scale_of


def study(sides, seed=0):
    """A grid of numbers that have nothing to do with one another, and a loss that is best in one row."""
    frame = tf.grid(**{f"p{at}": np.linspace(0, 1, side).tolist() for at, side in enumerate(sides)})
    rng = np.random.default_rng(seed)
    frame["loss"] = rng.uniform(1, 2, len(frame))
    frame.loc[int(rng.integers(len(frame))), "loss"] = 0.5
    return frame


def points(figure):
    return np.asarray(figure.axes[0].collections[0].get_offsets())


def lines(figure):
    """Where each line crosses each axis, from 0 to 1."""
    return np.array([segment[:, 1] for segment in figure.axes[0].collections[0].get_segments()])


def titles(figure):
    return figure.axes[0].get_title(loc="left"), figure.axes[0].get_title(loc="right")


# Grids in which rows at equal distances always meet the same values.
GRIDS = [(100, 100), (10, 10, 10, 10), (20, 25, 40), (7, 11, 13, 10), (2, 50, 100)]


@pytest.mark.parametrize("sides", GRIDS, ids=str)
@pytest.mark.parametrize("limit", [400, 1_000])
def test_columns_of_a_grid_stay_independent_and_the_best_is_drawn(sides, limit):
    frame = study(sides)
    names = [name for name in frame if name != "loss"]
    drawn = lines(plots.parallel(frame, columns=[*names, "loss"], limit=limit))
    assert len(drawn) == limit
    assert np.abs(np.corrcoef(drawn.T) - np.eye(len(names) + 1)).max() < 4 / np.sqrt(limit)
    # Each axis is as long as that of all rows, and the one best loss is at its end.
    assert (drawn.min(axis=0) == 0).all()
    assert (drawn.max(axis=0) == 1).all()
    assert (drawn[:, -1] < 0.3).sum() == 1
    xy = points(plots.scatter(frame, x="p0", y="p1", by="loss", limit=limit))
    assert abs(np.corrcoef(xy.T)[0, 1]) < 4 / np.sqrt(limit)


def test_it_says_so():
    frame = study((100, 100))
    told = "1,000 of 10,000 rows", "drawn at random, with all extremes"
    assert titles(plots.parallel(frame, columns=["p0", "p1"])) == told
    assert titles(plots.scatter(frame, x="p0", y="p1", limit=1_000)) == told
    assert titles(plots.scatter(frame, x="p0", y="p1")) == ("", "")


def test_the_part_is_the_same_each_time_and_another_with_another_seed():
    frame = study((100, 100))
    first = lines(plots.parallel(frame, columns=["p0", "p1"]))
    assert np.array_equal(first, lines(plots.parallel(frame, columns=["p0", "p1"])))
    assert not np.array_equal(first, lines(plots.parallel(frame, columns=["p0", "p1"], seed=1)))


columns = st.sampled_from(["float", "int", "Int64", "time", "span", "text", "bool", "gaps"])


def column(kind, rng, count):
    if kind == "text":
        return pd.Series(rng.choice(list("abcdefg"), count, p=[0.994, *[0.001] * 6]))
    if kind == "bool":
        return pd.Series(rng.random(count) < 0.001)
    numbers = pd.Series(rng.normal(size=count) ** 3)
    if kind == "gaps":
        return numbers.where(rng.random(count) < 0.2)
    if kind in ("int", "Int64"):
        return (numbers * 1e6).astype("int64").astype("Int64" if kind == "Int64" else "int64")
    if kind == "time":
        return pd.Timestamp("2026-01-01") + pd.to_timedelta(numbers, unit="h")
    return pd.to_timedelta(numbers, unit="h") if kind == "span" else numbers


@settings(max_examples=examples(25), deadline=None)
@given(
    kinds=st.lists(columns, min_size=2, max_size=4), seed=st.integers(0, 99), limit=st.sampled_from([50, 200])
)
def test_the_extremes_of_each_axis_are_among_what_is_drawn(kinds, seed, limit):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{at}": column(kind, rng, 3_000) for at, kind in enumerate(kinds)})
    places = [scale_of(frame[name]).places for name in frame]
    part = frame.iloc[positions(places, len(frame), limit, seed)]
    assert len(part) == limit
    assert part.index.is_monotonic_increasing
    assert part.index.is_unique
    for name in frame:
        if isinstance(frame[name].dtype, np.dtype) and frame[name].dtype.kind not in "bO":
            assert part[name].min() == frame[name].min()
            assert part[name].max() == frame[name].max()
        else:
            assert set(part[name].dropna()) >= {frame[name].dropna().min(), frame[name].dropna().max()}
        if frame[name].nunique() <= 20:
            assert set(part[name].dropna()) == set(frame[name].dropna())


def test_what_is_wrong_with_a_row_that_would_not_be_drawn_is_told_all_the_same():
    frame = study((100, 100))
    frame.loc[5_000, "loss"] = -1.0
    for draw in (
        lambda: plots.scatter(frame, x="p0", y="loss", logy=True, limit=10),
        lambda: plots.parallel(frame, columns=["p0", "loss"], log=["loss"], limit=10),
    ):
        with pytest.raises(tf.RefusedError, match="not above 0"):
            draw()


def test_a_limit_that_is_less_than_the_extremes_keeps_them():
    frame = study((100, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = lines(plots.parallel(frame, columns=["p0", "p1", "loss"], limit=1))
    assert (drawn.min(axis=0) == 0).all()
    assert (drawn.max(axis=0) == 1).all()


def test_few_numbers_are_told_apart_in_their_order():
    frame = pd.DataFrame({"x": range(6), "loss": [12.0, 2.1, np.nan, 14.0, 3.0, 2.1]}, index=[7] * 6)
    legend = plots.scatter(frame, x="x", y="x", by="loss").axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["2.1", "3.0", "12.0", "14.0", "missing"]
