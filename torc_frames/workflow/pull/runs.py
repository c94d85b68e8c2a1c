"""Jobs, their runs and what these used, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, repeat
from typing import Any

import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError
from torc_frames.frame.shape import Shape, key_index, strings, text_column
from torc_frames.store.records import JobPage, ResultPage
from torc_frames.store.resources import memory_bytes, runtime_seconds
from torc_frames.workflow.pull.cells import Cell, Dtype, framed, series
from torc_frames.workflow.pull.links import check_keys

__all__ = ["jobs_frame", "runs_frame", "utilization_frame"]

Stale = Callable[[], Mapping[str, bool | None] | None]

_OF_JOBS: dict[str, Dtype] = {
    "resource_requirements": "str",
    "num_nodes": "Int64",
    "priority": "Int64",
    "labels": "object",
}
_MEASURED: dict[str, Dtype] = {
    "compute_node": "str",
    "peak_memory_bytes": "Int64",
    "avg_memory_bytes": "Int64",
    "peak_cpu_percent": "float64",
    "avg_cpu_percent": "float64",
}
_ATTEMPT = "attempt_id"
_ENDED = ("completed", "failed", "canceled", "terminated")


def jobs_frame(
    pages: Iterable[JobPage], results: Iterable[ResultPage], shape: Shape, stale: Stale, measures: bool
) -> pd.DataFrame:
    """Return one row a job, with how its present run ended; indexed by job key.

    `stale` is asked only if its column is wanted. See `torc_frames.store.base.Snapshot.stale` and `measures`.
    """
    jobs = list(pages)
    keys = [key for page in jobs for key in page.keys]
    check_keys(pa.chunked_array([strings(keys)]), len(keys), "job")
    names = (*_OF_JOBS, _ATTEMPT) if measures else ()
    own = {name: [cell for page in jobs for cell in page.more[name]] for name in names}
    run_ids = [run for page in jobs for run in page.run_ids]
    statuses = [status for page in jobs for status in page.statuses]
    measured = list(_MEASURED) if measures else []
    attempts = own.get(_ATTEMPT) or [None] * len(keys)
    present = dict(zip(keys, zip(run_ids, attempts, statuses, strict=True), strict=True))
    ends = _present_ends(present, results, measured)
    nothing = (None,) * (3 + len(measured))
    last = list(zip(*[ends.get(key, nothing) for key in keys], strict=True)) or [()] * len(nothing)
    start, end = (series(f"{name}_time", last[at], "time") for at, name in ((1, "start"), (2, "end")))
    cells: dict[str, Cell] = {
        "job_name": text_column([page.names for page in jobs]),
        "command": text_column([page.commands for page in jobs]),
        "status": text_column([statuses]),
        "stale": lambda: _stale(keys, stale()),
        "num_cpus": pd.Series([n for page in jobs for n in page.num_cpus], dtype="int64"),
        "num_gpus": pd.Series([n for page in jobs for n in page.num_gpus], dtype="int64"),
        "memory": text_column([page.memory for page in jobs]),
        "runtime": text_column([page.runtimes for page in jobs]),
        **{name: series(name, own[name], dtype) for name, dtype in _OF_JOBS.items() if name in own},
        "run_id": pd.Series(run_ids, dtype="int64"),
        **({_ATTEMPT: series(_ATTEMPT, attempts, "Int64")} if _ATTEMPT in own else {}),
        "return_code": pd.Series(last[0], dtype="Int64"),
        **_times(start, end),
        **{name: series(name, last[3 + at], _MEASURED[name]) for at, name in enumerate(measured)},
    }
    return framed(cells, shape, key_index(keys))


def _present_ends(
    present: Mapping[str, tuple[int, int | None, str]], results: Iterable[ResultPage], measured: list[str]
) -> dict[str, tuple[Any, ...]]:
    """Return how the present run of each job ended, if it has: not one before, nor an earlier attempt."""
    ends: dict[str, tuple[Any, ...]] = {}
    for page in results:
        attempts = page.more.get(_ATTEMPT) or repeat(None, len(page))
        columns = (page.return_codes, page.start_times, page.end_times, *(page.more[n] for n in measured))
        rows = zip(page.job_keys, page.run_ids, attempts, zip(*columns, strict=True), strict=True)
        for key, run_id, attempt, end in rows:
            if key in present:
                run, now, status = present[key]
                if run_id == run and (attempt == now or status in _ENDED or None in (attempt, now)):
                    ends[key] = end
    return ends


def _times(start: pd.Series, end: pd.Series) -> dict[str, pd.Series]:
    minutes = (end - start).dt.total_seconds() / 60
    return {"start_time": start, "end_time": end, "exec_time_minutes": minutes}


def _stale(keys: list[str], told: Mapping[str, bool | None] | None) -> pd.Series:
    """Return for each job whether it is stale, missing where that can't be told."""
    values = [None] * len(keys) if told is None else [told.get(key, False) for key in keys]
    return pd.Series(values, dtype="boolean")


