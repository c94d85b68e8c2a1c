"""torc's own database, read by path: what the server gives, without the server, and without a trace."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filled import DATA, NUMBERS, add_job, add_records, check_chosen, fill
from servers import TorcServer
from test_store_contract import NOWHERE, column, links, new_jobs, records

import torc_frames as tf
from torc_frames.errors import (
    InexactFloatWarning,
    NotFoundError,
    RefusedError,
    StoreFileError,
    TorcFramesWarning,
    TornReadError,
    UnavailableError,
    UnreadableRecordError,
    VersionError,
)
from torc_frames.store.records import INPUT, OUTPUT, JobRecord, Resources, RunResult
from torc_frames.store.sqlite import snapshot as sqlite_snapshot
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.torc_file.kinds import is_torc_file
from torc_frames.store.torc_file.store import TorcFileStore
from torc_frames.store.wire import v1
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow

NOBODY = 65534


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with what a server leaves when it ends, and the key of a workflow in there."""
    folder = tmp_path_factory.mktemp("left")
    with TorcServer.start(folder) as server:
        key = fill(server)
    kept = tmp_path_factory.mktemp("kept")
    for file in folder.glob("torc.db*"):
        shutil.copy2(file, kept)
    return kept, key


@pytest.fixture
def folder(left: tuple[Path, str]) -> Iterator[Path]:
    """A copy of that folder, which users without rights can get at."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        for file in left[0].iterdir():
            shutil.copy2(file, folder)
            (folder / file.name).chmod(0o644)
        yield folder


@pytest.fixture
def path(folder: Path) -> Path:
    """The file alone, with all in it that was in its log."""
    with closing(sqlite3.connect(folder / "torc.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert [file.name for file in folder.iterdir()] == ["torc.db"]
    return folder / "torc.db"


@pytest.fixture
def store(path: Path) -> TorcFileStore:
    return TorcFileStore(path)


@pytest.fixture
def key(left: tuple[Path, str]) -> str:
    return left[1]


@pytest.fixture
def wf(store: TorcFileStore, key: str) -> Workflow:
    return Client(store).workflow(key)


def change(path: Path, sql: str, *values: object) -> None:
    """Write to a database as its server would, and leave no log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


def digest(folder: Path) -> dict[str, tuple[str, int]]:
    """Return what is in a folder, and when it was changed."""
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Make a folder and its files read-only, also for us."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        assert not os.access(folder, os.W_OK)
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)
        folder.chmod(0o755)


def pulls(wf: Workflow) -> dict[str, pd.DataFrame]:
    """Return every kind of pull."""
    kinds = ("jobs", "user_data", "parameters", "results", "table", "links")
    return {kind: getattr(wf, kind)() for kind in kinds}


