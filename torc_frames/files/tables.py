"""Table files to push, each cell as it is written there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from torc_frames.errors import Problem, RefusedError
from torc_frames.files.adoption import Parameters
from torc_frames.files.cells import restored, restored_name
from torc_frames.files.delimited import CsvOptions, read_rows
from torc_frames.files.doubts import doubt
from torc_frames.files.foreign import as_pushed
from torc_frames.files.read import read_objects, read_parquet, table_columns
from torc_frames.frame.column import Column
from torc_frames.frame.columns import Columns

__all__ = ["LINES", "read_table"]

LINES = "lines"
"""The attribute of a frame that says in which line of the file each row begins."""

_KEYS = ("job_key", "job_name")


def read_table(
    path: Path,
    current: pd.DataFrame | None = None,
    *,
    raw_csv: bool = False,
    csv_options: CsvOptions | None = None,
    tell: Callable[[str], object] = lambda message: None,
) -> pd.DataFrame:
    """Read a table to push, in the format that the file's suffix says.

    Parameters
    ----------
    path : Path
    current : DataFrame, optional
        The parameters that the workflow has: what is text in the file is read as what it is there.
    raw_csv : bool
        Whether an apostrophe before what looks like a formula is part of the text.
    csv_options : CsvOptions, optional
        How a CSV file is to be read; what it doesn't say is found.
    tell : callable
        Called with what a user should know of how the file was read.

    Raises
    ------
    RefusedError
        For a file that is not of its format, or holds what can't be kept exactly.
    """
    suffix = path.suffix.lower()
    read = _READERS.get(suffix)
    if read is None:
        raise RefusedError(f"{path.name!r} is none of {', '.join(_READERS)}")
    known = Parameters(pd.DataFrame() if current is None else current)
    options = replace(csv_options or CsvOptions(), raw=raw_csv)
    try:
        return read(path, FileReading(known, options, lambda message: tell(f"{path.name}: {message}")))
    except RefusedError:
        raise
    except (ValueError, RecursionError, pa.ArrowException) as error:
        raise RefusedError(f"can not read {path.name} as {suffix[1:]}: {error}") from error


@dataclass(frozen=True, slots=True)
class FileReading:
    """What a file is read by."""

    known: Parameters
    csv: CsvOptions
    tell: Callable[[str], object]


def _read_parquet(path: Path, reading: FileReading) -> pd.DataFrame:
    frame, table = read_parquet(path)
    frame = as_pushed(frame, table)
    for place, at in enumerate(table_columns(table, frame)):
        given: Any = frame.iloc[:, place]
        series: Any = reading.known.of_parquet(table.schema.field(at).name, given)
        if series is not given:
            frame.isetitem(place, series.set_axis(frame.index))
    return frame


def _read_json(path: Path, reading: FileReading) -> pd.DataFrame:
    rows = read_objects(path, lines=path.suffix.lower() != ".json")
    columns = Columns(fast=False, whole=reading.known.whole())
    columns.add_rows(rows)
    found = columns.finish().items()
    series = {name: reading.known.adopted(name, column.natural()) for name, column in found}
    return pd.DataFrame(series, index=pd.RangeIndex(len(rows)))


def _read_csv(path: Path, reading: FileReading) -> pd.DataFrame:
    known, options = reading.known, reading.csv
    rows = read_rows(path, options)
    if rows.sep != "," or rows.numerals.decimal != ".":
        reading.tell(f"cells are separated by {rows.sep!r}, the decimal mark is {rows.numerals.decimal!r}")
    decode: Callable[[str], str] = str if options.raw else restored
    absent = {"", *options.na_values}
    columns = [
        [None if cell in absent or cell.strip() in options.na_values else decode(cell) for cell in column]
        for column in (zip(*rows.cells, strict=True) if rows.cells else [()] * len(rows.names))
    ]
    names = [_name(name, reading) for name in rows.names]
    keys = columns[names.index("job_key")] if "job_key" in names else []

    def series_of(name: str, texts: list[Any]) -> pd.Series:
        if known.takes_numbers(name) and (told := doubt(name, texts, rows.lines, rows.numerals)):
            reading.tell(told)
        return known.of_texts(name, texts, keys, rows.numerals)

    frame = _frame_of_columns(names, columns, series_of, reading)
    frame.attrs[LINES] = rows.lines
    return frame


def _name(written: str, reading: FileReading) -> str:
    """Return the name of a column: without blanks around it, unless the workflow has it with them."""
    exact, trimmed = (
        (written, written.strip()) if reading.csv.raw else (restored(written), restored_name(written))
    )
    return exact if exact in reading.known.current else trimmed


def _frame_of_columns(
    names: Sequence[str],
    columns: Sequence[list[Any]],
    to_series: Callable[[str, list[Any]], pd.Series],
    reading: FileReading,
) -> pd.DataFrame:
    """Return a frame of columns of cells; keys and names of jobs are strings, whatever they look like."""
    left_out = set() if "" in reading.known.current else _without_name(names, columns, reading.tell)
    problems = [
        Problem(None, name, f"there are two columns of this name, column {names.index(name) + 1} and {at}")
        for at, name in enumerate(names, 1)
        if name in names[: at - 1] and at - 1 not in left_out
    ]
    if problems:
        raise RefusedError(problems)
    length = len(columns[0]) if columns else 0
    series = {}
    for at, (name, values) in enumerate(zip(names, columns, strict=True)):
        if at not in left_out:
            keys = name in _KEYS and all(value is None or isinstance(value, str) for value in values)
            series[name] = Column.of(values).natural() if keys else to_series(name, values)
    return pd.DataFrame(series, index=pd.RangeIndex(length))


def _without_name(
    names: Sequence[str], columns: Sequence[list[Any]], tell: Callable[[str], object]
) -> set[int]:
    """Return the columns without a name, which hold nothing, or count the rows; others are refused."""
    found = {at for at, name in enumerate(names) if not name and any(one is not None for one in columns[at])}
    if found == {0}:
        counted = [str(value) for value in columns[0]]
        if any(counted == [str(row) for row in range(start, start + len(counted))] for start in (0, 1)):
            tell("the first column, which has no name and counts the rows, is left out")
            found = set()
    if found:
        told = ", ".join(str(at + 1) for at in sorted(found))
        raise RefusedError(
            f"a column without a name: column {told}; name it, or leave it out where the file is written, as "
            "to_csv(index=False) of pandas and write.csv(row.names=FALSE) of R do"
        )
    return {at for at, name in enumerate(names) if not name}


def _read_excel(path: Path, reading: FileReading) -> pd.DataFrame:
    from torc_frames.files.sheets import read_sheet

    names, columns = read_sheet(path)
    keys = columns[names.index("job_key")] if "job_key" in names else []

    def series_of(name: str, values: list[Any]) -> pd.Series:
        return reading.known.of_sheet(name, _natural(values), values, keys)

    return _frame_of_columns(names, columns, series_of, reading)


def _natural(values: list[Any]) -> pd.Series:
    if any(hasattr(value, "isoformat") for value in values):
        # pandas makes dates alone datetime64; among others a push refuses them, cell by cell
        return pd.Series(values)
    return Column.of(values).natural()


_READERS: dict[str, Callable[[Path, FileReading], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".xlsx": _read_excel,
    ".tsv": _read_csv,
}
