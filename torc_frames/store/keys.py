"""Keys of stores that number what they hold."""

from __future__ import annotations

import operator

from torc_frames.errors import RefusedError

__all__ = ["as_key", "key_to_id"]

_LARGEST = 2**63 - 1


def key_to_id(key: object) -> int | None:
    """Return the row id that a key stands for, or None if it can't be one."""
    if isinstance(key, str):
        if not (key.isascii() and key.isdigit() and len(key) <= 19):
            return None
        number = int(key)
        if str(number) != key:
            return None
    elif isinstance(key, bool):
        return None
    else:
        try:
            number = operator.index(key)  # type: ignore[arg-type]
        except TypeError:
            return None
    return number if 0 < number <= _LARGEST else None


def as_key(key: object, kind: str) -> str:
    """Return a key as it is given: a text, or a whole number of Python, numpy or pandas.

    Raises
    ------
    RefusedError
        For anything else, such as True, or 3.0.
    """
    if isinstance(key, str):
        return str(key)
    if not isinstance(key, bool):
        try:
            return str(operator.index(key))  # type: ignore[arg-type]
        except TypeError:
            pass
    several = "; give several as *keys, or one at a time" if hasattr(key, "__iter__") else ""
    raise RefusedError(f"{key!r} is no key of a {kind}, which is a text or a whole number{several}")
