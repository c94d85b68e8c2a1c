"""Lines of steps: the share of values at most as large, and the best so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import numbers, resolve, standing
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import MARKED, one
from torc_frames.plots.computed import Direction, best_so_far, check_direction, one_of_bins, steps_of
from torc_frames.plots.description import Curve, Drawing, Mark, Panel, Points, Side
from torc_frames.plots.groups import groups_of
from torc_frames.plots.part import evenly, positions
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import labels_of, left_out, told, which_count

__all__ = ["ecdf", "history"]

_MOST_STEPS = 5_000
_END = "end_time"

Array = np.ndarray[Any, Any]


def ecdf(
    df: pd.DataFrame,
    x: str,
    *,
    by: str | None = None,
    logx: bool | None = None,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of which share of values is at most as large.

    Values that are missing are no part of it; infinite ones are, and lie beside it.

    Parameters
    ----------
    df : DataFrame
        For instance ``wf.table()``. Rows that failed, did not finish or are stale are left out, and counted.
    x : str
        A column of numbers or times, by its short or long name.
    by : str, optional
        A column of at most 24 values; each has a line.
    logx : bool, optional
        A logarithmic axis. Default: as the recipe of the sweep has it.
    backend : {"matplotlib", "plotly"}
        For paper, or for the screen.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is. Without rows it is empty.

    Raises
    ------
    RefusedError
        For a column that does not exist or is not of numbers, and too many values of `by`.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> df = pd.DataFrame({"results.loss": [0.5, 0.3, 0.4], "params.solver": ["a", "b", "a"]})
    >>> figure = plots.ecdf(df, "loss", by="solver")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['a (2)', 'b (1)']
    """
    column, by = resolve(df, x), None if by is None else resolve(df, by)
    rows, _, notes = which_count(df, column)
    scale = _of_numbers(rows[column], is_log(df, column, logx))
    called = labels_of(column, by)
    marks: list[Mark] = []
    thinned = False
    for group in groups_of(rows, by):
        values = scale.places[group.rows]
        places, shares = steps_of(values)
        thinned = thinned or len(places) > _MOST_STEPS
        kept = evenly(len(places), _MOST_STEPS)
        places, shares = places[kept], shares[kept]
        across = replace(scale, places=np.concatenate([places[:1], places])).drawn
        up = np.concatenate([np.full(len(places[:1]), np.isneginf(values).mean()), shares])
        named = f"{group.name} ({len(values):,})" if group.name else ""
        marks.append(Curve(across, up, group.color, named, group.dash, is_step=True))
    infinite = int(np.isinf(scale.places).sum())
    notes += (f"{infinite:,} infinite, beside the axis",) if infinite else ()
    notes += (f"lines of more than {_MOST_STEPS:,} steps are drawn at as many",) if thinned else ()
    share = Side("share of rows", limits=(-0.02, 1.02))
    panel = Panel(scale.axis(called[column]), share, tuple(marks), called.get(by or "", ""))
    return draw(Drawing((panel,), notes), backend)


