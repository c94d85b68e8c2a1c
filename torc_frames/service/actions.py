"""What each operation of the service does with the documents of the store."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from torc_frames.service.calls import Call
from torc_frames.service.documents import specifications
from torc_frames.service.documents.bodies import EDGE, SHAPES, SPECIFICATION, read_body
from torc_frames.service.documents.collections import COLLECTIONS, Documents, collection_of, edges_of
from torc_frames.service.documents.edges import link
from torc_frames.service.documents.new_jobs import add_jobs as add_with_edges
from torc_frames.service.documents.new_jobs import add_specification
from torc_frames.service.documents.records import records_of_job
from torc_frames.service.documents.rows import KEY
from torc_frames.service.errors import HttpError
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, RESULTS, USER_DATA, WORKFLOWS, Form

__all__ = [
    "Action",
    "add",
    "add_edge",
    "add_job_record",
    "add_job_specification",
    "add_jobs",
    "add_specified",
    "config",
    "delete_edge",
    "delete_edges",
    "example",
    "get",
    "get_edge",
    "latest_result",
    "list_by_status",
    "list_documents",
    "list_edges",
    "list_job_keys",
    "list_job_records",
    "ping",
    "remove",
    "remove_all",
    "specification",
    "status",
    "update",
    "version",
]

Action = Callable[[Documents, Call], bytes]
"""Does one operation, in one transaction, and returns the answer."""

VERSION = "0.6.4"
"""The last release that spoke the later form."""


class _Bulk(msgspec.Struct):
    jobs: list[msgspec.Raw]


def list_documents(documents: Documents, call: Call) -> bytes:
    """Return a page of a collection."""
    with documents.reading(call.home) as place:
        rows = collection_of(call.collection)
        return _page(call, *rows.listed(place, call.form, call.skip, call.limit, call.filters))


def get(documents: Documents, call: Call) -> bytes:
    """Return one document."""
    with documents.reading(call.home) as place:
        rows = collection_of(call.collection, call.key)
        return rows.document(place, call.form, rows.find(place, call.key))


def add(documents: Documents, call: Call) -> bytes:
    """Keep a new document."""
    body = read_body(call.form, SHAPES[call.collection], call.body)
    rows = collection_of(call.collection, body.key)
    with documents.writing(call.home) as place:
        if call.collection == JOBS:
            [row_id] = add_with_edges(place, call.form, [body])
        else:
            row_id = rows.add(place, call.form, body)
        return rows.added(place, call.form, row_id)


def update(documents: Documents, call: Call) -> bytes:
    """Merge into a document."""
    body = read_body(call.form, SHAPES[call.collection], call.body, new=False)
    with documents.writing(call.home) as place:
        return collection_of(call.collection, call.key).update(place, call.form, call.key, body)


def remove(documents: Documents, call: Call) -> bytes:
    """Delete a document and return it."""
    with documents.writing(call.home) as place:
        return collection_of(call.collection, call.key).delete(place, call.form, call.key)


def remove_all(documents: Documents, call: Call) -> bytes:
    """Empty a workflow's collection."""
    with documents.writing(call.home) as place:
        collection_of(call.collection).delete_all(place)
    what = f'Deleted all documents in the "{call.collection}" collection for workflow {call.workflow}'
    return legacy.encode({"message": what})


def list_job_keys(documents: Documents, call: Call) -> bytes:
    """Return the keys of a workflow's jobs."""
    with documents.reading(call.workflow) as place:
        sql = f"SELECT {KEY.format('job')} FROM job WHERE workflow_id = :workflow ORDER BY id"  # noqa: S608
        return legacy.encode({"items": [key for (key,) in place.rows(sql)]})


def list_by_status(documents: Documents, call: Call) -> bytes:
    """Return a page of the jobs that have the status in the path."""
    return list_documents(documents, call._replace(filters={"status": call.path["status"]}))


def add_jobs(documents: Documents, call: Call) -> bytes:
    """Keep many jobs at once."""
    try:
        jobs = legacy.decode(_Bulk, call.body).jobs
    except msgspec.MsgspecError as error:
        raise HttpError(400, f"request body: {error}") from None
    bodies = [read_body(Form.LATER, SHAPES[JOBS], bytes(job)) for job in jobs]
    with documents.writing(call.workflow) as place:
        ids = add_with_edges(place, Form.LATER, bodies)
        return _items([COLLECTIONS[JOBS].added(place, Form.LATER, row_id) for row_id in ids])


