"""Going from one cell in which a text is to the next."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, Source

__all__ = ["Finder"]


class Finder:
    """Goes through the cells of a table in which a text is, row by row, and round again.

    What was found is kept until `forget`.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames.widgets.table.frames import FrameSource
    >>> finder = Finder(FrameSource(pd.DataFrame({"a": ["x", "y"], "b": ["y", "z"]})))
    >>> finder.go(Search("y"), None, (0, 1), "next")
    {'count': 2, 'at': 2, 'row': 1, 'column': 0}
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: tuple[Any, Any] | None = None

    def forget(self) -> None:
        """Take note that the table is another one."""
        self._found = None

    def go(
        self,
        search: Search,
        block: Block | None,
        at: tuple[int, int],
        way: Literal["here", "next", "back"],
    ) -> dict[str, int]:
        """Return how many cells there are, and which of them comes first from a cell on.

        Parameters
        ----------
        search : Search
        block : Block or None
            Where to look; None for the whole table.
        at : tuple of int
            The row and column to go from.
        way : str
            Whether the cell itself may be it, or the next or the last one before it is wanted.
        """
        found, width = self._cells(search, block), len(self._source.columns)
        if not len(found):
            return {"count": 0}
        here = at[0] * width + at[1]
        place = int(np.searchsorted(found, here, side="right" if way == "next" else "left"))
        place = (place - (way == "back")) % len(found)
        row, column = divmod(int(found[place]), width)
        return {"count": len(found), "at": place + 1, "row": row, "column": column}

    def _cells(self, search: Search, block: Block | None) -> Any:
        """Return cells by row times the number of columns plus column, in order."""
        if self._found is None or self._found[0] != (search, block):
            source = self._source
            width = len(source.columns)
            top, left, bottom, right = block or (0, 0, len(source), width)
            parts = [np.empty(0, dtype=np.int64)]
            for column in range(left, right):
                (texts,) = source.texts(Block(top, column, bottom, column + 1))
                parts.append((np.flatnonzero(search.found(texts)) + top) * width + column)
            self._found = ((search, block), np.sort(np.concatenate(parts)))
        return self._found[1]
