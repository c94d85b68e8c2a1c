"""Adding a record or an edge to a service of the first form once, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torc_frames.errors import ReplyError, ServerError
from torc_frames.frame.values import canonical, decode_data
from torc_frames.store.exactly_once import settled
from torc_frames.store.legacy.links import edges_of, links_of_job
from torc_frames.store.legacy.records import body_of
from torc_frames.store.legacy.service import Service, is_duplicate
from torc_frames.store.paged.service import is_missing
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, STORES, USER_DATA, LegacyRecord

__all__ = [
    "NewRecord",
    "Written",
    "add_edge",
    "add_record",
    "has_edge",
    "link",
    "same_data",
]


class Written(legacy.LegacyWorkflow):
    """Whatever was written, of which key and rev are wanted."""


@dataclass(slots=True)
class NewRecord:
    """A record to add under a key that is chosen here, and how far that has come."""

    record: LegacyRecord
    job_key: str | None = None
    sent: bool = False
    added: bool = False


def same_data(one: bytes, other: bytes) -> bool:
    """Return whether a service may have made one of the other: it may write 1.0 as 1."""
    return one == other or canonical(decode_data("", one)) == canonical(decode_data("", other))


def add_record(service: Service, workflow_key: str, new: NewRecord) -> None:
    """Add a record with its link; what an earlier try has done is not done again."""

    def find() -> bool | None:
        return _find(service, workflow_key, new)

    if not new.added:
        settled(lambda: _post(service, workflow_key, new), find, again=new.sent)
    new.added = True


def _post(service: Service, workflow_key: str, new: NewRecord) -> bool:
    again, new.sent = new.sent, True
    path = service.path(workflow_key, USER_DATA)
    if new.job_key is not None:
        path = service.path_of_job(workflow_key, new.job_key, "user_data")
    try:
        service.send("POST", path, body_of(new.record))
    except ReplyError as error:
        if is_duplicate(error) and again and _find(service, workflow_key, new):
            return True  # what was given up has been done after all
        if is_missing(error):
            service.fetch_workflow(workflow_key)
            if new.job_key is not None:
                service.fetch_job(workflow_key, new.job_key)
        raise
    return True


def _find(service: Service, workflow_key: str, new: NewRecord) -> bool | None:
    """Return whether a record was added that may have been, linked to its job then; None if it was not."""
    key = new.record.key
    if service.gone(service.path(workflow_key, USER_DATA, key)):
        return None
    if new.job_key is not None:
        link(service, workflow_key, STORES, new.job_key, key)
    return True


def forget_deleted(service: Service, workflow_key: str, news: Iterable[NewRecord]) -> None:
    """Note which records were added by an earlier try, and deleted by somebody since."""
    added = [new for new in news if new.added]
    if not added:
        return
    there = {row.key for row in service.rows(service.records(workflow_key))}
    for new in added:
        if new.record.key not in there:
            new.sent = new.added = False


def link(service: Service, workflow_key: str, name: str, job_key: str, record_key: str) -> None:
    """Link a record to a job, unless it is."""
    linked = links_of_job(service, workflow_key, service.http.get, job_key)
    if all(record.key != record_key for record, _ in linked):
        add_edge(service, workflow_key, name, job_key, USER_DATA, record_key)


def add_edge(service: Service, workflow_key: str, name: str, job_key: str, collection: str, key: str) -> None:
    """Add an edge from a job to a document."""
    origin = legacy.document_id(JOBS, job_key, workflow_key)
    target = legacy.document_id(collection, key, workflow_key)
    body = legacy.encode({"_from": origin, "_to": target})

    def post() -> bool:
        service.send("POST", service.path(workflow_key, "edges", name), body)
        return True

    def find() -> bool | None:
        return has_edge(service, workflow_key, name, job_key, collection, key) or None

    try:
        settled(post, find)
    except ReplyError as error:
        if not is_missing(error):
            raise
        service.fetch_job(workflow_key, job_key)
        raise ServerError(f"the service has no edges, and so can't link {origin} to {target}") from None


def has_edge(service: Service, workflow_key: str, name: str, job_key: str, collection: str, key: str) -> bool:
    """Return whether there is an edge from a job to a document."""
    origin = legacy.document_id(JOBS, job_key, workflow_key)
    target = legacy.document_id(collection, key, workflow_key)
    edges = service.rows(edges_of(service, workflow_key, name))
    return any((edge.origin, edge.target) == (origin, target) for edge in edges)
