"""What the parts of the explorer share: styles, and fields whose names are for screen readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from torc_frames.widgets.parts import label

__all__ = ["CSS", "dropdown", "field", "on_value", "options", "selection", "toggle"]

CSS = """
.tf-unlabeled > .widget-label { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.tf-widget .jupyter-button.tf-toggle { border: 1px solid var(--jp-border-color1, #bdbdbd); height: 26px;
  line-height: 24px; background: transparent; color: var(--jp-ui-font-color1, CanvasText); box-shadow: none; }
.tf-widget .jupyter-button.tf-pill { border-radius: 13px; }
.tf-widget .jupyter-button.tf-bad { border-color: var(--jp-error-color1, #d32f2f); }
.tf-widget .jupyter-button.tf-toggle.mod-active { background: var(--jp-layout-color3, #e0e0e0);
  border-color: var(--jp-ui-font-color2, #616161); font-weight: 600; }
.tf-widget .tf-panel { border: 1px solid var(--jp-border-color2, #e0e0e0); border-radius: 4px; padding: 6px;
  margin: 3px 0; gap: 4px; overflow: visible; }
.tf-widget .tf-figure { max-width: 100%; height: auto; border-radius: 4px; background: #fff; }
.tf-widget select:focus-visible, .tf-widget input:focus-visible, .tf-widget textarea:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: -1px; }
.tf-widget .tf-named > .widget-label { width: auto; min-width: 0; padding-right: 4px; }
.tf-widget .widget-select-multiple > select { min-height: 0; }
.tf-widget .tf-stacked > select { width: 100%; }
.tf-widget .tf-stacked { flex-direction: column; height: auto; }
.tf-widget .tf-stacked > .widget-label { width: 100%; text-align: left; }
.tf-widget .tf-code textarea { white-space: pre; overflow-x: auto; }
.tf-widget textarea { font-family: var(--jp-code-font-family, monospace); }
"""


def options(values: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return values as the options of a list, each shown as text."""
    return [(label(value), value) for value in values]


def dropdown(name: str, values: Iterable[Any], *, none: str = "", named: bool = False) -> widgets.Dropdown:
    """Return a list to choose one of; its first option is `none`, for None, if that is a text."""
    listed = [*([(none, None)] if none else []), *options(values)]
    made = widgets.Dropdown(options=listed, description=name, layout={"width": "18em" if named else "14em"})
    made.add_class("tf-named" if named else "tf-unlabeled")
    return made


def field(name: str, *, width: str = "9em", named: bool = True) -> widgets.Text:
    """Return a field for a text, which counts when Enter is pressed or the field is left."""
    made = widgets.Text(description=name, continuous_update=False, layout={"width": width})
    if named:
        made.add_class("tf-named")
    else:
        made.placeholder = name
        made.add_class("tf-unlabeled")
    return made


def selection(
    name: str, values: Sequence[Any], *, rows: int = 7, width: str = "17em", named: bool = True
) -> widgets.SelectMultiple:
    """Return a list to choose several of, under its name."""
    made = widgets.SelectMultiple(
        options=options(values), description=name, rows=rows, layout={"width": width, "height": "auto"}
    )
    made.add_class("tf-stacked" if named else "tf-unlabeled")
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
