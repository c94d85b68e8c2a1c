"""The rows of a sheet: which there are, in which order, and which of them are shown."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torc_frames.widgets.parameters.column import Ids, Mask
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.table.source import State

__all__ = ["AT_END", "AT_TOP", "DeletedPatch", "RowsPatch", "SheetRows", "View", "ViewPatch"]


AT_TOP, AT_END = -1, -2
"""What rows come after that come after no row."""


@dataclass(frozen=True, slots=True)
class View:
    """How rows are sorted, by a column's name (None for keys), and which conditions they were chosen by."""

    order: tuple[str | None, bool] | None = None
    conditions: tuple[Condition, ...] = ()

    def renamed(self, old: str, new: str | None) -> View:
        """Return the same for a column of another name, or without it."""
        order = self.order
        if order and order[0] == old:
            order = None if new is None else (new, order[1])
        kept = [one for one in self.conditions if one.column != old or new is not None]
        return View(order, tuple(replace(one, column=new) if one.column == old else one for one in kept))

    def fitting(self, names: Container[str]) -> View:
        """Return the same without columns that there are not."""
        how = self
        for name in {one.column for one in self.conditions} | {self.order[0] if self.order else None}:
            if name not in (None, "job_key") and name not in names:
                how = how.renamed(name, None)
        return how


@dataclass(slots=True)
class SheetRows:
    """Rows by their ids; those below `base` were there when the sheet was made, in that order.

    Attributes
    ----------
    keys : list
        By id, the job key of the rows of the base; None for those that are no job yet.
    own : array of int64
        The rows there are, those marked as deleted included, in the table's order.
    view : array of int64
        Those that are shown, in the order that is shown.
    deleted : array of bool
        By id.
    """

    keys: list[str | None]
    own: Ids
    view: Ids
    deleted: Mask
    known: Mask
    """By id, whether there is a key."""

    how: View = field(default_factory=View)
    made: int = 0
    """How many ids have been given out."""

    @classmethod
    def of(cls, keys: Sequence[str | None]) -> SheetRows:
        """Return the rows of a base frame."""
        ids = np.arange(len(keys), dtype=np.int64)
        known = np.array([key is not None for key in keys], dtype=np.bool_)
        return cls(list(keys), ids, ids, np.zeros(len(keys), dtype=np.bool_), known, made=len(keys))

    @property
    def base(self) -> int:
        """How many rows the base has."""
        return len(self.keys)

    def key(self, id: int) -> str | None:
        """Return the job that a row is, None for a new one."""
        return self.keys[id] if id < len(self.keys) else None

    def keyed(self, ids: Ids) -> Mask:
        """Return which rows are jobs of the store."""
        return _marks(self.known, ids)

    def are_deleted(self, ids: Ids) -> Mask:
        """Return which rows are marked as deleted."""
        return _marks(self.deleted, ids)

    def states(self, ids: Ids, changed: Mask) -> list[State]:
        """Return how rows are painted; `changed` has by column which cells are other than stored."""
        deleted, keyed = self.are_deleted(ids).tolist(), self.keyed(ids).tolist()
        touched = np.atleast_1d(changed.any(axis=0)) if len(changed) else np.zeros(len(ids), dtype=np.bool_)
        return [
            "deleted" if gone else "new" if not known else "changed" if other else ""
            for gone, known, other in zip(deleted, keyed, touched.tolist(), strict=True)
        ]

    def deleted_keys(self) -> list[str]:
        """Return the jobs of rows that are marked as deleted."""
        return [key for id in np.flatnonzero(self.deleted).tolist() if (key := self.key(id)) is not None]

    def alive(self) -> Ids:
        """Return the rows that are not deleted, in the table's order."""
        return self.own[~self.are_deleted(self.own)]

    def more(self, count: int) -> Ids:
        """Return ids for new rows."""
        self.made += count
        return np.arange(self.made - count, self.made, dtype=np.int64)

    def inserting(self, ids: Ids, at: int) -> RowsPatch:
        """Return what adds rows before one that is shown; after all of them at the end."""
        if at < len(self.view):
            own_at = int(self.places(self.view[at : at + 1])[0])
        elif at and len(self.view) < len(self.own):
            own_at = int(self.places(self.view[-1:])[0]) + 1
        else:
            own_at = len(self.own)
        after, shown_after = _following(self.own, own_at, ids), _following(self.view, at, ids)
        return RowsPatch(self, ids, after, ids, shown_after)

    def removing(self, ids: Ids) -> RowsPatch:
        """Return what takes rows out."""
        return RowsPatch(self, ids, ids, ids, ids, adds=False, present=True)

    def marking(self, ids: Ids) -> DeletedPatch:
        """Return what marks rows of the base as deleted, or takes the marks off."""
        return DeletedPatch(self, ids, restores=bool(len(ids)) and bool(self.are_deleted(ids).all()))

    def places(self, ids: Ids) -> Ids:
        """Return at which positions of the table's order rows are."""
        if not len(ids):
            return np.empty(0, dtype=np.int64)
        where = np.full(self.made, -1, dtype=np.int64)
        where[self.own] = np.arange(len(self.own))
        return where[ids]


