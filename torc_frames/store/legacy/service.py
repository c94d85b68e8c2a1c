"""One service of 2023: its form, its documents one at a time, its refusals as our errors."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import msgspec

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, ReplyError, ServerError
from torc_frames.store.legacy.keys import METADATA, can_be_key
from torc_frames.store.legacy.version import Spoken, find_form
from torc_frames.store.paged.lists import Listing, decoded, listed
from torc_frames.store.paged.service import PagedService
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, USER_DATA, Form, LegacyRecord

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["Service", "is_duplicate", "read_record"]

_KEY = operator.attrgetter("key")


class Service(PagedService):
    """Speaks to one service, in the form that it answers in.

    Attributes
    ----------
    lacks : set of str
        Paths that this service turned out not to have, by their names here.
    """

    hidden = frozenset({METADATA})

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(settings)
        self.lacks: set[str] = set()
        self._finding = threading.Lock()
        self._spoken: Spoken | None = None

    @property
    def spoken(self) -> Spoken:
        """What it speaks; asked for once. VersionError if it is no service of 2023."""
        with self._finding:
            if self._spoken is None:
                self._spoken = find_form(self.http)
            return self._spoken

    @property
    def form(self) -> Form:
        """The form that it speaks."""
        return self.spoken.form

    def path(self, workflow_key: str, collection: str, key: str | None = None) -> str:
        """Return where a collection is, or one of it; the first form names the collection first."""
        workflow = _quoted(workflow_key)
        first = self.form is Form.FIRST
        home = f"/{collection}/{workflow}" if first else f"/workflows/{workflow}/{collection}"
        return home if key is None else f"{home}/{_quoted(key)}"

    def path_of_workflow(self, workflow_key: str) -> str:
        """Return where a workflow is."""
        return f"/workflows/{_quoted(workflow_key)}"

    def path_of_job(self, workflow_key: str, job_key: str, what: str) -> str:
        """Return where something of a job is, by the first form's name for it."""
        if self.form is Form.FIRST:
            return self.path(workflow_key, f"{JOBS}/{what}", job_key)
        return f"{self.path(workflow_key, JOBS, job_key)}/{what}"

    # lists

    def listing(
        self, path: str, item: Any, row: Callable[[Any], Any] | None = None, **params: object
    ) -> Listing:
        """Return a list, with the kind of its items; services of that day told wrong totals of some."""
        return Listing(
            path,
            item,
            params,
            row,
            key=_KEY,
            order="any",
            newest=None,
            age=_KEY,
            start="skip",
            exact=False,
            max_rows=self.form.value - 1,
        )

    def records(self, workflow_key: str, **params: object) -> Listing:
        """See `PagedService.records`."""
        later = self.form is Form.LATER
        item, row = (legacy.LaterRecord, _later) if later else (msgspec.Raw, _first)
        return self.listing(self.path(workflow_key, USER_DATA), item, row, **params)

    def jobs(self, workflow_key: str) -> Listing:
        """See `PagedService.jobs`."""
        return self.listing(self.path(workflow_key, JOBS), legacy.LegacyJob)

    def rows(self, listing: Listing) -> Iterator[Any]:
        """Yield the rows of a list."""
        for page in listed(self.http.get, listing):
            yield from page

    def workflows(self) -> list[legacy.LegacyWorkflow]:
        """Return all workflows, oldest first."""
        return list(self.rows(self.listing("/workflows", legacy.LegacyWorkflow)))

    # one document

    def fetch_workflow(self, workflow_key: str) -> legacy.LegacyWorkflow:
        """Return a workflow; NotFoundError if there is none."""
        self.check_key("workflow", workflow_key)
        body = self.request("workflow", workflow_key, "GET", self.path_of_workflow(workflow_key))
        return decoded(legacy.LegacyWorkflow, body, "a workflow")  # type: ignore[no-any-return]

    def fetch_job(self, workflow_key: str, job_key: str) -> legacy.LegacyJob:
        """Return a job; NotFoundError for it, or for the workflow if that is what does not exist."""
        return decoded(legacy.LegacyJob, self.job_document(workflow_key, job_key), "a job")  # type: ignore[no-any-return]

    def fetch_record(self, workflow_key: str, record_key: str) -> LegacyRecord:
        """Return a record, as `fetch_job` returns a job."""
        return read_record(self.form, self._fetch("user_data", USER_DATA, workflow_key, record_key))

    def job_document(self, workflow_key: str, job_key: str) -> bytes:
        """Return all of a job."""
        return self._fetch("job", JOBS, workflow_key, job_key)

    def _fetch(self, kind: str, collection: str, workflow_key: str, key: str) -> bytes:
        self.check_key("workflow", workflow_key)
        try:
            self.check_key(kind, key)
            path = self.path(workflow_key, collection, key)
            return self.request(kind, key, "GET", path, where=f"workflow {workflow_key}")
        except NotFoundError:
            self.fetch_workflow(workflow_key)
            raise

    def job_keys(self, workflow_key: str) -> list[str]:
        """Return the keys of all jobs, oldest first."""
        self.check_key("workflow", workflow_key)
        body = self.request("workflow", workflow_key, "GET", self.path(workflow_key, "job_keys"))
        return decoded(legacy.Keys, body, "keys of jobs").items  # type: ignore[no-any-return]

    def post_workflow(self, body: bytes) -> str:
        """See `PagedService.post_workflow`."""
        reply = self.send("POST", "/workflows", body)
        return str(decoded(legacy.LegacyWorkflow, reply, "a new workflow").key)

    def delete_job(self, workflow_key: str, job_key: str) -> None:
        """See `PagedService.delete_job`."""
        self.delete("job", job_key, self.path(workflow_key, JOBS, job_key))

    def delete_record(self, workflow_key: str, record_key: str) -> None:
        """See `PagedService.delete_record`."""
        self.delete("user_data", record_key, self.path(workflow_key, USER_DATA, record_key))

    def send(self, method: str, path: str, body: bytes) -> bytes:
        """Write once; a refusal is a ConflictError or RefusedError, except for 404 and keys that exist."""
        try:
            return self.http.send(method, path, body)
        except ReplyError as error:
            _raise(error)

    def check_key(self, kind: str, key: str) -> None:
        """See `PagedService.check_key`."""
        if not can_be_key(key) or (kind == "user_data" and key in self.hidden):
            raise NotFoundError(kind, [key], self.http.url)


