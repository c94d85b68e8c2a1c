"""Replacing the data of a record of the first form, whose updates only ever add to objects.

A record is deleted and added anew with the same key and edges. Before that, the workflow's metadata tells
what it will be: if the process ends in between, whoever reads the workflow with torc_frames finds the
record there, and the next write to it finishes what was begun.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from torc_frames.errors import NotFoundError
from torc_frames.store.legacy import metadata
from torc_frames.store.legacy.links import links_of_jobs, read_edges
from torc_frames.store.legacy.metadata import Entry
from torc_frames.store.legacy.once import NewRecord, add_record, link
from torc_frames.store.legacy.service import Service
from torc_frames.store.wire.legacy import STORES, LegacyRecord

__all__ = ["begun", "finish", "forget", "replace"]


def replace(service: Service, workflow_key: str, records: Sequence[LegacyRecord]) -> None:
    """Give records the data that is told, and nothing of what they have."""
    links = _links_to(service, workflow_key, {record.key for record in records})
    entries = [Entry(msgspec.Raw(record.data), record.key, links.get(record.key, [])) for record in records]
    keys = {entry.key for entry in entries}

    def add(journal: list[Entry]) -> list[Entry]:
        return [*(entry for entry in journal if entry.key not in keys), *entries]

    metadata.change_journal(service, workflow_key, add)
    for entry in entries:
        service.delete_record(workflow_key, entry.key)
        _restore(service, workflow_key, entry)
    forget(service, workflow_key, keys)


def begun(service: Service, workflow_key: str, record_key: str) -> LegacyRecord | None:
    """Return what a record will be that somebody had begun to replace, None if nobody had."""
    for entry in metadata.fetch(service, workflow_key).journal:
        if entry.key == record_key:
            return LegacyRecord(record_key, None, bytes(entry.data))
    return None


def finish(service: Service, workflow_key: str, record_keys: Sequence[str]) -> bool:
    """Add the records again that somebody had begun to replace; return whether there were any."""
    wanted = set(record_keys)
    entries = [entry for entry in metadata.fetch(service, workflow_key).journal if entry.key in wanted]
    for entry in entries:
        _restore(service, workflow_key, entry)
    if entries:
        forget(service, workflow_key, wanted)
    return bool(entries)


def forget(service: Service, workflow_key: str, record_keys: set[str]) -> None:
    """Note that nothing is under way with these records."""
    metadata.change_journal(
        service, workflow_key, lambda journal: [one for one in journal if one.key not in record_keys]
    )


def _restore(service: Service, workflow_key: str, entry: Entry) -> None:
    """Add a record with its edges, as far as it is not there."""
    record = LegacyRecord(entry.key, None, bytes(entry.data))
    links = list(entry.links)
    while True:
        first = next((job for name, job in links if name == STORES), None)
        try:
            add_record(service, workflow_key, NewRecord(record, first, sent=True))
            break
        except NotFoundError as error:
            if error.kind != "job":
                raise
            links = [one for one in links if one[1] not in error.keys]  # deleted meanwhile
    for name, job in links:
        if (name, job) != (STORES, first):
            link(service, workflow_key, name, job, entry.key)


def _links_to(service: Service, workflow_key: str, wanted: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Return by record the edges to it."""
    edges = read_edges(service, workflow_key, service.rows)
    if edges is None:
        links = links_of_jobs(service, workflow_key, service.http.get, service.job_keys(workflow_key))
        edges = [(STORES, link.job_key, link.record_key) for link in links]
    found: dict[str, list[tuple[str, str]]] = {}
    for name, job, record in edges:
        if record in wanted:
            found.setdefault(record, []).append((name, job))
    return found
