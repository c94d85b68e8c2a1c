"""What jobs used of what they asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba_array

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import named, numbers, resolve
from torc_frames.plots.backends import Backend, draw
from torc_frames.plots.colors import GREY, MARKED, PALETTE
from torc_frames.plots.description import Colors, Curve, Drawing, Panel, Points, Side
from torc_frames.plots.groups import groups_of
from torc_frames.plots.part import positions
from torc_frames.plots.tables import told

__all__ = ["utilization"]

_UNITS = {"cpu": "percent", "memory": "bytes", "runtime": "seconds"}
_MARKS = (("over", MARKED, "X"), ("within", PALETTE[2], "o"), ("under", PALETTE[0], "s"))
_UNDER = 0.5
_LARGEST = 3.0
"""A share of more than that gets a logarithmic axis."""

_LEAST = 0.001

Array = np.ndarray[Any, Any]


def utilization(
    df: pd.DataFrame,
    *,
    by: str | None = None,
    limit: int = 10_000,
    seed: int = 0,
    backend: Backend = "matplotlib",
) -> Any:
    """Return a figure of which share of what they asked for jobs used.

    Each job has a point for its cpu, its memory and its runtime, as far as that was asked for and measured.
    Below stands how much of it that was.

    Parameters
    ----------
    df : DataFrame
        ``wf.utilization()``, whose ``under`` says what is marked so.
    by : str, optional
        A column of few values; each has rows of its own.
    limit : int
        How many jobs to draw. Of more a random part is drawn, with the least and the most of each share, and
        the figure says so.
    seed : int
        Of the random part, and of where points are within their row.
    backend : {"matplotlib", "plotly"}
        For paper, or for the screen, where the pointer shows jobs.

    Returns
    -------
    matplotlib.figure.Figure or plotly.graph_objects.Figure
        A notebook shows it as it is. Without rows it is empty.

    Raises
    ------
    RefusedError
        For a frame without columns such as ``runtime_share``, and a column that does not exist.

    Examples
    --------
    >>> import torc_frames as tf
    >>> from torc_frames import plots
    >>> wf = tf.connect(tmp / "study.db").create_workflow("short")
    >>> _ = wf.push(tf.grid(n=[1]), command="true", resources={"runtime": "PT1H"})
    >>> _ = wf.run()
    >>> figure = plots.utilization(wf.utilization())
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['runtime']
    """
    there = [name for name in _UNITS if f"{name}_share" in named(df)]
    if not there:
        raise RefusedError(
            "no column 'runtime_share', 'memory_share' or 'cpu_share': wf.utilization() has them"
        )
    shares = {name: numbers(df[f"{name}_share"]).to_numpy() for name in there}
    drawn = positions(list(shares.values()), len(df), limit, seed)
    log = max((share[np.isfinite(share)].max(initial=0) for share in shares.values()), default=0) > _LARGEST
    names: list[str] = []
    notes: list[str] = []
    parts: list[pd.DataFrame] = []
    for group in groups_of(df, None if by is None else resolve(df, by)):
        for what in there:
            known = group.rows[np.isfinite(shares[what][group.rows])]
            title = f"{what}, {group.name}" if group.name else what
            notes.append(f"{title}: {_told_of(df, what, known, len(group.rows))}")
            if len(known):
                parts.append(_used(df, what, np.intersect1d(known, drawn)).assign(_at=len(names)))
                names.append(title)
    marks = [_points(pd.concat(parts), log, seed)] if names else []
    whole = Curve(np.array([100.0, 100.0]), np.array([-0.5, len(names) - 0.5]), GREY, width=1.0)
    across = Side("used of what was asked for (%)", log=log)
    up = Side(names=tuple(names), limits=(max(len(names), 1) - 0.5, -0.5), hidden=not names, longest=30)
    panel = Panel(across, up, (whole, *marks) if marks else ())
    height = float(np.clip(1.6 + 0.55 * len(names), 2.4, 10))
    return draw(Drawing((panel,), tuple(notes), (len(drawn), len(df)), height=height), backend)


def _used(df: pd.DataFrame, what: str, chosen: Array) -> pd.DataFrame:
    """Return what is told of jobs, with their shares and marks."""
    rows = df.iloc[chosen]
    asked, used, share = (numbers(rows[name]) if name in rows else None for name in _columns(what))
    assert share is not None
    by_share = np.select([share > 1, share < _UNDER], ["over", "under"], "within")
    marked = rows[f"{what}_mark"].astype(object) if f"{what}_mark" in rows else by_share
    told_of = told(rows, []).assign(what=what, share=share.to_numpy(), mark=np.asarray(marked, dtype=object))
    for name, values in (("asked", asked), ("used", used)):
        told_of[name] = None if values is None else values.map(_SHOWN[what], na_action="ignore").to_numpy()
    return told_of


def _points(rows: pd.DataFrame, log: bool, seed: int) -> Points:
    """Return a point for each job, on one another as little as can be."""
    codes = rows["mark"].map({name: at for at, (name, _, _) in enumerate(_MARKS)}).fillna(1).to_numpy("int64")
    colors = Colors(to_rgba_array([color for _, color, _ in _MARKS])[codes], "", _MARKS, codes)
    up = rows["_at"].to_numpy() + np.random.default_rng(seed).uniform(-0.3, 0.3, len(rows))
    share = rows["share"].to_numpy()
    across = 100 * (np.maximum(share, _LEAST) if log else share)
    return Points(across, up, colors, 16, rows.drop(columns="_at"), alpha=0.6)


def _columns(what: str) -> tuple[str, str, str]:
    return f"{what}_asked_{_UNITS[what]}", f"{what}_used_{_UNITS[what]}", f"{what}_share"


def _told_of(df: pd.DataFrame, what: str, known: Array, count: int) -> str:
    """Return what jobs asked for and used, in words."""
    if not len(known):
        return "not measured, or not asked for"
    rows = df.iloc[known]
    asked, used, share = (numbers(rows[name]) if name in rows else None for name in _columns(what))
    parts = []
    if asked is not None and used is not None:
        low, high = _SHOWN[what](asked.min()), _SHOWN[what](asked.max())
        parts.append(f"at most {_SHOWN[what](used.max())} of {low if low == high else f'{low} to {high}'}")
    assert share is not None
    if over := int((share > 1).sum()):
        parts.append(f"{over:,} over")
    if len(known) < count:
        parts.append(f"{count - len(known):,} unknown")
    return ", ".join(parts)


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:,.4g} TiB"


def _seconds(count: float) -> str:
    for unit, most in (("s", 60), ("min", 60), ("h", 48)):
        if count < most:
            return f"{count:.3g} {unit}"
        count /= most if unit != "h" else 24
    return f"{count:,.3g} days"


_SHOWN: dict[str, Callable[[float], str]] = {
    "cpu": lambda percent: f"{percent / 100:.3g} cores",
    "memory": _bytes,
    "runtime": _seconds,
}
