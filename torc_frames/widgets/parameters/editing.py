"""Typing, pasting and clearing cells; adding, copying and deleting rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.widgets.parameters import reshaping
from torc_frames.widgets.parameters.base import base_of
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.ids import Ids
from torc_frames.widgets.parameters.state import State, state_of
from torc_frames.widgets.table.clipboard import read_cells
from torc_frames.widgets.table.source import Block

__all__ = ["append", "clear", "delete", "duplicate", "insert", "paste", "restore", "set_texts"]


def set_texts(step: Step, cells: Sequence[tuple[int, int, str]]) -> None:
    """Type texts into cells, each a row and a column as shown; nothing happens where they stand already."""
    state = step.state
    by_column: dict[int, dict[int, str]] = defaultdict(dict)
    for row, position, text in cells:
        by_column[position][int(_shown(state, row))] = text
    targets = {position: state.at(position) for position in by_column}
    for position, texts in by_column.items():
        column = targets[position]
        ids = state.editable(np.array(list(texts), dtype=np.int64))
        same, listed = column.texts(ids), list(texts.values())
        other = [at for at, text in enumerate(listed) if text != same[at]]
        step.write(column, ids[other], [listed[at] for at in other])


def paste(step: Step, block: Block, text: str) -> None:
    """Put tab-separated text at a block, as often as it fits there; rows are added at the end.

    Blank lines at the end write nothing: spreadsheets and editors leave them behind.
    """
    state = step.state
    cells = _pasted(state, block, text)
    if not cells:
        return
    wide = max(map(len, cells))
    down = max(1, (block.bottom - block.top) // len(cells))
    across = max(1, (block.right - block.left) // wide)
    width, height = wide * across, len(cells) * down
    count = len(state.shown) + state.offset
    if block.left + width > count:
        raise RefusedError(
            f"{counted(width, 'column')} from column {block.left + 1} on: the table has {count}; "
            "add columns first"
        )
    for position in range(block.left, block.left + width):
        state.at(position)
    short = block.top + height - len(state.view)
    state.editable(state.view[block.top : block.top + height])
    if short > 0:
        step.add_rows(len(state.view), short)
    ids = step.state.view[block.top : block.top + height]
    for at in range(width):
        # Lines may be of different lengths: what a line does not have stays.
        rows = [row for row in range(height) if at % wide < len(cells[row % len(cells)])]
        texts = [cells[row % len(cells)][at % wide] for row in rows]
        step.write(step.state.at(block.left + at), ids[rows], texts)


def _pasted(state: State, block: Block, text: str) -> list[list[str]]:
    """Return the cells of a text, without the blank lines at its end.

    A line of several cells is none, whatever is in them. In one column a blank line may be a cell that was
    copied as well as nothing, and is taken as nothing: what is meant to be empty can be cleared. A first line
    stays, since one blank cell that was copied is that; and a block of just as many rows is not filled by
    fewer.
    """
    cells = read_cells(text)
    lines = len(cells)
    keeps_blanks = state.at(block.left).format.kind == "string"
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


def clear(step: Step, block: Block) -> None:
    """Make cells missing, but for keys and deleted rows."""
    state = step.state
    ids = state.view[max(block.top, 0) : block.bottom]
    ids = ids[~state.are_deleted(ids)]
    first = max(block.left, state.offset) if block.right - block.left > 1 else block.left
    for position in range(first, min(block.right, len(state.shown) + state.offset)):
        column = state.at(position)
        filled = np.array([bool(text) for text in column.texts(ids)], dtype=np.bool_)
        step.write(column, ids[filled], [""] * int(filled.sum()))


def insert(step: Step, at: int, count: int) -> None:
    """Add empty rows before one that is shown."""
    if not 0 <= at <= len(step.state.view):
        raise RefusedError(f"there is no row {at} to insert rows before")
    if count > 0:
        step.add_rows(at, count)


def duplicate(step: Step, start: int, stop: int) -> None:
    """Add copies of rows below the last of them."""
    of = _rows(step, start, stop)
    if len(of):
        step.add_rows(max(start, 0) + len(of), len(of), of)


def delete(step: Step, start: int, stop: int) -> None:
    """Mark rows that the store has as deleted; take others out."""
    ids, state = _rows(step, start, stop), step.state
    keyed = state.keyed(ids)
    step.mark(ids[keyed & ~state.are_deleted(ids)], True)
    step.remove_rows(ids[~keyed])


def restore(step: Step, start: int, stop: int) -> None:
    """Take back the marks of deleted rows."""
    ids = _rows(step, start, stop)
    step.mark(ids[step.state.are_deleted(ids)], False)


def append(step: Step, frame: pd.DataFrame) -> None:
    """Add the rows of a frame, as new ones, at the end; cells of columns that either has not are missing."""
    if not len(frame):
        return
    for name in frame.columns:
        if name not in step.state.by_name():
            dtype = frame[name].dtype
            reshaping.add(step, name, _with_gaps(dtype) if len(step.state.own) else dtype, "", None)
    ids = step.add_rows(len(step.state.view), len(frame))
    given = state_of(base_of(frame.reset_index(drop=True), {}))
    for other in given.columns:
        column = step.state.column(other.name)
        step.write(column, ids, other.texts_for(column.format, given.own))


def _with_gaps(dtype: Any) -> Any:
    """Return the dtype of a column that some rows have no value in."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
        return dtype
    return "boolean" if dtype.kind == "b" else str(dtype).replace("i", "I").replace("u", "U")


def _shown(state: State, row: int) -> int:
    if not 0 <= row < len(state.view):
        raise RefusedError(f"there is no row {row}; {counted(len(state.view), 'row')} are shown")
    return int(state.view[row])


def _rows(step: Step, start: int, stop: int) -> Ids:
    return step.state.view[max(start, 0) : max(stop, 0)]
