"""When jobs ran, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba_array

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import FAILED, named, resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import GREY, MARKED, PALETTE, one
from torc_frames.plots.computed import busy, lanes_of, one_of_bins
from torc_frames.plots.description import Band, Bars, Cells, Colors, Curve, Drawing, Mark, Panel, Points, Side
from torc_frames.plots.tables import left_out, told

__all__ = ["timeline"]

_START, _END, _STATUS = "start_time", "end_time", "status"
_KINDS = {
    "completed": (PALETTE[0], "s"),
    "running": (PALETTE[4], "s"),
    "failed": (MARKED, "X"),
    "terminated": (PALETTE[1], "X"),
    "canceled": (PALETTE[3], "X"),
}
_OTHER = (GREY, "s")
_MOST_NAMED = 40
_BINS = 1_000

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs that started: where they were, when, and how they ended."""

    rows: pd.DataFrame
    places: list[str]
    at: Array
    """The number of each run's place."""

    starts: Array
    ends: Array
    """datetime64[us], in UTC."""

    failed: Array


def timeline(
    df: pd.DataFrame, *, by: str | None = None, limit: int = 5_000, backend: Backend = "matplotlib"
) -> Any:
    """Return a figure of when jobs ran, where, and which failed.

    Each place has lanes for what ran there at once. Of more than `limit` runs the bars would be thinner than
    can be seen: instead there is, for each place, how many jobs ran at once. Failures are marked in any case.

    Parameters
    ----------
    df : DataFrame
        ``wf.runs()``, or ``wf.jobs()`` of the present runs. Rows that never started are left out and counted;
        what has no end yet is drawn up to the last time of the frame.
    by : str, optional
        The column that says where a job ran. Default: ``compute_node``, or ``host`` where no node is known.
    limit : int
        Up to how many runs have a bar each.
    backend : {"matplotlib", "plotly"}
        For paper, or for the screen, where the pointer shows jobs.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is. Without rows it is empty.

    Raises
    ------
    RefusedError
        For a frame without ``start_time`` and ``end_time``, and a column that does not exist.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> wf = tf.connect(tmp / "study.db").create_workflow("two")
    >>> _ = wf.push(tf.grid(n=[0, 1]), command="true")
    >>> _ = wf.run()
    >>> figure = plots.timeline(wf.runs())
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['completed']
    """
    runs, notes = _runs(df, by)
    if not len(runs.rows):
        panel = Panel(Side("time (UTC)"), Side(hidden=True), ())
        return draw(Drawing((panel,), notes), backend)
    if len(runs.rows) <= limit:
        marks, height = _bars(runs)
    else:
        marks, most = _density(runs)
        height = 0.4 * min(len(runs.places), _MOST_NAMED)
        notes += (f"{len(runs.rows):,} runs: drawn is how many ran at once, at most {most:,}",)
    if runs.failed.any():
        ended = runs.rows.loc[runs.failed, _STATUS].value_counts()
        notes += (", ".join(f"{count:,} {status}" for status, count in ended.items()),)
    is_named = len(runs.places) <= _MOST_NAMED
    up = Side(
        "" if is_named else f"{len(runs.places):,} places",
        names=tuple(runs.places) if is_named else (),
        longest=30,
        limits=(len(runs.places) - 0.5, -0.5),
    )
    panel = Panel(Side("time (UTC)", times=True), up, tuple(marks), has_grid=False)
    return draw(Drawing((panel,), notes, width=8.0, height=float(np.clip(1.5 + height, 2.2, 10))), backend)


def _runs(df: pd.DataFrame, by: str | None) -> tuple[_Runs, tuple[str, ...]]:
    lacking = [name for name in (_START, _END) if name not in named(df)]
    if lacking:
        raise RefusedError(f"no column {' and '.join(map(repr, lacking))}: wf.runs() and wf.jobs() have them")
    starts, ends = _times(df[_START]), _times(df[_END])
    known = ~np.isnat(starts)
    rows, starts, ends = df[known], starts[known], ends[known]
    open_ = np.isnat(ends)
    notes = left_out({"that never started": int((~known).sum())})
    if open_.any():
        ends = np.where(open_, max(ends[~open_].max(initial=starts.max()), starts.max()), ends)
        notes += (f"{int(open_.sum()):,} without an end, drawn up to the last time known",)
    status = rows[_STATUS] if _STATUS in rows else pd.Series("completed", rows.index)
    names, at = _places(rows, by)
    failed = status.isin(FAILED).to_numpy(dtype=bool)
    return _Runs(rows, names, at, starts, np.maximum(starts, ends), failed), notes


def _times(values: pd.Series) -> Array:
    if values.dtype.kind != "M" and values.notna().any():
        raise RefusedError(f"{values.name!r} is not of times but of dtype {values.dtype}: use pd.to_datetime")
    times = pd.to_datetime(values, utc=True).dt.tz_localize(None)
    return times.to_numpy(dtype="datetime64[us]")


