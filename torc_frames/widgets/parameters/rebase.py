"""Edits on another base: what was pulled again, or was written, or a draft is put on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.compare import differing
from torc_frames.frame.encode import encode_frame, records
from torc_frames.widgets.parameters.base import SheetBase, check_names
from torc_frames.widgets.parameters.column import SheetColumn, column_of
from torc_frames.widgets.parameters.edits import Lost
from torc_frames.widgets.parameters.ids import AT_END, AT_TOP, NO_IDS, Ids, among, merged, woven
from torc_frames.widgets.parameters.state import State
from torc_frames.workflow.push.targets import match_rows

__all__ = ["Rebase", "Taken", "lines_of"]


@dataclass(frozen=True, eq=False)
class Taken:
    """A sheet's value, and of what it is: what is given to a plan, and to `Sheet.rebase` afterwards."""

    state: State
    frame: pd.DataFrame
    ids: Ids
    """The rows that it has."""

    @classmethod
    def of(cls, state: State) -> Taken:
        """Return what a state amounts to."""
        ids = state.complete()
        frame = state.frame(ids)
        frame.attrs.update(state.base.attrs)
        return cls(state, frame, ids)

    @property
    def deleted(self) -> list[str]:
        """The jobs of rows that are marked as deleted."""
        return self.state.deleted_keys()

    def new(self) -> dict[int, bytes]:
        """Return the rows that are no jobs, each as the record that a push makes of it."""
        at = np.flatnonzero(~self.state.keyed(self.ids))
        return dict(zip(self.ids[at].tolist(), lines_of(self.frame.iloc[at]), strict=True))


class _Written(NamedTuple):
    """A column as it was written, wholly or in part."""

    column: SheetColumn
    ids: Ids
    """The cells that were edited then."""


