"""What a push would do: which rows become jobs, which cells change, what others have changed meanwhile."""

from __future__ import annotations

import itertools
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from torc_frames import templates
from torc_frames.edits import (
    Edits,
    Existing,
    changed_cells,
    check_drop,
    dropped_cells,
    look_up,
    near,
    refuse_deleted,
)
from torc_frames.errors import (
    ConflictError,
    InexactFloatWarning,
    Problem,
    RefusedError,
    shorten,
    warn,
)
from torc_frames.frame import recorded
from torc_frames.frame.flatten import Path, join, split
from torc_frames.frame.rows import EncodedFrame, encode_frame, records
from torc_frames.frame.types import objects
from torc_frames.frame.values import canonical, decode_data, plain
from torc_frames.records import NewJobs, Resources
from torc_frames.store.base import Store
from torc_frames.sweep.finishing import recipe_if_true
from torc_frames.table_files.foreign import Table, as_frame
from torc_frames.targets import (
    DependsOn,
    ResourceTable,
    Seen,
    Targets,
    identify,
    resource_list,
    what_was_seen,
)

__all__ = [
    "Cells",
    "OnConflict",
    "OnExists",
    "Options",
    "Prepared",
    "Steps",
    "decide",
    "match_rows",
    "names_of",
    "own_cells",
    "prepare",
    "whole_paths",
]

OnExists = Literal["skip", "error", "append", "update"]
OnConflict = Literal["error", "ours", "theirs"]

Cells = dict[Path, tuple[Any, Any]]
"""By path: what the store has, and what the table says."""


@dataclass(frozen=True, slots=True)
class Options:
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

    options: Options


@dataclass(slots=True)
class Steps:
    """What a push does, in a store that is as it was read."""

    job_keys: list[str | None]
    """By row: the job that the row is, None for one that will be made."""

    named: dict[str, int] = field(default_factory=dict)
    """The rows of jobs that the table names, by job key."""

    cells: dict[str, Cells] = field(default_factory=dict)
    """By job key: the cells that differ, those of conflicts included."""

    updates: dict[str, bytes] = field(default_factory=dict)
    """By record key: its new data."""

    additions: dict[str, bytes] = field(default_factory=dict)
    """By job key: data of an input record for a job that has none."""

    commands: dict[str, str] = field(default_factory=dict)
    """By job key: its new command."""

    conflicts: dict[str, list[str]] = field(default_factory=dict)
    """By job key: the records that were written since the table was pulled, and would be again."""

    changed: set[str] = field(default_factory=set)
    """The jobs of which something changes."""

    left: dict[str, list[str]] = field(default_factory=dict)
    """By job key: the records that stay as others have made them, though the table says otherwise."""

    jobs: NewJobs | None = None
    """What the new rows become, where it was shown."""

    @property
    def new(self) -> list[int]:
        """The rows that become jobs."""
        return [row for row, key in enumerate(self.job_keys) if key is None]

    def check(self) -> None:
        """Raise ConflictError if there are conflicts that nobody has decided."""
        if self.conflicts:
            keys = sorted({key for found in self.conflicts.values() for key in found}, key=_age)
            theirs = [f"{key} (job {', '.join(self._jobs_in_conflict(key))})" for key in keys]
            raise ConflictError(
                f"changed in the store since this table was pulled: user_data keys {shorten(theirs)}; see "
                "wf.plan(df).cells, and say on_conflict='ours' to overwrite or 'theirs' to keep them"
            )

    def _jobs_in_conflict(self, record_key: str) -> list[str]:
        return [job for job, found in self.conflicts.items() if record_key in found]


def prepare(store: Store, workflow_key: str, df: Table, options: Options) -> Prepared:
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


def decide(store: Store, prepared: Prepared, existing: Existing) -> Steps:
    """Return what is to be done in a store that has this already."""
    options = prepared.options
    refuse_deleted(options.delete, existing, prepared.targets)
    steps = Steps([*prepared.targets.find(existing.names)])
    steps.named = {key: row for row, key in enumerate(steps.job_keys) if key is not None}
    if steps.named or options.on_exists != "append":
        existing.check_readable()
    if steps.named:
        _decide_edits(store, steps, prepared, existing)
    if options.on_exists != "append":
        _find_rows(steps, prepared.lines, existing, options.on_exists)
    return steps


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


