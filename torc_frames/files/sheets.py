"""Tables in Excel files: the first sheet as columns of cells, and frames as sheets without formulas."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import MissingExtraError, Problem, RefusedError
from torc_frames.files.cells import cell_text, is_live
from torc_frames.files.foreign import Table, as_frame
from torc_frames.files.whole import written_whole
from torc_frames.frame.dtypes import are_near, encode, utc_times
from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.frame.specs import time_unit, time_zone

__all__ = ["load_openpyxl", "read_sheet", "sheet_cells", "to_excel", "write_book", "write_sheet"]

_LONGEST_TEXT = 32_767
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_FIRST_DAY = pd.Timestamp("1900-03-01")  # before it, Excel counts a day that there was not

# Excel's way to write what XML can't hold, or Excel would leave out: a text that is nothing but blanks.
_UNWRITTEN = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)|\A\s(?=\s*\Z)")
_WRITTEN = re.compile(r"_x([0-9A-Fa-f]{4})_")

_WIDEST = 50
_LOOKED_AT = 200
"""How many rows say how wide a column is."""

_DIGITS = "0"
"""The format of a text that is an integer, which Excel would round as a number."""

_INTEGER = re.compile(r"-?[0-9]{1,4300}")


def read_sheet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the names in the first row, and the cells below them.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed.
    RefusedError
        For errors such as #N/A, and for formulas whose value the file does not hold.
    """
    openpyxl = load_openpyxl()
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
        if formula.data_type == "f" and cell.value is None and cell.data_type != "str"
    ]
    if problems:
        raise RefusedError(problems)
    return _columns(path, [[_value(cell) for cell in cells] for cells in rows])


def to_excel(frame: Table, path: str | os.PathLike[str]) -> Path:
    """Write a frame to an Excel file: times without zones.

    Excel has times without a zone, of whole milliseconds: those with one are written as they are in UTC, and
    all are cut to milliseconds, so that Excel reckons with them. All else is written as ``torc-frames table
    -o t.xlsx`` does: no text is a formula, floats have all their digits, lists and objects are JSON, a named
    index comes first. That command, `Workflow.to_parquet` and CSV files keep times as they are.

    Parameters
    ----------
    frame : DataFrame, or a table of Polars, Arrow or DuckDB
        Any, such as `Workflow.table` and `Workflow.jobs` return, of which pandas' own ``to_excel`` refuses
        those that have times with a zone.
    path : path
        The file, which ends in ``.xlsx``; it is there whole or not at all, and takes the place of another.

    Raises
    ------
    TorcFramesError
        If openpyxl is not installed (``pip install 'torc_frames[excel]'``).
    RefusedError
        For another suffix, and for what Excel has no room for, by row and column.

    Examples
    --------
    >>> import pandas as pd
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("echo")
    >>> _ = wf.push(tf.grid(n=[1, 2]), command="true")
    >>> _ = wf.run(workers=2)
    >>> file = tf.to_excel(wf.jobs(), tmp / "jobs.xlsx")
    >>> pd.read_excel(file)["start_time"].dtype.kind
    'M'
    """
    if Path(path).suffix.lower() != ".xlsx":
        raise RefusedError(f"{os.fspath(path)!r} does not end in .xlsx")
    frame = _with_excels_times(as_frame(frame))
    with written_whole(path) as file:
        write_sheet(frame, file)
    return Path(path)


