"""What the grid in the browser and its widget in Python say to each other; the one place that knows.

The browser sends the messages below, each an object whose ``op`` is the name of its class in small letters.
Positions are those of the rows as they are shown, blocks are ``[top, left, bottom, right]`` with ends that
are not part of them. ``gen`` is the number of the order of rows that the browser has on its page: where the
rows have moved since, the message is refused.

Python sends objects with a ``kind``:

``head``
    The table anew: ``gen``, ``length``, ``columns``, ``order`` (``[column, ascending]`` or null),
    ``editable``, ``status``, the ``arrangement`` of columns (``hidden`` and ``order``, names, and ``frozen``,
    how many stay while one scrolls), and some rows as in ``rows``. All rows that the browser had are void
    if ``gen`` is another.
``rows``
    ``gen``, ``start`` and ``rows``; with a ``status`` if they have changed. A row has its texts ``t``, and
    where there are any its state ``s``, changed columns ``c``, errors by column ``e``, and the columns ``x``
    whose texts are only beginnings.
``stale``
    ``gen``, ``start``, ``stop``, ``status``: rows to ask for again.
``text``
    ``id`` and ``text``, the answer to ``copy`` and ``cell``.
``answer``
    ``id``, and the answer to ``find`` and ``replace``: ``count`` (of cells), where there are any ``at``
    (which of them, from 1 on), ``row`` and ``column``; or the ``error``. Whatever is asked when the rows
    have moved is answered so.
``offer``
    ``id``, ``text`` (a question) and ``choices``, each with ``label`` and ``example``: what texts that were
    refused may mean, to be answered by ``accept``. Without choices nothing is offered any more.
``note``
    ``text``: something that a person is to be told.
``focus``
    ``row`` and ``column``: where to go.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from torc_frames.widgets.app import messages as app
from torc_frames.widgets.app.messages import Id, Op
from torc_frames.widgets.table.source import Row

__all__ = [
    "Accept",
    "Act",
    "Arrange",
    "Cell",
    "Clear",
    "Copy",
    "Delete",
    "Duplicate",
    "Fill",
    "Find",
    "Hello",
    "Insert",
    "Message",
    "OnRows",
    "Paste",
    "Redo",
    "Replace",
    "Rows",
    "Select",
    "Set",
    "Sort",
    "Undo",
    "read",
    "row",
]

MOST_ROWS = 1_000
"""So many rows are asked for, or inserted, at once."""

LONGEST_TEXT = 1_000
"""So much of a text is sent unasked."""

_Index = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Block = tuple[_Index, _Index, _Index, _Index]


class Hello(Op, frozen=True):
    """A page has opened, and knows nothing yet."""


class Undo(Op, frozen=True):
    """Take back the last step."""


class Redo(Op, frozen=True):
    """Do again what was taken back last."""


class Act(Op, frozen=True):
    """Anything about rows or columns by position."""

    gen: _Index


class OnRows(Act, frozen=True):
    """Anything about some rows."""

    start: _Index
    stop: _Index


class Rows(OnRows, frozen=True):
    """Send some rows."""


class Duplicate(OnRows, frozen=True):
    """Add copies of rows below them."""


class Delete(OnRows, frozen=True):
    """Delete rows."""


class Insert(Act, frozen=True):
    """Add empty rows before a row."""

    at: _Index
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS)]


class Set(Act, frozen=True):
    """Texts that were typed, each with its row and column."""

    cells: Annotated[list[tuple[_Index, _Index, str]], msgspec.Meta(min_length=1, max_length=100_000)]


class Paste(Act, frozen=True):
    """Text from the clipboard."""

    block: _Block
    text: str


class Clear(Act, frozen=True):
    """Make cells missing."""

    block: _Block


class Fill(Act, frozen=True):
    """Fill cells, ``target``, beside others: their series goes on, or they are repeated.

    ``switched`` does it the other way: copies of what is a series, a series of one number.
    """

    block: _Block
    target: _Block
    switched: bool = False


class Select(Act, frozen=True):
    """The cells that are selected now."""

    block: _Block


class Asking(Act, frozen=True):
    """Anything that is answered by its `id`."""

    id: Id


class Copy(Asking, frozen=True):
    """Send the text of a block."""

    block: _Block


class Cell(Asking, frozen=True):
    """Send the whole text of a cell."""

    row: _Index
    column: _Index


class Looking(Asking, frozen=True):
    """A text in the cells of a block, null for the whole table; see `Search`."""

    text: str
    regex: bool = False
    whole: bool = False
    case: bool = False
    block: _Block | None = None


class Find(Looking, frozen=True):
    """Which cell has it: the one `at` a row and column or after it, or the next one, or the one before."""

    at: tuple[_Index, _Index] = (0, 0)
    way: Literal["here", "next", "back"] = "here"


class Replace(Looking, frozen=True):
    """Put another text in its place."""

    by: str = ""


class Accept(Op, frozen=True):
    """The answer to an ``offer``: which choice, from 0 on; null to leave the texts as they are."""

    id: Id
    choice: _Index | None = None


class Arrange(Op, frozen=True):
    """Arrange columns, by their names; see `Layout`."""

    hidden: list[str]
    order: list[str]
    frozen: _Index


class Sort(Op, frozen=True):
    """Sort by a column; null for the table's own order."""

    column: _Index
    ascending: bool | None


Message = (
    Hello
    | Undo
    | Redo
    | Rows
    | Duplicate
    | Delete
    | Insert
    | Set
    | Paste
    | Clear
    | Fill
    | Select
    | Copy
    | Cell
    | Find
    | Replace
    | Accept
    | Arrange
    | Sort
)


def read(content: Any) -> Message:
    """Return the message that a browser sent; RefusedError if it is none."""
    message: Message = app.read(content, Message, "a grid")
    return message


def row(row: Row) -> dict[str, Any]:
    """Return a row as it is sent: what is empty is left out, what is long is cut."""
    sent: dict[str, Any] = {"t": row.texts}
    if any(len(text) > LONGEST_TEXT for text in row.texts):
        sent["t"] = [text[:LONGEST_TEXT] for text in row.texts]
        sent["x"] = [at for at, text in enumerate(row.texts) if len(text) > LONGEST_TEXT]
    if row.state:
        sent["s"] = row.state
    if row.changed:
        sent["c"] = row.changed
    if row.errors:
        sent["e"] = {str(at): reason for at, reason in row.errors.items()}
    return sent
