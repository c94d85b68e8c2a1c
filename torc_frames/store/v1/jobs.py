"""Adding jobs with their records to a torc-server, two requests a chunk, and what is left between them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from torc_frames.errors import NotFoundError, Problem, RefusedError, UncertainWriteError
from torc_frames.store.exactly_once import TRIES, Unfinished, looked_for
from torc_frames.store.http.session import Http
from torc_frames.store.keys import key_to_id
from torc_frames.store.paged.lists import Listing, decoded, listed
from torc_frames.store.paged.store import added_needs, check_widths, text_problem
from torc_frames.store.records import INPUT, OUTPUT, AddedJobs, NewJobs, Resources
from torc_frames.store.v1.links import gather, relations
from torc_frames.store.v1.orphans import LeftOver, NewRecords, delete_record
from torc_frames.store.wire import v1

__all__ = ["Adder"]

CHUNK_ROWS = 10_000
CHUNK_BYTES = 32 * 2**20
"""Of data, names and commands, in which a character can become six bytes: the server takes 200 MiB."""

_EMPTY = b"{}"


@dataclass(slots=True)
class _Call:
    """The jobs of one call, and how far it has come."""

    jobs: NewJobs
    waits: list[list[int]] | None = None
    needs: dict[Resources, int] = field(default_factory=dict)
    newest: int = 0
    """The newest job that there was before."""
    added: AddedJobs = field(default_factory=lambda: AddedJobs([], [], []))
    doubtful: _Chunk | None = None
    """The chunk that may have been added, as far as is known."""

    def begin_again(self, newest: int) -> None:
        """Forget what was added: somebody has deleted jobs since."""
        self.added, self.doubtful, self.newest = AddedJobs([], [], []), None, newest

    def done(self, chunk: _Chunk, job_ids: list[int]) -> None:
        """Note that a chunk was added."""
        self.doubtful = None
        self.added.job_keys.extend(map(str, job_ids))
        for keys, at in ((self.added.input_keys, chunk.input_at), (self.added.output_keys, chunk.output_at)):
            keys.extend(None if one is None else str(chunk.ids[one]) for one in at)


@dataclass(slots=True)
class _Chunk:
    """Some rows, small enough for two requests: the records that their jobs need, and the jobs."""

    rows: range
    jobs: list[bytes]
    """The JSON of the jobs, without their records."""
    records: NewRecords
    input_at: list[int | None]
    """By row: where in `records` its input is."""
    output_at: list[int | None]
    ids: list[int] = field(default_factory=list)
    """Of the records, once they are there."""
    twice: bool = False
    """Whether records were sent again, because the server did not show them after a lost answer."""


class Adder:
    """Adds jobs to one workflow, one call at a time.

    The server adds records in one request and jobs in another. When the second is never made, the
    records stay without jobs: the next call takes those of the same name and data that no job has.
    """

    def __init__(self, http: Http, workflow_id: int) -> None:
        self._http = http
        self._workflow_id = workflow_id
        self._left = LeftOver(http, workflow_id)
        self._unfinished = Unfinished()
        self._adding = threading.Lock()

    def add(self, jobs: NewJobs, known: set[int]) -> AddedJobs:
        """Add jobs; see `torc_frames.store.base.Store.add_jobs`. `known` are the jobs that there are."""
        _check(jobs)
        waits = _dependencies(jobs, known, self._workflow_id)
        sent = v1.outgoing([_EMPTY if raw is None else raw for raw in jobs.inputs])
        if not len(jobs):
            return AddedJobs([], [], [])
        start = _Call(jobs, newest=max(known, default=0))
        with self._adding, self._unfinished.resumed(jobs, start) as call:
            if not all(int(key) in known for key in call.added.job_keys):
                call.begin_again(start.newest)
            call.waits = waits
            call.needs = self._requirements(jobs.resources)
            self._left.check()
            self._finish(call)
            self._add_chunks(call, sent)
            return call.added

    def _finish(self, call: _Call) -> None:
        """Settle the chunk that an earlier try of the same call left in doubt."""
        if call.doubtful is not None:
            job_ids = self._find_jobs(call, call.doubtful)
            if job_ids is not None:
                call.done(call.doubtful, job_ids)

    def _add_chunks(self, call: _Call, sent: v1.Outgoing) -> None:
        """Add what is not yet added; while the server works on a chunk, the next one is made ready."""
        coming: Future[None] | None = None
        with ThreadPoolExecutor(1) as pool:
            for rows in _ranges(call.jobs, len(call.added.job_keys)):
                chunk = self._chunk(call, rows, sent)
                if coming is not None:
                    coming.result()
                coming = pool.submit(self._add_chunk, call, chunk)
            if coming is not None:
                coming.result()

    def _chunk(self, call: _Call, rows: range, sent: v1.Outgoing) -> _Chunk:
        given = [row for row in rows if call.jobs.inputs[row] is not None]
        asked = rows if call.jobs.outputs else range(0)
        at = dict(zip(given, itertools.count()))
        names = [f"input_{call.jobs.names[row]}" for row in given]
        names += [f"output_{call.jobs.names[row]}" for row in asked]
        data = [sent.send[row] for row in given] + [_EMPTY] * len(asked)
        records = NewRecords(
            names=names,
            backs=[sent.back[row] for row in given] + [_EMPTY] * len(asked),
            bodies=list(map(v1.record_body, itertools.repeat(self._workflow_id), names, data)),
            inputs=[*itertools.repeat(None, len(given)), *map(at.get, asked)],
        )
        input_at = [at.get(row) for row in rows]
        output_at = [len(given) + row - rows.start if asked else None for row in rows]
        return _Chunk(rows, self._job_bodies(call, rows), records, input_at, output_at)

    def _job_bodies(self, call: _Call, rows: range) -> list[bytes]:
        """Return the JSON of jobs, as far as it is known before they have records."""
        jobs, waits = call.jobs, call.waits
        return [
            v1.job_body(
                self._workflow_id,
                jobs.names[row],
                jobs.commands[row],
                depends_on=() if waits is None else waits[row],
                requirement=None if jobs.resources is None else call.needs.get(jobs.resources[row]),
                settings=b"{}" if jobs.settings is None else jobs.settings[row],
            )
            for row in rows
        ]

    def _add_chunk(self, call: _Call, chunk: _Chunk) -> None:
        job_ids: list[int] | None = None
        for attempt in range(TRIES):
            self._add_records(chunk, doubtful=attempt > 0)
            call.doubtful = chunk
            try:
                reply = self._http.send("POST", "/bulk_jobs", _jobs_body(call.jobs, chunk))
            except UncertainWriteError as lost:
                self._left.forget()
                job_ids = looked_for(lambda: self._given_up(call, chunk), lost)
                if job_ids is None and attempt == TRIES - 1:
                    raise
            else:
                job_ids = [one.id for one in decoded(v1.BulkJobs, reply, "new jobs").jobs]
                self._left.added(len(chunk.ids))
            if job_ids is not None:
                break
        assert job_ids is not None
        call.done(chunk, job_ids)
        if chunk.twice:
            self._delete_doubles(chunk)

    def _given_up(self, call: _Call, chunk: _Chunk) -> list[int] | None:
        """Return the jobs that a request added which was not answered, or make sure that it never does.

        The server, or what is in between, may still have it; it fails once a record is missing.
        """
        job_ids = self._find_jobs(call, chunk)
        if job_ids is None and chunk.ids:
            # If it is gone, another client has taken these records, and has the jobs that are found.
            if delete_record(self._http, chunk.ids[-1]):
                # They may have been added just before: they are known by their other records, or by name.
                job_ids = self._find_jobs(call, chunk, len(chunk.ids) - 1)
            if job_ids is not None:
                self._restore(chunk, job_ids)
        return job_ids

    def _restore(self, chunk: _Chunk, job_ids: list[int]) -> None:
        """Add the last record of a chunk again, as its jobs were added just before it was deleted."""
        last = len(chunk.records) - 1
        role = "producer_job_id" if last in chunk.output_at else "consumer_job_id"
        at = (chunk.output_at if last in chunk.output_at else chunk.input_at).index(last)
        reply = self._http.send("POST", "/user_data", chunk.records.bodies[last], {role: job_ids[at]})
        chunk.ids[last] = decoded(v1.Added, reply, "a new record").id

    # records

    def _add_records(self, chunk: _Chunk, doubtful: bool) -> None:
        """Set the ids of a chunk's records, of those left over or new ones."""
        for attempt in range(TRIES):
            ids = self._left.take(chunk.records, doubtful, fence=attempt == 0)
            new = [body for body, one in zip(chunk.records.bodies, ids, strict=True) if one is None]
            added: Iterator[v1.Added] = iter(())
            if new:
                body = b'{"user_data":[' + b",".join(new) + b"]}"
                try:
                    reply = self._http.send("POST", "/bulk_user_data", body)
                except UncertainWriteError:
                    # All of them were added, or none; what was, is left over.
                    self._left.forget()
                    if attempt == TRIES - 1:
                        raise
                    doubtful = chunk.twice = True
                    continue
                added = iter(decoded(v1.AddedRecords, reply, "new records").user_data)
            chunk.ids = [next(added).id if one is None else one for one in ids]
            return

    def _delete_doubles(self, chunk: _Chunk) -> None:
        """Delete records that the server added after it was given up, and after they were sent again."""
        self._left.forget()
        for one in self._left.same(chunk.records):
            delete_record(self._http, one)
        self._left.forget()

    # jobs

    def _find_jobs(self, call: _Call, chunk: _Chunk, records: int | None = None) -> list[int] | None:
        """Return the ids of a chunk's jobs if they were added: all were, or none.

        A job is known by its new records, which no other has; one that has none by name and command.
        Only the first so many records are looked for.
        """
        wanted = set(chunk.ids[:records])
        job_of: dict[int, int] = {}
        if wanted:
            links = gather(listed(self._http.get, relations(self._workflow_id)))
            pairs = zip(links.record_ids, links.job_ids, strict=True)
            job_of = {record: job for record, job in pairs if record in wanted}
            if len(job_of) < len(wanted):
                return None
        jobs = [
            next((job_of[chunk.ids[at]] for at in ats if at is not None and chunk.ids[at] in job_of), None)
            for ats in zip(chunk.input_at, chunk.output_at, strict=True)
        ]
        if None in jobs:
            names, commands, newer = call.jobs.names, call.jobs.commands, self._newer_jobs(call.newest)
            jobs = [
                newer.get((names[row], commands[row])) if one is None else one
                for row, one in zip(chunk.rows, jobs, strict=True)
            ]
        ids = [one for one in jobs if one is not None]
        return ids if len(ids) == len(jobs) else None

    def _newer_jobs(self, newest: int) -> dict[tuple[str, str], int]:
        listing = Listing("/jobs", v1.V1Job, {"workflow_id": self._workflow_id})
        jobs = (job for rows in listed(self._http.get, listing) for job in rows)
        return {(job.name, job.command): job.id for job in jobs if job.id > newest}

    def _requirements(self, resources: Sequence[Resources] | None) -> dict[Resources, int]:
        def post(need: Resources) -> int:
            body = v1.requirement_body(self._workflow_id, need)
            reply = self._http.send("POST", "/resource_requirements", body)
            return int(decoded(v1.Added, reply, "a resource requirement").id)

        return added_needs(resources, v1.requirement_of, self._listed_requirements, post)

    def _listed_requirements(self) -> dict[tuple[object, ...], int]:
        listing = Listing("/resource_requirements", v1.V1Requirement, {"workflow_id": self._workflow_id})
        rows = (row for rows in listed(self._http.get, listing) for row in rows)
        return {(row.name, row.num_cpus, row.num_gpus, row.memory, row.runtime): row.id for row in rows}


