"""Which records of a torc-server belong to which jobs, as columns."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any

from torc_frames.store.paged.lists import FIRST_ROWS, PAGE_BYTES, Get, Listing, listed
from torc_frames.store.paged.snapshot import PAGE_ROWS
from torc_frames.store.records import INPUT, OUTPUT, LinkPage, Role
from torc_frames.store.wire import v1

__all__ = ["V1Links", "gather", "links_of", "relations"]

NEAR_ROWS = 200
"""How many rows are read around the place where one should be."""

_MOST_PROBES = 12

_ENDS: list[tuple[Role, Callable[[Any], Any], Callable[[Any], Any]]] = [
    (role, operator.attrgetter(f"{end}_job_id"), operator.attrgetter(f"{end}_job_name"))
    for role, end in ((INPUT, "consumer"), (OUTPUT, "producer"))
]


def relations(workflow_key: object) -> Listing:
    """Return the list of relationships; the server joins all anew for each page, so that few are best."""
    of_record = operator.attrgetter("user_data_id")
    return Listing(
        f"/workflows/{workflow_key}/job_user_data_relationships",
        v1.Relationship,
        key=v1.relationship,
        order="repeated",
        newest="user_data_id",
        age=of_record,
        first_rows=10 * FIRST_ROWS,
        page_bytes=2 * PAGE_BYTES,
    )


@dataclass(slots=True)
class V1Links:
    """Links as columns of one length, by the age of the job, then of the record."""

    job_ids: list[int] = field(default_factory=list)
    record_ids: list[int] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    job_names: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.job_ids)

    def add(self, role: Role, job_ids: list[int], record_ids: list[int], job_names: list[str]) -> None:
        """Add links of one role, in any order."""
        self.job_ids += job_ids
        self.record_ids += record_ids
        self.roles += [role] * len(job_ids)
        self.job_names += job_names

    def sort(self) -> None:
        """Put links in order, each once."""
        if _ascend(self.job_ids):
            return
        rows = sorted(zip(self.job_ids, self.record_ids, self.roles, self.job_names, strict=True))
        if any(map(operator.eq, rows, islice(rows, 1, None))):
            rows = sorted(set(rows))
        columns = zip(*rows, strict=True)
        self.job_ids, self.record_ids, self.roles, self.job_names = map(list, columns)

    def only(
        self, role: Role | None = None, jobs: Set[int] | None = None, last_record: int | None = None
    ) -> V1Links:
        """Return the links of one role, of these jobs, to records that are not newer than the one given.

        Records that some job made are no input.
        """
        links = self
        if role is not None:
            made = self.made() if role == INPUT else set()
            links = links._chosen([one == role for one in links.roles])
            if made:
                links = links._chosen([one not in made for one in links.record_ids])
        if jobs is not None:
            links = links._chosen([one in jobs for one in links.job_ids])
        if last_record is not None:
            links = links._chosen([one <= last_record for one in links.record_ids])
        return links

    def made(self) -> set[int]:
        """Return the records that are outputs of jobs."""
        return {*compress(self.record_ids, [one == OUTPUT for one in self.roles])}

    def of(self, record_ids: Collection[int]) -> V1Links:
        """Return the links of some records."""
        wanted = set(record_ids)
        return self._chosen([one in wanted for one in self.record_ids])

    def pages(self, labels: bool = True) -> Iterator[LinkPage]:
        """Yield links as a snapshot does."""
        for start in range(0, len(self), PAGE_ROWS):
            part = slice(start, start + PAGE_ROWS)
            names = self.job_names[part]
            yield LinkPage(
                record_keys=[*map(str, self.record_ids[part])],
                job_keys=[*map(str, self.job_ids[part])],
                job_names=names if labels else [""] * len(names),
                roles=[*self.roles[part]],
            )

    def _chosen(self, chosen: list[bool]) -> V1Links:
        if all(chosen):
            return self
        columns = (self.job_ids, self.record_ids, self.roles, self.job_names)
        return V1Links(*[list(compress(column, chosen)) for column in columns])  # type: ignore[arg-type]


def gather(pages: Iterable[list[Any]]) -> V1Links:
    """Return the links of relationships, of which one may come several times."""
    links = V1Links()
    for rows in pages:
        for role, job, name in _ENDS:
            linked = [row for row in rows if job(row) is not None]
            records = [row.user_data_id for row in linked]
            links.add(role, list(map(job, linked)), records, list(map(name, linked)))
    links.sort()
    return links


def links_of(get: Get, workflow_key: str, record_ids: Sequence[int]) -> V1Links:
    """Return the links of some records, without reading all there are.

    The list is in the order of the records: each is looked for where it should be.
    """
    listing = relations(workflow_key)
    found: dict[int, list[Any]] = {}
    last = listing.ask(get, sort_by=listing.newest, reverse_sort=True, limit=1)
    total = last.total_count or 0
    if not last.items:
        return V1Links()
    first = listing.ask(get, limit=NEAR_ROWS)
    ends = (0, first.items[0].user_data_id), (total, last.items[0].user_data_id + 1)
    pages = [(0, first.items)]
    for record in sorted(set(record_ids)):
        low, high = ends
        rows = None
        for _ in range(_MOST_PROBES):
            rows = _within(pages, record, total)
            if rows is not None or low[0] >= high[0] or not low[1] <= record < high[1]:
                break
            share = (record - low[1]) / (high[1] - low[1])
            offset = max(0, low[0] + int(share * (high[0] - low[0])) - NEAR_ROWS // 2)
            items = listing.ask(get, offset=offset, limit=NEAR_ROWS).items
            if not items:
                break
            pages.append((offset, items))
            if items[0].user_data_id >= record:
                high = offset, items[0].user_data_id + 1
            if items[-1].user_data_id <= record:
                low = offset + len(items) - 1, items[-1].user_data_id
        if rows is None:  # not where it should be, or of more jobs than a page holds
            return gather(listed(get, listing)).of(record_ids)
        found[record] = rows
    return gather(found.values())


def _within(pages: list[tuple[int, list[Any]]], record: int, total: int) -> list[Any] | None:
    """Return the rows of a record, from a page that has those on both sides of it, too."""
    for offset, items in pages:
        begins = not offset or items[0].user_data_id < record
        ends = offset + len(items) >= total or items[-1].user_data_id > record
        if begins and ends and items[0].user_data_id <= record <= items[-1].user_data_id:
            return [item for item in items if item.user_data_id == record]
    return None


def _ascend(ids: list[int]) -> bool:
    return all(map(operator.lt, ids, islice(ids, 1, None)))
