"""What torc lists of a workflow beside jobs and records, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import warn
from torc_frames.frame.shape import Shape, key_index
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.contents import dependencies as waits
from torc_frames.workflow.pull.cells import MEASURED, Dtype, framed, series
from torc_frames.workflow.pull.reading import Reading, verified

__all__ = ["Build", "compute_nodes", "dependencies", "events", "files", "pulled", "slurm_stats"]

Build = Callable[[Snapshot, Shape], pd.DataFrame]
_Columns = Mapping[str, Dtype]
_FIELDS = {"job_key": "job_id", "modified": "st_mtime"}
"""What torc calls the fields of columns that have another name here."""

_NODES: _Columns = {
    "hostname": "str",
    "compute_node_type": "str",
    "is_active": "boolean",
    "pid": "Int64",
    "start_time": "time",
    "end_time": "time",
    "duration_seconds": "float64",
    "num_nodes": "Int64",
    "num_cpus": "Int64",
    "num_gpus": "Int64",
    "memory_gb": "float64",
    "labels": "object",
    "sample_count": "Int64",
    **MEASURED,
}
_EVENTS: _Columns = {
    "timestamp": "milliseconds",
    "category": "str",
    "type": "str",
    "job_key": "str",
    "message": "str",
    "data": "object",
}
_STATS: _Columns = {
    "job_key": "str",
    "run_id": "Int64",
    "attempt_id": "Int64",
    "slurm_job_id": "str",
    "max_rss_bytes": "Int64",
    "max_vm_size_bytes": "Int64",
    "max_disk_read_bytes": "Int64",
    "max_disk_write_bytes": "Int64",
    "ave_cpu_seconds": "float64",
    "node_list": "str",
}
_FILES: _Columns = {
    "name": "str",
    "path": "str",
    "producer": "str",
    "consumers": "object",
    "modified": "seconds",
}
_TYPES = ("event_type", "type", "action")
"""What events call their type, whichever of these they have."""


def pulled(store: Store, workflow_key: str, build: Build, shape: Shape) -> pd.DataFrame:
    """Return what is built of one snapshot, with where it is from."""

    def read(reading: Reading) -> pd.DataFrame:
        return build(reading.snap, reading.shape)

    frame, _, about = verified(store, workflow_key, read, shape, False, False, build.__name__)
    frame.attrs["torc"] = about
    return frame


def dependencies(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row for each job that a job waits for."""
    rows = [{"job_id": job, "depends_on": other} for job, other in waits(snap)]
    return _frame(rows, {"job_key": "str", "depends_on": "str"}, shape)


def files(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row a file, with the jobs that make and read it."""
    rows = snap.rows("files")
    made = _jobs_of(snap, "producer_job_id") if rows else {}
    return _frame([row | made.get(str(row["id"]), _NOBODY) for row in rows], _FILES, shape, "file_key")


_NOBODY: dict[str, Any] = {"producer": None, "consumers": []}


def _jobs_of(snap: Snapshot, producer: str) -> dict[str, dict[str, Any]]:
    """Return the producer and the consumers of each file that has any."""
    ends: dict[str, dict[str, dict[str, None]]] = {}
    for row in snap.rows("job_file_relationships"):
        of_file = ends.setdefault(str(row["file_id"]), {producer: {}, "consumer_job_id": {}})
        for end, jobs in of_file.items():
            if row.get(end) is not None:
                jobs[str(row[end])] = None
    for file, of_file in ends.items():
        if len(of_file[producer]) > 1:
            warn(f"file {file} is made by jobs {', '.join(of_file[producer])}: the first is its producer")
    return {
        file: {"producer": next(iter(jobs[producer]), None), "consumers": list(jobs["consumer_job_id"])}
        for file, jobs in ends.items()
    }


def compute_nodes(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row for each runner that torc had for the workflow."""
    return _frame(snap.rows("compute_nodes"), _NODES, shape, "compute_node")


def events(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row an event."""
    rows: list[dict[str, Any]] = []
    for row in snap.rows("events"):
        data = row.get("data")
        told = data if isinstance(data, dict) else {}
        kind = next((told[name] for name in _TYPES if told.get(name) is not None), None)
        rows.append({**told, "type": kind, "timestamp": row.get("timestamp"), "data": data})
    return _frame(rows, _EVENTS, shape)


def slurm_stats(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row for each run of a job of which Slurm told what it used."""
    return _frame(snap.rows("slurm_stats"), _STATS, shape)


def _frame(
    rows: Sequence[Mapping[str, Any]], columns: _Columns, shape: Shape, key: str | None = None
) -> pd.DataFrame:
    """Return rows of torc's as columns, indexed by their key, if they have one."""
    cells = {
        name: series(name, [row.get(_FIELDS.get(name, name)) for row in rows], dtype)
        for name, dtype in columns.items()
    }
    return framed(cells, shape, key_index([str(row["id"]) for row in rows], key) if key else len(rows))