def _with_excels_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame, a named index first, whose times are without zones and of milliseconds."""
    whole = frame.copy(deep=False) if frame.index.name is None else frame.reset_index()
    for at, dtype in enumerate(whole.dtypes):
        times = utc_times(whole.iloc[:, at]) if time_unit(dtype) not in (None, "M8[D]") else None
        if times is not None and times.dtype.kind == "M":
            cut: Any = pd.Series(times.astype("datetime64[ms]"), index=whole.index)
            whole.isetitem(at, cut)
    return whole


def write_book(frames: Mapping[str, pd.DataFrame], file: IO[bytes]) -> None:
    """Write frames as sheets to be read: headings that stay, filters, columns as wide as their cells.

    Cells and errors are those of `write_sheet`, times those of `to_excel`.
    """
    openpyxl = load_openpyxl()
    book = openpyxl.Workbook(write_only=True)
    for title, frame in frames.items():
        _fill(openpyxl, book.create_sheet(title), _with_excels_times(frame), to_be_read=True)
    book.save(file)


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
    openpyxl = load_openpyxl()
    book = openpyxl.Workbook(write_only=True)
    _fill(openpyxl, book.create_sheet("table"), frame if frame.index.name is None else frame.reset_index())
    book.save(file)


def _fill(openpyxl: Any, sheet: Any, whole: pd.DataFrame, *, to_be_read: bool = False) -> None:
    if len(whole) >= _MOST_ROWS or len(whole.columns) > _MOST_COLUMNS:
        size = f"{len(whole):,} rows and {len(whole.columns):,} columns"
        raise RefusedError(f"{size} are more than Excel has room for: write .csv or .parquet")
    names = [str(name) for name in whole.columns]
    columns = [sheet_cells(series) for _, series in whole.items()]
    problems = [
        Problem(row, name, reason)
        for name, values in zip(names, columns, strict=True)
        for row, value in ((None, name), *enumerate(values))
        if isinstance(value, str) and (reason := _reason_against(value))
    ]
    if problems:
        raise RefusedError(problems)
    heads = [_text_cell(openpyxl, sheet, name) for name in names]
    if to_be_read:
        _lay_out(openpyxl, sheet, heads, columns)
    sheet.append(heads)
    rounded = [any(type(one) is int and abs(one) > EXACT_IN_FLOAT for one in values) for values in columns]
    for row in zip(*columns, strict=True):
        cells = zip(row, rounded, strict=True)
        sheet.append([_cell(openpyxl, sheet, value, as_text) for value, as_text in cells])


def _lay_out(openpyxl: Any, sheet: Any, heads: list[Any], columns: list[list[Any]]) -> None:
    sheet.freeze_panes = "A2"
    letters = [openpyxl.utils.get_column_letter(at) for at in range(1, len(heads) + 1)]
    if letters:
        sheet.auto_filter.ref = f"A1:{letters[-1]}{1 + max(map(len, columns))}"
    for letter, head, values in zip(letters, heads, columns, strict=True):
        head.font = openpyxl.styles.Font(bold=True)
        widest = max(len(str(value)) for value in (f"{head.value}   ", *values[:_LOOKED_AT]))
        sheet.column_dimensions[letter].width = min(_WIDEST, widest + 2)


def _text_cell(openpyxl: Any, sheet: Any, text: str) -> Any:
    # openpyxl writes an empty text as an empty cell, but a rich one as it is
    value = _escaped(text) if text else openpyxl.cell.rich_text.CellRichText("")
    cell = openpyxl.cell.WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"  # openpyxl makes formulas of what begins with =, and errors of #N/A
    if is_live(text):
        cell.quotePrefix = True  # else Excel would, as soon as somebody edits the cell
    return cell


def _cell(openpyxl: Any, sheet: Any, value: Any, as_text: bool) -> Any:
    """Return what openpyxl is to write of a value; integers as texts in a column where Excel rounds one."""
    if isinstance(value, str):
        return _text_cell(openpyxl, sheet, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if as_text and isinstance(value, int):
        cell = _text_cell(openpyxl, sheet, repr(value))
        cell.number_format = _DIGITS
    else:
        cell = openpyxl.cell.WriteOnlyCell(sheet, value=repr(value))
        cell.data_type = "n"  # the digits as they are: openpyxl writes 16 of the 17 that a float has
    return cell


def sheet_cells(series: pd.Series) -> list[Any]:
    """Return the cells of a column as they are in a sheet; RefusedError for what is no JSON."""
    if series.dtype.kind in "mM":
        if not are_near(series):
            return encode(series)[0]
        series = _of_numpy(series)
        as_times = _are_times_of_excel(series)
        values = [value.to_pydatetime() if as_times else str(value) for value in series]
        return [None if gap else value for value, gap in zip(values, series.isna().tolist(), strict=True)]
    values, refused = encode(series)
    problems = []
    for row, reason in refused.items():
        value = series.iloc[row]
        if isinstance(value, float):
            values[row] = str(value)  # infinity, which Excel does not have
        else:
            problems.append(Problem(row, str(series.name), reason))
    if problems:
        raise RefusedError(problems)
    return [cell_text(value) if isinstance(value, (list, dict)) else value for value in values]


def _of_numpy(series: pd.Series) -> pd.Series:
    """Return Arrow's dates and times without a zone as pandas' own."""
    kind = series.dtype.pyarrow_dtype if isinstance(series.dtype, pd.ArrowDtype) else None
    if kind is None or pa.types.is_duration(kind) or time_zone(series.dtype) is not None:
        return series
    plain: Any = np.dtype(f"datetime64[{getattr(kind, 'unit', 's')}]")
    times: pd.Series = series.astype(plain)
    return times


def _are_times_of_excel(series: pd.Series) -> bool:
    if series.dtype.kind == "m" or time_zone(series.dtype) is not None:
        return False
    given = series.dropna().astype(
        "datetime64[ns]" if str(series.dtype).endswith("[ns]") else "datetime64[us]"
    )
    return bool(given.dt.floor("ms").eq(given).all() and given.ge(_FIRST_DAY).all())


def _reason_against(text: str) -> str | None:
    try:
        length = len(_escaped(text).encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return f"{text!a} holds a lone surrogate, which is no text"
    if length > _LONGEST_TEXT:
        return f"a text of {len(text):,} characters; Excel has room for {_LONGEST_TEXT:,}"
    return None


def _escaped(text: str) -> str:
    return _UNWRITTEN.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _value(cell: Any) -> Any:
    """Return what a cell holds: of texts what they are written for."""
    if not isinstance(cell.value, str):
        return cell.value
    if cell.number_format == _DIGITS and _INTEGER.fullmatch(cell.value):
        return int(cell.value)
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), cell.value)


def load_openpyxl() -> Any:
    """Return openpyxl; MissingExtraError says how to get it."""
    try:
        import openpyxl
        import openpyxl.cell.rich_text
        import openpyxl.styles
        import openpyxl.utils
    except ImportError:
        raise MissingExtraError(
            "Excel files need openpyxl: pip install 'torc_frames[excel]', or use CSV instead"
        ) from None
    return openpyxl


def _columns(path: Path, rows: list[list[Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return names and columns; an empty row is one, but before the names and after the last value."""
    given = [at for at, row in enumerate(rows) if any(value is not None for value in row)]
    if not given:
        raise RefusedError(f"{path.name} is empty: its first row names the columns")
    width = max(at for row in rows for at, value in enumerate(row, 1) if value is not None)
    names = ["" if value is None else str(value) for value in rows[given[0]][:width]]
    below = rows[given[0] + 1 : given[-1] + 1]
    return names, [[row[at] for row in below] for at in range(width)]


def _cells(openpyxl: Any, path: Path, data_only: bool) -> list[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what else is in the file; dates that are none are errors
            book = openpyxl.load_workbook(path, data_only=data_only)
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a broken archive makes it raise
        raise RefusedError(f"can not read {path.name} as xlsx: {error}") from None
    if not book.worksheets:
        raise RefusedError(f"{path.name} has no sheet with cells")
    return list(book.worksheets[0].iter_rows())