def names_of(prepared: Prepared, rows: list[int], existing: Existing) -> list[str]:
    """Return the names of new jobs, which these rows become."""
    template = prepared.options.name
    if template is None:
        free = (f"job_{n}" for n in itertools.count(len(existing.commands) + 1))
        return list(itertools.islice((name for name in free if name not in existing.names), len(rows)))
    names = templates.fill("name", template, prepared.frame.cells, rows, quoted=False)
    first: dict[str, int] = {}
    problems = [
        Problem(row, None, f"has the name {name!r}, which row {first[name]} has already")
        for row, name in zip(rows, names, strict=True)
        if first.setdefault(name, row) != row
    ]
    if problems:
        raise RefusedError(problems)
    return names


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


def _decide_edits(store: Store, steps: Steps, prepared: Prepared, existing: Existing) -> None:
    options, frame = prepared.options, prepared.frame
    if options.on_exists == "append":
        raise RefusedError(
            "on_exists='append' makes new jobs, but rows name jobs that exist: df.reset_index(drop=True)"
        )
    before, at = _as_stored(store, frame, options.drop, existing, steps.named)
    steps.cells = changed_cells(before, at, frame, steps.named)
    if options.drop:
        dropped = _dropped(before, at, steps.named, options.drop, frame, existing)
        both = {key: {**steps.cells.get(key, {}), **dropped.get(key, {})} for key in steps.named}
        steps.cells = {key: cells for key, cells in both.items() if cells}
    steps.updates = _edited(steps, steps.cells, frame, existing)
    steps.conflicts = _conflicts(steps, existing)
    kept = dict(steps.cells)
    if steps.conflicts and options.on_conflict == "theirs":
        kept = {key: cells for key, cells in kept.items() if key not in steps.conflicts}
        steps.left = steps.conflicts
        steps.cells = kept
        steps.updates = _edited(steps, kept, frame, existing)
    if options.on_conflict != "error":
        steps.conflicts = {}
    lines = prepared.lines
    steps.additions = {key: lines[row] for key, row in steps.named.items() if key not in existing.inputs}
    steps.changed = {*kept, *steps.additions}
    added = {key: _added_cells(frame, steps.named[key]) for key in steps.additions}
    steps.cells = {**steps.cells, **added}
    if options.command is not None:
        ours = {key: row for key, row in steps.named.items() if key not in steps.left}
        filled = templates.fill("command", options.command, frame.cells, list(ours.values()), quoted=True)
        commands = zip(ours, filled, strict=True)
        steps.commands = {key: text for key, text in commands if existing.commands[key] != text}
        steps.changed |= set(steps.commands)
    if options.on_exists == "error" and steps.changed:
        raise ConflictError(f"would change jobs that exist: {shorten(steps.changed)}")
    if options.command is None:
        _warn_of_commands(kept, existing, frame)


def _dropped(
    before: EncodedFrame,
    at: Mapping[str, int],
    named: Mapping[str, int],
    drop: Sequence[str],
    frame: EncodedFrame,
    existing: Existing,
) -> Mapping[str, Cells]:
    """Return the cells of columns that are dropped, and warn of columns that there are none of."""
    known = {*before.cells, *recorded.read(existing.metadata)}
    cells = dropped_cells(before, at, drop, named, existing, whole_paths(existing, frame))
    unknown = [repr(name) for name in drop if name not in known]
    if unknown:
        warn(f"drop: no job has a column {shorten(unknown)}")
    return cells


def whole_paths(existing: Existing, frame: EncodedFrame) -> frozenset[Path]:
    """Return where objects are values, in the store or in a table."""
    return recorded.whole_paths({**recorded.read(existing.metadata), **frame.specs})


def _added_cells(frame: EncodedFrame, row: int) -> Cells:
    values = {path: frame.cells[name][row] for name, path in frame.paths.items()}
    return {path: (None, value) for path, value in values.items() if value is not None}


