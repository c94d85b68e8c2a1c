"""Columns of texts, as CSV has them, in the dtype that all of their cells are written as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from torc_frames.frame.column import Column
from torc_frames.frame.numerals import INFINITY, Numerals, as_number

__all__ = ["are_signed", "as_numbers", "typed", "values_of"]

_PYTHONS = Numerals()


def typed(texts: Sequence[str | None], numerals: Numerals = _PYTHONS) -> pd.Series:
    """Return a column of CSV cells in the dtype that all of them are written as.

    int64 or uint64 (with gaps Int64, UInt64) for integers within 64 bits without leading zeros, float64 for
    finite decimal numbers of which float64 rounds no integer, bool (boolean) for true and false, else str.
    Integers that all have a plus sign are text, as phone numbers are. Blanks around what is no text don't
    count, and blanks alone are missing among such.

    Examples
    --------
    >>> [str(typed(cells).dtype) for cells in (["1", None], ["+1", " .5"], ["True", "false "])]
    ['Int64', 'float64', 'bool']
    >>> typed(["007", "1"]).tolist()
    ['007', '1']
    """
    made = as_numbers(texts, values_of(texts, numerals))
    return Column.of(list(texts)).natural() if made is None else made


def as_numbers(texts: Sequence[str | None], values: list[Any]) -> pd.Series | None:
    """Return the values of texts as a column of numbers or truths, None where it stays one of texts."""
    column = Column.of(values)
    if column.kinds and column.kinds <= {"int", "bigint"} and are_signed(texts):
        return None
    if column.kind() in ("int", "float", "bool"):
        return column.natural()
    if column.kinds == {"int", "bigint"} and all(value is None or 0 <= value < 2**64 for value in values):
        return pd.Series(values, dtype="UInt64" if None in values else "uint64")
    return None


def are_signed(texts: Sequence[str | None]) -> bool:
    """Return whether every cell that is not empty begins with a plus sign."""
    given = [bare for text in texts if text is not None and (bare := text.strip())]
    return bool(given) and all(bare.startswith("+") for bare in given)


def values_of(texts: Sequence[str | None], numerals: Numerals = _PYTHONS) -> list[Any]:
    """Return what each cell is by itself: a number, a boolean, missing, or the text that it is."""
    return [None if text is None else _value(text, text.strip(), numerals) for text in texts]


def _value(text: str, bare: str, numerals: Numerals) -> Any:
    if not bare:
        return None
    plain = numerals.plain(bare)
    if plain is None and numerals.infinite and INFINITY.fullmatch(bare):
        return float(bare)
    if plain is None:
        return bare.lower() == "true" if bare.lower() in ("true", "false") else text
    number = as_number(plain)
    return text if number is None else number