def _raise(error: ReplyError) -> NoReturn:
    status = error.response.status if error.response is not None else None
    message = error.response.message if error.response is not None else ""
    if status == 409:
        raise ConflictError("changed since it was read").with_response(error.response) from None
    if status == 400 and not is_duplicate(error):
        raise RefusedError(f"the service refused it: {message}").with_response(error.response) from None
    raise error


def is_duplicate(error: ReplyError) -> bool:
    """Return whether a service says that a key exists already."""
    return error.response is not None and (
        error.response.status == 409 or "unique constraint" in error.response.message
    )


def read_record(form: Form, document: bytes) -> LegacyRecord:
    """Return a record that a service answered, its data on one line."""
    try:
        found = legacy.read_record(form, document)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what the service answered for a record is not understood: {error}") from None
    if b"\n" in found.data:
        return found._replace(data=msgspec.json.format(found.data, indent=-1))
    return found


def _later(found: legacy.LaterRecord) -> LegacyRecord:
    data = bytes(found.data)
    if b"\n" in data:
        data = msgspec.json.format(data, indent=-1)
    return LegacyRecord(found.key, found.rev, data, found.name, bool(found.is_ephemeral))


def _first(found: msgspec.Raw) -> LegacyRecord:
    return read_record(Form.FIRST, bytes(found))


def _quoted(key: str) -> str:
    return quote(key, safe="")
