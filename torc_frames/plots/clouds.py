"""A point, or a line, for each row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import is_numeric, numbers, resolve, resolve_all
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import INK, colors_of, one
from torc_frames.plots.description import Colors, Drawing, Panel, Paths, Points, Side, Text
from torc_frames.plots.overlap import around_places, random_order, side_by_side
from torc_frames.plots.part import positions
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import labels_of, left_out, told

__all__ = ["colors_by", "parallel", "scatter"]

_FEW_POINTS = 500


def scatter(
    df: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str | None = None,
    logx: bool | None = None,
    logy: bool | None = None,
    limit: int = 10_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of one column against another, a point for each row.

    Rows in which `x` or `y` is missing are left out; where `by` is, they are grey.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers or times, or of few values, such as texts; short names will do.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    logx, logy : bool, optional
        Logarithmic axes, for numbers; by default those of parameters that the recipe of the sweep has so.
    limit : int
        How many points to draw. Of more rows a random part is drawn, among them the least and the most of
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
        For a column that does not exist, one of more than 20 values that are no numbers, and a
        logarithmic axis of what is no number.
    ImportError
        If plotly is asked for, and not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "loss": [0.5, 0.3, 0.4], "solver": ["a", "b", "a"]})
    >>> figure = plots.scatter(df, x="alpha", y="loss", by="solver", logx=True)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['a', 'b']
    """
    x, y = resolve(df, x), resolve(df, y)
    by = None if by is None else resolve(df, by)
    across, up = scale_of(df[x], is_log(df, x, logx)), scale_of(df[y], is_log(df, y, logy))
    there = np.flatnonzero(np.isfinite(across.places) & np.isfinite(up.places))
    given = df.iloc[there]
    places = [across.places[there], up.places[there], *([] if by is None else [scale_of(given[by]).places])]
    chosen = positions(places, len(there), limit, seed)
    rows, called = given.iloc[chosen], labels_of(x, y, by)
    notes = left_out({"without a finite value": len(df) - len(there)})
    placed = [replace(scale, places=scale.places[there[chosen]]) for scale in (across, up)]
    right, above = (scale.heights(scale.places) for scale in placed)
    aside = around_places(right, above, seed)
    if aside is not None:
        placed = [
            replace(scale, places=scale.places + moved * (np.ptp(scale.ends) or 1))
            for scale, moved in zip(placed, aside, strict=True)
        ]
        notes = ("rows of the same place are drawn around it", *notes)
    notes = (*notes, *_grey(rows, by, called))
    order = np.arange(len(rows))
    if by is not None and (aside is not None or len(rows) > _FEW_POINTS):
        order = random_order(len(rows), seed)
    points = Points(
        placed[0].drawn[order],
        placed[1].drawn[order],
        colors_by(df, rows.iloc[order], by, called),
        size=40 if len(rows) <= _FEW_POINTS else 12,
        rows=told(rows.iloc[order], [name for name in (x, y, by) if name]),
    )
    panel = Panel(across.axis(called[x]), up.axis(called[y]), (points,))
    return draw(Drawing((panel,), notes, (len(rows), len(there))), backend)


def parallel(
    df: pd.DataFrame,
    *,
    columns: Sequence[str],
    by: str | None = None,
    log: Iterable[str] | None = None,
    limit: int = 1_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure with an axis for each column side by side, and a line through them for each row.

    A line has a gap where a value is missing.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    columns : list of str
        At least two, of numbers or times, or of few values, such as texts; short names will do.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    log : iterable of str, optional
        The columns whose axes are logarithmic; by default those of parameters that the recipe of the sweep
        has so.
    limit : int
        How many lines to draw. Of more rows a random part is drawn, among them the least and the most of
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
        For a column that does not exist, less than two columns, a column of more than 20 values that are no
        numbers, and a logarithmic axis of what is no number above 0.
    ImportError
        If plotly is asked for, and not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0], "solver": ["a", "b", "a"], "loss": [0.5, 0.3, 0.4]})
    >>> figure = plots.parallel(df, columns=["alpha", "solver", "loss"], by="loss", log=["alpha"])
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['alpha', 'solver', 'loss']
    """
    chosen = resolve_all(df, columns)
    if len(chosen) < 2:
        raise RefusedError("parallel coordinates need at least two columns")
    by = None if by is None else resolve(df, by)
    logs = None if log is None else resolve_all(df, log)
    scales = [scale_of(df[name], is_log(df, name, None if logs is None else name in logs)) for name in chosen]
    colored = [] if by is None or not len(df) else [scale_of(df[by]).places]
    at = positions([*(scale.places for scale in scales), *colored], len(df), limit, seed)
    rows, called = df.iloc[at], labels_of(*chosen, by)
    heights = np.stack([scale.heights(scale.places[at]) for scale in scales], axis=1)
    heights, rooms = side_by_side(heights, seed)
    if rooms.any() or (by is not None and len(rows) > _FEW_POINTS):
        order = random_order(len(rows), seed)
        rows, heights = rows.iloc[order], heights[order]
    across = np.broadcast_to(np.arange(len(chosen), dtype=float), heights.shape)
    paths = Paths(
        np.stack([across, heights], axis=-1),
        colors_by(df, rows, by, called),
        alpha=float(np.clip(80 / max(len(rows), 1), 0.15, 0.85)),
        rows=told(rows, [*chosen, *([] if by is None else [by])]),
    )
    marks: list[Paths | Text] = [paths]
    for number, (scale, room) in enumerate(zip(scales, rooms, strict=True)):
        marks += _axis_marks(number, scale, room)
    names, limits = tuple(called[name] for name in chosen), (-0.35, len(chosen) - 0.8)
    x = Side(names=names, limits=limits, longest=40, is_bare=True)
    panel = Panel(x, Side(hidden=True, limits=(-0.04, 1.04)), tuple(marks), has_grid=False)
    width = max(6.4, 1.6 * len(chosen))
    return draw(Drawing((panel,), _grey(rows, by, called), (len(rows), len(df)), width=width), backend)


def colors_by(df: pd.DataFrame, rows: pd.DataFrame, by: str | None, called: Mapping[str, str]) -> Colors:
    """Return the colors of some rows of a table: by a column, or the same for all."""
    if by is None or not len(rows):
        return one()
    return colors_of(rows[by], called[by], log=is_log(df, by, None))


def _grey(rows: pd.DataFrame, by: str | None, called: Mapping[str, str]) -> tuple[str, ...]:
    """Return the note on rows that a scale of colors has no place for."""
    if by is None or not is_numeric(rows[by]):
        return ()
    count = int((~np.isfinite(numbers(rows[by]))).sum())
    return (f"grey: {count:,} without {called[by]}",) if count else ()


def _axis_marks(at: int, scale: Scale, room: float) -> list[Paths | Text]:
    """Return an axis of parallel coordinates: a line, its ticks, and what they mean."""
    ticks = [(float(scale.heights(np.array([place]))[0]), text) for place, text in scale.ticks()]
    marked = [(room + height * (1 - 2 * room), text) for height, text in ticks]
    short = [[[at - 0.015, height], [at, height]] for height, _ in marked]
    lines = Paths(np.array([[[at, 0.0], [at, 1.0]], *short]), one(INK), 0.8, 1.0)
    return [lines, *(Text(at - 0.03, height, text) for height, text in marked)]
