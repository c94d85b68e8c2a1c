"""Rows that jobs of an embedded store logged: a table of chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from torc_frames.errors import UnreadableRecordError
from torc_frames.store.records import SeriesChunk
from torc_frames.store.sqlite.file import Connection
from torc_frames.store.sqlite.keys import find_all

__all__ = ["add_chunks", "chunks"]

_FIRST_CHUNKS, _MOST_CHUNKS = 100, 5_000
_PAGE_BYTES = 8 * 2**20
_SMALL_BYTES = 32 * 1024
_encode = msgspec.json.Encoder().encode
_LAST = """
    SELECT id, number,
        CASE WHEN length(rows) < :small AND run_id = :run AND attempt_id = :attempt THEN about END
    FROM series WHERE job_id = :job AND writer = :writer ORDER BY number DESC LIMIT 1
"""
_ADD = """
    INSERT INTO series (job_id, run_id, attempt_id, writer, number, about, rows) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_APPEND = "UPDATE series SET number = ?, about = ?, rows = rows || char(10) || ? WHERE id = ?"
_DROP_EARLIER = """
    DELETE FROM series WHERE job_id = :job
    AND run_id < (SELECT max(run_id) FROM series WHERE job_id = :job)
"""
_ENDS = "SELECT min(id), max(id) FROM job WHERE workflow_id = :workflow AND ifnull(id = :job, TRUE)"
# One that is written to meanwhile goes on: a chunk is found by its place, not by how many are before it.
_PAGE = """
    SELECT job_id, series.id, series.run_id, attempt_id, writer, number, about, rows
    FROM series CROSS JOIN job ON job.id = job_id
    WHERE (job_id, series.id) > (:after_job, :after) AND job_id <= :last AND workflow_id = :workflow
    ORDER BY job_id, series.id LIMIT :limit
"""


def add_chunks(connection: Connection, workflow_id: int, given: Sequence[SeriesChunk]) -> None:
    """Add chunks, each to that before of its writer as long as that is small; those of earlier runs go.

    A job that logs a row a second would have very many otherwise.
    """
    rows = find_all(connection, "job", workflow_id, [chunk.job_key for chunk in given])
    for chunk in given:
        (job,) = rows[chunk.job_key]
        if _is_apart(connection, job, chunk):  # only such a one can be the first of a run
            connection.execute(_DROP_EARLIER, {"job": job})


def _is_apart(connection: Connection, job: int, chunk: SeriesChunk) -> bool:
    """Add a chunk, and return whether it is a row of its own."""
    run, attempt, writer, number = chunk.run_id, chunk.attempt_id, chunk.writer, chunk.number
    asked = {"job": job, "writer": writer, "run": run, "attempt": attempt, "small": _SMALL_BYTES}
    found = connection.execute(_LAST, asked).fetchone()
    if found is None or (found[1] < number and found[2] is None):
        about = _encode({"times": chunk.times, "odd": chunk.odd}).decode()
        connection.execute(_ADD, (job, run, attempt, writer, number, about, chunk.rows))
        return True
    if found[1] < number:
        before = msgspec.json.decode(found[2])
        times, odd = before["times"], before["odd"]
        odd += [(row + len(times), path, kind) for row, path, kind in chunk.odd]
        times += [chunk.times[0] - sum(times), *chunk.times[1:]]
        about = _encode({"times": times, "odd": odd}).decode()
        connection.execute(_APPEND, (number, about, chunk.rows, found[0]))
    return False


def chunks(fetch: Callable[[str, Mapping[str, object]], list[Any]], job: int | None) -> Iterator[SeriesChunk]:
    """Yield the chunks of a workflow, or of a job of it."""
    ((first, last),) = fetch(_ENDS, {"job": job})
    place, limit = (first, 0), _FIRST_CHUNKS
    while first is not None:
        page = fetch(_PAGE, {"after_job": place[0], "after": place[1], "last": last, "limit": limit})
        for job_id, chunk_id, run_id, attempt_id, writer, number, about, rows in page:
            columns = {"job_key": str(job_id), "run_id": run_id, "attempt_id": attempt_id}
            yield _chunk(chunk_id, {**columns, "writer": writer, "number": number, "rows": rows}, about)
            place = job_id, chunk_id
        if len(page) < limit:
            return
        size = sum(len(row[-1]) for row in page)
        limit = max(1, min(_MOST_CHUNKS, limit * _PAGE_BYTES // max(size, 1)))


def _chunk(chunk_id: int, columns: dict[str, Any], about: str) -> SeriesChunk:
    try:
        return msgspec.convert({**columns, **msgspec.json.decode(about)}, SeriesChunk)
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadableRecordError(f"{chunk_id} of the series of jobs", str(error)) from None
