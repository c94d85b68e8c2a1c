"""Reading a workflow from a server, which knows no moments: what is there when a list is begun."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from torc_frames.errors import RefusedError, ReplyError
from torc_frames.store.paged.lists import Listing, Pages, Reader
from torc_frames.store.paged.service import PagedService
from torc_frames.store.records import (
    DependencyPage,
    JobPage,
    LinkPage,
    Resources,
    ResultPage,
    Role,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.wire.times import run_times

__all__ = ["PAGE_ROWS", "PagedSnapshot", "job_page"]

PAGE_ROWS = 20_000


Service = TypeVar("Service", bound=PagedService)


class PagedSnapshot(Generic[Service]):
    """What the `Snapshot` of a server is, whichever it speaks.

    What is added after a list was begun is left out, what is deleted meanwhile makes `TornReadError`. Lists
    are read in the order in which they are asked for; the next is on its way while one is decoded.
    """

    workflow: WorkflowRecord
    requests: int
    unreadable: dict[str, str]

    measures = False
    attempts: ClassVar[int | None] = None
    """How often a page is asked for that a server drops, if not as often as anything else."""

    def __init__(self, service: Service, workflow: WorkflowRecord, requests: int) -> None:
        self._service = service
        self._reader = Reader(self._get)
        self._read: dict[str, Pages] = {}
        self._counting = threading.Lock()
        self._gathering = threading.RLock()
        self._count: int | None = None
        self._results: dict[bool, list[ResultPage]] = {}
        self._result_rows: dict[bool, Iterator[list[Any]]] = {}
        self._held: dict[Role, list[UserDataPage]] = {}
        self._ephemeral: set[str] = set()
        self.workflow = workflow
        self.requests = requests
        self.unreadable = {}

    # records

    def user_data(
        self,
        *,
        job_key: str | None = None,
        role: Role | None = None,
        since: str | None = None,
        labels: bool = True,
        then: Role | None = None,
    ) -> Iterator[UserDataPage]:
        """See `Snapshot.user_data`."""
        self._refuse(since)
        if job_key is not None:
            return iter(self._of_job(job_key, role))
        if role in self._held:
            return iter(self._held.pop(role))
        pages = self._records(labels, linked=role is not None)
        return pages if role is None else self._of_role(role, then, pages)

    def _records(self, labels: bool, linked: bool) -> Iterator[UserDataPage]:
        """Return all records, of which those with a job may be enough."""
        raise NotImplementedError

    def _of_job(self, job_key: str, role: Role | None) -> Iterable[UserDataPage]:
        raise NotImplementedError

    def _of_role(
        self, role: Role, then: Role | None, pages: Iterator[UserDataPage]
    ) -> Iterator[UserDataPage]:
        wanted = self._keys_of(role)
        other = set() if then is None else self._keys_of(then)
        held: list[UserDataPage] = []
        for page in pages:
            if later := page.only(other):
                held.append(later)
            if chosen := page.only(wanted):
                yield chosen
        if then is not None:
            self._held[then] = held

    def _keys_of(self, role: Role) -> set[str]:
        """Return the records that have a link of a role."""
        raise NotImplementedError

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        if job_key is None and role is None:
            return self._count_all()
        return len({key for page in self.links(job_key=job_key, role=role) for key in page.record_keys})

    def _count_all(self) -> int:
        raise NotImplementedError

    def ephemeral(self) -> set[str]:
        """See `Snapshot.ephemeral`."""
        return self._ephemeral

    # links

    def links(
        self,
        *,
        job_key: str | None = None,
        role: Role | None = None,
        since: str | None = None,
        record_keys: Sequence[str] | None = None,
        labels: bool = True,
    ) -> Iterator[LinkPage]:
        """See `Snapshot.links`."""
        self._refuse(since)
        if job_key is not None:
            return self._links_of_job(job_key, role, labels)
        return self._links_of(record_keys, role, labels)

    def _links_of_job(self, job_key: str, role: Role | None, labels: bool) -> Iterator[LinkPage]:
        raise NotImplementedError

    def _links_of(
        self, record_keys: Sequence[str] | None, role: Role | None, labels: bool
    ) -> Iterator[LinkPage]:
        """Return the links of some records, or of those that were read."""
        raise NotImplementedError

    # jobs

    def results(self, *, latest: bool = False, labels: bool = False) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        latest = latest and self.measures  # only torc tells which they are
        if latest not in self._result_rows:
            self._result_rows[latest] = self._listed(self._result_list(latest))
        return self._result_pages(latest, labels)

    def _result_list(self, latest: bool) -> Listing:
        raise NotImplementedError

    def _result_pages(self, latest: bool, labels: bool) -> Iterator[ResultPage]:
        if latest not in self._results:
            self._results[latest] = [self._result_page(items) for items in self._result_rows[latest]]
        for page in self._results[latest]:
            yield self._with_names(page) if labels else page

    def _result_page(self, rows: list[Any]) -> ResultPage:
        times = [run_times(row.completion_time, row.exec_time_minutes) for row in rows]
        return ResultPage(
            job_keys=[str(row.job_key) for row in rows],
            run_ids=[row.run_id for row in rows],
            statuses=[row.status for row in rows],
            return_codes=[row.return_code for row in rows],
            start_times=[start for start, _ in times],
            end_times=[end for _, end in times],
            more=self._more_of_results(rows),
        )

    def _more_of_results(self, rows: list[Any]) -> dict[str, list[Any]]:
        return {}

    def _with_names(self, page: ResultPage) -> ResultPage:
        """Return results with the names of their jobs."""
        return page

    def dependencies(self) -> Iterator[DependencyPage]:
        """See `Snapshot.dependencies`."""
        pairs = self._waits()
        for start in range(0, len(pairs), PAGE_ROWS):
            part = pairs[start : start + PAGE_ROWS]
            yield DependencyPage([job for job, _ in part], [on for _, on in part])

    def _waits(self) -> list[tuple[str, str]]:
        """Return which job waits for which, in order."""
        raise NotImplementedError

    def stale(self) -> Mapping[str, bool | None] | None:
        """See `Snapshot.stale`; servers keep no revs of workflows, nor times of records."""
        return None

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        raise RefusedError("a server has no revs of workflows, and does not tell what was deleted")

    @staticmethod
    def _refuse(since: str | None) -> None:
        if since is not None:
            raise RefusedError("a server has no revs of workflows, and does not tell what changed since")

    # reading

    def verify(self) -> None:
        """Raise TornReadError if rows of a list were deleted since it was read."""
        self._reader.verify(self._read.values())

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _get(self, path: str, params: Mapping[str, object]) -> bytes:
        with self._counting:
            self.requests += 1
        try:
            return self._service.http.get(path, params, attempts=self.attempts)
        except ReplyError:
            self._service.fetch_workflow(self.workflow.key)  # NotFoundError if it was deleted meanwhile
            raise

    def _listed(self, listing: Listing, counted: int | None = None) -> Iterator[list[Any]]:
        """Plan to read a list, and return its rows."""
        return self._noted(self._reader.plan(listing, counted))

    def _noted(self, pages: Pages) -> Iterator[list[Any]]:
        yield from pages
        if pages.rows:
            self._read[pages.listing.path] = pages


def job_page(
    keys: list[str],
    names: list[str],
    commands: list[str],
    statuses: list[str],
    resources: Sequence[Resources],
    run_ids: list[int],
    **more: list[Any],
) -> JobPage:
    """Return jobs of a server, which have no revs, as columns."""
    return JobPage(
        keys=keys,
        names=names,
        commands=commands,
        statuses=statuses,
        num_cpus=[need.num_cpus for need in resources],
        num_gpus=[need.num_gpus for need in resources],
        memory=[need.memory for need in resources],
        runtimes=[need.runtime for need in resources],
        run_ids=run_ids,
        revs=[None] * len(keys),
        more=more,
    )
