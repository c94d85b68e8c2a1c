"""Adding, changing and deleting records of a torc-server, none of them twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    Problem,
    RefusedError,
    UncertainWriteError,
    UnreadableRecordError,
)
from torc_frames.store.exactly_once import looked_for, settled
from torc_frames.store.paged.lists import count, decoded, listed
from torc_frames.store.paged.service import MANY
from torc_frames.store.paged.store import Given, NewRow, add_side_by_side
from torc_frames.store.parallel import Report, each, tell
from torc_frames.store.records import INPUT, Role
from torc_frames.store.v1.orphans import delete_record
from torc_frames.store.v1.service import V1Service
from torc_frames.store.v1.unreadable import one_by_one
from torc_frames.store.wire import v1

__all__ = ["add", "delete_readable", "update"]

BULK_ROWS = 10_000
BULK_BYTES = 64 * 2**20

_PROBES, _AT_ONCE = 1_000, 20
"""How many keys are tried for a record without data, which no list shows."""


@dataclass(slots=True)
class _New:
    """A record to add, and how far that has come."""

    job_key: str | None
    name: str | None
    token: str
    """A name that no other record has, by which it is found again after a lost answer."""
    raw: bytes
    is_ephemeral: bool
    sent: bool = False
    id: int | None = None
    named: bool = False
    """Whether it has its own name."""

    def body(self, workflow_key: str, name: str) -> bytes:
        """Return the JSON that adds it under a name."""
        return v1.record_body(int(workflow_key), name, self.raw, self.is_ephemeral)


def add(service: V1Service, workflow_key: str, rows: list[NewRow], role: Role | None) -> list[str]:
    """Add records; see `torc_frames.store.base.Store.add_user_data`.

    Few records are added one after the other, of many those of several jobs side by side, and those
    without a job in bulk. A record with a job and a name has another name for a moment.
    """
    data = [row.data for row in rows]
    _check_sizes(data)
    rows = [row._replace(data=sent) for row, sent in zip(rows, v1.outgoing(data).send, strict=True)]
    jobs = service.check_jobs(workflow_key, (row.job_key for row in rows if row.job_key is not None))
    if jobs and role is None:
        raise RefusedError(
            "torc-server links a record to a job as role='input' or role='output', not without"
        )
    fresh = [_New(job, name, v1.name_to_wire(None), raw, flag) for raw, job, name, flag in rows]
    with service.unfinished.resumed(("add", workflow_key, role, rows), fresh) as news:
        for lot in _lots([new for new in news if new.job_key is None]):
            _add_lot(service, workflow_key, lot)
        add_side_by_side(news, lambda new: _add_one(service, workflow_key, new, role))
        return [str(new.id) for new in news]


def _lots(news: Sequence[_New]) -> Iterator[list[_New]]:
    """Yield those that are to be added in bulk, as many as one request takes; no name may come twice."""
    lot: list[_New] = []
    names: set[str] = set()
    size = 0
    for new in news if len(news) > MANY else ():
        if new.id is not None:
            continue
        name = new.name or new.token
        if len(lot) == BULK_ROWS or (lot and size + len(new.raw) > BULK_BYTES) or name in names:
            yield lot
            lot, names, size = [], set(), 0
        lot.append(new)
        names.add(name)
        size += len(new.raw)
    if lot:
        yield lot


def _add_lot(service: V1Service, workflow_key: str, lot: Sequence[_New]) -> None:
    """Add records without a job in one request; the first has its token for a name, until `_add_one`."""
    first = lot[0]
    bodies = [new.body(workflow_key, new.name or new.token) for new in lot[1:]]
    body = b'{"user_data":[' + b",".join([first.body(workflow_key, first.token), *bodies]) + b"]}"

    def post() -> list[int]:
        first.sent = True
        reply = service.http.send("POST", "/bulk_user_data", body)
        return [added.id for added in decoded(v1.AddedRecords, reply, "new records").user_data]

    def find() -> list[int] | None:
        found = _find(service, workflow_key, first)
        # One transaction adds them all, so their ids follow each other.
        return None if found is None else list(range(found, found + len(lot)))

    for new, record_id in zip(lot, settled(post, find, again=first.sent), strict=True):
        new.id = record_id
        new.named = new is not first or new.name is None


def _add_one(service: V1Service, workflow_key: str, new: _New, role: Role | None) -> None:
    params = {}
    if new.job_key is not None:
        params = {"consumer_job_id" if role == INPUT else "producer_job_id": new.job_key}

    def post() -> int:
        new.sent = True
        reply = service.http.send("POST", "/user_data", new.body(workflow_key, new.token), params)
        return int(decoded(v1.Added, reply, "a new record").id)

    def find() -> int | None:
        return _find(service, workflow_key, new)

    if new.id is None:
        new.id = settled(post, find, again=new.sent)
    if new.name is not None and not new.named:
        body = v1.encode({"workflow_id": int(workflow_key), "name": new.name})
        service.http.send("PUT", f"/user_data/{new.id}", body, repeatable=True)
    new.named = True


def _find(service: V1Service, workflow_key: str, new: _New) -> int | None:
    """Return the id of a record that may have been added; one whose link was lost is deleted."""
    found = _id_of(service, workflow_key, new)
    if found is None or new.job_key is None:
        return found
    try:
        job = service.fetch_job(workflow_key, new.job_key)
        if found in job.input_user_data_ids or found in job.output_user_data_ids:
            return found
    except NotFoundError:
        delete_record(service.http, found)
        raise
    delete_record(service.http, found)
    return None


def _id_of(service: V1Service, workflow_key: str, new: _New) -> int | None:
    listing = service.records(workflow_key, name=new.token)
    if new.raw != b"null":
        rows = [row for rows in listed(service.http.get, listing) for row in rows]
        return rows[0].id if rows else None
    if count(service.http.get, listing) == 0:
        return None
    # No list shows a record without data: it is looked for among the keys before that of a new one.
    marker = _New(None, None, v1.name_to_wire(None), b"{}", True)
    _add_one(service, workflow_key, marker, None)
    newest = marker.id or 0
    delete_record(service.http, newest)
    for last in range(newest - 1, max(newest - _PROBES, 0), -_AT_ONCE):
        ids = range(max(last - _AT_ONCE, 0) + 1, last + 1)
        records, _ = one_by_one(service.http.get, ids, workflow_key)
        for record in records:
            if record.name == new.token:
                return record.id
    return None


def update(
    service: V1Service,
    workflow_key: str,
    given: list[Given],
    report: Report | None = None,
) -> list[str | None]:
    """Replace data; see `torc_frames.store.base.Store.update_user_data`.

    A record that has the new data already is no conflict: an earlier try may have come so far.
    """
    record_keys, data = [key for key, _, _ in given], [raw for _, raw, _ in given]
    _check_sizes(data)
    sent = v1.outgoing(data)
    current = service.fetch_all(workflow_key, record_keys)
    changes = {
        key: send
        for key, send, back in zip(record_keys, sent.send, sent.back, strict=True)
        if v1.in_order(back) != v1.in_order(bytes(current[key].data))
    }
    changed = [
        key
        for key, _, rev in given
        if rev is not None and key in changes and rev != v1.rev_of(bytes(current[key].data))
    ]
    if changed:
        raise ConflictError(f"changed since they were read: user_data keys {', '.join(changed)}")
    problems = [
        Problem(row, None, f"torc-server can't take away the data of user_data key {key}; use {{}}")
        for row, key in enumerate(record_keys)
        if changes.get(key) == b"null"
    ]
    if problems:
        raise RefusedError(problems)

    def put(change: tuple[str, bytes]) -> str:
        return _put(service, workflow_key, current[change[0]], *change)

    tell(report, len(record_keys) - len(changes))
    new_revs = dict(zip(changes, each(put, changes.items(), report), strict=True))
    return [new_revs.get(key) or v1.rev_of(bytes(current[key].data)) for key in record_keys]


def _put(service: V1Service, workflow_key: str, record: v1.V1Record, key: str, raw: bytes) -> str:
    """Replace the data of one record, and return its new rev."""
    name = v1.encode(record.name)
    body = b'{"workflow_id":%s,"name":%s,"data":%s}' % (workflow_key.encode(), name, raw)
    where = f"workflow {workflow_key}"
    reply = service.request("user_data", key, "PUT", f"/user_data/{key}", body, where)
    return v1.rev_of(bytes(decoded(v1.V1Record, reply, "a record").data))


def delete_readable(service: V1Service, workflow_key: str, record_key: str) -> None:
    """Delete a record if it is there, and the server can read it: others it can't delete."""

    def done() -> bool | None:
        try:
            service.fetch_record(workflow_key, record_key)
        except (NotFoundError, UnreadableRecordError):
            return True
        return None

    try:
        delete_record(service.http, int(record_key))
    except UncertainWriteError as lost:
        if looked_for(done, lost) is None:
            raise


def _check_sizes(data: Sequence[bytes]) -> None:
    problems = v1.size_problems(data)
    if problems:
        raise RefusedError(problems)
