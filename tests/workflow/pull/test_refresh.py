"""Frames brought up to date."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stores import on_each_store, on_sqlite
from strategies import examples

import torc_frames as tf
from torc_frames.store.records import NewJobs, RunResult
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.pull import tables as pull
from torc_frames.workflow.workflow import Workflow

# What is planned and read is ours alone; what a store has a say in is marked.
pytestmark = on_sqlite


START, END = "2026-11-24T10:00:00Z", "2026-11-24T10:00:01Z"
KINDS = ["user_data", "parameters", "results", "table", "jobs"]


@pytest.fixture
def wf(store):
    return Workflow(store, store.add_workflow("refresh"))


def pulled(wf, kind, **options):
    options = {} if kind == "jobs" else {"show_progress": False, **options}
    return getattr(wf, kind)(**options)


@on_each_store
def test_nothing_changed(wf):
    wf.push(tf.grid(a=[1, 2], b=["x", "y"]), outputs=True)
    for kind in KINDS:
        frame = pulled(wf, kind)
        now = wf.refresh(frame)
        assert_frame_equal(now.frame, frame)
        assert (now.added, now.updated, now.removed) == ([], [], [])


@on_each_store
def test_what_changed_is_told_by_key(wf):
    wf.push(tf.grid(a=[1.5, 2.5, 3.5]))
    records, params, results = wf.user_data(), wf.parameters(), wf.results()
    edited = wf.parameters()
    edited.iloc[1, 0] = 9.5
    wf.push(edited)
    wf.push(pd.DataFrame({"a": [4.5]}))
    job = wf.parameters().index[0]
    wf.job(job).store(loss=0.25)

    for frame, kind in ((records, "user_data"), (params, "parameters"), (results, "results")):
        assert_frame_equal(wf.refresh(frame).frame, pulled(wf, kind))
    now = wf.refresh(params)
    assert now.updated == [params.index[1]]
    assert now.added == [wf.parameters().index[3]]
    assert now.removed == []
    assert wf.refresh(results).added == [job]
    assert len(wf.refresh(records).added) == 2
    again = wf.refresh(now.frame)
    assert (again.added, again.updated, again.removed) == ([], [], [])


@on_each_store
@pytest.mark.parametrize("at", [0, 1, 3])
def test_rows_of_deleted_jobs_are_removed(wf, at):
    keys = wf.push(tf.grid(a=[1.5, 2.5, 3.5, 4.5]), outputs=True).index
    frames = {kind: pulled(wf, kind) for kind in KINDS}
    wf.delete_jobs(keys[at])
    for kind, frame in frames.items():
        now = wf.refresh(frame)
        assert_frame_equal(now.frame, pulled(wf, kind))
        if kind == "user_data":
            assert set(now.removed) == set(frame.loc[frame["job_key"] == keys[at], "record_key"])
        else:
            assert now.removed == [keys[at]]
        assert (now.added, now.updated) == ([], [])


@pytest.mark.stores("sqlite", "torc-server")  # in the service an output is nobody's input
def test_a_deleted_job_is_removed_whose_result_others_read(wf, store):
    maker, reader = wf.add_job("maker"), wf.add_job("reader")
    (key,) = wf.add_user_data(maker, {"loss": 0.5}, role="output")
    (other,) = wf.add_user_data(reader, {"loss": 1.5}, role="output")
    shared = NewJobs(["second"], [""], [None], links={"input": [[key]]})
    (second,) = store.add_jobs(wf.key, shared).job_keys
    results = wf.results()
    wf.delete_jobs(maker)
    now = wf.refresh(results)
    assert_frame_equal(now.frame, wf.results())
    assert (now.removed, list(now.frame.index)) == ([maker.key], [reader.key])
    assert list(wf.parameters().index) == [second]
    assert wf.user_data()["record_key"].tolist() == [key, other]


@on_each_store
def test_a_deleted_job_is_removed_whose_result_a_new_job_has(wf, store):
    jobs = [wf.add_job("one"), wf.add_job("two")]
    (_,), (key,) = (wf.add_user_data(job, {"loss": 0.5}, role="output") for job in jobs)
    results = wf.results()
    shared = NewJobs(["three"], [""], [None], links={"output": [[key]]})
    (third,) = store.add_jobs(wf.key, shared).job_keys
    wf.delete_jobs(jobs[1])
    now = wf.refresh(results)
    assert_frame_equal(now.frame, wf.results())
    assert (now.added, now.removed) == ([third], [jobs[1].key])


@on_each_store
def test_the_frame_that_was_pulled_last_is_refreshed_without_naming_it(wf):
    with pytest.raises(tf.RefusedError, match="pull one"):
        wf.refresh()
    keys = wf.push(tf.grid(a=[1, 2])).index
    results = wf.results()
    for key in keys:
        wf.job(key).store(loss=0.5)
        now = wf.refresh()
        assert now.added == [key]
    assert_frame_equal(now.frame, wf.results())
    assert len(results) == 0
    del now
    with pytest.raises(tf.RefusedError, match="pull one"):
        wf.refresh()


def test_a_workflow_is_pickled_without_its_frames(wf):
    frame = wf.jobs()
    again = pickle.loads(pickle.dumps(wf))
    assert again.key == wf.key
    assert again._last is None
    assert len(frame) == 0


@on_each_store
def test_records_that_were_deleted_are_told(wf):
    wf.push(tf.grid(a=["x", "y", "z"]))
    records = wf.user_data()
    gone = records["record_key"].tolist()[1]
    wf.delete_user_data(gone)
    now = wf.refresh(records)
    assert now.removed == [gone]
    assert_frame_equal(now.frame, wf.user_data())


def test_a_frame_that_can_not_be_refreshed_says_why(wf):
    wf.push(tf.grid(a=[1]))
    other = Workflow(wf._store, wf._store.add_workflow("other"))
    with pytest.raises(tf.RefusedError, match="from this workflow"):
        other.refresh(wf.parameters())
    with pytest.raises(tf.RefusedError, match="from this workflow"):
        wf.refresh(pd.DataFrame({"a": [1]}))
    with pytest.raises(tf.RefusedError, match="a function as usecols"):
        wf.refresh(wf.parameters(usecols=lambda name: True))
    with pytest.raises(tf.RefusedError, match="a frame of links"):
        wf.refresh(wf.links())
    wf.push(tf.grid(a=[2]))
    with pytest.raises(tf.RefusedError, match="record_key"):
        wf.refresh(wf.user_data(usecols=["a"]))


@pytest.mark.parametrize(
    "options",
    [{"usecols": ["a"]}, {"dtype_backend": "pyarrow"}, {"job": 1}, {"on_clash": "last"}],
    ids=str,
)
def test_a_frame_is_refreshed_as_it_was_pulled(wf, options):
    wf.push(tf.grid(a=[1, 2], b=[1]))
    frame = wf.parameters(**options)
    wf.push(tf.grid(a=[3], b=[1.5]))
    assert_frame_equal(wf.refresh(frame).frame, wf.parameters(**options))


@pytest.mark.parametrize("kind", ["table", "jobs"])
def test_what_was_left_out_comes_back(wf, kind):
    wf.push(tf.grid(a=[1.5, 2.5]), outputs=True)
    frame = pulled(wf, kind)
    for part in (frame.iloc[1:], frame.drop(columns="status")):
        now = wf.refresh(part)
        assert_frame_equal(now.frame, frame)
        assert now.added == ([frame.index[0]] if len(part) == 1 else [])
        assert now.updated == ([] if len(part) == 1 else list(frame.index))


COLUMNS = {
    "user_data": ["record_key", "a"],
    "parameters": ["a"],
    "results": ["loss"],
    "table": ["status", "params.a"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_of_what_did_not_change(wf, kind, monkeypatch):
    wf.push(tf.grid(a=[1.5, 2.5]))
    wf.job(wf.jobs().index[0]).store(loss=0.5)
    options = {} if kind == "jobs" else {"usecols": COLUMNS[kind], "dtype_backend": "pyarrow"}
    frames = [pulled(wf, kind), pulled(wf, kind, **options)]
    monkeypatch.setattr(pull, "_pull", None)
    for frame in frames:
        assert wf.refresh(frame).frame is frame


def test_files_are_read_again_though_the_workflow_did_not_change(wf, tmp_path):
    wf.push(tf.grid(a=[1]))
    (key,) = wf.jobs().index
    pointer = tf.Pointer.save(pd.DataFrame({"x": [1]}), tmp_path, "file")
    wf.job(key).store(file=pointer)
    frame = wf.table(load=["file"])
    Path(pointer.path).unlink()
    with pytest.warns(UserWarning, match="file"):
        now = wf.refresh(frame).frame
    with pytest.warns(UserWarning, match="file"):
        assert_frame_equal(now, wf.table(load=["file"]))


@pytest.mark.parametrize("kind", ["user_data", "parameters"])
def test_rows_that_were_filtered_out_come_back(wf, kind):
    wf.push(tf.grid(a=[1.5, 2.5, 3.5, 4.5]))
    frame = pulled(wf, kind)
    part = frame[frame["a"] > 2]
    assert_frame_equal(wf.refresh(part).frame, frame)
    wf.push(wf.parameters().replace({"a": {4.5: 9.5}}))
    now = wf.refresh(part)
    assert_frame_equal(now.frame, pulled(wf, kind))
    assert (len(now.added), len(now.updated)) == (1, 1)


def test_few_changes_of_many_are_read_alone(wf, monkeypatch):
    wf.push(tf.grid(a=np.arange(5000) + 0.5, b=[7], text=["x"], l=[[1]]))
    frames = [wf.user_data(), wf.parameters()]
    edited = wf.parameters()
    edited.iloc[[5, 4000], 0] = [0.25, 0.75]
    edited.iloc[[5, 4000], 2] = ["y", "z"]
    wf.push(edited)
    now = [wf.user_data(), wf.parameters()]
    monkeypatch.setattr(pull, "_pull", None)  # all of it is not read
    for frame, expected in zip(frames, now, strict=True):
        refreshed = wf.refresh(frame)
        assert_frame_equal(refreshed.frame, expected)
        assert len(refreshed.updated) == 2
        assert refreshed.frame.attrs["torc"]["rev"] == expected.attrs["torc"]["rev"]


def test_few_results_of_many_are_read_alone_beside_parameters_that_changed(wf, monkeypatch):
    keys = list(wf.push(tf.grid(a=np.arange(500) + 0.5)).index)
    stored = [b'{"loss":0.5,"note":"fine"}'] * len(keys)
    records = wf._store.add_user_data(wf.key, stored, job_keys=keys, role="output")
    frames = [wf.parameters(), wf.results()]
    wf._store.update_user_data(wf.key, records[7:9], [b'{"loss":0.25,"note":"good"}'] * 2)
    wf.push(wf.parameters().replace({"a": {3.5: 0.25}}))
    now = [wf.parameters(), wf.results()]
    monkeypatch.setattr(pull, "_pull", None)  # all of it is not read
    for frame, expected, updated in zip(frames, now, ([keys[3]], keys[7:9]), strict=True):
        refreshed = wf.refresh(frame)
        assert_frame_equal(refreshed.frame, expected)
        assert refreshed.updated == updated


@pytest.mark.parametrize("before", [["x", 2, 3], ["x", "y", 3], ["x", "y", [3]]], ids=str)
def test_a_column_of_texts_and_others_gets_the_dtype_that_a_pull_gives(wf, before):
    keys = wf.add_user_data(None, *({"v": value} for value in before))
    frame = wf.user_data()
    wf.update_user_data(keys[2], {"v": "z"})
    wf.update_user_data(keys[1], {"v": "z"})
    assert_frame_equal(wf.refresh(frame).frame, wf.user_data())
    wf.update_user_data(keys[0], {"v": 1})
    assert_frame_equal(wf.refresh(frame).frame, wf.user_data())


@on_each_store
def test_a_value_of_another_type_is_another_value(wf):
    keys = wf.add_user_data(None, *({"l": [0], "z": at + 0.5} for at in range(4)))
    wf.update_user_data(keys[1], {"l": [1], "z": 0.0})
    frame = wf.user_data()
    wf.update_user_data(keys[1], {"l": [True], "z": -0.0})
    now = wf.refresh(frame).frame
    assert now["l"][1] == [True]
    assert now["l"][1][0] is True
    assert np.signbit(now["z"][1]) == np.signbit(wf.user_data()["z"][1])


@on_each_store
def test_many_changes_whose_numbers_must_be_read_as_they_are_written(wf, store_kind):
    # Several pages, where changes are read alone; where all is read again, each record takes a request.
    many = 500 if store_kind.has_revs else 10
    keys = wf.add_user_data(None, {"v": [1]}, *({"v": "text"} for _ in range(6 * many)))
    frame = wf.user_data()
    new = [b'{"v":1.5}', b'{"v":2}'] * 2 * many + [b'{"v":"text"}'] * many
    wf._store.update_user_data(wf.key, keys[1 : 5 * many + 1], new)
    assert_frame_equal(wf.refresh(frame).frame, wf.user_data())


VALUES = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.sampled_from(["x", "y"]),
    st.booleans(),
    st.none(),
    st.lists(st.integers(0, 1), max_size=2),
    st.just({"z": 1}),
)
RECORDS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
UNIFORM = st.fixed_dictionaries(
    {"a": st.integers(0, 9), "b": st.sampled_from([0.5, 1.5, 2.0]), "c": st.sampled_from("xy")}
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "job", "update", "delete", "store", "share", "drop", "start", "finish", "reset"]
        ),
        st.integers(0, 30),
        st.one_of(UNIFORM, RECORDS),
    ),
    min_size=1,
    max_size=4,
)


def edit(wf, what, at, data):
    """Do one edit, if there is something to do it with."""
    statuses = wf.jobs()["status"]
    records, jobs = wf.user_data()["record_key"].tolist(), statuses.index.tolist()
    if what == "add":
        wf.add_user_data(None, data)
    elif what == "job":
        job = wf.add_job("one")
        wf.add_user_data(job, data, role="input" if at % 2 else "output")
    elif what == "update" and records:
        wf.update_user_data(records[at % len(records)], data)
    elif what == "delete" and records:
        wf.delete_user_data(records[at % len(records)])
    elif what == "share" and records:
        shared = {"input" if at % 2 else "output": [[records[at % len(records)]]]}
        wf._store.add_jobs(wf.key, NewJobs(["two"], [""], [None], links=shared))
    elif what == "drop" and jobs and statuses.iloc[at % len(jobs)] != "running":
        wf.delete_jobs(jobs[at % len(jobs)])
    elif what == "start" and jobs:
        wf._store.start_jobs(wf.key, [jobs[at % len(jobs)]], "here")
    elif what == "finish":
        for job in wf._store.start_jobs(wf.key, jobs[at % 4 :: 4], "here"):
            status = "completed" if at % 2 else "failed"
            wf._store.finish_job(wf.key, RunResult(job.key, job.run_id, status, 1 - at % 2, START, END))
    elif what == "reset" and jobs:
        wf._store.reset_jobs(wf.key, [jobs[at % len(jobs)]])
    elif what == "store" and jobs:
        wf.add_user_data(jobs[at % len(jobs)], data, role="output")


@settings(max_examples=examples(20))
@given(
    before=st.lists(st.one_of(UNIFORM, RECORDS), max_size=5), rounds=st.lists(EDITS, min_size=1, max_size=3)
)
def test_a_refreshed_frame_is_what_a_pull_gives(tmp_path_factory, before, rounds):
    store = SQLiteStore(tmp_path_factory.mktemp("refresh") / "study.db")
    wf = Workflow(store, store.add_workflow("refresh"))
    for data in before:
        wf.add_user_data(wf.add_job("job"), data)
    options = {
        "parameters": {"on_clash": "list"},
        "results": {"on_clash": "list"},
        "table": {"on_clash": "list"},
    }
    frames = {kind: pulled(wf, kind, **options.get(kind, {})) for kind in KINDS}
    for edits in rounds:
        for one in edits:
            edit(wf, *one)
        for kind in KINDS:
            expected = pulled(wf, kind, **options.get(kind, {}))
            old = frames[kind]
            now = wf.refresh(old)
            assert_frame_equal(now.frame, expected)
            keys = [frame["record_key"] if kind == "user_data" else frame.index for frame in (old, expected)]
            assert set(now.added) == set(keys[1]) - set(keys[0])
            assert set(now.removed) == set(keys[0]) - set(keys[1])
            frames[kind] = now.frame
    store.close()
