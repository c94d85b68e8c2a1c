"""Rows of the embedded store as documents: finding them by key, listing, adding, changing, removing."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torc_frames.errors import ConflictError, NotFoundError, RefusedError
from torc_frames.service.documents.bodies import SHAPES, Body
from torc_frames.service.errors import DuplicateKeyError, IllegalKeyError
from torc_frames.store.keys import key_to_id
from torc_frames.store.sqlite.connections import Write
from torc_frames.store.sqlite.file import Connection
from torc_frames.store.sqlite.keys import LARGEST_CHOSEN_ID, id_list
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import WORKFLOWS, Form

__all__ = ["KEY", "Collection", "Filters", "Place", "Row", "find_place"]

Row = tuple[Any, ...]
Filters = Mapping[Form, Mapping[str, str]]

KEY = "ifnull({0}.document_key, CAST({0}.id AS TEXT))"
"""The key of a table's row."""


class Place(Write):
    """A workflow on a connection, and its key in the dialect; key and id of none are "" and 0."""

    def __init__(self, connection: Connection, workflow_id: int, key: str) -> None:
        super().__init__(connection, workflow_id)
        self.key = key


class Collection(ABC):
    """The rows of one table that belong to a workflow, oldest first."""

    name: ClassVar[str]
    table: ClassVar[str]
    columns: ClassVar[str]
    """SQL of what is read of a row, beginning with its id, document_key and rev."""
    filters: ClassVar[Filters] = {}
    """What lists can be asked for by, beside the key, and its SQL."""
    scope: ClassVar[str] = "workflow_id = :workflow"

    @abstractmethod
    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """Return a row as a document."""

    @abstractmethod
    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        """Add a row; `key` is given if it is not the id."""

    @abstractmethod
    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        """Merge what was sent into a row, whose rev becomes a new one."""

    def remove(self, place: Place, ids: Sequence[int]) -> None:
        """Delete rows, of which there is one at least, and their edges."""
        if place.workflow_id:
            place.rev()
        sql = f"DELETE FROM {self.table} WHERE id IN (SELECT value FROM json_each(:ids))"
        place.rows(sql, {"ids": id_list(ids)})

    def find(self, place: Place, key: str) -> Row:
        """Return the row of a key; NotFoundError if there is none."""
        row = self.look_up(place, key)
        if row is None:
            raise NotFoundError(self.name, [key], f"workflow {place.key}" if place.key else "")
        return row

    def look_up(self, place: Place, key: str) -> Row | None:
        """Return the row of a key, None if there is none."""
        values = {"id": key_to_id(key), "key": key}
        for condition in ("id = :id AND document_key IS NULL", "document_key = :key"):
            sql = f"SELECT {self.columns} FROM {self.table} WHERE {self.scope} AND {condition}"
            if rows := place.rows(sql, values):
                return rows[0]
        return None

    def listed(
        self, place: Place, form: Form, skip: int, limit: int, filters: Mapping[str, object]
    ) -> tuple[list[bytes], int]:
        """Return a page of documents, and of how many it is one."""
        known = self.filters.get(form, {})
        asked = {name: value for name, value in filters.items() if name in known}
        where = "".join(f" AND {known[name]} = :{name}" for name in asked)
        if "_key" in filters:
            row = self.look_up(place, str(filters["_key"]))
            if row is None:
                return [], 0
            where += " AND id = :id"
            asked["id"] = row[0]
        source = f"FROM {self.table} WHERE {self.scope}{where}"
        ((total,),) = place.rows(f"SELECT count(*) {source}", asked)
        page = {**asked, "limit": limit, "skip": skip}
        rows = place.rows(f"SELECT {self.columns} {source} ORDER BY id LIMIT :limit OFFSET :skip", page)
        return self.documents(place, form, rows), total

    def documents(self, place: Place, form: Form, rows: Sequence[Row]) -> list[bytes]:
        """Return rows as documents."""
        return [self.document(place, form, row) for row in rows]

    def add(self, place: Place, form: Form, body: Body) -> int:
        """Add a document and return its row's id."""
        row_id, key = self._chosen(place, body.key)
        self._insert(place, form, body, row_id, key)
        return row_id

    def _chosen(self, place: Place, key: str | None) -> tuple[int, str | None]:
        """Return the id of a new row, and its key if that is another one."""
        first = place.next_id(self.table)
        if key is None:
            return first, None
        if not legacy.is_key(key):
            raise IllegalKeyError(f"illegal document key: {key!r:.300}")
        if self.look_up(place, key) is not None:
            raise DuplicateKeyError(f"unique constraint violated: {self.name} has a document with key {key}")
        number = key_to_id(key)
        # A larger number than any so far is never made again; of all others the key stays beside the row.
        if number is not None and first <= number <= LARGEST_CHOSEN_ID:
            return number, None
        return first, key

    def added(self, place: Place, form: Form, row_id: int) -> bytes:
        """Return the document of a row by its id."""
        sql = f"SELECT {self.columns} FROM {self.table} WHERE {self.scope} AND id = :id"
        (row,) = place.rows(sql, {"id": row_id})
        return self.document(place, form, row)

    def update(self, place: Place, form: Form, key: str, body: Body) -> bytes:
        """Merge what was sent into a document, and return that with the new rev."""
        if body.rev is None:
            what = SHAPES[self.name].noun if form is Form.FIRST or self.name == WORKFLOWS else "a document"
            raise RefusedError(f"Updating {what} requires the existing revision")
        if body.key != key:
            raise RefusedError(f"key={key} does not match {body.key or 'undefined'}")
        row = self.find(place, key)
        old = str(row[2])
        if body.rev != old:
            raise ConflictError(f"{self.name} key {key} has changed: its rev is {old}, not {body.rev}")
        self._change(place, form, row, body)
        system = {**self.system(place, self.find(place, key)), "_oldRev": old}
        return legacy.encode({**self._shown(form, body), **system})

    def _shown(self, form: Form, body: Body) -> Mapping[str, object]:
        """Return what an update is answered of what it sent."""
        return body.attributes

    def system(self, place: Place, row: Row) -> dict[str, str]:
        """Return the system attributes of a row."""
        return legacy.system_attributes(self.name, str(row[1] or row[0]), str(row[2]), place.key or None)

    def delete(self, place: Place, form: Form, key: str) -> bytes:
        """Delete a document and return it."""
        row = self.find(place, key)
        document = self.document(place, form, row)
        self.remove(place, [row[0]])
        return document

    def delete_all(self, place: Place) -> int:
        """Delete all documents, and return how many there were."""
        ids = [row[0] for row in place.rows(f"SELECT id FROM {self.table} WHERE {self.scope}")]
        if ids:
            self.remove(place, ids)
        return len(ids)


def find_place(connection: Connection, workflow_key: str | None, path: str) -> Place:
    """Return a workflow by its key in the dialect; NotFoundError if there is none."""
    if workflow_key is None:
        return Place(connection, 0, "")
    for condition, value in (
        ("id = ? AND document_key IS NULL", key_to_id(workflow_key)),
        ("document_key = ?", workflow_key),
    ):
        row = connection.execute(f"SELECT id FROM workflow WHERE {condition}", (value,)).fetchone()
        if row is not None:
            return Place(connection, row[0], workflow_key)
    raise NotFoundError(WORKFLOWS, [workflow_key], path)
