"""Edits and what others have changed in the store meanwhile, cell by cell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from torc_frames.frame.compare import differing, same, taken
from torc_frames.frame.dtypes import encode
from torc_frames.frame.encode import EncodedFrame
from torc_frames.widgets.parameters.column import SheetColumn, column_of
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.ids import Ids, among
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.numerals import quoted
from torc_frames.workflow.push.edits import GONE, ColumnEdits, merge, rows_in

__all__ = [
    "Before",
    "Cell",
    "CellConflict",
    "Waiting",
    "blocking",
    "conflicts",
    "decided",
    "waiting",
]

Cell = tuple[str, str]
"""A job key and a column; without a column the row as a whole, without a key the column as a whole."""

Waiting = dict[Cell, Any]
"""What cells were when they were edited that others have changed since; by job key and the store's column."""


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


class _Edits(NamedTuple):
    """The cells that were edited of one column of the store; JSON values."""

    kind: Literal["cells", "row", "column"]
    """Whether cells have other values, or are of rows that are deleted, or of a column that is dropped."""

    name: str
    source: str
    """What the store calls the column."""

    keys: list[str]
    before: list[Any]
    mine: list[Any]


class Before(msgspec.Struct):
    """What cells were when they were edited: kept with a draft, so that changes of others show later."""

    cells: dict[str, tuple[list[str], list[Any]]]
    """By column: job keys, and values."""

    rows: dict[str, dict[str, Any]]
    """Of rows that are deleted, by job key: what they were, by column."""

    dropped: dict[str, tuple[list[str], list[Any]]]
    """By column: job keys, and values."""

    @classmethod
    def of(cls, sheet: Sheet, waits: Waiting) -> Before:
        """Return what is to be kept of a sheet."""
        made = cls({}, {}, {})
        for edits in _edits(sheet, (), waits):
            if edits.kind == "row":
                for key, value in zip(edits.keys, edits.before, strict=True):
                    record = made.rows.setdefault(key, {})
                    if value is not None:
                        record[edits.source] = value
            else:
                where = made.cells if edits.kind == "cells" else made.dropped
                where[edits.name] = (edits.keys, edits.before)
        return made

    def known(self, edits: _Edits) -> list[Any]:
        """Return what cells were when they were edited; those that were not are as they were last."""
        last = zip(edits.keys, edits.before, strict=True)
        if edits.kind == "row":
            return [self.rows[key].get(edits.source) if key in self.rows else was for key, was in last]
        where = self.cells if edits.kind == "cells" else self.dropped
        if edits.name not in where:
            return edits.before
        known = dict(zip(*where[edits.name], strict=True))
        # Of a column that was dropped all jobs that there were are known.
        return [known.get(key, was if edits.kind == "cells" else None) for key, was in last]


def waiting(sheet: Sheet, theirs: pd.DataFrame, before: Before | Waiting) -> Waiting:
    """Return the edited cells that others have changed, to what is not here, by the rule of pushes.

    Parameters
    ----------
    sheet : Sheet
        Of what was pulled when cells were edited, or last.
    theirs : DataFrame
        What the store has.
    before : Before or mapping
        What cells were, of which that is known better.
    """
    with sheet.lock:
        arriving = set(theirs.columns).difference(sheet._state.base.names)
        found: Waiting = {}
        whole: list[_Edits] = []
        for edits in _edits(sheet, arriving, {} if isinstance(before, Before) else before, theirs):
            if isinstance(before, Before):
                edits = edits._replace(before=before.known(edits))
            now = _theirs(theirs, edits.source, edits.keys)
            after = [GONE] * len(edits.keys) if edits.kind != "cells" else edits.mine
            path = (edits.source,)
            encoded = EncodedFrame(len(now), {edits.source: path}, {}, {edits.source: [*now.values()]})
            at = {key: row for row, key in enumerate(now)}
            _, in_conflict = merge({path: ColumnEdits(edits.keys, edits.before, after)}, encoded, at, at)
            for (key, _), was in in_conflict.items():
                # Nobody misses what is missing in a column that goes.
                if edits.kind != "column" or now[key] is not None:
                    found[key, edits.source] = was
            if edits.kind == "row":
                whole.append(edits)
        changed = {key for key, _ in found}
        for edits in whole:  # a row that is deleted waits as a whole
            for key, was in zip(edits.keys, edits.before, strict=True):
                if key in changed and key in theirs.index:
                    found.setdefault((key, edits.source), was)
        return found