def _jobs_body(jobs: NewJobs, chunk: _Chunk) -> bytes:
    bodies = chunk.jobs
    for role, at in ((INPUT, chunk.input_at), (OUTPUT, chunk.output_at)):
        texts = [b"" if one is None else b"%d" % chunk.ids[one] for one in at]
        if role in jobs.links:
            rows = [jobs.links[role][row] for row in chunk.rows]
            both = zip(texts, rows, strict=True)
            texts = [
                b",".join(filter(None, (text, *(key.encode() for key in dict.fromkeys(keys)))))
                for text, keys in both
            ]
        bodies = list(map(v1.with_records, bodies, itertools.repeat(role), texts))
    return b'{"jobs":[' + b",".join(bodies) + b"]}"


def _check(jobs: NewJobs) -> None:
    check_widths(jobs)
    if any(keys for role, rows in jobs.links.items() if role is None for keys in rows):
        raise RefusedError("torc-server links a record to a job as input or output, not without a role")
    first: dict[str, int] = {}
    problems = v1.size_problems(raw or b"" for raw in jobs.inputs)
    for row, (name, command) in enumerate(zip(jobs.names, jobs.commands, strict=True)):
        if first.setdefault(name, row) != row:
            problems.append(Problem(row, None, f"has the name {name!r}, which row {first[name]} has already"))
        if len(name) + len(command) > v1.MAX_COMMAND_CHARACTERS:
            problems.append(
                Problem(row, None, f"command is {len(command):,} characters long; write a script")
            )
        if reason := text_problem(name + "/" + command):
            problems.append(Problem(row, None, f"name or command {reason}"))
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


def _ranges(jobs: NewJobs, start: int) -> Iterator[range]:
    """Yield ranges of rows, from a row on, that are small enough for one request."""
    size = 0
    for row in range(start, len(jobs)):
        more = len(jobs.inputs[row] or b"") + len(jobs.names[row]) + len(jobs.commands[row])
        more += 0 if jobs.settings is None else len(jobs.settings[row])
        if row > start and (row - start == CHUNK_ROWS or size + more > CHUNK_BYTES):
            yield range(start, row)
            start, size = row, 0
        size += more
    if start < len(jobs):
        yield range(start, len(jobs))
