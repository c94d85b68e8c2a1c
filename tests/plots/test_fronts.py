"""The Pareto front of two columns."""

import pandas as pd
import pytest
from drawn import legend, lines, notes

import torc_frames as tf
from torc_frames import plots

TABLE = pd.DataFrame(
    {
        "status": ["completed"] * 5 + ["failed"],
        "results.hours": [1.0, 2.0, 2.0, 3.0, float("inf"), 0.1],
        "results.score": [1.0, 3.0, 3.0, 2.0, 9.0, 9.0],
    }
)


@pytest.mark.parametrize(
    ("direction", "front"),
    [
        (("min", "max"), [(1, 1), (2, 3), (2, 3)]),
        ("min", [(1, 1)]),
        (("max", "min"), [(3, 2), (1, 1)]),
    ],
)
def test_the_line_goes_along_the_front(direction, front):
    figure = plots.pareto(TABLE, "hours", "score", direction=direction)
    assert lines(figure)[0] == front
    marked, everything = (points.get_offsets() for points in figure.axes[0].collections)
    assert [tuple(point) for point in marked] == front
    assert len(everything) == 5


def test_it_says_what_is_better_and_what_is_not_there():
    figure = plots.pareto(TABLE, "hours", "score", direction=("min", "max"))
    assert legend(figure) == ["front (4)"]  # with the infinite one, which nothing is better than
    assert notes(figure) == "better: less hours, more score; left out: 1 failed; 1 infinite, beside the axes"


def test_the_front_is_whole_where_points_are_thinned():
    many = pd.DataFrame({"x": range(3_000), "y": [(at * 37) % 3_000 for at in range(3_000)]})
    figure = plots.pareto(many, "x", "y", limit=50)
    marked, everything = (points.get_offsets() for points in figure.axes[0].collections)
    assert {tuple(point) for point in marked} <= {tuple(point) for point in everything}
    assert len(everything) <= 50 + len(marked)


def test_colors_are_on_a_logarithmic_scale_where_the_sweep_is():
    sampled = tf.sample(12, {"alpha": tf.loguniform(1e-3, 1)}, seed=0)
    table = sampled.add_prefix("params.").assign(**{"results.a": range(12), "results.b": range(12)})
    table.attrs = sampled.attrs
    axes = plots.pareto(table, "a", "b", by="alpha").axes
    assert [one.get_yscale() for one in axes[1:]] == ["log"]
