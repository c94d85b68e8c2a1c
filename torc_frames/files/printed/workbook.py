"""A printed table as an Excel file: a sheet to look at, and one of numbers beside it."""

from __future__ import annotations

import re
from typing import IO, Any

import pandas as pd

from torc_frames.files.cells import is_live
from torc_frames.files.sheets import load_openpyxl, sheet_cells
from torc_frames.frame.tabulation.cells import PrintedCell, plain
from torc_frames.frame.tabulation.digits import as_read
from torc_frames.frame.tabulation.printed import Printed

__all__ = ["write_workbook"]

_WIDEST = 50
_NUMBER = re.compile(r"−?[0-9,]+(\.[0-9]+)?")


def write_workbook(table: Printed, numbers: pd.DataFrame, formats: dict[str, str], file: IO[bytes]) -> None:
    """Write the sheets "table" and "numbers", the latter with number formats by column; no text is a formula.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed.
    """
    book = load_openpyxl().Workbook()
    book.remove(book.worksheets[0])
    _fill_table(book.create_sheet("table"), table)
    _fill_numbers(book.create_sheet("numbers"), numbers, formats)
    book.save(file)


def _fill_table(sheet: Any, table: Printed) -> None:
    from openpyxl.styles import Border, Font, Side

    width, thin, thick = len(table.columns), Side("thin"), Side("medium")
    top = 1
    if table.caption:
        _put(sheet, top, 1, table.caption)
        top += 1
    heads = top
    if groups := table.groups():
        for group, start, end in (each for each in groups if each[0]):
            _put(sheet, heads, start + 1, group, "center")
            sheet.merge_cells(start_row=heads, end_row=heads, start_column=start + 1, end_column=end)
            for at in range(start, end):
                sheet.cell(heads, at + 1).border = Border(bottom=thin)
        heads += 1
    sides = ["right" if column.is_number else "left" for column in table.columns]
    for at, (column, side) in enumerate(zip(table.columns, sides, strict=True), 1):
        _put(sheet, heads, at, column.heading, side)
        longest = max(map(len, (column.heading, *(cell.text() for cell in column.cells))))
        sheet.column_dimensions[sheet.cell(heads, at).column_letter].width = min(_WIDEST, longest + 3)
    rows = table.rows()
    for down, row in enumerate(rows, heads + 1):
        for at, (cell, side) in enumerate(zip(row, sides, strict=True), 1):
            value, shown = _value(cell) if side == "right" else (cell.text(), "General")
            put = _put(sheet, down, at, value, side)
            put.font, put.number_format = _font(Font, cell), shown
    for at in range(1, width + 1):
        first, above, last = (sheet.cell(row, at) for row in (top, heads, heads + len(rows)))
        first.border = Border(top=thick, bottom=first.border.bottom)
        above.border = Border(top=above.border.top, bottom=thin)
        last.border = Border(top=last.border.top, bottom=thick)
    if table.foot:
        _put(sheet, heads + len(rows) + 1, 1, table.foot)
    sheet.freeze_panes = sheet.cell(heads + 1, 1)


def _value(cell: PrintedCell) -> tuple[str | float, str]:
    """Return a number, and the format in which it looks as printed, or the text of what is more than that."""
    if cell.text() != cell.center or not _NUMBER.fullmatch(cell.center):
        return cell.text(), "General"
    decimals = len(cell.center.partition(".")[2])
    shown = "#,##0" if "," in cell.center else "0"
    return as_read(cell.center, 0), shown + ("." + "0" * decimals if decimals else "")


def _font(font: Any, cell: PrintedCell) -> Any:
    return font(bold=cell.mark == "best", underline="single" if cell.mark == "second" else None)


def _fill_numbers(sheet: Any, numbers: pd.DataFrame, formats: dict[str, str]) -> None:
    for at, (name, values) in enumerate(numbers.items(), 1):
        _put(sheet, 1, at, str(name))
        for row, value in enumerate(sheet_cells(values), 2):
            _put(sheet, row, at, value).number_format = formats.get(str(name), "General")
        sheet.column_dimensions[sheet.cell(1, at).column_letter].width = min(_WIDEST, len(str(name)) + 3)
    sheet.freeze_panes = "A2"


def _put(sheet: Any, row: int, column: int, value: Any, side: str | None = None) -> Any:
    """Write a cell; a text is a text, whatever it begins with."""
    from openpyxl.styles import Alignment

    cell = sheet.cell(row, column)
    cell.value = plain(value) if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = is_live(value)
    if side:
        cell.alignment = Alignment(horizontal=side)
    return cell
