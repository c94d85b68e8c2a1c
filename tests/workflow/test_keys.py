"""Keys of jobs and records: texts, whole numbers of any library, and whose those of others are."""

from concurrent.futures import ThreadPoolExecutor

import mapped
import numpy as np
import pandas as pd
import pytest
import stores
from stores import on_each_store, on_sqlite

import torc_frames as tf
from torc_frames.workflow.client import Client

wf = stores.study


def by_key(key):
    return pd.DataFrame({"n": [7], "job_key": pd.Series([key], dtype=object)})


JOBS = {
    "job": lambda wf, key: wf.job(key),
    "user_data": lambda wf, key: wf.user_data(job=key),
    "parameters": lambda wf, key: wf.parameters(job=key),
    "results": lambda wf, key: wf.results(job=key),
    "add_user_data": lambda wf, key: wf.add_user_data(key, {"a": 1}),
    "add_job, depends_on": lambda wf, key: wf.add_job("x", depends_on=key),
    "add_job, depends_on, several": lambda wf, key: wf.add_job("x", depends_on=[key]),
    "push, depends_on": lambda wf, key: wf.push(tf.grid(n=[8]), depends_on=key),
    "push, depends_on, by row": lambda wf, key: wf.push(tf.grid(n=[9]), depends_on=[[key]]),
    "plan, depends_on": lambda wf, key: wf.plan(tf.grid(n=[10]), depends_on=[key]),
    "push, job_key": lambda wf, key: wf.push(by_key(key)),
}
GONE = {
    "plan, delete": lambda wf, key: wf.plan(tf.grid(n=[9]), delete=[key]),
    "push, delete": lambda wf, key: wf.push(tf.grid(n=[9]), delete=key),
    "push, delete, several": lambda wf, key: wf.push(tf.grid(n=[9]), delete=[key]),
    "delete_jobs": lambda wf, key: wf.delete_jobs(key),
}
RECORDS = {
    "get_user_data": lambda wf, key: wf.get_user_data(key),
    "update_user_data": lambda wf, key: wf.update_user_data(key, {"a": 1}),
    "delete_user_data": lambda wf, key: wf.delete_user_data(key),
}
FORMS = [int, np.int64, np.uint8, lambda key: pd.array([int(key)])[0], lambda key: pd.Index([int(key)])[0]]


@pytest.fixture
def other(store):
    """Another workflow, which has the first jobs and records."""
    made = Client(store).create_workflow("other")
    made.push(tf.grid(n=[1, 2]))
    return made


@on_each_store
def test_a_key_of_another_workflow_is_told_as_its(other, wf, store_kind):
    wf.push(tf.grid(n=[1, 2, 3, 4]))
    before = wf.user_data()
    record = other.user_data()["record_key"].iloc[0]
    for what, call in {**JOBS, **GONE, **RECORDS}.items():
        key = record if what in RECORDS else int(other.jobs().index[0])
        with pytest.raises(tf.NotFoundError, match=f"{key} is of workflow {other.key}"):
            call(wf, key)
    if store_kind.runs_jobs:
        for call in (wf.reset_jobs, lambda key: wf.curves(job=key)):
            with pytest.raises(tf.NotFoundError, match=f"is of workflow {other.key}"):
                call(1)
    pd.testing.assert_frame_equal(wf.user_data(), before)


@on_sqlite
@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_are_keys(wf, form):
    first, second, third, *_ = wf.push(tf.grid(n=[1, 2, 3, 4, 5, 6])).index
    for call in JOBS.values():
        call(wf, form(first))
    wf.reset_jobs(form(first))
    wf.curves(job=form(first))
    assert wf.plan(tf.grid(n=[11]), delete=form(second)).deleted == [second]
    wf.push(tf.grid(n=[11]), delete=form(second))
    wf.push(tf.grid(n=[12]), delete=[form(third), form("4")])
    wf.delete_jobs(form("5"), "6")
    wf.push(tf.grid(n=[13]), depends_on=wf.job(1))
    assert not {"2", "3", "4", "5", "6"} & {*wf.jobs().index}
    for call in RECORDS.values():
        call(wf, form(wf.user_data()["record_key"].iloc[-1]))
    client = Client(wf._store)
    assert client.job(form(first)).key == first
    client.delete_workflow(client.workflow(form(wf.key)).key)


@on_sqlite
@pytest.mark.parametrize("key", [True, np.True_, 3.5, 1.0, None, b"1", [1], pd.Index(["1"]), pd.NA])
def test_what_is_no_key_is_told(wf, key):
    wf.push(tf.grid(n=[1]))
    more = {"reset": lambda wf, key: wf.reset_jobs(key), "curves": lambda wf, key: wf.curves(job=key)}
    calls = {**JOBS, **GONE, **RECORDS, **more}
    for what, call in calls.items():
        if what == "push, job_key":
            continue  # in a column with gaps whole numbers are floats, and what is missing is a new job
        if key is None and what in ("user_data", "parameters", "results", "curves", "add_user_data"):
            continue  # of the whole workflow
        if (key is None and "depends_on" in what) or (hasattr(key, "__iter__") and "," in what):
            continue  # nothing, and several
        with pytest.raises(tf.RefusedError, match=r"no key of a|no job_key"):
            call(wf, key)
    with pytest.raises(tf.RefusedError, match="no key of a workflow"):
        Client(wf._store).delete_workflow(key)
    assert len(wf.jobs()) == 1


@on_sqlite
def test_the_jobs_to_run_are_named_by_keys(other, wf):
    second = wf.push(tf.grid(n=[1, 2]), command="true").index[1]
    for key in (np.int64(second), second, wf.job(second)):
        wf.reset_jobs(second)
        assert wf.run(jobs=[key]).completed == 1
    assert wf.jobs()["status"].tolist() == ["ready", "completed"]
    assert wf.logs(np.int64(second))["job_key"].tolist() == [second]
    with pytest.raises(tf.NotFoundError, match=f"1 is of workflow {other.key}"):
        wf.run(jobs=1)
    for key in (True, 3.5):
        with pytest.raises(tf.RefusedError, match="no key of a job"):
            wf.run(jobs=[key])


@on_sqlite
@pytest.mark.parametrize("given", [lambda job: job, lambda job: [job], lambda job: pd.Series([job.key])])
def test_mapped_and_pushed_rows_wait_for_jobs_given_in_any_way(wf, given):
    first = wf.add_job("first", command="true")
    with ThreadPoolExecutor(1) as threads, pytest.warns(tf.TorcFramesWarning, match="wait"):
        wf.map(mapped.square, tf.grid(n=[2]), threads, depends_on=given(first))
    wf.push(tf.grid(n=[3]), command="true", depends_on=given(first))
    assert wf.jobs()["status"].tolist() == ["ready", "blocked", "blocked"]
    assert wf.dependencies()["depends_on"].tolist() == [first.key] * 2
