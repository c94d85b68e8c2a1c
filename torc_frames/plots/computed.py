"""What figures draw, computed of columns: fronts, best so far, steps, lanes, means of curves."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from torc_frames.errors import RefusedError
from torc_frames.plots.part import evenly

__all__ = [
    "Course",
    "Direction",
    "best_so_far",
    "busy",
    "check_direction",
    "course_of",
    "lanes_of",
    "on_front",
    "one_of_bins",
    "steps_of",
]

Array = np.ndarray[Any, Any]
Direction = Literal["min", "max"]


def best_so_far(values: Array, direction: Direction = "min") -> Array:
    """Return the best of the values up to each, NaN before the first.

    Examples
    --------
    >>> best_so_far(np.array([np.nan, 3.0, 4.0, np.nan, 2.0])).tolist()
    [nan, 3.0, 3.0, 3.0, 2.0]
    """
    return (np.fmin if direction == "min" else np.fmax).accumulate(values)


def on_front(x: Array, y: Array, directions: tuple[Direction, Direction]) -> Array:
    """Return which points no other one is better than: the Pareto front, with all that are equal.

    A point is better than another if it is so in one value, and no worse in the other. What has no value is
    not on it.

    Examples
    --------
    >>> on_front(np.array([1.0, 2.0, 2.0, 3.0]), np.array([3.0, 1.0, 1.0, 2.0]), ("min", "min")).tolist()
    [True, True, True, False]
    """
    there = ~(np.isnan(x) | np.isnan(y))
    across, up = ((-v if way == "max" else v)[there] for v, way in zip((x, y), directions, strict=True))
    found = np.zeros(len(x), dtype=bool)
    if not there.any():
        return found
    places, column = np.unique(across, return_inverse=True)
    least = np.full(len(places), np.inf)
    np.minimum.at(least, column, up)
    before = np.concatenate([[np.inf], np.minimum.accumulate(least)[:-1]])
    is_better = least < before
    is_better[0] = True  # nothing is before it, though it be infinite
    found[there] = is_better[column] & (up == least[column])
    return found


def steps_of(values: Array) -> tuple[Array, Array]:
    """Return the steps of the share of values that are at most as large.

    Infinite values count, and are no steps.

    Examples
    --------
    >>> [part.tolist() for part in steps_of(np.array([2.0, 1.0, 2.0, np.inf]))]
    [[1.0, 2.0], [0.25, 0.75]]
    """
    places, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    shares = np.cumsum(counts) / max(counts.sum(), 1)
    return places[np.isfinite(places)], shares[np.isfinite(places)]


def lanes_of(starts: Array, ends: Array) -> Array:
    """Return a lane for each interval, the lowest one that is free when it starts.

    Examples
    --------
    >>> lanes_of(np.array([0, 1, 2, 3]), np.array([2, 5, 3, 4])).tolist()
    [0, 1, 0, 0]
    """
    lanes = np.zeros(len(starts), dtype="int64")
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    for row in np.lexsort((ends, starts)).tolist():
        while taken and taken[0][0] <= starts[row]:
            heapq.heappush(free, heapq.heappop(taken)[1])
        lane = heapq.heappop(free) if free else len(taken)
        lanes[row] = lane
        heapq.heappush(taken, (ends[row], lane))
    return lanes


def busy(rows: Array, starts: Array, ends: Array, shape: tuple[int, int]) -> Array:
    """Return how much of each bin intervals fill, row by row; they start and end in bins.

    Examples
    --------
    >>> busy(np.array([0, 0]), np.array([0.5, 2.0]), np.array([1.5, 2.25]), (1, 3)).tolist()
    [[0.5, 0.5, 0.25]]
    """
    count, bins = shape
    changes = np.zeros(count * (bins + 2))
    for places, sign in ((starts, 1.0), (ends, -1.0)):
        at = np.clip(places, 0, bins)
        whole = np.floor(at).astype("int64")
        part = at - whole
        first = rows * (bins + 2) + whole
        changes += sign * np.bincount(first, 1 - part, len(changes))
        changes += sign * np.bincount(first + 1, part, len(changes))
    filled: np.ndarray = np.cumsum(changes.reshape(count, bins + 2), axis=1)[:, :bins]
    return filled


@dataclass(frozen=True, slots=True)
class Course:
    """The mean of curves at each step, and what is around it."""

    steps: Array
    mean: Array
    spread: Array
    """The standard deviation, NaN where there is one curve."""

    least: Array
    most: Array
    count: Array
    """How many curves there are at the step."""


def course_of(curves: list[tuple[Array, Array]], most: int = 1_000) -> Course:
    """Return the mean of curves of different lengths and steps.

    Between its steps a curve is taken as straight; before its first and after its last it is none.

    Examples
    --------
    >>> long = np.array([1.0, 2.0, 3.0]), np.array([4.0, 3.0, 2.0])
    >>> course = course_of([long, (np.array([1.0]), np.array([2.0]))])
    >>> course.mean.tolist(), course.count.tolist()
    ([3.0, 3.0, 2.0], [2, 1, 1])
    """
    steps = np.unique(np.concatenate([at for at, _ in curves])) if curves else np.empty(0)
    steps = steps[evenly(len(steps), most)]
    mean, square, count = np.zeros(len(steps)), np.zeros(len(steps)), np.zeros(len(steps), dtype="int64")
    least, greatest = np.full((2, len(steps)), np.nan)
    for at, values in curves:
        there = np.interp(steps, at, values, left=np.nan, right=np.nan)
        has = ~np.isnan(there)
        count += has
        change = np.where(has, there - mean, 0.0)
        mean += np.divide(change, count, out=np.zeros(len(steps)), where=has)
        with np.errstate(over="ignore"):
            square += np.where(has, change * (there - mean), 0.0)
        least, greatest = np.fmin(least, there), np.fmax(greatest, there)
    spread = np.sqrt(np.divide(square, count - 1, out=np.full(len(steps), np.nan), where=count > 1))
    return Course(steps, np.where(count > 0, mean, np.nan), spread, least, greatest, count)


def one_of_bins(places: Array, bins: int = 2_000) -> Array:
    """Return the positions of one place in each bin there is something in, so that no other lies on it.

    Examples
    --------
    >>> one_of_bins(np.array([0.0, 0.1, 10.0]), 5).tolist()
    [0, 2]
    """
    there = np.flatnonzero(np.isfinite(places))
    low, high = (places[there].min(), places[there].max()) if len(there) else (0.0, 1.0)
    at = ((places[there] - low) / ((high - low) or 1.0) * bins).astype("int64")
    return there[np.unique(at, return_index=True)[1]]


def check_direction(direction: object) -> None:
    """RefusedError for what is neither "min" nor "max"."""
    if direction not in ("min", "max"):
        raise RefusedError(f"direction={direction!r}: give 'min' or 'max'")
