"""The first sheet of an Excel file as columns of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torc_frames.errors import Problem, RefusedError, TorcFramesError

__all__ = ["read_sheet"]


def read_sheet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the names in the first row, and the cells below them.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed.
    RefusedError
        For errors such as #N/A, and for formulas whose value the file does not hold.
    """
    try:
        import openpyxl
    except ImportError:
        raise TorcFramesError(
            "reading Excel files needs openpyxl: pip install 'torc_frames[excel]', or save the sheet as CSV"
        ) from None
    rows = _cells(openpyxl, path, data_only=True)
    formulas = _cells(openpyxl, path, data_only=False)
    pairs = [pair for both in zip(rows, formulas, strict=True) for pair in zip(*both, strict=True)]
    problems = [
        Problem(None, None, f"cell {cell.coordinate} is the error {cell.value}")
        for cell, _ in pairs
        if cell.data_type == "e"
    ] + [
        Problem(None, None, f"cell {cell.coordinate} is a formula without its value: save the file in Excel")
        for cell, formula in pairs
        if formula.data_type == "f" and cell.value is None
    ]
    if problems:
        raise RefusedError(problems)
    return _columns(path, [[cell.value for cell in cells] for cells in rows])


def _columns(path: Path, rows: list[list[Any]]) -> tuple[list[str], list[list[Any]]]:
    rows = [row for row in rows if any(value is not None for value in row)]
    if not rows:
        raise RefusedError(f"{path.name} is empty: its first row names the columns")
    width = max(at for row in rows for at, value in enumerate(row, 1) if value is not None)
    names = ["" if value is None else str(value) for value in rows[0][:width]]
    return names, [[row[at] for row in rows[1:]] for at in range(width)]


def _cells(openpyxl: Any, path: Path, data_only: bool) -> list[Any]:
    try:
        book = openpyxl.load_workbook(path, data_only=data_only)
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a broken archive makes it raise
        raise RefusedError(f"can not read {path.name} as xlsx: {error}") from None
    sheet = book.worksheets[0]
    return list(sheet.iter_rows())
