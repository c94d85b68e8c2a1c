"""What an optimiser proposes of a table: rows that nobody has, the same for the same table."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
import optuna
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf

SPACE: dict[str, Any] = {"x": tf.uniform(-1, 1), "rate": tf.loguniform(1e-4, 1), "depth": tf.integers(1, 9)}
MIXED: dict[str, Any] = {"choice": [1, True, "1", None, [1, 2]], "n": tf.integers(1, 3)}
POINTS = [(choice, n) for choice in MIXED["choice"] for n in (1, 2, 3)]
STATUSES = ["completed", "failed", "canceled", "running", "ready", "blocked"]


def loss(x: float, rate: float, depth: int) -> float:
    return (x - 0.3) ** 2 + (np.log10(rate) + 2) ** 2 + (depth - 4) ** 2


def run(params: pd.DataFrame, status: str = "completed", **more: Any) -> pd.DataFrame:
    """Return the table of jobs of these parameters."""
    frame = params.add_prefix("params.").assign(status=status, **more)
    if status == "completed":
        frame["results.loss"] = [loss(*row) for row in params.itertuples(index=False)]
    return frame


def begun(rows: int = 16) -> pd.DataFrame:
    return run(tf.sample(rows, SPACE, seed=5))


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def is_known(point: Any, known: Any) -> bool:
    return any(all(map(same, point, other)) for other in known)


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(range(15)), st.sampled_from(STATUSES)), max_size=20),
    st.integers(0, 5),
    st.integers(0, 9),
)
@pytest.mark.filterwarnings("ignore:suggest")
def test_a_row_is_never_known_nor_twice_and_none_lacks_while_there_are_some(
    rows: list[tuple[int, str]], n: int, seed: int
) -> None:
    known = [POINTS[at] for at, _ in rows]
    values = [float(at % 4) if at % 5 else np.nan for at, _ in rows]
    table = pd.DataFrame(
        {
            "params.choice": pd.Series([choice for choice, _ in known], dtype=object),
            "params.n": pd.Series([count for _, count in known], dtype="Int64"),
            "status": [status for _, status in rows],
            "results.loss": values,
        }
    )
    found = tf.suggest(table, MIXED, n, seed=seed)
    points = list(zip(found["choice"], found["n"].tolist(), strict=True))
    assert all(is_known(point, POINTS) for point in points)
    assert not any(is_known(point, known) for point in points)
    assert not any(is_known(point, points[:at]) for at, point in enumerate(points))
    left = [point for point in POINTS if not is_known(point, known)]
    assert len(points) == min(n, len(left))
    assert_frame_equal(tf.suggest(table, MIXED, n, seed=seed), found)


def test_the_first_rows_are_those_of_a_sobol_sequence_whoever_asks_when() -> None:
    sobol = tf.sample(16, SPACE, method="sobol", seed=3)
    none = run(sobol.head(0))
    assert_frame_equal(tf.suggest(none, SPACE, seed=3), sobol.head(8))
    three = run(sobol.head(3), "ready")
    assert_frame_equal(tf.suggest(three, SPACE, seed=3), sobol.iloc[3:11].reset_index(drop=True))
    failed = run(sobol, "failed")
    assert len(tf.suggest(failed, SPACE, seed=3).merge(sobol)) == 0, "known ones are left out"
    longer = tf.sample(32, SPACE, method="sobol", seed=3)
    assert_frame_equal(tf.suggest(failed, SPACE, seed=3), longer.iloc[16:24].reset_index(drop=True))
    after = tf.suggest(run(sobol.head(8)), SPACE, seed=3)
    assert len(after.merge(longer)) == 0
    more = tf.suggest(run(sobol.head(8)), SPACE, startup=12, seed=3)
    assert_frame_equal(more.head(4), sobol.iloc[8:12].reset_index(drop=True))


def test_the_same_table_gives_the_same_rows_and_more_of_them_begin_with_fewer() -> None:
    table = begun()
    found = tf.suggest(table, SPACE, 6)
    later = table.assign(start_time=pd.Timestamp("2026-01-01", tz="UTC"), job_name="other")
    assert_frame_equal(tf.suggest(later.astype({"params.depth": "Int64"}), SPACE, 6), found)
    assert_frame_equal(tf.suggest(table, SPACE, 3), found.head(3))
    assert_frame_equal(tf.suggest(pl.from_pandas(table), SPACE, 6), found)
    assert not tf.suggest(table, SPACE, 6, seed=1).equals(found)
    changed = table.assign(**{"results.loss": table["results.loss"] * (table.index != 3)})
    assert not tf.suggest(changed, SPACE, 6).equals(found)


def test_rows_that_were_pushed_and_not_run_are_not_proposed_again() -> None:
    table = begun()
    first = tf.suggest(table, SPACE, 4)
    statuses = ["running", "ready", "blocked", "pending", "uninitialized"]
    second, *others = (
        tf.suggest(pd.concat([table, run(first, status)], ignore_index=True), SPACE, 4) for status in statuses
    )
    assert len(second.merge(first)) == 0
    for other in others:
        assert_frame_equal(other, second)


def test_what_runs_is_kept_away_from() -> None:
    space = {"x": tf.uniform(-1, 1), "y": tf.uniform(-1, 1)}
    params = tf.sample(40, space, seed=5)
    done = params.add_prefix("params.").assign(**{"results.loss": params["x"] ** 2 + params["y"] ** 2})
    around = np.linspace(0, 2 * np.pi, 15)
    crowd = pd.DataFrame({"params.x": 0.05 * np.cos(around), "params.y": 0.05 * np.sin(around)})
    told, untold = (
        pd.concat([tf.suggest(table, space, 1, seed=seed) for seed in range(15)])
        for table in (pd.concat([done, crowd], ignore_index=True), done)
    )
    distances = [np.median(np.hypot(found["x"], found["y"])) for found in (told, untold)]
    assert distances[0] > 1.3 * distances[1]


def test_it_learns() -> None:
    table = run(tf.sample(0, SPACE, seed=1))
    while len(params := tf.suggest(table, SPACE, 5, metric="loss", total=40)):
        table = pd.concat([table, run(params)], ignore_index=True)
    at_random = np.median([run(tf.sample(40, SPACE, seed=seed))["results.loss"].min() for seed in range(9)])
    assert len(table) == 40
    assert table["results.loss"].min() < at_random / 2
    best = tf.suggest(table, SPACE, 8, metric="loss", direction="maximize")
    assert (run(best)["results.loss"].median()) > 5


def test_the_total_ends_a_loop() -> None:
    table = begun(16)
    assert len(tf.suggest(table, SPACE, 8, total=20)) == 4
    for total in (16, 3, 0):
        last = tf.suggest(table, SPACE, 8, total=total)
        assert_frame_equal(last, tf.sample(0, SPACE), check_dtype=True)


def test_dtypes_are_those_of_a_sample() -> None:
    space: dict[str, Any] = {
        **SPACE,
        "when": tf.choice(pd.Series(pd.to_datetime(["2026-01-01", "2026-02-01"], utc=True))),
        "kind": tf.choice(pd.Series(pd.Categorical(["a", "b"]))),
        "text": ["a", "b"],
        "gap": [1, None],
        "mixed": [1, "1", None],
        "list": [[1], [2, 3]],
        "one": ["only"],
        "model.depth": [1, 2],
    }
    expected = tf.sample(8, space, method="sobol", seed=0).dtypes
    table = (
        tf.sample(8, space, seed=1)
        .add_prefix("params.")
        .assign(status="completed", **{"results.loss": range(8)})
    )
    for frame in (table, table.head(0)):
        for n in (0, 4):
            assert tf.suggest(frame, space, n).dtypes.equals(expected)


def test_floats_have_the_digits_that_stores_keep_and_lie_within_the_bounds() -> None:
    space = {"x": tf.uniform(0.1 + 0.2, 0.9), "y": tf.loguniform(1e-300, 1e300)}
    table = pd.DataFrame({"params.x": [0.5, 0.6], "params.y": [1.0, 2.0], "results.loss": [1.0, 2.0]})
    found = tf.suggest(table, space, 50, startup=0)
    assert found["x"].between(0.1 + 0.2, 0.9).all()
    assert found["y"].between(1e-300, 1e300).all()
    assert all(value in (0.1 + 0.2, 0.9) or float(f"{value:.15g}") == value for value in found["x"])


@pytest.mark.parametrize("space", [{"x": tf.uniform(1, 1 + 1e-15)}, {"x": tf.integers(3, 3)}, {"x": ["a"]}])
def test_a_space_of_one_point_is_used_up_by_one_row(space: Any) -> None:
    none = pd.DataFrame({"params.x": [], "results.loss": []})
    with pytest.warns(tf.TorcFramesWarning, match="suggest: 1 point, not 8"):
        found = tf.suggest(none, space)
    with pytest.warns(tf.TorcFramesWarning, match="suggest: 0 points, not 8"):
        assert tf.suggest(found.add_prefix("params.").assign(status="ready"), space).empty


def test_the_last_points_of_a_space_are_found_and_then_a_word_is_said() -> None:
    space = {"a": tf.integers(1, 20), "b": list(range(20))}
    table = tf.grid(a=range(1, 21), b=range(20)).add_prefix("params.").assign(status="completed")
    table["results.loss"] = np.arange(400.0)
    rest = table.drop(index=[7, 300, 399])
    with pytest.warns(tf.TorcFramesWarning, match="suggest: 3 points, not 8: no more is left of the space"):
        found = tf.suggest(rest, space)
    expected = table.loc[[7, 300, 399], ["params.a", "params.b"]].to_numpy().tolist()
    assert sorted(found.to_numpy().tolist()) == expected


@pytest.mark.parametrize("where", ["x > 0 and depth <= 3", lambda df: (df["x"] > 0) & (df["depth"] <= 3)])
@pytest.mark.parametrize("rows", [0, 24])
def test_only_rows_that_meet_the_constraint_are_proposed(where: Any, rows: int) -> None:
    found = tf.suggest(begun(rows), SPACE, 12, where=where)
    assert len(found) == 12
    assert (found["x"] > 0).all()
    assert (found["depth"] <= 3).all()


def test_a_constraint_that_hardly_anything_meets_gives_what_there_is_with_a_word() -> None:
    with pytest.warns(tf.TorcFramesWarning, match=r"suggest: 0 points, not 8: hardly any other meets where="):
        assert tf.suggest(begun(), SPACE, where="x > 1").empty
    rare = tf.suggest(begun(), SPACE, 2, where="x > 0.97 and depth == 9")
    assert len(rare) == 2
    with pytest.warns(tf.TorcFramesWarning, match="suggest: 2 points, not 4: no more is left of the space"):
        assert tf.suggest(begun(0)[[]], {"n": tf.integers(1, 9)}, 4, where="n > 7")["n"].nunique() == 2


@pytest.mark.parametrize("where", ["__import__('os')", "y > 1", "x + 1", 3])
def test_a_constraint_that_makes_no_sense_is_refused(where: Any) -> None:
    with pytest.raises(tf.RefusedError, match="where"):
        tf.suggest(begun(), SPACE, where=where)


@pytest.mark.parametrize(
    "sampler",
    [
        optuna.samplers.RandomSampler,
        optuna.samplers.TPESampler,
        optuna.samplers.TPESampler(seed=1, n_startup_trials=0),
        functools.partial(optuna.samplers.TPESampler, multivariate=False),
        lambda seed: optuna.samplers.RandomSampler(seed=seed),
        lambda number: optuna.samplers.RandomSampler(number),
        lambda seed: optuna.samplers.PartialFixedSampler({"depth": 4}, optuna.samplers.RandomSampler(seed)),
    ],
    ids=["random", "tpe", "instance", "partial", "function", "positional", "fixed"],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_that_needs_only_trials_will_do_and_gives_the_same_again(sampler: Any) -> None:
    found = tf.suggest(begun(), SPACE, 3, sampler=sampler)
    assert len(found) == 3
    assert_frame_equal(tf.suggest(begun(), SPACE, 3, sampler=sampler), found)
    assert found.attrs["torc_recipe"]["sampler"].endswith("Sampler")


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_tries_all_is_used_on_a_finite_space() -> None:
    space = {"n": tf.integers(1, 5), "kind": ["a", "b"]}
    table = pd.DataFrame({"params.n": [1, 2], "params.kind": ["a", "b"], "results.loss": [1.0, 2.0]})
    found = tf.suggest(table, space, 8, startup=0, sampler=optuna.samplers.BruteForceSampler)
    assert len(found.drop_duplicates()) == 8


class OwnGrid(optuna.samplers.GridSampler):
    """A sampler of users, of a kind that keeps where it is."""


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (optuna.samplers.CmaEsSampler, "CmaEsSampler can't be used: it keeps what it learned"),
        (optuna.samplers.NSGAIISampler, "NSGAIISampler can't be used: it keeps its generations"),
        (optuna.samplers.NSGAIISampler(), "NSGAIISampler can't be used"),
        (lambda seed: optuna.samplers.NSGAIIISampler(seed=seed), "NSGAIIISampler can't be used"),
        (optuna.samplers.QMCSampler, "QMCSampler can't be used.*method='sobol'"),
        (OwnGrid, "OwnGrid can't be used: it keeps in the study where it is; tf.grid"),
        (
            lambda seed: optuna.samplers.PartialFixedSampler({}, optuna.samplers.NSGAIISampler(seed=seed)),
            "NSGAIISampler can't be used",
        ),
        (optuna.samplers.PartialFixedSampler, "PartialFixedSampler can't be made of a seed alone"),
        ("tpe", "sampler='tpe' is none of Optuna's: use TPESampler"),
        (dict, "is none of Optuna's"),
        (lambda seed: None, "is none of Optuna's"),
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_samplers_that_keep_something_in_the_study_are_refused_by_name(sampler: Any, message: str) -> None:
    with pytest.raises(tf.RefusedError, match=message):
        tf.suggest(begun(), SPACE, sampler=sampler)


def test_several_metrics_are_made_best_together() -> None:
    table = begun(24).assign(**{"results.size": lambda df: df["params.depth"] ** 2})
    for direction in ("minimize", ["min", "max"]):
        found = tf.suggest(table, SPACE, 6, metric=["loss", "size"], direction=direction)
        assert len(found) == 6
    assert found.attrs["torc_recipe"]["direction"] == ["minimize", "maximize"]
    infinite = table.assign(**{"results.size": [np.inf, -np.inf, *range(22)]})
    assert len(tf.suggest(infinite, SPACE, 6, metric=["loss", "size"])) == 6
    assert len(tf.suggest(infinite, SPACE, 6, metric="size")) == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": -1}, "n=-1: give an integer from 0"),
        ({"n": True}, "n=True"),
        ({"n": 1.5, "total": 3}, "n=1.5"),
        ({"total": -1}, "total=-1"),
        ({"startup": 0.5}, "startup=0.5"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": None}, "seed=None"),
        ({"space": {}}, "a space is a mapping"),
        ({"space": {"a": 3, "b": "x"}}, r"(?s)column 'a'.*column 'b'"),
        ({"space": None}, "no recipe tells the space: give space="),
        ({"metric": "los"}, "no metric 'los'; there are 'results.loss'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(tf.RefusedError, match=message):
        tf.suggest(pd.DataFrame(begun().to_dict()), **({"space": SPACE} | given))


@pytest.mark.parametrize("table", [[1], "study.db", None])
def test_what_is_neither_a_workflow_nor_a_table_is_refused(table: Any) -> None:
    with pytest.raises(tf.RefusedError):
        tf.suggest(table, SPACE)


def test_a_table_that_is_given_stays_as_it_is_and_one_of_a_recipe_has_its_space() -> None:
    params = tf.sample(16, SPACE, method="sobol", seed=1, where="x > -0.5")
    table = run(params)
    before, attrs = table.copy(), dict(params.attrs)
    table.attrs = dict(attrs)
    found = tf.suggest(table)
    assert (found["x"] > -0.5).all()
    assert list(found) == list(SPACE)
    assert_frame_equal(table, before)
    assert table.attrs == attrs


def test_what_is_missing_is_told_with_the_extra_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "optuna", None)
        with pytest.raises(ImportError, match=r"pip install 'torc_frames\[optuna\]'"):
            tf.suggest(begun(0), SPACE)
    with monkeypatch.context() as patch:
        patch.setattr(optuna, "__version__", "4.9.0")
        with pytest.raises(ImportError, match=r"needs Optuna 5, and 4\.9\.0 is installed"):
            tf.suggest(begun(0), SPACE)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"torc_frames\[sampling\]"):
        tf.suggest(begun(0), SPACE)


def test_integers_of_numpy_are_integers() -> None:
    given = {"n": 2, "seed": 0, "startup": 8, "total": 22}
    of_numpy: dict[str, Any] = {name: np.int64(value) for name, value in given.items()}
    space, table = {"x": tf.uniform(0, 1)}, pd.DataFrame({"params.x": [0.5], "results.loss": [1.0]})
    rows, same = tf.suggest(table, space, **of_numpy), tf.suggest(table, space, **given)
    assert_frame_equal(rows, same)
    assert repr(rows.attrs) == repr(same.attrs)


def test_a_column_whose_name_is_no_text_is_named() -> None:
    with pytest.raises(tf.RefusedError, match="column 3: column names are strings"):
        tf.suggest(pd.DataFrame({"params.x": [0.5], "results.loss": [1.0]}), {3: [1, 2]})  # type: ignore[dict-item]
