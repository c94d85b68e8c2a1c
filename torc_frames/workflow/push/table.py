"""The table to push, checked and encoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from torc_frames.errors import (
    Problem,
    RefusedError,
)
from torc_frames.files.foreign import Table, as_frame
from torc_frames.files.pointers import relative_to
from torc_frames.frame import recorded
from torc_frames.frame.dtypes import describe
from torc_frames.frame.encode import EncodedFrame, encode_frame, records
from torc_frames.frame.nested import look_up
from torc_frames.frame.specs import Spec
from torc_frames.frame.values import RefusalError, decode_data, plain
from torc_frames.store.base import Store
from torc_frames.store.records import Resources
from torc_frames.sweep.finishing import recipe_if_true
from torc_frames.workflow.push.edits import Base, Rows, base_of, edited_rows, own
from torc_frames.workflow.push.on import check_on
from torc_frames.workflow.push.records import check_drop
from torc_frames.workflow.push.resources import DependsOn, ResourceTable, resource_list
from torc_frames.workflow.push.targets import Targets, identify
from torc_frames.workflow.push.templates import fits, has_columns
from torc_frames.workflow.seen import Seen, what_was_seen

__all__ = ["OnConflict", "OnExists", "Prepared", "PushOptions", "kept", "own_cells", "prepare", "told_of"]

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
    on: tuple[str, ...] | None = None
    remember: bool = True
    """Whether command and name are for rows that come later, too, and earlier ones for these rows."""

    def remembered(self, metadata: Mapping[str, Any], cells: Mapping[str, Sequence[Any]]) -> dict[str, str]:
        """Return the templates of earlier pushes by which new rows become jobs: those that are not given.

        A name of columns that this table has not is that of other rows.
        """
        known = recorded.templates(metadata) if self.remember else {}
        if "name" in known and not fits(known["name"], cells):
            del known["name"]
        return {what: text for what, text in known.items() if getattr(self, what) is None}

    def to_remember(self) -> dict[str, str]:
        """Return the templates that are given; a name without a column is that of one job."""
        given = {what: getattr(self, what) for what in recorded.TEMPLATES if self.remember}
        if given.get("name") and not has_columns(given["name"]):
            del given["name"]
        return {what: text for what, text in given.items() if text is not None}

    @property
    def are_of_cells(self) -> bool:
        """Whether a push may do with the cells that were edited: all else is about every row."""
        plain = PushOptions(on=self.on, on_conflict=self.on_conflict, on_exists=self.on_exists)
        # A table of resources is equal to nothing.
        return self.resources is None and self == plain and self.on_exists in ("skip", "update")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table that was checked, before the store is read."""

    table: pd.DataFrame
    """As it was given."""

    rows: Rows | None
    """Of a table of jobs in which nothing but cells was edited those rows; all else is only about them."""

    whole: pd.DataFrame
    """The parameters of the whole table, as they were when it was prepared."""

    params: pd.DataFrame
    """Those of the rows that all else is about."""

    targets: Targets
    frame: EncodedFrame
    lines: list[bytes]
    """By row: its record as the store keeps it."""

    differing: dict[str, dict[int, Any]]
    """By column and row: the cells that this changed."""

    needs: Sequence[Resources] | None
    seen: Seen | None
    base: Base | None
    """What the table was when it was pulled."""

    recipe: dict[str, Any] | None
    """How the table was made, if it is as it was made."""

    options: PushOptions


def prepare(
    store: Store, workflow_key: str, df: Table, options: PushOptions, *, only_edits: bool = False
) -> Prepared:
    """Check a table, or where that will do what was edited of it; RefusedError with all that is wrong."""
    if options.on_exists not in ("skip", "error", "append", "update"):
        raise RefusedError(f"on_exists={options.on_exists!r}: use 'skip', 'error', 'append' or 'update'")
    if options.on_conflict not in ("error", "ours", "theirs"):
        raise RefusedError(f"on_conflict={options.on_conflict!r}: use 'error', 'ours' or 'theirs'")
    df = as_frame(df)
    seen = what_was_seen(df, store.url, workflow_key, by_columns=options.on is not None)
    base = None if seen is None else base_of(df)
    only_edits = only_edits and options.on is None and options.are_of_cells
    rows = edited_rows(df, base) if only_edits else None
    specs = {} if rows is None else _of_objects(df)
    with told_of(rows), relative_to(store.base):
        params, targets = identify(df if rows is None else df.iloc[rows])
        frame = encode_frame(params)
        if options.on is not None:
            check_on(options.on, options.on_exists, frame)
        check_drop(options.drop, frame.paths, targets.kind is not None or options.on is not None)
        lines = records(frame)
        recipe = recipe_if_true(df, frame.specs, lines) if rows is None else None
        lines, differing = kept(store, frame, lines)
    frame.specs.update(specs)
    needs = resource_list(options.resources, len(df))
    # Nobody changes these, whatever is done to the table until a plan of it is applied.
    params = own(params)
    whole = params if rows is None else own(df)
    return Prepared(
        df, rows, whole, params, targets, frame, lines, differing, needs, seen, base, recipe, options
    )


def _of_objects(df: pd.DataFrame) -> dict[str, Spec]:
    """Describe the columns of objects, of which that takes all rows."""
    specs, problems = {}, []
    for name, dtype in df.dtypes.items():
        if pd.api.types.is_object_dtype(dtype):
            try:
                specs[str(name)] = describe(df[name])
            except RefusalError as refusal:
                problems.append(Problem(None, str(name), str(refusal)))
    if problems:
        raise RefusedError(problems)
    return specs


@contextmanager
def told_of(rows: Rows | None) -> Iterator[None]:
    """Let errors tell rows by their places in the whole table."""
    try:
        yield
    except RefusedError as error:
        if rows is None:
            raise
        found = error.problems
        raise RefusedError(
            [one if one.row is None else one._replace(row=int(rows[one.row])) for one in found]
        ) from None


def own_cells(prepared: Prepared) -> Prepared:
    """Return a prepared table whose lists and objects are given to one caller only."""
    differing = {
        name: {row: plain(value) for row, value in cells.items()}
        for name, cells in prepared.differing.items()
    }
    return replace(prepared, whole=own(prepared.whole), differing=differing)


def kept(
    store: Store, frame: EncodedFrame, lines: list[bytes]
) -> tuple[list[bytes], dict[str, dict[int, Any]]]:
    """Return the rows' records as the store keeps them, and by column the cells that this changed.

    Raises
    ------
    RefusedError
        For what the store can't keep; for categories it has to be exact.
    """
    stored = store.kept(lines)
    problems = []
    differing: dict[str, dict[int, Any]] = {}
    rows = [row for row, line in enumerate(lines) if stored[row] != line]
    paths = {name: path for name, path in frame.paths.items() if rows and _may_change(frame.cells[name])}
    for row in rows:
        data = decode_data("", stored[row])
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
    return stored, differing


def _may_change(cells: list[Any]) -> bool:
    """Return whether a store may change some of the cells: only floats are."""
    return not {*map(type, cells)} <= {type(None), bool, int, str}
