"""Tables of given values: every combination, or side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.values import RefusalError
from torc_frames.sweep.columns import columns_of, written_column
from torc_frames.sweep.finishing import MADE, MAX_CELLS, Where, check_size, finished, recipe_of

__all__ = ["crossed", "grid", "product", "side_by_side", "zip_"]


def grid(*, where: Where | None = None, **axes: Iterable[Any]) -> pd.DataFrame:
    """Return every combination of the values of the axes, the last axis changing fastest.

    Parameters
    ----------
    where : str or callable, optional
        Which combinations to keep: a text like ``"alpha < 1 or fit_intercept"`` of columns, constants,
        comparisons, arithmetic, ``in [...]``, ``and``, ``or`` and ``not``, and nothing else; or a function
        that takes the table and returns a boolean for each row.
    **axes : iterables
        The values of each column. For names that are no identifiers: ``grid(**{"model.depth": [2, 4]})``.

    Returns
    -------
    DataFrame
        One row a combination, each once. What pandas or numpy has keeps its dtype; a list has that of its
        values as JSON: integers with None are Int64, booleans with None boolean, and no integer is
        rounded. How it was made, how many rows were excluded and how many duplicates were dropped is in
        ``df.attrs["torc_recipe"]``.

    Raises
    ------
    RefusedError
        For an axis that is a string or no iterable, a constraint that gives no booleans or names no
        column, and more combinations than there is memory for.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.grid(alpha=[0.1, 1.0], fit_intercept=[True, False])
       alpha  fit_intercept
    0    0.1           True
    1    0.1          False
    2    1.0           True
    3    1.0          False
    >>> df = tf.grid(layers=[1, 2, 3], width=[64, 128], where="layers * width <= 192")
    >>> df.attrs["torc_recipe"]["excluded"]
    2
    """
    columns = columns_of(axes)
    return finished(crossed(columns), _written("grid", columns), where)


def zip_(*, where: Where | None = None, **axes: Iterable[Any]) -> pd.DataFrame:
    """Return the values of the axes side by side.

    Parameters
    ----------
    where : str or callable, optional
        Which rows to keep, see `grid`.
    **axes : iterables
        The values of each column, all of one length.

    Returns
    -------
    DataFrame
        Each row once; ``attrs`` as for `grid`.

    Raises
    ------
    RefusedError
        For axes of different lengths, and for an axis that is a string or no iterable.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.zip_(alpha=[0.1, 1.0], solver=["svd", "lsqr"])
       alpha solver
    0    0.1    svd
    1    1.0   lsqr
    """
    columns = columns_of(axes)
    return finished(side_by_side(columns), _written("zip", columns), where)


def product(*tables: pd.DataFrame, where: Where | None = None) -> pd.DataFrame:
    """Return every combination of the rows of tables, those of the last one changing fastest.

    Parameters
    ----------
    *tables : DataFrame
        Tables whose columns have different names. Their indexes are left out.
    where : str or callable, optional
        Which combinations to keep, see `grid`.

    Returns
    -------
    DataFrame
        Each row once; ``attrs`` as for `grid`, with a recipe if all the tables have one that is still true.

    Raises
    ------
    RefusedError
        If two tables have a column of the same name, or there is no memory for all combinations.

    Examples
    --------
    >>> import torc_frames as tf
    >>> solvers = tf.zip_(solver=["svd", "sag"], max_iter=[1, 500])
    >>> tf.product(solvers, tf.grid(alpha=[0.1, 1.0]))
      solver  max_iter  alpha
    0    svd         1    0.1
    1    svd         1    1.0
    2    sag       500    0.1
    3    sag       500    1.0
    """
    others = [type(table).__name__ for table in tables if not isinstance(table, pd.DataFrame)]
    if others:
        raise RefusedError(f"product takes DataFrames, not a {others[0]}: grid(name=[...]) makes one")
    owner: dict[str, int] = {}
    problems = [
        Problem(None, str(name), f"is in table {owner[name]} and in table {at}: rename one")
        for at, table in enumerate(tables)
        for name in table.columns
        if owner.setdefault(name, at) != at
    ]
    if problems:
        raise RefusedError(problems)
    recipes = [recipe_of(table) for table in tables]
    how = {"how": "product", "of": recipes} if all(recipe is not None for recipe in recipes) else None
    check_size(math.prod(map(len, tables)), len(owner), MADE)
    places = _places([len(table) for table in tables])
    parts = [table.take(rows).reset_index(drop=True) for table, rows in zip(tables, places, strict=True)]
    return finished(pd.concat(parts, axis=1) if parts else pd.DataFrame(), how, where)


def crossed(columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return every combination of the values of columns."""
    check_size(math.prod(map(len, columns.values())), len(columns), MADE)
    places = _places([len(values) for values in columns.values()])
    return pd.DataFrame(
        {
            name: values.take(rows).reset_index(drop=True)
            for (name, values), rows in zip(columns.items(), places, strict=True)
        }
    )


def side_by_side(columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return columns of one length as a table."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise RefusedError(f"axes have different lengths: {lengths}")
    return pd.DataFrame(dict(columns))


def _places(lengths: list[int]) -> Iterator[np.ndarray]:
    """Yield for each of several tables which of its rows stands in each row of all combinations."""
    together = repeated = math.prod(lengths)
    for length in lengths:
        repeated //= max(length, 1)
        places = np.repeat(np.arange(length), repeated)
        yield np.tile(places, together // max(len(places), 1))


def _written(how: str, columns: Mapping[str, pd.Series]) -> dict[str, Any] | None:
    if sum(map(len, columns.values())) > MAX_CELLS:
        return None
    try:
        axes = [{"name": name, **written_column(values)} for name, values in columns.items()]
    except RefusalError:
        return None  # nothing that can be pushed, which is told then
    return {"how": how, "axes": axes}
