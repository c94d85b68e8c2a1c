"""The grid over a `Source`: Python has the table, the page paints it. A part of an editor, or a widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import traitlets

from torc_frames.errors import RefusedError, TorcFramesError, counted
from torc_frames.widgets.app.app import App
from torc_frames.widgets.table import messages
from torc_frames.widgets.table.finder import Finder
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.offers import Offers
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.table.source import (
    Block,
    Change,
    EditableSource,
    Layout,
    Source,
    redone,
    undone,
)

__all__ = ["Grid", "GridPart"]

_PAGE = 100
_MOST_CHANGED = 200
_MOST_COPIED = 2_000_000
_CHANGED_MEANWHILE = "The table has changed meanwhile: nothing was done. Please look, and do it again."


class GridPart:
    """A table to look at, or to edit if its source is an `EditableSource`; a part of an editor.

    Parameters
    ----------
    source : Source
        The table. What changes it, here or elsewhere, is painted at once.
    send : callable
        Sends a message to the page.
    on_select : callable, optional
        Called with the block of cells that are selected on the page, by position.

    Attributes
    ----------
    source : Source
        The table.
    """

    def __init__(
        self,
        source: Source,
        send: Callable[[dict[str, Any]], None],
        on_select: Callable[[Block], None] | None = None,
    ) -> None:
        self.source = source
        self._send, self._on_select = send, on_select
        # Asked once: to tell a protocol, Python reads all its properties.
        self._editable = source if isinstance(source, EditableSource) else None
        self._finder = Finder(source)
        self._offers = None if self._editable is None else Offers(self._editable)
        self._gen = 0
        self._seen = (0, _PAGE)
        self._stop = source.on_change(self._on_change)

    def go_to(self, row: int, column: int) -> None:
        """Show a cell and make it the active one."""
        with self.source.lock:
            self._check_block(Block(row, column, row + 1, column + 1))
            self._send({"kind": "focus", "row": row, "column": column})

    def close(self) -> None:
        """Follow the source no longer."""
        self._stop()

    def obey(self, content: Any) -> None:
        """Do what a message of the page asks; what can't be done is told beside the grid."""
        with self.source.lock:
            try:
                self._obey(messages.read(content))
            except TorcFramesError as error:
                self._tell(str(error))

    def _obey(self, message: messages.Message) -> None:
        if isinstance(message, messages.Act) and message.gen != self._gen:
            self._send_head()
            if isinstance(message, messages.Asking):
                self._send({"kind": "answer", "id": message.id, "error": _CHANGED_MEANWHILE})
            elif not isinstance(message, messages.Rows | messages.Select):
                self._tell(_CHANGED_MEANWHILE)
        elif not self._look(message):
            self._edit(message)

    def _look(self, message: messages.Message) -> bool:
        """Do what changes no cell, and return whether this was it."""
        match message:
            case messages.Hello():
                self._send_head()
            case messages.Rows(start=start, stop=stop):
                self._seen = (start, min(stop, start + messages.MOST_ROWS))
                self._send_rows(*self._seen)
            case messages.Sort(column=column, ascending=ascending):
                self._check(column, len(self.source.columns), "column")
                self.source.sort(column, ascending)
            case messages.Arrange(hidden=hidden, order=order, frozen=frozen):
                self.source.arrange(Layout(tuple(hidden), tuple(order), frozen))
            case messages.Select(block=block):
                selected = self._check_block(Block(*block))
                if self._on_select is not None:
                    self._on_select(selected)
            case messages.Copy(id=id, block=block):
                self._send({"kind": "text", "id": id, "text": self._copied(Block(*block))})
            case messages.Cell(id=id, row=row, column=column):
                self._check_block(Block(row, column, row + 1, column + 1))
                text = self.source.rows(row, row + 1)[0].texts[column]
                self._send({"kind": "text", "id": id, "text": text})
            case messages.Find(at=at, way=way):
                self._answer(message, lambda search, block: self._finder.go(search, block, at, way))
            case _:
                return False
        return True

    def _edit(self, message: messages.Message) -> None:
        source, offers, length = self._editable, self._offers, len(self.source)
        if source is None or offers is None:
            raise RefusedError("this table is to look at: its cells can't be changed")
        match message:
            case messages.Undo():
                self._tell(undone(source))
            case messages.Redo():
                self._tell(redone(source))
            case messages.Set(cells=cells):
                for row, column, _text in cells:
                    self._check_block(Block(row, column, row + 1, column + 1))
                source.set_texts(cells)
                self._offer(offers.typed(cells))
            case messages.Paste(block=block, text=text):
                at = self._check_block(Block(*block))
                source.paste(at, text)
                self._offer(offers.pasted(at, text))
            case messages.Accept(id=id, choice=choice):
                self._send({"kind": "offer", "id": id, "text": "", "choices": []})
                if choice is None:
                    offers.forget()
                else:
                    offers.accept(id, choice)
            case messages.Clear(block=block):
                source.clear(self._check_block(Block(*block)))
            case messages.Replace(by=by):
                self._answer(message, lambda search, block: {"count": source.replace(search, by, block)})
            case messages.Fill(block=block, target=target, switched=switched):
                source.fill(self._check_block(Block(*block)), self._check_block(Block(*target)), switched)
            case messages.Insert(at=at, count=count):
                self._check(at, length + 1, "row")
                source.insert_rows(at, count)
            case messages.Duplicate(start=start, stop=stop):
                source.duplicate_rows(*self._check_rows(start, stop))
            case messages.Delete(start=start, stop=stop):
                source.delete_rows(*self._check_rows(start, stop))

    def _answer(
        self, message: messages.Looking, work: Callable[[Search, Block | None], dict[str, int]]
    ) -> None:
        try:
            search = Search(message.text, regex=message.regex, whole=message.whole, case=message.case)
            block = None if message.block is None else self._check_block(Block(*message.block))
            told: dict[str, Any] = work(search, block)
        except TorcFramesError as error:
            told = {"error": str(error)}
        self._send({"kind": "answer", "id": message.id, **told})

    def _on_change(self, change: Change) -> None:
        self._finder.forget()
        if change.columns or change.rows is None:
            if self._offers is not None:
                self._offers.forget()
            self._gen += 1
            self._send_head()
        else:
            start, stop = max(0, change.rows[0]), min(len(self.source), change.rows[1])
            if stop - start <= _MOST_CHANGED:
                self._send_rows(start, stop, status=self.source.status)
            else:
                told = {"gen": self._gen, "start": start, "stop": stop, "status": self.source.status}
                self._send({"kind": "stale", **told})
        if change.focus is not None:
            row, column = change.focus
            self._send({"kind": "focus", "row": row, "column": column})

    def _send_head(self) -> None:
        source = self.source
        start = self._seen[0] if self._seen[0] < len(source) else 0
        self._send(
            {
                "kind": "head",
                "gen": self._gen,
                "length": len(source),
                "columns": msgspec.to_builtins(list(source.columns)),
                "order": source.order,
                "arrangement": msgspec.to_builtins(source.arrangement),
                "editable": self._editable is not None,
                "status": source.status,
                **self._rows(start, start + _PAGE),
            }
        )

    def _send_rows(self, start: int, stop: int, **more: str) -> None:
        self._send({"kind": "rows", "gen": self._gen, **self._rows(start, stop), **more})

    def _rows(self, start: int, stop: int) -> dict[str, Any]:
        return {"start": start, "rows": [messages.row(row) for row in self.source.rows(start, stop)]}

    def _tell(self, text: str) -> None:
        if text:
            self._send({"kind": "note", "text": text})

    def _offer(self, told: dict[str, Any] | None) -> None:
        if told is not None:
            self._send({"kind": "offer", **told})

    def _copied(self, block: Block) -> str:
        cells = (block.bottom - block.top) * (block.right - block.left)
        if cells > _MOST_COPIED:
            raise RefusedError(
                f"{counted(cells, 'cell')} are too many for the clipboard: select at most {_MOST_COPIED:,}"
            )
        return self.source.text(self._check_block(block))

    def _check_block(self, block: Block) -> Block:
        self._check_rows(block.top, block.bottom)
        self._check(block.left, block.right, "column")
        self._check(block.right - 1, len(self.source.columns), "column")
        return block

    def _check_rows(self, start: int, stop: int) -> tuple[int, int]:
        self._check(start, stop, "row")
        self._check(stop - 1, len(self.source), "row")
        return start, stop

    def _check(self, at: int, length: int, noun: str) -> None:
        if not 0 <= at < length:
            raise RefusedError(f"there is no {noun} {at + 1}: nothing was done")


