"""Cells of two parameters, colored by the mean of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.description import Cells, Drawing, Panel, Side
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import averaged_over, labels_of, left_out, of_what, which_count

__all__ = ["heatmap"]

_MOST_CELLS = 30
"""Along one axis; of more values the axis is cut into bins."""

_MOST_TICKS = 12
_UNEVEN = 3.0

Array = np.ndarray[Any, Any]


def heatmap(
    df: pd.DataFrame,
    *,
    x: str,
    y: str,
    metric: str,
    over: str | Sequence[str] | None = None,
    log: bool = False,
    logx: bool | None = None,
    logy: bool | None = None,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of two parameters whose cells are colored by the mean of a result.

    Of more than 30 numbers, an axis is cut into 30 bins. Cells without a value are hatched,
    or empty; a note says how many these are, of how many rows the others are means, and how many rows are
    left out.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``.
    x, y : str
        Columns of numbers or times, or of few values, such as texts; short names will do.
    metric : str
        A column of numbers.
    over : str or list of str, optional
        What the mean is over, such as the seed; the note says what else it is over. Without it, whatever
        differs.
    log : bool
        Colors by the logarithm of the mean.
    logx, logy : bool, optional
        Logarithmic axes; by default those of parameters that the recipe of the sweep has so.
    backend : {"matplotlib", "plotly"}
        Who draws: for paper, or for the screen, where the pointer is told each cell.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is; ``figure.savefig("plot.png")`` keeps one of matplotlib.

    Raises
    ------
    RefusedError
        For a column that does not exist, more than 20 values on an axis that are no numbers, and a `metric`
        that is not of numbers.
    ImportError
        If plotly is asked for, and not there.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> df = tf.grid(alpha=[1, 10, 100], depth=[2, 3], seed=[0, 1])
    >>> figure = plots.heatmap(df.assign(loss=df["alpha"] + df["seed"]), x="alpha", y="depth", metric="loss")
    >>> figure.axes[0].collections[0].get_array().tolist()
    [[1.5, 10.5, 100.5], [1.5, 10.5, 100.5]]
    """
    x, y, metric = (resolve(df, name) for name in (x, y, metric))
    averaged = averaged_over(df, over, [x, y])
    rows, _, notes = which_count(df, *dict.fromkeys([x, y, metric]))
    values = scale_of(rows[metric], log)
    if values.names or values.times:
        raise RefusedError(f"metric={metric!r} is not of numbers, of which alone there are means")
    places = {name: scale_of(rows[name], is_log(df, name, asked)) for name, asked in ((x, logx), (y, logy))}
    known = [values.places, *(scale.places for scale in places.values())]
    finite: Array = np.logical_and.reduce([np.isfinite(each) for each in known])
    rows, called = rows.loc[finite], labels_of(x, y, metric)
    across, up = (_cut(_only(places[name], finite), called[name]) for name in (x, y))
    mean, count = _means(values.drawn[finite], across, up)
    notes = (
        *of_what(rows, pd.Series(count[count > 0]), "cell", [x, y], averaged),
        *([f"no value in {np.sum(count == 0):,} of {count.size:,} cells"] if (count == 0).any() else []),
        *notes,
        *left_out({"without a finite value": int(np.sum(~finite))}),
    )
    texts = _told_cells(mean, count, across, up, called[metric])
    cells = Cells(across.edges, up.edges, mean, called[metric], texts, log)
    return draw(Drawing((Panel(across.side, up.side, (cells,), has_grid=False),), notes), backend)


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """An axis in cells: which each row is in, where they end, and what they are called."""

    of_rows: Array
    edges: Array
    names: list[str]
    side: Side


def _only(scale: Scale, rows: Array) -> Scale:
    return replace(scale, places=scale.places[rows])


def _means(values: Array, across: _Cut, up: _Cut) -> tuple[Array, Array]:
    """Return the mean of the values in each cell, NaN where there are none, and how many these are."""
    shape = len(up.names), len(across.names)
    flat = up.of_rows * shape[1] + across.of_rows
    count = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    total = np.bincount(flat, values, shape[0] * shape[1]).reshape(shape)
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0), count


def _cut(scale: Scale, label: str) -> _Cut:
    there, of_rows = np.unique(scale.places, return_inverse=True)
    if not len(there):
        return _Cut(of_rows, np.array([-0.5, 0.5]), [""], scale.axis(label))
    if scale.names:
        names = list(scale.names)
        return _Cut(scale.places.astype(int), np.arange(len(names) + 1) - 0.5, names, scale.axis(label))
    if len(there) > _MOST_CELLS:
        return _in_bins(scale, label)
    names = [scale.written(place) for place in there]
    if not _is_even(there):
        return _Cut(of_rows, np.arange(len(there) + 1) - 0.5, names, Side(label, names=tuple(names)))
    edges = replace(scale, places=_between(there)).drawn
    marked = replace(scale, places=there).drawn if len(there) <= _MOST_TICKS and not scale.times else ()
    return _Cut(of_rows, edges, names, scale.axis(label, ticks=tuple(marked)))


def _is_even(places: Array) -> bool:
    steps = np.diff(places)
    return len(steps) < 2 or bool(steps.max() <= _UNEVEN * steps.min())


def _between(places: Array) -> Array:
    """Return the middles between places, and ends that are as far from the first and the last."""
    if len(places) < 2:
        return np.concatenate([places - 0.5, places + 0.5])
    middles = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middles[0]], middles, [2 * places[-1] - middles[-1]]])


def _in_bins(scale: Scale, label: str) -> _Cut:
    edges = np.linspace(*scale.ends, _MOST_CELLS + 1)
    of_rows = np.clip(np.searchsorted(edges, scale.places, side="right") - 1, 0, _MOST_CELLS - 1)
    texts = [scale.written(place) for place in edges]
    names = [f"{low} to {high}" for low, high in pairwise(texts)]
    return _Cut(of_rows, replace(scale, places=edges).drawn, names, scale.axis(label))


def _told_cells(mean: Array, count: Array, across: _Cut, up: _Cut, metric: str) -> Array:
    """Return what is told of each cell where the pointer is."""
    texts = np.full(mean.shape, "", dtype=object)
    for at, rows in np.ndenumerate(count):
        told = f"{metric} = {mean[at]:.6g}\nmean of {rows:,}" if rows else "no value"
        where = f"{across.side.label} = {across.names[at[1]]}\n{up.side.label} = {up.names[at[0]]}"
        texts[at] = f"{where}\n{told}"
    return texts
