"""Edits and what others have changed in the store meanwhile, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.frame.dtypes import encode
from torc_frames.frame.values import canonical
from torc_frames.widgets.parameters.patches import CellsPatch
from torc_frames.widgets.parameters.sheet import Sheet

__all__ = ["Cell", "Conflict", "Edit", "blocking", "changed_meanwhile", "edits", "revert"]

Cell = tuple[str, str]
"""A job key and a column; an empty column is the row as a whole, which is deleted."""


class Edit(NamedTuple):
    """A cell of a job that is other than in the store, or a row that is deleted; JSON values."""

    job_key: str
    column: str
    before: Any
    mine: Any


class Conflict(NamedTuple):
    """A cell that was edited here, and changed in the store since it was pulled.

    Attributes
    ----------
    job_key, column : str
        An empty column is the row as a whole, which is deleted here.
    before, theirs, mine : object
        What it was when it was pulled, what the store has now, and what is in the table; JSON values.
    """

    job_key: str
    column: str
    before: Any
    theirs: Any
    mine: Any


def edits(sheet: Sheet) -> dict[Cell, Edit]:
    """Return the cells of jobs that are not as in the frame that the sheet is of, and the deleted rows."""
    with sheet.lock:
        table = sheet._table
        ids = table.rows.alive()
        ids = ids[table.rows.keyed(ids)]
        found: dict[Cell, Edit] = {}
        for column in table.columns:
            if column.name not in table.stored or column.format.spec is None:
                continue
            changed = ids[column.changed(ids)]
            if not len(changed):
                continue
            before = encode(table.stored[column.name].take(changed))[0]
            mine = encode(column.series(changed))[0]
            for id, old, new in zip(changed.tolist(), before, mine, strict=True):
                key = str(table.rows.key(id))
                found[key, column.name] = Edit(key, column.name, old, new)
        for key in sheet.deleted_keys:
            found[key, ""] = Edit(key, "", record(table.base, key), None)
        return found


def changed_meanwhile(edited: Mapping[Cell, Edit], theirs: pd.DataFrame) -> Iterable[Conflict]:
    """Yield the edits of what is in the store neither as it was nor as it is here."""
    places = {key: at for at, key in enumerate(theirs.index.tolist())}
    columns: dict[str, list[Any]] = {}
    for edit in edited.values():
        if edit.job_key not in places:
            continue
        if not edit.column:
            their = record(theirs, edit.job_key)
        else:
            if edit.column not in columns:
                there = edit.column in theirs
                columns[edit.column] = encode(theirs[edit.column])[0] if there else [None] * len(theirs)
            their = columns[edit.column][places[edit.job_key]]
        same_as_mine = bool(edit.column) and canonical(their) == canonical(edit.mine)
        if canonical(their) != canonical(edit.before) and not same_as_mine:
            yield Conflict(edit.job_key, edit.column, edit.before, their, edit.mine)


def revert(sheet: Sheet, cells: Iterable[Cell]) -> None:
    """Make cells, or rows, what the frame has that the sheet is of; one step."""
    wanted: dict[str, list[str]] = {}
    for key, name in cells:
        wanted.setdefault(name, []).append(key)
    with sheet.lock, sheet._step() as step:
        table = sheet._table
        id_of = {key: id for id, key in enumerate(table.rows.keys) if key is not None}
        for name, keys in wanted.items():
            ids = np.array([id_of[key] for key in keys if key in id_of], dtype=np.int64)
            if not name:
                step.do(table.rows.marking(ids[table.rows.are_deleted(ids)]))
            elif len(ids):
                column, stored = table.column(name), table.stored[name]
                if column.format.dtype == stored.dtype:  # even what breaks a rule
                    step.do(CellsPatch(column, ids, stored.take(ids).array, {}, set()))
                else:
                    step.do(column.write(ids, column.format.texts(stored.take(ids))))


def blocking(sheet: Sheet) -> pd.DataFrame:
    """Return the problems of what would be written: those of new rows, and of cells that were edited."""
    with sheet.lock:
        problems = sheet.problems
        if not len(problems):
            return problems
        table = sheet._table
        own = table.rows.own
        edited = {(edit.job_key, edit.column) for edit in edits(sheet).values()}
        rows = {key for key, _ in edited}

        def counts(key: Any, row: Any, name: Any) -> bool:
            if pd.isna(row) or pd.isna(key):
                return True
            if pd.isna(name):
                return str(key) in rows
            return (str(key), str(name)) in edited or int(own[row]) in table.column(str(name)).typed

        listed = problems[["job_key", "row", "column"]].itertuples(index=False)
        return problems[[counts(*each) for each in listed]]


def record(frame: pd.DataFrame, key: str) -> dict[str, Any]:
    """Return the row of a job, its missing cells left out."""
    row = frame.loc[[key]]
    return {str(name): value for name in row for value in encode(row[name])[0] if value is not None}
