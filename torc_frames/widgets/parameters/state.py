"""A sheet at one moment: its rows and columns, and which rows are shown. What is done makes another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.shape import column_index, key_index
from torc_frames.widgets.parameters.base import SheetBase
from torc_frames.widgets.parameters.column import SheetColumn, column_of
from torc_frames.widgets.parameters.conditions import View
from torc_frames.widgets.parameters.ids import AT_TOP, Ids, Mask, among, woven

__all__ = [
    "State",
    "state_of",
]

_NO_VIEW = View()


@dataclass(frozen=True, eq=False)
class State:
    """A base with edits.

    Attributes
    ----------
    columns : tuple of SheetColumn
    own : array of int64
        The rows there are, those marked as deleted included, in the table's order.
    deleted : array of bool
        By row of the base.
    view : array of int64
        The rows that are shown, in the order that is shown.
    how : View
        What they were sorted and chosen by.
    arranged : int
        A number of that: states that have the same one were not sorted or filtered in between.
    """

    base: SheetBase
    columns: tuple[SheetColumn, ...]
    own: Ids
    deleted: Mask
    view: Ids
    how: View = _NO_VIEW
    arranged: int = 0

    # columns

    @property
    def offset(self) -> int:
        """How many columns of keys a grid shows before the others."""
        return int(self.base.keyed)

    @cached_property
    def shown(self) -> tuple[SheetColumn, ...]:
        """The columns that a grid shows, in its order, after those of keys."""
        return tuple(
            self.columns[at] for at in self.how.arrangement.places([one.name for one in self.columns])
        )

    def by_name(self) -> dict[str, SheetColumn]:
        """Return the columns by name."""
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> SheetColumn:
        """Return a column; RefusedError if there is none of that name."""
        found = self.by_name().get(name)
        if found is None:
            raise RefusedError(f"there is no column {name!r}")
        return found

    def at(self, position: int) -> SheetColumn:
        """Return the column that a grid shows at a position, to edit it."""
        if self.base.keyed and position == 0:
            raise RefusedError("column 'job_key' is read-only: the store gives the keys")
        if not 0 <= position - self.offset < len(self.shown):
            raise RefusedError(f"there is no column {position}; there are {len(self.shown) + self.offset}")
        return self.writable(self.shown[position - self.offset])

    def writable(self, column: SheetColumn) -> SheetColumn:
        """Return a column; RefusedError if its cells can't be edited."""
        if column.format.spec is None:
            raise RefusedError(f"column {column.name!r} is read-only: {column.format.dtype} can't be kept")
        return column

    def dropped(self) -> list[str]:
        """Return the columns of the base that are no longer there."""
        names = {column.name for column in self.columns}
        return [name for name in self.base.stored if name not in names]

    # rows

    def keyed(self, ids: Ids) -> Mask:
        """Return which rows are jobs of the store."""
        return _marks(self.base.known, ids)

    def are_deleted(self, ids: Ids) -> Mask:
        """Return which rows are marked as deleted."""
        return _marks(self.deleted, ids)

    def deleted_keys(self) -> list[str]:
        """Return the jobs of rows that are marked as deleted."""
        ids = np.flatnonzero(self.deleted & self.base.known).tolist()
        return [str(self.base.key(id)) for id in ids]

    def editable(self, ids: Ids) -> Ids:
        """Return rows; RefusedError if one of them is marked as deleted."""
        marked = ids[self.are_deleted(ids)]
        if len(marked):
            key = self.base.key(int(marked[0]))
            raise RefusedError(f"the row of job {key} is deleted: restore it to edit it")
        return ids

    def alive(self) -> Ids:
        """Return the rows that are not deleted, in the table's order."""
        return self.own[~self.are_deleted(self.own)]

    def alive_of(self, ids: Iterable[int]) -> Ids:
        """Return those of some rows that are there and not deleted."""
        listed = np.fromiter(ids, dtype=np.int64)
        if len(listed):
            listed = listed[self.places(listed) >= 0]
        return listed[~self.are_deleted(listed)]

    def complete(self) -> Ids:
        """Return the rows that are not deleted and have a value in every cell that must have one."""
        ids = self.alive()
        blank = [column.blank for column in self.columns if len(column.blank)]
        return ids[~np.isin(ids, np.concatenate(blank))] if blank else ids

    def places(self, ids: Ids) -> Ids:
        """Return at which positions of the table's order rows are; -1 for those that are not there."""
        where = np.full(self.base.made, -1, dtype=np.int64)
        where[self.own] = np.arange(len(self.own))
        return where[ids]

    def frame(self, ids: Ids) -> pd.DataFrame:
        """Return rows as a frame, indexed as the base is."""
        names = [column.name for column in self.columns]
        cells = {column.name: column.series(ids) for column in self.columns}
        frame = pd.DataFrame(cells, index=pd.RangeIndex(len(ids)), copy=True)
        same = names == list(self.base.names)
        frame.columns = self.base.frame.columns if same else column_index(names)
        if self.base.keyed:
            frame.index = self._index(ids)
        return frame

    def _index(self, ids: Ids) -> pd.Index:
        if not len(ids) or ids.max() < len(self.base):
            return self.base.frame.index.take(ids)
        return key_index([self.base.key(id) for id in ids.tolist()])

    # all of it

    @property
    def is_dirty(self) -> bool:
        """Whether it is other than its base."""
        if self.deleted.any() or not np.array_equal(self.own, np.arange(len(self.base))):
            return True
        if [*self.base.stored] != [column.name for column in self.columns]:
            return True
        return any(
            column.origin != column.name
            or column.format.dtype != self.base.stored[column.name].dtype
            or bool(among(self.own, column.changed_ids).any())
            for column in self.columns
        )

    def is_same(self, other: State) -> bool:
        """Return whether there are the same edits in another one of the same base."""
        return (
            len(self.columns) == len(other.columns)
            and np.array_equal(self.own, other.own)
            and np.array_equal(self.deleted, other.deleted)
            and all(map(SheetColumn.is_same, self.columns, other.columns))
        )

    def weight(self, beside: State) -> int:
        """Return about how many bytes it keeps that another one does not."""
        rows = ((self.own, beside.own), (self.view, beside.view), (self.deleted, beside.deleted))
        there = {*beside.columns}
        return sum(mine.nbytes for mine, other in rows if mine is not other) + sum(
            column.weight() for column in self.columns if column not in there
        )

    def shown_as(self, now: State) -> State:
        """Return it with the rows that another one shows, sorted and chosen as there.

        Rows that the other one has not are shown, too, each after its own.
        """
        if self.arranged == now.arranged:
            return self
        names = {column.token: column.name for column in self.columns}
        how = now.how.named({column.name: names.get(column.token) for column in now.columns})
        coming = self.own[~np.isin(self.own, now.own)]
        if how.order is None:
            view = self.own[np.isin(self.own, np.concatenate([now.view, coming]))]
        else:
            before = np.concatenate([[AT_TOP], self.own])[self.places(coming)]
            view = woven(now.view[np.isin(now.view, self.own)], coming, before)
        return replace(self, how=how, view=view, arranged=now.arranged)


def state_of(base: SheetBase) -> State:
    """Return a base without edits."""
    ids = np.arange(len(base), dtype=np.int64)
    columns = tuple(column_of(base, name, name) for name in base.stored)
    return State(base, columns, ids, np.zeros(len(base), dtype=np.bool_), ids)


def _marks(of_base: Mask, ids: Ids) -> Mask:
    """Return the marks of rows; those that are not of the base have none."""
    marks = np.zeros(len(ids), dtype=np.bool_)
    there = ids < len(of_base)
    marks[there] = of_base[ids[there]]
    return marks
