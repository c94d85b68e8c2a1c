"""Edits of input records that exist: which cells differ, and in which records they are set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import pandas as pd

from torc_frames.errors import NotFoundError, Problem, RefusedError, UnreadableRecordError, shorten
from torc_frames.frame import recorded
from torc_frames.frame.assemble import Links, job_records_frame
from torc_frames.frame.flatten import DATA, Path, join, split
from torc_frames.frame.joining import join_records
from torc_frames.frame.rows import EncodedFrame
from torc_frames.frame.shape import Shape
from torc_frames.frame.types import InexactChunkError
from torc_frames.frame.values import canonical, decode_data, encode_data
from torc_frames.records import INPUT, Resources, UserDataPage
from torc_frames.store import deleting
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.whole import read_whole
from torc_frames.targets import Seen, Targets

__all__ = [
    "Edits",
    "Existing",
    "changed_cells",
    "check_delete",
    "check_drop",
    "dropped_cells",
    "existing_of",
    "look_up",
    "near",
    "nowhere",
    "read_existing",
    "refuse_deleted",
]


@dataclass(slots=True)
class Existing:
    """What the workflow has already, as far as a push needs it."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    """Job keys by name."""

    commands: dict[str, str] = field(default_factory=dict)
    """By job key."""

    statuses: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resources] = field(default_factory=dict)
    """By job key."""

    inputs: dict[str, list[str]] = field(default_factory=dict)
    """By job key: its input records, oldest first."""

    jobs_of: dict[str, list[str]] = field(default_factory=dict)
    """By record key: the jobs whose input it is."""

    raws: dict[str, bytes] = field(default_factory=dict)
    revs: dict[str, str | None] = field(default_factory=dict)

    unreadable: dict[str, str] = field(default_factory=dict)
    """Why, by the keys of input records that the store can't give."""

    newer: set[str] = field(default_factory=set)
    """Records that were written after the table was pulled."""

    deleted: dict[str, str] = field(default_factory=dict)
    """By job key: the names of jobs that are to be deleted, of which all else is left out."""

    def leave_out(self, job_keys: Sequence[str]) -> None:
        """Make it the workflow that is left when jobs are deleted; those that are gone already are none."""
        if not job_keys:
            return
        names = {key: name for name, same in self.names.items() for key in same}
        self.deleted = {key: names[key] for key in job_keys if key in names}
        self.names = _without(self.names, self.deleted)
        for of_jobs in (self.commands, self.statuses, self.resources, self.inputs):
            for key in self.deleted:
                of_jobs.pop(key, None)
        records = self.jobs_of
        self.jobs_of = _without(records, self.deleted)
        for key in records.keys() - self.jobs_of.keys():
            self.unreadable.pop(key, None)
            self.raws.pop(key, None)
            self.revs.pop(key, None)
            self.newer.discard(key)

    def check_readable(self) -> None:
        """Raise UnreadableRecordError if the store could not give all input records."""
        if keys := list(self.unreadable):
            raise UnreadableRecordError(keys[0], self.unreadable[keys[0]], keys)

    def parameters(self, usecols: Callable[[str], bool]) -> pd.DataFrame:
        """Return the table that a pull of these records gives, of jobs with input records."""
        shape = Shape(specs=recorded.read(self.metadata), usecols=usecols)
        links = Links()
        for job_key in self.commands:
            for record_key in self.inputs.get(job_key, ()):
                links.record_keys.append(record_key)
                links.job_keys.append(job_key)
                links.job_names.append("")
                links.roles.append(INPUT)
        keys = [key for key in self.raws if key in self.jobs_of]
        data = b"\n".join(self.raws[key] for key in keys)
        pages = [UserDataPage(keys, [None] * len(keys), [None] * len(keys), data)] if keys else []
        try:
            return job_records_frame(pages, links, len(keys), shape, "last")
        except InexactChunkError:
            return job_records_frame(pages, links, len(keys), replace(shape, fast=False), "last")

    def data(self, key: str) -> Any:
        """Return the decoded data of a record."""
        return decode_data(key, self.raws[key])

    def content(self, job_key: str) -> list[bytes]:
        """Return what a row of the same content may look like: the job's records joined, or one alone."""
        raws = [self.raws[key] for key in self.inputs[job_key]]
        if len(raws) == 1:
            return raws
        held = [decode_data(key, self.raws[key]) for key in self.inputs[job_key]]
        joined: dict[str, Any] = {}
        for path, value in join_records(held, f"job {job_key}", "last").items():
            _put(joined, path, value)
        return [encode_data(joined), *raws]


