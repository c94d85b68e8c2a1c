"""Edits and what others have changed in the store meanwhile, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.frame.compare import differing, same
from torc_frames.frame.dtypes import encode
from torc_frames.widgets.parameters.applied import Taken
from torc_frames.widgets.parameters.column import CellsPatch, Ids, SheetColumn
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.sheet import Sheet
from torc_frames.widgets.parameters.state import as_pulled
from torc_frames.widgets.parameters.table import ColumnsPatch, Table
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.numerals import quoted

__all__ = [
    "Before",
    "Cell",
    "CellConflict",
    "Edited",
    "blocking",
    "changed_meanwhile",
    "covered",
    "edits",
    "edits_since",
    "has_moved",
    "revert",
    "shown",
    "store_names",
]

Cell = tuple[str, str]
"""A job key and a column; without a column the row as a whole, without a key the column as a whole."""

Before = Callable[[Cell, Cell, Any], Any]
"""Of a cell as it is named here and as the store names it, and of what it was in the last frame: what it was
when it was edited. Of a column as a whole an object by job key."""


class CellConflict(NamedTuple):
    """A cell that was edited here, and changed in the store since it was pulled.

    Attributes
    ----------
    job_key, column : str
        An empty column is the row as a whole, which is deleted here; an empty key is the column as a whole,
        which is dropped here.
    before, theirs, mine : object
        What it was when it was pulled, what the store has now, and what is in the table; JSON values. Of a
        row an object by column, of a column an object by job key with the cells that changed.
    """

    job_key: str
    column: str
    before: Any
    theirs: Any
    mine: Any


class ColumnChanges(NamedTuple):
    """The cells of a column that are other than before; JSON values."""

    origin: str | None
    """The column of the frame before, None if it was not there."""

    keys: list[str]
    before: list[Any]
    mine: list[Any]


class Edited(NamedTuple):
    """What of jobs is other than in a frame.

    Attributes
    ----------
    cells : dict
        By column, those that are dropped not among them.
    rows : dict
        The deleted ones: by job key what they were, JSON.
    dropped : dict
        By column the job keys, and what the column was; JSON.
    """

    cells: dict[str, ColumnChanges]
    rows: dict[str, dict[str, Any]]
    dropped: dict[str, tuple[list[str], list[Any]]]


class _Reference(NamedTuple):
    """What a sheet is compared with."""

    ids: Ids
    keys: Sequence[str | None]
    """The jobs that these rows are."""

    columns: Mapping[str, pd.Series]
    names: dict[object, str]
    """The columns of it that those of the sheet are, by token."""


def edits(sheet: Sheet, arriving: Collection[str] = (), only: Collection[str] | None = None) -> Edited:
    """Return what of jobs is other than in the frame that a sheet is of.

    Parameters
    ----------
    sheet : Sheet
    arriving : collection of str
        Columns that others have made since that frame was pulled: a column of this name is that one.
    only : collection of str, optional
        Job keys, where others are not asked for.
    """
    with sheet.lock:
        table = sheet._table
        origins = {column.token: column.origin for column in table.columns if column.origin is not None}
        named = {column.token: column.name for column in table.columns if column.origin is None}
        taken = set(origins.values())
        again = {token: name for token, name in named.items() if name in table.stored and name not in taken}
        ids = np.arange(table.rows.base, dtype=np.int64)
        keys: list[str | None] = table.rows.keys
        columns = table.stored
        if only is not None:
            ids = np.array([id for id in ids.tolist() if keys[id] in only], dtype=np.int64)
            keys = [keys[id] for id in ids.tolist()]
            columns = {name: series.take(ids) for name, series in columns.items()}
        names = {
            column.token: name
            for column in table.columns
            if (name := {**origins, **again}.get(column.token)) is not None
            and (column.name == name or column.name not in arriving)
        }
        return _compared(table, _Reference(ids, keys, columns, names))


def edits_since(sheet: Sheet, taken: Taken, keys: Sequence[str | None]) -> Edited:
    """Return what of jobs is other than in what was taken of a sheet, and is in the store by now.

    Parameters
    ----------
    sheet : Sheet
    taken : Taken
    keys : sequence
        The jobs that its rows have become.
    """
    with sheet.lock:
        columns = _columns_of(taken.frame.reset_index(drop=True))
        return _compared(sheet._table, _Reference(taken.ids, keys, columns, taken.names))


def _compared(table: Table, reference: _Reference) -> Edited:
    known = np.array([key is not None for key in reference.keys], dtype=np.bool_)
    here = np.flatnonzero(known & np.isin(reference.ids, table.rows.own))
    ids = reference.ids[here]
    keys = [str(reference.keys[at]) for at in here.tolist()]
    edited = Edited({}, {}, {})
    for column in table.columns:
        name = reference.names.get(column.token)
        stored = None if name is None else reference.columns[name].take(here)
        if column.format.spec is not None and len(ids):
            at, before = _differing(column, ids, stored)
            if len(at):
                listed = [keys[place] for place in at.tolist()]
                mine = encode(column.series(ids[at]))[0]
                edited.cells[column.name] = ColumnChanges(name, listed, before, mine)
    gone = np.flatnonzero(known & ~np.isin(reference.ids, table.rows.alive()))
    if len(gone):
        taken = {name: series.take(gone) for name, series in reference.columns.items()}
        edited.rows.update(_records([str(reference.keys[at]) for at in gone.tolist()], taken))
    used = {reference.names.get(column.token) for column in table.columns}
    for name, series in reference.columns.items():
        if name not in used and Format.of(series).spec is not None:
            edited.dropped[name] = (keys, encode(series.take(here))[0])
    return edited


def _differing(column: SheetColumn, ids: Ids, stored: pd.Series | None) -> tuple[Ids, list[Any]]:
    """Return where a column is other than what was stored, and what that was; None: it was not there."""
    if stored is None:
        there = ~column.series(ids).isna().to_numpy()
        there &= ~np.isin(ids, list(column.blank))
        at = np.flatnonzero(there)
        return at, [None] * len(at)
    plain = as_pulled(column, stored.reset_index(drop=True))
    mask = differing(column.values.take(ids), plain.values)
    if column.typed or plain.typed:
        texts = (column.typed.get(id) != plain.typed.get(at) for at, id in enumerate(ids.tolist()))
        mask = mask | np.fromiter(texts, dtype=np.bool_, count=len(ids))
    at = np.flatnonzero(mask)
    return at, encode(stored.take(at))[0]


def changed_meanwhile(
    edited: Edited, theirs: pd.DataFrame, before: Before
) -> Iterator[tuple[Cell, CellConflict]]:
    """Yield the edits of what is in the store neither as it was nor as it is here, by the store's names.

    Parameters
    ----------
    edited : Edited
    theirs : DataFrame
        What the store has.
    before : callable
    """
    for name, column in edited.cells.items():
        source = name if column.origin is None else column.origin
        if source not in theirs:
            continue
        at, now = _their(theirs[source], column.keys)
        for place, their in zip(at, now, strict=True):
            key, mine = column.keys[place], column.mine[place]
            was = before((key, name), (key, source), column.before[place])
            if not same(their, was) and not same(their, mine):
                yield (key, source), CellConflict(key, name, was, their, mine)
    there = [key for key in edited.rows if key in theirs.index]
    for key, record in _records(there, _columns_of(theirs.loc[there])).items():
        was = before((key, ""), (key, ""), edited.rows[key])
        if not same(record, was):
            yield (key, ""), CellConflict(key, "", was, record, None)
    for name, (keys, values) in edited.dropped.items():
        if name not in theirs:
            continue
        old = before(("", name), ("", name), dict(zip(keys, values, strict=True)))
        stored = zip(theirs.index.tolist(), encode(theirs[name])[0], strict=True)
        other = {
            key: (old.get(key), their)
            for key, their in stored
            if their is not None and not same(their, old.get(key))
        }
        if other:
            was, new = ({key: both[n] for key, both in other.items()} for n in (0, 1))
            yield ("", name), CellConflict("", name, was, new, None)


def has_moved(cells: pd.DataFrame, pulled: pd.DataFrame, names: Collection[str]) -> bool:
    """Return whether a plan's cells show that the store is no longer as it was pulled.

    Parameters
    ----------
    cells : DataFrame
        `torc_frames.workflow.push.plan.Plan.cells`.
    pulled : DataFrame
    names : collection of str
        The columns of the table that is planned.
    """
    for name, found in cells.groupby("column", sort=False):
        keys, stored = found["job_key"].tolist(), found["stored"].tolist()
        if name in pulled:
            at, known = _their(pulled[str(name)], keys)
            if len(at) < len(keys) or not all(map(same, stored, known)):
                return True
        elif name in names and any(value is not None for value in stored):
            return True
    return False


def covered(conflicts: Collection[Cell], cell: Cell) -> list[Cell]:
    """Return what waits for a decision in a cell, row or column, by the store's names."""
    key, name = cell
    if key and name:
        return [cell] if cell in conflicts else []
    return [each for each in conflicts if (each[0] == key if key else each[1] == name)]