def history(
    df: pd.DataFrame,
    y: str,
    *,
    direction: Direction = "min",
    by: str | None = None,
    logy: bool | None = None,
    clock: bool = False,
    limit: int = 10_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of the best value so far, as jobs ended.

    Jobs stand in the order in which they ended. One that failed has its place there, and a mark at the
    bottom.

    Parameters
    ----------
    df : DataFrame
        With a column ``end_time``, for instance ``wf.table(job_columns=["end_time"])``.
    y : str
        A column of numbers, by its short or long name.
    direction : {"min", "max"}
        What is better: less, or more.
    by : str, optional
        A column of at most 24 values; each has a line, and counts its own jobs.
    logy : bool, optional
        A logarithmic axis. Default: as the recipe of the sweep has it.
    clock : bool
        When jobs ended, instead of how many had.
    limit : int
        How many points to draw. Of more a random part is drawn, and the figure says so; the line is of all.
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
        For a column that does not exist, ``end_time`` among them, or is not of numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> ends = pd.to_datetime(["2026-01-01 10:02", "2026-01-01 10:00", "2026-01-01 10:01"])
    >>> df = pd.DataFrame({"results.loss": [0.2, 0.5, 0.9], "end_time": ends})
    >>> plots.history(df, "loss").axes[0].lines[0].get_ydata().tolist()
    [0.5, 0.2]
    """
    check_direction(direction)
    column, by = resolve(df, y), None if by is None else resolve(df, by)
    rows, has_failed, notes = _ended(df, column)
    scale = _of_numbers(rows[column].where(~has_failed), is_log(df, column, logy))
    when = scale_of(rows[_END])
    across = when.drawn if clock else np.empty(len(rows))
    drawn = positions([scale.places], len(rows), limit, seed)
    called = labels_of(column, by)
    lines: list[Mark] = []
    points: list[Mark] = []
    for group in groups_of(rows, by):
        if not clock:
            across[group.rows] = np.arange(1, len(group.rows) + 1)
        named = group.name or f"best so far ({direction})"
        line = _best(scale, across, group.rows, direction)
        lines.append(Curve(*line, group.color, named, group.dash, is_step=True))
        shown = np.intersect1d(group.rows, drawn)
        shown = shown[np.isfinite(scale.places[shown])]
        seen = told(rows.iloc[shown], [column, _END])
        points.append(Points(across[shown], scale.drawn[shown], one(group.color), 14, seen, alpha=0.5))
    failed = np.flatnonzero(has_failed)
    if len(failed):
        notes += (f"{len(failed):,} failed, marked at the bottom",)
        points.append(_at_the_bottom(rows.iloc[failed], across[failed], scale))
    label = "end of the job" if clock else "jobs, in the order in which they ended"
    panel = Panel(
        when.axis(label) if clock else Side(label, whole=True),
        scale.axis(called[column]),
        (*points, *lines),
        called.get(by or "", ""),
    )
    return draw(Drawing((panel,), notes, (len(drawn), len(rows))), backend)


def _ended(df: pd.DataFrame, column: str) -> tuple[pd.DataFrame, Array, tuple[str, ...]]:
    """Return the jobs that ended, in that order, which of them failed, and notes on the others."""
    if _END not in df:
        raise RefusedError(
            f"no column {_END!r}, by which rows are ordered: wf.table(job_columns=[{_END!r}]) has it"
        )
    if df[_END].dtype.kind not in "Miuf":
        raise RefusedError(f"{_END!r} is not of times but of dtype {df[_END].dtype}: use pd.to_datetime")
    found = standing(df)
    over = found.counted | found.failed
    known = df[_END].notna().to_numpy()
    rows, has_failed = df[over & known], found.failed[over & known]
    order = np.argsort(scale_of(rows[_END]).places, kind="stable")
    reasons = {
        "unfinished": found.unfinished,
        "stale": found.stale,
        f"without {_END}": over & ~known,
        "without a value": found.missing(df[column]) & known,
    }
    notes = left_out({reason: int(which.sum()) for reason, which in reasons.items()})
    return rows.iloc[order], has_failed[order], notes


def _best(scale: Scale, across: Array, rows: Array, direction: Direction) -> tuple[Array, Array]:
    """Return where the best changes, with both ends, and what it is from there on."""
    best = best_so_far(scale.places[rows], direction)
    kept = np.concatenate([[True], best[1:-1] != best[:-2], [True]])[: len(best)]
    best = np.where(np.isfinite(best), best, np.nan)
    return across[rows[kept]], replace(scale, places=best[kept]).drawn


def _at_the_bottom(rows: pd.DataFrame, across: Array, scale: Scale) -> Points:
    """Return the marks of jobs that failed, one where several would lie on one another."""
    low, high = scale.ends
    bottom = replace(scale, places=np.full(len(rows), low - 0.06 * ((high - low) or 1)))
    shown = one_of_bins(scale_of(pd.Series(across)).places)
    up = bottom.drawn[shown]
    return Points(across[shown], up, one(MARKED), 22, told(rows.iloc[shown], [_END]), "X", 0.8)


def _of_numbers(values: pd.Series, log: bool) -> Scale:
    """Return the scale of numbers or times; RefusedError for what is neither."""
    return scale_of(values if values.dtype.kind in "mM" else numbers(values), log)
