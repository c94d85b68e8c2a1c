"""Adding, changing and deleting records of a torc-server, none of them twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    Problem,
    RefusedError,
    ReplyError,
    UncertainWriteError,
)
from torc_frames.records import INPUT, Role
from torc_frames.store.sqlite_keys import key_to_id
from torc_frames.store.v1_lists import Listing, decoded, listed
from torc_frames.store.v1_parallel import each
from torc_frames.store.v1_unreadable import around
from torc_frames.wire import v1

if TYPE_CHECKING:
    from torc_frames.store.v1 import V1Store

__all__ = ["add", "delete", "update"]

MANY = 64
"""From so many records on a list is read instead of each."""


class _Id(msgspec.Struct):
    id: int


class _New(NamedTuple):
    row: int
    job_key: str | None
    name: str | None
    token: str
    """A name that no other record has, by which it is found again after a lost answer."""
    body: bytes


def add(
    store: V1Store,
    workflow_key: str,
    data: Sequence[bytes],
    job_keys: Sequence[str | None] | None,
    role: Role | None,
    names: Sequence[str | None] | None,
    is_ephemeral: bool,
) -> list[str]:
    """Add records; see `torc_frames.store.base.Store.add_user_data`.

    Records of one job are added one after the other, those of several jobs side by side. A record with
    a name has another one for a moment.
    """
    for what, given in (("job_keys", job_keys), ("names", names)):
        if given is not None and len(given) != len(data):
            raise RefusedError(f"{len(given)} {what} for {len(data)} records")
    sent = v1.outgoing(data).send
    _check_sizes(sent)
    jobs = list(dict.fromkeys(key for key in job_keys or () if key is not None))
    if jobs and role is None:
        raise RefusedError(
            "torc-server links a record to a job as role='input' or role='output', not without"
        )
    _check_jobs(store, workflow_key, jobs)
    news = []
    for row, raw in enumerate(sent):
        token = v1.name_to_wire(None)
        body = v1.record_body(int(workflow_key), token, raw, is_ephemeral)
        news.append(
            _New(row, job_keys[row] if job_keys else None, names[row] if names else None, token, body)
        )
    of_job: dict[str | None, list[_New]] = {}
    for new in news:
        of_job.setdefault(new.job_key if len(data) > MANY else "", []).append(new)
    added = each(lambda some: [_add_one(store, workflow_key, new, role) for new in some], of_job.values())
    ids = dict(pair for some in added for pair in some)
    return [str(ids[row]) for row in range(len(data))]


def _add_one(store: V1Store, workflow_key: str, new: _New, role: Role | None) -> tuple[int, int]:
    params = {}
    if new.job_key is not None:
        params = {"consumer_job_id" if role == INPUT else "producer_job_id": new.job_key}
    while True:
        try:
            reply = store.http.send("POST", "/user_data", new.body, params)
        except UncertainWriteError:
            found = _find(store, workflow_key, new)
        else:
            found = decoded(_Id, reply, "a new record").id
        if found is not None:
            break
    if new.name is not None:
        body = v1.encode({"workflow_id": int(workflow_key), "name": new.name})
        store.http.send("PUT", f"/user_data/{found}", body, repeatable=True)
    return new.row, found


def _find(store: V1Store, workflow_key: str, new: _New) -> int | None:
    """Return the id of a record that may have been added; one whose link was lost is deleted."""
    listing = Listing("/user_data", {"workflow_id": workflow_key, "name": new.token}, v1.Records)
    rows, _ = around(
        lambda path, params: store.http.get(path, params, attempts=2), listing, set(), workflow_key
    )
    if not rows:
        return None
    found: int = rows[0].id
    if new.job_key is not None:
        job = store.fetch_job(new.job_key, workflow_key)
        if found not in job.input_user_data_ids and found not in job.output_user_data_ids:
            _delete_one(store, found)
            return None
    return found


def update(
    store: V1Store,
    workflow_key: str,
    record_keys: Sequence[str],
    data: Sequence[bytes],
    revs: Sequence[str | None] | None,
) -> list[str | None]:
    """Replace data; see `torc_frames.store.base.Store.update_user_data`."""
    for what, given in (("data", data), ("revs", revs)):
        if given is not None and len(given) != len(record_keys):
            raise RefusedError(f"{len(given)} {what} for {len(record_keys)} records")
    sent = v1.outgoing(data).send
    _check_sizes(sent)
    current = _fetch(store, workflow_key, record_keys)
    changed = [
        key
        for key, rev in zip(record_keys, revs or (), strict=False)
        if rev is not None and rev != v1.rev_of(bytes(current[key].data))
    ]
    if changed:
        raise ConflictError(f"changed since they were read: user_data keys {', '.join(changed)}")
    problems = [
        Problem(row, None, f"torc-server can't take away the data of user_data key {key}; use {{}}")
        for row, (key, raw) in enumerate(zip(record_keys, sent, strict=True))
        if raw == b"null" and bytes(current[key].data) != b"null"
    ]
    if problems:
        raise RefusedError(problems)

    def put(change: tuple[str, bytes]) -> str:
        key, raw = change
        body = b'{"workflow_id":%s,"name":%s,"data":%s}' % (
            workflow_key.encode(),
            v1.encode(current[key].name),
            raw,
        )
        try:
            reply = store.http.send("PUT", f"/user_data/{key}", body, repeatable=True)
        except ReplyError as error:
            if error.response is None or error.response.status != 404:
                raise
            raise NotFoundError("user_data", [key], f"workflow {workflow_key}") from None
        return v1.rev_of(bytes(decoded(v1.Record, reply, "a record").data))

    return list(each(put, zip(record_keys, sent, strict=True)))


def delete(store: V1Store, workflow_key: str, record_keys: Sequence[str]) -> None:
    """Delete records; see `torc_frames.store.base.Store.delete_user_data`."""
    _fetch(store, workflow_key, record_keys)
    each(lambda key: _delete_one(store, int(key)), dict.fromkeys(record_keys))


def _delete_one(store: V1Store, record_id: int) -> None:
    try:
        store.http.send("DELETE", f"/user_data/{record_id}", repeatable=True)
    except ReplyError as error:
        if error.response is None or error.response.status != 404 or not error.repeated:
            raise


def _fetch(store: V1Store, workflow_key: str, record_keys: Sequence[str]) -> dict[str, v1.Record]:
    """Return records by their keys; NotFoundError names all that do not exist."""
    keys = list(dict.fromkeys(record_keys))
    if len(keys) > MANY:
        return _fetch_many(store, workflow_key, keys)
    found: dict[str, v1.Record] = {}
    missing = []

    def one(key: str) -> None:
        try:
            found[key] = store.fetch_record(workflow_key, key)
        except NotFoundError:
            missing.append(key)

    each(one, keys)
    if missing:
        raise NotFoundError("user_data", [key for key in keys if key in missing], f"workflow {workflow_key}")
    return found


def _fetch_many(store: V1Store, workflow_key: str, keys: list[str]) -> dict[str, v1.Record]:
    wanted = set(keys)
    listing = Listing("/user_data", {"workflow_id": workflow_key}, v1.Records)
    found: dict[str, v1.Record] = {}
    for rows in listed(store.http.get, listing):
        found |= {str(row.id): row for row in rows if str(row.id) in wanted}
    missing = [key for key in keys if key not in found]
    if missing:
        raise NotFoundError("user_data", missing, f"workflow {workflow_key}")
    return found


def _check_jobs(store: V1Store, workflow_key: str, job_keys: Sequence[str]) -> None:
    """Refuse jobs that do not exist: the server would link records to them."""
    if not job_keys:
        return
    if len(job_keys) == 1:
        store.fetch_job(job_keys[0], workflow_key)
        return
    known = store.job_ids(workflow_key)
    missing = [key for key in job_keys if key_to_id(key) not in known]
    if missing:
        raise NotFoundError("job", missing, f"workflow {workflow_key}")


def _check_sizes(lines: Sequence[bytes]) -> None:
    problems = [
        Problem(
            row,
            None,
            f"has {len(line):,} bytes, more than torc-server takes; write it to a file and "
            "store tf.Pointer(path)",
        )
        for row, line in enumerate(lines)
        if len(line) > v1.MAX_RECORD_BYTES
    ]
    if problems:
        raise RefusedError(problems)
