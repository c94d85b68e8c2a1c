"""Adding jobs with their edges to the embedded store, as documents."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.documents.bodies import (
    FILES,
    REQUIREMENTS,
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
from torc_frames.service.documents.rows import Place
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import CONSUMES, JOBS, STORES, USER_DATA, Form

__all__ = ["add_jobs", "add_specification"]

_JOBS = JobDocuments()
_SAME = ("name", "command", "cancel_on_blocking_job_failure", "interruptible")
_read_objects = msgspec.json.Decoder(list[msgspec.Raw]).decode


def add_jobs(place: Place, form: Form, bodies: Sequence[Body]) -> list[int]:
    """Add jobs, then their edges, which may lead to any of them, and return their rows' ids."""
    jobs = [_JOBS.add(place, form, body) for body in bodies]
    waits: list[tuple[int, int]] = []
    for job, body in zip(jobs, bodies, strict=True):
        sent = body.attributes
        for attribute, edge in (("input_user_data", CONSUMES), ("output_user_data", STORES)):
            for one in ids_in(sent, attribute):
                link(place, form, edge, job, target(place, USER_DATA, one, attribute)[0])
        waits += [(job, target(place, JOBS, one, "blocked_by")[0]) for one in ids_in(sent, "blocked_by")]
        if (needed := value_of(sent, REQUIREMENTS)) is not None:
            require(place, [job], target(place, REQUIREMENTS, needed, REQUIREMENTS))
    add_dependencies(place, waits)
    return jobs


def add_specification(place: Place, body: Body) -> int:
    """Add a job of the first form with its records and edges, told by names, and return its row's id."""
    sent = body.attributes
    if value_of(sent, "scheduler"):
        raise RefusedError('request body "scheduler" names none: schedulers are not kept')
    attributes: Attributes = {name: sent[name] for name in _SAME if name in sent}
    for name in ("input_files", "output_files"):
        keys = [_named(place, FILES, file, name)[1] for file in ids_in(sent, name)]
        ids = [legacy.document_id(FILES, key, place.key) for key in keys]
        if ids:
            attributes[name] = msgspec.Raw(legacy.encode(ids))
    waits = [_named(place, JOBS, job, "blocked_by")[0] for job in ids_in(sent, "blocked_by")]
    needed = value_of(sent, REQUIREMENTS)
    key = _named(place, REQUIREMENTS, needed, REQUIREMENTS)[1] if needed is not None else None
    job = _JOBS.add(place, Form.FIRST, Body(attributes, value_of(sent, "key", body.key), None))
    for record in _read_objects(sent.get("user_data", b"[]")):
        one = read_body(Form.FIRST, SHAPES[USER_DATA], bytes(record))
        link(place, Form.FIRST, STORES, job, COLLECTIONS[USER_DATA].add(place, Form.FIRST, one))
    add_dependencies(place, [(job, other) for other in waits])
    if key is not None:
        require(place, [job], COLLECTIONS[REQUIREMENTS].find(place, key))
    return job


def _named(place: Place, collection: str, name: str, attribute: str) -> tuple[int, str]:
    """Return id and key of the one document that has a name."""
    table, column = "document", "json_extract(attributes, '$.name')"
    values = {"name": name, "collection": collection}
    where = f"workflow_id = :workflow AND collection = :collection AND {column} = :name"
    if collection == JOBS:
        table, where = "job", "workflow_id = :workflow AND name = :name"
    rows = place.rows(f"SELECT id, ifnull(document_key, id) FROM {table} WHERE {where} LIMIT 2", values)
    if len(rows) != 1:
        several = "several" if rows else "none"
        raise RefusedError(f'request body "{attribute}" names {several} of the {collection}: {name!r}')
    return rows[0][0], str(rows[0][1])
