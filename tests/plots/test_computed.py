"""What figures draw agrees with its plain definition."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.plots.computed import best_so_far, busy, course_of, lanes_of, on_front, steps_of
from torc_frames.plots.part import evenly

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([np.nan, np.inf, -np.inf]))
WAYS = st.tuples(*[st.sampled_from(["min", "max"])] * 2)


def is_better(one, other, ways):
    signs = [1 if way == "min" else -1 for way in ways]
    pairs = [(sign * a, sign * b) for sign, a, b in zip(signs, one, other, strict=True)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12), WAYS)
def test_the_front_is_of_points_that_no_other_is_better_than(points, ways):
    x, y = (np.array([point[side] for point in points], dtype=float) for side in (0, 1))
    found = on_front(x, y, ways)
    there = [point for point in points if not np.isnan(point).any()]
    for point, is_on in zip(points, found, strict=True):
        assert is_on == (point in there and not any(is_better(other, point, ways) for other in there))


@given(st.lists(NUMBERS, max_size=12), st.sampled_from(["min", "max"]))
def test_the_best_so_far_is_the_best_of_what_came_before(values, way):
    found = best_so_far(np.array(values, dtype=float), way)
    for at, best in enumerate(found, 1):
        there = [value for value in values[:at] if not np.isnan(value)]
        assert best == (min if way == "min" else max)(there) if there else np.isnan(best)


@given(st.lists(NUMBERS, max_size=12))
def test_steps_are_the_share_of_values_at_most_as_large(values):
    given_values = np.array(values, dtype=float)
    there = given_values[~np.isnan(given_values)]
    places, shares = steps_of(given_values)
    assert places.tolist() == sorted(set(there[np.isfinite(there)].tolist()))
    assert shares.tolist() == pytest.approx([(there <= place).mean() for place in places])


@given(st.integers(0, 300), st.integers(2, 100))
def test_of_many_some_are_drawn_with_both_ends(count, most):
    kept = evenly(count, most).tolist()
    assert len(kept) == min(count, most)
    assert kept == sorted({*kept})
    assert kept[:1] + kept[-1:] == ([0, count - 1] if count else [])


INTERVALS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), max_size=12)


@given(INTERVALS)
def test_no_two_intervals_of_a_lane_overlap_and_there_are_no_more_lanes_than_at_once(intervals):
    starts = np.array([start for start, _ in intervals], dtype=float)
    ends = starts + np.array([length for _, length in intervals], dtype=float)
    lanes = lanes_of(starts, ends)
    for lane in set(lanes.tolist()):
        inside = sorted(zip(starts[lanes == lane], ends[lanes == lane], strict=True))
        assert all(before[1] <= after[0] for before, after in pairwise(inside))
    at_once = [int(((starts <= at) & (at < np.maximum(ends, starts + 0.5))).sum()) for at in starts]
    assert lanes.max(initial=-1) < max(at_once, default=0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 20)), max_size=12))
def test_bins_are_filled_by_what_overlaps_them(jobs):
    rows = np.array([row for row, _, _ in jobs], dtype="int64")
    starts = np.array([start / 4 for _, start, _ in jobs])
    ends = np.minimum(starts + np.array([length / 4 for _, _, length in jobs]), 10.0)
    found = busy(rows, starts, ends, (3, 10))
    expected = np.zeros((3, 10))
    for row, start, end in zip(rows, starts, ends, strict=True):
        for at in range(10):
            expected[row, at] += max(0.0, min(end, at + 1) - max(start, at))
    assert found == pytest.approx(expected)


@given(st.lists(st.lists(st.integers(-100, 100), min_size=1, max_size=6), min_size=1, max_size=5))
def test_the_mean_of_curves_of_the_same_steps_is_that_of_pandas(curves):
    drawn = [(np.arange(len(curve), dtype=float), np.array(curve, dtype=float)) for curve in curves]
    course = course_of(drawn)
    frame = pd.DataFrame([(at, value) for curve in curves for at, value in enumerate(curve)])
    told = frame.groupby(0)[1].agg(["mean", "std", "count"])
    assert course.steps.tolist() == told.index.tolist()
    assert course.count.tolist() == told["count"].tolist()
    np.testing.assert_allclose(course.mean, told["mean"], atol=1e-9)
    np.testing.assert_allclose(course.spread, told["std"], atol=1e-9)


def test_between_its_steps_a_curve_is_straight_and_outside_it_is_none():
    fine = (np.arange(5.0), np.zeros(5))
    coarse = (np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    course = course_of([fine, coarse])
    assert course.count.tolist() == [1, 2, 2, 2, 1]
    assert course.mean.tolist() == [0, 1, 1.5, 2, 0]
    assert len(course_of([(np.arange(5_000.0), np.zeros(5_000))], 100).steps) == 100
    assert len(course_of([]).steps) == 0
