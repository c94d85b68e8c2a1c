"""The embedded store as collections of documents, as the service of 2023 shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from torc_frames.errors import NotFoundError
from torc_frames.service.documents.bodies import EDGE, EVENTS, FILES, SHAPES, SPECIFICATION, read_body
from torc_frames.service.documents.edges import COLLECTIONS, EDGES, Edges, link
from torc_frames.service.documents.errors import (
    DuplicateKeyError,
    IllegalKeyError,
    KeyMismatchError,
    MissingRevError,
)
from torc_frames.service.documents.files_events import Events, Files
from torc_frames.service.documents.new_jobs import add_jobs, add_specification
from torc_frames.service.documents.records import METADATA, MetadataDocument, records_of_job
from torc_frames.service.documents.results import ResultDocuments
from torc_frames.service.documents.rows import KEY, Collection, Place, find_place
from torc_frames.service.documents.workflows import WorkflowDocuments
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import JOBS, RESULTS, USER_DATA, WORKFLOWS, Form

__all__ = [
    "Documents",
    "DuplicateKeyError",
    "IllegalKeyError",
    "KeyMismatchError",
    "MissingRevError",
]

_COLLECTIONS: Mapping[str, Collection] = {
    **COLLECTIONS,
    WORKFLOWS: WorkflowDocuments(),
    RESULTS: ResultDocuments(),
    FILES: Files(),
    EVENTS: Events(),
}
_METADATA = MetadataDocument()

_Items = list[bytes]
_Keys = list[str]


class Documents:
    """The collections ``workflows`` and, of each workflow, ``jobs``, ``user_data``, ``results``, ...

    Documents are raw JSON. Every call is one transaction; any number of threads may make them. Workflows
    are named by their key in the dialect, None where the collection is that of the workflows.

    All methods raise NotFoundError, whose kind is a collection, for what does not exist; those that take
    a document RefusedError for one of the wrong shape, DuplicateKeyError and IllegalKeyError for a key. All
    raise UnavailableError once the file was deleted or replaced: what is written would be lost.

    Parameters
    ----------
    store : SQLiteStore

    Examples
    --------
    >>> import tempfile
    >>> documents = Documents(SQLiteStore(tempfile.mkdtemp() + "/study.db"))
    >>> documents.add(Form.FIRST, "workflows", None, b'{"name": "ridge"}')
    b'{"_id":"workflows/1","_key":"1","_rev":"1","name":"ridge"}'
    >>> documents.add(Form.FIRST, "user_data", "1", b'{"alpha": 0.10}')
    b'{"_id":"user_data__1/1","_key":"1","_rev":"2","alpha":0.10}'
    >>> documents.get(Form.LATER, "user_data", "1", "1")
    b'{"_id":"user_data__1/1","_key":"1","_rev":"2","is_ephemeral":false,"data":{"alpha":0.10}}'
    """

    def __init__(self, store: SQLiteStore) -> None:
        self._connections = store._connections
        self._path = store.path

    # any collection

    def list(
        self,
        form: Form,
        collection: str,
        workflow_key: str | None,
        *,
        skip: int = 0,
        limit: int,
        filters: Mapping[str, object] | None = None,
    ) -> tuple[_Items, int]:
        """Return a page of a collection, oldest first, and how many documents there are.

        Of `filters`, what the collection can't be asked for in this form is left out of account.
        """
        with self._reading(workflow_key) as place:
            return _collection(collection).listed(place, form, skip, limit, filters or {})

    def get(self, form: Form, collection: str, workflow_key: str | None, key: str) -> bytes:
        """Return one document."""
        with self._reading(workflow_key) as place:
            rows = _collection(collection, key)
            return rows.document(place, form, rows.find(place, key))

    def add(self, form: Form, collection: str, workflow_key: str | None, document: bytes) -> bytes:
        """Add a document, with its own ``_key`` if it has one, and return what is kept."""
        body = read_body(form, SHAPES[collection], document)
        rows = _collection(collection, body.key)
        with self._writing(workflow_key) as place:
            row_id = add_jobs(place, form, [body])[0] if collection == JOBS else rows.add(place, form, body)
            return rows.added(place, form, row_id)

    def update(
        self, form: Form, collection: str, workflow_key: str | None, key: str, document: bytes
    ) -> bytes:
        """Merge a document into that of a key, in the first form deeply, and return it with its new rev.

        Raises
        ------
        MissingRevError, KeyMismatchError
            If ``_rev`` is missing, or ``_key`` is not `key`.
        ConflictError
            If ``_rev`` is no longer that of the document.
        """
        body = read_body(form, SHAPES[collection], document, new=False)
        with self._writing(workflow_key) as place:
            return _collection(collection, key).update(place, form, key, body)

    def delete(self, form: Form, collection: str, workflow_key: str | None, key: str) -> bytes:
        """Delete a document with its edges, a workflow with all that is in it, and return it."""
        with self._writing(workflow_key) as place:
            return _collection(collection, key).delete(place, form, key)

    def delete_all(self, collection: str, workflow_key: str | None) -> int:
        """Delete all documents of a collection, and return how many there were."""
        with self._writing(workflow_key) as place:
            return _collection(collection).delete_all(place)

    # jobs

    def add_jobs(self, workflow_key: str, documents: Sequence[bytes]) -> _Items:
        """Add jobs of the later form with their edges, which may lead from one to another of them."""
        bodies = [read_body(Form.LATER, SHAPES[JOBS], document) for document in documents]
        with self._writing(workflow_key) as place:
            ids = add_jobs(place, Form.LATER, bodies)
            return [_COLLECTIONS[JOBS].added(place, Form.LATER, row_id) for row_id in ids]

    def add_job_specification(self, workflow_key: str, document: bytes) -> bytes:
        """Add a job of the first form with its records, and with edges to what it names."""
        body = read_body(Form.FIRST, SPECIFICATION, document)
        with self._writing(workflow_key) as place:
            return _COLLECTIONS[JOBS].added(place, Form.FIRST, add_specification(place, body))

    def job_keys(self, workflow_key: str) -> _Keys:
        """Return the keys of all jobs, oldest first."""
        with self._reading(workflow_key) as place:
            sql = f"SELECT {KEY.format('job')} FROM job WHERE workflow_id = :workflow ORDER BY id"  # noqa: S608
            return [key for (key,) in place.rows(sql)]

    def add_job_record(self, form: Form, workflow_key: str, job_key: str, document: bytes) -> bytes:
        """Add a record that a job stores: as output, or in the first form without a role."""
        body = read_body(form, SHAPES[USER_DATA], document)
        records = _COLLECTIONS[USER_DATA]
        with self._writing(workflow_key) as place:
            job = _COLLECTIONS[JOBS].find(place, job_key)
            row_id = records.add(place, form, body)
            link(place, form, "output", job[0], row_id)
            return records.added(place, form, row_id)

    def job_records(self, form: Form, workflow_key: str, job_key: str, edge: str | None = None) -> _Items:
        """Return a job's records, newest first: those it "stores", those it "consumes", or all."""
        with self._reading(workflow_key) as place:
            job = _COLLECTIONS[JOBS].find(place, job_key)
            return _COLLECTIONS[USER_DATA].documents(place, form, records_of_job(place, job[0], edge))

    # edges

    def edges(self, workflow_key: str, name: str, *, skip: int = 0, limit: int) -> tuple[_Items, int]:
        """Return a page of the edges "stores", "consumes", "blocks" or "requires", and how many there are."""
        with self._reading(workflow_key) as place:
            return _edges(name).listed(place, skip, limit)

    def edge(self, workflow_key: str, name: str, key: str) -> bytes:
        """Return one edge."""
        with self._reading(workflow_key) as place:
            return _edges(name).get(place, key)

    def add_edge(self, workflow_key: str, name: str, document: bytes, *, form: Form = Form.LATER) -> bytes:
        """Add an edge from one ``_id`` to another, and return it."""
        body = read_body(form, EDGE, document)
        with self._writing(workflow_key) as place:
            return _edges(name).add(place, form, body)

    def delete_edge(self, workflow_key: str, name: str, key: str) -> bytes:
        """Delete an edge and return it."""
        with self._writing(workflow_key) as place:
            return _edges(name).delete(place, key)

    def delete_edges(self, workflow_key: str, name: str) -> int:
        """Delete all edges of a name, and return how many there were."""
        with self._writing(workflow_key) as place:
            return _edges(name).delete_all(place)

    @contextmanager
    def _reading(self, workflow_key: str | None) -> Iterator[Place]:
        """Show one moment of a workflow."""
        with self._connections.reading() as connection:
            if connection.in_transaction:
                yield find_place(connection, workflow_key, self._path)
                return
            connection.execute("BEGIN")
            try:
                yield find_place(connection, workflow_key, self._path)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def _writing(self, workflow_key: str | None) -> Iterator[Place]:
        """Make what is written one transaction."""
        with self._connections.writing() as connection:
            yield find_place(connection, workflow_key, self._path)


def _collection(name: str, key: str | None = None) -> Collection:
    return _METADATA if (name, key) == (USER_DATA, METADATA) else _COLLECTIONS[name]


def _edges(name: str) -> Edges:
    if name not in EDGES:
        raise NotFoundError("edges", [name])
    return EDGES[name]
