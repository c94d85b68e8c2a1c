"""The handle of a run that goes on by itself: its state, its end, its jobs as they end."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torc_frames import settings
from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    RunCanceledError,
    RunFailedError,
    TorcFramesError,
    counted,
    warn,
)
from torc_frames.frame.shown import Shown
from torc_frames.store.base import CallStore, Store
from torc_frames.store.contents import read_calls, read_jobs
from torc_frames.store.records import COMPLETED, FAILED, TERMINATED, JobRecord, RunCall
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.pull.origins import calls_of
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.run.logs import last_lines, visible
from torc_frames.workflow.run.processes import has_ended, shown_runner, signal_runner, token_of, utc_now
from torc_frames.workflow.run.summary import RunSummary, from_json, tell_of_failures

if TYPE_CHECKING:
    from torc_frames.frame.description import Description

__all__ = ["RunHandle", "RunHandles", "RunState", "RunStatus", "handle_of", "handles"]

RunState = Literal["running", "finished", "failed", "canceled", "killed", "unknown"]
"""See `RunStatus`."""

_SHORTEST_S = 0.02
_LONGEST_S = 1.0
_LOG_LINES = 10
_SHOWN = 20
_ENDED = (COMPLETED, FAILED, TERMINATED)
"""The statuses of jobs that a run has run to their end."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is.

    Attributes
    ----------
    state : str
        ``"running"``, ``"finished"`` (also if jobs failed), ``"canceled"``; ``"failed"`` if it could not do
        its work, ``"killed"`` if its process is no more and did not say why; ``"unknown"`` of one on another
        machine, until it has ended.
    counts : dict
        How many of its jobs have each status; of the workflow's, if it is a run of all of them.
    """

    state: RunState
    counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {status}" for status, count in self.counts.items())
        return f"{self.state} ({told or 'no jobs'})"


class RunHandle(Shown, Fixed):
    """A run that goes on by itself, as `Workflow.start` and `Workflow.running` give it.

    It has the calls of `concurrent.futures`.

    Attributes
    ----------
    id : str
        What the command line names it by.
    store : Store
    workflow_key : str
    output_dir : Path or None
        Where the output of its jobs is.
    log : Path or None
        What it said itself.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("echo")
    >>> _ = wf.push(tf.grid(n=[1, 2]), command="echo {n}")
    >>> run = wf.start(workers=2)
    >>> sorted(job.key for job in run.as_completed())
    ['1', '2']
    >>> run.wait()
    RunSummary(completed=2, failed=0, canceled=0, not_run=0, running_elsewhere=0)
    >>> run.status()
    RunStatus(state='finished', counts={'completed': 2})
    """

    def __init__(self, store: Store, workflow_key: str, call: RunCall) -> None:
        self.store = store
        self._call = call
        self._told = False
        self.workflow_key = workflow_key
        self.id = token_of(call.runner)
        self._fixed = True

    def __repr__(self) -> str:
        where = shown_runner(self._call.runner)
        return f"RunHandle(id={self.id!r}, workflow_key={self.workflow_key!r}, {where})"

    def describe(self) -> Description:
        """Return how far it is, who does it and where its outputs are: what a notebook shows."""
        from torc_frames.frame.description import Calls, Counts, Description, Remark

        with settings.hurry():
            told = self._described()
            [counts] = self.store.count_jobs([self.workflow_key])
        lines = [f"{name}: {value}" for name, value in told.items() if name not in ("run", "state") and value]
        goes_on = told["state"] in ("running", "unknown")
        calls = [("run.wait()", "until it has ended"), ("run.cancel()", "ends it")] if goes_on else []
        said = [("run.wait()", "tells what it did"), ("wf.runs()", "how each job ran")]
        return Description(
            f"Run {self.id} of workflow {self.workflow_key}: {told['state']}",
            Counts(f"{sum(counts.values()):,} jobs in the workflow", counts),
            *map(Remark, lines),
            Calls(calls or said),
        )

    @property
    def output_dir(self) -> Path | None:
        """Where the output of its jobs is."""
        return _path(self._call.details.get("output_dir"))

    @property
    def log(self) -> Path | None:
        """What it said itself; None of a run that another process does beside other things."""
        return _path(self._call.details.get("log"))

    def _described(self) -> dict[str, str | None]:
        """Return what is to be known of it, as texts by name."""
        return {
            "run": self.id,
            "state": self._state(),
            "runner": shown_runner(self._call.runner),
            "started": self._call.started,
            "ended": self._call.ended,
            "output_dir": self._call.details.get("output_dir"),
            "log": self._call.details.get("log"),
        }

    def status(self) -> RunStatus:
        """Return whether it still runs, and how many of its jobs have which status.

        Returns
        -------
        RunStatus
        """
        state, chosen = self._state(), self._call.details.get("jobs")
        if chosen is None:
            counts = self.store.count_jobs([self.workflow_key])[0]
        else:
            wanted = set(chosen)
            with self.store.snapshot(self.workflow_key) as snap:
                counts = Counter(job.status for key, job in read_jobs(snap).items() if key in wanted)
        return RunStatus(state, dict(counts))

    def done(self) -> bool:
        """Return whether it has ended, in whatever way."""
        return self._state() not in ("running", "unknown")

    def running(self) -> bool:
        """Return whether it has not ended."""
        return not self.done()

    def cancelled(self) -> bool:
        """Return whether it was canceled, or interrupted."""
        return self._state() == "canceled"

    def wait(self, timeout: float | None = None) -> RunSummary:
        """Wait until it has ended, and return what it did.

        Parameters
        ----------
        timeout : float, optional
            For how many seconds; the run goes on if they are over.

        Returns
        -------
        RunSummary
            As of `Workflow.run`; what that would warn of, this does.

        Raises
        ------
        TimeoutError
            If it has not ended by then.
        RunFailedError
            If it could not do its work, or was killed, with what it said.
        RunCanceledError
            If it was canceled; also a `concurrent.futures.CancelledError`.
        """
        for _ in self._looks(timeout):
            if self.done():
                break
        self._raise()
        details = self._call.details
        summary = from_json(details["summary"])
        if not self._told:
            self._told = True
            for message in details.get("warnings", ()):
                warn(visible(str(message)))
            tell_of_failures(summary)
        return summary

    result = wait

    def exception(self, timeout: float | None = None) -> TorcFramesError | None:
        """Wait until it has ended, and return what `wait` raises, None where it raises nothing."""
        try:
            self.wait(timeout)
        except (RunFailedError, RunCanceledError) as error:
            return error
        return None

    def cancel(self, timeout: float = 60.0) -> bool:
        """End it with its running jobs, which are ready again then, and return whether that was needed.

        A run that another process does beside other things, such as a notebook with `Workflow.run`, is
        interrupted as by Ctrl-C.

        Parameters
        ----------
        timeout : float
            How many seconds its end may take.

        Raises
        ------
        RefusedError
            If it runs on another machine, is another user's, or in a thread that can't be interrupted.
        TimeoutError
            If it has not ended by then.
        """
        if self.done():
            return False
        details = self._call.details
        if not details.get("detached") and not details.get("in_main_thread"):
            raise RefusedError(
                f"{shown_runner(self._call.runner)} runs it in a thread, which nothing can interrupt"
            )
        signal_runner(self._call.runner, signal.SIGTERM if details.get("detached") else signal.SIGINT)
        for _ in self._looks(timeout):
            if self.done():
                break
        if self._state() == "killed" and isinstance(self.store, CallStore):
            # It had not begun.
            error = {"type": "EndedBySignal", "message": "SIGTERM", "canceled": True}
            self.store.note_call(self.workflow_key, self._call.runner, {"error": error}, ended=utc_now())
        return True

    def as_completed(self, timeout: float | None = None) -> Iterator[Job]:
        """Yield its jobs as they end, completed or failed, each once; at last what `wait` raises.

        Those that have ended before come first. Jobs that were canceled, as one that they wait for failed,
        don't come.

        Parameters
        ----------
        timeout : float, optional
            For how many seconds; after that a TimeoutError.

        Yields
        ------
        Job
            As it was when it ended: its ``status`` says how.
        """
        seen: set[str] = set()
        rev = None
        for _ in self._looks(timeout):
            over, before = self.done(), rev
            rev = self.store.get_workflow(self.workflow_key).rev
            if rev is not None and rev == before and not over:
                continue
            for record in self._ended_jobs(over):
                if record.key not in seen:
                    seen.add(record.key)
                    yield Job(self.store, record)
            if over:
                self._raise()
                return

    def _ended_jobs(self, over: bool) -> list[JobRecord]:
        """Return the jobs that this run has run, and will not try again, in the order in which they ended."""
        retries = int(self._call.details.get("retries", 0))
        with self.store.snapshot(self.workflow_key) as snap:
            self._call = _of_runner(read_calls(snap), self._call.runner, self.workflow_key)
            jobs, pages = read_jobs(snap), list(snap.results(labels=True))
            calls = calls_of(pages, [self._call])
        keys = [key for page in pages for key in page.job_keys]
        mine = [key for key, call in zip(keys, calls, strict=True) if call is not None]
        runs = Counter(mine)
        ended = []
        for key in dict.fromkeys(mine):
            job = jobs.get(key)
            if job is None or job.status not in _ENDED:
                continue
            if over or job.status == COMPLETED or runs[key] > retries:
                ended.append(job)
        return ended

    def _looks(self, timeout: float | None) -> Iterator[None]:
        """Yield at each time to look again; TimeoutError when the time is over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _SHORTEST_S
        while True:
            yield
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the run {self.id} has not ended within {timeout:g} seconds; it goes on")
            time.sleep(min(pause, left))
            pause = min(_LONGEST_S, 1.5 * pause)

    def _state(self) -> RunState:
        if self._call.ended is None:
            gone = has_ended(self._call.runner)
            if gone is False and self._call.details.get("detached"):
                return "running"
            self._call = _find(self.store, self.workflow_key, self._call.runner)
            if self._call.ended is None:
                return "killed" if gone else "running" if gone is False else "unknown"
        error = self._call.details.get("error")
        if not isinstance(error, Mapping):
            return "finished" if "summary" in self._call.details else "failed"
        return "canceled" if error.get("canceled") else "failed"

    def _raise(self) -> None:
        """Raise why it has done no work, if that is so."""
        state, error = self._state(), self._call.details.get("error", {})
        if state == "canceled":
            raise RunCanceledError(f"the run {self.id} was canceled; jobs that had not ended are ready again")
        if state == "failed" and not error:
            raise RunFailedError(f"the run {self.id} has ended, and what it did is not noted: see wf.runs()")
        if state == "failed":
            told = visible(f"{error.get('type')}: {error.get('message')}")
            raise RunFailedError(f"the run {self.id} failed: {told}")
        if state == "killed":
            said = last_lines(self.log, _LOG_LINES) if self.log else None
            raise RunFailedError(
                f"the run {self.id} ended without a word ({shown_runner(self._call.runner)} is no more): the "
                f"next run, wf.run() or wf.start(), goes on{': ' if said else ''}{said or ''}"
            )