def read_existing(store: Store, workflow_key: str, seen: Seen | None, delete: Sequence[str] = ()) -> Existing:
    """Read the jobs of a workflow and their input records, and which were written since a table saw them.

    What is read belongs together, as with a pull. Jobs to `delete` are checked, see `check_delete`.
    """

    def read() -> Existing:
        with store.snapshot(workflow_key) as snap:
            existing = existing_of(snap, seen)
            if delete:
                check_delete(snap, existing, delete)
            snap.verify()
            return existing

    return read_whole(store.url, read)


def existing_of(snap: Snapshot, seen: Seen | None) -> Existing:
    """Return what `read_existing` does, of a snapshot that is not verified yet."""
    existing = Existing(metadata=snap.workflow.metadata)
    for page in snap.jobs():
        existing.commands.update(zip(page.keys, page.commands, strict=True))
        existing.statuses.update(zip(page.keys, page.statuses, strict=True))
        needs = map(Resources, page.num_cpus, page.num_gpus, page.memory, page.runtimes)
        existing.resources.update(zip(page.keys, needs, strict=True))
        for key, name in zip(page.keys, page.names, strict=True):
            existing.names.setdefault(name, []).append(key)
    if not existing.commands:
        return existing
    for records in snap.user_data(role=INPUT):
        existing.raws.update(zip(records.keys, records.lines(), strict=True))
        existing.revs.update(zip(records.keys, records.revs, strict=True))
    existing.unreadable = dict(snap.unreadable)
    for links in snap.links(role=INPUT, labels=False):
        for record_key, job_key in zip(links.record_keys, links.job_keys, strict=True):
            existing.inputs.setdefault(job_key, []).append(record_key)
            existing.jobs_of.setdefault(record_key, []).append(job_key)
    if seen is not None and seen.rev is not None:
        pages = snap.user_data(role=INPUT, since=seen.rev)
        existing.newer = {key for records in pages for key in records.keys}
    elif seen is not None and seen.revs is not None:
        raws, revs = existing.raws, existing.revs
        existing.newer = {key for key, raw in raws.items() if seen.is_newer(key, revs[key], raw)}
    if seen is not None:
        existing.newer |= seen.left & existing.raws.keys()
    return existing


def check_delete(snap: Snapshot, existing: Existing, job_keys: Sequence[str]) -> None:
    """Refuse to delete jobs as the store would refuse it, which it does not before it is written to.

    Raises
    ------
    NotFoundError
        With all keys that do not exist.
    RefusedError
        For jobs that are under way, and jobs that others depend on.
    """
    missing = [key for key in job_keys if key not in existing.commands]
    if missing:
        raise NotFoundError("job", missing, f"workflow {snap.workflow.key}")
    waits = (zip(page.job_keys, page.depends_on_keys, strict=True) for page in snap.dependencies())
    deleting.check(job_keys, existing.statuses, chain.from_iterable(waits))


def refuse_deleted(job_keys: Sequence[str], existing: Existing, targets: Targets) -> None:
    """Refuse a table that names jobs that are to be deleted."""
    named = set(targets.values)
    if targets.kind == "job_name":
        free = existing.deleted.items()
        both = [key for key, name in free if name in named and name not in existing.names]
    else:
        both = [key for key in job_keys if key in named]
    if both:
        raise RefusedError(
            f"the table names jobs {shorten(both)}, which are to be deleted: take their rows out, or leave "
            "them out of delete="
        )


