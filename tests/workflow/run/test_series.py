"""Rows that jobs log: kept apart from results, none lost that was acknowledged, one long frame."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mapped
import numpy as np
import pandas as pd
import pytest
import stores
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from places import DATA
from servers import TorcServer, wait_until
from stores import on_sqlite
from strategies import TEXT, TEXTS, examples

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    TorcFramesError,
    TorcFramesWarning,
    UnavailableError,
)
from torc_frames.store.base import Store
from torc_frames.store.records import SeriesChunk
from torc_frames.store.sqlite.connections import Connections
from torc_frames.workflow.run import series
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.workflow import Workflow

wf, theirs = stores.study, stores.theirs

on_keeping_stores = pytest.mark.stores("sqlite", "torc-server")
"""Those that keep series."""


def push(wf: Workflow, count: int = 2) -> list[Job]:
    return [wf.job(key) for key in wf.push(tf.grid(alpha=np.arange(count) / 4)).index]


def start(wf: Workflow, job: Job) -> Job:
    store: Any = wf._store
    store.reset_jobs(wf.key, [job.key])
    [record] = store.start_jobs(wf.key, [job.key], "test")
    return Job(store, record, run_id=record.run_id)


@on_keeping_stores
def test_what_jobs_log_is_one_long_frame_and_in_no_other(wf: Workflow, theirs: Workflow) -> None:
    jobs = push(wf)
    before = wf.user_data(), wf.links(), wf.events(), wf.results()
    jobs[0].store(best=0.5)
    for epoch in range(3):
        for job in jobs:
            job.log(epoch=epoch, loss=1 / (epoch + int(job.key)), phase="fit")
    for job in jobs:
        job.flush()
    keys = [job.key for job in jobs]
    expected = pd.DataFrame(
        {
            "job_key": np.repeat(keys, 3),
            "epoch": [0, 1, 2, 0, 1, 2],
            "loss": [1 / (epoch + int(key)) for key in keys for epoch in range(3)],
            "phase": ["fit"] * 6,
        }
    )
    pd.testing.assert_frame_equal(theirs.curves(), expected)
    pd.testing.assert_frame_equal(theirs.curves("loss"), expected.drop(columns="phase"))
    beside = theirs.curves("loss", parameters=["alpha"], times=True)
    assert list(beside) == ["job_key", "logged_at", "epoch", "loss", "params.alpha"]
    assert beside["params.alpha"].tolist() == [0.0] * 3 + [0.25] * 3
    assert beside["logged_at"].dtype == "datetime64[us, UTC]"
    assert (pd.Timestamp.now("UTC") - beside["logged_at"]).between("0s", "10min").all()
    assert theirs.curves(job=keys[1], usecols=["loss"]).shape == (3, 1)
    assert theirs.results()["best"].tolist() == [0.5]
    wf.delete_user_data(*theirs.user_data(role="output")["record_key"].tolist())
    for frame, now in zip(before, (wf.user_data(), wf.links(), wf.events(), wf.results()), strict=True):
        pd.testing.assert_frame_equal(frame, now)
    assert (wf.plan(tf.grid(alpha=[0.0, 0.25])).rows["action"] == "unchanged").all()


@pytest.mark.stores("service")
def test_a_service_of_2023_says_that_it_keeps_none(wf: Workflow) -> None:
    [job] = push(wf, 1)
    for call in (lambda: job.log(loss=0.5), wf.curves):
        with pytest.raises(RefusedError, match=r"service of 2023, .* keeps no series .* role='output'"):
            call()


@on_sqlite
def test_a_workflow_without_rows_has_an_empty_frame_and_a_wrong_name_is_told(wf: Workflow) -> None:
    [job] = push(wf, 1)
    empty = wf.curves("loss", parameters=True, times=True)
    assert {name: str(dtype) for name, dtype in empty.dtypes.items()} == {
        "job_key": TEXT, "logged_at": "datetime64[us, UTC]", "loss": "float64", "params.alpha": "float64",
    }  # fmt: skip
    assert wf.curves().columns.tolist() == ["job_key"]
    job.log(epoch=1, loss=0.5)
    job.flush()
    with pytest.raises(RefusedError, match="no job logged 'los'; there are: 'epoch', 'loss'"):
        wf.curves("los")
    with pytest.raises(RefusedError, match="no job logged 'n'"):
        wf.curves("loss", by="n")
    with pytest.raises(NotFoundError):
        wf.curves(job=99)
    with pytest.raises(RefusedError, match=r"give a list of column names, \['alpha'\]"):
        wf.curves(parameters="alpha")  # type: ignore[arg-type]


@on_keeping_stores
@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
def test_a_loss_that_diverges_is_kept(wf: Workflow, backend: Any) -> None:
    [job] = push(wf, 1)
    rows = [
        {"epoch": 0, "loss": 2, "train": {"norm": np.float32("inf")}, "note": "begin"},
        {"epoch": 1, "loss": math.inf, "train": {"norm": np.float64("-inf")}, "note": math.inf},
        {"epoch": 2, "loss": math.nan, "lr": pd.NA},
    ]
    for row in rows:
        job.log(**row)
    job.flush()
    curves = wf.curves(dtype_backend=backend)
    assert list(curves) == ["job_key", "epoch", "loss", "train.norm", "note", "lr"]
    assert [float(value) for value in curves["loss"][:2]] == [2.0, math.inf]
    assert pd.isna(curves["loss"][2])
    assert curves["loss"].dtype.kind == "f"
    assert [float(value) for value in curves["train.norm"][:2]] == [math.inf, -math.inf]
    assert curves["note"].tolist()[:2] == ["begin", math.inf]
    assert wf.curves("loss", dtype_backend=backend).shape == (3, 3)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    return tf.connect(tmp_path_factory.mktemp("shared") / "study.db").create_workflow("w")


SCALARS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    TEXTS,
    st.none(),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["epoch", "loss", "job_key", "a.b"]), SCALARS, min_size=1), max_size=6
)


@given(rows=ROWS, cut=st.integers(1, 4))
@settings(max_examples=examples(40))
def test_every_scalar_comes_back_as_it_was_logged(shared: Workflow, rows: list[Any], cut: int) -> None:
    wf, job = shared, shared.add_job("one")
    for at, row in enumerate(rows):
        job.log(**row)
        if at % cut == 0:
            job.flush()
    job.flush()
    curves = wf.curves(job=job)
    assert len(curves) == len(rows)
    names = {"job_key": "data.job_key", "a.b": "a\\.b"}
    for at, row in enumerate(rows):
        for name, value in row.items():
            plain = value.item() if isinstance(value, np.generic) else value
            shown = curves.get(names.get(name, name), pd.Series([None] * len(rows), dtype=object))[at]
            missing = plain is None or plain != plain
            assert pd.isna(shown) if missing else shown == plain
            assert isinstance(shown, (bool, np.bool_)) == isinstance(plain, bool) or missing


@on_sqlite
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"loss": [1, 2]}, "loss.*a list is no scalar.*log its items by name"),
        ({"loss": np.zeros(3)}, "loss.*a ndarray is no scalar"),
        ({"a": 1, "b": {"c": object()}}, r"b\.c.*object can't be kept"),
        ({"raw": b"x", "loss": 1.0, "z": {1}}, "raw.*hex.*z.*sorted list"),
        ({"text": "\ud800"}, "lone surrogate"),
        ({"text": "x" * 70_000}, "a row of 70,0.. bytes is too large"),
        ({}, "takes values by name"),
    ],
)  # fmt: skip
def test_what_is_no_scalar_is_refused_by_name_and_nothing_of_the_row_is_kept(
    wf: Workflow, row: Any, told: str
) -> None:
    [job] = push(wf, 1)
    job.log(epoch=1)
    with pytest.raises(RefusedError, match=f"(?s){told}"):
        job.log(**row)
    with pytest.raises(RefusedError, match="by name"):
        job.log({"loss": 1})
    job.log(epoch=2)
    job.flush()
    assert wf.curves()["epoch"].tolist() == [1, 2]


@on_sqlite
def test_a_new_run_replaces_the_series_and_those_who_come_late_change_nothing(wf: Workflow) -> None:
    [job] = push(wf, 1)
    first = start(wf, job)
    first.log(epoch=1)
    first.flush()
    second = start(wf, job)
    assert len(wf.curves()) == 0
    first.log(epoch=2)
    first.flush()
    assert len(wf.curves()) == 0
    second.log(epoch=7)
    second.flush()
    wf.job(job.key).log(epoch=8)
    second.log(epoch=9)
    series.flush_all()
    assert sorted(wf.curves()["epoch"]) == [7, 8, 9]
    assert wf.curves().equals(tf.connect(wf._store.url).workflow(wf.key).curves())


def chunk(job: str, **changed: Any) -> SeriesChunk:
    columns: dict[str, Any] = {"job_key": job, "run_id": 0, "attempt_id": 1, "writer": "w", "number": 0}
    return SeriesChunk(**columns | {"times": [5, 1], "odd": [], "rows": '{"a":1}\n{"a":2}'} | changed)


@pytest.mark.stores("sqlite", "sqlite-network", "torc-server")
def test_a_chunk_that_is_sent_twice_is_there_once(store: Store, reader: Store) -> None:
    wf = tf.Client(store).create_workflow("w")
    jobs = [wf.add_job(name).key for name in ("one", "two")]
    for _ in range(2):
        store.add_series(wf.key, [chunk(jobs[0]), chunk(jobs[1]), chunk(jobs[0], number=1)])
    assert tf.Client(reader).workflow(wf.key).curves()["a"].tolist() == [1, 2, 1, 2, 1, 2]
    with reader.snapshot(wf.key) as snapshot:
        assert {one.job_key for one in snapshot.series(job_key=jobs[1])} == {jobs[1]}
        with pytest.raises(NotFoundError):
            list(snapshot.series(job_key="999"))
    store.add_series(wf.key, [])
    for bad in ("999", "x"):
        with pytest.raises(NotFoundError):
            store.add_series(wf.key, [chunk(bad)])
    with pytest.raises(NotFoundError):
        store.add_series("999", [])
    # The newest attempt of a run; what somebody logged from outside is of any.
    more = [
        chunk(jobs[1], run_id=3, attempt_id=n, writer=f"w{n}", rows=json.dumps({"a": n}), times=[n])
        for n in range(3)
    ]
    store.add_series(wf.key, more)
    assert tf.Client(reader).workflow(wf.key).curves(job=jobs[1])["a"].tolist() == [0, 2]
    wf.delete_jobs(jobs[0])
    assert set(wf.curves()["job_key"]) == {jobs[1]}


@on_sqlite
def test_many_small_writes_are_few_chunks_of_the_same_rows(wf: Workflow) -> None:
    job, other = push(wf)
    for epoch in range(30):
        for one in (job, other):
            one.log(epoch=epoch, loss=math.inf if epoch % 7 == 0 else 1.0, text="x" * 3_000)
            one.flush()
    curves = wf.curves(times=True)
    assert curves["epoch"].tolist() == [*range(30)] * 2
    assert np.isinf(curves["loss"]).tolist() == [epoch % 7 == 0 for epoch in range(30)] * 2
    assert curves.groupby("job_key")["logged_at"].is_monotonic_increasing.all()
    assert (pd.Timestamp.now("UTC") - curves["logged_at"]).between("0s", "10min").all()
    with wf._store.snapshot(wf.key) as snapshot:
        assert len(list(snapshot.series())) == 6


@on_keeping_stores
@pytest.mark.parametrize(
    "changed",
    [
        {"rows": '{"a":1}'},
        {"rows": "{\n}"},
        *({"odd": [(row, path, "nan")]} for row, path in ((7, ["a"]), (-1, ["a"]), (0, []))),
    ],
    ids=str,
)
def test_rows_that_are_damaged_are_no_short_curve(store: Store, changed: Any) -> None:
    wf = tf.Client(store).create_workflow("w")
    store.add_series(wf.key, [chunk(wf.add_job("one").key, **changed)])
    with pytest.raises(TorcFramesError, match=r"of the series|of a series"):
        wf.curves()


LOGS = """
import sys, time
import torc_frames as tf
job = tf.current_job()
for epoch in range(1000):
    job.log(epoch=epoch, loss=1 / (epoch + 1))
    if epoch % 100 == 99:
        job.flush()
        print(epoch + 1, flush=True)
