"""Pulls from a real torc-server: records that it can't write, and others who write meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from servers import TorcServer, wipe

import torc_frames as tf
from torc_frames.errors import TornReadError, UnreadableRecordError, UnverifiedPullError
from torc_frames.store.paged import lists
from torc_frames.workflow.workflow import Workflow

WARNED = pytest.mark.filterwarnings("ignore::torc_frames.TorcFramesWarning")


@pytest.fixture
def server(torc_server: TorcServer) -> TorcServer:
    wipe(torc_server)
    return torc_server


@pytest.fixture
def wf(server: TorcServer) -> Iterator[Workflow]:
    client = tf.connect(server.url)
    client.create_workflow("before").push(tf.grid(n=range(5)))
    yield client.create_workflow("study")
    client.close()


def post(server: TorcServer, wf: Workflow, data: Any, name: str = "x", **link: Any) -> str:
    """Add a record as other clients do."""
    body = {"workflow_id": int(wf.key), "name": name, "data": data}
    return str(server.call("POST", "/user_data", json=body, params=link)["id"])


class TestUnreadable:
    """Lists with records without data, and with bare numbers, drop the connection."""

    def test_null_records_of_jobs_are_rows_without_data(self, server: TorcServer, wf: Workflow) -> None:
        pushed = wf.push(tf.grid(n=range(40)))
        for job in pushed.index[:30]:
            post(server, wf, None, f"output_{job}", producer_job_id=job)
        post(server, wf, {"loss": 1.5}, producer_job_id=pushed.index[35])
        frame = wf.user_data()
        assert len(frame) == 71
        assert frame["n"].tolist()[:40] == list(range(40))
        nulls = frame[40:70]
        assert nulls["job_key"].tolist() == pushed.index[:30].tolist()
        assert nulls["record_name"].tolist() == [f"output_{job}" for job in pushed.index[:30]]
        assert nulls[["n", "loss"]].isna().all(axis=None)
        pd.testing.assert_frame_equal(wf.parameters(), pushed)
        assert wf.results()["loss"].notna().sum() == 1
        assert len(wf.results()) == 31
        assert wf.table()["results.loss"].notna().sum() == 1
        assert wf.job(pushed.index[0]).user_data("output")[0].data is None
        assert wf.job(pushed.index[0]).parameters == {"n": 0}

    def test_a_null_record_of_the_workflow_is_found(self, server: TorcServer, wf: Workflow) -> None:
        wf.push(tf.grid(n=range(3)))
        key = post(server, wf, None, "alone")
        last = post(server, wf, {"n": 7})
        frame = wf.user_data()
        assert frame["record_key"].tolist()[-2:] == [key, last]
        assert frame["record_name"].tolist()[-2] == "alone"
        assert frame["n"].tolist()[-1] == 7

    def test_a_workflow_of_nulls_alone_pulls(self, server: TorcServer, wf: Workflow) -> None:
        job = wf.add_job("only")
        keys = [post(server, wf, None, f"n{i}", consumer_job_id=job.key) for i in range(5)]
        assert wf.user_data()["record_key"].tolist() == keys
        assert wf.parameters().shape == (1, 0)

    def test_bare_numbers_are_named_in_an_error(self, server: TorcServer, wf: Workflow) -> None:
        pushed = wf.push(tf.grid(n=range(10)))
        bad = [post(server, wf, i, producer_job_id=pushed.index[i]) for i in (1, 2)]
        post(server, wf, None, producer_job_id=pushed.index[3])
        for pull in (wf.user_data, wf.table, wf.results):
            with pytest.raises(UnreadableRecordError) as caught:
                pull()
            assert set(caught.value.keys) == set(bad)
            assert all(key in str(caught.value) for key in bad)
        with pytest.raises(UnreadableRecordError) as caught:
            wf.get_user_data(bad[0])
        assert caught.value.key == bad[0]
        with pytest.raises(UnreadableRecordError):
            wf.job(pushed.index[1]).user_data()

    def test_with_on_error_warn_they_are_missing_and_listed(self, server: TorcServer, wf: Workflow) -> None:
        pushed = wf.push(tf.grid(n=range(10)))
        bad = [post(server, wf, i, producer_job_id=pushed.index[i]) for i in (1, 2)]
        with pytest.warns(tf.TorcFramesWarning, match=bad[0]):
            frame = wf.user_data(on_error="warn")
        assert len(frame) == 12
        assert frame.set_index("record_key").loc[bad, "n"].isna().all()
        assert set(frame.attrs["torc"]["unreadable"]) == set(bad)
        with pytest.warns(tf.TorcFramesWarning):
            assert len(wf.table(on_error="warn")) == 10
        with pytest.warns(tf.TorcFramesWarning):
            pd.testing.assert_frame_equal(wf.parameters(on_error="warn"), pushed)

    def test_thousands_of_nulls_among_thousands_of_records(self, server: TorcServer, wf: Workflow) -> None:
        pushed = wf.push(tf.grid(n=range(3000)))
        body = {"user_data": [{"workflow_id": int(wf.key), "name": f"o{i}"} for i in range(1500)]}
        made = [row["id"] for row in server.call("POST", "/bulk_user_data", json=body)["user_data"]]
        jobs = [
            {"workflow_id": int(wf.key), "name": f"late{i}", "command": "", "output_user_data_ids": [one]}
            for i, one in enumerate(made)
        ]
        server.call("POST", "/bulk_jobs", json={"jobs": jobs})
        assert len(wf.user_data()) == 4500
        pd.testing.assert_frame_equal(wf.parameters(), pushed)


class TestOthersWrite:
    """The server has no snapshots: a pull is of what is there when it begins, or begins again."""

    def test_what_is_added_meanwhile_is_left_out(
        self, server: TorcServer, wf: Workflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lists, "FIRST_ROWS", 50)
        monkeypatch.setattr(lists, "MAX_ROWS", 50)
        pushed = wf.push(tf.grid(n=range(2000)))
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                post(server, wf, {"late": 1}, consumer_job_id=pushed.index[0])

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(5):
                frame = wf.user_data()
                assert frame["n"].dropna().tolist() == list(range(2000))
                assert frame["record_key"].is_unique
                assert frame.attrs["torc"]["records"] == len(frame)
        finally:
            stop.set()
            writer.join()

    def test_what_is_deleted_meanwhile_makes_it_begin_again(
        self, wf: Workflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lists, "FIRST_ROWS", 100)
        monkeypatch.setattr(lists, "MAX_ROWS", 100)
        wf.push(tf.grid(n=range(1000)))
        keys = wf.user_data()["record_key"].tolist()
        store = wf._store
        with store.snapshot(wf.key) as snapshot:
            pages = snapshot.user_data()
            assert len(next(pages)) == 100
            store.delete_user_data(wf.key, keys[:1])
            with pytest.raises(TornReadError):
                list(pages)

    def test_a_pull_that_never_holds_still_is_an_error(
        self, wf: Workflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wf.push(tf.grid(n=range(300)))
        keys = iter(wf.user_data()["record_key"])
        ask = type(wf._store.service.http).get

        def get(http: Any, path: str, *rest: Any, **more: Any) -> bytes:
            answer = ask(http, path, *rest, **more)
            if path == "/user_data":
                http.send("DELETE", f"/user_data/{next(keys)}", repeatable=True)
            return answer

        # Another client who deletes at just that moment, each time.
        monkeypatch.setattr(type(wf._store.service.http), "get", get)
        with pytest.raises(UnverifiedPullError, match="3 times"):
            wf.user_data()

    def test_requests_grow_with_pages(self, wf: Workflow) -> None:
        wf.push(tf.grid(n=range(20)), outputs=True)
        few = [pull().attrs["torc"]["requests"] for pull in (wf.user_data, wf.parameters, wf.table)]
        wf.push(tf.grid(m=range(1500)), outputs=True)
        many = [pull().attrs["torc"]["requests"] for pull in (wf.user_data, wf.parameters, wf.table)]
        assert all(after <= before + 3 for before, after in zip(few, many, strict=True))
        assert max(many) < 20
