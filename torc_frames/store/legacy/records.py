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


def body_of(record: LegacyRecord) -> bytes:
    """Return the document that adds a record in the first form, or with its rev changes it.

    Examples
    --------
    >>> body_of(LegacyRecord("a", None, b'{"x":1}'))
    b'{"_key":"a","x":1}'
    """
    told = {"_key": record.key} | ({} if record.rev is None else {"_rev": record.rev})
    inside = record.data.strip()[1:-1].strip()
    return encode(told)[:-1] + (b"," + inside if inside else b"") + b"}"
