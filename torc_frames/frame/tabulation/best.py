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
    at = np.flatnonzero(_counted(table, values))
    keys, of_row = _keys(values.iloc[at], mode), groups.of_row[at]
    if len(groups) <= 1 and len(at) > n:  # most rows need no order
        among = np.flatnonzero(keys <= np.partition(keys, n - 1)[n - 1])
        at, keys, of_row = at[among], keys[among], of_row[among]
    order = np.lexsort((keys, of_row))
    return table.iloc[at[order[_first(keys[order], of_row[order], n)]]]


def _ordered(values: pd.Series) -> pd.Series:
    """Return a column as what can be ordered: exact integers, times, durations, or floats."""
    return values if values.dtype.kind in "iumM" else numbers(values)


def _keys(values: pd.Series, mode: str) -> np.ndarray:
    """Return numbers that are the less the better a value is."""
    kind = values.dtype.kind
    if kind == "f":
        plain = values.to_numpy("float64")
        return plain if mode == "min" else -plain
    plain = values.to_numpy("uint64" if kind == "u" else "int64")
    return plain if mode == "min" else ~plain


def _first(keys: np.ndarray, groups: np.ndarray, n: int) -> Mask:
    """Return of sorted keys which are as good as the n-th of their group."""
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    sizes = np.diff(begins, append=len(keys))
    limits = keys[begins + np.minimum(n, sizes) - 1]
    return np.asarray(keys <= np.repeat(limits, sizes))


def _counted(table: pd.DataFrame, values: pd.Series) -> Mask:
    """Return the rows that count and have a value; warn of others that have one."""
    rows, missing = standing(table), values.isna().to_numpy(np.bool_)
    left_out = {reason: int((lost & ~missing).sum()) for reason, lost in rows.lost().items()}
    told = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items() if count)
    if told:
        warn(f"rows that have {values.name!r} are left out: {told}")
    return np.asarray(rows.counted & ~missing)
