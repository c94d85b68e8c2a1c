"""Pushes and plans that delete jobs in the same step."""

import pandas as pd
import pytest
import stores
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import on_each_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.workflow.client import Client

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite

wf = stores.study


class StopError(Exception):
    pass


def values(wf):
    return sorted(wf.parameters()["a"].tolist())


@on_each_store
def test_a_row_takes_the_place_of_a_job_of_the_same_content(wf):
    before = wf.push(pd.DataFrame({"a": [1, 2]}), name="job-{a}")
    first, second = before.index
    plan = wf.plan(pd.DataFrame({"a": [1, 3]}), name="job-{a}", delete=first)
    assert plan.counts == {"create": 2, "update": 0, "unchanged": 0, "conflict": 0, "delete": 1}
    assert plan.deleted == [first]
    assert f"delete job {first}, with their results" in repr(plan)
    done = plan.apply()
    assert {name: done.attrs["torc"][name] for name in ("added", "changed", "deleted")} == {
        "added": 2,
        "changed": 0,
        "deleted": 1,
    }
    assert first not in wf.jobs().index
    assert second in wf.jobs().index
    assert values(wf) == [1, 2, 3]


@on_each_store
def test_a_push_deletes_as_a_plan_does_and_counts_it(wf):
    first, second, third = wf.push(pd.DataFrame({"a": [1, 2, 3]})).index
    table = wf.parameters().loc[[third]].assign(a=30)
    told = []
    wf.push(table, delete=[first, wf.job(second)], show_progress=lambda *done: told.append(done))
    assert values(wf) == [30]
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)


def test_what_can_not_be_done_is_refused_before_anything_is(wf):
    first, second = wf.push(pd.DataFrame({"a": [1, 2]})).index
    new = pd.DataFrame({"a": [7, 7], "b": [1, 2]})
    wf.add_job("waits", depends_on=second)
    for push in (wf.plan, wf.push):
        with pytest.raises(tf.NotFoundError, match="999999"):
            push(new, delete=[first, "999999"])
        with pytest.raises(tf.RefusedError, match="the table names job"):
            push(wf.parameters(), delete=first)
        with pytest.raises(tf.RefusedError, match="others depend"):
            push(new, delete=second)
        with pytest.raises(tf.RefusedError, match="are to be deleted"):
            push(new, delete=first, depends_on=first)
        with pytest.raises(tf.RefusedError):
            push(new, delete=first, command="run {nothing}")
        with pytest.raises(tf.RefusedError):
            push(new, delete=first, name="job-{a}")
    assert values(wf) == [1, 2]


@on_each_store
def test_an_interrupted_apply_is_finished_by_the_same_plan(wf):
    first, _ = wf.push(pd.DataFrame({"a": [1, 2]})).index
    plan = wf.plan(pd.DataFrame({"a": [1, 3]}), delete=first)

    def stop(done, total):
        if done:
            raise StopError

    with pytest.raises(StopError):
        plan.apply(progress=stop)
    plan.apply()
    assert values(wf) == [1, 2, 3]
    assert first not in wf.jobs().index


def test_an_embedded_store_does_all_of_it_or_nothing(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("all")
    first, _ = wf.push(pd.DataFrame({"a": [1, 2]})).index

    def stop(done, total):
        if done:
            raise StopError

    with pytest.raises(StopError):
        wf.push(pd.DataFrame({"a": [1, 3]}), delete=first, show_progress=stop)
    assert values(wf) == [1, 2]

    def push_and_fail():
        with client._store.transaction():
            wf.push(pd.DataFrame({"a": [1, 3]}), delete=first)
            raise StopError

    with pytest.raises(StopError):
        push_and_fail()
    assert values(wf) == [1, 2]
    client.close()


@on_each_store
def test_the_store_has_the_table_and_the_jobs_that_were_not_deleted(store, store_kind):
    @settings(max_examples=examples(25 if store_kind.server is None else 8))
    @given(
        stored=st.lists(st.integers(0, 3), max_size=6),
        gone=st.sets(st.integers(0, 5)),
        new=st.lists(st.integers(0, 3), max_size=6),
    )
    def holds(stored, gone, new):
        wf = Client(store).create_workflow("at random")
        keys = wf.push(pd.DataFrame({"a": stored}, dtype="int64")).index.tolist() if stored else []
        delete = [keys[at] for at in gone if at < len(keys)]
        nothing = pd.DataFrame({"a": pd.Series(dtype="int64")})
        table = wf.parameters().drop(index=delete) if stored else nothing
        added = pd.DataFrame({"a": pd.Series(new, dtype="int64")})
        added.index = pd.Index([None] * len(new), dtype="str", name="job_key")
        pushed = wf.plan(
            pd.concat([table, added]) if stored else added.reset_index(drop=True), delete=delete
        ).apply()
        kept = [value for at, value in enumerate(stored) if at not in gone]
        assert len(wf.jobs()) == len(kept) + len(new)
        if kept or new:
            assert values(wf) == sorted(kept + new)
            assert set(pushed.index) == set(wf.jobs().index)

    holds()