def store_names(sheet: Sheet) -> dict[str, str]:
    """Return what the store calls the columns of a sheet."""
    with sheet.lock:
        return {column.name: column.origin or column.name for column in sheet._table.columns}


def shown(conflicts: Mapping[Cell, CellConflict], now: Edited) -> list[CellConflict]:
    """Return conflicts as the edits are now: of what is deleted or dropped since as of rows and columns.

    Parameters
    ----------
    conflicts : mapping
        By the store's names.
    now : Edited
    """
    found: list[CellConflict] = []
    for key in now.rows:
        cells = covered(conflicts, (key, ""))
        if (key, "") in conflicts:
            found.append(conflicts[key, ""])
        elif cells:
            was = {name: conflicts[key, name].before for _, name in cells}
            their = {name: conflicts[key, name].theirs for _, name in cells}
            found.append(CellConflict(key, "", was, their, None))
    for name in now.dropped:
        cells = [cell for cell in covered(conflicts, ("", name)) if cell[0]]
        whole = conflicts.get(("", name), CellConflict("", name, {}, {}, None))
        was = {**whole.before, **{key: conflicts[key, name].before for key, _ in cells}}
        their = {**whole.theirs, **{key: conflicts[key, name].theirs for key, _ in cells}}
        if their:
            found.append(CellConflict("", name, was, their, None))
    for name, column in now.cells.items():
        for key, mine in zip(column.keys, column.mine, strict=True):
            one = conflicts.get((key, column.origin or name))
            if one is not None and key not in now.rows:
                found.append(one._replace(column=name, mine=mine))
    return found


