"""An optimiser in the loop: what it proposes is pushed, run, and seen at its next call, whoever calls."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import torc_frames as tf

SPACE: dict[str, Any] = {
    "rate": tf.loguniform(1e-4, 1),
    "model.depth": tf.integers(1, 9),
    "kind": [1, True, "1", None, [1, 2]],
}


def fit(rate: float, kind: Any, **model: Any) -> dict[str, Any]:
    depth = model["model.depth"] if "model.depth" in model else model["model"]["depth"]
    if rate > 0.3:
        raise ValueError("diverged")
    return {"loss": (np.log10(rate) + 2) ** 2 + (depth - 4) ** 2 + (kind is True), "size": depth}


@pytest.fixture
def wf(tmp_path: Path) -> tf.Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("suggested")


def run(wf: tf.Workflow, params: pd.DataFrame) -> pd.DataFrame:
    with ThreadPoolExecutor(1) as executor, warnings.catch_warnings():
        warnings.simplefilter("ignore", tf.TorcFramesWarning)  # that jobs failed
        return wf.map(fit, params, executor=executor, show_progress=False)


LOOP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_suggest, torc_frames as tf

wf = tf.connect(sys.argv[1]).workflow(name="suggested")
while len(params := tf.suggest(wf, test_suggest.SPACE, n=6, total=int(sys.argv[2]))):
    test_suggest.run(wf, params)
"""


def test_a_loop_that_another_process_goes_on_with_ends_as_one_that_was_not_stopped(
    wf: tf.Workflow, tmp_path: Path
) -> None:
    run(wf, tf.suggest(wf, SPACE, n=6))
    run(wf, tf.suggest(wf, SPACE, n=6))
    waiting = wf.push(tf.suggest(wf, SPACE, n=2))
    assert len(tf.suggest(wf, SPACE, n=6).merge(waiting, on=["rate", "model.depth"])) == 0
    run(wf, waiting)
    subprocess.run([sys.executable, "-c", LOOP, str(tmp_path / "study.db"), "20"], check=True)
    table = wf.table()
    assert len(table) == 20
    assert len(tf.suggest(wf, SPACE, n=6, total=20)) == 0
    assert set(table["status"]) == {"completed", "failed"}
    assert not table[["params.rate", "params.model.depth"]].duplicated().any()
    again = tf.connect(tmp_path / "again.db").create_workflow("suggested")
    for n in (6, 6, 2, 6):
        run(again, tf.suggest(again, SPACE, n=n))
    params = [one.parameters().reset_index(drop=True) for one in (wf, again)]
    assert_frame_equal(*params)
    assert [type(kind) for kind in params[0]["kind"]] == [type(kind) for kind in params[1]["kind"]]


def test_who_proposed_rows_is_kept_with_their_push(wf: tf.Workflow) -> None:
    params = tf.suggest(wf, SPACE, n=4, metric=["loss", "size"], direction=["min", "max"], seed=7)
    wf.push(params)
    [recipe] = wf.recipes()
    assert recipe == params.attrs["torc_recipe"]
    expected = {
        "how": "suggest",
        "sampler": "TPESampler",
        "seed": 7,
        "n": 4,
        "seen": {"completed": 0, "failed": 0, "running": 0},
        "metric": ["results.loss", "results.size"],
        "direction": ["minimize", "maximize"],
    }
    assert {name: recipe[name] for name in expected} == expected
    assert recipe["made_with"]["optuna"] == optuna.__version__
    with pytest.raises(tf.RefusedError, match=r"TPESampler proposed these rows.*can't be made again"):
        tf.from_recipe(recipe)
    folds = tf.product(params, tf.grid(fold=[1, 2]))
    assert folds.attrs["torc_recipe"]["how"] == "product"
    with pytest.raises(tf.RefusedError, match="TPESampler proposed"):
        tf.from_recipe(folds.attrs["torc_recipe"])


