"""The rows of a sheet: which there are, in which order, and which of them are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torc_frames.widgets.parameters.column import Ids, Mask
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.parameters.patches import DeletedPatch, RowsPatch

__all__ = ["Rows", "View"]


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


@dataclass(slots=True)
class Rows:
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
    def of(cls, keys: Sequence[str | None]) -> Rows:
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
            own_at = self.places(self.view[at : at + 1])[0]
        elif at and len(self.view) < len(self.own):
            own_at = self.places(self.view[-1:])[0] + 1
        else:
            own_at = len(self.own)
        steps = np.arange(len(ids), dtype=np.int64)
        return RowsPatch(self, ids, own_at + steps, steps, min(at, len(self.view)) + steps)

    def removing(self, ids: Ids) -> RowsPatch:
        """Return what takes rows out."""
        at = np.flatnonzero(np.isin(self.own, ids))
        shown_at = np.flatnonzero(np.isin(self.view, ids))
        ordered = self.own[at]
        place = {id: n for n, id in enumerate(ordered.tolist())}
        shown = np.array([place[id] for id in self.view[shown_at].tolist()], dtype=np.int64)
        return RowsPatch(self, ordered, at, shown, shown_at, present=True)

    def marking(self, ids: Ids) -> DeletedPatch:
        """Return what marks rows of the base as deleted, or takes the marks off."""
        return DeletedPatch(self, ids)

    def places(self, ids: Ids) -> Ids:
        """Return at which positions of the table's order rows are."""
        if not len(ids):
            return np.empty(0, dtype=np.int64)
        where = np.full(self.made, -1, dtype=np.int64)
        where[self.own] = np.arange(len(self.own))
        return where[ids]


def _marks(of_base: Mask, ids: Ids) -> Mask:
    """Return the marks of rows; those that are not of the base have none."""
    marks = np.zeros(len(ids), dtype=np.bool_)
    there = ids < len(of_base)
    marks[there] = of_base[ids[there]]
    return marks
