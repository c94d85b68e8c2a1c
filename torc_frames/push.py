"""Pushing a table: say what each row would do, then do it in bulk."""

from __future__ import annotations

import itertools
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import pandas as pd

from torc_frames import pull, templates
from torc_frames.advice import advise
from torc_frames.edits import Edits, Existing, changed_cells, look_up, read_existing
from torc_frames.errors import (
    ConflictError,
    InexactFloatWarning,
    Problem,
    RefusedError,
    TorcFramesWarning,
    UnavailableError,
    shorten,
)
from torc_frames.frame import recorded
from torc_frames.frame.flatten import Path, join
from torc_frames.frame.rows import EncodedFrame, encode_frame, records
from torc_frames.frame.shape import Shape, column_index, key_index
from torc_frames.frame.values import canonical, decode_data
from torc_frames.pointers import LARGE_BYTES, warn_if_large
from torc_frames.progress import progress
from torc_frames.records import INPUT, NewJobs
from torc_frames.store.base import RunnableStore, Store
from torc_frames.targets import (
    DependsOn,
    ResourceTable,
    Targets,
    dependencies,
    identify,
    resource_list,
    seen_rev,
)

__all__ = ["DependsOn", "OnExists", "ResourceTable", "push"]

OnExists = Literal["skip", "error", "append", "update"]

CHUNK = 200_000
"""How many jobs are added at once."""


@dataclass(slots=True)
class Plan:
    """What a push will do: which rows become jobs, which records and commands change."""

    job_keys: list[str | None]
    """By row: the job that the row is, None for one that will be made."""

    named: dict[str, int] = field(default_factory=dict)
    """The rows of jobs that the table names, by job key."""

    updates: dict[str, bytes] = field(default_factory=dict)
    """By record key: its new data."""

    additions: dict[str, bytes] = field(default_factory=dict)
    """By job key: data of an input record for a job that has none."""

    commands: dict[str, str] = field(default_factory=dict)
    """By job key: its new command."""

    changed: set[str] = field(default_factory=set)
    """The jobs of which something changes."""

    @property
    def new(self) -> list[int]:
        """The rows that become jobs."""
        return [row for row, key in enumerate(self.job_keys) if key is None]


def push(
    store: Store,
    workflow_key: str,
    df: pd.DataFrame,
    *,
    command: str | None,
    name: str | None,
    on_exists: OnExists,
    outputs: bool,
    resources: ResourceTable,
    depends_on: DependsOn,
    show_progress: bool,
) -> pd.DataFrame:
    """Make a job of each row, or update the jobs it names; see `Workflow.push`."""
    _check(df, on_exists)
    seen = seen_rev(df, store.url, workflow_key)
    params, targets = identify(df)
    frame = encode_frame(params)
    lines, differing = _kept(store, frame)
    needs = resource_list(resources, len(df))
    with store.transaction():
        with store.snapshot(workflow_key) as snap:
            existing = read_existing(snap, seen)
        waits = dependencies(depends_on, len(df), set(existing.commands))
        plan = _plan(store, workflow_key, targets, frame, lines, existing, on_exists, command)
        rows = plan.new
        jobs = NewJobs(
            names=_names(name, frame, rows, existing),
            commands=templates.fill("command", command or "", frame.cells, rows, quoted=True),
            inputs=[lines[row] for row in rows],
            outputs=outputs,
            depends_on=waits and [waits[row] for row in rows],
            resources=needs and [needs[row] for row in rows],
        )
        advise(
            store,
            workflow_key,
            existing,
            frame,
            plan.job_keys,
            plan.changed,
            named=plan.named,
            command=command,
            resources=needs,
        )
        _warn(plan, lines)
        _write(store, workflow_key, plan, _recorded(frame, plan, existing, command), existing)
        added = _add(store, workflow_key, jobs, show_progress)
        rev = store.get_workflow(workflow_key).rev
    for row, key in zip(rows, added, strict=True):
        plan.job_keys[row] = key
    pushed = _with_cells(params, differing).set_axis(key_index(plan.job_keys), axis=0)
    pushed = pushed.set_axis(column_index(frame.paths), axis=1)
    # What this table says is what the store has: its next push conflicts with later changes only.
    about = {"url": store.url, "workflow_key": workflow_key, "kind": "parameters", "rev": rev}
    pushed.attrs["torc"] = about | _counts(len(df), len(added), len(plan.changed))
    if seen is not None:
        df.attrs["torc"] = {**df.attrs["torc"], "rev": rev}
    return pushed