def test_the_space_is_that_of_the_recipe_with_its_constraint(wf: tf.Workflow) -> None:
    with pytest.raises(tf.RefusedError, match="no recipe tells the space: give space="):
        tf.suggest(wf)
    wf.push(tf.sample(8, SPACE, seed=1, where="rate < 0.1"))
    for _ in range(2):
        params = tf.suggest(wf, n=3)
        assert list(params) == list(SPACE)
        assert (params["rate"] < 0.1).all()
        assert_frame_equal(tf.suggest(wf, SPACE, n=3, where="rate < 0.1"), params)
        wf.push(params)
    for where in ("rate > 0.1", None):
        params = tf.suggest(wf, n=10, where=where)
        assert (params["rate"] > 0.1).all(), "one that is given goes before, and is that of the next call"
        wf.push(params)


def test_recipes_of_several_spaces_or_of_none_are_told(wf: tf.Workflow) -> None:
    wf.push(tf.product(tf.grid(depth=[1, 2, 3]), tf.sample(2, {"rate": tf.uniform(0, 1)}, seed=1)))
    assert set(tf.suggest(wf, n=20)["depth"]) == {1, 2, 3}
    wf.push(tf.sample(2, {"rate": tf.uniform(0, 2)}, seed=1))
    with pytest.raises(tf.RefusedError, match=r"tell 2 spaces \(depth, rate\) \(rate\): give space="):
        tf.suggest(wf)
    wf.push(tf.zip_(a=[1, 2], b=[3, 4]))
    with pytest.raises(tf.RefusedError, match="'zip', which has no space: give space="):
        tf.suggest(wf)


def test_a_constraint_of_a_recipe_that_was_a_function_is_told(wf: tf.Workflow) -> None:
    wf.push(tf.sample(8, SPACE, seed=1, where=lambda df: df["rate"] < 0.1))
    with pytest.warns(tf.TorcFramesWarning, match="the recipe's constraint was a function, .*: give where="):
        assert len(tf.suggest(wf, n=2)) == 2


def test_other_jobs_of_the_workflow_are_left_out_and_counted(wf: tf.Workflow) -> None:
    wf.add_job("prepare")
    wf.push(tf.sample(2, SPACE, seed=1))
    with pytest.warns(tf.TorcFramesWarning, match="1 row of 3 left out: 1 without 'rate', 'model.depth'"):
        assert len(tf.suggest(wf, SPACE, n=2)) == 2


def test_times_of_jobs_are_metrics_and_their_columns_hide_no_result(wf: tf.Workflow) -> None:
    params = tf.sample(4, {"rate": tf.uniform(0, 0.1), "kind": [1], "model.depth": [1]}, seed=1)
    run(wf, params)
    assert len(tf.suggest(wf, n=2, metric=["loss", "exec_time_minutes"])) == 2
    with pytest.raises(tf.RefusedError, match="no metric 'memory'; there are 'results"):
        tf.suggest(wf, metric="memory")


def test_parameters_of_other_values_count_no_more(wf: tf.Workflow) -> None:
    run(wf, tf.sample(8, {"rate": tf.uniform(0, 0.1), "kind": [1], "model.depth": [1]}, seed=1))
    params = wf.parameters()
    params.loc["1", "rate"] = 0.05
    wf.push(params)
    states = [trial.state.name for trial in wf.to_optuna().trials]
    assert states == ["RUNNING", *["COMPLETE"] * 7]


# to_optuna

