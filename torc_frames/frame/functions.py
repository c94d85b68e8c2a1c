"""What formulas compute with: operators and functions of single values, exact and within bounds."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pandas as pd

from torc_frames.frame.values import MAX_INT_BITS

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "OPERATORS",
    "Bad",
    "and_",
    "coalesce",
    "is_missing",
    "or_",
    "read_as",
    "same",
    "where",
]

_LONGEST_TEXT = 10_000
_MOST_PLACES = 300


@dataclass(frozen=True, slots=True)
class Bad:
    """What a formula has for a row that it has no value for, and why."""

    reason: str


def _number(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    raise TypeError(f"{_short(value)} is no number")


def _power(base: Any, exponent: Any) -> Any:
    _number(base), _number(exponent)
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        _check_bits(max(base.bit_length(), 1) * exponent if abs(base) > 1 else 1)
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError(f"{base} ** {exponent} is no real number")
    return result


def _times(one: Any, other: Any) -> Any:
    if isinstance(one, (str, list)) or isinstance(other, (str, list)):
        raise TypeError("texts and lists can't be multiplied")
    if isinstance(one, int) and isinstance(other, int):
        _check_bits(one.bit_length() + other.bit_length())
    return one * other


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, list) or isinstance(other, list):
        raise TypeError("lists can't be added")
    if isinstance(one, str) != isinstance(other, str):
        raise TypeError(f"{_short(one)} and {_short(other)} can't be added; str(x) makes a text")
    if isinstance(one, str) and len(one) + len(other) > _LONGEST_TEXT:
        raise ValueError(f"a text of more than {_LONGEST_TEXT:,} characters")
    return one + other


def _check_bits(bits: int) -> None:
    if bits > MAX_INT_BITS:
        raise ValueError("an integer of more than 4,000 digits")


def _modulo(one: Any, other: Any) -> Any:
    if isinstance(one, str):
        raise TypeError("% does not format texts; use + and str(x)")
    return one % other


def _not(value: Any) -> bool:
    return not _truth(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"{_short(value)} is neither true nor false; compare it with something")


def and_(*values: Any) -> Any:
    """Return whether all are true; what is missing is known to be so only if another is not."""
    return _logical(values, stops=False)


def or_(*values: Any) -> Any:
    """Return whether any is true; what is missing is known to be so only then."""
    return _logical(values, stops=True)


def _logical(values: Sequence[Any], stops: bool) -> Any:
    missing = False
    for value in values:
        if type(value) is Bad:
            return value
        if is_missing(value):
            missing = True
        elif _truth(value) is stops:
            return stops
    return None if missing else not stops


def where(test: Any, one: Any, other: Any) -> Any:
    """Return one or the other, as the test says."""
    if type(test) is Bad or is_missing(test):
        return test
    return one if _truth(test) else other


def coalesce(*values: Any) -> Any:
    """Return the first value that is not missing."""
    return next((value for value in values if not is_missing(value)), None)


def _rounded(value: Any, digits: Any = None) -> Any:
    if digits is None:
        return round(_number(value))
    if not isinstance(digits, int) or abs(digits) > _MOST_PLACES:
        raise ValueError(f"round takes a number of places up to {_MOST_PLACES}, not {_short(digits)}")
    return round(_number(value), digits)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _contains(value: Any, part: Any) -> bool | None:
    """Return whether a text, or what is shown of another value, has a text in it, in capitals or not."""
    return None if is_missing(value) else _text(part).lower() in str(value).lower()


def _of_number(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: function(_number(value))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, or one that is not even equal to itself."""
    return value is None or bool(value != value)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal."""
    return bool(operator.eq(*_alike(one, other)))


def _ordered(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    """Return a comparison that is not true where a value is missing, be the other a text."""

    def compared(one: Any, other: Any) -> bool:
        if one != one or other != other:
            return False
        return bool(function(*_alike(one, other)))

    return compared


def _alike(one: Any, other: Any) -> tuple[Any, Any]:
    """Read a text beside a time or a duration as one."""
    if isinstance(other, str) and isinstance(one, (datetime, timedelta)) and one == one:
        return one, read_as(one, other)
    if isinstance(one, str) and isinstance(other, (datetime, timedelta)) and other == other:
        return read_as(other, one), other
    return one, other


def read_as(like: Any, text: str) -> Any:
    """Return a text as what a time or a duration is compared with; ValueError if it is none."""
    kind: Any = type(like)
    return _time(kind, text, getattr(like, "tzinfo", None))


@lru_cache(maxsize=256)
def _time(kind: Any, text: str, zone: Any) -> Any:
    # A text alone is what pandas 2.3 does not read as a duration on a new NumPy.
    found: Any = pd.to_timedelta([text])[0] if issubclass(kind, pd.Timedelta) else kind(text)
    return found.tz_localize(zone) if zone is not None and found.tzinfo is None else found


OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: _plus,
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.USub: lambda value: -value,
    ast.UAdd: lambda value: +value,
    ast.Not: _not,
    ast.Invert: _not,
    ast.Eq: same,
    ast.NotEq: lambda one, other: not same(one, other),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
}

CONSTANTS = {"pi": math.pi}

_MANY = 50
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int]]] = {
    "where": (where, (3, 3)),
    "coalesce": (coalesce, (1, _MANY)),
    "abs": (_of_number(abs), (1, 1)),
    "round": (_rounded, (1, 2)),
    **{
        name: (_of_number(getattr(math, name)), (1, 1))
        for name in ("floor", "ceil", "sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan")
    },
    "min": (min, (2, _MANY)),
    "max": (max, (2, _MANY)),
    "int": (_of_number(int), (1, 1)),
    "float": (_of_number(float), (1, 1)),
    "str": (_text, (1, 1)),
    "contains": (_contains, (2, 2)),
}
"""By name: what it does, and how many arguments it takes."""
