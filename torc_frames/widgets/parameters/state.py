"""The edits of a sheet, gathered, and put on a frame again, which may be another one by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.column import Column as JsonColumn
from torc_frames.frame.compare import differing
from torc_frames.frame.dtypes import encode, restore
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.applied import Applied, Taken
from torc_frames.widgets.parameters.column import CellsPatch, Ids, SheetColumn
from torc_frames.widgets.parameters.edits import (
    VERSION,
    EditedCells,
    EditedColumn,
    Lost,
    SheetEdits,
    TypedCell,
)
from torc_frames.widgets.parameters.matching import lines_of, with_jobs
from torc_frames.widgets.parameters.table import Table, check_names
from torc_frames.widgets.table.cells import Format, kind_of

__all__ = ["Gathered", "Placed", "as_pulled", "column_of", "described", "gathered", "is_dirty", "placed"]


class Gathered(NamedTuple):
    """The edits of a table."""

    edits: SheetEdits
    rows: Mapping[int, int]
    """By id: the number of a row that the edits speak of."""


class Placed(NamedTuple):
    """A table with edits on it."""

    table: Table
    lost: list[Lost]
    """What it can't take."""

    ids: Sequence[int | None]
    """Its rows that the edits speak of, by number; None for those that are gone."""


def gathered(table: Table, lost: Sequence[Lost], applied: Applied) -> Gathered:
    """Return the edits of a table."""
    refs = _References(table, applied)
    base = [*table.stored]
    if applied.taken is not None:
        base += [name for name in applied.taken.frame.columns if name not in table.stored]
    edits = SheetEdits(VERSION, table.attrs.get("torc"), base, [], refs.rows, [], [], [], [], [], list(lost))
    before = None
    for id in table.rows.own.tolist():
        if refs.is_new(id):
            edits.new.append((refs.of(id), None if before is None else refs.of(before)))
        before = id
    removed = applied.removed(table.rows)
    edits.new += [(refs.of(id), None) for id in removed if refs.is_new(id)]
    edits.deleted = [refs.of(id) for id in [*np.flatnonzero(table.rows.deleted).tolist(), *removed]]
    gone = np.setdiff1d(np.arange(table.rows.base), table.rows.own)
    edits.removed = [refs.of(id) for id in gone.tolist()]
    if edits.new:
        edits.known = [key for key in table.rows.keys if key is not None]
    if applied.begun is not None:
        edits.begun = _begun(applied.begun, refs)
    for column in table.columns:
        _add_column(table, column, applied, refs, edits)
    return Gathered(edits, refs.numbers)


def placed(frame: pd.DataFrame, rules: Mapping[str, Rule], edits: SheetEdits) -> Placed:
    """Return a table of a frame with edits put on it.

    New rows that have become jobs meanwhile are these jobs. Columns that are all the base's have its order.
    ``attrs["torc"]`` are those that the edits were made on, if there are any edits.
    """
    table = Table(frame, rules)
    ids, lost = _put(table, edits)
    found = with_jobs(table, ids, edits)
    if found is not edits:
        table = Table(frame, rules)
        ids, lost = _put(table, found)
    names = [*table.stored]
    if {(name, name) for name in names} == {(column.origin, column.name) for column in table.columns}:
        table.columns.sort(key=lambda column: names.index(column.name))
    if edits.torc is not None and is_dirty(table):
        table.attrs["torc"] = edits.torc
    return Placed(table, lost, ids)


def _put(table: Table, edits: SheetEdits) -> tuple[list[int | None], list[Lost]]:
    """Put edits on a table that has none; return the rows that they speak of, and what it can't take."""
    lost = list(edits.lost)
    columns = _fitting(table, _columns(table, edits))
    ids = _place_rows(table, edits)
    table.set_columns(columns)
    taken = [id for id in ids if id is not None and id >= table.rows.base]
    for column in columns:
        if taken:
            column.fill_new(np.array(taken, dtype=np.int64)).swap()
    specs = {column.name: column for column in edits.columns}
    for cells in edits.cells:
        _put_cells(table, edits, cells, specs[cells.column], ids, lost)
    for typed in edits.typed:
        _put_typed(table, edits, typed, specs[typed.column], ids, lost)
    for row in edits.deleted:
        if (id := ids[row]) is not None and id < table.rows.base:
            table.rows.deleted[id] = True
    return ids, lost


