"""Values in another type: each one exactly, or an error. Everything that changes types does it here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["EXACT_IN_FLOAT", "InexactError", "as_dtype", "as_type", "cast", "fits_float", "is_same"]

EXACT_IN_FLOAT = 2**53
"""Up to here every integer is a float64."""

_LAST_DIGIT = 4 * float(np.finfo(np.float64).eps)

Values = TypeVar("Values", pa.Array, pa.ChunkedArray)


class InexactError(ValueError):
    """A type does not hold values as they are."""


def as_type(values: Sequence[Any], target: pa.DataType) -> pa.Array:
    """Return JSON values as an Arrow type that holds each of them.

    Arrow by itself makes 0 of 0.5 beside an integer that no float64 is.

    Raises
    ------
    InexactError
        If it does not.
    """
    try:
        if pa.types.is_floating(target):
            array = pa.array([float(value) if type(value) is int else value for value in values], target)
        else:
            array = pa.array(values, target)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise InexactError(str(error)) from error
    if _is_trusted({*map(type, values)} - {type(None)}, target):
        return array
    single = pa.types.is_float32(target)
    for value, made in zip(values, array.to_pylist(), strict=True):
        if not (is_same(value, made) or (single and _is_single(value, made))):
            raise InexactError(f"{value!r} would be {made!r}")
    return array


def cast(array: Values, target: pa.DataType) -> Values:
    """Return Arrow values as a type that holds each of them; see `as_type`.

    Numbers stay numbers, texts texts, and booleans booleans; the sign of -0.0 and a NaN are values.
    """
    if pa.types.is_dictionary(array.type) and not pa.types.is_dictionary(target):
        array = array.cast(array.type.value_type)
    if array.type == target:
        return array
    if array.null_count == len(array):
        nulls = pa.nulls(len(array), target)
        return nulls if isinstance(array, pa.Array) else pa.chunked_array([nulls])
    if _family(array.type) != _family(target):
        raise InexactError(f"{array.type} is no {target}")
    # Beyond 2**53 Arrow takes no integer for a float, though some are.
    widened = pa.types.is_integer(array.type) and pa.types.is_floating(target)
    try:
        made = array.cast(target, safe=not widened)
        if widened and not made.cast(array.type).equals(array):
            raise InexactError(f"{target} does not hold these integers")
    except (pa.ArrowException, NotImplementedError) as error:
        raise InexactError(str(error)) from error
    if not _holds(array, made):
        raise InexactError(f"{target} does not hold these numbers")
    return made


def as_dtype(series: pd.Series, dtype: Any) -> pd.Series | None:
    """Return a column in another dtype, None where that would change a value or what is missing.

    Examples
    --------
    >>> as_dtype(pd.Series([300]), "int8") is as_dtype(pd.Series([0.5]), "int64") is None
    True
    >>> as_dtype(pd.Series([1.0, None]), "Int8").tolist()
    [1, <NA>]
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of categories that lack a value, which is found below
            made = series.astype(dtype)
        missing = series.isna().to_numpy(dtype=bool)
        if not np.array_equal(missing, made.isna().to_numpy(dtype=bool)):
            return None
        before, after = (column[~missing].astype(object).tolist() for column in (series, made))
    except (ValueError, TypeError, OverflowError, ArithmeticError, NotImplementedError, pa.ArrowException):
        return None
    return made if all(map(is_same, before, after)) else None


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are one: 1 is 1.0, but neither True nor "1"; 0.0 is not -0.0.

    Examples
    --------
    >>> is_same(1, 1.0), is_same(1, True), is_same(0.0, -0.0), is_same([1], [True])
    (True, False, False, False)
    """
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(is_same, one.values(), other.values()))
    if _is_bool(one) != _is_bool(other):
        return False
    try:
        same = bool(one == other)
    except (TypeError, ValueError):
        return False
    if same and one == 0 and (isinstance(one, float) or isinstance(other, float)):
        return math.copysign(1, one) == math.copysign(1, other)
    return same


def fits_float(value: int) -> bool:
    """Return whether a float64 is this integer."""
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _is_bool(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _is_single(value: Any, made: Any) -> bool:
    """Return whether a float is that of single precision, give or take the last digit of a double.

    A server may change that one; the next number of single precision is millions of doubles away.
    """
    floats = type(value) is float and type(made) is float and not value.is_integer()
    return floats and math.isclose(value, made, rel_tol=_LAST_DIGIT)


def _is_trusted(kinds: set[type], target: pa.DataType) -> bool:
    """Return whether Arrow holds all values of these kinds, or says that it does not."""
    if len(kinds) > 1:
        return False
    holds = {
        bool: pa.types.is_boolean,
        int: pa.types.is_integer,
        float: pa.types.is_float64,
        str: lambda kind: _family(kind) == "text",
    }
    return all(kind in holds and holds[kind](target) for kind in kinds)


def _family(kind: pa.DataType) -> str:
    """Return what values of a type are: those of different families are never the same."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    return "bool" if pa.types.is_boolean(kind) else "other"


def _holds(array: pa.Array | pa.ChunkedArray, made: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether a cast that Arrow calls safe changed no number."""
    source, target = array.type, made.type
    if pa.types.is_floating(source):
        numbers = array.drop_null().to_numpy(zero_copy_only=False)
        if pa.types.is_integer(target):
            return not np.any((numbers == 0) & np.signbit(numbers))
        if pa.types.is_floating(target):
            # The last digit may be a server's, see `_is_single`.
            again = made.drop_null().to_numpy(zero_copy_only=False)
            near = np.isclose(again, numbers, rtol=_LAST_DIGIT, atol=0, equal_nan=True)
            return bool(np.where(numbers == np.trunc(numbers), again == numbers, near).all())
    inexact = pa.types.is_floating(target) and pa.types.is_decimal(source)
    return not (inexact or pa.types.is_floating(source)) or bool(made.cast(source).equals(array))
