"""The jobs of a running workflow, read again and again in a thread, until there is nothing left to see."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, get_args

import pandas as pd

from torc_frames.errors import NotFoundError, TorcFramesError, UnreadableRecordError
from torc_frames.widgets.progress.model import (
    COLUMNS,
    RUNNING_STATUSES,
    Failed,
    Progress,
    course,
    progress,
    span,
)
from torc_frames.widgets.work import Background, StoppedError
from torc_frames.workflow.run.logs import Stream
from torc_frames.workflow.run.said import LastRun, last_runs, stored_errors
from torc_frames.workflow.workflow import Workflow

__all__ = ["JobReader", "Watch", "WatchState"]

_SLOWER = 1.5
_TAIL_LINES = 3
_LONGEST_MESSAGE = 400


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between two looks, in seconds."""

    shortest: float
    longest: float
    after_errors: float = 60.0
    share: float = 0.1
    """The most of all time that looking takes."""

    def next(self, waited: float, took: float, changed: bool) -> float:
        """Return how long to wait after a look."""
        wanted = self.shortest if changed else waited * _SLOWER
        return max(min(max(wanted, self.shortest), self.longest), took / self.share)

    def after_error(self, waited: float) -> float:
        """Return how long to wait after a look that failed."""
        return min(max(waited * 2, self.shortest), self.after_errors)


CHEAP = Pace(0.5, 2.0)
SERVER = Pace(2.0, 15.0)


@dataclass(frozen=True, slots=True)
class WatchState:
    """What is known, and what the watch is doing."""

    progress: Progress
    messages: dict[str, str]
    """By job key, why the last failures failed, as far as it is known."""

    watching: bool = False
    told: str = ""
    """Why it is not watching, or how often it looks."""

    error: str = ""
    """Why the last look failed, if it did."""


