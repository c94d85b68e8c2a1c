"""Whole workflows as one document: what clients of 2023 make them of, and are shown of them."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.documents.bodies import (
    CONFIGS,
    FILES,
    REQUIREMENTS,
    SCHEDULERS,
    SHAPES,
    SPECIFICATION,
    WORKFLOW_SPECIFICATION,
    Attributes,
    Body,
    BodyShape,
    ids_in,
    read_body,
    value_of,
)
from torc_frames.service.documents.collections import COLLECTIONS
from torc_frames.service.documents.edges import EDGES, add_dependencies
from torc_frames.service.documents.new_jobs import Named, add_specification
from torc_frames.service.documents.rows import KEY, Place
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import BLOCKS, CONSUMES, JOBS, REQUIRES, STORES, USER_DATA, WORKFLOWS, Form

__all__ = ["EXAMPLE", "add_workflow", "config", "specification", "status"]

EXAMPLE = {
    "name": "example",
    "jobs": [
        {
            **{"name": "work", "command": "bash work.sh in.json out.json", "user_data": [{"alpha": 0.1}]},
            **{"input_files": ["in"], "output_files": ["out"], "resource_requirements": "medium"},
        },
        {"name": "after", "command": "bash after.sh", "input_files": ["out"], "blocked_by": ["work"]},
    ],
    "files": [{"name": "in", "path": "in.json"}, {"name": "out", "path": "out.json"}],
    "resource_requirements": [{"name": "medium", "num_cpus": 8, "memory": "30g", "runtime": "P0DT4H"}],
}
"""A workflow as it is posted."""

_PARTS = {FILES: Form.FIRST, REQUIREMENTS: Form.FIRST, USER_DATA: Form.LATER}
"""What jobs name, and in which form it is told."""

_CONFIG = {
    "compute_node_resource_stats": {
        **dict.fromkeys(("cpu", "disk", "memory", "network", "process", "recurse_child_processes"), False),
        **{
            "include_child_processes": True,
            "monitor_type": "aggregation",
            "make_plots": True,
            "interval": 10,
        },
    }
}
_ALL = 2**62
_SYSTEM = frozenset({"_id", "_key", "_rev"})
_NOT_OF_JOBS = _SYSTEM | {"status", "run_id"}
_ANY = BodyShape("a part of a workflow")
_objects = msgspec.json.Decoder(list[msgspec.Raw]).decode
_attributes = msgspec.json.Decoder(Attributes).decode


def add_workflow(place: Place, form: Form, document: bytes) -> int:
    """Add a workflow with all that it has, and return its row's id.

    Jobs name what they are linked to, in any order. RefusedError says of which part something is wrong.
    """
    body = read_body(form, WORKFLOW_SPECIFICATION, document)
    sent = body.attributes
    told = {name: sent[name] for name in ("name", "user", "description") if value_of(sent, name) is not None}
    new = COLLECTIONS[WORKFLOWS].add(place, form, Body(told, value_of(sent, "key", body.key), None))
    ((key,),) = place.rows("SELECT ifnull(document_key, id) FROM workflow WHERE id = :id", {"id": new})
    inside = Place(place.connection, new, str(key))
    schedulers = _attributes(sent["schedulers"]) if value_of(sent, "schedulers") else {}
    for kind in SCHEDULERS:
        _add(inside, kind, Form.FIRST, _ANY, _items(schedulers, kind))
    for collection, its_form in _PARTS.items():
        _add(inside, collection, its_form, SHAPES[collection], _items(sent, collection))
    _add_jobs(inside, _items(sent, JOBS))
    if value_of(sent, "config"):
        _add(inside, CONFIGS, Form.FIRST, _ANY, [sent["config"]])
    return new


def _items(sent: Mapping[str, msgspec.Raw], name: str) -> list[msgspec.Raw]:
    """Return the items of a list; clients of the later form may send null for none."""
    raw = sent.get(name, msgspec.Raw(b"null"))
    return [] if bytes(raw) == b"null" else _objects(raw)


def _bodies(
    name: str, form: Form, shape: BodyShape, items: Iterable[msgspec.Raw]
) -> Iterator[tuple[int, Body]]:
    """Yield items as documents; what is null counts as not sent."""
    for at, item in enumerate(items):
        try:
            body = read_body(form, BodyShape(shape.noun), bytes(item))
            given = {key: value for key, value in body.attributes.items() if bytes(value) != b"null"}
            system = {} if body.key is None else {"_key": body.key}
            yield at, read_body(form, shape, legacy.encode({**given, **system}))
        except RefusedError as error:
            raise _refused(name, at, error) from None


def _refused(name: str, at: int, error: RefusedError) -> RefusedError:
    return RefusedError(str(error).replace("request body", f"request body {name} {at}:", 1))


def _add(place: Place, collection: str, form: Form, shape: BodyShape, items: Iterable[msgspec.Raw]) -> None:
    for _, body in _bodies(collection, form, shape, items):
        COLLECTIONS[collection].add(place, form, body)


def _add_jobs(place: Place, items: list[msgspec.Raw]) -> None:
    named, waiting = Named(place), []
    for at, body in _bodies(JOBS, Form.LATER, SPECIFICATION, items):
        waits = ids_in(body.attributes, "blocked_by")
        sent = {name: value for name, value in body.attributes.items() if name != "blocked_by"}
        try:
            waiting.append((add_specification(place, body._replace(attributes=sent), named), waits))
        except RefusedError as error:
            raise _refused(JOBS, at, error) from None
    add_dependencies(
        place, [(job, named(JOBS, name, "blocked_by")[0]) for job, names in waiting for name in names]
    )


def specification(place: Place, form: Form) -> bytes:
    """Return a workflow as `add_workflow` takes it.

    The first form tells all records with their jobs; the later one names those that have a name of their own.
    """
    sql = "SELECT name, user, description FROM workflow WHERE id = :workflow"
    told = dict(zip(("name", "user", "description"), place.rows(sql)[0], strict=True))
    records, jobs = _documents(place, USER_DATA), _documents(place, JOBS, Form.LATER)
    jobs = {one: {**jobs[one], **row} for one, row in _documents(place, JOBS).items()}
    parts = {kind: _documents(place, kind) for kind in (*SCHEDULERS, FILES, REQUIREMENTS)}
    named = {} if form is Form.FIRST else _named_records(place)
    named = {one: row for one, row in _documents(place, USER_DATA, form).items() if one in named}
    names = {
        one: value_of(row, "name")
        for rows in (jobs, named, *parts.values())
        for one, row in rows.items()
        if "name" in row
    }
    whole: dict[str, Any] = {key: value for key, value in told.items() if value}
    whole["config"] = msgspec.Raw(config(place))
    whole["schedulers"] = {kind: list(parts.pop(kind).values()) for kind in SCHEDULERS}
    whole |= {kind: list(rows.values()) for kind, rows in parts.items()}
    whole |= {USER_DATA: list(named.values())} if named else {}
    whole[JOBS] = [*_told_jobs(place, jobs, records, names)]
    return legacy.encode(whole)


def _told_jobs(
    place: Place,
    jobs: Mapping[str, Attributes],
    records: Mapping[str, Attributes],
    names: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    waits, needs = _linked(place, BLOCKS, "_to"), _linked(place, REQUIRES)
    inputs, outputs = _linked(place, CONSUMES), _linked(place, STORES)

    def named(ids: Iterable[str]) -> list[str]:
        return [names[one] for one in ids if one in names]

    for job_id, job in jobs.items():
        told: dict[str, Any] = {name: value for name, value in job.items() if name not in _NOT_OF_JOBS}
        own = [*inputs.get(job_id, ()), *outputs.get(job_id, ())]
        told["user_data"] = [
            {name: value for name, value in records[one].items() if name not in _SYSTEM}
            for one in own
            if one not in names and one in records
        ]
        told["input_user_data"] = named(inputs.get(job_id, ()))
        told["output_user_data"] = named(outputs.get(job_id, ()))
        told |= {name: named(ids_in(job, name)) for name in ("input_files", "output_files")}
        told["blocked_by"] = named(waits.get(job_id, ()))
        for name in named(needs.get(job_id, ())):
            told[REQUIREMENTS] = name
        scheduler = value_of(job, "scheduler", "")
        told["scheduler"] = "".join(f"{scheduler.partition('__')[0]}/{name}" for name in named([scheduler]))
        yield told


def config(place: Place) -> bytes:
    """Return how a workflow was said to be run, with the defaults of what was not said."""
    kept = next(iter(_documents(place, CONFIGS).values()), {})
    system = legacy.system_attributes(CONFIGS, place.key, "1", None)
    defaults = legacy.encode({**system, **_CONFIG})
    return legacy.merged(defaults, legacy.encode(kept), deep=True)


def status(place: Place) -> bytes:
    """Return in which run a workflow is."""
    ((run_id,),) = place.rows("SELECT max(run_id) FROM job WHERE workflow_id = :workflow")
    system = legacy.system_attributes("workflow_statuses", place.key, "1", None)
    tuning = {"enabled": False, "job_keys": []}
    return legacy.encode(
        {**system, "is_canceled": False, "run_id": max(run_id or 1, 1), "auto_tune_status": tuning}
    )


def _documents(place: Place, collection: str, form: Form = Form.FIRST) -> dict[str, Attributes]:
    """Return all documents of a collection by their ids."""
    items, _ = COLLECTIONS[collection].listed(place, form, 0, _ALL, {})
    rows = map(_attributes, items)
    return {value_of(row, "_id"): row for row in rows}


def _linked(place: Place, name: str, end: str = "_from") -> dict[str, list[str]]:
    """Return the ids of what edges lead to, by those of one of their ends."""
    other = "_to" if end == "_from" else "_from"
    found: dict[str, list[str]] = {}
    for edge in map(_attributes, EDGES[name].listed(place, 0, _ALL)[0]):
        found.setdefault(value_of(edge, end), []).append(value_of(edge, other))
    return found


def _named_records(place: Place) -> set[str]:
    """Return the ids of records that have a name of their own."""
    key = KEY.format("user_data")
    of_names = "WHERE workflow_id = :workflow GROUP BY name HAVING count(*) = 1 AND name <> ''"
    sql = f"SELECT {key} FROM user_data {of_names}"
    return {legacy.document_id(USER_DATA, one, place.key) for (one,) in place.rows(sql)}
