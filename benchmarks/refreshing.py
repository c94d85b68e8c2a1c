"""Bringing frames up to date after one record in a hundred has changed, against pulling them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from benchmarks.records import make_frame
from torc_frames.workflow import Workflow

__all__ = ["SHARE", "measure"]

SHARE = 100
"""One record in so many changes."""

_PULLS = ("user_data", "parameters")
_REPEATS = 7


def measure(folder: Path, length: int) -> dict[str, Timings]:
    """Time refreshes of frames that were pulled before a column of 1% of the records changed."""
    workflow = tf.connect(folder / f"refresh-{length}.db").create_workflow("refresh")
    edited = workflow.push(make_frame(length), show_progress=False)
    before = {name: _pulled(workflow, name) for name in _PULLS}
    random = np.random.default_rng(11)
    rows = random.choice(length, length // SHARE, replace=False)
    edited["loss"] = np.where(np.isin(np.arange(length), rows), random.random(length), edited["loss"])
    workflow.push(edited, show_progress=False)
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
