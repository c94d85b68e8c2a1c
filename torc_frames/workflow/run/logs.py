"""Where jobs' stdout and stderr are: beside the file of a store, or where torc's runner put them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from torc_frames import settings
from torc_frames.settings.regular import open_regular

__all__ = ["TORC_OUTPUT", "error_files", "job_stem", "said_by_runner", "torc_error_files"]

TORC_OUTPUT = Path("torc_output")
"""The folder of outputs, in the working directory, of torc's runner."""

_ATTEMPT = re.compile(r"_a([0-9]+)\.(e|log)")


def job_stem(workflow_key: str, job_key: str, run_id: int) -> str:
    """Return how the names of the files of a run begin, ours and torc's."""
    return f"job_wf{workflow_key}_j{job_key}_r{run_id}"


def torc_error_files(output_dir: Path, stem: str) -> list[Path]:
    """Return the files of errors that torc's runner left of a run, the last attempt first.

    Where a workflow has stdout and stderr go into one file, that is it.
    """
    folder = output_dir / "job_stdio"
    found = [(path, _ATTEMPT.fullmatch(path.name.removeprefix(stem))) for path in folder.glob(f"{stem}_a*")]
    attempts = [(int(match[1]), match[2] == "e", path) for path, match in found if match]
    return [path for _, _, path in sorted(attempts, reverse=True)]


def said_by_runner(output_dir: Path, workflow_key: str, job_key: str) -> str:
    """Return the last complaint of torc's runner about a job, "" without one.

    Of a job that lacks a declared output file, or used too much memory, nothing else tells why it failed.
    """
    about = re.compile(rf"\[\S+ (?:WARN|ERROR) [^\]]*\] (.*\b(?:job_id=|job ){re.escape(job_key)}\b.*)")
    logs = output_dir.glob(f"job_runner_*_wf{workflow_key}_r*.log")
    for path in sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True):
        with open_regular(path) as file:
            found = about.findall(file.read().decode(errors="replace"))
        if found:
            return str(found[-1])
    return ""


def error_files(url: str, workflow_key: str, job_key: str, run_id: int) -> Iterator[Path]:
    """Yield where the errors of a run may be, if they are on this machine."""
    if not (job_key.isalnum() and workflow_key.isalnum()):
        return
    stem = job_stem(workflow_key, job_key, run_id)
    database = settings.database_path(url)
    if database is not None:
        yield Path(database).absolute().parent / TORC_OUTPUT / Path(database).stem / f"{stem}.e"
    yield from torc_error_files(TORC_OUTPUT, stem)
