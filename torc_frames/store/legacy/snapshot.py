"""Reading a workflow from a service of 2023: what is there when a list is begun, a page at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torc_frames.errors import RefusedError, ReplyError, TornReadError
from torc_frames.store.legacy import documents
from torc_frames.store.legacy import keys as legacy_keys
from torc_frames.store.legacy.links import (
    Link,
    edges_of,
    in_order,
    link_of,
    link_pages,
    links_of_job,
    links_of_jobs,
    read_edges,
    role_in_first,
)
from torc_frames.store.legacy.lists import LegacyListing, LegacyPages, LegacyReader, count
from torc_frames.store.legacy.metadata import Entry
from torc_frames.store.legacy.needs import resources_of
from torc_frames.store.legacy.one_job import job_record
from torc_frames.store.legacy.others import count_others
from torc_frames.store.legacy.paths import BLOCKS, REQUIREMENTS, REQUIRES
from torc_frames.store.legacy.records import records_of
from torc_frames.store.legacy.service import is_missing
from torc_frames.store.parallel import each
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
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, RESULTS, Form, Items, LegacyRecord
from torc_frames.store.wire.times import run_times

if TYPE_CHECKING:
    from torc_frames.store.legacy.service import Service

__all__ = ["LegacySnapshot"]

PAGE_ROWS = 20_000


class LegacySnapshot:
    """A `Snapshot` of a service of 2023, which knows no moments: each list is as it is when it is begun.

    What is added later is left out, what is deleted meanwhile makes `TornReadError`.

    Parameters
    ----------
    service : Service
    workflow : WorkflowRecord
    journal : list of Entry
        The records of which another write had begun to replace the data; where one is missing, it is there
        with the new data.
    """

    workflow: WorkflowRecord
    requests: int
    unreadable: dict[str, str]

    def __init__(self, service: Service, workflow: WorkflowRecord, journal: Sequence[Entry]) -> None:
        self._service = service
        self._form = service.form
        self._replaced = {entry.key: entry for entry in journal if entry.key}
        self._reader = LegacyReader(self._get, service.form)
        self._read: dict[str, LegacyPages] = {}
        self._counting = threading.Lock()
        self._gathering = threading.RLock()
        self._count: int | None = None
        self._links: list[Link] | None = None
        self._job_keys: list[str] | None = None
        self._job_names: dict[str, str] | None = None
        self._records: set[str] | None = None
        self._record_names: dict[str, str] | None = None
        self._results: list[ResultPage] | None = None
        self._held: dict[Role, list[UserDataPage]] = {}
        self._ephemeral: set[str] = set()
        self.workflow = workflow
        self.requests = 2
        self.unreadable = {}

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        return self._all_jobs() if job_key is None else iter([self._one_job(job_key)])

    def _one_job(self, job_key: str) -> JobPage:
        job = self._job(job_key)
        record = job_record(self._service, self.workflow.key, job)
        return self._job_page([job], {job_key: record.resources}, {job_key: record.run_id})

    def _all_jobs(self) -> Iterator[JobPage]:
        needs, runs = self._needs(), self._runs()
        names: dict[str, str] = {}
        for jobs in self._listed(self._list(JOBS, legacy.LegacyJob)):
            names.update((job.key, job.name or "") for job in jobs)
            yield self._job_page(jobs, needs, runs)
        self._job_names, self._job_keys = names, list(names)

    def _job_page(
        self, jobs: list[legacy.LegacyJob], needs: Mapping[str, Resources], runs: Mapping[str, int]
    ) -> JobPage:
        resources = [needs.get(job.key, Resources()) for job in jobs]
        return JobPage(
            keys=[job.key for job in jobs],
            names=[job.name or "" for job in jobs],
            commands=[documents.shown(job.command) for job in jobs],
            statuses=[job.status for job in jobs],
            num_cpus=[need.num_cpus for need in resources],
            num_gpus=[need.num_gpus for need in resources],
            memory=[need.memory for need in resources],
            runtimes=[need.runtime for need in resources],
            run_ids=[max(job.run_id, runs.get(job.key, 0)) for job in jobs],
            revs=[None] * len(jobs),
        )

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
            return self._of_job(job_key, role)
        if role in self._held:
            return iter(self._held.pop(role))
        pages = self._record_pages(labels)
        return pages if role is None else self._of_role(role, then, pages)

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        if job_key is not None or role is not None:
            return len({key for page in self.links(job_key=job_key, role=role) for key in page.record_keys})
        listing = self._records_list()
        self._count = count(self._get, listing)
        if self._replaced:
            return sum(len(page) for page in self._record_pages(labels=False))
        return self._count - self._hidden(listing)

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
        if job_key is None:
            return self._own_links(role, labels, record_keys)
        job = self._job(job_key)
        found = [Link(job_key, record.key, its_role) for record, its_role in self._records_of(job_key, role)]
        return link_pages(found, {job_key: job.name or ""} if labels else None)

    def _own_links(
        self, role: Role | None, labels: bool, record_keys: Sequence[str] | None
    ) -> Iterator[LinkPage]:
        wanted = self._records if record_keys is None else set(record_keys)
        links = [
            link
            for link in self._all_links()
            if role in (None, link.role) and (wanted is None or link.record_key in wanted)
        ]
        yield from link_pages(links, self._names() if labels and links else None)

    def results(self) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        if self._results is None:
            rows = self._listed(self._list(RESULTS, legacy.LegacyResult))
            self._results = [_result_page(items) for items in rows]
        yield from self._results

    def stale(self) -> Mapping[str, bool | None] | None:
        """See `Snapshot.stale`; revs of the service are of single documents, and its results have none."""
        return None

    def dependencies(self) -> Iterator[DependencyPage]:
        """See `Snapshot.dependencies`; empty where the service has no edges."""
        at = {key: position for position, key in enumerate(self._keys())}
        key = self.workflow.key
        pairs: set[tuple[int, int]] = set()
        for edges in self._edges(BLOCKS):
            for edge in edges:
                job, on = (at.get(legacy.key_of(one, JOBS, key) or "") for one in (edge.target, edge.origin))
                if job is not None and on is not None:
                    pairs.add((job, on))
        names, ordered = list(at), sorted(pairs)
        for start in range(0, len(ordered), PAGE_ROWS):
            part = ordered[start : start + PAGE_ROWS]
            yield DependencyPage([names[job] for job, _ in part], [names[on] for _, on in part])

    def ephemeral(self) -> set[str]:
        """See `Snapshot.ephemeral`."""
        return self._ephemeral

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`."""
        return count_others(self._service, self.workflow.key, self._get)

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        raise RefusedError("a service of 2023 does not tell what was deleted: workflows have no rev")

    def verify(self) -> None:
        """Raise TornReadError if rows of a list were deleted since it was read."""
        read = list(self._read.values())
        for same, pages in zip(each(LegacyPages.still_there, read), read, strict=True):
            if not same:
                where = pages.listing.path
                raise TornReadError(f"rows of {where} were deleted or moved while the workflow was read")

    # reading

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _get(self, path: str, params: Mapping[str, object]) -> bytes:
        with self._counting:
            self.requests += 1
        return self._service.http.get(path, params)

    def _list(self, collection: str, kind: Any) -> LegacyListing:
        return LegacyListing(self._service.paths.all_of(self.workflow.key, collection), Items[kind])

    def _listed(self, listing: LegacyListing, counted: int | None = None) -> Iterator[list[Any]]:
        try:
            pages = self._reader.pages(listing, counted)
            yield from pages
        except ReplyError:
            self._service.fetch_workflow(self.workflow.key)  # NotFoundError if it was deleted meanwhile
            raise
        self._read[listing.path] = pages

    def _edges(self, name: str) -> Iterator[list[legacy.Edge]]:
        try:
            yield from self._listed(edges_of(self._service, self.workflow.key, name))
        except ReplyError as error:
            if not is_missing(error):
                raise

    # jobs

    def _job(self, job_key: str) -> legacy.LegacyJob:
        self.requests += 1
        return self._service.fetch_job(self.workflow.key, job_key)

    def _needs(self) -> dict[str, Resources]:
        """Return what jobs need that need anything but the default, by job."""
        needs = {
            need.key: resources_of(need)
            for rows in self._listed(self._list(REQUIREMENTS, legacy.Need))
            for need in rows
        }
        key = self.workflow.key
        pairs = (
            (legacy.key_of(edge.origin, JOBS, key), legacy.key_of(edge.target, REQUIREMENTS, key))
            for edges in (self._edges(REQUIRES) if needs else ())
            for edge in edges
        )
        return {job: needs[need] for job, need in pairs if job is not None and need in needs}

    def _runs(self) -> dict[str, int]:
        """Return the last run of each job, which only jobs of the first form tell themselves."""
        runs: dict[str, int] = {}
        for page in self.results() if self._form is Form.LATER else ():
            for key, run_id in zip(page.job_keys, page.run_ids, strict=True):
                runs[key] = max(run_id, runs.get(key, 0))
        return runs

    def _keys(self) -> list[str]:
        with self._gathering:
            if self._job_keys is None:
                self.requests += 1
                self._job_keys = self._service.job_keys(self.workflow.key)
            return self._job_keys

    def _names(self) -> dict[str, str]:
        with self._gathering:
            if self._job_names is None:
                rows = self._listed(self._list(JOBS, legacy.LegacyJob))
                self._job_names = {job.key: job.name or "" for jobs in rows for job in jobs}
            return self._job_names

    # links

    def _all_links(self) -> list[Link]:
        with self._gathering:
            if self._links is None:
                edges = read_edges(self._service, self.workflow.key, self._listed)
                if edges is None:
                    links = links_of_jobs(self._service, self.workflow.key, self._get, self._keys())
                else:
                    links = [link_of(self._form, edge) for edge in edges]
                held = {link.record_key for link in links} if self._replaced else set()
                links += [link for key in self._replaced if key not in held for link in self._links_of(key)]
                self._links = in_order(links, self._keys())
            return self._links

    def _links_of(self, replaced_key: str) -> list[Link]:
        links = self._replaced[replaced_key].links
        return [Link(job, replaced_key, role_in_first(name, replaced_key)) for name, job in links]

    # records

    def _records_list(self) -> LegacyListing:
        return records_of(self._service, self.workflow.key)

    def _hidden(self, listing: LegacyListing) -> int:
        """Return how many records the service counts that are none: it may list the metadata."""
        params = {"_key": legacy_keys.METADATA}
        rows = self._reader.pages(LegacyListing(listing.path, listing.pages, params, listing.row))
        return sum(row.key == legacy_keys.METADATA for items in rows for row in items)

    def _record_pages(self, labels: bool) -> Iterator[UserDataPage]:
        seen: set[str] = set()
        for rows in self._listed(self._records_list(), self._count):
            rows = [row for row in rows if row.key != legacy_keys.METADATA]
            seen.update(row.key for row in rows)
            if rows:
                yield self._page(rows, labels)
        missing = [entry for key, entry in self._replaced.items() if key not in seen]
        if missing:
            rows = [LegacyRecord(entry.key, None, bytes(entry.data)) for entry in missing]
            seen.update(row.key for row in rows)
            yield self._page(rows, labels)
        self._records = seen

    def _of_role(
        self, role: Role, then: Role | None, pages: Iterator[UserDataPage]
    ) -> Iterator[UserDataPage]:
        links = self._all_links()
        wanted = {link.record_key for link in links if link.role == role}
        other = {link.record_key for link in links if link.role == then} if then is not None else set()
        held: list[UserDataPage] = []
        for page in pages:
            if later := page.only(other):
                held.append(later)
            if chosen := page.only(wanted):
                yield chosen
        if then is not None:
            self._held[then] = held

    def _of_job(self, job_key: str, role: Role | None) -> Iterator[UserDataPage]:
        job = self._job(job_key)
        records = {record.key: record for record, _ in self._records_of(job_key, role)}
        if records:
            yield self._page(list(records.values()), labels=True, job_name=job.name or "")

    def _records_of(self, job_key: str, role: Role | None) -> list[tuple[LegacyRecord, Role | None]]:
        found = links_of_job(self._service, self.workflow.key, self._get, job_key, role)
        held = {record.key for record, _ in found}
        for key, entry in self._replaced.items():
            for link in self._links_of(key) if key not in held else ():
                if link.job_key == job_key and role in (None, link.role):
                    found.append((LegacyRecord(key, None, bytes(entry.data)), link.role))
        return found

    def _page(self, rows: list[LegacyRecord], labels: bool, job_name: str | None = None) -> UserDataPage:
        self._ephemeral.update(row.key for row in rows if row.is_ephemeral)
        nothing: list[str | None] = [None] * len(rows)
        return UserDataPage(
            keys=[row.key for row in rows],
            names=self._names_of(rows, job_name) if labels else nothing,
            revs=[row.rev for row in rows] if labels else nothing,
            data=b"\n".join([row.data for row in rows]),
        )

    def _names_of(self, rows: list[LegacyRecord], job_name: str | None) -> list[str | None]:
        """Return the names of records; in the first form, those of their jobs tell them."""
        if self._form is Form.LATER:
            return [row.name for row in rows]
        if job_name is not None:
            return [legacy_keys.name_of(row.key, job_name) for row in rows]
        if not any(legacy_keys.has_name(row.key) for row in rows):
            return [None] * len(rows)
        with self._gathering:
            if self._record_names is None:
                self._record_names = self._told_by_jobs()
            return [self._record_names.get(row.key) for row in rows]

    def _told_by_jobs(self) -> dict[str, str]:
        jobs, names = self._names(), dict[str, str]()
        for link in self._all_links():
            name = legacy_keys.name_of(link.record_key, jobs.get(link.job_key, ""))
            if name is not None:
                names.setdefault(link.record_key, name)
        return names


def _refuse(since: str | None) -> None:
    if since is not None:
        raise RefusedError("a service of 2023 does not tell what changed since: workflows have no rev")


def _result_page(rows: Iterable[legacy.LegacyResult]) -> ResultPage:
    ended = list(rows)
    times = [run_times(row.completion_time, row.exec_time_minutes) for row in ended]
    return ResultPage(
        job_keys=[row.job_key for row in ended],
        run_ids=[row.run_id for row in ended],
        statuses=[row.status for row in ended],
        return_codes=[row.return_code for row in ended],
        start_times=[start for start, _ in times],
        end_times=[end for _, end in times],
    )
