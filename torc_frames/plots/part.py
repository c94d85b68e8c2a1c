"""A part of too many rows that can be drawn, and that tells what all of them would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torc_frames.plots.scales import MOST_NAMES

__all__ = ["evenly", "extremes", "positions"]

Array = np.ndarray[Any, Any]


def positions(places: Sequence[Array], count: int, limit: int, seed: int) -> Array:
    """Return which of many rows to draw: all, or extremes and a random part, in their order.

    Rows at equal distances won't do: those of a grid repeat, and some of its values would never be met.
    """
    if count <= limit:
        return np.arange(count)
    kept = np.unique(np.concatenate([extremes(each) for each in places]))
    others = np.setdiff1d(np.arange(count), kept)
    drawn = np.random.default_rng(seed).choice(others, max(0, limit - len(kept)), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


def evenly(count: int, most: int) -> Array:
    """Return which of many in an order to draw: at most so many, at equal distances, both ends among them.

    Examples
    --------
    >>> evenly(9, 3).tolist(), evenly(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    if count <= most:
        return np.arange(count)
    chosen: Array = np.unique(np.linspace(0, count - 1, most).round().astype("int64"))
    return chosen


def extremes(places: Array) -> Array:
    """Return the positions of the least and the most, of few values of one of each."""
    there = np.flatnonzero(np.isfinite(places))
    _, first = np.unique(places[there], return_index=True)
    return there[first if len(first) <= MOST_NAMES else first[[0, -1]]]
