"""Typing, pasting and clearing cells; adding, copying and deleting rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parameters import reshaping
from torc_frames.widgets.parameters.column import Ids, SheetColumn
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.table import Table
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.clipboard import read_cells
from torc_frames.widgets.table.source import Block

__all__ = ["append", "clear", "delete", "duplicate", "insert", "paste", "restore", "set_texts", "write"]

MOST_ROWS = 1_000_000
"""How many rows may be added at once."""


def set_texts(table: Table, step: Step, cells: Sequence[tuple[int, int, str]]) -> None:
    """Type texts into cells, each a row and a column as shown; nothing happens where they stand already."""
    by_column: dict[int, dict[int, str]] = defaultdict(dict)
    for row, position, text in cells:
        by_column[position][int(_shown(table, row))] = text
    targets = {position: table.at(position) for position in by_column}
    for position, texts in by_column.items():
        column = targets[position]
        ids = table.editable(np.array(list(texts), dtype=np.int64))
        same = column.texts(ids)
        other = [at for at, text in enumerate(texts.values()) if text != same[at]]
        if other:
            listed = list(texts.values())
            write(step, column, ids[other], [listed[at] for at in other])


def paste(table: Table, step: Step, block: Block, text: str) -> None:
    """Put tab-separated text at a block, as often as it fits there; rows are added at the end.

    Blank lines at the end write nothing: spreadsheets and editors leave them behind.
    """
    cells = _pasted(table, block, text)
    if not cells:
        return
    wide = max(map(len, cells))
    down = max(1, (block.bottom - block.top) // len(cells))
    across = max(1, (block.right - block.left) // wide)
    width, height = wide * across, len(cells) * down
    _check_size(height)
    count = len(table.columns) + table.offset
    if block.left + width > count:
        raise RefusedError(
            f"{counted(width, 'column')} from column {block.left + 1} on: the table has {count}; "
            "add columns first"
        )
    targets = [table.at(position) for position in range(block.left, block.left + width)]
    short = block.top + height - len(table.rows.view)
    table.editable(table.rows.view[block.top : block.top + height])
    if short > 0:
        _new_rows(table, step, len(table.rows.view), short)
    ids = table.rows.view[block.top : block.top + height]
    for at, column in enumerate(targets):
        # Lines may be of different lengths: what a line does not have stays.
        rows = [row for row in range(height) if at % wide < len(cells[row % len(cells)])]
        texts = [cells[row % len(cells)][at % wide] for row in rows]
        write(step, column, ids[rows], texts)


def _pasted(table: Table, block: Block, text: str) -> list[list[str]]:
    """Return the cells of a text, without the blank lines at its end.

    A line of several cells is none, whatever is in them. In one column a blank line may be a cell that was
    copied as well as nothing, and is taken as nothing: what is meant to be empty can be cleared. A first line
    stays, since one blank cell that was copied is that; and a block of just as many rows is not filled by
    fewer.
    """
    cells = read_cells(text)
    lines = len(cells)
    keeps_blanks = table.at(block.left).format.kind == "string"
    while len(cells) > 1 and len(cells[-1]) == 1:
        last = cells[-1][0]
        if last if keeps_blanks else last.strip():
            break
        cells.pop()
    if block.bottom - block.top == lines:
        cells += [[]] * (lines - len(cells))
    # A blank line between others of several cells is no cell of the first column.
    wide = len(cells) > 1 and max(map(len, cells)) > 1
    return [[] if wide and line == [""] else line for line in cells]


def clear(table: Table, step: Step, block: Block) -> None:
    """Make cells missing, but for keys and deleted rows."""
    ids = table.rows.view[max(block.top, 0) : block.bottom]
    ids = ids[~table.rows.are_deleted(ids)]
    first = max(block.left, table.offset) if block.right - block.left > 1 else block.left
    for position in range(first, min(block.right, len(table.columns) + table.offset)):
        column = table.at(position)
        filled = np.array([bool(text) for text in column.texts(ids)], dtype=np.bool_)
        if filled.any():
            write(step, column, ids[filled], [""] * int(filled.sum()))


def insert(table: Table, step: Step, at: int, count: int) -> None:
    """Add empty rows before one that is shown."""
    _check_size(count)
    if not 0 <= at <= len(table.rows.view):
        raise RefusedError(f"there is no row {at} to insert rows before")
    if count > 0:
        _new_rows(table, step, at, count)


def duplicate(table: Table, step: Step, start: int, stop: int) -> None:
    """Add copies of rows below the last of them."""
    of = table.rows.view[max(start, 0) : max(stop, 0)]
    if not len(of):
        return
    ids = table.rows.more(len(of))
    for column in table.columns:
        column.grow(table.rows.made)
    step.do(table.rows.inserting(ids, max(start, 0) + len(of)))
    for column in table.columns:
        step.do(column.copies(ids, of))


def delete(table: Table, step: Step, start: int, stop: int) -> None:
    """Mark rows that the store has as deleted; take others out."""
    ids = table.rows.view[max(start, 0) : max(stop, 0)]
    keyed = table.rows.keyed(ids)
    marked = ids[keyed & ~table.rows.are_deleted(ids)]
    if len(marked):
        step.do(table.rows.marking(marked))
    if not keyed.all():
        step.do(table.rows.removing(ids[~keyed]))


def restore(table: Table, step: Step, start: int, stop: int) -> None:
    """Take back the marks of deleted rows."""
    ids = table.rows.view[max(start, 0) : max(stop, 0)]
    marked = ids[table.rows.are_deleted(ids)]
    if len(marked):
        step.do(table.rows.marking(marked))


def append(table: Table, step: Step, frame: pd.DataFrame) -> None:
    """Add the rows of a frame, as new ones, at the end; cells of columns that either has not are missing."""
    _check_size(len(frame))
    if not len(frame):
        return
    for name in frame.columns:
        if name not in table.by_name():
            dtype = frame[name].dtype
            reshaping.add(table, step, name, _with_gaps(dtype) if len(table.rows.own) else dtype, "", None)
    ids = _new_rows(table, step, len(table.rows.view), len(frame))
    for name in frame.columns:
        column, series = table.column(name), frame[name].reset_index(drop=True)
        other = SheetColumn(name, series, Format.of(series))
        texts = other.texts_for(column.format, np.arange(len(series), dtype=np.int64))
        write(step, column, ids, texts)


def _with_gaps(dtype: Any) -> Any:
    """Return the dtype of a column that some rows have no value in."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
        return dtype
    return "boolean" if dtype.kind == "b" else str(dtype).replace("i", "I").replace("u", "U")


def write(step: Step, column: SheetColumn, ids: Ids, texts: Sequence[str]) -> None:
    """Type texts into cells of one column."""
    if len(ids):
        step.do(column.write(ids, texts))
        step.focus = step.focus or (int(ids[0]), column.name)


def _shown(table: Table, row: int) -> int:
    if not 0 <= row < len(table.rows.view):
        raise RefusedError(f"there is no row {row}; {counted(len(table.rows.view), 'row')} are shown")
    return int(table.rows.view[row])


def _check_size(count: int) -> None:
    if count > MOST_ROWS:
        raise RefusedError(f"{count:,} rows at once; add up to {MOST_ROWS:,}")


def _new_rows(table: Table, step: Step, at: int, count: int) -> Ids:
    """Add empty rows before one that is shown."""
    ids = table.rows.more(count)
    for column in table.columns:
        column.grow(table.rows.made)
    step.do(table.rows.inserting(ids, at))
    for column in table.columns:
        step.do(column.fill_new(ids))
    return ids
