"""What the page of the parameter editor and its widget in Python say to each other.

The page sends the messages below, as `torc_frames.widgets.app.messages` has it; those about cells and rows by
position are the grid's own, `torc_frames.widgets.table.messages`. Python tells as ``state``:

``title``, ``store``
    What is edited, in words.
``length``, ``hidden``
    How many rows are shown, and how many are not.
``columns``
    Of the parameters, each with ``name``, ``dtype`` and whether it is ``read_only``.
``counts``, ``dirty``, ``undo``, ``redo``
    How much is changed, new, deleted and invalid; whether anything is, can be undone, and done again.
``command``
    Whether there is a command to apply.
``filters``
    The conditions, each with the fields of `Condition` and in words: ``told``.
``busy``, ``stops``, ``progress``
    What is going on, whether it can be stopped, and how far it is: ``[done, total]`` or null.
``notices``, ``draft``
    What a person has to be told until it is dismissed; whether edits of another time are back.
``review``
    What applying would do, as `torc_frames.widgets.parameters.review` makes it, or null.
``taken``
    Whether another editor has the table now.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from torc_frames.widgets.app.messages import Op

__all__ = ["Message"]

_Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]
_Name = Annotated[str, msgspec.Meta(max_length=10_000)]


class Review(Op, frozen=True):
    """Show what applying would do."""


class Leave(Op, frozen=True):
    """Show it no longer."""


class Decide(Op, frozen=True):
    """What stays of conflicts of a review, each with its number there; None is all of them."""

    review: _Number
    choices: Annotated[
        list[tuple[_Number | None, Literal["mine", "theirs"]]], msgspec.Meta(min_length=1, max_length=10_000)
    ]


class Apply(Op, frozen=True):
    """Do what a review says."""

    review: _Number


class Stop(Op, frozen=True):
    """Stop what is going on, if it can be."""


class Discard(Op, frozen=True):
    """Forget all edits."""


class Reload(Op, frozen=True):
    """Pull the table again; edits stay."""


class Dismiss(Op, frozen=True):
    """The notices were read."""


class Restore(Op, frozen=True):
    """Take back that the selected rows are deleted."""


class GoTo(Op, frozen=True):
    """Show a cell: the number of a row of the whole table, and a column's name."""

    row: _Number
    column: _Name | None = None


class Filtered(Op, frozen=True, tag="filter"):
    """Show the rows for which all conditions hold, each as the fields of a `Condition`."""

    conditions: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=100)]


class FillCells(Op, frozen=True, tag="fill"):
    """Fill a column, or the selected cells, from what was typed."""

    by: Literal["value", "formula", "steps", "linspace", "logspace", "list"]
    first: _Text
    second: _Text = ""
    column: _Name | None = None


class AddColumn(Op, frozen=True):
    """Add a column, with a text typed into each row."""

    name: _Name
    dtype: _Name
    default: _Text = ""


class RenameColumn(Op, frozen=True):
    """Give a column another name."""

    name: _Name
    to: _Name


class RetypeColumn(Op, frozen=True):
    """Make a column one of another dtype."""

    name: _Name
    dtype: _Name


class DropColumn(Op, frozen=True):
    """Take a column out."""

    name: _Name


class Begin(Op, frozen=True):
    """Make a table of text from the clipboard: names in the first line, then rows."""

    text: str


Message = (
    Review
    | Leave
    | Decide
    | Apply
    | Stop
    | Discard
    | Reload
    | Dismiss
    | Restore
    | GoTo
    | Filtered
    | FillCells
    | AddColumn
    | RenameColumn
    | RetypeColumn
    | DropColumn
    | Begin
)
