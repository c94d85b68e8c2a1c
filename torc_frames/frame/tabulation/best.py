"""The best rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, warn
from torc_frames.frame.tabulation.configurations import (
    PARAMS,
    RESULTS,
    Mask,
    configurations,
    numbers,
    resolve,
    resolve_all,
    standing,
)

__all__ = ["best"]


def best(
    table: pd.DataFrame,
    metric: str,
    n: int = 5,
    mode: Literal["min", "max"] = "min",
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the best rows, the best one first.

    Parameters
    ----------
    table : DataFrame
        ``wf.table()``, a summary of it, or any frame with ``params.*`` and ``results.*``; as for `summarize`
        only jobs count that completed, and whose parameters were not changed since. It is not changed.
    metric : str
        A column of numbers, times or durations; "loss" is ``results.loss``, and of a summary its first
        statistic, ``results.loss.mean``.
    n : int
        How many. Rows that are as good as the last of them are there, too.
    mode : {"min", "max"}
        What is best: the least or the most.
    by : str or list of str, optional
        Parameters, or other columns by their whole names; so many rows for each of their values, in the order
        in which these come.

    Returns
    -------
    DataFrame
        Rows of the table as they are, with their index; equal ones in its order. Rows without a value
        are none of them; infinite values are such as any other.

    Raises
    ------
    RefusedError
        For names that mean no column, or two, a metric that can't be ordered, and an `n` below 1.

    Warns
    -----
    TorcFramesWarning
        If rows with a value are left out, as the job failed, has not ended, or is stale.

    Examples
    --------
    >>> import pandas as pd
    >>> import torc_frames as tf
    >>> table = pd.DataFrame({"params.depth": [1, 2, 3, 4], "results.loss": [0.5, 0.25, None, 0.25]})
    >>> tf.best(table, "loss", n=1)
       params.depth  results.loss
    1             2          0.25
    3             4          0.25
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise RefusedError(f"n={n!r}: how many rows, at least 1")
    if mode not in ("min", "max"):
        raise RefusedError(f"mode={mode!r}: 'min' or 'max' is best")
    values = _ordered(table[resolve(table, metric, (RESULTS,), what="metric")])
    groups = configurations(table, resolve_all(table, by, (PARAMS,)))
    there = _counted(table, values)
    at = np.flatnonzero(there)
    kept = values.iloc[at].reset_index(drop=True)
    of_row = groups.of_row[at]
    if len(groups) <= 1 and len(at) > n:  # most rows need no rank
        at = at[_among(kept, n, mode)]
        kept, of_row = values.iloc[at].reset_index(drop=True), groups.of_row[at]
    ranks = kept.groupby(of_row).rank(method="min", ascending=mode == "min").to_numpy("float64")
    order = np.lexsort((ranks, of_row))
    return table.iloc[at[order[ranks[order] <= n]]]


def _ordered(values: pd.Series) -> pd.Series:
    """Return a column as what can be ordered: exact integers, times, durations, or floats."""
    return values if values.dtype.kind in "iumM" else numbers(values)


def _among(values: pd.Series, n: int, mode: str) -> Mask:
    """Return the values that are as good as the best so many."""
    plain = values.to_numpy()
    place = n - 1 if mode == "min" else len(plain) - n
    limit = np.partition(plain, place)[place]
    return np.asarray(plain <= limit if mode == "min" else plain >= limit)


def _counted(table: pd.DataFrame, values: pd.Series) -> Mask:
    """Return the rows that count and have a value; warn of others that have one."""
    rows, missing = standing(table), values.isna().to_numpy(np.bool_)
    left_out = {reason: int((lost & ~missing).sum()) for reason, lost in rows.lost().items()}
    told = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if count)
    if told:
        warn(f"rows that have {values.name!r} are left out: {told}")
    return np.asarray(rows.counted & ~missing)
