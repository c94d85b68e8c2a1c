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

_PAGE_CHUNKS = 200
_ADD = """
    INSERT OR IGNORE INTO series (job_id, run_id, attempt_id, writer, number, about, rows)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_DROP_EARLIER = """
    DELETE FROM series WHERE job_id = :job
    AND run_id < (SELECT max(run_id) FROM series WHERE job_id = :job)
"""
# One that is written to meanwhile goes on: a chunk is found by its place, not by how many are before it.
_PAGE = """
    SELECT job.id, series.id, run_id, attempt_id, writer, number, about, rows
    FROM (
        SELECT id FROM job
        WHERE workflow_id = :workflow AND id >= :after_job AND ifnull(id = :job, TRUE) ORDER BY id
    ) AS job
    CROSS JOIN series ON series.job_id = job.id AND (job.id > :after_job OR series.id > :after)
    ORDER BY job.id, series.id LIMIT :limit
"""


def add_chunks(connection: Connection, workflow_id: int, given: Sequence[SeriesChunk]) -> None:
    """Add chunks; those of runs before the newest one of their job go."""
    rows = find_all(connection, "job", workflow_id, [chunk.job_key for chunk in given])
    connection.executemany(_ADD, (_row(rows[chunk.job_key][0], chunk) for chunk in given))
    for job in {number for (number,) in rows.values()}:
        connection.execute(_DROP_EARLIER, {"job": job})


def _row(job: int, chunk: SeriesChunk) -> tuple[object, ...]:
    about = msgspec.json.encode({"times": chunk.times, "odd": chunk.odd}).decode()
    return job, chunk.run_id, chunk.attempt_id, chunk.writer, chunk.number, about, chunk.rows


def chunks(fetch: Callable[[str, Mapping[str, object]], list[Any]], job: int | None) -> Iterator[SeriesChunk]:
    """Yield the chunks of a workflow, or of a job of it."""
    after_job, after = 0, 0
    while True:
        place = {"after_job": after_job, "after": after, "job": job, "limit": _PAGE_CHUNKS}
        page = fetch(_PAGE, place)
        for job_id, chunk_id, run_id, attempt_id, writer, number, about, rows in page:
            columns = {"job_key": str(job_id), "run_id": run_id, "attempt_id": attempt_id}
            yield _chunk(chunk_id, {**columns, "writer": writer, "number": number, "rows": rows}, about)
            after_job, after = job_id, chunk_id
        if len(page) < _PAGE_CHUNKS:
            return


def _chunk(chunk_id: int, columns: dict[str, Any], about: str) -> SeriesChunk:
    try:
        return msgspec.convert({**columns, **msgspec.json.decode(about)}, SeriesChunk)
    except (msgspec.MsgspecError, TypeError) as error:
        raise UnreadableRecordError(f"{chunk_id} of the series of jobs", str(error)) from None
