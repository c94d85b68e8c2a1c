"""What is seen first of a store and of a workflow: counts, ranges, and what one may call next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd

from torc_frames import settings
from torc_frames.errors import RefusedError, counted
from torc_frames.frame import recorded
from torc_frames.frame.description import Calls, CellTable, Counts, Description, Remark, brief
from torc_frames.frame.shape import Shape
from torc_frames.frame.tabulation.extents import extent, parameters_seen, results_seen
from torc_frames.store.base import RunnableStore, SelectiveSnapshot, SettingsStore, Snapshot, Store
from torc_frames.store.records import COMPLETED, PENDING, RUNNING, UNSUCCESSFUL, WorkflowRecord
from torc_frames.sweep.distributions import Choice, Distribution
from torc_frames.sweep.recipes import space_of
from torc_frames.workflow.pull.parts import table_of, table_part
from torc_frames.workflow.pull.reading import Reading
from torc_frames.workflow.run.said import FAILURES

__all__ = ["describe_store", "describe_workflow", "status_counts"]

_MOST_JOBS = 2_000
_SAMPLED_JOBS = 1_000
_MOST_RECORDS = 10_000
"""So many are read to see what columns range over: a server gives them in a few pages."""

_LEAST_JOBS = 20
_MOST_WORKFLOWS = 10
_MOST_AXES = 12


def describe_store(store: Store) -> Description:
    """Return the newest workflows of a store, with how many jobs each has of which status."""
    with settings.hurry():
        found = store.workflows()
        newest = found[: -_MOST_WORKFLOWS - 1 : -1]
        counts = store.count_jobs([one.key for one in newest])
    rows = [_workflow_row(*pair) for pair in zip(newest, counts, strict=True)]
    rest = len(found) - len(newest)
    more = f"and {rest:,} older: client.workflows()" if rest else ""
    head = ("workflow_key", "name", "created (UTC)", "jobs", "of these")
    return Description(
        f"{store.url}: {counted(len(found), 'workflow')}",
        CellTable(head, rows, (3,), more=more) if rows else None,
        Calls([("client.create_workflow('name')", "makes the first")])
        if not rows
        else Calls([(f"client.workflow({newest[0].key!r})", "opens the newest")]),
    )


def _workflow_row(workflow: WorkflowRecord, counts: Mapping[str, int]) -> tuple[str, ...]:
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    created = (workflow.created or "")[:16].replace("T", " ")
    return workflow.key, workflow.name, created, f"{sum(counts.values()):,}", told


def describe_workflow(store: Store, workflow_key: str) -> Description:
    """Return what a workflow has: of few jobs all are read, of many some, where the store can choose them."""
    with settings.hurry():
        [counts] = store.count_jobs([workflow_key])
        with store.snapshot(workflow_key) as snap:
            workflow, jobs = snap.workflow, sum(counts.values())
            table, note = _looked_at(snap, jobs)
    stale = 0 if table is None or "stale" not in table else int(table["stale"].sum())
    tags = recorded.tags_of(workflow.metadata)
    parts = (workflow.description, f"by {workflow.user}" if workflow.user else "", ", ".join(tags))
    told = " · ".join(filter(None, parts))
    return Description(
        f"Workflow {workflow.name!r}, key {workflow.key}",
        Remark(told, "quiet") if told else None,
        status_counts(counts),
        Remark(f"{counted(stale, 'job')} stale: parameters changed since the run") if stale else None,
        Remark(note, "quiet") if note else None,
        *(() if table is None else (*parameters_seen(table), *results_seen(table))),
        *(_as_pushed(workflow.metadata) if table is None and jobs else ()),
        Calls(list(_calls(store, counts, stale, table))),
    )


def status_counts(counts: Mapping[str, int]) -> Counts:
    """Return how many jobs there are, and how many of each status."""
    return Counts(counted(sum(counts.values()), "job"), {status: n for status, n in counts.items() if n})


def _looked_at(snap: Snapshot, jobs: int) -> tuple[pd.DataFrame | None, str]:
    """Return as many jobs as are soon read, if that can be, and what to say of them."""
    if not jobs:
        return None, ""
    records = snap.count_user_data()
    if jobs <= _MOST_JOBS and records <= _MOST_RECORDS:
        return _table(snap, "command", "stale")
    most = max(_LEAST_JOBS, min(_SAMPLED_JOBS, _MOST_RECORDS * jobs // max(records, 1)))
    if not isinstance(snap, SelectiveSnapshot):
        return None, f"{counted(records, 'record')} are too many to be read for this: wf.table()"
    table, told = _table(snap.sampled(most, jobs), "command")
    return table, f"of {len(table):,} jobs, chosen at random; wf.table() has all{told and f'; {told}'}:"


def _as_pushed(metadata: Mapping[str, Any]) -> Iterator[CellTable]:
    """Yield what the recipes of tables that were pushed say of parameters, for which nothing is read."""
    rows: dict[str, tuple[str, ...]] = {}
    for recipe in recorded.recipes(metadata):
        with suppress(RefusedError):  # of columns side by side, or by anybody
            for name, axis in space_of(recipe)[0].items():
                kind = type(axis).__name__.lower()
                rows[name] = (name, _range(axis), kind)
    if rows:
        more = f"and {len(rows) - _MOST_AXES:,} more: wf.recipes()" if len(rows) > _MOST_AXES else ""
        yield CellTable(("parameter", "as it was pushed", ""), list(rows.values())[:_MOST_AXES], more=more)


def _range(axis: Distribution) -> str:
    if isinstance(axis, Choice):
        return extent(axis.values)[0]
    return f"{brief(axis.low)} … {brief(axis.high)}"


def _table(snap: Snapshot, *columns: str) -> tuple[pd.DataFrame, str]:
    """Return what `Workflow.table` does of some jobs, and what is not in it; it is not verified."""
    shape = Shape(specs=recorded.read(snap.workflow.metadata), fast=False, on_error="warn")
    read = Reading(snap, shape)
    part = table_part(read, "names", columns.__contains__)
    bad = read.unreadable | dict(snap.unreadable)
    return table_of([part], shape), f"{counted(len(bad), 'record')} can not be read" if bad else ""


def _calls(
    store: Store, counts: Mapping[str, int], stale: int, table: pd.DataFrame | None
) -> Iterator[tuple[str, str]]:
    """Yield what one may do next, what most likely comes first."""
    if not any(counts.values()):
        yield "wf.push(tf.grid(alpha=[0.1, 1.0]), command='…')", "adds a job for each row"
        return
    ended = sum(counts.get(status, 0) for status in (COMPLETED, *UNSUCCESSFUL, "done", "disabled"))
    failed = sum(counts.get(status, 0) for status in FAILURES)
    running = sum(counts.get(status, 0) for status in (RUNNING, PENDING))
    waiting = sum(counts.values()) - ended - running
    can_run = isinstance(store, SettingsStore) or (isinstance(store, RunnableStore) and not store.needs_role)
    bare = table is not None and len(table) > 0 and not table["command"].fillna("").str.strip().any()
    if failed:
        yield "wf.logs(failed=True)", f"what {counted(failed, 'failed job')} said last"
    if running:
        yield "wf.running()", f"who runs {counted(running, 'job')}"
    if waiting and can_run and bare:
        yield "wf.push(wf.parameters(), command='…')", "gives the jobs a command to run; or wf.map(…)"
    elif waiting and can_run:
        yield "wf.run()", f"runs {counted(waiting, 'job')}"
    if failed and not waiting and isinstance(store, RunnableStore) and can_run:
        yield "wf.run(rerun='failed')", "runs them again"
    if stale and can_run:
        yield "wf.run(rerun='changed')", f"runs {counted(stale, 'stale job')} again"
    if ended:
        yield "wf.table()", "parameters beside results"
