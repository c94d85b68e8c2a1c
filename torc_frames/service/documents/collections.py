"""The embedded store as collections of documents, as the service of 2023 shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torc_frames.errors import NotFoundError
from torc_frames.service.documents import edges
from torc_frames.service.documents.bodies import CONFIGS, SCHEDULERS
from torc_frames.service.documents.files_events import Events, Files, PartDocuments
from torc_frames.service.documents.records import METADATA, MetadataDocument
from torc_frames.service.documents.results import ResultDocuments
from torc_frames.service.documents.rows import Collection, Place, find_place
from torc_frames.service.documents.workflows import WorkflowDocuments
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import USER_DATA

__all__ = ["COLLECTIONS", "Documents", "collection_of", "edges_of"]

COLLECTIONS: Mapping[str, Collection] = {
    **edges.COLLECTIONS,
    **{one.name: one for one in (WorkflowDocuments(), ResultDocuments(), Files(), Events())},
    **{name: PartDocuments(name) for name in (*SCHEDULERS, CONFIGS)},
}
_METADATA = MetadataDocument()


class Documents:
    """The collections ``workflows`` and, of each workflow, ``jobs``, ``user_data``, ``results``, ...

    Documents are raw JSON. Any number of threads may read and write. Workflows are named by their key in the
    dialect, None where the collection is that of the workflows; NotFoundError for one that does not exist.
    UnavailableError once the file was deleted or replaced: what is written would be lost.

    Parameters
    ----------
    store : SQLiteStore
    """

    def __init__(self, store: SQLiteStore) -> None:
        self._connections = store._connections
        self._path = store.path

    @contextmanager
    def reading(self, workflow_key: str | None) -> Iterator[Place]:
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
    def writing(self, workflow_key: str | None) -> Iterator[Place]:
        """Make what is written one transaction."""
        with self._connections.writing() as connection:
            yield find_place(connection, workflow_key, self._path)


def collection_of(name: str, key: str | None = None) -> Collection:
    """Return a collection, or of a key what has the one document that is no row of it."""
    return _METADATA if (name, key) == (USER_DATA, METADATA) else COLLECTIONS[name]


def edges_of(name: str) -> edges.Edges:
    """Return the edges "stores", "consumes", "blocks" or "requires"."""
    if name not in edges.EDGES:
        raise NotFoundError("edges", [name])
    return edges.EDGES[name]
