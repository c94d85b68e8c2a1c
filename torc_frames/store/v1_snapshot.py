"""Reading a workflow from a torc-server: what is there when a list is begun, a page of columns at a time."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from torc_frames.errors import DroppedConnectionError, RefusedError, TornReadError
from torc_frames.records import (
    INPUT,
    OUTPUT,
    RUNNING,
    DependencyPage,
    JobPage,
    LinkPage,
    ResultPage,
    Role,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.v1_lists import Listing, count, listed
from torc_frames.store.v1_unreadable import UNREADABLE, around, one_by_one
from torc_frames.wire import v1

if TYPE_CHECKING:
    from torc_frames.store.v1 import V1Store

__all__ = ["V1Snapshot"]

PAGE_ROWS = 20_000

_JOB_FILTERS: dict[str, str] = {INPUT: "consumer_job_id", OUTPUT: "producer_job_id"}


class V1Snapshot:
    """A `Snapshot` of a torc-server, which knows no moments: each list is as it is when it is begun.

    What is added later is left out, what is deleted meanwhile makes `TornReadError`.
    """

    workflow: WorkflowRecord
    requests: int
    unreadable: dict[str, str]

    def __init__(self, store: V1Store, workflow: WorkflowRecord, run_id: int) -> None:
        self._store = store
        self._run_id = run_id
        self._ephemeral: set[str] = set()
        self._links: list[v1.Link] | None = None
        self._results: list[ResultPage] | None = None
        self._held: dict[Role, list[UserDataPage]] = {}
        self._read: dict[str, tuple[Listing, int]] = {}
        self._count: int | None = None
        self._last_job: int | None = None
        self._last_record: int | None = None
        self.workflow = workflow
        self.requests = 1
        self.unreadable = {}

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        runs = {
            key: run for page in self.results() for key, run in zip(page.job_keys, page.run_ids, strict=True)
        }
        needs = {
            item.id: item
            for items in self._listed("/resource_requirements", v1.Requirements)
            for item in items
        }
        if job_key is not None:
            yield self._job_page([self._job(job_key)], needs, runs)
            return
        for items in self._listed("/jobs", v1.Jobs):
            yield self._job_page(items, needs, runs)
            self._last_job = items[-1].id

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
        if since is not None:
            raise RefusedError("torc-server does not tell what changed since: it has no revs")
        if job_key is not None:
            return iter(self._of_job(job_key, role))
        if role is None:
            return self._records(labels)
        if role in self._held:
            return iter(self._held.pop(role))
        return self._of_role(role, then, labels)

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        if job_key is None and role is None:
            self._count = count(self._get, self._list("/user_data", v1.Records))
            return self._count
        return len({key for page in self.links(job_key=job_key, role=role) for key in page.record_keys})

    def links(
        self, *, job_key: str | None = None, role: Role | None = None, labels: bool = True
    ) -> Iterator[LinkPage]:
        """See `Snapshot.links`."""
        links = self._all_links() if job_key is None else self._links_of_job(job_key)
        if role is not None:
            links = [link for link in links if link.role == role]
        if self._last_record is not None and job_key is None:
            last = self._last_record
            links = [link for link in links if link.record_id <= last]
        if self._last_job is not None:
            last = self._last_job
            links = [link for link in links if link.job_id <= last]
        for start in range(0, len(links), PAGE_ROWS):
            part = links[start : start + PAGE_ROWS]
            yield LinkPage(
                record_keys=[str(link.record_id) for link in part],
                job_keys=[str(link.job_id) for link in part],
                job_names=[link.job_name for link in part] if labels else [""] * len(part),
                roles=[link.role for link in part],
            )

    def results(self) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        if self._results is None:
            pages = self._listed("/results", v1.Results, all_runs=True)
            self._results = [_result_page(items) for items in pages]
        yield from self._results

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

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        raise RefusedError("torc-server does not tell what was deleted: it has no revs")

    def verify(self) -> None:
        """Raise TornReadError if a list has become shorter since it was read."""
        for listing, rows in self._read.values():
            if count(self._get, listing) < rows:
                raise TornReadError(f"rows of {listing.path} were deleted while the workflow was read")

    # reading lists

    def _get(self, path: str, params: Mapping[str, object]) -> bytes:
        self.requests += 1
        return self._store.http.get(path, params, attempts=2)

    def _list(self, path: str, kind: type[Any], **params: object) -> Listing:
        return Listing(path, {"workflow_id": self.workflow.key, **params}, kind)

    def _listed(self, path: str, kind: type[Any], **params: object) -> Iterator[list[Any]]:
        return self._noted(self._list(path, kind, **params))

    def _noted(self, listing: Listing, counted: int | None = None) -> Iterator[list[Any]]:
        rows = 0
        for items in listed(self._get, listing, counted):
            rows += len(items)
            yield items
        self._read[listing.path] = (listing, rows)

    # links

    def _all_links(self) -> list[v1.Link]:
        if self._links is None:
            path = f"/workflows/{self.workflow.key}/job_user_data_relationships"
            pages = self._noted(Listing(path, {}, v1.Links, v1.relationship, unique=False))
            links = [link for items in pages for link in v1.links_of(items)]
            links.sort()
            if any(map(operator.eq, links, islice(links, 1, None))):
                links = sorted(set(links))
            self._links = links
        return self._links

    def _links_of_job(self, job_key: str) -> list[v1.Link]:
        job = self._job(job_key)
        links = [v1.Link(job.id, record, INPUT, job.name) for record in job.input_user_data_ids]
        links += [v1.Link(job.id, record, OUTPUT, job.name) for record in job.output_user_data_ids]
        return sorted(links)

    def _job(self, job_key: str) -> v1.Job:
        self.requests += 1
        return self._store.fetch_job(job_key, self.workflow.key)

    def _job_page(
        self, jobs: list[v1.Job], needs: Mapping[int, v1.Requirement], runs: Mapping[str, int]
    ) -> JobPage:
        resources = [v1.resources_of(needs.get(job.resource_requirements_id or 0)) for job in jobs]
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

    def _of_role(self, role: Role, then: Role | None, labels: bool) -> Iterator[UserDataPage]:
        wanted = {str(link.record_id) for link in self._all_links() if link.role == role}
        other = {str(link.record_id) for link in self._all_links() if link.role == then}
        held: list[UserDataPage] = []
        for page in self._records(labels):
            if other:
                held += _only(page, other)
            yield from _only(page, wanted)
        if then is not None:
            self._held[then] = held

    def _of_job(self, job_key: str, role: Role | None) -> list[UserDataPage]:
        found: dict[int, Any] = {}
        links = self._links_of_job(job_key)
        for kind in dict.fromkeys(link.role for link in links if role in (None, link.role)):
            listing = self._list("/user_data", v1.Records, **{_JOB_FILTERS[kind]: job_key})
            try:
                rows = [item for items in listed(self._get, listing) for item in items]
            except DroppedConnectionError:
                ids = [link.record_id for link in links if link.role == kind]
                rows, unreadable = one_by_one(self._get, ids, self.workflow.key)
                self._note(unreadable)
            found |= {item.id: item for item in rows}
        return [self._noted_page([found[key] for key in sorted(found)], labels=True)] if found else []

    def _records(self, labels: bool) -> Iterator[UserDataPage]:
        listing = self._list("/user_data", v1.Records)
        last = 0
        try:
            for items in self._noted(listing, self._count):
                last = items[-1].id
                yield self._noted_page(items, labels)
        except DroppedConnectionError:
            linked = {link.record_id for link in self._all_links()}
            rows, unreadable = around(self._get, listing, linked, self.workflow.key)
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


def _page(rows: list[Any], labels: bool) -> UserDataPage:
    raws = [bytes(row.data) for row in rows]
    return UserDataPage(
        keys=[str(row.id) for row in rows],
        names=[v1.name_from_wire(row.name) for row in rows] if labels else [None] * len(rows),
        revs=[v1.rev_of(raw) for raw in raws] if labels else [None] * len(rows),
        data=b"\n".join(raws),
    )


def _only(page: UserDataPage, wanted: set[str]) -> list[UserDataPage]:
    """Return the records of a page that are wanted, as one page or none."""
    chosen = [at for at, key in enumerate(page.keys) if key in wanted]
    if len(chosen) == len(page):
        return [page]
    if not chosen:
        return []
    lines = page.lines()
    return [
        UserDataPage(
            keys=[page.keys[at] for at in chosen],
            names=[page.names[at] for at in chosen],
            revs=[page.revs[at] for at in chosen],
            data=b"\n".join([lines[at] for at in chosen]),
        )
    ]


def _result_page(rows: list[v1.Result]) -> ResultPage:
    times = [v1.run_times(row) for row in rows]
    return ResultPage(
        job_keys=[str(row.job_id) for row in rows],
        run_ids=[row.run_id for row in rows],
        statuses=[row.status for row in rows],
        return_codes=[row.return_code for row in rows],
        start_times=[start for start, _ in times],
        end_times=[end for _, end in times],
    )
