"""One service of 2023: its form, its documents one at a time, its refusals as our errors."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, ReplyError, ServerError
from torc_frames.store.http.session import Http
from torc_frames.store.legacy.keys import METADATA, can_be_key
from torc_frames.store.legacy.paths import Paths
from torc_frames.store.legacy.version import Spoken, find_form
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, USER_DATA, Form, LegacyRecord

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["COLLECTIONS", "Service", "decoded", "is_duplicate", "is_missing", "read_record"]

COLLECTIONS = {"job": JOBS, "user_data": USER_DATA}
"""Where things are, by what errors call them."""


class Service:
    """Speaks to one service, in the form that it answers in.

    Attributes
    ----------
    http : Http
    lacks : set of str
        Paths that this service turned out not to have, by their names here.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.http = Http(settings)
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

    @property
    def paths(self) -> Paths:
        """Where it has what."""
        return Paths(self.form)

    # one document

    def fetch_workflow(self, workflow_key: str) -> legacy.LegacyWorkflow:
        """Return a workflow; NotFoundError if there is none."""
        self._check_key("workflow", workflow_key)
        body = self.found("workflow", workflow_key, "GET", self.paths.workflow(workflow_key))
        return decoded(legacy.LegacyWorkflow, body, "a workflow")  # type: ignore[no-any-return]

    def fetch_job(self, workflow_key: str, job_key: str) -> legacy.LegacyJob:
        """Return a job; NotFoundError for it, or for the workflow if that is what does not exist."""
        return decoded(legacy.LegacyJob, self.fetch("job", workflow_key, job_key), "a job")  # type: ignore[no-any-return]

    def fetch_record(self, workflow_key: str, record_key: str) -> LegacyRecord:
        """Return a record, as `fetch_job` returns a job."""
        return read_record(self.form, self.fetch("user_data", workflow_key, record_key))

    def fetch(self, kind: str, workflow_key: str, key: str) -> bytes:
        """Return the document of a job or record."""
        self._check_key("workflow", workflow_key)
        try:
            self._check_key(kind, key)
            path = self.paths.one(workflow_key, COLLECTIONS[kind], key)
            return self.found(kind, key, "GET", path, where=f"workflow {workflow_key}")
        except NotFoundError:
            self.fetch_workflow(workflow_key)
            raise

    def job_keys(self, workflow_key: str) -> list[str]:
        """Return the keys of all jobs, oldest first."""
        self._check_key("workflow", workflow_key)
        body = self.found("workflow", workflow_key, "GET", self.paths.job_keys(workflow_key))
        return decoded(legacy.Keys, body, "keys of jobs").items  # type: ignore[no-any-return]

    def found(
        self, kind: str, key: str, method: str, path: str, body: bytes | None = None, where: str = ""
    ) -> bytes:
        """Send what may be repeated; a 404 says that the thing does not exist."""
        try:
            if method == "GET":
                return self.http.get(path)
            return self.http.send(method, path, body, repeatable=True)
        except ReplyError as error:
            if not is_missing(error):
                raise
            if method == "DELETE" and error.repeated:
                return b"{}"
            raise NotFoundError(kind, [key], where or self.http.url).with_response(error.response) from None

    def send(self, method: str, path: str, body: bytes) -> bytes:
        """Write once; a refusal is a ConflictError or RefusedError, except for 404 and keys that exist."""
        try:
            return self.http.send(method, path, body)
        except ReplyError as error:
            _raise(error)

    def _check_key(self, kind: str, key: str) -> None:
        if not can_be_key(key) or (kind == "user_data" and key == METADATA):
            raise NotFoundError(kind, [key], self.http.url)


def _raise(error: ReplyError) -> NoReturn:
    status = error.response.status if error.response is not None else None
    message = error.response.message if error.response is not None else ""
    if status == 409:
        raise ConflictError("changed since it was read").with_response(error.response) from None
    if status == 400 and not is_duplicate(error):
        raise RefusedError(f"the service refused it: {message}").with_response(error.response) from None
    raise error


def is_missing(error: ReplyError) -> bool:
    """Return whether a service says that there is no such thing, or no such path."""
    return error.response is not None and error.response.status in (404, 405)


def is_duplicate(error: ReplyError) -> bool:
    """Return whether a service says that a key exists already."""
    return error.response is not None and (
        error.response.status == 409 or "unique constraint" in error.response.message
    )


def decoded(kind: Any, body: bytes, what: str) -> Any:
    """Return a reply as what it should be; ServerError if it is something else."""
    try:
        return legacy.decode(kind, body)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what the service answered for {what} is not understood: {error}") from None


def read_record(form: Form, document: bytes) -> LegacyRecord:
    """Return a record that a service answered, its data on one line."""
    try:
        found = legacy.read_record(form, document)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what the service answered for a record is not understood: {error}") from None
    if b"\n" in found.data:
        return found._replace(data=msgspec.json.format(found.data, indent=-1))
    return found
