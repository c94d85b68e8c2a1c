"""Adding jobs with their records to a torc-server, two requests a chunk, and what is left between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from torc_frames.errors import NotFoundError, Problem, RefusedError, UncertainWriteError
from torc_frames.records import AddedJobs, NewJobs, Resources
from torc_frames.store.http import Http
from torc_frames.store.sqlite_keys import key_to_id
from torc_frames.store.v1_lists import Listing, count, decoded, listed
from torc_frames.wire import v1

__all__ = ["Adder"]

CHUNK_ROWS = 10_000
CHUNK_BYTES = 32 * 2**20
OUTPUT = b"{}"


class _Added(msgspec.Struct, gc=False):
    id: int


class _AddedRecords(msgspec.Struct):
    user_data: list[_Added]


class _AddedJobs(msgspec.Struct):
    jobs: list[_Added]


class _NewRecord(NamedTuple):
    name: str
    send: bytes
    back: bytes


class _Left(NamedTuple):
    id: int
    raw: bytes


@dataclass(slots=True)
class _Counts:
    """How much a workflow has; only where nothing is left over do records and links agree."""

    records: int
    links: int


class Adder:
    """Adds jobs to one workflow.

    The server adds records in one request and jobs in another. When the second is never made, the
    records stay without jobs: the next call takes those of the same name and data that no job has.
    """

    def __init__(self, http: Http, workflow_id: int) -> None:
        self._http = http
        self._workflow_id = workflow_id
        self._clean: _Counts | None = None
        self._adding = threading.Lock()

    def add(self, jobs: NewJobs, known: set[int]) -> AddedJobs:
        """Add jobs; see `torc_frames.store.base.Store.add_jobs`. `known` are the jobs that there are."""
        _check_lengths(jobs)
        waits = _dependencies(jobs, known, self._workflow_id)
        given = [row for row, raw in enumerate(jobs.inputs) if raw is not None]
        sent = v1.outgoing([raw for raw in jobs.inputs if raw is not None])
        inputs = dict(zip(given, zip(sent.send, sent.back, strict=True), strict=True))
        added = AddedJobs([], [], [])
        if not len(jobs):
            return added
        with self._adding, ThreadPoolExecutor(1) as pool:
            needs = self._requirements(jobs.resources)
            left = self._left_over()
            last = max(known, default=0)
            coming: Future[None] | None = None
            for rows in _chunks(jobs, inputs):
                records = _records(jobs, inputs, rows)
                bodies = [
                    v1.record_body(self._workflow_id, new.name, new.send) for new in _new(records, left)
                ]
                body = b'{"user_data":[' + b",".join(bodies) + b"]}"
                if coming is not None:
                    coming.result()
                coming = pool.submit(
                    self._add_chunk, jobs, rows, records, body, left, waits, needs, last, added
                )
            if coming is not None:
                coming.result()
        return added

    def _add_chunk(
        self,
        jobs: NewJobs,
        rows: range,
        records: list[_NewRecord],
        body: bytes,
        left: Mapping[str, _Left],
        waits: Sequence[Sequence[int]] | None,
        needs: Mapping[Resources, int],
        last: int,
        added: AddedJobs,
    ) -> None:
        ids = self._add_records(records, body, left)
        coming = iter(ids)
        inputs = [None if jobs.inputs[row] is None else next(coming) for row in rows]
        outputs = [next(coming) for _ in rows] if jobs.outputs else [None] * len(rows)
        bodies = [
            v1.job_body(
                self._workflow_id,
                jobs.names[row],
                jobs.commands[row],
                inputs=() if input_id is None else (input_id,),
                outputs=() if output_id is None else (output_id,),
                depends_on=() if waits is None else waits[row],
                requirement=None if jobs.resources is None else needs.get(jobs.resources[row]),
            )
            for row, input_id, output_id in zip(rows, inputs, outputs, strict=True)
        ]
        names = [jobs.names[row] for row in rows]
        job_ids = self._add_jobs(names, b'{"jobs":[' + b",".join(bodies) + b"]}", last)
        added.job_keys.extend(map(str, job_ids))
        added.input_keys.extend(None if one is None else str(one) for one in inputs)
        added.output_keys.extend(None if one is None else str(one) for one in outputs)
        if self._clean is not None:
            self._clean.records += len(ids)
            self._clean.links += len(ids)

    # records

    def _add_records(self, records: list[_NewRecord], body: bytes, left: Mapping[str, _Left]) -> list[int]:
        """Return the ids of records, of those left over or new ones; `body` holds the new ones."""
        while _new(records, left):
            try:
                reply = self._http.send("POST", "/bulk_user_data", body)
            except UncertainWriteError:
                # All of them were added, or none.
                self._clean = None
                left = self._left_over()
            else:
                added = iter(decoded(_AddedRecords, reply, "new records").user_data)
                return [_taken(record, left) or next(added).id for record in records]
        return [_taken(record, left) or 0 for record in records]

    def _left_over(self) -> dict[str, _Left]:
        """Return the records without a job, by name."""
        listing = Listing("/user_data", {"workflow_id": self._workflow_id}, v1.Records)
        path = f"/workflows/{self._workflow_id}/job_user_data_relationships"
        relations = Listing(path, {}, v1.Links, v1.relationship, unique=False)
        now = _Counts(count(self._http.get, listing), count(self._http.get, relations))
        known, self._clean = self._clean, now
        if now.records == 0 or now == known:
            return {}
        linked = {row.user_data_id for rows in listed(self._http.get, relations) for row in rows}
        if len(linked) == now.records:
            return {}
        return {
            row.name: _Left(row.id, bytes(row.data))
            for rows in listed(self._http.get, listing)
            for row in rows
            if row.id not in linked
        }

    # jobs

    def _add_jobs(self, names: list[str], body: bytes, last: int) -> list[int]:
        while True:
            try:
                reply = self._http.send("POST", "/bulk_jobs", body)
            except UncertainWriteError:
                found = self._newer_jobs(last)
                if all(name in found for name in names):
                    return [found[name] for name in names]
                continue
            return [one.id for one in decoded(_AddedJobs, reply, "new jobs").jobs]

    def _newer_jobs(self, last: int) -> dict[str, int]:
        """Return the ids of jobs that are newer than an id, by name; the newest where names are equal."""
        listing = Listing("/jobs", {"workflow_id": self._workflow_id}, v1.Jobs)
        return {row.name: row.id for rows in listed(self._http.get, listing) for row in rows if row.id > last}

    def _requirements(self, resources: Sequence[Resources] | None) -> dict[Resources, int]:
        """Return the ids of what jobs need, those that the workflow has not yet added."""
        wanted = dict.fromkeys(need for need in resources or () if need != Resources())
        if not wanted:
            return {}
        listing = Listing("/resource_requirements", {"workflow_id": self._workflow_id}, v1.Requirements)
        rows = [row for rows in listed(self._http.get, listing) for row in rows]
        there = {(row.name, row.num_cpus, row.num_gpus, row.memory, row.runtime): row.id for row in rows}
        for need in wanted:
            if v1.requirement_of(need) not in there:
                body = v1.requirement_body(self._workflow_id, need)
                reply = self._http.send("POST", "/resource_requirements", body, repeatable=True)
                there[v1.requirement_of(need)] = decoded(_Added, reply, "a resource requirement").id
        return {need: there[v1.requirement_of(need)] for need in wanted}


def _check_lengths(jobs: NewJobs) -> None:
    for name in ("commands", "inputs", "depends_on", "resources"):
        column = getattr(jobs, name)
        if column is not None and len(column) != len(jobs):
            raise RefusedError(f"{len(column)} {name} for {len(jobs)} names")
    first: dict[str, int] = {}
    problems = []
    for row, name in enumerate(jobs.names):
        try:
            name.encode()
            jobs.commands[row].encode()
        except UnicodeEncodeError:
            problems.append(Problem(row, None, "name or command holds a lone surrogate, which is no text"))
        if first.setdefault(name, row) != row:
            problems.append(Problem(row, None, f"has the name {name!r}, which row {first[name]} has already"))
    if problems:
        raise RefusedError(problems)


def _dependencies(jobs: NewJobs, known: set[int], workflow_id: int) -> list[list[int]] | None:
    if jobs.depends_on is None:
        return None
    rows = [[(key, key_to_id(key)) for key in dict.fromkeys(keys)] for keys in jobs.depends_on]
    unknown = dict.fromkeys(key for row in rows for key, number in row if number not in known)
    if unknown:
        raise NotFoundError("job", unknown, f"workflow {workflow_id}")
    return [[number for _, number in row if number is not None] for row in rows]


def _chunks(jobs: NewJobs, inputs: Mapping[int, tuple[bytes, bytes]]) -> Iterator[range]:
    """Yield ranges of rows that are small enough for one request."""
    start = size = 0
    for row in range(len(jobs)):
        more = len(inputs[row][0]) if row in inputs else 0
        if row > start and (row - start == CHUNK_ROWS or size + more > CHUNK_BYTES):
            yield range(start, row)
            start, size = row, 0
        size += more
    yield range(start, len(jobs))


def _records(jobs: NewJobs, inputs: Mapping[int, tuple[bytes, bytes]], rows: range) -> list[_NewRecord]:
    """Return the records of some jobs: all inputs, then all outputs."""
    records = [_NewRecord(f"input_{jobs.names[row]}", *inputs[row]) for row in rows if row in inputs]
    if jobs.outputs:
        records += [_NewRecord(f"output_{jobs.names[row]}", OUTPUT, OUTPUT) for row in rows]
    return records


def _new(records: list[_NewRecord], left: Mapping[str, _Left]) -> list[_NewRecord]:
    return [record for record in records if _taken(record, left) is None] if left else records


def _taken(record: _NewRecord, left: Mapping[str, _Left]) -> int | None:
    """Return the id of a record that was left over, if it is this one."""
    found = left.get(record.name)
    return found.id if found is not None and found.raw == v1.in_order(record.back) else None
