"""Rows that are known by columns, and the command and name that a workflow remembers for new ones."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import stores
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapped import square
from stores import on_each_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.frame.values import canonical
from torc_frames.workflow.client import Client

pytestmark = on_sqlite

wf = stores.study
theirs = stores.theirs


def counts(pushed):
    done = pushed.attrs["torc"]
    return done["added"], done["changed"], done["unchanged"]


@on_each_store
def test_a_new_column_is_no_new_job(wf):
    keys = list(wf.push(tf.grid(alpha=[0.1, 1.0], seed=[1, 2]), command="echo {alpha}").index)
    more = tf.grid(alpha=[0.1, 10.0], seed=[2, 1])
    more["lr"] = [0.5, 0.25, 0.125, 0.0625]
    plan = wf.plan(more, on=["alpha", "seed"])
    assert plan.counts == {"create": 2, "update": 2, "unchanged": 0, "conflict": 0}
    pushed = plan.apply()
    assert list(pushed.index)[:2] == [keys[1], keys[0]]
    there = wf.parameters()
    assert there["lr"].tolist()[:2] == [0.25, 0.5]
    assert there["lr"].isna().tolist() == [False, False, True, True, False, False]
    assert counts(wf.push(more, on=["alpha", "seed"])) == (0, 0, 4)
    assert wf.jobs()["command"].tolist()[4:] == ["echo 10.0"] * 2
    # What the table lacks stays.
    assert counts(wf.push(more.drop(columns="lr").assign(note="x"), on=["seed", "alpha"])) == (0, 4, 0)
    assert wf.parameters()["lr"].equals(there["lr"])


AS_ONE = [
    (pd.Series([1, 2]), pd.Series([1.0, 2.0])),
    (pd.Series([1, 2]), pd.Series([1, 2], dtype="Int64")),
    (pd.Series([1, 2]), pd.Series([1, 2], dtype="uint8")),
    (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype="category")),
    (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype=object)),
    (pd.Series([1, 2]).astype("category"), pd.Series([2, 1]).astype("category").iloc[::-1]),
    (
        pd.Series(pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")),
        pd.Series(pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")).dt.tz_convert("UTC"),
    ),
    (
        pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"])).astype("datetime64[s]"),
        pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"])).astype("datetime64[ns]"),
    ),
    (
        pd.Series(pd.to_timedelta(["1s", "2s"])).astype("timedelta64[s]"),
        pd.Series(pd.to_timedelta(["1s", "2s"])).astype("timedelta64[ns]"),
    ),
    (pd.Series([[1, 2], [3]]), pd.Series([[1.0, 2.0], [3]])),
    (pd.Series([{"a": 1, "b": 2}, {"a": 2}]), pd.Series([{"b": 2, "a": 1}, {"a": 2.0, "b": None}])),
    (pd.Series([2**60, 1]), pd.Series([2**60, 1], dtype=object)),
]


@pytest.mark.parametrize(("there", "here"), AS_ONE, ids=lambda column: str(column.dtype))
def test_values_that_are_one(wf, there, here):
    wf.push(pd.DataFrame({"key": there}))
    table = pd.DataFrame({"key": here.reset_index(drop=True), "more": [1, 2]})
    kept = wf.parameters()["key"]
    pushed = wf.push(table, on="key")
    assert counts(pushed) == (0, 2, 0)
    after = wf.parameters()
    assert after["key"].equals(kept)
    assert after.loc[pushed.index, "more"].tolist() == [1, 2]


def test_what_rows_are_known_by_keeps_its_dtype(wf):
    wf.push(pd.DataFrame({"seed": [1, 2]}))
    wf.push(pd.DataFrame({"seed": [1.0, 3.0], "lr": [0.5, 0.5]}), on="seed")
    assert wf.parameters()["seed"].tolist() == [1, 2, 3]
    assert wf.parameters()["seed"].dtype == "int64"


def test_categories_are_added_where_they_are_new(wf):
    wf.push(pd.DataFrame({"kind": pd.Categorical(["a", "b"])}))
    wf.push(pd.DataFrame({"kind": ["a"], "lr": [0.5]}), on="kind")
    assert wf.parameters()["kind"].dtype == pd.CategoricalDtype(["a", "b"])
    with pytest.raises(tf.RefusedError, match="is recorded as category and pushed as"):
        wf.push(pd.DataFrame({"kind": ["c"], "lr": [0.5]}), on="kind")
    wf.push(pd.DataFrame({"kind": pd.Categorical(["c"]), "lr": [0.5]}), on="kind")
    assert wf.parameters()["kind"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("there", "here"),
    [([1, 0], [True, False]), ([0.1, 0.2], [0.1 + 1e-17, 0.3]), (["1", "2"], ["1.0", "02"])],
)
def test_values_that_are_not_one(wf, there, here):
    wf.push(pd.DataFrame({"key": there}))
    same = sum(canonical(one) == canonical(other) for one, other in zip(there, here, strict=True))
    assert counts(wf.push(pd.DataFrame({"key": here, "more": 1}), on="key")) == (2 - same, same, 0)


values = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0**60, 2**60]))


@given(there=st.lists(values, min_size=1, max_size=6), here=st.lists(values, min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
def test_rows_are_one_by_the_rule_of_contents(store, there, here):
    """As `canonical`, by which rows without `on` are known."""
    wf = Client(store).create_workflow("study")
    there, here = ({canonical(one): one for one in column} for column in (there, here))
    wf.push(pd.DataFrame({"key": pd.Series([*there.values()], dtype=object)}))
    table = pd.DataFrame({"key": pd.Series([*here.values()], dtype=object), "more": range(len(here))})
    pushed = wf.push(table, on="key")
    old = len(there.keys() & here.keys())
    assert counts(pushed) == (len(here) - old, old, 0)
    assert counts(wf.push(table, on="key")) == (0, 0, len(here))
    assert wf.parameters().loc[pushed.index, "more"].tolist() == [*range(len(here))]


nan = np.nan
REFUSED = [
    ({"alpha": [1], "lr": [1]}, {"on": ["alpha", "beta"]}, "the table has no column 'beta'; there are"),
    ({"alpha": [1]}, {"on": "job_key"}, "known by job_key where the table has it, without on="),
    ({"alpha": [1]}, {"on": []}, "names no column"),
    ({"alpha": [1]}, {"on": [1]}, "takes names of columns, not 1"),
    ({"alpha": [3, 3]}, {"on": "alpha"}, "row 1: has the same alpha as row 0"),
    ({"alpha": [3, 3.0]}, {"on": ["alpha", "alpha"]}, "row 1: has the same alpha as row 0"),
    ({"alpha": [3, nan]}, {"on": "alpha"}, "row 1, column 'alpha': is missing"),
    ({"alpha": [1]}, {"on": "alpha"}, re.escape("row 0: alpha=1 are jobs 1, 2: name more columns")),
    ({"alpha": ["1"]}, {"on": "alpha"}, "holds texts here and none in the workflow"),
    ({"new": [1]}, {"on": "new"}, "no job of the workflow has it"),
    ({"alpha": [3]}, {"on": "alpha", "on_exists": "append"}, "makes a new job of each row"),
    ({"alpha": [3], "seed": [1]}, {"on": "alpha", "drop": "alpha"}, "is to be dropped, and is in the table"),
]


@pytest.mark.parametrize(("table", "how", "why"), REFUSED)
def test_what_is_refused_writes_nothing(wf, table, how, why):
    before = wf.push(tf.grid(alpha=[1, 2], seed=[1, 2]))
    rev = wf.jobs().attrs["torc"]["rev"]
    for call in (wf.plan, wf.push):
        with pytest.raises(tf.RefusedError, match=why):
            call(pd.DataFrame(table), **how)
    assert wf.jobs().attrs["torc"]["rev"] == rev
    assert wf.parameters().equals(before)


def test_into_an_empty_workflow_all_rows_are_new(wf):
    assert counts(wf.push(tf.grid(alpha=[1, 2]), on="alpha")) == (2, 0, 0)
    wf.add_job("bare")
    assert counts(wf.push(tf.grid(alpha=[1, 2]), on="alpha")) == (0, 0, 2)


def test_a_missing_value_there_is_no_rows(wf):
    wf.push(pd.DataFrame({"alpha": [1, None], "seed": [1, 2]}))
    assert counts(wf.push(pd.DataFrame({"alpha": [1, 2], "seed": [7, 8]}), on="alpha")) == (1, 1, 0)


def test_a_table_of_another_library(wf):
    wf.push(pl.DataFrame({"alpha": [1, 2]}))
    table = pl.DataFrame({"alpha": [2, 3], "when": pl.Series(["2026-01-01", None]).str.to_date()})
    assert counts(wf.push(table, on="alpha")) == (1, 1, 0)
    assert str(wf.parameters()["when"].dtype) == "date32[day][pyarrow]"


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, pa.table])
def test_resources_are_a_table_of_any_library(wf, made):
    wf.push(made({"n": [1, 2]}), resources=made({"num_cpus": [1, 2], "memory": ["1g", None]}))
    assert wf.jobs()["num_cpus"].tolist() == [1, 2]
    assert wf.jobs()["memory"].fillna("").tolist() == ["1g", ""]
    assert counts(wf.push(made({"n": [2, 3]}), on="n", resources=made({"num_cpus": [2, 3]}))) == (1, 0, 1)


@on_each_store
def test_a_table_that_was_pulled_knows_what_was_edited(wf, theirs):
    wf.push(tf.grid(alpha=[1, 2], lr=[0.5]))
    mine, other = wf.parameters().reset_index(drop=True), theirs.parameters()
    other["lr"] = [0.25, 0.125]
    theirs.push(other)
    mine["note"] = ["a", "b"]
    # Only the note was edited.
    assert counts(wf.push(mine, on="alpha")) == (0, 2, 0)
    assert wf.parameters()["lr"].tolist() == [0.25, 0.125]
    mine["lr"] = [0.5, 1.0]
    with pytest.raises(tf.ConflictError, match="lr of job"):
        wf.push(mine, on="alpha")
    wf.push(mine, on="alpha", on_conflict="theirs")
    assert wf.parameters()["lr"].tolist() == [0.25, 0.125]
    wf.push(mine, on="alpha", on_conflict="ours")
    assert wf.parameters()["lr"].tolist()[1] == 1.0


def test_one_that_was_not_sets(wf, theirs):
    wf.push(tf.grid(alpha=[1, 2], lr=[0.5]))
    theirs.push(tf.grid(alpha=[1, 2], lr=[0.25]), on="alpha")
    assert counts(wf.push(tf.grid(alpha=[1, 2], lr=[0.5]), on="alpha")) == (0, 2, 0)
    assert wf.parameters()["lr"].tolist() == [0.5, 0.5]


def test_keys_and_columns_have_to_agree(wf):
    params = wf.push(tf.grid(alpha=[1, 2]))
    params["lr"] = 0.5
    assert counts(wf.push(params, on="alpha")) == (0, 2, 0)
    params["alpha"] = [2, 3]
    with pytest.raises(tf.RefusedError) as refused:
        wf.push(params, on="alpha")
    assert [problem.reason for problem in refused.value.problems] == [
        "is job 1 by its key or name, and job 2 by on=: df.reset_index(drop=True)",
        "is job 2 by its key or name, and new by on=: df.reset_index(drop=True)",
    ]


def test_jobs_that_ran_become_stale(wf):
    wf.push(tf.grid(alpha=[1, 2]), command="true")
    wf.run(workers=2)
    wf.push(pd.DataFrame({"alpha": [2], "lr": [0.5]}), on="alpha")
    assert wf.jobs()["stale"].tolist() == [False, True]


def test_jobs_to_delete_are_not_found(wf):
    wf.push(tf.grid(alpha=[1, 2]))
    pushed = wf.push(pd.DataFrame({"alpha": [1], "lr": [0.5]}), on="alpha", delete=1)
    assert list(pushed.index) == ["3"]
    assert wf.parameters()["alpha"].tolist() == [2, 1]


@on_each_store
def test_map_knows_rows_by_columns(wf, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # torc's jobs import the function
    wf.map(square, tf.grid(n=[1, 2]))
    with pytest.raises(tf.RefusedError, match="no column 'm'"):
        wf.map(square, tf.grid(n=[1, 2]), on="m")
    assert len(wf.map(square, tf.grid(n=[2.0, 3.0]), on="n")) == 2
    assert len(wf.jobs()) == 3


def test_map_runs_again_what_has_another_column(wf):
    with ThreadPoolExecutor(1) as threads:
        wf.map(lambda n: {"out": n}, tf.grid(n=[1, 2]), threads)
        wf.map(lambda n, by: {"out": n * by}, tf.grid(n=[2, 3], by=[10]), threads, on="n", rerun="all")
    assert wf.table()["results.out"].tolist() == [1, 20, 30]


# What a workflow remembers


@on_each_store
def test_what_was_given_once_is_used_for_what_is_added_later(wf, capsys):
    wf.push(tf.grid(alpha=[1, 2]), command="echo {alpha}", name="a-{alpha}")
    assert "remembers" not in capsys.readouterr().err
    pushed = wf.push(tf.grid(alpha=[1, 2, 3]))
    told = "1 new job with the command 'echo {alpha}' and the name 'a-{alpha}', which the workflow remembers"
    assert capsys.readouterr().err.strip() == told
    assert pushed.attrs["torc"]["remembered"] == {"command": "echo {alpha}", "name": "a-{alpha}"}
    assert wf.jobs()[["job_name", "command"]].to_numpy().tolist()[2] == ["a-3", "echo 3"]
    plan = wf.plan(tf.grid(alpha=[4]), command="true")
    assert "name 'a-{alpha}', which" in repr(plan)
    assert plan.remembered == {"name": "a-{alpha}"}
    assert "remembered" not in wf.push(tf.grid(alpha=[1, 2])).attrs["torc"]
    plan.apply()
    wf.push(tf.grid(alpha=[5]), show_progress=False)
    assert capsys.readouterr().err == ""
    assert wf.jobs()[["job_name", "command"]].to_numpy().tolist()[3:] == [["a-4", "true"], ["a-5", "true"]]


def test_an_empty_text_forgets(wf):
    wf.push(tf.grid(alpha=[1]), command="echo {alpha}", name="a-{alpha}")
    wf.push(tf.grid(alpha=[2]), command="", name="")
    wf.push(tf.grid(alpha=[3]))
    assert wf.jobs()["command"].tolist() == ["echo 1", "", ""]
    assert wf.jobs()["job_name"].tolist() == ["a-1", "job_2", "job_3"]


def test_without_a_command_nothing_is_remembered(wf):
    wf.push(tf.grid(alpha=[1]), name="only")
    wf.push(tf.grid(alpha=[2, 3]))
    assert wf.jobs()["command"].tolist() == [""] * 3
    assert wf.jobs()["job_name"].tolist() == ["only", "job_2", "job_3"]


def test_what_does_not_fit_a_table_is_told_as_remembered(wf):
    wf.push(tf.grid(alpha=[1]), command="echo {alpha}")
    with pytest.raises(
        tf.RefusedError, match=r"command that the workflow remembers \(command= replaces it\)"
    ):
        wf.push(tf.grid(beta=[1]))
    wf.push(tf.grid(beta=[1]), command="")
    assert wf.jobs()["command"].tolist() == ["echo 1", ""]


def test_a_name_of_other_columns_is_that_of_other_rows(wf):
    wf.push(tf.grid(alpha=[1]), command="echo {alpha}", name="a-{alpha}")
    pushed = wf.push(tf.grid(beta=[1]), command="echo {beta}")
    assert "remembered" not in pushed.attrs["torc"]
    wf.push(tf.grid(alpha=[2]), command="echo {alpha}")
    assert wf.jobs()["job_name"].tolist() == ["a-1", "job_2", "a-2"]


def test_a_copy_remembers(wf, store, tmp_path):
    wf.push(tf.grid(alpha=[1]), command="echo {alpha}")
    copied = Client(store).copy(wf, to=tf.connect(tmp_path / "copy.db")).workflow
    copied.push(tf.grid(alpha=[2]))
    assert copied.jobs()["command"].tolist() == ["echo 1", "echo 2"]


def test_map_has_its_own_command(wf):
    wf.push(tf.grid(alpha=[1]), command="echo {alpha}", name="a-{alpha}")
    with ThreadPoolExecutor(1) as threads:
        wf.map(square, tf.grid(n=[1]), threads)
    assert wf.jobs()["job_name"].tolist() == ["a-1", "job_2"]
    wf.push(tf.grid(alpha=[2]))
    assert wf.jobs()["command"].tolist()[2] == "echo 2"
