"""Which records of a torc-server belong to which jobs, as columns."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any

from torc_frames.store.records import INPUT, OUTPUT, LinkPage, Role

__all__ = ["V1Links", "gather"]

PAGE_ROWS = 20_000


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
        """Return the links of one role, of these jobs, to records that are not newer than the one given."""
        links = self
        if role is not None:
            links = links._chosen([one == role for one in links.roles])
        if jobs is not None:
            links = links._chosen([one in jobs for one in links.job_ids])
        if last_record is not None:
            links = links._chosen([one <= last_record for one in links.record_ids])
        return links

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
        reads = [row for row in rows if row.consumer_job_id is not None]
        writes = [row for row in rows if row.producer_job_id is not None]
        links.add(
            INPUT,
            [row.consumer_job_id for row in reads],
            [row.user_data_id for row in reads],
            [row.consumer_job_name for row in reads],
        )
        links.add(
            OUTPUT,
            [row.producer_job_id for row in writes],
            [row.user_data_id for row in writes],
            [row.producer_job_name for row in writes],
        )
    links.sort()
    return links


def _ascend(ids: list[int]) -> bool:
    return all(map(operator.lt, ids, islice(ids, 1, None)))
