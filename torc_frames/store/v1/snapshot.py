"""Reading a workflow from a torc-server, around the records that it can't write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from torc_frames.errors import DroppedConnectionError, ReplyError
from torc_frames.store.keys import key_to_id
from torc_frames.store.paged.lists import Listing, count, decoded, listed
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.snapshot import PAGE_ROWS, PagedSnapshot, job_page
from torc_frames.store.records import (
    CALLS,
    INPUT,
    MEASURED,
    OUTPUT,
    RUNNING,
    UNINITIALIZED,
    JobPage,
    Kind,
    LinkPage,
    Resources,
    ResultPage,
    Role,
    SeriesChunk,
    TorcSettings,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.v1 import parts
from torc_frames.store.v1.links import V1Links, gather, links_of, relations
from torc_frames.store.v1.service import V1Service
from torc_frames.store.v1.unreadable import UNREADABLE, around, one_by_one
from torc_frames.store.wire import v1
from torc_frames.store.wire.series import CATEGORY, chunk_of, is_series
from torc_frames.store.wire.torc_settings import OTHERS

__all__ = ["V1Snapshot"]

_Need = tuple[Resources, str | None, int | None]
_DEFAULTS: _Need = (v1.resources_of(None), None, None)
_RELATIONS: Kind = "job_file_relationships"
_FILE_ENDS = ("file_id", "producer_job_id", "consumer_job_id")
_MANY = 200
"""How many jobs or records are asked for one by one at most."""
_FIRST_EVENTS = 100
"""How many events are asked for first: some of them are long."""
_JOB_FILTERS: dict[str, str] = {INPUT: "consumer_job_id", OUTPUT: "producer_job_id"}


class V1Snapshot(PagedSnapshot[V1Service]):
    """A `Snapshot` of a torc-server."""

    attempts = 2
    measures = True

    def __init__(self, service: V1Service, workflow: WorkflowRecord) -> None:
        super().__init__(service, workflow, requests=1)
        self._links: V1Links | None = None
        self._links_near: dict[tuple[int, ...], V1Links] = {}
        self._link_rows: Iterator[list[Any]] | None = None
        self._jobs: set[int] | None = None
        self._single: dict[str, v1.V1Job] = {}
        self._last_record: int | None = None

    def _list(self, path: str, kind: type[Any], **params: object) -> Listing:
        return Listing(path, kind, {"workflow_id": self.workflow.key, **params})

    # jobs

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        if job_key is not None:
            return iter([self._one_job(job_key)])
        results = self.results(latest=True)
        requirements = self._listed(self._list("/resource_requirements", v1.V1Requirement))
        jobs = self._listed(self._service.jobs(self.workflow.key))
        return self._job_pages(results, requirements, jobs)

    def _one_job(self, job_key: str) -> JobPage:
        job = self._job(job_key)
        record = self._service.job_record(job)
        self.requests += 1
        needs = {job.resource_requirements_id or 0: (record.resources, None, None)}
        return self._job_page([job], needs, {job_key: record.run_id})

    def _job_pages(
        self,
        results: Iterable[ResultPage],
        requirements: Iterable[list[v1.V1Requirement]],
        pages: Iterable[list[v1.V1Job]],
    ) -> Iterator[JobPage]:
        runs = {key: run for page in results for key, run in zip(page.job_keys, page.run_ids, strict=True)}
        needs = {
            item.id: (v1.resources_of(item), item.name, item.num_nodes)
            for items in requirements
            for item in items
        }
        read: set[int] = set()
        for jobs in pages:
            read.update(job.id for job in jobs)
            yield self._job_page(jobs, needs, runs)
        self._jobs = read  # links to others are newer ones', or those of another workflow's jobs

    def _job_page(self, jobs: list[v1.V1Job], needs: Mapping[int, _Need], runs: Mapping[str, int]) -> JobPage:
        keys = [str(job.id) for job in jobs]
        resources, groups, nodes = map(
            list, zip(*[needs.get(job.resource_requirements_id or 0, _DEFAULTS) for job in jobs], strict=True)
        )
        return job_page(
            keys,
            [job.name for job in jobs],
            [job.command for job in jobs],
            [job.status for job in jobs],
            resources,
            [
                self.workflow.run_id or 0 if job.status == RUNNING else runs.get(key, 0)
                for key, job in zip(keys, jobs, strict=True)
            ],
            resource_requirements=groups,
            num_nodes=nodes,
            priority=[job.priority for job in jobs],
            labels=[job.labels for job in jobs],
            attempt_id=[job.attempt_id for job in jobs],
        )

    def _job(self, job_key: str) -> v1.V1Job:
        if job_key not in self._single:
            self.requests += 1
            self._single[job_key] = self._service.fetch_job(self.workflow.key, job_key)
        return self._single[job_key]

    def _result_list(self, latest: bool) -> Listing:
        return self._list("/results", v1.V1Result, all_runs=not latest)

    def _more_of_results(self, rows: list[v1.V1Result]) -> dict[str, list[Any]]:
        nodes = [row.compute_node_id and str(row.compute_node_id) for row in rows]
        measured = {name: list(map(attrgetter(name), rows)) for name in MEASURED}
        names = [row.job_name for row in rows]
        return {
            "attempt_id": [row.attempt_id for row in rows],
            "compute_node": nodes,
            **measured,
            "job_name": names,
        }

    def rows(self, kind: Kind) -> list[dict[str, Any]]:
        """See `Snapshot.rows`; calls are events."""
        some = {"category": CALLS} if kind == "calls" else {}
        kind = "events" if kind == "calls" else kind
        of_workflow = kind == _RELATIONS
        listing = Listing(
            f"/workflows/{self.workflow.key}/{kind}" if of_workflow else f"/{kind}",
            dict[str, Any],
            {} if of_workflow else {"workflow_id": self.workflow.key, **some},
            key=(lambda row: list(map(row.get, _FILE_ENDS))) if of_workflow else itemgetter("id"),
            order="repeated" if of_workflow else "ascending",
            first_rows=_FIRST_EVENTS if kind == "events" else None,
        )
        try:
            found = [row for rows in listed(self._get, listing) for row in rows]
            return [row for row in found if not is_series(row)] if kind == "events" else found
        except ReplyError as error:
            if not is_missing(error):
                raise
            return []  # an older server, without such things

    def _waits(self) -> list[tuple[str, str]]:
        listing = Listing(
            f"/workflows/{self.workflow.key}/job_dependencies",
            v1.Dependency,
            {"sort_by": "job_id"},
            key=lambda item: (item.job_id, item.depends_on_job_id),
            order="repeated",
        )
        pairs = sorted(listing.key(item) for items in listed(self._get, listing) for item in items)
        return [(str(job), str(on)) for job, on in pairs]

    def settings(self) -> TorcSettings:
        """See `Snapshot.settings`."""
        workflow = decoded(dict, self._get(f"/workflows/{self.workflow.key}", {}), "a workflow")
        return parts.read(self._get, self._listed, self.workflow.key, workflow, self.rows(_RELATIONS))

    def series(self, *, job_key: str | None = None) -> Iterator[SeriesChunk]:
        """See `Snapshot.series`; the server gives those of all jobs."""
        if job_key is not None:
            self._job(job_key)
        pages = self._listed(self._series_list())
        found = (chunk_of(row) for rows in pages for row in rows)
        return (chunk for chunk in found if job_key in (None, chunk.job_key))

    def _series_list(self) -> Listing:
        params = {"workflow_id": self.workflow.key, "category": CATEGORY}
        of_event = itemgetter("id")
        return Listing(
            "/events", dict[str, Any], params, key=of_event, age=of_event, first_rows=_FIRST_EVENTS
        )

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`."""
        counts = {kind: parts.count_others(self._get, self.workflow.key, kind) for kind in OTHERS}
        counts["events"] -= count(self._get, self._series_list()) if counts["events"] else 0
        return {kind: found for kind, found in counts.items() if found}

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

    def _links_of(
        self, record_keys: Sequence[str] | None, role: Role | None, labels: bool
    ) -> Iterator[LinkPage]:
        if record_keys is not None:
            ids = [number for key in record_keys if (number := key_to_id(key)) is not None]
            return self._near(ids).only(role).pages(labels)
        self._plan_links()
        return self._own_links(role, labels)

    def _near(self, record_ids: Sequence[int]) -> V1Links:
        """Return the links of some records, read once; of many those of all jobs are read."""
        if self._links is not None or len(record_ids) > _MANY:
            return self._all_links().of(record_ids)
        ids = tuple(sorted(record_ids))
        if ids not in self._links_near:
            self._links_near[ids] = links_of(self._get, self.workflow.key, ids)
        return self._links_near[ids]

    def _own_links(self, role: Role | None, labels: bool) -> Iterator[LinkPage]:
        yield from self._all_links().only(role, self._jobs, self._last_record).pages(labels)

    def _links_of_job(self, job_key: str, role: Role | None, labels: bool) -> Iterator[LinkPage]:
        return self._links_as(job_key, role).pages(labels)

    def _links_as(self, job_key: str, role: Role | None) -> V1Links:
        """Return the links that a job has in a role, or all of them."""
        links = self._job_links(job_key).only(role)
        if role == INPUT and len(links):
            made = self._made_elsewhere(self._job(job_key), links.record_ids)
            links = links.of(set(links.record_ids) - made)
        return links

    def _made_elsewhere(self, job: v1.V1Job, record_ids: Sequence[int]) -> set[int]:
        """Return those of a job's input records that other jobs make."""
        # The server makes a job wait for those that make its inputs, when it is initialized.
        waits = job.status != UNINITIALIZED and len(job.depends_on_job_ids) <= _MANY
        if self._links is not None or not waits:
            return self._near(record_ids).made()
        makers = [self._job(str(key)) for key in job.depends_on_job_ids]
        return {record for maker in makers for record in maker.output_user_data_ids}

    def _job_links(self, job_key: str) -> V1Links:
        job = self._job(job_key)
        links = V1Links()
        for role, ids in ((INPUT, job.input_user_data_ids), (OUTPUT, job.output_user_data_ids)):
            links.add(role, [job.id] * len(ids), [*ids], [job.name] * len(ids))
        links.sort()
        return links

    # records

    def _count_all(self) -> int:
        self._count = count(self._get, self._list("/user_data", v1.ListedRecord))
        return self._count

    def _keys_of(self, role: Role) -> set[str]:
        return {*map(str, self._all_links().only(role, self._jobs).record_ids)}

    def _of_job(self, job_key: str, role: Role | None) -> list[UserDataPage]:
        found: dict[int, Any] = {}
        links = self._links_as(job_key, role)
        for kind in dict.fromkeys(links.roles):
            listing = self._list("/user_data", v1.ListedRecord, **{_JOB_FILTERS[kind]: job_key})
            try:
                rows = [item for items in listed(self._get, listing) for item in items]
            except DroppedConnectionError:
                ids = links.only(kind).record_ids
                rows, unreadable = one_by_one(self._get, ids, self.workflow.key)
                self._note(unreadable)
            found |= {item.id: item for item in rows}
        found = {key: found[key] for key in found.keys() & {*links.record_ids}}
        return [self._page([found[key] for key in sorted(found)], labels=True)] if found else []

    def _records(self, labels: bool, linked: bool) -> Iterator[UserDataPage]:
        if linked:
            self._plan_links()
        listing = self._list("/user_data", v1.ListedRecord)
        return self._readable(listing, self._listed(listing, self._count), labels, linked)

    def _readable(
        self, listing: Listing, pages: Iterator[list[Any]], labels: bool, linked: bool
    ) -> Iterator[UserDataPage]:
        last = 0
        try:
            for items in pages:
                last = items[-1].id
                yield self._page(items, labels)
        except DroppedConnectionError:
            known = set(self._all_links().record_ids)
            rows, unreadable = around(self._get, listing, known, self.workflow.key, all_of_them=not linked)
            self._note(unreadable)
            rows = [item for item in rows if item.id > last]
            for start in range(0, len(rows), PAGE_ROWS):
                yield self._page(rows[start : start + PAGE_ROWS], labels)
            last = rows[-1].id if rows else last
        self._last_record = last

    def _page(self, rows: list[Any], labels: bool) -> UserDataPage:
        self._ephemeral.update(str(row.id) for row in rows if row.is_ephemeral)
        raws = [row.data for row in rows]
        return UserDataPage(
            keys=[str(row.id) for row in rows],
            names=[v1.name_from_wire(row.name) for row in rows] if labels else [None] * len(rows),
            revs=[v1.rev_of(raw) for raw in raws] if labels else [None] * len(rows),
            data=b"\n".join(raws),
        )

    def _note(self, unreadable: list[int]) -> None:
        self.unreadable |= dict.fromkeys(map(str, unreadable), UNREADABLE)
