"""One row for each configuration: what its jobs gave, how far they are apart, how many they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from operator import methodcaller
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import MissingExtraError, RefusedError, counted, shorten, warn
from torc_frames.frame.dtypes import encode
from torc_frames.frame.tabulation.configurations import (
    PARAMS,
    RESULTS,
    SUMMARY,
    Configurations,
    Ints,
    Mask,
    Standing,
    configurations,
    named,
    numbers,
    resolve_all,
    standing,
)
from torc_frames.frame.tabulation.configurations import metrics as metrics_of
from torc_frames.frame.tabulation.summarized import WORKFLOW

__all__ = ["STATS", "Groups", "known_stats", "statistics", "summarize", "warn_of_stale"]

_RECIPE = "torc_recipe"


def summarize(
    table: pd.DataFrame,
    over: str | Sequence[str] | None = None,
    metrics: str | Sequence[str] | None = None,
    stats: str | Sequence[str] = ("mean", "std", "count", "ci95"),
) -> pd.DataFrame:
    """Return one row for each configuration, with statistics of its results.

    A configuration is the jobs that have the same parameters, but for those of `over`; missing is a value as
    any other, and lists and objects are the same if their JSON is. Only completed jobs count, and of those
    only such whose parameters are what they were in the run; the others are counted in columns of their own.
    Infinite values are kept.

    Parameters
    ----------
    table : DataFrame
        ``wf.table()``, or any frame with columns ``params.*`` and ``results.*``. Without a column ``status``
        all rows count. It is not changed.
    over : str or list of str, optional
        The parameters to average over, such as "seed"; also "workflow_name", of a table of several workflows.
        Default: none, so that only jobs with the same parameters are one row.
    metrics : str or list of str, optional
        Columns of numbers; "loss" is ``results.loss``. Default: all results that are numbers.
    stats : str or list of str
        Of "mean", "std" (of a sample, as pandas has it), "sem" (the standard error of the mean), "ci95" (half
        the width of the mean's 95 % confidence interval, by Student's t), "count" (of values), "median",
        "q25", "q75", "iqr" (the distance of these two), "min", "max" and "iqm" (the mean of the middle half).

    Returns
    -------
    DataFrame
        Rows in the order of first appearance. Columns: the ``params.*`` that vary, in their dtypes; jobs,
        failed, unfinished, stale (int64), how many of these the configuration has; for each metric and
        statistic ``results.loss.mean`` (float64), ``results.loss.count`` (int64), ``min`` and ``max`` of
        integers Int64. What can't be told is missing: the mean of no value, the std of one.
        ``attrs["torc_summary"]`` has over, metrics, stats, the parameters that are constant (as JSON), counts
        of all rows, and by metric of values that are missing or infinite.

    Raises
    ------
    RefusedError
        For names that mean no column, or two; a metric that is not of numbers; a statistic that is not known.
    ImportError
        For "ci95" without scipy: ``pip install 'torc_frames[tables]'``.

    Warns
    -----
    TorcFramesWarning
        If stale rows are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import torc_frames as tf
    >>> table = pd.DataFrame(
    ...     {
    ...         "status": ["completed", "completed", "completed", "failed"],
    ...         "params.alpha": [0.1, 0.1, 1.0, 1.0],
    ...         "params.seed": [0, 1, 0, 1],
    ...         "results.loss": [0.5, 0.7, 0.25, None],
    ...     }
    ... )
    >>> tf.summarize(table, over="seed", stats=["mean", "count"]).drop(columns=["unfinished", "stale"])
       params.alpha  jobs  failed  results.loss.mean  results.loss.count
    0           0.1     2       0               0.60                   2
    1           1.0     2       1               0.25                   1
    """
    asked = known_stats(stats)
    left_out = resolve_all(table, over, (PARAMS,), what="parameter")
    names = metrics_of(table) if metrics is None else resolve_all(table, metrics, (RESULTS,), what="metric")
    axes = [name for name in named(table) if name == WORKFLOW or name.startswith(PARAMS)]
    if others := [name for name in left_out if name not in axes]:
        raise RefusedError(f"over: {shorten(map(repr, others))} is no parameter")
    found = configurations(table, [name for name in axes if name not in left_out])
    rows = standing(table)
    counts = _counts(found, rows)
    values = {name: numbers(table[name]).to_numpy() for name in names}
    made = pd.DataFrame(_heads(table, found) | counts, index=pd.RangeIndex(len(found)))
    for name in names:
        exact = table[name] if table[name].dtype.kind in "iu" else None
        for stat, told in statistics(
            values[name], found.of_row, len(found), asked, rows.counted, exact
        ).items():
            made[f"{name}.{stat}"] = told
    made.attrs[SUMMARY] = {
        "over": left_out,
        "metrics": names,
        "stats": asked,
        "constants": {name: _json(table[name].iloc[:1]) for name in found.constant if len(table)},
        "rows": {name: int(count.sum()) for name, count in counts.items()},
        "missing": {name: int(rows.missing(table[name]).sum()) for name in names},
        "infinite": {name: int((np.isinf(values[name]) & rows.counted).sum()) for name in names},
    }
    if _RECIPE in table.attrs:
        made.attrs[_RECIPE] = table.attrs[_RECIPE]
    warn_of_stale(rows)
    return made


def statistics(
    values: np.ndarray,
    of_row: Ints,
    groups: int,
    stats: Sequence[str],
    among: Mask,
    exact: pd.Series | None = None,
) -> dict[str, pd.Series]:
    """Return statistics of the numbers of each group of rows, a column each.

    Parameters
    ----------
    values : array of float64
    of_row : array of int64
        The group of each row.
    groups : int
        How many there are; those without a value, too, are in the columns.
    stats : sequence of str
        Of `STATS`.
    among : array of bool
        The rows that count; NaN never does.
    exact : Series, optional
        The values as integers, for those statistics that are some of them.
    """
    there = among & ~np.isnan(values)
    kept = slice(None) if there.all() else there
    parts = Groups(pd.Series(values[kept]), of_row[kept], groups)
    native = parts if exact is None else Groups(_integers(exact)[kept], of_row[kept], groups)
    return {stat: STATS[stat](native if stat in _OF_VALUES else parts) for stat in stats}


class Groups:
    """Values that are there, in groups.

    Parameters
    ----------
    values : Series
        None of them missing.
    of_value : array of int64
        The number of the group of each.
    groups : int
        How many there are.
    """

    def __init__(self, values: pd.Series, of_value: Ints, groups: int) -> None:
        self.values, self.of_value, self.groups = values, of_value, groups
        numbers: Any = pd.Categorical.from_codes(of_value, pd.RangeIndex(groups), validate=False)
        self._grouped = values.groupby(numbers, observed=False)

    def by(self, function: str, *args: Any) -> pd.Series:
        """Return what a function of pandas says of each group; missing for those without a value."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large for floats is infinite
            told: pd.Series = getattr(self._grouped, function)(*args)
        return told.reset_index(drop=True)

    def count(self) -> pd.Series:
        """Return how many values each group has."""
        return pd.Series(np.bincount(self.of_value, minlength=self.groups), dtype="int64")

    def ci95(self) -> pd.Series:
        """Return half the width of the 95 % confidence interval of each mean."""
        try:
            from scipy.stats import t
        except ImportError:
            raise MissingExtraError(
                "ci95 needs scipy: pip install 'torc_frames[tables]', or leave it out of stats"
            ) from None
        each, of_group = np.unique(self.count(), return_inverse=True)
        factors = np.array([t.ppf(0.975, count - 1) if count > 1 else np.nan for count in each])
        return self.by("sem").mul(factors[of_group])

    def iqm(self) -> pd.Series:
        """Return the mean of the middle half of each group: as many as fit in a quarter are cut off."""
        order = np.lexsort((self.values, self.of_value))
        of_value = self.of_value[order]
        count = self.count().to_numpy()
        place = np.arange(len(order)) - (count.cumsum() - count)[of_value]
        cut = (count // 4)[of_value]
        kept = (cut <= place) & (place < count[of_value] - cut)
        return Groups(self.values.take(order[kept]), of_value[kept], self.groups).by("mean")


STATS: dict[str, Callable[[Groups], pd.Series]] = {
    **{name: methodcaller("by", name) for name in ("mean", "std", "sem", "median", "min", "max")},
    "ci95": Groups.ci95,
    "count": Groups.count,
    "iqm": Groups.iqm,
    "iqr": lambda groups: groups.by("quantile", 0.75) - groups.by("quantile", 0.25),
    "q25": methodcaller("by", "quantile", 0.25),
    "q75": methodcaller("by", "quantile", 0.75),
}
"""The statistics that can be asked for."""

_OF_VALUES = ("min", "max")
"""Those that are one of the values."""


def warn_of_stale(rows: Standing) -> None:
    """Warn of stale rows that don't count, if there are any."""
    if rows.stale.any():
        stale = counted(int(rows.stale.sum()), "stale job")
        warn(f"{stale} left out of the statistics: parameters were changed since they ran")


def known_stats(stats: str | Sequence[str]) -> list[str]:
    """Return statistics as they were asked for, each once.

    Raises
    ------
    RefusedError
        For one that there is not, with the nearest.
    """
    asked = [stats] if isinstance(stats, str) or not isinstance(stats, Iterable) else list(stats)
    for stat in asked:
        if not isinstance(stat, str) or stat not in STATS:
            near = get_close_matches(str(stat), STATS)
            listed = [*near, *(one for one in STATS if one not in near)]
            raise RefusedError(f"no statistic {stat!r}; there are {', '.join(listed)}")
    return list(dict.fromkeys(asked))


def _heads(table: pd.DataFrame, found: Configurations) -> dict[str, Any]:
    """Return the parameters of each configuration: those that vary, of no rows all."""
    names = found.varying if len(table) else found.constant
    return {name: table[name].iloc[found.first].reset_index(drop=True) for name in names}


def _counts(found: Configurations, rows: Standing) -> dict[str, Ints]:
    """Return for each configuration how many jobs it has, and how many don't count, by reason."""
    parts = {"jobs": found.of_row} | {reason: found.of_row[lost] for reason, lost in rows.lost().items()}
    return {name: np.bincount(part, minlength=len(found)).astype(np.int64) for name, part in parts.items()}


def _integers(values: pd.Series) -> pd.Series:
    """Return integers as a dtype that has missing ones."""
    dtype = pd.UInt64Dtype() if values.dtype.kind == "u" else pd.Int64Dtype()
    return values.reset_index(drop=True).astype(dtype)


def _json(cell: pd.Series) -> Any:
    """Return a cell as a JSON value, or its text: pandas compares attributes, and writes them."""
    [value], refused = encode(cell)
    return str(cell.iloc[0]) if refused else value
