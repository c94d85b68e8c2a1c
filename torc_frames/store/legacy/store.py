"""A service of torc's dialect of 2023 as a store."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from torc_frames.errors import NotFoundError, RefusedError
from torc_frames.frame.values import decode_data, encode_data
from torc_frames.store.legacy import jobs as legacy_jobs
from torc_frames.store.legacy import metadata as legacy_metadata
from torc_frames.store.legacy import user_data as legacy_user_data
from torc_frames.store.legacy.metadata import StoredMetadata
from torc_frames.store.legacy.new_jobs import AddCall, add_each, check_jobs, needed
from torc_frames.store.legacy.records import check
from torc_frames.store.legacy.service import Service
from torc_frames.store.legacy.snapshot import LegacySnapshot, no_series
from torc_frames.store.paged.store import ServerStore, text_problem
from torc_frames.store.parallel import each
from torc_frames.store.records import AddedJobs, JobRecord, NewJobs, SeriesChunk, UserData, WorkflowRecord
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Form

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["LegacyStore"]


class LegacyStore(ServerStore[Service]):
    """A service of 2023, in either form; see `torc_frames.store.base.Store` for what each method promises.

    The later form is only read: every write is refused. The first form has no transactions over several
    requests: a call that fails half way is finished by the same call again. There a record has no name, no
    lifetime and no role of its own; the keys that are chosen here for new ones say what they are to jobs.

    Parameters
    ----------
    settings : ServerSettings
        Where the service is and as whom to speak.
    """

    needs_role = False

    _update_commands = staticmethod(legacy_jobs.update)
    _add_records = staticmethod(legacy_user_data.add)
    _update_records = staticmethod(legacy_user_data.update)
    _check_records = staticmethod(legacy_user_data.begin_to_delete)
    _delete_record = staticmethod(legacy_user_data.delete_one)

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(settings, Service(settings))
        self._adding = threading.Lock()

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

    def add_series(self, workflow_key: str, chunks: Sequence[SeriesChunk]) -> NoReturn:
        """Refuse; see `Store.add_series`."""
        self._to_write(workflow_key)
        no_series(self.url)

    # workflows

    def workflows(self) -> list[WorkflowRecord]:
        """See `Store.workflows`."""
        return each(self._with_metadata, self.service.workflows())

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        return self._with_metadata(self.service.fetch_workflow(workflow_key))

    def _new_workflow(self, told: dict[str, Any]) -> tuple[bytes, Mapping[str, Any]]:
        metadata = told.pop("metadata")
        if told.get("project") is not None:
            raise RefusedError(f"{self.url} knows no projects of workflows: put it into metadata=")
        legacy_metadata.kept(metadata)  # refused before anything is sent
        # Services may refuse empty texts, which mean the same as none.
        return encode_data({key: value for key, value in told.items() if value}), metadata

    def workflow_keys(self, name: str) -> list[str]:
        """See `Store.workflow_keys`."""
        return [workflow.key for workflow in self.service.workflows() if workflow.name == name]

    def update_workflow(
        self, workflow_key: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        """See `Store.update_workflow`."""
        service = self._to_write(workflow_key)
        given = {"name": name, "description": description}
        told = {part: text for part, text in given.items() if text is not None}
        for reason in filter(None, map(text_problem, told.values())):
            raise RefusedError(f"the name or description of a workflow {reason}")
        legacy_metadata.update_workflow(service, workflow_key, told)

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`."""
        service, kept = self._to_write(workflow_key), legacy_metadata.kept(patch)
        service.fetch_workflow(workflow_key)
        with self._merging:
            legacy_metadata.merge(service, workflow_key, kept)

    def snapshot(self, workflow_key: str) -> AbstractContextManager[LegacySnapshot]:
        """See `Store.snapshot`."""
        workflow = self.service.fetch_workflow(workflow_key)
        metadata = legacy_metadata.fetch(self.service, workflow_key)
        return closing(LegacySnapshot(self.service, _record(workflow, metadata), metadata.journal))

    # jobs

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`; without a workflow, each is asked for the job, newest first."""
        if workflow_key is not None:
            job = self.service.fetch_job(workflow_key, job_key)
            return legacy_jobs.job_record(self.service, workflow_key, job)
        for workflow in reversed(self.service.workflows()):
            with suppress(NotFoundError):
                job = self.service.fetch_job(workflow.key, job_key)
                return legacy_jobs.job_record(self.service, workflow.key, job)
        raise NotFoundError("job", [job_key], self.url)

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """See `Store.add_jobs`."""
        service = self._to_write(workflow_key)
        known = set(service.job_keys(workflow_key))
        check_jobs(jobs, known, workflow_key)
        if not len(jobs):
            return AddedJobs([], [], [])
        with self._adding, service.unfinished.resumed((workflow_key, jobs), AddCall(jobs, known)) as call:
            if not known.issuperset(call.job_keys.values()):
                call.begin_again(known)
            call.needs = needed(service, workflow_key, jobs.resources)
            add_each(service, workflow_key, call)
            return call.added

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
        archived=bool(workflow.is_archived),
    )
