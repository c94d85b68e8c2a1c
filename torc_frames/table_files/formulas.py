"""Texts that a spreadsheet would take for formulas, and how to write them so that it doesn't."""

from __future__ import annotations

import re

__all__ = ["is_live", "neutral", "restored"]

_LIVE = re.compile(r"[\t\r\n]|[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def is_live(text: str) -> bool:
    """Return whether a spreadsheet may run a text: it begins like a formula, and is no plain number.

    Examples
    --------
    >>> [is_live(text) for text in ("=1+1", "-1", "-1+cmd", "@sum", "a=1")]
    [True, False, True, True, False]
    """
    return _LIVE.match(text) is not None and _NUMBER.fullmatch(text) is None


def neutral(text: str) -> str:
    """Return a text for a CSV cell: one that may be run has an apostrophe before it.

    So has one that would read as such a text with its apostrophe, for `restored` to be the inverse.

    Examples
    --------
    >>> neutral("=1+1"), neutral("'=1+1"), neutral("-0.5"), neutral("'n' = 1")
    ("'=1+1", "''=1+1", '-0.5', "'n' = 1")
    """
    return f"'{text}" if is_live(text.lstrip("'")) else text


def restored(text: str) -> str:
    """Return the text that `neutral` wrote."""
    return text[1:] if text.startswith("'") and is_live(text.lstrip("'")) else text
