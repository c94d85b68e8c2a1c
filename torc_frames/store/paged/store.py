"""What the stores on servers do alike, whichever they speak."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from torc_frames.errors import NotFoundError, RefusedError, ReplyError
from torc_frames.settings import store_base
from torc_frames.store.deleting import delete_each
from torc_frames.store.exactly_once import settled
from torc_frames.store.paged.lists import listed
from torc_frames.store.paged.service import MANY, PagedService, is_missing
from torc_frames.store.parallel import Report, each
from torc_frames.store.records import NewJobs, Resources, Role, WorkflowRecord

if TYPE_CHECKING:
    from torc_frames.store.base import Snapshot
    from torc_frames.store.http.settings import ServerSettings

__all__ = [
    "Given",
    "NewRow",
    "ServerStore",
    "add_side_by_side",
    "added_needs",
    "check_lengths",
    "check_widths",
    "text_problem",
]

Service = TypeVar("Service", bound=PagedService)
K = TypeVar("K")
V = TypeVar("V")


class NewRow(NamedTuple):
    """A record to add."""

    data: bytes
    job_key: str | None
    name: str | None
    is_ephemeral: bool


Given = tuple[str, bytes, str | None]
"""The key of a record, its new data, and the rev that it is to have before."""


class ServerStore(Generic[Service]):
    """The part of `torc_frames.store.base.Store` that is the same for each kind of server.

    A server has no transactions over several requests: a call that fails half way is finished by the same
    call again.

    Parameters
    ----------
    settings : ServerSettings
        Where the server is and as whom to speak.
    service : PagedService
        What speaks to it.
    """

    url: str
    base: str | None

    _update_commands: Callable[[Service, str, dict[str, str], Report | None], None]
    _add_records: Callable[[Service, str, list[NewRow], Role | None], list[str]]
    _update_records: Callable[[Service, str, list[Given], Report | None], list[str | None]]
    _check_records: Callable[[Service, str, list[str]], object]
    """Raises NotFoundError for records that are to be deleted and are not there."""
    _delete_record: Callable[[Service, str, str], None]
    """Deletes a record of a job that was deleted, if it is there."""

    def __init__(self, settings: ServerSettings, service: Service) -> None:
        self._settings = settings
        self.service = service
        self.url = service.http.url
        self.base = store_base(self.url)
        self._merging = threading.Lock()
        self._writing = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._settings,), {"base": self.base}

    def _to_write(self, workflow_key: str = "KEY") -> Service:
        """Return what speaks to the server, to be written to; RefusedError where it is only read."""
        return self.service

    # workflows

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        project: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> WorkflowRecord:
        """See `Store.add_workflow`; what the server keeps elsewhere is added in a second request."""
        service = self._to_write()
        told = {"name": name, "user": user, "description": description, "metadata": metadata or {}}
        more = {**(settings or {}), **({} if project is None else {"project": project})}
        body, rest = self._new_workflow({**more, **told})
        state: dict[str, Any] = {}
        with service.unfinished.resumed(("workflow", body, repr(metadata)), state) as tried:
            again = "before" in tried
            before = tried.setdefault("before", self.workflow_keys(name))

            def find() -> str | None:
                return next((key for key in self.workflow_keys(name) if key not in before), None)

            if "key" not in tried:
                tried["key"] = settled(lambda: service.post_workflow(body), find, again=again)
            if rest:
                self.merge_metadata(tried["key"], rest)
            return self.get_workflow(tried["key"])

    def _new_workflow(self, told: dict[str, Any]) -> tuple[bytes, Mapping[str, Any]]:
        """Return the body that adds a workflow, and the metadata that are not in there."""
        raise NotImplementedError

    def workflow_keys(self, name: str) -> list[str]:
        """See `Store.workflow_keys`."""
        raise NotImplementedError

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        raise NotImplementedError

    def update_workflow(
        self, workflow_key: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        """See `Store.update_workflow`."""
        raise NotImplementedError

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`."""
        raise NotImplementedError

    def count_jobs(self, workflow_keys: Sequence[str]) -> list[Mapping[str, int]]:
        """See `Store.count_jobs`."""
        return each(self._counts_of, workflow_keys)

    def _counts_of(self, workflow_key: str) -> Mapping[str, int]:
        try:
            self.service.check_key("workflow", workflow_key)
            return self._count_jobs(workflow_key)
        except NotFoundError:
            return {}

    def _count_jobs(self, workflow_key: str) -> Mapping[str, int]:
        """Return how many jobs there are of each status: of a list of all, where that is not told."""
        try:
            pages = listed(self.service.http.get, self.service.jobs(workflow_key))
            return Counter(job.status for jobs in pages for job in jobs)
        except ReplyError as error:
            if not is_missing(error):
                raise
            return {}

    def delete_workflow(self, workflow_key: str) -> None:
        """See `Store.delete_workflow`."""
        self._to_write(workflow_key).delete_workflow(workflow_key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`; a server has none, so it only keeps out other threads of this store."""
        self._to_write()
        with self._writing:
            yield

    def snapshot(self, workflow_key: str) -> AbstractContextManager[Snapshot]:
        """See `Store.snapshot`."""
        raise NotImplementedError

    # jobs

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """See `Store.update_commands`; a torc-server only does it for jobs that were never initialized."""
        service = self._to_write(workflow_key)
        check_lengths(len(job_keys), "jobs", commands=commands)
        self._update_commands(service, workflow_key, dict(zip(job_keys, commands, strict=True)), report)

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """See `Store.delete_jobs`; a server itself would delete running jobs, and leave all records."""
        service = self._to_write(workflow_key)
        delete_job = partial(service.delete_job, workflow_key)
        delete_record = partial(self._delete_record, service, workflow_key)
        delete_each(
            self.url,
            self.snapshot,
            service.unfinished,
            workflow_key,
            job_keys,
            delete_job,
            delete_record,
            report,
        )

    # user_data

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
        """See `Store.add_user_data`."""
        service = self._to_write(workflow_key)
        flags = [is_ephemeral] * len(data) if isinstance(is_ephemeral, bool) else is_ephemeral
        check_lengths(len(data), "records", job_keys=job_keys, names=names, is_ephemeral=flags)
        columns = zip(data, job_keys or repeat(None), names or repeat(None), flags, strict=False)
        return self._add_records(service, workflow_key, [NewRow(*row) for row in columns], role)

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
        service = self._to_write(workflow_key)
        check_lengths(len(record_keys), "records", data=data, revs=revs)
        given = list(zip(record_keys, data, revs or repeat(None), strict=False))
        return self._update_records(service, workflow_key, given, report)

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """See `Store.delete_user_data`."""
        service = self._to_write(workflow_key)
        keys = list(dict.fromkeys(record_keys))
        begun: set[str] = set()
        with service.unfinished.resumed(("delete", workflow_key, keys), begun) as tried:
            self._check_records(service, workflow_key, [key for key in keys if key not in tried])

            def one(key: str) -> None:
                tried.add(key)
                service.delete_record(workflow_key, key)

            each(one, keys)

    def close(self) -> None:
        """See `Store.close`."""
        self.service.http.close()


class _OfJob(Protocol):
    @property
    def job_key(self) -> str | None: ...


New = TypeVar("New", bound=_OfJob)


def add_side_by_side(news: Sequence[New], add: Callable[[New], None]) -> None:
    """Add records one after the other, many of several jobs side by side."""
    of_job: dict[str | None, list[New]] = {}
    for new in news:
        of_job.setdefault(new.job_key if len(news) > MANY else None, []).append(new)

    def add_some(some: list[New]) -> None:
        for new in some:
            add(new)

    each(add_some, of_job.values())


def added_needs(
    resources: Sequence[Resources] | None,
    name: Callable[[Resources], K],
    there: Callable[[], dict[K, V]],
    add: Callable[[Resources], V],
) -> dict[Resources, V]:
    """Return the keys of what jobs need, after adding what the workflow has not yet.

    Parameters
    ----------
    name : callable
        Returns what tells one need from others on the server.
    there : callable
        Returns the keys of those that there are, by that.
    add : callable
        Adds one, and returns its key.
    """
    wanted = dict.fromkeys(need for need in resources or () if need != Resources())
    known = there() if wanted else {}
    for need in wanted:
        key = name(need)
        if key not in known:
            known[key] = settled(partial(add, need), lambda key=key: there().get(key))  # type: ignore[misc]
    return {need: known[name(need)] for need in wanted}


def check_lengths(length: int, what: str, **columns: Sequence[object] | None) -> None:
    """Refuse columns that are not as long as they should be."""
    for name, given in columns.items():
        if given is not None and len(given) != length:
            raise RefusedError(f"{len(given)} {name} for {length} {what}")


def text_problem(text: str) -> str | None:
    """Return why something is no text, None if it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is no text"
    return None


def check_widths(jobs: NewJobs) -> None:
    """Refuse new jobs whose columns are not of one length."""
    columns = {
        name: getattr(jobs, name) for name in ("commands", "inputs", "depends_on", "resources", "settings")
    }
    links: Mapping[str, Any] = {f"{role} links": rows for role, rows in jobs.links.items()}
    check_lengths(len(jobs), "jobs", **columns, **links)
