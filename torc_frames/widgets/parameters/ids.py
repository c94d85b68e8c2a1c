"""Rows by their ids: arrays of them, in order or not."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["AT_END", "AT_TOP", "NO_IDS", "Ids", "Mask", "among", "merged", "woven"]

Ids = np.ndarray[Any, np.dtype[np.int64]]
"""Rows by their ids: those of the base frame by position, new ones by number after them."""

Mask = np.ndarray[Any, np.dtype[np.bool_]]

NO_IDS: Ids = np.empty(0, dtype=np.int64)

AT_TOP, AT_END = -1, -2
"""What rows come after that come after no row."""


def among(ids: Ids, ordered: Ids) -> Mask:
    """Return which ids are among others, which are in order."""
    if not len(ordered):
        return np.zeros(len(ids), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
    found: Mask = ordered[at] == ids
    return found


def merged(ids: Ids, others: Ids) -> Ids:
    """Return the ids in two arrays, in order; of the first one they are already."""
    if not len(others):
        return ids
    # Quicker than np.unique, which hashes.
    both: Ids = np.sort(np.concatenate([ids, others]))
    first: Mask = np.append(True, both[1:] != both[:-1])
    return both[first]


def woven(ids: Ids, others: Ids, after: Ids) -> Ids:
    """Return rows with others among them, each after its own; where that is not there, at the end.

    Of others that follow one another each comes after the one before it.
    """
    if not len(others):
        return ids
    places = np.full(max(ids.max(initial=0), others.max(), after.max()) + 3, len(ids) - 1, dtype=np.int64)
    places[ids] = np.arange(len(ids))
    places[AT_TOP] = -1
    at = places[after] + 1
    # Those that follow one another go to where the first of them goes.
    follows = np.concatenate([[False], after[1:] == others[:-1]])
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(len(others))))
    return np.insert(ids, at[first], others)