PLOTS = (
    *("plot_contour", "plot_edf", "plot_optimization_history", "plot_parallel_coordinate"),
    *("plot_param_importances", "plot_rank", "plot_slice", "plot_timeline", "plot_intermediate_values"),
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tf.Workflow:
    """A workflow with all there is: choices of many types, failures, jobs that wait."""
    wf = tf.connect(tmp_path_factory.mktemp("done") / "study.db").create_workflow("done")
    run(wf, tf.sample(24, SPACE, seed=1))
    wf.push(tf.sample(2, SPACE, seed=2))
    return wf


def test_a_workflow_is_a_study_whose_trials_are_its_jobs(done: tf.Workflow) -> None:
    before = optuna.logging.get_verbosity()
    study = done.to_optuna("loss")
    assert optuna.logging.get_verbosity() == before == logging.INFO
    table = done.table()
    assert [trial.user_attrs["job_key"] for trial in study.trials] == table.index.tolist()
    assert study.best_trial.user_attrs["job_key"] == table["results.loss"].idxmin()
    assert study.best_value == table["results.loss"].min()
    assert study.study_name == "done"
    assert study.metric_names == ["loss"]
    states = table["status"].map({"completed": "COMPLETE", "failed": "FAIL", "ready": "RUNNING"})
    assert [trial.state.name for trial in study.trials] == states.tolist()
    assert study.trials[0].datetime_start is not None
    assert study.trials[0].datetime_start.tzinfo is None
    best = done.to_optuna(["loss", "size"], ["min", "max"]).best_trials
    assert {trial.user_attrs["job_key"] for trial in best} >= {table["results.loss"].idxmin()}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore:.*tight_layout")
@pytest.mark.parametrize("backend", [optuna.visualization, optuna.visualization.matplotlib])
def test_all_plots_of_optuna_draw_it(done: tf.Workflow, backend: Any) -> None:
    study = done.to_optuna("loss")
    several = done.to_optuna(["loss", "size"])
    for name in PLOTS:
        draw = getattr(backend, name)
        few = {"params": ["rate", "kind"]} if name in ("plot_contour", "plot_rank") else {}
        assert draw([study] if name == "plot_edf" else study, **few) is not None, name
    assert backend.plot_pareto_front(several) is not None
    if hasattr(backend, "plot_hypervolume_history"):
        assert backend.plot_hypervolume_history(several, [100.0, 100.0]) is not None
    plt.close("all")


def test_all_importances_of_optuna_find_what_matters(done: tf.Workflow) -> None:
    study = done.to_optuna("loss")
    kinds = optuna.importance
    for evaluator in (
        kinds.PedAnovaImportanceEvaluator(),
        kinds.MeanDecreaseImpurityImportanceEvaluator(seed=1),
        kinds.FanovaImportanceEvaluator(seed=1),
    ):
        found = kinds.get_param_importances(study, evaluator=evaluator)
        assert set(found) == set(SPACE)
        assert max(found, key=lambda name: found[name]) == "model.depth"


def test_without_a_recipe_the_space_is_what_the_jobs_span(wf: tf.Workflow) -> None:
    params = pd.DataFrame({"rate": [0.001, 0.01, 0.1], "model.depth": [1, 5, 3], "kind": ["a", "b", "a"]})
    run(wf, params)
    study = wf.to_optuna()
    kinds = optuna.distributions
    assert study.trials[0].distributions == {
        "rate": kinds.FloatDistribution(0.001, 0.1),
        "model.depth": kinds.IntDistribution(1, 5),
        "kind": kinds.CategoricalDistribution(["a", "b"]),
    }
    empty = tf.connect(wf._store.url).create_workflow("empty")
    with pytest.raises(tf.RefusedError, match="no parameter varies"):
        empty.to_optuna()


# against Sobol


@pytest.mark.long
def test_four_at_a_time_it_is_better_than_sobol_on_the_problem_of_the_demo() -> None:
    from sklearn.datasets import load_breast_cancer
    from threadpoolctl import threadpool_limits

    from torc_frames.cli.demo_job import held_out_scores

    features, benign = load_breast_cancer(return_X_y=True)
    space = {"gamma": tf.loguniform(1e-4, 1), "alpha": tf.loguniform(1e-3, 1e2)}

    def done(params: pd.DataFrame) -> pd.DataFrame:
        with threadpool_limits(1):
            scores = [held_out_scores(features, benign, *row) for row in params.itertuples(index=False)]
        errors = [float(((score - (2 * benign - 1)) ** 2).mean()) for score in scores]
        return params.add_prefix("params.").assign(**{"status": "completed", "results.error2": errors})

    suggested, drawn = [], []
    for seed in range(10):
        table = done(tf.sample(8, space, method="sobol", seed=seed))
        sobol = tf.sample(64, space, method="sobol", seed=seed).iloc[8:40]
        drawn.append(min(table["results.error2"].min(), done(sobol)["results.error2"].min()))
        while len(params := tf.suggest(table, space, 4, metric="error2", seed=seed, total=40)):
            table = pd.concat([table, done(params)], ignore_index=True)
        suggested.append(table["results.error2"].min())
    assert sum(np.array(suggested) <= np.array(drawn)) >= 8
    assert np.mean(suggested) < np.mean(drawn)
