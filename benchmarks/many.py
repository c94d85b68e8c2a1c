"""One frame of many small workflows, against that of one with as many records."""

from __future__ import annotations

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from benchmarks.records import make_frame

__all__ = ["COUNT", "measure"]

COUNT = 50
"""How many workflows have the records that one has."""

_REPEATS = 5


def measure(url: str, length: int) -> dict[str, Timings]:
    """Time frames of many workflows of a store and of one, in turn."""
    client, frame = tf.connect(url), make_frame(length)
    one = client.create_workflow("one")
    one.push(frame, show_progress=False)
    few = length // COUNT
    several = [client.create_workflow(f"one of {COUNT}") for _ in range(COUNT)]
    for at, workflow in enumerate(several):
        workflow.push(frame.iloc[at * few : (at + 1) * few], show_progress=False)
    return {
        name: alternate(
            lambda name=name: lambda: getattr(client, name)(several, show_progress=False),  # type: ignore[misc]
            lambda name=name: lambda: getattr(one, name)(show_progress=False),  # type: ignore[misc]
            _REPEATS,
        )
        for name in ("user_data", "table")
    }
