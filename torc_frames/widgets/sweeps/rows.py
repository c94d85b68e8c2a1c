"""An axis of a sweep as a line of widgets: its name, kind and fields, and what they mean."""

from __future__ import annotations

from typing import Any, Protocol

import ipywidgets as widgets

from torc_frames.widgets.parts import UNLABELLED, button, html, label, row, text_html
from torc_frames.widgets.sweeps.axes import FIELDS, KINDS, Axis
from torc_frames.widgets.sweeps.typed import TypedError

__all__ = ["AxisActions", "AxisLine"]

_WIDE = frozenset({"values", "weights"})
_HINTS = {
    "values": "0.1, 1, 10 or svd, sag",
    "weights": "1, 3 (or none)",
    "low": "0.001",
    "high": "10",
    "count": "5",
}


class AxisActions(Protocol):
    """What lines ask of the builder that they are in."""

    def typed(self) -> None:
        """Take note that something was typed."""

    def move(self, axis: Axis, by: int) -> None:
        """Move an axis up or down."""

    def remove(self, axis: Axis) -> None:
        """Take an axis away."""


class AxisLine:
    """The line of one axis, in `box`."""

    def __init__(self, axis: Axis, actions: AxisActions) -> None:
        self.axis, self._actions = axis, actions
        fit = {"description_width": "auto"}
        self._name = widgets.Text(
            axis.name, placeholder="name", description="name of the axis", layout={"width": "10em"}
        )
        self._kind = widgets.Dropdown(
            options=KINDS, value=axis.kind, description="kind of the axis", layout={"width": "8em"}
        )
        self._name.add_class(UNLABELLED)
        self._kind.add_class(UNLABELLED)
        self._fields = {
            name: widgets.Text(
                axis.texts.get(name, ""), placeholder=hint, style=fit, layout={"width": "auto"}
            )
            for name, hint in (_HINTS | {"step": "1"}).items()
        }
        for name, field in self._fields.items():
            field.add_class("tf-wide" if name in _WIDE else "tf-narrow")
        self._box = widgets.HBox()
        self._box.add_class("tf-fields")
        self._told = html(css="tf-told")
        self._buttons = [
            button("", lambda: actions.move(axis, -1), icon="arrow-up"),
            button("", lambda: actions.move(axis, 1), icon="arrow-down"),
            button("", lambda: actions.remove(axis), icon="trash"),
        ]
        self.box = row(self._name, self._kind, self._box, *self._buttons, self._told)
        self.box.add_class("tf-axis")
        self._watch()

    def show(self, problem: str) -> None:
        """Show the axis as it is now, and what is wrong with it."""
        axis = self.axis
        self._kind.value, self._name.value = axis.kind, axis.name
        fields = []
        for name, called in FIELDS[axis.kind]:
            field = self._fields[name]
            field.description = called
            field.value = axis.texts.get(name, "")
            fields.append(field)
        self._box.children = fields
        for one, action in zip(self._buttons, ("move up", "move down", "remove"), strict=True):
            one.tooltip = f"{action}: {label(axis.name or 'axis')}"
        untouched = not axis.name and not any(axis.texts.values())
        self._told.value = _told(axis, "" if untouched else problem)

    def focus(self) -> None:
        """Bring the cursor to the name."""
        self._name.focus()

    def _watch(self) -> None:
        self._name.observe(lambda change: self._set(name=change["new"].strip()), "value")
        self._kind.observe(lambda change: self._set(kind=change["new"]), "value")
        for name, field in self._fields.items():
            field.observe(
                lambda change, name=name: self._set(texts=self.axis.texts | {name: change["new"]}), "value"
            )

    def _set(self, **typed: Any) -> None:
        for name, value in typed.items():
            setattr(self.axis, name, value)
        self._actions.typed()


def _told(axis: Axis, problem: str) -> str:
    if problem:
        return text_html(problem, "tf-message tf-error", tag="div")
    try:
        return text_html(axis.meant().told, "tf-quiet")
    except TypedError:
        return ""
