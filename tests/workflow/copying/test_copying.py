"""Copies between stores hold everything, or say what they don't; none is left half made."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filled import fill
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import TorcServer
from services import Service
from stores import StoreKind, only
from strategies import TEXTS, examples, json_values

import torc_frames as tf
from torc_frames.errors import (
    InexactFloatWarning,
    NotFoundError,
    RefusedError,
    TorcFramesError,
    UnverifiedPullError,
)
from torc_frames.store.base import Store
from torc_frames.store.http import session as http
from torc_frames.store.records import NewJobs, Resources, ResultPage
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.v1 import user_data as v1_user_data
from torc_frames.workflow.copying import order, original

NO_RESULTS = ResultPage([], [], [], [], [], [])


def joined(pages: Any, *names: str) -> list[Any]:
    """Return rows of some columns over all pages."""
    return [row for page in pages for row in zip(*(getattr(page, name) for name in names), strict=True)]


def canonical(raw: bytes) -> str:
    return json.dumps(json.loads(raw), sort_keys=True)


def content(store: Store, key: str) -> dict[str, Any]:
    """Return all of a workflow, with positions in place of keys."""
    with store.snapshot(key) as snap:
        workflow = snap.workflow
        jobs = joined(snap.jobs(), "keys", "names", "commands", "num_cpus", "num_gpus", "memory", "runtimes")
        pages = list(snap.user_data())
        records = [(key, name) for page in pages for key, name in zip(page.keys, page.names, strict=True)]
        lines = [line for page in pages for line in page.lines()]
        ephemeral = snap.ephemeral()
        links = joined(snap.links(), "job_keys", "record_keys", "roles")
        waits = joined(snap.dependencies(), "job_keys", "depends_on_keys")
    job_at = {row[0]: at for at, row in enumerate(jobs)}
    record_at = {record: at for at, (record, _) in enumerate(records)}
    return {
        "workflow": (workflow.name, workflow.description, dict(workflow.metadata)),
        "jobs": [row[1:] for row in jobs],
        "records": [
            (name, canonical(line), record in ephemeral)
            for (record, name), line in zip(records, lines, strict=True)
        ],
        "links": sorted((job_at[job], record_at[record], role or "") for job, record, role in links),
        "waits": sorted((job_at[job], job_at[other]) for job, other in waits),
    }


def runs(store: Store, key: str) -> Any:
    """Return statuses and results, with positions in place of keys."""
    with store.snapshot(key) as snap:
        jobs = joined(snap.jobs(), "keys", "statuses", "run_ids")
        ended = joined(
            snap.results(), "job_keys", "run_ids", "statuses", "return_codes", "start_times", "end_times"
        )
    at = {row[0]: position for position, row in enumerate(jobs)}
    return [row[1:] for row in jobs], [(at[job], *rest) for job, *rest in ended]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tf.Client]:
    client = tf.connect(tmp_path / "source.db")
    yield client
    client.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[tf.Client]:
    client = tf.connect(tmp_path / "target.db")
    yield client
    client.close()


@pytest.fixture
def server(torc_server: TorcServer) -> Iterator[tf.Client]:
    client = tf.connect(torc_server.url)
    yield client
    client.close()


@pytest.fixture
def study(source: tf.Client) -> str:
    """A workflow with all that an embedded store and torc-server both keep."""
    store = source._store
    key = store.add_workflow("study", description="d", metadata={"é": [1, 2.5, None], "b": {"z": 1}}).key
    data = [b'{"w":1}', b"null", b"[1]", b'"x"', b"false", b'{"b":2,"a":1}', b"true"]
    names = ["n", "n", None, "", "n", "input_c", None]
    flags = [False, True, False, False, True, True, False]
    ids = store.add_user_data(key, data, names=names, is_ephemeral=flags)
    links = {"input": [[ids[0], ids[1]], [ids[0]]], "output": [[ids[0]], [ids[3]]]}
    need = [Resources(2, 1, "2g", "PT1H"), Resources()]
    first = store.add_jobs(key, NewJobs(["a", "b"], ["echo 1", ""], [None] * 2, resources=need, links=links))
    third = NewJobs(["c"], ["exit 0"], [b'{"n":1}'], outputs=True, depends_on=[first.job_keys])
    store.add_jobs(key, third)
    store.add_jobs(key, NewJobs(["a"], ["as the first"], [None]))
    return key


class TestWhatStoresDoForIt:
    """Additions to the contract of `torc_frames.store.base`, on every store."""

    @pytest.fixture
    def workflow(self, store: Store) -> str:
        store.add_workflow("before")
        return store.add_workflow("study").key

    def test_new_jobs_are_linked_to_records_that_exist(
        self, store: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        only(not store_kind.roles_are_of_records, "a record has one role")
        records = store.add_user_data(workflow, [b'{"i":1}', b"null", b'{"i":2}'])
        links = {"input": [records[:2], []], "output": [[records[0]], [records[2], records[1]]]}
        added = store.add_jobs(
            workflow, NewJobs(["a", "b"], ["", ""], [b'{"own":1}', None], outputs=True, links=links)
        )
        with store.snapshot(workflow) as snap:
            found = joined(snap.links(), "job_keys", "record_keys", "roles")
        a, b = added.job_keys
        expected = [(a, records[0], "input"), (a, records[1], "input"), (a, added.input_keys[0], "input")]
        expected += [(a, records[0], "output"), (a, added.output_keys[0], "output")]
        expected += [(b, one, "output") for one in (records[1], records[2], added.output_keys[1])]
        assert sorted(found) == sorted(expected)

    def test_links_are_as_many_as_jobs(self, store: Store, workflow: str) -> None:
        (record,) = store.add_user_data(workflow, [b"{}"])
        with pytest.raises(RefusedError, match="1 input links for 2 jobs"):
            store.add_jobs(workflow, NewJobs(["a", "b"], ["", ""], [None] * 2, links={"input": [[record]]}))
        assert content(store, workflow)["jobs"] == []

    def test_a_link_without_a_role(self, store: Store, store_kind: StoreKind, workflow: str) -> None:
        assert store.needs_role is store_kind.links_need_roles
        (record,) = store.add_user_data(workflow, [b"{}"])
        jobs = NewJobs(["a"], [""], [None], links={None: [[record]]})
        if store.needs_role:
            with pytest.raises(RefusedError, match="not without"):
                store.add_jobs(workflow, jobs)
        else:
            store.add_jobs(workflow, jobs)
            assert content(store, workflow)["links"] == [(0, 0, "")]

    # Each data with each names, and each number of rows with each of both.
    @pytest.mark.parametrize(
        ("data", "names", "rows"),
        [
            (data, names, (2, 100)[(one + other) % 2])
            for one, data in enumerate(
                ([b'{"i":1}', b"null", b"[2]", b"null"], [b"null", b'{"i":1}'], [b"null"] * 3, [b"{}"])
            )
            for other, names in enumerate((["n", None, "n", "n"], ["", "a", "ü", "b"], None))
        ],
    )
    def test_records_of_no_job_keep_order_names_and_lifetime(
        self,
        store: Store,
        store_kind: StoreKind,
        workflow: str,
        data: list[bytes],
        names: list[str | None] | None,
        rows: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        only(not store_kind.roles_are_of_records, "records have neither names nor lifetimes")
        if store_kind.keeps_objects_only:
            data = [b'{"i":2}' if line == b"[2]" else line for line in data]
        monkeypatch.setattr(v1_user_data, "MANY", 1)
        monkeypatch.setattr(v1_user_data, "BULK_ROWS", rows)
        flags = [False, True, True, False][: len(data)]
        names = names and names[: len(data)]
        added = store.add_user_data(workflow, data, names=names, is_ephemeral=flags)
        with store.snapshot(workflow) as snap:
            pages = list(snap.user_data())
            ephemeral = snap.ephemeral()
        assert [key for page in pages for key in page.keys] == added
        assert [name for page in pages for name in page.names] == (names or [None] * len(data))
        assert [line for page in pages for line in page.lines()] == data
        assert ephemeral == {key for key, flag in zip(added, flags, strict=True) if flag}
        assert [store.get_user_data(workflow, key).is_ephemeral for key in added] == flags

    def test_flags_are_as_many_as_records(self, store: Store, workflow: str) -> None:
        with pytest.raises(RefusedError):
            store.add_user_data(workflow, [b"{}", b'{"i":1}'], is_ephemeral=[True])
        assert content(store, workflow)["records"] == []

    def test_what_became_of_jobs_elsewhere(self, store: Any, store_kind: StoreKind, workflow: str) -> None:
        only(store_kind.runs_jobs, "runs no jobs")
        names = ["done", "failed", "after_done", "after_failed", "was_running", "odd"]
        keys = store.add_jobs(workflow, NewJobs(names, [""] * 6, [None] * 6)).job_keys
        waiting = NewJobs(["x", "y"], ["", ""], [None] * 2, depends_on=[[keys[0]], [keys[0], keys[1]]])
        keys += store.add_jobs(workflow, waiting).job_keys
        statuses = [
            "completed",
            "failed",
            "uninitialized",
            "ready",
            "running",
            "terminated",
            "blocked",
            "ready",
        ]
        times = ["2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"]
        results = ResultPage(
            [keys[0], keys[1], keys[1]], [1, 1, 2], ["completed", "failed", "failed"], [0, 1, -9],
            [times[0]] * 3, [times[1]] * 3,
        )  # fmt: skip
        before = store.get_workflow(workflow).rev
        store.add_runs(workflow, keys, statuses, [1, 2, 0, 0, 3, 1, 0, 0], results)
        now, ended = runs(store, workflow)
        expected = ["completed", "failed", "ready", "ready", "ready", "terminated", "ready", "blocked"]
        assert now == list(zip(expected, [1, 2, 0, 0, 3, 1, 0, 0], strict=True))
        assert ended == [
            (0, 1, "completed", 0, *times), (1, 1, "failed", 1, *times), (1, 2, "failed", -9, *times),
        ]  # fmt: skip
        assert store.get_workflow(workflow).rev != before
        (job,) = store.start_jobs(workflow, [keys[4]], "me")
        assert job.run_id == 4

    def test_runs_of_a_job_that_does_not_exist(
        self, store: Any, store_kind: StoreKind, workflow: str
    ) -> None:
        only(store_kind.runs_jobs, "runs no jobs")
        with pytest.raises(NotFoundError):
            store.add_runs(workflow, ["99"], ["completed"], [1], NO_RESULTS)
        with pytest.raises(RefusedError):
            store.add_runs(workflow, [], ["completed"], [1], NO_RESULTS)


class TestCopy:
    """`Client.copy`."""

    def test_from_file_to_server_to_file_nothing_is_lost(
        self, source: tf.Client, server: tf.Client, target: tf.Client, study: str
    ) -> None:
        there = source.copy(study, to=server)
        back = server.copy(there.workflow, to=target)
        assert there.left_out == back.left_out == []
        expected = content(source._store, study)
        assert content(server._store, there.workflow.key) == expected
        assert content(target._store, back.workflow.key) == expected

    @pytest.mark.parametrize("fixture", ["torc_server", "auth_server", "tls_server"])
    def test_within_a_server_and_under_another_name(
        self, source: tf.Client, study: str, fixture: str, request: pytest.FixtureRequest
    ) -> None:
        one = request.getfixturevalue(fixture)
        with_ca = {"ca_cert": str(one.ca_cert)} if one.ca_cert else {}
        client = tf.connect(one.url, username=one.username, password=one.password, **with_ca)
        first = client.copy(source.copy(study, to=client).workflow.key)
        second = client.copy(first.workflow.key, name="other")
        expected = content(source._store, study)
        assert content(client._store, first.workflow.key) == expected
        found = content(client._store, second.workflow.key)
        assert found == expected | {"workflow": ("other", *expected["workflow"][1:])}
        client.close()

    def test_a_user_that_the_server_does_not_take_is_told(
        self, source: tf.Client, auth_server: TorcServer
    ) -> None:
        key = source._store.add_workflow("theirs", user="somebody").key
        to = tf.connect(auth_server.url, username=auth_server.username, password=auth_server.password)
        report = source.copy(key, to=to)
        assert report.left_out == ["that it was of user somebody: the copy is of alice"]
        to.close()

    def test_jobs_that_ran_are_archived_with_their_ends(self, source: tf.Client, target: tf.Client) -> None:
        wf = source.create_workflow("ran")
        wf.push(tf.grid(code=[0, 3]), command="exit {code}", outputs=True)
        wf.job("1").store(loss=0.5)
        wf.add_job("after", command="true", depends_on=["2"])
        wf.run(workers=1, show_progress=False)
        report = source.copy(wf, to=target)
        assert report.left_out == []
        copied = report.workflow.table()
        # A copy does not know when, of what it was told at once, the parameters were written.
        assert copied.pop("stale").tolist() == [pd.NA, pd.NA, False]
        pd.testing.assert_frame_equal(wf.table().drop(columns="stale"), copied)
        pd.testing.assert_frame_equal(
            wf.jobs().drop(columns="stale"), report.workflow.jobs().drop(columns="stale")
        )
        assert runs(source._store, wf.key) == runs(target._store, report.workflow.key)
        again = report.workflow.run(rerun="failed", show_progress=False)
        assert (again.completed, again.failed, again.canceled) == (0, 1, 1)

    def test_what_torc_left_is_archived(
        self, tmp_path: Path, target: tf.Client, server: tf.Client, fresh_server: TorcServer
    ) -> None:
        key = fill(fresh_server)
        fresh_server.call("POST", "/files", json={"workflow_id": int(key), "name": "f", "path": "f.csv"})
        scheduler = {"workflow_id": int(key), "name": "l", "memory": "1g", "num_cpus": 1}
        fresh_server.call("POST", "/local_schedulers", json=scheduler)
        nodes = {"workflow_id": int(key), "name": "n", "num_nodes": 4}
        fresh_server.call("POST", "/resource_requirements", json=nodes)
        fresh_server.call(
            "PUT", f"/workflows/{key}", json={"name": "study", "user": "me", "project": "atlas"}
        )
        fresh_server.stop()
        for file in fresh_server.directory.glob("torc.db*"):
            shutil.copy2(file, tmp_path)
        left = tf.connect(tmp_path / "torc.db")
        report = left.copy(key, to=target)
        others = ["compute nodes: 1", "local schedulers: 1", "files: 1"]
        others += ["resource requirements of several nodes: 1", "names of resource requirements: 2"]
        assert report.left_out == others
        assert content(target._store, report.workflow.key) == content(left._store, key)
        ours, theirs = runs(target._store, report.workflow.key), runs(left._store, key)
        assert ours[1] == theirs[1]
        assert [run for _, run in ours[0]] == [run for _, run in theirs[0]]
        with pytest.raises(RefusedError, match="bare number"):
            left.copy(key, to=server)
        with pytest.raises(RefusedError, match="torc's own database"):
            target.copy(report.workflow, to=left)
        fresh_server.restart()
        online = tf.connect(fresh_server.url)
        skipped = online.copy(key, to=target, on_unkept="skip").left_out
        assert set(others) < set(skipped)
        online.close()

    def test_dtypes_and_column_order_go_along(
        self, source: tf.Client, server: tf.Client, target: tf.Client
    ) -> None:
        df = pd.DataFrame(
            {
                "z": pd.date_range("2026", periods=3, tz="Europe/Paris"),
                "b": pd.Categorical(["x", "y", "x"]),
                "a": pd.array([1, None, 3], dtype="Int64"),
            }
        )
        wf = source.create_workflow("typed")
        wf.push(df)
        there = source.copy(wf, to=server)
        back = server.copy(there.workflow, to=target)
        for report, before in ((there, wf), (back, there.workflow)):
            moved = report.workflow.parameters()
            expected = before.parameters().rename(index=report.jobs["new_job_key"])
            pd.testing.assert_frame_equal(moved, expected.set_axis(moved.index))
            assert list(moved.index) == list(expected.index)
        assert back.workflow.push(df).attrs["torc"]["added"] == 0

    def test_the_report_maps_keys(self, source: tf.Client, target: tf.Client, study: str) -> None:
        target.create_workflow("first").push(tf.grid(n=[1, 2]))
        report = source.copy(study, to=target)
        assert report.jobs["new_job_key"].to_dict() == {str(n): str(n + 2) for n in range(1, 5)}
        assert report.jobs.index.name == "job_key"
        assert report.user_data["new_record_key"].to_dict() == {str(n): str(n + 2) for n in range(1, 10)}
        assert report.user_data.index.name == "record_key"
        assert repr(report) == (
            "CopyReport(workflow=Workflow(key='2', name='study'), 4 jobs, 9 records, nothing left out)"
        )

    @pytest.mark.parametrize("network", [False, True])
    def test_within_one_file(self, tmp_path: Path, network: bool) -> None:
        client = tf.Client(SQLiteStore(tmp_path / "one.db", network=network))
        wf = client.create_workflow("empty")
        assert len(client.copy(wf).jobs) == 0
        wf.push(tf.grid(n=[1, 2]))
        assert content(client._store, client.copy(wf).workflow.key) == content(client._store, wf.key)
        client.close()

    def test_results_are_not_for_a_server(self, source: tf.Client, server: tf.Client) -> None:
        wf = source.create_workflow("ran")
        wf.push(tf.grid(n=[1, 2]), command="true")
        wf.run(show_progress=False)
        report = source.copy(wf, to=server)
        assert report.left_out == [f"status, return codes and times of 2 jobs: {server.url} takes none"]
        assert report.left_out[0] in repr(report)
        assert set(report.workflow.jobs()["status"]) == {"uninitialized"}

    def test_jobs_that_run_are_ready_in_the_copy(self, source: tf.Client, target: tf.Client) -> None:
        wf = source.create_workflow("runs")
        wf.push(tf.grid(n=[1, 2]), command="true")
        source._store.start_jobs(wf.key, ["1"], "me")
        report = source.copy(wf, to=target)
        assert report.left_out == ["1 job of which a run had begun: nobody runs them in the copy"]
        assert runs(target._store, report.workflow.key)[0] == [("ready", 1), ("ready", 0)]

    def test_floats_that_a_server_changes_are_told_once(self, source: tf.Client, server: tf.Client) -> None:
        key = source._store.add_workflow("floats").key
        numbers = random.Random(0)
        lines = [b'{"x":%s}' % repr(numbers.random()).encode() for _ in range(200)]
        inexact = [at for at, line in enumerate(lines) if kept_silently(server._store, line) != line]
        assert 0 < len(inexact) < 100
        source._store.add_user_data(key, lines)
        with pytest.warns(InexactFloatWarning) as caught:
            report = source.copy(key, to=server)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        (text,) = report.left_out
        assert text.startswith(f"the last digit of floats in {len(inexact)} of 200 records")


def kept_silently(store: Store, line: bytes) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)
        return store.kept([line])[0]


class TestRefusals:
    """What can't be copied is known before anything is written."""

    @pytest.fixture
    def unkept(self, source: tf.Client) -> str:
        store = source._store
        key = store.add_workflow("odd").key
        data = [b'{"i":1}', b"3", b'{"big":%d}' % 2**70, b'{"i":2}', b'{"i":3}']
        ids = store.add_user_data(key, data)
        links: Any = {"input": [[ids[1], ids[0]], []], None: [[ids[3]], []]}
        store.add_jobs(key, NewJobs(["a", "b"], ["", ""], [None, None], links=links))
        return key

    def test_all_of_it_is_named_by_key(self, source: tf.Client, server: tf.Client, unkept: str) -> None:
        before = server.workflows()
        with pytest.raises(RefusedError) as caught:
            source.copy(unkept, to=server)
        assert len(caught.value.problems) == 3
        for text in ("user_data key 2: ", "user_data key 3: ", "user_data keys 4: linked to job 1 without"):
            assert text in str(caught.value)
        assert "on_unkept='skip'" in str(caught.value)
        pd.testing.assert_frame_equal(server.workflows(), before)

    def test_it_is_left_out_when_told_so(self, source: tf.Client, server: tf.Client, unkept: str) -> None:
        report = source.copy(unkept, to=server, on_unkept="skip")
        assert list(report.user_data.index) == ["1", "4", "5"]
        assert content(server._store, report.workflow.key)["links"] == [(0, 0, "input")]
        roleless, records = report.left_out
        assert "job 1 to user_data keys 4" in roleless
        assert records.startswith("2 records: user_data keys 2, 3 (")

    def test_a_file_keeps_it(self, source: tf.Client, target: tf.Client, unkept: str) -> None:
        report = source.copy(unkept, to=target)
        assert report.left_out == []
        assert content(target._store, report.workflow.key) == content(source._store, unkept)

    def test_a_record_that_the_server_can_not_give(
        self, server: tf.Client, torc_server: TorcServer, target: tf.Client
    ) -> None:
        wf = server.create_workflow("numbers")
        body = {"workflow_id": int(wf.key), "name": "n", "data": 1.5}
        job = wf.add_job("a")
        number = torc_server.call("POST", "/user_data", json=body, params={"consumer_job_id": job.key})["id"]
        wf.add_user_data(job, {"a": 1}, role="input")
        with pytest.raises(RefusedError, match=f"user_data key {number}"):
            server.copy(wf, to=target)
        report = server.copy(wf, to=target, on_unkept="skip")
        assert list(report.workflow.parameters()["a"]) == [1]
        assert len(report.left_out) == 1

    def test_words_that_are_none(self, source: tf.Client, study: str) -> None:
        with pytest.raises(RefusedError, match="on_unkept='no'"):
            source.copy(study, on_unkept="no")  # type: ignore[arg-type]
        with pytest.raises(NotFoundError):
            source.copy("99")

    def test_a_source_that_never_stands_still(
        self, server: tf.Client, target: tf.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wf = server.create_workflow("busy")
        keys = iter(wf.add_user_data(None, *[{"i": i} for i in range(4)]))
        monkeypatch.setattr(
            original.Original, "_read_links", lambda self, snap: wf.delete_user_data(next(keys))
        )
        with pytest.raises(UnverifiedPullError, match="deleted"):
            server.copy(wf, to=target)
        assert not (tmp_path / "target.db").exists()


class TestHalfWay:
    """A copy that fails leaves nothing, or says what it leaves."""

    def test_a_file_is_as_it_was(
        self, source: tf.Client, target: tf.Client, study: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(target._store, "add_runs", fails)
        with pytest.raises(KeyboardInterrupt):
            source.copy(study, to=target)
        assert len(target.workflows()) == 0

    def test_another_workflow_that_got_its_key_stays(
        self, source: tf.Client, target: tf.Client, study: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        get = target._store.get_workflow

        def quickly(key: str) -> Any:
            monkeypatch.undo()
            assert target.create_workflow("study").key == key
            return get(key)

        monkeypatch.setattr(target._store, "add_runs", fails)
        monkeypatch.setattr(target._store, "get_workflow", quickly)
        with pytest.raises(KeyboardInterrupt):
            source.copy(study, to=target)
        assert len(target.workflows()) == 1

    def test_a_server_is_as_it_was(
        self, source: tf.Client, server: tf.Client, study: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = server.workflows()
        monkeypatch.setattr(server._store, "add_jobs", fails)
        with pytest.raises(KeyboardInterrupt):
            source.copy(study, to=server)
        pd.testing.assert_frame_equal(server.workflows(), before)

    def test_a_server_that_dies_leaves_a_half_that_is_named(
        self, source: tf.Client, fresh_server: TorcServer, study: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "_MAX_BACKOFF", 0.01)
        client = tf.connect(fresh_server.url)
        add_jobs = client._store.add_jobs

        def dying(*arguments: Any) -> Any:
            fresh_server.kill()
            return add_jobs(*arguments)

        monkeypatch.setattr(client._store, "add_jobs", dying)
        with pytest.raises(TorcFramesError, match=r"workflow 1 of http.* is half a copy .* delete it"):
            source.copy(study, to=client)
        client.close()


def fails(*arguments: object) -> None:
    raise KeyboardInterrupt


class TestOrder:
    """Jobs that wait for each other."""

    def chain(self, store: Store, count: int, stages: int) -> str:
        key = store.add_workflow("chain").key
        last: dict[int, str] = {}
        for n in range(count):
            for stage in range(stages):
                waits = [[last[n]]] if stage else None
                jobs = NewJobs([f"{n}-{stage}"], [""], [None], depends_on=waits)
                last[n] = store.add_jobs(key, jobs).job_keys[0]
        return key

    def test_chains_keep_their_order(self, source: tf.Client, target: tf.Client, server: tf.Client) -> None:
        key = self.chain(source._store, 4, 3)
        for to in (target, server):
            report = source.copy(key, to=to)
            assert report.left_out == []
            assert content(to._store, report.workflow.key) == content(source._store, key)

    def test_unless_that_took_very_many_calls(
        self, source: tf.Client, target: tf.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(order, "MANY_CHUNKS", 5)
        key = self.chain(source._store, 4, 3)
        report = source.copy(key, to=target)
        assert report.left_out == ["the order of jobs: those that others wait for come first"]
        names = [row[0] for row in content(target._store, report.workflow.key)["jobs"]]
        assert names == [f"{n}-{stage}" for stage in range(3) for n in range(4)]
        assert list(report.jobs.index) == [str(n) for n in range(1, 13)]
        with target._store.snapshot(report.workflow.key) as snap:
            assert len(joined(snap.dependencies(), "job_keys")) == 8

    def test_a_job_may_wait_for_a_later_one(
        self, torc_server: TorcServer, server: tf.Client, target: tf.Client
    ) -> None:
        wf = server.create_workflow("backwards")
        first, second = wf.add_job("first"), wf.add_job("second")
        body = {
            "workflow_id": int(wf.key),
            "name": "first",
            "command": "",
            "depends_on_job_ids": [int(second.key)],
        }
        torc_server.call("PUT", f"/jobs/{first.key}", json=body)
        report = server.copy(wf, to=target)
        assert report.left_out == ["the order of jobs: those that others wait for come first"]
        assert report.jobs["new_job_key"].to_dict() == {first.key: "2", second.key: "1"}
        body = {
            "workflow_id": int(wf.key),
            "name": "second",
            "command": "",
            "depends_on_job_ids": [int(first.key)],
        }
        torc_server.call("PUT", f"/jobs/{second.key}", json=body)
        with pytest.raises(RefusedError, match=f"wait for each other: {first.key}, {second.key}"):
            server.copy(wf, to=target)


JOBS = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "echo"])), max_size=5)
RECORDS = st.lists(
    st.tuples(json_values(), st.none() | st.sampled_from(["n", "m", "input_a"]) | TEXTS, st.booleans()),
    max_size=6,
)


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    jobs, records = draw(JOBS), draw(RECORDS)
    some = st.lists(st.integers(0, len(records) - 1), max_size=2, unique=True) if records else st.just([])
    linked = {role: [draw(some) for _ in jobs] for role in ("input", "output")}
    # A server does not tell where a record is that has neither data nor a job.
    told = {one for rows in linked.values() for ids in rows for one in ids}
    records = [
        (data if at in told or data is not None else {}, *more) for at, (data, *more) in enumerate(records)
    ]
    earlier = [
        st.lists(st.integers(0, at - 1), max_size=2, unique=True) if at else st.just([])
        for at in range(len(jobs))
    ]
    return {
        "jobs": jobs,
        "records": records,
        "links": linked,
        "waits": [draw(before) for before in earlier],
        "needs": [Resources(draw(st.integers(1, 2)), 0, draw(st.sampled_from([None, "2g"]))) for _ in jobs],
        "metadata": draw(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3), max_size=2)),
    }


