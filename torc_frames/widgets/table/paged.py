"""A table in plain ipywidgets, 25 rows a page, for where anywidget is missing."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
from ipywidgets.widgets.widget_bool import CheckboxStyle
from ipywidgets.widgets.widget_string import TextStyle

from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.widgets.table.preview import preview
from torc_frames.widgets.table.source import Change, EditableSource, Row, Source, redone, undone

__all__ = ["PagedTable"]

ROWS = 25
COLUMNS = 10
_COLOURS = {"new": "rgba(46, 157, 87, 0.15)", "deleted": "rgba(211, 48, 47, 0.12)"}
_CHANGED = "rgba(245, 166, 35, 0.25)"
_WRONG = "2px solid #d3302f"


class PagedTable(w.VBox):
    """A table to look at, or to edit if its source is an `EditableSource`, a page at a time.

    Parameters
    ----------
    source : Source
        The table. What changes it, here or elsewhere, is shown at once.
    label : str
        What it is, for those who can't see it.

    Examples
    --------
    >>> import pandas as pd
    >>> from torc_frames.widgets.table.frames import FrameSource
    >>> PagedTable(FrameSource(pd.DataFrame({"alpha": [0.1, 1.0]})), label="Parameters")
    PagedTable('Parameters', rows=2, columns=1)
    """

    def __init__(self, source: Source, *, label: str) -> None:
        self.source, self._label = source, label
        # Asked once: to tell a protocol, Python reads all its properties.
        self._editable = source if isinstance(source, EditableSource) else None
        self._top = self._left = 0
        self._is_filling = False
        self._fields: list[list[w.Text]] = []
        self._heads: list[w.Button] = []
        self._marks: list[w.Checkbox] = []
        # Of all cells together: were each to have its own, a page would be thousands of messages, and Jupyter
        # loses some of so many at once.
        self._auto, self._narrow = w.Layout(width="auto"), w.Layout(width="24px")
        self._outlined = w.Layout(width="auto", border=_WRONG)
        self._styles = {colour: TextStyle(background=colour) for colour in ("", _CHANGED, *_COLOURS.values())}
        self._head_style, self._mark_style = w.ButtonStyle(), CheckboxStyle()
        self._cells = w.GridBox(layout=w.Layout(overflow="auto", grid_gap="1px"))
        self._corner, self._note = w.HTML(), w.HTML()
        super().__init__([w.HTML(f"<b>{escape(label)}</b>"), self._buttons(), self._cells, self._note])
        with source.lock:
            self._stop = source.on_change(self._on_change)
            self._fill()

    def go_to(self, row: int, column: int) -> None:
        """Show the page with a cell."""
        with self.source.lock:
            if not (0 <= row < len(self.source) and 0 <= column < len(self.source.columns)):
                raise RefusedError(f"there is no row {row + 1} with a column {column + 1}")
            self._turn(row // ROWS * ROWS, column // COLUMNS * COLUMNS)

    def close(self) -> None:
        """Take it off the page; the source is as it was."""
        self._stop()
        super().close()

    def __repr__(self) -> str:
        size = f"rows={len(self.source)}, columns={len(self.source.columns)}"
        return f"{type(self).__name__}({self._label!r}, {size})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return data and {**data, "text/html": preview(self.source, self._label)}

    def _buttons(self) -> w.HBox:
        def button(text: str, tip: str, act: Callable[[], None]) -> w.Button:
            made = w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
            made.on_click(lambda _button: self._try(act))
            return made

        made = [
            button("◀", "previous rows", lambda: self._turn(self._top - ROWS, self._left)),
            button("▶", "next rows", lambda: self._turn(self._top + ROWS, self._left)),
            button("◁", "previous columns", lambda: self._turn(self._top, self._left - COLUMNS)),
            button("▷", "next columns", lambda: self._turn(self._top, self._left + COLUMNS)),
        ]
        if self._editable is not None:
            source = self._editable
            made += [
                button("Undo", "take back the last step", lambda: self._tell(undone(source))),
                button("Redo", "do again what was taken back", lambda: self._tell(redone(source))),
                button("Add row", "a row below the last that is ticked, or at the end", self._add),
                button(
                    "Duplicate rows", "copy the rows that are ticked", lambda: self._rows("duplicate_rows")
                ),
                button("Delete rows", "delete the rows that are ticked", lambda: self._rows("delete_rows")),
            ]
        return w.HBox(made, layout=w.Layout(flex_flow="row wrap"))

    def _head(self, at: int) -> w.Button:
        made = w.Button(tooltip="sort", layout=self._auto, style=self._head_style)
        made.on_click(lambda _button: self._try(lambda: self._sort(self._left + at)))
        return made

    def _mark(self) -> w.Checkbox:
        return w.Checkbox(indent=False, tooltip="mark this row", layout=self._narrow, style=self._mark_style)

    def _field(self, row: int, at: int, look: dict[str, Any]) -> w.Text:
        field = w.Text(continuous_update=False, **look)
        field.observe(lambda change: self._typed(row, at, change["new"]), "value")
        return field

    def _fill(self) -> None:
        """Show a page. Widgets are made when first needed; they stay, and what is in them changes."""
        source = self.source
        rows = source.rows(self._top, self._top + ROWS)
        columns = source.columns[self._left : self._left + COLUMNS]
        self._heads += [self._head(at) for at in range(len(self._heads), len(columns))]
        self._marks += [self._mark() for _ in range(len(self._marks), len(rows))]
        self._fields += [[] for _ in range(len(self._fields), len(rows))]
        shown: list[w.Widget] = [self._corner, *self._heads[: len(columns)]]
        self._is_filling = True
        try:
            for at, column in enumerate(columns):
                self._heads[at].description = f"{column.name}{self._arrow(self._left + at)}"
            for line, row in enumerate(rows):
                self._marks[line].value = False
                shown.append(self._marks[line])
                shown += [self._show(line, at, row) for at in range(len(columns))]
        finally:
            self._is_filling = False
        self._cells.layout.grid_template_columns = f"24px repeat({len(columns)}, minmax(90px, 1fr))"
        self._cells.children = shown
        self._tell(self._errors(rows))

    def _show(self, line: int, at: int, row: Row) -> w.Text:
        """Return the field of a cell, as it is now."""
        look, fields = self._look(row, self._left + at), self._fields[line]
        if at == len(fields):
            fields.append(self._field(line, at, look))
        else:
            with fields[at].hold_sync():  # one message
                for name, value in look.items():
                    setattr(fields[at], name, value)
        return fields[at]

    def _look(self, row: Row, column: int) -> dict[str, Any]:
        error, described = row.errors.get(column, ""), self.source.columns[column]
        state = f"{row.state} row, " if row.state else ""
        return {
            "value": row.texts[column],
            "disabled": described.read_only or self._editable is None,
            "tooltip": error or f"{state}{described.name}, {described.dtype}",
            "style": self._styles[_CHANGED if column in row.changed else _COLOURS.get(row.state, "")],
            "layout": self._outlined if error else self._auto,
        }

    def _arrow(self, column: int) -> str:
        order = self.source.order
        return "" if order is None or order[0] != column else (" ▲" if order[1] else " ▼")

    def _errors(self, rows: list[Row]) -> str:
        names = [column.name for column in self.source.columns]
        lines = [
            f"row {at}, {names[column]}: {reason}"
            for at, row in enumerate(rows, self._top + 1)
            for column, reason in row.errors.items()
        ]
        return "\n".join(lines)

    def _typed(self, row: int, at: int, text: str) -> None:
        with self.source.lock:
            source, cell = self._editable, (self._top + row, self._left + at, text)
            if self._is_filling or source is None or cell[0] >= len(source):
                return
            self._try(lambda: source.set_texts([cell]))

    def _sort(self, column: int) -> None:
        order = self.source.order
        is_sorted = order is not None and order[0] == column
        self.source.sort(column, None if is_sorted and order and not order[1] else not is_sorted)

    def _add(self) -> None:
        if self._editable is not None:
            marked = self._marked()
            at = marked[-1] + 1 if marked else len(self.source)
            self._editable.insert_rows(at, 1)
            self._turn(at // ROWS * ROWS, self._left)

    def _rows(self, act: str) -> None:
        marked = self._marked()
        if not marked:
            raise RefusedError("tick the rows first")
        if marked[-1] - marked[0] != len(marked) - 1:
            raise RefusedError("tick rows that lie together")
        getattr(self.source, act)(marked[0], marked[-1] + 1)

    def _marked(self) -> list[int]:
        here = range(self._top, min(self._top + ROWS, len(self.source)))
        return [row for row, mark in zip(here, self._marks, strict=False) if mark.value]

    def _turn(self, top: int, left: int) -> None:
        """Go to another page, as near as there is one."""
        last = max(0, len(self.source) - 1) // ROWS * ROWS
        self._top = max(0, min(top, last))
        if 0 <= left < len(self.source.columns):
            self._left = left
        self._fill()

    def _on_change(self, change: Change) -> None:
        if change.columns:
            self._left = 0
        row, column = change.focus or (self._top, self._left)
        self._turn(row // ROWS * ROWS, column // COLUMNS * COLUMNS)

    def _try(self, act: Callable[[], None]) -> None:
        with self.source.lock:
            try:
                act()
            except TorcFramesError as error:
                self._fill()
                self._tell(str(error))

    def _tell(self, text: str) -> None:
        shown = f"{len(self.source.rows(self._top, self._top + ROWS))} of {self.source.status}"
        lines = "".join(f"<br>{escape(line)}" for line in text.splitlines())
        self._note.value = f"<span role='status'>{escape(shown)}{lines}</span>"
