"""When jobs ran, and where."""

import numpy as np
import pandas as pd
import pytest
from drawn import legend, notes
from matplotlib.collections import PathCollection, PolyCollection

from torc_frames import plots

START = pd.Timestamp("2026-01-01", tz="UTC")


def runs(*spans, **columns):
    """Return runs of minutes from start to end, the end of those that have one."""
    starts, ends = (pd.to_timedelta([span[side] for span in spans], unit="min") for side in (0, 1))
    keys = [str(at) for at in range(len(spans))]
    return pd.DataFrame({"job_key": keys, "start_time": START + starts, "end_time": START + ends, **columns})


def bars(figure):
    (drawn,) = (each for each in figure.axes[0].collections if type(each) is PolyCollection)
    return [path.get_extents() for path in drawn.get_paths()]


def marks(figure):
    found = [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    return np.concatenate([each.get_offsets() for each in found]) if found else np.empty((0, 2))


def test_jobs_that_ran_at_once_have_lanes_within_their_place():
    df = runs((0, 2), (1, 3), (2, 4), (0, 4), host=["a", "a", "a", "b"], status="completed")
    figure = plots.timeline(df)
    heights = [round(bar.y0 + bar.height / 2, 2) for bar in bars(figure)]
    assert heights[0] == heights[2] < heights[1] < heights[3]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]


def test_places_are_nodes_where_these_are_known():
    df = runs((0, 1), (0, 1), (0, 1), host=["x", "x", None], compute_node=["7", None, "8"])
    figure = plots.timeline(df)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["node 7 (x)", "unknown", "node 8"]


def test_failures_have_marks_at_their_ends_and_are_counted():
    df = runs((0, 1), (1, 2), (2, 3), host="a", status=["completed", "failed", "terminated"])
    figure = plots.timeline(df)
    assert legend(figure) == ["completed", "failed", "terminated"]
    assert len(marks(figure)) == 2
    assert notes(figure) == "1 failed, 1 terminated"


def test_what_has_not_ended_is_drawn_up_to_the_last_time():
    df = runs((0, 5), (1, None), (None, None), status=["completed", "running", "ready"])
    figure = plots.timeline(df)
    first, second = bars(figure)
    assert first.x1 == second.x1
    assert "1 that never started" in notes(figure)
    assert "1 without an end" in notes(figure)


@pytest.mark.parametrize("places", [2, 50])
def test_of_many_runs_it_draws_how_many_at_once_and_every_failure(places):
    count = 2_000
    at = np.arange(count)
    status = np.where(at % 100 == 7, "failed", "completed")
    df = runs(*zip(at, at + 2.0, strict=True), host=[f"n{one % places}" for one in at], status=status)
    figure = plots.timeline(df, limit=500)
    assert "2,000 runs: drawn is how many ran at once, at most" in notes(figure)
    assert "20 failed" in notes(figure)
    assert len(marks(figure)) == 20
