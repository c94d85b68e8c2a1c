"""A service of 2023 as a store, in its first form: what it keeps, what gets lost on the way and is not.

How lists are read is tried in both forms; `test_later_form.py` has what else is read of the later one.
"""

from __future__ import annotations

import itertools
import json
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from proxy import Proxy, Request, cut, failed, lost, missing, through, unasked, unavailable
from services import Service
from stores import wipe_service

import torc_frames as tf
from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    ReplyError,
    TornReadError,
    UnauthorizedError,
    UnavailableError,
    UnverifiedPullError,
    VersionError,
)
from torc_frames.store import exactly_once
from torc_frames.store.http import failures as http_failures
from torc_frames.store.http import session as http_session
from torc_frames.store.http.settings import server_settings
from torc_frames.store.legacy import new_jobs
from torc_frames.store.legacy.store import LegacyStore
from torc_frames.store.paged import lists
from torc_frames.store.records import INPUT, OUTPUT, NewJobs, Resources
from torc_frames.store.sqlite.store import SQLiteStore

NEED = Resources(2, 1, memory="2g")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a service that is gone, and a second look follows soon."""
    monkeypatch.setattr(http_failures, "PATIENT", 1)
    monkeypatch.setattr(http_session, "_MAX_BACKOFF", 0.01)
    monkeypatch.setattr(exactly_once, "GRACE_S", 0.01)


@pytest.fixture
def first(first_service: Service) -> Service:
    """An empty service of the first form."""
    wipe_service(first_service)
    return first_service


@pytest.fixture
def proxy(first: Service) -> Iterator[Proxy]:
    with Proxy(first) as proxy:
        yield proxy


def open_store(url: str) -> LegacyStore:
    return LegacyStore(server_settings(url))


def table(rows: int = 5) -> pd.DataFrame:
    """Return a table with columns of many dtypes."""
    n = np.arange(rows)
    return pd.DataFrame(
        {
            "int": n,
            "large": n + 2**62,
            "float": n / 7,
            "flag": n % 2 == 0,
            "text": [f"ü{i}\u2028" for i in n],
            "gaps": pd.array([None if i % 3 else i for i in n], dtype="Int64"),
            "when": pd.date_range("2026", periods=rows, tz="Europe/Paris"),
            "took": pd.to_timedelta(n, unit="s"),
            "kind": pd.Categorical([f"k{i % 2}" for i in n], ordered=True),
            "list": [[int(i), None] for i in n],
            "dict": [{"x": int(i)} for i in n],
            "model.depth": n,
            "model.rate": n / 10,
            "none": [None] * rows,
        }
    )


class TestRoundtrips:
    """What is pushed is what is pulled."""

    def test_many_dtypes_come_back(self, first: Service) -> None:
        client = tf.connect(first.url)
        wf = client.create_workflow("types")
        df = table()
        pushed = wf.push(df)
        pulled = tf.connect(first.url).workflow(wf.key).parameters()
        assert_frame_equal(pulled, pushed)
        assert_frame_equal(pulled.reset_index(drop=True), df)
        assert wf.push(df).attrs["torc"]["added"] == 0
        client.close()

    def test_edits_of_any_cells_come_back(self, first: Service) -> None:
        wf = tf.connect(first.url).create_workflow("edits")
        wf.push(table())
        edited = wf.parameters()
        edited.loc["2", ["int", "text"]] = [70, "seventy"]
        edited.at["1", "dict"] = {"y": {"z": 1}}
        edited.at["3", "list"] = []
        edited["model.depth"] = None
        wf.push(edited)
        assert_frame_equal(wf.parameters(), edited)
        links = wf.links()
        assert links["job_key"].tolist() == ["1", "2", "3", "4", "5"]
        assert links["role"].tolist() == ["input"] * 5

    def test_a_job_stores_its_results_in_one_record(self, first: Service) -> None:
        wf = tf.connect(first.url).create_workflow("results")
        wf.push(tf.grid(n=[1, 2]), outputs=True)
        for n in (1, 2):
            wf.job(n).store(loss=n / 3)
            wf.job(n).store(rounds=n)
        undeclared = wf.add_job("undeclared")
        undeclared.store(loss=1)
        undeclared.store(loss=2.5, note="second")
        undeclared.add_user_data({"epoch": 1}, role="output")
        results = wf.results()
        assert results["loss"].tolist() == [1 / 3, 2 / 3, 2.5]
        assert results["epoch"].tolist()[2] == 1
        names = wf.user_data(role="output")["record_name"]
        assert names.tolist()[:3] == ["output_job_1", "output_job_2", "output_undeclared"]
        assert names.isna().tolist() == [False, False, False, True]
        (own,) = [one.name for one in undeclared.user_data("output") if one.name]
        assert own == "output_undeclared"
        assert wf.table()["results.rounds"].tolist()[:2] == [1, 2]

    def test_what_jobs_need_and_wait_for_comes_back(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("needs").key
        needs = [Resources(), NEED, Resources(2), Resources(1, 0, None, "PT5M"), NEED]
        names = ["a", "b", "c", "d", "b"]
        jobs = store.add_jobs(key, NewJobs(names, [""] * 5, [None] * 5, resources=needs)).job_keys
        (last,) = store.add_jobs(key, NewJobs(["e"], [""], [None], depends_on=[jobs[:3]])).job_keys
        assert [store.get_job(job, key).resources for job in jobs] == needs
        with store.snapshot(key) as snap:
            (page,) = snap.jobs()
            (waits,) = snap.dependencies()
        assert list(map(Resources, page.num_cpus, page.num_gpus, page.memory, page.runtimes))[:5] == needs
        assert (waits.job_keys, waits.depends_on_keys) == ([last] * 3, jobs[:3])
        assert len(first.call("GET", f"/resource_requirements/{key}")["items"]) == 3

    def test_what_other_clients_add_has_the_role_that_they_know(self, first: Service) -> None:
        wf = tf.connect(first.url).create_workflow("theirs")
        job = wf.add_job("job")
        data = {"b": 1, "a": [1.5, None]}
        theirs = first.call("POST", f"/jobs/user_data/{wf.key}/{job.key}", data)["_key"]
        wf.add_user_data(job, {"c": 2})
        df = wf.user_data()
        assert df["record_key"].tolist()[0] == theirs
        assert df["role"].tolist() == ["output", "input"]
        assert list(df)[7:] == ["b", "a", "c"]
        assert wf.get_user_data(theirs).data == data
        assert wf.parameters()["c"].tolist() == [2]

    def test_odd_keys_of_other_clients_can_be_used(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("keys").key
        odd = ["a:b", "50%", "x@(y)+,=;$!*'", "_", "a" * 254]
        for one in odd:
            first.call("POST", f"/user_data/{key}", {"_key": one, "x": 1})
        with store.snapshot(key) as snap:
            assert [name for page in snap.user_data() for name in page.keys] == odd
        for one in odd:
            store.update_user_data(key, [one], [b'{"x":2}'], revs=[store.get_user_data(key, one).rev])
            assert store.get_user_data(key, one).data == {"x": 2}
        store.delete_user_data(key, odd)
        for one in [*odd, "..", ".", "a/b", "torc_frames"]:
            with pytest.raises(NotFoundError):
                store.get_user_data(key, one)

    def test_a_store_travels_to_other_processes(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("travels").key
        assert pickle.loads(pickle.dumps(store)).get_workflow(key) == store.get_workflow(key)

    def test_results_of_runs_are_told_with_their_times(self, first: Service) -> None:
        wf = tf.connect(first.url).create_workflow("ran")
        job = wf.add_job("job")
        for run_id, code in ((1, 1), (2, 0)):
            result = {
                "job_key": job.key,
                "run_id": run_id,
                "return_code": code,
                "exec_time_minutes": 1.5,
                "completion_time": f"2023-03-29 08:2{run_id}:33.5",
                "status": "done",
            }
            first.call("POST", f"/results/{wf.key}", result)
        row = wf.jobs().loc[job.key]
        assert (row["return_code"], row["exec_time_minutes"]) == (0, 1.5)
        assert row["end_time"] == pd.Timestamp("2023-03-29 08:22:33.5", tz="UTC")


class TestForms:
    """Which form is spoken, and by whom."""

    def test_each_service_tells_its_form(self, service: Service, first_service: Service) -> None:
        assert open_store(service.url).check() == "0.6.4, the later form, which is only read"
        assert open_store(first_service.url).check() == "of March 2023, the first form"

    def test_a_torc_server_is_told_apart(self, service: Service) -> None:
        with Proxy(service) as proxy:
            proxy.fault = answering(b'{"version":"1.0.0 (abc1234)","api_version":"0.23.0"}')
            with pytest.raises(
                VersionError, match=r"torc 1\.0\.0 .* not a service of 2023: .*/torc-service/v1"
            ):
                tf.connect(proxy.url)

    @pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"version":1}'])
    def test_anything_else_is_no_service(self, service: Service, body: bytes) -> None:
        with Proxy(service) as proxy:
            proxy.fault = answering(body)
            with pytest.raises(VersionError, match=r"no torc service of 2023 answers"):
                tf.connect(proxy.url)
            proxy.fault = missing
            with pytest.raises(VersionError, match=r"is the url right\?"):
                tf.connect(proxy.url)

    def test_a_service_that_fails_is_one_all_the_same(self, service: Service) -> None:
        with Proxy(service, failed) as proxy, pytest.raises(tf.ServerError, match="failed"):
            tf.connect(proxy.url)

    def test_a_service_with_a_token_wants_it_as_a_password(self, tmp_path: Any) -> None:
        token = {"TORC_FRAMES_SERVE_TOKEN": "s3cret-of-16-chars"}
        with Service(tmp_path / "s", "--form", "first", environment=token) as one:
            with pytest.raises(UnauthorizedError, match="TORC_PASSWORD"):
                tf.connect(one.url)
            client = tf.connect(one.url, username="anybody", password="s3cret-of-16-chars")
            assert client.create_workflow("mine").key == "1"
            client.close()


def answering(body: bytes) -> Callable[[Request], bytes]:
    """Return what answers everything with this body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
    return lambda request: head + body


