"""Single jobs of a service of 2023: what it tells of one, and changing their commands.

Services may refuse jobs without a command: a blank is sent for none, where they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, ReplyError, UncertainWriteError
from torc_frames.store.exactly_once import TRIES
from torc_frames.store.legacy.links import edges_of
from torc_frames.store.legacy.needs import resources_of
from torc_frames.store.legacy.service import Service
from torc_frames.store.paged.lists import decoded
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.store import text_problem
from torc_frames.store.parallel import Report, each
from torc_frames.store.records import JobRecord, Resources
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, REQUIREMENTS, REQUIRES, Form, encode

__all__ = ["job_record", "sent", "shown", "update", "write"]

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_LACKING = "empty commands"
_BLANK = " "

T = TypeVar("T")


def sent(service: Service, command: str) -> str:
    """Return what is sent for a command."""
    return _BLANK if command == "" and _LACKING in service.lacks else command


def shown(command: str) -> str:
    """Return the command of a job of the service."""
    return "" if command == _BLANK else command


def write(service: Service, do: Callable[[], T]) -> T:
    """Make a write that holds commands, again if it turns out that none may be empty."""
    try:
        return do()
    except RefusedError as error:
        message = "" if error.response is None else error.response.message
        if _LACKING in service.lacks or not ("command" in message and "empty" in message):
            raise
    service.lacks.add(_LACKING)
    return do()


def job_record(service: Service, workflow_key: str, job: legacy.LegacyJob) -> JobRecord:
    """Return a job with what it needs and its last run."""
    return JobRecord(
        key=job.key,
        workflow_key=workflow_key,
        name=job.name or "",
        command=shown(job.command),
        status=job.status,
        resources=_resources(service, workflow_key, job.key),
        run_id=job.run_id if service.form is Form.FIRST else _last_run(service, workflow_key, job.key),
    )


def _resources(service: Service, workflow_key: str, job_key: str) -> Resources:
    if REQUIREMENTS not in service.lacks:
        try:
            body = service.http.get(service.path_of_job(workflow_key, job_key, REQUIREMENTS))
            return resources_of(decoded(legacy.Need, body, "what a job needs"))
        except ReplyError as error:
            if not is_missing(error):
                raise
            service.lacks.add(REQUIREMENTS)
    needs = {
        need.key: need
        for need in service.rows(service.listing(service.path(workflow_key, REQUIREMENTS), legacy.Need))
    }
    if not needs:
        return Resources()
    origin = legacy.document_id(JOBS, job_key, workflow_key)
    for edge in service.rows(edges_of(service, workflow_key, REQUIRES)):
        if edge.origin == origin:
            return resources_of(needs.get(legacy.key_of(edge.target, REQUIREMENTS, workflow_key) or ""))
    return Resources()


def _last_run(service: Service, workflow_key: str, job_key: str) -> int:
    """Return the run of a job's last result: jobs of the later form do not tell theirs."""
    try:
        body = service.http.get(service.path(workflow_key, "results/find_by_job", job_key))
    except ReplyError as error:
        if not is_missing(error):
            raise
        return 0
    return int(decoded(legacy.LegacyResult, body, "a result").run_id)


def update(
    service: Service,
    workflow_key: str,
    wanted: Mapping[str, str],
    report: Report | None = None,
) -> None:
    """Replace commands; see `torc_frames.store.base.Store.update_commands`."""
    for reason in filter(None, map(text_problem, wanted.values())):
        raise RefusedError(f"a command {reason}")
    service.check_jobs(workflow_key, wanted)
    each(lambda item: _put(service, workflow_key, *item), wanted.items(), report)


def _put(service: Service, workflow_key: str, job_key: str, command: str) -> None:
    """Write a job as it is, but for its command: the service sets what is left out to its defaults."""
    for attempt in range(TRIES):
        job = _attributes(service.job_document(workflow_key, job_key))
        if shown(msgspec.json.decode(job["command"])) == command:
            return

        def put(job: dict[str, msgspec.Raw] = job) -> None:
            job["command"] = msgspec.Raw(encode(sent(service, command)))
            service.send("PUT", service.path(workflow_key, JOBS, job_key), encode(job))

        try:
            write(service, put)
            return
        except (ConflictError, UncertainWriteError):
            # What runs the job may have changed its status; whether it was done, is read.
            if attempt == TRIES - 1:
                raise
        except ReplyError as error:
            if not is_missing(error):
                raise
            raise NotFoundError("job", [job_key], f"workflow {workflow_key}") from None
