"""Two results against each other, of which neither gets better without the other getting worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import numbers, resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.clouds import colors_by
from torc_frames.plots.colors import GREY, MARKED, one
from torc_frames.plots.computed import Direction, check_direction, on_front, one_of_bins
from torc_frames.plots.description import Curve, Drawing, Panel, Points
from torc_frames.plots.part import positions
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import labels_of, told, which_count

__all__ = ["pareto"]

_WORDS = {"min": "less", "max": "more"}

Array = np.ndarray[Any, Any]


def pareto(
    df: pd.DataFrame,
    x: str,
    y: str,
    *,
    direction: Direction | Sequence[Direction] = "min",
    by: str | None = None,
    logx: bool | None = None,
    logy: bool | None = None,
    limit: int = 10_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of two columns with the Pareto front marked.

    On the front is each row that no other is better than: better in one column, and no worse in the other.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``. Rows that failed, did not finish or are stale are left out, and counted.
    x, y : str
        Columns of numbers, by their short or long names.
    direction : {"min", "max"}, or one for `x` and one for `y`
        What is better: less, or more.
    by : str, optional
        The column that colors tell: numbers by a scale, few values by a legend.
    logx, logy : bool, optional
        Logarithmic axes. Default: as the recipe of the sweep has it.
    limit : int
        How many points to draw. Of more a random part is drawn, and the figure says so; the front is whole.
    seed : int
        Of the random part.
    backend : {"matplotlib", "plotly"}
        For paper, or for the screen, where the pointer shows jobs and their parameters.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is. Without rows it is empty.

    Raises
    ------
    RefusedError
        For a column that does not exist or is not of numbers, and another direction.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"results.error": [0.1, 0.2, 0.3], "results.hours": [3.0, 1.0, 2.0]})
    >>> figure = plots.pareto(df, "hours", "error")
    >>> figure.axes[0].get_legend().get_texts()[0].get_text()
    'front (2)'
    """
    ways = _directions(direction)
    columns = resolve(df, x), resolve(df, y)
    by = None if by is None else resolve(df, by)
    rows, _, notes = which_count(df, *columns)
    across, up = (
        scale_of(numbers(rows[name]), is_log(df, name, log))
        for name, log in zip(columns, (logx, logy), strict=True)
    )
    front = np.flatnonzero(on_front(across.places, up.places, ways))
    called = labels_of(*columns, by)
    title = f"front ({len(front):,})"
    wanted = (f"{_WORDS[way]} {called[name]}" for way, name in zip(ways, columns, strict=True))
    notes = (f"better: {', '.join(dict.fromkeys(wanted))}", *notes)
    if beside := int((~np.isfinite(across.places) | ~np.isfinite(up.places)).sum()):
        notes += (f"{beside:,} infinite, beside the axes",)
    if len(front) > limit:
        front = front[one_of_bins(across.places[front])]
        notes += (f"of the front {len(front):,} rows are marked",)
    drawn = np.union1d(positions([across.places, up.places], len(rows), limit, seed), front)
    shown = rows.iloc[drawn]
    colors = one(GREY) if by is None else colors_by(df, shown, by, called)
    points = Points(across.drawn[drawn], up.drawn[drawn], colors, 14, told(shown, columns), alpha=0.6)
    marks = (*_marked(across, up, front, ways, title), points)
    panel = Panel(across.axis(called[columns[0]]), up.axis(called[columns[1]]), marks)
    return draw(Drawing((panel,), notes, (len(drawn), len(rows))), backend)


def _directions(direction: Direction | Sequence[Direction]) -> tuple[Direction, Direction]:
    ways = (direction, direction) if isinstance(direction, str) else tuple(direction)
    if len(ways) != 2:
        raise RefusedError(f"direction={direction!r}: give one for x and one for y, such as ('min', 'max')")
    for way in ways:
        check_direction(way)
    return ways


def _marked(
    across: Scale, up: Scale, front: Array, ways: tuple[Direction, Direction], title: str
) -> tuple[Curve, Points]:
    """Return the line of what can be had, and what marks the rows on it."""
    there = front[np.isfinite(across.places[front]) & np.isfinite(up.places[front])]
    sign = -1 if ways[0] == "max" else 1
    ordered = there[np.argsort(sign * across.places[there], kind="stable")]
    x, y = across.drawn[ordered], up.drawn[ordered]
    line = Curve(x, y, MARKED, title if len(front) else "", is_step=True, width=1.2)
    return line, Points(x, y, one(MARKED), 50, alpha=1.0)
