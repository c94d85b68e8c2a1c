"""Rows that jobs log, against lines of JSON in a file, and their frame, against reading such lines."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pyarrow.json as pj

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from torc_frames.workflow.workflow import Workflow

__all__ = ["JOBS", "ROWS", "measure"]

JOBS, ROWS = 100, 10_000
"""How many jobs log how many rows each."""

_REPEATS = 3


def measure(folder: Path) -> dict[str, tuple[int, Timings]]:
    """Time logging the rows of one job, and reading those of all; with each of how many rows it is."""
    lines = folder / "rows.jsonl"
    with closing(tf.connect(folder / "curves.db")) as client:
        logged, whole = client.create_workflow("log"), client.create_workflow("whole")
        with lines.open("w") as file:
            for job in range(JOBS):
                _log(whole, f"job_{job}")
                file.writelines(f"{json.dumps(_row(epoch))}\n" for epoch in range(ROWS))
        log = alternate(lambda: lambda: _log(logged, "job"), lambda: lambda: _append(folder), 5 * _REPEATS)
        read = alternate(lambda: whole.curves, lambda: lambda: pj.read_json(lines).to_pandas(), _REPEATS)
    return {"`job.log()`": (ROWS, log), "`wf.curves()`": (JOBS * ROWS, read)}


def _row(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "loss": 1 / (epoch + 1), "accuracy": epoch / 7}


def _log(workflow: Workflow, name: str) -> None:
    job = workflow.job(workflow.add_job(name).key)
    for epoch in range(ROWS):
        job.log(**_row(epoch))
    job.flush()


def _append(folder: Path) -> None:
    with (folder / "appended.jsonl").open("a", buffering=1) as file:
        for epoch in range(ROWS):
            file.write(json.dumps(_row(epoch)) + "\n")
