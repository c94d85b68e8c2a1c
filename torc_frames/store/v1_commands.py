"""Changing the commands of jobs of a torc-server."""

from __future__ import annotations

from collections.abc import Sequence

from torc_frames.errors import Problem, RefusedError
from torc_frames.store.http import Http
from torc_frames.store.v1_parallel import each
from torc_frames.wire import v1

__all__ = ["update"]

_CHANGEABLE = "uninitialized"


def update(http: Http, jobs: Sequence[v1.Job], commands: Sequence[str]) -> None:
    """Replace commands; see `torc_frames.store.v1.V1Store.update_commands`."""
    if len(jobs) != len(commands):
        raise RefusedError(f"{len(commands)} commands for {len(jobs)} jobs")
    changed = [(job, command) for job, command in zip(jobs, commands, strict=True) if job.command != command]
    problems = [
        Problem(
            None,
            None,
            f"the command of job {job.id} ({job.name}) can't change: it is {job.status}, and "
            f"torc-server only changes jobs that are {_CHANGEABLE}",
        )
        for job, _ in changed
        if job.status != _CHANGEABLE
    ]
    if problems:
        raise RefusedError(problems)

    def put(change: tuple[v1.Job, str]) -> None:
        job, command = change
        body = v1.job_body(job.workflow_id, job.name, command)
        http.send("PUT", f"/jobs/{job.id}", body, repeatable=True)

    each(put, changed)
