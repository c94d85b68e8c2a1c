"""One torc-server: its workflows, jobs and records one at a time."""

from __future__ import annotations

from typing import Any

from torc_frames.errors import DroppedConnectionError, NotFoundError, UnreadableRecordError
from torc_frames.store.keys import key_to_id
from torc_frames.store.paged.lists import Listing, decoded
from torc_frames.store.paged.service import PagedService
from torc_frames.store.records import RUNNING, JobRecord
from torc_frames.store.v1.unreadable import UNREADABLE
from torc_frames.store.wire import v1

__all__ = ["V1Service"]


class V1Service(PagedService):
    """Speaks to one torc-server."""

    def fetch_workflow(self, workflow_key: str) -> v1.V1Workflow:
        """Return a workflow as the server has it."""
        self.check_key("workflow", workflow_key)
        body = self.request("workflow", workflow_key, "GET", f"/workflows/{workflow_key}")
        return decoded(v1.V1Workflow, body, "a workflow")  # type: ignore[no-any-return]

    def fetch_job(self, workflow_key: str | None, job_key: str) -> v1.V1Job:
        """Return a job with the keys of its records; NotFoundError if it is of another workflow."""
        return self._fetch(v1.V1Job, "job", job_key, "/jobs", workflow_key)  # type: ignore[no-any-return]

    def fetch_record(self, workflow_key: str, record_key: str) -> v1.V1Record:
        """Return a record of a workflow as the server has it."""
        try:
            record = self._fetch(v1.V1Record, "user_data", record_key, "/user_data", workflow_key)
        except DroppedConnectionError:
            raise UnreadableRecordError(record_key, UNREADABLE) from None
        return record  # type: ignore[no-any-return]

    def _fetch(self, what: type[Any], kind: str, key: str, path: str, workflow_key: str | None) -> Any:
        """Return a thing of a workflow; NotFoundError for the workflow if that is what does not exist."""
        if workflow_key is not None:
            self.check_key("workflow", workflow_key)
        try:
            self.check_key(kind, key)
            found = decoded(what, self.request(kind, key, "GET", f"{path}/{key}"), kind)
            if workflow_key is not None and str(found.workflow_id) != workflow_key:
                whose = f"{key} is of workflow {found.workflow_id}"
                raise NotFoundError(kind, [key], f"workflow {workflow_key}", whose)
        except NotFoundError:
            if workflow_key is not None:
                self.fetch_workflow(workflow_key)
            raise
        return found

    def records(self, workflow_key: str, **params: object) -> Listing:
        """See `PagedService.records`."""
        return Listing("/user_data", v1.ListedRecord, {"workflow_id": workflow_key, **params})

    def jobs(self, workflow_key: str) -> Listing:
        """See `PagedService.jobs`."""
        return Listing("/jobs", v1.V1Job, {"workflow_id": workflow_key})

    def post_workflow(self, body: bytes) -> str:
        """See `PagedService.post_workflow`."""
        return str(decoded(v1.V1Workflow, self.http.send("POST", "/workflows", body), "a new workflow").id)

    def delete_job(self, workflow_key: str, job_key: str) -> None:
        """See `PagedService.delete_job`."""
        self.delete("job", job_key, f"/jobs/{job_key}")

    def delete_record(self, workflow_key: str, record_key: str) -> None:
        """See `PagedService.delete_record`."""
        self.delete("user_data", record_key, f"/user_data/{record_key}")

    def job_keys(self, workflow_key: str) -> list[str]:
        """See `PagedService.job_keys`."""
        self.check_key("workflow", workflow_key)
        body = self.request("workflow", workflow_key, "GET", f"/workflows/{workflow_key}/job_ids")
        return [str(number) for number in decoded(v1.JobIds, body, "keys of jobs").job_ids]

    def job_record(self, job: v1.V1Job) -> JobRecord:
        """Return a job with what it needs and its last run, which are asked for."""
        need = None
        if job.resource_requirements_id:
            body = self.http.get(f"/resource_requirements/{job.resource_requirements_id}")
            need = decoded(v1.V1Requirement, body, "a resource requirement")
        return JobRecord(
            key=str(job.id),
            workflow_key=str(job.workflow_id),
            name=job.name,
            command=job.command,
            status=job.status,
            resources=v1.resources_of(need),
            run_id=self._run_id(job),
        )

    def _run_id(self, job: v1.V1Job) -> int:
        """Return which run of the workflow a job is in, or was last in."""
        if job.status == RUNNING:
            return self.fetch_workflow(str(job.workflow_id)).run_id
        last = {"workflow_id": job.workflow_id, "job_id": job.id, "sort_by": "run_id"}
        newest = Listing("/results", v1.V1Result, last).ask(self.http.get, reverse_sort=True, limit=1)
        return max((result.run_id for result in newest.items), default=0)

    def check_key(self, kind: str, key: str) -> None:
        """See `PagedService.check_key`."""
        if key_to_id(key) is None:
            raise NotFoundError(kind, [key], self.http.url)
