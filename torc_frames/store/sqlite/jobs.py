"""Jobs of an embedded store: adding them, and what happens to them when they run."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count, repeat
from typing import Any

from torc_frames.errors import ConflictError, RefusedError
from torc_frames.store.parallel import Report, tell
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    INPUT,
    OUTPUT,
    READY,
    RUNNING,
    AddedJobs,
    JobRecord,
    NewJobs,
    Resources,
    ResultPage,
    Role,
    RunCall,
    RunResult,
)
from torc_frames.store.sqlite.calls import note
from torc_frames.store.sqlite.connections import Connections, Write
from torc_frames.store.sqlite.deleting import WAITS, delete_jobs, drop_earlier
from torc_frames.store.sqlite.keys import check_lengths, find_all, find_one, find_workflow_id, id_list, texts

__all__ = ["SQLiteJobs"]

_COLUMNS = "id, workflow_id, name, command, status, num_cpus, num_gpus, memory, runtime, run_id, rev"

_DEPENDENTS = """
    WITH RECURSIVE dependent (id) AS (
        SELECT job_id FROM dependency WHERE depends_on_id = :job
        UNION
        SELECT job_id FROM dependent JOIN dependency ON depends_on_id = dependent.id
    )
"""
_TO_RESET = """
    WITH RECURSIVE hit (id) AS (
        SELECT id FROM job
        WHERE id IN (SELECT value FROM json_each(:jobs)) AND status NOT IN ('ready', 'blocked')
        UNION
        SELECT job.id FROM hit JOIN dependency ON depends_on_id = hit.id JOIN job ON job.id = job_id
        WHERE job.status = 'canceled'
    )
    SELECT id FROM hit