class Rebase:
    """The way of states from one base to another.

    Parameters
    ----------
    old, new : SheetBase
    now : State
        The one in which new rows are looked for that have become jobs.
    known : collection of str or None
        The jobs that there were: new rows may be others. None if no row can have become one.
    begun : mapping
        New rows that were being written, each with its record then.
    taken : Taken or None
        What was being written: wholly, if there are `keys`.
    keys : sequence of str or None
        The jobs of its rows.

    Attributes
    ----------
    to : array of int64
        By row of the old base that of the new one, -1 for those that are gone.
    first : int
        From this one on rows of the new base are new ones.
    ours : array of int64
        The new rows that we have made jobs.
    """

    def __init__(
        self,
        old: SheetBase,
        new: SheetBase,
        now: State,
        known: Collection[str] | None,
        begun: Mapping[int, bytes],
        taken: Taken | None = None,
        keys: Sequence[str | None] | None = None,
    ) -> None:
        self._old, self._new, self._taken, self._is_whole = old, new, taken, keys is not None
        self.first = len(new)
        self._columns: dict[SheetColumn, SheetColumn | None] = {}
        self._names = {*old.names, *(taken.frame.columns if taken is not None and self._is_whole else ())}
        self._arrived = {name: column_of(new, name, name) for name in new.names if name not in self._names}
        self.ours = NO_IDS
        self._wanted = NO_IDS
        self.to = self._rows(old, new)
        if taken is not None:
            self._take(taken, keys)
        self._written = {} if taken is None else _written(taken)
        if keys is None:
            self._find_jobs(now, known, begun)

    # rows

    def _rows(self, old: SheetBase, new: SheetBase) -> Ids:
        more = new.more(old.made - len(old))
        if old.keys == new.keys and old.places == new.places:
            return np.concatenate([np.arange(len(old)), more])
        free = {place for place, key in enumerate(new.keys) if key is None}
        there = [
            (place if place in free else -1) if key is None else new.ids.get(key, -1)
            for key, place in zip(old.keys, old.places, strict=True)
        ]
        return np.concatenate([np.array(there, dtype=np.int64), more])

    def _take(self, taken: Taken, keys: Sequence[str | None] | None) -> None:
        """See to the jobs that rows have become, and to those that were deleted and are wanted again."""
        deleted = np.flatnonzero(taken.state.deleted & (self.to[: len(self._old)] < 0))
        self._wanted = deleted
        self.to[deleted] = self._new.more(len(deleted))
        if keys is None:
            return
        if len(keys) != len(taken.ids):
            raise RefusedError(f"{len(keys)} keys for {len(taken.ids)} rows that were taken")
        pairs = zip(taken.ids.tolist(), keys, strict=True)
        jobs = {id: key for id, key in pairs if key is not None and self._old.key(id) is None}
        self._are_jobs({id: key for id, key in jobs.items() if key in self._new.ids}, jobs)

    def _are_jobs(self, jobs: Mapping[int, str], ours: Collection[int]) -> None:
        self.to[[*jobs]] = [self._new.ids[key] for key in jobs.values()]
        self.ours = np.array([id for id in jobs if id in ours], dtype=np.int64)

    def _find_jobs(self, now: State, known: Collection[str] | None, begun: Mapping[int, bytes]) -> None:
        """Find new rows that have become jobs without our knowing, by what they hold."""
        arrived = [] if known is None else [key for key in self._new.ids if key not in known]
        new = now.own[now.own >= len(self._old)]
        if not arrived or not (len(new) or begun):
            return
        moved = self.state(now)
        if any(column.format.spec is None for column in moved.columns):
            return  # nothing of this table can have been written
        lines = dict(begun)
        rows = new[np.isin(self.to[new], moved.complete()) & ~np.isin(new, [*lines])]
        frame = moved.frame(self.to[rows]).reset_index(drop=True)
        filled = frame.notna().any(axis=1).tolist()
        held = zip(rows.tolist(), lines_of(frame), filled, strict=True)
        lines |= {id: line for id, line, any_value in held if any_value}
        stored = self._new.frame.take([self._new.ids[key] for key in arrived])
        contents = {key: [line] for key, line in zip(arrived, lines_of(stored), strict=True)}
        numbers = [*lines]
        same = match_rows(list(range(len(lines))), [*lines.values()], contents)
        found = {numbers[at]: key for at, key in same.items()}
        if found:
            self._are_jobs(found, begun)
            self._columns.clear()

    def state(self, state: State) -> State:
        """Return a state on the new base."""
        old, new, to = self._old, self._new, self.to
        length = len(old)
        columns = self._fitting(state)
        marked = np.flatnonzero(state.deleted)
        ours = self.ours[~np.isin(self.ours, state.own)]
        deleted = np.zeros(len(new), dtype=np.bool_)
        for ids in (to[marked], to[ours]):
            deleted[ids[(ids >= 0) & (ids < len(new))]] = True
        there = np.ones(len(new), dtype=np.bool_)
        gone = np.flatnonzero(~old.known)
        gone = to[gone[~np.isin(gone, state.own)]]
        there[gone[gone >= 0]] = False
        own = np.flatnonzero(there)
        # Rows that are new here, each after the one that it comes after.
        back = np.isin(state.own, self._wanted) & ~state.are_deleted(state.own)
        at = np.flatnonzero(((state.own >= length) & (to[state.own] >= len(new))) | back)
        before = np.concatenate([[AT_TOP], to[state.own]])[at]
        before[(before < 0) & (at > 0)] = AT_END
        own = woven(own, to[state.own[at]], before)
        return State(new, columns, own, deleted, own, state.how, -1)

    # columns

    def _fitting(self, state: State) -> tuple[SheetColumn, ...]:
        """Return the columns, but those whose names lie inside of the store's by now, or around them."""
        moved = [(column, made) for column in state.columns if (made := self._column(column)) is not None]
        known = {made.name for _, made in moved} | self._names
        known |= {one.origin for pair in moved for one in pair if one.origin is not None}
        columns = [made for _, made in moved]
        columns += [column for name, column in self._arrived.items() if name not in known]
        kept = [column.name for column in columns if column.name in self._new.stored]
        for column in columns:
            if column.name not in kept:
                try:
                    check_names([*kept, column.name])
                except RefusedError:
                    continue  # its cells are told as lost
                kept.append(column.name)
        columns = [column for column in columns if column.name in kept]
        names = list(self._new.names)
        if {(name, name) for name in names} == {(column.origin, column.name) for column in columns}:
            columns.sort(key=lambda column: names.index(column.name))
        return tuple(columns)

    def _column(self, column: SheetColumn) -> SheetColumn | None:
        """Return a column on the new base; None if it is gone."""
        if column not in self._columns:
            plain = self._without_edits(column)
            self._columns[column] = None if plain is None else self._with_edits(plain, column)
        return self._columns[column]

    def _without_edits(self, column: SheetColumn) -> SheetColumn | None:
        new, name, origin, retyped = self._new, column.name, column.origin, column.retyped
        written = self._written.get(column.token)
        if self._is_whole and written is not None:
            # It has its values in the store, under the name that it had then.
            origin = written.column.name
            retyped = written.column.format.dtype != column.format.dtype
        # Others may have made a column of this name since; one that was there before is not meant.
        arrived = name in self._arrived
        if origin is None and not arrived:
            return column_of(new, name, None, column.format, column.token)
        if origin in new.stored:
            return column_of(new, name, origin, column.format if retyped else None, column.token)
        if arrived or name in new.stored:  # what it was made of is gone: it was written under its new name
            retyped &= column.origin is not None
            return column_of(new, name, name, column.format if retyped else None, column.token)
        if self._taken is not None and written is None:
            return column_of(new, name, None, column.format, column.token)
        return None

    def _with_edits(self, made: SheetColumn, column: SheetColumn) -> SheetColumn:
        ids = column.edited
        written = self._written.get(column.token)
        if written is not None:
            # What is written by now as it was then is no change of others.
            there = written.ids[(self.to[written.ids] >= 0) & ~among(written.ids, ids)]
            there = there[self.to[there] < len(self._new)]
            if written.column.format.dtype == made.format.dtype:
                here = made.series(self.to[there]), written.column.series(there)
                ids = merged(ids, there[~differing(*here)])
        ids = merged(ids, self._wanted)
        if column.origin is not None and made.origin is None and self._taken is not None:
            ids = np.arange(self._old.made, dtype=np.int64)  # it was dropped, and is wanted again
        ids = ids[self.to[ids] >= 0]
        made = made.with_new(self.to[self.to >= len(self._new)])
        made = _typed_into(made, column, ids, self.to)
        if made.origin is not None and made.origin != made.name and made.name in self._arrived:
            made = _joined(made)
        return made

    # what is left behind

    def lost(self, state: State, moved: State) -> list[Lost]:
        """Return the edits of a state that can't be put on the new base."""
        tokens = {column.token for column in moved.columns}
        deleted = np.flatnonzero(state.deleted)
        values: list[Lost] = []
        typed: list[Lost] = []
        for column in state.columns:
            gone = column.token not in tokens
            ids = column.edited
            ids = ids[(gone | (self.to[ids] < 0)) & np.isin(ids, state.own) & ~np.isin(ids, deleted)]
            for id, text in zip(ids.tolist(), column.texts(ids), strict=True):
                one = column.typed.get(id)
                if one is None or not (one.blank and one.text == ""):
                    (values if one is None else typed).append(self._lost(id, column.name, text, gone))
        return values + typed

    def _lost(self, id: int, name: str, text: str, no_column: bool) -> Lost:
        key = self._old.key(id)
        row = f"job {key}" if key else "the row"
        return Lost(key, name, text, f"column {name!r} is gone" if no_column else f"{row} is gone")