def conflicts(sheet: Sheet, waits: Waiting) -> list[CellConflict]:
    """Return the cells that wait as the edits are now: of what is deleted or dropped as rows and columns."""
    with sheet.lock:
        base = sheet._state.base
        rows: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        found: list[CellConflict] = []
        cells: list[CellConflict] = []
        gone = set(sheet._state.deleted_keys())
        for edits in _edits(sheet, (), {}, only={key for key, _ in waits}):
            listed = [place for place, key in enumerate(edits.keys) if (key, edits.source) in waits]
            keys = [edits.keys[place] for place in listed]
            now = _theirs(base.frame, edits.source, keys) if edits.source in base.stored else {}
            both = {key: (waits[key, edits.source], now.get(key)) for key in keys}
            other = {key: (was, their) for key, (was, their) in both.items() if not same(was, their)}
            if edits.kind == "row":
                for key, (was, their) in both.items():
                    record, new = rows.setdefault(key, ({}, {}))
                    record |= {} if was is None else {edits.source: was}
                    new |= {} if their is None else {edits.source: their}
            elif edits.kind == "column" and other:
                was, new = ({key: pair[n] for key, pair in other.items()} for n in (0, 1))
                found.append(CellConflict("", edits.name, was, new, None))
            elif edits.kind == "cells":
                for place in listed:
                    key, mine = edits.keys[place], edits.mine[place]
                    if key in other and key not in gone and not same(other[key][1], mine):
                        cells.append(CellConflict(key, edits.name, *other[key], mine))
        whole = [CellConflict(key, "", *both, None) for key, both in rows.items() if not same(*both)]
        return [*whole, *found, *cells]


def decided(sheet: Sheet, waits: Waiting, mine: Collection[Cell], theirs: Collection[Cell]) -> Waiting:
    """Return what waits still when cells, rows and columns are decided; the sheet takes what is theirs."""
    with sheet.lock:
        names = {column.name: column.origin or column.name for column in sheet._state.columns}
        chosen = {(key, names.get(name, name)) for key, name in (*mine, *theirs)}
        _revert(sheet, theirs)
        return {
            (key, name): was
            for (key, name), was in waits.items()
            if chosen.isdisjoint([(key, name), (key, ""), ("", name)])
        }


def blocking(sheet: Sheet) -> pd.DataFrame:
    """Return the problems of what would be written: those of new rows, and of cells that were edited."""
    with sheet.lock:
        problems, state = sheet.problems, sheet._state
        if not len(problems):
            return problems
        wanted = {*problems["job_key"].dropna()}
        found = [edits for edits in _edits(sheet, (), {}, only=wanted) if edits.kind == "cells"]
        edited = {edits.name: {*edits.keys} for edits in found}
        rows: set[str] = set().union(*edited.values())

        def counts(key: Any, row: Any, name: Any) -> bool:
            if pd.isna(row) or pd.isna(key):
                return True
            if pd.isna(name):
                return str(key) in rows
            # A text that came of another dtype is no edit, but will not do, either.
            unread = state.column(str(name)).unread
            return str(key) in edited.get(str(name), ()) or int(state.own[row]) in unread

        listed = problems[["job_key", "row", "column"]].itertuples(index=False)
        return problems[[counts(*each) for each in listed]]