def _places(rows: pd.DataFrame, by: str | None) -> tuple[list[str], Array]:
    """Return where jobs ran, in the order in which that was used first, and the number of each row's."""
    if by is None:
        by = next(
            (name for name in ("compute_node", "host") if name in rows and rows[name].notna().any()), None
        )
    else:
        by = resolve(rows, by)
    if by is None:
        return ["all jobs"], np.zeros(len(rows), dtype="int64")
    texts = rows[by].astype(object).map(str, na_action="ignore")
    if by == "compute_node":
        hosts = rows["host"] if "host" in rows else pd.Series(None, rows.index, dtype=object)
        texts = "node " + texts + hosts.astype(object).map(" ({})".format, na_action="ignore").fillna("")
    texts = texts.fillna("unknown")
    order = np.argsort(_times(rows[_START]), kind="stable")
    names = list(dict.fromkeys(texts.iloc[order]))
    return names, pd.Categorical(texts, categories=names).codes.astype("int64")


def _lanes(runs: _Runs) -> tuple[Array, Array]:
    """Return the lane of each run in its place, and how many lanes each place has."""
    lanes = np.zeros(len(runs.at), dtype="int64")
    starts, ends = runs.starts.astype("int64"), runs.ends.astype("int64")
    for place in range(len(runs.places)):
        inside = np.flatnonzero(runs.at == place)
        lanes[inside] = lanes_of(starts[inside], ends[inside])
    counts = np.zeros(len(runs.places), dtype="int64")
    np.maximum.at(counts, runs.at, lanes + 1)
    return lanes, counts


def _bars(runs: _Runs) -> tuple[list[Mark], float]:
    """Return a bar for each run, with a mark at its end if it failed, and how high all of them are."""
    lanes, counts = _lanes(runs)
    thick = 0.86 / int(counts.max())
    y = runs.at + (lanes - (counts[runs.at] - 1) / 2) * thick
    colors = _colors(runs)
    seen = _seen(runs.rows)
    marks: list[Mark] = [Bars(y, runs.starts, runs.ends, colors, thick * 0.9, seen)]
    if runs.failed.any():
        failed = np.flatnonzero(runs.failed)
        size = float(np.clip(400 * thick / len(runs.places), 6, 40))
        marks.append(Points(runs.ends[failed], y[failed], one(MARKED), size, seen.iloc[failed], "X", 0.9))
    return marks, 0.22 * float(len(runs.places) * counts.max())


def _colors(runs: _Runs) -> Colors:
    status = pd.Series("run", runs.rows.index)
    if _STATUS in runs.rows:
        status = runs.rows[_STATUS].astype(object).map(str, na_action="ignore").fillna("unknown")
    there = set(status)
    names = [*(name for name in _KINDS if name in there), *sorted(there - set(_KINDS))]
    kinds = tuple((name, *_KINDS.get(name, _OTHER)) for name in names)
    codes = pd.Categorical(status, categories=names).codes.astype("int64")
    return Colors(to_rgba_array([color for _, color, _ in kinds])[codes], "", kinds, codes)


def _seen(rows: pd.DataFrame) -> pd.DataFrame:
    return told(rows, [name for name in ("job_key", _START, _END, "return_code") if name in rows])


def _density(runs: _Runs) -> tuple[list[Mark], int]:
    """Return how many jobs ran at once in each place, with marks of failures, and the most there were."""
    first, last = runs.starts.min(), runs.ends.max()
    edges = first + np.linspace(0, 1, _BINS + 1) * ((last - first) or np.timedelta64(1, "s"))
    width = (edges[-1] - first) / _BINS
    starts, ends = (runs.starts - first) / width, (runs.ends - first) / width
    at_once = busy(runs.at, starts, ends, (len(runs.places), _BINS))
    most = float(at_once.max()) or 1.0
    marks: list[Mark] = []
    if len(runs.places) > _MOST_NAMED:
        marks.append(Cells(edges, np.arange(len(runs.places) + 1) - 0.5, at_once, "jobs at once"))
    else:
        for place, each in enumerate(at_once):
            low = np.full(_BINS + 1, place + 0.4)
            high = low - 0.78 * np.append(each, 0.0) / most
            marks += [
                Band(edges, low, high, PALETTE[0], True),
                Curve(edges, high, PALETTE[0], is_step=True, width=0.8),
            ]
    failed = np.flatnonzero(runs.failed)
    if len(failed):
        shown = failed[
            one_of_bins(
                runs.at[failed] * _BINS + np.minimum(ends[failed], _BINS - 1), len(runs.places) * _BINS
            )
        ]
        y = runs.at[shown] + (0.44 if len(runs.places) <= _MOST_NAMED else 0.0)
        marks.append(Points(runs.ends[shown], y, one(MARKED), 8, _seen(runs.rows.iloc[shown]), "X", 0.9))
    return marks, round(most)
