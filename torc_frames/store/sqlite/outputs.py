"""The outputs of jobs of the embedded store: whose run they are of, and which go with a new run."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from torc_frames.errors import ConflictError
from torc_frames.store.records import RUNNING
from torc_frames.store.sqlite.connections import Write
from torc_frames.store.sqlite.deleting import remove_records
from torc_frames.store.sqlite.keys import find_one, id_list

__all__ = ["drop_earlier", "drop_outputs"]

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


def drop_outputs(write: Write, job_key: str, run_id: int | None) -> None:
    """See `RunnableStore.drop_outputs`."""
    row = find_one(write.connection, "job", write.workflow_id, job_key, "id, status, run_id, rev")
    job, status, current, since = row
    if run_id is not None and run_id != current:
        raise ConflictError(f"job {job} was started anew as run {current}; nothing of run {run_id} is stored")
    if status == RUNNING:
        drop_earlier(write, job, since)


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
