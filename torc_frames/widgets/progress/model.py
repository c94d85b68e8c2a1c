"""How far a workflow is, worked out of its jobs at one moment: counts, pace, what is left, what failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

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

__all__ = ["BAD", "COLUMNS", "Failed", "Progress", "progress", "span"]

COLUMNS = ("job_name", "status", "run_id", "return_code", "start_time", "end_time")
"""What of `Workflow.jobs` is needed; ``stale`` is counted if it is there."""

WINDOW = timedelta(minutes=10)
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
_RUNNING = frozenset({RUNNING, "pending", "submitted", "submitted_pending"})


class Failed(NamedTuple):
    """A job that failed, by its last run."""

    job_key: str
    job_name: str
    run_id: int
    return_code: int | None
    start_time: pd.Timestamp | None
    end_time: pd.Timestamp | None


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
    bad = _failures(jobs)
    ended = sum(count for status, count in counts.items() if status in _ENDED)
    running = sum(count for status, count in counts.items() if status in _RUNNING)
    rate = _rate(jobs, at, window)
    left = (len(jobs) - ended) / rate if rate and running else None
    return Progress(
        counts,
        len(jobs),
        ended,
        running,
        rate,
        None if left is None else timedelta(minutes=left),
        tuple(_failed(bad)),
        len(bad),
        int(jobs["stale"].sum()) if "stale" in jobs else 0,
    )


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


def _failures(jobs: pd.DataFrame) -> pd.DataFrame:
    mask = jobs["status"].isin(BAD)
    mask |= jobs["status"].eq(_DONE) & jobs["return_code"].fillna(0).ne(0)
    return jobs[mask]


def _failed(bad: pd.DataFrame) -> list[Failed]:
    last = bad.sort_values("end_time", ascending=False, kind="stable").head(_LONGEST_LIST)
    cells = last[["job_name", "run_id", "return_code", "start_time", "end_time"]].astype(object)
    rows: Iterator[Any] = cells.where(cells.notna(), None).itertuples(name=None)
    return [Failed(*row) for row in rows]
