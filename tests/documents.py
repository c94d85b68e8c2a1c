"""The operations of the service of 2023 on the documents of a store, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from torc_frames.service import actions
from torc_frames.service.actions import Action
from torc_frames.service.calls import Call
from torc_frames.service.documents import collections
from torc_frames.service.documents.collections import collection_of, edges_of
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import JOBS, USER_DATA, Form


class Documents:
    """What is in a store, as raw JSON; workflows are named by their key, None where there is none."""

    def __init__(self, store: SQLiteStore) -> None:
        self.opened = collections.Documents(store)

    def done(
        self,
        action: Action,
        form: Form,
        collection: str,
        workflow: str | None,
        *,
        path: Mapping[str, str] | None = None,
        body: bytes = b"",
        skip: int = 0,
        limit: int = 0,
        filters: Mapping[str, object] | None = None,
    ) -> bytes:
        where = {"workflow": workflow or "", **(path or {})}
        call = Call("GET", form, form, collection, where, skip, limit, filters or {}, body)
        return action(self.opened, call)

    def list(
        self,
        form: Form,
        collection: str,
        workflow: str | None,
        *,
        skip: int = 0,
        limit: int,
        filters: Mapping[str, object] | None = None,
    ) -> tuple[Sequence[bytes], int]:
        page = self.done(
            *(actions.list_documents, form, collection, workflow), skip=skip, limit=limit, filters=filters
        )
        return _items(page)

    def get(self, form: Form, collection: str, workflow: str | None, key: str) -> bytes:
        return self.done(actions.get, form, collection, workflow, path={"key": key})

    def add(self, form: Form, collection: str, workflow: str | None, body: bytes) -> bytes:
        return self.done(actions.add, form, collection, workflow, body=body)

    def update(self, form: Form, collection: str, workflow: str | None, key: str, body: bytes) -> bytes:
        return self.done(actions.update, form, collection, workflow, path={"key": key}, body=body)

    def delete(self, form: Form, collection: str, workflow: str | None, key: str) -> bytes:
        return self.done(actions.remove, form, collection, workflow, path={"key": key})

    def delete_all(self, collection: str, workflow: str) -> int:
        with self.opened.writing(workflow) as place:
            return collection_of(collection).delete_all(place)

    def add_jobs(self, workflow: str, bodies: Sequence[bytes]) -> list[bytes]:
        body = b'{"jobs":[' + b",".join(bodies) + b"]}"
        return _items(self.done(actions.add_jobs, Form.LATER, JOBS, workflow, body=body))[0]

    def add_job_specification(self, workflow: str, body: bytes) -> bytes:
        return self.done(actions.add_job_specification, Form.FIRST, JOBS, workflow, body=body)

    def job_keys(self, workflow: str) -> list[str]:
        return list(json.loads(self.done(actions.list_job_keys, Form.FIRST, JOBS, workflow))["items"])

    def add_job_record(self, form: Form, workflow: str, job: str, body: bytes) -> bytes:
        return self.done(actions.add_job_record, form, USER_DATA, workflow, path={"key": job}, body=body)

    def job_records(self, form: Form, workflow: str, job: str, edge: str | None = None) -> list[bytes]:
        action = actions.list_job_records(edge)
        return _items(self.done(action, form, USER_DATA, workflow, path={"key": job}, limit=1000))[0]

    def edges(self, workflow: str, name: str, *, skip: int = 0, limit: int) -> tuple[Sequence[bytes], int]:
        path = {"name": name}
        return _items(
            self.done(actions.list_edges, Form.LATER, "edges", workflow, path=path, skip=skip, limit=limit)
        )

    def edge(self, workflow: str, name: str, key: str) -> bytes:
        return self.done(actions.get_edge, Form.LATER, "edges", workflow, path={"name": name, "key": key})

    def add_edge(self, workflow: str, name: str, body: bytes, *, form: Form = Form.LATER) -> bytes:
        return self.done(actions.add_edge, form, "edges", workflow, path={"name": name}, body=body)

    def delete_edge(self, workflow: str, name: str, key: str) -> bytes:
        return self.done(actions.delete_edge, Form.LATER, "edges", workflow, path={"name": name, "key": key})

    def delete_edges(self, workflow: str, name: str) -> int:
        with self.opened.writing(workflow) as place:
            return edges_of(name).delete_all(place)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total_count: int = 0


def _items(page: bytes) -> tuple[list[bytes], int]:
    found = msgspec.json.decode(page, type=_Page)
    return [bytes(item) for item in found.items], found.total_count
