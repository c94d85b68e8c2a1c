"""Changes of a sheet that can be taken back: each, done again, undoes itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from torc_frames.widgets.parameters.column import Ids, SheetColumn
    from torc_frames.widgets.parameters.rows import Rows, View
    from torc_frames.widgets.parameters.table import Table

__all__ = [
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

_OBJECT_BYTES = 100
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

    The positions are those that the rows have while they are there.
    """

    rows: Rows
    ids: Ids
    at: Ids
    shown: Ids
    """Which of the rows are shown: positions in `ids`."""

    shown_at: Ids
    present: bool = False

    def swap(self) -> None:
        """Add the rows, or take them out."""
        if self.present:
            self.rows.own = np.delete(self.rows.own, self.at)
            self.rows.view = np.delete(self.rows.view, self.shown_at)
        else:
            self.rows.own = _inserted(self.rows.own, self.at, self.ids)
            self.rows.view = _inserted(self.rows.view, self.shown_at, self.ids[self.shown])
        self.present = not self.present

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes + self.at.nbytes + self.shown.nbytes + self.shown_at.nbytes)


@dataclass(slots=True)
class DeletedPatch:
    """Rows of the store that are marked as deleted, or no longer."""

    rows: Rows
    ids: Ids

    def swap(self) -> None:
        """Turn the marks over."""
        self.rows.deleted[self.ids] ^= True

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes)


@dataclass(slots=True)
class ViewPatch:
    """Another order, or other rows that are shown."""

    rows: Rows
    view: View
    ids: Ids

    def swap(self) -> None:
        """Exchange what is shown."""
        self.view, self.rows.how = self.rows.how, self.view
        self.ids, self.rows.view = self.rows.view, self.ids

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        return int(self.ids.nbytes)


@dataclass(slots=True)
class ColumnsPatch:
    """Another list of columns."""

    table: Table
    columns: list[SheetColumn]

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

    def swap(self) -> None:
        """Exchange the names."""
        self.name, self.column.name = self.column.name, self.name
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


def _inserted(all_ids: Ids, at: Ids, ids: Sequence[int] | Ids) -> Ids:
    """Return ids with others among them, at the positions that these have then."""
    return np.insert(all_ids, at - np.arange(len(at)), ids)
