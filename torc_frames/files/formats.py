"""The formats of files that pointers name, and how their names end."""

from __future__ import annotations

from typing import Literal

__all__ = ["SUFFIXES", "Format"]

Format = Literal["parquet", "csv", "json", "jsonl"]

SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
