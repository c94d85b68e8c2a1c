"""Lines through the means of rows, with bands of how these scatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.bands import Around, around
from torc_frames.plots.description import Band, Curve, Drawing, Mark, Panel
from torc_frames.plots.groups import StyledGroup, groups_of
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import averaged_over, labels_of, left_out, of_what, which_count

__all__ = ["lines"]

_MOST_MARKERS = 60

Array = np.ndarray[Any, Any]


def lines(
    df: pd.DataFrame,
    *,
    x: str,
    y: str,
    by: str | None = None,
    over: str | Sequence[str] | None = None,
    band: Around | None = "std",
    logx: bool | None = None,
    logy: bool | None = None,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of one column against another, a line for each value of a third.

    Rows of the same `x` and `by` are one point, their mean, with a band. A note says over which parameters
    that is, how many rows a point has, and how many are left out: failed, unfinished, stale, or missing.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers, of `x` also of times or few values; short names will do.
    by : str, optional
        A column of few values.
    over : str or list of str, optional
        What the mean is over, such as the seed; the note says what else it is over. Without it, whatever
        differs.
    band : {"std", "sem", "ci95", "minmax"} or None
        What is around the mean: the standard deviation, that of the mean, 95 % confidence by Student's t, or
        all values.
    logx, logy : bool, optional
        Logarithmic axes; by default those of parameters that the recipe of the sweep has so.
    backend : {"matplotlib", "plotly"}
        Who draws: for paper, or for the screen.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps one of matplotlib.

    Raises
    ------
    RefusedError
        For a column that does not exist, or that has more than 24 values for `by`.
    ImportError
        If plotly is asked for, or "ci95", and plotly, or scipy, is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"alpha": [0.1, 1.0, 10.0, 10.0], "loss": [0.5, 0.3, 0.4, 0.6]})
    >>> axes = plots.lines(df, x="alpha", y="loss", logx=True).axes[0]
    >>> axes.get_xlabel(), axes.get_lines()[0].get_ydata().tolist()
    ('alpha', [0.5, 0.3, 0.5])
    """
    x, y = resolve(df, x), resolve(df, y)
    by = None if by is None else resolve(df, by)
    taken = [name for name in (x, y, by) if name]
    averaged = averaged_over(df, over, taken)
    rows, _, notes = which_count(df, *dict.fromkeys(taken))
    across, up = scale_of(rows[x], is_log(df, x, logx)), scale_of(rows[y], is_log(df, y, logy))
    if up.names or up.times:
        raise RefusedError(f"y={y!r} is not of numbers, of which alone there are means")
    called = labels_of(x, y, by)
    finite = np.isfinite(across.places) & np.isfinite(up.drawn)
    counts = [pd.Series(dtype="int64")]
    marks: list[Mark] = []
    for group in groups_of(rows, by):
        means = _means(across.places, up.drawn, group.rows[finite[group.rows]])
        counts.append(means["count"])
        curve = _curve(means, across, group, "" if by is None else f"{called[by]} = {group.name}")
        hover = _told(means, across, curve.name, called[x], called[y])
        marks += [*_band(means, up, curve, band), replace(curve, hover=hover)]
    if np.sum(~finite):
        notes = (*notes, *left_out({"without a finite value": int(np.sum(~finite))}))
    points = [x, *([] if by is None else [by])]
    of = of_what(rows.loc[finite], pd.concat(counts), "point", points, averaged, band)
    panel = Panel(across.axis(called[x]), up.axis(called[y]), tuple(marks))
    return draw(Drawing((panel,), (*of, *notes)), backend)


def _means(places: Array, values: Array, rows: Array) -> pd.DataFrame:
    """Return the means of the values of some rows at each place, in their order."""
    grouped = pd.Series(values[rows]).groupby(places[rows])
    return grouped.agg(["mean", "std", "count", "min", "max"]).rename_axis("place").reset_index()


def _curve(means: pd.DataFrame, across: Scale, group: StyledGroup, name: str) -> Curve:
    x = replace(across, places=means["place"].to_numpy()).drawn
    marker = group.marker if len(x) <= _MOST_MARKERS else ""
    return Curve(x, means["mean"].to_numpy(), group.color, name, group.dash, marker)


def _band(means: pd.DataFrame, up: Scale, curve: Curve, band: Around | None) -> list[Mark]:
    """Return what is around the means of a line; nothing if these are of one row each."""
    if band is None or not (means["count"] > 1).any():
        return []
    low, high = around(band, *means[["mean", "std", "count", "min", "max"]].to_numpy().T, log=up.log)
    return [Band(curve.x, low, high, curve.color)]


def _told(means: pd.DataFrame, across: Scale, name: str, x: str, y: str) -> tuple[str, ...]:
    """Return what is told of each point of a line where the pointer is."""
    head = f"{name}\n" if name else ""
    texts = []
    for place, mean, std, rows in means[["place", "mean", "std", "count"]].itertuples(index=False):
        spread = f" ± {std:.3g} (standard deviation of {rows:,})" if rows > 1 else ""
        texts.append(f"{head}{x} = {across.written(place)}\n{y} = {mean:.6g}{spread}")
    return tuple(texts)
