"""Deleting jobs, records and outputs of earlier runs, and what that changes of others."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Sequence

from torc_frames.store.deleting import check
from torc_frames.store.sqlite.connections import Write
from torc_frames.store.sqlite.keys import find_all, id_list

__all__ = [
    "WAITS",
    "delete_jobs",
    "drop_earlier",
    "release",
    "remove_jobs",
    "remove_records",
    "touch",
    "touch_of_jobs",
]

WAITS = """
    EXISTS (
        SELECT 1 FROM dependency JOIN job AS other ON other.id = dependency.depends_on_id
        WHERE dependency.job_id = job.id AND other.status <> 'completed'
    )
"""

_THESE = "(SELECT value FROM json_each(:ids))"
_WAITING = f"""
    SELECT job_id, depends_on_id FROM dependency
    WHERE depends_on_id IN {_THESE} AND job_id NOT IN {_THESE} ORDER BY depends_on_id, job_id
"""
_OWN_RECORDS = f"""
    SELECT DISTINCT record_id FROM link WHERE job_id IN {_THESE} AND NOT EXISTS (
        SELECT 1 FROM link AS other
        WHERE other.record_id = link.record_id AND other.job_id NOT IN {_THESE}
    )
"""


_OTHER = "SELECT 1 FROM link AS other WHERE other.record_id = link.record_id"
# What is an input of the job itself, or an output of another one, too, is not its alone to lose. What was
# written between its runs is somebody's who looked at the job.
_EARLIER = f"""
    SELECT user_data.id, user_data.name = 'output_' || job.name OR EXISTS ({_OTHER} AND job_id <> link.job_id)
    FROM link JOIN user_data ON user_data.id = record_id JOIN job ON job.id = job_id
    WHERE job_id = :job AND role = 'output' AND EXISTS (
            SELECT 1 FROM run WHERE run.job_id = :job AND end_rev <= :since
            AND start_rev < ifnull(user_data.document_rev, user_data.rev)
            AND end_rev >= ifnull(user_data.document_rev, user_data.rev)
        )
        AND ifnull(data, 'null') NOT IN ('null', '{{}}')
        AND NOT EXISTS ({_OTHER} AND (job_id = link.job_id) <> (ifnull(role, '') = 'output'))
"""


def delete_jobs(write: Write, job_keys: Sequence[str]) -> int:
    """Delete jobs, and return how many; see `torc_frames.store.base.Store.delete_jobs`."""
    rows = find_all(write.connection, "job", write.workflow_id, job_keys, "id, status")
    if not rows:
        return 0
    ids = [number for number, _ in rows.values()]
    values = {"ids": id_list(ids)}
    waits = [(str(job), str(awaited)) for job, awaited in write.rows(_WAITING, values)]
    statuses = {str(number): status for number, status in rows.values()}
    check(list(statuses), statuses, waits)
    records = [record for (record,) in write.rows(_OWN_RECORDS, values)]
    if records:
        remove_records(write, records)
    remove_jobs(write, ids)
    return len(ids)


def remove_jobs(write: Write, ids: Sequence[int]) -> None:
    """Delete jobs with their edges; those that waited for nothing else are ready then."""
    values = {"jobs": id_list(ids)}
    touch_of_jobs(write, ids)
    sql = "SELECT job_id FROM dependency WHERE depends_on_id IN (SELECT value FROM json_each(:jobs))"
    waiting = [job for (job,) in write.rows(sql, values)]
    write.rows("DELETE FROM job WHERE id IN (SELECT value FROM json_each(:jobs))", values)
    release(write, waiting)


def remove_records(write: Write, ids: Sequence[int]) -> None:
    """Delete records, and keep which, so that pulls hear of it."""
    values = {"rev": write.rev(), "ids": id_list(ids)}
    write.rows(
        "INSERT INTO removed_user_data (workflow_id, rev, record_id) "
        "SELECT :workflow, :rev, value FROM json_each(:ids)",
        values,
    )
    write.rows("DELETE FROM user_data WHERE id IN (SELECT value FROM json_each(:ids))", values)


def touch(write: Write, records: Sequence[int]) -> None:
    """Let pulls see records as changed, since their rows show their jobs; as documents they stay the same."""
    write.rows(
        "UPDATE user_data SET document_rev = ifnull(document_rev, rev), rev = :rev "
        "WHERE rev <> :rev AND id IN (SELECT value FROM json_each(:records))",
        {"rev": write.rev(), "records": id_list(records)},
    )


def touch_of_jobs(write: Write, jobs: Sequence[int]) -> None:
    """Let pulls see the records of jobs as changed; see `touch`."""
    sql = "SELECT record_id FROM link WHERE job_id IN (SELECT value FROM json_each(:jobs))"
    touch(write, [record for (record,) in write.rows(sql, {"jobs": id_list(jobs)})])


def release(write: Write, ids: Sequence[int]) -> None:
    """Make those of some jobs ready that are blocked and wait for nothing."""
    if ids:
        write.rows(
            "UPDATE job SET status = 'ready', rev = :rev WHERE status = 'blocked' "
            f"AND id IN (SELECT value FROM json_each(:jobs)) AND NOT {WAITS}",
            {"rev": write.rev(), "jobs": id_list(ids)},
        )


def drop_earlier(write: Write, job: int, since: int) -> None:
    """Delete the outputs of a job's runs that ended before a rev; what others know by its key is emptied."""
    found = write.rows(_EARLIER, {"job": job, "since": since})
    known = [record for record, is_known in found if is_known]
    others = [record for record, is_known in found if not is_known]
    if known:
        write.rows(
            "UPDATE user_data SET data = '{}', rev = :rev, document_rev = NULL "
            "WHERE id IN (SELECT value FROM json_each(:ids))",
            {"rev": write.rev(), "ids": id_list(known)},
        )
    if others:
        remove_records(write, others)