def _check(df: object, on_exists: str) -> None:
    if on_exists not in ("skip", "error", "append", "update"):
        raise RefusedError(f"on_exists={on_exists!r}: use 'skip', 'error', 'append' or 'update'")
    if not isinstance(df, pd.DataFrame):
        raise RefusedError(f"push takes a DataFrame, not a {type(df).__name__}")


def _counts(rows: int, added: int, changed: int) -> dict[str, int]:
    return {"added": added, "changed": changed, "unchanged": rows - added - changed}


def _kept(store: Store, frame: EncodedFrame) -> tuple[list[bytes], dict[str, dict[int, Any]]]:
    """Return the rows' records as the store keeps them, and by column the cells that this changed.

    Raises
    ------
    RefusedError
        For what the store can't keep; for categories it has to be exact.
    """
    lines = records(frame)
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


def _with_cells(table: pd.DataFrame, differing: Mapping[str, Mapping[int, Any]]) -> pd.DataFrame:
    """Return a table with some cells replaced, by column and row."""
    if not differing:
        return table
    table = table.copy()
    for name, cells in differing.items():
        values = table[name].array.copy()
        if pd.api.types.is_object_dtype(values.dtype):
            for row, value in cells.items():
                values[row] = value  # which may be a list
        else:
            values[list(cells)] = list(cells.values())
        table[name] = values
    return table


def _may_change(cells: list[Any]) -> bool:
    """Return whether a store may change some of the cells: only floats are."""
    return not {*map(type, cells)} <= {type(None), bool, int, str}


def _plan(
    store: Store,
    workflow_key: str,
    targets: Targets,
    frame: EncodedFrame,
    lines: list[bytes],
    existing: Existing,
    on_exists: OnExists,
    command: str | None,
) -> Plan:
    plan = Plan(targets.find(existing.names))
    plan.named = {key: row for row, key in enumerate(plan.job_keys) if key is not None}
    if plan.named:
        _plan_edits(store, workflow_key, plan, frame, lines, existing, on_exists, command)
    if on_exists != "append":
        _find_rows(plan, lines, existing, on_exists)
    return plan


def _recorded(frame: EncodedFrame, plan: Plan, existing: Existing, command: str | None) -> dict[str, Any]:
    """Return the patch of the metadata, {} if it stays as it is."""
    empty = {name for name, cells in frame.cells.items() if all(cell is None for cell in cells)}
    replaces = set(existing.inputs) <= set(plan.named)
    patch = recorded.merge(existing.metadata, frame.specs, empty=empty, replaces=replaces)
    if command is not None:
        patch[recorded.KEY]["command"] = command
    return patch if any(existing.metadata.get(key) != value for key, value in patch.items()) else {}


