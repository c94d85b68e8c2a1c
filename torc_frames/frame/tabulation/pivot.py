"""A metric by the values of two parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.tabulation.configurations import (
    PARAMS,
    RESULTS,
    Ints,
    configurations,
    index_of,
    is_gap,
    is_nested,
    key_of,
    numbers,
    resolve,
    resolve_all,
    standing,
)
from torc_frames.frame.tabulation.summarize import known_stats, statistics, warn_of_stale

__all__ = ["pivot", "sorted_rows"]

PIVOT = "torc_pivot"
_MOST_CELLS = 10_000_000


def pivot(
    table: pd.DataFrame,
    rows: str | Sequence[str],
    columns: str | Sequence[str],
    metric: str,
    stat: str = "mean",
) -> pd.DataFrame:
    """Return a metric with a row and a column for each value of parameters.

    Parameters
    ----------
    table : DataFrame
        ``wf.table()``, a summary of it, or any frame with ``params.*`` and ``results.*``; as for `summarize`
        only jobs count that completed, and whose parameters were not changed since. It is not changed.
    rows, columns : str or list of str
        Parameters, or other columns by their whole names: what rows and columns stand for. Several are
        levels.
    metric : str
        A column of numbers; "loss" is ``results.loss``, and of a summary its first statistic,
        ``results.loss.mean``.
    stat : str
        What becomes one number where several jobs are in one cell: a statistic of `summarize`.

    Returns
    -------
    DataFrame
        Of dtype float64, of counts int64. Its index and columns are sorted, missing last, and are called as
        the columns; categories stand in their order, lists and objects as JSON. Values without any job that
        counts are there, too: cells without a value are missing, and 0 where values are counted.
        ``attrs["torc_pivot"]`` has metric, stat, and as jobs the least and the most values that are in a
        cell that has any; ``stat="count"`` tells all.

    Raises
    ------
    RefusedError
        For names that mean no column, or two, the same column in rows and columns, a metric that is not of
        numbers, a statistic that is not known, and more than ten million cells.

    Warns
    -----
    TorcFramesWarning
        If stale rows are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import torc_frames as tf
    >>> table = tf.grid(depth=[2, 1], alpha=[0.1, 1.0]).add_prefix("params.")
    >>> tf.pivot(table.assign(**{"results.loss": [0.1, 0.2, 0.3, 0.4]}), "depth", "alpha", "loss")
    params.alpha  0.1  1.0
    params.depth
    1             0.3  0.4
    2             0.1  0.2
    """
    across, down = (_names(table, names, what) for names, what in ((columns, "columns"), (rows, "rows")))
    if both := [name for name in down if name in across]:
        raise RefusedError(f"{shorten(map(repr, both))} can't be in both rows and columns")
    [asked] = known_stats([stat])
    name = resolve(table, metric, (RESULTS,), what="metric")
    (of_row, index), (of_column, header) = (_axis(table, names) for names in (down, across))
    width, cells = len(header), len(header) * len(index)
    if cells > _MOST_CELLS:
        raise RefusedError(f"{len(index):,} rows and {width:,} columns are too many: choose rows first")
    standings = standing(table)
    values = numbers(table[name]).to_numpy()
    exact = table[name] if table[name].dtype.kind in "iu" else None
    stats = [asked, "count"]
    told = statistics(values, of_row * width + of_column, cells, stats, standings.counted, exact)
    parts = {place: told[asked].array[place::width] for place in range(width)}
    made = pd.DataFrame(parts, index=index)
    made.columns = header
    counts = told["count"][told["count"] > 0]
    jobs = [int(counts.min()), int(counts.max())] if len(counts) else [0, 0]
    made.attrs[PIVOT] = {"metric": name, "stat": asked, "jobs": jobs}
    warn_of_stale(standings)
    return made


def _names(table: pd.DataFrame, names: str | Sequence[str], what: str) -> list[str]:
    found = resolve_all(table, names, (PARAMS,), what=f"{what}: column")
    if not found:
        raise RefusedError(f"{what}: give the name of a parameter")
    return found


def _axis(table: pd.DataFrame, names: Sequence[str]) -> tuple[Ints, pd.Index]:
    """Return the place of each row on a sorted axis, and the axis."""
    found = configurations(table, names)
    firsts = table[list(names)].iloc[found.first]
    order = sorted_rows(firsts)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places[found.of_row], index_of(firsts.iloc[order], {name: name for name in names})


def sorted_rows(table: pd.DataFrame) -> Ints:
    """Return the positions of rows in the order of their columns' values, missing last.

    Values of several types stand by type: numbers, texts, others as JSON.

    Examples
    --------
    >>> import pandas as pd
    >>> sorted_rows(pd.DataFrame({"layers": [None, "auto", [2], 3, 1.5]})).tolist()
    [4, 3, 1, 2, 0]
    """
    keys = [_places(table[name]) for name in reversed(table.columns)]
    return np.lexsort(keys) if keys else np.arange(len(table))


def _places(values: pd.Series) -> Ints:
    """Return the place of each value among all, in order."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        found = values.cat.codes.to_numpy(np.int64)
    elif pd.api.types.is_object_dtype(values.dtype) or is_nested(values.dtype):
        keys = [None if is_gap(value) else _sortable(value) for value in values.tolist()]
        places = {key: place for place, key in enumerate(sorted(key for key in {*keys} if key is not None))}
        found = np.array([-1 if key is None else places[key] for key in keys], np.int64)
    else:
        found = np.asarray(pd.factorize(values, sort=True)[0], np.int64)
    return np.where(found < 0, len(found), found)


_ORDER = {"int": 0, "float": 0, "bool": 1, "str": 2}


def _sortable(value: Any) -> tuple[int, Any, str]:
    """Return by what a value of an object column is sorted: its type, then itself."""
    kind, plain = key_of(value)
    return _ORDER.get(kind, len(_ORDER)), plain, kind
