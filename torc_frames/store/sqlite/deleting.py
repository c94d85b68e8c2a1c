"""Deleting jobs of the embedded store, and the records that only they have."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from collections.abc import Sequence

from torc_frames.store.deleting import check
from torc_frames.store.sqlite.connections import Write
from torc_frames.store.sqlite.documents.jobs import Jobs
from torc_frames.store.sqlite.documents.records import UserData
from torc_frames.store.sqlite.documents.rows import Place
from torc_frames.store.sqlite.keys import find_all, id_list

__all__ = ["delete_jobs"]

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


def delete_jobs(write: Write, job_keys: Sequence[str]) -> int:
    """Delete jobs, and return how many; see `torc_frames.store.base.Store.delete_jobs`."""
    rows = find_all(write.connection, "job", write.workflow_id, job_keys, "id, status")
    if not rows:
        return 0
    ids = [number for number, _ in rows.values()]
    place = Place(write.connection, write.workflow_id, "")
    values = {"ids": id_list(ids)}
    waits = [(str(job), str(awaited)) for job, awaited in place.rows(_WAITING, values)]
    statuses = {str(number): status for number, status in rows.values()}
    check(list(statuses), statuses, waits)
    records = [record for (record,) in place.rows(_OWN_RECORDS, values)]
    if records:
        UserData().remove(place, records)
    Jobs().remove(place, ids)
    return len(ids)
