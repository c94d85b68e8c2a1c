"""What jobs said: the last run of each, and its stdout and stderr, wherever these were put."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from torc_frames.errors import NotFoundError
from torc_frames.settings.regular import open_regular
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.contents import read_calls, read_jobs, read_records
from torc_frames.store.records import FAILED, OUTPUT, PENDING_FAILED, TERMINATED, JobRecord, ResultPage
from torc_frames.workflow.pull.origins import calls_of
from torc_frames.workflow.run.logs import (
    TORC_OUTPUT,
    Stream,
    default_folder,
    files_of_run,
    last_lines,
    output_files,
    said_by_runner,
    visible,
)

__all__ = ["FAILURES", "LastRun", "last_runs", "said_by", "stored_errors"]

FAILURES = (FAILED, TERMINATED, PENDING_FAILED)
"""The statuses of jobs that failed."""

_FEW = 200


@dataclass(frozen=True, slots=True)
class LastRun:
    """The present run of a job, and the folders where its output may be, the likeliest first.

    ``return_code`` and ``since``, when it began, are None where they are not known (yet).
    """

    job: JobRecord
    folders: tuple[Path, ...]
    return_code: int | None = None
    attempt_id: int | None = None
    since: float | None = None

    def files(self, stream: Stream) -> Iterator[Path]:
        """Yield the files of a stream of it that are there."""
        job = self.job
        paths = output_files(self.folders, job.workflow_key, job.key, job.run_id, stream, self.attempt_id)
        return files_of_run(paths, self.since)

    def tail(self, stream: Stream, lines: int) -> str | None:
        """Return the last lines of a stream, None if there is no file of it."""
        return next(
            (found for path in self.files(stream) if (found := last_lines(path, lines)) is not None), None
        )

    def reason(self, lines: int) -> str:
        """Return the last lines of stderr, or what torc's runner says instead; "" if nothing does."""
        if said := self.tail("stderr", lines):
            return said
        folders = [folder for folder in self.folders if folder.is_dir()]
        told = (said_by_runner(folder, self.job.workflow_key, self.job.key) for folder in folders)
        return next(filter(None, told), "")


def last_runs(
    snap: Snapshot, url: str, keys: Sequence[str] | None, output_dir: str | os.PathLike[str] | None = None
) -> list[LastRun]:
    """Return the present runs of jobs that were started, in the order of the jobs, or of the keys.

    Parameters
    ----------
    url : str
        Of the store.
    keys : sequence of str, optional
        Of which jobs; NotFoundError names those that do not exist.
    output_dir : path, optional
        Where to look alone, instead of where calls put the output.
    """
    jobs = read_jobs(snap, keys)
    pages, calls = list(snap.results(latest=True, labels=True)), read_calls(snap)
    ends = _ends(pages, [call.details if call else {} for call in calls_of(pages, calls)])
    told = [call.details.get("output_dir") for call in reversed(calls)]
    beside = default_folder(url)
    usual = [*(Path(one) for one in told if isinstance(one, str)), beside, beside.parent, TORC_OUTPUT]
    runs = []
    for key, job in jobs.items():
        code, attempt, start, own = ends.get((key, job.run_id), (None, None, None, None))
        folders = [Path(output_dir)] if output_dir is not None else [*([Path(own)] if own else []), *usual]
        if job.run_id > 0:
            since = None if start is None else datetime.fromisoformat(start).timestamp()
            absolute = dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders)
            runs.append(LastRun(job, tuple(absolute), code, attempt, since))
    return runs


_End = tuple[int | None, int | None, str | None, str | None]
"""Of a run its return code, attempt, start time, and where its call put its output."""


def _ends(pages: Sequence[ResultPage], details: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], _End]:
    ends: dict[tuple[str, int], _End] = {}
    told = iter(details)
    for page in pages:
        attempts = page.more.get("attempt_id") or [None] * len(page)
        rows = zip(
            page.job_keys, page.run_ids, page.return_codes, attempts, page.start_times, told, strict=False
        )
        for key, run_id, code, attempt, start, known in rows:
            folder = known.get("output_dir")
            ends[key, run_id] = (code, attempt, start, folder if isinstance(folder, str) else None)
    return ends


def stored_errors(snap: Snapshot, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return, by job, the texts of ``error`` in its results, as a mapped function leaves them that raised."""
    found = read_records(snap, OUTPUT, keys if len(keys) <= _FEW else None)
    wanted = set(keys)
    errors: dict[str, dict[str, str]] = {}
    for record, key in found.of_jobs(key for key in found.of_job if key in wanted):
        data = found.data(record)
        told = data.get("error") if isinstance(data, dict) else None
        if isinstance(told, dict):
            texts = {name: visible(text) for name, text in told.items() if isinstance(text, str)}
            errors[key] = {**errors.get(key, {}), **texts}
    return errors


def said_by(store: Store, workflow_key: str, job_key: str, stream: Stream) -> str:
    """Return all that a job's present run wrote to a stream; see `Job.stdout`."""
    with store.snapshot(workflow_key) as snap:
        runs = last_runs(snap, store.url, [job_key])
    if not runs:
        raise NotFoundError(stream, [job_key], hint="it has not been run", by="of job")
    [run] = runs
    for path in run.files(stream):
        with suppress(OSError), open_regular(path) as file:
            return file.read().decode(errors="replace")
    looked = ", ".join(dict.fromkeys(map(str, run.folders)))
    hint = (
        f"run {run.job.run_id} left no such file here that can be read, or it was deleted; of a mapped "
        "function `results` has error.traceback"
    )
    raise NotFoundError(stream, [job_key], looked, hint, by="of job")
