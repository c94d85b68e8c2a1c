"""What of a sheet is written to the store: as it was taken, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.column import Ids, SheetColumn
from torc_frames.widgets.parameters.rows import SheetRows
from torc_frames.widgets.parameters.table import Table

__all__ = ["Applied", "Taken"]


class Taken(NamedTuple):
    """A sheet's value, and of what it is: what is given to a plan, and to `Sheet.rebase` afterwards."""

    frame: pd.DataFrame
    ids: Ids
    """The rows that it has."""

    deleted: list[str]
    """The jobs of rows that are marked as deleted."""

    names: dict[object, str]
    """The columns that it has, by their tokens."""

    table: Table

    @classmethod
    def of(cls, table: Table) -> Taken:
        """Return what a table amounts to."""
        ids = table.complete()
        frame = table.frame(ids)
        frame.attrs = dict(table.attrs)
        names = {column.token: column.name for column in table.columns}
        return cls(frame, ids, table.rows.deleted_keys(), names, table)


@dataclass(frozen=True)
class Applied:
    """What of a sheet was written to the store: its edits are none any more."""

    keys: dict[int, str] = field(default_factory=dict)
    """The jobs that new rows have become, by row."""

    taken: Taken | None = None
    """What was written wholly."""

    begun: Taken | None = None
    """What was written in part, or not at all."""

    wanted: frozenset[int] = frozenset()
    """Rows whose jobs were deleted, and which were restored meanwhile: they are new ones now."""

    @classmethod
    def of(
        cls, table: Table, now: pd.DataFrame, taken: Taken | None, keys: Sequence[str | None] | None
    ) -> Applied:
        """Return what was written; where the keys of new rows are not known, it was in part."""
        if taken is None:
            return cls()
        if taken.table is not table:
            raise RefusedError("what was taken is of another base than the sheet has now: take it anew")
        deleted = set(taken.deleted).difference(now.index)
        gone = [id for id, key in enumerate(table.rows.keys) if key in deleted]
        wanted = frozenset(id for id in gone if not table.rows.deleted[id])
        if keys is None:
            return cls(begun=taken, wanted=wanted)
        if len(keys) != len(taken.ids):
            raise RefusedError(f"{len(keys)} keys for {len(taken.ids)} rows that were taken")
        pairs = zip(taken.ids.tolist(), keys, strict=True)
        jobs = {id: key for id, key in pairs if key is not None and table.rows.key(id) is None}
        return cls(jobs, taken, wanted=wanted)

    def name(self, column: SheetColumn) -> str | None:
        """Return the name under which a column was written wholly."""
        return None if self.taken is None else self.taken.names.get(column.token)

    def removed(self, rows: SheetRows) -> list[int]:
        """Return the new rows that are no longer in the sheet, and have, or may have, become jobs."""
        written = np.array([*self.keys], dtype=np.int64) if self.begun is None else self.begun.ids
        new = written[written >= rows.base]
        gone: list[int] = new[~np.isin(new, rows.own)].tolist()
        return gone