"""


class SQLiteJobs:
    """What a store does with jobs and their runs."""

    path: str
    _connections: Connections

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`."""
        with self._connections.reading() as connection:
            workflow = None
            if workflow_key is not None:
                workflow = find_workflow_id(connection, workflow_key, self.path)
            return _job(find_one(connection, "job", workflow, job_key, _COLUMNS))

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """See `Store.add_jobs`."""
        total = len(jobs)
        columns = {name: getattr(jobs, name) for name in ("commands", "inputs", "depends_on", "resources")}
        for name, values in (columns | {f"{role} links": rows for role, rows in jobs.links.items()}).items():
            if values is not None and len(values) != total:
                raise RefusedError(f"{len(values)} {name} for {total} jobs")
        inputs = texts(jobs.inputs, "inputs")
        with self._connections.write(workflow_key) as write:
            if not total:
                return AddedJobs([], [], [])
            first = write.next_id("job", total)
            ids = range(first, first + total)
            statuses, dependencies = _dependencies(write, jobs, ids)
            _insert_jobs(write, jobs, ids, statuses)
            write.connection.executemany("INSERT INTO dependency VALUES (?, ?)", dependencies)
            record = count(write.next_id("user_data", 2 * total))
            input_ids = [None if item is None else next(record) for item in jobs.inputs]
            output_ids = [next(record) if jobs.outputs else None for _ in ids]
            _insert_records(write, jobs.names, ids, input_ids, inputs, INPUT)
            _insert_records(write, jobs.names, ids, output_ids, ["{}"] * total, OUTPUT)
            _insert_links(write, jobs, ids)
        return AddedJobs(list(map(str, ids)), _keys(input_ids), _keys(output_ids))

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """See `Store.update_commands`."""
        check_lengths(commands=commands, job_keys=job_keys)
        with self._connections.write(workflow_key) as write:
            rows = find_all(write.connection, "job", write.workflow_id, job_keys)
            if not rows:
                return
            rev = write.rev()
            # A running job keeps its rev, by which it knows what its run has stored.
            write.connection.executemany(
                "UPDATE job SET command = ?, rev = CASE status WHEN 'running' THEN rev ELSE ? END "
                "WHERE id = ?",
                [(text, rev, rows[str(key)][0]) for key, text in zip(job_keys, commands, strict=True)],
            )
            tell(report, len(job_keys))

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """See `Store.delete_jobs`."""
        with self._connections.write(workflow_key) as write:
            tell(report, delete_jobs(write, job_keys))

    def start_jobs(self, workflow_key: str, job_keys: Sequence[str], runner: str) -> list[JobRecord]:
        """See `RunnableStore.start_jobs`."""
        with self._connections.write(workflow_key) as write:
            rows = find_all(write.connection, "job", write.workflow_id, job_keys, "id, status")
            ready = [number for number, status in rows.values() if status == READY]
            if not ready:
                return []
            started = write.connection.execute(
                "UPDATE job SET status = ?, run_id = run_id + 1, runner = ?, rev = ? "
                f"WHERE id IN (SELECT value FROM json_each(?)) RETURNING {_COLUMNS}",
                (RUNNING, runner, write.rev(), id_list(ready)),
            ).fetchall()
            jobs = {row[0]: _job(row) for row in started}
            return [jobs[number] for number in ready]

    def finish_job(self, workflow_key: str, result: RunResult) -> None:
        """See `RunnableStore.finish_job`."""
        if result.status not in (COMPLETED, FAILED, CANCELED):
            raise RefusedError(f"a run can not end as {result.status!r}")
        with self._connections.write(workflow_key) as write:
            _finish(write, result)

    def drop_outputs(self, workflow_key: str, job_key: str, run_id: int | None = None) -> None:
        """See `RunnableStore.drop_outputs`."""
        with self._connections.write(workflow_key) as write:
            columns = "id, status, run_id, rev"
            row = find_one(write.connection, "job", write.workflow_id, job_key, columns)
            job, status, current, since = row
            if run_id is not None and run_id != current:
                raise ConflictError(
                    f"job {job} was started anew as run {current}; nothing of run {run_id} is stored"
                )
            if status == RUNNING:
                drop_earlier(write, job, since)

    def reset_jobs(self, workflow_key: str, job_keys: Sequence[str]) -> None:
        """See `RunnableStore.reset_jobs`."""
        with self._connections.write(workflow_key) as write:
            connection = write.connection
            found = find_all(connection, "job", write.workflow_id, job_keys)
            asked = id_list(number for (number,) in found.values())
            hit = [number for (number,) in connection.execute(_TO_RESET, {"jobs": asked})]
            if not hit:
                return
            values = {"jobs": id_list(hit), "rev": write.rev()}
            hit_jobs = "(SELECT value FROM json_each(:jobs))"
            connection.execute(
                f"UPDATE job SET status = 'blocked', runner = NULL, rev = :rev WHERE id IN {hit_jobs}", values
            )
            connection.execute(
                f"UPDATE job SET status = 'ready' WHERE id IN {hit_jobs} AND NOT {WAITS}", values
            )
            connection.execute(
                "UPDATE job SET status = 'blocked', rev = :rev WHERE status = 'ready' "
                f"AND id IN (SELECT job_id FROM dependency WHERE depends_on_id IN {hit_jobs})",
                values,
            )

    def add_runs(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        statuses: Sequence[str],
        run_ids: Sequence[int],
        results: ResultPage,
        calls: Sequence[RunCall] = (),
    ) -> None:
        """See `RunnableStore.add_runs`."""
        check_lengths(job_keys=job_keys, statuses=statuses, run_ids=run_ids)
        with self._connections.write(workflow_key) as write:
            connection, workflow = write.connection, write.workflow_id
            jobs = find_all(connection, "job", workflow, [*job_keys, *results.job_keys])
            rev, ids = write.rev(), [jobs[str(key)][0] for key in job_keys]
            connection.executemany(
                "UPDATE job SET status = ?, run_id = ?, rev = ? WHERE id = ?",
                zip(statuses, run_ids, repeat(rev), ids, strict=False),
            )
            connection.execute(
                f"UPDATE job SET status = CASE WHEN {WAITS} THEN 'blocked' ELSE 'ready' END "
                "WHERE id IN (SELECT value FROM json_each(?)) "
                "AND status IN ('uninitialized', 'blocked', 'ready', 'pending', 'running')",
                (id_list(ids),),
            )
            added = [note(write, call.runner, call.details, call.started, call.ended) for call in calls]
            columns = (
                results.run_ids,
                results.statuses,
                results.return_codes,
                results.start_times,
                results.end_times,
                [None if at is None else added[at] for at in results.more.get("call", [None] * len(results))],
            )
            connection.executemany(
                "INSERT INTO result "
                "(id, workflow_id, job_id, run_id, status, return_code, start_time, end_time, call_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                zip(
                    count(write.next_id("result", len(results))),
                    repeat(workflow),
                    (jobs[str(key)][0] for key in results.job_keys),
                    *columns,
                    strict=False,
                ),
            )
            # A server shows none of the runs of a job that was reset: the next one here comes after them.
            connection.execute(
                "UPDATE job SET run_id = max(run_id, ifnull((SELECT max(run_id) FROM result "
                "WHERE job_id = job.id), 0)) WHERE id IN (SELECT value FROM json_each(?))",
                (id_list(ids),),
            )

    def runners(self, workflow_key: str) -> dict[str, str]:
        """See `RunnableStore.runners`."""
        with self._connections.reading() as connection:
            workflow = find_workflow_id(connection, workflow_key, self.path)
            rows = connection.execute(
                "SELECT id, runner FROM job WHERE workflow_id = ? AND status = 'running' ORDER BY id",
                (workflow,),
            ).fetchall()
        return {str(job): runner for job, runner in rows}


def _job(row: Sequence[Any]) -> JobRecord:
    key, workflow, name, command, status, num_cpus, num_gpus, memory, runtime, run_id, rev = row
    resources = Resources(num_cpus, num_gpus, memory, runtime)
    return JobRecord(str(key), str(workflow), name, command, status, resources, run_id, rev and str(rev))


