"""A table of jobs as a study of Optuna: each row a trial."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted, shorten, warn
from torc_frames.frame.dtypes import utc_times
from torc_frames.frame.tabulation.configurations import (
    PARAMS,
    RESULTS,
    Standing,
    labels,
    named,
    numbers,
    resolve,
    results,
    standing,
)
from torc_frames.sweep.dimensions import SearchAxis, optuna_module

__all__ = [
    "COMPLETED",
    "FAILED",
    "RUNNING",
    "Objective",
    "Point",
    "Rebuilt",
    "add_running",
    "quiet",
    "rebuilt",
]

Point = tuple[Any, ...]
"""A point of a space: by axis, what Optuna has of its value."""

COMPLETED, FAILED, RUNNING = "completed", "failed", "running"

_DIRECTIONS = {"minimize": "minimize", "min": "minimize", "maximize": "maximize", "max": "maximize"}
_EPOCH = datetime(1970, 1, 1)
_of_optuna = threading.Lock()


class Objective(NamedTuple):
    """A column of results, and whether to minimize or to maximize it."""

    column: str
    direction: str


class Rebuilt(NamedTuple):
    """A study that was made of a table.

    ``points`` are those of the rows that are its trials, in their order, with their states and values.
    """

    study: Any
    axes: Sequence[SearchAxis]
    objectives: Sequence[Objective]
    points: list[Point]
    states: list[str]
    values: list[tuple[float, ...]]


def rebuilt(
    table: pd.DataFrame,
    axes: Sequence[SearchAxis],
    metric: str | Sequence[str],
    direction: str | Sequence[str],
    *,
    sampler: Any = None,
    name: str | None = None,
) -> Rebuilt:
    """Return a study in memory whose trials are the rows of a table.

    Trials are complete that have all metrics, as numbers: those of jobs that completed with these parameters,
    or of all rows of a table without ``status``. Others that ended have failed, and what has not ended, or
    will run again, is running: a trial that waits would be handed out again. Infinite values stay.

    Parameters
    ----------
    table : DataFrame
        As `Workflow.table` gives it. Of ``start_time`` and ``end_time``, if they are there, trials have the
        times, in UTC. Rows that lack a parameter, or lie outside of the space, are left out, with a warning.
    axes : sequence of SearchAxis
        The same for all trials, whatever the rows were drawn from.
    metric, direction : str or sequence of str
        As for `suggest`.
    sampler : Optuna's sampler, optional
    name : str, optional
        That of the study.

    Raises
    ------
    RefusedError
        For metrics that no job has, though there are results, or that are no numbers.
    ImportError
        If there is no Optuna.
    """
    named(table)
    table, points = _inside(table, axes)
    rows = standing(table)
    objectives = _objectives(table, rows, metric, direction)
    values = _values(table, rows, objectives)
    states = _states(table, rows, values)
    study = _new_study(objectives, sampler, name)
    found = Rebuilt(study, axes, objectives, points, states, [tuple(row) for row in values.tolist()])
    study.add_trials(_trials(found, table))
    return found


def add_running(found: Rebuilt, point: Point) -> None:
    """Add a trial that runs, from which the next ones keep away."""
    found.study.add_trial(_trial(found, RUNNING, point, None, {}, _EPOCH, None))


def _inside(table: pd.DataFrame, axes: Sequence[SearchAxis]) -> tuple[pd.DataFrame, list[Point]]:
    """Return the rows that lie in the space, and their points."""
    lacks: dict[str, np.ndarray] = {}
    outside = np.zeros(len(table), np.bool_)
    read = []
    for axis in axes:
        names = [name for name in (PARAMS + axis.name, axis.name) if name in table]
        column = table[names[0]] if names else pd.Series([None] * len(table), dtype=object)
        read.append(axis.read(column))
        bad = np.array([value is None for value in read[-1]], dtype=np.bool_)
        gaps = bad & column.isna().to_numpy(np.bool_)
        lacks |= {axis.name: gaps} if gaps.any() else {}
        outside |= bad
    inside = ~outside
    if outside.any():
        without = np.logical_or.reduce([*lacks.values(), ~inside & inside])
        told = [f"{without.sum():,} without {shorten(map(repr, lacks))}"] if lacks else []
        told += [f"{beyond:,} outside of the space"] if (beyond := (outside & ~without).sum()) else []
        warn(f"{counted(outside.sum(), 'row')} of {len(table):,} left out: {', '.join(told)}")
    points = list(zip(*read, strict=True))
    return table[inside], [points[row] for row in np.flatnonzero(inside)]


def _objectives(
    table: pd.DataFrame, rows: Standing, metric: str | Sequence[str], direction: str | Sequence[str]
) -> list[Objective]:
    metrics: list[Any] = list(metric) if isinstance(metric, (list, tuple)) else [metric]
    ways: list[Any] = list(direction) if isinstance(direction, (list, tuple)) else [direction] * len(metrics)
    for way in ways:
        if not isinstance(way, str) or way not in _DIRECTIONS:
            raise RefusedError(f"direction={way!r}: use 'minimize' or 'maximize'")
    if not metrics or len(ways) != len(metrics):
        each = f"{counted(len(metrics), 'metric')} and {counted(len(ways), 'direction')}"
        raise RefusedError(f"{each}: give one metric, or several and a direction for each")
    columns = [_metric(table, rows, name) for name in metrics]
    if len({*columns}) < len(columns):
        raise RefusedError(f"metrics {shorten(map(repr, columns))}: give each once")
    return [Objective(column, _DIRECTIONS[way]) for column, way in zip(columns, ways, strict=True)]


def _metric(table: pd.DataFrame, rows: Standing, name: Any) -> str:
    """Return the column of a metric, which need not be there while there are no results."""
    none_yet = not rows.counted.any() if "status" in table else not results(table)
    if none_yet and isinstance(name, str) and not {name, RESULTS + name} & {*table}:
        return RESULTS + name.removeprefix(RESULTS)
    return resolve(table, name, [RESULTS], what="metric")


def _values(table: pd.DataFrame, rows: Standing, objectives: Sequence[Objective]) -> np.ndarray:
    """Return the metrics of rows that count, NaN for others."""
    values = np.full((len(table), len(objectives)), np.nan)
    for at, (column, _) in enumerate(objectives):
        if column in table:
            values[rows.counted, at] = numbers(table[column][rows.counted].reset_index(drop=True))
    return values


def _states(table: pd.DataFrame, rows: Standing, values: np.ndarray) -> list[str]:
    whole = rows.counted & ~np.isnan(values).any(axis=1)
    # Where nothing tells how a row ended, one without a value may still be running.
    ended = rows.failed | (rows.counted if "status" in table else whole)
    states: list[str] = np.where(whole, COMPLETED, np.where(ended, FAILED, RUNNING)).tolist()
    return states


def _new_study(objectives: Sequence[Objective], sampler: Any, name: str | None) -> Any:
    optuna = optuna_module()
    with quiet(optuna):
        study = optuna.create_study(
            directions=[one.direction for one in objectives], sampler=sampler, study_name=name
        )
        study.set_metric_names([*labels(one.column for one in objectives).values()])
    return study


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Let Optuna not tell that there is a new study, nor that names of metrics are new to it."""
    with _of_optuna, warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            yield
        finally:
            optuna.logging.set_verbosity(level)


