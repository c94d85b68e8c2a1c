"""The formats of files that pointers name, and how their names end."""

from __future__ import annotations

from importlib.metadata import entry_points
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


def formats() -> list[str]:
    """Return the formats that can be read."""
    return [*get_args(Format), *_OTHERS.values(), *(point.name for point in entry_points(group=GROUP))]


def format_of(path: str) -> str | None:
    """Return the format that the name of a file says, None if none is known.

    Examples
    --------
    >>> format_of("a/b.CSV"), format_of("a.zarr.zip"), format_of("model.bin")
    ('csv', 'zarr', None)
    """
    name = path.rpartition("/")[2].lower()
    added = {f".{point.name.lower()}": point.name for point in entry_points(group=GROUP)}
    for end, format in {**added, **_OTHERS, **SUFFIXES}.items():
        if name.endswith(end):
            return format
    return None
