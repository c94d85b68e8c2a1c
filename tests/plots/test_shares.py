"""Which parameters matter."""

import numpy as np
import pandas as pd
import pytest
from drawn import notes

import torc_frames as tf
from torc_frames import plots

SPACE = {"gamma": tf.loguniform(1e-4, 10), "alpha": tf.loguniform(1e-3, 100), "other": tf.uniform(0, 1)}


def sample(rows):
    """Return a table whose loss is gamma's by 0.80 and alpha's by 0.20, on logarithmic axes."""
    params = tf.sample(rows, SPACE, seed=3, method="sobol")
    made = params.add_prefix("params.")
    made["results.loss"] = np.log10(params["gamma"]) ** 2 + np.log10(params["alpha"]) ** 2
    return made


def shares(*args, **kwargs):
    return plots.importances(*args, **kwargs).set_index("parameter")["importance"]


def told(table, **kwargs):
    return "; ".join(plots.importances(table, "loss", **kwargs).attrs["torc_importance"]["notes"])


def test_shares_of_variance_are_those_of_the_truth():
    found = shares(sample(256), "loss")
    assert found.sum() == pytest.approx(1)
    assert found["params.gamma"] == pytest.approx(0.80, abs=0.05)
    assert found["params.alpha"] == pytest.approx(0.20, abs=0.05)
    assert found["params.other"] < 0.02


def test_parameters_may_be_of_any_size():
    table = sample(64)
    far = table.assign(**{"params.gamma": table["params.gamma"] * 1e300})
    assert shares(far, "loss").to_dict() == pytest.approx(shares(table, "loss").to_dict(), abs=0.05)


def test_what_the_best_need_is_measured_on_the_axes_of_the_recipe():
    found = shares(sample(256), "loss", method="ped-anova")
    assert found["params.gamma"] == pytest.approx(0.5, abs=0.15)
    assert found["params.alpha"] == pytest.approx(0.5, abs=0.15)
    linear = shares(sample(256), "loss", method="ped-anova", log=[])
    assert abs(linear["params.gamma"] - found["params.gamma"]) > 0.01


def test_the_figure_says_which_question_it_answers():
    assert "which share of the variance of loss each parameter explains" in told(sample(64))
    assert "among the greatest tenth (PED-ANOVA)" in told(sample(64), method="ped-anova", direction="max")


def test_it_says_that_parameters_explain_nothing():
    table = sample(128)
    table["results.loss"] = np.random.default_rng(1).normal(size=128)
    assert "together they explain 0%" in told(table)


@pytest.mark.parametrize("method", ["variance", "ped-anova"])
def test_choices_gaps_and_lists_are_parameters_and_constants_are_told(method):
    table = sample(256).assign(**{"params.same": 3, "params.list": [[1], [2]] * 128})
    table["params.solver"] = np.where(np.arange(256) % 3 == 0, "svd", "lu")
    table["params.gap"] = np.where(np.arange(256) % 2 == 0, np.nan, np.arange(256))
    table["results.loss"] += 20 * (table["params.solver"] == "svd")
    found = plots.importances(table, "loss", method=method, direction="max")
    if method == "variance":
        assert found["parameter"][0] == "params.solver"
    assert set(found["parameter"]) == {f"params.{name}" for name in (*SPACE, "list", "solver", "gap")}
    assert "the same in all rows: same" in "; ".join(found.attrs["torc_importance"]["notes"])


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (sample(16).iloc[:9], "9 rows with a value: too few"),
        (sample(64)[["results.loss"]], "no parameter varies"),
        (sample(64).assign(**{"results.loss": 1}), "the same in all rows"),
        (sample(64).assign(status="failed"), "0 rows with a value"),
    ],
)
def test_too_little_is_an_empty_figure_that_says_why(table, reason):
    found = plots.importances(table, "loss")
    assert found.dtypes.astype(str).tolist() == [str(pd.Series(dtype="str").dtype), "float64"]
    assert not len(found)
    assert reason in notes(plots.importance(table, "loss"))


def test_many_rows_are_a_random_part_which_is_said():
    table = pd.concat([sample(512)] * 5, ignore_index=True)
    assert "of 2,000 of 2,560 rows, at random" in told(table)
