"""What the cells of a column must be like, beyond their dtype."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.values import RefusalError, canonical, is_missing, plain

__all__ = ["Rule"]

_SHOWN = 60

_BOUNDS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "min": (operator.ge, "less than"),
    "above": (operator.gt, "not above"),
    "max": (operator.le, "more than"),
    "below": (operator.lt, "not below"),
}
"""Of each bound: what a value is to it, and what it is otherwise."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What every value of a column must be like; checked when a rule is made, and by `check`.

    Parameters
    ----------
    min, max : number, time or string, optional
        The least and the greatest value, both allowed.
    above, below : number, time or string, optional
        Bounds that are not allowed themselves.
    choices : sequence, optional
        The values that are allowed.
    required : bool
        Whether a value may not be missing.
    pattern : str, optional
        A regular expression that the whole of a string must match.
    unique : bool
        Whether no value may come twice in the column; see `repeated`.

    Raises
    ------
    RefusedError
        For a rule that makes no sense: a `min` beyond `max`, no choices at all, a broken pattern.

    Examples
    --------
    >>> rule = Rule(above=0, max=1, required=True)
    >>> rule.check(0.5) is None
    True
    >>> rule.check(0), rule.check(None)
    ('0 is not above 0', 'a value is required')
    >>> Rule(choices=["sgd", "adam"]).check("adamw")
    "'adamw' is none of 'sgd', 'adam'"
    >>> Rule(min=3, max=2)
    Traceback (most recent call last):
    ...
    torc_frames.errors.RefusedError: Rule(min=3, max=2): nothing is between them
    """

    min: Any = None
    max: Any = None
    above: Any = None
    below: Any = None
    choices: Sequence[Any] | None = None
    required: bool = False
    pattern: str | None = None
    unique: bool = False

    def __post_init__(self) -> None:
        for name in ("required", "unique"):
            if not isinstance(getattr(self, name), bool):
                raise RefusedError(f"Rule({name}={getattr(self, name)!r}): use True or False")
        for name, value in self.bounds.items():
            if is_missing(value) or isinstance(value, (bool, list, dict, tuple)):
                raise RefusedError(f"Rule({name}={value!r}): a bound is a number, a time or a string")
        self._check_order()
        if self.pattern is not None:
            _check_pattern(self.pattern)
        if self.choices is not None:
            object.__setattr__(self, "choices", _checked_choices(self.choices))

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that there are, by name."""
        return {name: bound for name in _BOUNDS if (bound := getattr(self, name)) is not None}

    def check(self, value: Any) -> str | None:
        """Return why one value is not as it must be; None if it is. What repeats is not looked at here."""
        if is_missing(value):
            return "a value is required" if self.required else None
        value = _plain(value)
        for name, bound in self.bounds.items():
            if reason := _beyond(value, name, bound):
                return reason
        if self.choices is not None and not any(_same(value, choice) for choice in self.choices):
            return f"{_written(value)} is none of {shorten(map(_written, self.choices))}"
        if self.pattern is not None and not (isinstance(value, str) and re.fullmatch(self.pattern, value)):
            return f"{_written(value)} does not match {self.pattern}"
        return None

    def repeated(self, values: Iterable[Any]) -> dict[int, str]:
        """Return by position why values of a column repeat; nothing if they may. Missing ones may always.

        Examples
        --------
        >>> Rule(unique=True).repeated([1, 2, 1, None, None])
        {0: '1 comes 2 times, and may once', 2: '1 comes 2 times, and may once'}
        """
        if not self.unique:
            return {}
        keys = [None if is_missing(value) else _key(_plain(value)) for value in values]
        counts = Counter(key for key in keys if key is not None)
        return {
            at: f"{_written(key[1])} comes {counts[key]} times, and may once"
            for at, key in enumerate(keys)
            if key is not None and counts[key] > 1
        }

    def _check_order(self) -> None:
        for low in ("min", "above"):
            for high in ("max", "below"):
                least, most = getattr(self, low), getattr(self, high)
                if least is None or most is None:
                    continue
                shown = f"Rule({low}={least!r}, {high}={most!r})"
                try:
                    empty = least >= most if (low, high) != ("min", "max") else least > most
                except TypeError:
                    raise RefusedError(f"{shown}: they can't be compared") from None
                if empty:
                    raise RefusedError(f"{shown}: nothing is between them")


def _check_pattern(pattern: object) -> None:
    if not isinstance(pattern, str):
        raise RefusedError(f"Rule(pattern={pattern!r}): a pattern is a string")
    try:
        re.compile(pattern)
    except re.error as error:
        raise RefusedError(f"Rule(pattern={pattern!r}): no regular expression: {error}") from None


def _checked_choices(choices: Any) -> tuple[Any, ...]:
    if isinstance(choices, (str, bytes)) or not isinstance(choices, Iterable):
        raise RefusedError(f"Rule(choices={choices!r}): give a list of values")
    listed = tuple(_plain(choice) for choice in choices)
    if not listed or any(map(is_missing, listed)):
        raise RefusedError("Rule(choices=…): give at least one value, and none that is missing")
    return listed


def _beyond(value: Any, name: str, bound: Any) -> str | None:
    holds, otherwise = _BOUNDS[name]
    try:
        return None if holds(value, bound) else f"{_written(value)} is {otherwise} {_written(bound)}"
    except TypeError:
        return f"{_written(value)} can't be compared with {_written(bound)}"


def _plain(value: Any) -> Any:
    """Return numpy's scalars as Python's, times but as they are."""
    if type(value).__module__ == "numpy" and value.dtype.kind in "biufU":
        return value.item()
    return value


def _same(value: Any, choice: Any) -> bool:
    return isinstance(value, bool) == isinstance(choice, bool) and bool(value == choice)


def _key(value: Any) -> tuple[bool, Hashable]:
    if isinstance(value, (list, dict)):
        try:
            return False, canonical(plain(value))
        except RefusalError:
            return False, repr(value)
    return isinstance(value, bool), value


def _written(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool, list, dict)) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
