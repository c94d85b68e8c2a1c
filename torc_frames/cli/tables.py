"""Table files to push, each cell as it is written there."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from torc_frames.cli.adoption import Parameters
from torc_frames.dataset.parquet import read_parquet, table_columns
from torc_frames.dataset.types import JSON_TEXT
from torc_frames.errors import Problem, RefusedError, shorten
from torc_frames.frame.build import Columns
from torc_frames.frame.types import Column, objects
from torc_frames.table_files.formulas import restored

__all__ = ["LINES", "read_table"]

LINES = "lines"
"""The attribute of a frame that says in which line of the file each row begins."""

_KEYS = ("job_key", "job_name")


def read_table(path: Path, current: pd.DataFrame | None = None, *, raw_csv: bool = False) -> pd.DataFrame:
    """Read a table to push, in the format that the file's suffix says.

    Parameters
    ----------
    path : Path
    current : DataFrame, optional
        The parameters that the workflow has: what is text in the file is read as what it is there.
    raw_csv : bool
        Whether an apostrophe before what looks like a formula is part of the text.

    Raises
    ------
    RefusedError
        For a file that is not of its format, or holds what can't be kept exactly.
    """
    suffix = path.suffix.lower()
    read = _read_raw_csv if raw_csv and suffix == ".csv" else _READERS.get(suffix)
    if read is None:
        raise RefusedError(f"{path.name!r} is none of {', '.join(_READERS)}")
    try:
        return read(path, Parameters(pd.DataFrame() if current is None else current))
    except RefusedError:
        raise
    except (ValueError, csv.Error, pa.ArrowException) as error:
        raise RefusedError(f"can not read {path.name} as {suffix[1:]}: {error}") from error


def _read_parquet(path: Path, known: Parameters) -> pd.DataFrame:
    frame, table = read_parquet(path)
    for place, at in enumerate(table_columns(table, frame)):
        field, given = table.schema.field(at), frame.iloc[:, place]
        series = given
        if field.metadata and JSON_TEXT in field.metadata:
            series = _decoded(field.name, table.column(at).to_pylist())
        elif pa.types.is_date32(field.type):
            series = pd.Series(table.column(at), dtype=pd.ArrowDtype(field.type))
        series = known.of_parquet(field.name, series.set_axis(frame.index))
        if series is not given:
            frame.isetitem(place, series.array)
    return frame


def _decoded(name: str, texts: list[Any]) -> pd.Series:
    """Return the values of a column whose texts are JSON, as the file says."""
    values, problems = [], []
    for row, text in enumerate(texts):
        try:
            values.append(None if text is None else _decode(text))
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(Problem(row, name, f"is no JSON, though the file says so: {error}"))
    if problems:
        raise RefusedError(problems)
    return objects(values)


def _read_json(path: Path, known: Parameters) -> pd.DataFrame:
    rows = _decode(path.read_text("utf-8-sig"))
    if not isinstance(rows, list):
        raise RefusedError(f"{path.name}: a table is a list of objects, [{{…}}, {{…}}]")
    return _frame_of_rows(path, rows, known)


def _read_lines(path: Path, known: Parameters) -> pd.DataFrame:
    lines = path.read_text("utf-8-sig").split("\n")
    return _frame_of_rows(path, [_decode(line) for line in lines if line.strip()], known)


def _frame_of_rows(path: Path, rows: list[Any], known: Parameters) -> pd.DataFrame:
    wrong = [row for row, value in enumerate(rows) if not isinstance(value, dict)]
    if wrong:
        raise RefusedError(f"{path.name}: not objects: rows {shorten(wrong)}")
    columns = Columns(fast=False, whole=known.whole())
    columns.add_rows(rows)
    series = {name: known.adopted(name, column.natural()) for name, column in columns.finish().items()}
    return pd.DataFrame(series, index=pd.RangeIndex(len(rows)))


def _decode(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON; use null, a string or a number")


def _read_raw_csv(path: Path, known: Parameters) -> pd.DataFrame:
    return _read_csv(path, known, str)


def _read_csv(path: Path, known: Parameters, decode: Callable[[str], str] = restored) -> pd.DataFrame:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        rows = [(line, [decode(cell) for cell in row]) for line, row in _numbered(reader)]
    if not rows:
        raise RefusedError(f"{path.name} is empty: its first line names the columns")
    lines, names, cells = [line for line, _ in rows[1:]], rows[0][1], [row for _, row in rows[1:]]
    problems = [
        Problem(None, None, f"line {line} has {len(values)} cells for {len(names)} columns")
        for line, values in zip(lines, cells, strict=True)
        if len(values) != len(names)
    ]
    if problems:
        raise RefusedError(problems)
    columns = [[values[at] or None for values in cells] for at in range(len(names))]
    keys = columns[names.index("job_key")] if "job_key" in names else []
    frame = _frame_of_columns(names, columns, lambda name, texts: known.of_texts(name, texts, keys))
    frame.attrs[LINES] = lines
    return frame


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of the line that it begins in."""
    start = 1
    for row in reader:
        if row:
            yield start, row
        start = reader.line_num + 1


def _frame_of_columns(
    names: Sequence[str], columns: Sequence[list[Any]], to_series: Callable[[str, list[Any]], pd.Series]
) -> pd.DataFrame:
    """Return a frame of columns of cells; keys and names of jobs are strings, whatever they look like."""
    problems = [
        Problem(None, name, "there are two columns of this name" if name else "a column without a name")
        for at, name in enumerate(names)
        if not name or name in names[:at]
    ]
    if problems:
        raise RefusedError(problems)
    length = len(columns[0]) if columns else 0
    series = {
        name: Column.of(values).natural() if name in _KEYS and _all_text(values) else to_series(name, values)
        for name, values in zip(names, columns, strict=True)
    }
    return pd.DataFrame(series, index=pd.RangeIndex(length))


def _all_text(values: list[Any]) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def _read_excel(path: Path, known: Parameters) -> pd.DataFrame:
    from torc_frames.table_files.sheets import read_sheet

    names, columns = read_sheet(path)
    keys = columns[names.index("job_key")] if "job_key" in names else []
    return _frame_of_columns(
        names, columns, lambda name, values: known.of_sheet(name, _natural(values), values, keys)
    )


def _natural(values: list[Any]) -> pd.Series:
    if any(hasattr(value, "isoformat") for value in values):
        # pandas makes dates alone datetime64; among others a push refuses them, cell by cell
        return pd.Series(values)
    return Column.of(values).natural()


_READERS: dict[str, Callable[[Path, Parameters], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".json": _read_json,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".xlsx": _read_excel,
}
