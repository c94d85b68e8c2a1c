"""Which records belong to which jobs of an embedded store, all of them at once, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from torc_frames.store.records import INPUT, OUTPUT, LinkPage, Role
from torc_frames.store.sqlite import queries
from torc_frames.store.sqlite.keys import id_list

__all__ = ["Ids", "JobLinks", "as_set", "ids", "joined"]

Fetch = Callable[[str, Mapping[str, object]], list[Any]]
Ids = npt.NDArray[np.int64]
"""Ids of rows; as a set of them, each once, in order."""

AT_ONCE = 1_000_000
"""Of how many jobs the links are read by one statement: SQLite makes no text of more than 10^9 bytes."""

_CODES: dict[Role, bytes] = {INPUT: b"i", OUTPUT: b"o"}
_COLUMNS = """
    SELECT group_concat(job_id), group_concat(record_id),
        group_concat(CASE ifnull(role, '') WHEN 'input' THEN 'i' WHEN 'output' THEN 'o' ELSE '-' END, '')
    FROM link WHERE job_id
"""
_OF_WORKFLOW = "FROM job WHERE workflow_id = :workflow"
_ENDS = f"SELECT (SELECT min(id) {_OF_WORKFLOW}), (SELECT max(id) {_OF_WORKFLOW})"
_NEXT = f"SELECT id {_OF_WORKFLOW} AND id >= :first ORDER BY id LIMIT 1 OFFSET :count"


def ids(listed: str | None) -> Ids:
    """Return what ``group_concat`` of ids lists."""
    return np.fromstring(listed, np.int64, sep=",") if listed else np.empty(0, np.int64)


def as_set(numbers: Ids) -> Ids:
    """Return each of some ids once, in order."""
    return numbers if (np.diff(numbers) > 0).all() else np.unique(numbers)


def joined(one: Ids, other: Ids) -> Ids:
    """Return the ids of two sets as one."""
    return np.union1d(one, other) if len(one) and len(other) else one if len(one) else other


class JobLinks(NamedTuple):
    """Links as columns of one length, by job, then by record."""

    jobs: Ids
    records: Ids
    roles: npt.NDArray[np.bytes_]
    """Of each its first letter, or a hyphen."""

    @classmethod
    def read(cls, fetch: Fetch) -> JobLinks:
        """Read those of all jobs, and of jobs of other workflows that are between them."""
        ((first, last),) = fetch(_ENDS, {})
        pages: list[Any] = []
        while first is not None:
            after = [start for (start,) in fetch(_NEXT, {"first": first, "count": AT_ONCE})]
            upto = after[0] - 1 if after else last
            pages += fetch(f"{_COLUMNS} BETWEEN :first AND :upto", {"first": first, "upto": upto})
            first = after[0] if after else None
        return cls._of(pages)

    @classmethod
    def read_of(cls, fetch: Fetch, jobs: Ids) -> JobLinks:
        """Read those of some jobs."""
        return cls._of(fetch(f"{_COLUMNS} IN {queries.CHOSEN}", {"chosen": id_list(jobs.tolist())}))

    @classmethod
    def _of(cls, pages: list[tuple[str | None, ...]]) -> JobLinks:
        jobs, records = (ids(",".join(filter(None, (page[at] for page in pages)))) for at in (0, 1))
        roles = np.frombuffer("".join(page[2] or "" for page in pages).encode(), "S1")
        if (np.diff(jobs) < 0).any() or (np.diff(records)[np.diff(jobs) == 0] < 0).any():
            order = np.lexsort((records, jobs))
            jobs, records, roles = jobs[order], records[order], roles[order]
        return cls(jobs, records, roles)

    def only(self, chosen: npt.ArrayLike) -> JobLinks:
        """Return some of the links."""
        chosen = np.asarray(chosen, np.bool_)
        return JobLinks(self.jobs[chosen], self.records[chosen], self.roles[chosen])

    def of_role(self, role: Role | None) -> JobLinks:
        """Return those of a role, all for None."""
        return self if role is None else self.only(self.roles == _CODES[role])

    def of_records(self, records: Ids) -> JobLinks:
        """Return those of some records."""
        return self.only(np.isin(self.records, records))

    def of_jobs(self, jobs: Ids) -> JobLinks:
        """Return those of some jobs."""
        return self.only(np.isin(self.jobs, jobs))

    def several(self) -> Ids:
        """Return the jobs that have several records of one role."""
        inputs, outputs = (self.of_role(role).jobs for role in _CODES)
        return joined(*(as_set(jobs[1:][jobs[1:] == jobs[:-1]]) for jobs in (inputs, outputs)))

    def its_records(self) -> list[int]:
        """Return the records, each once, in order."""
        found: list[int] = as_set(self.records).tolist()
        return found

    def page(self, role: Role) -> LinkPage:
        """Return these, which are all of one role, without the names of jobs."""
        count = len(self.jobs)
        records, jobs = (list(map(str, column.tolist())) for column in (self.records, self.jobs))
        return LinkPage(records, jobs, [""] * count, [role] * count)
