"""Means that are drawn are those of plain pandas; what is not drawn is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import torc_frames as tf
from torc_frames import plots


def table(seed, rows=60):
    """A table as wf.table() has it, with failures, missing values, infinities and stale rows."""
    rng = np.random.default_rng(seed)
    status = rng.choice(["completed", "failed", "running"], rows, p=[0.8, 0.1, 0.1])
    loss = pd.Series(rng.normal(size=rows)).mask(rng.random(rows) < 0.1)
    loss[rng.random(rows) < 0.03] = np.inf
    return pd.DataFrame(
        {
            "status": status,
            "stale": pd.array(rng.random(rows) < 0.1, dtype="boolean"),
            "params.n": pd.array(rng.integers(1, 5, rows), dtype="Int64"),
            "params.kind": rng.choice(["a", "b", "c"], rows),
            "params.seed": rng.integers(0, 3, rows),
            "results.loss": loss,
        }
    )


def counted(frame):
    """The rows that a mean is of, by plain pandas."""
    finite = np.isfinite(frame["results.loss"].astype("float64"))
    return frame[(frame["status"] == "completed") & ~frame["stale"].fillna(False).astype(bool) & finite]


def note(figure):
    return " ".join(figure._supxlabel.get_text().split()) if figure._supxlabel else ""


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_lines_are_means_of_pandas(seed):
    frame = table(seed)
    before = frame.copy(deep=True)
    axes = plots.lines(frame, x="n", y="loss", by="kind", over="seed").axes[0]
    wanted = counted(frame).groupby(["params.kind", "params.n"])["results.loss"].agg(["mean", "std"])
    for line in axes.get_lines():
        kind = wanted.loc[line.get_label().removeprefix("kind = ")]
        assert line.get_xdata().tolist() == kind.index.tolist()
        np.testing.assert_allclose(line.get_ydata(), kind["mean"])
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_cells_are_means_of_pandas(seed):
    frame = table(seed)
    cells = plots.heatmap(frame, x="n", y="kind", metric="loss").axes[0].collections[0].get_array()
    wanted = counted(frame).pivot_table(index="params.kind", columns="params.n", values="results.loss")
    np.testing.assert_allclose(np.ma.filled(cells, np.nan), wanted.to_numpy(dtype="float64"))


@pytest.mark.parametrize(
    ("band", "low", "high"),
    [
        ("std", 2 - np.sqrt(2), 2 + np.sqrt(2)),
        ("sem", 1.0, 3.0),
        ("ci95", 2 - 12.7062, 2 + 12.7062),
        ("minmax", 1.0, 3.0),
    ],
)
def test_a_band_is_what_it_says(band, low, high):
    frame = pd.DataFrame({"x": [1, 1, 2, 2], "y": [1.0, 3.0, 1.0, 3.0]})
    axes = plots.lines(frame, x="x", y="y", band=band).axes[0]
    ends = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((low, high), abs=1e-4)
    assert not plots.lines(frame, x="x", y="y", band=None).axes[0].collections


def test_notes_tell_what_a_mean_is_of_and_what_is_left_out():
    frame = tf.grid(n=[1, 2], depth=[3, 4], seed=[0, 1, 2]).add_prefix("params.")
    frame = frame.assign(status="completed", **{"results.loss": np.arange(12.0)})
    assert note(plots.lines(frame, x="n", y="loss", by="depth", over="seed")) == (
        "mean over seed, 3 rows a point; band: ± standard deviation"
    )
    assert note(plots.lines(frame, x="n", y="loss", over="seed", band=None)) == (
        "mean over seed, and over depth, 6 rows a point"
    )
    frame.loc[0, "status"], frame.loc[1, "status"], frame.loc[2, "results.loss"] = "failed", "ready", np.nan
    assert note(plots.lines(frame, x="n", y="loss", band=None)) == (
        "mean over depth, seed, 3 to 6 rows a point; left out: 1 failed, 1 unfinished, 1 without a value"
    )
    gaps = frame[(frame["params.n"] == 1) | (frame["params.depth"] == 3)]
    assert "no value in 2 of 4 cells" in note(plots.heatmap(gaps, x="n", y="depth", metric="loss"))
    crossed = plots.slice(frame, y="loss")
    assert [axes.get_xlabel() for axes in crossed.axes] == ["n", "depth", "seed"]
    assert note(crossed) == "crosses: 1 failed; left out: 1 unfinished, 1 without a finite value"
    below = [len(axes.collections[1].get_offsets()) for axes in crossed.axes]
    assert below == [1, 1, 1]


def test_axes_follow_the_recipe_until_told_otherwise():
    frame = tf.sample(9, {"rate": tf.loguniform(1e-4, 1), "share": tf.uniform(0, 1)}, seed=1)
    frame = tf.product(frame, tf.grid(width=[1, 10, 100], depth=[1, 2, 3])).assign(loss=1.0)
    scales = {name: plots.scatter(frame, x=name, y="loss").axes[0].get_xscale() for name in frame}
    assert [name for name, scale in scales.items() if scale == "log"] == ["rate", "width"]
    assert plots.scatter(frame, x="rate", y="loss", logx=False).axes[0].get_xscale() == "linear"
    assert plots.scatter(frame.assign(rate=-1.0), x="rate", y="loss").axes[0].get_xscale() == "linear"


def test_axes_of_a_pulled_table_follow_the_recipes_that_were_pushed(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("sweep")
    wf.push(tf.grid(rate=[1e-3, 1e-2, 1e-1], share=[1.0, 2.0, 3.0]))
    pulled = wf.table()
    assert plots.scatter(pulled, x="rate", y="share").axes[0].get_xscale() == "log"
    wf.push(tf.grid(rate=[0.5, 0.6, 0.7], share=[1.0]))
    assert plots.scatter(wf.table(), x="rate", y="share").axes[0].get_xscale() == "linear"


def test_many_values_are_cut_into_bins_and_uneven_ones_are_names():
    many = pd.DataFrame({"x": np.geomspace(1, 1e6, 500), "y": np.arange(500) % 2 == 0, "z": 1.0})
    axes = plots.heatmap(many, x="x", y="y", metric="z", logx=True).axes[0]
    assert axes.collections[0].get_array().shape == (2, 30)
    assert axes.get_xlim() == pytest.approx((1, 1e6))
    few = pd.DataFrame({"x": [1, 2, 1000], "y": [1, 2, 3], "z": 1.0})
    axes = plots.heatmap(few, x="x", y="y", metric="z").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "1000"]


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda df: plots.lines(df, x="n", y="kind"), "alone there are means"),
        (lambda df: plots.lines(df, x="n", y="loss", over="n"), "has an axis"),
        (lambda df: plots.lines(df, x="n", y="loss", band="std2"), "band='std2'"),
        (lambda df: plots.heatmap(df, x="n", y="seed", metric="kind"), "alone there are means"),
        (lambda df: plots.lines(df, x="n", y="los"), "'results.loss'"),
        (lambda df: plots.slice(df[["results.loss"]], y="loss"), "no parameter varies"),
        (lambda df: plots.slice(df, y="loss", columns=[]), "at least one"),
        (lambda df: plots.scatter(df, x="n", y="loss", backend="bokeh"), "'matplotlib' or 'plotly'"),
    ],
)
def test_what_can_not_be_drawn_is_refused(draw, reason):
    with pytest.raises(tf.RefusedError, match=reason):
        draw(table(0))
