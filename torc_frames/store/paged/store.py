"""What the stores on servers do alike, whichever they speak."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from torc_frames.errors import RefusedError
from torc_frames.store.deleting import delete_each
from torc_frames.store.exactly_once import settled
from torc_frames.store.paged.service import MANY, PagedService
from torc_frames.store.parallel import Report, each
from torc_frames.store.records import NewJobs, Role

if TYPE_CHECKING:
    from torc_frames.store.base import Snapshot
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["NewRow", "ServerStore", "add_side_by_side", "check_lengths", "check_widths"]

Service = TypeVar("Service", bound=PagedService)


class NewRow(NamedTuple):
    """A record to add."""

    data: bytes
    job_key: str | None
    name: str | None
    is_ephemeral: bool


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

    def __init__(self, settings: ServerSettings, service: Service) -> None:
        self._settings = settings
        self.service = service
        self.url = service.http.url
        self._merging = threading.Lock()
        self._writing = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._settings,)

    def _to_write(self, workflow_key: str = "KEY") -> Service:
        """Return what speaks to the server, to be written to; RefusedError where it is only read."""
        return self.service

    # workflows

    def _add_workflow(self, name: str, body: bytes, tried: dict[str, Any]) -> str:
        """Add a workflow once, and return its key; `tried` is what is known of earlier tries."""
        again = "before" in tried
        before = tried.setdefault("before", self._named(name))

        def find() -> str | None:
            return next((key for key in self._named(name) if key not in before), None)

        return settled(lambda: self._post_workflow(body), find, again=again)

    def _named(self, name: str) -> list[str]:
        """Return the keys of the workflows of a name, of the newest at least."""
        raise NotImplementedError

    def _post_workflow(self, body: bytes) -> str:
        raise NotImplementedError

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

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """See `Store.delete_jobs`; a server itself would delete running jobs, and leave all records."""
        unfinished = self._to_write(workflow_key).unfinished
        delete_job, delete_record = (
            partial(delete, workflow_key) for delete in (self._delete_job, self._delete_record)
        )
        delete_each(
            self.url, self.snapshot, unfinished, workflow_key, job_keys, delete_job, delete_record, report
        )

    def _delete_job(self, workflow_key: str, job_key: str) -> None:
        """Delete a job, if it is there."""
        raise NotImplementedError

    def _delete_record(self, workflow_key: str, record_key: str) -> None:
        """Delete a record of a job that was deleted, if it is there."""
        raise NotImplementedError

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

    def _add_records(
        self, service: Service, workflow_key: str, rows: list[NewRow], role: Role | None
    ) -> list[str]:
        raise NotImplementedError

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

    def _update_records(
        self,
        service: Service,
        workflow_key: str,
        given: list[tuple[str, bytes, str | None]],
        report: Report | None,
    ) -> list[str | None]:
        """Replace data, of each record with its key and rev."""
        raise NotImplementedError

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

    def _check_records(self, service: Service, workflow_key: str, record_keys: list[str]) -> None:
        """Raise NotFoundError for records that are to be deleted and are not there."""
        service.fetch_all(workflow_key, record_keys)

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


def check_lengths(length: int, what: str, **columns: Sequence[object] | None) -> None:
    """Refuse columns that are not as long as they should be."""
    for name, given in columns.items():
        if given is not None and len(given) != length:
            raise RefusedError(f"{len(given)} {name} for {length} {what}")


def check_widths(jobs: NewJobs) -> None:
    """Refuse new jobs whose columns are not of one length."""
    columns = {name: getattr(jobs, name) for name in ("commands", "inputs", "depends_on", "resources")}
    links: Mapping[str, Any] = {f"{role} links": rows for role, rows in jobs.links.items()}
    check_lengths(len(jobs), "jobs", **columns, **links)
