"""Makes the database of the present schema that is kept as a test asset.

Run ``python tests/schema_asset.py`` once, when a schema is new and before it is released, and commit
the file: later versions of the package must go on reading it. Never make an older one anew.
"""

from __future__ import annotations

from pathlib import Path

from documents import Documents
from places import DATA

from torc_frames.store.records import NewJobs, Resources, RunResult, SeriesChunk
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import Form

FIRST, LATER = Form.FIRST, Form.LATER


def make(path: Path) -> None:
    """Write a database that has a row in every table."""
    store = SQLiteStore(path)
    workflow = store.add_workflow(
        "ridge", user="ada", description="a study", metadata={"torc_frames": {"v": 1}}
    )
    first = store.add_jobs(
        workflow.key,
        NewJobs(
            ["a", "b"],
            ["python run.py --alpha 0.1", "python run.py --alpha 10"],
            [b'{"alpha":0.1}', b'{"alpha":10}'],
            outputs=True,
            resources=[Resources(), Resources(4, 1, "2g", "PT1H")],
        ),
    )
    store.add_jobs(workflow.key, NewJobs(["sum"], ["python sum.py"], [None], depends_on=[first.job_keys]))
    free, doomed = store.add_user_data(workflow.key, [b"null", b'"gone"'], names=["note", None])
    store.add_user_data(workflow.key, [b"[1,2.50]"], job_keys=[first.job_keys[0]], is_ephemeral=True)
    store.delete_user_data(workflow.key, [doomed])
    store.note_call(workflow.key, "host:1", {"host": "host", "git_clean": True}, ended=None)
    (job, _) = store.start_jobs(workflow.key, first.job_keys, "host:1")
    times = "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:09+00:00"
    store.finish_job(workflow.key, RunResult(job.key, job.run_id, "completed", 0, *times))
    rows = '{"epoch":0,"loss":null}\n{"epoch":1,"loss":0.5}'
    store.add_series(workflow.key, [SeriesChunk("1", 1, 1, "w", 0, [5, 1], [(0, ["loss"], "inf")], rows)])
    store.update_user_data(workflow.key, [str(first.output_keys[0]), free], [b'{"loss":0.5}', b"null"])
    _add_documents(Documents(store))
    store.close()


def _add_documents(documents: Documents) -> None:
    """Write what only clients of the dialect of 2023 make."""
    for form, collection, workflow, body in (
        (LATER, "workflows", None, b'{"_key":"own","name":"dialect","is_archived":true}'),
        (FIRST, "jobs", "own", b'{"_key":"first","command":"true","interruptible":true}'),
        (FIRST, "user_data", "own", b'{"_key":"record","n":12345678901234567890}'),
        (FIRST, "files", "own", b'{"path":"in.csv"}'),
        (FIRST, "events", "own", b'{"_key":"begun"}'),
        (FIRST, "resource_requirements", "own", b'{"name":"big","num_cpus":4}'),
        (
            *(FIRST, "results", "own"),
            b'{"_key":"r","job_key":"first","run_id":1,"return_code":0,"exec_time_minutes":1.50,'
            b'"completion_time":"2026-01-01T00:00:00+00:00","status":"done"}',
        ),
    ):
        documents.add(form, collection, workflow, body)
    ends = b'{"_from":"jobs__own/first","_to":"resource_requirements__own/3"}'
    documents.add_edge("own", "requires", ends)
    documents.update(FIRST, "jobs", "own", "first", b'{"_key":"first","_rev":"2","status":"done"}')


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    make(DATA / f"schema-{schema.VERSION}.db")
