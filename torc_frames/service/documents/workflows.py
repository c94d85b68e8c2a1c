"""Workflows of the embedded store as documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from torc_frames.service.documents.bodies import Attributes, Body, value_of
from torc_frames.service.documents.rows import Collection, Filters, Place, Row
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import WORKFLOWS, Form

__all__ = ["WorkflowDocuments"]

_COLUMNS = ("name", "user", "description")
_read = msgspec.json.Decoder(Attributes).decode


class WorkflowDocuments(Collection):
    """All workflows; the rev of one as a document is new only when the document changes."""

    name = WORKFLOWS
    table = "workflow"
    columns = (
        "id, document_key, ifnull(document_rev, 1), name, user, description, created, "
        "CAST(attributes AS BLOB)"
    )
    filters: ClassVar[Filters] = {
        Form.LATER: {
            **{name: f"ifnull({name}, '')" for name in _COLUMNS},
            "is_archived": "ifnull(json_extract(attributes, '$.is_archived'), 0)",
        },
    }
    scope = "TRUE"

    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """See `Collection.document`."""
        values = dict(zip(_COLUMNS, row[3:6], strict=True))
        system = self.system(place, row)
        if form is Form.FIRST:
            return legacy.encode({**system, **{name: value for name, value in values.items() if value}})
        texts = {name: value or "" for name, value in values.items()}
        kept = _read(row[7] or b"{}")
        return legacy.encode({**system, **texts, "timestamp": row[6], "is_archived": False, **kept})

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        place.connection.execute(
            "INSERT INTO workflow (id, document_key, name, created) VALUES (?, ?, '', ?)",
            (row_id, key, datetime.now(UTC).isoformat()),
        )
        self._write(place, row_id, 1, (None, None, None), b"{}", body)

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        rev = Place(place.connection, row[0], "").rev()
        self._write(place, row[0], rev, row[3:6], row[7] or b"{}", body)

    def _write(self, place: Place, row_id: int, rev: int, old: Row, kept: bytes, body: Body) -> None:
        sent = dict(body.attributes)
        given = {
            name: value_of(sent, name) if name in sent else value
            for name, value in zip(_COLUMNS, old, strict=True)
        }
        # The later form's clients send null and "" for what they do not know.
        beside = {
            name: value
            for name, value in sent.items()
            if name not in _COLUMNS and value_of(sent, name, "") != ""
        }
        merged = legacy.merged(kept, legacy.encode(beside), deep=False)
        place.rows(
            "UPDATE workflow SET name = :name, user = :user, description = :description, "
            "attributes = :attributes, document_rev = :rev WHERE id = :id",
            {
                **{"id": row_id, "rev": rev, **given, "name": given["name"] or ""},
                "attributes": None if merged == b"{}" else str(merged, "utf-8"),
            },
        )