def changed_cells(
    before: EncodedFrame, at: Mapping[str, int], after: EncodedFrame, named: Mapping[str, int]
) -> dict[str, dict[Path, tuple[Any, Any]]]:
    """Return the cells that differ from what a pull shows, and what that is, by job key and path.

    `at` and `named` say in which rows of the two tables a job is.
    """
    both = [(key, row, at[key]) for key, row in named.items() if key in at]
    changes: dict[str, dict[Path, Any]] = {}
    for name, path in after.paths.items():
        new = after.cells[name]
        old = before.cells.get(name, [None] * before.length)
        for key, row, old_row in both:
            if _differ(old[old_row], new[row]):
                changes.setdefault(key, {})[path] = (old[old_row], new[row])
    return changes


def near(name: str, path: Path) -> bool:
    """Return whether a column is the one at a path, or of what is inside an object there."""
    try:
        return split(name)[: len(path)] == path
    except RefusedError:
        return False  # a name that no push records


def check_drop(drop: Sequence[str], paths: Mapping[str, Path], named: bool) -> None:
    """Refuse columns to drop that are in the table as well, and a table that names no jobs.

    Parameters
    ----------
    drop : sequence of str
    paths : mapping
        Those of the table's columns.
    named : bool
        Whether the table has job keys or names.
    """
    problems = []
    for name in drop:
        if not isinstance(name, str):
            problems.append(Problem(None, str(name), "drop= takes names of columns"))
            continue
        try:
            path = split(name)
        except RefusedError as error:
            problems.append(Problem(None, name, str(error)))
            continue
        both = [one for one, its in paths.items() if its[: len(path)] == path or path[: len(its)] == its]
        if name in both:
            problems.append(Problem(None, name, "is to be dropped, and is in the table: df.drop(columns=…)"))
        elif both:
            problems.append(Problem(None, name, f"is to be dropped, and overlaps with column {both[0]!r}"))
    if problems:
        raise RefusedError(problems)
    if drop and not named:
        raise RefusedError("drop= is for jobs that exist, and the table names none: push wf.parameters()")


def dropped_cells(
    before: EncodedFrame,
    at: Mapping[str, int],
    drop: Sequence[str],
    named: Mapping[str, int],
    existing: Existing,
    whole: frozenset[Path],
) -> dict[str, dict[Path, tuple[Any, Any]]]:
    """Return the cells that are to go, by job key and path; null is missing, and goes, too.

    Raises
    ------
    RefusedError
        For names of objects that show as several columns.
    """
    changes: dict[str, dict[Path, Any]] = {}
    problems = []
    for name in drop:
        path = split(name)
        if name not in before.cells:
            inside = [one for one in before.paths if near(one, path)]
            if inside:
                problems.append(Problem(None, name, f"is no column: drop={inside!r}"))
            continue
        for key in named:
            value = before.cells[name][at[key]] if key in at else None
            inputs = existing.inputs.get(key, ())
            if value is not None or any(_holds(existing.data(one), path, whole) for one in inputs):
                changes.setdefault(key, {})[path] = (value, None)
    if problems:
        raise RefusedError(problems)
    return changes


def nowhere(
    names: Sequence[str], existing: Existing, updates: Mapping[str, bytes], whole: frozenset[Path]
) -> list[str]:
    """Return the columns that no input record holds when it has been updated."""
    left = {name: split(name) for name in names}
    for key in existing.jobs_of if left else ():
        data = decode_data(key, updates.get(key, existing.raws[key]))
        left = {name: path for name, path in left.items() if not _holds(data, path, whole)}
    return list(left)


