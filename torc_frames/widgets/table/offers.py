"""What is offered after texts were refused: to read them as what they may mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torc_frames.errors import RefusedError
from torc_frames.widgets.table.clipboard import read_cells
from torc_frames.widgets.table.readings import Interpretation, Pasted, choices, question
from torc_frames.widgets.table.source import Block, EditableSource

__all__ = ["Offers"]

_MOST = 200_000
"""So many cells are looked at."""


class Offers:
    """What is offered for the texts that were typed or pasted last.

    Parameters
    ----------
    source : EditableSource
        The table, in which they stand already, as texts that are no values.
    """

    def __init__(self, source: EditableSource) -> None:
        self._source = source
        self._made = 0
        self._choices: list[Interpretation] = []
        self._shown: dict[tuple[int, int], str] = {}

    def pasted(self, block: Block, text: str) -> dict[str, Any] | None:
        """Return what is offered after a paste, as a page is told; None for nothing."""
        cells = read_cells(text)
        if not cells:
            return None
        tall, wide = len(cells), max(map(len, cells))
        down, across = max(tall, block.bottom - block.top), max(wide, block.right - block.left)
        bottom = min(len(self._source), block.top + down // tall * tall)
        right = min(len(self._source.columns), block.left + across // wide * wide)
        if (bottom - block.top) * (right - block.left) > _MOST:
            return None
        return self.typed(
            (row, column, line[(column - block.left) % wide])
            for row in range(block.top, bottom)
            for line in [cells[(row - block.top) % tall]]
            for column in range(block.left, right)
            if (column - block.left) % wide < len(line)
        )

    def typed(self, cells: Iterable[tuple[int, int, str]]) -> dict[str, Any] | None:
        """Return what is offered for cells, each a row, a column and what was typed; None for nothing."""
        by_row: dict[int, list[tuple[int, str]]] = {}
        for row, column, text in cells:
            by_row.setdefault(row, []).append((column, text))
        pasted, texts = [], {}
        for start, stop in _runs(sorted(by_row)):
            for row, shown in enumerate(self._source.rows(start, stop), start):
                for column, text in by_row[row]:
                    refused = column in shown.errors and shown.texts[column] == text
                    pasted.append(Pasted(row, column, text, refused))
                    texts[row, column] = shown.texts[column]
        found = choices(self._source.columns, pasted) if any(one.refused for one in pasted) else []
        if not found:
            return None
        self._choices, self._shown = found, texts
        self._made += 1
        told = [{"label": each.label, "example": each.example} for each in self._choices]
        return {"id": str(self._made), "text": question(self._choices), "choices": told}

    def accept(self, id: str, choice: int) -> None:
        """Read the texts so, as one step, but for cells that have been edited since.

        Raises
        ------
        RefusedError
            If that is not offered any more.
        """
        offered = self._choices if id == str(self._made) else []
        cells = offered[choice].cells if choice < len(offered) else []
        now = {
            row: shown.texts
            for start, stop in _runs(sorted({row for row, _, _ in cells}))
            for row, shown in enumerate(self._source.rows(start, stop), start)
        }
        cells = [cell for cell in cells if now[cell[0]][cell[1]] == self._shown[cell[:2]]]
        if not cells:
            raise RefusedError("this is not offered any more: nothing was done")
        self.forget()
        self._source.set_texts(cells)

    def forget(self) -> None:
        """Offer nothing any more."""
        self._choices = []


def _runs(rows: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Yield the first row, and the one after the last, of rows that follow one another."""
    start = None
    for at, row in enumerate(rows):
        start = row if start is None else start
        if at + 1 == len(rows) or rows[at + 1] != row + 1:
            yield start, row + 1
            start = None
