"""What each operation of the service does with the documents of the store."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from torc_frames.service.calls import Call
from torc_frames.service.documents.collections import Documents
from torc_frames.service.errors import HttpError
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, RESULTS, WORKFLOWS

__all__ = [
    "Action",
    "add",
    "add_edge",
    "add_job_record",
    "add_job_specification",
    "add_jobs",
    "delete_edge",
    "delete_edges",
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
    "update",
    "version",
]

Action = Callable[[Documents, Call], bytes]

VERSION = "0.6.4"
"""The last release that spoke the later form."""


class _Bulk(msgspec.Struct):
    jobs: list[msgspec.Raw]


def _home(call: Call) -> str | None:
    """Return the workflow that a document is in; workflows are in none."""
    return None if call.collection == WORKFLOWS else call.workflow


def _page(call: Call, found: tuple[list[bytes], int]) -> bytes:
    items, total = found
    return legacy.page(call.pages, items, call.skip, call.limit, total)


def list_documents(documents: Documents, call: Call) -> bytes:
    """Return a page of a collection."""
    found = documents.list(
        call.form, call.collection, _home(call), skip=call.skip, limit=call.limit, filters=call.filters
    )
    return _page(call, found)


def get(documents: Documents, call: Call) -> bytes:
    """Return one document."""
    return documents.get(call.form, call.collection, _home(call), call.key)


def add(documents: Documents, call: Call) -> bytes:
    """Keep a new document."""
    return documents.add(call.form, call.collection, _home(call), call.body)


def update(documents: Documents, call: Call) -> bytes:
    """Merge into a document."""
    return documents.update(call.form, call.collection, _home(call), call.key, call.body)


def remove(documents: Documents, call: Call) -> bytes:
    """Delete a document and return it."""
    return documents.delete(call.form, call.collection, _home(call), call.key)


def remove_all(documents: Documents, call: Call) -> bytes:
    """Empty a workflow's collection."""
    documents.delete_all(call.collection, call.workflow)
    what = f'Deleted all documents in the "{call.collection}" collection for workflow {call.workflow}'
    return legacy.encode({"message": what})


def list_job_keys(documents: Documents, call: Call) -> bytes:
    """Return the keys of a workflow's jobs."""
    return legacy.encode({"items": documents.job_keys(call.workflow)})


def list_by_status(documents: Documents, call: Call) -> bytes:
    """Return a page of the jobs that have the status in the path."""
    return list_documents(documents, call._replace(filters={"status": call.path["status"]}))


def add_jobs(documents: Documents, call: Call) -> bytes:
    """Keep many jobs at once."""
    try:
        jobs = legacy.decode(_Bulk, call.body).jobs
    except msgspec.MsgspecError as error:
        raise HttpError(400, f"request body: {error}") from None
    return _items(documents.add_jobs(call.workflow, [bytes(job) for job in jobs]))


def add_job_specification(documents: Documents, call: Call) -> bytes:
    """Keep a job with its records."""
    return documents.add_job_specification(call.workflow, call.body)


def add_job_record(documents: Documents, call: Call) -> bytes:
    """Keep a record of a job."""
    return documents.add_job_record(call.form, call.workflow, call.key, call.body)


def list_job_records(edge: str | None) -> Action:
    """Return what lists a job's records: by an edge a page of them, else all, which is no page."""

    def action(documents: Documents, call: Call) -> bytes:
        """Return the records of a job."""
        items = documents.job_records(call.form, call.workflow, call.key, edge)
        if edge is None:
            return _items(items)
        return _page(call, (items[call.skip : call.skip + call.limit], len(items)))

    return action


def latest_result(documents: Documents, call: Call) -> bytes:
    """Return how the last run of a job ended."""
    documents.get(call.form, JOBS, call.workflow, call.key)
    items, _ = documents.list(
        call.form, RESULTS, call.workflow, limit=call.form.value, filters={"job_key": call.key}
    )
    if not items:
        raise HttpError(404, f"No result is stored for job {call.key}")
    return max(items, key=lambda item: int(legacy.decode(legacy.LegacyResult, item).run_id))


def list_edges(documents: Documents, call: Call) -> bytes:
    """Return a page of the edges of a name."""
    found = documents.edges(call.workflow, call.path["name"], skip=call.skip, limit=call.limit)
    return _page(call, found)


def get_edge(documents: Documents, call: Call) -> bytes:
    """Return one edge."""
    return documents.edge(call.workflow, call.path["name"], call.key)


def add_edge(documents: Documents, call: Call) -> bytes:
    """Link two documents."""
    return documents.add_edge(call.workflow, call.path["name"], call.body, form=call.form)


def delete_edge(documents: Documents, call: Call) -> bytes:
    """Take a link away and return it."""
    return documents.delete_edge(call.workflow, call.path["name"], call.key)


def delete_edges(documents: Documents, call: Call) -> bytes:
    """Take all links of a name away."""
    name = call.path["name"]
    documents.delete_edges(call.workflow, name)
    return legacy.encode({"message": f'Deleted all edges in the "{name}" collection'})


def ping(documents: Documents, call: Call) -> bytes:
    """Say that the service is there."""
    return legacy.encode({"message": "torc_frames is running"})


def version(documents: Documents, call: Call) -> bytes:
    """Return the version of torc whose clients are understood."""
    return legacy.encode({"version": VERSION})


def _items(items: list[bytes]) -> bytes:
    return b'{"items":[' + b",".join(items) + b"]}"
