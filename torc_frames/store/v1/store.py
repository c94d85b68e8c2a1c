"""A torc-server 1.x as a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from torc_frames.errors import RefusedError, ReplyError, ServerError
from torc_frames.frame.values import decode_data, encode_data
from torc_frames.store.http.settings import DEFAULT_PATH
from torc_frames.store.paged.lists import Listing, decoded, listed
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.store import ServerStore
from torc_frames.store.records import (
    CALLS,
    AddedJobs,
    JobRecord,
    NewJobs,
    SeriesChunk,
    UserData,
    WorkflowRecord,
)
from torc_frames.store.v1 import commands as v1_commands
from torc_frames.store.v1 import parts as v1_parts
from torc_frames.store.v1 import user_data as v1_user_data
from torc_frames.store.v1.jobs import Adder
from torc_frames.store.v1.service import V1Service
from torc_frames.store.v1.snapshot import V1Snapshot
from torc_frames.store.v1.version import check_version
from torc_frames.store.wire import v1
from torc_frames.store.wire.series import event_data

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["V1Store"]

_OF_A_NAME = 1_000
"""How many workflows of one name are looked at."""


class V1Store(ServerStore[V1Service]):
    """A torc-server; see `torc_frames.store.base.Store` for what each method promises.

    The server has no transactions over several requests, and no revs: jobs and their records are added
    in two requests, of which the first alone is found and finished by the next call; a record's rev is a
    digest of its data, compared just before it is written.

    Parameters
    ----------
    settings : ServerSettings
        Where the server is and as whom to speak.
    """

    needs_role = True
    roles_are_of_records = False

    _update_commands = staticmethod(v1_commands.update)
    _add_records = staticmethod(v1_user_data.add)
    _update_records = staticmethod(v1_user_data.update)
    _check_records = staticmethod(V1Service.fetch_all)
    _delete_record = staticmethod(v1_user_data.delete_readable)

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(settings, V1Service(settings))
        self._adders: dict[str, Adder] = {}

    @property
    def settings(self) -> ServerSettings:
        """How the server is spoken to, credentials included."""
        return self._settings

    def check(self) -> str:
        """Return the version of the server; VersionError if it is one that is not spoken here."""
        try:
            return check_version(self.service.http.get("/version"))
        except ReplyError as error:
            raise ServerError(
                f"no torc-server answers at {self.url}; its urls end in {DEFAULT_PATH}"
            ).with_response(error.response) from None

    # workflows

    def workflows(self) -> list[WorkflowRecord]:
        """See `Store.workflows`."""
        pages = listed(self.service.http.get, Listing("/workflows", v1.V1Workflow, {"sort_by": "id"}))
        return [v1.workflow_of(workflow) for workflows in pages for workflow in workflows]

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        return v1.workflow_of(self.service.fetch_workflow(workflow_key))

    def _new_workflow(self, told: dict[str, Any]) -> tuple[bytes, Mapping[str, Any]]:
        parts = told | {"user": told["user"] or "", "metadata": told["metadata"] or None}
        return _checked({key: value for key, value in parts.items() if value is not None}), {}

    def _count_jobs(self, workflow_key: str) -> Mapping[str, int]:
        try:
            body = self.service.http.get(f"/workflows/{workflow_key}/status")
        except ReplyError as error:
            if not is_missing(error):
                raise
            return super()._count_jobs(workflow_key)  # an older server
        found = decoded(v1.WorkflowStatus, body, "the status of a workflow").jobs_by_status
        return {status: count for status, count in found.items() if count}

    def workflow_keys(self, name: str) -> list[str]:
        """See `Store.workflow_keys`; of very many of one name, the newest."""
        named = Listing("/workflows", v1.V1Workflow, {"sort_by": "id", "name": name})
        newest = named.ask(self.service.http.get, reverse_sort=True, limit=_OF_A_NAME)
        return [str(workflow.id) for workflow in reversed(newest.items) if workflow.name == name]

    def update_workflow(
        self, workflow_key: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        """See `Store.update_workflow`."""
        with self._merging:
            workflow = self.get_workflow(workflow_key)
            self._put(workflow, {} if description is None else {"description": description}, name)

    def _put(self, workflow: WorkflowRecord, told: Mapping[str, Any], name: str | None = None) -> None:
        body = _checked({"name": name or workflow.name, "user": workflow.user or "", **told})
        if len(body) > v1.MAX_RECORD_BYTES:
            raise RefusedError(
                f"workflow {workflow.key} would have {len(body):,} bytes of metadata, more than the "
                "server takes: are there categorical columns of very many categories? Make them text"
            )
        self.service.request("workflow", workflow.key, "PUT", f"/workflows/{workflow.key}", body)

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`; what another process sets between reading and writing can be lost."""
        kept = v1.kept_metadata(encode_data(dict(patch)))
        with self._merging:
            workflow = self.get_workflow(workflow_key)
            merged = {**workflow.metadata, **kept}
            if not v1.same(merged, dict(workflow.metadata)):
                self._put(workflow, {"metadata": merged})

    def delete_workflow(self, workflow_key: str) -> None:
        """See `Store.delete_workflow`."""
        try:
            super().delete_workflow(workflow_key)
        finally:
            self._adders.pop(workflow_key, None)

    def snapshot(self, workflow_key: str) -> AbstractContextManager[V1Snapshot]:
        """See `Store.snapshot`."""
        return closing(V1Snapshot(self.service, self.get_workflow(workflow_key)))

    def add_parts(self, workflow_key: str, kind: str, parts: Sequence[Mapping[str, Any]]) -> list[int]:
        """See `SettingsStore.add_parts`."""
        return v1_parts.add(self.service.http, workflow_key, kind, parts)

    # series

    def add_series(self, workflow_key: str, chunks: Sequence[SeriesChunk]) -> None:
        """See `Store.add_series`; they are events, and stay until the workflow goes.

        One whose answer is lost is sent again: who reads them leaves out what is there twice.
        """
        self.service.check_jobs(workflow_key, (chunk.job_key for chunk in chunks))
        for chunk in chunks:
            body = v1.encode({"workflow_id": int(workflow_key), "timestamp": 0, "data": event_data(chunk)})
            self.service.http.send("POST", "/events", body, repeatable=True)

    # jobs

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`."""
        return self.service.job_record(self.service.fetch_job(workflow_key, job_key))

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """See `Store.add_jobs`."""
        self.service.fetch_workflow(workflow_key)
        adder = self._adders.setdefault(workflow_key, Adder(self.service.http, int(workflow_key)))
        return adder.add(jobs, set(map(int, self.service.job_keys(workflow_key))))

    def note_call(
        self, workflow_key: str, runner: str, details: Mapping[str, Any], *, ended: str | None = None
    ) -> None:
        """See `CallStore.note_call`; each is an event."""
        now = datetime.now(UTC)
        told = {
            "category": CALLS,
            "type": "call",
            "runner": runner,
            "started": now.isoformat(timespec="microseconds"),
        }
        data = {**told, "ended": ended, "details": dict(details)}
        event = {"workflow_id": int(workflow_key), "timestamp": int(now.timestamp() * 1000), "data": data}
        self.service.request("workflow", workflow_key, "POST", "/events", encode_data(event))

    # user_data

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """See `Store.kept`."""
        return v1.kept(data)

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """See `Store.get_user_data`."""
        record = self.service.fetch_record(workflow_key, record_key)
        raw = bytes(record.data)
        return UserData(
            key=record_key,
            workflow_key=workflow_key,
            data=decode_data(record_key, raw),
            name=v1.name_from_wire(record.name),
            is_ephemeral=record.is_ephemeral,
            rev=v1.rev_of(raw),
        )


def _checked(value: dict[str, Any]) -> bytes:
    return v1.outgoing([encode_data(value)]).send[0]