def make(store: Store, drawn: dict[str, Any], lines: list[bytes]) -> str:
    """Make a workflow as it was drawn, job by job."""
    key = store.add_workflow("drawn", metadata=drawn["metadata"]).key
    _, names, flags = zip(*drawn["records"], strict=True) if drawn["records"] else ((), (), ())
    ids = store.add_user_data(key, lines, names=names, is_ephemeral=flags)
    jobs: list[str] = []
    for at, (name, command) in enumerate(drawn["jobs"]):
        new = NewJobs(
            [name], [command], [None],
            depends_on=[[jobs[other] for other in drawn["waits"][at]]],
            resources=[drawn["needs"][at]],
            links={role: [[ids[one] for one in rows[at]]] for role, rows in drawn["links"].items()},
        )  # fmt: skip
        jobs += store.add_jobs(key, new).job_keys
    return key


def opened(*places: Any) -> Iterator[list[tf.Client]]:
    """Lend a client of each place."""
    found = list(map(tf.connect, places))
    yield found
    for client in found:
        client.close()


@pytest.fixture(scope="module")
def clients(torc_server: TorcServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tf.Client]]:
    folder = tmp_path_factory.mktemp("copies")
    yield from opened(folder / "a.db", torc_server.url, folder / "b.db")


@pytest.fixture(scope="module")
def served_clients(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tf.Client]]:
    """A file, the same as a service gives it in the later form, and another file."""
    yield from opened(service.database, service.url, tmp_path_factory.mktemp("copies") / "b.db")


