"""The monitor of running jobs, for notebooks."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

import ipywidgets as widgets

from torc_frames.errors import counted
from torc_frames.widgets.parts import Message, button, close_inside, html, root, row, text_html
from torc_frames.widgets.progress.model import Failed, Progress, span
from torc_frames.widgets.progress.session import Watch, WatchState
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.run.handle import RunHandle
from torc_frames.workflow.workflow import Workflow

__all__ = ["Monitor"]

_KNOWN = frozenset(
    {
        *("completed", "done", "running", "pending", "failed", "terminated"),
        *("pending_failed", "canceled", "disabled"),
    }
)


class Monitor(Fixed, widgets.VBox):
    """How far the jobs of a workflow are, as it goes: counts, pace, what is left, what failed and why.

    It looks from time to time, in a thread: often at a file, every few seconds at a server, less often when
    nothing happens. It stops when all jobs have ended, when nothing has run for five minutes, and when it is
    closed; a button starts it again.

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

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("monitor")
    >>> _ = wf.push(tf.grid(n=[0, 1]), command="exit {n}")
    >>> _ = wf.run(workers=2)
    >>> monitor = Monitor(wf)
    >>> monitor.progress.counts, monitor.watching
    ({'completed': 1, 'failed': 1}, False)
    >>> monitor
    Monitor(workflow='1')
    """

    def __init__(self, workflow: Workflow | RunHandle, *, idle: float = 300.0) -> None:
        if isinstance(workflow, RunHandle):
            workflow = Workflow(workflow.store, workflow.store.get_workflow(workflow.workflow_key))
        self._key = workflow.key
        self._title = html(text_html(f"{workflow.name} (workflow {workflow.key})", "tf-title"))
        self._body, self._failures, self._told = html(), html(), html()
        self._message = Message()
        self._button = button("Stop", self._toggle, message=self._message)
        self._closed = False
        self.watch = Watch(workflow, self._show, idle=idle)
        inside = [row(self._title, self._button, self._told), self._body, self._message, self._failures]
        super().__init__([root(inside, sheet="progress")])
        self._show(self.watch.state)
        if not self.progress.is_over:
            self.watch.start()
        self._fixed = True

    def __repr__(self) -> str:
        return f"Monitor(workflow={self._key!r})"

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
        """Look no longer."""
        self.watch.stop()

    def close(self) -> None:
        """Take it off the page; it looks no longer."""
        self._closed = True
        watch = getattr(self, "watch", None)  # Python closes what could not be made, too
        if watch is not None:
            watch.stop()
        close_inside(self)
        super().close()

    def _toggle(self) -> None:
        if self.watching:
            self.stop()
        else:
            self.start()

    def _show(self, state: WatchState) -> None:
        if self._closed:
            return
        self._button.description, self._button.icon = (
            ("Stop", "stop") if state.watching else ("Start", "play")
        )
        self._told.value = text_html(state.told, "tf-quiet")
        self._body.value = _body(state.progress)
        self._failures.value = _failures(state.progress, state.messages)
        if state.error:
            self._message.say(state.error, "error")
        elif not state.watching and state.progress.is_over:
            self._message.say(_ended(state.progress), "warning" if state.progress.failed else "good")
        else:
            self._message.clear()


def _ended(now: Progress) -> str:
    bad = f"; {now.failed:,} failed" if now.failed else ""
    return f"All {counted(now.jobs, 'job')} have ended{bad}." if now.jobs > 1 else f"The job has ended{bad}."


def _body(now: Progress) -> str:
    if not now.jobs:
        return text_html("There are no jobs yet.", "tf-quiet")
    told = ", ".join(f"{count:,} {status}" for status, count in now.counts.items())
    numbers = f'aria-valuemin="0" aria-valuenow="{now.ended}" aria-valuemax="{now.jobs}"'
    parts = "".join(
        f'<span class="{_css(status)}" style="flex: {count} 1 0"></span>'
        for status, count in now.counts.items()
    )
    bar = (
        f'<div class="tf-bar" role="progressbar" aria-label="jobs that have ended" {numbers} '
        f'aria-valuetext="{escape(told)}">{parts}</div>'
    )
    items = "".join(
        f'<li class="{_css(status)}"><span><b>{count:,}</b> {text_html(status)}</span></li>'
        for status, count in now.counts.items()
    )
    return f'{bar}<ul class="tf-counts">{items}</ul>{text_html(_pace(now), "tf-quiet", tag="div")}'


def _pace(now: Progress) -> str:
    said = [f"{now.ended:,} of {counted(now.jobs, 'job')} ended ({now.ended / now.jobs:.0%})"]
    if now.running and now.rate is not None:
        said.append(f"{now.rate:,.3g} a minute")
    if now.left is not None:
        end = datetime.now() + now.left
        same_day = end.date() == datetime.now().date()
        said.append(f"about {span(now.left)} left, until {end:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}}")
    elif now.running:
        said.append("how long the rest takes is not known yet")
    if now.stale:
        said.append(f"{now.stale:,} stale: parameters changed since their run")
    return " · ".join(said)


def _failures(now: Progress, messages: dict[str, str]) -> str:
    if not now.failures:
        return ""
    shown = len(now.failures)
    caption = f"Last {shown} of {now.failed:,} that failed" if shown < now.failed else "Failed"
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("job", "name", "ended", "code", "message"))
    rows = "".join(_failure(one, messages.get(one.job_key, "")) for one in now.failures)
    return (
        f'<table class="tf-failures"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _failure(one: Failed, message: str) -> str:
    when = "" if one.end_time is None else f"{one.end_time.tz_convert(_here()):%H:%M:%S}"
    code = "" if one.return_code is None else str(one.return_code)
    cells = [text_html(cell) for cell in (one.job_key, one.job_name, when, code)]
    cells.append(
        text_html(message, tag="pre")
        if message
        else text_html("not known here: its stderr is where it ran", "tf-quiet")
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _here() -> Any:
    return datetime.now().astimezone().tzinfo


def _css(status: str) -> str:
    return f"tf-{status}" if status in _KNOWN else "tf-other"
