"""How large a table may be: what does not fit into memory is refused before it is made."""

from __future__ import annotations

import math
import os

from torc_frames.errors import RefusedError, counted

__all__ = ["MADE", "PUSHED", "check_size"]

MADE = 8
"""How many bytes a cell takes at least."""

PUSHED = 64
"""How many bytes a cell takes at least as it is compared with others, and pushed."""

_UNKNOWN = 2**38


def check_size(rows: int, columns: int, bytes_per_cell: int) -> None:
    """Raise RefusedError for a table that has no room in the memory of this machine."""
    needed, there = rows * columns * bytes_per_cell, _memory()
    if needed > there:
        table = f"a table of {_told(rows)} rows and {counted(columns, 'column')}"
        sizes = f"takes {_told(needed >> 30)} GiB of memory, and this machine has {there >> 30}"
        raise RefusedError(f"{table} {sizes}: give fewer values, or sample() some of all combinations")


def _memory() -> int:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return _UNKNOWN
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _told(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"10^{int(number.bit_length() * math.log10(2))}"
