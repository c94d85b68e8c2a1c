"""The formats of files that pointers name, and how their names end."""

from __future__ import annotations

import sys
from functools import cache
from typing import Literal, get_args

__all__ = ["GROUP", "SUFFIXES", "Format", "format_of", "formats"]

Format = Literal["parquet", "csv", "json", "jsonl"]

SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

GROUP = "torc_frames.readers"
"""The entry points by which other packages read formats: the name is the format, and how its files end."""

_OTHERS = {".npy": "npy", ".png": "png", ".svg": "svg", ".nc": "netcdf", ".zarr.zip": "zarr"}
"""Of files that are read, but not as tables."""

_OWN = (*get_args(Format), *_OTHERS.values())


def formats() -> list[str]:
    """Return the formats that can be read."""
    return [*_OWN, *_added()]


def format_of(path: str) -> str | None:
    """Return the format that the name of a file says, None if none is known.

    Examples
    --------
    >>> format_of("a/b.CSV"), format_of("a.zarr.zip"), format_of("model.bin")
    ('csv', 'zarr', None)
    """
    name = path.rpartition("/")[2].lower()
    own = next((format for end, format in {**_OTHERS, **SUFFIXES}.items() if name.endswith(end)), None)
    return own or next((one for one in _added() if name.endswith(f".{one.lower()}")), None)


def _added() -> tuple[str, ...]:
    """Return the formats of other packages."""
    return _added_at(tuple(sys.path))


@cache
def _added_at(places: tuple[str, ...]) -> tuple[str, ...]:
    """Look for formats of other packages at some places, which takes some milliseconds."""
    from importlib.metadata import entry_points

    return tuple(point.name for point in entry_points(group=GROUP))
