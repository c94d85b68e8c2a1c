"""Columns of texts, as CSV has them, in the dtype that all of their cells are written as."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from torc_frames.frame.column import Column

__all__ = ["INFINITY", "Numerals", "are_signed", "as_numbers", "typed", "values_of"]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
INFINITY = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
_LONGEST_INTEGER = 4_000


@dataclass(frozen=True)
class Numerals:
    """How numbers are written: the mark before decimals, and the one between thousands, if there is one."""

    decimal: str = "."
    thousands: str = ""
    infinite: bool = False
    """Whether inf is a number, as pandas writes one; JSON has none."""

    def plain(self, text: str) -> str | None:
        """Return a number as Python writes it, None for what is no number.

        Examples
        --------
        >>> [Numerals(",", ".").plain(text) for text in ("1.234,5", "0,5", "0.5")]
        ['1234.5', '0.5', None]
        """
        if (self.decimal, self.thousands) != (".", ""):
            if not self._form.fullmatch(text):
                return None
            text = text.replace(self.thousands, "").replace(self.decimal, ".")
        return text if _NUMBER.fullmatch(text) else None

    @cached_property
    def _form(self) -> re.Pattern[str]:
        digits = "[0-9]+"
        if self.thousands:
            digits = f"({digits}|[1-9][0-9]{{0,2}}({re.escape(self.thousands)}[0-9]{{3}})+)"
        mark = re.escape(self.decimal)
        return re.compile(rf"[-+]?({digits}({mark}[0-9]*)?|{mark}[0-9]+)([eE][-+]?[0-9]+)?")


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
    if _INTEGER.fullmatch(plain):
        return int(plain) if len(plain) <= _LONGEST_INTEGER else text
    number = float(plain)
    return number if abs(number) != float("inf") else text
