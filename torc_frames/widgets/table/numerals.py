"""Numbers as texts: the shortest that means the same number, and what spreadsheets write."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.frame.numerals import INFINITY, INTEGER, NUMBER, as_number
from torc_frames.frame.values import RefusalError
from torc_frames.widgets.table import meanings

__all__ = ["float_texts", "number", "quoted", "reader"]

_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_MOST_DIGITS = 40
_SHOWN = 40


def reader(dtype: Any) -> Callable[[str], int | float]:
    """Return what reads the numbers of a dtype; RefusalError says why a text is none.

    Examples
    --------
    >>> reader(np.dtype("int8"))("1e2")
    100
    """
    numpy = _numpy(dtype)
    if numpy.kind == "f":
        return lambda text: _read_float(_plain_minus(text), numpy)
    limits = np.iinfo(numpy)
    low, high = int(limits.min), int(limits.max)

    def read_int(text: str) -> int:
        value = _whole(_plain_minus(text))
        if value is None or not low <= value <= high:
            raise RefusalError(f"{quoted(text)} is beyond {dtype}, which goes from {low} to {high}")
        return value

    return read_int


def number(text: str) -> int | float:
    """Return a number of any size; RefusalError says why a text is none."""
    plain = _plain_minus(text.strip())
    found = as_number(plain)
    return _read_float(plain, np.dtype(np.float64)) if found is None else found


def float_texts(series: pd.Series) -> list[str]:
    """Return floats as the shortest texts that mean them; missing ones are empty."""
    numbers = series.to_numpy(dtype=_numpy(series.dtype), na_value=np.nan)
    # Python's floats are doubles: those of other widths are shortest as numpy writes them.
    write = repr if numbers.dtype == np.float64 else str
    listed = numbers.tolist() if numbers.dtype == np.float64 else list(numbers)
    return ["" if value != value else write(value) for value in listed]


def _numpy(dtype: Any) -> np.dtype[Any]:
    arrow = dtype.pyarrow_dtype.to_pandas_dtype() if isinstance(dtype, pd.ArrowDtype) else dtype
    found: np.dtype[Any] = np.dtype(getattr(arrow, "numpy_dtype", arrow))
    return found


def _plain_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def _whole(text: str) -> int | None:
    """Return a whole number, None for one that is too large for any dtype."""
    if INTEGER.fullmatch(text):
        return int(text) if len(text) <= _MOST_DIGITS else None
    if not NUMBER.fullmatch(text):
        raise RefusalError(_no_number(text, "whole number"))
    if _THOUSANDS.fullmatch(text):  # the point may be the one between thousands
        raise RefusalError(_no_number(text, "whole number"))
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent) > 6 or len(mantissa) > 1_000:
        return None
    number = Decimal(text)
    if number.adjusted() > _MOST_DIGITS:
        return None
    if number != number.to_integral_value():
        raise RefusalError(f"{quoted(text)} is no whole number")
    return int(number)


def _read_float(text: str, numpy: np.dtype[Any]) -> float:
    if not NUMBER.fullmatch(text):
        if INFINITY.fullmatch(text):
            raise RefusalError(f"{text} is not JSON: use a missing value or a number")
        raise RefusalError(_no_number(text, "number"))
    value = float(text)
    if numpy.itemsize != 8:
        with np.errstate(over="ignore", under="ignore"):
            value = float(numpy.type(value))
    if value in (float("inf"), -float("inf")):
        raise RefusalError(f"{quoted(text)} is beyond {numpy}")
    if INTEGER.fullmatch(text) and len(text) <= 400 and int(text) != int(value):
        raise RefusalError(f"{quoted(text)} is {int(value)} as {numpy}: retype the column to keep it")
    return value


def _no_number(text: str, noun: str) -> str:
    whole = noun == "whole number"
    found = meanings.numbers(text, whole=whole)
    if len(found) > 1:
        return meanings.advice(found, f"{quoted(text)} is ambiguous")
    if not found and whole and (others := meanings.numbers(text)):
        return f"{quoted(text)} is no whole number: it means {' or '.join(other for other, _ in others)}"
    if len(found) == 1 and "," in text and not found[0][1]:
        return (
            f"{quoted(text)} is no {noun}: write it with a point and nothing between thousands, {found[0][0]}"
        )
    sign = ", without %" if found and "%" in text else ""
    return meanings.advice(found, f"{quoted(text)} is no {noun}") + sign


def quoted(text: str) -> str:
    """Return what was typed for a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
