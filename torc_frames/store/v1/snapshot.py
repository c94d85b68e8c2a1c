"""Reading a workflow from a torc-server: what is there when a list is begun, a page of columns at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torc_frames.errors import DroppedConnectionError, RefusedError, ReplyError, TornReadError
from torc_frames.store.keys import key_to_id
from torc_frames.store.records import (
    INPUT,
    OUTPUT,
    RUNNING,
    DependencyPage,
    JobPage,
    LinkPage,
    Resources,
    ResultPage,
    Role,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.v1.links import V1Links, gather, links_of
from torc_frames.store.v1.lists import Listing, Reader, count, decoded, listed, relations
from torc_frames.store.v1.service import V1Service
from torc_frames.store.v1.unreadable import UNREADABLE, around, one_by_one
from torc_frames.store.wire import v1
from torc_frames.store.wire.times import run_times

__all__ = ["V1Snapshot"]

PAGE_ROWS = 20_000

_OTHERS = {
    "files": "/files",
    "slurm schedulers": "/slurm_schedulers",
    "local schedulers": "/local_schedulers",
}
_DEFAULTS = v1.resources_of(None)
_JOB_FILTERS: dict[str, str] = {INPUT: "consumer_job_id", OUTPUT: "producer_job_id"}


class V1Snapshot:
    """A `Snapshot` of a torc-server, which knows no moments: each list is as it is when it is begun.

    What is added later is left out, what is deleted meanwhile makes `TornReadError`. Lists are read in
    the order in which they are asked for; the next is on its way while one is decoded.
    """

    workflow: WorkflowRecord
    requests: int
    unreadable: dict[str, str]

    def __init__(self, service: V1Service, workflow: WorkflowRecord, run_id: int) -> None:
        self._service = service
        self._run_id = run_id
        self._ephemeral: set[str] = set()
        self._links: V1Links | None = None
        self._link_rows: Iterator[list[Any]] | None = None
        self._results: list[ResultPage] | None = None
        self._result_rows: Iterator[list[Any]] | None = None
        self._held: dict[Role, list[UserDataPage]] = {}
        self._reader = Reader(self._get)
        self._read: dict[str, tuple[Listing, int, Any]] = {}
        self._counting = threading.Lock()
        self._gathering = threading.Lock()
        self._count: int | None = None
        self._jobs: set[int] | None = None
        self._single: dict[str, v1.V1Job] = {}
        self._last_record: int | None = None
        self.workflow = workflow
        self.requests = 1
        self.unreadable = {}

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        if job_key is not None:
            return iter([self._one_job(job_key)])
        results = self.results()
        requirements = self._listed(self._list("/resource_requirements", v1.Requirements))
        jobs = self._listed(self._list("/jobs", v1.Jobs))
        return self._job_pages(results, requirements, self._seen(jobs))

    def _one_job(self, job_key: str) -> JobPage:
        job = self._job(job_key)
        record = self._service.job_record(job)
        self.requests += 1
        needs = {job.resource_requirements_id or 0: record.resources}
        return self._job_page([job], needs, {job_key: record.run_id})

    def _seen(self, pages: Iterable[list[v1.V1Job]]) -> Iterator[list[v1.V1Job]]:
        """Note which jobs were read: links to others are newer ones', or those of another workflow's jobs."""
        jobs: set[int] = set()
        for items in pages:
            jobs.update(item.id for item in items)
            yield items
        self._jobs = jobs

    def _job_pages(
        self,
        results: Iterable[ResultPage],
        requirements: Iterable[list[v1.V1Requirement]],
        jobs: Iterable[list[v1.V1Job]],
    ) -> Iterator[JobPage]:
        runs = {key: run for page in results for key, run in zip(page.job_keys, page.run_ids, strict=True)}
        needs = {item.id: v1.resources_of(item) for items in requirements for item in items}
        for items in jobs:
            yield self._job_page(items, needs, runs)

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
        _refuse(since)
        if job_key is not None:
            return iter(self._of_job(job_key, role))
        if role in self._held:
            return iter(self._held.pop(role))
        if role is not None:
            self._plan_links()
        listing = self._list("/user_data", v1.Records)
        pages = self._records(listing, self._listed(listing, self._count), labels, linked=role is not None)
        return pages if role is None else self._of_role(role, then, pages)

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        if job_key is None and role is None:
            self._count = count(self._get, self._list("/user_data", v1.Records))
            return self._count
        return len({key for page in self.links(job_key=job_key, role=role) for key in page.record_keys})

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
        _refuse(since)
        if job_key is not None:
            return self._links_of_job(job_key).only(role).pages(labels)
        if record_keys is not None:
            ids = [number for key in record_keys if (number := key_to_id(key)) is not None]
            return links_of(self._get, self.workflow.key, ids).only(role).pages(labels)
        self._plan_links()
        return self._own_links(role, labels)

    def _own_links(self, role: Role | None, labels: bool) -> Iterator[LinkPage]:
        yield from self._all_links().only(role, self._jobs, self._last_record).pages(labels)

    def results(self) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        if self._result_rows is None:
            self._result_rows = self._listed(self._list("/results", v1.Results, all_runs=True))
        return self._result_pages(self._result_rows)

    def _result_pages(self, rows: Iterable[list[v1.V1Result]]) -> Iterator[ResultPage]:
        if self._results is None:
            self._results = [_result_page(items) for items in rows]
        yield from self._results

    def stale(self) -> Mapping[str, bool | None] | None:
        """See `Snapshot.stale`; a torc-server keeps neither revs nor times of records."""
        return None

    def dependencies(self) -> Iterator[DependencyPage]:
        """See `Snapshot.dependencies`."""
        listing = Listing(
            f"/workflows/{self.workflow.key}/job_dependencies",
            {"sort_by": "job_id"},
            v1.Dependencies,
            lambda item: (item.job_id, item.depends_on_job_id),
            unique=False,
        )
        pairs = [listing.key(item) for items in listed(self._get, listing) for item in items]
        pairs.sort()
        for start in range(0, len(pairs), PAGE_ROWS):
            part = pairs[start : start + PAGE_ROWS]
            yield DependencyPage([str(job) for job, _ in part], [str(on) for _, on in part])

    def ephemeral(self) -> set[str]:
        """See `Snapshot.ephemeral`."""
        return self._ephemeral

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`."""
        counts = {kind: count(self._get, self._list(path, v1.Total)) for kind, path in _OTHERS.items()}
        of_workflow = f"/workflows/{self.workflow.key}"
        counts["failure handlers"] = count(self._get, self._list(f"{of_workflow}/failure_handlers", v1.Total))
        counts["workflow actions"] = len(decoded(list, self._get(f"{of_workflow}/actions", {}), "actions"))
        needs = listed(self._get, self._list("/resource_requirements", v1.Requirements))
        counts[v1.SEVERAL_NODES] = sum(need.num_nodes > 1 for items in needs for need in items)
        workflow = decoded(v1.V1Workflow, self._get(of_workflow, {}), "workflow")
        counts |= {v1.of_project(workflow.project): 1} if workflow.project else {}
        return {kind: found for kind, found in counts.items() if found}

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        raise RefusedError("torc-server does not tell what was deleted: it has no revs")

    def verify(self) -> None:
        """Raise TornReadError if rows of a list were deleted since it was read."""
        read = list(self._read.values())
        for same, (listing, _, _) in zip(self._reader.still_end(read), read, strict=True):
            if not same:
                raise TornReadError(f"rows of {listing.path} were deleted while the workflow was read")

    # reading lists

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _get(self, path: str, params: Mapping[str, object]) -> bytes:
        with self._counting:
            self.requests += 1
        try:
            return self._service.http.get(path, params, attempts=2)
        except ReplyError:
            self._service.fetch_workflow(self.workflow.key)  # NotFoundError if it was deleted meanwhile
            raise

    def _list(self, path: str, kind: type[Any], **params: object) -> Listing:
        return Listing(path, {"workflow_id": self.workflow.key, **params}, kind)

    def _listed(self, listing: Listing, counted: int | None = None) -> Iterator[list[Any]]:
        """Plan to read a list, and return its rows."""
        return self._noted(listing, self._reader.plan(listing, counted))

    def _noted(self, listing: Listing, pages: Iterable[list[Any]]) -> Iterator[list[Any]]:
        rows, last = 0, None
        for items in pages:
            rows, last = rows + len(items), items[-1]
            yield items
        if rows:
            self._read[listing.path] = (listing, rows, last)

    # links

    def _plan_links(self) -> None:
        if self._link_rows is None:
            self._link_rows = self._listed(relations(self.workflow.key))

    def _all_links(self) -> V1Links:
        with self._gathering:
            if self._links is None:
                self._plan_links()
                self._links = gather(self._link_rows or ())
            return self._links

    def _links_of_job(self, job_key: str) -> V1Links:
        job = self._job(job_key)
        links = V1Links()
        for role, ids in ((INPUT, job.input_user_data_ids), (OUTPUT, job.output_user_data_ids)):
            links.add(role, [job.id] * len(ids), [*ids], [job.name] * len(ids))
        links.sort()
        return links

    def _job(self, job_key: str) -> v1.V1Job:
        if job_key not in self._single:
            self.requests += 1
            self._single[job_key] = self._service.fetch_job(job_key, self.workflow.key)
        return self._single[job_key]

    def _job_page(
        self, jobs: list[v1.V1Job], needs: Mapping[int, Resources], runs: Mapping[str, int]
    ) -> JobPage:
        resources = [needs.get(job.resource_requirements_id or 0, _DEFAULTS) for job in jobs]
        keys = [str(job.id) for job in jobs]
        return JobPage(
            keys=keys,
            names=[job.name for job in jobs],
            commands=[job.command for job in jobs],
            statuses=[job.status for job in jobs],
            num_cpus=[need.num_cpus for need in resources],
            num_gpus=[need.num_gpus for need in resources],
            memory=[need.memory for need in resources],
            runtimes=[need.runtime for need in resources],
            run_ids=[
                self._run_id if job.status == RUNNING else runs.get(key, 0)
                for key, job in zip(keys, jobs, strict=True)
            ],
            revs=[None] * len(jobs),
        )

    # records

    def _of_role(
        self, role: Role, then: Role | None, pages: Iterator[UserDataPage]
    ) -> Iterator[UserDataPage]:
        links = self._all_links()
        wanted = {*map(str, links.only(role, self._jobs).record_ids)}
        other = {*map(str, links.only(then, self._jobs).record_ids)} if then is not None else set()
        held: list[UserDataPage] = []
        for page in pages:
            if later := page.only(other):
                held.append(later)
            if chosen := page.only(wanted):
                yield chosen
        if then is not None:
            self._held[then] = held

    def _of_job(self, job_key: str, role: Role | None) -> list[UserDataPage]:
        found: dict[int, Any] = {}
        links = self._links_of_job(job_key)
        for kind in dict.fromkeys(links.only(role).roles):
            listing = self._list("/user_data", v1.Records, **{_JOB_FILTERS[kind]: job_key})
            try:
                rows = [item for items in listed(self._get, listing) for item in items]
            except DroppedConnectionError:
                ids = links.only(kind).record_ids
                rows, unreadable = one_by_one(self._get, ids, self.workflow.key)
                self._note(unreadable)
            found |= {item.id: item for item in rows}
        return [self._noted_page([found[key] for key in sorted(found)], labels=True)] if found else []

    def _records(
        self, listing: Listing, pages: Iterator[list[Any]], labels: bool, linked: bool
    ) -> Iterator[UserDataPage]:
        last = 0
        try:
            for items in pages:
                last = items[-1].id
                yield self._noted_page(items, labels)
        except DroppedConnectionError:
            known = set(self._all_links().record_ids)
            rows, unreadable = around(self._get, listing, known, self.workflow.key, all_of_them=not linked)
            self._note(unreadable)
            rows = [item for item in rows if item.id > last]
            for start in range(0, len(rows), PAGE_ROWS):
                yield self._noted_page(rows[start : start + PAGE_ROWS], labels)
            last = rows[-1].id if rows else last
        self._last_record = last

    def _noted_page(self, rows: list[Any], labels: bool) -> UserDataPage:
        self._ephemeral.update(str(row.id) for row in rows if row.is_ephemeral)
        return _page(rows, labels)

    def _note(self, unreadable: list[int]) -> None:
        self.unreadable |= dict.fromkeys(map(str, unreadable), UNREADABLE)


def _refuse(since: str | None) -> None:
    if since is not None:
        raise RefusedError("torc-server does not tell what changed since: it has no revs")


def _page(rows: list[Any], labels: bool) -> UserDataPage:
    raws = [row.data for row in rows]
    return UserDataPage(
        keys=[str(row.id) for row in rows],
        names=[v1.name_from_wire(row.name) for row in rows] if labels else [None] * len(rows),
        revs=[v1.rev_of(raw) for raw in raws] if labels else [None] * len(rows),
        data=b"\n".join(raws),
    )


def _result_page(rows: list[v1.V1Result]) -> ResultPage:
    times = [run_times(row.completion_time, row.exec_time_minutes) for row in rows]
    return ResultPage(
        job_keys=[str(row.job_id) for row in rows],
        run_ids=[row.run_id for row in rows],
        statuses=[row.status for row in rows],
        return_codes=[row.return_code for row in rows],
        start_times=[start for start, _ in times],
        end_times=[end for _, end in times],
    )
