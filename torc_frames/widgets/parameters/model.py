"""A table of parameters that is edited: cells, rows and columns, all of it undone step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, warn
from torc_frames.frame.rules import Rule
from torc_frames.widgets.history import StateStep
from torc_frames.widgets.parameters import editing, filling, reshaping, series
from torc_frames.widgets.parameters.base import base_of
from torc_frames.widgets.parameters.checking import Checks, TableRule
from torc_frames.widgets.parameters.conditions import View
from torc_frames.widgets.parameters.edits import Lost, as_json, from_json
from torc_frames.widgets.parameters.history import Done, SheetHistory, Step
from torc_frames.widgets.parameters.rebase import Rebase, Taken
from torc_frames.widgets.parameters.state import State, state_of
from torc_frames.widgets.parameters.view import SheetView
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, Change

__all__ = ["Sheet"]

P = ParamSpec("P")
T = TypeVar("T")


class Sheet(SheetView):
    """A table of parameters to edit, behind a grid; an `EditableSource`, and more.

    The frame that it is made of stays as it is. Every call that changes something is one step that `undo`
    takes back, and is refused as a whole or done as a whole; sorting and filtering change nothing, and are
    no steps. A cell in which a text is no value, or breaks a rule, shows the text with the reason; in
    `value` stands the last value that was one. Dtypes change by `retype_column` alone.

    Parameters
    ----------
    frame : DataFrame
        Indexed by job_key, as `Workflow.parameters` returns it, or by a plain range.
    rules : mapping of str to Rule, optional
        What the cells of a column must be like. Of those that are there already it is told, and they stay.
    table_rule : callable, optional
        What rows must be like: of a frame of the complete rows, numbered from 0 on, it gives a bool for
        each row (False where it is not as it must be), or a dict or Series of reasons by row, or by
        (row, column).

    Raises
    ------
    RefusedError
        For a frame that could not be pushed: another index, columns of the same name.

    Examples
    --------
    >>> frame = pd.DataFrame({"lr": [0.1, 0.2]}, index=pd.Index(["1", "2"], dtype="str", name="job_key"))
    >>> sheet = Sheet(frame, rules={"lr": Rule(above=0)})
    >>> sheet.set_texts([(0, 1, "0.3"), (1, 1, "-1")])
    >>> sheet.value["lr"].tolist()
    [0.3, 0.2]
    >>> sheet.problems
      job_key  row column text            reason
    0       2    1     lr   -1  -1.0 is not above 0
    >>> sheet.undo()
    '2 cells of lr changed'
    >>> sheet.is_dirty
    False
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        rules: Mapping[str, Rule] | None = None,
        table_rule: TableRule | None = None,
    ) -> None:
        self.lost: list[Lost] = []
        """What was edited, and could not be put on a frame that had changed; kept until `forget_lost`."""

        self.version = 0
        """How often it was edited; sorted and filtered it is the same."""

        self._rules = dict(rules or {})
        super().__init__(state_of(base_of(frame, self._rules)), table_rule)
        unknown = [name for name in self._rules if name not in self._state.base.stored]
        if unknown and self._state.base.stored:
            warn(f"rules for {unknown[0]!r}: there is no such column")

    def __repr__(self) -> str:
        return f"Sheet({len(self._state.own)} rows, {len(self._state.columns)} columns)"

    # Cells and rows.

    def set_texts(self, cells: Sequence[tuple[int, int, str]]) -> None:
        """Type texts into cells, each a row and a column as shown, and what was typed."""
        self._do(editing.set_texts, cells)

    def paste(self, block: Block, text: str) -> None:
        """Put tab-separated text at a block, which it is repeated in if that is larger; rows are added.

        Raises
        ------
        RefusedError
            If it does not fit: more columns than there are, columns of keys, deleted rows. Nothing changes.
        """
        self._do(editing.paste, block, text)

    def clear(self, block: Block) -> None:
        """Make cells missing; where there is no missing value, they wait for one, and the last stands."""
        self._do(editing.clear, block)

    def fill(self, source: Block, target: Block, switched: bool = False) -> None:
        """Fill cells above, below, left or right of others: their series goes on, or they are repeated.

        Parameters
        ----------
        source, target : Block
            Of the same columns, or of the same rows.
        switched : bool
            Repeat what would be a series; count up from one number.

        Raises
        ------
        RefusedError
            For other blocks, for the column of keys, and for series that leave what there is.
        """
        self._do(series.fill, source, target, switched)

    def insert_rows(self, at: int, count: int) -> None:
        """Add empty rows before a row."""
        self._do(editing.insert, at, count)

    def duplicate_rows(self, start: int, stop: int) -> None:
        """Add copies of rows below them."""
        self._do(editing.duplicate, start, stop)

    def delete_rows(self, start: int, stop: int) -> None:
        """Delete rows: those that the store has stay visible, marked; others vanish."""
        self._do(editing.delete, start, stop)

    def restore_rows(self, start: int, stop: int) -> None:
        """Take back that rows are deleted."""
        self._do(editing.restore, start, stop)

    def append(self, frame: pd.DataFrame) -> None:
        """Add the rows of a frame at the end, as new ones, and the columns that there are not yet."""
        self._do(editing.append, frame)

    # Columns.

    def add_column(self, name: str, dtype: Any = "float64", default: str = "", at: int | None = None) -> None:
        """Add a column with a text in each row, at the end or as number `at` of those of parameters."""
        self._do(reshaping.add, name, dtype, default, at)

    def rename_column(self, old: str, new: str) -> None:
        """Give a column another name. The store then lacks a column, and has one that it should not."""
        self._do(reshaping.rename, old, new)

    def drop_column(self, name: str) -> None:
        """Take a column out."""
        self._do(reshaping.drop, name)

    def retype_column(self, name: str, dtype: Any) -> None:
        """Make a column one of another dtype, as if its texts were typed into that.

        What is no value there stays as a text, and its row is left out of `value` until it is one.

        Parameters
        ----------
        name : str
        dtype : str or dtype
            As pandas writes it; ``"json"`` for anything, ``"category"`` for the values that there are.
        """
        self._do(reshaping.retype, name, dtype)

    # Filling and finding.

    def fill_formula(self, formula: str, where: str | Block) -> None:
        """Fill a column's rows that are shown, or a block, with a formula over the row's columns.

        See `torc_frames.frame.expressions.Formula` for what it may be.

        Raises
        ------
        RefusedError
            If it is none, or has no value for a row; then nothing is filled.
        """
        self._do(filling.fill_formula, formula, where)

    def fill_series(self, series: filling.Series, where: str | Block) -> None:
        """Fill a column's rows that are shown, or a block, with a sequence such as `Steps` or `Repeated`."""
        self._do(filling.fill_series, series, where)

    def find(self, search: Search, column: str | None = None) -> list[tuple[int, int]]:
        """Return the row and column, as shown, of each cell in which something is."""
        with self.lock:
            return filling.found(self._state, search, column)

    def replace(self, search: Search, by: str, where: str | Block | None = None) -> int:
        """Replace a text in the cells that are shown of a column, a block, or all; return in how many."""
        return self._do(filling.replace, search, by, where)

    # What it all amounts to.

    @property
    def base(self) -> pd.DataFrame:
        """The frame that the edits are of."""
        with self.lock:
            frame = self._state.base.frame.copy()
            frame.attrs.update(self._state.base.attrs)
            return frame

    @property
    def value(self) -> pd.DataFrame:
        """The table as it is edited, a frame to push.

        In the order of the table, whatever is shown. Deleted rows are not in it, nor rows in which a cell
        that must have a value never had one (see `problems`); new rows have no key. Dtypes are those of the
        base, but for columns that were retyped, and ``attrs`` are the base's.
        """
        return self.take().frame

    def take(self) -> Taken:
        """Return `value`, with what `rebase` needs to know once it was applied."""
        with self.lock:
            return Taken.of(self._state)

    def is_current(self, taken: Taken) -> bool:
        """Return whether what was taken is of the base that the sheet has now, as `rebase` wants it."""
        return taken.state.base is self._state.base

    @property
    def deleted_keys(self) -> list[str]:
        """The job keys of deleted rows."""
        return self._state.deleted_keys()

    @property
    def dropped_columns(self) -> list[str]:
        """The columns that the store has and this table has not: dropped, or renamed away."""
        return self._state.dropped()

    @property
    def is_dirty(self) -> bool:
        """Whether anything is other than in the base."""
        with self.lock:
            return bool(self.lost) or self._state.is_dirty

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._history.can_redo

    def undo(self) -> str | None:
        """Take back the last step, and return what that was, in words; None if there is none."""
        with self.lock:
            now = self._state
            return self._went(self._history.undo(), now)

    def redo(self) -> str | None:
        """Do again what was taken back last, and return what that was; None if there is nothing."""
        with self.lock:
            now = self._state
            return self._went(self._history.redo(), now)

    # Another base.

    def reset(self) -> None:
        """Discard all edits, and what can be undone."""
        with self.lock:
            self.lost = []
            self._rebased(state_of(self._state.base))

    def rebase(
        self, frame: pd.DataFrame, taken: Taken | None = None, keys: Sequence[str | None] | None = None
    ) -> None:
        """Put the edits on another frame, by job key: after a refresh, or after they were applied.

        New rows whose content a job has that was not there before are new no longer: they are that job.
        After a refresh what can be undone and done again is the same as before, but for rows and columns that
        are gone: a cell that is taken back is what the store has now. Once all was applied it is forgotten.
        Edits whose rows or columns are gone are in `lost` then. After a refresh ``attrs`` stay those of the
        pull that the edits were made on, so that a plan still finds what others have changed since.

        Parameters
        ----------
        frame : DataFrame
            What the store has now.
        taken : Taken or None
            What `take` gave and was applied, wholly or partly: what was edited since stays an edit.
        keys : sequence of str or None
            The job keys of the rows of ``taken.frame``, if all of it was applied: the index of what
            `Plan.apply` returned.

        Raises
        ------
        RefusedError
            If what was taken is of another base than the present one.
        """
        with self.lock:
            now = self._state
            if taken is not None and not self.is_current(taken):
                raise RefusedError("what was taken is of another base than the sheet has now: take it anew")
            base = base_of(frame, self._rules)
            begun = taken.new() if taken is not None and keys is None else {}
            move = Rebase(now.base, base, now, {*now.base.ids}, begun, taken, keys)
            moved = move.state(now)
            history = self._history.moved(moved, move) if keys is None else None
            self._placed(now.base.attrs if taken is None else {}, moved, move.lost(now, moved))
            self._rebased(moved, history)

    def state(self, begun: Taken | None = None) -> dict[str, Any]:
        """Return the edits as JSON: what `restore` puts on a frame.

        Parameters
        ----------
        begun : Taken or None
            What is being applied: part of it may be in the store, whatever is edited since.
        """
        with self.lock:
            return as_json(self._state, self.lost, {} if begun is None else begun.new())

    @classmethod
    def restore(
        cls,
        frame: pd.DataFrame,
        edits: Mapping[str, Any],
        *,
        rules: Mapping[str, Rule] | None = None,
        table_rule: TableRule | None = None,
    ) -> Sheet:
        """Return a sheet of a frame with the edits of another; see `lost` for those that it can't take.

        Raises
        ------
        RefusedError
            For what is no state of a sheet.
        """
        sheet = cls(frame, rules=rules, table_rule=table_rule)
        kept = from_json(edits)
        now = sheet._state.base
        move = Rebase(kept.state.base, now, kept.state, kept.known, kept.begun)
        moved = move.state(kept.state)
        sheet.lost = list(kept.edits.lost)
        sheet._placed({"torc": kept.edits.torc}, moved, move.lost(kept.state, moved))
        sheet._rebased(moved)
        return sheet

    def forget_lost(self) -> None:
        """Say that what is in `lost` was seen, and is no longer wanted."""
        with self.lock:
            self.lost = []
            self._tell(Change(rows=None))

    # How it is done.

    def _placed(self, attrs: Mapping[str, Any], moved: State, lost: Sequence[Lost]) -> None:
        """Take note of what was lost, and of the pull that edits were made on."""
        self.lost = [*self.lost, *lost]
        if attrs.get("torc") is not None and moved.is_dirty:
            moved.base.attrs = {**moved.base.attrs, "torc": attrs["torc"]}

    def _rebased(self, state: State, history: SheetHistory | None = None) -> None:
        how = self._state.how.named({column.name: column.name for column in state.columns})
        self._history = SheetHistory(state) if history is None else history
        self._checks = Checks(state, self._table_rule)
        try:
            self._show(how, anew=True)
        except RefusedError:  # its columns have other dtypes now
            self._show(View(), anew=True)
        self._tell(Change(columns=True))

    @contextmanager
    def _step(self) -> Iterator[Step]:
        """Gather what one call does; if it fails, nothing was done."""
        with self.lock:
            step = Step(self._state)
            yield step
            if step.notes:
                before = self._state
                self._changed(self._history.step(step), before, None)

    def _do(self, edit: Callable[Concatenate[Step, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._step() as step:
            return edit(step, *args, **kwargs)

    def _went(self, step: StateStep[State] | None, before: State) -> str | None:
        """Say what was taken back, or done again."""
        if step is None:
            return None
        done: Done = step.about
        state = self._history.state = self._state.shown_as(before)
        self._changed(done, before, done.focus)
        there = done.ids[np.isin(done.ids, state.own)]
        is_hidden = len(there) and not np.isin(there, state.view).any()
        return f"{done.told} (rows that the filter hides)" if is_hidden else done.told

    def _changed(self, done: Done, before: State, focus: tuple[int, str] | None) -> None:
        now = self._state
        self._checks = Checks(now, self._table_rule)
        self.version += 1
        rows = done.rows(before, now)
        rows = (0, len(self)) if rows is not None and self._checks.reach else rows
        there = None
        if focus is not None and focus[1] in {column.name for column in now.shown}:
            shown = np.flatnonzero(now.view == focus[0])
            there = (int(shown[0]), self.column_position(focus[1])) if len(shown) else None
        self._tell(Change(rows, done.columns, there))
