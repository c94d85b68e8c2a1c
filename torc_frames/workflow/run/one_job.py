"""What is seen first of one job: parameters, results, how it ran, and what it said if it failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from torc_frames import settings
from torc_frames.files.pointers import is_pointer, shown_path
from torc_frames.frame.description import Calls, CellTable, Description, Output, Remark, brief
from torc_frames.frame.joining import joined_parameters
from torc_frames.frame.shape import Shape
from torc_frames.frame.typed import typed, types_of
from torc_frames.frame.values import decode_lines
from torc_frames.store.base import SelectiveSnapshot, Snapshot, Store
from torc_frames.store.contents import read_jobs
from torc_frames.store.records import INPUT, OUTPUT, JobRecord, Role
from torc_frames.workflow.pull.runs import runs_frame
from torc_frames.workflow.run.said import FAILURES, last_runs

__all__ = ["describe_job"]

_MOST_JOBS = 2_000
"""Of so many jobs the runs of all are read to find those of one, where a store gives no others."""

_MOST_VALUES = 12
_LOG_LINES = 8


def describe_job(store: Store, workflow_key: str, key: str) -> Description:
    """Return what a job is now, which is not read with the rest of its workflow if that is large."""
    with settings.hurry(), store.snapshot(workflow_key) as snap:
        job = read_jobs(snap, [key])[key]
        values = _values(snap, key)
        some = _with_runs(store, snap, key)
        runs = None if some is None else _runs_of(some, key)
        said = "" if some is None or job.status not in FAILURES else _said(store, some, key, values[OUTPUT])
    return Description(
        f"Job {job.name!r}, key {key} of workflow {workflow_key}: {job.status}",
        *map(Remark, _how(job, runs)),
        *_tables(values),
        Output("it said last", said) if said else None,
        Calls(list(_calls(job))),
    )


def _values(snap: Snapshot, key: str) -> dict[Role, dict[str, Any]]:
    """Return the parameters and the results of a job."""
    pages = list(snap.user_data(job_key=key))
    links = list(snap.links(job_key=key, labels=False)) if pages else []
    found: dict[Role, dict[str, Any]] = {}
    roles: tuple[Role, Role] = (INPUT, OUTPUT)
    for role in roles:
        wanted = {record for page in links for record in page.records_as(role)}
        chosen = [page.only(wanted) for page in pages]
        data = [one for page in chosen for one in decode_lines(page.keys, page.data)]
        found[role] = joined_parameters(data, [name for page in chosen for name in page.names])
    found[INPUT] = typed(found[INPUT], types_of(snap.workflow.metadata))
    return found


def _with_runs(store: Store, snap: Snapshot, key: str) -> Snapshot | None:
    """Return a snapshot whose runs may all be read."""
    if isinstance(snap, SelectiveSnapshot):
        return snap.only([key], 0)
    [counts] = store.count_jobs([snap.workflow.key])
    return snap if sum(counts.values()) <= _MOST_JOBS else None


def _runs_of(snap: Snapshot, key: str) -> pd.DataFrame:
    runs = runs_frame(snap, Shape())
    return runs[runs["job_key"] == key]


def _how(job: JobRecord, runs: pd.DataFrame | None) -> Iterator[str]:
    """Yield how a job ran last."""
    if job.command:
        yield f"command: {job.command}"
    if runs is None:
        yield "how it ran: wf.runs()"
    elif len(runs):
        last = {name: None if pd.isna(value) else value for name, value in runs.iloc[-1].items()}
        told = [f"run {last['run_id']}", f"return code {last['return_code']}"]
        if (minutes := last["exec_time_minutes"]) is not None:
            told.append(f"{minutes * 60:.3g} s")
        if (end := last["end_time"]) is not None:
            told.append(f"until {end:%Y-%m-%d %H:%M:%S} UTC")
        if last["host"] is not None:
            told.append(f"on {last['host']}")
        if last["git_commit"] is not None:
            changes = ", with changes" if last["git_clean"] is not None and not last["git_clean"] else ""
            told.append(f"commit {last['git_commit'][:10]}{changes}")
        yield "; ".join(told)
    elif job.run_id:
        yield f"run {job.run_id}"


def _tables(values: Mapping[Role, Mapping[str, Any]]) -> Iterator[CellTable]:
    for role, called, rest in ((INPUT, "parameter", "job.parameters"), (OUTPUT, "result", "wf.results()")):
        cells = [(name, _shown(value)) for name, value in values[role].items()]
        more = f"and {len(cells) - _MOST_VALUES:,} more: {rest}" if len(cells) > _MOST_VALUES else ""
        if cells:
            yield CellTable((called, "value"), cells[:_MOST_VALUES], more=more)


def _shown(value: Any) -> str:
    if is_pointer(value):
        path = shown_path(value["path"])
        place = f"…{path[-25:]}" if path == value["path"] else path
        return f"a file, {value.get('format')}, {brief(value.get('size'))} bytes: {place}"
    return brief(value)


def _said(store: Store, snap: Snapshot, key: str, results: Mapping[str, Any]) -> str:
    """Return the end of what a job that failed said, or of the error that it stored."""
    for run in last_runs(snap, store.url, [key]):
        if said := run.reason(_LOG_LINES):
            return said
    error = results.get("error")
    told = error.get("traceback") if isinstance(error, Mapping) else None
    return "\n".join(str(told).rstrip().split("\n")[-_LOG_LINES:]) if told else ""


def _calls(job: JobRecord) -> Iterator[tuple[str, str]]:
    if job.run_id:
        yield f"wf.logs({job.key!r}, lines=100)", "the ends of its stdout and stderr"
    if job.status in FAILURES:
        yield f"wf.run(jobs={job.key!r}, rerun='failed')", "runs it again"
    elif not job.command:
        yield "wf.push(wf.parameters(), command='…')", "gives the jobs a command to run"
    elif not job.run_id:
        yield "wf.run()", "runs it with all that wait"
