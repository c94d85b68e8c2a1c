"""Which cells differ from those of another column."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from torc_frames.frame.dtypes import encode
from torc_frames.frame.values import canonical, is_missing

__all__ = ["differing"]

_Mask = np.ndarray[Any, np.dtype[np.bool_]]
_encode = msgspec.json.Encoder(order="deterministic").encode


def differing(values: Any, others: Any) -> _Mask:
    """Return where two arrays differ: two missing values don't, and of other dtypes 1 is 1.0.

    Examples
    --------
    >>> differing(pd.array([1, None, 2]), pd.array([1, None, None])).tolist()
    [False, False, True]
    >>> differing(pd.array([1, 2], dtype="int64"), pd.array([1.0, 2.5], dtype="float64")).tolist()
    [False, True]
    """
    one, other = pd.Series(values, copy=False), pd.Series(others, copy=False)
    if one.dtype != other.dtype:
        pairs = zip(encode(one)[0], encode(other)[0], strict=True)
        return np.array([canonical(value) != canonical(stored) for value, stored in pairs], dtype=np.bool_)
    if pd.api.types.is_object_dtype(one.dtype):
        pairs = zip(one.tolist(), other.tolist(), strict=True)
        return np.array([_other_object(value, stored) for value, stored in pairs], dtype=np.bool_)
    missing, gone = one.isna().to_numpy(), other.isna().to_numpy()
    if isinstance(one.dtype, pd.CategoricalDtype):
        return np.asarray(one.cat.codes.to_numpy() != other.cat.codes.to_numpy())
    same = (one == other).to_numpy(dtype=np.bool_, na_value=False)
    return np.asarray((missing != gone) | ~(same | missing))


def _other_object(value: Any, stored: Any) -> bool:
    if value is stored:
        return False
    if is_missing(value) or is_missing(stored):
        return not (is_missing(value) and is_missing(stored))
    if type(value) is not type(stored):
        return True
    if not isinstance(value, (dict, list)):
        return bool(value != stored)
    # Equal for Python are 1, 1.0 and True; the order of keys is no difference.
    return bool(value != stored) or _encode(value) != _encode(stored)
