"""The table to push, checked and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from torc_frames.errors import (
    Problem,
    RefusedError,
)
from torc_frames.files.foreign import Table, as_frame
from torc_frames.frame.column import objects
from torc_frames.frame.encode import EncodedFrame, encode_frame, records
from torc_frames.frame.nested import look_up
from torc_frames.frame.values import decode_data, plain
from torc_frames.store.base import Store
from torc_frames.store.records import Resources
from torc_frames.sweep.finishing import recipe_if_true
from torc_frames.workflow.push.cells import check_drop
from torc_frames.workflow.push.resources import DependsOn, ResourceTable, resource_list
from torc_frames.workflow.push.targets import Targets, identify
from torc_frames.workflow.seen import Seen, what_was_seen

__all__ = ["OnConflict", "OnExists", "Prepared", "PushOptions", "own_cells", "prepare"]

OnExists = Literal["skip", "error", "append", "update"]


OnConflict = Literal["error", "ours", "theirs"]


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push; see `Workflow.push`."""

    command: str | None = None
    name: str | None = None
    on_exists: OnExists = "skip"
    on_conflict: OnConflict = "error"
    outputs: bool = False
    resources: ResourceTable = None
    depends_on: DependsOn = None
    drop: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table that was checked, before the store is read."""

    table: pd.DataFrame
    """As it was given."""

    params: pd.DataFrame
    """Its parameters alone."""

    targets: Targets
    frame: EncodedFrame
    lines: list[bytes]
    """By row: its record as the store keeps it."""

    differing: dict[str, dict[int, Any]]
    """By column and row: the cells that this changed."""

    needs: Sequence[Resources] | None
    seen: Seen | None
    recipe: dict[str, Any] | None
    """How the table was made, if it is as it was made."""

    options: PushOptions


def prepare(store: Store, workflow_key: str, df: Table, options: PushOptions) -> Prepared:
    """Check a table; RefusedError with all that is wrong with it."""
    if options.on_exists not in ("skip", "error", "append", "update"):
        raise RefusedError(f"on_exists={options.on_exists!r}: use 'skip', 'error', 'append' or 'update'")
    if options.on_conflict not in ("error", "ours", "theirs"):
        raise RefusedError(f"on_conflict={options.on_conflict!r}: use 'error', 'ours' or 'theirs'")
    df = as_frame(df)
    seen = what_was_seen(df, store.url, workflow_key)
    params, targets = identify(df)
    frame = encode_frame(params)
    check_drop(options.drop, frame.paths, targets.kind is not None)
    lines = records(frame)
    recipe = recipe_if_true(df, frame.specs, lines)
    lines, differing = _kept(store, frame, lines)
    needs = resource_list(options.resources, len(df))
    return Prepared(df, params, targets, frame, lines, differing, needs, seen, recipe, options)


def own_cells(prepared: Prepared) -> Prepared:
    """Return a prepared table whose lists and objects nobody else has, as the store gets them."""
    params = prepared.params.copy(deep=False)
    for name, column in params.items():
        values = column.tolist() if pd.api.types.is_object_dtype(column.dtype) else []
        if any(isinstance(value, (list, dict)) for value in values):
            cells = zip(values, prepared.frame.cells[str(name)], strict=True)
            own = [plain(cell) if isinstance(value, (list, dict)) else value for value, cell in cells]
            params[name] = objects(own)
    differing = {
        name: {row: plain(value) for row, value in cells.items()}
        for name, cells in prepared.differing.items()
    }
    return replace(prepared, params=params, differing=differing)


def _kept(
    store: Store, frame: EncodedFrame, lines: list[bytes]
) -> tuple[list[bytes], dict[str, dict[int, Any]]]:
    """Return the rows' records as the store keeps them, and by column the cells that this changed.

    Raises
    ------
    RefusedError
        For what the store can't keep; for categories it has to be exact.
    """
    kept = store.kept(lines)
    problems = []
    differing: dict[str, dict[int, Any]] = {}
    rows = [row for row, line in enumerate(lines) if kept[row] != line]
    paths = {name: path for name, path in frame.paths.items() if rows and _may_change(frame.cells[name])}
    for row in rows:
        data = decode_data("", kept[row])
        for name, path in paths.items():
            value, cells = look_up(data, path), frame.cells[name]
            if value == cells[row]:
                continue
            if frame.specs[name]["dtype"] == "category":
                reason = f"category {cells[row]} would come back as {value}: round the categories"
                problems.append(Problem(row, name, reason))
            cells[row] = differing.setdefault(name, {})[row] = value
    if problems:
        raise RefusedError(problems)
    return kept, differing


def _may_change(cells: list[Any]) -> bool:
    """Return whether a store may change some of the cells: only floats are."""
    return not {*map(type, cells)} <= {type(None), bool, int, str}
