"""One torc-server: its workflows, jobs and records one at a time, its refusals as our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torc_frames.errors import (
    DroppedConnectionError,
    NotFoundError,
    ReplyError,
    UncertainWriteError,
    UnreadableRecordError,
)
from torc_frames.store.exactly_once import Unfinished, looked_for
from torc_frames.store.http.session import Http
from torc_frames.store.keys import key_to_id
from torc_frames.store.records import RUNNING, JobRecord
from torc_frames.store.v1.lists import decoded
from torc_frames.store.v1.unreadable import UNREADABLE
from torc_frames.store.wire import v1

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["V1Service"]


class V1Service:
    """Speaks to one torc-server.

    Attributes
    ----------
    http : Http
    unfinished : Unfinished
        What earlier calls left half done.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.http = Http(settings)
        self.unfinished = Unfinished()

    def fetch_workflow(self, workflow_key: str) -> v1.V1Workflow:
        """Return a workflow as the server has it."""
        self.check_key("workflow", workflow_key)
        body = self.request("workflow", workflow_key, "GET", f"/workflows/{workflow_key}")
        return decoded(v1.V1Workflow, body, "a workflow")  # type: ignore[no-any-return]

    def fetch_job(self, job_key: str, workflow_key: str | None = None) -> v1.V1Job:
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
                raise NotFoundError(kind, [key], f"workflow {workflow_key}")
        except NotFoundError:
            if workflow_key is not None:
                self.fetch_workflow(workflow_key)
            raise
        return found

    def job_ids(self, workflow_key: str) -> set[int]:
        """Return the ids of all jobs of a workflow."""
        body = self.request("workflow", workflow_key, "GET", f"/workflows/{workflow_key}/job_ids")
        return set(decoded(v1.JobIds, body, "keys of jobs").job_ids)

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
        last = {"workflow_id": job.workflow_id, "job_id": job.id, "all_runs": True, "sort_by": "run_id"}
        body = self.http.get("/results", {**last, "reverse_sort": True, "limit": 1})
        return max((result.run_id for result in decoded(v1.Results, body, "results").items), default=0)

    def check_key(self, kind: str, key: str) -> None:
        """Raise NotFoundError for a key that no thing of the server can have."""
        if key_to_id(key) is None:
            raise NotFoundError(kind, [key], self.http.url)

    def request(self, kind: str, key: str, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send what may be repeated; a 404 says that the thing does not exist."""
        try:
            if method == "GET":
                return self.http.get(path)
            return self.http.send(method, path, body, repeatable=True)
        except UncertainWriteError as lost:
            # Of two requests that delete the same at one moment, the first of which got no answer, the
            # server fails one: what matters is whether the thing is there.
            if method != "DELETE" or looked_for(lambda: self._gone(path) or None, lost) is None:
                raise
            return b"{}"
        except ReplyError as error:
            if error.response is None or error.response.status != 404:
                raise
            if method == "DELETE" and error.repeated:
                return b"{}"
            raise NotFoundError(kind, [key], self.http.url).with_response(error.response) from None

    def _gone(self, path: str) -> bool:
        try:
            self.http.get(path)
        except ReplyError as error:
            return error.response is not None and error.response.status == 404
        return False
