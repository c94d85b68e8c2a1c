"""The monitor of running jobs, for notebooks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import traitlets

from torc_frames.errors import RefusedError, counted
from torc_frames.store.contents import read_jobs
from torc_frames.widgets.app.app import FAILURES, App
from torc_frames.widgets.progress import messages
from torc_frames.widgets.progress.model import RUNNING_STATUSES, Progress
from torc_frames.widgets.progress.session import Watch, WatchState
from torc_frames.widgets.progress.snapshot import snapshot
from torc_frames.widgets.work import Background
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.run.handle import RunHandle, RunHandles, handles
from torc_frames.workflow.workflow import Workflow

__all__ = ["Monitor"]

_LOG_LINES = 60


class Monitor(Fixed, App):
    """How far the jobs of a workflow are, as it goes: counts, pace, what is left, what failed and why.

    It looks from time to time, in a thread: often at a file, every few seconds at a server, less often when
    nothing happens. It stops when all jobs have ended, when nothing has run for five minutes, and when it is
    closed; a button starts it again, another cancels the run.

    Parameters
    ----------
    workflow : Workflow or RunHandle
        Of any store; of a run, its workflow.
    idle : float
        Seconds without a running job after which it stops.

    Attributes
    ----------
    watch : Watch
        What looks, without a browser.
    progress : Progress
        What it saw last.
    watching : bool
        Whether it goes on looking.
    value : dict
        How many jobs have each status; may be observed.
    selected : str or None
        The job whose output was opened last on the page, by its key; may be observed.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("monitor")
    >>> _ = wf.push(tf.grid(n=[0, 1]), command="exit {n}")
    >>> _ = wf.run(workers=2)
    >>> monitor = Monitor(wf)
    >>> monitor.value, monitor.watching
    ({'completed': 1, 'failed': 1}, False)
    >>> monitor
    Monitor(workflow='1')
    """

    value = traitlets.Dict(read_only=True)
    selected = traitlets.Unicode(None, allow_none=True, read_only=True)

    _messages = messages.Message

    def __init__(self, workflow: Workflow | RunHandle, *, idle: float = 300.0) -> None:
        self._closed = True  # until it is made
        self._run = workflow if isinstance(workflow, RunHandle) else None
        if isinstance(workflow, RunHandle):
            workflow = Workflow(workflow.store, workflow.store.get_workflow(workflow.workflow_key))
        self._workflow = workflow
        self._ending = Background(lambda busy: self._show(canceling=busy))
        self.watch = Watch(workflow, self._on_change, idle=idle)
        super().__init__(label=f"Monitor of {workflow.name}", lock=self.watch.lock, _editor="progress")
        self._closed = False
        self._show(title=workflow.name, workflow=workflow.key, canceling=False)
        self._on_change(self.watch.state)
        if not self.progress.is_over:
            self.watch.start()
        self._fixed = True

    def __repr__(self) -> str:
        return f"Monitor(workflow={self._workflow.key!r})"

    def _still(self) -> str:
        title = f"{self._workflow.name} (workflow {self._workflow.key})"
        state = self.watch.state
        return snapshot(title, state.progress, state.messages)

    @property
    def progress(self) -> Progress:
        """What it saw last."""
        return self.watch.state.progress

    @property
    def watching(self) -> bool:
        """Whether it goes on looking."""
        return self.watch.state.watching

    def start(self) -> None:
        """Look from time to time."""
        self.watch.start()

    def stop(self) -> None:
        """Look no longer; the jobs go on."""
        self.watch.stop()

    def close(self) -> None:
        """Take it off the page; it looks no longer."""
        self._closed = True
        watch = getattr(self, "watch", None)  # Python closes what could not be made, too
        if watch is not None:
            watch.stop()
        super().close()

    def _obey(self, message: messages.Message) -> None:
        match message:
            case messages.Follow(on=True):
                self.start()
            case messages.Follow():
                self.stop()
            case messages.WrittenBy(id=id, job=job):
                texts: dict[str, str] = {}
                try:
                    texts = self.watch.reader.tails(job, _LOG_LINES)
                finally:
                    self._answer(id, texts=texts)
                self.set_trait("selected", job)
            case messages.CountsThen(id=id):
                went = self.watch.course()
                axes = [{"name": name, "values": numbers.tolist()} for name, numbers in went.items()]
                self._answer(id, axes=axes)
            case messages.Intended(id=id):
                self._answer(id, **self._intent())
            case messages.EndRuns(runs=runs):
                self._cancel([run for run in self._runs() if run.id in runs])

    def _runs(self) -> RunHandles:
        """Return the runs that go on, of those that it is about."""
        found = handles(self._workflow._store, self._workflow.key)
        return RunHandles(run for run in found if self._run is None or run.id == self._run.id)

    def _intent(self) -> dict[str, Any]:
        """Return what cancelling would do."""
        runs = self._runs()
        if not runs:
            return {
                "runs": [],
                "text": "No run of torc_frames goes on. What else runs jobs is what ends them.",
            }
        chosen = [run._call.details.get("jobs") for run in runs]
        with self._workflow._store.snapshot(self._workflow.key) as snap:
            jobs = read_jobs(snap)
        if all(keys is not None for keys in chosen):
            jobs = {key: jobs[key] for keys in chosen for key in keys or () if key in jobs}
        running = sum(job.status in RUNNING_STATUSES for job in jobs.values())
        waiting = sum(job.status in ("ready", "blocked", "uninitialized") for job in jobs.values())
        whose = f"Run {runs[0].id}" if len(runs) == 1 else counted(len(runs), "run")
        does = f"end {counted(running, 'running job')}"
        left = f"{waiting:,} waiting {'is' if waiting == 1 else 'are'} not started"
        text = f"{whose}: {does}, {left}. Jobs that are ended are ready again then; what has ended stays."
        return {"runs": [run.id for run in runs], "text": text, "does": does.capitalize()}

    def _cancel(self, runs: list[RunHandle]) -> None:
        """End runs, in a thread: their jobs may take a while to end."""

        def cancel() -> int:
            ended = sum([run.cancel() for run in runs])
            self.watch.look()
            return ended

        def failed(error: BaseException) -> None:
            self._tell(str(error) or type(error).__name__, "error")
            if not isinstance(error, FAILURES):
                raise error

        if not runs:
            raise RefusedError("the run has ended meanwhile: nothing was cancelled")
        self._ending.start(cancel, self._canceled, failed)

    def _canceled(self, ended: int) -> None:
        what = counted(ended, "run") if ended else "Nothing"
        self._tell(f"{what} cancelled. wf.start() goes on with the jobs that are left.", "good")

    def _on_change(self, state: WatchState) -> None:
        if self._closed:
            return
        now = state.progress
        self.set_trait("value", now.counts)
        last = now.last if now.is_over or not now.running else None
        self._show(
            counts=[[status, many] for status, many in now.counts.items()],
            jobs=now.jobs,
            ended=now.ended,
            rate=now.rate if now.running else None,
            left=None if now.left is None else now.left.total_seconds(),
            began=_ms(now.began),
            last=_ms(last),
            stale=now.stale,
            failed=now.failed,
            failures=[
                {
                    "job": one.job_key,
                    "name": one.job_name,
                    "code": one.return_code,
                    "ended": _ms(one.end_time),
                    "reason": state.messages.get(one.job_key, ""),
                }
                for one in now.failures
            ],
            running=[
                {"job": one.job_key, "name": one.job_name, "began": _ms(one.start_time)}
                for one in now.now_running
            ],
            busy=now.running,
            over=now.is_over,
            watching=state.watching,
            told=state.told,
            error=state.error,
        )


def _ms(time: pd.Timestamp | None) -> float | None:
    return None if time is None else time.timestamp() * 1000