def _their(series: pd.Series, keys: list[str]) -> tuple[list[int], list[Any]]:
    """Return which of some jobs are there, and what they have in a column; JSON."""
    places = series.index.get_indexer(pd.Index(keys, dtype=object))
    at = np.flatnonzero(places >= 0)
    return at.tolist(), encode(series.take(places[at]))[0]


def _columns_of(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): series for name, series in frame.items()}


def _records(keys: list[str], columns: Mapping[str, pd.Series]) -> dict[str, dict[str, Any]]:
    """Return rows by their keys, missing cells left out; JSON."""
    found: dict[str, dict[str, Any]] = {key: {} for key in keys}
    for name, series in columns.items():
        if found and Format.of(series).spec is not None:
            for record, value in zip(found.values(), encode(series)[0], strict=True):
                if value is not None:
                    record[name] = value
    return found


def revert(sheet: Sheet, cells: Iterable[Cell]) -> None:
    """Make cells, rows or columns what the frame has that the sheet is of; one step.

    Of a row all cells; what is no longer there is passed over.
    """
    wanted: dict[str, list[str]] = {}
    for key, name in cells:
        wanted.setdefault(name, []).append(key)
    with sheet.lock, sheet._step() as step:
        table = sheet._table
        id_of = {key: id for id, key in enumerate(table.rows.keys) if key is not None}
        rows = np.array([id_of[key] for key in wanted.pop("", []) if key in id_of], dtype=np.int64)
        if len(rows):
            step.do(table.rows.marking(rows[table.rows.are_deleted(rows)]))
            for column in table.columns:
                _revert(table, step, column, rows)
        for name, keys in wanted.items():
            if "" in keys:
                _bring_back(table, step, name)
            ids = np.array([id_of[key] for key in keys if key in id_of], dtype=np.int64)
            if len(ids) and name in table.by_name():
                _revert(table, step, table.column(name), ids)


def _revert(table: Table, step: Step, column: SheetColumn, ids: Ids) -> None:
    stored = table.stored.get(column.name if column.origin is None else column.origin)
    if stored is None or column.format.spec is None:
        return
    plain = as_pulled(column, stored.take(ids).reset_index(drop=True))
    typed = {int(ids[at]): text for at, text in plain.typed.items()}
    step.do(CellsPatch(column, ids, plain.values, typed, {int(ids[at]) for at in plain.blank}))


def _bring_back(table: Table, step: Step, name: str) -> None:
    """Add a column again that was dropped, in place of another one that has its name."""
    if name not in table.stored or any(column.origin == name for column in table.columns):
        return
    stored = table.stored[name]
    column = SheetColumn(name, stored, Format.of(stored), origin=name)
    columns = [*(one for one in table.columns if one.name != name), column]
    step.do(ColumnsPatch(table, columns, f"column {quoted(name)} brought back"))
    new = np.arange(table.rows.base, table.rows.made, dtype=np.int64)
    if len(new):
        step.do(column.fill_new(new))


def blocking(sheet: Sheet) -> pd.DataFrame:
    """Return the problems of what would be written: those of new rows, and of cells that were edited."""
    with sheet.lock:
        problems = sheet.problems
        if not len(problems):
            return problems
        wanted = problems["job_key"].dropna().unique()
        edited = {name: {*column.keys} for name, column in edits(sheet, only={*wanted}).cells.items()}
        rows: set[str] = set().union(*edited.values())
        table = sheet._table
        own = table.rows.own

        def counts(key: Any, row: Any, name: Any) -> bool:
            if pd.isna(row) or pd.isna(key):
                return True
            if pd.isna(name):
                return str(key) in rows
            # A text that came of another dtype is no edit, but will not do, either.
            return str(key) in edited.get(str(name), ()) or int(own[row]) in table.column(str(name)).typed

        listed = problems[["job_key", "row", "column"]].itertuples(index=False)
        return problems[[counts(*each) for each in listed]]
