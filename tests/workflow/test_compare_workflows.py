"""Two workflows side by side: pairs of jobs by their parameters, what differs, and what only one has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import on_each_store
from strategies import examples

import torc_frames as tf


@pytest.fixture
def here(tmp_path: Path) -> tf.Client:
    return tf.connect(tmp_path / "study.db")


def study(client: tf.Client, name: str, params: pd.DataFrame, losses: list[Any]) -> tf.Workflow:
    wf = client.create_workflow(name)
    pushed = wf.push(params, on_exists="append")
    for key, loss in zip(pushed.index, losses, strict=True):
        if loss is not None:
            wf.job(key).store(loss=loss)
    return wf


@on_each_store
def test_results_of_two_workflows_stand_side_by_side_with_their_difference(store: Any) -> None:
    client = tf.Client(store)
    a = study(client, "before", tf.grid(alpha=[0.1, 1.0, 10.0], seed=[1]), [1, 2, None])
    b = study(client, "after", tf.grid(alpha=[10.0, 1.0, 5.0], seed=[1]), [0.5, 0.25, 7])
    compared = client.compare(a, "after")
    assert compared.on == ["alpha", "seed"]
    assert compared.results.columns.tolist() == [
        *(("loss", "before"), ("loss", "after"), ("loss", "difference")),
    ]
    assert compared.results.index.tolist() == [(1.0, 1), (10.0, 1)]
    assert compared.results["loss"].to_numpy().tolist()[0] == [2.0, 0.25, -1.75]
    assert compared.results["loss", "difference"].isna().tolist() == [False, True]
    assert compared.parameters.shape == (2, 0)
    assert_frame_equal(compared.only_a, a.table().iloc[:1], check_dtype=False)
    assert compared.only_b["params.alpha"].tolist() == [5.0]
    assert compared.jobs["job_key", "after"].tolist() == [b.jobs().index[1], b.jobs().index[0]]
    assert compared.jobs["status", "before"].tolist() == a.jobs()["status"].tolist()[1:]
    told = "2 pairs by 'alpha', 'seed'; 1 job only in 'before'; 1 job only in 'after'"
    assert repr(compared) == f"Comparison of 'before' and 'after': {told}"


def test_of_two_stores_and_by_columns_of_choice(here: tf.Client, tmp_path: Path) -> None:
    a = study(here, "ridge", tf.grid(alpha=[1, 2], n=[10]), [0.5, 0.5])
    other = tf.connect(tmp_path / "other.db")
    b = study(other, "ridge", tf.grid(alpha=[1, 2], n=[20], solver=["svd"]), [0.25, 1.0])
    compared = here.compare(a, b, on="alpha")
    labels = [f"ridge ({wf.key} of {wf._store.url})" for wf in (a, b)]
    assert list(compared.labels) == labels
    assert compared.parameters["n"].to_numpy().tolist() == [[10, 20], [10, 20]]
    assert compared.parameters["solver"][labels[1]].tolist() == ["svd", "svd"]
    assert compared.results["loss", "difference"].tolist() == [-0.25, 0.5]
    assert here.compare(a, b).on == ["alpha", "n"]
    assert len(here.compare(a, b).jobs) == 0
    assert here.compare(a, b, on="job_name").results.index.tolist() == ["job_1", "job_2"]
    with pytest.raises(
        tf.RefusedError, match="on: no column 'nope'; there are: 'alpha', 'n', 'solver', 'job_name'"
    ):
        here.compare(a, b, on=["alpha", "nope"])
    for wrong in ([a, b], [], 1.5):
        with pytest.raises(tf.RefusedError):
            here.compare(a, wrong)  # type: ignore[arg-type]
    with pytest.raises(tf.NotFoundError):
        here.compare(a, "lasso")


def test_equal_jobs_are_paired_in_their_order_and_others_of_one_pair_are_refused(here: tf.Client) -> None:
    twice = pd.DataFrame({"alpha": [1, 1, 1], "seed": [1, 1, 2]})
    a = study(here, "a", twice, [1, 2, 3])
    b = study(here, "b", twice.iloc[[2, 0]], [30, 10])
    compared = here.compare(a, b)
    assert compared.results["loss"][["a", "b"]].to_numpy().tolist() == [[1, 10], [3, 30]]
    assert compared.only_a.index.tolist() == ["2"]
    with pytest.raises(
        tf.RefusedError, match=r"jobs 1, 2, 3 of 'a' .* they differ in 'seed'; name that in on="
    ):
        here.compare(a, b, on="alpha")


def test_jobs_that_only_one_workflow_tells_apart_are_no_pairs(here: tf.Client) -> None:
    study(here, "a", tf.grid(n=[1], seed=[1, 2]), [1, 2])
    study(here, "b", tf.grid(n=[1]), [1])
    with pytest.raises(
        tf.RefusedError, match=r"differ in 'seed', which the other does not have: client\.table"
    ):
        here.compare("a", "b")


def test_of_files_the_digests_are_compared(here: tf.Client, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("f")
    pointer = tf.Pointer(tmp_path / "f.txt")
    for name in ("a", "b"):
        wf = here.create_workflow(name)
        wf.push(tf.grid(n=[1]))
        wf.job(wf.jobs().index[0]).store(path="p", curve=pointer, sub={"size": 1, "file": pointer})
    results = here.compare("a", "b").results
    assert sorted({*results.columns.get_level_values(0)}) == [
        *("curve.sha256", "path", "sub.file.sha256", "sub.size"),
    ]
    assert results["curve.sha256", "a"].tolist() == results["curve.sha256", "b"].tolist() == [pointer.sha256]


def test_workflows_without_anything_in_common(here: tf.Client) -> None:
    a = study(here, "a", tf.grid(alpha=[1]), [1])
    b = study(here, "b", tf.grid(beta=[1]), [1])
    with pytest.raises(tf.RefusedError, match=r"no parameter in common.*on='job_name'"):
        here.compare(a, b)
    empty = here.create_workflow("empty")
    compared = here.compare(a, empty)
    assert (len(compared.results), len(compared.only_a), len(compared.only_b)) == (0, 1, 0)
    assert here.compare(empty, empty).results.shape == (0, 0)


def test_values_of_any_kind_are_compared(here: tf.Client) -> None:
    day = pd.Timestamp("2026-01-01")
    params = pd.DataFrame(
        {
            "model": pd.Series([{"depth": 1}, [1, 2]], dtype=object),
            "day": [day, day + pd.Timedelta(days=1)],
            "kind": pd.Series(["x", "y"], dtype="category"),
        }
    )
    a, b = here.create_workflow("difference"), here.create_workflow("<b>b</b>")
    for wf, results in (
        (a, {"n": 2**63 - 1, "at": "then", "ok": True, "more": [1]}),
        (b, {"n": -(2**62), "at": "now", "ok": False, "more": [1]}),
    ):
        key = wf.push(params).index[0]
        wf.job(key).store(**results)
    compared = here.compare(a, b)
    assert compared.labels == ("difference (1)", "<b>b</b> (2)")
    assert len(compared.jobs) == 2
    assert compared.results.index[0][0] == '{"depth":1}'
    assert compared.results["n", "difference"].iloc[0] == -(2**62) - (2**63 - 1)
    assert [name for name, whose in compared.results if whose == "difference"] == ["n"]
    assert "<b>" not in compared._repr_html_()
    with pytest.raises(tf.RefusedError):
        a.push(compared.only_a.reset_index())


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["x", "y"]), st.integers(-5, 5) | st.none()),
        unique_by=lambda row: row[:2],
        min_size=1,
        max_size=6,
    ),
    data=st.data(),
)
@settings(max_examples=examples(20))
def test_every_job_is_in_one_pair_or_alone(
    tmp_path_factory: Any, rows: list[Any], data: st.DataObject
) -> None:
    here = tf.connect(tmp_path_factory.mktemp("compared") / "study.db")
    others = data.draw(
        st.permutations(rows).flatmap(lambda all: st.integers(1, len(all)).map(lambda n: all[:n]))
    )
    for name, some in (("a", rows), ("b", others)):
        frame = pd.DataFrame([row[:2] for row in some], columns=["n", "s"])
        study(here, name, frame, [row[2] for row in some])
    compared = here.compare("a", "b")
    assert len(compared.jobs) == len(others)
    assert len(compared.only_b) == 0
    assert compared.only_a.index.tolist() == [str(at + 1) for at, row in enumerate(rows) if row not in others]
    if "loss" in compared.results.columns.get_level_values(0):
        found = compared.results["loss"]
        assert found["difference"].dropna().eq(0).all()
        assert found["difference"].notna().sum() == sum(row[2] is not None for row in others)
    back = here.compare("b", "a")
    assert (
        back.jobs["job_key", "a"].sort_values().tolist()
        == compared.jobs["job_key", "a"].sort_values().tolist()
    )
    assert len(back.only_b) == len(compared.only_a)
