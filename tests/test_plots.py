"""Figures of tables."""

import itertools
import os
import subprocess
import sys

import pandas as pd
import pytest
from drawn import finished
from places import REPOSITORY

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


def test_figures_are_drawn_without_the_global_state_of_pyplot():
    code = (
        "import sys; import pandas as pd; from torc_frames import plots\n"
        "plots.lines(pd.DataFrame({'x': [1, 2], 'y': [1, 2]}), x='x', y='y')._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)})


def test_bad_columns_are_named():
    with pytest.raises(tf.RefusedError, match="'z'"):
        plots.lines(DF, x="x", y="z")
    many = pd.DataFrame({"x": range(30), "y": range(30), "by": range(30)})
    with pytest.raises(tf.RefusedError, match="30 values"):
        plots.lines(many, x="x", y="y", by="by")


WIDE = pd.DataFrame(
    {
        "alpha": [0.1, 1.0, 10.0, 100.0],
        "depth": pd.array([1, None, 3, 4], dtype="Int64"),
        "solver": ["b", "a", None, "b"],
        "kind": pd.Categorical(["x", "y", "x", "y"], categories=["y", "unused", "x"]),
        "flag": [True, False, True, True],
        "when": pd.date_range("2026-01-01", periods=4, tz="Europe/Berlin"),
        "took": pd.to_timedelta([1, 2, 3, 4], unit="s"),
        "same": [7, 7, 7, 7],
    }
)


def drawn(figure):
    """Draw a figure, so that whatever is wrong with it is raised."""
    return finished(figure).axes[0]


def test_a_notebook_shows_it_as_a_picture():
    assert plots.scatter(WIDE, x="alpha", y="depth")._repr_png_().startswith(b"\x89PNG")


def test_a_point_for_each_row_that_has_both_values():
    axes = drawn(plots.scatter(WIDE, x="alpha", y="depth", logx=True))
    (points,) = axes.collections
    assert points.get_offsets().tolist() == [[0.1, 1], [10.0, 3], [100.0, 4]]
    assert axes.get_xscale() == "log"


def test_colors_of_few_values_have_a_legend_and_missing_is_grey():
    axes = drawn(plots.scatter(WIDE, x="alpha", y="took", by="solver"))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "missing"]
    colors = axes.collections[0].get_facecolors()[:, :3].round(3).tolist()
    assert colors[0] == colors[3] != colors[1]
    assert colors[2] == [0.549] * 3


def test_colors_of_many_numbers_have_a_scale():
    many = pd.DataFrame({"x": range(30), "y": range(30), "by": [*range(29), None]})
    figure = plots.scatter(many, x="x", y="y", by="by")
    drawn(figure)
    assert [axes.get_ylabel() for axes in figure.axes] == ["y", "by"]


# The axes know nothing of each other, so that each column is tried beside one other.
@pytest.mark.parametrize(("x", "y"), zip(WIDE, itertools.cycle(["when", "solver", "alpha"]), strict=False))
def test_columns_of_any_kind_can_be_an_axis(x, y):
    drawn(plots.scatter(WIDE, x=x, y=y, by=x))
    if x != y:
        drawn(plots.parallel(WIDE, columns=[x, y], by=y))


def test_parallel_coordinates_have_a_line_for_each_row_with_gaps():
    axes = drawn(plots.parallel(WIDE, columns=["alpha", "depth", "kind", "same"], log=["alpha"]))
    lines = [segment[:, 1].round(3).tolist() for segment in axes.collections[0].get_segments()]
    assert lines[0] == [0, 0, 1, 0.5]  # categories in their order, those that are there
    assert lines[3] == [1, 1, 0, 0.5]
    assert len(lines) == 4
    assert sum(len(line) for line in lines) == 15  # the missing depth is drawn over
    assert [label.get_text() for label in axes.get_xticklabels()] == ["alpha", "depth", "kind", "same"]


def test_many_rows_are_thinned_out_and_it_says_so():
    many = pd.DataFrame({"x": range(50_000), "y": range(50_000)})
    axes = drawn(plots.scatter(many, x="x", y="y"))
    points = axes.collections[0].get_offsets()
    assert len(points) == 10_000
    assert points[[0, -1], 0].tolist() == [0, 49_999]
    assert axes.get_title(loc="left") == "10,000 of 50,000 rows"
    axes = drawn(plots.parallel(many, columns=["x", "y"]))
    assert axes.get_title(loc="left") == "1,000 of 50,000 rows"


def test_names_and_values_are_shown_as_they_are():
    odd = ["$\\frac$", "_hidden", "a\nb", "\\", "x" * 99]
    df = pd.DataFrame(dict.fromkeys(odd, odd))
    for name in odd:
        axes = drawn(plots.scatter(df, x=name, y=name, by=name))
        assert len(axes.get_legend().get_texts()) == 5
    axes = drawn(plots.parallel(df, columns=odd, by="_hidden"))
    texts = [text.get_text() for text in axes.get_xticklabels()]
    assert "hidden" in texts[1]
    assert len(texts[4]) == 40
    drawn(plots.lines(pd.DataFrame({"$\\frac$": [1, 2], "_y": [1, 2]}), x="$\\frac$", y="_y", by="_y"))


def test_no_rows_are_an_empty_figure():
    none = WIDE.iloc[:0]
    drawn(plots.scatter(none, x="alpha", y="when", by="solver"))
    drawn(plots.parallel(none, columns=list(WIDE), by="alpha"))


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda df: plots.scatter(df, x="alpha", y="z"), "no column 'z'"),
        (lambda df: plots.scatter(df, x="solver", y="alpha", logx=True), "not of numbers"),
        (lambda df: plots.scatter(df.assign(alpha=-1.0), x="alpha", y="depth", logx=True), "not above 0"),
        (lambda df: plots.parallel(df, columns=["alpha", "alpha"]), "at least two"),
        (lambda df: plots.parallel(df, columns=["alpha", "z"]), "no column 'z'"),
        (
            lambda df: plots.scatter(
                pd.DataFrame({"x": [str(n) for n in range(30)], "y": range(30)}), x="x", y="y"
            ),
            "30 values that are no numbers",
        ),
    ],
)
def test_what_can_not_be_drawn_is_refused(draw, reason):
    with pytest.raises(tf.RefusedError, match=reason):
        draw(WIDE)
