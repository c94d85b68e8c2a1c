"""Notes of the calls that run jobs: that they began, where, and how they ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torc_frames.errors import TorcFramesError
from torc_frames.store.base import CallStore
from torc_frames.workflow.run.options import RunOptions
from torc_frames.workflow.run.origin import origin
from torc_frames.workflow.run.processes import utc_now
from torc_frames.workflow.run.signals import EndedBySignal

__all__ = ["NotedCall", "call_details", "noted"]


@dataclass(slots=True)
class NotedCall:
    """A call that runs jobs: who it is, and what is to be noted of how it ended."""

    runner: str
    outcome: dict[str, Any] = field(default_factory=dict)


def call_details(asked: RunOptions, output_dir: Path) -> dict[str, Any]:
    """Return what is noted of a call when it begins."""
    details = {
        "output_dir": str(output_dir),
        "jobs": asked.jobs and list(asked.jobs),
        "retries": asked.retries,
    }
    return {name: value for name, value in details.items() if value is not None}


@contextmanager
def noted(store: CallStore, workflow_key: str, call: NotedCall, details: Mapping[str, Any]) -> Iterator[None]:
    """Note a call for a block, and when and how that ended: its outcome, and an ``error`` where it raised."""
    in_main = threading.current_thread() is threading.main_thread()
    store.note_call(workflow_key, call.runner, {**details, "in_main_thread": in_main, **origin()})
    try:
        yield
    except BaseException as error:
        call.outcome["error"] = {
            "type": type(error).__name__,
            "message": str(error),
            "canceled": isinstance(error, (KeyboardInterrupt, EndedBySignal)),
        }
        # What was raised is to be told, whatever becomes of the store.
        with suppress(TorcFramesError):
            store.note_call(workflow_key, call.runner, call.outcome, ended=utc_now())
        raise
    store.note_call(workflow_key, call.runner, call.outcome, ended=utc_now())
