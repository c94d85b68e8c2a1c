"""The lines of a record's form as widgets: a value with its type, what can be done with it, and adding."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

import ipywidgets as widgets
from ipywidgets.widgets.widget_button import ButtonStyle
from ipywidgets.widgets.widget_description import DescriptionStyle
from ipywidgets.widgets.widget_string import TextStyle

from torc_frames.errors import counted
from torc_frames.widgets.parts import UNLABELLED, button, html, label, row, text_html
from torc_frames.widgets.records.model import RecordForm
from torc_frames.widgets.records.nodes import KINDS, TEXTS, Kind, Node
from torc_frames.widgets.records.outline import PAGE, Line

__all__ = ["Actions", "AddLine", "Looks", "PagesLine", "ValueLine"]

_INDENT_EM = 1.4
_NAMES_EM = 12
_NARROWEST_EM = 5

_LABELS: dict[Kind, str] = {
    "string": "text",
    "lines": "text, lines",
    "escaped": "text, escaped",
    "integer": "integer",
    "number": "number",
    "boolean": "true/false",
    "null": "null",
    "object": "object",
    "list": "list",
}
_OPTIONS = [(_LABELS[kind], kind) for kind in KINDS]


class Looks:
    """Layouts and styles that the lines of one form have in common: each is a message to the browser."""

    def __init__(self) -> None:
        self.kinds = widgets.Layout(width="8.5em", flex="0 0 auto")
        self.indent = cache(lambda depth: widgets.Layout(padding=f"0 0 0 {depth * _INDENT_EM:g}em"))
        self.named = cache(self._named)
        self.hidden = DescriptionStyle()
        self.plain = widgets.Layout()
        self.lines = cache(lambda count: widgets.Layout(height=f"{count * 1.5 + 1:g}em"))
        self.button = partial(widgets.Button, layout=widgets.Layout(width="auto"), style=ButtonStyle())

    @staticmethod
    def _named(depth: int, choices: bool) -> DescriptionStyle:
        width = f"{max(_NAMES_EM - depth * _INDENT_EM, _NARROWEST_EM):g}em"
        kind = DescriptionStyle if choices else TextStyle
        return kind(description_width=width)


class Actions(Protocol):
    """What lines ask of the form that they are in."""

    def turn(self, node: Node) -> None:
        """Fold or unfold an object or a list."""

    def page(self, node: Node, start: int) -> None:
        """Show another page of it."""

    def add(self, at: int) -> None:
        """Add a value to it, and bring the cursor there."""

    def act(self, at: int, action: Callable[[int], Any]) -> None:
        """Do something to a value that moves lines, and bring the cursor back."""


class ValueLine:
    """A value: its name, what is typed, its type, and a panel to rename, move, copy and delete it."""

    def __init__(self, form: RecordForm, looks: Looks, line: Line, actions: Actions) -> None:
        self._form, self._looks, self._actions = form, looks, actions
        self._line = line
        self._shape = _shape(line.node)
        self._typed = self._made(line)
        self._slot = widgets.HBox([self._typed], layout=looks.plain, _dom_classes=("tf-value",))
        self._kind = widgets.Dropdown(
            options=_OPTIONS,
            value=line.node.kind,
            description=_kind_of(line),
            layout=looks.kinds,
            style=looks.hidden,
            _dom_classes=(UNLABELLED,),
        )
        self._kind.observe(lambda change: form.set_kind(self._line.node.id, change["new"]), "value")
        self._more = looks.button(icon="ellipsis-h", tooltip=_more_for(line), _dom_classes=("tf-icon",))
        self._more.on_click(lambda _: self._open(not self._panel))
        self._wrong: Any = None
        self._panel: LinePanel | None = None
        self.box = widgets.HBox(
            [self._slot, self._kind, self._more],
            layout=looks.indent(line.depth),
            _dom_classes=("tf-row", "tf-line"),
        )

    def show(self, line: Line, reason: str) -> None:
        """Show the value as it is now, and what is wrong with it."""
        self._line = line
        shape = _shape(line.node)
        if shape != self._shape:
            self._shape = shape
            self._typed = self._made(line)
            self._slot.children = [self._typed]
        self._update(line)
        self._kind.value = line.node.kind
        self._kind.description = _kind_of(line)
        self._more.tooltip = _more_for(line)
        self.box.layout = self._looks.indent(line.depth)
        self._show_wrong(reason)
        if self._panel:
            self._panel.show(line)

    def focus(self) -> None:
        """Bring the cursor to the value, or to its name while that is being chosen."""
        (self._panel or self._typed).focus()

    def rename(self) -> None:
        """Open the panel."""
        self._open(True)

    def _open(self, is_open: bool) -> None:
        self._panel = LinePanel(self._form, self._line, self._actions) if is_open else None
        self._arrange()
        if self._panel:
            self._panel.show(self._line)

    def _show_wrong(self, reason: str) -> None:
        if reason:
            self._wrong = self._wrong or html(css="tf-wrong")
            self._wrong.value = text_html(reason, "tf-message tf-error", tag="div")
            self.box.add_class("tf-is-wrong")
        elif self._wrong:
            self._wrong = None
            self.box.remove_class("tf-is-wrong")
        self._arrange()

    def _arrange(self) -> None:
        children = [self._slot, self._kind, self._more]
        children += [self._wrong] if self._wrong else []
        children += [self._panel.box] if self._panel else []
        self.box.children = children

    def _made(self, line: Line) -> Any:
        node, looks = line.node, self._looks
        if self._shape == "holds":
            text, tooltip = _group(line)
            made = looks.button(description=text, tooltip=tooltip, _dom_classes=("tf-fold",))
            made.on_click(lambda _: self._actions.turn(self._line.node))
            return made
        options = {"description": _name(line), "style": looks.named(line.depth, self._shape == "boolean")}
        if self._shape == "boolean":
            made = widgets.Dropdown(options=["true", "false"], value=node.text, layout=looks.plain, **options)
        elif self._shape == "lines":
            made = widgets.Textarea(node.text, layout=looks.lines(_height(node)), **options)
        else:
            hint = "null" if self._shape == "null" else ""
            options |= {"disabled": bool(hint), "placeholder": hint}
            made = widgets.Text(node.text, layout=looks.plain, **options)
        made.observe(lambda change: self._form.set_text(self._line.node.id, change["new"]), "value")
        return made

    def _update(self, line: Line) -> None:
        node, typed = line.node, self._typed
        if self._shape == "holds":
            typed.description, typed.tooltip = _group(line)
            return
        typed.description = _name(line)
        if self._shape == "lines":
            typed.layout = self._looks.lines(_height(node))
        typed.value = node.text


class LinePanel:
    """What can be done with a value other than typing."""

    def __init__(self, form: RecordForm, line: Line, actions: Actions) -> None:
        self._at, self._actions = line.node.id, actions
        self._name = widgets.Text(description="name", style={"description_width": "auto"})
        self._name.observe(lambda change: form.rename(self._at, change["new"]), "value")
        self._buttons = {
            "move up": self._button("Up", "arrow-up", lambda at: form.move(at, -1)),
            "move down": self._button("Down", "arrow-down", lambda at: form.move(at, 1)),
            "copy": self._button("Copy", "clone", form.duplicate),
            "delete": self._button("Delete", "trash", form.delete),
        }
        self._last: Any = None
        self.box = row()
        self.box.add_class("tf-panel")

    def show(self, line: Line) -> None:
        """Show what there is to do with a value where it is now."""
        named = not (line.in_list or line.is_root)
        if named:
            self._name.value = line.node.key
        for action, one in self._buttons.items():
            one.tooltip = f"{action}: {label(line.path)}"
        buttons = [self._buttons["delete"]] if line.is_root else list(self._buttons.values())
        children = [*([self._name] if named else []), *buttons]
        self.box.children = children

    def focus(self) -> None:
        """Bring the cursor to what was used last, or to the first control."""
        (self._last or self.box.children[0]).focus()

    def _button(self, text: str, icon: str, action: Callable[[int], Any]) -> Any:
        def act() -> None:
            self._last = made
            self._actions.act(self._at, action)

        made = button(text, act, icon=icon)
        return made


class AddLine:
    """The place to add to an object or a list."""

    def __init__(self, _: RecordForm, looks: Looks, line: Line, actions: Actions) -> None:
        self._button = looks.button(icon="plus", **self._said(line))
        self._button.on_click(lambda _: actions.add(line.node.id))
        self.box = widgets.HBox([self._button], layout=looks.indent(line.depth), _dom_classes=("tf-line",))

    def show(self, line: Line, _: str) -> None:
        """Show what it adds to."""
        for name, text in self._said(line).items():
            setattr(self._button, name, text)

    def focus(self) -> None:
        """Bring the cursor to the button."""
        self._button.focus()

    @staticmethod
    def _said(line: Line) -> dict[str, str]:
        noun = "item" if line.node.kind == "list" else "field"
        return {"description": noun, "tooltip": f"add to {label(line.path)}"}


class PagesLine:
    """The place to go to other pages of an object or a list."""

    def __init__(self, _: RecordForm, looks: Looks, line: Line, actions: Actions) -> None:
        self._line = line
        self._before = looks.button(icon="arrow-left", description="before")
        self._after = looks.button(icon="arrow-right", description="after")
        self._before.on_click(lambda _: actions.page(self._line.node, max(self._line.start - PAGE, 0)))
        self._after.on_click(lambda _: actions.page(self._line.node, self._line.start + PAGE))
        self._text = html()
        self.box = row(self._before, self._text, self._after)
        self.box.layout = looks.indent(line.depth)

    def show(self, line: Line, _: str) -> None:
        """Show where in it the page is."""
        self._line = line
        total = len(line.node.inside)
        end = min(line.start + PAGE, total)
        self._text.value = text_html(f"{line.start + 1:,} to {end:,} of {total:,} in {line.path}", "tf-quiet")
        self._before.disabled = line.start == 0
        self._after.disabled = end == total
        self._before.tooltip = f"values before these of {label(line.path)}"
        self._after.tooltip = f"values after these of {label(line.path)}"

    def focus(self) -> None:
        """Bring the cursor to the button."""
        self._after.focus()


def _name(line: Line) -> str:
    return label(line.name) or "␣"


def _kind_of(line: Line) -> str:
    return f"type of {label(line.path)}"


def _more_for(line: Line) -> str:
    return f"more for {label(line.path)}"


def _group(line: Line) -> tuple[str, str]:
    """Return what an object or list is called, and what is told of it."""
    noun = "field" if line.node.kind == "object" else "item"
    told = f"{label(line.path)}: {counted(len(line.node.inside), noun)}"
    return f"{'▾' if line.is_open else '▸'} {label(line.name)}", told


def _height(node: Node) -> int:
    """Return how many lines a text is typed in."""
    return min(max(node.text.count("\n") + 1, 2), 8)


def _shape(node: Node) -> str:
    """Return which widget a value is typed in."""
    if node.holds:
        return "holds"
    if node.kind in ("boolean", "lines", "null"):
        return node.kind
    return "text" if node.kind in TEXTS else "number"
