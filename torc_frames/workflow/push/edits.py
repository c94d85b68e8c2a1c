"""What a user edited of a table, and what others made of the same cells meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import pandas as pd

from torc_frames.frame.column import objects
from torc_frames.frame.compare import differing, same, taken
from torc_frames.frame.dtypes import encode
from torc_frames.frame.encode import EncodedFrame
from torc_frames.frame.flatten import Path
from torc_frames.frame.values import plain

__all__ = [
    "GONE",
    "UNKNOWN",
    "Base",
    "Cells",
    "ColumnEdits",
    "base_of",
    "before_of",
    "edited_rows",
    "edits_of",
    "keep_base",
    "merge",
    "own",
    "rows_in",
    "same_dtype",
]

Rows = np.ndarray[Any, np.dtype[np.intp]]
"""Positions of rows."""

Cells = dict[Path, tuple[Any, Any]]
"""By path: what the store has, and what the table says."""


class _Mark(Enum):
    UNKNOWN = "what a cell was is not known"
    GONE = "a cell is to go, with what holds it"


UNKNOWN: Final = _Mark.UNKNOWN
GONE: Final = _Mark.GONE

_COPIES_ON_WRITE = int(pd.__version__.partition(".")[0]) >= 3


@dataclass(frozen=True, slots=True)
class Base:
    """A table of parameters as the store had it, when it was pulled or pushed.

    Attributes
    ----------
    frame : DataFrame
        Indexed by job_key.
    other : mapping
        By job key and column the cells that the store had otherwise than the frame; JSON values.
    """

    frame: pd.DataFrame
    other: Mapping[tuple[str, str], Any]


class _Token(str):
    """A text in a frame's attrs that brings its base along, as far as frames are copied in this process."""

    base: Base

    def __copy__(self) -> _Token:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Token:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def keep_base(frame: pd.DataFrame, other: Mapping[tuple[str, str], Any] | None = None) -> None:
    """Keep a table as it is now, to know later what was edited; see `Base` for `other`."""
    token = _Token(secrets.token_hex(8))
    token.base = Base(own(frame), dict(other or {}))
    frame.attrs["torc"] = {**frame.attrs["torc"], "base": token}


def base_of(frame: pd.DataFrame) -> Base | None:
    """Return what a table was when it was pulled; None where it came from a file or another process."""
    about = frame.attrs.get("torc")
    token = about.get("base") if isinstance(about, dict) else None
    return token.base if isinstance(token, _Token) else None