def _as_stored(
    store: Store, frame: EncodedFrame, drop: Sequence[str], existing: Existing, named: Mapping[str, int]
) -> tuple[EncodedFrame, Mapping[str, int]]:
    """Return the columns of a table as a pull shows them now, and in which row each named job is.

    Those to drop come along, and those inside of objects of these names.
    """
    gone = [split(name) for name in drop]
    seen = existing.parameters(lambda name: name in frame.paths or any(near(name, path) for path in gone))
    # Of all jobs first: what the others hold decides on the dtypes of columns.
    seen = seen[seen.index.isin(named.keys())]
    before = encode_frame(seen.reset_index(drop=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)  # told of the table already
        _kept(store, before, records(before))
    return before, {key: row for row, key in enumerate(seen.index)}


def _edited(
    steps: Steps, cells: Mapping[str, Cells], frame: EncodedFrame, existing: Existing
) -> dict[str, bytes]:
    """Return the new data of the records that cells are in."""
    edits = Edits(existing, whole_paths(existing, frame))
    columns = set(frame.paths.values())
    for key, changes in cells.items():
        if key in existing.inputs:
            for path, (_, value) in changes.items():
                if path in columns:
                    edits.set(key, steps.named[key], path, value)
                else:
                    edits.remove(key, path)
    return edits.finish()


def _conflicts(steps: Steps, existing: Existing) -> dict[str, list[str]]:
    written = existing.newer.intersection(steps.updates)
    found = {key: [one for one in existing.inputs.get(key, ()) if one in written] for key in steps.cells}
    return {key: records for key, records in found.items() if records}


def _warn_of_commands(
    changes: Mapping[str, Mapping[Path, Any]], existing: Existing, frame: EncodedFrame
) -> None:
    ours = existing.metadata.get(recorded.KEY)
    template = ours.get("command") if isinstance(ours, dict) else None
    if not isinstance(template, str):
        return
    names = {join(path) for cells in changes.values() for path in cells}.intersection(frame.paths)
    used = {name for name in names if f"{{{name}" in template}
    if used:
        warn(
            f"jobs {shorten(changes)} keep their commands, which were made of {shorten(sorted(used))}: "
            f"push with command={template!r} to make them anew"
        )


def _find_rows(steps: Steps, lines: list[bytes], existing: Existing, on_exists: OnExists) -> None:
    """Find the job whose content each row has; two equal rows need two jobs."""
    rows = steps.new
    if not rows:
        return
    contents = {key: existing.content(key) for key in existing.inputs if key not in steps.named}
    found = match_rows(rows, lines, contents)
    if found and on_exists == "error":
        there = [f"row {row} (job {key})" for row, key in sorted(found.items())]
        raise ConflictError(f"exist already: {shorten(there)}")
    for row, key in found.items():
        steps.job_keys[row] = key


def match_rows(
    rows: list[int], lines: Sequence[bytes], contents: Mapping[str, Sequence[bytes]]
) -> dict[int, str]:
    """Return by row the job that has its content; each job is of one row.

    Parameters
    ----------
    rows : list of int
        Which of the lines to find.
    lines : sequence of bytes
        By row: its record, raw JSON.
    contents : mapping
        By job: what a row of the same content may look like.
    """
    found = _match(rows, lines.__getitem__, contents)
    taken = set(found.values())
    rest = [row for row in rows if row not in found]
    others = {
        key: [_canonical(raw) for raw in raws] for key, raws in contents.items() if rest and key not in taken
    }
    found.update(_match(rest, lambda row: _canonical(lines[row]), others))
    return found


def _match(
    rows: list[int],
    content: Callable[[int], bytes | str],
    contents: Mapping[str, Sequence[bytes | str]],
) -> dict[int, str]:
    jobs: dict[bytes | str, deque[str]] = defaultdict(deque)
    for key, forms in contents.items():
        for form in dict.fromkeys(forms):
            jobs[form].append(key)
    found: dict[int, str] = {}
    taken: set[str] = set()
    for row in rows if jobs else ():
        same = jobs.get(content(row), deque())
        while same and row not in found:
            key = same.popleft()
            if key not in taken:
                found[row] = key
                taken.add(key)
    return found


def _canonical(raw: bytes) -> str:
    return canonical(decode_data("", raw))


def _age(key: str) -> tuple[int, str]:
    return len(key), key
