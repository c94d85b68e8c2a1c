"""Runs in a process of their own, which outlives the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from torc_frames.errors import FailedJobsWarning, RefusedError, TorcFramesWarning
from torc_frames.store.base import CallStore, RunnableStore, Store
from torc_frames.store.open import open_store
from torc_frames.workflow.run import runner
from torc_frames.workflow.run.calls import NotedCall, call_details, noted
from torc_frames.workflow.run.logs import make_folder
from torc_frames.workflow.run.options import RunOptions
from torc_frames.workflow.run.processes import MARK, runner_id, token_of
from torc_frames.workflow.run.signals import ended_by_signals

__all__ = ["main", "start"]

_CODE = "import sys; sys.path.append(sys.argv[1]); from torc_frames.workflow.run.detached import main; main()"
_ROOT = str(Path(__file__).parents[3])


def start(store: Store, workflow_key: str, asked: RunOptions) -> str:
    """Start a run in a session of its own, and return its runner; see `Workflow.start`.

    It is noted with the workflow before it begins. What it says goes into a file of the folder of outputs.

    Raises
    ------
    RefusedError
        For what `Workflow.run` refuses; nothing is started then.
    """
    if asked.slurm:
        raise RefusedError("slurm= does not wait for its jobs anyway: wf.run(slurm=…)")
    environment = dict(os.environ)
    if isinstance(store, RunnableStore):
        runner.planned(store, workflow_key, asked, tell=False)
    else:
        by_torc = runner.by_torc(store)
        by_torc.check(store, workflow_key, asked)
        environment = _environment_for(store)
    environment.pop(MARK, None)  # it is no part of a job that starts it
    assert isinstance(store, CallStore)
    folder = runner.output_folder(store, asked)
    make_folder(folder)
    log = folder / f"run_wf{workflow_key}_{os.urandom(4).hex()}.log"
    process = _spawned(log, environment, store.url, workflow_key)
    try:
        who = runner_id(process.pid)
        details = call_details(asked, folder) | {"detached": True, "log": str(log)}
        store.note_call(workflow_key, who, details)
        told = asdict(replace(asked, output_dir=str(folder), show_progress=False, timeout=asked.timeout_s))
        message = {"url": store.url, "workflow_key": workflow_key, "runner": who, "options": told}
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # what it said before it ended is in its log
            process.stdin.write(msgspec.json.encode(message) + b"\n")
    finally:
        # Without a message it ends at once, and so it does if this process is killed.
        with suppress(OSError):
            process.stdin and process.stdin.close()
        threading.Thread(target=process.wait, daemon=True).start()
    return who


def _environment_for(store: Any) -> dict[str, str]:
    from torc_frames.workflow.run.torc_program import server_environment

    return server_environment(store)


def _spawned(
    log: Path, environment: Mapping[str, str], url: str, workflow_key: str
) -> subprocess.Popen[bytes]:
    with log.open("wb") as said:
        return subprocess.Popen(
            # What comes last is for people who look at the processes of the machine.
            [sys.executable, "-P", "-c", _CODE, _ROOT, "run", f"workflow {workflow_key} of {url}"],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=environment,
            start_new_session=True,
        )


def main() -> None:
    """Do the run that is told on stdin; how it ends is noted with the workflow."""
    # Not to its end: a process that was forked meanwhile may hold the pipe open.
    message = sys.stdin.buffer.readline()
    if not message.endswith(b"\n"):
        return
    asked = msgspec.json.decode(message)
    call, key = NotedCall(asked["runner"]), asked["workflow_key"]
    store: Any = open_store(asked["url"])
    jobs = asked["options"]["jobs"]
    options = {**asked["options"], "jobs": None if jobs is None else tuple(jobs)}
    with (
        ended_by_signals(),
        noted(store, key, call, {}),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always", TorcFramesWarning)
        try:
            runner.run(store, key, call=call, **options)
        finally:
            said = [one for one in told if issubclass(one.category, TorcFramesWarning)]
            call.outcome["warnings"] = [
                str(one.message) for one in said if not issubclass(one.category, FailedJobsWarning)
            ]
            for one in said:
                print(f"{one.category.__name__}: {one.message}", file=sys.stderr)
    print(f"ended: {token_of(call.runner)}", file=sys.stderr)