class Edits:
    """New data of records, gathered cell by cell.

    Parameters
    ----------
    existing : Existing
    whole : frozenset of path
        Objects at these paths are values, and may be replaced.
    """

    def __init__(self, existing: Existing, whole: frozenset[Path]) -> None:
        self._existing = existing
        self._whole = whole
        self._data: dict[str, Any] = {}
        self._set: dict[tuple[str, Path], tuple[str, set[str]]] = {}
        self._problems: list[Problem] = []

    def set(self, job_key: str, row: int, path: Path, value: Any) -> None:
        """Set a cell of a job in every record that holds it, or in one that has a null there, or can."""
        keys = self._existing.inputs[job_key]
        targets = [key for key in keys if look_up(self._read(key), path) is not None]
        if not targets:
            able = [key for key in keys if self._takes(key, path)]
            targets = ([key for key in able if _has(self._read(key), path)] or able)[:1]
        if not targets:
            self._refuse(row, path, f"no input record of job {job_key} can take it")
        for key in targets:
            old = look_up(self._read(key), path)
            if isinstance(old, dict) and old and path not in self._whole and not isinstance(value, dict):
                self._refuse(row, path, f"job {job_key} has an object there, which a value would replace")
                continue
            text, jobs = self._set.setdefault((key, path), (canonical(value), set()))
            if text != canonical(value):
                self._refuse(row, path, f"jobs {shorten(jobs)} and {job_key} share input record {key}")
            jobs.add(job_key)
            if _is_object(self._data[key]):
                self._data[key] = self._data[key] or {}
                _put(self._data[key], path, value)
            else:  # only the path ("data",) leads to a record that is no object
                self._data[key] = value

    def remove(self, job_key: str, path: Path) -> None:
        """Take a cell of a job out of every record that holds it, with objects that this empties."""
        for key in self._existing.inputs[job_key]:
            data = self._read(key)
            if (key, path) in self._set:
                self._set[key, path][1].add(job_key)
            elif _holds(data, path, self._whole):
                self._set[key, path] = ("", {job_key})
                if _is_object(data):
                    _take(data, path)
                else:
                    self._data[key] = {}

    def finish(self) -> dict[str, bytes]:
        """Return the new data by record key.

        Raises
        ------
        RefusedError
            With every cell that could not be set.
        """
        for (key, path), (text, jobs) in self._set.items():
            others = set(self._existing.jobs_of[key]) - jobs
            if others:
                shared = f"input record {key} is shared by jobs {shorten(self._existing.jobs_of[key])}"
                mend = "give all of them the same value" if text else "drop it from all of them"
                self._refuse(None, path, f"{shared}: {mend}")
        if self._problems:
            raise RefusedError(self._problems)
        return {key: encode_data(self._data[key]) for key in dict.fromkeys(key for key, _ in self._set)}

    def _read(self, key: str) -> Any:
        if key not in self._data:
            self._data[key] = decode_data(key, self._existing.raws[key])
        return self._data[key]

    def _takes(self, key: str, path: Path) -> bool:
        data = self._read(key)
        for name in path[:-1]:
            if not _is_object(data):
                return False
            data = (data or {}).get(name)
        return _is_object(data)

    def _refuse(self, row: int | None, path: Path, reason: str) -> None:
        self._problems.append(Problem(row, join(path), reason))


def _is_object(data: Any) -> bool:
    """Return whether data is an object, or nothing yet."""
    return data is None or isinstance(data, dict)


def look_up(data: Any, path: Path) -> Any:
    """Return the value at a path of a record, None if there is none."""
    if path == (DATA,) and not _is_object(data):
        return data
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _without(by: Mapping[str, list[str]], gone: Collection[str]) -> dict[str, list[str]]:
    """Return lists without some of their items, and without those that this empties."""
    left = {name: [key for key in keys if key not in gone] for name, keys in by.items()}
    return {name: keys for name, keys in left.items() if keys}


def _has(data: Any, path: Path) -> bool:
    above = look_up(data, path[:-1])
    return isinstance(above, dict) and path[-1] in above


def _holds(data: Any, path: Path, whole: frozenset[Path]) -> bool:
    """Return whether a record has a cell at a path, be it null; objects are if they are whole, or empty."""
    if path == (DATA,) and not _is_object(data):
        return True
    value = look_up(data, path)
    return _has(data, path) and not (isinstance(value, dict) and value and path not in whole)


def _take(data: dict[str, Any], path: Sequence[str]) -> None:
    first, *below = path
    if below:
        _take(data[first], below)
    if not below or not data[first]:
        del data[first]


def _put(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *above, last = path
    for name in above:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    data[last] = value


def _differ(before: Any, after: Any) -> bool:
    if before is after:
        return False
    if type(before) is type(after) and not isinstance(before, (dict, list)):
        return bool(before != after)
    return canonical(before) != canonical(after)
