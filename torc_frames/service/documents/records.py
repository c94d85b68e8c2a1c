"""User_data of the embedded store as documents, and the workflow's metadata as one of them."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from torc_frames.errors import UnreadableRecordError
from torc_frames.service.documents.bodies import Body, value_of
from torc_frames.service.documents.rows import Collection, Filters, Place, Row
from torc_frames.service.errors import DuplicateKeyError
from torc_frames.store.sqlite.deleting import remove_records
from torc_frames.store.sqlite.keys import texts
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import USER_DATA, Form, LegacyRecord

__all__ = ["METADATA", "MetadataDocument", "RecordDocuments", "records_of_job"]

METADATA = "torc_frames"
"""The key that the workflow's metadata has among its user_data; lists leave it out."""

_ROLES = {None: "", "consumes": "AND role = 'input'", "stores": "AND ifnull(role, 'output') = 'output'"}


class RecordDocuments(Collection):
    """The records of a workflow."""

    name = USER_DATA
    table = "user_data"
    columns = "id, document_key, ifnull(document_rev, rev), name, is_ephemeral, CAST(data AS BLOB)"
    filters: ClassVar[Filters] = {
        Form.LATER: {"name": "name", "is_ephemeral": "is_ephemeral"},
    }

    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """See `Collection.document`."""
        (document,) = self.documents(place, form, [row])
        return document

    def documents(self, place: Place, form: Form, rows: Sequence[Row]) -> list[bytes]:
        """See `Collection.documents`."""
        made: list[bytes] = []
        try:
            for number, key, rev, name, is_ephemeral, data in rows:
                one = LegacyRecord(key or str(number), str(rev), data or b"null", name, bool(is_ephemeral))
                made.append(legacy.record(form, place.key, one))
        except msgspec.MsgspecError as error:
            raise UnreadableRecordError(one.key, str(error)) from None
        return made

    def _chosen(self, place: Place, key: str | None) -> tuple[int, str | None]:
        if key == METADATA:
            raise DuplicateKeyError(f"unique constraint violated: the key {METADATA} is the metadata's")
        return super()._chosen(place, key)

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        data: bytes = legacy.encode(body.attributes)
        name, is_ephemeral = None, False
        if form is Form.LATER:
            data = bytes(body.attributes.get("data", b"null"))
            name = value_of(body.attributes, "name")
            is_ephemeral = value_of(body.attributes, "is_ephemeral", False)
        place.connection.execute(
            "INSERT INTO user_data (id, document_key, workflow_id, name, is_ephemeral, data, rev) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row_id, key, place.workflow_id, name, is_ephemeral, *texts([data]), place.rev()),
        )

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        sent = body.attributes
        name, is_ephemeral, data = row[3], row[4], row[5] or b"null"
        if form is Form.LATER:
            name = value_of(sent, "name") if "name" in sent else name
            is_ephemeral = value_of(sent, "is_ephemeral", is_ephemeral)
            data = bytes(sent.get("data", data))
        elif sent:
            data = _merged(row, sent)
        place.connection.execute(
            "UPDATE user_data SET name = ?, is_ephemeral = ?, data = ?, rev = ?, document_rev = NULL "
            "WHERE id = ?",
            (name, is_ephemeral, *texts([data]), place.rev(), row[0]),
        )

    def remove(self, place: Place, ids: Sequence[int]) -> None:
        """See `Collection.remove`."""
        remove_records(place, ids)


def _merged(row: Row, sent: Mapping[str, msgspec.Raw]) -> bytes:
    old = (row[5] or b"{}").strip()
    try:
        return legacy.merged(old if old[:1] == b"{" else b'{"data":%b}' % old, legacy.encode(sent), deep=True)
    except msgspec.MsgspecError as error:
        raise UnreadableRecordError(str(row[1] or row[0]), str(error)) from None


class MetadataDocument(RecordDocuments):
    """The metadata of a workflow, always one document, whose rev is the workflow's."""

    table = "workflow"
    columns = f"id, '{METADATA}', rev, NULL, 0, CAST(metadata AS BLOB)"
    scope = "id = :workflow"

    def look_up(self, place: Place, key: str) -> Row | None:
        """See `Collection.look_up`."""
        return place.rows(f"SELECT {self.columns} FROM {self.table} WHERE {self.scope}")[0]

    def _chosen(self, place: Place, key: str | None) -> tuple[int, str | None]:
        if self.find(place, METADATA)[5].strip() != b"{}":
            raise DuplicateKeyError(f"unique constraint violated: {place.key} has metadata")
        return place.workflow_id, METADATA

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        self._change(place, form, self.find(place, METADATA), body)

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        sent = body.attributes
        old: bytes = row[5]
        data = bytes(sent.get("data", old)) if form is Form.LATER else _merged(row, sent)
        self._write(place, b"{}" if data == b"null" else data)

    def remove(self, place: Place, ids: Sequence[int]) -> None:
        """See `Collection.remove`."""
        self._write(place, b"{}")

    def _write(self, place: Place, data: bytes) -> None:
        place.rev()
        place.rows("UPDATE workflow SET metadata = :data WHERE id = :workflow", {"data": str(data, "utf-8")})


def records_of_job(place: Place, job_id: int, edge: str | None) -> list[Row]:
    """Return the records of a job, newest first; with an edge ("stores", "consumes") those of its role."""
    return place.rows(
        f"SELECT {RecordDocuments.columns} FROM user_data WHERE id IN "
        f"(SELECT record_id FROM link WHERE job_id = :job {_ROLES[edge]}) ORDER BY id DESC",
        {"job": job_id},
    )