def _written(taken: Taken) -> dict[int, _Written]:
    # Rows that were left out, as they were not complete, were not written.
    ids = np.sort(taken.ids)
    columns = taken.state.columns
    return {one.token: _Written(one, one.ids[among(one.ids, ids)]) for one in columns}


def _typed_into(made: SheetColumn, column: SheetColumn, ids: Ids, to: Ids) -> SheetColumn:
    """Return a column with the cells that another one has."""
    unread = {id: column.unread[id] for id in ids.tolist() if id in column.unread} if column.unread else {}
    blank = np.array([id for id, one in unread.items() if one.blank], dtype=np.int64)
    own = ids[among(ids, column.ids) | ~np.isin(ids, [*unread]) | (to[ids] >= len(made.base))]
    own = own[~np.isin(own, blank)]
    if column.format.dtype == made.format.dtype:
        values = column.series(own).array
        made = made.with_cells(to[own], values)
    elif len(own):
        made = made.write(to[own], column.format.texts(column.series(own)))
    if not unread:
        return made
    if (column.format.spec, column.format.kind) == (made.format.spec, made.format.kind):
        texts = {int(to[id]): one for id, one in unread.items()}
        return made.with_cells(NO_IDS, made.values[:0], texts)
    # What it was wrong for may be another dtype by now.
    listed = np.array([*unread], dtype=np.int64)
    return made.write(to[listed], [unread[id].text for id in listed.tolist()])


def _joined(column: SheetColumn) -> SheetColumn:
    """Return a column that was renamed as the one that others have made of this name; its gaps are theirs."""
    base = column.base
    made = column_of(base, column.name, column.name, column.format, column.token)
    rows = np.arange(len(base), dtype=np.int64)
    rows = rows[~column.series(rows).isna().to_numpy() | np.isin(rows, [*column.unread])]
    new = column.edited[column.edited >= len(base)]
    return _typed_into(made, column, np.concatenate([rows, new]), np.arange(base.made, dtype=np.int64))


def lines_of(frame: pd.DataFrame) -> list[bytes]:
    """Return each row as the JSON of the record that a push makes of it."""
    return records(encode_frame(frame.reset_index(drop=True)))
