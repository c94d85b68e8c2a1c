"""Tables of parameters to push."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import Problem, RefusedError

__all__ = ["grid", "zip_"]


def grid(**axes: Iterable[Any]) -> pd.DataFrame:
    """Return every combination of the values of the axes, the last axis changing fastest.

    Parameters
    ----------
    **axes : iterables
        The values of each column. For names that are no identifiers: ``grid(**{"model.depth": [2, 4]})``.

    Returns
    -------
    DataFrame
        One row a combination; each column has the dtype that pandas gives its axis.

    Raises
    ------
    RefusedError
        For an axis that is a string or no iterable.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.grid(alpha=[0.1, 1.0], fit_intercept=[True, False])
       alpha  fit_intercept
    0    0.1           True
    1    0.1          False
    2    1.0           True
    3    1.0          False
    """
    columns = _columns(axes)
    lengths = [len(values) for values in columns.values()]
    places = np.indices(lengths).reshape(len(lengths), -1) if lengths else ()
    return _table(
        {name: values.take(rows) for (name, values), rows in zip(columns.items(), places, strict=True)}
    )


def zip_(**axes: Iterable[Any]) -> pd.DataFrame:
    """Return the values of the axes side by side.

    Parameters
    ----------
    **axes : iterables
        The values of each column, all of one length.

    Returns
    -------
    DataFrame

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
    columns = _columns(axes)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise RefusedError(f"axes have different lengths: {lengths}")
    return _table(columns)


def _columns(axes: dict[str, Iterable[Any]]) -> dict[str, pd.Series]:
    problems = [
        Problem(None, name, f"an axis is a list of values, not {values!r}: use [{values!r}]")
        for name, values in axes.items()
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable)
    ]
    if problems:
        raise RefusedError(problems)
    return {
        name: values.reset_index(drop=True) if isinstance(values, pd.Series) else _series(values)
        for name, values in axes.items()
    }


def _series(values: Iterable[Any]) -> pd.Series:
    if hasattr(values, "dtype"):
        return pd.Series(values)
    listed = list(values)
    nested = any(isinstance(value, (list, dict, tuple, set)) for value in listed)
    return pd.Series(listed, dtype=object if nested or not listed else None)


def _table(columns: dict[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame({name: values.reset_index(drop=True) for name, values in columns.items()})
