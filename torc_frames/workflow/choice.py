"""Which jobs a call is for: keys, the jobs of a frame, or those that a text keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from torc_frames.errors import NotFoundError, RefusedError
from torc_frames.frame.shape import Shape
from torc_frames.store.base import Store
from torc_frames.workflow.keys import JobLike, job_keys, told_whose
from torc_frames.workflow.pull import tables

__all__ = ["Jobs", "chosen_jobs"]

Jobs = JobLike | Iterable[JobLike] | pd.DataFrame
"""Jobs: one, several, or a frame with the jobs in its index or its column ``job_key``."""

_KEY = "job_key"


def chosen_jobs(
    store: Store, workflow_key: str, jobs: Jobs | None, where: str | None = None
) -> tuple[str, ...] | None:
    """Return the keys of the jobs that were chosen, in their order in the workflow, None for all.

    Parameters
    ----------
    jobs : job, sequence, DataFrame, Series or Index, optional
    where : str, optional
        As for `Workflow.table`. With both, those of both.

    Raises
    ------
    NotFoundError
        For keys that there are not.
    RefusedError
        For frames that don't say which jobs they are of, and texts that are no expression.
    """
    if jobs is None and where is None:
        return None
    wanted = None
    if jobs is not None:
        wanted = set(job_keys(_listed(jobs)))
        with store.snapshot(workflow_key) as snap:
            there = [key for page in snap.jobs() for key in page.keys]
        with told_whose(store, workflow_key):
            if unknown := sorted(wanted.difference(there)):
                raise NotFoundError("job", unknown, f"workflow {workflow_key}")
    if where is not None:
        shape = Shape(usecols=["status"])
        there = list(tables.table(store, workflow_key, "names", [], shape, False, where=where).index)
    return tuple(key for key in there if wanted is None or key in wanted)


def _listed(jobs: Jobs) -> Any:
    if isinstance(jobs, pd.DataFrame) and _KEY in jobs:
        return list(jobs[_KEY])
    if isinstance(jobs, (pd.DataFrame, pd.Series)) and jobs.index.name == _KEY:
        return list(jobs.index)
    if isinstance(jobs, pd.DataFrame):
        raise RefusedError(
            "jobs= is a frame without jobs: give one with an index or a column job_key, as of wf.jobs() or "
            "wf.table(), or a list of keys"
        )
    return jobs
