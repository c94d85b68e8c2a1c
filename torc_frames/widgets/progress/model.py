"""How far a workflow is, worked out of its jobs at one moment: counts, pace, what is left, what failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING_FAILED,
    READY,
    RUNNING,
    TERMINATED,
    UNINITIALIZED,
)

__all__ = [
    "BAD",
    "COLUMNS",
    "RUNNING_STATUSES",
    "Failed",
    "Progress",
    "Running",
    "course",
    "progress",
    "span",
]

COLUMNS = ("job_name", "status", "run_id", "return_code", "start_time", "end_time")
"""What of `Workflow.jobs` is needed; ``stale`` is counted if it is there."""

WINDOW = timedelta(minutes=10)
_PAUSE = timedelta(minutes=10)
"""What began after nothing had run for so long is another run."""

_LONGEST_LIST = 5
_FEW = 5

_DONE = "done"
"""What a service of 2023 calls jobs that ended, well or not."""

_ORDER = (
    COMPLETED,
    _DONE,
    RUNNING,
    "pending",
    READY,
    BLOCKED,
    UNINITIALIZED,
    FAILED,
    TERMINATED,
    PENDING_FAILED,
)
BAD = frozenset({FAILED, TERMINATED, PENDING_FAILED})
_ENDED = frozenset({COMPLETED, _DONE, CANCELED, "disabled", *BAD})
RUNNING_STATUSES = frozenset({RUNNING, "pending", "submitted", "submitted_pending"})


class Failed(NamedTuple):
    """A job that failed, by its last run."""

    job_key: str
    job_name: str
    run_id: int
    return_code: int | None
    start_time: pd.Timestamp | None
    end_time: pd.Timestamp | None


class Running(NamedTuple):
    """A job that runs, and since when it was seen to."""

    job_key: str
    job_name: str
    start_time: pd.Timestamp | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a workflow is.

    Attributes
    ----------
    counts : dict
        How many jobs have each status, in the order in which they are shown.
    jobs, ended, running : int
    rate : float or None
        Jobs that ended a minute, lately; None where no time is known.
    left : timedelta or None
        How long the rest takes at that pace; None if nothing runs, or none is known.
    failures : tuple of Failed
        The last that failed, the latest first.
    failed : int
        How many failed in all.
    stale : int
        How many show results of other parameters than they have now.
    began, last : Timestamp or None
        When the first job began, after the last pause of ten minutes, and when the last one ended.
    now_running : tuple of Running
        Some of those that run, the first that began first.
    """

    counts: dict[str, int]
    jobs: int = 0
    ended: int = 0
    running: int = 0
    rate: float | None = None
    left: timedelta | None = None
    failures: tuple[Failed, ...] = ()
    failed: int = 0
    stale: int = 0
    began: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    now_running: tuple[Running, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether there are jobs, and all have ended."""
        return 0 < self.jobs == self.ended


def progress(jobs: pd.DataFrame, at: pd.Timestamp, window: timedelta = WINDOW) -> Progress:
    """Return how far a workflow is.

    The pace is that of the jobs that ended in the last minutes; of the last five, if fewer did. It counts
    from when the first of them was started.

    Parameters
    ----------
    jobs : DataFrame
        With the columns that `COLUMNS` names, as of `Workflow.jobs`.
    at : Timestamp
        Now, in UTC. A job that ended later, by the clock of where it ran, makes that now.
    window : timedelta
        How long "lately" is.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("monitor")
    >>> _ = wf.push(tf.grid(n=[0, 1]), command="exit {n}")
    >>> _ = wf.run(workers=1)
    >>> now = progress(wf.jobs(), pd.Timestamp.now("UTC"))
    >>> now.counts, now.is_over, [one.return_code for one in now.failures]
    ({'completed': 1, 'failed': 1}, True, [1])
    """
    found = {str(status): int(count) for status, count in jobs["status"].value_counts().items()}
    places = {status: at for at, status in enumerate(_ORDER)}
    counts = dict(sorted(found.items(), key=lambda item: (places.get(item[0], len(places)), item[0])))
    bad, runs = jobs[_is_bad(jobs)], jobs[jobs["status"].isin(RUNNING_STATUSES)]
    ended = sum(count for status, count in counts.items() if status in _ENDED)
    running = sum(count for status, count in counts.items() if status in RUNNING_STATUSES)
    rate = _rate(jobs, at, window)
    left = (len(jobs) - ended) / rate if rate and running else None
    return Progress(
        counts,
        len(jobs),
        ended,
        running,
        rate,
        None if left is None else timedelta(minutes=left),
        tuple(Failed(*row) for row in _last(bad, "end_time", Failed._fields, ascending=False)),
        len(bad),
        int(jobs["stale"].sum()) if "stale" in jobs else 0,
        _began(jobs, at),
        max(jobs["end_time"].dropna(), default=None),
        tuple(Running(*row) for row in _last(runs, "start_time", Running._fields, ascending=True)),
    )


def course(jobs: pd.DataFrame, at: pd.Timestamp, most: int = 300) -> pd.DataFrame:
    """Return how many jobs were completed, failed, running and waiting, over time.

    It is worked out of when their last runs began and ended.

    Parameters
    ----------
    jobs : DataFrame
        As of `progress`.
    at : Timestamp
        Now, in UTC: the last moment, unless all have ended.
    most : int
        How many moments at most.

    Returns
    -------
    DataFrame
        A row a moment: ``time``, seconds since the first job began, ``completed``, ``failed``, ``running``,
        ``waiting``.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("course")
    >>> _ = wf.push(tf.grid(n=[0, 1]), command="exit {n}")
    >>> _ = wf.run(workers=1)
    >>> course(wf.jobs(), pd.Timestamp.now("UTC")).iloc[-1].tolist()[1:]
    [1.0, 1.0, 0.0, 0.0]
    """
    known = jobs[jobs["start_time"].notna()]
    bad, runs = _is_bad(known), known["status"].isin(RUNNING_STATUSES)
    starts, ends = _seconds(known["start_time"]), _seconds(known["end_time"].fillna(known["start_time"]))
    now = max(_seconds(pd.Series([at]))[0], ends.max(initial=-np.inf), starts.max(initial=-np.inf))
    over = bool(jobs["status"].isin(_ENDED).all())
    moments = np.unique(np.concatenate([starts, ends[~runs], [] if over and len(known) else [now]]))
    if len(moments) > most:
        moments = np.linspace(moments[0], moments[-1], most)

    def until(times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.searchsorted(np.sort(times), moments, side="right")

    counts = {"completed": until(ends[~runs & ~bad]), "failed": until(ends[bad])}
    begun = until(starts)
    counts["running"] = begun - counts["completed"] - counts["failed"]
    return pd.DataFrame({"time": moments - moments[:1], **counts, "waiting": len(jobs) - begun})


def span(time: timedelta) -> str:
    """Return a duration in words, as precise as one cares.

    Examples
    --------
    >>> [span(timedelta(seconds=seconds)) for seconds in (0.4, 50, 600, 9_000, 198_000)]
    ['1 s', '50 s', '10 min', '2 h 30 min', '2 days 7 h']
    """
    seconds = max(1, round(time.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def _rate(jobs: pd.DataFrame, at: pd.Timestamp, window: timedelta) -> float | None:
    ended = jobs.loc[jobs["end_time"].notna(), ["start_time", "end_time"]]
    if not len(ended):
        return None
    now = max(at, ended["end_time"].max())
    recent = ended[ended["end_time"] > now - window]
    if len(recent) < _FEW:
        recent = ended.nlargest(_FEW, "end_time")
        since = recent.min().min()
    else:
        since = max(recent.min().min(), now - window)
    minutes = (now - since).total_seconds() / 60
    return len(recent) / minutes if minutes > 0 else None


def _is_bad(jobs: pd.DataFrame) -> pd.Series[bool]:
    return jobs["status"].isin(BAD) | jobs["status"].eq(_DONE) & jobs["return_code"].fillna(0).ne(0)


def _began(jobs: pd.DataFrame, at: pd.Timestamp) -> pd.Timestamp | None:
    known = jobs[jobs["start_time"].notna()].sort_values("start_time")
    if not len(known):
        return None
    runs = known["status"].isin(RUNNING_STATUSES)
    ends = _seconds(known["end_time"].fillna(known["start_time"]).mask(runs, at))
    pauses = _seconds(known["start_time"])[1:] - np.maximum.accumulate(ends)[:-1] > _PAUSE.total_seconds()
    found: pd.Timestamp = known["start_time"].iloc[max(np.flatnonzero(pauses) + 1, default=0)]
    return found


def _seconds(times: pd.Series[Any]) -> np.ndarray[Any, Any]:
    return ((times - pd.Timestamp(0, tz="UTC")) / timedelta(seconds=1)).to_numpy(dtype=float)


def _last(jobs: pd.DataFrame, by: str, names: tuple[str, ...], *, ascending: bool) -> Iterator[Any]:
    few = jobs.sort_values(by, ascending=ascending, kind="stable").head(_LONGEST_LIST)
    cells = few[list(names[1:])].astype(object)
    rows: Iterator[Any] = cells.where(cells.notna(), None).itertuples(name=None)
    return rows
