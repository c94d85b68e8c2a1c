"""Pushes that take columns away."""

import pandas as pd
import pytest
import stores
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import link, on_each_store, on_every_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.frame import recorded
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.workflow import Workflow

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite

wf, theirs = stores.study, stores.theirs


def specs(wf):
    return list(recorded.read(wf._store.get_workflow(wf.key).metadata))


def data(wf):
    keys = wf.user_data(role="input")["record_key"]
    return [wf.get_user_data(key).data for key in keys]


@on_each_store
def test_dropped_columns_are_gone_from_records_and_recorded_dtypes(wf):
    when = pd.to_datetime(["2026-01-01", None, "2026-01-03"])
    wf.push(
        pd.DataFrame({"old": when, "a": [1, 2, 3], "model.depth": [3, 4, 5], "model.wide": ["x", "y", "z"]})
    )
    edited = wf.parameters().drop(columns=["old", "model.depth"])
    edited.iloc[1, 0] = 20
    plan = wf.plan(edited, drop=["old", "model.depth"])
    assert plan.counts == {"create": 0, "update": 3, "unchanged": 0, "conflict": 0}
    assert plan.rows["cells"].tolist() == [2, 2, 2]
    shown = plan.cells[plan.cells["column"] == "model.depth"]
    assert (shown["stored"].tolist(), shown["pushed"].tolist()) == ([3, 4, 5], [None] * 3)
    assert len(plan.cells[plan.cells["column"] == "old"]) == 2
    pushed = plan.apply()
    assert pushed["a"].tolist() == [1, 20, 3]
    assert_frame_equal(wf.parameters(), pushed)
    assert specs(wf) == ["a", "model.wide"]
    assert data(wf)[1] == {"a": 20, "model": {"wide": "y"}}


def test_the_same_push_again_changes_nothing_and_tells_that_the_column_is_gone(wf):
    wf.push(tf.grid(a=[1, 2], b=["x"]))
    edited = wf.parameters()[["a"]]
    wf.push(edited, drop="b")
    with pytest.warns(tf.TorcFramesWarning, match="no job has a column 'b'"):
        pushed = wf.push(edited, drop="b")
    assert pushed.attrs["torc"]["changed"] == 0
    assert_frame_equal(wf.parameters(), pushed)


