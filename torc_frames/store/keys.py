"""Keys of stores that number what they hold."""

from __future__ import annotations

import operator

__all__ = ["key_to_id"]

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
