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
from torc_frames.plots.colors import style_of
from torc_frames.plots.description import Band, Curve, Drawing, Mark, Panel
from torc_frames.plots.scales import MOST_NAMES, Scale, codes_of, is_log, scale_of
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
        For a column that does not exist, or that has more than 20 values for `by`.
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
    codes, names = (np.zeros(len(rows), int), [""]) if by is None else codes_of(rows[by], len(rows))
    if len(names) > MOST_NAMES:
        raise RefusedError(f"by={by!r} has {len(names)} values: too many lines to tell apart")
    called = labels_of(x, y, by)
    means, finite = _means(codes, across.places, up.drawn)
    marks: list[Mark] = []
    for at, name in enumerate(names):
        group = means[means["code"] == at]
        curve = _curve(group, across, at, "" if by is None else f"{called[by]} = {name}")
        hover = _told(group, across, curve.name, called[x], called[y])
        marks += [*_band(group, up, curve, band), replace(curve, hover=hover)]
    if np.sum(~finite):
        notes = (*notes, *left_out({"without a finite value": int(np.sum(~finite))}))
    points = [x, *([] if by is None else [by])]
    notes = (*of_what(rows.loc[finite], means["count"], "point", points, averaged, band), *notes)
    panel = Panel(across.axis(called[x]), up.axis(called[y]), tuple(marks))
    return draw(Drawing((panel,), notes), backend)


def _means(codes: Array, places: Array, values: Array) -> tuple[pd.DataFrame, Array]:
    """Return the mean of values at each place of each line, in their order, and which values are in it."""
    finite = np.isfinite(values) & np.isfinite(places)
    given = pd.DataFrame({"code": codes, "place": places, "value": values})[finite]
    grouped = given.groupby(["code", "place"])["value"]
    return grouped.agg(["mean", "std", "count", "min", "max"]).reset_index(), finite


def _curve(means: pd.DataFrame, across: Scale, at: int, name: str) -> Curve:
    color, dash, marker = style_of(at)
    x = replace(across, places=means["place"].to_numpy()).drawn
    return Curve(x, means["mean"].to_numpy(), color, name, dash, marker if len(x) <= _MOST_MARKERS else "")


def _band(means: pd.DataFrame, up: Scale, curve: Curve, band: Around | None) -> list[Mark]:
    """Return what is around the means of a line; nothing if these are of one row each."""
    if band is None or not (means["count"] > 1).any():
        return []
    low, high = around(band, *means[["mean", "std", "count", "min", "max"]].to_numpy().T)
    if up.log:  # a mean less more than itself has no place there
        low = np.where(low > 0, low, means["min"])
    return [Band(curve.x, low, high, curve.color)]


def _told(means: pd.DataFrame, across: Scale, name: str, x: str, y: str) -> tuple[str, ...]:
    """Return what is told of each point of a line where the pointer is."""
    head = f"{name}\n" if name else ""
    texts = []
    for place, mean, std, rows in means[["place", "mean", "std", "count"]].itertuples(index=False):
        spread = f" ± {std:.3g} (standard deviation of {rows:,})" if rows > 1 else ""
        texts.append(f"{head}{x} = {across.written(place)}\n{y} = {mean:.6g}{spread}")
    return tuple(texts)