def add_job_specification(documents: Documents, call: Call) -> bytes:
    """Keep a job with its records."""
    body = read_body(Form.FIRST, SPECIFICATION, call.body)
    with documents.writing(call.workflow) as place:
        return COLLECTIONS[JOBS].added(place, Form.FIRST, add_specification(place, body))


def add_specified(documents: Documents, call: Call) -> bytes:
    """Keep a workflow with all that it has."""
    with documents.writing(None) as place:
        row_id = specifications.add_workflow(place, call.form, call.body)
        return collection_of(WORKFLOWS).added(place, call.form, row_id)


def specification(documents: Documents, call: Call) -> bytes:
    """Return a workflow with all that it has."""
    with documents.reading(call.key) as place:
        return specifications.specification(place, call.form)


def example(documents: Documents, call: Call) -> bytes:
    """Return a workflow as it can be posted."""
    return legacy.encode(specifications.EXAMPLE)


def config(documents: Documents, call: Call) -> bytes:
    """Return how a workflow is to be run."""
    with documents.reading(call.key) as place:
        return specifications.config(place)


def status(documents: Documents, call: Call) -> bytes:
    """Return in which run a workflow is."""
    with documents.reading(call.key) as place:
        return specifications.status(place)


def add_job_record(documents: Documents, call: Call) -> bytes:
    """Keep a record of a job."""
    body = read_body(call.form, SHAPES[USER_DATA], call.body)
    records = COLLECTIONS[USER_DATA]
    with documents.writing(call.workflow) as place:
        job = COLLECTIONS[JOBS].find(place, call.key)
        row_id = records.add(place, call.form, body)
        link(place, call.form, legacy.STORES, job[0], row_id)
        return records.added(place, call.form, row_id)


def list_job_records(edge: str | None) -> Action:
    """Return what lists a job's records: by an edge a page of them, else all, which is no page."""

    def action(documents: Documents, call: Call) -> bytes:
        """Return the records of a job."""
        with documents.reading(call.workflow) as place:
            job = COLLECTIONS[JOBS].find(place, call.key)
            rows = records_of_job(place, job[0], edge)
            items = COLLECTIONS[USER_DATA].documents(place, call.form, rows)
        if edge is None:
            return _items(items)
        return _page(call, items[call.skip : call.skip + call.limit], len(items))

    return action


def latest_result(documents: Documents, call: Call) -> bytes:
    """Return how the last run of a job ended."""
    with documents.reading(call.workflow) as place:
        COLLECTIONS[JOBS].find(place, call.key)
        asked = {"job_key": call.key}
        items, _ = COLLECTIONS[RESULTS].listed(place, call.form, 0, call.form.value, asked)
    if not items:
        raise HttpError(404, f"No result is stored for job {call.key}")
    return max(items, key=lambda item: int(legacy.decode(legacy.LegacyResult, item).run_id))


def list_edges(documents: Documents, call: Call) -> bytes:
    """Return a page of the edges of a name."""
    with documents.reading(call.workflow) as place:
        origin = call.filters.get("_from")
        edges = edges_of(call.path["name"])
        return _page(
            call, *edges.listed(place, call.skip, call.limit, None if origin is None else str(origin))
        )


def get_edge(documents: Documents, call: Call) -> bytes:
    """Return one edge."""
    with documents.reading(call.workflow) as place:
        return edges_of(call.path["name"]).get(place, call.key)


def add_edge(documents: Documents, call: Call) -> bytes:
    """Link two documents."""
    body = read_body(call.form, EDGE, call.body)
    with documents.writing(call.workflow) as place:
        return edges_of(call.path["name"]).add(place, call.form, body)


def delete_edge(documents: Documents, call: Call) -> bytes:
    """Take a link away and return it."""
    with documents.writing(call.workflow) as place:
        return edges_of(call.path["name"]).delete(place, call.key)


def delete_edges(documents: Documents, call: Call) -> bytes:
    """Take all links of a name away."""
    name = call.path["name"]
    with documents.writing(call.workflow) as place:
        edges_of(name).delete_all(place)
    return legacy.encode({"message": f'Deleted all edges in the "{name}" collection'})


def ping(documents: Documents, call: Call) -> bytes:
    """Say that the service is there."""
    return legacy.encode({"message": "torc_frames is running"})


def version(documents: Documents, call: Call) -> bytes:
    """Return the version of torc whose clients are understood."""
    return legacy.encode({"version": VERSION})


def _page(call: Call, items: list[bytes], total: int) -> bytes:
    return legacy.page(call.pages, items, call.skip, call.limit, total)


def _items(items: list[bytes]) -> bytes:
    return b'{"items":[' + b",".join(items) + b"]}"
