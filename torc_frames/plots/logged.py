"""What jobs logged as they ran: a line a job, or means of jobs with bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import configurations, labels, named, parameters, resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.bands import Around, around, said
from torc_frames.plots.colors import PALETTE, one
from torc_frames.plots.computed import course_of
from torc_frames.plots.description import Band, Curve, Drawing, Mark, Panel, Paths
from torc_frames.plots.groups import StyledGroup, groups_of
from torc_frames.plots.part import evenly, positions
from torc_frames.plots.scales import Scale, is_log, scale_of
from torc_frames.plots.tables import averaged_over, labels_of, left_out, told

__all__ = ["curves"]

_STEPS = ("epoch", "step", "global_step", "iteration", "batch")
_JOB = "job_key"
_MOST_STEPS = 1_000

Array = np.ndarray[Any, Any]


def curves(
    df: pd.DataFrame,
    y: str,
    *,
    x: str | None = None,
    by: str | None = None,
    over: str | Sequence[str] | None = None,
    band: Around | None = "std",
    logx: bool | None = None,
    logy: bool | None = None,
    limit: int = 1_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of what jobs logged, step by step.

    Without `by` and `over` each job has its line. With one of them there are means of jobs with bands.
    Between the steps that a job logged its line is straight, and a job counts as far as it got. A mean is
    dotted where not all of its jobs are.

    Parameters
    ----------
    df : DataFrame
        ``wf.curves(parameters=True)``, or another with a column ``job_key``.
    y : str
        A column of numbers. Rows in which it is missing or infinite are left out, the latter counted.
    x : str, optional
        The column of steps. Default: the first there is of epoch, step, global_step, iteration and batch.
    by : str, optional
        A column of at most 24 values, each of which has a line.
    over : str or list of str, optional
        Parameters, such as the seed, to take the mean over. Without `by` there is a line for each
        configuration of the others.
    band : {"std", "sem", "ci95", "minmax"} or None
        What is around the mean: the standard deviation, that of the mean, 95 % confidence by Student's t, or
        all values.
    logx, logy : bool, optional
        Logarithmic axes. Default: linear.
    limit : int
        How many lines of jobs to draw. Of more a random part is drawn, and the figure says so.
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
        For a column that does not exist or is not of numbers, and for too many lines of means.
    ImportError
        For "ci95" without scipy.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames import plots
    >>> rows = [("1", 1, 0.5, 0), ("1", 2, 0.3, 0), ("2", 1, 0.7, 1), ("2", 2, 0.4, 1)]
    >>> df = pd.DataFrame(rows, columns=["job_key", "epoch", "loss", "params.seed"])
    >>> plots.curves(df, "loss", over="seed").axes[0].lines[0].get_ydata().round(2).tolist()
    [0.6, 0.35]
    """
    shown = "" if band is None else f", band: {said(band)}"
    frame = _with_jobs(df)
    column, step = resolve(frame, y), resolve(frame, x) if x else _steps(frame)
    by, frame = _told_apart(frame, by, over)
    across, up = (
        scale_of(frame[step], is_log(df, step, logx)),
        scale_of(frame[column], is_log(df, column, logy)),
    )
    called = labels_of(column, step, by)
    notes = left_out({"infinite": int(np.isinf(up.places).sum())})
    there = np.isfinite(across.places) & np.isfinite(up.places)
    frame = frame[there]
    across, up = replace(across, places=across.places[there]), replace(up, places=up.places[there])
    if by is None:
        marks, thinned = _of_jobs(frame, across, up, limit, seed)
        notes += thinned
    else:
        marks = [mark for group in groups_of(frame, by) for mark in _of_group(frame, group, across, up, band)]
        names = "" if over is None else f" over {over if isinstance(over, str) else ', '.join(over)}"
        notes = (f"mean{names} of (so many) jobs{shown}; dotted: of fewer", *notes)
    title = "" if by is None else called[by]
    panel = Panel(across.axis(called[step]), up.axis(called[column]), tuple(marks), title)
    return draw(Drawing((panel,), notes), backend)


