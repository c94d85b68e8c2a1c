"""Which jobs may be deleted, which records go along, and deleting them on a server one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from torc_frames.errors import NotFoundError, RefusedError, shorten
from torc_frames.store.base import Snapshot
from torc_frames.store.contents import dependencies
from torc_frames.store.exactly_once import Unfinished
from torc_frames.store.parallel import Report, each
from torc_frames.store.records import RUNNING
from torc_frames.store.whole import read_whole

__all__ = ["UNDER_WAY", "check", "delete_each"]

UNDER_WAY = (RUNNING, "pending", "submitted", "submitted_pending")
"""The statuses of jobs that run, or that somebody has taken to run them."""


def check(
    asked: Collection[str], statuses: Mapping[str, str], dependencies: Iterable[tuple[str, str]]
) -> None:
    """Refuse to delete jobs that are under way, or that others wait for.

    Parameters
    ----------
    asked : collection of str
        Job keys.
    statuses : mapping
        Of these jobs at least, by key.
    dependencies : iterable of (str, str)
        Which job waits for which.
    """
    problems, wanted = [], set(asked)
    under_way = [f"{key} ({statuses[key]})" for key in asked if statuses[key] in UNDER_WAY]
    if under_way:
        problems.append(f"under way: jobs {shorten(under_way)}; wait until they have ended, or cancel them")
    waits: dict[str, list[str]] = {}
    for job, awaited in dependencies:
        if awaited in wanted and job not in wanted:
            waits.setdefault(awaited, []).append(job)
    if waits:
        told = [f"{key} (job {shorten(jobs)})" for key, jobs in waits.items()]
        problems.append(f"others depend on jobs {shorten(told)}: delete these others, too")
    if problems:
        raise RefusedError(f"can't delete jobs: {'; '.join(problems)}")


def delete_each(
    url: str,
    snapshot: Callable[[str], AbstractContextManager[Snapshot]],
    unfinished: Unfinished,
    workflow_key: str,
    job_keys: Sequence[str],
    delete_job: Callable[[str], object],
    delete_record: Callable[[str], object],
    report: Report | None,
) -> None:
    """Delete jobs and their records; see `torc_frames.store.base.Store.delete_jobs`.

    Parameters
    ----------
    url : str
        Of the store.
    snapshot : callable
        Its method, to read from.
    delete_job, delete_record : callable
        Take a key; what does not exist is no error.
    """
    keys = list(dict.fromkeys(job_keys))
    with unfinished.resumed(("delete jobs", workflow_key, frozenset(keys)), _Found()) as call:

        def read() -> _Found:
            with snapshot(workflow_key) as snap:
                found = _read(snap, keys, call.records)
                snap.verify()
                return found

        found = read_whole(url, read)
        call.shared |= found.shared

        def delete(job: str) -> None:
            records = call.records.setdefault(job, found.records.get(job, []))
            delete_job(job)
            each(delete_record, records)

        each(delete, keys, report)
        each(delete_record, call.shared)


@dataclass(slots=True)
class _Found:
    """What goes along with some jobs."""

    records: dict[str, list[str]] = field(default_factory=dict)
    """By job: the records that no other job has."""
    shared: set[str] = field(default_factory=set)
    """The records that several of these jobs have, and no others."""


def _read(snap: Snapshot, keys: Sequence[str], begun: Collection[str]) -> _Found:
    """Return what goes along with those jobs that are there."""
    statuses: dict[str, str] = {}
    for jobs in snap.jobs():
        statuses.update(zip(jobs.keys, jobs.statuses, strict=True))
    missing = [key for key in keys if key not in statuses and key not in begun]
    if missing:
        raise NotFoundError("job", missing, f"workflow {snap.workflow.key}")
    there = {key for key in keys if key in statuses}
    found = _Found({key: [] for key in there})
    if not there:
        return found
    check([key for key in keys if key in there], statuses, dependencies(snap))
    jobs_of: dict[str, set[str]] = {}
    for links in snap.links(labels=False):
        for record, job in zip(links.record_keys, links.job_keys, strict=True):
            jobs_of.setdefault(record, set()).add(job)
    for record, its_jobs in jobs_of.items():
        if its_jobs <= there and len(its_jobs) == 1:
            found.records[min(its_jobs)].append(record)
        elif its_jobs <= there:
            found.shared.add(record)
    return found