def is_dirty(table: Table) -> bool:
    """Return whether a table is other than its base."""
    rows = table.rows
    if (
        rows.deleted.any()
        or len(rows.own) != rows.base
        or [*table.stored] != [one.name for one in table.columns]
    ):
        return True
    if not np.array_equal(rows.own, np.arange(rows.base)):
        return True
    return any(
        column.origin != column.name
        or column.format.dtype != table.stored[column.name].dtype
        or bool(column.changed(rows.own).any())
        for column in table.columns
    )


class _References:
    """The rows that edits speak of."""

    def __init__(self, table: Table, applied: Applied) -> None:
        self.rows: list[tuple[str, str | int]] = []
        self._table = table
        self._applied = applied
        self.numbers: dict[int, int] = {}

    def is_new(self, id: int) -> bool:
        """Return whether a row is neither of the base nor a job by now."""
        if id in self._applied.wanted:
            return True
        return id >= self._table.rows.base and id not in self._applied.keys

    def of(self, id: int) -> int:
        """Return the number of a row."""
        if id not in self.numbers:
            self.numbers[id] = len(self.rows)
            key = self._applied.keys.get(id) or self._table.rows.key(id)
            if self.is_new(id):
                self.rows.append(("new", id))
            else:
                self.rows.append(("at", id) if key is None else ("key", key))
        return self.numbers[id]


def _begun(taken: Taken, refs: _References) -> list[tuple[int, str]]:
    """Return the new rows that were being written, with what they were then."""
    at = [place for place, id in enumerate(taken.ids.tolist()) if refs.is_new(id)]
    lines = lines_of(taken.frame.iloc[at])
    return [(refs.of(int(taken.ids[place])), line.decode()) for place, line in zip(at, lines, strict=True)]


def _add_column(
    table: Table, column: SheetColumn, applied: Applied, refs: _References, edits: SheetEdits
) -> None:
    one, stored = described(table, column), _origin(table, column)
    written = applied.name(column)
    if applied.taken is not None and written is not None:
        # It has its values in the store, under the name that it had then.
        retyped = applied.taken.frame[written].dtype != column.format.dtype
        one = msgspec.structs.replace(one, origin=written, retyped=retyped)
    edits.columns.append(one)
    if column.format.spec is None:
        return
    ids = np.concatenate([table.rows.own, np.array(applied.removed(table.rows), dtype=np.int64)])
    before, typed_before, known = _reference(table, column, stored, applied)
    # What is missing is so already in a row or a column that is new, unless it may be none by now.
    differs = ~column.series(ids).isna().to_numpy()
    if applied.begun is not None:
        differs |= np.isin(ids, applied.begun.ids)
    here = known[ids]
    differs[here] = differing(column.values.take(ids[here]), before.take(ids[here]))
    listed = zip(ids.tolist(), differs.tolist(), strict=True)
    valid = [
        id
        for id, other_value in listed
        if (other_value and id not in column.blank) or (id in typed_before and id not in column.typed)
    ]
    if valid:
        values, _ = encode(column.series(np.array(valid, dtype=np.int64)))
        edits.cells.append(EditedCells(column.name, [refs.of(id) for id in valid], values))
    there = set(ids.tolist())
    for id, (text, reason) in column.typed.items():
        if id in there and typed_before.get(id) != (text, reason):
            edits.typed.append(TypedCell(column.name, refs.of(id), text, reason, id in column.blank))


def described(table: Table, column: SheetColumn) -> EditedColumn:
    """Return a column as it is written down, without its cells."""
    stored = _origin(table, column)
    same = stored is not None and _kind(stored) == (column.format.dtype, column.format.kind)
    return EditedColumn(
        column.name, column.origin, dict(column.format.spec or {}), column.format.kind, not same
    )


def _origin(table: Table, column: SheetColumn) -> pd.Series | None:
    return None if column.origin is None else table.stored.get(column.origin)


