"""Adding many records to a torc-server that are linked to no job: one request for thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from torc_frames.store.http import Http
from torc_frames.store.v1_leftover import delete_record
from torc_frames.store.v1_lists import Listing, decoded, listed
from torc_frames.store.v1_parallel import each
from torc_frames.store.v1_settle import Unfinished, settled
from torc_frames.wire import v1

__all__ = ["add"]

CHUNK_ROWS = 10_000
CHUNK_BYTES = 32 * 2**20


class _Added(msgspec.Struct, gc=False):
    id: int


class _AddedRecords(msgspec.Struct):
    user_data: list[_Added]


@dataclass(slots=True)
class _Records:
    """What one call adds, as columns."""

    data: Sequence[bytes]
    names: Sequence[str | None]
    ephemeral: Sequence[bool]


@dataclass(slots=True)
class _Chunk:
    """Records of one request, one of which has a name of its own until all is settled.

    The server adds all of a request or nothing, under ids that follow each other: whether it did, and
    which ids they are, is told by that one record.
    """

    size: int
    token: str
    at: int
    """Where the record with the token is."""
    body: bytes
    names: dict[int, str] = field(default_factory=dict)
    """Names to be given afterwards; that of the record with the token is the last."""
    extra: bool = False
    """Whether the record with the token is one too many, to be deleted."""
    sent: bool = False


@dataclass(slots=True)
class _Progress:
    ids: list[int] = field(default_factory=list)
    chunk: _Chunk | None = None
    """One that was begun."""


def add(
    http: Http,
    unfinished: Unfinished,
    workflow_id: int,
    data: Sequence[bytes],
    names: Sequence[str | None],
    ephemeral: Sequence[bool],
) -> list[int]:
    """Add records, and return their ids in order.

    The server takes no name twice in one request: a record with a name that another one of the same
    request has, is given it afterwards.
    """
    records = _Records(data, names, ephemeral)
    call = workflow_id, tuple(data), tuple(names), tuple(ephemeral)
    with unfinished.resumed(call, _Progress()) as done:
        while len(done.ids) < len(data):
            chunk = done.chunk = done.chunk or _next_chunk(workflow_id, records, len(done.ids))
            ids = _add_chunk(http, workflow_id, chunk)
            _give_names(http, workflow_id, chunk, ids)
            done.ids += ids[1:] if chunk.extra else ids
            done.chunk = None
        return done.ids


def _next_chunk(workflow_id: int, records: _Records, start: int) -> _Chunk:
    stop, size = start, 0
    while stop < len(records.data) and (
        stop == start or (stop - start < CHUNK_ROWS and size + len(records.data[stop]) <= CHUNK_BYTES)
    ):
        size += len(records.data[stop])
        stop += 1
    # In a list the server shows no record that is null.
    at = next((row for row in range(start, stop) if records.data[row] != b"null"), None)
    chunk = _Chunk(stop - start, v1.name_to_wire(None), 0 if at is None else at - start, b"")
    bodies, seen = [], set()
    for row in range(start, stop):
        name = records.names[row]
        if name is not None and (row == at or name in seen):
            chunk.names[row - start] = name
            name = None
        seen.add(name)
        sent = chunk.token if row == at else v1.name_to_wire(name)
        bodies.append(v1.record_body(workflow_id, sent, records.data[row], records.ephemeral[row]))
    if at is None:
        chunk.extra, chunk.size = True, chunk.size + 1
        chunk.names = {row + 1: name for row, name in chunk.names.items()}
        bodies.insert(0, v1.record_body(workflow_id, chunk.token, b"{}"))
    chunk.body = b'{"user_data":[' + b",".join(bodies) + b"]}"
    return chunk


def _add_chunk(http: Http, workflow_id: int, chunk: _Chunk) -> list[int]:
    def post() -> list[int]:
        reply = http.send("POST", "/bulk_user_data", chunk.body)
        return [one.id for one in decoded(_AddedRecords, reply, "new records").user_data]

    def find() -> list[int] | None:
        listing = Listing("/user_data", {"workflow_id": workflow_id, "name": chunk.token}, v1.Records)
        for rows in listed(http.get, listing):
            first = rows[0].id - chunk.at
            return list(range(first, first + chunk.size))
        return None

    found = find() if chunk.sent else None
    chunk.sent = True
    return settled(post, find) if found is None else found


def _give_names(http: Http, workflow_id: int, chunk: _Chunk, ids: Sequence[int]) -> None:
    """Give records the names that they could not be sent with; until the last, the token is there."""

    def put(row: int) -> None:
        body = v1.encode({"workflow_id": workflow_id, "name": chunk.names[row]})
        http.send("PUT", f"/user_data/{ids[row]}", body, repeatable=True)

    each(put, [row for row in chunk.names if row != chunk.at or chunk.extra])
    if chunk.extra:
        delete_record(http, ids[0])
    elif chunk.at in chunk.names:
        put(chunk.at)
