"""Figures of tables."""

import sys

import pandas as pd
import pytest

import torc_frames as tf
from torc_frames import plots

DF = pd.DataFrame({"x": [1, 10, 1, 10], "y": [1.0, 2.0, None, 4.0], "kind": ["a", "a", "b", "b"]})


def test_a_line_for_each_value(tmp_path):
    figure = plots.lines(DF, x="x", y="y", by="kind", logx=True)
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["kind = a", "kind = b"]
    assert [len(line.get_xdata()) for line in lines] == [2, 1]
    assert figure.axes[0].get_xscale() == "log"
    figure.savefig(tmp_path / "plot.png")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules


def test_bad_columns_are_named():
    with pytest.raises(tf.RefusedError, match="'z'"):
        plots.lines(DF, x="x", y="z")
    many = pd.DataFrame({"x": range(30), "y": range(30), "by": range(30)})
    with pytest.raises(tf.RefusedError, match="30 values"):
        plots.lines(many, x="x", y="y", by="by")
