"""Which records of a workflow belong to which jobs: its edges, or what each job says where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from torc_frames.errors import ReplyError, ServerError
from torc_frames.store.keys import key_to_id
from torc_frames.store.legacy.keys import role_of, says_role
from torc_frames.store.legacy.service import Service, read_record
from torc_frames.store.paged.lists import Get, Listing, decoded, listed
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.snapshot import PAGE_ROWS
from torc_frames.store.parallel import each
from torc_frames.store.records import INPUT, OUTPUT, LinkPage, Role
from torc_frames.store.wire.legacy import (
    CONSUMES,
    JOBS,
    STORES,
    USER_DATA,
    Edge,
    Form,
    LegacyRecord,
    document_id,
    key_of,
)

__all__ = [
    "LATER_EDGES",
    "Link",
    "edges_of",
    "in_order",
    "link_of",
    "link_pages",
    "links_of_job",
    "links_of_jobs",
    "read_edges",
    "role_in_first",
]

LATER_EDGES: Mapping[str, Role] = {STORES: OUTPUT, CONSUMES: INPUT}


class Link(NamedTuple):
    """One link."""

    job_key: str
    record_key: str
    role: Role | None


class _Records(msgspec.Struct):
    items: list[msgspec.Raw]


def edges_of(service: Service, workflow_key: str, name: str, job_key: str | None = None) -> Listing:
    """Return the list of the edges of a name, those from a job where a service knows to choose them."""
    origin = None if job_key is None else document_id(JOBS, job_key, workflow_key)
    return service.listing(service.path(workflow_key, "edges", name), Edge, _from=origin)


def read_edges(
    service: Service, workflow_key: str, rows_of: Callable[[Listing], Iterable[Edge]]
) -> list[tuple[str, str, str]] | None:
    """Return the name, job and record of all edges to records, None if the service does not list any."""
    found: list[tuple[str, str, str]] = []
    for name in (STORES, CONSUMES):
        if name in service.lacks:
            continue
        try:
            found += _ends(rows_of(edges_of(service, workflow_key, name)), name, workflow_key)
        except ServerError as error:
            if not _knows_none(service.form, name, error):
                raise
            service.lacks.add(name)
    return None if STORES in service.lacks else found


def link_of(form: Form, edge: tuple[str, str, str]) -> Link:
    """Return the link that an edge is."""
    name, job, record = edge
    return Link(job, record, role_in_first(name, record) if form is Form.FIRST else LATER_EDGES[name])


def _knows_none(form: Form, name: str, error: ServerError) -> bool:
    """Return whether an error says that there are no such edges: the first form fails, or has no path."""
    if isinstance(error, ReplyError) and is_missing(error):
        return True
    status = error.response.status if error.response is not None else None
    return form is Form.FIRST and name == CONSUMES and status in (400, 500)


def _ends(edges: Iterable[Edge], name: str, workflow_key: str) -> list[tuple[str, str, str]]:
    ends = (
        (key_of(edge.origin, JOBS, workflow_key), key_of(edge.target, USER_DATA, workflow_key))
        for edge in edges
    )
    return [(name, job, record) for job, record in ends if job is not None and record is not None]


def role_in_first(edge_name: str, record_key: str) -> Role | None:
    """Return what a record of the first form is to the job that an edge is from."""
    return INPUT if edge_name == CONSUMES else role_of(record_key)


def links_of_jobs(service: Service, workflow_key: str, get: Get, job_keys: Sequence[str]) -> list[Link]:
    """Return the links of jobs, each asked for its own."""

    def of_job(job_key: str) -> list[Link]:
        found = links_of_job(service, workflow_key, get, job_key)
        return [Link(job_key, record.key, role) for record, role in found]

    return [link for links in each(of_job, job_keys) for link in links]


def links_of_job(
    service: Service, workflow_key: str, get: Get, job_key: str, role: Role | None = None
) -> list[tuple[LegacyRecord, Role | None]]:
    """Return the records of a job that exists, oldest first, and what they are to it."""
    if service.form is Form.FIRST:
        told = _links_in_first(service, workflow_key, get, job_key)
        return [one for one in told if role in (None, one[1])]
    found: list[tuple[LegacyRecord, Role | None]] = []
    for edge, its_role in LATER_EDGES.items():
        if role in (None, its_role):
            path = service.path_of_job(workflow_key, job_key, f"user_data_{edge}")
            found += [(record, its_role) for record in _records(service, get, path)]
    ids = [key_to_id(record.key) for record, _ in found]
    if None not in ids:
        found.sort(key=lambda one: int(one[0].key))
    return found


def _links_in_first(
    service: Service, workflow_key: str, get: Get, job_key: str
) -> Iterator[tuple[LegacyRecord, Role | None]]:
    """Yield the records of a job and what they are to it: edges say so, where keys don't."""
    records = _records(service, get, service.path_of_job(workflow_key, job_key, "user_data"))
    told = all(says_role(record.key) for record in records)
    given = set() if told else _linked_by(CONSUMES, service, workflow_key, get, job_key)
    stored = _linked_by(STORES, service, workflow_key, get, job_key) if given else set()
    for record in records:
        if record.key in given:
            yield record, INPUT
        if record.key in stored or record.key not in given:
            yield record, role_of(record.key)


def _linked_by(name: str, service: Service, workflow_key: str, get: Get, job_key: str) -> set[str]:
    """Return the records that edges of a name lead to from a job; none where there are no such edges."""
    if name in service.lacks:
        return set()
    try:
        edges = chain.from_iterable(listed(get, edges_of(service, workflow_key, name, job_key)))
        return {record for _, job, record in _ends(edges, name, workflow_key) if job == job_key}
    except ServerError as error:
        if not _knows_none(service.form, name, error):
            raise
        service.lacks.add(name)
        return set()


def _records(service: Service, get: Get, path: str) -> list[LegacyRecord]:
    items = decoded(_Records, get(path, {}), "the records of a job").items
    unique = {record.key: record for item in items if (record := read_record(service.form, bytes(item)))}
    return list(unique.values())[::-1]


def in_order(links: Sequence[Link], job_keys: Sequence[str]) -> list[Link]:
    """Return links by the age of the job, then of the record, each once; only those of the jobs given.

    Numbers tell the age of records; where there are others, the edges do.
    """
    at = {key: position for position, key in enumerate(job_keys)}
    chosen = [link for link in dict.fromkeys(links) if link.job_key in at]
    ids = [key_to_id(link.record_key) for link in chosen]
    if None in ids:
        return sorted(chosen, key=lambda link: at[link.job_key])
    return sorted(chosen, key=lambda link: (at[link.job_key], int(link.record_key)))


def link_pages(links: Sequence[Link], names: Mapping[str, str] | None) -> Iterator[LinkPage]:
    """Yield links as a snapshot does; without names they are empty."""
    for start in range(0, len(links), PAGE_ROWS):
        part = links[start : start + PAGE_ROWS]
        job_keys = [link.job_key for link in part]
        yield LinkPage(
            record_keys=[link.record_key for link in part],
            job_keys=job_keys,
            job_names=[""] * len(part) if names is None else [names.get(key, "") for key in job_keys],
            roles=[link.role for link in part],
        )
