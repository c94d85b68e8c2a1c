r"""Names of columns: where in a JSON object a value stands, written with dots."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from torc_frames.errors import RefusedError

__all__ = [
    "DATA",
    "RESERVED",
    "above",
    "flatten",
    "job_column",
    "job_path",
    "join",
    "moved_name",
    "reserved_name",
    "set_path",
    "split",
    "unflatten",
]

RESERVED = ("workflow_key", "job_key", "job_name", "role", "record_key", "record_name", "rev")
"""The columns of ``user_data()`` that are not data, in their order."""

DATA = "data"
"""The column that holds the data of records which are not JSON objects."""

_NAMES_OF_ROWS = ("job_key", "job_name", "record_key")
"""Columns that say what the rows of a table of jobs are, and are no parameters when it is pushed."""

Path = tuple[str, ...]

_SLASHES = re.compile(r"\\+(?=\.|\Z)")
_END_OF_KEY = re.compile(r"(\\*)(\.|\Z)")


def join(path: Iterable[str]) -> str:
    r"""Return the column name of a path of keys.

    A dot inside a key becomes ``\.``; backslashes before a dot or at the end of a key are doubled.
    Different paths have different names, and `split` is the inverse.

    Examples
    --------
    >>> join(["model", "depth"])
    'model.depth'
    >>> print(join(["v1.2", "depth"]))
    v1\.2.depth
    """
    return ".".join(_SLASHES.sub(lambda run: run[0] * 2, key).replace(".", "\\.") for key in path)


def split(name: str) -> Path:
    r"""Return the path of keys that a column name stands for; the inverse of `join`.

    Raises
    ------
    RefusedError
        If the name ends in an odd number of backslashes, which no path is written as.
    """
    if "\\" not in name:
        return tuple(name.split("."))
    path, key, start = [], "", 0
    for match in _END_OF_KEY.finditer(name):
        half, odd = divmod(len(match[1]), 2)
        key += name[start : match.start()] + "\\" * half
        start = match.end()
        if odd and not match[2]:
            raise RefusedError(f"column {name!r} ends in a lone backslash: double it")
        if odd:
            key += "."
            continue
        path.append(key)
        key = ""
        if not match[2]:
            break
    return tuple(path)


def flatten(data: Mapping[str, Any], whole: frozenset[Path] = frozenset()) -> dict[str, Any]:
    """Return the values of a JSON object by column name.

    Objects are descended into, but for empty ones and those at the paths in `whole`; lists are values.

    Examples
    --------
    >>> flatten({"model": {"depth": 3, "layers": [8, 8]}, "empty": {}})
    {'model.depth': 3, 'model.layers': [8, 8], 'empty': {}}
    """
    return {join(path): value for path, value in leaves(data, whole)}


def leaves(
    data: Mapping[str, Any], whole: frozenset[Path] = frozenset(), above: Path = ()
) -> Iterator[tuple[Path, Any]]:
    """Yield the values of a JSON object with their paths; see `flatten`."""
    for key, value in data.items():
        path = (*above, key)
        if isinstance(value, dict) and value and path not in whole:
            yield from leaves(value, whole, path)
        else:
            yield path, value


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object whose `flatten` is given.

    Raises
    ------
    RefusedError
        If one name stands for a value and for an object that holds another name (``a`` and ``a.b``).

    Examples
    --------
    >>> unflatten({"model.depth": 3, "model.layers": [8, 8]})
    {'model': {'depth': 3, 'layers': [8, 8]}}
    """
    nested: dict[str, Any] = {}
    ends: set[Path] = set()
    for name, value in flat.items():
        path = split(name)
        if above(path, ends):
            raise RefusedError(f"{name!r} lies inside another value of the same object")
        set_path(nested, path, value)
        ends.add(path)
    return nested


def set_path(data: dict[str, Any], path: Path, value: Any) -> None:
    """Set a value inside nested objects, making those that are missing or null.

    Raises
    ------
    RefusedError
        If a value that is no object stands on the way, or an object where the value should go.
    """
    *above, last = path
    for depth, key in enumerate(above, 1):
        if data.get(key) is None:
            data[key] = {}
        data = data[key]
        if not isinstance(data, dict):
            raise RefusedError(f"{join(path)!r} lies inside {join(path[:depth])!r}, which is no object")
    if isinstance(data.get(last), dict) and data[last] and not isinstance(value, dict):
        raise RefusedError(f"{join(path)!r} holds an object; a value would replace all of it")
    data[last] = value


def above(path: Path, others: Container[Path]) -> Path | None:
    """Return the shortest of other paths that a path lies inside of, None if there is none."""
    return next((path[:length] for length in range(1, len(path)) if path[:length] in others), None)


def reserved_name(path: Path, more: Container[str] = ()) -> Path:
    """Return the path under which data shows beside the reserved columns.

    A key with a reserved name (or the name ``data`` itself) moves below ``data``, always, so that no
    two values ever share a column. `more` says which other names are reserved.
    """
    return (DATA, *path) if path[0] in RESERVED or path[0] == DATA or path[0] in more else path


def moved_name(path: Path) -> Path:
    """Return the path under which a value shows in a table of one row a job.

    A key that would be taken for what names the row moves below ``data``.
    """
    return (DATA, *path) if _names_a_row(path) else path


def job_column(path: Path) -> str:
    """Return the column of a value in a table of one row a job; see `moved_name`."""
    return join(moved_name(path))


def job_path(name: str) -> Path:
    """Return the path of a column in a table of one row a job; the inverse of `job_column`."""
    path = split(name)
    return path[1:] if len(path) > 1 and _names_a_row(path) else path


def _names_a_row(path: Path) -> bool:
    return path[-1] in _NAMES_OF_ROWS and all(key == DATA for key in path[:-1])
