"""Which jobs of an embedded store show results of other parameters than they have now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torc_frames.store.sqlite.keys import id_list

__all__ = ["stale_jobs"]

_LAST = 2**63 - 1
_FEW = 20_000

Fetch = Callable[[str, Mapping[str, object]], list[Any]]

# No job is stale whose parameters are older than all runs and all results: most often, that is all of them.
# The rows of one index are gone through for it, where there are outputs, and no data is read but of these.
_OLDEST = """
    SELECT min(
        ifnull((SELECT min(start_rev) FROM result WHERE workflow_id = :workflow), :last),
        ifnull((SELECT min(rev) FROM job WHERE workflow_id = :workflow AND status = 'running'), :last),
        ifnull(CASE WHEN EXISTS (
            SELECT 1 FROM link WHERE ifnull(role, '') = 'output'
            AND job_id BETWEEN (SELECT min(id) FROM job WHERE workflow_id = :workflow)
            AND (SELECT max(id) FROM job WHERE workflow_id = :workflow)
        ) THEN (
            SELECT rev FROM user_data AS record WHERE workflow_id = :workflow
            AND EXISTS (SELECT 1 FROM link WHERE record_id = record.id AND role = 'output')
            AND ifnull(data, 'null') NOT IN ('null', '{}') ORDER BY rev LIMIT 1
        ) END, :last)
    )
"""
_CANDIDATES = """
    SELECT job_id FROM user_data AS record CROSS JOIN link ON record_id = record.id AND role = 'input'
    WHERE workflow_id = :workflow AND record.rev > :oldest
    UNION SELECT job_id FROM result WHERE workflow_id = :workflow AND start_rev IS NULL
"""
# When the parameters changed, when the results that are there were stored, and when the last run began: its
# job keeps its rev for as long as it runs. What only shows other jobs has a document_rev from before that.
_JOBS = """
    WITH seen AS (
        SELECT job.id, job.rev,
            (
                SELECT max(ifnull(document_rev, record.rev)) FROM link
                JOIN user_data AS record ON record.id = record_id
                WHERE job_id = job.id AND role = 'input'
            ) AS changed,
            (
                SELECT max(ifnull(document_rev, record.rev)) FROM link
                JOIN user_data AS record ON record.id = record_id
                WHERE job_id = job.id AND role = 'output' AND ifnull(data, 'null') NOT IN ('null', '{}')
            ) AS stored,
            CASE status WHEN 'running' THEN job.rev ELSE
                (SELECT start_rev FROM result WHERE job_id = job.id ORDER BY run_id DESC LIMIT 1)
            END AS began,
            status = 'running' OR EXISTS (SELECT 1 FROM result WHERE job_id = job.id) AS has_run
        FROM job WHERE id IN (SELECT value FROM json_each(:jobs))
    )
    SELECT id, rev, changed, stored, began, has_run FROM seen
    WHERE changed IS NOT NULL AND CASE WHEN has_run
        THEN began IS NULL OR changed > began OR stored < began ELSE changed > stored
    END
"""
_STARTS = """
    SELECT job_id, start_rev FROM result
    WHERE job_id IN (SELECT value FROM json_each(:jobs)) AND start_rev IS NOT NULL
"""


def stale_jobs(fetch: Fetch, among: Sequence[int] | None = None) -> dict[str, bool | None]:
    """Return the jobs that are stale, and as None those that can't be told; see `Snapshot.stale`.

    Of all jobs, unless it is to be told of a few.
    """
    if among is not None and len(among) <= _FEW:
        candidates = list(among)
    else:
        ((oldest,),) = fetch(_OLDEST, {"last": _LAST})
        candidates = [job for (job,) in fetch(_CANDIDATES, {"oldest": oldest})]
    rows = fetch(_JOBS, {"jobs": id_list(candidates)}) if candidates else []
    starts: dict[int, list[int]] = {}
    older = [job for job, _, _, stored, began, _ in rows if stored and began and stored < began]
    for job, start in fetch(_STARTS, {"jobs": id_list(older)}) if older else ():
        starts.setdefault(job, []).append(start)
    told = {str(row[0]): _is_stale(row, starts.get(row[0], ())) for row in rows}
    return {job: stale for job, stale in told.items() if stale is not False}


def _is_stale(row: Sequence[Any], starts: Iterable[int]) -> bool | None:
    """Return whether parameters changed after the run began whose results are there."""
    _, rev, changed, stored, began, has_run = row
    if stored is not None and changed > stored:
        return True
    if not has_run:
        return False
    if began is None:  # of another store, or of an earlier version
        return True if changed > rev else None
    if stored is None or stored > began:
        return bool(changed > began)
    # The last run has stored nothing.
    before = [start for start in starts if start < stored]
    return bool(changed > max(before)) if before else None