def _reference(
    table: Table, column: SheetColumn, stored: pd.Series | None, applied: Applied
) -> tuple[Any, dict[int, tuple[str, str]], Any]:
    """Return what a column is without edits, the texts in it, and of which rows that is known."""
    made = SheetColumn(column.name, column.series(np.arange(table.rows.made, dtype=np.int64)), column.format)
    known = np.zeros(table.rows.made, dtype=np.bool_)
    if stored is not None:
        base = np.arange(table.rows.base, dtype=np.int64)
        plain = as_pulled(column, stored)
        made.values[base] = plain.values.take(base)
        made.typed = dict(plain.typed)
        known[base] = True
    written, taken = applied.name(column), applied.taken
    if taken is not None and written is not None and taken.frame[written].dtype == column.format.dtype:
        made.values[taken.ids] = taken.frame[written].array
        known[taken.ids] = True
    known[list(applied.wanted)] = False
    return made.values, made.typed, known


def as_pulled(column: SheetColumn, stored: pd.Series) -> SheetColumn:
    """Return what a column would be if nobody had edited it, in the dtype that it has."""
    plain = SheetColumn(column.name, stored, Format.of(stored))
    if _kind(stored) == (column.format.dtype, column.format.kind):
        return plain
    return plain.retyped(column.format, np.arange(len(stored), dtype=np.int64))


def _kind(series: pd.Series) -> tuple[Any, str]:
    return series.dtype, kind_of(series.dtype, series)


def _columns(table: Table, edits: SheetEdits) -> list[SheetColumn]:
    """Return the columns that a table is to have."""
    found = [(one, column_of(table, one, edits.base)) for one in edits.columns]
    columns = [column for _, column in found if column is not None]
    made_of = {column.origin for column in columns} | {one.origin for one, column in found if column}
    known = {column.name for column in columns} | {*edits.base} | made_of
    added = [name for name in table.stored if name not in known]
    columns += [SheetColumn(n, table.stored[n], Format.of(table.stored[n]), origin=n) for n in added]
    return columns


def column_of(table: Table, one: EditedColumn, base: Collection[str]) -> SheetColumn | None:
    """Return a column of a table, as it was written down, without its cells; None if it is gone.

    Parameters
    ----------
    table : Table
    one : EditedColumn
    base : collection of str
        The columns that were there when it was written down.
    """
    # Others may have made a column of this name since; one that was there before is not meant.
    arrived = one.name in table.stored and one.name not in base
    origin = one.origin if one.origin in table.stored else one.name if arrived else None
    if origin is not None:
        stored = table.stored[origin]
        column = SheetColumn(one.name, stored, Format.of(stored), origin=origin)
        wanted = _format(one) if one.retyped and one.origin is not None else column.format
        if (wanted.dtype, wanted.kind) != (column.format.dtype, column.format.kind):
            column = column.retyped(wanted, np.arange(table.rows.base, dtype=np.int64))
        if arrived and origin != one.name:
            _join(column, table.stored[one.name])
        return column
    if one.origin is None:
        return _empty_column(one, np.arange(table.rows.base, dtype=np.int64))
    if one.name in table.stored:  # what it was made of is gone: it was written under its new name
        stored = table.stored[one.name]
        return SheetColumn(one.name, stored, Format.of(stored), origin=one.name)
    return None


def _fitting(table: Table, columns: list[SheetColumn]) -> list[SheetColumn]:
    """Leave out columns whose names lie inside of others that the store has by now, or around them."""
    kept = [column.name for column in columns if column.name in table.stored]
    for column in columns:
        if column.name not in kept:
            try:
                check_names([*kept, column.name])
            except RefusedError:
                continue  # its cells are told as lost
            kept.append(column.name)
    check_names(kept)
    return [column for column in columns if column.name in kept]


def _join(column: SheetColumn, theirs: pd.Series) -> None:
    """Make a column that was renamed the one that others have made of this name; its gaps are theirs."""
    gaps = np.flatnonzero(column.series(np.arange(len(theirs))).isna().to_numpy() & theirs.notna().to_numpy())
    if len(gaps):
        column.write(gaps, Format.of(theirs).texts(theirs.take(gaps))).swap()
    column.origin = column.name


def _format(column: EditedColumn) -> Format:
    """Return the format of a column that was retyped or added."""
    empty = restore(JsonColumn.of([]), column.dtype)
    if empty is None:
        raise RefusedError(f"column {column.name!r}: no dtype {column.dtype}")
    format = Format.of(empty)
    if format.kind == "category":
        return format
    kind = "string" if column.kind == "string" else format.kind
    return Format(format.dtype, kind, column.dtype)


