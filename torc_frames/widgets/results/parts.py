"""What the parts of the explorer share: fields whose names are for screen readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from torc_frames.widgets.parts import UNLABELLED, label

__all__ = ["dropdown", "field", "on_value", "options", "selection", "toggle"]


def options(values: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return values as the options of a list, each shown as text."""
    return [(label(value), value) for value in values]


def dropdown(name: str, values: Iterable[Any], *, none: str = "", named: bool = False) -> widgets.Dropdown:
    """Return a list to choose one of; its first option is `none`, for None, if that is a text."""
    listed = [*([(none, None)] if none else []), *options(values)]
    made = widgets.Dropdown(options=listed, description=name, layout={"width": "18em" if named else "14em"})
    made.add_class("tf-named" if named else UNLABELLED)
    return made


def field(name: str, *, width: str = "9em", named: bool = True) -> widgets.Text:
    """Return a field for a text, which counts when Enter is pressed or the field is left."""
    made = widgets.Text(description=name, continuous_update=False, layout={"width": width})
    if named:
        made.add_class("tf-named")
    else:
        made.placeholder = name
        made.add_class(UNLABELLED)
    return made


def selection(
    name: str, values: Sequence[Any], *, rows: int = 7, width: str = "17em", named: bool = True
) -> widgets.SelectMultiple:
    """Return a list to choose several of, under its name."""
    made = widgets.SelectMultiple(
        options=options(values), description=name, rows=rows, layout={"width": width, "height": "auto"}
    )
    made.add_class("tf-stacked" if named else UNLABELLED)
    return made


def toggle(text: str, tooltip: str, *, icon: str = "", pill: bool = False) -> widgets.ToggleButton:
    """Return a button that stays pressed."""
    made = widgets.ToggleButton(description=text, tooltip=label(tooltip), icon=icon, layout={"width": "auto"})
    made.add_class("tf-toggle")
    if pill:
        made.add_class("tf-pill")
    return made


def on_value(widget: widgets.Widget, action: Callable[[], Any]) -> None:
    """Call after the value of a widget changed."""
    widget.observe(lambda _: action(), names="value")
