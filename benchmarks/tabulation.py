"""Summaries, best rows and pivots of a large table, against pandas' own groupby."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import torc_frames as tf
from benchmarks.measure import Report, Row, alternate, markdown, repeats_for
from benchmarks.report import Say

__all__ = ["report"]

_SEEDS = 5
_MOST_RATIO = 1.5
_KEYS = ["params.alpha", "params.depth", "params.solver"]
_RESULTS = ["results.loss", "results.accuracy"]
_STATS = ["mean", "std", "count"]

Call = Callable[[pd.DataFrame], Any]

_CALLS: list[tuple[str, Call, str, Call]] = [
    (
        '`tf.summarize(df, over="seed")`',
        lambda df: tf.summarize(df, over="seed", stats=_STATS),
        "`groupby` of the parameters, `agg`",
        lambda df: df.groupby(_KEYS, sort=False, dropna=False)[_RESULTS].agg(_STATS),
    ),
    (
        '`tf.best(df, "loss", by="solver")`',
        lambda df: tf.best(df, "loss", by="solver"),
        "`sort_values`, `groupby`, `head`",
        lambda df: df.sort_values("results.loss").groupby("params.solver", sort=False).head(5),
    ),
    (
        '`tf.pivot(df, "alpha", "depth", "loss")`',
        lambda df: tf.pivot(df, "alpha", "depth", "loss"),
        "`groupby`, `mean`, `unstack`",
        lambda df: df.groupby(_KEYS[:2])["results.loss"].mean().unstack(),
    ),
]


def table(length: int) -> pd.DataFrame:
    """Return a table as `Workflow.table` gives it: each configuration with some seeds, all completed."""
    random = np.random.default_rng(0)
    configuration = np.arange(length) // _SEEDS
    cells = {
        "job_name": pd.Series([f"job_{at}" for at in range(length)]),
        "status": pd.Series(["completed"] * length),
        "stale": pd.Series([False] * length, dtype="boolean"),
        "params.alpha": configuration % 1000 / 10,
        "params.depth": configuration // 1000,
        "params.solver": pd.Series(np.where(configuration % 2, "svd", "sag")).astype(pd.Series(["a"]).dtype),
        "params.seed": np.arange(length) % _SEEDS,
        "results.loss": random.normal(size=length),
        "results.accuracy": random.normal(size=length),
    }
    return pd.DataFrame(cells)


def report(_folder: Path, sizes: Sequence[int], say: Say) -> Report:
    """Measure each call at each size, in turn with what pandas does."""
    rows = []
    for length in sizes:
        say(f"tables, {length:,} rows")
        frame = table(length)
        for ours, call, others, plain in _CALLS:

            def prepared(function: Call, frame: pd.DataFrame = frame) -> Callable[[], Callable[[], Any]]:
                return lambda: lambda: function(frame)

            timings = alternate(prepared(call), prepared(plain), repeats_for(length))
            took, other = (f"{seconds:.3f}" for seconds in timings.seconds)
            target = [f"≤ {_MOST_RATIO}", "yes" if timings.ratio <= _MOST_RATIO else "no"]
            cells = [ours, f"{length:,}", took, others, other, f"{timings.ratio:.2f}", *target]
            rows.append(Row(cells))
    heads = ["", "rows", "seconds", "pandas", "its seconds", "ratio", "target", "met"]
    return Report("### Tables of results: against pandas' groupby\n\n" + markdown(heads, rows))
