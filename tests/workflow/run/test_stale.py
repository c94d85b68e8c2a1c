"""Results of other parameters are marked, and those of earlier runs don't stand beside a failed one."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import schema_asset
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from stores import StoreKind
from strategies import examples

import torc_frames as tf
from torc_frames.errors import ConflictError, TorcFramesWarning
from torc_frames.store.records import NewJobs, RunResult
from torc_frames.widgets import Monitor, ResultsExplorer
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.workflow import Workflow

TIME = "2026-01-01T00:00:00.000000+00:00"
STORES_N = f"{sys.executable} -m torc_frames.cli jobs store got={{n}}"


@pytest.fixture
def wf(tmp_path: Path) -> Workflow:
    return tf.connect(tmp_path / "study.db").create_workflow("stale")


def start(wf: Workflow, key: str) -> Job:
    store: Any = wf._store
    store.reset_jobs(wf.key, [key])
    [record] = store.start_jobs(wf.key, [key], "test")
    return Job(store, record, run_id=record.run_id)


def finish(job: Job, status: str = "completed") -> None:
    store: Any = job._store
    store.finish_job(job.workflow_key, RunResult(job.key, job.run_id, status, 0, TIME, TIME))


def change(wf: Workflow, key: str, n: int) -> None:
    [record] = wf.job(key).user_data("input")
    wf.update_user_data(record.key, {"n": n})


def stale(wf: Workflow) -> list[Any]:
    column = wf.jobs()["stale"]
    assert column.dtype == "boolean"
    assert wf.table()["stale"].equals(column)
    return [None if value is pd.NA else value for value in column]


def test_the_column_stands_after_the_status(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    wf.job("1").store(loss=1)
    assert list(wf.jobs())[:4] == ["job_name", "command", "status", "stale"]
    assert list(wf.table())[-2:] == ["params.n", "results.loss"]
    assert str(wf.jobs(dtype_backend="pyarrow")["stale"].dtype) == "bool[pyarrow]"
    assert list(wf.jobs(usecols=["status"])) == ["status"]


def test_parameters_changed_after_the_run_are_stale_until_it_runs_again(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2, 3]), command=STORES_N)
    assert stale(wf) == [False] * 3
    assert wf.run(workers=2).stale == 0
    edited = wf.parameters()
    edited.loc["2", "n"] = 20
    wf.push(edited, command=STORES_N)
    assert stale(wf) == [False, True, False]
    assert tf.missing(wf, edited)["n"].tolist() == [20]
    with pytest.warns(TorcFramesWarning, match=r"1 completed job .*run\(rerun='changed'\)"):
        assert wf.run(workers=2).stale == 1
    assert wf.run(workers=2, rerun="changed").completed == 1
    assert stale(wf) == [False] * 3
    assert wf.table()["results.got"].tolist() == [1, 20, 3]
    assert not len(tf.missing(wf, edited))


def test_parameters_changed_during_the_run_are_stale(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command=STORES_N)
    run = start(wf, "1")
    change(wf, "1", 2)
    assert stale(wf) == [True]
    run.store(loss=1)
    finish(run)
    assert stale(wf) == [True]
    assert wf.run(rerun="changed").completed == 1
    assert stale(wf) == [False]


def test_results_of_an_earlier_run_are_stale_beside_a_later_one_that_stored_nothing(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]), command="true")
    run = start(wf, "1")
    run.store(loss=1)
    finish(run)
    finish(start(wf, "1"))
    assert stale(wf) == [False]
    change(wf, "1", 2)
    finish(start(wf, "1"))
    assert stale(wf) == [True]


def test_a_record_that_one_more_job_gets_is_not_changed(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    finish(start(wf, "1"))
    wf._store.add_jobs(wf.key, NewJobs(["new"], ["true"], [None], links={"input": [["1"]]}))
    assert stale(wf) == [False, False]
    change(wf, "1", 2)
    assert stale(wf) == [True, False]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_run_that_did_not_complete_shows_nothing_of_earlier_ones(wf: Workflow, status: str) -> None:
    wf.push(tf.grid(n=[1]), outputs=True)
    first = start(wf, "1")
    first.store(loss=1)
    first.add_user_data({"epoch": 1}, role="output")
    finish(first)
    assert wf.results().notna().to_numpy().all()
    second = start(wf, "1")
    finish(second, status)
    assert "results.loss" not in wf.table()
    assert [record.data for record in wf.job("1").user_data("output")] == [{}]
    third = start(wf, "1")
    third.store(partly=2)
    finish(third, status)
    assert wf.results()["partly"].tolist() == [2]


def test_a_job_that_fails_in_shell_before_it_stores_shows_nothing_of_earlier_runs(
    wf: Workflow, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    wf.push(tf.grid(n=[1]), command=f"test ! -e {broken} && {STORES_N}")
    assert wf.run().completed == 1
    assert wf.results()["got"].tolist() == [1]
    broken.touch()
    assert wf.run(rerun="all").failed == 1
    assert "results.got" not in wf.table()


def test_what_other_jobs_have_too_is_emptied_or_left(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2]))
    store: Any = wf._store
    first = start(wf, "1")
    [mine, shared] = first.add_user_data({"a": 1}, {"b": 1}, role="output", name="made")
    finish(first)
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute("INSERT INTO link (job_id, record_id, role) VALUES (2, ?, 'input')", (mine,))
        database.execute("INSERT INTO link (job_id, record_id, role) VALUES (2, ?, 'output')", (shared,))
    finish(start(wf, "1"), "failed")
    assert {key: wf.get_user_data(key).data for key in (mine, shared)} == {mine: {}, shared: {"b": 1}}


def test_a_failed_call_of_a_map_has_its_error_alone(wf: Workflow, tmp_path: Path) -> None:
    broken = tmp_path / "broken"

    def fit(n: int) -> dict[str, Any]:
        if broken.exists():
            raise ValueError("broken")
        return {"twice": 2 * n}

    with ThreadPoolExecutor(2) as threads:
        wf.map(fit, tf.grid(n=[1]), threads)
        broken.touch()
        with pytest.warns(TorcFramesWarning, match="1 job failed"):
            table = wf.map(fit, tf.grid(n=[1]), threads, rerun="all")
    names = [name for name in table if name.startswith("results.")]
    assert {name.partition(".error.")[2] for name in names} == {"type", "message", "traceback"}


def test_a_run_that_was_taken_over_drops_nothing(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1]))
    old = start(wf, "1")
    new = start(wf, "1")
    new.add_user_data({"epoch": 1}, role="output")
    with pytest.raises(ConflictError, match="run 1"):
        old.add_user_data({"epoch": 0}, role="output")
    with pytest.raises(ConflictError, match="started anew as run 2"):
        wf._store.drop_outputs(wf.key, "1", 1)  # type: ignore[attr-defined]
    assert [record.data for record in wf.job("1").user_data("output")] == [{"epoch": 1}]


@dataclass
class Model:
    """What a job of one parameter is like: versions of its parameter, of the runs, and of what is shown."""

    now: int = 0
    running: int | None = None
    last_run: int | None = None
    shown: int | None = None
    done: list[str] = field(default_factory=list)

    @property
    def is_stale(self) -> bool:
        seen = self.shown if self.shown is not None else self.running
        seen = seen if seen is not None else self.last_run
        return seen is not None and seen < self.now


STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(
            ["change", "start", "store", "store", "log", "outside", "complete", "fail", "rename"]
        ),
    ),
    max_size=14,
)


@given(steps=STEPS)
@hypothesis_settings(max_examples=examples(25))
def test_whatever_happens_to_jobs_what_is_stale_is_known(
    steps: list[tuple[int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wf = tf.connect(tmp_path_factory.mktemp("model") / "s.db").create_workflow("model")
    wf.push(tf.grid(n=[-1, -2]), outputs=True)
    models, runs = [Model(), Model()], dict[int, Job]()
    for number, (at, step) in enumerate(steps):
        model, key = models[at], str(at + 1)
        if step == "change":
            change(wf, key, number)
            model.now += 1
        elif step == "start" and at not in runs:
            runs[at], model.running = start(wf, key), model.now
        elif step in ("store", "log") and at in runs:
            if step == "store":
                runs[at].store(loss=number)
            else:
                runs[at].add_user_data({f"epoch {number}": number}, role="output")
            model.shown = model.running
        elif step == "outside" and at not in runs and model.last_run is None and model.shown is None:
            wf.job(key).store(by_hand=number)
            model.shown = model.now
        elif step in ("complete", "fail") and at in runs:
            if step == "fail" and model.shown != model.running:
                model.shown = None
            finish(runs.pop(at), "completed" if step == "complete" else "failed")
            model.last_run, model.running = model.running, None
        elif step == "rename" and at not in runs:
            wf._store.update_commands(wf.key, [key], [f"echo {number}"])
    assert stale(wf) == [model.is_stale for model in models]


def test_of_runs_from_before_schema_3_only_later_changes_are_known(tmp_path: Path) -> None:
    shutil.copy(schema_asset.DATA / "schema-2.db", tmp_path / "old.db")
    wf = tf.connect(tmp_path / "old.db").workflow(1)
    assert wf.job("1").status == "completed"
    assert stale(wf) == [None, False, False]
    wf.update_user_data("1", {"alpha": 2})
    assert stale(wf) == [True, False, False]
    again = start(wf, "1")
    again.store(loss=2)
    assert not stale(wf)[0]
    finish(again)
    assert not stale(wf)[0]


def test_copies_of_runs_are_not_known(wf: Workflow, tmp_path: Path) -> None:
    wf.push(tf.grid(n=[1, 2]), command="true")
    wf.run()
    copied = tf.connect(tmp_path / "copy.db")
    key = tf.connect(wf._store.url).copy(wf, to=copied, show_progress=False).workflow.key
    assert stale(copied.workflow(key)) == [None, None]
    change(copied.workflow(key), "2", 5)
    assert stale(copied.workflow(key)) == [None, True]


def test_refresh_tells_of_what_has_become_stale(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2]), command=STORES_N)
    wf.run()
    table, jobs = wf.table(), wf.jobs()
    change(wf, "2", 5)
    for frame, whole in ((table, wf.table), (jobs, wf.jobs)):
        now = wf.refresh(frame)
        assert now.updated == ["2"]
        pd.testing.assert_frame_equal(now.frame, whole())


def test_where_a_store_can_not_tell_the_mark_is_missing(store: Any, store_kind: StoreKind) -> None:
    wf = Workflow(store, store.add_workflow("w"))
    wf.push(tf.grid(n=[1, 2]))
    wf.job(wf.jobs().index[0]).store(loss=1)
    expected = [False, False] if store_kind.runs_jobs else [None, None]
    assert stale(wf) == expected
    assert wf.jobs(dtype_backend="pyarrow")["stale"].dtype == "bool[pyarrow]"
    assert len(tf.missing(wf, tf.grid(n=[1, 2]))) == 2
    if not store_kind.runs_jobs:
        assert store_kind.server is not None


def test_the_explorer_and_the_monitor_count_them(wf: Workflow) -> None:
    wf.push(tf.grid(n=[1, 2]), command=STORES_N)
    wf.run()
    explorer, monitor = ResultsExplorer(wf), Monitor(wf)
    assert explorer.exploration.summary.stale == monitor.progress.stale == 0
    change(wf, "2", 5)
    explorer.refresh()
    assert explorer.exploration.summary.stale == 1
    explorer.exploration.toggle_stale()
    assert explorer.value.index.tolist() == ["2"]
    shown: dict[str, Any] = {"wf": wf}
    exec(explorer.code, shown)
    assert explorer.value.equals(shown["df"])
    later = Monitor(wf)
    assert later.progress.stale == 1
    for widget in (explorer, monitor, later):
        widget.close()
