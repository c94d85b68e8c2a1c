"""What is shown of a sheet: a page of rows, what is wrong in them, sorted and filtered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parameters.checking import Checks, TableRule, as_frame
from torc_frames.widgets.parameters.choosing import arranged
from torc_frames.widgets.parameters.conditions import Condition, View
from torc_frames.widgets.parameters.history import SheetHistory
from torc_frames.widgets.parameters.ids import among
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table.clipboard import write_cells
from torc_frames.widgets.table.source import Block, Change, GridColumn, Layout, Row
from torc_frames.widgets.table.source import State as RowState

__all__ = ["SheetView"]


class SheetView:
    """A state of a sheet, as a grid asks for it.

    Parameters
    ----------
    state : State
    table_rule : callable or None
        What rows must be like.
    """

    def __init__(self, state: State, table_rule: TableRule | None) -> None:
        self.lock = threading.RLock()
        self._callbacks: list[Callable[[Change], None]] = []
        self._table_rule = table_rule
        self._arranged = 0
        self._history = SheetHistory(state)
        self._checks = Checks(state, table_rule)

    @property
    def columns(self) -> list[GridColumn]:
        """The columns, that of keys first, in the order that is shown."""
        with self.lock:
            base = self._state.base
            keys = GridColumn("job_key", "string", str(base.frame.index.dtype), read_only=True)
            shown = [column.column for column in self._state.shown]
            return [keys, *shown] if base.keyed else shown

    @property
    def order(self) -> tuple[int, bool] | None:
        """The column that rows are sorted by, and whether ascending; None for the table's own order."""
        with self.lock:
            how = self._state.how.order
            name = "" if how is None else how[0] or "job_key"
            if how is None or not self._is_shown(name):
                return None
            return self.column_position(name), how[1]

    @property
    def arrangement(self) -> Layout:
        """How columns are arranged."""
        return self._state.how.arrangement

    def arrange(self, arrangement: Layout) -> None:
        """Arrange columns, but for the keys, which come first; positions are those of columns shown then.

        Raises
        ------
        RefusedError
            If no column would be left.
        """
        with self.lock:
            if not (self._state.base.keyed or {*self._state.by_name()} - {*arrangement.hidden}):
                raise RefusedError("a table without any column is none: one stays")
            self._show(replace(self._state.how, arrangement=arrangement))
            self._tell(Change(columns=True))

    def _is_shown(self, name: str | None) -> bool:
        keyed = self._state.base.keyed and name == "job_key"
        return name is None or keyed or any(column.name == name for column in self._state.shown)

    @property
    def status(self) -> str:
        """How many rows there are, and are shown."""
        with self.lock:
            total, shown = len(self._state.own), len(self._state.view)
            return counted(total, "row") if shown == total else f"{shown:,} of {counted(total, 'row')}"

    def __len__(self) -> int:
        return len(self._state.view)

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return some of the rows that are shown."""
        with self.lock:
            state = self._state
            ids = state.view[max(start, 0) : max(stop, 0)]
            texts = self.texts(Block(start, 0, stop, len(self.columns)))
            changed = [column.changed(ids).tolist() for column in state.shown]
            deleted, keyed = state.are_deleted(ids).tolist(), state.keyed(ids).tolist()
            made = []
            for at, id in enumerate(ids.tolist()):
                other = [place for place, mask in enumerate(changed, state.offset) if mask[at]]
                mark: RowState = "deleted" if deleted[at] else "" if keyed[at] else "new"
                told = self._checks.of_row(id).items()
                wrong = {self.column_position(name): why for name, why in told if self._is_shown(name)}
                shown = [column[at] for column in texts]
                made.append(
                    Row(shown, mark or ("changed" if other else ""), [] if mark == "new" else other, wrong)
                )
            return made

    def texts(self, block: Block) -> list[list[str]]:
        """Return the texts of cells, column by column."""
        with self.lock:
            state, base = self._state, self._state.base
            ids = state.view[max(block.top, 0) : max(block.bottom, 0)]
            first, last = max(block.left, 0), max(block.right, 0)
            keys = [[base.key(id) or "" for id in ids.tolist()]] if first < state.offset and last else []
            others = state.shown[max(first - state.offset, 0) : max(last - state.offset, 0)]
            return keys + [column.texts(ids) for column in others]

    def text(self, block: Block) -> str:
        """Return cells as tab-separated text, as spreadsheets copy them."""
        return write_cells(zip(*self.texts(block), strict=True))

    def between(self, start: int, stop: int) -> pd.DataFrame:
        """Return some of the rows that are shown as a frame: those that are complete and not deleted."""
        with self.lock:
            ids = self._state.view[max(start, 0) : max(stop, 0)]
            return self._state.frame(ids[np.isin(ids, self._state.complete())])

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after each change, with `lock` held; call what is returned to end that."""
        self._callbacks.append(callback)

        def end() -> None:
            with self.lock, suppress(ValueError):
                self._callbacks.remove(callback)

        return end

    def sort(self, column: int, ascending: bool | None) -> None:
        """Sort by a column; None for the table's own order. Rows that are edited then stay where they are."""
        with self.lock:
            order = None if ascending is None else (self._name_at(column), ascending)
            self._arrange(replace(self._state.how, order=order))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of the filter."""
        return self._state.how.conditions

    @property
    def hidden(self) -> int:
        """How many rows are not shown."""
        return len(self._state.own) - len(self._state.view)

    def filter(self, *conditions: Condition) -> None:
        """Show the rows for which all conditions hold; all rows without any. Others are as they were."""
        with self.lock:
            self._arrange(replace(self._state.how, conditions=conditions))

    def position_of(self, row: str | int, column: str | None = None) -> tuple[int, int] | None:
        """Return where a cell is shown, to go to it; None if it is not shown.

        Parameters
        ----------
        row : str or int
            A job key, or a row's number in `problems`.
        column : str or None
            None for the first column.
        """
        with self.lock:
            state = self._state
            if isinstance(row, str):
                id = state.base.ids.get(row, -1)
            else:
                id = int(state.own[row]) if 0 <= row < len(state.own) else -1
            shown = np.flatnonzero(state.view == id)
            names = [column.name for column in self.columns]
            if not len(shown) or (column is not None and column not in names):
                return None
            return int(shown[0]), self.column_position(column)

    def column_position(self, name: str | None) -> int:
        """Return where a column is shown; None is the first."""
        state = self._state
        if name is None or (state.base.keyed and name == "job_key"):
            return 0
        return state.shown.index(state.column(name)) + state.offset

    @property
    def problems(self) -> pd.DataFrame:
        """What is wrong: a row for each cell with ``job_key``, ``row``, ``column``, ``text`` and ``reason``.

        ``row`` is the row's number in the table, deleted ones counted, for `position_of`. A rule of the
        table that failed is a line without a row.
        """
        with self.lock:
            return as_frame(self._checks.all(), self._state)

    @property
    def counts(self) -> dict[str, int]:
        """How much is there: ``changed`` cells, ``new`` and ``deleted`` rows, ``invalid`` cells."""
        with self.lock:
            state = self._state
            alive = state.alive()
            keyed = alive[state.keyed(alive)]
            changed = (column.changed_ids for column in state.columns)
            return {
                "changed": sum(int(among(keyed, ids).sum()) for ids in changed if len(ids)),
                "new": len(alive) - len(keyed),
                "deleted": int(state.deleted.sum()),
                "invalid": self._checks.count(),
            }

    # inside

    @property
    def _state(self) -> State:
        return self._history.state

    def _tell(self, change: Change) -> None:
        for callback in list(self._callbacks):
            callback(change)

    def _arrange(self, how: View) -> None:
        before = self._state
        self._show(how)
        if before is not self._state:
            self._tell(Change())

    def _show(self, how: View, *, anew: bool = False) -> None:
        """Sort and choose the rows that are shown."""
        state = self._state
        view = arranged(state, self._checks, how)
        if anew or state.how != how or not np.array_equal(state.view, view):
            self._arranged += 1
            self._history.state = replace(state, how=how, view=view, arranged=self._arranged)

    def _name_at(self, position: int) -> str | None:
        state = self._state
        if state.base.keyed and position == 0:
            return None
        if not 0 <= position - state.offset < len(state.shown):
            raise RefusedError(f"there is no column {position}")
        return state.shown[position - state.offset].name
