"""The edits of a sheet, gathered, and put on a frame again, which may be another one by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.dtypes import encode, restore
from torc_frames.frame.rows import encode_frame, records
from torc_frames.frame.types import Column as JsonColumn
from torc_frames.planning import match_rows
from torc_frames.widgets.parameters.column import Ids, SheetColumn
from torc_frames.widgets.parameters.differences import differing
from torc_frames.widgets.parameters.edits import VERSION, EditedCells, EditedColumn, Edits, Lost, TypedCell
from torc_frames.widgets.parameters.patches import CellsPatch
from torc_frames.widgets.parameters.table import Table, check_names
from torc_frames.widgets.table.cells import Format, kind_of

__all__ = ["Applied", "Taken", "is_dirty", "restored", "state_of"]


class Taken(NamedTuple):
    """A sheet's value, and which rows it has: what is given to a plan, and to `Sheet.rebase` afterwards."""

    frame: pd.DataFrame
    ids: Ids


@dataclass(frozen=True)
class Applied:
    """What of a sheet was written to the store: its edits are none any more."""

    keys: dict[int, str] = field(default_factory=dict)
    """The jobs that new rows have become, by row."""

    taken: Taken | None = None
    """What was written wholly."""

    @classmethod
    def of(
        cls, table: Table, now: pd.DataFrame, taken: Taken | None, keys: Sequence[str | None] | None
    ) -> Applied:
        """Return what was written, found by content where the keys of new rows are not known."""
        if taken is None:
            return cls()
        if keys is None:
            return cls(_found_by_content(table, now, taken))
        if len(keys) != len(taken.ids):
            raise RefusedError(f"{len(keys)} keys for {len(taken.ids)} rows that were taken")
        pairs = zip(taken.ids.tolist(), keys, strict=True)
        return cls({id: key for id, key in pairs if key is not None and table.rows.key(id) is None}, taken)


def state_of(table: Table, lost: Sequence[Lost], applied: Applied | None = None) -> Edits:
    """Return the edits of a table."""
    applied = applied or Applied()
    refs = _References(table, applied.keys)
    edits = Edits(
        VERSION, table.attrs.get("torc"), list(table.stored), [], refs.rows, [], [], [], [], [], list(lost)
    )
    before = None
    for id in table.rows.own.tolist():
        if refs.is_new(id):
            edits.new.append((refs.of(id), None if before is None else refs.of(before)))
        before = id
    edits.deleted = [refs.of(id) for id in np.flatnonzero(table.rows.deleted).tolist()]
    gone = np.setdiff1d(np.arange(table.rows.base), table.rows.own)
    edits.removed = [refs.of(id) for id in gone.tolist()]
    for column in table.columns:
        _add_column(table, column, applied, refs, edits)
    return edits


def restored(table: Table, edits: Edits) -> tuple[Table, list[Lost]]:
    """Put edits on a table that has none, and return it with what it can't take.

    ``attrs["torc"]`` are then those that the edits were made on, if there are any.
    """
    lost = list(edits.lost)
    columns, gone = _columns(table, edits)
    check_names([column.name for column in columns])
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
        _put_typed(table, edits, typed, ids, lost)
    for row in edits.deleted:
        if (id := ids[row]) is not None:
            table.rows.deleted[id] = True
    if edits.torc is not None and (gone or is_dirty(table)):
        table.attrs["torc"] = edits.torc
    return table, lost


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

    def __init__(self, table: Table, keys: Mapping[int, str]) -> None:
        self.rows: list[tuple[str, str | int]] = []
        self._table = table
        self._keys = keys
        self._known: dict[int, int] = {}

    def is_new(self, id: int) -> bool:
        """Return whether a row is neither of the base nor a job by now."""
        return id >= self._table.rows.base and id not in self._keys

    def of(self, id: int) -> int:
        """Return the number of a row."""
        if id not in self._known:
            self._known[id] = len(self.rows)
            key = self._keys.get(id) or self._table.rows.key(id)
            if key is not None:
                self.rows.append(("key", key))
            else:
                self.rows.append(("new" if id >= self._table.rows.base else "at", id))
        return self._known[id]


def _add_column(table: Table, column: SheetColumn, applied: Applied, refs: _References, edits: Edits) -> None:
    stored = table.stored.get(column.origin or "") if column.origin is not None else None
    same = stored is not None and _kind(stored) == (column.format.dtype, column.format.kind)
    # A column that was written has its values in the store, under its own name.
    written = applied.taken is not None and column.name in applied.taken.frame
    origin, retyped = (column.name, False) if written else (column.origin, not same)
    spec = dict(column.format.spec or {})
    edits.columns.append(EditedColumn(column.name, origin, spec, column.format.kind, retyped))
    if column.format.spec is None:
        return
    ids, other = table.rows.own, _reference(table, column, stored, applied)
    before, typed_before, known = other
    here = ids[known[ids]]
    differs = np.ones(len(ids), dtype=np.bool_)
    differs[known[ids]] = differing(column.values.take(here), before.take(here))
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


