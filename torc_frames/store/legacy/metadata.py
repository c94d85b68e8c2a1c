"""What is told of a workflow, and its metadata, which a service of 2023 keeps as one of its records."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torc_frames.errors import ConflictError, RefusedError, ReplyError, ServerError, UncertainWriteError
from torc_frames.frame.values import encode_data
from torc_frames.store.legacy.keys import JOURNAL, METADATA
from torc_frames.store.legacy.records import check
from torc_frames.store.legacy.service import Service, is_duplicate, read_record
from torc_frames.store.paged.service import is_missing
from torc_frames.store.wire.legacy import USER_DATA, Form, encode, in_order, merged

__all__ = ["Entry", "StoredMetadata", "change_journal", "fetch", "kept", "merge", "update_workflow"]

TRIES = 40
"""How often it is read and written again where others change it at the same time."""

_PAUSE_S, _MAX_PAUSE_S = 0.005, 0.2


class Entry(msgspec.Struct, omit_defaults=True):
    """A write of several requests that was begun: what a record will be, or the metadata without a key."""

    data: msgspec.Raw
    key: str = ""
    links: list[tuple[str, str]] = []
    """The name of each edge to it, and the job that it is from."""


@dataclass(slots=True)
class StoredMetadata:
    """The metadata as it is in the service, and as it is meant.

    Attributes
    ----------
    rev : str or None
        That of the record, None if there is none.
    found : dict of str to Raw
        What the record holds.
    journal : list of Entry
        What was begun.
    """

    rev: str | None = None
    found: dict[str, msgspec.Raw] = field(default_factory=dict)
    journal: list[Entry] = field(default_factory=list)

    @property
    def values(self) -> dict[str, msgspec.Raw]:
        """The metadata, with what was begun."""
        begun = [_attributes(entry.data) for entry in self.journal if not entry.key]
        held = {name: raw for name, raw in self.found.items() if name != JOURNAL}
        for patch in begun:
            held |= patch
        return held

    def decoded(self) -> dict[str, Any]:
        """Return the metadata as Python values."""
        return {name: msgspec.json.decode(raw) for name, raw in self.values.items()}


_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_entries = msgspec.json.Decoder(list[Entry] | None).decode


def fetch(service: Service, workflow_key: str) -> StoredMetadata:
    """Return the metadata of a workflow that exists."""
    try:
        body = service.http.get(service.path(workflow_key, USER_DATA, METADATA))
    except ReplyError as error:
        if not is_missing(error):
            raise
        return StoredMetadata()
    record = read_record(service.form, body)
    try:
        found = {} if record.data == b"null" else _attributes(record.data)
        journal = _entries(found.get(JOURNAL, b"null")) or []
    except msgspec.MsgspecError as error:
        where = f"record {METADATA} of workflow {workflow_key}"
        raise ServerError(f"{where} is not the metadata that it should be: {error}") from None
    return StoredMetadata(record.rev, found, journal)


def kept(metadata: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    """Return metadata as it is sent; RefusedError for what can't be kept."""
    raw = encode_data(dict(metadata))
    check(Form.FIRST, [raw])
    if JOURNAL in metadata:
        raise RefusedError(f"{JOURNAL} in the metadata is for torc_frames itself; use another name")
    return _attributes(raw)


def merge(service: Service, workflow_key: str, patch: Mapping[str, msgspec.Raw]) -> None:
    """Set top-level keys of the metadata, whatever others set meanwhile; see `Store.merge_metadata`."""

    def step(now: StoredMetadata) -> bool:
        values = now.values
        pending = [entry for entry in now.journal if not entry.key]
        if not pending and _same({**values, **patch}, values):
            return True
        if now.rev is None:
            _write(service, workflow_key, now, {**values, **patch}, _kept_entries(now))
            return True
        begun = {name: raw for entry in pending for name, raw in _attributes(entry.data).items()}
        return _merge_first(service, workflow_key, now, {**begun, **patch})

    _repeat(service, workflow_key, step)


def update_workflow(service: Service, workflow_key: str, told: Mapping[str, str]) -> None:
    """Set attributes of a workflow itself, whatever others set meanwhile."""

    def step(_: object) -> bool:
        now = service.fetch_workflow(workflow_key)
        if any((getattr(now, name) or "") != text for name, text in told.items()):
            body = encode({"_key": now.key, "_rev": now.rev, **told})
            service.send("PUT", service.path_of_workflow(workflow_key), body)
        return True

    _repeat(service, workflow_key, step)


def change_journal(service: Service, workflow_key: str, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Change what is told of writes that were begun, whatever others change at the same time."""

    def step(now: StoredMetadata) -> bool:
        changed = change(now.journal)
        if encode(changed) != encode(now.journal):
            _write(service, workflow_key, now, {}, changed)
        return True

    _repeat(service, workflow_key, step)


def _merge_first(
    service: Service, workflow_key: str, now: StoredMetadata, patch: Mapping[str, msgspec.Raw]
) -> bool:
    """Merge where the service merges objects deeply; return whether that is all.

    A key whose object would keep something of the old one is emptied first, while the journal holds what
    it will be.
    """
    held = encode(now.found)
    deep = _attributes(merged(held, encode(patch), deep=True))
    wrong = [name for name, raw in patch.items() if in_order(deep[name]) != in_order(raw)]
    journal = _kept_entries(now)
    if wrong:
        journal = [*journal, Entry(msgspec.Raw(encode(patch)))]
        _write(service, workflow_key, now, dict.fromkeys(wrong, msgspec.Raw(b"null")), journal)
        return False
    _write(service, workflow_key, now, patch, journal)
    return True


def _kept_entries(now: StoredMetadata) -> list[Entry]:
    return [entry for entry in now.journal if entry.key]


def _write(
    service: Service,
    workflow_key: str,
    now: StoredMetadata,
    values: Mapping[str, msgspec.Raw],
    journal: list[Entry],
) -> None:
    """Write what was decided from `now`; a ConflictError, or a key that exists, says that it is old."""
    data: dict[str, Any] = dict(values)
    if journal or now.journal:
        data[JOURNAL] = journal
    system = {"_key": METADATA} if now.rev is None else {"_key": METADATA, "_rev": now.rev}
    body = encode({**system, **data})
    if now.rev is None:
        service.send("POST", service.path(workflow_key, USER_DATA), body)
    else:
        service.send("PUT", service.path(workflow_key, USER_DATA, METADATA), body)


def _repeat(service: Service, workflow_key: str, step: Callable[[StoredMetadata], bool]) -> None:
    """Read and take a step until it was the last; one whose answer is lost is judged by what is read."""
    lost: UncertainWriteError | None = None
    for attempt in range(TRIES):
        try:
            if step(fetch(service, workflow_key)):
                return
            continue
        except UncertainWriteError as error:
            if lost is not None:
                raise
            lost = error
        except ReplyError as error:
            if not is_duplicate(error):
                raise
        except ConflictError:
            pass
        longest = min(_MAX_PAUSE_S, _PAUSE_S * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, keeps no secret
    if lost is not None:
        raise lost
    raise ConflictError(
        f"the metadata of workflow {workflow_key} was changed by others {TRIES} times in a row"
    )


def _same(one: Mapping[str, msgspec.Raw], other: Mapping[str, msgspec.Raw]) -> bool:
    return in_order(encode(one)) == in_order(encode(other))
