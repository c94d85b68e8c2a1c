"""Requests to a server for single things, and what becomes of those that there are not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from torc_frames.errors import (
    DroppedConnectionError,
    NotFoundError,
    ReplyError,
    TornReadError,
    UncertainWriteError,
)
from torc_frames.store.exactly_once import Unfinished, looked_for
from torc_frames.store.http.session import Http
from torc_frames.store.paged.lists import Listing, listed
from torc_frames.store.parallel import each

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["MANY", "PagedService", "is_missing"]

MANY = 64
"""From so many records on a list is read instead of each; those of several jobs are added side by side."""


class PagedService:
    """Speaks to one server.

    Attributes
    ----------
    http : Http
    unfinished : Unfinished
        What earlier calls left half done.
    """

    hidden: ClassVar[frozenset[str]] = frozenset()
    """The keys of records that are none."""

    def __init__(self, settings: ServerSettings) -> None:
        self.http = Http(settings)
        self.unfinished = Unfinished()

    def check_key(self, kind: str, key: str) -> None:
        """Raise NotFoundError for a key that no thing of the server can have."""
        raise NotImplementedError

    def fetch_workflow(self, workflow_key: str) -> Any:
        """Return a workflow; NotFoundError if there is none."""
        raise NotImplementedError

    def post_workflow(self, body: bytes) -> str:
        """Add a workflow, and return its key."""
        raise NotImplementedError

    def delete_workflow(self, workflow_key: str) -> None:
        """Delete a workflow; NotFoundError if there is none."""
        self.check_key("workflow", workflow_key)
        self.request("workflow", workflow_key, "DELETE", f"/workflows/{quote(workflow_key, safe='')}")

    def fetch_record(self, workflow_key: str, record_key: str) -> Any:
        """Return a record; NotFoundError for it, or for the workflow if that is what does not exist."""
        raise NotImplementedError

    def delete_job(self, workflow_key: str, job_key: str) -> None:
        """Delete a job, if it is there."""
        raise NotImplementedError

    def delete_record(self, workflow_key: str, record_key: str) -> None:
        """Delete a record with its links, if it is there."""
        raise NotImplementedError

    def records(self, workflow_key: str) -> Listing:
        """Return the list of the records of a workflow."""
        raise NotImplementedError

    def jobs(self, workflow_key: str) -> Listing:
        """Return the list of the jobs of a workflow."""
        raise NotImplementedError

    def job_keys(self, workflow_key: str) -> list[str]:
        """Return the keys of all jobs."""
        raise NotImplementedError

    def fetch_job(self, workflow_key: str, job_key: str) -> Any:
        """Return a job, as `fetch_record` returns a record."""
        raise NotImplementedError

    def request(
        self, kind: str, key: str, method: str, path: str, body: bytes | None = None, where: str = ""
    ) -> bytes:
        """Send what may be repeated; a 404 says that the thing does not exist."""
        try:
            if method == "GET":
                return self.http.get(path)
            return self.http.send(method, path, body, repeatable=True)
        except UncertainWriteError as lost:
            # Of two requests that delete the same at one moment, the first of which got no answer, the
            # server fails one: what matters is whether the thing is there.
            if method != "DELETE" or looked_for(lambda: self.gone(path) or None, lost) is None:
                raise
            return b"{}"
        except ReplyError as error:
            if not is_missing(error):
                raise
            if method == "DELETE" and error.repeated:
                return b"{}"
            raise NotFoundError(kind, [key], where or self.http.url).with_response(error.response) from None

    def delete(self, kind: str, key: str, path: str) -> None:
        """Delete a thing; nothing if there is none."""
        with suppress(NotFoundError):
            self.request(kind, key, "DELETE", path)

    def gone(self, path: str) -> bool:
        """Return whether there is nothing at a path."""
        try:
            self.http.get(path)
        except ReplyError as error:
            if not is_missing(error):
                raise
            return True
        return False

    def check_jobs(self, workflow_key: str, job_keys: Iterable[str]) -> list[str]:
        """Return jobs, each once; NotFoundError names all that do not exist."""
        jobs = list(dict.fromkeys(job_keys))
        if len(jobs) == 1:
            self.fetch_job(workflow_key, jobs[0])
        elif jobs:
            known = set(self.job_keys(workflow_key))
            missing = [key for key in jobs if key not in known]
            if missing:
                raise NotFoundError("job", missing, f"workflow {workflow_key}")
        else:
            self.fetch_workflow(workflow_key)
        return jobs

    def fetch_all(
        self,
        workflow_key: str,
        record_keys: Iterable[str],
        finish: Callable[[list[str]], bool] | None = None,
    ) -> dict[str, Any]:
        """Return records by their keys; NotFoundError names all that do not exist.

        Parameters
        ----------
        finish : callable, optional
            Told which there are not, and returns whether there are more of them now.
        """
        keys = list(dict.fromkeys(record_keys))
        many = len(keys) > MANY
        if many or not keys:
            self.fetch_workflow(workflow_key)
        found = self._listed_records(workflow_key, set(keys) - self.hidden) if many else {}
        missing = self.fetch_each("user_data", self.fetch_record, workflow_key, keys, found)
        if missing and finish is not None and finish(missing):
            missing = self.fetch_each("user_data", self.fetch_record, workflow_key, keys, found)
        if missing:
            raise NotFoundError("user_data", missing, f"workflow {workflow_key}")
        return found

    def _listed_records(self, workflow_key: str, wanted: set[str]) -> dict[str, Any]:
        """Return those of many records that the list shows; others there may be."""
        found: dict[str, Any] = {}
        listing = self.records(workflow_key)
        # Records without data, or deleted by others: what is missing is asked for one by one.
        with suppress(DroppedConnectionError, TornReadError):
            for rows in listed(self.http.get, listing):
                keyed = ((str(listing.key(row)), row) for row in rows)
                found |= {key: row for key, row in keyed if key in wanted}
        return found

    def fetch_each(
        self,
        kind: str,
        fetch: Callable[[str, str], Any],
        workflow_key: str,
        keys: Collection[str],
        found: dict[str, Any],
    ) -> list[str]:
        """Add what is not found yet, and return the keys of what there is not."""
        missing = set()

        def one(key: str) -> None:
            try:
                found[key] = fetch(workflow_key, key)
            except NotFoundError as error:
                if error.kind != kind:
                    raise
                missing.add(key)

        each(one, [key for key in keys if key not in found])
        return [key for key in keys if key in missing]


def is_missing(error: ReplyError) -> bool:
    """Return whether a server says that there is no such thing, or no such path."""
    return error.response is not None and error.response.status in (404, 405)
