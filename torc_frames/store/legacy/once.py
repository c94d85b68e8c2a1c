"""Adding a record or an edge to a service of 2023 once, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from torc_frames.errors import NotFoundError, ReplyError, ServerError
from torc_frames.frame.values import canonical, decode_data
from torc_frames.store.exactly_once import settled
from torc_frames.store.keys import key_to_id
from torc_frames.store.legacy.keys import METADATA
from torc_frames.store.legacy.links import LATER_EDGES, edges_of, links_of_job
from torc_frames.store.legacy.lists import count, listed
from torc_frames.store.legacy.paths import CONSUMES, STORES
from torc_frames.store.legacy.records import body_of, records_of
from torc_frames.store.legacy.service import COLLECTIONS, Service, decoded, is_duplicate, is_missing
from torc_frames.store.records import INPUT, OUTPUT, Role
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, USER_DATA, Form, Items, LegacyRecord

__all__ = [
    "NewRecord",
    "Newest",
    "Written",
    "add_edge",
    "add_record",
    "delete_document",
    "delete_record",
    "has_edge",
    "link",
    "same_data",
]


class Written(legacy.LegacyWorkflow):
    """Whatever was written, of which key and rev are wanted."""


@dataclass(slots=True)
class NewRecord:
    """A record to add, and how far that has come.

    Attributes
    ----------
    record : Record
        Its key is chosen in the first form; in the later one the service makes it.
    """

    record: LegacyRecord
    job_key: str | None = None
    role: Role | None = None
    sent: bool = False
    added: bool = False
    linking: bool = False
    linked: bool = False


class Newest:
    """Knows which was the newest record of a workflow, and so which have come since (later form)."""

    def __init__(self, service: Service, workflow_key: str) -> None:
        self._service = service
        self._workflow_key = workflow_key
        self._taken: set[str] = set()
        self._key: str | None = None
        listing = records_of(service, workflow_key)
        while (total := count(service.http.get, listing)) and self._key is None:
            body = service.http.get(listing.path, {"skip": total - 1, "limit": 1})
            items = decoded(Items[legacy.LaterRecord], body, listing.path).items
            self._key = items[0].key if items else None

    def take(self, key: str) -> None:
        """Note that a record is known."""
        self._taken.add(key)

    def find(self, new: NewRecord) -> str | None:
        """Return the key of what must be this record, None if it is not there."""
        alike = [
            row.key
            for row in self._since()
            if row.key not in self._taken and row.key != METADATA and _alike(row, new.record)
        ]
        if new.role == OUTPUT and new.job_key is not None:
            # The request that adds it links it, too.
            get = self._service.http.get
            stored = links_of_job(self._service, self._workflow_key, get, new.job_key, OUTPUT)
            own = {record.key for record, _ in stored}
            alike = [key for key in alike if key in own]
        return alike[0] if alike else None

    def _since(self) -> list[LegacyRecord]:
        service, listing = self._service, records_of(self._service, self._workflow_key)
        rows = [row for page in listed(service.http.get, service.form, listing) for row in page]
        keys = [row.key for row in rows]
        if self._key is None:
            return rows
        if self._key in keys:
            return rows[keys.index(self._key) + 1 :]
        last = key_to_id(self._key) or 0
        return [row for row in rows if (key_to_id(row.key) or 0) > last]


def _alike(one: LegacyRecord, other: LegacyRecord) -> bool:
    named = (one.name, one.is_ephemeral) == (other.name, other.is_ephemeral)
    return named and same_data(one.data, other.data)


def same_data(one: bytes, other: bytes) -> bool:
    """Return whether a service may have made one of the other: it may write 1.0 as 1."""
    return one == other or canonical(decode_data("", one)) == canonical(decode_data("", other))


def add_record(service: Service, workflow_key: str, new: NewRecord, newest: Newest | None) -> None:
    """Add a record with its link; what an earlier try has done is not done again."""
    if not new.added:
        there = _find(service, workflow_key, new, newest) if new.sent else None
        if there is None:
            there = settled(
                lambda: _post(service, workflow_key, new, newest),
                lambda: _find(service, workflow_key, new, newest),
            )
        new.record = new.record._replace(key=there)
        new.added = True
        if newest is not None:
            newest.take(there)
    if new.job_key is not None and not new.linked:
        if service.form is Form.LATER and new.role == INPUT:
            again, new.linking = new.linking, True
            if not (again and _is_linked(service, workflow_key, CONSUMES, new.job_key, new.record.key)):
                add_edge(service, workflow_key, CONSUMES, new.job_key, USER_DATA, new.record.key)
        new.linked = True


def _post(service: Service, workflow_key: str, new: NewRecord, newest: Newest | None) -> str:
    again, new.sent = new.sent, True
    path = service.paths.all_of(workflow_key, USER_DATA)
    if new.job_key is not None and (service.form is Form.FIRST or new.role != INPUT):
        path = service.paths.of_job(workflow_key, new.job_key, "user_data")
    try:
        reply = service.send("POST", path, body_of(service.form, new.record))
    except ReplyError as error:
        if is_duplicate(error) and again:
            # What was given up has been done after all.
            found = _find(service, workflow_key, new, newest)
            if found is not None:
                return found
        if is_missing(error):
            service.fetch_workflow(workflow_key)
            if new.job_key is not None:
                service.fetch_job(workflow_key, new.job_key)
        raise
    return str(decoded(Written, reply, "a new record").key)


def _find(service: Service, workflow_key: str, new: NewRecord, newest: Newest | None) -> str | None:
    """Return the key of a record that may have been added, None if it was not."""
    key = new.record.key
    if not key:
        return None if newest is None else newest.find(new)
    try:
        service.http.get(service.paths.one(workflow_key, USER_DATA, key))
    except ReplyError as error:
        if not is_missing(error):
            raise
        return None
    if new.job_key is not None:
        link(service, workflow_key, STORES, new.job_key, key)
    return key


def forget_deleted(service: Service, workflow_key: str, news: Iterable[NewRecord]) -> None:
    """Note which records were added by an earlier try, and deleted by somebody since."""
    added = [new for new in news if new.added]
    if not added:
        return
    rows = listed(service.http.get, service.form, records_of(service, workflow_key))
    there = {row.key for page in rows for row in page}
    for new in added:
        if new.record.key not in there:
            key = new.record.key if service.form is Form.FIRST else ""
            new.record = new.record._replace(key=key)
            new.sent = new.added = new.linking = new.linked = False


def delete_document(service: Service, workflow_key: str, kind: str, key: str) -> None:
    """Delete a job or a record with its edges; nothing if there is none."""
    path = service.paths.one(workflow_key, COLLECTIONS[kind], key)

    def delete() -> bool:
        with suppress(NotFoundError):
            service.found(kind, key, "DELETE", path)
        return True

    def find() -> bool | None:
        try:
            service.fetch(kind, workflow_key, key)
        except NotFoundError:
            return True
        return None

    settled(delete, find)


def delete_record(service: Service, workflow_key: str, key: str) -> None:
    """Delete a record with its edges; nothing if there is none."""
    delete_document(service, workflow_key, "user_data", key)


def link(service: Service, workflow_key: str, name: str, job_key: str, record_key: str) -> None:
    """Link a record to a job, unless it is."""
    if not _is_linked(service, workflow_key, name, job_key, record_key):
        add_edge(service, workflow_key, name, job_key, USER_DATA, record_key)


def _is_linked(service: Service, workflow_key: str, name: str, job_key: str, record_key: str) -> bool:
    """Return whether a record is linked to a job."""
    role = LATER_EDGES[name] if service.form is Form.LATER else None
    linked = links_of_job(service, workflow_key, service.http.get, job_key, role)
    return any(record.key == record_key for record, _ in linked)


def add_edge(service: Service, workflow_key: str, name: str, job_key: str, collection: str, key: str) -> None:
    """Add an edge from a job to a document."""
    origin = legacy.document_id(JOBS, job_key, workflow_key)
    target = legacy.document_id(collection, key, workflow_key)
    body = legacy.encode({"_from": origin, "_to": target})

    def post() -> bool:
        service.send("POST", service.paths.edges(workflow_key, name), body)
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
    rows = listed(service.http.get, service.form, edges_of(service, workflow_key, name))
    return any((edge.origin, edge.target) == (origin, target) for edges in rows for edge in edges)
