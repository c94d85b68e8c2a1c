"""The edits of a sheet as JSON: how they are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.column import Column as JsonColumn
from torc_frames.frame.dtypes import encode, restore
from torc_frames.widgets.parameters.base import SheetBase, Typed
from torc_frames.widgets.parameters.column import SheetColumn, column_of
from torc_frames.widgets.parameters.ids import AT_TOP, Ids, merged, woven
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table.cells import Format

__all__ = ["Lost", "SheetEdits", "Unbound", "as_json", "from_json"]

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


class Unbound(NamedTuple):
    """Edits as they were written down: of which base is not known any more but for what they speak of."""

    state: State
    known: Sequence[str] | None
    """The jobs that the base had."""

    begun: Mapping[int, bytes]
    """New rows that were being written, each with its record then."""

    edits: SheetEdits


def as_json(state: State, lost: Sequence[Lost], begun: Mapping[int, bytes]) -> dict[str, Any]:
    """Return the edits of a sheet as JSON.

    Parameters
    ----------
    state : State
    lost : sequence of Lost
    begun : mapping
        New rows that are being written, each with its record: they may be jobs by now.
    """
    refs = _References(state.base)
    length = len(state.base)
    torc = state.base.attrs.get("torc")
    about = torc and {name: value for name, value in torc.items() if name != "base"}
    made = SheetEdits(VERSION, about, [*state.base.names], [], refs.rows, [], [], [], [], [], list(lost))
    at = np.flatnonzero(state.own >= length)
    before = np.concatenate([[AT_TOP], state.own])[at]
    for id, above in zip(state.own[at].tolist(), before.tolist(), strict=True):
        made.new.append((refs.of(id), None if above < 0 else refs.of(above)))
    written = np.array([*begun], dtype=np.int64)
    removed = written[~np.isin(written, state.own)]
    made.new += [(refs.of(id), None) for id in removed.tolist()]
    made.deleted = [refs.of(id) for id in [*np.flatnonzero(state.deleted).tolist(), *removed.tolist()]]
    made.removed = [refs.of(id) for id in np.flatnonzero(~np.isin(np.arange(length), state.own)).tolist()]
    if made.new:
        made.known = [key for key in state.base.keys if key is not None]
    made.begun = [(refs.of(id), line.decode()) for id, line in begun.items()]
    there = np.concatenate([state.own, removed])
    for column in state.columns:
        _add_column(column, there, written, refs, made)
    told: dict[str, Any] = msgspec.to_builtins(made)
    return {**told, **{name: [list(pair) for pair in told[name]] for name in ("rows", "new", "begun")}}


class _References:
    """The rows that edits speak of."""

    def __init__(self, base: SheetBase) -> None:
        self.rows: list[tuple[str, str | int]] = []
        self._base = base
        self._numbers: dict[int, int] = {}

    def of(self, id: int) -> int:
        """Return the number of a row."""
        if id not in self._numbers:
            self._numbers[id] = len(self.rows)
            key = self._base.key(id)
            place = ("new", id) if id >= len(self._base) else ("at", id)
            self.rows.append(place if key is None else ("key", key))
        return self._numbers[id]


def _add_column(column: SheetColumn, there: Ids, begun: Ids, refs: _References, edits: SheetEdits) -> None:
    spec, new = column.format.spec, column.origin is None
    edits.columns.append(
        EditedColumn(column.name, column.origin, dict(spec or {}), column.format.kind, column.retyped or new)
    )
    if spec is None:
        return
    # What is missing in a new row is so already, unless it may be none by now.
    ids = merged(column.ids, begun)
    ids = ids[np.isin(ids, there) & ~np.isin(ids, column.blank)]
    if len(ids):
        values = encode(column.series(ids))[0]
        edits.cells.append(EditedCells(column.name, [refs.of(id) for id in ids.tolist()], values))
    typed = np.fromiter(column.typed, dtype=np.int64, count=len(column.typed))
    for id in typed[np.isin(typed, there)].tolist():
        edits.typed.append(TypedCell(column.name, refs.of(id), *column.typed[id]))


def from_json(data: Mapping[str, Any]) -> Unbound:
    """Return edits that were JSON; RefusedError for anything else."""
    try:
        edits = msgspec.convert(data, SheetEdits)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RefusedError(f"no edits of a sheet: {error}") from None
    if edits.version != VERSION:
        raise RefusedError(f"edits of version {edits.version}; this torc_frames knows {VERSION}")
    _check(edits)
    spoken = [(number, *row) for number, row in enumerate(edits.rows) if row[0] != "new"]
    new = [number for number, row in enumerate(edits.rows) if row[0] == "new"]
    # By number: the row's id.
    ids = {number: id for id, number in enumerate([*(row[0] for row in spoken), *new])}
    keys = [str(what) if kind == "key" else None for _, kind, what in spoken]
    places = [-1 if kind == "key" else int(what) for _, kind, what in spoken]
    base = SheetBase(keys, edits.base, places)
    base.more(len(new))
    out = {ids[number] for number in [*edits.removed, *edits.deleted]}
    kept = [(ids[row], AT_TOP if after is None else ids[after]) for row, after in edits.new]
    rows, after = np.array([pair for pair in kept if pair[0] not in out], dtype=np.int64).reshape(-1, 2).T
    removed = [ids[number] for number in edits.removed]
    own = woven(np.setdiff1d(np.arange(len(base)), removed), rows, after)
    deleted = np.zeros(len(base), dtype=np.bool_)
    deleted[[id for id in out.difference(removed) if id < len(base)]] = True
    columns = tuple(_column(base, one, edits, ids) for one in edits.columns)
    begun = {ids[number]: line.encode() for number, line in edits.begun}
    return Unbound(State(base, columns, own, deleted, own), edits.known, begun, edits)


def _column(base: SheetBase, one: EditedColumn, edits: SheetEdits, ids: Mapping[int, int]) -> SheetColumn:
    column = column_of(base, one.name, None, _format(one))
    cells = next((cells for cells in edits.cells if cells.column == one.name), EditedCells("", [], []))
    values = restore(JsonColumn.of(cells.values), one.dtype) if cells.rows else None
    if values is None:
        if cells.rows:
            raise RefusedError(f"no edits of a sheet: values of column {one.name!r} are not {one.dtype}")
        values = pd.Series(column.values)
    at = np.array([ids[number] for number in cells.rows], dtype=np.int64)
    order = np.argsort(at)
    typed = {
        ids[cell.row]: Typed(cell.text, cell.reason, cell.blank)
        for cell in edits.typed
        if cell.column == one.name
    }
    retyped = one.retyped and one.origin is not None
    array = values.array.take(order)
    return replace(column, origin=one.origin, retyped=retyped, ids=at[order], values=array, typed=typed)


def _format(one: EditedColumn) -> Format:
    """Return the format of a column, as far as it is told."""
    empty = restore(JsonColumn.of([]), one.dtype) if one.dtype else None
    if empty is None:
        if one.retyped or one.dtype:
            raise RefusedError(f"column {one.name!r}: no dtype {one.dtype}")
        return Format.of("object")  # one that can't be edited
    format = Format.of(empty)
    if format.kind == "category":
        return format
    return Format(format.dtype, "string" if one.kind == "string" else format.kind, one.dtype)


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
