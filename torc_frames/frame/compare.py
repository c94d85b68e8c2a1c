"""Which cells are the same, as values and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from torc_frames.frame.dtypes import encode
from torc_frames.frame.values import canonical, is_missing

__all__ = ["as_series", "differing", "same", "taken"]

_sorted = msgspec.json.Encoder(order="deterministic").encode


def as_series(values: Any) -> pd.Series:
    """Return an array as a column of the same dtype, whatever its values look like; of a dtype, no rows."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, (str, type, np.dtype, pd.api.extensions.ExtensionDtype)):
        return pd.Series([], dtype=values)
    array = values.to_numpy() if type(values) is pd.arrays.NumpyExtensionArray else values
    return pd.Series(array, dtype=array.dtype, copy=False)


def taken(column: pd.Series, rows: Any) -> pd.Series:
    """Return some rows of a column of any dtype; pandas takes none in the other byte order."""
    if isinstance(column.dtype, np.dtype):
        return as_series(column.to_numpy()[rows])
    return as_series(column.array.take(rows))


def differing(values: Any, others: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return where two arrays differ: two missing values don't, and of other dtypes 1 is 1.0.

    Examples
    --------
    >>> differing(pd.array([1, None, 2]), pd.array([1, None, None])).tolist()
    [False, False, True]
    >>> differing(pd.array([1, 2], dtype="int64"), pd.array([1.0, 2.5], dtype="float64")).tolist()
    [False, True]
    """
    one, other = as_series(values), as_series(others)
    if one.dtype == other.dtype and _where(one) == _where(other) is not None:
        return np.zeros(len(one), dtype=np.bool_)
    if one.dtype != other.dtype:
        pairs = zip(encode(one)[0], encode(other)[0], strict=True)
        return np.array([not same(value, stored) for value, stored in pairs], dtype=np.bool_)
    if pd.api.types.is_object_dtype(one.dtype):
        pairs = zip(one.tolist(), other.tolist(), strict=True)
        return np.array([_other_object(value, stored) for value, stored in pairs], dtype=np.bool_)
    missing, gone = one.isna().to_numpy(), other.isna().to_numpy()
    if isinstance(one.dtype, pd.CategoricalDtype):
        other = other.cat.set_categories(one.cat.categories)  # the same ones, perhaps in another order
        return np.asarray(one.cat.codes.to_numpy() != other.cat.codes.to_numpy())
    equal = (one == other).to_numpy(dtype=np.bool_, na_value=False)
    return np.asarray((missing != gone) | ~(equal | missing))


def _where(column: pd.Series) -> object:
    """Return where the values of a column are in memory, None if that can't be told: copies share them."""
    array = column.array
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        return repr(array.to_numpy().__array_interface__)
    if isinstance(array, pd.arrays.ArrowExtensionArray):
        chunks = array.__arrow_array__().chunks
        buffers = [one if one is None else one.address for chunk in chunks for one in chunk.buffers()]
        return buffers, [(chunk.offset, len(chunk)) for chunk in chunks]
    return None


def _other_object(value: Any, stored: Any) -> bool:
    if value is stored:
        return False
    if is_missing(value) or is_missing(stored):
        return not (is_missing(value) and is_missing(stored))
    if type(value) is not type(stored):
        return True
    if isinstance(value, np.ndarray):
        return not np.array_equal(value, stored)
    if not isinstance(value, (dict, list)):
        return bool(value != stored)
    try:
        # Equal for Python are 1, 1.0 and True; the order of keys is no difference.
        return bool(value != stored) or _sorted(value) != _sorted(stored)
    except (TypeError, ValueError):
        return True  # they hold arrays, or scalars of numpy


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same: 1 is 1.0, and not True."""
    if one is other:
        return True
    if type(one) is type(other) and not isinstance(one, (dict, list)):
        return bool(one == other)
    return canonical(one) == canonical(other)
