"""Jobs, their runs and what these used, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import repeat
from typing import Any

import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError
from torc_frames.frame.shape import Shape, Usecols, choose, key_index, strings, text_column
from torc_frames.store.base import Snapshot
from torc_frames.store.records import JobPage, ResultPage
from torc_frames.store.resources import memory_bytes, runtime_seconds
from torc_frames.workflow.pull.cells import MEASURED, Cell, Dtype, framed, series
from torc_frames.workflow.pull.links import check_keys
from torc_frames.workflow.pull.origins import ORIGIN, known_of

__all__ = ["JobColumns", "jobs_frame", "runs_frame", "shown_of_jobs", "utilization_frame"]

JobColumns = bool | Sequence[str]
"""Which columns of jobs a table has beside those that it always has: all, none, or by name."""

Stale = Callable[[], Mapping[str, bool | None] | None]

_OF_JOBS: dict[str, Dtype] = {
    "resource_requirements": "str",
    "num_nodes": "Int64",
    "priority": "Int64",
    "labels": "object",
}
_MEASURED: dict[str, Dtype] = {"compute_node": "str", **MEASURED}
_ATTEMPT = "attempt_id"
_OF_RUNS: dict[str, Dtype] = {_ATTEMPT: "Int64", **_MEASURED}
_FIRST = ("job_name", "status", "stale")
_ENDS = ("return_code", "start_time", "end_time", "exec_time_minutes")
_ENDED = ("completed", "failed", "canceled", "terminated")


def jobs_frame(
    pages: Iterable[JobPage], results: Iterable[ResultPage], shape: Shape, stale: Stale, measures: bool
) -> pd.DataFrame:
    """Return one row a job, with how its present run ended; indexed by job key.

    `results` and `stale` are read only if columns of them are wanted. See
    `torc_frames.store.base.Snapshot.stale` and `measures`.
    """
    jobs = list(pages)
    keys, run_ids, statuses = _all(jobs, "keys"), _all(jobs, "run_ids"), _all(jobs, "statuses")
    check_keys(pa.chunked_array([strings(keys)]), len(keys), "job")
    own = {name: _more(jobs, name) for name in (*_OF_JOBS, _ATTEMPT)} if measures else {}
    attempts = own.get(_ATTEMPT, [None] * len(keys))
    measured = list(_MEASURED) if measures else []

    @cache
    def ended() -> dict[str, pd.Series]:
        present = zip(keys, run_ids, attempts, statuses, strict=True)
        ends = _present_ends(present, len(keys), _ends(results, measured), 3 + len(measured))
        codes, starts, stops, *used = ends
        pairs = zip(measured, used, strict=True)
        return {
            "return_code": pd.Series(codes, dtype="Int64"),
            **_times(starts, stops),
            **{name: series(name, values, _MEASURED[name]) for name, values in pairs},
        }

    cells: dict[str, Cell] = {
        "job_name": partial(_text_of, jobs, "names"),
        "command": partial(_text_of, jobs, "commands"),
        "status": partial(_text_of, jobs, "statuses"),
        "stale": lambda: _stale(keys, stale()),
        "num_cpus": lambda: pd.Series(_all(jobs, "num_cpus"), dtype="int64"),
        "num_gpus": lambda: pd.Series(_all(jobs, "num_gpus"), dtype="int64"),
        "memory": partial(_text_of, jobs, "memory"),
        "runtime": partial(_text_of, jobs, "runtimes"),
        **{name: partial(series, name, own[name], dtype) for name, dtype in _OF_JOBS.items() if measures},
        "run_id": lambda: pd.Series(run_ids, dtype="int64"),
        **({_ATTEMPT: partial(series, _ATTEMPT, attempts, "Int64")} if measures else {}),
        **{name: partial(_part, ended, name) for name in (*_ENDS, *measured)},
    }
    return framed(cells, shape, key_index(keys))


def shown_of_jobs(asked: JobColumns, usecols: Usecols) -> tuple[Callable[[str], bool], Callable[[], object]]:
    """Return whether a table shows a column of jobs, and what refuses names of which there was none.

    What ``usecols`` names is asked for, too.
    """
    there: list[str] = []
    named = () if usecols is None or callable(usecols) else usecols
    names = {*_FIRST, *named, *(() if isinstance(asked, bool) else asked)}

    def is_shown(name: str) -> bool:
        there.append(name)
        return asked is True or name in names

    return is_shown, lambda: None if isinstance(asked, bool) else choose(there, asked, "job_columns")


def _part(parts: Callable[[], Mapping[str, pd.Series]], name: str) -> pd.Series:
    return parts()[name]


def _text_of(pages: Iterable[JobPage], part: str) -> pd.Series:
    return text_column([getattr(page, part) for page in pages])


def _all(pages: Iterable[JobPage | ResultPage], part: str) -> list[Any]:
    return [cell for page in pages for cell in getattr(page, part)]


def _more(pages: Iterable[JobPage | ResultPage], name: str) -> list[Any]:
    return [cell for page in pages for cell in page.more[name]]


_Present = Iterable[tuple[str, int, int | None, str]]
"""Of each job its key, its present run and attempt, and its status."""


def _ends(results: Iterable[ResultPage], measured: list[str]) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return how runs ended, by job and run: the attempt, and what is shown of it."""
    ends: dict[tuple[str, int], tuple[Any, ...]] = {}
    for page in results:
        attempts = page.more.get(_ATTEMPT) or repeat(None, len(page))
        used = [page.more[name] for name in measured]
        columns = zip(attempts, page.return_codes, page.start_times, page.end_times, *used, strict=True)
        ends.update(zip(zip(page.job_keys, page.run_ids, strict=True), columns, strict=True))
    return ends


