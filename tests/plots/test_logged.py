"""Curves of what jobs logged."""

import numpy as np
import pandas as pd
import pytest
from drawn import legend, lines, notes

import torc_frames as tf
from torc_frames import plots


def rows(job, losses, rate, seed):
    named = {"job_key": job, "epoch": range(1, len(losses) + 1), "loss": losses}
    return pd.DataFrame(named | {"params.rate": rate, "params.seed": seed})


FRAME = pd.concat(
    [rows("1", [4.0, 2.0], 0.1, 0), rows("2", [2.0, 4.0, 8.0], 0.1, 1), rows("3", [1.0], 1.0, 0)],
    ignore_index=True,
)


def test_each_job_has_its_line():
    (paths,) = plots.curves(FRAME, "loss").axes[0].collections
    drawn = [path.vertices[~np.isnan(path.vertices).any(axis=1)].tolist() for path in paths.get_paths()]
    assert drawn == [[[1, 4], [2, 2]], [[1, 2], [2, 4], [3, 8]], [[1, 1]]]


@pytest.mark.parametrize("how", [{"by": "rate"}, {"over": "seed"}, {"by": "rate", "over": "seed"}])
def test_means_are_dotted_where_not_all_jobs_are(how):
    figure = plots.curves(FRAME, "loss", **how)
    assert legend(figure) == ["0.1 (2)", "1.0 (1)" if "by" in how else "1 (1)"]
    whole, dotted, _ = lines(figure)
    np.testing.assert_equal(whole, [(1, 3), (2, 3), (3, np.nan)])
    np.testing.assert_equal(dotted, [(1, np.nan), (2, 3), (3, 8)])
    assert "so many" in notes(figure)


def test_the_band_is_of_jobs():
    (band,) = plots.curves(FRAME, "loss", by="rate", band="minmax").axes[0].collections
    ends = band.get_paths()[0].vertices
    assert sorted(set(ends[ends[:, 0] == 1, 1])) == [2, 4]


def test_over_everything_there_is_one_mean():
    assert legend(plots.curves(FRAME, "loss", over=["seed", "rate"])) == ["mean (3)"]


def test_a_step_that_a_job_logged_twice_is_one_point():
    twice = pd.concat([FRAME, FRAME.assign(loss=FRAME["loss"] + 2)])
    assert lines(plots.curves(twice, "loss", by="rate"))[0][0] == (1, 4)


def test_jobs_that_are_not_drawn_are_counted():
    many = pd.concat([rows(str(job), [1.0, 2.0], 1, job) for job in range(30)])
    figure = plots.curves(many, "loss", limit=10)
    assert len(figure.axes[0].collections[0].get_paths()) == 10
    assert notes(figure) == "left out: 20 jobs, by chance"


def test_what_jobs_log_is_drawn_as_it_is_pulled(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("curves")
    for job in wf.push(tf.grid(rate=[0.1, 1.0], seed=[0, 1])).index:
        wf.job(job).log(epoch=1, loss=0.5)
        wf.job(job).log(epoch=2, loss=float("inf") if job == "4" else 0.25)
        wf.job(job).flush()
    figure = plots.curves(wf.curves(parameters=True), "loss", over="seed")
    assert legend(figure) == ["0.1 (2)", "1 (2)"]
    assert "left out: 1 infinite" in notes(figure)