def test_a_renamed_column_keeps_its_place_and_dtype(wf):
    wf.push(pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", "y"]), "c": [0.5, 1.5]}))
    edited = wf.parameters().rename(columns={"b": "z.new"})
    pushed = wf.push(edited, drop="b")
    assert_frame_equal(wf.parameters(), pushed)
    assert list(pushed.columns) == ["a", "z.new", "c"]


@on_each_store
def test_objects_that_a_dropped_column_empties_go_too(wf):
    wf.push(pd.DataFrame({"m.a.b": [1, 2], "m.c": [3, 4], "n.x": [5, 6], "o": [{"k": 1}, {}]}))
    pushed = wf.push(wf.parameters()[["m.c"]], drop=["m.a.b", "n.x", "o"])
    assert_frame_equal(wf.parameters(), pushed)
    assert data(wf) == [{"m": {"c": 3}}, {"m": {"c": 4}}]


@on_each_store
def test_the_last_column_can_be_dropped(wf):
    keys = wf.push(pd.DataFrame({"a.b": [1, 2]})).index
    pushed = wf.push(wf.parameters()[[]], drop="a.b")
    assert list(pushed.index) == list(keys)
    assert_frame_equal(wf.parameters(), pushed)
    assert data(wf) == [{}, {}]


def test_jobs_that_the_table_leaves_out_keep_the_column_and_its_dtype(wf):
    when = pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"])
    wf.push(pd.DataFrame({"a": [1, 2, 3], "when": when}))
    before = wf.parameters()
    wf.push(before[["a"]].iloc[:2], drop="when")
    after = wf.parameters()
    assert after["when"].dtype == before["when"].dtype
    assert after["when"].isna().tolist() == [True, True, False]
    wf.push(after[["a"]].iloc[2:], drop="when")
    assert_frame_equal(wf.parameters(), before[["a"]])
    assert specs(wf) == ["a"]


def test_a_column_of_nulls_is_dropped(wf):
    wf.push(pd.DataFrame({"a": [1, 2], "b": [None, None]}))
    plan = wf.plan(wf.parameters()[["a"]], drop="b")
    assert plan.counts["update"] == 2
    assert plan.cells.empty
    assert_frame_equal(wf.parameters()[["a"]], plan.apply())
    assert list(wf.parameters().columns) == ["a"]


@on_each_store
def test_what_others_wrote_since_is_a_conflict_that_drops_nothing(wf, theirs):
    wf.push(tf.grid(a=[1, 2], b=[5]))
    edited = wf.parameters()
    key = wf.user_data(role="input")["record_key"].iloc[0]
    theirs.update_user_data(key, {"a": 1, "b": 6})
    plan = wf.plan(edited[["a"]], drop="b")
    assert plan.counts == {"create": 0, "update": 1, "unchanged": 0, "conflict": 1}
    with pytest.raises(tf.ConflictError, match=f"b of job {edited.index[0]} "):
        plan.apply()
    assert wf.parameters()["b"].tolist() == [6, 5]
    wf.push(edited[["a"]], drop="b", on_conflict="theirs")
    assert wf.parameters()["b"].astype("Int64").tolist() == [6, pd.NA]
    assert specs(wf) == ["a", "b"]
    wf.push(edited[["a"]], drop="b", on_conflict="ours")
    assert list(wf.parameters().columns) == ["a"]


@pytest.mark.parametrize(
    ("drop", "says"),
    [
        (["a"], "is in the table"),
        (["a.b"], "overlaps with column 'a'"),
        (["m"], r"drop=\['m.x', 'm.y'\]"),
        ([3], "names of columns"),
        (["b\\"], "lone backslash"),
    ],
)
def test_columns_that_can_not_be_dropped_are_refused(wf, drop, says):
    wf.push(pd.DataFrame({"a": [1], "m.x": [1], "m.y": [2]}))
    before = wf.user_data()
    with pytest.raises(tf.RefusedError, match=says):
        wf.push(wf.parameters()[["a"]], drop=drop)
    assert_frame_equal(wf.user_data(), before)


def test_a_table_without_keys_drops_nothing(wf):
    wf.push(tf.grid(a=[1], b=[2]))
    with pytest.raises(tf.RefusedError, match="names none"):
        wf.push(tf.grid(a=[1]), drop="b")
    assert list(wf.parameters().columns) == ["a", "b"]


@on_every_store
def test_a_shared_record_loses_a_column_for_all_its_jobs_or_not_at_all(wf, store, store_server):
    first = wf.push(tf.grid(a=[1, 2], b=[7]))
    key = wf.user_data(role="input")["record_key"].iloc[0]
    link(store, store_server, key, first.index[1], "input")
    table = wf.parameters(on_clash="last")
    with pytest.raises(tf.RefusedError, match="drop it from all of them"):
        wf.push(table[["a"]].iloc[:1], drop="b")
    wf.push(table[["a"]], drop="b")
    assert list(wf.parameters(on_clash="last").columns) == ["a"]


@pytest.mark.stores("torc-server", "service")  # an embedded store does all of it or nothing
def test_a_drop_that_was_stopped_is_finished_by_the_same_push(wf, store, monkeypatch):
    when = pd.to_datetime(["2026-01-01"] * 30)
    wf.push(pd.DataFrame({"a": range(30), "when": when, "o": [{"k": i} for i in range(30)]}))
    edited = wf.parameters()[["a"]].rename(columns={"a": "b"})
    plan = wf.plan(edited, drop=["a", "when", "o"])
    left = []

    def stop(done, total):
        left.append((done, total))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan.apply(progress=stop)
    assert specs(wf)[:3] == ["a", "when", "o"]
    pushed = plan.apply()
    assert_frame_equal(wf.parameters(), pushed)
    assert specs(wf) == ["b"]


CELLS = {
    "int": st.integers(0, 5),
    "text": st.sampled_from(["x", "y"]),
    "list": st.lists(st.integers(0, 1), max_size=2),
    "object": st.dictionaries(st.sampled_from("kl"), st.integers(0, 2), max_size=2),
    "null": st.none(),
}
NAMES = st.sampled_from(["a", "b", "m.x", "m.y", "m.z.u", "m.z.v", "n.only", r"d\.t"])


@settings(max_examples=examples(60))
@given(draw=st.data())
def test_what_is_left_is_what_is_pulled(tmp_path_factory, draw):
    names = draw.draw(st.lists(NAMES, unique=True, min_size=1))
    length = draw.draw(st.integers(1, 4))
    columns = {
        name: draw.draw(
            st.lists(CELLS[draw.draw(st.sampled_from(list(CELLS)))], min_size=length, max_size=length)
        )
        for name in names
    }
    gone = draw.draw(st.lists(st.sampled_from(names), unique=True))
    store = SQLiteStore(tmp_path_factory.mktemp("drop") / "study.db")
    wf = Workflow(store, store.add_workflow("drop"))
    wf.push(pd.DataFrame(columns), on_exists="append")
    kept = wf.parameters().drop(columns=gone)
    pushed = wf.push(kept, drop=gone)
    assert_frame_equal(wf.parameters(), pushed)
    assert_frame_equal(wf.parameters(), kept, check_column_type=bool(len(kept.columns)))
    assert specs(wf) == [name for name in names if name not in gone]
    store.close()
