"""The tools of the parameter editor: rows, columns, finding, filtering, filling."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import ipywidgets as widgets

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parameters.conditions import Condition, Test
from torc_frames.widgets.parameters.filling import Linspace, Logspace, Repeated, StepSeries
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parts import Message, button, html, label, row, text_html
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, Change

__all__ = ["Panels"]

DTYPES = (
    "int64",
    "Int64",
    "float64",
    "bool",
    "boolean",
    "str",
    "datetime64[us]",
    "category",
    "json",
)
"""The dtypes to choose from."""

_ANY = "any column"
_SELECTED = "selected cells"
_SHORT = {"description_width": "auto"}


class Panels:
    """Buttons, each for a row of fields that it opens, and what they do to a sheet.

    Attributes
    ----------
    buttons : list of Widget
    box : VBox
        The fields of what is open.
    """

    def __init__(
        self,
        sheet: Sheet,
        selection: Callable[[], Block | None],
        message: Message,
        go_to: Callable[[int, int], None],
    ) -> None:
        self._sheet, self._selection, self._message, self._go_to = sheet, selection, message, go_to
        self._pickers: list[tuple[widgets.Dropdown, tuple[str, ...]]] = []
        self._panels = {
            "Columns": self._columns_panel(),
            "Find": self._find_panel(),
            "Filter": self._filter_panel(),
            "Fill": self._fill_panel(),
        }
        self._toggles = {name: self._toggle(name) for name in self._panels}
        self.box = widgets.VBox()
        self.buttons = [
            self._button("Add row", self.add_row, tooltip="add a row below the selection"),
            self._button("Duplicate", self.duplicate_rows, tooltip="duplicate the selected rows"),
            self._button("Delete", self.delete_rows, tooltip="delete the selected rows"),
            self._button("Restore", self.restore_rows, tooltip="restore selected rows that are deleted"),
            *self._toggles.values(),
        ]
        sheet.on_change(self._on_change)
        self._list_columns()

    # rows

    def add_row(self) -> None:
        """Add an empty row below the selection, or at the end."""
        block = self._selection()
        at = len(self._sheet) if block is None else min(block.bottom, len(self._sheet))
        self._sheet.insert_rows(at, 1)
        self._go_to(at, min(1, len(self._sheet.columns) - 1))

    def duplicate_rows(self) -> None:
        """Add copies of the selected rows below them."""
        block = self._selected()
        self._sheet.duplicate_rows(block.top, block.bottom)

    def delete_rows(self) -> None:
        """Delete the selected rows."""
        block = self._selected()
        self._sheet.delete_rows(block.top, block.bottom)

    def restore_rows(self) -> None:
        """Take back that the selected rows are deleted."""
        block = self._selected()
        self._sheet.restore_rows(block.top, block.bottom)

    def _selected(self) -> Block:
        block = self._selection()
        if block is None or block.top >= len(self._sheet):
            raise RefusedError("select cells in the table first")
        return block

    # columns

    def _columns_panel(self) -> widgets.Widget:
        new, default = _text("new column", "name"), _text("value in each row", "value")
        dtype, other = _dropdown("of type", DTYPES), _dropdown("to type", DTYPES)
        picked, name = self._picker("column"), _text("new name", "new name")
        dtype.value = "float64"

        def add() -> None:
            self._sheet.add_column(new.value.strip(), dtype.value, default.value)
            self._message.say(f"Added column {new.value.strip()}")
            new.value = default.value = ""

        def rename() -> None:
            self._sheet.rename_column(self._picked(picked), name.value.strip())
            name.value = ""

        return widgets.VBox(
            [
                row(new, dtype, default, self._button("Add", add, tooltip="add the column")),
                row(
                    picked,
                    name,
                    self._button("Rename", rename, tooltip="rename the column"),
                    other,
                    self._button(
                        "Retype", lambda: self._sheet.retype_column(self._picked(picked), other.value)
                    ),
                    self._button("Drop", lambda: self._sheet.drop_column(self._picked(picked))),
                ),
            ]
        )

    # finding

    def _find_panel(self) -> widgets.Widget:
        find, by = _text("find", "text"), _text("replace by", "text")
        where = self._picker("in", _ANY)
        case, whole, regex = (
            _checkbox(name) for name in ("upper and lower case", "whole cells", "regular expression")
        )

        def search() -> Search:
            return Search(find.value, regex=regex.value, whole=whole.value, case=case.value)

        def find_next() -> None:
            found = self._sheet.find(search(), self._column(where))
            if not found:
                self._message.say("Nothing found", "warning")
                return
            block = self._selection()
            here = (-1, -1) if block is None else (block.top, block.left)
            self._go_to(*next((place for place in found if place > here), found[0]))
            self._message.say(f"Found in {counted(len(found), 'cell')}")

        def replace() -> None:
            count = self._sheet.replace(search(), by.value, self._column(where))
            self._message.say(f"Replaced in {counted(count, 'cell')}")

        return row(
            find,
            where,
            self._button("Find next", find_next),
            by,
            self._button("Replace all", replace),
            case,
            whole,
            regex,
        )

    # filtering

    def _filter_panel(self) -> widgets.Widget:
        where, test = self._picker("column", _ANY), _dropdown("test", get_args(Test))
        text, low, high = _text("text", "text, or a, b, c"), _text("from", ""), _text("to", "")
        negated = _checkbox("not")
        shown = html()

        def tell() -> None:
            told = " and ".join(map(_told, self._sheet.conditions))
            # Rows that a dropped column had hidden stay so: what is deleted next is what was there to see.
            rest = (
                f"{self._sheet.hidden:,} rows are hidden still"
                if self._sheet.hidden
                else "All rows are shown"
            )
            shown.value = text_html(f"Shown are rows where {told}" if told else rest, "tf-quiet")

        def arrange(_: Any = None) -> None:
            for field, tests in (
                (text, ("contains", "equals", "choices")),
                (low, ("range",)),
                (high, ("range",)),
            ):
                field.layout.display = "" if test.value in tests else "none"

        def add() -> None:
            column = None if test.value in ("new", "deleted") else self._column(where)
            condition = Condition(
                column,
                test.value,
                text=text.value,
                low=low.value,
                high=high.value,
                choices=tuple(each.strip() for each in text.value.split(","))
                if test.value == "choices"
                else (),
                negated=negated.value,
            )
            self._sheet.filter(*self._sheet.conditions, condition)
            tell()

        def clear() -> None:
            self._sheet.filter()
            tell()

        test.observe(arrange, "value")
        arrange()
        tell()
        self._sheet.on_change(lambda change: tell() if change.rows is None else None)
        fields = row(
            where,
            negated,
            test,
            text,
            low,
            high,
            self._button("Add filter", add),
            self._button("Show all", clear),
        )
        return widgets.VBox([fields, shown])

    # filling

    def _fill_panel(self) -> widgets.Widget:
        where = self._picker("fill", _SELECTED)
        kind = _dropdown("with", ("formula", "steps", "linspace", "logspace", "list"))
        formula = _text("formula", "alpha * 2 ** row")
        first, second = _text("from", "1"), _text("step", "1")
        values = _text("values", "a, b, c")

        def arrange(_: Any = None) -> None:
            wanted = {"formula": [formula], "list": [values]}.get(kind.value, [first, second])
            for field in (formula, values, first, second):
                field.layout.display = "" if field in wanted else "none"
            second.description = "step" if kind.value == "steps" else "to"

        def fill() -> None:
            target = self._selected() if where.value == _SELECTED else str(self._picked(where))
            if kind.value == "formula":
                self._sheet.fill_formula(formula.value, target)
            elif kind.value == "list":
                items = [item.strip() for item in values.value.split(",")] if values.value.strip() else []
                self._sheet.fill_series(Repeated(items), target)
            else:
                made = {"steps": StepSeries, "linspace": Linspace, "logspace": Logspace}[kind.value]
                self._sheet.fill_series(made(_number(first), _number(second)), target)

        kind.observe(arrange, "value")
        arrange()
        return row(where, kind, formula, values, first, second, self._button("Fill", fill))

    # inside

    def _button(self, text: str, action: Callable[[], Any], **more: str) -> widgets.Button:
        def act() -> None:
            self._message.clear()
            action()

        return button(text, act, message=self._message, **more)  # type: ignore[arg-type]

    def _toggle(self, name: str) -> widgets.ToggleButton:
        made = widgets.ToggleButton(description=name, tooltip=f"{name.lower()}…", layout={"width": "auto"})
        made.observe(lambda _: self._arrange(), "value")
        return made

    def _arrange(self) -> None:
        self.box.children = [self._panels[name] for name, toggle in self._toggles.items() if toggle.value]

    def _picker(self, description: str, *others: str) -> widgets.Dropdown:
        made = _dropdown(description, others)
        self._pickers.append((made, others))
        return made

    def _on_change(self, change: Change) -> None:
        if change.columns:
            self._list_columns()

    def _list_columns(self) -> None:
        names = [column.name for column in self._sheet.columns if not column.read_only]
        for picker, others in self._pickers:
            chosen = picker.value
            options = [
                *((other, other) for other in others),
                *((label(name), f"column {name}") for name in names),
            ]
            picker.options = options
            picker.value = (
                chosen if chosen in [value for _, value in options] else (options[0][1] if options else None)
            )

    def _picked(self, picker: widgets.Dropdown) -> str:
        if picker.value is None:
            raise RefusedError("there is no column yet: add one")
        return str(picker.value).removeprefix("column ")

    def _column(self, picker: widgets.Dropdown) -> str | None:
        return None if picker.value == _ANY else self._picked(picker)


def _text(description: str, placeholder: str) -> widgets.Text:
    made = widgets.Text(
        description=description, placeholder=placeholder, style=_SHORT, layout={"width": "210px"}
    )
    made.continuous_update = True
    return made


def _dropdown(description: str, options: tuple[str, ...]) -> widgets.Dropdown:
    return widgets.Dropdown(description=description, options=options, style=_SHORT, layout={"width": "auto"})


def _checkbox(description: str) -> widgets.Checkbox:
    return widgets.Checkbox(description=description, indent=False, layout={"width": "auto"})


def _number(field: widgets.Text) -> int | float:
    try:
        found = json.loads(field.value.strip())
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise RefusedError(f"{field.description}: {field.value!r} is no number")
    return found


def _told(condition: Condition) -> str:
    of = "" if condition.test in ("new", "deleted") else f"{condition.column or _ANY} "
    what = {
        "range": f"from {condition.low or '…'} to {condition.high or '…'}",
        "choices": f"is one of {', '.join(condition.choices)}",
        "contains": f"contains {condition.text!r}",
        "equals": f"is {condition.text!r}",
    }.get(condition.test, f"is {condition.test}")
    return f"{'not ' if condition.negated else ''}{of}{what}"
