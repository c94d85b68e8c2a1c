"""A torc-server 1.x as a store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    ReplyError,
    ServerError,
)
from torc_frames.frame.values import decode_data, encode_data
from torc_frames.store.deleting import delete_each
from torc_frames.store.exactly_once import settled
from torc_frames.store.http.settings import DEFAULT_PATH
from torc_frames.store.parallel import Report
from torc_frames.store.records import AddedJobs, JobRecord, NewJobs, Role, UserData, WorkflowRecord
from torc_frames.store.v1 import commands as v1_commands
from torc_frames.store.v1 import user_data as v1_user_data
from torc_frames.store.v1.jobs import Adder
from torc_frames.store.v1.lists import Listing, decoded, listed
from torc_frames.store.v1.service import V1Service
from torc_frames.store.v1.snapshot import V1Snapshot
from torc_frames.store.v1.version import check_version
from torc_frames.store.wire import v1

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["V1Store"]


class V1Store:
    """A torc-server; see `torc_frames.store.base.Store` for what each method promises.

    The server has no transactions over several requests, and no revs: jobs and their records are added
    in two requests, of which the first alone is found and finished by the next call; a record's rev is a
    digest of its data, compared just before it is written.

    Parameters
    ----------
    settings : ServerSettings
        Where the server is and as whom to speak.
    """

    url: str
    needs_role = True
    roles_are_of_records = False

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.service = V1Service(settings)
        self.url = self.service.http.url
        self._merging = threading.Lock()
        self._writing = threading.RLock()
        self._adders: dict[str, Adder] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return V1Store, (self._settings,)

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
        listing = Listing("/workflows", {"sort_by": "id"}, v1.Workflows)
        return [
            v1.workflow_of(workflow) for items in listed(self.service.http.get, listing) for workflow in items
        ]

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        return v1.workflow_of(self.service.fetch_workflow(workflow_key))

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WorkflowRecord:
        """See `Store.add_workflow`."""
        parts = {"name": name, "user": user or "", "description": description, "metadata": metadata or None}
        body = _checked({key: value for key, value in parts.items() if value is not None})
        state: dict[str, set[str]] = {}
        with self.service.unfinished.resumed(("workflow", body), state) as tried:
            before = tried.setdefault("before", self._named(name))

            def find() -> WorkflowRecord | None:
                added = self._named(name) - before
                return self.get_workflow(max(added, key=int)) if added else None

            def post() -> WorkflowRecord:
                reply = decoded(v1.V1Workflow, self.service.http.send("POST", "/workflows", body), name)
                return v1.workflow_of(reply)

            there = find() if state is not tried else None
            return settled(post, find) if there is None else there

    def _named(self, name: str) -> set[str]:
        """Return the keys of the newest workflows of a name."""
        newest = {"sort_by": "id", "reverse_sort": True, "limit": 20, "name": name}
        page = decoded(v1.Workflows, self.service.http.get("/workflows", newest), "workflows")
        return {str(workflow.id) for workflow in page.items if workflow.name == name}

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`; what another process sets between reading and writing can be lost."""
        kept = v1.kept_metadata(encode_data(dict(patch)))
        with self._merging:
            workflow = self.get_workflow(workflow_key)
            merged = {**workflow.metadata, **kept}
            if v1.same(merged, dict(workflow.metadata)):
                return
            body = _checked({"name": workflow.name, "user": workflow.user or "", "metadata": merged})
            if len(body) > v1.MAX_RECORD_BYTES:
                raise RefusedError(
                    f"workflow {workflow_key} would have {len(body):,} bytes of metadata, more than the "
                    "server takes: are there categorical columns of very many categories? Make them text"
                )
            self.service.request("workflow", workflow_key, "PUT", f"/workflows/{workflow_key}", body)

    def delete_workflow(self, workflow_key: str) -> None:
        """See `Store.delete_workflow`."""
        self.service.check_key("workflow", workflow_key)
        try:
            self.service.request("workflow", workflow_key, "DELETE", f"/workflows/{workflow_key}")
        finally:
            self._adders.pop(workflow_key, None)

    @contextmanager
    def snapshot(self, workflow_key: str) -> Iterator[V1Snapshot]:
        """See `Store.snapshot`."""
        workflow = self.service.fetch_workflow(workflow_key)
        snap = V1Snapshot(self.service, v1.workflow_of(workflow), workflow.run_id)
        try:
            yield snap
        finally:
            snap.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`; the server has none, so it only keeps out other threads of this store."""
        with self._writing:
            yield

    # jobs

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`."""
        return self.service.job_record(self.service.fetch_job(job_key, workflow_key))

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """See `Store.add_jobs`."""
        self.service.fetch_workflow(workflow_key)
        adder = self._adders.setdefault(workflow_key, Adder(self.service.http, int(workflow_key)))
        return adder.add(jobs, self.service.job_ids(workflow_key))

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """See `Store.update_commands`; the server only does it for jobs that were never initialized.

        Raises
        ------
        RefusedError
            For jobs with another status; nothing is written then.
        """
        v1_commands.update(self.service, workflow_key, job_keys, commands, report)

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """See `Store.delete_jobs`; the server itself would delete running jobs, and leave all records."""

        def delete_job(key: str) -> None:
            with suppress(NotFoundError):
                self.service.request("job", key, "DELETE", f"/jobs/{key}")

        def delete_record(key: str) -> None:
            v1_user_data.delete_readable(self.service, workflow_key, key)

        delete_each(self, self.service.unfinished, workflow_key, job_keys, delete_job, delete_record, report)

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

    def add_user_data(
        self,
        workflow_key: str,
        data: Sequence[bytes],
        *,
        job_keys: Sequence[str | None] | None = None,
        role: Role | None = None,
        names: Sequence[str | None] | None = None,
        is_ephemeral: bool | Sequence[bool] = False,
    ) -> list[str]:
        """See `Store.add_user_data`; a record with a job needs a role."""
        self.service.fetch_workflow(workflow_key)
        return v1_user_data.add(self.service, workflow_key, data, job_keys, role, names, is_ephemeral)

    def update_user_data(
        self,
        workflow_key: str,
        record_keys: Sequence[str],
        data: Sequence[bytes],
        *,
        revs: Sequence[str | None] | None = None,
        report: Report | None = None,
    ) -> list[str | None]:
        """See `Store.update_user_data`; data can't be made null."""
        self.service.fetch_workflow(workflow_key)
        return v1_user_data.update(self.service, workflow_key, record_keys, data, revs, report)

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """See `Store.delete_user_data`."""
        self.service.fetch_workflow(workflow_key)
        v1_user_data.delete(self.service, workflow_key, record_keys)

    def close(self) -> None:
        """See `Store.close`."""
        self.service.http.close()


def _checked(value: dict[str, Any]) -> bytes:
    return v1.outgoing([encode_data(value)]).send[0]
