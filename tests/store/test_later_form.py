"""A service of late 2023 as a store: all of it is read, and nothing written.

What is read was written by path into the file that is served, or by requests as clients of that time made.
"""

from __future__ import annotations

import pickle
import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal
from proxy import Proxy
from services import Service
from stores import wipe_service
from test_legacy_store import listing_metadata, open_store, table
from test_store_contract import NOWHERE, column, links, records

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.errors import NotFoundError, RefusedError
from torc_frames.store.base import Store
from torc_frames.store.legacy.store import LegacyStore
from torc_frames.store.records import INPUT, OUTPUT, NewJobs
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.workflow import Workflow

DATA = [b'{"seed":7}', b"null", b'{"_key":"a","deep":{"list":[1,2.50,null]}}']


@pytest.fixture
def later(service: Service) -> Service:
    """An empty service of both forms, of which the later one is spoken."""
    wipe_service(service)
    return service


@pytest.fixture
def file(later: Service) -> Iterator[SQLiteStore]:
    """The file that is served."""
    with closing(SQLiteStore(later.database)) as store:
        yield store


@pytest.fixture
def key(file: SQLiteStore) -> str:
    """A workflow with some of everything, written by path."""
    file.add_workflow("before")
    key = file.add_workflow("study", user="me", description="d", metadata={"é": [1, None]}).key
    wf = tf.Client(file).workflow(key)
    wf.push(table(), command="true", outputs=True, resources={"num_cpus": 2, "memory": "2g"})
    wf.add_job("last", depends_on=["1", "2"])
    wf.job("2").store(loss=0.5)
    (named, _, other) = file.add_user_data(
        key, DATA, names=["shared", None, "n"], is_ephemeral=[False, False, True]
    )
    file.add_jobs(key, NewJobs(["x"], [""], [None], links={INPUT: [[named]], OUTPUT: [[other]]}))
    return key


@pytest.fixture
def store(later: Service) -> LegacyStore:
    return open_store(later.url)


@pytest.fixture
def wf(store: LegacyStore, key: str) -> Workflow:
    return tf.Client(store).workflow(key)


