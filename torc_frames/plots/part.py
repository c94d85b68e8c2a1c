"""A part of too many rows that can be drawn, and that tells what all of them would."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.plots.scales import MOST_NAMES, scale_of

__all__ = ["extremes", "part", "positions"]

Array = np.ndarray[Any, Any]


def part(
    rows: pd.DataFrame, columns: Sequence[str], logs: Container[str], by: str | None, limit: int, seed: int
) -> pd.DataFrame:
    """Return the rows, or a random part of too many, with the extremes of each scale, in their order."""
    scales = [scale_of(rows[name], name in logs) for name in columns]
    scales += [] if by is None or not len(rows) else [scale_of(rows[by])]
    return rows.iloc[positions([scale.places for scale in scales], len(rows), limit, seed)]


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


def extremes(places: Array) -> Array:
    """Return the positions of the least and the most, of few values of one of each."""
    there = np.flatnonzero(np.isfinite(places))
    _, first = np.unique(places[there], return_index=True)
    return there[first if len(first) <= MOST_NAMES else first[[0, -1]]]
