"""Reading a workflow from a service of 2023, in either form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Any, NoReturn

import msgspec

from torc_frames.errors import RefusedError, ReplyError
from torc_frames.store.legacy import keys as legacy_keys
from torc_frames.store.legacy.jobs import job_record, shown
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
from torc_frames.store.legacy.metadata import Entry
from torc_frames.store.legacy.needs import resources_of
from torc_frames.store.legacy.service import Service
from torc_frames.store.paged.lists import Listing, count, listed
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.snapshot import PagedSnapshot, job_page
from torc_frames.store.records import (
    INPUT,
    OUTPUT,
    JobPage,
    Kind,
    LinkPage,
    Resources,
    ResultPage,
    Role,
    TorcSettings,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import BLOCKS, JOBS, REQUIREMENTS, REQUIRES, RESULTS, Form, LegacyRecord
from torc_frames.store.wire.torc_settings import of_2023
from torc_frames.store.wire.v1 import SEVERAL_NODES

__all__ = ["LegacySnapshot", "no_series"]

_OTHERS = {
    "files": "files",
    "events": "events",
    "slurm schedulers": "slurm_schedulers",
    "local schedulers": "local_schedulers",
    "AWS schedulers": "aws_schedulers",
}
_FILE_EDGES = {"produces": "producer_job_id", "needs": "consumer_job_id"}
_OF_OBJECT = itemgetter("_key")
_UNTOLD = "services that do not tell which job waits for which"


def no_series(url: str) -> NoReturn:
    """Refuse to keep, or to read, rows that jobs logged."""
    raise RefusedError(
        f"{url} is a service of 2023, which keeps no series of a job's rows: let jobs log to the database "
        "that is served, or add records: job.add_user_data({'epoch': 3, 'loss': 0.4}, role='output')"
    )


class LegacySnapshot(PagedSnapshot[Service]):
    """A `Snapshot` of a service of 2023.

    Parameters
    ----------
    service : Service
    workflow : WorkflowRecord
    journal : list of Entry
        The records of which another write had begun to replace the data; where one is missing, it is there
        with the new data.
    """

    def __init__(self, service: Service, workflow: WorkflowRecord, journal: Sequence[Entry]) -> None:
        super().__init__(service, workflow, requests=2)
        self._form = service.form
        self._replaced = {entry.key: entry for entry in journal if entry.key}
        self._links: list[Link] | None = None
        self._job_keys: list[str] | None = None
        self._job_names: dict[str, str] | None = None
        self._records_read: set[str] | None = None
        self._record_names: dict[str, str] | None = None

    def _list(self, collection: str, item: Any) -> Listing:
        return self._service.listing(self._service.path(self.workflow.key, collection), item)

    def _rows(self, listing: Listing) -> Iterator[Any]:
        return chain.from_iterable(self._listed(listing))

    def _edges(self, name: str) -> Iterator[legacy.Edge]:
        """Yield the edges of a name; none where the service has no such path."""
        try:
            yield from self._rows(edges_of(self._service, self.workflow.key, name))
        except ReplyError as error:
            if not is_missing(error):
                raise

    def series(self, *, job_key: str | None = None) -> NoReturn:
        """Refuse; see `Snapshot.series`."""
        no_series(self._service.http.url)

    # jobs

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        return self._all_jobs() if job_key is None else iter([self._one_job(job_key)])

    def _one_job(self, job_key: str) -> JobPage:
        job = self._job(job_key)
        record = job_record(self._service, self.workflow.key, job)
        return _job_page([job], {job_key: record.resources}, {job_key: record.run_id})

    def _all_jobs(self) -> Iterator[JobPage]:
        needs, runs = self._needs(), self._runs()
        names: dict[str, str] = {}
        for jobs in self._listed(self._service.jobs(self.workflow.key)):
            names.update((job.key, job.name or "") for job in jobs)
            yield _job_page(jobs, needs, runs)
        self._job_names, self._job_keys = names, list(names)

    def _job(self, job_key: str) -> legacy.LegacyJob:
        self.requests += 1
        return self._service.fetch_job(self.workflow.key, job_key)

    def _needs(self) -> dict[str, Resources]:
        """Return what jobs need that need anything but the default, by job."""
        needs = {need.key: resources_of(need) for need in self._rows(self._list(REQUIREMENTS, legacy.Need))}
        key = self.workflow.key
        pairs = (
            (legacy.key_of(edge.origin, JOBS, key), legacy.key_of(edge.target, REQUIREMENTS, key))
            for edge in (self._edges(REQUIRES) if needs else ())
        )
        return {job: needs[need] for job, need in pairs if job is not None and need in needs}

    def _runs(self) -> dict[str, int]:
        """Return the last run of each job; those of the first form need not tell what runners reported."""
        runs: dict[str, int] = {}
        for page in self.results():
            for key, run_id in zip(page.job_keys, page.run_ids, strict=True):
                runs[key] = max(run_id, runs.get(key, 0))
        return runs

    def _result_list(self, latest: bool) -> Listing:
        return self._list(RESULTS, legacy.LegacyResult)

    def _with_names(self, page: ResultPage) -> ResultPage:
        names = self._names()
        return replace(page, more={**page.more, "job_name": [names.get(key, "") for key in page.job_keys]})

    def rows(self, kind: Kind) -> list[dict[str, Any]]:
        """See `Snapshot.rows`."""
        if kind == "calls":
            return []
        if kind == "job_file_relationships":
            return list(self._file_edges())
        try:
            rows = self._rows(self._objects(kind))
            return [legacy.listed_row(kind, _OF_OBJECT(row), row) for row in rows]
        except ReplyError as error:
            if not is_missing(error):
                raise
            return []

    def _objects(self, collection: str) -> Listing:
        """Return the list of a collection whose rows stay as they are."""
        return replace(self._list(collection, dict[str, Any]), key=_OF_OBJECT, age=_OF_OBJECT)

    def _file_edges(self) -> Iterator[dict[str, Any]]:
        for name, end in _FILE_EDGES.items():
            for edge in self._edges(name):
                job = legacy.key_of(edge.origin, JOBS, self.workflow.key)
                file = legacy.key_of(edge.target, "files", self.workflow.key)
                if job is not None and file is not None:
                    yield {"file_id": file, end: job}

    def _waits(self) -> list[tuple[str, str]]:
        names, key = self._keys(), self.workflow.key
        at = {name: position for position, name in enumerate(names)}
        pairs: set[tuple[int, int]] = set()
        for edge in self._edges(BLOCKS):
            job, on = (at.get(legacy.key_of(one, JOBS, key) or "") for one in (edge.target, edge.origin))
            if job is not None and on is not None:
                pairs.add((job, on))
        return [(names[job], names[on]) for job, on in sorted(pairs)]

    def _keys(self) -> list[str]:
        with self._gathering:
            if self._job_keys is None:
                self.requests += 1
                self._job_keys = self._service.job_keys(self.workflow.key)
            return self._job_keys

    def _names(self) -> dict[str, str]:
        with self._gathering:
            if self._job_names is None:
                jobs = self._rows(self._service.jobs(self.workflow.key))
                self._job_names = {job.key: job.name or "" for job in jobs}
            return self._job_names

    def settings(self) -> TorcSettings:
        """See `Snapshot.settings`."""
        return TorcSettings(jobs={job["_key"]: of_2023(job) for job in self._rows(self._objects(JOBS))})

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`."""
        counts = {kind: self._count_of(collection) for kind, collection in _OTHERS.items()}
        needs = chain.from_iterable(listed(self._get, self._list(REQUIREMENTS, legacy.Need)))
        counts[SEVERAL_NODES] = sum(need.num_nodes > 1 for need in needs)
        try:
            self._get(self._service.path(self.workflow.key, "edges", BLOCKS), {"limit": 1})
        except ReplyError as error:
            if not is_missing(error):
                raise
            counts[_UNTOLD] = 1
        return {kind: found for kind, found in counts.items() if found}

    def _count_of(self, collection: str) -> int:
        try:
            return count(self._get, self._list(collection, msgspec.Raw))
        except ReplyError as error:
            if not is_missing(error):
                raise
            return 0

    # links

    def _all_links(self) -> list[Link]:
        with self._gathering:
            if self._links is None:
                edges = read_edges(self._service, self.workflow.key, self._rows)
                if edges is None:
                    links = links_of_jobs(self._service, self.workflow.key, self._get, self._keys())
                else:
                    links = [link_of(self._form, edge) for edge in edges]
                held = {link.record_key for link in links} if self._replaced else set()
                links += [link for key in self._replaced if key not in held for link in self._begun(key)]
                self._links = in_order(links, self._keys())
            return self._links

    def _as(self, role: Role | None) -> list[Link]:
        """Return the links of a role."""
        links = self._all_links()
        made = {link.record_key for link in links if link.role == OUTPUT} if role == INPUT else ()
        return [link for link in links if role in (None, link.role) and link.record_key not in made]

    def _begun(self, replaced_key: str) -> list[Link]:
        """Return the links that a record has whose data somebody had begun to replace."""
        links = self._replaced[replaced_key].links
        return [Link(job, replaced_key, role_in_first(name, replaced_key)) for name, job in links]

    def _links_of(
        self, record_keys: Sequence[str] | None, role: Role | None, labels: bool
    ) -> Iterator[LinkPage]:
        wanted = self._records_read if record_keys is None else set(record_keys)
        links = [link for link in self._as(role) if wanted is None or link.record_key in wanted]
        yield from link_pages(links, self._names() if labels and links else None)

    def _links_of_job(self, job_key: str, role: Role | None, labels: bool) -> Iterator[LinkPage]:
        job = self._job(job_key)
        found = [Link(job_key, record.key, its_role) for record, its_role in self._records_of(job_key, role)]
        return link_pages(found, {job_key: job.name or ""} if labels else None)

    # records

    def _count_all(self) -> int:
        listing = self._service.records(self.workflow.key)
        counted = self._count = count(self._get, listing)
        if self._replaced:
            return sum(len(page) for page in self._records(labels=False, linked=False))
        # The service may list, and count, the metadata, which are no record.
        hidden = self._service.records(self.workflow.key, _key=legacy_keys.METADATA)
        found: Iterator[LegacyRecord] = chain.from_iterable(listed(self._get, hidden))
        return counted - sum(row.key == legacy_keys.METADATA for row in found)

    def _records(self, labels: bool, linked: bool) -> Iterator[UserDataPage]:
        seen: set[str] = set()
        for rows in self._listed(self._service.records(self.workflow.key), self._count):
            rows = [row for row in rows if row.key != legacy_keys.METADATA]
            seen.update(row.key for row in rows)
            if rows:
                yield self._page(rows, labels)
        missing = [entry for key, entry in self._replaced.items() if key not in seen]
        if missing:
            rows = [LegacyRecord(entry.key, None, bytes(entry.data)) for entry in missing]
            seen.update(row.key for row in rows)
            yield self._page(rows, labels)
        self._records_read = seen

    def _keys_of(self, role: Role) -> set[str]:
        return {link.record_key for link in self._as(role)}

    def _of_job(self, job_key: str, role: Role | None) -> Iterator[UserDataPage]:
        job = self._job(job_key)
        records = {record.key: record for record, _ in self._records_of(job_key, role)}
        if records:
            yield self._page(list(records.values()), labels=True, job_name=job.name or "")

    def _records_of(self, job_key: str, role: Role | None) -> list[tuple[LegacyRecord, Role | None]]:
        found = links_of_job(self._service, self.workflow.key, self._get, job_key, role)
        held = {record.key for record, _ in found}
        for key, entry in self._replaced.items():
            for link in self._begun(key) if key not in held else ():
                if link.job_key == job_key and role in (None, link.role):
                    found.append((LegacyRecord(key, None, bytes(entry.data)), link.role))
        if role == INPUT and found and self._form is Form.LATER:
            given = self._keys_of(INPUT)
            return [one for one in found if one[0].key in given]
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


def _job_page(
    jobs: list[legacy.LegacyJob], needs: Mapping[str, Resources], runs: Mapping[str, int]
) -> JobPage:
    return job_page(
        [job.key for job in jobs],
        [job.name or "" for job in jobs],
        [shown(job.command) for job in jobs],
        [job.status for job in jobs],
        [needs.get(job.key, Resources()) for job in jobs],
        [max(job.run_id, runs.get(job.key, 0)) for job in jobs],
    )
