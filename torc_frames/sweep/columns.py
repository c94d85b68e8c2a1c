"""The values of one column of a table, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.column import Column, objects
from torc_frames.frame.dtypes import describe, encode, restore
from torc_frames.frame.specs import is_spec
from torc_frames.frame.values import RefusalError, is_missing

__all__ = ["column_of", "columns_of", "read_column", "written_column"]


def columns_of(axes: Mapping[str, Iterable[Any]]) -> dict[str, pd.Series]:
    """Return the values of axes as columns; RefusedError names each axis that is no list of values."""
    problems: list[Problem] = []
    columns: dict[str, pd.Series] = {}
    for name, values in axes.items():
        try:
            columns[name] = column_of(name, values)
        except RefusedError as error:
            problems += error.problems
    if problems:
        raise RefusedError(problems)
    return columns


def column_of(name: str, values: Iterable[Any]) -> pd.Series:
    """Return values as a column: what pandas has keeps its dtype, a list has that of its JSON values.

    Examples
    --------
    >>> [str(column_of("n", values).dtype) for values in ([None, 3], [True, None], [3, 0.5])]
    ['Int64', 'boolean', 'float64']
    >>> column_of("n", [2**53 + 1, 0.5]).tolist()
    [9007199254740993, 0.5]
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise RefusedError(
            [Problem(None, name, f"an axis is a list of values, not {values!r}: use [{values!r}]")]
        )
    if getattr(values, "ndim", 1) != 1 or getattr(values, "nlevels", 1) != 1:
        kind = f"a {type(values).__name__} of shape {getattr(values, 'shape', None)}"
        raise RefusedError([Problem(None, name, f"an axis is a list of values, not {kind}: use list(...)")])
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    if isinstance(values, (pd.Index, pd.api.extensions.ExtensionArray)):
        return pd.Series(values)
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return pd.Series(values)
    # Arrow and Polars give their own scalars, or floats for integers with gaps, to whoever iterates
    lister = getattr(values, "to_pylist", None) or getattr(values, "to_list", None)
    return _natural(lister() if callable(lister) else list(values))


def _natural(values: list[Any]) -> pd.Series:
    """Return values in the dtype that JSON would have them in; dates and the like as pandas has them."""
    if not values or any(isinstance(value, (list, dict, tuple, set)) for value in values):
        return objects(values)
    cells = [None if is_missing(value) else value for value in values]
    kinds = {*map(type, cells)}
    if len(kinds) > 1:  # of one kind alone, numpy's too, pandas makes what it is
        plain = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
        if {*map(type, plain)} <= {type(None), bool, int, float, str}:
            return Column.of(plain).natural()
    return pd.Series(values)


def written_column(column: pd.Series) -> dict[str, Any]:
    """Return a column as JSON, with its dtype; `RefusalError` if JSON can't hold it."""
    spec = describe(column)
    cells, refused = encode(column)
    if refused:
        raise RefusalError(next(iter(refused.values())))
    return {"dtype": dict(spec), "values": cells}


def read_column(name: str, found: Mapping[str, Any]) -> pd.Series:
    """Return the column that `written_column` has written."""
    spec, values = found.get("dtype"), found.get("values")
    if not isinstance(spec, dict) or not is_spec(spec) or not isinstance(values, list):
        raise RefusedError([Problem(None, name, "the recipe does not tell its values and their dtype")])
    column = restore(Column.of(values), spec)
    if column is None:
        raise RefusedError([Problem(None, name, f"the recipe's values can't be had as {spec['dtype']}")])
    return column