def _keys(ids: Sequence[int | None]) -> list[str | None]:
    return [None if key is None else str(key) for key in ids]


def _dependencies(write: Write, jobs: NewJobs, ids: range) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the status of each new job, and which job waits for which."""
    if jobs.depends_on is None:
        return [READY] * len(ids), []
    wanted = list(dict.fromkeys(chain.from_iterable(jobs.depends_on)))
    others = find_all(write.connection, "job", write.workflow_id, wanted, "id, status")
    statuses, pairs = [], []
    for job, keys in zip(ids, jobs.depends_on, strict=True):
        awaited = dict(others[str(key)] for key in keys)
        pairs += [(job, other) for other in awaited]
        statuses.append(READY if all(status == COMPLETED for status in awaited.values()) else BLOCKED)
    return statuses, pairs


def _insert_jobs(write: Write, jobs: NewJobs, ids: range, statuses: list[str]) -> None:
    needs = jobs.resources or [Resources()] * len(ids)
    write.connection.executemany(
        "INSERT INTO job (id, name, command, status, num_cpus, num_gpus, memory, runtime, workflow_id, rev) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        zip(
            ids,
            jobs.names,
            jobs.commands,
            statuses,
            [need.num_cpus for need in needs],
            [need.num_gpus for need in needs],
            [need.memory for need in needs],
            [need.runtime for need in needs],
            repeat(write.workflow_id),
            repeat(write.rev()),
        ),
    )


def _insert_records(
    write: Write,
    names: Sequence[str],
    jobs: range,
    records: Sequence[int | None],
    data: Sequence[str | None],
    role: Role,
) -> None:
    """Insert the records that have an id, one a job, and their links."""
    rev, workflow = write.rev(), write.workflow_id
    write.connection.executemany(
        "INSERT INTO user_data (id, workflow_id, name, data, rev) VALUES (?, ?, ?, ?, ?)",
        (
            (record, workflow, f"{role}_{name}", text, rev)
            for record, name, text in zip(records, names, data, strict=True)
            if record is not None
        ),
    )
    write.connection.executemany(
        "INSERT INTO link (job_id, record_id, role) VALUES (?, ?, ?)",
        ((job, record, role) for job, record in zip(jobs, records, strict=True) if record is not None),
    )


def _insert_links(write: Write, jobs: NewJobs, ids: range) -> None:
    """Insert the links to records that exist already."""
    wanted = list(dict.fromkeys(key for rows in jobs.links.values() for keys in rows for key in keys))
    records = find_all(write.connection, "user_data", write.workflow_id, wanted)
    # Whose record it is has changed, so that it comes with what changed since.
    write.connection.execute(
        "UPDATE user_data SET document_rev = ifnull(document_rev, rev), rev = ? "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (write.rev(), id_list(record for (record,) in records.values())),
    )
    write.connection.executemany(
        "INSERT INTO link (job_id, record_id, role) VALUES (?, ?, ?)",
        (
            (job, records[str(key)][0], role)
            for role, rows in jobs.links.items()
            for job, keys in zip(ids, rows, strict=True)
            for key in dict.fromkeys(keys)
        ),
    )


def _finish(write: Write, result: RunResult) -> None:
    connection, workflow = write.connection, write.workflow_id
    columns = "id, status, run_id, rev"
    job, status, run_id, start_rev = find_one(connection, "job", workflow, result.job_key, columns)
    if status != RUNNING or run_id != result.run_id:
        raise ConflictError(
            f"run {result.run_id} of job {job} can not end: the job is {status}, its run is {run_id}"
        )
    values = {"job": job, "status": result.status, "rev": write.rev()}
    connection.execute(
        "INSERT INTO result "
        "(id, workflow_id, job_id, run_id, status, return_code, start_time, end_time, start_rev, call_id) "
        "SELECT ?, ?, id, ?, ?, ?, ?, ?, ?, "
        "(SELECT id FROM call WHERE workflow_id = job.workflow_id AND runner = job.runner) "
        "FROM job WHERE id = ?",
        (
            *(write.next_id("result"), workflow, run_id, result.status, result.return_code),
            *(result.start_time, result.end_time, start_rev, job),
        ),
    )
    connection.execute("UPDATE job SET status = :status, runner = NULL, rev = :rev WHERE id = :job", values)
    if result.status == COMPLETED:
        connection.execute(
            "UPDATE job SET status = 'ready', rev = :rev WHERE status = 'blocked' "
            f"AND id IN (SELECT job_id FROM dependency WHERE depends_on_id = :job) AND NOT {WAITS}",
            values,
        )
    else:
        drop_earlier(write, job, start_rev)
        connection.execute(
            f"{_DEPENDENTS} UPDATE job SET status = 'canceled', rev = :rev "
            "WHERE status IN ('ready', 'blocked') AND id IN (SELECT id FROM dependent)",
            values,
        )