def assert_same(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    for kind, frame in expected.items():
        pd.testing.assert_frame_equal(found[kind], frame)


class TestPulls:
    """What is read."""

    def test_workflows_are_those_of_the_server(self, store: TorcFileStore, key: str) -> None:
        before, study, after = store.workflows()
        assert (study.key, study.name, study.user, study.description) == (key, "study", "me", "d")
        assert study.metadata == {"é": [1, 2.5, None]}
        assert (study.rev, before.user, after.metadata) == (None, None, {})
        assert store.get_workflow(key) == study
        frame = Client(store).workflows()
        assert frame["name"].tolist() == ["before", "study", "after"]
        now = pd.Timestamp.now("UTC")
        assert frame["created"].le(now).all()
        assert (frame["created"].dt.year >= now.year - 1).all()

    def test_jobs_have_statuses_resources_and_their_last_run(self, wf: Workflow) -> None:
        jobs = wf.jobs()
        assert jobs["job_name"].tolist() == ["a", "b", "c"]
        assert jobs["command"].tolist() == [f"echo '{name}'\ntrue" for name in "abc"]
        assert jobs["num_cpus"].tolist() == [4, 4, 1]
        assert jobs["num_gpus"].tolist() == [1, 1, 0]
        assert jobs[["memory", "runtime"]].iloc[0].tolist() == ["2g", "PT1H"]
        assert jobs[["memory", "runtime"]].iloc[1:].isna().all(axis=None)
        assert jobs["run_id"].tolist() == [2, 2, 0]
        assert jobs["return_code"].tolist() == [0, 1, pd.NA]
        assert jobs["end_time"].iloc[0] == pd.Timestamp("2026-01-02T00:00:00.000001Z")
        assert jobs["start_time"].iloc[0] == pd.Timestamp("2026-01-01T23:59:40.000001Z")

    def test_resources_are_those_that_are_read_through_the_server(
        self, path: Path, store: TorcFileStore, key: str
    ) -> None:
        for name, cpus, gpus, memory, runtime in product(
            (
                *("default", "many memory", "any runtime", "4 cpus, 1 gpus, 2g, PT1H"),
                *("4 cpus, 1 gpus, any memory, PT1H", "4 cpus, 1 gpus, 2g, any runtime"),
                *("4 cpus, 1 gpus, any memory, any runtime", "1 cpus, 0 gpus, any memory, any runtime"),
            ),
            *((1, 4), (0, 1), ("1m", "2g"), ("PT1M", "P0DT1M", "PT1H")),
        ):
            columns = "(name, num_cpus, num_gpus, memory, runtime)"
            sql = f"UPDATE resource_requirements SET {columns} = (?, ?, ?, ?, ?)"
            change(path, sql, name, cpus, gpus, memory, runtime)
            requirement = v1.V1Requirement(1, name, cpus, gpus, memory, runtime)
            assert store.get_job("1", key).resources == v1.resources_of(requirement)

    def test_results_are_those_of_all_runs_oldest_first(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            (page,) = snapshot.results()
        assert (page.job_keys, page.run_ids) == (["1", "1", "2"], [1, 2, 2])
        assert (page.statuses, page.return_codes) == (["failed", "completed", "failed"], [3, 0, 1])
        assert page.end_times[0] == "2026-01-01T01:00:00.500000+00:00"
        assert page.start_times[0] == "2026-01-01T00:59:40.500000+00:00"

    def test_records_are_the_raw_json_of_the_server(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            (page,) = snapshot.user_data()
            (bare,) = snapshot.user_data(labels=False)
        wanted = {**DATA, **NUMBERS, "huge": float(2**64 - 1)}
        assert [repr(json.loads(line)) for line in page.lines()] == [
            repr(sort_keys(value)) for value in wanted.values()
        ]
        assert page.names == [None if name.startswith("torc_frames-0") else name for name in wanted]
        assert page.revs == [v1.rev_of(line) for line in page.lines()]
        assert (bare.keys, bare.data) == (page.keys, page.data)
        assert set(bare.names + bare.revs) == {None}

    def test_one_record_is_that_of_the_page(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            (page,) = snapshot.user_data()
        for at, record_key in enumerate(page.keys):
            record = store.get_user_data(key, record_key)
            assert (record.key, record.workflow_key, record.name) == (record_key, key, page.names[at])
            assert repr(record.data) == repr(json.loads(page.lines()[at]))
            assert record.rev == page.revs[at]

    def test_links_are_ordered_and_of_one_workflow(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            ids = dict(
                zip(column(snapshot.user_data(), "names"), column(snapshot.user_data(), "keys"), strict=True)
            )
            names = column(snapshot.links(), "job_names")
        expected = [
            ("1", ids["input_a"], INPUT),
            ("1", ids["shared"], INPUT),
            ("1", ids["output_a"], OUTPUT),
            ("2", ids["input_b"], INPUT),
            ("2", ids["shared"], INPUT),
            ("2", ids["output_b"], OUTPUT),
        ]
        assert links(store, key) == expected
        assert names == ["a", "a", "a", "b", "b", "b"]
        assert links(store, key, role="input") == [link for link in expected if link[2] == INPUT]
        assert links(store, key, job_key="2") == expected[3:]
        assert links(store, key, job_key="2", role="output") == expected[5:]

    def test_records_of_a_job_or_a_role(self, store: TorcFileStore, key: str) -> None:
        for chosen in ({"role": INPUT}, {"role": OUTPUT}, {"job_key": "2"}, {"job_key": "1", "role": INPUT}):
            linked = {record for _, record, _ in links(store, key, **chosen)}
            assert set(records(store, key, **chosen)) == linked
            with store.snapshot(key) as snapshot:
                assert snapshot.count_user_data(**chosen) == len(linked)
        with store.snapshot(key) as snapshot:
            assert snapshot.count_user_data() == len(DATA) + len(NUMBERS)

    def test_dependencies_are_ordered_by_the_waiting_job(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            (page,) = snapshot.dependencies()
        assert (page.job_keys, page.depends_on_keys) == (["2", "3", "3"], ["1", "1", "2"])

    def test_frames(self, wf: Workflow) -> None:
        found = pulls(wf)
        assert found["parameters"].index.tolist() == ["1", "2"]
        assert found["parameters"]["alpha"].tolist() == [0.1, 10.0]
        assert found["parameters"]["seed"].tolist() == [7, 7]
        assert found["parameters"]["s"].iloc[0] == 'ü "\n\u2028'
        assert found["results"]["big"].iloc[0] == 2**64 - 1
        assert found["table"]["results.loss"].isna().tolist() == [False, True, True]
        assert len(found["links"]) == 6
        by_name = found["user_data"].set_index("record_name")
        assert by_name.loc["digits", "data"] == 0.1234567890123456
        assert by_name.loc["true", "data"] is True
        assert pd.isna(by_name.loc["shared", "job_key"])

    def test_pages_are_bounded_and_belong_together(
        self, wf: Workflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = pulls(wf)
        monkeypatch.setattr(sqlite_snapshot, "PAGE_ROWS", 2)
        found = pulls(wf)
        assert_same(found, expected)
        assert found["user_data"].attrs["torc"]["requests"] > 10

    def test_rows_that_a_text_chooses(
        self, path: Path, wf: Workflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        takes = "INSERT INTO job_input_user_data (job_id, user_data_id) SELECT job.id, made.id FROM job"
        change(path, f"{takes}, user_data AS made WHERE job.name = 'c' AND made.name = 'output_a'")
        check_chosen(wf, monkeypatch)
        assert wf.table(where="job_name == 'c'")["job_name"].tolist() == ["c"]

    def test_get_job(self, store: TorcFileStore, key: str) -> None:
        expected = JobRecord(
            "1", key, "a", "echo 'a'\ntrue", "uninitialized", Resources(4, 1, "2g", "PT1H"), 2
        )
        assert store.get_job("1", key) == store.get_job("1") == expected

    def test_what_is_not_there_is_not_found(self, store: TorcFileStore, key: str) -> None:
        for nowhere in NOWHERE:
            for call in (store.get_workflow, store.get_job, lambda one: store.snapshot(one).__enter__()):
                with pytest.raises(NotFoundError):
                    call(nowhere)
        with store.snapshot(key) as snapshot:
            for nowhere in [*NOWHERE, "4"]:
                for call in (snapshot.jobs, snapshot.user_data, snapshot.links):
                    with pytest.raises(NotFoundError):
                        list(call(job_key=nowhere))
                with pytest.raises(NotFoundError):
                    snapshot.count_user_data(job_key=nowhere)
                with pytest.raises(NotFoundError):
                    store.get_job(nowhere, key)
        with pytest.raises(NotFoundError):
            store.get_user_data(key, "1")

    def test_there_are_no_revs(self, store: TorcFileStore, key: str) -> None:
        with store.snapshot(key) as snapshot:
            assert snapshot.workflow == store.get_workflow(key)
            assert column(snapshot.jobs(), "revs") == [None] * 3
            with pytest.raises(RefusedError, match="no revs"):
                snapshot.user_data(since="1")
            with pytest.raises(RefusedError, match="no revs"):
                snapshot.removed("1")

    def test_json_on_several_lines_becomes_one(self, path: Path, store: TorcFileStore, key: str) -> None:
        change(path, """UPDATE user_data SET data = '{"a":\n 1,\n"b": "x"}' WHERE name = 'shared'""")
        assert b'{"a":  1, "b": "x"}' in records(store, key).values()

    def test_data_that_is_no_json_is_unreadable(self, path: Path, wf: Workflow) -> None:
        for broken in ("not json", "{\n"):
            change(path, "UPDATE user_data SET data = ? WHERE name = 'shared'", broken)
            with pytest.raises(UnreadableRecordError):
                wf.user_data()

    def test_metadata_that_is_no_object_is_none(self, path: Path, store: TorcFileStore, key: str) -> None:
        for odd in ("[1]", "{", None):
            change(path, "UPDATE workflow SET metadata = ? WHERE id = ?", odd, key)
            assert store.get_workflow(key).metadata == {}

    def test_a_time_that_is_none_is_missing(self, path: Path, wf: Workflow) -> None:
        for end, minutes, kept in NO_TIMES:
            change(path, "UPDATE result SET (completion_time, exec_time_minutes) = (?, ?)", end, minutes)
            assert wf.jobs()["start_time"].isna().all()
            assert wf.jobs()["end_time"].notna().tolist() == [kept, kept, False]
            assert wf.jobs()["exec_time_minutes"].isna().all()
        change(path, "UPDATE result SET exec_time_minutes = 'long'")
        assert wf.jobs()["start_time"].isna().all()


NO_TIMES = [
    ("garbage", 1.0, False),
    ("", 1.0, False),
    ("0001-01-01T00:00:00+02:00", 1.0, False),
    ("0001-01-01T00:00:00", 1.0, False),
    ("9999-12-31T23:59:59Z", 1.0, False),
    ("2026-01-01T00:00:00Z", 1e300, True),
    ("2026-01-01T00:00:00Z", -1e300, True),
    ("2026-01-01T00:00:00Z", 1e9, True),
]
"""When a run ended and how long it took, as torc-server takes them; and whether that end is one."""


def sort_keys(value: Any) -> Any:
    """Return JSON as the server keeps it."""
    return json.loads(json.dumps(value, sort_keys=True))


class TestServer:
    """What is read beside a server that runs."""

    def test_frames_are_those_that_the_server_gives(self, torc_server: TorcServer) -> None:
        key = fill(torc_server, more={})
        client, served = tf.connect(torc_server.database), tf.connect(torc_server.url)
        assert_same(pulls(client.workflow(key)), pulls(served.workflow(key)))
        assert client.url == f"sqlite:///{torc_server.database}"
        pd.testing.assert_frame_equal(client.workflows(), served.workflows())

    def test_what_jobs_need_is_what_others_changed_it_to(self, torc_server: TorcServer) -> None:
        key = torc_server.call("POST", "/workflows", json={"name": "needs", "user": "me"})["id"]
        many = {"workflow_id": key, "name": "many memory", "num_cpus": 8, "memory": "64g", "runtime": "PT1H"}
        need = torc_server.call("POST", "/resource_requirements", json=many)["id"]
        add_job(torc_server, key, "a", [], [], need=need)
        add_job(torc_server, key, "b", [], [])
        clients = [tf.connect(torc_server.database), tf.connect(torc_server.url)]
        names = ["num_cpus", "num_gpus", "memory", "runtime"]
        for client in clients:
            jobs = client.workflow(str(key)).jobs()[names]
            assert jobs.iloc[0].tolist() == [8, 0, "64g", "PT1H"]
            assert jobs.iloc[1, :2].tolist() == [1, 0]
            assert jobs.iloc[1, 2:].isna().all()
        query = {"workflow_id": key, "name": "default"}
        (default,) = torc_server.call("GET", "/resource_requirements", params=query)["items"]
        change = default | {"num_cpus": 16, "memory": "99g"}
        torc_server.call("PUT", f"/resource_requirements/{default['id']}", json=change)
        for client in clients:
            assert client.workflow(str(key)).jobs()[names].iloc[1].tolist() == [16, 0, "99g", "P0DT1M"]
            job = client.workflow(str(key)).jobs().index[1]
            assert client._store.get_job(job).resources == Resources(16, 0, "99g", "P0DT1M")

    def test_times_that_are_none_are_missing_in_both(self, torc_server: TorcServer) -> None:
        key = fill(torc_server, more={})
        (a, *_) = torc_server.call("GET", "/results", params={"workflow_id": key})["items"]
        for run, (end, minutes, _) in enumerate(NO_TIMES, 3):
            result = a | {"run_id": run, "completion_time": end, "exec_time_minutes": minutes}
            del result["id"]
            torc_server.call("POST", "/results", json=result)
        for client in (tf.connect(torc_server.database), tf.connect(torc_server.url)):
            with client._store.snapshot(key) as snapshot:
                (page,) = snapshot.results()
            assert [bool(end) for end in page.end_times[3:]] == [kept for *_, kept in NO_TIMES]
            assert page.start_times[3:] == [""] * len(NO_TIMES)
            assert client.workflow(key).jobs()["start_time"].notna().tolist() == [False, True, False]

    def test_what_is_pushed_to_the_server_is_pulled_alike_from_both(self, torc_server: TorcServer) -> None:
        draw = random.Random(3)
        params = pd.DataFrame({"x": [draw.random() for _ in range(300)], "t": pd.Timestamp("2026-01-01")})
        served = tf.connect(torc_server.url).create_workflow("digits")
        with pytest.warns(InexactFloatWarning):
            served.push(params, outputs=True)
        wf = tf.connect(torc_server.database).workflow(served.key)
        assert_same(pulls(wf), pulls(served))
        assert wf.parameters()["t"].tolist() == params["t"].tolist()

    def test_statuses_and_runs_are_those_that_the_server_says(
        self, fresh_server: TorcServer, tmp_path: Path
    ) -> None:
        key = fill(fresh_server)
        names = [f"job{status}" for status in range(11)]
        ids = [add_job(fresh_server, int(key), name, [], []) for name in names]
        fresh_server.stop()
        for status, job in enumerate(ids):
            change(fresh_server.database, "UPDATE job SET status = ? WHERE id = ?", status, job)
        fresh_server.restart()
        query = {"workflow_id": key, "sort_by": "id"}
        served = fresh_server.call("GET", "/jobs", params=query)["items"]
        jobs = Client(TorcFileStore(fresh_server.database)).workflow(key).jobs()
        assert jobs["status"].tolist() == [job["status"] for job in served]
        assert jobs.loc[jobs["status"] == "running", "run_id"].tolist() == [
            fresh_server.call("GET", f"/workflows/{key}")["run_id"]
        ]

    def test_floats_are_those_that_the_server_gives(self, torc_server: TorcServer) -> None:
        key = torc_server.call("POST", "/workflows", json={"name": "floats", "user": "me"})["id"]
        draw = random.Random(5)
        values = {
            str(at): {"x": draw.uniform(-1, 1) * 10 ** draw.randint(-30, 30), "s": "1.1234567890123456e-300"}
            for at in range(400)
        }
        add_records(torc_server, key, values)
        query = {"workflow_id": key, "sort_by": "id"}
        served = [item["data"] for item in torc_server.call("GET", "/user_data", params=query)["items"]]
        store = TorcFileStore(torc_server.database)
        found = records(store, str(key))
        assert [json.loads(raw) for raw in found.values()] == served
        assert [store.get_user_data(str(key), record).data for record in found] == served
        with closing(sqlite3.connect(torc_server.database)) as connection:
            rows = connection.execute("SELECT data FROM user_data WHERE workflow_id = ?", (key,)).fetchall()
        assert [json.loads(raw) for (raw,) in rows] != served

    def test_a_server_may_write_meanwhile(self, torc_server: TorcServer) -> None:
        key = torc_server.call("POST", "/workflows", json={"name": "busy", "user": "me"})["id"]
        wf = Client(TorcFileStore(torc_server.database)).workflow(key)
        done = threading.Event()

        def write() -> None:
            for batch in range(40):
                add_records(torc_server, key, {f"{batch}-{at}": {"batch": batch} for at in range(50)})
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        sizes = []
        while not done.is_set():
            sizes.append(len(wf.user_data()))
        thread.join()
        assert len(wf.user_data()) == 2000
        assert all(size % 50 == 0 for size in sizes)
        assert sizes == sorted(sizes)

    def test_a_snapshot_shows_one_moment(self, torc_server: TorcServer) -> None:
        key = torc_server.call("POST", "/workflows", json={"name": "moment", "user": "me"})["id"]
        add_records(torc_server, key, {"a": 1, "b": 2})
        store = TorcFileStore(torc_server.database)
        with store.snapshot(str(key)) as snapshot:
            add_records(torc_server, key, {"c": 3})
            assert snapshot.count_user_data() == len(column(snapshot.user_data(), "keys")) == 2
            snapshot.verify()
        assert len(records(store, str(key))) == 3

    def test_reading_makes_no_files(self, torc_server: TorcServer) -> None:
        before = sorted(file.name for file in torc_server.directory.iterdir())
        assert is_torc_file(torc_server.database)
        TorcFileStore(torc_server.database).workflows()
        assert sorted(file.name for file in torc_server.directory.iterdir()) == before

    @pytest.mark.parametrize("end", [TorcServer.stop, TorcServer.kill])
    def test_what_a_server_leaves_in_its_log_is_read(
        self, fresh_server: TorcServer, end: Callable[[TorcServer], None]
    ) -> None:
        fill(fresh_server)
        end(fresh_server)
        assert is_torc_file(fresh_server.database)
        assert len(TorcFileStore(fresh_server.database).workflows()) == 3


class TestTraces:
    """What reading does to files: nothing."""

    def test_a_file_stays_as_it_is_and_alone(self, path: Path, key: str) -> None:
        before = digest(path.parent)
        assert is_torc_file(path)
        pulls(Client(TorcFileStore(path)).workflow(key))
        assert digest(path.parent) == before

    def test_a_file_with_its_log_stays_as_it_is(self, folder: Path, key: str) -> None:
        before = digest(folder)
        assert before.keys() == {"torc.db", "torc.db-wal", "torc.db-shm"}
        assert is_torc_file(folder / "torc.db")
        pulls(Client(TorcFileStore(folder / "torc.db")).workflow(key))
        after = digest(folder)
        before.pop("torc.db-shm"), after.pop("torc.db-shm")  # where SQLite keeps its locks
        assert after == before

    def test_a_read_only_file_in_a_read_only_folder(self, path: Path, wf: Workflow, key: str) -> None:
        expected, before = pulls(wf), digest(path.parent)
        with without_rights(path.parent):
            assert is_torc_file(path)
            assert_same(pulls(Client(TorcFileStore(path)).workflow(key)), expected)
        assert digest(path.parent) == before

    def test_a_read_only_folder_with_a_log(self, folder: Path, left: tuple[Path, str], key: str) -> None:
        file = folder / "torc.db"
        with without_rights(folder):
            assert len(Client(TorcFileStore(file)).workflow(key).user_data()) == len(DATA) + len(NUMBERS)

    def test_a_log_that_can_not_be_read_there_is_told(self, folder: Path) -> None:
        (folder / "torc.db-shm").unlink()
        with without_rights(folder), pytest.raises(UnavailableError, match="copy both files elsewhere"):
            TorcFileStore(folder / "torc.db")
        assert len(TorcFileStore(folder / "torc.db").workflows()) == 3

    def test_a_server_that_starts_meanwhile_is_noticed(
        self, path: Path, store: TorcFileStore, key: str
    ) -> None:
        with store.snapshot(key) as snapshot:
            list(snapshot.jobs())
            snapshot.verify()
            change(path, "UPDATE job SET name = 'x'")
            with pytest.raises(TornReadError, match="written to while it was read"):
                snapshot.verify()

    def test_a_pull_is_repeated_then(
        self, path: Path, wf: Workflow, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs = sqlite_snapshot.SQLiteSnapshot.jobs
        writes = iter(["UPDATE job SET name = 'new'"])

        def write_once(self: Any, **chosen: Any) -> Any:
            for sql in writes:
                change(path, sql)
            return jobs(self, **chosen)

        monkeypatch.setattr(sqlite_snapshot.SQLiteSnapshot, "jobs", write_once)
        assert set(wf.jobs()["job_name"]) == {"new"}

    def test_on_a_network_file_system_the_log_is_watched(
        self, folder: Path, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("torc_frames.store.torc_file.store.is_network", lambda file: True)
        file = folder / "torc.db"
        with closing(sqlite3.connect(file)) as elsewhere, TorcFileStore(file).snapshot(key) as snapshot:
            snapshot.verify()
            elsewhere.execute("UPDATE job SET name = 'x'")
            elsewhere.commit()
            with pytest.raises(TornReadError):
                snapshot.verify()

    def test_locks_of_this_process_are_kept(self, path: Path, key: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN IMMEDIATE")
            assert is_torc_file(path)
            TorcFileStore(path).workflows()
            attempt = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
            done = subprocess.run(
                [sys.executable, "-c", attempt], capture_output=True, text=True, check=False
            )
            assert "database is locked" in done.stderr

    def test_a_process_forked_while_it_is_read_does_not_read_it(self, path: Path, key: str) -> None:
        script = """
import os, sys
from torc_frames.errors import UnavailableError
from torc_frames.store.torc_file.store import TorcFileStore
store = TorcFileStore(sys.argv[1])
with store.snapshot(sys.argv[2]):
    child = os.fork()
    if not child:
        try:
            store.workflows()
        except UnavailableError as error:
            os._exit(7 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
if not os.fork():
    os._exit(len(store.workflows()))
assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
"""
        subprocess.run([sys.executable, "-c", script, str(path), key], check=True, timeout=60)

    def test_a_store_travels_to_other_processes(self, store: TorcFileStore) -> None:
        copy = pickle.loads(pickle.dumps(store))
        assert (copy.url, copy.workflows()) == (store.url, store.workflows())
        assert TorcFileStore(store.url).path == store.path
        copy.close()
        assert copy.workflows()


class TestWriting:
    """What is refused, and where to go instead."""

    def test_every_write_of_the_store_is_refused(self, store: TorcFileStore, key: str) -> None:
        before = digest(Path(store.path).parent)
        result = RunResult("1", 1, "completed", 0, "", "")
        for write in [
            lambda: store.add_workflow("new"),
            lambda: store.merge_metadata(key, {"a": 1}),
            lambda: store.update_workflow(key, name="a"),
            lambda: store.delete_workflow(key),
            lambda: store.add_jobs(key, new_jobs(1)),
            lambda: store.update_commands(key, ["1"], ["x"]),
            lambda: store.delete_jobs(key, ["1"]),
            lambda: store.kept([b"1"]),
            lambda: store.add_user_data(key, [b"1"]),
            lambda: store.update_user_data(key, ["1"], [b"1"]),
            lambda: store.delete_user_data(key, ["1"]),
            lambda: store.start_jobs(key, ["1"], "me"),
            lambda: store.finish_job(key, result),
            lambda: store.reset_jobs(key, ["1"]),
            lambda: store.runners(key),
            store.transaction,
        ]:
            with pytest.raises(RefusedError, match=f"torc-server run --database {store.path}` and connect"):
                write()
        assert digest(Path(store.path).parent) == before

    def test_every_write_of_a_workflow_is_refused(self, wf: Workflow, path: Path) -> None:
        client, before = Client(TorcFileStore(path)), digest(path.parent)
        job = wf.job("1")
        for write in [
            lambda: wf.push(pd.DataFrame({"a": [1]})),
            lambda: wf.push(wf.parameters(), on_exists="update"),
            lambda: wf.add_job("d", command="true"),
            lambda: wf.add_user_data("1", {"a": 1}),
            lambda: wf.update_user_data("2", {"a": 1}),
            lambda: wf.delete_user_data("2"),
            lambda: wf.delete_jobs("1"),
            lambda: job.store(a=1),
            lambda: client.create_workflow("new"),
            lambda: client.delete_workflow(wf.key),
            wf.run,
        ]:
            with pytest.raises(RefusedError, match="torc's own database, which only its server writes"):
                write()
        assert digest(path.parent) == before


class TestKinds:
    """Which files are torc's, and which of those can be read."""

    @pytest.mark.parametrize("content", [None, b"", b"text\n" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
    def test_a_file_of_another_kind_is_not(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "x.db"
        if content is not None:
            path.write_bytes(content)
        before = digest(tmp_path)
        assert not is_torc_file(path)
        with pytest.raises((StoreFileError, UnavailableError)):
            TorcFileStore(path)
        assert digest(tmp_path) == before

    def test_a_folder_and_a_pipe_are_not(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert not is_torc_file(tmp_path)
        assert not is_torc_file(tmp_path / "pipe")

    def test_a_store_of_ours_is_not(self, tmp_path: Path) -> None:
        ours = SQLiteStore(tmp_path / "study.db")
        ours.add_workflow("w")
        before = digest(tmp_path)
        assert not is_torc_file(tmp_path / "study.db")
        assert digest(tmp_path) == before
        ours.close()
        with pytest.raises(StoreFileError, match="not a database of torc"):
            TorcFileStore(tmp_path / "study.db")

    @pytest.mark.parametrize("tables", [["workflow", "job", "user_data"], ["_sqlx_migrations", "job"]])
    def test_a_database_of_another_program_is_not(self, tmp_path: Path, tables: list[str]) -> None:
        for table in tables:
            change(tmp_path / "x.db", f"CREATE TABLE {table} (id)")
        before = digest(tmp_path)
        assert not is_torc_file(tmp_path / "x.db")
        assert digest(tmp_path) == before

    def test_an_older_schema_that_lacks_a_column_is_told(self, path: Path) -> None:
        change(path, "DELETE FROM _sqlx_migrations WHERE version > 20260301000000")
        change(path, "ALTER TABLE user_data RENAME COLUMN is_ephemeral TO fleeting")
        assert is_torc_file(path)
        with pytest.raises(
            VersionError,
            match=r"its schema is 20260301000000 and lacks user_data\.is_ephemeral, .*torc 1\.0 upgrades it",
        ) as caught:
            TorcFileStore(path)
        assert str(path) in str(caught.value)

    def test_a_newer_schema_is_read_as_long_as_the_columns_are_there(self, path: Path, key: str) -> None:
        change(path, "INSERT INTO _sqlx_migrations VALUES (20280101000000, 'later', '', 1, x'00', 1)")
        change(path, "ALTER TABLE job ADD COLUMN later TEXT")
        with pytest.warns(TorcFramesWarning, match=r"newer torc .*schema 20280101000000.*is tried"):
            assert len(TorcFileStore(path).workflows()) == 3
        change(path, "ALTER TABLE job RENAME COLUMN command TO script")
        with pytest.raises(
            VersionError, match=r"20280101000000 and lacks job\.command, .*upgrade torc_frames"
        ):
            TorcFileStore(path)
