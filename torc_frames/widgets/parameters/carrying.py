"""What can be undone of a table, put on another one, which the store has by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torc_frames.frame.compare import as_series, differing
from torc_frames.widgets.parameters.applied import Taken
from torc_frames.widgets.parameters.column import CellsPatch, Ids, Mask, SheetColumn
from torc_frames.widgets.parameters.history import History, Patch, Step
from torc_frames.widgets.parameters.rows import AT_END, DeletedPatch, RowsPatch, ViewPatch
from torc_frames.widgets.parameters.state import as_pulled, column_of, described
from torc_frames.widgets.parameters.table import ColumnsPatch, NamePatch, Table

__all__ = ["carried"]

_GONE = -1


def carried(
    history: History, old: Table, new: Table, ids: Mapping[int, int | None], begun: Taken | None = None
) -> History:
    """Return the steps of a table, as those of another one that has the same edits on it.

    A cell that a step leaves as it was pulled is left as the new table has it pulled: what others have
    changed is not taken back with an edit. Rows and columns that are gone are left out, and of new rows that
    have become jobs, that they were added; steps of which nothing is left are, too.

    Parameters
    ----------
    history : History
    old, new : Table
    ids : mapping
        Rows of the new table by those of the old; None for those that are gone.
    begun : Taken or None
        What was being written when that was stopped: where the new table has it, that is no change of others.
    """
    if not history.done and not history.undone:
        return History()
    moving = _Moving(old, new, _rows(history, old, new, ids), begun)
    made = History()
    for step in history.done:
        if (moved := moving.step(step)) is not None:
            made.push(moved)
    made.undone = [moved for step in history.undone if (moved := moving.step(step)) is not None]
    return made


def _rows(history: History, old: Table, new: Table, ids: Mapping[int, int | None]) -> Ids:
    """Return which row of the new table each is, by id; those that are away from the table get a new id."""
    to = np.full(old.rows.made, _GONE, dtype=np.int64)
    by_key = {key: id for id, key in enumerate(new.rows.keys) if key is not None}
    for id, key in enumerate(old.rows.keys):
        at_same = id if id < new.rows.base and new.rows.key(id) is None else _GONE
        to[id] = at_same if key is None else by_key.get(key, _GONE)
    for id, there in ids.items():
        if id >= old.rows.base and there is not None:
            to[id] = there
    steps = [*history.done, *history.undone]
    spoken = np.unique(np.concatenate([step.row_ids for step in steps]))
    waiting = spoken[(spoken >= old.rows.base) & (to[spoken] == _GONE)]
    to[waiting] = new.rows.more(len(waiting))
    for column in new.columns:
        column.grow(new.rows.made)
        column.fill_new(to[waiting]).swap()
    return to


class _Moving:
    """From the rows and columns of one table to those of another."""

    def __init__(self, old: Table, new: Table, to: Ids, begun: Taken | None) -> None:
        self._old, self._new, self._to, self._begun = old, new, to, begun
        self._columns: dict[SheetColumn, SheetColumn | None] = {}
        self._as_it_was: dict[SheetColumn, SheetColumn] = {}
        self._tokens: dict[object, object] = {}
        self._arrived = [name for name in new.stored if name not in old.stored]
        by_name = new.by_name()
        # Rows that are not in the table now have their cells from it nevertheless.
        away = np.setdiff1d(np.flatnonzero(to != _GONE), old.rows.own)
        for column in old.columns:
            there = by_name.get(column.name)
            self._columns[column] = there
            if there is not None:
                self._tokens[column.token] = there.token
                self._copy(column, there, away)

    def step(self, step: Step) -> Step | None:
        """Return a step; None if nothing is left of it."""
        jobs = [one.ids[self._are_jobs(one.ids)] for one in step.patches if isinstance(one, RowsPatch)]
        moved = [made for patch in step.patches if (made := self._patch(patch, jobs)) is not None]
        if all(isinstance(patch, ViewPatch) for patch in moved):
            return None
        focus = step.focus and (int(self._to[step.focus[0]]), step.focus[1])
        return Step(moved, focus)

    def _are_jobs(self, ids: Ids) -> Mask:
        there: Mask = self._to[ids] != _GONE
        return there & self._new.rows.keyed(np.where(there, self._to[ids], self._new.rows.made))

    def _patch(self, patch: Patch, jobs: Sequence[Ids]) -> Patch | None:
        """Return a patch; `jobs` are rows that came or went by the step, and that are not its any more."""
        match patch:
            case CellsPatch(column=column):
                there = self._column(column)
                kept = self._to[patch.ids] != _GONE
                for ids in jobs:
                    kept &= ~np.isin(patch.ids, ids)
                if there is None or not kept.any():
                    return None
                cells = patch.values[kept], patch.typed, patch.blank
                return self._cells(column, there, patch.ids[kept], *cells)
            case RowsPatch():
                return self._rows_patch(patch)
            case DeletedPatch(ids=ids, restores=restores):
                ids = self._to[ids][self._to[ids] != _GONE]
                return DeletedPatch(self._new.rows, ids, restores) if len(ids) else None
            case ViewPatch(here=here, there=then):
                return ViewPatch(self._new.rows, here, then)
            case NamePatch(column=column, name=name, told=told):
                there = self._column(column)
                if there is None or name in self._arrived:
                    return None
                return NamePatch(self._new, there, name, told)
            case ColumnsPatch(columns=columns, told=told):
                return ColumnsPatch(self._new, self._list(columns), told)
        raise TypeError(f"no patch that is known: {patch!r}")

    def _rows_patch(self, patch: RowsPatch) -> RowsPatch | None:
        kept = (self._to[patch.ids] != _GONE) & ~self._are_jobs(patch.ids)
        if not kept.any():
            return None
        ids, after = self._chain(patch.ids, patch.after, kept)
        kept = np.isin(patch.shown, patch.ids[kept])
        shown, shown_after = self._chain(patch.shown, patch.shown_after, kept)
        return RowsPatch(self._new.rows, ids, after, shown, shown_after, patch.adds, patch.present)

    def _chain(self, ids: Ids, after: Ids, kept: Mask) -> tuple[Ids, Ids]:
        """Return rows, and after which they come; where that is gone, at the end."""
        there = self._to[np.maximum(after[kept], 0)]
        return self._to[ids[kept]], np.where(after[kept] < 0, after[kept], np.where(there < 0, AT_END, there))

    def _list(self, columns: Sequence[SheetColumn]) -> list[SheetColumn]:
        """Return a list of columns, with those that others have made."""
        arrived = [column for column in self._new.columns if column.origin in self._arrived]
        names = {column.name for column in arrived}
        there = [made for column in columns if (made := self._column(column)) is not None]
        mine = [column for column in there if column in arrived or column.name not in names]
        return [*mine, *(column for column in arrived if column not in mine)]

    def _column(self, column: SheetColumn) -> SheetColumn | None:
        if column not in self._columns:
            self._columns[column] = self._made(column)
        return self._columns[column]

    def _made(self, column: SheetColumn) -> SheetColumn | None:
        """Return a column that the table has not now, as one of the new table."""
        new = self._new
        made = column_of(new, described(self._old, column), self._old.stored)
        if made is None:
            return None
        made.token = self._tokens.setdefault(column.token, made.token)
        made.grow(new.rows.made)
        made.attach(new.stored.get(made.name), new.rules.get(made.name))
        if new.rows.made > new.rows.base:
            made.fill_new(np.arange(new.rows.base, new.rows.made, dtype=np.int64)).swap()
        self._copy(column, made, np.flatnonzero(self._to[: len(column.values)] != _GONE))
        return made

    def _copy(self, column: SheetColumn, there: SheetColumn, ids: Ids) -> None:
        """Give a column the cells that another one has."""
        ids = ids[ids < len(column.values)]
        if len(ids) and column.format.spec is not None:
            self._cells(column, there, ids, *column.state(ids)).swap()

    def _cells(
        self,
        column: SheetColumn,
        there: SheetColumn,
        ids: Ids,
        values: Any,
        typed: dict[int, tuple[str, str]],
        blank: set[int],
    ) -> CellsPatch:
        """Return cells of a column as those of the other one; those as they were pulled as pulled now."""
        source = SheetColumn(column.name, as_series(values), column.format)
        places = {id: at for at, id in enumerate(ids.tolist())}
        source.typed = {places[id]: text for id, text in typed.items() if id in places}
        source.blank = {places[id] for id in blank if id in places}
        every = np.arange(len(ids), dtype=np.int64)
        to = self._to[ids]
        if source.format.dtype == there.format.dtype:
            texts = {int(to[at]): text for at, text in source.typed.items()}
            made = CellsPatch(there, to, source.values, texts, {int(to[at]) for at in source.blank})
        else:
            made = there.write(to, source.texts_for(there.format, every))
            made.blank = {int(to[at]) for at in source.blank} & set(made.typed)
        plain = self._plain(column, there, ids, source)
        if plain.any():
            self._as_pulled(made, there, to, plain)
        return made

    def _as_pulled(self, made: CellsPatch, there: SheetColumn, to: Ids, plain: Mask) -> None:
        now = self._pulled(self._new, there)
        at = to[plain]
        made.values[plain] = now.values.take(at)
        for id in at.tolist():
            made.typed.pop(id, None)
            made.blank.discard(id)
        listed = set(at.tolist())
        made.typed |= {id: text for id, text in now.typed.items() if id in listed}
        made.blank |= now.blank & listed

    def _plain(self, column: SheetColumn, there: SheetColumn, ids: Ids, source: SheetColumn) -> Mask:
        """Return which cells are as they were pulled."""
        mask = np.zeros(len(ids), dtype=np.bool_)
        at = np.flatnonzero((ids < self._old.rows.base) & (self._to[ids] < self._new.rows.base))
        if there.origin is None or not len(at):
            return mask
        here, typed = ids[at].tolist(), source.typed
        if column.origin is None:
            # Others have made this column since: what is missing here is theirs.
            same = source.series(at).isna().to_numpy()
            texts = [place not in typed for place in at.tolist()]
        else:
            before = self._pulled(self._old, column)
            same = ~differing(source.values.take(at), before.values.take(ids[at]))
            pairs = zip(at.tolist(), here, strict=True)
            texts = [typed.get(place) == before.typed.get(id) for place, id in pairs]
        mask[at] = same & np.array(texts, dtype=np.bool_)
        return mask & ~self._is_written(column, there, ids)

    def _is_written(self, column: SheetColumn, there: SheetColumn, ids: Ids) -> Mask:
        """Return which cells the new table has as they were being written: that is no change of others."""
        begun = self._begun
        name = None if begun is None else begun.names.get(column.token)
        mask = np.zeros(len(ids), dtype=np.bool_)
        if begun is None or name is None or begun.frame[name].dtype != there.format.dtype:
            return mask
        places = {id: at for at, id in enumerate(begun.ids.tolist())}
        at = np.array([at for at, id in enumerate(ids.tolist()) if id in places], dtype=np.int64)
        written = begun.frame[name].array.take([places[id] for id in ids[at].tolist()])
        now = self._pulled(self._new, there).values.take(self._to[ids[at]])
        mask[at] = ~differing(written, now)
        return mask

    def _pulled(self, table: Table, column: SheetColumn) -> SheetColumn:
        """Return what a column would be if nobody had edited it."""
        if column not in self._as_it_was:
            stored = table.stored[str(column.origin)]
            self._as_it_was[column] = as_pulled(column, stored)
        return self._as_it_was[column]
