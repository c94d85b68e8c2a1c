"""What a grid asks of the table behind it: rows as texts, a page at a time, and edits by position."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from torc_frames.widgets.table.finding import Search

__all__ = [
    "Block",
    "Change",
    "EditableSource",
    "GridColumn",
    "Kind",
    "Layout",
    "Row",
    "Source",
    "State",
    "redone",
    "undone",
]

Kind = Literal["int", "float", "bool", "string", "datetime", "category", "json"]
"""How the cells of a column are shown and typed."""

State = Literal["", "changed", "new", "deleted"]


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column as a grid paints it."""

    name: str
    kind: Kind
    dtype: str
    """As pandas writes it."""

    read_only: bool = False
    choices: tuple[str, ...] | None = None
    """The texts to choose from, where there are only these."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a grid paints it."""

    texts: list[str]
    """By column; a missing value is an empty text."""

    state: State = ""
    changed: list[int] = field(default_factory=list)
    """The columns whose cells are not as the store has them."""

    errors: dict[int, str] = field(default_factory=dict)
    """By column: why the text there is no value. It is shown as it was typed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are shown, in which order, and how many of them stay where they are.

    Examples
    --------
    >>> Layout(hidden=("b",), order=("c",)).places(["a", "b", "c", "d"])
    [2, 0, 3]
    """

    hidden: tuple[str, ...] = ()
    """By name."""

    order: tuple[str, ...] = ()
    """Names; columns that are not among them follow, as the table has them."""

    frozen: int = 0
    """So many, the first of those that are shown, stay while one scrolls to the right."""

    def places(self, names: Sequence[str]) -> list[int]:
        """Return the positions, among all columns, of those shown, in order; of all if none would be."""
        rank = {name: at for at, name in enumerate(self.order)}
        kept = [at for at, name in enumerate(names) if name not in self.hidden]
        return sorted(kept or range(len(names)), key=lambda at: rank.get(names[at], len(rank)))


class Block(NamedTuple):
    """A rectangle of cells, by position in the order that is shown; ends are not part of it."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a grid has to paint anew."""

    rows: tuple[int, int] | None = None
    """From and to (not part of it); None for all of them, whose number or order may be another."""

    columns: bool = False
    """Whether the columns are others."""

    focus: tuple[int, int] | None = None
    """The row and column to show and go to."""


class Source(Protocol):
    """A table to look at. Positions are those of the rows as they are sorted and filtered."""

    lock: threading.RLock
    """Held by whoever reads several things that belong together; widgets' callbacks run in threads."""

    @property
    def columns(self) -> Sequence[GridColumn]:
        """The columns, in order."""

    @property
    def order(self) -> tuple[int, bool] | None:
        """The column that rows are sorted by, and whether ascending; None for the table's own order."""

    @property
    def arrangement(self) -> Layout:
        """How columns are arranged: positions are those of columns that are shown, in their order."""

    def arrange(self, arrangement: Layout) -> None:
        """Arrange columns; at least one stays."""

    @property
    def status(self) -> str:
        """One line of text about the whole table."""

    def __len__(self) -> int:
        """Return how many rows are shown."""

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return some rows; fewer if there are no more."""

    def texts(self, block: Block) -> list[list[str]]:
        """Return the texts of cells, column by column."""

    def text(self, block: Block) -> str:
        """Return cells as tab-separated text, as spreadsheets copy them."""

    def sort(self, column: int, ascending: bool | None) -> None:
        """Sort by a column; None for the table's own order."""

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after each change, with `lock` held; call what is returned to end that."""


@runtime_checkable
class EditableSource(Source, Protocol):
    """A table to edit. Each call is one step that `undo` takes back; sorting is none."""

    def set_texts(self, cells: Sequence[tuple[int, int, str]]) -> None:
        """Type texts into cells, each a row, a column and what was typed."""

    def paste(self, block: Block, text: str) -> None:
        """Put tab-separated text at a block, which it is repeated in if that is larger; rows are added."""

    def clear(self, block: Block) -> None:
        """Make cells missing."""

    def fill(self, source: Block, target: Block, switched: bool = False) -> None:
        """Fill cells beside others, as a series where those are one; `switched` does it the other way."""

    def replace(self, search: Search, by: str, where: Block | None = None) -> int:
        """Replace what is found in a block, or in the whole table; return in how many cells."""

    def insert_rows(self, at: int, count: int) -> None:
        """Add empty rows before a row."""

    def duplicate_rows(self, start: int, stop: int) -> None:
        """Add copies of rows below them."""

    def delete_rows(self, start: int, stop: int) -> None:
        """Delete rows; those that the store has stay visible, marked, until that is applied."""

    def undo(self) -> str | None:
        """Take back the last step, and return what that was, in words; None if there is none."""

    def redo(self) -> str | None:
        """Do again what was taken back last, and return what that was; None if there is nothing."""


def undone(source: EditableSource) -> str:
    """Take back the last step, and return what a person is to be told, if anything."""
    told = source.undo()
    return f"took back: {told}" if told else ""


def redone(source: EditableSource) -> str:
    """Do again what was taken back last, and return what a person is to be told, if anything."""
    told = source.redo()
    return f"did again: {told}" if told else ""