class Grid(App):
    """A grid that is a widget by itself.

    Parameters
    ----------
    source : Source
        The table.
    label : str
        What it is, for those who can't see it.
    height : int
        In pixels, the most that it takes.

    Attributes
    ----------
    selection : Block or None
        The cells that are selected on the page, by position; may be observed.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames.widgets.table.frames import FrameSource
    >>> Grid(FrameSource(pd.DataFrame({"alpha": [0.1, 1.0]})), label="Parameters")
    Grid('Parameters', rows=2, columns=1)
    """

    selection = traitlets.Instance(Block, allow_none=True, default_value=None)

    def __init__(self, source: Source, *, label: str, height: int = 420) -> None:
        super().__init__(label=label, height=height, lock=source.lock, _editor="grid")
        self.source = source
        self._grid = GridPart(source, self._sender("grid"), self._select)
        self._parts = {"grid": self._grid}

    def go_to(self, row: int, column: int) -> None:
        """Show a cell and make it the active one."""
        self._grid.go_to(row, column)

    def close(self) -> None:
        """Take it off the page; the source is as it was."""
        self._grid.close()
        super().close()

    def __repr__(self) -> str:
        size = f"rows={len(self.source)}, columns={len(self.source.columns)}"
        return f"{type(self).__name__}({self._label!r}, {size})"

    def _still(self) -> str:
        return preview(self.source, self._label)

    def _select(self, block: Block) -> None:
        self.selection = block
