"""The TORC_* environment variables: read here, and made here for the jobs that are run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torc_frames.errors import NotInJobError, RefusedError
from torc_frames.records import JobRecord

__all__ = [
    "API_URL",
    "ATTEMPT_ID",
    "DATABASE_URL",
    "DEFAULT_URL",
    "JOB_ID",
    "JOB_KEY",
    "JOB_NAME",
    "OUTPUT_DIR",
    "RUN_ID",
    "WORKFLOW_ID",
    "WORKFLOW_KEY",
    "WORKFLOW_SUBMISSION_DIR",
    "JobEnvironment",
    "absolute_url",
    "database_path",
    "default_url",
    "environment_for",
    "job_environment",
]

API_URL = "TORC_API_URL"
DATABASE_URL = "TORC_DATABASE_URL"
WORKFLOW_KEY = "TORC_WORKFLOW_KEY"
WORKFLOW_ID = "TORC_WORKFLOW_ID"
JOB_KEY = "TORC_JOB_KEY"
JOB_ID = "TORC_JOB_ID"
JOB_NAME = "TORC_JOB_NAME"
RUN_ID = "TORC_RUN_ID"
ATTEMPT_ID = "TORC_ATTEMPT_ID"
OUTPUT_DIR = "TORC_OUTPUT_DIR"
WORKFLOW_SUBMISSION_DIR = "TORC_WORKFLOW_SUBMISSION_DIR"

DEFAULT_URL = "torc_frames.db"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_OPTIONS = re.compile(r"\?\w+=")
_SQLITE_FORMS = "a path, sqlite:///relative.db or sqlite:////absolute.db"


@dataclass(frozen=True, slots=True)
class JobEnvironment:
    """Which job a process is, as its environment says.

    ``workflow_key`` and ``run_id`` are None where the environment does not tell.
    """

    url: str
    workflow_key: str | None
    job_key: str
    run_id: int | None = None


def default_url() -> str:
    """Return the url of the store to use when none is given.

    TORC_API_URL, or the older TORC_DATABASE_URL, or ``torc_frames.db`` in the working directory.
    A variable that is set but empty counts as not set.
    """
    return _first(API_URL, DATABASE_URL) or DEFAULT_URL


def job_environment() -> JobEnvironment:
    """Return which job this process is.

    Raises
    ------
    NotInJobError
        If the environment does not name a job, or names no store and there is no default one in the
        working directory.
    """
    url, job_key = _first(API_URL, DATABASE_URL), _first(JOB_KEY, JOB_ID)
    if url is None and os.path.exists(DEFAULT_URL):
        url = DEFAULT_URL
    missing = [f"{API_URL} (or {DATABASE_URL})"] if url is None else []
    missing += [f"{JOB_KEY} (or {JOB_ID})"] if job_key is None else []
    if url is None or job_key is None:
        raise NotInJobError(
            f"this process is not a job: {' and '.join(missing)} not set; to try a script outside a job, "
            f"name a store and one of its jobs: {API_URL}=study.db {JOB_KEY}=1 python run.py"
        )
    run_id = _first(RUN_ID)
    return JobEnvironment(
        url=url,
        workflow_key=_first(WORKFLOW_KEY, WORKFLOW_ID),
        job_key=job_key,
        run_id=int(run_id) if run_id is not None and run_id.isdecimal() else None,
    )


def environment_for(
    job: JobRecord, url: str, output_dir: str | os.PathLike[str], submission_dir: str | os.PathLike[str]
) -> dict[str, str]:
    """Return the whole environment for the process of one job: this process's, and the job's variables.

    Both names of each key are set, and both urls, so that nothing of an enclosing job shines through.
    """
    absolute = absolute_url(url)
    return _with_own_python(os.environ) | {
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


def _with_own_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Put a virtual environment's folder of programs on the PATH, as activating it does.

    A notebook's kernel is often started from one that is not active.
    """
    folder, path = os.path.dirname(sys.executable), environment.get("PATH", os.defpath)
    if sys.prefix == sys.base_prefix or folder in path.split(os.pathsep):
        return dict(environment)
    return {**environment, "PATH": folder + os.pathsep + path}


def absolute_url(url: str) -> str:
    """Return the url with the path of an embedded store made absolute; others as they are."""
    path = database_path(url)
    if path is None:
        return url
    absolute = os.path.abspath(path)
    return f"sqlite:///{absolute}" if url.startswith("sqlite:") else absolute


def database_path(url: str) -> Path | None:
    """Return the file of an embedded store's url, or None for a url of another kind.

    Raises
    ------
    RefusedError
        For an embedded store that is not a plain file.

    Examples
    --------
    >>> str(database_path("sqlite:///study.db"))
    'study.db'
    >>> database_path("http://localhost:8080/torc-service/v1") is None
    True
    """
    scheme = _SCHEME.match(url)
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:///")
        if path == url or not path or _OPTIONS.search(path):
            raise RefusedError(f"a store is {_SQLITE_FORMS} (without options)")
    elif scheme is not None:
        return None
    else:
        path = url
    if not path or path.startswith(":memory:"):
        raise RefusedError(f"a store is a file, so that jobs can open it too: {_SQLITE_FORMS}")
    return Path(path)


def _first(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
