"""Pushing a table: say what each row would do, then do it in bulk."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from torc_frames import pull, templates
from torc_frames.errors import ConflictError, Problem, RefusedError, shorten
from torc_frames.frame import recorded
from torc_frames.frame.flatten import DATA, Path, set_path
from torc_frames.frame.rows import EncodedFrame, encode_frame, records
from torc_frames.frame.shape import Shape, column_index, key_index
from torc_frames.frame.values import canonical, decode_data, encode_data
from torc_frames.pointers import warn_if_large
from torc_frames.progress import progress
from torc_frames.records import INPUT, NewJobs
from torc_frames.store.base import Snapshot, Store
from torc_frames.targets import DependsOn, ResourceTable, dependencies, identify, resource_list

__all__ = ["DependsOn", "OnExists", "ResourceTable", "push"]

OnExists = Literal["skip", "error", "append", "update"]

CHUNK = 50_000
"""How many jobs are added at once."""


@dataclass(slots=True)
class _Existing:
    """What the workflow has already, as far as a push needs it."""

    names: dict[str, list[str]] = field(default_factory=dict)
    job_keys: set[str] = field(default_factory=set)
    inputs: dict[str, list[tuple[str, str | None, bytes]]] = field(default_factory=dict)
    """By job key: the record key, rev and raw JSON of its input records."""

    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What a push will do: which rows become jobs, which records change."""

    job_keys: list[str | None]
    """By row: the job that the row is, None for one that will be made."""

    updates: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)
    """By record key: its new data, and the rev it was seen with."""

    additions: dict[str, bytes] = field(default_factory=dict)
    """By job key: data of an input record for a job that has none."""

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
    if on_exists not in ("skip", "error", "append", "update"):
        raise RefusedError(f"on_exists={on_exists!r}: use 'skip', 'error', 'append' or 'update'")
    if not isinstance(df, pd.DataFrame):
        raise RefusedError(f"push takes a DataFrame, not a {type(df).__name__}")
    params, targets = identify(df)
    frame = encode_frame(params)
    lines = records(frame)
    needs = resource_list(resources, len(df))
    with store.snapshot(workflow_key) as snap:
        existing = _read(snap)
    waits = dependencies(depends_on, len(df), existing.job_keys)
    keyed = targets.find(existing.names)
    plan = _plan(store, workflow_key, frame, lines, keyed, existing, on_exists)
    rows = plan.new
    jobs = NewJobs(
        names=_names(name, frame, rows, existing),
        commands=templates.fill("command", command or "", frame.cells, rows, quoted=True),
        inputs=[lines[row] for row in rows],
        outputs=outputs,
        depends_on=waits and [waits[row] for row in rows],
        resources=needs and [needs[row] for row in rows],
    )
    warn_if_large(((f"row {row}", len(lines[row])) for row in rows), stacklevel=4)
    _write_updates(store, workflow_key, plan, frame, existing)
    added = _add(store, workflow_key, jobs, show_progress)
    for row, key in zip(rows, added, strict=True):
        plan.job_keys[row] = key
    pushed = params.set_axis(key_index(plan.job_keys), axis=0)
    return pushed.set_axis(column_index(frame.paths), axis=1)


def _read(snap: Snapshot) -> _Existing:
    existing = _Existing(metadata=snap.workflow.metadata)
    for page in snap.jobs():
        for key, name in zip(page.keys, page.names, strict=True):
            existing.names.setdefault(name, []).append(key)
        existing.job_keys.update(page.keys)
    if not existing.job_keys:
        return existing
    raws: dict[str, tuple[str, str | None, bytes]] = {}
    for records_page in snap.user_data(role=INPUT):
        found = zip(records_page.keys, records_page.revs, records_page.lines(), strict=True)
        raws.update((record[0], record) for record in found)
    for links in snap.links(role=INPUT):
        for record_key, job_key in zip(links.record_keys, links.job_keys, strict=True):
            existing.inputs.setdefault(job_key, []).append(raws[record_key])
    return existing


def _plan(
    store: Store,
    workflow_key: str,
    frame: EncodedFrame,
    lines: list[bytes],
    keyed: list[str | None],
    existing: _Existing,
    on_exists: OnExists,
) -> Plan:
    plan = Plan(list(keyed))
    named = {key: row for row, key in enumerate(keyed) if key is not None}
    if named:
        if on_exists == "append":
            raise RefusedError(
                "on_exists='append' makes new jobs, but rows name jobs that exist: df.reset_index(drop=True)"
            )
        changes = _changes(store, workflow_key, frame, named, existing)
        if on_exists == "error" and changes:
            raise ConflictError(f"would change jobs that exist: {shorten(changes)}")
        for key, cells in changes.items():
            _change(plan, key, cells, existing)
        plan.additions = {key: lines[row] for key, row in named.items() if key not in existing.inputs}
    if on_exists != "append":
        rows = [row for row, key in enumerate(keyed) if key is None]
        found = _find_content(
            lines, rows, {key: raw for key, raw in existing.inputs.items() if key not in named}
        )
        if found and on_exists == "error":
            there = [f"row {row} (job {key})" for row, key in sorted(found.items())]
            raise ConflictError(f"exist already: {shorten(there)}")
        for row, key in found.items():
            plan.job_keys[row] = key
    return plan


