"""A DataFrame to look at: sorted by pandas, its texts made a page at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.table.cells import column_of, texts
from torc_frames.widgets.table.clipboard import write_cells
from torc_frames.widgets.table.source import Block, Change, GridColumn, Layout, Row

__all__ = ["FrameSource"]

_Positions = npt.NDArray[np.intp]


class FrameSource:
    r"""A table of a DataFrame that is looked at and not changed.

    Parameters
    ----------
    frame : DataFrame
        Its index comes first, as columns, if it has a name (or is more than a count of rows).

    Attributes
    ----------
    frame : DataFrame
        All of it, as it was given.
    shown : DataFrame
        The rows that are shown, in the order that they are shown in.

    Examples
    --------
    >>> source = FrameSource(pd.DataFrame({"alpha": [0.1, 1.0, None], "ok": [True, False, True]}))
    >>> source.sort(0, ascending=False)
    >>> source.text(Block(0, 0, 2, 2)), source.status
    ('1.0\tfalse\n0.1\ttrue', '3 rows')
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.lock = threading.RLock()
        self._callbacks: list[Callable[[Change], None]] = []
        self._order: tuple[int, bool] | None = None
        self._arrangement = Layout()
        self._take(frame)

    @property
    def frame(self) -> pd.DataFrame:
        """All of it, as it was given."""
        return self._frame

    @property
    def shown(self) -> pd.DataFrame:
        """The rows that are shown, in the order that they are shown in."""
        with self.lock:
            return self._frame.iloc[self._positions]

    @property
    def columns(self) -> Sequence[GridColumn]:
        """The index, if it says something, and then the frame's columns."""
        return self._columns

    @property
    def order(self) -> tuple[int, bool] | None:
        """The column that rows are sorted by, and whether ascending; None for the frame's own order."""
        return self._order

    @property
    def arrangement(self) -> Layout:
        """How columns are arranged."""
        return self._arrangement

    def arrange(self, arrangement: Layout) -> None:
        """Arrange columns; RefusedError if none would be left."""
        with self.lock:
            if all(column.name in arrangement.hidden for column in self._all):
                raise RefusedError("a table without any column is none: one stays")
            order = self.order
            name = None if order is None else self._columns[order[0]].name
            self._arrangement = arrangement
            self._lay_out()
            names = [column.name for column in self._columns]
            self._order = (names.index(name), order[1]) if order is not None and name in names else None
            self._tell(Change(columns=True))

    @property
    def status(self) -> str:
        """How many rows there are."""
        return counted(len(self._frame), "row")

    def __len__(self) -> int:
        return len(self._positions)

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return some rows; fewer if there are no more."""
        with self.lock:
            return [Row(list(cells)) for cells in self._cells(Block(start, 0, stop, len(self._columns)))]

    def texts(self, block: Block) -> list[list[str]]:
        """Return the texts of cells, column by column."""
        with self.lock:
            positions = self._positions[max(0, block.top) : max(0, block.bottom)]
            return [texts(series.iloc[positions]) for series in self._series[block.left : block.right]]

    def text(self, block: Block) -> str:
        """Return cells as tab-separated text."""
        with self.lock:
            return write_cells(self._cells(block))

    def sort(self, column: int, ascending: bool | None) -> None:
        """Sort by a column, stable, missing values last; None for the frame's own order."""
        with self.lock:
            if not 0 <= column < len(self._columns):
                raise RefusedError(f"there is no column {column} to sort by")
            self._order = None if ascending is None else (column, ascending)
            self._arrange()
            self._tell(Change())

    def replace(self, frame: pd.DataFrame) -> None:
        """Show another frame, sorted by the column of the same name."""
        with self.lock:
            before, order = self._columns, self._order
            name = None if order is None else before[order[0]].name
            self._order = None
            self._take(frame)
            found = [column.name for column in self._columns]
            if order is not None and name in found:
                self._order = (found.index(name), order[1])
                self._arrange()
            self._tell(Change(columns=self._columns != before))

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after each change, with `lock` held; call what is returned to end that."""
        with self.lock:
            self._callbacks.append(callback)

        def stop() -> None:
            with self.lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return stop

    def _take(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        index = frame.index
        counts = isinstance(index, pd.RangeIndex) and index.name is None
        levels = [] if counts else [index.get_level_values(level) for level in range(index.nlevels)]
        self._all_series = [pd.Series(level.array, copy=False) for level in levels]
        self._all_series += [frame.iloc[:, at] for at in range(frame.shape[1])]
        names = [
            _name(level.name, "index" if len(levels) == 1 else f"level_{at}")
            for at, level in enumerate(levels)
        ]
        names += [_name(name, "") for name in frame.columns]
        self._all = [column_of(name, series) for name, series in zip(names, self._all_series, strict=True)]
        self._lay_out()
        self._arrange()

    def _lay_out(self) -> None:
        places = self._arrangement.places([column.name for column in self._all])
        self._columns = [self._all[at] for at in places]
        self._series = [self._all_series[at] for at in places]

    def _arrange(self) -> None:
        if self._order is None:
            self._positions: _Positions = np.arange(len(self._frame))
        else:
            column, ascending = self._order
            self._positions = _sorted(self._series[column], ascending)

    def _cells(self, block: Block) -> Any:
        made = self.texts(block)
        rows = range(max(0, block.top), min(block.bottom, len(self)))
        return zip(*made, strict=True) if made else [() for _ in rows]

    def _tell(self, change: Change) -> None:
        for callback in list(self._callbacks):
            callback(change)


def _sorted(series: pd.Series, ascending: bool) -> _Positions:
    """Return the positions of a column's values in their order; what can't be compared is ordered as text."""
    fresh = series.reset_index(drop=True)
    try:
        order = fresh.sort_values(ascending=ascending, kind="stable")
    except TypeError:
        shown = pd.Series(texts(fresh), dtype=object)
        order = shown.where(shown != "", None).sort_values(ascending=ascending, kind="stable")
    return order.index.to_numpy()


def _name(name: Any, default: str) -> str:
    if name is None:
        return default
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)
