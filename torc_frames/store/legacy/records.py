"""Records of a service of 2023: their list, and the documents that add and change them."""

from __future__ import annotations

import msgspec

from torc_frames.store.legacy.lists import LegacyListing
from torc_frames.store.legacy.service import Service, read_record
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import USER_DATA, Form, Items, LegacyRecord, encode

__all__ = ["body_of", "records_of"]


def records_of(service: Service, workflow_key: str) -> LegacyListing:
    """Return the list of the records of a workflow."""
    path = service.paths.all_of(workflow_key, USER_DATA)
    if service.form is Form.LATER:
        return LegacyListing(path, Items[legacy.LaterRecord], row=_later)
    return LegacyListing(path, Items[msgspec.Raw], row=_first)


def _later(found: legacy.LaterRecord) -> LegacyRecord:
    data = bytes(found.data)
    if b"\n" in data:
        data = msgspec.json.format(data, indent=-1)
    return LegacyRecord(found.key, found.rev, data, found.name, bool(found.is_ephemeral))


def _first(found: msgspec.Raw) -> LegacyRecord:
    return read_record(Form.FIRST, bytes(found))


def body_of(form: Form, record: LegacyRecord) -> bytes:
    """Return the document that adds a record, or with its rev changes it; it need not have a key.

    Examples
    --------
    >>> first, later = LegacyRecord("a", None, b'{"x":1}'), LegacyRecord("", None, b'{"x":1}')
    >>> body_of(Form.FIRST, first), body_of(Form.LATER, later)
    (b'{"_key":"a","x":1}', b'{"is_ephemeral":false,"data":{"x":1}}')
    """
    told: dict[str, object] = {}
    if record.key:
        told["_key"] = record.key
    if record.rev is not None:
        told["_rev"] = record.rev
    raw = record.data.strip()
    if form is Form.FIRST:
        head, inside = encode(told)[1:-1], raw[1:-1].strip()
        return b"{" + b",".join(part for part in (head, inside) if part) + b"}"
    if record.name is not None:
        told["name"] = record.name
    told["is_ephemeral"] = record.is_ephemeral
    if raw != b"null":
        told["data"] = msgspec.Raw(raw)
    return encode(told)
