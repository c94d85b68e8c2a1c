"""A metric as a column of print: scaled, with digits, marks and signs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from torc_frames.frame.tabulation import digits
from torc_frames.frame.tabulation.cells import PrintedCell, plain, power_text
from torc_frames.frame.tabulation.marks import Direction, Mark, marks
from torc_frames.frame.tabulation.summarized import Floats, Summarized
from torc_frames.frame.tabulation.wishes import Wishes

__all__ = ["Counting", "MetricColumn", "counting", "metric_columns"]

Counting = Literal["unknown", "same", "column", "brackets"]
"""Where it says of how many jobs a number is: nowhere, below, in a column of its own, behind the numbers."""

_ARROWS = {"min": " ↓", "max": " ↑", None: ""}
_JOINED = {"iqr": " ({})"}


@dataclass(slots=True)
class MetricColumn:
    """The numbers of a metric, as they are printed; signs stand behind them."""

    name: str
    group: str
    unit: str
    better: Direction | None
    power: int
    centers: Floats
    spreads: Floats
    counts: Floats
    places: list[int]
    marks: list[Mark]
    signs: list[str]
    joined: str = " ± {}"

    def heading(self, label: str) -> str:
        """Return the label with the power of ten, the unit, and an arrow to what is better."""
        unit = " ".join(filter(None, (power_text(self.power) if self.power else "", self.unit)))
        return plain(label) + (f" ({plain(unit)})" if unit else "") + _ARROWS[self.better]

    def as_read(self) -> Floats:
        """Return the numbers as they are read in print."""
        return np.array([digits.as_read(cell.center, cell.power) for cell in self.cells(None)], dtype=float)

    def cells(self, full: int | None) -> tuple[PrintedCell, ...]:
        """Return the cells; with the number of jobs behind those that have fewer than `full`."""
        parts = zip(
            self.centers.tolist(),
            self.spreads.tolist(),
            self.places,
            self.counts,
            self.signs,
            self.marks,
            strict=True,
        )
        return tuple(
            PrintedCell(
                *digits.printed(center, spread, places),
                self.joined,
                sign + (f" [{int(count)}]" if full is not None and 0 < count < full else ""),
                mark,
            )
            for center, spread, places, count, sign, mark in parts
        )


def metric_columns(summary: Summarized, wishes: Wishes) -> list[MetricColumn]:
    """Return the metrics of a summary as columns, those of a group side by side, and marked."""
    groups = wishes.groups or {}
    seats = {group: at for at, group in reversed(list(enumerate(map(groups.get, summary.metrics))))}
    order = sorted(
        enumerate(summary.metrics), key=lambda seat: seats[groups[seat[1]]] if seat[1] in groups else seat[0]
    )
    return [_column(summary, wishes, name) for _, name in order]


def _column(summary: Summarized, wishes: Wishes, name: str) -> MetricColumn:
    factor = (wishes.scale or {}).get(name)
    centers = summary.stat(name, wishes.center) * (factor or 1.0)
    spreads = (
        summary.stat(name, wishes.spread) * abs(factor or 1.0)
        if wishes.spread
        else np.full_like(centers, math.nan)
    )
    spreads = np.where(np.isfinite(centers) & np.isfinite(spreads), spreads, math.nan)
    power = digits.power(centers.tolist()) if factor is None and name not in (wishes.digits or {}) else 0
    centers, spreads = centers / 10.0**power, spreads / 10.0**power
    fixed = (wishes.digits or {}).get(name)
    column = MetricColumn(
        name,
        (wishes.groups or {}).get(name, ""),
        (wishes.units or {}).get(name, ""),
        (wishes.better or {}).get(name),
        power,
        centers,
        spreads,
        summary.stat(name, "count"),
        digits.places(centers.tolist(), spreads.tolist()) if fixed is None else [int(fixed)] * len(centers),
        [""] * len(centers),
        [""] * len(centers),
        _JOINED.get(wishes.spread or "", " ± {}"),
    )
    if wishes.bold == "best":
        column.marks = marks(column.as_read().tolist(), column.better)
    return column


def counting(columns: Sequence[MetricColumn]) -> Counting:
    """Return where the numbers of jobs stand."""
    counts = np.array([column.counts for column in columns], dtype=float)
    if not counts.size or np.isnan(counts).all():
        return "unknown"
    if (counts == counts.flat[0]).all():
        return "same"
    return "column" if (counts == counts[0]).all() else "brackets"
