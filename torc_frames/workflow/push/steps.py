"""What a push would do: which rows become jobs, which cells change, what others have changed meanwhile."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torc_frames.errors import (
    ConflictError,
    InexactFloatWarning,
    Problem,
    RefusedError,
    shorten,
    warn,
)
from torc_frames.frame import recorded
from torc_frames.frame.encode import EncodedFrame, encode_frame, records
from torc_frames.frame.flatten import Path, join, split
from torc_frames.store.base import Store
from torc_frames.store.records import NewJobs
from torc_frames.workflow.push import templates
from torc_frames.workflow.push.cells import changed_cells, dropped_cells, near
from torc_frames.workflow.push.matching import match_rows
from torc_frames.workflow.push.records import RecordEdits
from torc_frames.workflow.push.stored import Existing, refuse_deleted
from torc_frames.workflow.push.table import OnExists, Prepared, _kept

__all__ = ["Cells", "Steps", "decide", "names_of", "whole_paths"]


Cells = dict[Path, tuple[Any, Any]]
"""By path: what the store has, and what the table says."""


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
    edits = RecordEdits(existing, whole_paths(existing, frame))
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


def _age(key: str) -> tuple[int, str]:
    return len(key), key
