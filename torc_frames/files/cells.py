"""Values as the texts of cells, written so that no spreadsheet takes one for a formula."""

from __future__ import annotations

import re
from typing import Any

from torc_frames.frame.numerals import NUMBER

__all__ = ["cell_text", "is_live", "neutral", "neutral_name", "restored", "restored_name"]

_BEGINS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_LIVE = re.compile(rf"[\t\r\n]|[\s\ufeff\u200b]*{_BEGINS}")

# Where semicolons or tabs separate, a cell of ours ends at the first one inside of it, or at a new line, for
# the quotes around it are no quotes then; the doubled ones after it are. An apostrophe goes there, whatever
# blanks, quotes and apostrophes follow before what is live: so it is found again where it was put.
_CUT = r"([;\t\v\f\r\n\x1c-\x1e\x85\u2028\u2029]\"*)"
_LIVE_AFTER = rf"(?=\t|[\s\ufeff\u200b\"']*{_BEGINS})"
_INSIDE = re.compile(rf"{_CUT}('*){_LIVE_AFTER}")
_WRITTEN_INSIDE = re.compile(rf"{_CUT}'('*){_LIVE_AFTER}")


def cell_text(value: Any) -> str:
    """Return how a JSON value shows in a table or in CSV: strings as they are, missing as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    from torc_frames.frame.values import encode_data

    return encode_data(value).decode()


def is_live(text: str) -> bool:
    """Return whether a spreadsheet may run a text: it begins like a formula, and is no plain number.

    Examples
    --------
    >>> [is_live(text) for text in ("=1+1", "-1", "-1+cmd", "@sum", "a=1")]
    [True, False, True, True, False]
    """
    return _LIVE.match(text) is not None and NUMBER.fullmatch(text) is None


def neutral(text: str) -> str:
    r"""Return a text for a CSV cell, with an apostrophe before what may be run.

    That is the text itself, or a part of it that is a cell where ``;`` or tabs separate. What would read as
    such with its apostrophe has one, too, for `restored` to be the inverse.

    Examples
    --------
    >>> neutral("=1+1"), neutral("'=1+1"), neutral("-0.5"), neutral("'n' = 1")
    ("'=1+1", "''=1+1", '-0.5', "'n' = 1")
    >>> neutral("a;=1+1\n-b;2")
    "a;'=1+1\n'-b;2"
    """
    inside = _INSIDE.sub(r"\1'\2", text)
    return f"'{inside}" if is_live(inside.lstrip("'")) else inside


def restored(text: str) -> str:
    """Return the text that `neutral` wrote."""
    inside = text[1:] if text.startswith("'") and is_live(text.lstrip("'")) else text
    return _WRITTEN_INSIDE.sub(r"\1\2", inside)


def neutral_name(name: str) -> str:
    """Return the name of a column for CSV: blanks around it, which a reader may cut off, are marked, too."""
    written = neutral(name)
    return f"'{written}" if _has_blanks(written) else written


def restored_name(name: str) -> str:
    """Return the name that `neutral_name` wrote; of one without a mark the blanks are cut off.

    Examples
    --------
    >>> restored_name(" alpha "), restored_name(neutral_name(" alpha "))
    ('alpha', ' alpha ')
    """
    if name.startswith("'") and _has_blanks(name):
        return restored(name[1:])
    return restored(name).strip()


def _has_blanks(name: str) -> bool:
    bare = name.lstrip("'")
    return bare != bare.strip()
