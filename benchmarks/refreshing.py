"""Bringing frames up to date after one record in a hundred has changed, against pulling them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from benchmarks.records import make_frame
from torc_frames.frame.encode import encode_frame, records
from torc_frames.store.records import OUTPUT
from torc_frames.workflow.workflow import Workflow

__all__ = ["SHARE", "measure"]

SHARE = 100
"""One record in so many changes."""

_REPEATS = 7


def measure(folder: Path, length: int) -> dict[str, Timings]:
    """Time refreshes of frames that were pulled before a column of 1% of the records changed."""
    workflow = tf.connect(folder / f"refresh-{length}.db").create_workflow("refresh")
    table = make_frame(length)
    pushed = workflow.push(table, show_progress=False)
    random = np.random.default_rng(11)
    rows = random.choice(length, length // SHARE, replace=False)
    changed = table.assign(
        loss=np.where(np.isin(np.arange(length), rows), random.random(length), table["loss"])
    )
    before = {name: _pulled(workflow, name) for name in ("user_data", "parameters")}
    workflow.push(pushed.assign(loss=changed["loss"].to_numpy()), show_progress=False)
    timings = _timed(workflow, before)

    store, key, jobs = workflow._store, workflow.key, list(pushed.index)
    results = store.add_user_data(key, records(encode_frame(table)), job_keys=jobs, role=OUTPUT)
    before = {"results": _pulled(workflow, "results")}
    lines = records(encode_frame(changed))
    store.update_user_data(key, [results[row] for row in rows], [lines[row] for row in rows])
    return {**timings, **_timed(workflow, before)}


def _timed(workflow: Workflow, before: dict[str, pd.DataFrame]) -> dict[str, Timings]:
    for name, frame in before.items():
        assert workflow.refresh(frame).frame.equals(_pulled(workflow, name))
    return {
        name: alternate(
            lambda frame=frame: lambda: workflow.refresh(frame),  # type: ignore[misc]
            lambda name=name: lambda: _pulled(workflow, name),  # type: ignore[misc]
            _REPEATS,
        )
        for name, frame in before.items()
    }


def _pulled(workflow: Workflow, name: str) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(workflow, name)(show_progress=False)
    return frame
