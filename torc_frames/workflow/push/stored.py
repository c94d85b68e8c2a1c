"""What the workflow has already, read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import pandas as pd

from torc_frames.errors import NotFoundError, RefusedError, UnreadableRecordError, shorten
from torc_frames.frame import recorded
from torc_frames.frame.column import InexactChunkError
from torc_frames.frame.flatten import Path
from torc_frames.frame.joining import Joined, OnClash, Shown, joined_cells
from torc_frames.frame.nested import put
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import encode_data
from torc_frames.store import deleting
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.contents import RecordsByJob, dependencies, read_jobs, read_records
from torc_frames.store.records import INPUT, JobRecord, LinkPage, UserDataPage
from torc_frames.store.whole import read_whole
from torc_frames.workflow.pull.frames import JobRecords
from torc_frames.workflow.pull.links import Links
from torc_frames.workflow.push.targets import Targets
from torc_frames.workflow.seen import Seen

__all__ = ["Existing", "check_delete", "existing_of", "read_existing", "refuse_deleted"]


@dataclass(slots=True)
class Existing(RecordsByJob):
    """What the workflow has already, as far as a push needs it: its jobs and their input records."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    rev: str | None = None
    jobs: dict[str, JobRecord] = field(default_factory=dict)

    keys: dict[str, list[str]] = field(default_factory=dict)
    """Of jobs, by name."""

    unreadable: dict[str, str] = field(default_factory=dict)
    """Why, by the keys of input records that the store can't give."""

    on_clash: OnClash = "names"
    """How the table was pulled in which records of a job are one row."""

    shown: Mapping[str, Shown] = field(default_factory=dict)
    """By the keys of jobs of several records: what the table has of them, and had when it was pulled."""

    newer: set[str] = field(default_factory=set)
    """Records that were written after the table was pulled."""

    deleted: dict[str, str] = field(default_factory=dict)
    """By job key: the names of jobs that are to be deleted, of which all else is left out."""

    is_part: bool = False
    """Whether it is only about some of the jobs."""

    def leave_out(self, job_keys: Sequence[str]) -> None:
        """Make it the workflow that is left when jobs are deleted; those that are gone already are none."""
        if not job_keys:
            return
        self.deleted = {key: self.jobs[key].name for key in job_keys if key in self.jobs}
        self.keys = _without(self.keys, self.deleted)
        for key in self.deleted:
            del self.jobs[key]
            self.of_job.pop(key, None)
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

    def parameters(self, usecols: Callable[[str], bool], jobs: Collection[str]) -> pd.DataFrame:
        """Return the table that a pull of some jobs' records gives, of those with input records."""
        shape = Shape(specs=recorded.read(self.metadata), usecols=usecols)
        links = self.of_jobs(job for job in self.jobs if job in jobs)
        wanted = {record for record, _ in links}
        keys = [key for key in self.raws if key in wanted]
        data = b"\n".join(self.raws[key] for key in keys)
        pages = [UserDataPage(keys, [None] * len(keys), [None] * len(keys), data)] if keys else []
        records, of_jobs = ([pair[at] for pair in links] for at in (0, 1))
        linked = Links([LinkPage(records, of_jobs, [""] * len(links), [INPUT] * len(links))])
        try:
            return self._frame(pages, linked, shape)
        except InexactChunkError:
            return self._frame(pages, linked, replace(shape, fast=False))

    def _frame(self, pages: Sequence[UserDataPage], links: Links, shape: Shape) -> pd.DataFrame:
        records = JobRecords(shape, self.on_clash, self.shown)
        records.link(links)
        records.add(pages)
        return records.frame(lambda: links, lambda: self.names)

    def cells(self, job_key: str, whole: frozenset[Path] = frozenset()) -> dict[Path, Joined]:
        """Return the cells of a job's row, each with the records that it is of."""
        keys = self.of_job[job_key]
        held = [self.data(key) for key in keys]
        names = [self.names.get(key) for key in keys]
        shown = self.shown.get(job_key, {})
        return joined_cells(held, lambda: names, f"job {job_key}", self.on_clash, whole, shown)

    def content(self, job_key: str) -> list[bytes]:
        """Return what a row of the same content may look like: the job's records joined, or one alone."""
        raws = [self.raws[key] for key in self.of_job[job_key]]
        if len(raws) == 1:
            return raws
        joined: dict[str, Any] = {}
        for path, cell in self.cells(job_key).items():
            put(joined, path, cell.value)
        return [encode_data(joined), *raws]