def _find_content(
    lines: list[bytes], rows: list[int], inputs: Mapping[str, list[tuple[str, str | None, bytes]]]
) -> dict[int, str]:
    """Return the job whose content each row has; two equal rows need two jobs."""
    contents = {key: raws[0][2] if len(raws) == 1 else _joined(raws) for key, raws in inputs.items()}
    found = _match(rows, lines.__getitem__, contents)
    rest = [row for row in rows if row not in found]
    taken = set(found.values())
    others = {key: _canonical(raw) for key, raw in contents.items() if rest and key not in taken}
    return {**found, **_match(rest if others else [], lambda row: _canonical(lines[row]), others)}


def _match(
    rows: list[int], content: Callable[[int], bytes | str], contents: Mapping[str, bytes | str]
) -> dict[int, str]:
    jobs: dict[bytes | str, deque[str]] = defaultdict(deque)
    for key, text in contents.items():
        jobs[text].append(key)
    found = {}
    for row in rows:
        same = jobs.get(content(row))
        if same:
            found[row] = same.popleft()
    return found


def _canonical(raw: bytes) -> str:
    return canonical(decode_data("", raw))


def _joined(raws: list[tuple[str, str | None, bytes]]) -> bytes:
    joined: dict[str, Any] = {}
    for key, _, raw in raws:
        data = decode_data(key, raw)
        joined.update(data if isinstance(data, dict) else {DATA: data})
    return encode_data(joined)


def _changes(
    store: Store, workflow_key: str, frame: EncodedFrame, named: Mapping[str, int], existing: _Existing
) -> dict[str, dict[Path, Any]]:
    """Return the cells that differ from what a pull shows, by job key and path."""
    shape = Shape(usecols=lambda name: name in frame.paths)
    seen = pull.job_records(store, workflow_key, INPUT, None, "error", shape)
    before = encode_frame(seen.reset_index(drop=True))
    at = {key: row for row, key in enumerate(seen.index)}
    both = [(key, row, at[key]) for key, row in named.items() if key in existing.inputs and key in at]
    changes: dict[str, dict[Path, Any]] = {}
    for name, path in frame.paths.items():
        after = frame.cells[name]
        cells = before.cells.get(name, [None] * len(seen))
        for key, row, old in both:
            if _differ(cells[old], after[row]):
                changes.setdefault(key, {})[path] = after[row]
    return changes


def _differ(before: Any, after: Any) -> bool:
    if before is after or (type(before) is type(after) is not dict and before == after):
        return type(before) is list and canonical(before) != canonical(after)
    return canonical(before) != canonical(after)


def _change(plan: Plan, job_key: str, cells: Mapping[Path, Any], existing: _Existing) -> None:
    """Set cells of a job in the records that hold them, or in its first."""
    held = [(key, rev, decode_data(key, raw)) for key, rev, raw in existing.inputs[job_key]]
    changed: dict[str, tuple[Any, str | None]] = {}
    for path, value in cells.items():
        holders = [at for at, (_, _, data) in enumerate(held) if isinstance(data, dict) and path[0] in data]
        if not holders and path == (DATA,):
            holders = [at for at, (_, _, data) in enumerate(held) if not isinstance(data, dict | None)]
        at = holders[-1] if holders else 0
        key, rev, data = held[at]
        if not isinstance(data, dict) and path == (DATA,) and data is not None:
            data = value
        elif isinstance(data, dict) or data is None:
            data = {} if data is None else data
            set_path(data, path, value)
        else:
            raise RefusedError(f"job {job_key}: its input record {key} is no object and can't take columns")
        held[at] = (key, rev, data)
        changed[key] = (data, rev)
    plan.updates.update((key, (encode_data(data), rev)) for key, (data, rev) in changed.items())


def _names(template: str | None, frame: EncodedFrame, rows: list[int], existing: _Existing) -> list[str]:
    if template is None:
        free = (f"job_{n}" for n in itertools.count(len(existing.job_keys) + 1))
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


def _write_updates(
    store: Store, workflow_key: str, plan: Plan, frame: EncodedFrame, existing: _Existing
) -> None:
    if frame.specs:
        patch = recorded.merge(existing.metadata, frame.specs)
        if any(existing.metadata.get(key) != value for key, value in patch.items()):
            store.merge_metadata(workflow_key, patch)
    if plan.updates:
        data, revs = zip(*plan.updates.values(), strict=True)
        store.update_user_data(workflow_key, list(plan.updates), data, revs=revs)
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
            keys += store.add_jobs(workflow_key, chunk).job_keys
            bar.update(len(chunk))
    return keys