job.log(epoch=-1)
time.sleep(600 if "{end}" == "kill" else 0)
"""


def logging_job(wf: Workflow, job: Job, tmp_path: Path, end: str, **more: str) -> subprocess.Popen[str]:
    (tmp_path / "train.py").write_text(LOGS.replace("{end}", end))
    env = {
        **os.environ,
        "TORC_API_URL": wf._store.url,
        "TORC_JOB_ID": job.key,
        "TORC_WORKFLOW_ID": wf.key,
        **more,
    }
    command = [sys.executable, str(tmp_path / "train.py")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


@on_keeping_stores
def test_what_was_flushed_outlives_a_kill_and_the_rest_an_end(wf: Workflow, tmp_path: Path) -> None:
    killed, ended = push(wf)
    with logging_job(wf, killed, tmp_path, "kill") as process:
        for line in process.stdout or ():
            if line.strip() == "1000":
                break
        os.kill(process.pid, signal.SIGKILL)
    assert wf.curves(job=killed)["epoch"].tolist()[:1000] == list(range(1000))
    with logging_job(wf, ended, tmp_path, "end") as process:
        assert process.wait() == 0
    assert wf.curves(job=ended)["epoch"].tolist() == [*range(1000), -1]


@on_sqlite
def test_the_thread_that_writes_outlives_a_job_that_is_gone(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "INTERVAL_S", 0.01)
    gone, stays = push(wf)
    gone.log(epoch=1)
    gone.flush()
    wf.delete_jobs(gone)
    gone.log(epoch=2)  # here a warning is an error, in that thread, too
    with pytest.raises(NotFoundError):
        gone.flush()
    stays.log(epoch=1)
    wait_until(lambda: len(wf.curves()) == 1, "the thread that writes")
    store: Any = wf._store
    store.add_series(wf.key, [chunk(stays.key, times=[2**80, 1])])
    with pytest.raises(TorcFramesError, match="rows are missing"):
        wf.curves()


@on_sqlite
def test_at_the_end_a_job_that_is_gone_keeps_no_rows_of_others_back(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "INTERVAL_S", 60.0)
    gone, stays = push(wf)
    for job in (gone, stays):
        job.log(epoch=1)
    wf.delete_jobs(gone)
    series.flush_all()  # the warning is an error here
    assert wf.curves()["job_key"].tolist() == [stays.key]


@on_sqlite
def test_who_looks_on_sees_the_rows_of_about_the_last_second(wf: Workflow) -> None:
    [job] = push(wf, 1)
    job.log(epoch=1)
    wait_until(lambda: len(wf.curves()) == 1, "the thread that writes")


@on_sqlite
def test_rows_are_written_in_their_time_when_others_wait_longer(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, other = push(wf, 2)
    monkeypatch.setattr(series, "INTERVAL_S", 60.0)
    patient.log(epoch=1)
    time.sleep(0.2)  # the thread waits for its rows
    monkeypatch.setattr(series, "INTERVAL_S", 0.1)
    other.log(epoch=2)
    wait_until(lambda: len(wf.curves()) == 1, "the thread that writes")
    assert wf.curves()["epoch"].tolist() == [2]
    patient.flush()


@on_sqlite
def test_rows_wait_while_the_store_can_not_be_written(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = push(wf, 1)
    monkeypatch.setattr(series, "INTERVAL_S", 60.0)
    for epoch in range(3):
        job.log(epoch=epoch)
    store: Any = wf._store
    with store._connections.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with ThreadPoolExecutor(1) as other:

        def full() -> None:
            with store._connections.writing() as connection:
                connection.execute(f"PRAGMA max_page_count = {pages}")
            job.log(epoch=3, note="x" * 60_000)
            with pytest.raises(UnavailableError, match="full"):
                job.flush()
            with pytest.warns(TorcFramesWarning, match=r"4 rows that it logged are not stored yet: .*full"):
                job.store(best=1)

        other.submit(full).result()
    job.flush()
    assert wf.curves()["epoch"].tolist() == [0, 1, 2, 3]


def test_a_server_that_is_gone_for_a_while_loses_nothing(
    fresh_server: TorcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "INTERVAL_S", 60.0)
    wf = tf.connect(fresh_server.url).create_workflow("w")
    [job] = push(wf, 1)
    job.log(epoch=0)
    job.flush()
    fresh_server.kill()
    job.log(epoch=1)
    fresh_server.restart()
    job.log(epoch=2)
    job.flush()
    assert wf.curves()["epoch"].tolist() == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@on_sqlite
def test_rows_are_written_once_whoever_forks(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "INTERVAL_S", 60.0)
    [job] = push(wf, 1)
    job.log(epoch=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = get_context("fork").Process(target=job.log, kwargs={"epoch": 1})
        child.start()
        child.join()
    assert child.exitcode == 0
    job.flush()
    assert sorted(wf.curves()["epoch"]) == [0, 1]


@on_sqlite
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_mapped_functions_log_too(wf: Workflow, kind: str) -> None:
    with (
        ThreadPoolExecutor(2)
        if kind == "threads"
        else ProcessPoolExecutor(2, get_context("spawn")) as executor
    ):
        table = wf.map(mapped.logging, tf.grid(n=[2, 3]), executor)
    assert table["results.last"].tolist() == [2, 3]
    assert table["results.refused"].str.contains("returns its results").all()
    curves = wf.curves("loss", parameters=True)
    assert curves.groupby("job_key")["loss"].agg(list).tolist() == [[0.0, 0.5], [0.0, 0.5, 1.0]]
    assert (curves.groupby("job_key").size() == wf.parameters()["n"]).all()
    with pytest.raises(tf.NotInJobError):
        tf.current_job()


def test_a_copy_takes_series_along_or_says_that_it_does_not(
    torc_server: TorcServer, first_service: Any, tmp_path: Path
) -> None:
    source = tf.connect(tmp_path / "study.db")
    wf = source.create_workflow("w")
    started = start(wf, push(wf)[1])
    for epoch in range(3):
        started.log(epoch=epoch, loss=math.inf)
    started.flush()
    server, back = tf.connect(torc_server.url), tf.connect(tmp_path / "back.db")
    copied = source.copy(wf, to=server, show_progress=False).workflow
    again = server.copy(copied, to=back, show_progress=False).workflow
    for one in (copied, again):
        found = one.curves(parameters=True)
        pd.testing.assert_frame_equal(found.iloc[:, 1:], wf.curves(parameters=True).iloc[:, 1:])
        assert set(found["job_key"]) == {one.jobs().index[1]}
        rerun = Job(one._store, one._store.get_job(one.jobs().index[1], one.key), run_id=9)
        rerun.log(epoch=0)
        rerun.flush()
        assert len(one.curves()) == 1
    report = source.copy(wf, to=tf.connect(first_service.url), show_progress=False)
    assert any("3 rows that 1 job logged: " in line for line in report.left_out)


def test_the_file_that_a_server_leaves_shows_them(fresh_server: TorcServer) -> None:
    wf = tf.connect(fresh_server.url).create_workflow("w")
    for job in push(wf):
        job.log(epoch=int(job.key), loss=math.nan)
        job.flush()
    served, events = wf.curves(parameters=True), wf.events()
    fresh_server.stop()
    left = tf.connect(fresh_server.database).workflow(wf.key)
    pd.testing.assert_frame_equal(left.curves(parameters=True), served)
    pd.testing.assert_frame_equal(left.events(), events)
    assert left.curves(job=served["job_key"][0])["epoch"].tolist() == served["epoch"].tolist()[:1]
    with pytest.raises(RefusedError, match="torc's own database"):
        left.job(served["job_key"][0]).log(loss=1)


def test_a_file_of_an_older_schema_that_is_only_read_has_no_series(tmp_path: Path) -> None:
    shutil.copy(DATA / "schema-3.db", tmp_path / "old.db")
    connections = Connections(str(tmp_path / "old.db"), network=False, timeout=1, create=False)
    connections.read_only = True
    with connections.snapshot("1") as snapshot:
        assert list(snapshot.series()) == []
        assert [key for page in snapshot.jobs() for key in page.keys] == ["1", "2", "3"]


@on_sqlite
def test_a_shell_job_logs_and_curves_are_printed(wf: Workflow, tmp_path: Path) -> None:
    [job] = push(wf, 1)
    where = ["-u", wf._store.url, "-k", wf.key]

    def call(*arguments: str, **env: str) -> str:
        done = CliRunner().invoke(root, arguments, env=env, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert arguments[1] != "log" or done.output == ""  # it would stand between what the job says
        return done.stdout

    call("jobs", "log", *where, job.key, "epoch=1", "loss=0.5", "train.acc=1")
    inside = {"TORC_API_URL": wf._store.url, "TORC_JOB_ID": job.key, "TORC_WORKFLOW_ID": wf.key}
    call("jobs", "log", "epoch=2", "loss=nan", "train.acc=inf", **inside)
    printed = call("curves", *where, "loss", "--parameters", "--format", "jsonl")
    assert [json.loads(line) for line in printed.splitlines()] == [
        {"job_key": job.key, "epoch": 1, "loss": 0.5, "params": {"alpha": 0.0}},
        {"job_key": job.key, "epoch": 2, "loss": None, "params": {"alpha": 0.0}},
    ]
    call("curves", *where, "train.acc", "--times", "-o", str(tmp_path / "curves.parquet"))
    assert pd.read_parquet(tmp_path / "curves.parquet")["train.acc"].tolist() == [1.0, math.inf]
