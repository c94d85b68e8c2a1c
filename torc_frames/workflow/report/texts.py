"""How a report writes numbers, times and spans for people."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

__all__ = ["number", "span", "time"]


def number(value: Any) -> str:
    """Return a number with four digits, or as it is if it is whole.

    Examples
    --------
    >>> number(0.123456), number(12345678), number(100.0), number(1.5e-9)
    ('0.1235', '12345678', '100', '1.5e-09')
    """
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def time(value: pd.Timestamp | None) -> str:
    """Return a time to the second, in UTC if it has a zone; "" for a missing one."""
    if value is None or pd.isna(value):
        return ""
    if value.tzinfo is None:
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value.tz_convert('UTC'):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """Return a span of time in its two largest units.

    Examples
    --------
    >>> span(0.0123), span(75), span(3600 * 5), span(86400 * 3.5)
    ('0.012 s', '1 min 15 s', '5 h', '3 days 12 h')
    """
    if not math.isfinite(seconds) or seconds < 60:
        return f"{seconds:.2g} s"
    sizes = [("days", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    at = next(at for at, (_, size) in enumerate(sizes) if seconds >= size)
    (large, many), (small, few) = sizes[at : at + 2]
    counted, rest = divmod(round(seconds / few), many // few)
    name = "day" if (large, counted) == ("days", 1) else large
    return f"{counted} {name}" + (f" {rest} {small}" if rest else "")
