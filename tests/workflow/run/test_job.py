"""What a job reads as its parameters, and where its results go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from places import REPOSITORY

from torc_frames.errors import ConflictError, RefusedError, TorcFramesWarning
from torc_frames.files.pointers import Pointer
from torc_frames.frame.values import encode_data
from torc_frames.store.records import NewJobs, RunResult
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run.job import Job

TIME = "2026-01-01T00:00:00.000000+00:00"


@pytest.fixture
def study(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "study.db")
    yield store
    store.close()


def add(store: SQLiteStore, *inputs: Any, outputs: bool = False) -> list[Job]:
    workflow = store.add_workflow("w").key
    names = [f"job_{n}" for n in range(len(inputs))]
    data = [None if value is None else encode_data(value) for value in inputs]
    added = store.add_jobs(workflow, NewJobs(names, ["true"] * len(names), data, outputs=outputs))
    return [Job(store, store.get_job(key, workflow)) for key in added.job_keys]


def start(job: Job) -> Job:
    store: Any = job._store
    store.reset_jobs(job.workflow_key, [job.key])
    [record] = store.start_jobs(job.workflow_key, [job.key], "test")
    return Job(store, record, run_id=record.run_id)


def finish(job: Job) -> None:
    store: Any = job._store
    store.finish_job(job.workflow_key, RunResult(job.key, job.run_id, "completed", 0, TIME, TIME))


def outputs(job: Job) -> dict[str | None, Any]:
    return {record.name: record.data for record in job.user_data("output")}


def test_parameters_are_the_input_records_joined(study: SQLiteStore) -> None:
    [job, other] = add(study, {"alpha": 0.1}, {"alpha": 9})
    job.add_user_data({"depth": 3, "alpha": 0.1}, [1, 2])
    job.add_user_data({"not": "input"}, role="output")
    assert job.parameters == {"alpha": 0.1, "depth": 3, "data": [1, 2]}
    assert list(job.parameters) == ["alpha", "depth", "data"]
    assert other.parameters == {"alpha": 9}


def test_a_value_in_one_record_and_an_object_in_another_are_told_apart(study: SQLiteStore) -> None:
    named, plain, empty = add(study, None, None, None)
    for at, x in enumerate([1, {"y": 2}]):
        named.add_user_data({"x": x, "k": 0}, name=f"part{at}")
        plain.add_user_data({"x": x, "k": 0})
    empty.add_user_data({"x": {"y": 2}}, {"x": {}}, {"x": None})
    assert named.parameters == {"part0": {"x": 1}, "part1": {"x": {"y": 2}}, "k": 0}
    assert plain.parameters == {"x": [1, {"y": 2}], "k": 0}
    assert empty.parameters == {"x": {"y": 2}}


def test_a_job_without_input_has_no_parameters(study: SQLiteStore) -> None:
    [job] = add(study, None)
    assert job.parameters == {}


def test_different_values_of_one_parameter_are_a_list(study: SQLiteStore) -> None:
    [job] = add(study, {"alpha": 1})
    job.add_user_data({"alpha": 1.0})
    assert job.parameters == {"alpha": 1}
    job.add_user_data({"alpha": True})
    assert job.parameters == {"alpha": [1, 1.0, True]}


def test_records_come_oldest_first_with_their_role(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1})
    keys = job.add_user_data({"epoch": 1}, {"epoch": 2}, role="output", name="log")
    assert [record.key for record in job.user_data("output")] == keys
    assert [record.data for record in job.user_data()] == [{"a": 1}, {"epoch": 1}, {"epoch": 2}]
    assert job.user_data()[1].name == "log"


def test_bad_documents_are_refused_together(study: SQLiteStore) -> None:
    [job] = add(study, None)
    with pytest.raises(RefusedError) as caught:
        job.add_user_data({1}, {"fine": 1}, float("nan"))
    assert [problem.row for problem in caught.value.problems] == [0, 2]
    assert job.user_data() == []


def test_results_fill_the_declared_record(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1}, outputs=True)
    declared = job.user_data("output")[0].key
    assert start(job).store(loss=0.5) == declared
    assert outputs(job) == {"output_job_0": {"loss": 0.5}}


def test_results_make_a_record_where_none_is_declared(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1})
    key = start(job).store(loss=0.5)
    assert [record.key for record in job.user_data("output")] == [key]
    assert outputs(job) == {"output_job_0": {"loss": 0.5}}


def test_calls_of_one_run_add_up(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1}, outputs=True)
    run = start(job)
    run.store(loss=0.5, epoch=1)
    run.store(epoch=2, **{"self": "kept"})
    assert outputs(job) == {"output_job_0": {"loss": 0.5, "epoch": 2, "self": "kept"}}


def test_a_new_run_replaces_what_an_earlier_one_stored(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1}, outputs=True)
    run = start(job)
    run.store(loss=0.5, only_first=1)
    finish(run)
    second = start(job)
    second.store(loss=0.25)
    second.store(epoch=9)
    assert outputs(job) == {"output_job_0": {"loss": 0.25, "epoch": 9}}


def test_a_run_that_was_taken_over_stores_nothing(study: SQLiteStore) -> None:
    [job] = add(study, None)
    old = start(job)
    new = start(job)
    new.store(x=2)
    with pytest.raises(ConflictError, match="started anew as run 2"):
        old.store(x=1)
    assert outputs(job) == {"output_job_0": {"x": 2}}


def test_logged_records_are_left_alone(study: SQLiteStore) -> None:
    [job] = add(study, None)
    run = start(job)
    run.add_user_data({"epoch": 1}, role="output")
    run.store(loss=1)
    assert outputs(job) == {None: {"epoch": 1}, "output_job_0": {"loss": 1}}


@pytest.mark.parametrize(("names", "chosen"), [(["a", "b"], "a"), (["a", "output_job_0"], "output_job_0")])
def test_of_several_output_records_the_named_or_the_oldest_is_filled(
    study: SQLiteStore, names: list[str], chosen: str
) -> None:
    [job] = add(study, None)
    for name in names:
        job.add_user_data({}, role="output", name=name)
    start(job).store(x=1)
    assert outputs(job) == {name: {"x": 1} if name == chosen else {} for name in names}


def test_bad_results_are_left_out_by_name_and_the_rest_is_stored(study: SQLiteStore) -> None:
    [job] = add(study, None)
    with pytest.warns(TorcFramesWarning, match=r"not stored: bad \(.*, frame \(.*tf\.Pointer"):
        job.store(fine=1, bad={1}, frame=pd.DataFrame({"x": [1]}))
    [record] = job.user_data()
    assert record.data["fine"] == 1
    assert [line.partition(":")[0] for line in record.data["error"]["unstored"]] == ["bad", "frame"]


def test_a_pointer_is_stored_as_json(study: SQLiteStore, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("x\n1\n")
    pointer = Pointer(tmp_path / "m.csv")
    [job] = add(study, None)
    job.store(model=pointer, parts=[pointer])
    stored = outputs(job)["output_job_0"]
    assert Pointer.from_json(stored["model"]) == Pointer.from_json(stored["parts"][0]) == pointer


def test_a_large_record_is_stored_with_a_warning(study: SQLiteStore) -> None:
    [job] = add(study, None)
    with pytest.warns(TorcFramesWarning, match=r"job 1 \(job_0\).*tf.Pointer") as caught:
        job.store(x="x" * 70_000)
    assert caught[0].filename == __file__
    with pytest.warns(TorcFramesWarning, match="KiB") as caught:
        job.add_user_data("x" * 70_000)
    assert caught[0].filename == __file__
    assert outputs(job) == {"output_job_0": {"x": "x" * 70_000}}


def test_the_handle_is_shown_in_one_line(study: SQLiteStore) -> None:
    [job] = add(study, None)
    assert repr(job) == "Job(key='1', name='job_0', workflow_key='1')"


PART = """
import sys
from torc_frames.workflow.run.job import Job
from torc_frames.store.sqlite.store import SQLiteStore
store = SQLiteStore(sys.argv[1])
job = Job(store, store.get_job("1"))
for n in range(20):
    job.store(**{f"{sys.argv[2]}_{n}": n})
heavy = {"pandas", "numpy", "pyarrow", "ipywidgets"} & set(sys.modules)
assert not heavy, heavy
"""


def python(*arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", PART, *arguments], env=environment)


@pytest.mark.parametrize("declared", [False, True])
def test_processes_of_one_run_fill_one_record(study: SQLiteStore, declared: bool) -> None:
    [job] = add(study, None, outputs=declared)
    start(job)
    file = study.url.removeprefix("sqlite:///")
    processes = [python(file, part) for part in "abcd"]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert outputs(job) == {"output_job_0": {f"{part}_{n}": n for part in "abcd" for n in range(20)}}


def test_from_outside_results_are_added_to(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1}, outputs=True)
    run = start(job)
    run.store(loss=0.5)
    finish(run)
    Job(study, study.get_job(job.key)).store(note="looks good")
    assert outputs(job) == {"output_job_0": {"loss": 0.5, "note": "looks good"}}


def test_results_without_a_name_are_refused(study: SQLiteStore) -> None:
    [job] = add(study, {"a": 1})
    with pytest.raises(RefusedError, match="by name"):
        job.store({"loss": 0.5})
