"""Reading a workflow out of an embedded store, a page of columns at a time."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from types import MappingProxyType
from typing import Any

import msgspec

from torc_frames.errors import RefusedError, StoreFileError, UnavailableError
from torc_frames.store.keys import key_to_id
from torc_frames.store.records import (
    INPUT,
    DependencyPage,
    JobPage,
    Kind,
    LinkPage,
    ResultPage,
    Role,
    SeriesChunk,
    TorcSettings,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.sqlite import queries
from torc_frames.store.sqlite.file import Connection, translated
from torc_frames.store.sqlite.keys import decode_data, find_one, find_workflow, id_list
from torc_frames.store.sqlite.opening import using
from torc_frames.store.sqlite.selective import Selective
from torc_frames.store.sqlite.series import chunks
from torc_frames.store.sqlite.stale import stale_jobs
from torc_frames.store.wire import legacy
from torc_frames.store.wire.torc_settings import of_2023

__all__ = ["SQLiteSnapshot"]

PAGE_ROWS = 20_000
PAGE_BYTES = 16 * 2**20
_FIRST_ROWS = 2_000
_LAST = 2**63 - 1
_GROWTH = 8
_NEAR = 4


class SQLiteSnapshot(Selective):
    """A `Snapshot` of an embedded store: one read transaction on a connection of its own."""

    workflow: WorkflowRecord
    requests: int
    unreadable: Mapping[str, str] = MappingProxyType({})
    measures = False
    more_of_jobs: Mapping[str, queries.Column] = MappingProxyType({})
    more_of_results: Mapping[str, queries.Column] = MappingProxyType({})
    """What is read of jobs, and of results, beside what every store keeps; see `Snapshot.measures`."""
    _labels_of_results: Mapping[str, queries.Column] = MappingProxyType(
        {"job_name": queries.JOB_NAME, "call": queries.CALL}
    )
    _links_source = ""
    """Where links are read from, if not from their table."""
    _outputs = "(SELECT record_id FROM link WHERE role = 'output')"
    # The last of its roles is asked for in one look at an index.
    _is_given = "(SELECT role FROM link WHERE record_id = user_data.id ORDER BY role DESC LIMIT 1) = 'input'"
    """Whether a record is the input of a job, and no job's output."""

    def __init__(
        self, connection: Connection, path: str, workflow_key: str, verify: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._path = path
        self._verify = verify
        self._closed = False
        with using(connection):
            self.workflow = find_workflow(connection, workflow_key, path)
        self.requests = 1
        self._id = int(self.workflow.key)

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        job = self._job(job_key)
        return self._jobs("" if job is None else "AND id = :job", {"job": job})

    def _jobs(self, where: str, values: Mapping[str, object]) -> Iterator[JobPage]:
        listing = queries.JOBS.and_columns(self.more_of_jobs)
        for columns, _ in self._pages(listing, where, values, among=where):
            own, more = _parted(columns, self.more_of_jobs)
            yield JobPage(*own, more=more)

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
        where, values = self._linked(job_key, role)
        if since is not None:
            where += f" AND user_data.id IN ({queries.CHANGED})"
            values["since"] = self._revision(since)
        few = where if job_key is not None or since is not None else ""
        return self._user_data(where, values, labels, few)

    def _user_data(
        self, where: str, values: Mapping[str, object], labels: bool, among: str
    ) -> Iterator[UserDataPage]:
        listing = queries.USER_DATA if labels else queries.BARE_USER_DATA
        for (keys, *named), data in self._pages(listing, where, values, among):
            nothing: list[str | None] = [None] * len(keys)
            names, revs = named or (nothing, nothing)
            yield UserDataPage(keys, names, revs, data)

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        where, values = self._linked(job_key, role)
        if "user_data" in self._chosen:
            return self._count_chosen(where, values)
        sql = f"SELECT count(*) FROM user_data WHERE workflow_id = :workflow {where}"
        return int(self._fetch(sql, values)[0][0])

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
        if role and role in self._links_as and not labels and job_key is since is record_keys is None:
            return iter([page] if (page := self._links_as[role].page(role)) else [])
        values: dict[str, Any] = {"job": self._job(job_key), "role": role}
        among = "" if job_key is None else "AND job.id = :job"
        if since is not None:
            among += f" AND job.id IN ({queries.CHANGED_JOBS})"
            values["since"] = self._revision(since)
        where = "" if role is None else "AND role = :role"
        if record_keys is not None:
            values["records"] = id_list(
                number for key in record_keys if (number := key_to_id(key)) is not None
            )
            among += f" AND job.id IN (SELECT job_id FROM link WHERE record_id IN {queries.THESE})"
            # By an index, each of them would be looked for at each of the jobs.
            where += f" AND +record_id IN {queries.THESE}"
        return self._links(among, where, values, labels)

    def _links(self, among: str, where: str, values: Mapping[str, Any], labels: bool) -> Iterator[LinkPage]:
        listing = queries.LINKS if labels else queries.BARE_LINKS
        if self._links_source:
            listing = listing._replace(source=self._links_source, of_spine="")
        asked = values["role"]
        if asked is not None:  # then it need not be told
            listing = listing._replace(columns=tuple(c for c in listing.columns if c[1] is not queries.roles))
        for (jobs, records, *more), _ in self._pages(listing, f"{among} {where}", values, among):
            roles = [asked] * len(jobs) if asked else [role or None for role in more.pop(0)]
            page = self._shown(LinkPage(records, jobs, more[0] if labels else [""] * len(jobs), roles))
            made = self._made(list(map(int, records))) if asked == INPUT else None
            if rest := page.only([int(record) not in made for record in records]) if made else page:
                yield rest

    def _made(self, ids: Collection[int]) -> set[int]:
        """Return those of some records that are outputs."""
        if not ids:
            return set()
        low, high = min(ids), max(ids)
        # Most often they are side by side, and none is.
        near = high - low < _NEAR * len(ids)
        where = "record_id BETWEEN :low AND :high" if near else f"record_id IN {queries.THESE}"
        values = {"low": low, "high": high, "records": None if near else id_list(ids)}
        sql = f"SELECT DISTINCT record_id FROM {self._outputs} WHERE {where}"
        return {record for (record,) in self._fetch(sql, values)}

    def results(self, *, latest: bool = False, labels: bool = False) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        return self._run_pages("", labels)

    def _run_pages(self, where: str, labels: bool) -> Iterator[ResultPage]:
        wanted = {**self.more_of_results, **(self._labels_of_results if labels else {})}
        for (_, *columns), _ in self._pages(queries.RESULTS.and_columns(wanted), where, among=where):
            own, more = _parted(columns, wanted)
            yield ResultPage(*own, more=more)

    def stale(self) -> Mapping[str, bool | None] | None:
        """See `Snapshot.stale`."""
        return stale_jobs(self._fetch, self._chosen.get("job"))

    def dependencies(self) -> Iterator[DependencyPage]:
        """See `Snapshot.dependencies`."""
        for (jobs, others), _ in self._pages(queries.DEPENDENCIES):
            yield DependencyPage(jobs, others)

    def rows(self, kind: Kind) -> list[dict[str, Any]]:
        """See `Snapshot.rows`; files and events are documents that clients of the service added."""
        if kind == "job_file_relationships":
            ends = [("output_files", "producer_job_id"), ("input_files", "consumer_job_id")]
            return [
                {"file_id": str(file).rpartition("/")[2], end: job}
                for attribute, end in ends
                for job, file in self._fetch(queries.FILES_OF_JOBS, {"attribute": f"$.{attribute}"})
            ]
        if kind == "calls":
            return [queries.call(*row) for row in self._fetch(queries.CALLS, {})]
        found = self._fetch(queries.DOCUMENTS, {"collection": kind})
        return [legacy.listed_row(kind, str(key), msgspec.json.decode(raw)) for key, raw in found]

    def ephemeral(self) -> set[str]:
        """See `Snapshot.ephemeral`."""
        sql = "SELECT id FROM user_data WHERE workflow_id = :workflow AND is_ephemeral"
        return {str(record) for (record,) in self._fetch(sql, {})}

    def settings(self) -> TorcSettings:
        """See `Snapshot.settings`; clients of the service told them."""
        sql = (
            "SELECT id, CAST(attributes AS BLOB) FROM job WHERE workflow_id = :workflow AND attributes <> ''"
        )
        jobs = {str(job): of_2023(msgspec.json.decode(raw)) for job, raw in self._fetch(sql, {})}
        return TorcSettings(jobs=jobs)

    def series(self, *, job_key: str | None = None) -> Iterator[SeriesChunk]:
        """See `Snapshot.series`."""
        return chunks(self._fetch, self._job(job_key))

    def others(self) -> dict[str, int]:
        """See `Snapshot.others`; they are documents that clients of the service added."""
        sql = "SELECT collection, count(*) FROM document WHERE workflow_id = :workflow GROUP BY collection"
        return {name.replace("_", " "): count for name, count in self._fetch(sql, {})}

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        sql = (
            "SELECT record_id FROM removed_user_data WHERE workflow_id = :workflow AND rev > :since "
            "ORDER BY rev, record_id"
        )
        return [str(record) for (record,) in self._fetch(sql, {"since": self._revision(since)})]

    def verify(self) -> None:
        """See `Snapshot.verify`; a read transaction shows one moment, for as long as its locks are kept."""
        self._verify()

    def close(self) -> None:
        """Have all that is still asked for be an error: the connection may be lent to another one."""
        with self._connection.lock:
            self._closed = True

    @contextmanager
    def _used(self) -> Iterator[Connection]:
        with translated(self._path), using(self._connection):
            if self._closed:
                raise UnavailableError(f"{self._path}: the snapshot is closed")
            yield self._connection

    def _revision(self, rev: str) -> int:
        number = key_to_id(rev)
        if number is None:
            raise RefusedError(f"{rev!r} is not a rev of this store")
        return number

    def _job(self, job_key: str | None) -> int | None:
        if job_key is None:
            return None
        self.requests += 1
        with self._used() as connection:
            return int(find_one(connection, "job", self._id, job_key, "id")[0])

    def _linked(self, job_key: str | None, role: Role | None) -> tuple[str, dict[str, object]]:
        job = self._job(job_key)
        values: dict[str, object] = {"job": job, "role": role}
        where = ""
        if job is not None:
            with_role = "" if role is None else "AND role = :role"
            where = f"AND id IN (SELECT record_id FROM link WHERE job_id = :job {with_role})"
        if job is None and role in self._links_as:
            return "", values  # only those of the role are shown
        if role == INPUT:
            where += f" AND {self._is_given}"
        elif role is not None and job is None:
            where = "AND EXISTS (SELECT 1 FROM link WHERE record_id = user_data.id AND role = :role)"
        return where, values

    def _fetch(self, sql: str, values: Mapping[str, object]) -> list[Any]:
        self.requests += 1
        try:
            with self._used() as connection:
                return connection.execute(sql, {**values, "workflow": self._id}).fetchall()
        except StoreFileError:
            self._verify()  # what is written to without locks can look damaged
            raise

    def _pages(
        self,
        listing: queries.PageQuery,
        where: str = "",
        values: Mapping[str, object] | None = None,
        among: str = "",
    ) -> Iterator[tuple[list[list[Any]], bytes]]:
        """Yield pages of columns and of data, of at most about `PAGE_BYTES`.

        A page holds what belongs to some rows of the spine; `among` narrows the spine, where most of
        its rows would give nothing.
        """
        spine = (
            f"SELECT min(id), max(id), count(*) FROM (SELECT id FROM {listing.spine} "
            f"WHERE workflow_id = :workflow AND id > :after {among} ORDER BY id LIMIT :limit)"
        )
        given = {**(values or {}), "after": 0}
        if "since" in given and self._changes(given) <= _FIRST_ROWS:
            with suppress(RefusedError):  # too large for one page
                columns, data, _ = self._page(listing, where, {**given, "upto": _LAST})
                if columns[0]:
                    yield columns, data
                return
        limit = min(_FIRST_ROWS, PAGE_ROWS)
        chosen = self._rows_shown(listing.spine, given)
        while True:
            if chosen is None:
                ((first, upto, count),) = self._fetch(spine, {**given, "limit": limit})
            else:
                first, upto, count = self._next_chosen(chosen, given, limit)
            if upto is None:
                return
            try:
                # No other workflow has a row between these.
                alone = chosen is None and listing.of_spine != "" and not among and upto - first == count - 1
                page = {**given, "first": first, "upto": upto}
                columns, data, size = self._page(listing, where, page, alone)
            except RefusedError:
                # SQLite makes no value of more than 10^9 bytes, but single rows it did store.
                if limit == 1:
                    raise
                limit = max(1, limit // 16)
                continue
            if columns[0]:
                yield columns, data
            if count < limit:
                return
            given["after"] = upto
            limit = max(1, min(PAGE_ROWS, _GROWTH * limit, PAGE_BYTES * count // max(size, 1)))

    def _changes(self, values: Mapping[str, object]) -> int:
        """Return how many records changed since."""
        return int(self._fetch(f"SELECT count(*) FROM ({queries.CHANGED})", values)[0][0])

    def _page(
        self, listing: queries.PageQuery, where: str, values: Mapping[str, object], alone: bool = False
    ) -> tuple[list[list[Any]], bytes, int]:
        """Return the columns and the data of one page, and its size in bytes.

        A page is one row of aggregates, several times faster than its rows one by one.
        """
        aggregates = [
            f"{'group_concat' if decode in (queries.keys, queries.roles) else 'json_group_array'}({sql})"
            for sql, decode in listing.columns
        ]
        if listing.with_data:
            aggregates.append("CAST(group_concat(ifnull(data, 'null'), char(10)) AS BLOB)")
        if alone:
            rows = f"FROM link WHERE {listing.of_spine} BETWEEN :first AND :upto {where}"
        elif "chosen" in values:
            of_workflow = f"AND +{listing.spine}.workflow_id = :workflow"
            rows = f"FROM {listing.source} WHERE {listing.spine}.id IN {queries.CHOSEN} {of_workflow} {where}"
        else:
            rows = (
                f"FROM {listing.source} WHERE {listing.spine}.workflow_id = :workflow "
                f"AND {listing.spine}.id > :after AND {listing.spine}.id <= :upto {where}"
            )
        (row,) = self._fetch(f"SELECT {', '.join(aggregates)} {rows}", values)
        size = sum(len(value or b"") for value in row)
        data = (row[-1] or b"") if listing.with_data else b""
        columns = [decode(text) for (_, decode), text in zip(listing.columns, row, strict=False)]
        if _in_order(row[0], row[1] if "," in listing.order else None) and (
            not listing.with_data or data.count(b"\n") == max(len(columns[0]) - 1, 0)
        ):
            return columns, data, size
        return *self._rows(listing, rows, values), size

    def _rows(
        self, listing: queries.PageQuery, rows: str, values: Mapping[str, object]
    ) -> tuple[list[list[Any]], bytes]:
        """Return a page from its rows, as SQLite does not document the order in which it aggregates."""
        wanted = [sql for sql, _ in listing.columns]
        if listing.with_data:
            wanted.append("CAST(data AS BLOB)")
        found = self._fetch(f"SELECT {', '.join(wanted)} {rows} ORDER BY {listing.order}", values)
        columns: list[list[Any]] = [list(column) for column in zip(*found, strict=True)]
        for at, (_, decode) in enumerate(listing.columns):
            if decode is queries.keys:
                columns[at] = list(map(str, columns[at]))
        if not listing.with_data:
            return columns, b""
        lines = columns.pop()
        return columns, b"\n".join(_one_line(key, raw) for key, raw in zip(columns[0], lines, strict=True))


def _parted(columns: list[Any], more: Mapping[str, object]) -> tuple[list[Any], dict[str, Any]]:
    """Return the columns of every store, and by name those that come after them."""
    own = len(columns) - len(more)
    return columns[:own], dict(zip(more, columns[own:], strict=True))


def _in_order(keys: str | None, then: str | None) -> bool:
    """Return whether keys ascend, or those of one key by the ones of the next column."""
    first = queries.numbers(keys)
    if all(map(operator.lt, first, islice(first, 1, None))):
        return True
    if then is None:
        return False
    rows = list(zip(first, queries.numbers(then), strict=True))
    return all(map(operator.le, rows, islice(rows, 1, None)))


def _one_line(record: str, raw: bytes | None) -> bytes:
    if raw is None:
        return b"null"
    if b"\n" in raw:
        decode_data(record, raw)
        # Inside JSON a newline is always white space between tokens.
        return raw.replace(b"\n", b" ")
    return raw
