"""Reading a workflow out of an embedded store, a page of columns at a time."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.records import (
    DependencyPage,
    JobPage,
    LinkPage,
    ResultPage,
    Role,
    UserDataPage,
    WorkflowRecord,
)
from torc_frames.store.sqlite_file import Connection, translated
from torc_frames.store.sqlite_keys import decode_data, find_one, find_workflow, key_to_id

__all__ = ["SQLiteSnapshot"]

PAGE_ROWS = 20_000
PAGE_BYTES = 16 * 2**20
_FIRST_ROWS = 500
_GROWTH = 8

_INTS = msgspec.json.Decoder(list[int]).decode
_TEXTS = msgspec.json.Decoder(list[str]).decode
_OPTIONAL_TEXTS = msgspec.json.Decoder(list[str | None]).decode


class _Listing(NamedTuple):
    """What is read: columns, the first of which order the rows, and where they come from."""

    columns: tuple[tuple[str, Callable[[str], list[Any]]], ...]
    start: tuple[int | str, ...]
    source: str
    with_data: bool = False


_JOBS = _Listing(
    (
        ("id", _INTS),
        ("name", _TEXTS),
        ("command", _TEXTS),
        ("status", _TEXTS),
        ("num_cpus", _INTS),
        ("num_gpus", _INTS),
        ("memory", _OPTIONAL_TEXTS),
        ("runtime", _OPTIONAL_TEXTS),
        ("run_id", _INTS),
        ("rev", _INTS),
    ),
    (0,),
    "FROM job WHERE workflow_id = :workflow AND id > :after0 {filter} ORDER BY id",
)
_USER_DATA = _Listing(
    (("id", _INTS), ("name", _OPTIONAL_TEXTS), ("rev", _INTS)),
    (0,),
    "FROM user_data WHERE workflow_id = :workflow AND id > :after0 {filter} ORDER BY id",
    with_data=True,
)
_LINKS = _Listing(
    (("job.id", _INTS), ("record_id", _INTS), ("ifnull(role, '')", _TEXTS), ("job.name", _TEXTS)),
    (0, 0, ""),
    "FROM job CROSS JOIN link ON link.job_id = job.id "
    "WHERE job.workflow_id = :workflow AND job.id >= :after0 "
    "AND (job.id > :after0 OR (record_id, ifnull(role, '')) > (:after1, :after2)) {filter} "
    "ORDER BY job.id, record_id, ifnull(role, '')",
)
_RESULTS = _Listing(
    (
        ("id", _INTS),
        ("job_id", _INTS),
        ("run_id", _INTS),
        ("status", _TEXTS),
        ("return_code", _INTS),
        ("start_time", _TEXTS),
        ("end_time", _TEXTS),
    ),
    (0,),
    "FROM result WHERE workflow_id = :workflow AND id > :after0 ORDER BY id",
)
_DEPENDENCIES = _Listing(
    (("job.id", _INTS), ("depends_on_id", _INTS)),
    (0, 0),
    "FROM job CROSS JOIN dependency ON dependency.job_id = job.id "
    "WHERE job.workflow_id = :workflow AND job.id >= :after0 "
    "AND (job.id > :after0 OR depends_on_id > :after1) ORDER BY job.id, depends_on_id",
)


class SQLiteSnapshot:
    """A `Snapshot` of an embedded store: one read transaction on a connection of its own."""

    workflow: WorkflowRecord
    requests: int

    def __init__(self, connection: Connection, path: str, workflow_key: str) -> None:
        self._connection = connection
        self._path = path
        self.workflow = find_workflow(connection, workflow_key, path)
        self.requests = 1
        self._id = int(self.workflow.key)

    def jobs(self, *, job_key: str | None = None) -> Iterator[JobPage]:
        """See `Snapshot.jobs`."""
        job = self._job(job_key)
        return self._jobs("" if job is None else "AND id = :job", {"job": job})

    def _jobs(self, where: str, values: Mapping[str, object]) -> Iterator[JobPage]:
        for (ids, *columns, revs), _ in self._pages(_JOBS, where, values):
            yield JobPage(*[_keys(ids), *columns, _keys(revs)])

    def user_data(
        self, *, job_key: str | None = None, role: Role | None = None, since: str | None = None
    ) -> Iterator[UserDataPage]:
        """See `Snapshot.user_data`."""
        where, values = self._linked(job_key, role)
        if since is not None:
            where += " AND rev > :since"
            values["since"] = _rev(since)
        return self._user_data(where, values)

    def _user_data(self, where: str, values: Mapping[str, object]) -> Iterator[UserDataPage]:
        for (ids, names, revs), data in self._pages(_USER_DATA, where, values):
            yield UserDataPage(_keys(ids), names, [*_keys(revs)], data)

    def count_user_data(self, *, job_key: str | None = None, role: Role | None = None) -> int:
        """See `Snapshot.count_user_data`."""
        where, values = self._linked(job_key, role)
        sql = f"SELECT count(*) FROM user_data WHERE workflow_id = :workflow {where}"
        return int(self._fetch(sql, values)[0][0])

    def links(self, *, job_key: str | None = None, role: Role | None = None) -> Iterator[LinkPage]:
        """See `Snapshot.links`."""
        job = self._job(job_key)
        where = "" if job is None else "AND job.id = :job"
        where += "" if role is None else " AND role = :role"
        return self._links(where, {"job": job, "role": role})

    def _links(self, where: str, values: Mapping[str, object]) -> Iterator[LinkPage]:
        for (jobs, records, roles, names), _ in self._pages(_LINKS, where, values):
            yield LinkPage(_keys(records), _keys(jobs), names, [role or None for role in roles])

    def results(self) -> Iterator[ResultPage]:
        """See `Snapshot.results`."""
        for (_, jobs, *columns), _ in self._pages(_RESULTS):
            yield ResultPage(_keys(jobs), *columns)

    def dependencies(self) -> Iterator[DependencyPage]:
        """See `Snapshot.dependencies`."""
        for (jobs, others), _ in self._pages(_DEPENDENCIES):
            yield DependencyPage(_keys(jobs), _keys(others))

    def removed(self, since: str) -> list[str]:
        """See `Snapshot.removed`."""
        sql = (
            "SELECT record_id FROM removed_user_data WHERE workflow_id = :workflow AND rev > :since "
            "ORDER BY rev, record_id"
        )
        return [str(record) for (record,) in self._fetch(sql, {"since": _rev(since)})]

    def verify(self) -> None:
        """Do nothing: a read transaction shows one moment."""

    def _job(self, job_key: str | None) -> int | None:
        if job_key is None:
            return None
        self.requests += 1
        with translated(self._path):
            return int(find_one(self._connection, "job", self._id, job_key, "id")[0])

    def _linked(self, job_key: str | None, role: Role | None) -> tuple[str, dict[str, object]]:
        job = self._job(job_key)
        values: dict[str, object] = {"job": job, "role": role}
        with_role = "" if role is None else "AND role = :role"
        if job is not None:
            return f"AND id IN (SELECT record_id FROM link WHERE job_id = :job {with_role})", values
        if role is not None:
            return f"AND EXISTS (SELECT 1 FROM link WHERE record_id = user_data.id {with_role})", values
        return "", values

    def _fetch(self, sql: str, values: Mapping[str, object]) -> list[Any]:
        self.requests += 1
        with translated(self._path):
            return self._connection.execute(sql, {**values, "workflow": self._id}).fetchall()

    def _pages(
        self, listing: _Listing, where: str = "", values: Mapping[str, object] | None = None
    ) -> Iterator[tuple[list[list[Any]], bytes]]:
        """Yield pages of columns and of data, of at most about `PAGE_BYTES`."""
        after = listing.start
        limit = min(_FIRST_ROWS, PAGE_ROWS)
        while True:
            position = {f"after{i}": value for i, value in enumerate(after)}
            try:
                columns, data, size = self._page(
                    listing, where, {**(values or {}), **position, "limit": limit}
                )
            except RefusedError:
                # SQLite makes no value of more than 10^9 bytes, but single rows it did store.
                if limit == 1:
                    raise
                limit = max(1, limit // 16)
                continue
            count = len(columns[0])
            if count:
                yield columns, data
            if count < limit:
                return
            after = tuple(column[-1] for column in columns[: len(after)])
            limit = max(1, min(PAGE_ROWS, _GROWTH * limit, PAGE_BYTES * count // max(size, 1)))

    def _page(
        self, listing: _Listing, where: str, values: Mapping[str, object]
    ) -> tuple[list[list[Any]], bytes, int]:
        """Return the columns and the data of one page, and its size in bytes.

        A page is one row of aggregates, several times faster than its rows one by one.
        """
        aggregates = [f"json_group_array(c{i})" for i in range(len(listing.columns))]
        if listing.with_data:
            aggregates.append("CAST(group_concat(ifnull(data, 'null'), char(10)) AS BLOB)")
        inner = _select(listing, where)
        (row,) = self._fetch(f"SELECT {', '.join(aggregates)} FROM ({inner})", values)
        size = sum(len(value or b"") for value in row)
        data = (row[-1] or b"") if listing.with_data else b""
        columns = [decode(text) for (_, decode), text in zip(listing.columns, row, strict=False)]
        if _in_order(columns[: len(listing.start)]) and (
            not listing.with_data or data.count(b"\n") == max(len(columns[0]) - 1, 0)
        ):
            return columns, data, size
        return *self._rows(listing, inner, values), size

    def _rows(
        self, listing: _Listing, inner: str, values: Mapping[str, object]
    ) -> tuple[list[list[Any]], bytes]:
        """Return a page from its rows, as SQLite does not document the order in which it aggregates."""
        columns = [list(column) for column in zip(*self._fetch(inner, values), strict=True)]
        if not listing.with_data:
            return columns, b""
        lines = columns.pop()
        return columns, b"\n".join(_one_line(key, raw) for key, raw in zip(columns[0], lines, strict=True))


def _select(listing: _Listing, where: str) -> str:
    columns = [f"{sql} AS c{i}" for i, (sql, _) in enumerate(listing.columns)]
    if listing.with_data:
        columns.append("CAST(data AS BLOB) AS data")
    return f"SELECT {', '.join(columns)} {listing.source.format(filter=where)} LIMIT :limit"


def _in_order(keys: list[list[Any]]) -> bool:
    rows = keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))
    return all(map(operator.lt, rows, islice(rows, 1, None)))


def _one_line(record: int, raw: bytes | None) -> bytes:
    if raw is None:
        return b"null"
    if b"\n" in raw:
        decode_data(str(record), raw)
        # Inside JSON a newline is always white space between tokens.
        return raw.replace(b"\n", b" ")
    return raw


def _keys(ids: list[int]) -> list[str]:
    return list(map(str, ids))


def _rev(rev: str) -> int:
    number = key_to_id(rev)
    if number is None:
        raise RefusedError(f"{rev!r} is not a rev of this store")
    return number
