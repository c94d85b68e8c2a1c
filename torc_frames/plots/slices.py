"""How a result depends on each parameter, seen from the side of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.tabulation.configurations import (
    parameters,
    resolve,
    resolve_all,
    standing,
    varying,
)
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.clouds import colors_by
from torc_frames.plots.colors import MARKED, one
from torc_frames.plots.description import Colors, Drawing, Panel, Points
from torc_frames.plots.overlap import jittered, random_order
from torc_frames.plots.part import positions
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import labels_of, left_out, told

__all__ = ["slice"]

_MOST_PANELS = 12
_ACROSS = 4
_FEW_POINTS = 500
_BELOW = 0.08
"""Of the height of all values is the way from the lowest to the crosses."""

Array = np.ndarray[Any, Any]


def slice(
    df: pd.DataFrame,
    *,
    y: str,
    columns: Sequence[str] | None = None,
    by: str | None = None,
    logy: bool | None = None,
    limit: int = 10_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of one result against each parameter, a panel for each.

    Jobs that failed are crosses at the bottom. Points of texts and booleans are spread about them. A note
    says how many rows are left out: unfinished, stale, or missing.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    y : str
        A column of numbers; short names will do.
    columns : list of str, optional
        Columns of numbers or times, or of few values, such as texts. Without it, the parameters that vary,
        the first 12 of those that can be drawn.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    logy : bool, optional
        A logarithmic axis of the result. Those of parameters are so that the recipe of the sweep has so.
    limit : int
        How many points a panel has. Of more rows a random part is drawn, among them the least and the most of
        each column, or one of each of its values if they are few; the titles say so.
    seed : int
        Of the random part.
    backend : {"matplotlib", "plotly"}
        Who draws: for paper, or for the screen, where the pointer is told each row.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps one of matplotlib.

    Raises
    ------
    RefusedError
        For a column that does not exist, or that can't be an axis, and if no parameter varies.
    ImportError
        If plotly is asked for, and not there.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> df = tf.grid(alpha=[0.1, 1.0, 10.0], solver=["a", "b"]).add_prefix("params.")
    >>> figure = plots.slice(df.assign(loss=[5, 3, 4, 2, 6, 3]), y="loss")
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['alpha', 'solver']
    """
    y = resolve(df, y)
    by = None if by is None else resolve(df, by)
    names, left = _shown(df, y, columns)
    found, up = standing(df), scale_of(df[y], is_log(df, y, logy))
    counted = found.counted & np.isfinite(up.places)
    there = np.flatnonzero(counted | found.failed)
    scales = [scale_of(df[name], is_log(df, name, None)) for name in names]
    places = [np.where(counted, up.places, np.nan), *(scale.places for scale in scales)]
    part = positions([each[there] for each in places], len(there), limit, seed)
    part = there[part[random_order(len(part), seed)]]
    called = labels_of(*names, y, by)
    good, bad = (part[which[part]] for which in (counted, found.failed & ~counted))
    heights = _with_bottom(up, counted)
    panels = []
    for name, scale in zip(names, scales, strict=True):
        marks = [
            _points(told(df.iloc[rows], [*names, y]), scale, heights, rows, colors, marker, seed)
            for rows, colors, marker in (
                (good, colors_by(df, df.iloc[good], by, called), "o"),
                (bad, one(MARKED), "X"),
            )
            if len(rows)
        ]
        panels.append(Panel(scale.axis(called[name]), up.axis(called[y]), tuple(marks)))
    reasons = {"unfinished": found.unfinished, "stale": found.stale}
    reasons["without a finite value"] = found.counted & ~counted
    crosses = [f"crosses: {found.failed.sum():,} failed"] if len(bad) else []
    notes = (*crosses, *left_out({reason: int(rows.sum()) for reason, rows in reasons.items()}), *left)
    across = min(_ACROSS, len(panels))
    width, height = max(4.0, 1.2 + 2.6 * across), 0.8 + 2.6 * -(-len(panels) // across)
    drawing = Drawing(tuple(panels), notes, (len(part), len(there)), across, True, width, height)
    return draw(drawing, backend)


def _points(
    rows: pd.DataFrame, scale: Scale, heights: Scale, at: Array, colors: Colors, marker: str, seed: int
) -> Points:
    places = scale.places[at]
    across = replace(scale, places=jittered(places, seed) if scale.names else places)
    up = replace(heights, places=heights.places[at])
    size = 30 if len(at) <= _FEW_POINTS else 10
    return Points(across.drawn, up.drawn, colors, size, rows, marker)


def _with_bottom(scale: Scale, counted: Array) -> Scale:
    """Return the places of rows that count, and the one below these for all others."""
    low, high = replace(scale, places=scale.places[counted]).ends
    below = low - _BELOW * ((high - low) or abs(low) or 1.0)
    return replace(scale, places=np.where(counted, scale.places, below), whole=False)


def _shown(df: pd.DataFrame, y: str, columns: Sequence[str] | None) -> tuple[list[str], tuple[str, ...]]:
    """Return the columns that have a panel, and the note on those that have none."""
    if columns is not None:
        if not columns:
            raise RefusedError("columns=[]: give at least one column, or leave it out")
        return resolve_all(df, columns), ()
    varied = varying(df, [name for name in parameters(df) if name != y])
    if not varied:
        there = shorten(map(repr, parameters(df))) or "none"
        raise RefusedError(f"no parameter varies of {there}: give columns=")
    able = [name for name in varied if _can_be_drawn(df[name])]
    if not able:
        raise RefusedError(f"{shorten(map(repr, varied))} have more values than can be told apart")
    left = [name for name in varied if name not in able[:_MOST_PANELS]]
    called = labels_of(*left)
    return able[:_MOST_PANELS], ((f"not shown: {shorten(called.values())}",) if left else ())


def _can_be_drawn(values: pd.Series) -> bool:
    try:
        scale_of(values)
    except RefusedError:
        return False
    return True