def keepable(store: Store, data: Any) -> bytes:
    """Return JSON as a store gives it back, {} for what it refuses."""
    try:
        return kept_silently(store, json.dumps(data).encode())
    except RefusedError:
        return b"{}"


@given(workflows())
@settings(max_examples=examples(25))
def test_any_workflow_comes_back_as_it_was(clients: list[tf.Client], drawn: dict[str, Any]) -> None:
    source, server, target = clients
    lines = [keepable(server._store, data) for data, _, _ in drawn["records"]]
    key = make(source._store, drawn, lines)
    expected = content(source._store, key)
    with warnings.catch_warnings():
        # What came back as another float may do so again.
        warnings.simplefilter("error", InexactFloatWarning)
        try:
            there = source.copy(key, to=server)
        except InexactFloatWarning:
            return
        back = server.copy(there.workflow, to=target)
    assert there.left_out == back.left_out == []
    assert content(server._store, there.workflow.key) == expected
    assert content(target._store, back.workflow.key) == expected
    server.delete_workflow(there.workflow.key)


@given(workflows())
@settings(max_examples=examples(25))
def test_any_workflow_of_the_later_form_is_copied_as_it_is(
    served_clients: list[tf.Client], drawn: dict[str, Any]
) -> None:
    file, server, target = served_clients
    key = make(file._store, drawn, [keepable(server._store, data) for data, _, _ in drawn["records"]])
    copied = server.copy(key, to=target)
    assert copied.left_out == []
    assert content(server._store, key) == content(file._store, key)
    assert content(target._store, copied.workflow.key) == content(file._store, key)
    file.delete_workflow(key)
