"""New rows that have become jobs without our knowing: found by their content."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pandas as pd

from torc_frames.frame.encode import encode_frame, records
from torc_frames.widgets.parameters.column import Ids
from torc_frames.widgets.parameters.edits import SheetEdits
from torc_frames.widgets.parameters.table import Table
from torc_frames.workflow.push.targets import match_rows

__all__ = ["lines_of", "with_jobs"]


def lines_of(frame: pd.DataFrame) -> list[bytes]:
    """Return each row as the JSON of the record that a push makes of it."""
    return records(encode_frame(frame.reset_index(drop=True)))


def with_jobs(table: Table, ids: Sequence[int | None], edits: SheetEdits) -> SheetEdits:
    """Return edits in which new rows are the jobs that they have become.

    Parameters
    ----------
    table : Table
        With the edits on it.
    ids : sequence
        Its rows that the edits speak of.
    """
    found = _found(table, ids, edits)
    # Those that were taken out while they were written are not to come back.
    gone = {row for row, _ in edits.new if row in edits.deleted and row not in found}
    if not found and not gone:
        return edits
    rows = [("key", found[row]) if row in found else each for row, each in enumerate(edits.rows)]
    new = [(row, after) for row, after in edits.new if row not in found and row not in gone]
    return msgspec.structs.replace(edits, rows=rows, new=new)


def _found(table: Table, ids: Sequence[int | None], edits: SheetEdits) -> dict[int, str]:
    """Return the jobs that rows have become, by their number: none that the edits knew already."""
    known = {*(edits.known or ()), *(str(what) for kind, what in edits.rows if kind == "key")}
    arrived = np.array(
        [id for id, key in enumerate(table.rows.keys) if key is not None and key not in known], dtype=np.int64
    )
    if edits.known is None or not len(arrived):
        return {}
    if any(column.format.spec is None for column in table.columns):
        return {}  # nothing of this table can have been written
    lines = {row: line.encode() for row, line in edits.begun}
    complete = set(table.complete().tolist())
    rows = [row for row, _ in edits.new if row not in lines and ids[row] in complete]
    frame = _rows(table, np.array([ids[row] for row in rows], dtype=np.int64))
    filled = frame.notna().any(axis=1).tolist()
    now = zip(rows, lines_of(frame), filled, strict=True)
    lines |= {row: line for row, line, any_value in now if any_value}
    keys = [str(table.rows.key(id)) for id in arrived.tolist()]
    stored = table.base.take(arrived)
    contents = {key: [line] for key, line in zip(keys, lines_of(stored), strict=True)}
    found = match_rows(list(range(len(lines))), list(lines.values()), contents)
    numbers = list(lines)
    return {numbers[at]: key for at, key in found.items()}


def _rows(table: Table, ids: Ids) -> pd.DataFrame:
    return pd.DataFrame({column.name: column.series(ids) for column in table.columns})
