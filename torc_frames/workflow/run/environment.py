"""The environment that the process of a job gets."""

from __future__ import annotations

import os

from torc_frames.settings import (
    API_URL,
    ATTEMPT_ID,
    DATABASE_URL,
    JOB_ID,
    JOB_KEY,
    JOB_NAME,
    OUTPUT_DIR,
    RUN_ID,
    WORKFLOW_ID,
    WORKFLOW_KEY,
    WORKFLOW_SUBMISSION_DIR,
    absolute_url,
    is_secret,
)
from torc_frames.store.records import JobRecord

__all__ = ["environment_for"]


def environment_for(
    job: JobRecord, url: str, output_dir: str | os.PathLike[str], submission_dir: str | os.PathLike[str]
) -> dict[str, str]:
    """Return the environment for the process of one job of an embedded store: this process's, and the job's.

    Both names of each key are set, and both urls, so that nothing of an enclosing job shines through. Torc's
    passwords, cookies and tokens are left out: an embedded store needs none.
    """
    absolute = absolute_url(url)
    return {name: value for name, value in os.environ.items() if not is_secret(name, value)} | {
        API_URL: absolute,
        DATABASE_URL: absolute,
        WORKFLOW_KEY: job.workflow_key,
        WORKFLOW_ID: job.workflow_key,
        JOB_KEY: job.key,
        JOB_ID: job.key,
        JOB_NAME: job.name,
        RUN_ID: str(job.run_id),
        ATTEMPT_ID: "1",
        OUTPUT_DIR: os.path.abspath(output_dir),
        WORKFLOW_SUBMISSION_DIR: os.path.abspath(submission_dir),
    }
