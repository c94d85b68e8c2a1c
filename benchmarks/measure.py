"""Timing what alternates with its floor, and what is to be printed of it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Ratio", "Report", "Row", "Timings", "alternate", "markdown", "repeats_for"]

Prepare = Callable[[], Callable[[], Any]]
"""Makes ready what is not timed, and returns what is."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of several repeats, of one thing and the other, in the order in which they alternated."""

    ours: list[float]
    other: list[float]

    @property
    def seconds(self) -> tuple[float, float]:
        """The medians."""
        return statistics.median(self.ours), statistics.median(self.other)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbours, ours to the other."""
        return statistics.median(a / b for a, b in zip(self.ours, self.other, strict=True))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of results, cells as text."""

    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ratio:
    """What the README tells of a call: its ratios by the number of records, and what they are against."""

    what: str
    by_length: Mapping[int, float]
    against: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured of one kind: the tables as Markdown, and what the README tells of it."""

    tables: str
    ratios: Sequence[Ratio] = ()
    facts: Sequence[str] = ()


def repeats_for(length: int) -> int:
    """Return how often to measure at a number of records."""
    return 7 if length <= 100_000 else 3


def alternate(ours: Prepare, other: Prepare, repeats: int, *, warm: bool = True) -> Timings:
    """Time two things in turn, A B A B, so that a drift of the machine meets both alike.

    With `warm` each runs once untimed before. The garbage collector is on, as it is for users, and
    starts clean each time; what is returned is freed after the clock has stopped.
    """
    timings = Timings([], [])
    if warm:
        ours()()
        other()()
    for _ in range(repeats):
        timings.ours.append(timed(ours()))
        timings.other.append(timed(other()))
    return timings


def timed(call: Callable[[], Any]) -> float:
    """Return how many seconds a call takes."""
    gc.collect()
    start = time.perf_counter()
    result = call()
    end = time.perf_counter()
    del result
    return end - start


def markdown(heads: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a Markdown table; all columns but the first are numbers, to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *[row.cells for row in rows]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
