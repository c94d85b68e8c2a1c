"""A table of texts to edit, as simple as can be: what the tests of the grid's messages type into."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from torc_frames.errors import RefusedError
from torc_frames.widgets.table.clipboard import write_cells
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, Change, GridColumn, Layout, Row

COLUMNS = (
    GridColumn("key", "int", "int64", read_only=True),
    GridColumn("name", "string", "str"),
    GridColumn("depth", "int", "Int64"),
    GridColumn("ok", "bool", "boolean", choices=("true", "false")),
)


class TextSource:
    """Whole numbers are checked, the rest is text. A step that is taken back is a copy of all there was."""

    def __init__(self, length: int = 3) -> None:
        self.lock = threading.RLock()
        self.cells = [[str(at), f"name {at}", str(at * 10), "true"] for at in range(length)]
        self.columns: Sequence[GridColumn] = COLUMNS
        self.order: tuple[int, bool] | None = None
        self.arrangement = Layout()
        self.past: list[list[list[str]]] = []
        self.future: list[list[list[str]]] = []
        self.callbacks: list[Callable[[Change], None]] = []

    @property
    def status(self) -> str:
        return f"{len(self.cells)} rows, {len(self.past)} steps"

    def __len__(self) -> int:
        return len(self.cells)

    def rows(self, start: int, stop: int) -> list[Row]:
        return [Row(list(cells), errors=self._errors(cells)) for cells in self.cells[start:stop]]

    def texts(self, block: Block) -> list[list[str]]:
        cells = self.cells[block.top : block.bottom]
        return [[each[column] for each in cells] for column in range(block.left, block.right)]

    def text(self, block: Block) -> str:
        return write_cells(cells[block.left : block.right] for cells in self.cells[block.top : block.bottom])

    def sort(self, column: int, ascending: bool | None) -> None:
        self.order = None if ascending is None else (column, ascending)
        by = 0 if ascending is None else column
        self.cells.sort(key=lambda cells: cells[by], reverse=ascending is False)
        self._tell(Change())

    def arrange(self, arrangement: Layout) -> None:
        raise RefusedError("these columns stay as they are")

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback) if callback in self.callbacks else None

    def set_texts(self, cells: Sequence[tuple[int, int, str]]) -> None:
        self._step()
        for row, column, text in cells:
            self.cells[row][column] = text
        rows = [row for row, _, _ in cells]
        self._tell(Change((min(rows), max(rows) + 1)))

    def paste(self, block: Block, text: str) -> None:
        lines = [line.split("\t") for line in text.rstrip("\n").split("\n")]
        if block.left + max(map(len, lines)) > len(self.columns):
            raise RefusedError(f"{max(map(len, lines))} columns don't fit")
        self._step()
        for down, line in enumerate(lines):
            if block.top + down == len(self.cells):
                self.cells.append(["new", "", "", ""])
            for right, each in enumerate(line):
                self.cells[block.top + down][block.left + right] = each
        self._tell(Change())

    def clear(self, block: Block) -> None:
        self._step()
        for cells in self.cells[block.top : block.bottom]:
            cells[block.left : block.right] = [""] * (block.right - block.left)
        self._tell(Change((block.top, block.bottom)))

    def fill(self, source: Block, target: Block, switched: bool = False) -> None:
        self._step()
        high, wide = source.bottom - source.top, source.right - source.left
        for row in range(target.top, target.bottom):
            for column in range(target.left, target.right):
                from_row = source.top + (row - source.top) % high
                text = self.cells[from_row][source.left + (column - source.left) % wide]
                self.cells[row][column] = text
        self._tell(Change((target.top, target.bottom)))

    def replace(self, search: Search, by: str, where: Block | None = None) -> int:
        block = where or Block(0, 0, len(self.cells), len(self.columns))
        found = []
        for row in range(block.top, block.bottom):
            for column in range(max(block.left, 1), block.right):
                (text,) = search.replaced([self.cells[row][column]], by)
                if text != self.cells[row][column]:
                    found.append((row, column, text))
        if found:
            self.set_texts(found)
        return len(found)

    def insert_rows(self, at: int, count: int) -> None:
        self._step()
        self.cells[at:at] = [["new", "", "", ""] for _ in range(count)]
        self._tell(Change())

    def duplicate_rows(self, start: int, stop: int) -> None:
        self._step()
        self.cells[stop:stop] = [list(cells) for cells in self.cells[start:stop]]
        self._tell(Change())

    def delete_rows(self, start: int, stop: int) -> None:
        self._step()
        del self.cells[start:stop]
        self._tell(Change())

    def undo(self) -> None:
        self._swap(self.past, self.future)

    def redo(self) -> None:
        self._swap(self.future, self.past)

    def _swap(self, out: list[list[list[str]]], back: list[list[list[str]]]) -> None:
        if out:
            back.append(self._copy())
            self.cells = out.pop()
            self._tell(Change())

    def _step(self) -> None:
        self.past.append(self._copy())
        self.future.clear()

    def _copy(self) -> list[list[str]]:
        return [list(cells) for cells in self.cells]

    def _tell(self, change: Change) -> None:
        with self.lock:
            for callback in list(self.callbacks):
                callback(change)

    def _errors(self, cells: Sequence[str]) -> dict[int, str]:
        return (
            {} if cells[2].lstrip("-").isdigit() or not cells[2] else {2: f"{cells[2]!r} is no whole number"}
        )
