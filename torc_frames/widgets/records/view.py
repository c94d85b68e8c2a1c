"""The form of a record as widgets: its lines, which follow what is typed, folded and turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from torc_frames.widgets.records.lines import AddLine, Looks, PagesLine, ValueLine
from torc_frames.widgets.records.model import RecordForm
from torc_frames.widgets.records.nodes import Node
from torc_frames.widgets.records.outline import Line, Outline
from torc_frames.widgets.work import later

__all__ = ["FormView"]

_MOST_LINES = 500
_PAINTED_S = 0.15
"""When a browser has painted new lines, so that the cursor can go there."""
_LINES = {"value": ValueLine, "add": AddLine, "pages": PagesLine}


class FormView:
    """The lines of a form, in `box`.

    Parameters
    ----------
    form : Form
        The record that is edited. `show` has to be called after each change of it.
    """

    def __init__(self, form: RecordForm) -> None:
        self._form = form
        self._outline = Outline(form.root)
        self._looks = Looks()
        self._lines: dict[tuple[str, int], Any] = {}
        self.box = widgets.VBox()
        self.box.add_class("tf-lines")

    def show(self) -> None:
        """Show the form as it is now; lines that stay keep their widgets."""
        wrong = self._form.problems
        shown: dict[tuple[str, int], Any] = {}
        for line in self._wanted():
            place = (line.part, line.node.id)
            shown[place] = self._lines.get(place) or self._made(line)
            shown[place].show(line, wrong.get(line.node.id, ""))
        self._lines = shown
        self.box.children = tuple(line.box for line in shown.values())

    # what the lines ask for, see `Actions`

    def turn(self, node: Node) -> None:
        """Fold or unfold an object or a list."""
        with self._form.lock:
            self._outline.turn(node)
            self.show()

    def page(self, node: Node, start: int) -> None:
        """Show another page of an object or a list."""
        with self._form.lock:
            self._outline.page(node, start)
            self.show()

    def add(self, at: int) -> None:
        """Add a value to an object or a list, and bring the cursor there."""
        with self._form.lock:
            made = self._form.add(at)
            self._outline.show(self._form.root, made)
            self.show()
            line = self._lines["value", made]
            if self._form.node(at).kind == "object":
                line.rename()
        self._focus(line)

    def act(self, at: int, action: Callable[[int], Any]) -> None:
        """Do something to a value that moves lines, and bring the cursor back."""
        with self._form.lock:
            places = list(self._lines)
            action(at)
            self._outline.show(self._form.root, at)
            self.show()
            after = places[places.index(("value", at)) :]
            line = next((self._lines[place] for place in after if place in self._lines), None)
        if line is not None:
            self._focus(line)

    # inside

    def _wanted(self) -> list[Line]:
        lines = self._outline.lines(self._form.root)
        if len(lines) > _MOST_LINES:
            self._outline.fold_much(self._form.root)
            lines = self._outline.lines(self._form.root)
        return lines

    def _made(self, line: Line) -> Any:
        made: Any = _LINES[line.part]
        return made(self._form, self._looks, line, self)

    def _focus(self, line: Any) -> None:
        later(_PAINTED_S, line.focus)