class RunHandles(Shown, list[RunHandle]):
    """Runs, as a list."""

    def describe(self) -> Description:
        """Return who does them, and since when: what a notebook shows."""
        from torc_frames.frame.description import CellTable, Description

        names = ("run", "state", "runner", "started", "output_dir")
        rows = [[told[name] or "" for name in names] for told in (one._described() for one in self[:_SHOWN])]
        more = f"and {len(self) - _SHOWN:,} more" if len(self) > _SHOWN else ""
        title = counted(len(self), "run") if self else "No runs go on: wf.run() or wf.start() begins one"
        return Description(title, CellTable(names, rows, more=more) if rows else None)


def handles(store: Store, workflow_key: str, *, over: bool = False) -> RunHandles:
    """Return the runs of a workflow that have not ended, oldest first; or also those that have."""
    with store.snapshot(workflow_key) as snap:
        calls = read_calls(snap)
    found = [RunHandle(store, workflow_key, call) for call in calls]
    return RunHandles(one for one in found if over or (one._call.ended is None and one.running()))


def handle_of(store: Store, workflow_key: str, runner: str) -> RunHandle:
    """Return the handle of a run by its runner."""
    return RunHandle(store, workflow_key, _find(store, workflow_key, runner))


def _find(store: Store, workflow_key: str, runner: str) -> RunCall:
    with store.snapshot(workflow_key) as snap:
        return _of_runner(read_calls(snap), runner, workflow_key)


def _of_runner(calls: Sequence[RunCall], runner: str, workflow_key: str) -> RunCall:
    for call in calls:
        if call.runner == runner:
            return call
    raise NotFoundError("run", [token_of(runner)], f"workflow {workflow_key}")


def _path(text: Any) -> Path | None:
    return Path(text) if isinstance(text, str) else None
