"""What a push would do: which rows become jobs, which cells change, what others have changed meanwhile."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from torc_frames.errors import (
    ConflictError,
    InexactFloatWarning,
    Problem,
    RefusedError,
    counted,
    shorten,
    warn,
)
from torc_frames.frame import recorded
from torc_frames.frame.encode import EncodedFrame, encode_frame, records
from torc_frames.frame.flatten import Path, job_column, job_path
from torc_frames.frame.joining import Shown
from torc_frames.frame.nested import put
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import encode_data
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.records import INPUT, NewJobs
from torc_frames.workflow.pull.tables import job_records
from torc_frames.workflow.push import templates
from torc_frames.workflow.push.edits import (
    GONE,
    UNKNOWN,
    Cells,
    ColumnEdits,
    before_of,
    edits_of,
    merge,
)
from torc_frames.workflow.push.on import find_on
from torc_frames.workflow.push.records import RecordEdits, dropped_cells, near
from torc_frames.workflow.push.stored import Existing, refuse_deleted
from torc_frames.workflow.push.table import OnExists, Prepared, kept
from torc_frames.workflow.push.targets import match_rows

__all__ = [
    "Steps",
    "advise",
    "commands_of",
    "decide",
    "jobs_by_columns",
    "names_of",
    "shown_cell",
    "told_remembered",
    "whole_paths",
]


_WIDTH = 80
_FRESH = "uninitialized"
_NEVER_RAN = (_FRESH, "blocked", "ready")


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

    conflicts: dict[tuple[str, Path], Any] = field(default_factory=dict)
    """By job key and path the cells that others have changed as well: what they were before."""

    changed: set[str] = field(default_factory=set)
    """The jobs of which something changes."""

    left: dict[tuple[str, Path], Any] = field(default_factory=dict)
    """The same of cells that stay as others have made them, though the table says otherwise."""

    jobs: NewJobs | None = None
    """What the new rows become, where it was shown."""

    remembered: dict[str, str] = field(default_factory=dict)
    """The command and name of earlier pushes by which they became that."""

    @property
    def new(self) -> list[int]:
        """The rows that become jobs."""
        return [row for row, key in enumerate(self.job_keys) if key is None]

    def check(self) -> None:
        """Raise ConflictError if there are conflicts that nobody has decided."""
        if self.conflicts:
            told = [
                f"{job_column(path)} of job {key} (there {shown_cell(self.cells[key][path][0])}, "
                f"here {shown_cell(self.cells[key][path][1])})"
                for key, path in sorted(self.conflicts, key=lambda cell: _age(cell[0]))
            ]
            unknown = any(before is UNKNOWN for before in self.conflicts.values())
            raise ConflictError(
                f"changed in the store since this table was pulled: {shorten(told)}; see wf.plan(df).cells, "
                "and say on_conflict='ours' to overwrite these cells or 'theirs' to keep them"
                + (". What was edited of this table is not known, so every cell counts" if unknown else "")
            )


def decide(store: Store, prepared: Prepared, existing: Existing) -> Steps:
    """Return what is to be done in a store that has this already."""
    options = prepared.options
    refuse_deleted(options.delete, existing, prepared.targets)
    steps = Steps([*prepared.targets.find(existing.keys)])
    if options.on is not None:
        existing.check_readable()
        stored, at = _as_stored(store, existing.parameters(options.on.__contains__, existing.jobs))
        steps.job_keys = find_on(options.on, prepared.frame, stored, at, steps.job_keys)
    steps.named = {key: row for row, key in enumerate(steps.job_keys) if key is not None}
    if steps.named or options.on_exists != "append":
        existing.check_readable()
    if steps.named:
        _decide_edits(store, steps, prepared, existing)
    if options.on_exists != "append" and options.on is None:
        _find_rows(steps, prepared.lines, existing, options.on_exists)
    return steps


def jobs_by_columns(store: Store, workflow_key: str, prepared: Prepared) -> list[str] | None:
    """Return the jobs of rows known by columns, of which these alone are read; None if a row is new."""
    on, seen = prepared.options.on or (), prepared.seen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cells that clash, which the push itself tells
        shape = Shape(usecols=on.__contains__)
        there = job_records(store, workflow_key, INPUT, None, seen.on_clash if seen else "names", shape)
    stored, at = _as_stored(store, there)
    named = prepared.targets.values if prepared.targets.kind == "job_key" else [None] * prepared.frame.length
    found = find_on(on, prepared.frame, stored, at, named)
    keys = [key for key in found if key is not None]
    return keys if len(keys) == len(found) else None


def commands_of(prepared: Prepared, steps: Steps) -> list[str]:
    """Return the commands of new jobs."""
    what, template = _template("command", prepared, steps)
    return templates.fill(what, template, prepared.frame.cells, steps.new, quoted=True)


def names_of(prepared: Prepared, steps: Steps, existing: Existing) -> list[str]:
    """Return the names of new jobs."""
    rows, (what, template) = steps.new, _template("name", prepared, steps)
    if not template:
        free = (f"job_{n}" for n in itertools.count(len(existing.jobs) + 1))
        return list(itertools.islice((name for name in free if name not in existing.keys), len(rows)))
    names = templates.fill(what, template, prepared.frame.cells, rows, quoted=False)
    by = f" by the {what}" if steps.remembered.get("name") else ""
    first: dict[str, int] = {}
    problems = [
        Problem(row, None, f"has the name {name!r}{by}, which row {first[name]} has already")
        for row, name in zip(rows, names, strict=True)
        if first.setdefault(name, row) != row
    ]
    if problems:
        raise RefusedError(problems)
    return names


def _template(what: str, prepared: Prepared, steps: Steps) -> tuple[str, str]:
    """Return what a template is called in messages, and the template."""
    if what in steps.remembered:
        return f"{what} that the workflow remembers ({what}= replaces it)", steps.remembered[what]
    return what, getattr(prepared.options, what) or ""


def _decide_edits(store: Store, steps: Steps, prepared: Prepared, existing: Existing) -> None:
    options, frame = prepared.options, prepared.frame
    if options.on_exists == "append":
        raise RefusedError(
            "on_exists='append' makes new jobs, but rows name jobs that exist: df.reset_index(drop=True)"
        )
    newer = {key for key in steps.named if not existing.newer.isdisjoint(existing.of_job.get(key, ()))}
    edits = edits_of(prepared.params, frame, steps.named, prepared.base)
    edited = {key for column in edits.values() for key in column.keys}
    # Commands are made of all cells, also of those that only others have changed.
    jobs = set(steps.named) if options.drop else edited | newer if options.command else edited
    existing.shown = _shown(prepared, existing, steps.named, jobs)
    gone = [job_path(name) for name in options.drop]
    theirs, at = _as_stored(
        store,
        existing.parameters(lambda name: name in frame.paths or any(near(name, path) for path in gone), jobs),
    )
    edits |= _dropped(theirs, at, steps.named, prepared, existing)
    bare = {key for key in edited if key not in existing.of_job}
    pulled = () if prepared.base is None else prepared.base.frame.index
    lost = {key for key in bare if key in pulled}
    cells, before = merge(edits, theirs, at, newer, lost)
    steps.cells = {key: cells[key] for key in steps.named if key in cells}
    if options.on_conflict == "error":
        steps.conflicts = before
    elif options.on_conflict == "theirs":
        steps.left = before
        steps.cells = _without(steps.cells, steps.left)
    if not steps.conflicts:
        steps.updates = _edited(steps, frame, existing)
    changes = dict(steps.cells)
    for key in (key for key in steps.named if key in bare - lost):
        steps.additions[key] = prepared.lines[steps.named[key]]
        steps.cells[key] = _added_cells(frame, steps.named[key])
    for key in (key for key in changes if key in lost):
        steps.additions[key] = _record_of(changes[key])
    steps.changed = {*changes, *steps.additions}
    if options.command is not None:
        merged = _merged_cells(steps, frame, theirs, at, newer)
        filled = templates.fill("command", options.command, merged, list(steps.named.values()), quoted=True)
        commands = zip(steps.named, filled, strict=True)
        steps.commands = {key: text for key, text in commands if existing.jobs[key].command != text}
        steps.changed |= set(steps.commands)
    if options.on_exists == "error" and steps.changed:
        raise ConflictError(f"would change jobs that exist: {shorten(steps.changed)}")
    if options.command is None:
        _warn_of_commands(changes, existing, frame)


def _without(cells: Mapping[str, Cells], left: Collection[tuple[str, Path]]) -> dict[str, Cells]:
    """Return cells by job without some, and without jobs that have none then."""
    mine = {
        key: {path: both for path, both in of.items() if (key, path) not in left} for key, of in cells.items()
    }
    return {key: of for key, of in mine.items() if of}


def _record_of(cells: Cells) -> bytes:
    """Return a record of the edited cells alone."""
    data: dict[str, Any] = {}
    for path, (_, value) in cells.items():
        if value is not None:
            put(data, path, value)
    return encode_data(data)


def _merged_cells(
    steps: Steps, frame: EncodedFrame, theirs: EncodedFrame, at: Mapping[str, int], newer: Collection[str]
) -> dict[str, list[Any]]:
    """Return the cells of a table as they will be: what was not edited is as others have made it."""
    if not newer:
        return frame.cells
    merged = {name: cells.copy() for name, cells in frame.cells.items()}
    for name, path in frame.paths.items():
        for key in newer:
            if key in at and path not in steps.cells.get(key, ()):
                stored = theirs.cells.get(name)
                merged[name][steps.named[key]] = None if stored is None else stored[at[key]]
    return merged


def _shown(
    prepared: Prepared, existing: Existing, named: Mapping[str, int], jobs: Collection[str]
) -> Mapping[str, Shown]:
    """Return what the table has of some jobs that have several records, and had when it was pulled."""
    frame, base = prepared.frame, prepared.base
    keys = [key for key in named if key in jobs and len(existing.of_job.get(key, ())) > 1]
    shown: dict[str, dict[Path, list[Any]]] = {key: {} for key in keys}
    pulled = () if base is None or not keys else map(str, base.frame)
    for name in dict.fromkeys([*frame.paths, *pulled] if keys else ()):
        path, cells = job_path(name), frame.cells.get(name)
        for key, before in zip(keys, before_of(base, name, keys), strict=True):
            now = None if cells is None else cells[named[key]]
            values = [value for value in (before, now) if value is not None and value is not UNKNOWN]
            if values:
                shown[key][path] = values
    return shown


def _dropped(
    theirs: EncodedFrame,
    at: Mapping[str, int],
    named: Mapping[str, int],
    prepared: Prepared,
    existing: Existing,
) -> dict[Path, ColumnEdits]:
    """Return the cells of columns that are dropped, as edits, and warn of columns that there are none of."""
    drop, base = prepared.options.drop, prepared.base
    if not drop:
        return {}
    known = {*theirs.cells, *recorded.read(existing.metadata)}
    keys = dropped_cells(theirs, at, drop, named, existing, whole_paths(existing, prepared.frame))
    unknown = [repr(name) for name in drop if name not in known]
    if unknown:
        warn(f"drop: no job has a column {shorten(unknown)}")
    return {
        job_path(name): ColumnEdits(of, before_of(base, name, of), [GONE] * len(of))
        for name, of in keys.items()
    }


def whole_paths(existing: Existing, frame: EncodedFrame) -> frozenset[Path]:
    """Return where objects are values, in the store or in a table."""
    return recorded.whole_paths({**recorded.read(existing.metadata), **frame.specs})


def _added_cells(frame: EncodedFrame, row: int) -> Cells:
    values = {path: frame.cells[name][row] for name, path in frame.paths.items()}
    return {path: (None, value) for path, value in values.items() if value is not None}


def _as_stored(store: Store, seen: pd.DataFrame) -> tuple[EncodedFrame, Mapping[str, int]]:
    """Return what a pull shows now as a table that is pushed is encoded, and in which row each job is."""
    stored = encode_frame(seen.reset_index(drop=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)  # told of the table already
        kept(store, stored, records(stored))
    return stored, {key: row for row, key in enumerate(seen.index)}


def _edited(steps: Steps, frame: EncodedFrame, existing: Existing) -> dict[str, bytes]:
    """Return the new data of the records that cells are in."""
    edits = RecordEdits(existing, whole_paths(existing, frame))
    columns = set(frame.paths.values())
    for key, changes in steps.cells.items():
        for path, (_, value) in changes.items() if key in existing.of_job else ():
            if path in columns:
                edits.set(key, steps.named[key], path, value)
            else:
                edits.remove(key, path)
    return edits.finish()


def _warn_of_commands(
    changes: Mapping[str, Mapping[Path, Any]], existing: Existing, frame: EncodedFrame
) -> None:
    template = recorded.templates(existing.metadata).get("command", "")
    names = {job_column(path) for cells in changes.values() for path in cells}.intersection(frame.paths)
    if used := templates.used_of(template, names):
        warn(
            f"jobs {shorten(changes)} keep their commands, which were made of {shorten(used)}: "
            f"push with command={template!r} to make them anew"
        )


def _find_rows(steps: Steps, lines: list[bytes], existing: Existing, on_exists: OnExists) -> None:
    """Find the job whose content each row has; two equal rows need two jobs."""
    rows = steps.new
    if not rows:
        return
    contents = {key: existing.content(key) for key in existing.of_job if key not in steps.named}
    found = match_rows(rows, lines, contents)
    if found and on_exists == "error":
        there = [f"row {row} (job {key})" for row, key in sorted(found.items())]
        raise ConflictError(f"exist already: {shorten(there)}")
    for row, key in found.items():
        steps.job_keys[row] = key


def advise(store: Store, workflow_key: str, prepared: Prepared, steps: Steps, existing: Existing) -> None:
    """Warn of jobs that exist and keep their commands or resources, and of what torc has to be told."""
    there = {key: row for row, key in enumerate(steps.job_keys) if key is not None}
    # Those that the table names by key get a new command where one is given.
    matched = [key for key in there if key not in steps.named]
    command, resources = prepared.options.command, prepared.needs
    if command is not None and matched:
        rows = [there[key] for key in matched]
        filled = templates.fill("command", command, prepared.frame.cells, rows, quoted=True)
        kept = [key for key, text in zip(matched, filled, strict=True) if existing.jobs[key].command != text]
        if kept:
            warn(
                f"{counted(len(kept), 'job')} of the same parameters had another command, and kept it: "
                "push wf.parameters(), or say on= (--on), with command= to change it"
            )
    if resources is not None:
        kept = [key for key, row in there.items() if existing.jobs[key].resources != resources[row]]
        if kept:
            warn(f"{counted(len(kept), 'job')} that exist kept their resources: those are for new jobs")
    if not isinstance(store, RunnableStore):
        _advise_of_torc(workflow_key, existing, len(steps.new), steps.changed)


def _advise_of_torc(workflow_key: str, existing: Existing, new: int, changed: set[str]) -> None:
    """Tell when torc starts jobs that were made or changed after the workflow was initialized."""
    ran = [key for key in changed if existing.jobs[key].status not in _NEVER_RAN]
    initialized = any(job.status != _FRESH for job in existing.jobs.values())
    what = [f"{counted(len(ran), 'job')} that changed"] if ran else []
    what += [f"{counted(new, 'new job')}"] if new and initialized else []
    if what:
        call, line = ("wf.run(rerun='changed')", " --rerun changed") if ran else ("wf.run()", "")
        until = "; until then the results are the old ones" if ran else ""
        warn(
            f"torc runs {' and '.join(what)} after `torc workflows reinit {workflow_key}` and "
            f"`torc run {workflow_key}`; {call}, or `torc-frames run{line}`, does both{until}"
        )


def shown_cell(value: object) -> str:
    """Return a cell in few words."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def told_remembered(remembered: Mapping[str, str], new: int) -> str:
    """Return what to say of templates that nobody gave this time, "" where there are none."""
    used = " and ".join(f"the {what} {shown_cell(text)}" for what, text in remembered.items())
    return used and f"{counted(new, 'new job')} with {used}, which the workflow remembers"


def _age(key: str) -> tuple[int, str]:
    return len(key), key
