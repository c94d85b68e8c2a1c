"""The edits of a sheet as JSON: how they are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from torc_frames.errors import RefusedError

__all__ = [
    "VERSION",
    "EditedCells",
    "EditedColumn",
    "Lost",
    "SheetEdits",
    "TypedCell",
    "as_json",
    "from_json",
]

VERSION = 1


class Lost(msgspec.Struct, frozen=True):
    """An edit that could not be put on a frame that had changed.

    Attributes
    ----------
    job_key : str or None
        The row; None for a new one.
    column : str
    text : str
        What the cell showed.
    reason : str
        What is gone.
    """

    job_key: str | None
    column: str
    text: str
    reason: str


class EditedColumn(msgspec.Struct):
    """A column of the sheet: of which column of the base it was made, and its dtype."""

    name: str
    origin: str | None
    dtype: dict[str, Any]
    kind: str
    retyped: bool


class EditedCells(msgspec.Struct):
    """Values of a column, as JSON in its dtype, by row."""

    column: str
    rows: list[int]
    values: list[Any]


class TypedCell(msgspec.Struct):
    """A text that is no value; in a blank cell there never was one."""

    column: str
    row: int
    text: str
    reason: str
    blank: bool


class SheetEdits(msgspec.Struct):
    """All edits of a sheet. Rows are numbers of places in `rows`."""

    version: int
    torc: dict[str, Any] | None
    """``attrs["torc"]`` of the frame that the edits were made on."""

    base: list[str]
    """The columns that it had."""

    columns: list[EditedColumn]
    rows: list[tuple[str, str | int]]
    """``["key", job_key]``, for rows without one ``["at", position]``, or ``["new", number]``."""

    new: list[tuple[int, int | None]]
    """New rows in their order, each with the row that it comes after."""

    deleted: list[int]
    removed: list[int]
    cells: list[EditedCells]
    typed: list[TypedCell]
    lost: list[Lost]

    known: list[str] | None = None
    """The jobs that the base had: new rows may have become others. None where there are no new rows."""

    begun: list[tuple[int, str]] = []
    """New rows that were being written, each with its record then, JSON."""


def as_json(edits: SheetEdits) -> dict[str, Any]:
    """Return edits as JSON."""
    about = edits.torc and {name: value for name, value in edits.torc.items() if name != "base"}
    made: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(edits, torc=about))
    pairs = {name: [list(pair) for pair in made[name]] for name in ("rows", "new", "begun")}
    return {**made, **pairs}


def from_json(data: Mapping[str, Any]) -> SheetEdits:
    """Return edits that were JSON; RefusedError for anything else."""
    try:
        edits = msgspec.convert(data, SheetEdits)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RefusedError(f"no edits of a sheet: {error}") from None
    if edits.version != VERSION:
        raise RefusedError(f"edits of version {edits.version}; this torc_frames knows {VERSION}")
    _check(edits)
    return edits


def _check(edits: SheetEdits) -> None:
    """Refuse edits that speak of rows or columns that they don't have."""
    names = [column.name for column in edits.columns]
    numbers = [row for row, _ in edits.new] + [after for _, after in edits.new if after is not None]
    numbers += [*edits.deleted, *edits.removed, *(typed.row for typed in edits.typed)]
    numbers += [row for cells in edits.cells for row in cells.rows] + [row for row, _ in edits.begun]
    spoken = {cells.column for cells in edits.cells} | {typed.column for typed in edits.typed}
    good = (
        len(set(names)) == len(names)
        and all(0 <= number < len(edits.rows) for number in numbers)
        and spoken <= set(names)
        and all(len(cells.rows) == len(cells.values) for cells in edits.cells)
        and {kind for kind, _ in edits.rows} <= {"key", "at", "new"}
        and {row for row, _ in edits.new} == {at for at, (kind, _) in enumerate(edits.rows) if kind == "new"}
    )
    if not good:
        raise RefusedError("no edits of a sheet: they speak of rows or columns that they don't have")
