"""What a service of 2023 tells of one job: what it needs, and its last run."""

from __future__ import annotations

from torc_frames.errors import ReplyError
from torc_frames.store.legacy import documents
from torc_frames.store.legacy.links import edges_of
from torc_frames.store.legacy.lists import LegacyListing, listed
from torc_frames.store.legacy.needs import resources_of
from torc_frames.store.legacy.paths import REQUIREMENTS, REQUIRES
from torc_frames.store.legacy.service import Service, decoded, is_missing
from torc_frames.store.records import JobRecord, Resources
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, Form, Items

__all__ = ["job_record"]


def job_record(service: Service, workflow_key: str, job: legacy.LegacyJob) -> JobRecord:
    """Return a job with what it needs and its last run."""
    return JobRecord(
        key=job.key,
        workflow_key=workflow_key,
        name=job.name or "",
        command=documents.shown(job.command),
        status=job.status,
        resources=_resources(service, workflow_key, job.key),
        run_id=job.run_id if service.form is Form.FIRST else _last_run(service, workflow_key, job.key),
    )


def _resources(service: Service, workflow_key: str, job_key: str) -> Resources:
    if REQUIREMENTS not in service.lacks:
        try:
            body = service.http.get(service.paths.of_job(workflow_key, job_key, REQUIREMENTS))
            return resources_of(decoded(legacy.Need, body, "what a job needs"))
        except ReplyError as error:
            if not is_missing(error):
                raise
            service.lacks.add(REQUIREMENTS)
    get, form = service.http.get, service.form
    path = service.paths.all_of(workflow_key, REQUIREMENTS)
    needs = {
        row.key: row for rows in listed(get, form, LegacyListing(path, Items[legacy.Need])) for row in rows
    }
    if not needs:
        return Resources()
    origin = legacy.document_id(JOBS, job_key, workflow_key)
    for edges in listed(get, form, edges_of(service, workflow_key, REQUIRES)):
        for edge in edges:
            if edge.origin == origin:
                return resources_of(needs.get(legacy.key_of(edge.target, REQUIREMENTS, workflow_key) or ""))
    return Resources()


def _last_run(service: Service, workflow_key: str, job_key: str) -> int:
    """Return the run of a job's last result: jobs of the later form do not tell theirs."""
    try:
        body = service.http.get(service.paths.last_result(workflow_key, job_key))
    except ReplyError as error:
        if not is_missing(error):
            raise
        return 0
    return int(decoded(legacy.LegacyResult, body, "a result").run_id)