def own(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy that stays as it is, whatever is done to the frame; it shares what pandas lets it."""
    own = frame.copy(deep=not _COPIES_ON_WRITE)
    own.attrs = {}
    for at, dtype in enumerate(own.dtypes):
        if not isinstance(dtype, np.dtype):
            array: Any = own.iloc[:, at].copy(deep=True)  # theirs can be written to
            own.isetitem(at, array)
        if pd.api.types.is_object_dtype(dtype):
            values = own.iloc[:, at].tolist()
            if any(isinstance(value, (list, dict, np.ndarray)) for value in values):
                copied: Any = objects([_plain(value) for value in values]).set_axis(own.index)
                own.isetitem(at, copied)
    return own


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    return plain(value) if isinstance(value, (list, dict)) else value


@dataclass(frozen=True, slots=True)
class ColumnEdits:
    """The cells of one column that a user edited, as lists of one length; JSON values."""

    keys: Sequence[str]
    """Of jobs."""

    before: Sequence[Any]
    """What was pulled; UNKNOWN for a cell of which that is not known."""

    after: Sequence[Any]
    """What the table says; GONE for a cell of a column that is dropped."""


def edited_rows(table: pd.DataFrame, base: Base | None) -> Rows | None:
    """Return the rows of which something was edited, where cells are all that can have been.

    None where more may be other than in the base: which rows and columns there are, their order, dtypes.
    """
    if base is None:
        return None
    frame = base.frame
    if not (
        table.index.name == "job_key"
        and table.columns.equals(frame.columns)
        and all(map(same_dtype, table.dtypes, frame.dtypes))
        and table.index.equals(frame.index)
        # Of columns in the other byte order pandas takes no rows.
        and all(dtype.isnative for dtype in frame.dtypes if isinstance(dtype, np.dtype))
    ):
        return None
    mask = np.zeros(len(table), dtype=np.bool_)
    for name in frame.columns:
        mask |= differing(frame[name], table[name])
    if base.other:
        mask[rows_in(frame.index, [key for key, _ in base.other])] = True
    return np.flatnonzero(mask)


def edits_of(
    table: pd.DataFrame, encoded: EncodedFrame, named: Mapping[str, int], base: Base | None
) -> dict[Path, ColumnEdits]:
    """Return what of a table is other than in its base, by path.

    Parameters
    ----------
    table : DataFrame
    encoded : EncodedFrame
        The same cells as JSON.
    named : mapping
        By job key the row of it.
    base : Base or None
        Without one, all cells are edits. Of a job that it has not, too; of a column that it has not, those
        with a value.
    """
    keys, rows = [*named], np.fromiter(named.values(), dtype=np.intp, count=len(named))
    if base is None:
        unknown = [UNKNOWN] * len(keys)
        columns = {path: encoded.cells[name] for name, path in encoded.paths.items()}
        return {
            path: ColumnEdits(keys, unknown, [cells[row] for row in rows]) for path, cells in columns.items()
        }
    places = rows_in(base.frame.index, keys)
    known, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
    found = {}
    for name, path in encoded.paths.items():
        cells: dict[int, Any] = dict.fromkeys(new.tolist(), UNKNOWN)
        if name in base.frame.columns:
            old = base.frame[name]
            other = known[differing(taken(old, places[known]), taken(table[name], rows[known]))]
            cells |= dict(zip(other.tolist(), encode(taken(old, places[other]))[0], strict=True))
        else:
            cells |= {at: None for at in known.tolist() if encoded.cells[name][rows[at]] is not None}
        if base.other:
            left = ((at, (keys[at], name)) for at in known.tolist())
            cells |= {at: base.other[cell] for at, cell in left if cell in base.other}
        written = encoded.cells[name]
        cells = {at: old for at, old in cells.items() if old is UNKNOWN or not same(old, written[rows[at]])}
        if cells:
            after = [written[rows[at]] for at in cells]
            found[path] = ColumnEdits([keys[at] for at in cells], [*cells.values()], after)
    return found


def before_of(base: Base | None, name: str, keys: Sequence[str]) -> list[Any]:
    """Return what the cells of some jobs in a column were; UNKNOWN where the base does not say."""
    if base is None or name not in base.frame.columns:
        return [UNKNOWN] * len(keys)
    places = rows_in(base.frame.index, keys)
    there = np.flatnonzero(places >= 0)
    cells = dict(zip(there.tolist(), encode(taken(base.frame[name], places[there]))[0], strict=True))
    return [base.other.get((key, name), cells.get(at, UNKNOWN)) for at, key in enumerate(keys)]


def same_dtype(one: Any, other: Any) -> bool:
    """Return whether dtypes are recorded alike: pandas takes categories in any order for the same."""
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        return bool(one == other and one.categories.identical(other.categories))
    return bool(one == other)


def rows_in(index: pd.Index, keys: Sequence[str]) -> Rows:
    """Return where in an index of job keys some are, -1 for those that are not there."""
    wanted: Any = keys
    return np.asarray(index.get_indexer(pd.Index(wanted).astype(index.dtype)))


def merge(
    edits: Mapping[Path, ColumnEdits],
    theirs: EncodedFrame,
    at: Mapping[str, int],
    newer: Collection[str],
    lost: Collection[str] = (),
) -> tuple[dict[str, Cells], dict[tuple[str, Path], Any]]:
    """Bring edits together with what the store has now: the one rule of what is a conflict.

    A cell is written if it was edited and the store has it otherwise. It is in conflict if somebody else has
    changed it to another value since: the store has neither what it was nor what the table says.

    Parameters
    ----------
    edits : mapping
    theirs : EncodedFrame
        What the store has.
    at : mapping
        By job key the row of it; edits of jobs that are not there are left out.
    newer : collection of str
        The jobs whose records were written since the table was pulled: of others nothing is a conflict.
    lost : collection of str
        The jobs whose records were deleted since: all their cells are missing now.

    Returns
    -------
    cells : dict
        By job key: the edited cells that the store has otherwise, those in conflict among them.
    before : dict
        By job key and path of the cells in conflict: what they were when the table was pulled.
    """
    merged: dict[str, Cells] = {}
    in_conflict: dict[tuple[str, Path], Any] = {}
    names = {path: name for name, path in theirs.paths.items()}
    for path, column in edits.items():
        stored = theirs.cells[names[path]] if path in names else None
        for key, before, after in zip(column.keys, column.before, column.after, strict=True):
            row = at.get(key)
            if row is None and key not in lost:
                continue
            there = None if stored is None or row is None else stored[row]
            if after is not GONE and same(there, after):
                continue
            merged.setdefault(key, {})[path] = (there, None if after is GONE else after)
            if (key in newer or key in lost) and (before is UNKNOWN or not same(there, before)):
                in_conflict[key, path] = before
    return merged, in_conflict