class Watch:
    """Looks at the jobs of a workflow in a thread, and tells what changed.

    It ends by itself when all jobs have ended, when nothing has run for `idle` seconds, and with the process.

    Parameters
    ----------
    workflow : Workflow
    on_change : callable
        Called with each new `WatchState`, also from the thread.
    idle : float
        Seconds without a running job or a change after which to stop.
    cheap, server : Pace
        How often to look where the store tells cheaply that nothing changed, and where it does not.
    """

    def __init__(
        self,
        workflow: Workflow,
        on_change: Callable[[WatchState], None],
        *,
        idle: float = 300.0,
        cheap: Pace = CHEAP,
        server: Pace = SERVER,
    ) -> None:
        self.lock = threading.RLock()
        self._looking = threading.Lock()
        self.reader = JobReader(workflow)
        self._on_change, self._idle, self._paces = on_change, idle, (cheap, server)
        self._jobs = pd.DataFrame()
        self._seen: dict[tuple[str, int], pd.Timestamp] = {}
        self._causes: dict[tuple[str, int], str] = {}
        self._background = Background(lambda _: None)
        self.state = WatchState(Progress({}), {})
        self.look()

    def look(self) -> bool:
        """Look once, in this thread, and return whether something changed.

        Raises
        ------
        TorcFramesError
            If the store can't be read.
        """
        with self._looking:
            jobs, at = self.reader.read(), pd.Timestamp.now("UTC")
            if jobs is not None:
                self._jobs = self._noted(jobs, at)
            now = progress(self._jobs, at)
            whose = [(one.job_key, one.run_id) for one in now.failures]
            self._causes = {
                run: self._causes[run] if run in self._causes else self.reader.message(one)
                for run, one in zip(whose, now.failures, strict=True)
            }
            self._change(
                progress=now, messages={key: cause for (key, _), cause in self._causes.items()}, error=""
            )
        return jobs is not None

    def course(self) -> pd.DataFrame:
        """Return how the counts went, see `progress.model.course`."""
        return course(self._jobs, pd.Timestamp.now("UTC"))

    def _noted(self, jobs: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
        """Return jobs in which those that run began, for want of better, when they were first seen to."""
        mask = jobs["status"].isin(RUNNING_STATUSES) & jobs["start_time"].isna()
        runs = list(zip(jobs.index[mask], jobs.loc[mask, "run_id"], strict=True))
        self._seen = {run: self._seen.get(run, at) for run in runs}
        times = pd.Series(self._seen.values(), jobs.index[mask], jobs["start_time"].dtype)
        return jobs.assign(start_time=jobs["start_time"].fillna(times))

    def start(self) -> None:
        """Watch from now on, if it does not already."""
        with self.lock:
            if self.state.watching:
                return
            self._background = background = Background(lambda _: None)
            self._change(watching=True, told="", error="")
            background.start(
                lambda: self._until_over(background),
                lambda why: self._ended(background, why),
                lambda error: self._broke(background, error),
            )

    def stop(self, why: str = "stopped") -> None:
        """Watch no longer; a look that has begun is the last."""
        with self.lock:
            self._background.stop()
            if self.state.watching:
                self._change(watching=False, told=why)

    def join(self, seconds: float) -> bool:
        """Wait until the thread has ended, and return whether it has."""
        return self._background.wait(seconds)

    def _ended(self, background: Background, why: str) -> None:
        with self.lock:
            if background is self._background:
                self.stop(why)

    def _broke(self, background: Background, error: BaseException) -> None:
        self._ended(background, "the monitor broke: its error is in the log")
        if not isinstance(error, StoppedError):
            raise error

    def _until_over(self, background: Background) -> str:
        """Look from time to time, and return why no longer."""
        waited, quiet_since, was_over = 0.0, time.monotonic(), self.state.progress.is_over
        while True:
            background.check(waited)
            began = time.monotonic()
            try:
                changed = self.look()
            except NotFoundError as error:
                self._change(error=str(error))
                return "the workflow is gone"
            except (TorcFramesError, OSError) as error:
                waited = self._pace.after_error(waited)
                self._change(error=str(error) or type(error).__name__)
                told = f"looks again in {span(timedelta(seconds=waited))}"
            else:
                waited = self._pace.next(waited, time.monotonic() - began, changed)
                now = self.state.progress
                if now.is_over and not was_over:
                    return "all jobs have ended"
                was_over = now.is_over
                if changed or now.running:
                    quiet_since = time.monotonic()
                told = f"looks every {waited:.2g} s"
            with self.lock:
                background.check()
                self._change(told=told)
            if time.monotonic() - quiet_since > self._idle:
                return f"nothing was seen to run for {span(timedelta(seconds=self._idle))}"

    @property
    def _pace(self) -> Pace:
        return self._paces[0 if self.reader.is_cheap else 1]

    def _change(self, **changes: Any) -> None:
        with self.lock:
            state = replace(self.state, **changes)
            if state != self.state:
                self.state = state
                self._on_change(state)


class JobReader:
    """Reads the jobs of a workflow again and again, as cheaply as its store allows.

    An embedded store tells by one number whether anything changed; of a server all jobs are read.

    Attributes
    ----------
    requests : int
        How many requests (or queries) were made so far.
    """

    def __init__(self, workflow: Workflow) -> None:
        # One of its own: what is read here is not what `Workflow.refresh` would refresh.
        self._workflow = copy.copy(workflow)
        self._rev: str | None = None
        self.requests = 0

    def read(self) -> pd.DataFrame | None:
        """Return the columns of jobs that `progress` takes; None if nothing changed since the last call."""
        workflow = self._workflow
        if self._rev is not None:
            self.requests += 1
            if workflow._store.get_workflow(workflow.key).rev == self._rev:
                return None
        jobs = workflow.jobs(usecols=[*COLUMNS, "stale"])
        about = jobs.attrs["torc"]
        self._rev = about["rev"]
        self.requests += about["requests"]
        jobs.attrs = {}
        return jobs

    @property
    def is_cheap(self) -> bool:
        """Whether the store tells that nothing changed without all jobs being read."""
        return self._rev is not None

    def message(self, failed: Failed) -> str:
        """Return why a job failed, as far as that can be known here; "" if it can't.

        What it stored as ``error`` is believed first, then the last lines that it wrote to stderr, if the
        file is on this machine and was written by this run.
        """
        error, run = self._known(failed.job_key)
        stored = ": ".join(error[name] for name in ("type", "message") if error.get(name))
        return _shortened(stored or (run.reason(_TAIL_LINES) if run else ""))

    def tails(self, job_key: str, lines: int) -> dict[str, str]:
        """Return the end of what a job's present run wrote, and of its error's traceback, as far as known."""
        error, run = self._known(job_key)
        told = {"traceback": "\n".join(error.get("traceback", "").splitlines()[-lines:])}
        for name in get_args(Stream):
            told[name] = (run and run.tail(name, lines)) or ""
        return {name: text for name, text in told.items() if text}

    def _known(self, job_key: str) -> tuple[dict[str, str], LastRun | None]:
        """Return the error that a job stored, and its present run, which says where its output is."""
        workflow = self._workflow
        with workflow._store.snapshot(workflow.key) as snap:
            runs = last_runs(snap, workflow._store.url, [job_key])
            try:
                error = stored_errors(snap, [job_key]).get(job_key, {})
            except UnreadableRecordError as unreadable:
                error = {"message": str(unreadable)}
            self.requests += snap.requests
        return error, runs[0] if runs else None


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"…{text[-_LONGEST_MESSAGE:]}"