def runs_frame(results: Iterable[ResultPage], shape: Shape, measures: bool) -> pd.DataFrame:
    """Return one row a run, or an attempt of one, by job, with how it ended; see `Workflow.runs`."""
    pages = list(results)

    def column(name: str, dtype: Dtype) -> pd.Series:
        return series(name, [cell for page in pages for cell in page.more[name]], dtype)

    start = series("start_time", list(chain.from_iterable(page.start_times for page in pages)), "time")
    end = series("end_time", list(chain.from_iterable(page.end_times for page in pages)), "time")
    cells = {
        "job_key": text_column([page.job_keys for page in pages]),
        "job_name": column("job_name", "str"),
        "run_id": pd.Series([run for page in pages for run in page.run_ids], dtype="int64"),
        **({_ATTEMPT: column(_ATTEMPT, "Int64")} if measures else {}),
        "status": text_column([page.statuses for page in pages]),
        "return_code": pd.Series([code for page in pages for code in page.return_codes], dtype="int64"),
        **_times(start, end),
        **{name: column(name, dtype) for name, dtype in _MEASURED.items() if measures},
    }
    return framed(cells, shape, sum(map(len, pages)))


def utilization_frame(jobs: pd.DataFrame, under: float, shape: Shape) -> pd.DataFrame:
    """Return what jobs asked for beside what their present runs used; see `Workflow.utilization`."""
    if not 0 <= under <= 1:
        raise RefusedError(f"under={under!r}: give a share of what was asked for, from 0 to 1")
    sampled = _cells(jobs, "peak_memory_bytes", "Int64") > 0  # else the run was over before it was looked at
    asked = {
        "cpu": jobs["num_cpus"] * 100.0,
        "memory": pd.Series(map(memory_bytes, _texts(jobs["memory"])), jobs.index, dtype="Int64"),
        "runtime": pd.Series(map(runtime_seconds, _texts(jobs["runtime"])), jobs.index, dtype="float64"),
    }
    used = {
        "cpu": _cells(jobs, "peak_cpu_percent", "float64").where(sampled.fillna(False)),
        "memory": _cells(jobs, "peak_memory_bytes", "Int64").where(sampled.fillna(False)),
        "runtime": jobs["exec_time_minutes"] * 60,
    }
    cells = {name: jobs[name] for name in ("job_name", "status", "run_id")}
    for what, unit in (("cpu", "percent"), ("memory", "bytes"), ("runtime", "seconds")):
        share = used[what].astype("float64") / asked[what].astype("float64")
        cells[f"{what}_asked_{unit}"], cells[f"{what}_used_{unit}"] = asked[what], used[what]
        cells[f"{what}_share"], cells[f"{what}_mark"] = share, _marks(share, under)
    bare = {name: cell.reset_index(drop=True) for name, cell in cells.items()}
    return framed(bare, shape, jobs.index)


def _cells(jobs: pd.DataFrame, name: str, dtype: Dtype) -> pd.Series:
    return jobs[name] if name in jobs else pd.Series(None, jobs.index, dtype=dtype)


def _texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else str(text) for text in column]


def _marks(share: pd.Series, under: float) -> pd.Series:
    return text_column([[_mark(one, under) for one in share]]).set_axis(share.index)


def _mark(share: float, under: float) -> str | None:
    if share > 1:
        return "over"
    if share < under:
        return "under"
    return None if pd.isna(share) else "within"
