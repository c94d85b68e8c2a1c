"""What a figure shows, before anything draws it: panels, their axes, and marks on them.

A plot makes one `Drawing` of a frame; `backends.draw` has matplotlib or plotly draw it. All texts here are as
they are in the frame: what draws escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "Band",
    "Bars",
    "Cells",
    "Colors",
    "Curve",
    "Drawing",
    "Mark",
    "Panel",
    "Paths",
    "Points",
    "Side",
    "Text",
]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One axis of a panel."""

    label: str = ""
    log: bool = False
    names: tuple[str, ...] = ()
    """What the places 0, 1, … mean, if the values are no numbers."""

    times: bool = False
    """Whether values are datetime64, in UTC."""

    whole: bool = False
    """Whether values are integers, between which nothing is to be marked."""

    ticks: tuple[float, ...] = ()
    """The only places to mark, if any are given."""

    limits: tuple[float, float] | None = None
    hidden: bool = False
    is_bare: bool = False
    """Whether there are names only, without a line and ticks."""

    longest: int = 20
    """How many letters of a name are shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Colors:
    """The color of each row, and what it means: one for all, one a name, or a scale of numbers."""

    of_rows: Array
    """RGBA, (rows, 4); or (1, 4), for all."""

    title: str = ""
    names: tuple[tuple[str, str, str], ...] = ()
    """Name, color and matplotlib's marker of each kind of row."""

    codes: Array | None = None
    """Which of the names each row has."""

    values: Array | None = None
    """The numbers on a scale, NaN where missing."""

    log: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line through points, in their order; it has a gap where one is NaN."""

    x: Array
    y: Array
    color: str
    name: str = ""
    dash: str = "-"
    marker: str = ""
    is_step: bool = False
    """Whether y stays what it is until the next x."""

    width: float = 1.6
    hover: tuple[str, ...] | None = None
    """A text for each point, whose lines are separate ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The space between two lines."""

    x: Array
    low: Array
    high: Array
    color: str
    is_step: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A point for each row."""

    x: Array
    y: Array
    colors: Colors
    size: float = 12.0
    """The area, in square points."""

    rows: pd.DataFrame | None = None
    """What is told of each where the pointer is: its index and columns."""

    marker: str = "o"
    alpha: float = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """A line of its own for each row, (rows, points, 2)."""

    points: Array
    colors: Colors
    width: float = 1.3
    alpha: float = 0.6
    rows: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A bar along x for each row, from start to end, at a height of y."""

    y: Array
    start: Array
    end: Array
    colors: Colors
    thick: float = 0.8
    rows: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Colored cells between edges; values are (y, x), NaN where there is none."""

    x: Array
    y: Array
    values: Array
    title: str
    texts: Array | None = None
    """What is told of each cell where the pointer is, (y, x)."""

    log: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A few words at a place; `align` is the side of them that is there."""

    x: float
    y: float
    text: str
    align: str = "right"


Mark = Curve | Band | Points | Paths | Bars | Cells | Text


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Axes and what is on them, the first mark at the bottom."""

    x: Side
    y: Side
    marks: tuple[Mark, ...]
    legend: str = ""
    """Title of the legend of lines."""

    title: str = ""
    has_grid: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A whole figure."""

    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    """What the figure does not show, and is told below it."""

    drawn: tuple[int, int] | None = None
    """How many rows of how many are drawn, at random."""

    columns: int = 1
    """How many panels side by side."""

    is_shared: bool = False
    """Whether all panels have the y axis of the first in their row."""

    width: float = 6.4
    height: float = 4.0
