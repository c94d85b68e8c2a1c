"""One frame of several workflows: of one store and of several, with types decided over all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal
from stores import on_each_store
from strategies import TEXT, examples

import torc_frames as tf

FIRST = ["workflow_name", "tags", "job_name", "status", "stale"]


@pytest.fixture
def client(store: Any) -> tf.Client:
    return tf.Client(store)


@pytest.fixture
def here(tmp_path: Path) -> tf.Client:
    return tf.connect(tmp_path / "study.db")


def pushed(client: tf.Client, name: str, frame: pd.DataFrame) -> tf.Workflow:
    wf = client.create_workflow(name)
    wf.push(frame, command="true")
    return wf


@on_each_store
def test_a_table_of_several_is_those_of_each_one_after_the_other(client: tf.Client) -> None:
    ridge = pushed(client, "ridge", tf.grid(alpha=[0.1, 1.0], seed=[1]))
    lasso = pushed(client, "lasso", tf.grid(alpha=[0.5], depth=[3]))
    ridge.job(ridge.jobs().index[1]).store(loss=2)
    lasso.job(lasso.jobs().index[0]).store(loss=0.5, note="ok")
    table = client.table([lasso, ridge])
    assert list(table) == [
        *FIRST,
        *("params.alpha", "params.depth", "params.seed", "results.loss", "results.note"),
    ]
    assert table.index.names == ["workflow_key", "job_key"]
    assert table.index.tolist() == [(wf.key, key) for wf in (lasso, ridge) for key in wf.jobs().index]
    assert table["workflow_name"].tolist() == ["lasso", "ridge", "ridge"]
    assert table["tags"].tolist() == [[], [], []]
    assert table["params.depth"].dtype == "Int64"
    assert table["results.loss"].tolist()[::2] == [0.5, 2.0]
    for wf in (ridge, lasso):
        own = wf.table()
        part = table.loc[wf.key][list(own)]
        assert_frame_equal(part, own, check_dtype=False, check_index_type=False)
    assert table.attrs["torc"]["kind"] == "table"
    assert table.attrs["torc"]["records"] == 5
    assert [one["workflow_key"] for one in table.attrs["torc"]["workflows"]] == [lasso.key, ridge.key]


@on_each_store
def test_records_of_several_are_those_of_each(client: tf.Client) -> None:
    for name in ("one", "two"):
        wf = pushed(client, name, tf.grid(n=[1, 2]))
        wf.add_user_data(wf.jobs().index[0], {"tags": "x", "loss": 0.5}, role="output")
    workflows = [client.workflow(key) for key in client.workflows(counts=False).index]
    for role in (None, "input", "output"):
        frame = client.user_data(role=role)
        assert list(frame)[:4] == ["workflow_key", "workflow_name", "tags", "job_key"]
        single = pd.concat([wf.user_data(role=role) for wf in workflows], ignore_index=True)
        single = single.rename(columns={"tags": "data.tags"})
        assert_frame_equal(frame.drop(columns=["workflow_name", "tags"]), single, check_dtype=False)
        assert frame.index.equals(pd.RangeIndex(len(single)))


def test_of_several_stores_the_url_is_in_front_and_the_index_is_unique(
    here: tf.Client, tmp_path: Path
) -> None:
    other = tf.connect(tmp_path / "other.db")
    one, two = (pushed(client, "same", tf.grid(n=[1, 2])) for client in (here, other))
    table = here.table([one, two])
    assert table.index.names == ["store", "workflow_key", "job_key"]
    assert table.index.is_unique
    assert_index_equal(table.loc[two._store.url].index, here.table(one).index)
    records = here.user_data([one, two])
    assert list(records)[:3] == ["store", "workflow_key", "workflow_name"]
    assert records["store"].tolist() == [here.url] * 2 + [other.url] * 2
    assert other.table([one, two, one]).equals(table)


def test_workflows_are_meant_as_people_say_them(here: tf.Client) -> None:
    for name in ("ridge", "lasso", "lasso 2"):
        pushed(here, name, tf.grid(n=[1, 2] if name == "ridge" else [1]))
    listed = here.workflows()
    ridge, lasso = here.workflow(1), here.workflow(2)
    cases: list[tuple[Any, list[str]]] = [
        (None, ["1", "2", "3"]),
        (ridge, ["1"]),
        ("lasso", ["2"]),
        ("2", ["2"]),
        (3, ["3"]),
        (["lasso", 1, ridge, np.int64(2)], ["2", "1"]),
        (listed, ["1", "2", "3"]),
        (listed[listed["jobs"] > 1], ["1"]),
        (listed.index[:2], ["1", "2"]),
        (listed["name"][1:], ["2", "3"]),
        (listed["name"].str.startswith("lasso"), ["2", "3"]),
        (listed.reset_index(), ["1", "2", "3"]),
        (lambda frame: frame["jobs"] == 1, ["2", "3"]),
        (lambda frame: frame.head(1), ["1"]),
        ((wf for wf in (lasso, ridge)), ["2", "1"]),
        ([], []),
    ]
    for workflows, keys in cases:
        table = here.table(workflows)
        assert list(dict.fromkeys(table.index.get_level_values(0))) == keys, workflows


def test_what_is_no_workflow_is_told(here: tf.Client) -> None:
    for _ in range(2):
        pushed(here, "twice", tf.grid(n=[1]))
    with pytest.raises(tf.NotFoundError, match="there is 'twice'"):
        here.table(["1", "twize"])
    with pytest.raises(tf.RefusedError, match=r"several workflows .* take one by its key, 1, 2"):
        here.table("twice")
    for wrong in (True, [1.5], here.table(1).reset_index(drop=True)):
        with pytest.raises(tf.RefusedError, match=r"no workflow|no index or column workflow_key"):
            here.user_data(wrong)
    gone = here.workflow(1)
    here.delete_workflow(1)
    with pytest.raises(tf.NotFoundError):
        here.table([gone])


def test_nothing_is_an_empty_frame_with_the_right_columns(here: tf.Client) -> None:
    empty = here.create_workflow("empty")
    for workflows in ([], [empty]):
        table = here.table(workflows)
        assert table.dtypes.astype(str).to_dict() == {
            **dict.fromkeys(("workflow_name", "job_name", "status"), TEXT),
            **{"tags": "object", "stale": "boolean"},
        }
        assert table.index.names == ["workflow_key", "job_key"]
        assert list(here.table(workflows, job_columns=True))[2:] == list(empty.jobs())
        records = here.user_data(workflows)
        assert list(records.drop(columns=["workflow_name", "tags"])) == list(empty.user_data())


VALUES = {
    "int": pd.Series([1, 2]),
    "small": pd.Series([1, 2], dtype="int8"),
    "gaps": pd.Series([1, None], dtype="Int64"),
    "float": pd.Series([0.5, 2.0]),
    "big": pd.Series([2**53 + 1, 2]),
    "bool": pd.Series([True, False]),
    "text": pd.Series(["a", "b"]),
    "objects": pd.Series([{"a": 1}, {"b": []}], dtype=object),
    "mixed": pd.Series([1, "a"], dtype=object),
    "days": pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"])).dt.as_unit("s"),
    "times": pd.Series(pd.to_datetime(["2026-01-01 00:00:00.5", None])).dt.as_unit("us"),
    "utc": pd.Series(pd.to_datetime(["2026-01-01", None], utc=True)).dt.as_unit("us"),
    "berlin": pd.Series(pd.to_datetime(["2026-01-01", None]))
    .dt.as_unit("us")
    .dt.tz_localize("Europe/Berlin"),
    "spans": pd.to_timedelta(pd.Series([1, 2]), unit="s"),
    "cats": pd.Series(["a", "b"], dtype="category"),
    "others": pd.Series(["c", "b"], dtype="category"),
    "ordered": pd.Series(pd.Categorical(["a", "b"], ["b", "a"], ordered=True)),
    "nothing": pd.Series([None, None], dtype=object),
}
DTYPES = {
    ("int", "float"): "float64",
    ("big", "float"): "object",
    ("int", "text"): "object",
    ("int", "bool"): "object",
    ("int", "small"): "int64",
    ("small", "small"): "int8",
    ("int", "gaps"): "Int64",
    ("objects", "objects"): "object",
    ("text", "objects"): "object",
    ("days", "times"): "datetime64[us]",
    ("utc", "berlin"): "datetime64[us, UTC]",
    ("berlin", "berlin"): "datetime64[us, Europe/Berlin]",
    ("cats", "others"): "category",
    ("cats", "ordered"): TEXT,
    ("cats", "text"): TEXT,
    ("days", "utc"): TEXT,
    ("spans", "spans"): "timedelta64",
}


@pytest.mark.parametrize(("kinds", "dtype"), DTYPES.items())
def test_dtypes_are_decided_over_all(here: tf.Client, kinds: tuple[str, str], dtype: str) -> None:
    for name in kinds:
        pushed(here, name, pd.DataFrame({"x": VALUES[name]}))
    column = here.table()["params.x"]
    assert str(column.dtype).startswith(dtype)
    if kinds == ("cats", "others"):
        assert column.cat.categories.tolist() == ["a", "b", "c"]


@given(kinds=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
@settings(max_examples=examples(25))
def test_no_value_of_any_workflow_is_another(tmp_path_factory: Any, kinds: list[str]) -> None:
    """What is in the frame is what each workflow has: the same JSON, if it were pushed again."""
    here = tf.connect(tmp_path_factory.mktemp("many") / "study.db")
    for name in kinds:
        wf = pushed(here, name, pd.DataFrame({"x": VALUES[name], "n": [1, 2]}))
    table, records = here.table(), here.user_data(role="input")
    for wf in (here.workflow(key) for key in here.workflows(counts=False).index):
        stored = dict(zip(*_data(wf), strict=True))
        for (_, key), value in table["params.x"].loc[[wf.key]].items():
            assert _same(value, stored[key].get("x")), (kinds, value, stored[key])
        own = records[records["workflow_key"] == wf.key]
        if "x" in own:
            for key, value in zip(own["job_key"], own["x"], strict=True):
                assert _same(value, stored[key].get("x"))


def _data(wf: tf.Workflow) -> tuple[list[str], list[Any]]:
    found = wf.links()
    return found["job_key"].tolist(), [wf.get_user_data(key).data for key in found["record_key"]]


def _same(value: Any, stored: Any) -> bool:
    if stored is None:
        return bool(pd.isna(value))
    if isinstance(value, pd.Timestamp | pd.Timedelta):
        return bool(value == type(value)(stored))
    return bool(value == stored) and isinstance(value, (bool, np.bool_)) == isinstance(stored, bool)


def test_what_is_pulled_of_several_is_not_pushed_by_mistake(here: tf.Client) -> None:
    wf, other = (pushed(here, name, tf.grid(n=[1, 2])) for name in ("one", "two"))
    table = here.table([wf, other])
    bare = table.copy()
    bare.attrs.clear()
    for frame in (table, table.reset_index(), table.loc["1"], bare, here.user_data([wf])):
        for refuses in (wf.push, wf.plan, lambda df: tf.missing(wf, df)):
            with pytest.raises(tf.RefusedError, match="several workflows"):
                refuses(frame)
    with pytest.raises(tf.RefusedError, match="pulled from this workflow"):
        wf.refresh(table)
    columns = table.filter(like="params.").rename(columns=lambda name: name.removeprefix("params."))
    assert len(other.push(columns.reset_index(drop=True), on_exists="append")) == 4


@on_each_store
def test_what_is_to_be_told_is_told_of_its_workflow(client: tf.Client) -> None:
    for name in ("one", "two"):
        wf = pushed(client, name, tf.grid(n=[1]))
        key = wf.jobs().index[0]
        for n in (2, 3):
            wf.add_user_data(key, {"n": n})
    with pytest.warns(tf.TorcFramesWarning, match=r"workflow \S+ \((one|two)\): several") as told:
        table = client.table(["one", "two"])
    assert [str(one.message).partition(" (")[2][:3] for one in told] == ["one", "two"]
    assert told[0].filename == __file__
    assert table["params.n"].tolist() == [[1, 2, 3]] * 2
    assert client.table(["one", "two"], on_clash="last")["params.n"].tolist() == [3, 3]
    with pytest.raises(tf.ConflictError):
        client.table(["one", "two"], on_clash="error")


def test_options_are_those_of_one_workflow(here: tf.Client) -> None:
    for name, rates in (("one", [0.1, 0.2]), ("two", ["a"])):
        wf = here.create_workflow(name)
        for rate in rates:
            wf.add_job(f"train_lr{rate}")
    table = here.table(pattern="train_lr{lr}", dtype_backend="pyarrow", job_columns=["run_id"])
    assert table["params.lr"].tolist() == ["0.1", "0.2", "a"]
    assert table["run_id"].dtype == "int64[pyarrow]"
    assert table["workflow_name"].dtype == "string[pyarrow]"
    assert here.table(["one"], pattern="train_lr{lr}")["params.lr"].tolist() == [0.1, 0.2]
    assert list(here.table(usecols=["tags", "run_id"])) == ["tags", "run_id"]
    assert list(here.user_data(usecols=["rev", "workflow_name"])) == ["workflow_name", "rev"]
    for refused in ({"usecols": ["nope"]}, {"job_columns": ["nope"]}):
        for workflows in (None, []):
            with pytest.raises(tf.RefusedError, match="'nope'"):
                here.table(workflows, **refused)


def test_what_others_push_meanwhile_is_read_as_what_it_is_then(here: tf.Client, monkeypatch: Any) -> None:
    """Objects that become a column of their own after the workflows were listed are no columns with dots."""
    wf = pushed(here, "one", tf.grid(n=[1]))
    workflows = here._store.workflows
    pushing = [pd.DataFrame({"model": [{"depth": 3}]}, dtype=object)]

    def listed() -> Any:
        found = workflows()
        while pushing:
            wf.push(pushing.pop())
        return found

    monkeypatch.setattr(here._store, "workflows", listed)
    assert here.table()["params.model"].tolist()[1:] == [{"depth": 3}]
