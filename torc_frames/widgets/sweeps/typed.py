"""What is typed into the fields of an axis: lists of values, numbers, and what they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyjson5

from torc_frames.errors import RefusedError, counted
from torc_frames.frame.numerals import LEADING_ZERO, NUMBER, as_number
from torc_frames.frame.values import encode_data

__all__ = ["TypedError", "kinds_of", "number", "values", "whole"]

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<separator>[,;\n\t])
      | (?P<rest>[^"'\[\]{},;\n\t]+ | ["'])""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "True": True, "False": False, "null": None, "None": None}
_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
    type(None): "null",
}
_NOT_JSON = frozenset({"nan", "inf", "infinity", "-inf", "+inf", "-infinity", "+infinity"})
_DEEPEST = 100


class TypedError(ValueError):
    """Why a text means nothing where it was typed.

    Parameters
    ----------
    reason : str
    what : str
        Which text it is, as it is called; the first one, if nothing is said.
    missing : bool
        Whether there is just no text yet.
    """

    def __init__(self, reason: str, what: str = "", *, missing: bool = False) -> None:
        super().__init__(reason)
        self.what, self.missing = what, missing


def values(text: str) -> list[Any]:
    r"""Return the values of a list as it is typed: numbers, words, quoted texts and JSON between commas.

    Lines, tabs and semicolons part values, too, and so do spaces between numbers.

    Raises
    ------
    TypedError
        Naming the first item that means nothing.

    Examples
    --------
    >>> values("0.1, 1, 10")
    [0.1, 1, 10]
    >>> values("svd, 'two words, really', true, [8, 8], 007")
    ['svd', 'two words, really', True, [8, 8], '007']
    """
    return [_value(part) for item in _items(text) if item for part in _parts(item)]


def kinds_of(found: list[Any]) -> str:
    """Return how many values there are, and what they are.

    Examples
    --------
    >>> kinds_of([0.1, 1, 10]), kinds_of([1, 2]), kinds_of(["a", 1, None])
    ('3 numbers', '2 integers', '3 values: 1 text, 1 integer, 1 null')
    """
    kinds = Counter(_KINDS[type(value)] for value in found)
    if set(kinds) == {"integer", "number"}:
        kinds = Counter(number=len(found))
    if len(kinds) == 1:
        return counted(len(found), next(iter(kinds)))
    return f"{counted(len(found), 'value')}: " + ", ".join(counted(kinds[kind], kind) for kind in kinds)


def number(text: str, what: str) -> int | float:
    """Return a number as it is typed; TypedError says `what` is missing or none."""
    stripped = text.strip()
    if not stripped:
        raise TypedError(f"{what} is missing", what, missing=True)
    found = as_number(stripped)
    if found is None:
        raise TypedError(f"{what}: {stripped!r} is no number", what)
    return found


def whole(text: str, what: str, *, least: int | None = None, most: int | None = None) -> int:
    """Return an integer as it is typed, within bounds; TypedError says what is wrong with `what`."""
    found = number(text, what)
    if not isinstance(found, int):
        raise TypedError(f"{what}: {text.strip()!r} is no integer", what)
    if least is not None and found < least:
        raise TypedError(f"{what} is at least {least:,}", what)
    if most is not None and found > most:
        raise TypedError(f"{what} is at most {most:,}", what)
    return found


def _items(text: str) -> Iterator[str]:
    """Yield what is between separators that are not inside of quotes or brackets."""
    depth, item = 0, ""
    for token in _TOKEN.finditer(text):
        depth += bool(token["open"]) - bool(token["close"])
        if token["separator"] and depth <= 0:
            yield item.strip()
            item = ""
        else:
            item += token[0]
    yield item.strip()


def _parts(item: str) -> list[str]:
    parts = item.split()
    return parts if all(map(NUMBER.fullmatch, parts)) else [item]


def _value(item: str) -> Any:
    if item in _WORDS:
        return _WORDS[item]
    if item.lower() in _NOT_JSON:
        raise TypedError(f"{item} is no value that can be kept; quote it if it is a text")
    if NUMBER.fullmatch(item) and not LEADING_ZERO.match(item):
        found = as_number(item)
        return _kept(float(item), item) if found is None else found
    if item[0] in "\"'[{":
        return _json(item)
    if any(mark in item for mark in "\"'[]{}"):
        raise TypedError(f"{item!r}: quote a text that holds quotes or brackets")
    return _kept(item, item)


def _json(item: str) -> Any:
    try:
        found = pyjson5.decode(item, maxdepth=_DEEPEST)
    except (pyjson5.Json5Exception, UnicodeEncodeError):
        raise TypedError(f"{item!r} is not closed, or no JSON") from None
    return _kept(found, item)


def _kept(value: Any, item: str) -> Any:
    try:
        encode_data(value)
    except RefusedError as error:
        raise TypedError(f"{item}: {error}") from None
    return value
