"""The jobs of a snapshot, and the records of each: the one place where they are gathered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from torc_frames.errors import NotFoundError
from torc_frames.frame.values import decode_data
from torc_frames.store.base import Snapshot
from torc_frames.store.records import CALLS, JobPage, JobRecord, Role, RunCall, SeriesChunk

__all__ = ["RecordsByJob", "dependencies", "present_series", "read_calls", "read_jobs", "read_records"]


@dataclass(slots=True)
class RecordsByJob:
    """The records of jobs that have one role, oldest first."""

    raws: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)
    revs: dict[str, str | None] = field(default_factory=dict)

    of_job: dict[str, list[str]] = field(default_factory=dict)
    """By job key: its records."""

    jobs_of: dict[str, list[str]] = field(default_factory=dict)
    """By record key: all its jobs."""

    def data(self, key: str) -> Any:
        """Return the decoded data of a record."""
        return decode_data(key, self.raws[key])

    def of_jobs(self, job_keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return the records of some jobs, each with its job."""
        return [(record, job) for job in job_keys for record in self.of_job.get(job, ())]


def read_jobs(snap: Snapshot, keys: Iterable[str] | None = None) -> dict[str, JobRecord]:
    """Return all jobs by key, or some; NotFoundError names all that are not there."""
    pages = snap.jobs() if keys is None else _some_jobs(snap, keys)
    workflow = snap.workflow.key
    return {job.key: job for page in pages for job in page.jobs(workflow)}


def _some_jobs(snap: Snapshot, keys: Iterable[str]) -> Iterator[JobPage]:
    missing: list[str] = []
    for key in keys:
        try:
            yield from snap.jobs(job_key=key)
        except NotFoundError as error:
            if error.kind != "job":
                raise
            missing += error.keys
    if missing:
        raise NotFoundError("job", missing, f"workflow {snap.workflow.key}")


def read_records(snap: Snapshot, role: Role, job_keys: Sequence[str] | None = None) -> RecordsByJob:
    """Return the records of all jobs, or of some, that have a role."""
    found = RecordsByJob()
    jobs: Sequence[str | None] = [None] if job_keys is None else job_keys
    for page in chain.from_iterable(snap.user_data(job_key=job, role=role) for job in jobs):
        found.raws.update(zip(page.keys, page.lines(), strict=True))
        found.names.update(zip(page.keys, page.names, strict=True))
        found.revs.update(zip(page.keys, page.revs, strict=True))
    records, some = (None, None) if job_keys is None else (list(found.raws), set(job_keys))
    for links in snap.links(role=role, labels=False, record_keys=records):
        for record, job in zip(links.record_keys, links.job_keys, strict=True):
            if some is None or job in some:
                found.of_job.setdefault(job, []).append(record)
            found.jobs_of.setdefault(record, []).append(job)
    return found


def present_series(
    runs: Mapping[str, int], chunks: Iterable[SeriesChunk]
) -> Iterator[tuple[str, list[SeriesChunk]]]:
    """Yield the jobs that logged rows in their present run, in order, with the chunks of that run.

    Parameters
    ----------
    runs : mapping
        By job key: which is its present run.
    """
    of_job: dict[str, dict[tuple[str, int], SeriesChunk]] = defaultdict(dict)
    for chunk in chunks:
        if chunk.run_id >= runs.get(chunk.job_key, chunk.run_id + 1):
            of_job[chunk.job_key].setdefault((chunk.writer, chunk.number), chunk)
    for job in (job for job in runs if job in of_job):
        found = list(of_job[job].values())
        run, attempt = max((chunk.run_id, chunk.attempt_id) for chunk in found)
        # What somebody logged who looked at the job is of any attempt.
        yield job, [one for one in found if one.run_id == run and one.attempt_id in (0, attempt)]


def dependencies(snap: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield which job waits for which."""
    for page in snap.dependencies():
        yield from zip(page.job_keys, page.depends_on_keys, strict=True)


_OF_CALLS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("host", "python_version", "torc_frames_version", "git_commit"), str),
    **dict.fromkeys(("output_dir", "log"), str),
    **dict.fromkeys(("git_clean", "detached", "in_main_thread"), bool),
    **dict.fromkeys(("jobs", "compute_nodes", "warnings"), list),
    **dict.fromkeys(("summary", "error"), dict),
    "retries": int,
}
"""What is known of calls, and of which type it is: anybody may note events."""


def read_calls(snap: Snapshot) -> list[RunCall]:
    """Return the calls that ran jobs, oldest first.

    A torc-server keeps them as events, each of which adds to what is known of a call.
    """
    calls: dict[str, RunCall] = {}
    for row in snap.rows("calls"):
        told = row.get("data", row)
        if not isinstance(told, dict) or told.get("category", CALLS) != CALLS:
            continue
        runner, details, ended = (told.get(name) for name in ("runner", "details", "ended"))
        if not (isinstance(runner, str) and isinstance(details, dict)):
            continue  # anybody may note events
        call = calls.get(runner) or RunCall(runner, str(told.get("started")), None, {}, row.get("key"))
        ended = ended if isinstance(ended, str) else call.ended
        known = {name: one for name, one in details.items() if _is_of_a_call(name, one)}
        calls[runner] = replace(call, ended=ended, details={**call.details, **known})
    return list(calls.values())


def _is_of_a_call(name: str, told: Any) -> bool:
    """Return whether something is what is known of calls by this name."""
    texts = not isinstance(told, list) or all(isinstance(one, str) for one in told)
    return texts and isinstance(told, _OF_CALLS.get(name, ()))
