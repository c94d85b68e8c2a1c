"""Rows of an exact grid don't hide one another: neither place, order nor color tells what is not there."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import torc_frames as tf
from torc_frames import plots
from torc_frames.plots.colors import PALETTE


def grid():
    """A grid whose two kinds have nothing to do with its parameters, but stand one after the other."""
    frame = tf.grid(
        kind=["early", "late"], a=[0, 1, 2, 3, 4], b=["x", "y", "z"], c=[1, 2], seed=list(range(4))
    )
    return frame.assign(loss=np.random.default_rng(0).permutation(len(frame)) / len(frame))


def shares(figure):
    """How much of what is drawn in either color of the two kinds is in the first."""
    buffer = BytesIO()
    figure.axes[0].get_legend().remove()
    figure.savefig(buffer)
    pixels = np.asarray(Image.open(buffer).convert("RGB"), dtype=float).reshape(-1, 3)
    first, second = (np.array(to_rgb(color)) * 255 for color in PALETTE[:2])
    # Colors are mixed with one another and with white: which of the two is more of it?
    off = [np.linalg.norm(pixels - color, axis=1) for color in (first, second)]
    counts = [np.sum((mine < 90) & (mine < other)) for mine, other in (off, off[::-1])]
    return counts[0] / sum(counts)


def test_both_kinds_are_seen_alike():
    frame = grid()
    columns = ["a", "b", "c"]
    assert shares(plots.parallel(frame, columns=columns, by="kind")) == pytest.approx(0.5, abs=0.1)
    assert shares(plots.scatter(frame, x="a", y="b", by="kind")) == pytest.approx(0.5, abs=0.1)


def test_lines_of_a_grid_lie_side_by_side_in_an_order_that_tells_nothing():
    frame = grid()
    drawn = plots.parallel(frame, columns=["a", "b", "c"], by="loss").axes[0].collections[0]
    heights = np.array([line[:, 1] for line in drawn.get_segments()])
    assert len(np.unique(heights.round(9), axis=0)) == len(frame)
    assert len({tuple(line) for line in heights[:, :2].round(9)}) == len(frame)
    assert (heights.min(axis=0), heights.max(axis=0)) == (pytest.approx(0), pytest.approx(1))
    # The lightness of a line says what its loss is: neither its height nor when it is drawn goes with it.
    loss = drawn.get_colors()[:, 1]
    order = np.arange(len(frame))
    assert np.abs(np.corrcoef(np.column_stack([heights, order, loss]).T) - np.eye(5)).max() < 4 / np.sqrt(240)


def test_points_of_a_grid_lie_around_their_place():
    frame = grid()
    figure = plots.scatter(frame, x="a", y="c", by="loss")
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert len(np.unique(points.round(9), axis=0)) == len(frame)
    places, counts = np.unique(points.round(), axis=0, return_counts=True)
    assert len(places) == 10
    assert set(counts) == {24}
    assert "around it" in figure._supxlabel.get_text()
    loss, order = figure.axes[0].collections[0].get_facecolors()[:, 1], np.arange(len(frame))
    assert np.abs(np.corrcoef(np.column_stack([points, order, loss]).T) - np.eye(4)).max() < 4 / np.sqrt(240)


def test_rows_that_do_not_meet_stay_where_they_are():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 1.0, 2.0]})
    assert plots.scatter(frame, x="x", y="y").axes[0].collections[0].get_offsets().tolist() == [
        [1, 3],
        [2, 1],
        [3, 2],
    ]
