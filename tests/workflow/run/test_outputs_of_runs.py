"""A new run takes the outputs of earlier runs away, and nothing that a person wrote between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

import torc_frames as tf
from torc_frames.store.records import RunResult
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.workflow import Workflow

TIME = "2026-01-01T00:00:00.000000+00:00"


@pytest.fixture
def wf(tmp_path: Path) -> Workflow:
    wf = tf.connect(tmp_path / "study.db").create_workflow("notes")
    wf.push(tf.grid(n=[1]))
    return wf


def start(wf: Workflow) -> Job:
    store: Any = wf._store
    store.reset_jobs(wf.key, ["1"])
    [record] = store.start_jobs(wf.key, ["1"], "test")
    return Job(store, record, run_id=record.run_id)


def finish(job: Job, status: str) -> None:
    store: Any = job._store
    store.finish_job(job.workflow_key, RunResult(job.key, job.run_id, status, 0, TIME, TIME))


def outputs(wf: Workflow) -> list[Any]:
    return [record.data for record in wf.job("1").user_data("output") if record.data]


def test_a_note_from_outside_survives_a_failed_run_and_one_that_logs(wf: Workflow) -> None:
    first = start(wf)
    first.add_user_data({"epoch": 1}, role="output")
    finish(first, "completed")
    wf.add_user_data("1", {"note": "good"}, role="output")
    second = start(wf)
    second.add_user_data({"epoch": 2}, role="output")
    finish(second, "completed")
    assert outputs(wf) == [{"note": "good"}, {"epoch": 2}]
    finish(start(wf), "failed")
    assert outputs(wf) == [{"note": "good"}]


def test_results_from_outside_survive_a_failed_run(wf: Workflow) -> None:
    finish(start(wf), "completed")
    wf.job("1").store(reviewed=True)
    finish(start(wf), "failed")
    assert outputs(wf) == [{"reviewed": True}]


def test_what_a_run_stored_and_a_person_added_to_is_left_whole(wf: Workflow) -> None:
    first = start(wf)
    first.store(loss=1)
    finish(first, "completed")
    wf.job("1").store(reviewed=True)
    finish(start(wf), "failed")
    assert outputs(wf) == [{"loss": 1, "reviewed": True}]


def test_what_an_interrupted_run_left_goes_with_the_next(wf: Workflow) -> None:
    start(wf).add_user_data({"epoch": 1}, role="output")
    wf.reset_jobs("1")
    wf.add_user_data("1", {"note": "interrupted"}, role="output")
    start(wf).add_user_data({"epoch": 2}, role="output")
    assert outputs(wf) == [{"note": "interrupted"}, {"epoch": 2}]


def test_what_came_with_a_copy_is_left(wf: Workflow, tmp_path: Path) -> None:
    wf.add_user_data("1", {"note": "good"}, role="output")
    finish(start(wf), "completed")
    copied = tf.connect(tmp_path / "copy.db")
    key = tf.connect(wf._store.url).copy(wf, to=copied, show_progress=False).workflow.key
    finish(start(copied.workflow(key)), "failed")
    assert outputs(copied.workflow(key)) == [{"note": "good"}]


STEPS = st.lists(st.sampled_from(["note", "start", "log", "complete", "fail", "interrupt"]), max_size=16)


@given(steps=STEPS)
@settings(max_examples=examples(40))
def test_notes_are_never_lost_and_outputs_of_two_runs_never_mix(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wf = tf.connect(tmp_path_factory.mktemp("notes") / "s.db").create_workflow("notes")
    wf.push(tf.grid(n=[1]))
    notes: set[int] = set()
    logged: set[int] = set()
    run, fresh = None, True
    for number, step in enumerate(steps):
        if step == "note" and run is None:
            wf.add_user_data("1", {f"note {number}": number}, role="output")
            notes.add(number)
        elif step == "start" and run is None:
            run, fresh = start(wf), True
        elif run is not None and step == "log":
            run.add_user_data({f"epoch {number}": number}, role="output")
            logged, fresh = (set() if fresh else logged) | {number}, False
        elif run is not None and step in ("complete", "fail"):
            finish(run, "completed" if step == "complete" else "failed")
            logged, run = (set() if fresh and step == "fail" else logged), None
        elif run is not None and step == "interrupt":
            wf.reset_jobs("1")
            run = None
    assert {value for data in outputs(wf) for value in data.values()} == notes | logged
