"""Columns of CSV files that would be numbers but for a few texts: which those are, and what reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.frame.exact import fits_float
from torc_frames.frame.numerals import INFINITY, Numerals
from torc_frames.frame.texts import are_signed, as_numbers, typed, values_of

__all__ = ["doubt"]

_MISSING = re.compile(
    r"-{0,2}|\u2013|\u2014|\.{1,2}|\?|#?n/?a|n\.a\.?|<na>|-?nan|nat|null|none|nil|missing|unknown",
    re.IGNORECASE,
)
_CODE = re.compile(r"[-+]?0[0-9]+")
_GROUPED = re.compile(r"[-+]?[1-9][0-9]{0,2}([,.'\u2019_ \u00a0\u202f])[0-9]{3}(\1[0-9]{3})*([.,][0-9]+)?")
_DECIMAL = re.compile(r"[-+]?[0-9]+([.,])[0-9]+([eE][-+]?[0-9]+)?")
_PERCENT = re.compile(r"[-+]?[0-9]+([.,][0-9]+)? ?%")
_MINUS = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d](?=[0-9.,])")
_HEXADECIMAL = re.compile(r"[-+]?0x[0-9a-f]+", re.IGNORECASE)
_SHOWN = 3


def doubt(name: str, texts: Sequence[str | None], lines: Sequence[int], numerals: Numerals) -> str | None:
    """Return what to tell of a column that has texts, None where nobody would take it for numbers.

    Parameters
    ----------
    texts, lines : sequence
        By row: its cell, and the line of the file that it begins in.

    Examples
    --------
    >>> print(doubt("x", ["1", "NA", "0.5"], [2, 3, 4], Numerals()))
    column 'x' has texts: 2 of 3 cells are numbers, but not 'NA' (line 3); --na-values NA reads it as numbers
    """
    values = values_of(texts, numerals)
    if as_numbers(texts, values) is not None:
        return None
    numbers = sum(type(value) in (int, float) for value in values)
    truths = sum(type(value) is bool for value in values)
    odd: dict[str, list[int]] = {}
    for value, line in zip(values, lines, strict=True):
        if isinstance(value, str):
            odd.setdefault(value.strip(), []).append(line)
    if any(map(_CODE.fullmatch, odd)) or (numbers and truths):
        return None
    if not odd:
        return _kept(name, texts, values, lines) if numbers else None
    near, other = _counts(odd)
    if not numbers + near + truths or other > numbers + near + truths:
        return None
    kind = "true or false" if truths else "numbers"
    given = sum(value is not None for value in values)
    shown = ", ".join(_shown(text, found) for text, found in list(odd.items())[:_SHOWN])
    more = f" and {len(odd) - _SHOWN} other texts" if len(odd) > _SHOWN else ""
    told = (
        f"column {name!r} has texts: {numbers or truths} of {given} cells are {kind}, but not {shown}{more}"
    )
    meanings = "".join(f"; {meaning}" for meaning in dict.fromkeys(map(_meaning, odd)) if meaning)
    mend = _mend(texts, odd, numerals)
    return f"{told}; {mend} reads it as {kind}" if mend else f"{told}{meanings}"


def _counts(odd: Mapping[str, Sequence[int]]) -> tuple[int, int]:
    """Return how many cells are numbers in another way, and how many are neither that nor missing."""
    likely = {text for text in odd if _is_near(text) or _meaning(text)}
    rest = {text for text in odd if text not in likely and not _is_missing(text)}
    if rest:
        likely = {text for text in likely if not INFINITY.fullmatch(text)}  # "l1", "l2", "inf" are names
    return sum(len(odd[text]) for text in likely), sum(len(odd[text]) for text in rest)


def _kept(name: str, texts: Sequence[str | None], values: Sequence[Any], lines: Sequence[int]) -> str:
    """Return why a column of nothing but numbers is one of texts."""
    mixed = any(type(value) is float for value in values)
    if not mixed and are_signed(texts):
        return f"column {name!r} is text: all its integers have a plus sign, as phone numbers and codes do"
    line, value = next(
        (line, value)
        for value, line in zip(values, lines, strict=True)
        if type(value) is int and (not fits_float(value) if mixed else not -(2**63) <= value < 2**63)
    )
    if mixed:
        return f"column {name!r} is text: as a number {value} (line {line}) would be rounded"
    return f"column {name!r} is text: 64 bits do not hold all its integers, such as {value} (line {line})"


def _is_missing(text: str) -> bool:
    return _MISSING.fullmatch(text) is not None


def _is_near(text: str) -> bool:
    return any(form.fullmatch(text) for form in (_GROUPED, _DECIMAL, _PERCENT))


def _meaning(text: str) -> str:
    """Return what a number is that is written in a way that no option reads, "" for other texts."""
    if _MINUS.match(text):
        return f"U+{ord(text[0]):04X} is a minus sign there: write '-'"
    if any(sign.isdecimal() and not sign.isascii() for sign in text):
        plain = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)
        return "its digits are not 0 to 9" if Numerals().plain(plain) else ""
    if _HEXADECIMAL.fullmatch(text):
        return "0x begins a hexadecimal number: write it as a decimal one"
    if INFINITY.fullmatch(text):
        return "a record can't hold an infinity"
    return "it is too large for a float" if Numerals().plain(text) else ""


def _shown(text: str, lines: Sequence[int]) -> str:
    cut = text if len(text) <= 30 else f"{text[:29]}\u2026"
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"{cut!r} (line {lines[0]}{more})"


def _mend(texts: Sequence[str | None], odd: Collection[str], numerals: Numerals) -> str:
    """Return the options that make numbers of a column, "" if there are none."""
    grouped = [found for text in odd if (found := _GROUPED.fullmatch(text))]
    decimals = [
        found[1] for text in odd if (found := _DECIMAL.fullmatch(text)) and not _GROUPED.fullmatch(text)
    ]
    thousands = grouped[0][1] if grouped else numerals.thousands
    ends = [found[3][0] for found in grouped if found[3]]
    decimal = next(iter([*ends, *decimals]), numerals.decimal)
    if decimal == thousands:
        return ""
    absent = [text for text in odd if not _is_near(text)]
    if len(absent) > _SHOWN or not all(map(_is_missing, absent)) or any(map(_PERCENT.fullmatch, odd)):
        return ""
    kept = [None if text is None or text.strip() in absent else text for text in texts]
    if not pd.api.types.is_numeric_dtype(typed(kept, Numerals(decimal, thousands)).dtype):
        return ""
    options = [f"--na-values {shlex.quote(text)}" for text in absent]
    options += [f"--thousands {shlex.quote(thousands)}"] if thousands != numerals.thousands else []
    options += [f"--decimal {shlex.quote(decimal)}"] if decimal != numerals.decimal else []
    return " ".join(options)
