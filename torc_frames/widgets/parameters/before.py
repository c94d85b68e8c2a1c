"""What edited cells were when they were edited: kept with a draft, so that changes of others show later."""

from __future__ import annotations

from typing import Any

import msgspec

from torc_frames.widgets.parameters.merging import Before as Known
from torc_frames.widgets.parameters.merging import Cell, Edited

__all__ = ["Before"]


class Before(msgspec.Struct):
    """JSON values of cells, rows and columns, as `torc_frames.widgets.parameters.merging.Edited` has them."""

    cells: dict[str, tuple[list[str], list[Any]]]
    """By column: job keys, and values."""

    rows: dict[str, dict[str, Any]]
    """Of rows that are deleted, by job key."""

    dropped: dict[str, tuple[list[str], list[Any]]]
    """By column: job keys, and values."""

    @classmethod
    def of(cls, edited: Edited, first: Known | None) -> Before:
        """Return what is to be kept of edits; where there is `first`, it tells what cells were."""
        cells = {}
        for name, column in edited.cells.items():
            source, both = column.origin or name, zip(column.keys, column.before, strict=True)
            values = [first((key, name), (key, source), was) for key, was in both] if first else column.before
            cells[name] = (column.keys, values)
        rows, dropped = edited.rows, edited.dropped
        if first:
            rows = {key: first((key, ""), (key, ""), record) for key, record in rows.items()}
            for name, (keys, values) in edited.dropped.items():
                known = first(("", name), ("", name), dict(zip(keys, values, strict=True)))
                dropped = {**dropped, name: ([*known], [*known.values()])}
        return cls(cells, rows, dropped)

    def by_cell(self) -> dict[Cell, Any]:
        """Return the same by cell."""
        found: dict[Cell, Any] = {(key, ""): record for key, record in self.rows.items()}
        for name, (keys, values) in self.cells.items():
            found.update(zip(((key, name) for key in keys), values, strict=True))
        for name, (keys, values) in self.dropped.items():
            found["", name] = dict(zip(keys, values, strict=True))
        return found

    def told(self) -> Known:
        """Return what tells the same of cells; others are as they were in the last frame."""
        known = self.by_cell()
        return lambda cell, _, last: known.get(cell, last)