@dataclass(slots=True)
class RowsPatch:
    """Rows that come, or go.

    Each has the row that it comes after, or `AT_TOP` or `AT_END`: what is sorted, filtered or pulled
    meanwhile does not move it elsewhere.
    """

    rows: SheetRows
    ids: Ids
    after: Ids
    shown: Ids
    """Those of the rows that are shown."""

    shown_after: Ids
    adds: bool = True
    """Whether the step, when it is done, adds the rows."""

    present: bool = False

    def swap(self) -> None:
        """Add the rows, or take them out."""
        rows = self.rows
        if self.present:
            self.ids, self.after, rows.own = _taken_out(rows.own, self.ids)
            self.shown, self.shown_after, rows.view = _taken_out(rows.view, self.ids)
        else:
            rows.own = _put_in(rows.own, self.ids, self.after, rows.made)
            if rows.how.order is None:
                rows.view = rows.own[np.isin(rows.own, np.concatenate([rows.view, self.shown]))]
            else:
                rows.view = _put_in(rows.view, self.shown, self.shown_after, rows.made)
        self.present = not self.present

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes + self.after.nbytes + self.shown.nbytes + self.shown_after.nbytes)


@dataclass(slots=True)
class DeletedPatch:
    """Rows of the store that are marked as deleted, or no longer."""

    rows: SheetRows
    ids: Ids
    restores: bool = False
    """Whether the step, when it is done, takes the marks off."""

    def swap(self) -> None:
        """Turn the marks over."""
        self.rows.deleted[self.ids] ^= True

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes)


@dataclass(slots=True)
class ViewPatch:
    """What rows are sorted and chosen by, without a column that goes.

    It comes back with the column, unless they were sorted or chosen anew meanwhile.
    """

    rows: SheetRows
    here: View
    there: View

    def swap(self) -> None:
        """Exchange it."""
        if self.rows.how == self.here:
            self.rows.how = self.there
        self.here, self.there = self.there, self.here

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return 0


def _following(all_ids: Ids, at: int, ids: Ids) -> Ids:
    """Return after which rows others come, of which the first is to be at a position."""
    first = all_ids[at - 1] if 0 < at <= len(all_ids) else AT_TOP
    return np.concatenate([[first], ids[:-1]]).astype(np.int64)


def _marks(of_base: Mask, ids: Ids) -> Mask:
    """Return the marks of rows; those that are not of the base have none."""
    marks = np.zeros(len(ids), dtype=np.bool_)
    there = ids < len(of_base)
    marks[there] = of_base[ids[there]]
    return marks


def _taken_out(all_ids: Ids, ids: Ids) -> tuple[Ids, Ids, Ids]:
    """Return those of some ids that are there, the one before each, and all the others."""
    here = np.isin(all_ids, ids)
    at = np.flatnonzero(here)
    before = np.concatenate([[AT_TOP], all_ids[:-1]]).astype(np.int64)
    return all_ids[at], before[at], all_ids[~here]


def _put_in(all_ids: Ids, ids: Ids, after: Ids, made: int) -> Ids:
    """Return ids with others among them, each after its own; where that is not there, at the end."""
    if not len(ids):
        return all_ids
    places = np.full(made + 2, len(all_ids) - 1, dtype=np.int64)
    places[all_ids] = np.arange(len(all_ids))
    places[AT_TOP] = -1
    at = places[after] + 1
    # Those that follow one another go to where the first of them goes.
    follows = np.concatenate([[False], after[1:] == ids[:-1]])
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(len(ids))))
    return np.insert(all_ids, at[first], ids)
