"""Rows that would hide one another are drawn side by side, in an order that tells nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["around_places", "jittered", "random_order", "side_by_side"]

_MOST_PLACES = 50
"""Of more places than these on an axis none is looked at: they are as near one another as rows would be."""

_SHARE = 0.35
"""How much of the way to its neighbor a place takes up at most."""

_STEP = 0.012
_ASPECT = 1.5
"""Of the width of a figure to its height."""

_WIDEST = 0.06
_GOLDEN = np.pi * (3 - np.sqrt(5))

Array = np.ndarray[Any, Any]


def around_places(x: Array, y: Array, seed: int) -> tuple[Array, Array] | None:
    """Return how far to move points that are at one place, which lie around it then, in random order.

    Parameters
    ----------
    x, y : array
        Where rows are, as parts of the axes.
    seed : int
        Of the order.

    Returns
    -------
    pair of array, or None
        What to add to `x` and `y`; None if no two rows are at one place, or places are too near each other.

    Examples
    --------
    >>> import numpy as np
    >>> right, up = around_places(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]), 0)
    >>> (right != 0).tolist()
    [True, True, False]
    """
    (columns, of_x), (lines, of_y) = (np.unique(each, return_inverse=True) for each in (x, y))
    if max(len(columns), len(lines)) > _MOST_PLACES:
        return None
    place = of_x * len(lines) + of_y
    rank, count = _ranks(place, seed)
    most = int(count.max(initial=0))
    if most < 2:
        return None
    radius = np.sqrt((rank + 0.5) / most) * np.where(count > 1, 1.0, 0.0)
    angle = rank * _GOLDEN
    steps = ((columns, _STEP), (lines, _STEP * _ASPECT))
    widest = [min(_SHARE * _nearest(each), step * np.sqrt(most)) for each, step in steps]
    return radius * np.cos(angle) * widest[0], radius * np.sin(angle) * widest[1]


def side_by_side(heights: Array, seed: int) -> tuple[Array, Array]:
    """Return heights on parallel axes, (rows, axes), at which lines are side by side, and room at the ends.

    Only on axes of few places, and only if there are lines from the same place to the same place. The places
    then move inward, by the room above and below them that lines take up.

    Examples
    --------
    >>> import numpy as np
    >>> moved, room = side_by_side(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), 0)
    >>> sorted(moved[:2, 0].tolist()), float(moved[2, 0]), room.tolist()
    ([0.0, 0.12], 0.94, [0.06, 0.06])
    """
    moved, rooms = heights.copy(), np.zeros(heights.shape[1])
    if not _has_twins(heights):
        return moved, rooms
    for at in range(heights.shape[1]):
        there = np.isfinite(heights[:, at])
        places, of_row = np.unique(heights[there, at], return_inverse=True)
        if not 0 < len(places) <= _MOST_PLACES:
            continue
        rank, count = _ranks(of_row, seed + at)
        if (count < 2).all():
            continue
        room = rooms[at] = min(_SHARE * _nearest(places), _WIDEST)
        aside = np.where(count > 1, 2 * rank / np.maximum(count - 1, 1) - 1, 0.0)
        moved[there, at] = np.round(room + heights[there, at] * (1 - 2 * room) + aside * room, 12)
    return moved, rooms


def jittered(places: Array, seed: int, room: float = 0.25) -> Array:
    """Return places of names, each moved by at most `room`."""
    moved: Array = places + np.random.default_rng(seed).uniform(-room, room, len(places))
    return moved


def random_order(count: int, seed: int) -> Array:
    """Return in which order to draw rows, so that no kind of them is always on top."""
    return np.random.default_rng(seed).permutation(count)


def _has_twins(heights: Array) -> bool:
    """Return whether two rows go from the same place to the same place, on axes of several places."""
    pairs: Sequence[Array] = [heights[:, at : at + 2] for at in range(heights.shape[1] - 1)]
    known = [pair[np.isfinite(pair).all(axis=1)] for pair in pairs]
    varied = [pair for pair in known if len(pair) and np.ptp(pair, axis=0).all()]
    return any(len(np.unique(pair, axis=0)) < len(pair) for pair in varied)


def _ranks(place: Array, seed: int) -> tuple[Array, Array]:
    """Return for each row which it is of those at its place, in random order, and how many these are."""
    order = np.random.default_rng(seed).permutation(len(place))
    order = order[np.argsort(place[order], kind="stable")]
    count = np.bincount(place, minlength=1)
    first = np.cumsum(count) - count
    rank = np.empty(len(place), dtype="int64")
    rank[order] = np.arange(len(place)) - first[place[order]]
    return rank, count[place]


def _nearest(places: Array) -> float:
    return float(np.diff(places).min()) if len(places) > 1 else 1.0
