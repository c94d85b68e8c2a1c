"""The tools beside the table of the parameter editor: rows, columns, filters and filling."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parameters import messages
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.parameters.filling import Linspace, Logspace, Repeated, StepSeries
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.source import Block

__all__ = ["Tools", "told_of"]

_SERIES = {"steps": StepSeries, "linspace": Linspace, "logspace": Logspace}


class Tools:
    """What a page asks to be done to a sheet other than in its grid.

    Parameters
    ----------
    sheet : Sheet
    go_to : callable
        Shows a cell, by row and column.

    Attributes
    ----------
    block : Block or None
        The cells that are selected.
    """

    def __init__(self, sheet: Sheet, go_to: Callable[[int, int], None]) -> None:
        self._sheet, self._go_to = sheet, go_to
        self.block: Block | None = None

    @property
    def rows(self) -> tuple[int, int]:
        """The first row that is selected, and that after the last."""
        return (0, 0) if self.block is None else (self.block.top, self.block.bottom)

    def columns(self) -> list[dict[str, Any]]:
        """Return the columns of parameters, as a page shows them."""
        return [
            {"name": column.name, "dtype": column.dtype, "read_only": column.read_only}
            for column in self._sheet.columns
            if not (column.read_only and column.name == "job_key")
        ]

    def use(self, message: messages.Message) -> str:
        """Do what a message asks, and return what there is to say of it."""
        sheet = self._sheet
        match message:
            case messages.Restore():
                block = self._selected()
                sheet.restore_rows(block.top, block.bottom)
            case messages.GoTo(row=row, column=column):
                return self._show_cell(row, column)
            case messages.Filtered(conditions=conditions):
                sheet.filter(*map(_condition, conditions))
            case messages.FillCells():
                self._fill(message)
            case messages.AddColumn(name=name, dtype=dtype, default=default):
                sheet.add_column(name.strip(), dtype, default)
                return f"Added column {name.strip()}"
            case messages.RenameColumn(name=name, to=to):
                sheet.rename_column(name, to.strip())
            case messages.RetypeColumn(name=name, dtype=dtype):
                sheet.retype_column(name, dtype)
            case messages.DropColumn(name=name):
                sheet.drop_column(name)
            case messages.Begin(text=text):
                frame = _frame(text)
                sheet.append(frame)
                return f"Added {counted(len(frame), 'row')}"
        return ""

    def _show_cell(self, row: int, column: str | None) -> str:
        sheet, told = self._sheet, ""
        where = sheet.position_of(row, column)
        if where is None and sheet.hidden:
            sheet.filter()
            told = "The filter hid this cell: all rows are shown now"
            where = sheet.position_of(row, column)
        if where is None:
            raise RefusedError("this cell is no longer there")
        self._go_to(*where)
        return told

    def _fill(self, message: messages.FillCells) -> None:
        target = self._selected() if message.column is None else message.column
        if message.by == "formula":
            self._sheet.fill_formula(message.first, target)
        elif message.by == "value":
            self._sheet.fill_series(Repeated([message.first]), target)
        elif message.by == "list":
            text = message.first
            items = [item.strip() for item in text.split(",")] if text.strip() else []
            self._sheet.fill_series(Repeated(items), target)
        else:
            names = ("from", "step") if message.by == "steps" else ("from", "to")
            first, second = map(_number, names, (message.first, message.second))
            self._sheet.fill_series(_SERIES[message.by](first, second), target)

    def _selected(self) -> Block:
        if self.block is None or self.block.top >= len(self._sheet):
            raise RefusedError("select cells in the table first")
        return self.block


def told_of(condition: Condition) -> dict[str, Any]:
    """Return a condition's fields, and what it says in words."""
    of = f"{condition.column or 'any column'} "
    what = {
        "range": f"from {condition.low or '…'} to {condition.high or '…'}",
        "choices": f"is one of {', '.join(condition.choices)}",
        "contains": f"contains {condition.text!r}",
        "equals": f"is {condition.text!r}",
        "where": condition.text,
    }.get(condition.test, f"is {condition.test}")
    told = what if condition.test in ("new", "deleted", "where") else of + what
    fields = {**asdict(condition), "choices": list(condition.choices)}
    return {**fields, "told": f"not {told}" if condition.negated else told}


def _condition(fields: dict[str, Any]) -> Condition:
    try:
        return msgspec.convert({name: each for name, each in fields.items() if name != "told"}, Condition)
    except msgspec.ValidationError as error:
        raise RefusedError(f"filter: {error}") from None


def _number(name: str, text: str) -> int | float:
    try:
        found = json.loads(text.strip())
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise RefusedError(f"{name}: {text!r} is no number")
    return found


def _frame(text: str) -> pd.DataFrame:
    """Return a table of text, names in the first line, tabs or commas between."""
    first = text.split("\n", 1)[0]
    try:
        frame = pd.read_csv(io.StringIO(text), sep="\t" if "\t" in first else ",", skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise RefusedError(f"this is no table with names in its first line: {error}") from None
    if not len(frame):
        raise RefusedError("this is no table: names in the first line, and a row in each of the next")
    return frame.convert_dtypes() if frame.isna().to_numpy().any() else frame
