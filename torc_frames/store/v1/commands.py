"""Changing the commands of jobs of a torc-server."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torc_frames.errors import NotFoundError, Problem, RefusedError
from torc_frames.store.paged.lists import Listing, listed
from torc_frames.store.paged.service import MANY
from torc_frames.store.paged.store import text_problem
from torc_frames.store.parallel import Report, each, tell
from torc_frames.store.v1.service import V1Service
from torc_frames.store.wire import v1

__all__ = ["update"]

_CHANGEABLE = "uninitialized"


def update(
    service: V1Service,
    workflow_key: str,
    wanted: Mapping[str, str],
    report: Report | None = None,
) -> None:
    """Replace commands; see `torc_frames.store.base.Store.update_commands`.

    RefusedError for jobs that were initialized; nothing is written then.
    """
    jobs = _fetch(service, workflow_key, wanted)
    pairs = [(jobs[key], command) for key, command in wanted.items()]
    changed = [(job, command) for job, command in pairs if job.command != command]
    problems = [
        Problem(None, None, f"command of job {job.id} ({job.name}) {reason}")
        for job, command in changed
        if (reason := _refusal(job, command))
    ]
    if problems:
        raise RefusedError(problems)

    def put(change: tuple[v1.V1Job, str]) -> None:
        job, command = change
        body = v1.job_body(job.workflow_id, job.name, command)
        service.http.send("PUT", f"/jobs/{job.id}", body, repeatable=True)

    each(put, changed, report)
    tell(report, len(wanted) - len(changed))


def _fetch(service: V1Service, workflow_key: str, job_keys: Collection[str]) -> dict[str, v1.V1Job]:
    """Return jobs by their keys; NotFoundError names all that do not exist."""
    found: dict[str, v1.V1Job] = {}
    if 0 < len(job_keys) <= MANY:
        missing = service.fetch_each("job", service.fetch_job, workflow_key, job_keys, found)
    else:
        service.fetch_workflow(workflow_key)
        if job_keys:
            listing = Listing("/jobs", v1.V1Job, {"workflow_id": workflow_key})
            found = {str(job.id): job for jobs in listed(service.http.get, listing) for job in jobs}
        missing = [key for key in job_keys if key not in found]
    if missing:
        raise NotFoundError("job", missing, f"workflow {workflow_key}")
    return found


def _refusal(job: v1.V1Job, command: str) -> str | None:
    if job.status != _CHANGEABLE:
        return (
            f"can't change: it is {job.status}, and torc-server only changes jobs that are {_CHANGEABLE}; "
            f"`torc jobs reset-status {job.id} --no-prompts` makes it so, to run again; or push without "
            "command= where jobs read their parameters through current_job()"
        )
    if len(job.name) + len(command) > v1.MAX_COMMAND_CHARACTERS:
        return f"is {len(command):,} characters long; write a script"
    return text_problem(command)