class TestReading:
    """What the file has, the service gives."""

    @pytest.mark.parametrize("pull", ["parameters", "results", "jobs", "table", "user_data", "links"])
    def test_pulls_are_those_of_the_file(self, wf: Workflow, file: SQLiteStore, key: str, pull: str) -> None:
        direct = tf.Client(file).workflow(key)
        options = {"on_clash": "last"} if pull in ("parameters", "table") else {}
        ours, theirs = getattr(direct, pull)(**options), getattr(wf, pull)(**options)
        untold = [name for name in ours if name in ("rev", "stale")]
        assert_frame_equal(theirs.drop(columns=untold), ours.drop(columns=untold))

    def test_workflows_records_and_jobs_one_by_one(
        self, store: LegacyStore, file: SQLiteStore, key: str
    ) -> None:
        assert [one.name for one in store.workflows()] == ["before", "study"]
        ours, theirs = file.get_workflow(key), store.get_workflow(key)
        for what in ("key", "name", "user", "description", "metadata"):
            assert getattr(theirs, what) == getattr(ours, what)
        for record in records(file, key):
            mine, other = file.get_user_data(key, record), store.get_user_data(key, record)
            assert (other.data, other.name, other.is_ephemeral) == (mine.data, mine.name, mine.is_ephemeral)
        assert records(store, key) == records(file, key)
        for job in ("1", "6"):
            assert store.get_job(job, key).resources == file.get_job(job, key).resources
            assert store.get_job(job).name == file.get_job(job).name
            assert list(records(store, key, job_key=job)) == list(records(file, key, job_key=job))

    def test_links_and_dependencies(self, store: LegacyStore, file: SQLiteStore, key: str) -> None:
        assert links(store, key) == links(file, key)
        for role in (INPUT, OUTPUT):
            assert links(store, key, role=role) == links(file, key, role=role)
            assert records(store, key, role=role) == records(file, key, role=role)
        with store.snapshot(key) as snap, file.snapshot(key) as direct:
            for what in ("job_keys", "depends_on_keys"):
                assert column(snap.dependencies(), what) == column(direct.dependencies(), what)
            for chosen in ({}, {"role": INPUT}, {"job_key": "7"}):
                assert snap.count_user_data(**chosen) == direct.count_user_data(**chosen)
            list(snap.user_data())
            assert snap.ephemeral() == direct.ephemeral()
            assert snap.stale() is None
            snap.verify()

    def test_what_is_not_there_is_not_found(self, store: LegacyStore, key: str) -> None:
        for nowhere in [*NOWHERE, "torc_frames"]:
            for read in (
                lambda one: store.get_workflow(one),
                lambda one: store.get_job(one, key),
                lambda one: store.get_user_data(key, one),
            ):
                with pytest.raises(NotFoundError):
                    read(nowhere)

    def test_what_clients_of_that_time_add(self, later: Service, store: LegacyStore) -> None:
        wf = tf.Client(store).workflow(later.call("POST", "/workflows", {"name": "theirs"})["_key"])
        home = f"/workflows/{wf.key}"
        record = later.call("POST", f"{home}/user_data", {"name": "in", "data": {"c": 2}})
        job = {"name": "job", "command": "true", "input_user_data": [record["_id"]]}
        job = later.call("POST", f"{home}/bulk_jobs", {"jobs": [job]})["items"][0]["_key"]
        data = {"b": 1, "a": [1.5, None]}
        theirs = later.call("POST", f"{home}/jobs/{job}/user_data", {"data": data})["_key"]
        for odd in ("a:b", "50%", "x@(y)+,=;$!*'", "_", "a" * 254):
            later.call("POST", f"{home}/user_data", {"_key": odd, "data": {"x": 1}})
            assert store.get_user_data(wf.key, odd).data == {"x": 1}
        frame = wf.user_data()
        assert frame["record_key"].tolist()[:3] == [record["_key"], theirs, "a:b"]
        assert frame["role"].tolist()[:2] == [INPUT, OUTPUT]
        assert (wf.parameters()["c"].tolist(), wf.results()["b"].tolist()) == ([2], [1])
        assert wf.get_user_data(theirs).data == data

    def test_results_of_runs_are_told_with_their_times(self, later: Service, wf: Workflow) -> None:
        for run_id, code in ((1, 1), (2, 0)):
            result = {
                "job_key": "1",
                "run_id": run_id,
                "return_code": code,
                "exec_time_minutes": 1.5,
                "completion_time": f"2023-03-29 08:2{run_id}:33.5",
                "status": "done",
            }
            later.call("POST", f"/workflows/{wf.key}/results", result)
        row = wf.jobs().loc["1"]
        assert (row["return_code"], row["exec_time_minutes"], row["run_id"]) == (0, 1.5, 2)
        assert row["end_time"] == pd.Timestamp("2023-03-29 08:22:33.5", tz="UTC")
        assert wf._store.get_job("1", wf.key).run_id == 2

    def test_metadata_are_hidden_where_a_service_lists_them(
        self, later: Service, file: SQLiteStore, key: str
    ) -> None:
        with Proxy(later, listing_metadata) as proxy:
            df = tf.connect(proxy.url).workflow(key).user_data()
        assert len(df) == df.attrs["torc"]["records"] == len(records(file, key))

    def test_a_store_travels_to_other_processes(self, store: LegacyStore, key: str) -> None:
        assert pickle.loads(pickle.dumps(store)).get_workflow(key) == store.get_workflow(key)


class TestCopies:
    """What is to be changed is copied out."""

    def test_all_is_kept(self, wf: Workflow, file: SQLiteStore, store: LegacyStore, tmp_path: Path) -> None:
        with closing(tf.connect(tmp_path / "copy.db")) as target:
            report = tf.Client(store).copy(wf, to=target)
            assert report.left_out == []
            copy, direct = report.workflow, tf.Client(file).workflow(wf.key)
            for pull in ("results", "jobs"):
                assert_frame_equal(getattr(copy, pull)(), getattr(direct, pull)(), check_like=True)
            assert_frame_equal(
                copy.parameters(on_clash="last"), direct.parameters(on_clash="last"), check_like=True
            )
            assert sorted(copy.links().values.tolist()) == sorted(direct.links().values.tolist())
            assert copy.push(table(), outputs=True).attrs["torc"]["added"] == 0

    def test_other_things_are_told(self, later: Service, wf: Workflow, tmp_path: Path) -> None:
        home = f"/workflows/{wf.key}"
        later.call("POST", f"{home}/files", {"path": "a.csv"})
        later.call("POST", f"{home}/events", {"category": "x"})
        later.call("POST", f"{home}/resource_requirements", {"name": "n", "num_nodes": 4})
        report = tf.connect(later.url).copy(wf, to=tf.connect(tmp_path / "there.db"))
        assert report.left_out == ["files: 1", "events: 1", "resource requirements of several nodes: 1"]