def read_existing(
    store: Store,
    workflow_key: str,
    seen: Seen | None,
    delete: Sequence[str] = (),
    only: Sequence[str] | None = None,
) -> Existing:
    """Read the jobs of a workflow and their input records, and which were written since a table saw them.

    What is read belongs together, as with a pull. Jobs to `delete` are checked, see `check_delete`. With
    `only` these jobs alone are read.
    """

    def read() -> Existing:
        with store.snapshot(workflow_key) as snap:
            existing = existing_of(snap, seen, only)
            if delete:
                check_delete(snap, existing, delete)
            snap.verify()
            return existing

    return read_whole(store.url, read)


def existing_of(snap: Snapshot, seen: Seen | None, only: Sequence[str] | None = None) -> Existing:
    """Return what `read_existing` does, of a snapshot that is not verified yet."""
    jobs = read_jobs(snap, only)
    keys: dict[str, list[str]] = {}
    for key, job in jobs.items():
        keys.setdefault(job.name, []).append(key)
    found = read_records(snap, INPUT, only) if jobs else RecordsByJob()
    existing = Existing(
        *(found.raws, found.names, found.revs, found.of_job, found.jobs_of),
        metadata=snap.workflow.metadata,
        rev=snap.workflow.rev,
        jobs=jobs,
        keys=keys,
        unreadable=dict(snap.unreadable),
        on_clash="names" if seen is None else seen.on_clash,
        is_part=only is not None,
    )
    if seen is not None and jobs:
        existing.newer = _newer(snap, seen, existing, [None] if only is None else only)
    return existing


def _newer(snap: Snapshot, seen: Seen, existing: Existing, jobs: Sequence[str | None]) -> set[str]:
    """Return which records were written since they were seen, but by the same table."""
    if seen.rev is None:
        found = set(existing.raws)
    elif seen.rev == snap.workflow.rev:
        return set()
    else:
        pages = (snap.user_data(job_key=job, role=INPUT, since=seen.rev) for job in jobs)
        found = {key for page in chain.from_iterable(pages) for key in page.keys}
        found = {key for key in found if key in existing.raws}
    return {key for key in found if seen.is_other(key, existing.revs[key], existing.raws[key])}


def check_delete(snap: Snapshot, existing: Existing, job_keys: Sequence[str]) -> None:
    """Refuse to delete jobs as the store would refuse it, which it does not before it is written to.

    Raises
    ------
    NotFoundError
        With all keys that do not exist.
    RefusedError
        For jobs that are under way, and jobs that others depend on.
    """
    missing = [key for key in job_keys if key not in existing.jobs]
    if missing:
        raise NotFoundError("job", missing, f"workflow {snap.workflow.key}")
    statuses = {key: existing.jobs[key].status for key in job_keys}
    deleting.check(job_keys, statuses, dependencies(snap))


def refuse_deleted(job_keys: Sequence[str], existing: Existing, targets: Targets) -> None:
    """Refuse a table that names jobs that are to be deleted."""
    named = set(targets.values)
    if targets.kind == "job_name":
        free = existing.deleted.items()
        both = [key for key, name in free if name in named and name not in existing.keys]
    else:
        both = [key for key in job_keys if key in named]
    if both:
        raise RefusedError(
            f"the table names jobs {shorten(both)}, which are to be deleted: take their rows out, or leave "
            "them out of delete="
        )


def _without(by: Mapping[str, list[str]], gone: Collection[str]) -> dict[str, list[str]]:
    """Return lists without some of their items, and without those that this empties."""
    left = {name: [key for key in keys if key not in gone] for name, keys in by.items()}
    return {name: keys for name, keys in left.items() if keys}
