"""Steps of a sheet that can be taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from torc_frames.errors import counted
from torc_frames.widgets.parameters.column import CellsPatch, Ids
from torc_frames.widgets.parameters.rows import DeletedPatch, RowsPatch
from torc_frames.widgets.parameters.table import ColumnsPatch, NamePatch

__all__ = ["History", "Step"]

MOST_BYTES = 256 * 2**20
"""How much the steps to be undone may keep, the last one aside."""

_NONE = np.empty(0, dtype=np.int64)
_STEP_BYTES = 500


class Patch(Protocol):
    """A change that is either to be done, or done and to be undone."""

    def swap(self) -> None:
        """Do it, or undo it if it is done."""

    def weight(self) -> int:
        """Return about how many bytes it keeps."""


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
