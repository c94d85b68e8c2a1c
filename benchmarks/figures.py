"""Figures of many rows: what they cost, and how often the bare call of matplotlib with the same data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from benchmarks.measure import Report, Row, markdown
from benchmarks.report import Say
from torc_frames import plots

__all__ = ["report"]

ROWS = 100_000
_EPOCHS = 1_000
_REPEATS = 3
_MOST_SECONDS = 2.0

Draw = Callable[[pd.DataFrame], Any]
Bare = Callable[[Axes, pd.DataFrame], object]


def report(_folder: Path, _sizes: Sequence[int], say: Say) -> Report:
    """Measure each figure of a table of 100,000 jobs."""
    frame, rows = _frame(), []
    for name, (ours, bare) in CASES.items():
        say(f"figures, {name}")
        own, floor = _seconds(partial(ours, frame)), _seconds(partial(_bare, bare, frame))
        verdict = "yes" if own < _MOST_SECONDS else "**no**"
        rows.append(Row([f"`plots.{name}`", f"{own:.2f}", f"{floor:.2f}", f"{own / floor:.1f}", verdict]))
    heads = ["figure", "seconds of processor", "bare", "ratio", f"below {_MOST_SECONDS:g} s"]
    return Report(f"Figures of {ROWS:,} rows, drawn and written as PNG\n\n{markdown(heads, rows)}")


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    gamma, alpha = 10 ** random.uniform(-4, 1, ROWS), 10 ** random.integers(-3, 3, ROWS).astype(float)
    start = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(ROWS), unit="s")
    return pd.DataFrame(
        {
            "job_key": np.repeat([str(at) for at in range(ROWS // _EPOCHS)], _EPOCHS),
            "epoch": np.tile(np.arange(_EPOCHS), ROWS // _EPOCHS),
            "start_time": start,
            "end_time": start + pd.to_timedelta(random.uniform(1, 500, ROWS), unit="s"),
            "host": random.choice([f"node-{at}" for at in range(8)], ROWS),
            "runtime_share": random.lognormal(-1, 0.5, ROWS),
            "results.hours": random.lognormal(0, 1, ROWS),
            "job_name": [f"job_{at}" for at in range(ROWS)],
            "status": random.choice(["completed", "failed"], ROWS, p=[0.95, 0.05]),
            "params.gamma": gamma,
            "params.alpha": alpha,
            "params.depth": random.integers(1, 200, ROWS),
            "params.solver": random.choice(["a", "b", "c"], ROWS),
            "params.seed": random.integers(0, 5, ROWS),
            "results.loss": np.log10(gamma) ** 2 + np.log10(alpha) ** 2 + random.normal(size=ROWS),
        }
    )


def _bare_scatter(axes: Axes, frame: pd.DataFrame) -> object:
    return axes.scatter(frame["params.gamma"], frame["results.loss"], s=2, rasterized=True)


def _bare_lines(axes: Axes, frame: pd.DataFrame) -> object:
    means = frame.groupby(["params.solver", "params.depth"])["results.loss"].agg(["mean", "std"])
    for _, group in means.groupby(level=0):
        x = group.index.get_level_values(1)
        axes.fill_between(x, group["mean"] - group["std"], group["mean"] + group["std"], alpha=0.2)
        axes.plot(x, group["mean"])
    return axes


def _bare_heatmap(axes: Axes, frame: pd.DataFrame) -> object:
    cells = frame.pivot_table(index="params.depth", columns="params.alpha", values="results.loss")
    return axes.pcolormesh(cells.columns, cells.index, cells, rasterized=True)


def _bare_parallel(axes: Axes, frame: pd.DataFrame) -> object:
    columns = frame[["params.gamma", "params.alpha", "results.loss"]]
    heights = ((columns - columns.min()) / (columns.max() - columns.min())).to_numpy()
    across = np.broadcast_to(np.arange(3.0), heights.shape)
    lines = list(np.stack([across, heights], axis=-1))
    axes.set_xlim(0, 2)
    return axes.add_collection(LineCollection(lines, alpha=0.2, rasterized=True))


def _bare_ecdf(axes: Axes, frame: pd.DataFrame) -> object:
    return axes.ecdf(frame["results.loss"].to_numpy())


def _bare_front(axes: Axes, frame: pd.DataFrame) -> object:
    ordered = frame.sort_values("results.hours")
    axes.plot(ordered["results.hours"], ordered["results.loss"].cummin())
    return axes.scatter(frame["results.hours"], frame["results.loss"], s=2, rasterized=True)


def _bare_history(axes: Axes, frame: pd.DataFrame) -> object:
    ordered = frame.sort_values("end_time")
    axes.plot(ordered["end_time"], ordered["results.loss"].cummin())
    return axes.scatter(ordered["end_time"], ordered["results.loss"], s=2, rasterized=True)


def _bare_curves(axes: Axes, frame: pd.DataFrame) -> object:
    return axes.plot(
        frame.pivot_table(index="epoch", columns="job_key", values="results.loss"), rasterized=True
    )


def _bare_timeline(axes: Axes, frame: pd.DataFrame) -> object:
    at = frame["host"].astype("category").cat.codes
    return axes.hlines(at, frame["start_time"], frame["end_time"], rasterized=True)


def _bare_shares(axes: Axes, frame: pd.DataFrame) -> object:
    return axes.hist(frame["runtime_share"], bins=100)


CASES: Mapping[str, tuple[Draw, Bare]] = {
    "lines": (lambda df: plots.lines(df, x="depth", y="loss", by="solver", over="seed"), _bare_lines),
    "heatmap": (lambda df: plots.heatmap(df, x="alpha", y="depth", metric="loss"), _bare_heatmap),
    "scatter": (lambda df: plots.scatter(df, x="gamma", y="loss", by="solver", limit=ROWS), _bare_scatter),
    "parallel": (
        lambda df: plots.parallel(df, columns=["gamma", "alpha", "loss"], by="loss", log=["gamma", "alpha"]),
        _bare_parallel,
    ),
    "slice": (lambda df: plots.slice(df, y="loss"), _bare_scatter),
    "ecdf": (lambda df: plots.ecdf(df, "loss", by="solver"), _bare_ecdf),
    "pareto": (lambda df: plots.pareto(df, "hours", "loss", by="solver"), _bare_front),
    "history": (lambda df: plots.history(df, "loss", clock=True), _bare_history),
    "curves": (lambda df: plots.curves(df, "loss"), _bare_curves),
    "timeline": (plots.timeline, _bare_timeline),
    "utilization": (plots.utilization, _bare_shares),
    "importance": (lambda df: plots.importance(df, "loss"), _bare_scatter),
}
"""What is drawn of the table, and by what one would draw the same, or as much, without us."""


def _bare(draw: Bare, frame: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    draw(figure.add_subplot(), frame)
    return figure


def _seconds(make: Callable[[], Any]) -> float:
    """Return how many seconds of processor it takes to make a figure and its picture."""
    found = []
    for _ in range(_REPEATS):
        start = time.process_time()
        make().savefig(BytesIO(), format="png")
        found.append(time.process_time() - start)
    return statistics.median(found)