def _reference(
    table: Table, column: SheetColumn, stored: pd.Series | None, applied: Applied
) -> tuple[Any, dict[int, tuple[str, str]], Any]:
    """Return what a column is without edits, the texts in it, and of which rows that is known."""
    made = SheetColumn(column.name, column.series(np.arange(table.rows.made, dtype=np.int64)), column.format)
    known = np.zeros(table.rows.made, dtype=np.bool_)
    base = np.arange(table.rows.base, dtype=np.int64)
    if stored is not None:
        plain = SheetColumn(column.name, stored, Format.of(stored))
        if _kind(stored) != (column.format.dtype, column.format.kind):
            plain = plain.retyped(column.format, base)
        made.values[base] = plain.values.take(base)
        made.typed = dict(plain.typed)
        known[base] = True
    taken = applied.taken
    if (
        taken is not None
        and column.name in taken.frame
        and taken.frame[column.name].dtype == column.format.dtype
    ):
        made.values[taken.ids] = taken.frame[column.name].array
        known[taken.ids] = True
    return made.values, made.typed, known


def _kind(series: pd.Series) -> tuple[Any, str]:
    return series.dtype, kind_of(series.dtype, series)


def _found_by_content(table: Table, now: pd.DataFrame, taken: Taken) -> dict[int, str]:
    """Return the jobs that rows which were new have become, as far as there are jobs of their content."""
    new = [at for at, id in enumerate(taken.ids.tolist()) if table.rows.key(id) is None]
    known = {key for key in table.rows.keys if key is not None}
    keys = [key for key in now.index.tolist() if key not in known]
    if not new or not keys:
        return {}
    lines = records(encode_frame(taken.frame.iloc[new].reset_index(drop=True)))
    others = records(encode_frame(now.loc[keys].reset_index(drop=True)))
    contents = {str(key): [line] for key, line in zip(keys, others, strict=True)}
    found = match_rows(list(range(len(new))), lines, contents)
    return {int(taken.ids[new[at]]): key for at, key in found.items()}


def _columns(table: Table, edits: Edits) -> tuple[list[SheetColumn], list[str]]:
    """Return the columns that a table is to have, and those of the edits that are gone."""
    columns, gone, made_of = [], [], set()
    base = np.arange(table.rows.base, dtype=np.int64)
    for one in edits.columns:
        # Others may have made a column of this name since; one that was there before is not meant.
        names = [one.origin] if one.name in edits.base else [one.origin, one.name]
        origin = next((name for name in names if name in table.stored), None)
        if origin is not None:
            stored = table.stored[origin]
            column = SheetColumn(one.name, stored, Format.of(stored), origin=origin)
            wanted = _format(one) if one.retyped and one.origin is not None else column.format
            if (wanted.dtype, wanted.kind) != (column.format.dtype, column.format.kind):
                column = column.retyped(wanted, base)
            made_of.add(origin)
        elif one.origin is None:
            column = _empty_column(one, base)
        else:
            gone.append(one.name)
            continue
        columns.append(column)
    known = {column.name for column in columns} | {*edits.base} | made_of
    added = [name for name in table.stored if name not in known]
    columns += [SheetColumn(n, table.stored[n], Format.of(table.stored[n]), origin=n) for n in added]
    return columns, gone


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


def _place_rows(table: Table, edits: Edits) -> list[int | None]:
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
    edits: Edits,
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
        kept = set(there)
        for at, text in enumerate(format.texts(made)):
            if at not in kept:
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
    table: Table, edits: Edits, typed: TypedCell, ids: Sequence[int | None], lost: list[Lost]
) -> None:
    column, id = table.by_name().get(typed.column), ids[typed.row]
    if column is None or id is None:
        lost.append(_lost(edits, typed.row, typed.column, typed.text, column is None))
        return
    at = np.array([id], dtype=np.int64)
    blank = {id} if typed.blank else set()
    CellsPatch(column, at, column.values.take(at), {id: (typed.text, typed.reason)}, blank).swap()


def _lost(edits: Edits, row: int, column: str, text: str, no_column: bool) -> Lost:
    kind, what = edits.rows[row]
    key = str(what) if kind == "key" else None
    reason = f"column {column!r} is gone" if no_column else f"job {key} is gone" if key else "the row is gone"
    return Lost(key, column, text, reason)