def _trials(found: Rebuilt, table: pd.DataFrame) -> Iterator[Any]:
    begun, ended = (_times(table, name) for name in ("start_time", "end_time"))
    latest = max((time for time in (*begun, *ended) if time is not None), default=_EPOCH)
    rows = zip(found.points, found.states, found.values, _attributes(table), begun, ended, strict=True)
    for point, state, values, attributes, start, end in rows:
        first = start or end or latest
        last = None if state == RUNNING else max(end or first, first)
        yield _trial(found, state, point, values, attributes, first, last)


def _trial(
    found: Rebuilt,
    state: str,
    point: Point,
    values: Sequence[float] | None,
    attributes: dict[str, Any],
    begun: datetime,
    ended: datetime | None,
) -> Any:
    of_trials = optuna_module().trial
    kinds = of_trials.TrialState
    return of_trials.FrozenTrial(
        number=-1,  # which the study gives it
        trial_id=-1,
        state={COMPLETED: kinds.COMPLETE, FAILED: kinds.FAIL, RUNNING: kinds.RUNNING}[state],
        value=None,
        values=list(values) if values is not None and state == COMPLETED else None,
        params={axis.name: value for axis, value in zip(found.axes, point, strict=True)},
        distributions={axis.name: axis.distribution for axis in found.axes},
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
        datetime_start=begun,
        datetime_complete=ended,
    )


def _times(table: pd.DataFrame, name: str) -> list[datetime | None]:
    found = utc_times(table[name]) if name in table else None
    if found is None or found.dtype.kind != "M":
        return [None] * len(table)
    times: list[datetime | None] = found.astype("datetime64[us]").tolist()
    return times


def _attributes(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return which job each row is."""
    levels = table.index.names
    columns = {
        name: (table[name] if name in table else table.index.get_level_values(name)).tolist()
        for name in ("job_key", "job_name")
        if name in table or name in levels
    }
    rows = zip(*columns.values(), strict=True) if columns else [()] * len(table)
    return [{name: str(cell) for name, cell in zip(columns, row, strict=True)} for row in rows]
