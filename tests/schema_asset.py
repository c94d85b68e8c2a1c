"""Makes the database of the present schema that is kept as a test asset.

Run ``python tests/schema_asset.py`` once, when a schema is new and before it is released, and commit
the file: later versions of the package must go on reading it. Never make an older one anew.
"""

from __future__ import annotations

from pathlib import Path

from torc_frames.records import NewJobs, Resources, RunResult
from torc_frames.store.sqlite import schema
from torc_frames.store.sqlite.store import SQLiteStore

DATA = Path(__file__).parent / "data"


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
    (job, _) = store.start_jobs(workflow.key, first.job_keys, "host:1")
    times = "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:09+00:00"
    store.finish_job(workflow.key, RunResult(job.key, job.run_id, "completed", 0, *times))
    store.update_user_data(workflow.key, [str(first.output_keys[0]), free], [b'{"loss":0.5}', b"null"])
    store.close()


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    make(DATA / f"schema-{schema.VERSION}.db")
