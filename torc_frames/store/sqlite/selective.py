"""Snapshots of an embedded store that show some of its jobs, or of its records."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Container, Mapping
from copy import copy
from functools import cached_property
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from torc_frames.frame.flatten import Path
from torc_frames.store.keys import key_to_id
from torc_frames.store.records import INPUT, OUTPUT, LinkPage, Origin, Role
from torc_frames.store.sqlite import queries
from torc_frames.store.sqlite.keys import id_list

if TYPE_CHECKING:
    from torc_frames.frame.conditions import Condition
    from torc_frames.store.sqlite.job_links import JobLinks
    from torc_frames.store.sqlite.selection import Selection

__all__ = ["Selective"]

_MOST_TRIED = 50
"""How many keys are tried for each that is wanted, at most."""


class Selective:
    """What makes an embedded store's snapshot a `SelectiveSnapshot`."""

    _chosen: Mapping[str, list[int]] = MappingProxyType({})
    """By table, the only rows that are shown, in order."""
    _links_as: Mapping[object, JobLinks] = MappingProxyType({})
    """Of jobs that are chosen, by role, the only links that are shown; others made some of the records."""
    _only_records: Container[str] | None = None
    """The only records whose links are shown."""

    def _fetch(self, sql: str, values: Mapping[str, object]) -> list[Any]:
        raise NotImplementedError

    def _linked(self, job_key: str | None, role: Role | None) -> tuple[str, dict[str, object]]:
        raise NotImplementedError

    def _made(self, records: Collection[int]) -> set[int]:
        raise NotImplementedError

    @cached_property
    def _selection(self) -> Selection:
        from torc_frames.store.sqlite.selection import Selection  # which loads numpy

        return Selection(self._fetch)

    def can_find(self, place: Origin) -> bool:
        """See `SelectiveSnapshot.can_find`."""
        return self._selection.can_find(place)

    def may_have(self, path: Path, role: Role) -> bool:
        """See `SelectiveSnapshot.may_have`."""
        return self._selection.may_have(path, role)

    def jobs_like(self, condition: Condition, places: Mapping[str, Origin], first: int) -> Self:
        """See `SelectiveSnapshot.jobs_like`."""
        return self._of_jobs(self._selection.jobs(condition, places).tolist(), first)

    def records_like(
        self, condition: Condition, places: Mapping[str, Origin], role: Role | None, first: int
    ) -> Self:
        """See `SelectiveSnapshot.records_like`."""
        found = {*self._selection.records(condition, places).tolist()}
        found |= self._first("user_data", *self._linked(None, role), first)
        jobs = self._joined("SELECT job_id FROM link", "record_id", found)
        narrowed = self._narrowed(user_data=sorted(found), job=jobs)
        narrowed._only_records = set(map(str, found))
        return narrowed

    def only(self, job_keys: Collection[str], first: int) -> Self:
        """See `SelectiveSnapshot.only`."""
        return self._of_jobs([number for key in job_keys if (number := key_to_id(key)) is not None], first)

    def sampled(self, count: int, jobs: int) -> Self:
        """See `SelectiveSnapshot.sampled`."""
        of_jobs = "FROM job WHERE workflow_id = :workflow"
        [(low, high)] = self._fetch(f"SELECT (SELECT min(id) {of_jobs}), (SELECT max(id) {of_jobs})", {})
        span = 0 if low is None else high - low + 1
        # Those of other workflows are among them.
        wanted = min(span, _MOST_TRIED * count, -(-count * span // max(jobs, 1)))
        tried = Random(jobs).sample(range(low or 0, (low or 0) + span), wanted)  # noqa: S311 - no secret
        found = self._fetch(
            f"SELECT id FROM job WHERE +workflow_id = :workflow AND id IN {queries.CHOSEN}",
            {"chosen": id_list(sorted(tried))},
        )
        return self._of_jobs([job for (job,) in found], 0)

    def _first(self, table: str, where: str, values: Mapping[str, object], count: int) -> set[int]:
        sql = f"SELECT id FROM {table} WHERE workflow_id = :workflow {where} ORDER BY id LIMIT :count"
        return {row for (row,) in self._fetch(sql, {**values, "count": count})}

    def _of_jobs(self, found: Collection[int], first: int) -> Self:
        jobs = self._selection.own({*found, *self._first("job", "", {}, first)})
        links = self._selection.links_of(jobs)
        taken = links.of_role(INPUT)
        made = self._made(taken.records.tolist())
        given = taken.only([record not in made for record in taken.records.tolist()]) if made else taken
        chosen = jobs.tolist()
        results = self._joined("SELECT id FROM result", "job_id", chosen)
        narrowed = self._narrowed(job=chosen, user_data=links.its_records(), result=results)
        narrowed._links_as = {INPUT: given, OUTPUT: links.of_role(OUTPUT)}
        return narrowed

    def _joined(self, select: str, column: str, ids: Collection[int]) -> list[int]:
        found = self._fetch(f"{select} WHERE {column} IN {queries.CHOSEN}", {"chosen": id_list(ids)})
        return sorted({row for (row,) in found})

    def _narrowed(self, **ids: list[int]) -> Self:
        narrowed = copy(self)
        narrowed._chosen = ids
        return narrowed

    def _count_chosen(self, where: str, values: Mapping[str, object]) -> int:
        """Return how many records of those that are shown meet something."""
        chosen = self._rows_shown("user_data", values) or []
        if self._only_records is not None and not where:
            return len(chosen)
        of_workflow = "AND +workflow_id = :workflow"
        sql = f"SELECT count(*) FROM user_data WHERE id IN {queries.CHOSEN} {of_workflow} {where}"
        return int(self._fetch(sql, {**values, "chosen": id_list(chosen)})[0][0])

    def _rows_shown(self, table: str, values: Mapping[str, object]) -> list[int] | None:
        """Return the rows of a table that are shown, of records those of a role; None for all."""
        links = self._links_as.get(values.get("role")) if table == "user_data" else None
        return self._chosen.get(table) if links is None else links.its_records()

    def _shown(self, page: LinkPage) -> LinkPage:
        """Return the links of a page that are shown."""
        if self._only_records is None:
            return page
        return page.only([record in self._only_records for record in page.record_keys])

    @staticmethod
    def _next_chosen(chosen: list[int], given: dict[str, Any], limit: int) -> tuple[Any, Any, int]:
        """Return the first and last of the next rows of those that are shown, and how many; give them."""
        at = bisect_right(chosen, given["after"])
        rows = chosen[at : at + limit]
        given["chosen"] = id_list(rows)
        return (rows[0], rows[-1], len(rows)) if rows else (None, None, 0)