def _plan_edits(
    store: Store,
    workflow_key: str,
    plan: Plan,
    frame: EncodedFrame,
    lines: list[bytes],
    existing: Existing,
    on_exists: OnExists,
    command: str | None,
) -> None:
    if on_exists == "append":
        raise RefusedError(
            "on_exists='append' makes new jobs, but rows name jobs that exist: df.reset_index(drop=True)"
        )
    shape = Shape(usecols=lambda name: name in frame.paths)
    seen = pull.job_records(store, workflow_key, INPUT, None, "last", shape)
    before = encode_frame(seen.reset_index(drop=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)  # told of the table already
        _kept(store, before)
    at = {key: row for row, key in enumerate(seen.index)}
    changes = changed_cells(before, at, frame, plan.named)
    whole = recorded.whole_paths({**recorded.read(existing.metadata), **frame.specs})
    edits = Edits(existing, whole)
    for key, cells in changes.items():
        for path, value in cells.items():
            edits.set(key, plan.named[key], path, value)
    plan.updates = edits.finish()
    plan.additions = {key: lines[row] for key, row in plan.named.items() if key not in existing.inputs}
    plan.changed = {*changes, *plan.additions}
    if on_exists == "error" and plan.changed:
        raise ConflictError(f"would change jobs that exist: {shorten(plan.changed)}")
    conflicts = [key for key in plan.updates if key in existing.newer]
    if conflicts:
        theirs = [f"{key} (job {', '.join(existing.jobs_of[key])})" for key in conflicts]
        raise ConflictError(
            f"changed in the store since this table was pulled: user_data keys {shorten(theirs)}; pull "
            "again and repeat the edit, or df.attrs.clear() to overwrite"
        )
    if command is not None:
        filled = templates.fill("command", command, frame.cells, list(plan.named.values()), quoted=True)
        commands = zip(plan.named, filled, strict=True)
        plan.commands = {key: text for key, text in commands if existing.commands[key] != text}
        plan.changed |= set(plan.commands)
    else:
        _warn_of_commands(changes, existing)


def _warn_of_commands(changes: Mapping[str, Mapping[Path, Any]], existing: Existing) -> None:
    ours = existing.metadata.get(recorded.KEY)
    template = ours.get("command") if isinstance(ours, dict) else None
    if not isinstance(template, str):
        return
    used = {name for key in changes for name in map(join, changes[key]) if f"{{{name}" in template}
    if used:
        warnings.warn(
            f"jobs {shorten(changes)} keep their commands, which were made of {shorten(sorted(used))}: "
            f"push with command={template!r} to make them anew",
            TorcFramesWarning,
            stacklevel=6,
        )


def _find_rows(plan: Plan, lines: list[bytes], existing: Existing, on_exists: OnExists) -> None:
    """Find the job whose content each row has; two equal rows need two jobs."""
    rows = plan.new
    if not rows:
        return
    contents = {key: existing.content(key) for key in existing.inputs if key not in plan.named}
    found = _match(rows, lines.__getitem__, contents)
    taken = set(found.values())
    rest = [row for row in rows if row not in found]
    others = {
        key: [_canonical(raw) for raw in raws] for key, raws in contents.items() if rest and key not in taken
    }
    found.update(_match(rest, lambda row: _canonical(lines[row]), others))
    if found and on_exists == "error":
        there = [f"row {row} (job {key})" for row, key in sorted(found.items())]
        raise ConflictError(f"exist already: {shorten(there)}")
    for row, key in found.items():
        plan.job_keys[row] = key


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


def _names(template: str | None, frame: EncodedFrame, rows: list[int], existing: Existing) -> list[str]:
    if template is None:
        free = (f"job_{n}" for n in itertools.count(len(existing.commands) + 1))
        return list(itertools.islice((name for name in free if name not in existing.names), len(rows)))
    names = templates.fill("name", template, frame.cells, rows, quoted=False)
    first: dict[str, int] = {}
    problems = [
        Problem(row, None, f"has the name {name!r}, which row {first[name]} has already")
        for row, name in zip(rows, names, strict=True)
        if first.setdefault(name, row) != row
    ]
    if problems:
        raise RefusedError(problems)
    return names


def _warn(plan: Plan, lines: list[bytes]) -> None:
    if max(map(len, chain(lines, plan.additions.values(), plan.updates.values())), default=0) <= LARGE_BYTES:
        return
    sizes = [(f"row {row}", len(lines[row])) for row in plan.new]
    sizes += [(f"job {key}", len(raw)) for key, raw in plan.additions.items()]
    sizes += [(f"user_data key {key}", len(raw)) for key, raw in plan.updates.items()]
    warn_if_large(sizes, stacklevel=4)


def _write(store: Store, workflow_key: str, plan: Plan, patch: Mapping[str, Any], existing: Existing) -> None:
    if patch:
        store.merge_metadata(workflow_key, patch)
    if plan.commands:
        store.update_commands(workflow_key, list(plan.commands), list(plan.commands.values()))
    if plan.updates:
        revs = [existing.revs[key] for key in plan.updates]
        store.update_user_data(workflow_key, list(plan.updates), list(plan.updates.values()), revs=revs)
    if plan.additions:
        keys = list(plan.additions)
        store.add_user_data(workflow_key, list(plan.additions.values()), job_keys=keys, role=INPUT)


def _add(store: Store, workflow_key: str, jobs: NewJobs, show: bool) -> list[str]:
    keys: list[str] = []
    with progress(len(jobs), "push", show, unit="job") as bar:
        for start in range(0, len(jobs), CHUNK):
            part = slice(start, start + CHUNK)
            chunk = NewJobs(
                names=jobs.names[part],
                commands=jobs.commands[part],
                inputs=jobs.inputs[part],
                outputs=jobs.outputs,
                depends_on=jobs.depends_on and jobs.depends_on[part],
                resources=jobs.resources and jobs.resources[part],
            )
            try:
                keys += store.add_jobs(workflow_key, chunk).job_keys
            except UnavailableError as error:
                if not isinstance(store, RunnableStore):
                    there = f"{len(keys):,} of {len(jobs):,} new jobs are there for certain"
                    error.add_note(
                        f"{there}: push the same table again, which adds the others and doubles none"
                    )
                raise
            bar.update(len(chunk))
    return keys