def _with_jobs(df: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with a column that says whose each row is."""
    if _JOB in named(df):
        return df
    if df.index.name == _JOB:
        return df.reset_index()
    raise RefusedError(f"no column {_JOB!r}, which says whose a row is: wf.curves() has it")


def _steps(df: pd.DataFrame) -> str:
    found = next((name for name in _STEPS if name in df), None)
    if found is None:
        raise RefusedError(
            f"x=None, and no column is called {', '.join(_STEPS)}: say where on a curve a row is"
        )
    return found


def _told_apart(
    df: pd.DataFrame, by: str | None, over: str | Sequence[str] | None
) -> tuple[str | None, pd.DataFrame]:
    """Return the column that tells lines apart, and the frame with it."""
    by = None if by is None else resolve(df, by)
    meant = averaged_over(df, over, [by] if by else [])
    if by is not None or over is None:
        return by, df
    others = configurations(df, [name for name in parameters(df) if name not in meant])
    called = labels(others.varying)
    rows = df[others.varying].iloc[others.first].astype(object)
    texts = [", ".join(map(_text, row)) for row in rows.itertuples(index=False)] if called else ["mean"]
    title = ", ".join(called.values())
    while title in df:  # a logged column that is called as the parameter is
        title += " "
    values = (
        pd.Categorical.from_codes(others.of_row, pd.Index(_different(texts)))
        if len(df)
        else pd.Categorical([])
    )
    return title, df.assign(**{title: values})


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _different(texts: Sequence[str]) -> list[str]:
    """Return texts of which no two are the same."""
    seen: dict[str, None] = {}
    for at, text in enumerate(texts, 1):
        while text in seen:
            text += f" ({at})"
        seen[text] = None
    return list(seen)


def _lines(rows: pd.DataFrame, across: Scale, up: Scale) -> tuple[list[tuple[Array, Array]], Array]:
    """Return the line of each job, means where it has a step more than once, and the first row of each."""
    jobs, _ = pd.factorize(rows[_JOB])
    values = pd.Series(up.drawn).groupby([jobs, across.places]).mean()
    whose = values.index.get_level_values(0).to_numpy()
    at, height = values.index.get_level_values(1).to_numpy(), values.to_numpy()
    ends = np.flatnonzero(np.diff(whose)) + 1
    pairs = zip(np.split(at, ends), np.split(height, ends), strict=True) if len(at) else []
    return list(pairs), np.flatnonzero(~pd.Series(jobs).duplicated().to_numpy())


def _of_jobs(
    rows: pd.DataFrame, across: Scale, up: Scale, limit: int, seed: int
) -> tuple[list[Mark], tuple[str, ...]]:
    found, first = _lines(rows, across, up)
    ends = [np.array([line[1][-1] for line in found]), np.array([line[1].max() for line in found])]
    drawn = positions(ends, len(found), limit, seed)
    chosen = [found[at] for at in drawn]
    if not chosen:
        return [], ()
    longest = min(max(len(at) for at, _ in chosen), _MOST_STEPS + 1)
    points = np.full((len(chosen), longest, 2), np.nan)
    for row, (at, height) in enumerate(chosen):
        kept = evenly(len(at), longest)
        points[row, : min(len(at), longest)] = np.stack(
            [replace(across, places=at[kept]).drawn, height[kept]], axis=1
        )
    seen = told(rows.iloc[first[drawn]], [_JOB])
    alpha = float(np.clip(30 / len(chosen), 0.2, 0.9))
    notes = left_out({"jobs, by chance": len(found) - len(chosen)})
    notes += (f"of a line at most {_MOST_STEPS:,} points",) if longest > _MOST_STEPS else ()
    return [Paths(points, one(PALETTE[0]), alpha=alpha, rows=seen)], notes


def _of_group(
    rows: pd.DataFrame, group: StyledGroup, across: Scale, up: Scale, band: Around | None
) -> list[Mark]:
    """Return the mean of a group's jobs, dotted where not all of them are, with its band."""
    places = (replace(scale, places=scale.places[group.rows]) for scale in (across, up))
    found, _ = _lines(rows.iloc[group.rows], *places)
    course = course_of(found, _MOST_STEPS)
    x = replace(across, places=course.steps).drawn
    around_it = course.mean, course.spread, course.count, course.least, course.most
    low, high = around(band or "std", *around_it, log=up.log)
    is_whole = course.count == len(found)
    near = ~is_whole | ~np.concatenate([is_whole[1:], [True]]) | ~np.concatenate([[True], is_whole[:-1]])
    name = f"{group.name} ({len(found):,})"
    marks: list[Mark] = [] if band is None or len(found) < 2 else [Band(x, low, high, group.color)]
    marks.append(Curve(x, np.where(is_whole, course.mean, np.nan), group.color, name, group.dash))
    if not is_whole.all():
        marks.append(Curve(x, np.where(near, course.mean, np.nan), group.color, "", ":"))
    return marks
