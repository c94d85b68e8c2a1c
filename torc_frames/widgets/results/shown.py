"""What an exploration shows, as the source of a grid; the exploration sorts."""

from __future__ import annotations

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.widgets.results.exploring import Exploration
from torc_frames.widgets.results.model import KEY
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.source import Change

__all__ = ["ShownSource"]


class ShownSource(FrameSource):
    """The frame that an `Exploration` shows; follows it."""

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration
        super().__init__(exploration.shown)
        self.lock = exploration.lock  # one for both: with two, each might wait for the other

    @property
    def order(self) -> tuple[int, bool] | None:
        """The column that rows are sorted by, and whether ascending."""
        asked = self._exploration.query.sort
        names = [column.name for column in self.columns]
        return None if asked is None or asked[0] not in names else (names.index(asked[0]), asked[1])

    @property
    def status(self) -> str:
        """How many rows there are."""
        return self._exploration.told

    def sort(self, column: int, ascending: bool | None) -> None:
        """See `Source.sort`."""
        with self.lock:
            if not 0 <= column < len(self.columns):
                raise RefusedError(f"there is no column {column} to sort by")
            self._exploration.sort(self.columns[column].name, ascending)

    def follow(self, at: str | None = None, column: int = 0) -> None:
        """Show what the exploration shows now; `at` is the key of a job to go to, if it is shown."""
        with self.lock:
            self.replace(self._exploration.shown)
            row = self.row_of(at)
            if row is not None:
                self._tell(Change(rows=(row, row + 1), focus=(row, min(column, len(self.columns) - 1))))

    def key_at(self, row: int) -> str | None:
        """Return the key of the job in a row, None for a group."""
        index = self.frame.index
        return str(index[row]) if index.name == KEY and row < len(index) else None

    def row_of(self, key: str | None) -> int | None:
        """Return the row of a job, None if it is not shown."""
        index = self.frame.index
        if key is None or index.name != KEY or key not in index:
            return None
        return int(index.get_indexer(pd.Index([key]))[0])
