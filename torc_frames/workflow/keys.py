"""Keys of jobs and records, as callers give them, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torc_frames.errors import NotFoundError, TorcFramesError, shorten
from torc_frames.store.base import Store
from torc_frames.store.keys import as_key
from torc_frames.workflow.push.resources import DependsOn
from torc_frames.workflow.run.job import Job

__all__ = ["Awaited", "JobLike", "awaited", "job_key", "job_keys", "told_whose"]

JobLike = str | int | Job
Awaited = DependsOn | Job | Sequence[JobLike] | Sequence[Sequence[JobLike]]

_MOST_KEYS = 3
_MOST_WORKFLOWS = 20


def job_key(job: JobLike) -> str:
    """Return the key of a job; RefusedError for what can be none."""
    return job.key if isinstance(job, Job) else as_key(job, "job")


def job_keys(jobs: JobLike | Iterable[JobLike]) -> tuple[str, ...]:
    """Return the keys of a job, or of several, each once."""
    one = isinstance(jobs, (str, Job)) or not hasattr(jobs, "__iter__")
    several = cast("Iterable[JobLike]", [jobs] if one else jobs)
    return tuple(dict.fromkeys(map(job_key, several)))


def awaited(jobs: Any) -> Any:
    """Return what jobs wait for, with keys instead of handles."""
    if hasattr(jobs, "__iter__") and not isinstance(jobs, str):
        return [awaited(job) for job in jobs]
    return jobs.key if isinstance(jobs, Job) else jobs


@contextmanager
def told_whose(store: Store, workflow_key: str) -> Iterator[None]:
    """Let an error for keys that a workflow has not tell of which workflow they are."""
    try:
        yield
    except NotFoundError as error:
        if error.kind in ("job", "user_data") and not error.hint:
            whose = (_whose(store, error.kind, key) for key in error.keys[:_MOST_KEYS])
            error.hint = shorten(filter(None, whose))
        raise


def _whose(store: Store, kind: str, key: str) -> str | None:
    told = f"{key} is of workflow "
    try:
        if kind == "job":
            return told + store.get_job(key).workflow_key
        for workflow in reversed(store.workflows()[-_MOST_WORKFLOWS:]):
            try:
                return told + store.get_user_data(workflow.key, key).workflow_key
            except NotFoundError as error:
                if error.hint:  # the store knows it
                    return error.hint
    except TorcFramesError:
        pass
    return None
