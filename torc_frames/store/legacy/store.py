"""A service of torc's dialect of 2023 as a store."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from torc_frames.errors import NotFoundError, RefusedError
from torc_frames.frame.values import decode_data, encode_data
from torc_frames.store.deleting import delete_each
from torc_frames.store.exactly_once import Unfinished, settled
from torc_frames.store.legacy import jobs as legacy_commands
from torc_frames.store.legacy import metadata as legacy_metadata
from torc_frames.store.legacy import user_data as legacy_user_data
from torc_frames.store.legacy.lists import LegacyListing, listed
from torc_frames.store.legacy.metadata import StoredMetadata
from torc_frames.store.legacy.new_jobs import AddCall, add_each, check_jobs, needed
from torc_frames.store.legacy.once import Written, delete_document
from torc_frames.store.legacy.one_job import job_record
from torc_frames.store.legacy.refusals import check
from torc_frames.store.legacy.service import Service, decoded
from torc_frames.store.legacy.snapshot import LegacySnapshot
from torc_frames.store.parallel import Report, each
from torc_frames.store.records import AddedJobs, JobRecord, NewJobs, Role, UserData, WorkflowRecord
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Form, Items

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["LegacyStore"]


class LegacyStore:
    """A service of 2023, in either form; see `torc_frames.store.base.Store` for what each method promises.

    The later form is only read: every write is refused. The first form has no transactions over several
    requests: a call that fails half way is finished by the same call again. There a record has no name, no
    lifetime and no role of its own; the keys that are chosen here for new ones say what they are to jobs.

    Parameters
    ----------
    settings : ServerSettings
        Where the service is and as whom to speak.
    """

    url: str
    needs_role = False

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.service = Service(settings)
        self.url = self.service.http.url
        self._merging = threading.Lock()
        self._adding = threading.Lock()
        self._writing = threading.RLock()
        self._unfinished = Unfinished()

    def __reduce__(self) -> tuple[Any, ...]:
        return LegacyStore, (self._settings,)

    @property
    def roles_are_of_records(self) -> bool:
        """See `Store.roles_are_of_records`: so it is in the first form."""
        return self.service.form is Form.FIRST

    def _to_write(self, workflow_key: str = "KEY") -> Service:
        """Return the service, to be written to; RefusedError for one of the later form."""
        if self.service.form is Form.FIRST:
            return self.service
        raise RefusedError(
            f"{self.url} speaks torc's dialect of late 2023, which torc_frames only reads: copy the workflow "
            f"into a file, and write there: `torc-frames copy -u {shlex.quote(self.url)} "
            f"-k {shlex.quote(workflow_key)} --to study.db`, or client.copy(wf, to=tf.connect('study.db')); "
            "a service that `torc-frames serve --form first` started is written to, too"
        )

    def check(self) -> str:
        """Return what the service speaks; VersionError if it is none of 2023."""
        return self.service.spoken.told

    # workflows

    def workflows(self) -> list[WorkflowRecord]:
        """See `Store.workflows`."""
        listing = LegacyListing(self.service.paths.workflows(), Items[legacy.LegacyWorkflow])
        rows = listed(self.service.http.get, self.service.form, listing)
        return each(self._with_metadata, [workflow for workflows in rows for workflow in workflows])

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        return self._with_metadata(self.service.fetch_workflow(workflow_key))

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WorkflowRecord:
        """See `Store.add_workflow`; the metadata are added in a second request."""
        service = self._to_write()
        kept = legacy_metadata.kept(metadata or {})
        told = {"name": name, "user": user, "description": description}
        # Services may refuse empty texts, which mean the same as none.
        body = encode_data({key: value for key, value in told.items() if value})
        state: dict[str, Any] = {}
        with self._unfinished.resumed(("workflow", body, repr(metadata)), state) as tried:
            if "key" not in tried:
                tried["key"] = self._post_workflow(body, name, tried, again="before" in tried)
            if kept:
                legacy_metadata.merge(service, tried["key"], kept)
            return self.get_workflow(tried["key"])

    def _post_workflow(self, body: bytes, name: str, tried: dict[str, Any], *, again: bool) -> str:
        before = tried.setdefault("before", self._named(name))

        def find() -> str | None:
            return next((key for key in self._named(name) if key not in before), None)

        def post() -> str:
            reply = self.service.send("POST", self.service.paths.workflows(), body)
            return str(decoded(Written, reply, "a new workflow").key)

        there = find() if again else None
        return settled(post, find) if there is None else there

    def _named(self, name: str) -> list[str]:
        listing = LegacyListing(self.service.paths.workflows(), Items[legacy.LegacyWorkflow])
        rows = listed(self.service.http.get, self.service.form, listing)
        return [workflow.key for workflows in rows for workflow in workflows if workflow.name == name]

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`."""
        service, kept = self._to_write(workflow_key), legacy_metadata.kept(patch)
        service.fetch_workflow(workflow_key)
        with self._merging:
            legacy_metadata.merge(service, workflow_key, kept)

    def delete_workflow(self, workflow_key: str) -> None:
        """See `Store.delete_workflow`."""
        service = self._to_write(workflow_key)
        service.fetch_workflow(workflow_key)
        path = service.paths.workflow(workflow_key)

        def delete() -> bool:
            service.found("workflow", workflow_key, "DELETE", path)
            return True

        def find() -> bool | None:
            try:
                service.fetch_workflow(workflow_key)
            except NotFoundError:
                return True
            return None

        settled(delete, find)

    @contextmanager
    def snapshot(self, workflow_key: str) -> Iterator[LegacySnapshot]:
        """See `Store.snapshot`."""
        workflow = self.service.fetch_workflow(workflow_key)
        metadata = legacy_metadata.fetch(self.service, workflow_key)
        snap = LegacySnapshot(self.service, _record(workflow, metadata), metadata.journal)
        try:
            yield snap
        finally:
            snap.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`; the service has none, so it only keeps out other threads of this store."""
        self._to_write()
        with self._writing:
            yield

    # jobs

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`; without a workflow, each is asked for the job, newest first."""
        if workflow_key is not None:
            job = self.service.fetch_job(workflow_key, job_key)
            return job_record(self.service, workflow_key, job)
        listing = LegacyListing(self.service.paths.workflows(), Items[legacy.LegacyWorkflow])
        rows = listed(self.service.http.get, self.service.form, listing)
        keys = [workflow.key for workflows in rows for workflow in workflows]
        for key in reversed(keys):
            with suppress(NotFoundError):
                return job_record(self.service, key, self.service.fetch_job(key, job_key))
        raise NotFoundError("job", [job_key], self.url)

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """See `Store.add_jobs`."""
        service = self._to_write(workflow_key)
        known = set(service.job_keys(workflow_key))
        check_jobs(jobs, known, workflow_key)
        if not len(jobs):
            return AddedJobs([], [], [])
        with self._adding, self._unfinished.resumed((workflow_key, jobs), AddCall(jobs, known)) as call:
            if not known.issuperset(call.job_keys.values()):
                call.begin_again(known)
            call.needs = needed(service, workflow_key, jobs.resources)
            add_each(service, workflow_key, call)
            return call.added

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """See `Store.update_commands`."""
        legacy_commands.update(self._to_write(workflow_key), workflow_key, job_keys, commands, report)

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """See `Store.delete_jobs`; the service itself would delete running jobs, and leave all records."""
        service = self._to_write(workflow_key)

        def delete_job(key: str) -> None:
            delete_document(service, workflow_key, "job", key)

        def delete_record(key: str) -> None:
            legacy_user_data.delete_one(service, workflow_key, key)

        delete_each(self, self._unfinished, workflow_key, job_keys, delete_job, delete_record, report)

    # user_data

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """See `Store.kept`; what is not refused is kept as it is by torc_frames' own service."""
        check(self.service.form, data)
        return list(data)

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """See `Store.get_user_data`; in the first form without the name that its job would tell."""
        record = legacy_user_data.fetch_one(self.service, workflow_key, record_key)
        return UserData(
            key=record_key,
            workflow_key=workflow_key,
            data=decode_data(record_key, record.data),
            name=record.name,
            is_ephemeral=record.is_ephemeral,
            rev=record.rev,
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
        """See `Store.add_user_data`.

        A record has no name but ``<role>_<name of its job>``, and is never ephemeral;
        one that is added without a job has the role that is given as soon as it is linked to one.
        """
        return legacy_user_data.add(
            self._to_write(workflow_key),
            self._unfinished,
            workflow_key,
            data,
            job_keys,
            role,
            names,
            is_ephemeral,
        )

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
        return legacy_user_data.update(
            self._to_write(workflow_key), self._unfinished, workflow_key, record_keys, data, revs, report
        )

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """See `Store.delete_user_data`."""
        legacy_user_data.delete(self._to_write(workflow_key), self._unfinished, workflow_key, record_keys)

    def close(self) -> None:
        """See `Store.close`."""
        self.service.http.close()

    def _with_metadata(self, workflow: legacy.LegacyWorkflow) -> WorkflowRecord:
        return _record(workflow, legacy_metadata.fetch(self.service, workflow.key))


def _record(workflow: legacy.LegacyWorkflow, metadata: StoredMetadata) -> WorkflowRecord:
    """Return a workflow of the service as a record; its rev there does not change with what is in it."""
    return WorkflowRecord(
        key=workflow.key,
        name=workflow.name or "",
        user=workflow.user or None,
        description=workflow.description or None,
        created=workflow.timestamp or None,
        metadata=metadata.decoded(),
    )
