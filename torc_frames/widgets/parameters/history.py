"""Steps of a sheet that can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.history import StateHistory
from torc_frames.widgets.parameters.column import SheetColumn
from torc_frames.widgets.parameters.ids import NO_IDS, Ids, merged
from torc_frames.widgets.parameters.rebase import Rebase
from torc_frames.widgets.parameters.state import State

__all__ = ["Done", "Note", "SheetHistory", "Step"]

MOST_ROWS = 1_000_000
"""How many rows may be added at once."""

_STEP_BYTES = 500


class Note(NamedTuple):
    """One thing that a step did: to the columns, or to rows."""

    kind: Literal["columns", "cells", "added", "deleted", "restored"]
    text: str = ""
    """What was done to columns, in words; of cells the column's name."""

    ids: Ids = NO_IDS


class Done(NamedTuple):
    """What a step did."""

    notes: tuple[Note, ...]
    focus: tuple[int, str] | None
    """The row's id and the column's name to go to."""

    @property
    def told(self) -> str:
        """What was done, in words: "24 rows deleted"."""
        added = self._ids("added")
        cells: dict[str, Ids] = {}
        for note in self.notes:
            if note.kind == "cells":
                cells[note.text] = merged(cells.get(note.text, NO_IDS), note.ids)
        changed = {name: int((~np.isin(ids, added)).sum()) for name, ids in cells.items()}
        changed = {name: count for name, count in changed.items() if count}
        told = [note.text for note in self.notes if note.kind == "columns"]
        for kind in ("added", "deleted", "restored"):
            if count := len(self._ids(kind)):
                told.append(f"{counted(count, 'row')} {kind}")
        if changed:
            of = f"of {next(iter(changed))}" if len(changed) == 1 else f"in {len(changed)} columns"
            told.append(f"{counted(sum(changed.values()), 'cell')} {of} changed")
        return ", ".join(told) or "nothing that is there any more"

    @property
    def columns(self) -> bool:
        """Whether the columns are others."""
        return any(note.kind == "columns" for note in self.notes)

    @property
    def ids(self) -> Ids:
        """The rows that it is about; none if it is about columns."""
        return np.concatenate([NO_IDS, *(note.ids for note in self.notes)])

    def rows(self, one: State, other: State) -> tuple[int, int] | None:
        """Return the first and last of the rows shown that it changed, None if it changed which there are."""
        if self.columns or not np.array_equal(one.view, other.view):
            return None
        at = np.flatnonzero(np.isin(one.view, self.ids))
        return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)

    def _ids(self, kind: str) -> Ids:
        return np.concatenate([NO_IDS, *(note.ids for note in self.notes if note.kind == kind)])


class Step:
    """What one call does: what undo takes back at once.

    Attributes
    ----------
    state : State
        The sheet as it is by now.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.notes: list[Note] = []
        self.focus: tuple[int, str] | None = None

    def write(self, column: SheetColumn, ids: Ids, texts: Sequence[str]) -> None:
        """Type texts into cells of one column."""
        if len(ids):
            self.put(column, column.write(ids, texts), ids)
            self.focus = self.focus or (int(ids[0]), column.name)

    def put(self, column: SheetColumn, made: SheetColumn, ids: Ids) -> None:
        """Put a column in place of one of which some cells are others."""
        self.notes.append(Note("cells", column.name, ids))
        self._set(tuple(made if one is column else one for one in self.state.columns))

    def change_columns(self, columns: Sequence[SheetColumn], told: str) -> None:
        """Have other columns."""
        self.notes.append(Note("columns", told))
        self._set(tuple(columns))
        names = {column.name: column.name for column in columns}
        self.state = replace(self.state, how=self.state.how.named(names))

    def rename(self, column: SheetColumn, name: str, told: str) -> None:
        """Give a column another name."""
        self.notes.append(Note("columns", told))
        how = self.state.how.named({**{one: one for one in self.state.by_name()}, column.name: name})
        made = replace(column, name=name)
        self._set(tuple(made if one is column else one for one in self.state.columns))
        self.state = replace(self.state, how=how)

    def add_rows(self, at: int, count: int, of: Ids | None = None) -> Ids:
        """Add empty rows, or copies of others, before one that is shown; after all of them at the end."""
        if count > MOST_ROWS:
            raise RefusedError(f"{count:,} rows at once; add up to {MOST_ROWS:,}")
        state = self.state
        ids, view = state.base.more(count), state.view
        if at < len(view):
            place = int(state.places(view[at : at + 1])[0])
        elif at and len(view) < len(state.own):
            place = int(state.places(view[-1:])[0]) + 1
        else:
            place = len(state.own)
        columns = [
            column.with_new(ids) if of is None else column.with_copies(ids, of) for column in state.columns
        ]
        own, view = np.insert(state.own, place, ids), np.insert(view, at, ids)
        self.state = replace(state, columns=tuple(columns), own=own, view=view)
        self.notes.append(Note("added", ids=ids))
        return ids

    def remove_rows(self, ids: Ids) -> None:
        """Take rows out."""
        if len(ids):
            own, view = (rows[~np.isin(rows, ids)] for rows in (self.state.own, self.state.view))
            self.state = replace(self.state, own=own, view=view)
            self.notes.append(Note("deleted", ids=ids))

    def mark(self, ids: Ids, deleted: bool) -> None:
        """Mark rows of the base as deleted, or take the marks off."""
        if len(ids):
            marks = self.state.deleted.copy()
            marks[ids] = deleted
            self.state = replace(self.state, deleted=marks)
            self.notes.append(Note("deleted" if deleted else "restored", ids=ids))

    def _set(self, columns: tuple[SheetColumn, ...]) -> None:
        self.state = replace(self.state, columns=columns)


class SheetHistory(StateHistory[State]):
    """The states of a sheet, each with what was `Done`."""

    most_steps = 100_000  # cells are typed one by one: it is what they keep that counts

    def step(self, step: Step) -> Done:
        """Have the state that a step has made."""
        done = Done(tuple(step.notes), step.focus)
        noted = sum(note.ids.nbytes for note in done.notes)
        weight = _STEP_BYTES + noted + self.state.weight(step.state)
        self.do(step.state, about=done, weight=weight)
        return done

    def moved(self, now: State, move: Rebase) -> SheetHistory:
        """Return the same steps on another base; those of which nothing is left are left out.

        Parameters
        ----------
        now : State
            The sheet as it is there.
        move : Rebase
            The way of states to it.
        """
        made, state = SheetHistory(now), now
        for step in reversed(self._done):
            after, state = state, move.state(step.before)
            if not state.is_same(after):
                made._done.insert(0, replace(step, before=state, after=after, about=_on(step.about, move)))
        state = now
        for step in reversed(self._undone):
            before, state = state, move.state(step.after)
            if not state.is_same(before):
                made._undone.insert(0, replace(step, before=before, after=state, about=_on(step.about, move)))
        return made


def _on(done: Done, move: Rebase) -> Done:
    """Return what was done on another base, without rows that are gone."""
    notes = []
    for note in done.notes:
        ids = move.to[note.ids]
        # Rows that are jobs of others by now are not added any more, nor taken out.
        added = note.kind == "added"
        ids = ids[(ids >= move.first) | np.isin(note.ids, move.ours) if added else (ids >= 0)]
        if note.kind == "columns" or len(ids):
            notes.append(note._replace(ids=ids))
    focus = done.focus and (int(move.to[done.focus[0]]), done.focus[1])
    return Done(tuple(notes), focus)