def _empty_column(one: EditedColumn, base: Ids) -> SheetColumn:
    format = _format(one)
    none = pd.Series([], dtype=format.dtype)
    column = SheetColumn(one.name, none, format)
    column.grow(len(base))
    column.fill_new(base).swap()
    return column


def _place_rows(table: Table, edits: SheetEdits) -> list[int | None]:
    """Add the new rows of edits where they were, and return the ids of all rows that edits speak of."""
    by_key = {key: id for id, key in enumerate(table.rows.keys) if key is not None}
    new = dict(zip((row for row, _ in edits.new), table.rows.more(len(edits.new)).tolist(), strict=True))
    ids: list[int | None] = []
    for row, (kind, what) in enumerate(edits.rows):
        if kind == "key":
            ids.append(by_key.get(str(what)))
        elif kind == "at":
            there = isinstance(what, int) and what < table.rows.base and table.rows.key(what) is None
            ids.append(int(what) if there else None)
        else:
            ids.append(new.get(row))
    removed = {ids[row] for row in edits.removed}
    followers: dict[int | None, list[int]] = {}
    for row, after in edits.new:
        place = -1 if after is None else ids[after]
        followers.setdefault(place, []).append(new[row])
    table.rows.own = np.array(_in_order(table.rows.own.tolist(), removed, followers), dtype=np.int64)
    table.rows.view = table.rows.own
    return ids


def _in_order(
    own: Sequence[int], removed: set[int | None], followers: Mapping[int | None, Sequence[int]]
) -> list[int]:
    """Return rows with those that follow them; where the row before is gone, at the end."""
    order: list[int] = []
    for id in (-1, *own, None):
        waiting: list[int | None] = [id]
        while waiting:
            one = waiting.pop()
            if one is not None and one >= 0 and one not in removed:
                order.append(one)
            waiting += reversed(followers.get(one, ()))
    return order


def _put_cells(
    table: Table,
    edits: SheetEdits,
    cells: EditedCells,
    one: EditedColumn,
    ids: Sequence[int | None],
    lost: list[Lost],
) -> None:
    made = restore(JsonColumn.of(cells.values), one.dtype)
    if made is None:
        raise RefusedError(f"no edits of a sheet: values of column {one.name!r} are not {one.dtype}")
    format = _format(one)
    column = table.by_name().get(one.name)
    there = [at for at, row in enumerate(cells.rows) if ids[row] is not None and column is not None]
    if len(there) < len(made):
        kept, deleted = set(there), set(edits.deleted)
        for at, text in enumerate(format.texts(made)):
            if at not in kept and cells.rows[at] not in deleted:
                lost.append(_lost(edits, cells.rows[at], one.name, text, column is None))
    if column is None or not there:
        return
    at_ids = np.array([ids[cells.rows[at]] for at in there], dtype=np.int64)
    values = made.iloc[there]
    if values.dtype == column.format.dtype:
        CellsPatch(column, at_ids, values.array, {}, set()).swap()
    else:
        column.write(at_ids, format.texts(values)).swap()


def _put_typed(
    table: Table,
    edits: SheetEdits,
    typed: TypedCell,
    one: EditedColumn,
    ids: Sequence[int | None],
    lost: list[Lost],
) -> None:
    column, id = table.by_name().get(typed.column), ids[typed.row]
    if column is None or id is None:
        if typed.row not in edits.deleted:
            lost.append(_lost(edits, typed.row, typed.column, typed.text, column is None))
        return
    at = np.array([id], dtype=np.int64)
    blank = {id} if typed.blank else set()
    patch = CellsPatch(column, at, column.values.take(at), {id: (typed.text, typed.reason)}, blank)
    if one.dtype != column.format.spec:  # what it was wrong for may be another dtype by now
        patch = column.write(at, [typed.text])
        patch.blank = blank & set(patch.typed)
    patch.swap()


def _lost(edits: SheetEdits, row: int, column: str, text: str, no_column: bool) -> Lost:
    kind, what = edits.rows[row]
    key = str(what) if kind == "key" else None
    reason = f"column {column!r} is gone" if no_column else f"job {key} is gone" if key else "the row is gone"
    return Lost(key, column, text, reason)
