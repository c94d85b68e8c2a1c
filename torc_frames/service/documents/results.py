"""How runs of jobs of the embedded store ended, as documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.documents.bodies import Attributes, Body, value_of
from torc_frames.service.documents.jobs import JobDocuments
from torc_frames.service.documents.rows import KEY, Collection, Filters, Place, Row
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import RESULTS, Form

__all__ = ["ResultDocuments"]

_COLUMNS = ("job_key", "run_id", "return_code", "status")
_JOB_KEY = f"(SELECT {KEY.format('job')} FROM job WHERE job.id = result.job_id)"  # noqa: S608 (all of it is ours)
_read = msgspec.json.Decoder(Attributes).decode


class ResultDocuments(Collection):
    """The results of a workflow; a run of a job has one."""

    name = RESULTS
    table = "result"
    columns = (
        f"id, document_key, ifnull(document_rev, 0), {_JOB_KEY}, run_id, return_code, status, start_time, "
        "end_time, CAST(attributes AS BLOB)"
    )
    filters: ClassVar[Filters] = {
        form: {**{name: name for name in _COLUMNS}, "job_key": _JOB_KEY} for form in Form
    }

    def document(self, place: Place, form: Form, row: Row) -> bytes:
        """See `Collection.document`."""
        start, end, kept = row[7:]
        document = {
            **self.system(place, row),
            **dict(zip(_COLUMNS, row[3:7], strict=True)),
            "exec_time_minutes": _minutes(start, end),
            "completion_time": end,
        }
        return legacy.encode({**document, **_read(kept or b"{}")})

    def _insert(self, place: Place, form: Form, body: Body, row_id: int, key: str | None) -> None:
        values = self._values(place, row_id, body.attributes)
        place.rows(
            "INSERT INTO result (id, document_key, workflow_id, job_id, run_id, status, return_code, "
            "start_time, end_time, attributes, document_rev) "
            "VALUES (:id, :key, :workflow, :job, :run, :status, :code, :start, :end, :attributes, :rev)",
            {**values, "key": key},
        )

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        whole = {**_read(self.document(place, form, row)), **body.attributes}
        place.rows(
            "UPDATE result SET job_id = :job, run_id = :run, status = :status, return_code = :code, "
            "start_time = :start, end_time = :end, attributes = :attributes, document_rev = :rev "
            "WHERE id = :id",
            self._values(place, row[0], whole),
        )

    def _values(self, place: Place, row_id: int, given: Attributes) -> dict[str, object]:
        job_key, run_id = value_of(given, "job_key"), value_of(given, "run_id")
        job = JobDocuments().find(place, job_key)[0]
        sql = "SELECT 1 FROM result WHERE job_id = :job AND run_id = :run AND id <> :id"
        if place.rows(sql, {"job": job, "run": run_id, "id": row_id}):
            raise RefusedError(f'request body "run_id": run {run_id} of job {job_key} has a result already')
        start, end = _times(value_of(given, "completion_time"), value_of(given, "exec_time_minutes"))
        # Kept as they were sent: the times need not give the same again.
        beside = {name: given[name] for name in ("exec_time_minutes", "completion_time")}
        return {
            **{"id": row_id, "job": job, "run": run_id, "status": value_of(given, "status")},
            **{"code": value_of(given, "return_code"), "start": start, "end": end},
            **{"attributes": str(legacy.encode(beside), "utf-8"), "rev": place.rev()},
        }


def _minutes(start: str, end: str) -> float:
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(minutes=1)
    except (TypeError, ValueError):
        return 0.0


def _times(completion: str, minutes: float) -> tuple[str, str]:
    """Return when a run began and ended, in UTC; a time without a zone is this machine's."""
    try:
        end = datetime.fromisoformat(completion).astimezone(UTC)
        return (end - timedelta(minutes=minutes)).isoformat(), end.isoformat()
    except ValueError:
        raise RefusedError(f'request body "completion_time" must be a time: {completion!r}') from None
    except OverflowError:
        told = f"no run of {minutes} minutes can end at {completion}"
        raise RefusedError(f'request body "exec_time_minutes": {told}') from None