def _present_ends(
    present: _Present, count: int, ends: Mapping[tuple[str, int], tuple[Any, ...]], width: int
) -> list[list[Any]]:
    """Return how the present run of each job ended, as columns: not one before, nor an earlier attempt."""
    if not ends:
        return [[None] * count] * width
    nothing = (None,) * (1 + width)
    rows = []
    for key, run_id, now, status in present:
        end = ends.get((key, run_id), nothing)
        rows.append(end if end[0] == now or None in (end[0], now) or status in _ENDED else nothing)
    return list(map(list, zip(*rows, strict=True)))[1:] if rows else [[]] * width


def _times(starts: list[Any], stops: list[Any]) -> dict[str, pd.Series]:
    start, end = series("start_time", starts, "time"), series("end_time", stops, "time")
    minutes = (end - start).dt.total_seconds() / 60
    return {"start_time": start, "end_time": end, "exec_time_minutes": minutes}


def _stale(keys: list[str], told: Mapping[str, bool | None] | None) -> pd.Series:
    """Return for each job whether it is stale, missing where that can't be told."""
    if not told:
        return pd.Series(None if told is None else False, range(len(keys)), dtype="boolean")
    return pd.Series([told.get(key, False) for key in keys], dtype="boolean")


def runs_frame(snap: Snapshot, shape: Shape) -> pd.DataFrame:
    """Return one row a run, or an attempt of one, by job, with how it ended; see `Workflow.runs`."""
    pages, measures = list(snap.results(labels=True)), snap.measures
    known = cache(lambda: known_of(snap, pages))
    wanted = _OF_RUNS if measures else {}
    more = {name: series(name, _more(pages, name), dtype) for name, dtype in wanted.items()}
    cells: dict[str, Cell] = {
        "job_key": text_column([page.job_keys for page in pages]),
        "job_name": text_column([page.more["job_name"] for page in pages]),
        "run_id": pd.Series(_all(pages, "run_ids"), dtype="int64"),
        **{name: more.pop(name) for name in (_ATTEMPT,) if measures},
        "status": text_column([page.statuses for page in pages]),
        "return_code": pd.Series(_all(pages, "return_codes"), dtype="int64"),
        **_times(_all(pages, "start_times"), _all(pages, "end_times")),
        **more,
        **{name: partial(_origin, known, name, dtype) for name, dtype in ORIGIN.items()},
    }
    return framed(cells, shape, sum(map(len, pages)))


def _origin(known: Callable[[], list[dict[str, Any]]], name: str, dtype: Dtype) -> pd.Series:
    return series(name, [told.get(name) for told in known()], dtype)


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
