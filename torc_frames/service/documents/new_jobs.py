"""Adding jobs with their edges to the embedded store, as documents."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.documents.bodies import (
    FILES,
    REQUIREMENTS,
    SCHEDULERS,
    SHAPES,
    Attributes,
    Body,
    ids_in,
    read_body,
    value_of,
)
from torc_frames.service.documents.edges import COLLECTIONS, add_dependencies, link, target
from torc_frames.service.documents.jobs import JobDocuments
from torc_frames.service.documents.requirements import require
from torc_frames.service.documents.rows import KEY, Place
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import CONSUMES, JOBS, STORES, USER_DATA, Form

__all__ = ["Named", "add_jobs", "add_specification"]

_JOBS = JobDocuments()
_SAME = (
    *("name", "command", "cancel_on_blocking_job_failure", "interruptible"),
    *("supports_termination", "invocation_script", "schedule_compute_nodes"),
)
_RECORDS = {"input_user_data": CONSUMES, "output_user_data": STORES}
_read_objects = msgspec.json.Decoder(list[msgspec.Raw]).decode


def add_jobs(place: Place, form: Form, bodies: Sequence[Body]) -> list[int]:
    """Add jobs, then their edges, which may lead to any of them, and return their rows' ids."""
    jobs = [_JOBS.add(place, form, body) for body in bodies]
    waits: list[tuple[int, int]] = []
    for job, body in zip(jobs, bodies, strict=True):
        sent = body.attributes
        for attribute, edge in _RECORDS.items():
            for one in ids_in(sent, attribute):
                link(place, form, edge, job, target(place, USER_DATA, one, attribute)[0])
        waits += [(job, target(place, JOBS, one, "blocked_by")[0]) for one in ids_in(sent, "blocked_by")]
        if (needed := value_of(sent, REQUIREMENTS)) is not None:
            require(place, [job], target(place, REQUIREMENTS, needed, REQUIREMENTS))
    add_dependencies(place, waits)
    return jobs


def add_specification(place: Place, body: Body, named: Named | None = None) -> int:
    """Add a job with its records and edges, told by names, and return its row's id."""
    sent, named = body.attributes, named or Named(place)
    attributes: Attributes = {name: sent[name] for name in _SAME if name in sent}
    for name in ("input_files", "output_files"):
        ids = [
            legacy.document_id(FILES, named(FILES, file, name)[1], place.key) for file in ids_in(sent, name)
        ]
        if ids:
            attributes[name] = msgspec.Raw(legacy.encode(ids))
    if scheduler := value_of(sent, "scheduler"):
        kind, _, name = scheduler.partition("/")
        key = named(kind if kind in SCHEDULERS else SCHEDULERS[0], name, "scheduler")[1]
        attributes["scheduler"] = msgspec.Raw(legacy.encode(legacy.document_id(kind, key, place.key)))
    waits = [named(JOBS, job, "blocked_by")[0] for job in ids_in(sent, "blocked_by")]
    needed = value_of(sent, REQUIREMENTS)
    requirement = None if needed is None else named(REQUIREMENTS, needed, REQUIREMENTS)[1]
    edges = [
        (edge, named(USER_DATA, name, attribute)[0])
        for attribute, edge in _RECORDS.items()
        for name in ids_in(sent, attribute)
    ]
    job = _JOBS.add(place, Form.LATER, Body(attributes, value_of(sent, "key", body.key), None))
    for edge, record in edges:
        link(place, Form.LATER, edge, job, record)
    for raw in _read_objects(sent.get("user_data", b"[]")):
        one = read_body(Form.FIRST, SHAPES[USER_DATA], bytes(raw))
        link(place, Form.FIRST, STORES, job, COLLECTIONS[USER_DATA].add(place, Form.FIRST, one))
    add_dependencies(place, [(job, other) for other in waits])
    if requirement is not None:
        require(place, [job], COLLECTIONS[REQUIREMENTS].find(place, requirement))
    return job


class Named:
    """Finds documents of a workflow by their names, which are read once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[str, dict[str, list[tuple[int, str]]]] = {}

    def __call__(self, collection: str, name: str, attribute: str) -> tuple[int, str]:
        """Return id and key of the one document that has a name; RefusedError if that is none, or several."""
        if collection not in self._read:
            self._read[collection] = self._all(collection)
        found = self._read[collection].get(name, [])
        if len(found) != 1:
            several = "several" if found else "none"
            raise RefusedError(f'request body "{attribute}" names {several} of the {collection}: {name!r}')
        return found[0]

    def _all(self, collection: str) -> dict[str, list[tuple[int, str]]]:
        table, column, scope = (
            "document",
            "json_extract(attributes, '$.name')",
            "AND collection = :collection",
        )
        if collection in (JOBS, USER_DATA):
            table, column, scope = {JOBS: "job"}.get(collection, collection), "name", ""
        sql = f"SELECT {column}, id, {KEY.format(table)} FROM {table} WHERE workflow_id = :workflow {scope}"
        found: dict[str, list[tuple[int, str]]] = {}
        for name, number, key in self._place.rows(sql, {"collection": collection}):
            found.setdefault(name, []).append((number, str(key)))
        return found
