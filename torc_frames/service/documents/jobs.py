"""Jobs of the embedded store as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from torc_frames.service.documents.bodies import DEFAULTS, SHAPES, Attributes, Body, value_of
from torc_frames.service.documents.rows import Collection, Filters, Place, Row
from torc_frames.store.records import UNINITIALIZED
from torc_frames.store.sqlite.deleting import remove_jobs, touch_of_jobs
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, Form

__all__ = ["EDGES", "JobDocuments"]

EDGES = ("blocked_by", "input_user_data", "output_user_data", "resource_requirements")
"""Attributes of a new job in the later form that become edges."""

_COLUMNS = ("name", "command", "status", "run_id")
_DEFAULTS = {
    form: {name: DEFAULTS[name] for name in fields if name in DEFAULTS and name not in _COLUMNS}
    for form, fields in SHAPES[JOBS].fields.items()
}
_HIDDEN = {Form.FIRST: {"internal"}, Form.LATER: set[str]()}
_KNOWN = {form: SHAPES[JOBS].fields[form].keys() - _HIDDEN[form] for form in Form}
_read = msgspec.json.Decoder(Attributes).decode


def _kept(name: str, default: bool) -> str:
    return f"ifnull(json_extract(attributes, '$.{name}'), {int(default)})"


class JobDocuments(Collection):
    """The jobs of a workflow."""

    name = JOBS
    table = "job"
    columns = (
        "id, document_key, max(rev, ifnull(document_rev, 0)), name, command, status, run_id, "
        "CAST(attributes AS BLOB)"
    )
    filters: ClassVar[Filters] = {
        form: {
            **{name: name for name in _COLUMNS if name in SHAPES[JOBS].fields[form]},
            **{name: _kept(name, default) for name, default in _DEFAULTS[form].items()},
        }
        for form in Form
    }

    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """See `Collection.document`."""
        name, command, status, run_id, attributes = row[3:]
        document: dict[str, object] = {**self.system(place, row)}
        if name:
            document["name"] = name
        document |= {"command": command, "status": status, **_DEFAULTS[form]}
        if form is Form.FIRST:
            document["run_id"] = run_id
        if attributes:
            kept = _read(attributes)
            document |= {name: value for name, value in kept.items() if name in _KNOWN[form]}
        return legacy.encode(document)

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        """See `Collection._insert`; its edges are made by `document_edges`."""
        sent = body.attributes
        beside = {name: value for name, value in sent.items() if name not in (*_COLUMNS, *EDGES)}
        place.connection.execute(
            "INSERT INTO job (id, document_key, workflow_id, name, command, status, run_id, attributes, rev) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row_id, key, place.workflow_id, value_of(sent, "name", ""), value_of(sent, "command")),
                *(value_of(sent, "status", UNINITIALIZED), value_of(sent, "run_id", 0)),
                *(str(legacy.encode(beside), "utf-8") if beside else None, place.rev()),
            ),
        )

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        sent = body.attributes
        old = dict(zip(_COLUMNS, row[3:7], strict=True))
        given = {name: value_of(sent, name, value) for name, value in old.items()}
        beside = {name: value for name, value in sent.items() if name not in _COLUMNS}
        kept = legacy.merged(row[7] or b"{}", legacy.encode(beside), deep=form is Form.FIRST)
        if given["name"] != old["name"]:
            touch_of_jobs(place, [row[0]])
        # A running job keeps its rev, by which it knows what its run has stored.
        place.rows(
            "UPDATE job SET name = :name, command = :command, status = :status, run_id = :run_id, "
            "attributes = :attributes, document_rev = :rev, "
            "runner = CASE :status WHEN 'running' THEN ifnull(runner, 'a client of the service') END, "
            "rev = CASE status WHEN 'running' THEN rev ELSE :rev END WHERE id = :id",
            {
                **{"id": row[0], "rev": place.rev(), **given},
                "attributes": None if kept == b"{}" else str(kept, "utf-8"),
            },
        )

    def _shown(self, form: Form, body: Body) -> Mapping[str, object]:
        return {name: value for name, value in body.attributes.items() if name not in _HIDDEN[form]}

    def remove(self, place: Place, ids: Sequence[int]) -> None:
        """See `Collection.remove`; jobs that waited for nothing else are ready then."""
        remove_jobs(place, ids)
