"""Documents that the embedded store only keeps: files, events and what jobs need."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import time
from typing import ClassVar

import msgspec

from torc_frames.service.documents.bodies import EVENTS, FILES, Body, joined
from torc_frames.service.documents.rows import Collection, Filters, Place, Row
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Form

__all__ = ["Events", "Files", "KeptDocuments", "PartDocuments"]


class KeptDocuments(Collection):
    """Documents of one collection, whatever they hold."""

    table = "document"
    columns = "id, document_key, rev, CAST(attributes AS BLOB)"

    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """See `Collection.document`."""
        return joined(legacy.encode(self.system(place, row)), row[3])

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        place.connection.execute(
            "INSERT INTO document (id, document_key, workflow_id, collection, attributes, rev) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (row_id, key, place.workflow_id, self.name, _text(body), place.rev()),
        )

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        merged = legacy.merged(row[3], legacy.encode(body.attributes), deep=form is Form.FIRST)
        place.rows(
            "UPDATE document SET attributes = :attributes, rev = :rev WHERE id = :id",
            {"attributes": str(merged, "utf-8"), "rev": place.rev(), "id": row[0]},
        )

    def same(self, place: Place, body: Body) -> int | None:
        """Return the id of the oldest document with the same attributes, None if there is none."""
        sql = f"SELECT min(id) FROM document WHERE {self.scope} AND attributes = :attributes"
        ((found,),) = place.rows(sql, {"attributes": _text(body)})
        return None if found is None else int(found)


def _text(body: Body) -> str:
    return str(legacy.encode(dict(sorted(body.attributes.items()))), "utf-8")


def _by(*names: str) -> dict[str, str]:
    return {name: f"json_extract(attributes, '$.{name}')" for name in names}


class Files(KeptDocuments):
    """The files of a workflow; one that is added again without a key is the same."""

    name = FILES
    scope = f"workflow_id = :workflow AND collection = '{FILES}'"
    filters: ClassVar[Filters] = {form: _by("name", "path") for form in Form}

    def add(self, place: Place, form: Form, body: Body) -> int:
        """See `Collection.add`."""
        found = self.same(place, body) if body.key is None else None
        return super().add(place, form, body) if found is None else found


class Events(KeptDocuments):
    """The events of a workflow; those of the later form are told the time."""

    name = EVENTS
    scope = f"workflow_id = :workflow AND collection = '{EVENTS}'"
    filters: ClassVar[Filters] = {Form.LATER: _by("category")}

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        now = {"timestamp": msgspec.Raw(b"%d" % (time.time_ns() // 1_000_000))}
        told = body if form is Form.FIRST else body._replace(attributes={**body.attributes, **now})
        super()._insert(place, form, told, row_id, key)


class PartDocuments(KeptDocuments):
    """Documents that are only shown with the whole workflow."""

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]
        self.scope = f"workflow_id = :workflow AND collection = '{name}'"  # type: ignore[misc]
