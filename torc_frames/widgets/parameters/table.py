"""The rows and columns of a sheet, over the frame that it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.encode import encode_frame
from torc_frames.frame.rules import Rule
from torc_frames.frame.shape import column_index, key_index
from torc_frames.widgets.parameters.column import Ids, SheetColumn, bytes_of
from torc_frames.widgets.parameters.rows import SheetRows
from torc_frames.widgets.table.cells import Format
from torc_frames.workflow.push.targets import KEYS, identify

__all__ = ["ColumnsPatch", "NamePatch", "Table", "check_names"]

_RESERVED = (*KEYS, "record_key")


class Table:
    """What a sheet holds: a base frame that stays as it is, and rows and columns that start as its.

    Parameters
    ----------
    base : DataFrame
        Indexed by job_key, or by a plain range.
    rules : mapping
        By column.

    Raises
    ------
    RefusedError
        For an index of another kind, for keys that come twice, for columns that can't be pushed and for rules
        that are none.
    """

    def __init__(self, base: pd.DataFrame, rules: Mapping[str, Rule]) -> None:
        if not isinstance(base, pd.DataFrame):
            raise RefusedError(f"a sheet is made of a DataFrame, not of a {type(base).__name__}")
        for name, rule in rules.items():
            if not isinstance(rule, Rule):
                raise RefusedError(f"rules of column {name!r} are a tf.Rule(…), not a {type(rule).__name__}")
        self.attrs = dict(base.attrs)
        self.base = base.copy()
        self.base.attrs = {}
        self.rules = dict(rules)
        keys = _keys(self.base)
        self.keyed = self.base.index.name == "job_key"
        check_names(list(self.base.columns))
        self.stored = {name: self.base[name].reset_index(drop=True) for name in self.base.columns}
        self.rows = SheetRows.of(keys)
        self.columns: list[SheetColumn] = []
        self.set_columns(
            [SheetColumn(name, one, Format.of(one), origin=name) for name, one in self.stored.items()]
        )

    def set_columns(self, columns: Sequence[SheetColumn]) -> None:
        """Put other columns in place of those there are."""
        self.columns = list(columns)
        for column in columns:
            column.grow(self.rows.made)
            column.attach(self.stored.get(column.name), self.rules.get(column.name))

    @property
    def offset(self) -> int:
        """How many columns of keys a grid shows before the others."""
        return int(self.keyed)

    @property
    def key_name(self) -> str | None:
        """The name of the column of keys, if there is one."""
        return "job_key" if self.keyed else None

    def by_name(self) -> dict[str, SheetColumn]:
        """Return the columns by name."""
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> SheetColumn:
        """Return a column; RefusedError if there is none of that name."""
        found = self.by_name().get(name)
        if found is None:
            raise RefusedError(f"there is no column {name!r}")
        return found

    def at(self, position: int) -> SheetColumn:
        """Return the column that a grid shows at a position, to edit it."""
        if self.keyed and position == 0:
            raise RefusedError("column 'job_key' is read-only: the store gives the keys")
        if not 0 <= position - self.offset < len(self.columns):
            raise RefusedError(f"there is no column {position}; there are {len(self.columns) + self.offset}")
        column = self.columns[position - self.offset]
        if column.format.spec is None:
            raise RefusedError(f"column {column.name!r} is read-only: {column.format.dtype} can't be kept")
        return column

    def editable(self, ids: Ids) -> Ids:
        """Return rows; RefusedError if one of them is marked as deleted."""
        marked = ids[self.rows.are_deleted(ids)]
        if len(marked):
            key = self.rows.key(int(marked[0]))
            raise RefusedError(f"the row of job {key} is deleted: restore it to edit it")
        return ids

    def alive(self, ids: Iterable[int]) -> Ids:
        """Return those of some rows that are there and not deleted."""
        listed = np.fromiter(ids, dtype=np.int64)
        if not len(listed):
            return listed
        listed = listed[listed < self.rows.made]
        listed = listed[self.rows.places(listed) >= 0]
        return listed[~self.rows.are_deleted(listed)]

    def complete(self) -> Ids:
        """Return the rows that are not deleted and have a value in every cell that must have one."""
        ids = self.rows.alive()
        blank = set().union(*(column.blank for column in self.columns))
        return ids[~np.isin(ids, list(blank))] if blank else ids

    def frame(self, ids: Ids) -> pd.DataFrame:
        """Return rows as a frame, indexed as the base is."""
        names = [column.name for column in self.columns]
        cells = {column.name: column.series(ids) for column in self.columns}
        frame = pd.DataFrame(cells, index=pd.RangeIndex(len(ids)), copy=False)
        same = names == list(self.base.columns)
        frame.columns = self.base.columns if same else column_index(names)
        if self.keyed:
            frame.index = self._index(ids)
        return frame

    def dropped(self) -> list[str]:
        """Return the columns of the base that are no longer there."""
        names = {column.name for column in self.columns}
        return [name for name in self.stored if name not in names]

    def _index(self, ids: Ids) -> pd.Index:
        if not len(ids) or ids.max() < self.rows.base:
            return self.base.index.take(ids)
        return key_index([self.rows.key(id) for id in ids.tolist()])


@dataclass(slots=True)
class ColumnsPatch:
    """Another list of columns."""

    table: Table
    columns: list[SheetColumn]
    told: str
    """What that is, in words."""

    def swap(self) -> None:
        """Exchange the columns."""
        before = self.table.columns
        self.table.set_columns(self.columns)
        self.columns = before

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        shared = {id(column.values) for column in self.table.columns}
        return sum(bytes_of(column.values) for column in self.columns if id(column.values) not in shared)


@dataclass(slots=True)
class NamePatch:
    """Another name of a column, the cells of which stay what they are."""

    table: Table
    column: SheetColumn
    name: str
    told: str

    def swap(self) -> None:
        """Exchange the names."""
        self.name, self.column.name = self.column.name, self.name
        self.table.rows.how = self.table.rows.how.renamed(self.name, self.column.name)
        self.table.set_columns(self.table.columns)

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return len(self.name)


def check_names(names: Sequence[Any]) -> None:
    """Refuse names of columns that a push would refuse."""
    reserved = [name for name in names if name in _RESERVED]
    if reserved:
        raise RefusedError(
            f"column {reserved[0]!r}: the name is taken for what the rows are; use another one"
        )
    encode_frame(pd.DataFrame([], columns=pd.Index(list(names), dtype=object)))


def _keys(base: pd.DataFrame) -> list[str | None]:
    bare = pd.DataFrame(index=base.index)
    _, targets = identify(bare)
    if targets.kind == "job_name":
        raise RefusedError("a sheet is of rows by job_key, not by job_name: use wf.parameters()")
    keys = targets.values
    twice = pd.Series([key for key in keys if key is not None], dtype=object)
    twice = twice[twice.duplicated()]
    if len(twice):
        raise RefusedError(f"job {twice.iloc[0]} comes twice in the index")
    return keys
