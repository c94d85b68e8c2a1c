"""Changes of a sheet that can be taken back: each, done again, undoes itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from torc_frames.errors import counted

if TYPE_CHECKING:
    from torc_frames.widgets.parameters.column import Ids, SheetColumn
    from torc_frames.widgets.parameters.rows import Rows, View
    from torc_frames.widgets.parameters.table import Table

__all__ = [
    "AT_END",
    "AT_TOP",
    "CellsPatch",
    "ColumnsPatch",
    "DeletedPatch",
    "History",
    "NamePatch",
    "Patch",
    "RowsPatch",
    "Step",
    "ViewPatch",
]

MOST_BYTES = 256 * 2**20
"""How much the steps to be undone may keep, the last one aside."""

AT_TOP, AT_END = -1, -2
"""What rows come after that come after no row."""

_OBJECT_BYTES = 100
_NONE = np.empty(0, dtype=np.int64)
_STEP_BYTES = 500


class Patch(Protocol):
    """A change that is either to be done, or done and to be undone."""

    def swap(self) -> None:
        """Do it, or undo it if it is done."""

    def weight(self) -> int:
        """Return about how many bytes it keeps."""


@dataclass(slots=True)
class CellsPatch:
    """Other cells of one column."""

    column: SheetColumn
    ids: Ids
    values: Any
    typed: dict[int, tuple[str, str]]
    blank: set[int]

    def swap(self) -> None:
        """Exchange what is here with what is in the column."""
        before = self.column.state(self.ids)
        self.column.set_state(self.ids, self.values, self.typed, self.blank)
        self.values, self.typed, self.blank = before

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        typed = sum(len(text) + len(reason) + _OBJECT_BYTES for text, reason in self.typed.values())
        return int(self.ids.nbytes) + _bytes(self.values) + typed


@dataclass(slots=True)
class RowsPatch:
    """Rows that come, or go.

    Each has the row that it comes after, or `AT_TOP` or `AT_END`: what is sorted, filtered or pulled
    meanwhile does not move it elsewhere.
    """

    rows: Rows
    ids: Ids
    after: Ids
    shown: Ids
    """Those of the rows that are shown."""

    shown_after: Ids
    adds: bool = True
    """Whether the step, when it is done, adds the rows."""

    present: bool = False

    def swap(self) -> None:
        """Add the rows, or take them out."""
        rows = self.rows
        if self.present:
            self.ids, self.after, rows.own = _taken_out(rows.own, self.ids)
            self.shown, self.shown_after, rows.view = _taken_out(rows.view, self.ids)
        else:
            rows.own = _put_in(rows.own, self.ids, self.after, rows.made)
            if rows.how.order is None:
                rows.view = rows.own[np.isin(rows.own, np.concatenate([rows.view, self.shown]))]
            else:
                rows.view = _put_in(rows.view, self.shown, self.shown_after, rows.made)
        self.present = not self.present

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes + self.after.nbytes + self.shown.nbytes + self.shown_after.nbytes)


@dataclass(slots=True)
class DeletedPatch:
    """Rows of the store that are marked as deleted, or no longer."""

    rows: Rows
    ids: Ids
    restores: bool = False
    """Whether the step, when it is done, takes the marks off."""

    def swap(self) -> None:
        """Turn the marks over."""
        self.rows.deleted[self.ids] ^= True

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes)


@dataclass(slots=True)
class ViewPatch:
    """What rows are sorted and chosen by, without a column that goes.

    It comes back with the column, unless they were sorted or chosen anew meanwhile.
    """

    rows: Rows
    here: View
    there: View

    def swap(self) -> None:
        """Exchange it."""
        if self.rows.how == self.here:
            self.rows.how = self.there
        self.here, self.there = self.there, self.here

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return 0


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
        return sum(_bytes(column.values) for column in self.columns if id(column.values) not in shared)


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


@dataclass(slots=True)
class Step:
    """What one call changed: what undo takes back at once."""

    patches: list[Patch] = field(default_factory=list)
    focus: tuple[int, str] | None = None
    """The row's id and the column's name to go to."""

    def do(self, patch: Patch) -> None:
        """Do one more thing, which belongs to this step."""
        patch.swap()
        self.patches.append(patch)

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return _STEP_BYTES + sum(patch.weight() for patch in self.patches)

    @property
    def told(self) -> str:
        """What was done, in words: "24 rows deleted"."""
        rows = [patch for patch in self.patches if isinstance(patch, RowsPatch)]
        marks = [patch for patch in self.patches if isinstance(patch, DeletedPatch)]
        added = np.concatenate([_NONE, *(patch.ids for patch in rows if patch.adds)])
        cells = {
            patch.column.name: int((~np.isin(patch.ids, added)).sum())
            for patch in self.patches
            if isinstance(patch, CellsPatch)
        }
        counts = {
            "added": len(added),
            "deleted": sum(len(patch.ids) for patch in rows if not patch.adds)
            + sum(len(patch.ids) for patch in marks if not patch.restores),
            "restored": sum(len(patch.ids) for patch in marks if patch.restores),
        }
        told = [patch.told for patch in self.patches if isinstance(patch, (ColumnsPatch, NamePatch))]
        told += [f"{counted(count, 'row')} {what}" for what, count in counts.items() if count]
        changed = {name: count for name, count in cells.items() if count}
        if changed:
            of = f"of {next(iter(changed))}" if len(changed) == 1 else f"in {len(changed)} columns"
            told.append(f"{counted(sum(changed.values()), 'cell')} {of} changed")
        return ", ".join(told) or "nothing that is there any more"

    @property
    def row_ids(self) -> Ids:
        """The rows that it is about; none if it is about columns."""
        kinds = (CellsPatch, RowsPatch, DeletedPatch)
        return np.concatenate([_NONE, *(patch.ids for patch in self.patches if isinstance(patch, kinds))])

    @property
    def columns(self) -> bool:
        """Whether the columns are others."""
        return any(isinstance(patch, (ColumnsPatch, NamePatch)) for patch in self.patches)

    def rows(self, view: Ids) -> tuple[int, int] | None:
        """Return the first and last of the rows shown that it changed, None if it changed which there are."""
        if not all(isinstance(patch, (CellsPatch, DeletedPatch)) for patch in self.patches):
            return None
        ids = np.concatenate([patch.ids for patch in self.patches])  # type: ignore[attr-defined]
        at = np.flatnonzero(np.isin(view, ids))
        return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)

    def undo(self) -> None:
        """Take everything back, the last first."""
        for patch in reversed(self.patches):
            patch.swap()

    def redo(self) -> None:
        """Do everything again."""
        for patch in self.patches:
            patch.swap()


@dataclass(slots=True)
class History:
    """The steps that can be undone, and those that can be done again.

    When all of them keep more than `MOST_BYTES`, the oldest are forgotten.
    """

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    _weights: list[int] = field(default_factory=list)

    def push(self, step: Step) -> None:
        """Add a step that was done."""
        self.undone.clear()
        self.done.append(step)
        self._weights.append(step.weight())
        while len(self._weights) > 1 and sum(self._weights) > MOST_BYTES:
            del self.done[0], self._weights[0]

    def undo(self) -> Step | None:
        """Take back the last step, and return it."""
        if not self.done:
            return None
        step = self.done.pop()
        self._weights.pop()
        step.undo()
        self.undone.append(step)
        return step

    def redo(self) -> Step | None:
        """Do again what was undone last, and return it."""
        if not self.undone:
            return None
        step = self.undone.pop()
        step.redo()
        self.done.append(step)
        self._weights.append(step.weight())
        return step

    def clear(self) -> None:
        """Forget all steps."""
        self.done.clear()
        self.undone.clear()
        self._weights.clear()


def _bytes(values: Any) -> int:
    if isinstance(values, pd.Categorical):
        return int(values.codes.nbytes)
    each = _OBJECT_BYTES if pd.api.types.is_object_dtype(values.dtype) else 0
    return int(values.nbytes) + each * len(values)


def _taken_out(all_ids: Ids, ids: Ids) -> tuple[Ids, Ids, Ids]:
    """Return those of some ids that are there, the one before each, and all the others."""
    here = np.isin(all_ids, ids)
    at = np.flatnonzero(here)
    before = np.concatenate([[AT_TOP], all_ids[:-1]]).astype(np.int64)
    return all_ids[at], before[at], all_ids[~here]


def _put_in(all_ids: Ids, ids: Ids, after: Ids, made: int) -> Ids:
    """Return ids with others among them, each after its own; where that is not there, at the end."""
    if not len(ids):
        return all_ids
    places = np.full(made + 2, len(all_ids) - 1, dtype=np.int64)
    places[all_ids] = np.arange(len(all_ids))
    places[AT_TOP] = -1
    at = places[after] + 1
    # Those that follow one another go to where the first of them goes.
    follows = np.concatenate([[False], after[1:] == ids[:-1]])
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(len(ids))))
    return np.insert(all_ids, at[first], ids)
