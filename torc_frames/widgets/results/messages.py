"""What the page of the explorer asks; the one place that knows.

The grid's messages are those of `table.messages`, to the part ``grid``. The state that Python tells is in
`results.state`; besides it sends:

``picked``
    ``ranges``, ``count`` and a buffer: of a brush, the rows that are in it, as bits. They are in the order
    of the columns that ``drawcolumns`` answers.
an answer to ``drawcolumns``
    ``axes``, each with ``name``, ``labels``, ``log`` and ``time``, and a buffer of float32 for each; ``keys``
    of the jobs, or, where those are numbers, one more buffer, of int32.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from torc_frames.widgets.app.messages import Id, Op

__all__ = [
    "Arrange",
    "Bare",
    "Best",
    "Brush",
    "Choose",
    "CodeOf",
    "DrawColumns",
    "Drop",
    "Edit",
    "Everything",
    "Export",
    "FilterBy",
    "GroupRows",
    "Keep",
    "Log",
    "Message",
    "Narrow",
    "RankBy",
    "Refresh",
    "Rerun",
    "Shares",
    "Stale",
    "Status",
]

_Name = Annotated[str, msgspec.Meta(max_length=10_000)]
_Names = Annotated[list[_Name], msgspec.Meta(max_length=10_000)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Asked(Op, frozen=True):
    """Anything that has an answer."""

    id: Id


class RankBy(Op, frozen=True):
    """Rank rows by another result, or by its other end."""

    column: _Name
    mode: Literal["min", "max"]


class Status(Op, frozen=True):
    """Show jobs of a status, or no longer."""

    name: _Name


class Bare(Op, frozen=True):
    """Show jobs without results only, or no longer."""


class Stale(Op, frozen=True):
    """Show jobs of changed parameters only, or no longer."""


class Everything(Op, frozen=True):
    """Take back all filters."""


class Narrow(Op, frozen=True):
    """Filter by a part of a heading's histogram; all of it takes the filter back."""

    column: _Name
    low: _Share
    high: _Share


class FilterBy(Asked, frozen=True):
    """Filter by a text of `torc_frames.select`; the answer has its ``fault``, if it is none."""

    text: _Name


class Drop(Op, frozen=True):
    """Take back one filter."""

    text: _Name


class Brush(Asked, frozen=True):
    """Pick the rows within all ranges; none frees them all."""

    ranges: Annotated[dict[_Name, tuple[float, float]], msgspec.Meta(max_length=100)]


class Keep(Op, frozen=True):
    """Make filters of what is brushed."""


class DrawColumns(Asked, frozen=True):
    """Send columns to draw."""

    columns: Annotated[list[_Name], msgspec.Meta(max_length=100)]


class Shares(Asked, frozen=True):
    """Send how much each parameter matters for the objective."""


class Choose(Op, frozen=True):
    """Go to a row by its place in the columns of ``drawcolumns``."""

    row: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Best(Op, frozen=True):
    """Go to the best row."""


class Arrange(Op, frozen=True):
    """Show columns in an order, and hide others."""

    order: _Names
    hidden: _Names


class GroupRows(Op, frozen=True):
    """Group rows by columns, and tell aggregates of them; by none, show rows."""

    by: _Names
    aggregates: Annotated[list[tuple[_Name, _Name]], msgspec.Meta(max_length=1_000)]


class Export(Asked, frozen=True):
    """Write what is shown to a file."""

    path: _Name
    overwrite: bool


class Refresh(Op, frozen=True):
    """Read the store again."""


class Log(Asked, frozen=True):
    """Send the last lines that a job wrote."""

    key: _Name


class Rerun(Asked, frozen=True):
    """Run the selected jobs again: how many that is, or, when that is ``sure``, do it."""

    sure: bool


class Edit(Op, frozen=True):
    """Hand over the selected jobs, to edit their parameters."""


class CodeOf(Asked, frozen=True):
    """Send the Python that gives the selected rows."""


Message = (
    RankBy
    | Status
    | Bare
    | Stale
    | Everything
    | Narrow
    | FilterBy
    | Drop
    | Brush
    | Keep
    | DrawColumns
    | Shares
    | Choose
    | Best
    | Arrange
    | GroupRows
    | Export
    | Refresh
    | Log
    | Rerun
    | Edit
    | CodeOf
)
