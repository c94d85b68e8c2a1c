"""The rows of an exploration as a grid shows them: sorted, and of a brush those that are in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from torc_frames.errors import RefusedError
from torc_frames.widgets.results.model import KEY
from torc_frames.widgets.results.session import Exploration
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.source import Change

__all__ = ["ShownSource"]


class ShownSource(FrameSource):
    """The frame that an `Exploration` shows, and of that what is brushed; follows it.

    Attributes
    ----------
    places : array of int, shape (rows,)
        Where each row that is shown is among `Exploration.chosen`; empty for groups.
    """

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration
        self.places: npt.NDArray[np.intp] = np.arange(0)
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
        told = self._exploration.told
        return f"{len(self):,} brushed of {told}" if self._exploration.picked is not None else told

    def sort(self, column: int, ascending: bool | None) -> None:
        """See `Source.sort`."""
        with self.lock:
            if not 0 <= column < len(self.columns):
                raise RefusedError(f"there is no column {column} to sort by")
            self._exploration.sort(self.columns[column].name, ascending)

    def follow(self, at: str | None = None, column: int = 0) -> None:
        """Show what the exploration shows now; `at` is the key of a job to go to, if it is shown."""
        with self.lock:
            if self._exploration.shown is self.frame:
                self._arrange()
                self._tell(Change())
            else:
                self.replace(self._exploration.shown)
            self.go_to(at, column)

    def go_to(self, key: str | None, column: int = 0) -> None:
        """Go to the row of a job, if it is shown."""
        row = self.row_of(key)
        if row is not None:
            self._tell(Change(rows=(row, row + 1), focus=(row, min(column, len(self.columns) - 1))))

    def key_at(self, row: int) -> str | None:
        """Return the key of the job in a row, None for a group."""
        index = self.frame.index
        return str(index[self._positions[row]]) if index.name == KEY and row < len(self) else None

    def row_of(self, key: str | None) -> int | None:
        """Return the row of a job, None if it is not shown."""
        return None if key is None else self.row_at(self._exploration.place_of(key))

    def row_at(self, place: int | None) -> int | None:
        """Return the row of a job by its place among `Exploration.chosen`, None if it is not shown."""
        found = np.flatnonzero(self.places == (-1 if place is None else place))
        return int(found[0]) if len(found) else None

    def _arrange(self) -> None:
        places, picked = self._exploration.places, self._exploration.picked
        if places is None:
            self.places, self._positions = np.arange(0), np.arange(len(self._frame))
            return
        self._positions = np.arange(len(places)) if picked is None else np.flatnonzero(picked[places])
        self.places = places[self._positions]