def _edits(
    sheet: Sheet,
    arriving: Collection[str],
    waits: Waiting,
    theirs: pd.DataFrame | None = None,
    only: Collection[str] | None = None,
) -> Iterator[_Edits]:
    """Yield what of jobs is other than in the base of a sheet.

    Parameters
    ----------
    sheet : Sheet
    arriving : collection of str
        Columns that others have made since that was pulled: a column of this name is that one.
    waits : mapping
        What cells were, of those that wait.
    theirs : DataFrame, optional
        What the store has: columns and jobs that it has more are of deleted rows and dropped columns, too.
    only : collection of str, optional
        Job keys, where others are not asked for.
    """
    state = sheet._state
    base = state.base
    jobs = np.flatnonzero(base.known)
    if only is not None:
        jobs = np.array(sorted(base.ids[key] for key in only if key in base.ids), dtype=np.int64)
    origins = {column.origin for column in state.columns}
    used = set()
    for column in state.columns:
        source = column.origin
        if source is None and column.name in base.stored and column.name not in origins:
            source = column.name
        if column.name != source and column.name in arriving:
            source = None
        if source is not None:
            used.add(source)
        if column.format.spec is not None:
            ids = _edited(column, source, jobs)
            if len(ids):
                keys = [str(base.keys[id]) for id in ids.tolist()]
                name = source or column.name
                before = _before(state, source, ids, name, waits)
                yield _Edits("cells", column.name, name, keys, before, encode(column.series(ids))[0])
    kept = [name for name, series in base.stored.items() if Format.of(series[:0]).spec is not None]
    deleted = jobs[state.deleted[jobs]]
    if len(deleted):
        keys = [str(base.keys[id]) for id in deleted.tolist()]
        for name in [*kept, *arriving]:
            source = name if name in base.stored else None
            yield _Edits("row", "", name, keys, _before(state, source, deleted, name, waits), [])
    for name in kept:
        if name not in used:
            keys = [str(base.keys[id]) for id in jobs.tolist()]
            before = _before(state, name, jobs, name, waits)
            more = [] if theirs is None else [key for key in theirs.index.tolist() if key not in base.ids]
            yield _Edits("column", name, name, keys + more, before + [None] * len(more), [])


def _edited(column: SheetColumn, source: str | None, jobs: Ids) -> Ids:
    """Return the jobs whose cell is other than in a column of the base, or has a value if there is none."""
    if source is not None and source == column.origin:
        return column.edited[among(column.edited, jobs)]
    if source is None:
        there = ~column.series(jobs).isna().to_numpy() & ~np.isin(jobs, column.blank)
        return jobs[there]
    plain = column_of(column.base, column.name, source, column.format)
    other = differing(column.series(jobs), plain.series(jobs))
    texts = [column.unread.get(id) != plain.unread.get(id) for id in jobs.tolist()]
    return jobs[other | np.array(texts, dtype=np.bool_)]


def _before(state: State, source: str | None, ids: Ids, name: str, waits: Waiting) -> list[Any]:
    stored = None if source is None else state.base.stored[source]
    before: list[Any] = [None] * len(ids) if stored is None else encode(taken(stored, ids))[0]
    if not waits:
        return before
    keys = [str(state.base.keys[id]) for id in ids.tolist()]
    return [waits.get((key, name), was) for key, was in zip(keys, before, strict=True)]


def _theirs(frame: pd.DataFrame, name: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return what some jobs have in a column, of those that are there; JSON."""
    if name not in frame:
        return {}
    places = rows_in(frame.index, keys)
    at = np.flatnonzero(places >= 0)
    values = encode(taken(frame[name], places[at]))[0]
    return dict(zip([keys[place] for place in at.tolist()], values, strict=True))


def _revert(sheet: Sheet, cells: Iterable[Cell]) -> None:
    """Make cells, rows or columns what the base has; one step. Of a row all cells."""
    wanted: dict[str, list[str]] = {}
    for key, name in cells:
        wanted.setdefault(name, []).append(key)
    with sheet._step() as step:
        ids_of = step.state.base.ids
        rows = np.array([ids_of[key] for key in wanted.pop("", []) if key in ids_of], dtype=np.int64)
        if len(rows):
            step.mark(rows[step.state.are_deleted(rows)], False)
            for column in step.state.columns:
                step.put(column, column.reverted(rows), rows)
        for name, keys in wanted.items():
            if "" in keys:
                _bring_back(step, name)
            ids = np.array([ids_of[key] for key in keys if key in ids_of], dtype=np.int64)
            if len(ids) and name in step.state.by_name():
                column = step.state.column(name)
                step.put(column, column.reverted(ids), ids)


def _bring_back(step: Step, name: str) -> None:
    """Add a column again that was dropped, in place of another one that has its name."""
    state = step.state
    if name not in state.base.stored or any(column.origin == name for column in state.columns):
        return
    new = state.own[state.own >= len(state.base)]
    column = column_of(state.base, name, name).with_new(new)
    columns = [*(one for one in state.columns if one.name != name), column]
    step.change_columns(columns, f"column {quoted(name)} brought back")