class TestRefusals:
    """What the service can't keep, or says no to."""

    def test_data_that_is_no_object_is_named_by_row(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("objects").key
        rows = [b'{"a":1}', b"[1]", b"7", b'"x"', b"{}"]
        for call in (store.kept, lambda data: store.add_user_data(key, data)):
            with pytest.raises(RefusedError, match="objects only") as caught:
                call(rows)
            assert [problem.row for problem in caught.value.problems] == [1, 2, 3]
        with store.snapshot(key) as snap:
            assert list(snap.user_data()) == []

    def test_null_and_system_attributes_are_refused_in_the_first_form(self, first: Service) -> None:
        store = open_store(first.url)
        with pytest.raises(RefusedError, match=r"null from \{\}"):
            store.kept([b"null"])
        with pytest.raises(RefusedError, match="_key, _rev"):
            store.kept([b'{"_key":"a","_rev":"b"}'])
        assert store.kept([b'{"inside":{"_key":1}}']) == [b'{"inside":{"_key":1}}']

    def test_names_and_lifetimes_are_refused_where_there_are_none(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("names").key
        (job,) = store.add_jobs(key, NewJobs(["j"], [""], [None])).job_keys
        for names, flag, role in (
            (["n"], False, INPUT),
            (["output_k"], False, OUTPUT),
            ([None], True, INPUT),
        ):
            with pytest.raises(RefusedError):
                store.add_user_data(key, [b"{}"], job_keys=[job], role=role, names=names, is_ephemeral=flag)
        (own,) = store.add_user_data(key, [b"{}"], job_keys=[job], role=OUTPUT, names=["output_j"])
        with store.snapshot(key) as snap:
            (page,) = snap.user_data()
            (of_job,) = snap.user_data(job_key=job)
        assert (page.keys, page.names) == (of_job.keys, of_job.names) == ([own], ["output_j"])

    def test_a_link_has_the_role_of_its_record_in_the_first_form(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("roles").key
        (plain,) = store.add_user_data(key, [b"{}"])
        (an_input,) = store.add_user_data(key, [b"{}"], role=INPUT)
        with pytest.raises(RefusedError, match="can't be an input"):
            store.add_jobs(key, NewJobs(["a"], [""], [None], links={INPUT: [[plain]]}))
        links = {INPUT: [[an_input], []], None: [[], [plain]]}
        a, b = store.add_jobs(key, NewJobs(["a", "b"], [""] * 2, [None] * 2, links=links)).job_keys
        with store.snapshot(key) as snap:
            (page,) = snap.links()
        assert (page.job_keys, page.record_keys) == ([a, b], [an_input, plain])
        assert page.roles == [INPUT, None]

    def test_what_the_service_refuses_is_told(self, proxy: Proxy) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("refused").key
        told = b'{"error":true,"errorNum":400,"errorMessage":"request body: no","code":400}'
        answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(told) + told
        proxy.once(lambda request: answer, lambda request: request.is_write)
        with pytest.raises(RefusedError, match="request body: no") as caught:
            store.add_user_data(key, [b"{}"])
        assert caught.value.response is not None

    def test_metadata_with_the_name_of_the_journal_are_refused(self, first: Service) -> None:
        with pytest.raises(RefusedError, match="torc_frames_replacing"):
            open_store(first.url).add_workflow("w", metadata={"torc_frames_replacing": 1})


class TestUpdates:
    """Data is replaced, and nothing of the old data stays."""

    CHANGES = (
        (b'{"a":1}', b'{"a":2,"b":3}'),
        (b'{"a":1,"b":2}', b'{"a":1}'),
        (b'{"a":{"x":1,"y":2}}', b'{"a":{"x":1}}'),
        (b'{"a":{"x":1}}', b'{"a":[{"x":1}]}'),
        (b'{"a":1}', b"{}"),
        (b'{"a":null}', b'{"b":{"c":{}}}'),
    )

    @pytest.mark.parametrize(("before", "after"), CHANGES)
    def test_what_was_there_is_gone(self, first: Service, before: bytes, after: bytes) -> None:
        store = open_store(first.url)
        key = store.add_workflow("replace").key
        added = store.add_jobs(key, NewJobs(["a", "b"], [""] * 2, [before, before]))
        one = str(added.input_keys[0])
        rev = store.get_user_data(key, one).rev
        (new,) = store.update_user_data(key, [one], [after], revs=[rev])
        found = store.get_user_data(key, one)
        assert found.data == json.loads(after)
        assert found.rev == new != rev
        with store.snapshot(key) as snap:
            (links,) = snap.links()
            snap.verify()
        assert links.record_keys == added.input_keys
        assert links.roles == [INPUT, INPUT]
        with pytest.raises(ConflictError, match=one):
            store.update_user_data(key, [one], [b'{"late":1}'], revs=[rev])
        assert store.get_user_data(key, one).data == json.loads(after)

    def test_a_record_of_several_jobs_stays_theirs(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("shared").key
        (record,) = store.add_user_data(key, [b'{"a":1,"b":2}'], role=INPUT)
        names = ["a", "b", "c"]
        jobs = store.add_jobs(
            key, NewJobs(names, [""] * 3, [None] * 3, links={INPUT: [[record]] * 3})
        ).job_keys
        store.update_user_data(key, [record], [b'{"b":2}'])
        with store.snapshot(key) as snap:
            (links,) = snap.links()
        assert (links.job_keys, links.record_keys) == (jobs, [record] * 3)
        assert store.get_workflow(key).metadata == {}

    @pytest.mark.parametrize("stop", range(1, 6))
    def test_a_replacement_that_stops_half_way_loses_nothing(self, proxy: Proxy, stop: int) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("half").key
        added = store.add_jobs(key, NewJobs(["a", "b"], [""] * 2, [b'{"a":1,"b":1}'] * 2))
        one = str(added.input_keys[0])
        proxy.fault = after_writes(stop)
        with pytest.raises(UnavailableError):
            store.update_user_data(key, [one], [b'{"b":2}'])
        proxy.fault = through
        reader = open_store(proxy.url)
        with reader.snapshot(key) as snap:
            pages = list(snap.user_data(role=INPUT))
            (links,) = snap.links()
            (of_job,) = snap.user_data(job_key=added.job_keys[0])
            assert snap.count_user_data() == 2
            snap.verify()
        rows = [row for page in pages for row in zip(page.keys, page.lines(), strict=True)]
        assert len(rows) == 2
        data = {one: json.loads(line) for one, line in rows}
        assert set(data) == set(added.input_keys)
        assert sorted(zip(links.job_keys, links.record_keys, strict=True)) == sorted(
            zip(added.job_keys, added.input_keys, strict=True)
        )
        assert data[one] in ({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"b": 2})
        assert json.loads(of_job.data) == data[one] == reader.get_user_data(key, one).data
        finisher = store if stop % 2 else reader
        finisher.update_user_data(key, [one], [b'{"b":2}'])
        assert reader.get_user_data(key, one).data == {"b": 2}
        assert reader.get_workflow(key).metadata == {}
        with reader.snapshot(key) as snap:
            assert snap.count_user_data() == 2
            (links,) = snap.links()
        assert len(links) == 2

    def test_a_deleted_record_does_not_come_back(self, proxy: Proxy) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("gone").key
        (one,) = store.add_user_data(key, [b'{"a":1,"b":1}'])
        proxy.fault = after_writes(4)
        with pytest.raises(UnavailableError):
            store.update_user_data(key, [one], [b"{}"])
        proxy.fault = through
        open_store(proxy.url).delete_user_data(key, [one])
        with open_store(proxy.url).snapshot(key) as snap:
            assert list(snap.user_data()) == []

    def test_commands_change_and_nothing_else_of_the_job(self, first: Service) -> None:
        store = open_store(first.url)
        key = store.add_workflow("commands").key
        jobs = store.add_jobs(
            key, NewJobs(["a", "b"], ["x", "y"], [b"{}"] * 2, resources=[NEED] * 2)
        ).job_keys
        one = first.call("GET", f"/jobs/{key}/{jobs[0]}")
        first.call("PUT", f"/jobs/{key}/{jobs[0]}", {**one, "status": "done"})
        store.update_commands(key, jobs, ["x2", "y2"])
        assert [store.get_job(job).command for job in jobs] == ["x2", "y2"]
        assert [store.get_job(job).status for job in jobs] == ["done", "uninitialized"]
        assert store.get_job(jobs[0]).resources == NEED
        with pytest.raises(NotFoundError):
            store.update_commands(key, [jobs[0], "99"], ["", ""])


def after_writes(count: int) -> Callable[[Request], bytes | None]:
    """Return a fault: the service is gone once it has seen so many writes, of which the last is done."""
    seen = [0]
    lock = threading.Lock()

    def fault(request: Request) -> bytes | None:
        with lock:
            seen[0] += request.is_write
            now = seen[0]
        if now < count:
            return request.forward()
        return lost(request) if now == count and request.is_write else unasked(request)

    return fault


class TestMetadata:
    """They are one of the records, which no pull shows."""

    @pytest.mark.parametrize("stop", [1, 2])
    def test_a_merge_that_stops_half_way_loses_nothing(self, proxy: Proxy, stop: int) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("w", metadata={"a": {"x": 1}, "b": 1}).key
        proxy.fault = after_writes(stop)
        with pytest.raises(UnavailableError):
            store.merge_metadata(key, {"a": {"y": 2}})
        proxy.fault = through
        reader = open_store(proxy.url)
        assert reader.get_workflow(key).metadata == {"a": {"y": 2}, "b": 1}
        reader.merge_metadata(key, {"c": 3})
        assert reader.get_workflow(key).metadata == {"a": {"y": 2}, "b": 1, "c": 3}

    def test_they_are_hidden_where_a_service_lists_them(self, proxy: Proxy, first: Service) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("w", metadata={"a": 1}).key
        wf = tf.connect(proxy.url).workflow(key)
        wf.push(tf.grid(n=[1, 2, 3]))
        proxy.fault = listing_metadata
        assert wf.parameters()["n"].tolist() == [1, 2, 3]
        df = wf.user_data()
        assert (len(df), df.attrs["torc"]["records"]) == (3, 3)

    def test_merges_of_many_clients_lose_none(self, first: Service) -> None:
        stores = [open_store(first.url) for _ in range(4)]
        key = stores[0].add_workflow("busy").key
        threads = [
            threading.Thread(target=store.merge_metadata, args=(key, {f"k{at}-{n}": {"v": n}}))
            for at, store in enumerate(stores)
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(stores[0].get_workflow(key).metadata) == 16


def listing_metadata(request: Request) -> bytes | None:
    """Show the metadata in the list of records, as a real database does."""
    asked = urlsplit(request.path)
    query = dict(parse_qsl(asked.query))
    if request.is_write or "limit" not in query or "user_data" not in asked.path:
        return request.forward()
    request.path = f"{asked.path}?limit=1000"
    head, _, body = request.forward().partition(b"\r\n\r\n")
    page = msgspec.json.decode(body)
    items = page["items"]
    items.insert(1, {"_key": "torc_frames", "_rev": "1", "a": 1})
    items = [one for one in items if query.get("_key") in (None, one["_key"])]
    skip = int(query["skip"]) if "skip" in query else 0
    # The originals told the total of all, whatever was asked for.
    page |= {"items": items[skip:][: int(query["limit"])], "total_count": page["total_count"] + 1}
    return with_body(head, msgspec.json.encode(page))


def with_body(head: bytes, body: bytes) -> bytes:
    """Return an answer with another body."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


JOBS = NewJobs(
    ["a", "b", "c"],
    ["true"] * 3,
    [b'{"n":1}', None, b'{"n":3}'],
    outputs=True,
    resources=[NEED, Resources(), NEED],
)


def adding(store: LegacyStore, key: str) -> Iterator[None]:
    """Make a few of every kind of write, and yield before each call."""
    yield
    first = store.add_jobs(key, JOBS)
    yield
    (shared,) = store.add_user_data(key, [b'{"shared":1}'], role=OUTPUT)
    links = {OUTPUT: [[shared], []]}
    waits = [first.job_keys[:2], []]
    yield
    store.add_jobs(key, NewJobs(["d", "e"], ["", ""], [None, b"{}"], depends_on=waits, links=links))
    yield
    store.add_user_data(key, [b'{"i":1}', b'{"i":1}', b'{"i":2}'])
    yield
    store.add_user_data(key, [b'{"r":1}', b'{"r":1}'], job_keys=[first.job_keys[1]] * 2, role=OUTPUT)
    yield
    store.add_user_data(key, [b'{"r":1}', b'{"r":2}'], job_keys=first.job_keys[:2], role=INPUT)
    inputs = [str(first.input_keys[0]), str(first.input_keys[2])]
    yield
    store.update_user_data(key, inputs, [b'{"n":10}', b'{"m":{"x":1}}'])
    yield
    store.merge_metadata(key, {"a": {"x": 1}})
    yield
    store.merge_metadata(key, {"a": {"y": 1}})
    yield
    store.update_commands(key, first.job_keys[:1], ["false"])
    yield
    store.delete_user_data(key, [str(first.output_keys[1])])


def add_all(store: LegacyStore, key: str) -> None:
    """Make a few of every kind of write."""
    for _ in adding(store, key):
        pass


def content(store: LegacyStore, key: str) -> Any:
    """Return all of a workflow, with names and data in place of keys."""
    with store.snapshot(key) as snap:
        jobs = [
            row
            for page in snap.jobs()
            for row in zip(page.keys, page.names, page.commands, page.num_cpus, page.memory, strict=True)
        ]
        records = [
            row for page in snap.user_data(labels=False) for row in zip(page.keys, page.lines(), strict=True)
        ]
        links = [
            row
            for page in snap.links()
            for row in zip(page.job_names, page.record_keys, page.roles, strict=True)
        ]
        waits = [
            row
            for page in snap.dependencies()
            for row in zip(page.job_keys, page.depends_on_keys, strict=True)
        ]
        snap.verify()
    names = {row[0]: row[1] for row in jobs}
    data = dict(records)
    return (
        [row[1:] for row in jobs],
        sorted(data.values()),
        sorted((job, data[record], role or "") for job, record, role in links),
        sorted((names[job], names[on]) for job, on in waits),
        store.get_workflow(key).metadata,
    )


def at_write(number: int, fault: Callable[[Request], bytes | None]) -> Callable[[Request], bytes | None]:
    """Return a fault of one write only, by how many come before it."""
    seen = itertools.count()

    def do(request: Request) -> bytes | None:
        return fault(request) if request.is_write and next(seen) == number else through(request)

    return do


class TestLostAnswers:
    """A write whose answer is lost is neither lost nor doubled, wherever it happens."""

    @pytest.mark.parametrize("fault", [lost, unasked, cut, unavailable, failed])
    def test_any_one_of_them(self, proxy: Proxy, fault: Callable[[Request], bytes | None]) -> None:
        store = open_store(proxy.url)
        plain = store.add_workflow("plain").key
        before = [len(proxy.writes()) for _ in adding(store, plain)]
        writes = [end - start for start, end in pairwise([*before, len(proxy.writes())])]
        expected = content(store, plain)
        hits: list[Request] = []

        def noted(request: Request) -> bytes | None:
            hits.append(request)
            return fault(request)

        for at in range(max(writes)):
            # This write of every call at once: a workflow for each would take longer, and tell no more.
            key = store.add_workflow("faulty").key
            for _ in adding(store, key):
                proxy.fault = at_write(at, noted)
            proxy.fault = through
            assert content(store, key) == expected, f"write {at + 1} of the calls"
        assert len(hits) == sum(writes) > 15

    @pytest.mark.parametrize("fault", [lost, unasked, failed])
    def test_of_a_new_workflow(self, proxy: Proxy, fault: Callable[[Request], bytes | None]) -> None:
        store = open_store(proxy.url)
        for n in range(2):
            proxy.fault = at_write(n, fault)
            store.add_workflow("same", metadata={"n": n})
        assert [one.metadata for one in store.workflows()] == [{"n": 0}, {"n": 1}]

    def test_always_of_the_same_write_is_told(self, proxy: Proxy) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("w").key
        proxy.fault = lambda request: unasked(request) if request.is_write else through(request)
        with pytest.raises(UnavailableError, match="not known whether"):
            store.add_user_data(key, [b"{}"])
        proxy.fault = through
        with store.snapshot(key) as snap:
            assert list(snap.user_data()) == []


class TestHalfWay:
    """A call that failed half way is finished by the same call again."""

    def test_wherever_the_service_went_away(self, proxy: Proxy, first: Service) -> None:
        store = open_store(proxy.url)
        df = pd.DataFrame({"n": range(4), "t": pd.date_range("2026", periods=4)})
        for stop in range(1, 7):
            for again in (store, open_store(proxy.url)):
                key = store.add_workflow("half").key
                wf = tf.Client(store).workflow(key)
                proxy.fault = after_writes(stop)
                with pytest.raises(UnavailableError):
                    wf.push(df, outputs=True, resources={"num_cpus": 2})
                proxy.fault = through
                wf = tf.Client(again).workflow(key)
                wf.push(df, outputs=True, resources={"num_cpus": 2})
                assert_frame_equal(wf.parameters().reset_index(drop=True), df)
                assert len(wf.user_data()) == 8
                assert len(wf.links()) == 8
                assert wf.jobs()["num_cpus"].tolist() == [2] * 4

    def test_records_too(self, proxy: Proxy) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("half").key
        jobs = store.add_jobs(key, NewJobs(["a", "b"], [""] * 2, [None] * 2)).job_keys
        data = [b'{"i":1}', b'{"i":1}', b'{"i":2}']
        for role in (INPUT, OUTPUT):
            for stop in range(1, 5):
                proxy.fault = after_writes(stop)
                add = {"job_keys": [jobs[0], jobs[0], jobs[1]], "role": role}
                try:
                    added = store.add_user_data(key, data, **add)
                except UnavailableError:
                    proxy.fault = through
                    added = store.add_user_data(key, data, **add)
                proxy.fault = through
                with store.snapshot(key) as snap:
                    (page,) = snap.user_data()
                    (links,) = snap.links()
                assert page.keys == added
                assert sorted(zip(links.record_keys, links.job_keys, strict=True)) == sorted(
                    zip(added, add["job_keys"], strict=True)
                )
                assert set(links.roles) == {role}
                store.delete_user_data(key, added)

    def test_after_somebody_deleted_what_was_added(self, proxy: Proxy, first: Service) -> None:
        store = open_store(proxy.url)
        key = store.add_workflow("half").key
        jobs = NewJobs(["a", "b"], [""] * 2, [b'{"n":1}', b'{"n":2}'])
        proxy.fault = after_writes(2)
        with pytest.raises(UnavailableError):
            store.add_jobs(key, jobs)
        proxy.fault = through
        for job in first.call("GET", f"/jobs/{key}")["items"]:
            first.call("DELETE", f"/jobs/{key}/{job['_key']}")
        for record in first.call("GET", f"/user_data/{key}")["items"]:
            first.call("DELETE", f"/user_data/{key}/{record['_key']}")
        added = store.add_jobs(key, jobs)
        with store.snapshot(key) as snap:
            (page,) = snap.user_data(role=INPUT)
        assert page.keys == added.input_keys


class TestOldServices:
    """Those that lack paths of the first form."""

    @pytest.fixture
    def bare(self, proxy: Proxy) -> Proxy:
        def without(request: Request) -> bytes | None:
            lacks = ("/edges/", "/job_specifications/", "/jobs/resource_requirements/", "_schedulers/")
            return missing(request) if any(part in request.path for part in lacks) else through(request)

        proxy.fault = without
        return proxy

    def test_a_table_comes_back_from_a_service_without_edges(self, bare: Proxy) -> None:
        wf = tf.connect(bare.url).create_workflow("bare")
        df = table()
        wf.push(df, outputs=True)
        assert_frame_equal(wf.parameters().reset_index(drop=True), df)
        wf.job(2).store(loss=0.5)
        assert wf.results()["loss"].tolist()[1] == 0.5
        assert len(wf.table()) == 5
        assert wf.links()["role"].tolist() == ["input", "output"] * 5
        edited = wf.parameters()
        edited.at["1", "dict"] = {"y": 1}
        wf.push(edited)
        assert_frame_equal(wf.parameters(), edited)

    def test_what_takes_edges_is_an_error(self, bare: Proxy) -> None:
        store = open_store(bare.url)
        key = store.add_workflow("bare").key
        (job,) = store.add_jobs(key, NewJobs(["a"], [""], [None])).job_keys
        with pytest.raises(tf.ServerError, match="has no edges"):
            store.add_jobs(key, NewJobs(["b"], [""], [None], depends_on=[[job]], resources=[NEED]))
        with store.snapshot(key) as snap:
            assert list(snap.dependencies()) == []
            assert "services that do not tell which job waits for which" in snap.others()

    def test_jobs_need_no_command_where_a_service_wants_one(self, proxy: Proxy) -> None:
        told = b'{"error":true,"code":400,"errorMessage":"\\"command\\" is not allowed to be empty"}'
        answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(told) + told
        proxy.fault = lambda one: answer if b'"command":""' in one.body else through(one)
        wf = tf.connect(proxy.url).create_workflow("commands")
        wf.push(tf.grid(n=[1, 2]))
        assert wf.jobs()["command"].tolist() == ["", ""]
        wf._store.update_commands(wf.key, ["1"], ["true"])
        wf._store.update_commands(wf.key, ["1"], [""])
        assert wf.job(1)._store.get_job("1", wf.key).command == ""
        assert wf.push(tf.grid(n=[1, 2])).attrs["torc"]["added"] == 0

    def test_edges_tell_what_no_specification_could(
        self, first: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Proxy(first) as proxy:
            specifications = f"/{new_jobs.SPECIFICATIONS}/"
            proxy.fault = lambda one: missing(one) if specifications in one.path else through(one)
            without, store = open_store(proxy.url), open_store(first.url)
            keys = [one.add_workflow("w").key for one in (without, store)]
            for one, key in zip((without, store), keys, strict=True):
                add_all(one, key)
            assert content(store, keys[0]) == content(store, keys[1])


class TestLists:
    """Lists are whole, or it is told that they are not; records are written into the file that is served."""

    @pytest.fixture(params=["service", "first_service"])
    def served(self, request: pytest.FixtureRequest) -> Service:
        """An empty service of each form in turn."""
        service: Service = request.getfixturevalue(request.param)
        wipe_service(service)
        return service

    @pytest.fixture
    def proxy(self, served: Service) -> Iterator[Proxy]:
        with Proxy(served) as proxy:
            yield proxy

    @pytest.fixture
    def file(self, served: Service) -> Iterator[SQLiteStore]:
        with closing(SQLiteStore(served.database)) as store:
            yield store

    @pytest.fixture
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lists, "FIRST_ROWS", 3)
        monkeypatch.setattr(lists, "_GROWTH", 1)

    @pytest.mark.usefixtures("few")
    @pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 11])
    @pytest.mark.parametrize(
        "told",
        [
            {},
            {"total_count": None, "has_more": None, "count": None},
            {"total_count": 0, "has_more": False},
            {"total_count": 3, "has_more": False},
            {"total_count": 10**6, "has_more": True},
            {"max_limit": 2},
        ],
    )
    def test_whatever_a_service_tells_of_totals(
        self, proxy: Proxy, file: SQLiteStore, rows: int, told: dict[str, Any]
    ) -> None:
        store = open_store(proxy.url)
        key = file.add_workflow("w").key
        added = file.add_user_data(key, [b'{"i":%d}' % i for i in range(rows)])
        limit = told.get("max_limit")

        def fault(request: Request) -> bytes | None:
            if request.is_write or "limit=" not in request.path:
                return through(request)
            if limit:
                before, _, after = request.path.partition("limit=")
                request.path = f"{before}limit={min(limit, int(after.partition('&')[0]))}"
            head, _, body = request.forward().partition(b"\r\n\r\n")
            page = {**msgspec.json.decode(body), **told}
            return with_body(head, msgspec.json.encode(page))

        proxy.fault = fault
        with store.snapshot(key) as snap:
            keys = [key for page in snap.user_data() for key in page.keys]
            snap.verify()
        assert keys == added

    @pytest.mark.usefixtures("few")
    def test_what_is_added_meanwhile_is_left_out(self, served: Service, file: SQLiteStore) -> None:
        store = open_store(served.url)
        key = file.add_workflow("w").key
        added = file.add_user_data(key, [b"{}"] * 10)
        with store.snapshot(key) as snap:
            pages = snap.user_data()
            seen = next(pages).keys
            file.add_user_data(key, [b"{}"] * 5)
            seen += [one for page in pages for one in page.keys]
            snap.verify()
        assert seen == added

    @pytest.mark.usefixtures("few")
    def test_what_is_deleted_meanwhile_is_told(self, served: Service, file: SQLiteStore) -> None:
        store = open_store(served.url)
        key = file.add_workflow("w").key
        added = file.add_user_data(key, [b"{}"] * 12)
        with store.snapshot(key) as snap:
            pages = snap.user_data()
            next(pages)
            file.delete_user_data(key, added[:1])
            with pytest.raises(TornReadError):
                list(pages)
        with store.snapshot(key) as snap:
            list(snap.user_data())
            file.delete_user_data(key, added[5:6])
            with pytest.raises(TornReadError):
                snap.verify()

    def test_a_pull_while_another_writes_is_whole(self, served: Service, file: SQLiteStore) -> None:
        wf = tf.connect(served.url).workflow(file.add_workflow("busy").key)
        names, data = [f"w{n}" for n in range(50)], [b'{"n":%d}' % n for n in range(50)]
        file.add_jobs(wf.key, NewJobs(names, [""] * 50, data))
        stop = threading.Event()

        def write() -> None:
            n = 50
            while not stop.is_set():
                added = file.add_jobs(wf.key, NewJobs([f"w{n}"], [""], [b'{"n":%d}' % n]))
                if n % 3 == 0:
                    file.delete_user_data(wf.key, [str(added.input_keys[0])])
                n += 1

        writer = threading.Thread(target=write)
        writer.start()
        pulled = 0
        try:
            for _ in range(15):
                try:
                    numbers = wf.user_data(show_progress=False)["n"].tolist()
                except UnverifiedPullError:
                    continue
                pulled += 1
                expected = [n for n in range(max(numbers) + 1) if n < 50 or n % 3]
                assert [n for n in numbers if n < 50 or n % 3] == expected
        finally:
            stop.set()
            writer.join()
        assert pulled

    def test_answers_that_are_no_lists_are_told(self, proxy: Proxy, file: SQLiteStore) -> None:
        store = open_store(proxy.url)
        key = file.add_workflow("w").key
        proxy.fault = lambda one: (
            answering(b"[1]")(one) if "user_data?" in one.path or "user_data/" in one.path else through(one)
        )
        with pytest.raises(tf.ServerError, match="not understood"), store.snapshot(key) as snap:
            list(snap.user_data())

    def test_a_page_of_several_lines_is_read(self, proxy: Proxy, file: SQLiteStore) -> None:
        store = open_store(proxy.url)
        key = file.add_workflow("w").key
        (one,) = file.add_user_data(key, [b'{"a":{"x":[1,2.50]}}'])

        def pretty(request: Request) -> bytes | None:
            head, _, body = request.forward().partition(b"\r\n\r\n")
            return with_body(head, msgspec.json.format(body))

        proxy.fault = pretty
        with store.snapshot(key) as snap:
            (page,) = snap.user_data()
        assert page.lines() == [b'{"a":{"x":[1,2.50]}}']
        assert store.get_user_data(key, one).data == {"a": {"x": [1, 2.5]}}


class TestCopies:
    """Copies to and from a service."""

    @pytest.fixture
    def study(self, tmp_path: Any) -> Iterator[tuple[tf.Client, str]]:
        client = tf.connect(tmp_path / "study.db")
        wf = client.create_workflow("study", description="d")
        wf.push(table(), command="true", outputs=True, resources={"num_cpus": 2})
        wf.add_job("last", depends_on=["1", "2"])
        wf.add_user_data(None, {"whole": [1, {"a": None}]}, {})
        wf.add_user_data(6, {"logged": 1}, role="output")
        yield client, wf.key
        client.close()

    def test_there_and_back_all_is_kept(
        self, first: Service, study: tuple[tf.Client, str], tmp_path: Any
    ) -> None:
        source, key = study
        there = source.copy(key, to=tf.connect(first.url))
        back = tf.connect(first.url).copy(there.workflow, to=tf.connect(tmp_path / "back.db"))
        assert there.left_out == back.left_out == []
        wf = source.workflow(key)
        for pull in ("parameters", "results", "jobs", "table"):
            ours, theirs = getattr(wf, pull)(), getattr(back.workflow, pull)()
            assert_frame_equal(theirs, ours)
        ours, theirs = wf.user_data(), back.workflow.user_data()
        assert_frame_equal(
            theirs.drop(columns=["rev", "workflow_key"]), ours.drop(columns=["rev", "workflow_key"])
        )
        assert sorted(back.workflow.links().values.tolist()) == sorted(wf.links().values.tolist())
        assert back.workflow.push(table(), outputs=True).attrs["torc"]["added"] == 0

    def test_what_the_first_form_has_not_is_left_out(
        self, first: Service, study: tuple[tf.Client, str]
    ) -> None:
        source, key = study
        store, before = source._store, source.workflow(key).parameters()
        (named, ephemeral) = store.add_user_data(
            key, [b'{"x":1}', b'{"y":1}'], names=["mine", None], is_ephemeral=[False, True]
        )
        (both,) = store.add_user_data(key, [b'{"z":1}'])
        store.add_jobs(key, NewJobs(["b"], [""], [None], links={INPUT: [[both]], OUTPUT: [[both]]}))
        target = tf.connect(first.url)
        with pytest.raises(RefusedError, match=f"keys {both}: input and output"):
            source.copy(key, to=target)
        assert len(target.workflows()) == 0
        report = source.copy(key, to=target, on_unkept="skip")
        roles, names, lifetimes = report.left_out
        assert f"user_data keys {both}: input and output" in roles
        assert names == f"the names of 1 record: user_data keys {named}"
        assert lifetimes == f"the lifetime of 1 record: user_data keys {ephemeral}"
        assert_frame_equal(report.workflow.parameters(), before)

    def test_data_that_is_no_object_is_named(self, first: Service, tmp_path: Any) -> None:
        source = tf.connect(tmp_path / "odd.db")
        key = source._store.add_workflow("odd").key
        source._store.add_user_data(key, [b'{"i":1}', b"3", b"[1]"])
        target = tf.connect(first.url)
        with pytest.raises(RefusedError, match="user_data key 2: a service of 2023 keeps objects only"):
            source.copy(key, to=target)
        report = source.copy(key, to=target, on_unkept="skip")
        assert len(report.user_data) == 1
        source.close()

    def test_other_things_of_a_workflow_are_told(self, first: Service, tmp_path: Any) -> None:
        client = tf.connect(first.url)
        wf = client.create_workflow("others")
        first.call("POST", f"/files/{wf.key}", {"path": "a.csv"})
        first.call("POST", f"/events/{wf.key}", {"category": "x"})
        first.call("POST", f"/resource_requirements/{wf.key}", {"name": "n", "num_nodes": 4})
        report = client.copy(wf, to=tf.connect(tmp_path / "there.db"))
        assert report.left_out == ["files: 1", "events: 1", "resource requirements of several nodes: 1"]


def test_a_reply_that_says_no_is_no_other_error(proxy: Proxy) -> None:
    store = open_store(proxy.url)
    key = store.add_workflow("w").key
    told = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\n\r\n{}"
    proxy.once(lambda request: told, lambda request: request.is_write)
    with pytest.raises(ReplyError):
        store.add_user_data(key, [b"{}"])
