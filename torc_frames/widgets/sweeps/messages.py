"""What the builder's page says beside what all editors say (see `app/messages.py`).

An axis is named by its ``key`` in the state. What is typed is told as it is typed.

``addaxis``
    Another axis, at the end.
``typeaxis``
    ``key``, ``field``, ``text``: the name, the kind, or a field of an axis.
``moveaxis``, ``dropaxis``
    ``key``, and ``by`` how many places.
``typehow``
    ``field``, ``text``: how the axes are combined.
``usetable``
    ``name``, ``used``: whether every row is combined with a table's.
``covered``
    ``x``, ``y``: the answer has ``axes`` and ``keys`` of the figure of these two columns.
``planpush``
    ``name``, ``command``: what would a push do? The answer has ``text`` and ``new``, how many jobs it adds.
``dopush``
    Do what was planned last.
``handon``
    Give the table to who asked for it.
``suggestanew``
    The workflow has other results now.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from torc_frames.widgets.app.messages import Id, Op

__all__ = [
    *("AddAxis", "Covered", "DoPush", "DropAxis", "HandOn", "Message", "MoveAxis", "PlanPush"),
    *("SuggestAnew", "TypeAxis", "TypeHow", "UseTable"),
]

_Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]
_Name = Annotated[str, msgspec.Meta(max_length=1_000)]


class AddAxis(Op, frozen=True):
    """Another axis, at the end."""


class TypeAxis(Op, frozen=True):
    """A text of an axis is another."""

    key: Id
    field: Literal["name", "kind", "values", "weights", "low", "high", "count", "step"]
    text: _Text


class MoveAxis(Op, frozen=True):
    """Move an axis up or down."""

    key: Id
    by: Annotated[int, msgspec.Meta(ge=-1000, le=1000)]


class DropAxis(Op, frozen=True):
    """Take an axis away."""

    key: Id


class TypeHow(Op, frozen=True):
    """A text of how the axes are combined is another."""

    field: Literal["way", "method", "n", "seed", "where", "metric", "direction"]
    text: _Text


class UseTable(Op, frozen=True):
    """Combine every row with a table, or don't."""

    name: _Name
    used: bool


class Covered(Op, frozen=True):
    """Ask for the picture of two columns."""

    id: Id
    x: _Name
    y: _Name


class PlanPush(Op, frozen=True):
    """Ask what a push would do."""

    id: Id
    name: _Text
    command: _Text


class DoPush(Op, frozen=True):
    """Push what was planned."""


class HandOn(Op, frozen=True):
    """Give the table to who asked for it."""


class SuggestAnew(Op, frozen=True):
    """Ask the optimiser again."""


Message = (
    AddAxis
    | TypeAxis
    | MoveAxis
    | DropAxis
    | TypeHow
    | UseTable
    | Covered
    | PlanPush
    | DoPush
    | HandOn
    | SuggestAnew
)
