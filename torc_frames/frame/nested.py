"""Values inside nested JSON objects, by path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torc_frames.frame.flatten import DATA, Path

__all__ = ["look_up"]


def is_object(data: Any) -> bool:
    """Return whether data is an object, or nothing yet."""
    return data is None or isinstance(data, dict)


def look_up(data: Any, path: Path) -> Any:
    """Return the value at a path of a record, None if there is none."""
    if path == (DATA,) and not is_object(data):
        return data
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def has(data: Any, path: Path) -> bool:
    above = look_up(data, path[:-1])
    return isinstance(above, dict) and path[-1] in above


def holds(data: Any, path: Path, whole: frozenset[Path]) -> bool:
    """Return whether a record has a cell at a path, be it null; objects are if they are whole, or empty."""
    if path == (DATA,) and not is_object(data):
        return True
    value = look_up(data, path)
    return has(data, path) and not (isinstance(value, dict) and value and path not in whole)


def take(data: dict[str, Any], path: Sequence[str]) -> None:
    first, *below = path
    if below:
        take(data[first], below)
    if not below or not data[first]:
        del data[first]


def put(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *above, last = path
    for name in above:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    data[last] = value
