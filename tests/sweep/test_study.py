"""A table as a study of Optuna: which trial each row is, and what is left out."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from pandas.testing import assert_series_equal

import torc_frames as tf
from torc_frames.sweep.dimensions import axes_of, inferred_space
from torc_frames.sweep.study import Rebuilt, rebuilt

SPACE = {"n": tf.integers(1, 9), "rate": tf.loguniform(1e-3, 1)}
CHOICES = [1, True, "1", None, [1, 2], {"a": 1}, 1.5, "True"]


def table(**columns: Any) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    given = {"n": [1] * rows, "rate": [0.5] * rows} | columns
    names = {"n": "params.n", "rate": "params.rate", "loss": "results.loss"}
    return pd.DataFrame({names.get(name, name): values for name, values in given.items()})


def study_of(
    frame: pd.DataFrame, space: Any = SPACE, metric: Any = "loss", direction: Any = "min"
) -> Rebuilt:
    return rebuilt(frame, axes_of(space), metric, direction)


def states(frame: pd.DataFrame) -> list[str]:
    return [trial.state.name for trial in study_of(frame).study.trials]


def test_each_status_is_a_state_and_nothing_waits_to_be_handed_out_again() -> None:
    status = [
        "completed",
        "failed",
        "canceled",
        "terminated",
        "pending_failed",
        "running",
        "ready",
        "blocked",
    ]
    frame = table(status=[*status, "pending", "uninitialized"], loss=[0.5] * 10)
    assert states(frame) == ["COMPLETE", *["FAIL"] * 4, *["RUNNING"] * 5]
    study = study_of(frame).study
    assert study.ask().number == len(frame)


def test_what_a_completed_job_lacks_makes_a_failure_and_infinity_stays() -> None:
    frame = table(status=["completed"] * 4, loss=pd.array([1.5, None, np.nan, np.inf], dtype=object))
    assert states(frame) == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert study_of(frame).study.trials[3].value == np.inf
    frame = table(status=["completed"] * 2, loss=pd.array([3, None], dtype="Int64"))
    assert states(frame) == ["COMPLETE", "FAIL"]
    two = study_of(
        frame.assign(**{"results.time": [1.0, 2.0]}), metric=["loss", "time"], direction="min"
    ).study
    assert [trial.state.name for trial in two.trials] == ["COMPLETE", "FAIL"]


def test_results_of_other_parameters_do_not_count() -> None:
    frame = table(status=["completed"] * 2, stale=pd.array([True, None], dtype="boolean"), loss=[1.0, 2.0])
    assert states(frame) == ["RUNNING", "COMPLETE"]


def test_without_statuses_a_row_with_a_value_is_complete_and_one_without_still_runs() -> None:
    assert states(table(loss=[1.0, np.nan])) == ["COMPLETE", "RUNNING"]


@pytest.mark.parametrize("status", [["ready", "failed"], []])
def test_before_there_are_results_the_metric_need_not_be_there(status: list[str]) -> None:
    frame = table(status=pd.Series(status, dtype="str"))
    assert study_of(frame).objectives[0] == ("results.loss", "minimize")
    assert len(study_of(table(n=[1])).study.trials) == 1


@pytest.mark.parametrize(
    ("metric", "direction", "message"),
    [
        ("los", "min", "no metric 'los'; there are 'results.loss'"),
        ("results.los", "min", "no metric 'results.los'; there are 'results.loss'"),
        (3, "min", "metric 3"),
        ("loss", "down", "direction='down': use 'minimize' or 'maximize'"),
        ("loss", None, "direction=None"),
        (["loss", "word"], ["min"], "2 metrics and 1 direction"),
        ([], "min", "0 metrics"),
        (["loss", "results.loss"], "min", "metrics 'results.loss', 'results.loss': give each once"),
        ("word", "min", "'results.word' is not of numbers"),
    ],
)
def test_metrics_that_make_no_sense_are_refused(metric: Any, direction: Any, message: str) -> None:
    frame = table(status=["completed"], loss=[1.0]).assign(**{"results.word": ["x"]})
    with pytest.raises(tf.RefusedError, match=message):
        study_of(frame, metric=metric, direction=direction)


def test_only_what_counts_has_to_be_a_number() -> None:
    frame = table(status=["completed", "failed"], loss=pd.Series([1, "diverged"], dtype=object))
    assert states(frame) == ["COMPLETE", "FAIL"]


def test_rows_that_lack_a_parameter_or_lie_outside_are_counted_and_the_space_is_the_same_for_all() -> None:
    frame = table(
        n=pd.array([1, None, 10, 3, 4], dtype="Int64"), rate=[0.1, 0.1, 0.1, 2, np.nan], loss=[1.0] * 5
    )
    with pytest.warns(
        tf.TorcFramesWarning, match="4 rows of 5 left out: 2 without 'n', 'rate', 2 outside of the"
    ):
        study = study_of(frame).study
    assert [trial.params for trial in study.trials] == [{"n": 1, "rate": 0.1}]
    with pytest.warns(tf.TorcFramesWarning, match="5 rows of 5 left out: 5 without 'other'"):
        assert study_of(frame, {"other": [1, 2]}).study.trials == []


def test_integers_that_a_join_made_floats_are_integers() -> None:
    found = study_of(table(n=[3.0, 4.0], loss=[1.0, 2.0])).points
    assert [(type(n), n) for n, _ in found] == [(int, 3), (int, 4)]
    cells = pd.Series([2.5, True, "3", np.inf, 10**400], dtype=object)
    with pytest.warns(tf.TorcFramesWarning, match="5 rows"):
        assert study_of(table(n=cells, loss=[1.0] * 5)).points == []


def test_a_float_that_a_server_gave_back_beyond_its_bound_is_that_bound() -> None:
    frame = table(rate=[np.nextafter(1.0, 2), np.nextafter(1e-3, 0)], loss=[1.0, 2.0])
    assert [rate for _, rate in study_of(frame).points] == [1.0, 1e-3]


def test_choices_are_kept_apart_and_come_back_in_their_own_type() -> None:
    [axis] = axes_of({"c": CHOICES})
    cells = pd.Series([*CHOICES, 2, [1, 3]], dtype=object)
    read = axis.read(cells)
    assert len({*read}) == len(CHOICES) + 1, "and None for both that are no choice"
    assert read[-2:] == [None, None]
    back = axis.column(read[:-2])
    assert [(type(cell), cell) for cell in back] == [(type(cell), cell) for cell in CHOICES]
    assert axis.read(pd.Series([1.0, True, np.array([1, 2])], dtype=object)) == [read[0], read[1], read[4]]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_datetime(["2026-01-01", "2026-02-01"], utc=True)),
        pd.Series(pd.Categorical(["b", "a"], categories=["a", "b", "c"])),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(pd.to_timedelta([1, 2], unit="h")),
        [0.1, 2.0],
        ["b", "a"],
        [True, False],
    ],
)
def test_a_choice_of_any_dtype_comes_back_in_it(values: Any) -> None:
    [axis] = axes_of({"c": tf.choice(values)})
    column = axis.source.values.take([1, 0, 1]).reset_index(drop=True)  # type: ignore[union-attr]
    assert_series_equal(axis.column(axis.read(column)), column)
    assert axis.column([]).dtype == column.dtype


def test_a_choice_that_is_never_drawn_is_none() -> None:
    [axis] = axes_of({"c": tf.choice(["a", "b"], [1, 0])})
    assert axis.all == ["a"]
    with pytest.raises(tf.RefusedError, match="column 'c'"):
        axes_of({"c": [{1, 2}, "x"]})


def test_trials_have_the_times_of_jobs_in_utc_and_say_which_job_they_are() -> None:
    begun = pd.to_datetime(["2026-01-01T10:00+02:00", None, "2026-01-01T12:00+02:00"], utc=True)
    frame = table(
        loss=[1.0, np.nan, 2.0],
        status=["completed", "ready", "failed"],
        start_time=begun,
        end_time=[begun[0] + pd.Timedelta(hours=1), pd.NaT, pd.NaT],
        job_name=["a", "b", "c"],
    ).set_index(pd.Index(["7", "8", "9"], name="job_key"))
    trials = study_of(frame).study.trials
    assert [trial.user_attrs for trial in trials][:2] == [
        {"job_key": "7", "job_name": "a"},
        {"job_key": "8", "job_name": "b"},
    ]
    assert trials[0].datetime_start == datetime(2026, 1, 1, 8)
    assert trials[0].datetime_complete == datetime(2026, 1, 1, 9)
    assert trials[1].datetime_start == datetime(2026, 1, 1, 10), (
        "what has not begun is no earlier than all that has"
    )
    assert trials[2].datetime_complete == datetime(2026, 1, 1, 10)


def test_optuna_says_nothing_and_speaks_as_before(capsys: Any) -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        study_of(table(loss=[1.0]))
        assert optuna.logging.get_verbosity() == logging.DEBUG
    finally:
        optuna.logging.set_verbosity(before)
    assert capsys.readouterr() == ("", "")


def test_a_space_is_inferred_of_what_varies() -> None:
    frame = pd.DataFrame(
        {
            "params.n": pd.array([1, 3, None], dtype="Int64"),
            "params.rate": [0.5, np.inf, 0.1],
            "params.const": [1, 1, 1],
            "params.list": [[1], [2], [1]],
            "params.flag": [True, False, True],
            "params.big": [2**60, 1, 1],
            "params.model.depth": ["a", None, "b"],
            "status": ["a", "b", "c"],
        }
    )
    space = inferred_space(frame)
    assert list(space) == ["n", "rate", "list", "flag", "big", "model.depth"]
    assert (space["n"], space["rate"]) == (tf.integers(1, 3), tf.uniform(0.1, 0.5))
    rest = [space[name].values.tolist() for name in list(space)[2:]]  # type: ignore[union-attr]
    assert rest == [[[1], [2]], [True, False], [2**60, 1], ["a", "b"]]
    assert inferred_space(frame.head(0)) == {}


def test_tables_that_are_none_and_columns_that_come_twice_are_refused() -> None:
    frame = table(loss=[1.0])
    for bad in (pd.concat([frame, frame], axis=1), [1, 2]):
        with pytest.raises(tf.RefusedError):
            study_of(bad)  # type: ignore[arg-type]
