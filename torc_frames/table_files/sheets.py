"""Tables in Excel files: the first sheet as columns of cells, and a frame as a sheet without formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd

from torc_frames.errors import Problem, RefusedError, TorcFramesError
from torc_frames.frame.dtypes import are_near, encode
from torc_frames.frame.specs import time_zone
from torc_frames.table_files.cells import cell_text
from torc_frames.table_files.formulas import is_live

__all__ = ["read_sheet", "sheet_cells", "write_sheet"]

_LONGEST_TEXT = 32_767
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_EXACT = 2**53
_FIRST_DAY = pd.Timestamp("1900-03-01")  # before it, Excel counts a day that there was not

# Excel's way to write what XML can't hold.
_UNWRITTEN = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_WRITTEN = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read_sheet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the names in the first row, and the cells below them.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed.
    RefusedError
        For errors such as #N/A, and for formulas whose value the file does not hold.
    """
    openpyxl = _openpyxl()
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
    return _columns(path, [[_decoded(cell.value) for cell in cells] for cells in rows])


def write_sheet(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """Write a frame, a named index first: texts as texts, whatever they look like.

    Times without a zone are Excel's, if they are whole milliseconds, and as text otherwise, as are other
    times and durations, lists and objects (JSON), and a column with integers of which Excel would round one.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed.
    RefusedError
        For a table that is too large, and texts that are too long for Excel; all of them are named.
    """
    openpyxl = _openpyxl()
    whole = frame if frame.index.name is None else frame.reset_index()
    if len(whole) >= _MOST_ROWS or len(whole.columns) > _MOST_COLUMNS:
        size = f"{len(whole):,} rows and {len(whole.columns):,} columns"
        raise RefusedError(f"{size} are more than Excel has room for: write .csv or .parquet")
    columns = {str(name): sheet_cells(series) for name, series in whole.items()}
    problems = [
        Problem(row, name, f"a text of {len(value):,} characters; Excel has room for {_LONGEST_TEXT:,}")
        for name, values in columns.items()
        for row, value in enumerate(values)
        if isinstance(value, str) and len(_escaped(value)) > _LONGEST_TEXT
    ]
    if problems:
        raise RefusedError(problems)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    for row in _rows(columns):
        sheet.append([_text_cell(openpyxl, sheet, cell) if isinstance(cell, str) else cell for cell in row])
    book.save(file)


def _rows(columns: dict[str, list[Any]]) -> Iterator[tuple[Any, ...]]:
    yield tuple(columns)
    yield from zip(*columns.values(), strict=True)


def _text_cell(openpyxl: Any, sheet: Any, text: str) -> Any:
    cell = openpyxl.cell.WriteOnlyCell(sheet, value=_escaped(text))
    cell.data_type = "s"  # openpyxl makes formulas of what begins with =, and errors of #N/A
    cell.quotePrefix = is_live(text)  # else Excel would, as soon as somebody edits the cell
    return cell


def sheet_cells(series: pd.Series) -> list[Any]:
    """Return the cells of a column as what openpyxl writes without a loss."""
    if series.dtype.kind in "mM":
        if not are_near(series):
            return encode(series)[0]
        as_cell = _time_of_excel if _are_times_of_excel(series) else str
        return [None if gap else as_cell(value) for value, gap in zip(series, series.isna(), strict=True)]
    values, refused = encode(series)
    for row in refused:
        values[row] = str(series.iloc[row])
    rounded = any(type(value) is int and abs(value) > _EXACT for value in values)
    return [
        cell_text(value) if isinstance(value, (list, dict)) or (rounded and type(value) is int) else value
        for value in values
    ]


def _are_times_of_excel(series: pd.Series) -> bool:
    if series.dtype.kind == "m" or time_zone(series.dtype) is not None:
        return False
    given = series.dropna().astype(
        "datetime64[ns]" if str(series.dtype).endswith("[ns]") else "datetime64[us]"
    )
    return bool(given.dt.floor("ms").eq(given).all() and given.ge(_FIRST_DAY).all())


def _time_of_excel(value: Any) -> Any:
    """Return a time or date as Python has it."""
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def _escaped(text: str) -> str:
    return _UNWRITTEN.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _decoded(value: Any) -> Any:
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), value) if isinstance(value, str) else value


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError:
        raise TorcFramesError(
            "Excel files need openpyxl: pip install 'torc_frames[excel]', or use CSV instead"
        ) from None
    return openpyxl


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