WRITES: dict[str, Callable[[Store, str], object]] = {
    "add_workflow": lambda store, key: store.add_workflow("new"),
    "update_workflow": lambda store, key: store.update_workflow(key, name="new"),
    "merge_metadata": lambda store, key: store.merge_metadata(key, {"a": 1}),
    "delete_workflow": lambda store, key: store.delete_workflow(key),
    "transaction": lambda store, key: store.transaction().__enter__(),
    "add_jobs": lambda store, key: store.add_jobs(key, NewJobs(["a"], [""], [b"{}"])),
    "update_commands": lambda store, key: store.update_commands(key, ["1"], ["x"]),
    "delete_jobs": lambda store, key: store.delete_jobs(key, ["1"]),
    "add_series": lambda store, key: store.add_series(key, []),
    "add_user_data": lambda store, key: store.add_user_data(key, [b"{}"], job_keys=["1"], role=INPUT),
    "update_user_data": lambda store, key: store.update_user_data(key, ["1"], [b"{}"]),
    "delete_user_data": lambda store, key: store.delete_user_data(key, ["1"]),
}
READS = {
    *("workflows", "workflow_keys", "get_workflow", "count_jobs", "snapshot", "get_job", "kept"),
    *("get_user_data", "close"),
}


class TestWriting:
    """What is refused, and where to go instead."""

    def test_the_table_has_every_method_of_a_store(self) -> None:
        methods = {name for name in vars(Store) if not name.startswith("_") and callable(vars(Store)[name])}
        assert methods == READS | WRITES.keys()

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
    def test_every_write_of_the_store_is_refused(
        self, later: Service, file: SQLiteStore, key: str, write: Callable[[Store, str], object]
    ) -> None:
        before = file.get_workflow(key)
        with Proxy(later) as proxy:
            store = open_store(proxy.url)
            store.check()
            asked = len(proxy.requests)
            command = f"torc-frames copy -u {proxy.url} -k ({key}|KEY) --to study.db"
            with pytest.raises(RefusedError, match=command) as caught:
                write(store, key)
            assert len(proxy.requests) == asked
        assert "late 2023, which torc_frames only reads" in str(caught.value)
        assert file.get_workflow(key) == before

    def test_every_write_of_a_workflow_is_refused(self, later: Service, file: SQLiteStore, key: str) -> None:
        before = file.get_workflow(key)
        with Proxy(later) as proxy, closing(tf.connect(proxy.url)) as client:
            wf = client.workflow(key)
            job, edited = wf.job("1"), wf.parameters(on_clash="last")
            edited["int"] = 70
            for write in [
                lambda: wf.push(pd.DataFrame({"a": [1]})),
                lambda: wf.push(edited, on_exists="update"),
                lambda: wf.plan(edited, on_exists="update").apply(),
                lambda: wf.add_job("d", command="true"),
                lambda: wf.add_user_data("1", {"a": 1}, role="output"),
                lambda: wf.update_user_data("2", {"a": 1}),
                lambda: wf.delete_user_data("2"),
                lambda: wf.delete_jobs("1"),
                lambda: job.store(a=1),
                lambda: client.create_workflow("new"),
                lambda: client.delete_workflow(key),
                lambda: client.copy(wf, to=client),
            ]:
                with pytest.raises(RefusedError, match="late 2023, which torc_frames only reads"):
                    write()
            assert proxy.writes() == []
        assert file.get_workflow(key) == before

    def test_a_plan_is_shown(self, wf: Workflow) -> None:
        edited = wf.parameters(on_clash="last")
        edited.loc["2", "int"] = 70
        plan = wf.plan(edited)
        assert plan.cells[["job_key", "column", "pushed"]].values.tolist() == [["2", "int", 70]]
        assert wf.plan(tf.grid(n=[1, 2])).counts["create"] == 2

    def test_the_command_that_is_told_copies(self, wf: Workflow, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(RefusedError) as caught:
            wf.delete_jobs("1")
        command = shlex.split(str(caught.value).split("`")[1])
        done = CliRunner().invoke(root, command[1:], prog_name=command[0])
        assert (done.exit_code, done.stdout) == (0, "1\n"), done.stderr
        assert len(tf.connect("study.db").workflow("1").jobs()) == 7
