"""A dataset: a folder of Parquet files of one schema, there when it is whole and not before."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from torc_frames.errors import Problem, RefusedError, TorcFramesError, shorten
from torc_frames.files.whole import beside, sync

__all__ = ["check_rows_per_file", "new_dataset", "parquet_errors", "write_parts"]

_PART = re.compile(r"part-\d{5,}\.parquet")
_GROUP_ROWS = 100_000
_GROUP_BYTES = 32 * 2**20
_PARQUET_MEND = "Parquet has no room for it; make it texts, or leave the column out"
_EXCHANGE = 2  # RENAME_EXCHANGE
_HERE = -100  # AT_FDCWD


@contextmanager
def new_dataset(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty folder that takes the place of `path` at the end; if there is an error, nothing is left.

    Raises
    ------
    RefusedError
        If something is there already: anything that is no dataset, or a dataset without `overwrite`.
    """
    target = Path(os.path.realpath(path))
    _check_target(target, overwrite)
    with beside(str(target)) as made:
        folder = Path(made)
        try:
            folder.mkdir()
        except OSError as error:
            raise TorcFramesError(f"can not write to {target.parent}: {error.strerror}") from error
        yield folder
        for part in folder.iterdir():
            sync(part)
        sync(folder)
        _check_target(target, overwrite)
        _put(folder, target)
        sync(target.parent)


def write_parts(
    folder: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], max_rows_per_file: int
) -> int:
    """Write batches as ``part-00000.parquet`` and so on, at least one; return how many rows there are."""
    rows = part = 0
    tables = _groups(batches, schema, max_rows_per_file)
    table = next(tables, schema.empty_table())
    while table is not None:
        with pq.ParquetWriter(folder / f"part-{part:05d}.parquet", schema) as writer:
            room = max_rows_per_file
            while table is not None and table.num_rows <= room:
                with parquet_errors(table, rows):
                    writer.write_table(table, row_group_size=max(table.num_rows, 1))
                room -= table.num_rows
                rows += table.num_rows
                table = next(tables, None)
        part += 1
    return rows


@contextmanager
def parquet_errors(table: pa.Table, start: int = 0) -> Iterator[None]:
    """Let what Parquet refuses of a table be told by row, from `start` on, and column.

    Raises
    ------
    RefusedError
    """
    try:
        yield
    except (pa.ArrowException, NotImplementedError) as error:
        problems = []
        for name, column in zip(table.column_names, table.columns, strict=True):
            row = _first_refused(column)
            if row is not None:
                where = None if row < 0 else start + row
                problems.append(Problem(where, name, f"{_PARQUET_MEND}: {str(error).splitlines()[0]}"))
        raise RefusedError(problems or f"Parquet can't hold this table: {error}") from error


def _first_refused(column: pa.ChunkedArray) -> int | None:
    """Return the first row that Parquet can't hold, -1 if it can't hold the type, None if it holds all."""
    if not _is_refused(column):
        return None
    if _is_refused(column.slice(0, 0)):
        return -1
    start, stop = 0, len(column)
    while stop - start > 1:
        middle = (start + stop) // 2
        if _is_refused(column.slice(start, middle - start)):
            stop = middle
        else:
            start = middle
    return start


def _is_refused(column: pa.ChunkedArray) -> bool:
    try:
        pq.write_table(pa.table({"column": column}), pa.BufferOutputStream())
    except (pa.ArrowException, NotImplementedError):
        return True
    return False


def check_rows_per_file(max_rows_per_file: int) -> None:
    """Refuse what is no number of rows."""
    if type(max_rows_per_file) is not int or max_rows_per_file < 1:
        raise RefusedError(f"max_rows_per_file={max_rows_per_file!r}: use a number from 1 on")


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema, most: int) -> Iterator[pa.Table]:
    """Yield batches as tables large enough for a row group; no file's last rows are of two files."""
    held: list[pa.RecordBatch] = []
    rows = size = in_file = 0
    most_rows = min(_GROUP_ROWS, most)
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, min(most_rows - rows, most - in_file - rows))
            batch = batch.slice(part.num_rows)
            held.append(part)
            rows, size = rows + part.num_rows, size + part.nbytes
            if rows == most_rows or in_file + rows == most or size >= _GROUP_BYTES:
                in_file = (in_file + rows) % most
                yield pa.Table.from_batches(held, schema)
                held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held, schema)


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise RefusedError(f"there is no folder {target.parent}")
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise RefusedError(f"{target} is a file; a dataset is a folder")
    held = sorted(
        entry.name
        for entry in os.scandir(target)
        if not (_PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False))
    )
    if held:
        raise RefusedError(
            f"{target} holds more than a dataset's files ({shorten(held)}); give a folder that does not exist"
        )
    if any(target.iterdir()) and not overwrite:
        raise RefusedError(f"{target} exists already; overwrite=True replaces it")


def _put(folder: Path, target: Path) -> None:
    """Let a folder take the place of another, which then is where the first one was."""
    if not target.exists() or not any(target.iterdir()):
        os.rename(folder, target)
    elif not _exchange(folder, target):
        aside = folder.with_name(f"{folder.name}.old")
        os.rename(target, aside)
        try:
            os.rename(folder, target)
        except BaseException:
            os.rename(aside, target)
            raise
        os.rename(aside, folder)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once; return whether this system and file system can."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return int(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)) == 0
