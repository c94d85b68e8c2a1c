"""Writes to a real torc-server that dies, or whose answers get lost: nothing missing, doubled or orphaned."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from proxy import Proxy, cut, failed, lost, through, unasked, unavailable, unheard

import torc_frames as tf
from torc_frames.errors import (
    NotFoundError,
    RefusedError,
    UnavailableError,
    UncertainWriteError,
    UnreadableRecordError,
)
from torc_frames.store import exactly_once
from torc_frames.store.http import failures as http_failures
from torc_frames.store.http import session as http_session
from torc_frames.store.http.settings import ServerSettings
from torc_frames.store.records import INPUT, OUTPUT, NewJobs, Resources
from torc_frames.store.v1 import jobs as v1_jobs
from torc_frames.store.v1 import orphans as v1_leftover
from torc_frames.store.v1 import user_data as v1_user_data
from torc_frames.store.v1.store import V1Store
from torc_frames.store.wire import numbers

ROWS = 1_000
CHUNK = 320
"""So many rows a request: a table takes four."""


@pytest.fixture(autouse=True)
def hurried(request, monkeypatch):
    """Nobody waits for a server that is gone, and a second look follows soon.

    Not where the server is left alone with a request: a busy one may write after a second look that is soon.
    """
    monkeypatch.setattr(http_failures, "PATIENT", 1)
    case = getattr(request.node, "callspec", None)
    if case is None or case.params.get("fault") is not unheard:
        monkeypatch.setattr(exactly_once, "GRACE_S", 0.02)
        monkeypatch.setattr(v1_leftover, "GRACE_S", 0.02)
        if "patient" not in request.fixturenames:
            monkeypatch.setattr(http_session, "_MAX_BACKOFF", 0.02)


@pytest.fixture
def patient(monkeypatch):
    """The server is waited for, as it is outside of tests."""
    monkeypatch.setattr(http_failures, "PATIENT", 8)


@pytest.fixture
def proxy(torc_server):
    with Proxy(torc_server) as proxy:
        yield proxy


@pytest.fixture
def store(proxy):
    store = open_store(proxy.url)
    yield store
    store.close()


@pytest.fixture
def key(store):
    return store.add_workflow("study").key


def open_store(url, timeout_s=60.0):
    return V1Store(ServerSettings(url, timeout_s=timeout_s))


def table(rows=ROWS, first=0):
    numbers = np.arange(first, first + rows)
    return pd.DataFrame({"n": numbers, "x": numbers / 8, "name": [f"row {n}" for n in numbers]})


NEEDS = {"num_cpus": 2, "memory": "1g"}


def push(client, key, df, **more):
    plan = client.workflow(key).plan(df, outputs=True, resources=NEEDS, **more)
    return plan.apply(progress=False)


def everything(server, path, **params):
    answer = server.call("GET", path, params={"limit": 100_000, **params})
    assert answer["total_count"] == len(answer["items"])
    return answer["items"]


def linked(server, key):
    """Return for each role the pairs of job and record."""
    rows = everything(server, f"/workflows/{key}/job_user_data_relationships")
    inputs = [(r["consumer_job_id"], r["user_data_id"]) for r in rows if r.get("consumer_job_id")]
    outputs = [(r["producer_job_id"], r["user_data_id"]) for r in rows if r.get("producer_job_id")]
    return inputs, outputs


def check(server, key, df):
    """Check that each row is one job with one input and one output of its own, and that is all."""
    jobs = [job["id"] for job in everything(server, "/jobs", workflow_id=key)]
    records = [record["id"] for record in everything(server, "/user_data", workflow_id=key)]
    inputs, outputs = linked(server, key)
    assert len(jobs) == len(df)
    assert sorted(job for job, _ in inputs) == sorted(job for job, _ in outputs) == sorted(jobs)
    assert sorted(record for _, record in inputs + outputs) == sorted(records)
    assert len(everything(server, "/resource_requirements", workflow_id=key, num_cpus=2)) == 1
    client = tf.connect(server.url)
    pulled = client.workflow(key).parameters()
    client.close()
    expected = df.set_axis(pulled.index)
    assert_frame_equal(pulled, expected)


# kills


def kill_before(server):
    def fault(request):
        server.kill()

    return fault


def kill_after(server):
    def fault(request):
        request.forward()
        server.kill()

    return fault


def kill_while(server):
    """Kill it while it works on the request, later each time."""
    delays = itertools.cycle([0.0, 0.005, 0.01, 0.03])

    def fault(request):
        thread = threading.Thread(target=lambda: (time.sleep(next(delays)), server.kill()))
        thread.start()
        try:
            request.forward()
        finally:
            thread.join()

    return fault


def nth_write(n):
    writes = itertools.count()
    return lambda request: request.is_write and next(writes) == n


def test_a_push_survives_twenty_kills_of_the_server(fresh_server, monkeypatch):
    df = table()
    with Proxy(fresh_server) as proxy:
        client = tf.connect(proxy.url)
        monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", CHUNK)
        key = client.create_workflow("undisturbed").key
        before = len(proxy.writes())
        push(client, key, df)
        writes = len(proxy.writes()) - before
        check(fresh_server, key, df)
        assert writes == 10  # metadata, a requirement, four chunks
        moments = [(n % writes, how) for n, how in zip(range(14), itertools.cycle((0, 1, 2)), strict=False)]
        moments += [(n, how) for n in (2, 3) for how in (0, 1, 2)]
        assert len(moments) == 20
        kills = kill_before(fresh_server), kill_after(fresh_server), kill_while(fresh_server)
        for nth, (n, how) in enumerate(moments):
            monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", CHUNK if nth < 14 else ROWS)
            key = client.create_workflow(f"kill {nth}").key
            proxy.once(kills[how], nth_write(n))
            with pytest.raises(UnavailableError):
                push(client, key, df)
            proxy.fault = through
            fresh_server.restart()
            if nth % 2:
                client.close()
                client = tf.connect(proxy.url)
            pushed = push(client, key, df)
            check(fresh_server, key, df)
            assert pushed.attrs["torc"]["added"] + pushed.attrs["torc"]["unchanged"] == len(df)
            client.delete_workflow(key)
        client.close()


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
@pytest.mark.parametrize("kill", [kill_before, kill_after])
def test_a_push_goes_on_when_the_server_comes_back(fresh_server, monkeypatch, patient, n, kill):
    df = table()
    monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", CHUNK)
    with Proxy(fresh_server) as proxy:
        client = tf.connect(proxy.url)
        key = client.create_workflow("study").key
        restarts = []

        def fault(request):
            kill(fresh_server)(request)
            restarts.append(threading.Thread(target=fresh_server.restart))
            restarts[-1].start()

        proxy.once(fault, nth_write(n))
        pushed = push(client, key, df)
        restarts[0].join()
        client.close()
    assert pushed.attrs["torc"]["added"] == len(df)
    check(fresh_server, key, df)


def test_kills_at_any_time_leave_nothing_behind(fresh_server, monkeypatch):
    df = table(1_000)
    monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", 175)
    client = tf.connect(fresh_server.url)
    key = client.create_workflow("study").key
    began = time.monotonic()
    push(client, key, df)
    took = time.monotonic() - began
    killed = 0
    for fraction in (0.2, 0.4, 0.6, 0.8):
        key = client.create_workflow("study").key
        killer = threading.Timer(took * fraction, fresh_server.kill)
        killer.start()
        try:
            push(client, key, df)
        except UnavailableError:
            killed += 1
        killer.join()
        fresh_server.restart()
        push(client, key, df)
        check(fresh_server, key, df)
    client.close()
    assert killed >= 2


# answers that get lost

FAULTS = [unasked, lost, unheard, cut, unavailable, failed]


def writes_to(method, path):
    def matches(request):
        return request.method == method and f"{path}" in request.path

    return matches


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/bulk_user_data", "/bulk_jobs", "/resource_requirements", "/workflows/"])
def test_jobs_are_added_once_though_an_answer_is_lost(proxy, torc_server, monkeypatch, fault, path):
    monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", 20)
    df = table(50)
    client = tf.connect(proxy.url)
    key = client.create_workflow("study").key
    proxy.once(fault, writes_to("PUT" if path == "/workflows/" else "POST", path))
    try:
        pushed = push(client, key, df)
    except UnavailableError:
        # A PUT can be repeated, which PATIENT says how often.
        assert fault in (unavailable, cut, failed)
        assert path == "/workflows/"
        pushed = push(client, key, df)
    client.close()
    assert pushed.attrs["torc"]["added"] == 50
    check(torc_server, key, df)


KINDS = {
    "all": {"inputs": [b'{"a":1}', b'{"a":2}'], "outputs": True, "resources": [Resources(2), Resources()]},
    "inputs": {"inputs": [b'{"a":1}', b'{"a":1}']},
    "some": {"inputs": [None, b'{"a":1e-7}']},
    "outputs": {"inputs": [None, None], "outputs": True},
    "none": {"inputs": [None, None]},
}


def jobs_of(kind, **more):
    return NewJobs(["a", "b"], ["true", "échø 'a'"], **(KINDS[kind] | more))


def state(server, key):
    """Return jobs with the names and data of their records, and the records without a job."""
    records = {r["id"]: (r["name"], r["data"]) for r in everything(server, "/user_data", workflow_id=key)}
    inputs, outputs = linked(server, key)
    jobs = [
        (
            job["name"],
            job["command"],
            sorted(records[r] for j, r in inputs if j == job["id"]),
            sorted(records[r] for j, r in outputs if j == job["id"]),
        )
        for job in everything(server, "/jobs", workflow_id=key)
    ]
    free = sorted(set(records) - {r for _, r in inputs + outputs})
    return jobs, [records[r] for r in free]


def of_kind(kind):
    new = jobs_of(kind)
    return [
        (
            name,
            command,
            [] if raw is None else [(f"input_{name}", msgspec.json.decode(raw))],
            [(f"output_{name}", {})] if new.outputs else [],
        )
        for name, command, raw in zip(new.names, new.commands, new.inputs, strict=True)
    ]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_job_is_added_once(proxy, store, key, torc_server, kind, fault):
    (first,) = store.add_jobs(key, NewJobs(["first"], [""], [None])).job_keys
    proxy.once(fault, writes_to("POST", "/bulk_jobs"))
    added = store.add_jobs(key, jobs_of(kind, depends_on=[[], [first]]))
    jobs, free = state(torc_server, key)
    assert (jobs, free) == ([("first", "", [], []), *of_kind(kind)], [])
    ids = [str(job["id"]) for job in everything(torc_server, "/jobs", workflow_id=key)]
    assert added.job_keys == ids[1:]
    waits = everything(torc_server, f"/workflows/{key}/job_dependencies")
    assert [(str(w["job_id"]), str(w["depends_on_job_id"])) for w in waits] == [(added.job_keys[1], first)]
    inputs, outputs = linked(torc_server, key)
    told = [*added.input_keys, *added.output_keys]
    assert sorted(str(r) for _, r in inputs + outputs) == sorted(one for one in told if one is not None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/bulk_user_data", "/bulk_jobs"])
@pytest.mark.parametrize("fault", [unasked, lost])
def test_a_fault_that_stays_is_an_error_and_the_same_call_finishes_it(
    proxy, store, key, torc_server, kind, path, fault
):
    matches = writes_to("POST", path)
    proxy.fault = lambda request: (fault if matches(request) else through)(request)
    failing = path == "/bulk_jobs" or kind != "none"
    if fault is unasked and failing:
        with pytest.raises(UncertainWriteError):
            store.add_jobs(key, jobs_of(kind))
    else:
        # Reading shows that it was done, each time.
        store.add_jobs(key, jobs_of(kind))
    proxy.fault = through
    if fault is unasked and failing:
        store.add_jobs(key, jobs_of(kind))
    assert state(torc_server, key) == (of_kind(kind), [])


def test_a_server_that_can_not_be_read_after_a_lost_answer_is_an_error(proxy, store, key, torc_server):
    for path in ("/bulk_user_data", "/bulk_jobs"):
        name = path[6:]
        new = NewJobs([name], [""], [b'{"a":1}'], outputs=True)
        proxy.requests.clear()

        def gone(request, path=path):
            if path in request.path:
                return lost(request)
            return None if proxy.writes(path) else through(request)

        proxy.fault = gone
        with pytest.raises(UnavailableError):
            store.add_jobs(key, new)
        proxy.fault = through
        (job,) = store.add_jobs(key, new).job_keys
        jobs, free = state(torc_server, key)
        assert [j for j in jobs if j[0] == name] == [
            (name, "", [(f"input_{name}", {"a": 1})], [(f"output_{name}", {})])
        ]
        assert free == []
        assert store.get_job(job, key).name == name


def test_a_request_that_arrives_after_it_was_given_up_adds_nothing(proxy, store, key, torc_server):
    """The server, or a proxy, has it until others were tried: it must not do it a second time."""
    held = []

    def hold(request):
        held.append(request)

    proxy.once(hold, writes_to("POST", "/bulk_jobs"))
    store.add_jobs(key, jobs_of("all"))
    before = state(torc_server, key)
    assert b"HTTP/1.1 500" in held[0].forward()
    assert state(torc_server, key) == before == (of_kind("all"), [])


@pytest.mark.parametrize("kind", ["all", "inputs", "some", "outputs"])
def test_a_request_that_arrives_while_it_is_given_up_is_found(proxy, store, key, torc_server, kind):
    held = []

    def fault(request):
        if "/bulk_jobs" in request.path and not held:
            held.append(request)
            return None
        if request.method == "DELETE" and len(held) == 1:
            held.append(held[0].forward())
        return through(request)

    proxy.fault = fault
    added = store.add_jobs(key, jobs_of(kind))
    assert state(torc_server, key) == (of_kind(kind), [])
    assert [str(job["id"]) for job in everything(torc_server, "/jobs", workflow_id=key)] == added.job_keys
    for keys, links in zip((added.input_keys, added.output_keys), linked(torc_server, key), strict=True):
        assert {str(record) for _, record in links} == {one for one in keys if one}


def test_records_that_arrive_after_they_were_given_up_are_deleted(proxy, store, key, torc_server):
    held = []

    def fault(request):
        if "/bulk_user_data" in request.path and not held:
            held.append(request)
            return None
        if "/bulk_jobs" in request.path:
            held[0].forward()
        return through(request)

    proxy.fault = fault
    store.add_jobs(key, jobs_of("all"))
    assert state(torc_server, key) == (of_kind("all"), [])


def test_an_orphan_is_reused(proxy, store, key, torc_server):
    matches = writes_to("POST", "/bulk_jobs")
    proxy.fault = lambda request: (unasked if matches(request) else through)(request)
    new = NewJobs([f"j{n}" for n in range(40)], [""] * 40, [b'{"n":%d}' % n for n in range(40)], outputs=True)
    with pytest.raises(UncertainWriteError):
        store.add_jobs(key, new)
    orphans = {r["id"] for r in everything(torc_server, "/user_data", workflow_id=key)}
    proxy.fault = through
    other = open_store(proxy.url)
    other.add_jobs(key, new)
    other.close()
    records = {r["id"] for r in everything(torc_server, "/user_data", workflow_id=key)}
    assert len(records) == 80
    # But for some, without which the request of a client that is still at it fails.
    assert len(records & orphans) > 70
    assert state(torc_server, key)[1] == []


def test_a_record_of_the_users_own_is_left_alone(store, key, torc_server):
    names = ["input_a", "output_a", "input_b"]
    store.add_user_data(key, [b'{"a":7}', b"{}", b'{"a":3}'], names=names)
    store.add_jobs(key, jobs_of("all"))
    assert state(torc_server, key) == (
        of_kind("all"),
        [("input_a", {"a": 7}), ("output_a", {}), ("input_b", {"a": 3})],
    )


def test_records_without_data_elsewhere_do_not_hinder(store, key, torc_server):
    torc_server.call("POST", "/user_data", json={"workflow_id": int(key), "name": "n", "data": None})
    store.add_jobs(key, jobs_of("all"))
    with store.snapshot(key) as snap:
        assert sum(len(page) for page in snap.jobs()) == 2


# single records


def count_of(server, key):
    return server.call("GET", "/user_data", params={"workflow_id": key, "limit": 0})["total_count"]


RECORDS = {
    "linked": {"role": INPUT},
    "named": {"role": OUTPUT, "name": "mine"},
    "free": {},
    "free and named": {"name": "ours"},
}


RAW = [b'{"a":[1,"x"]}', b"null", b'"text"']


# Each kind with each fault, and each text with each of both.
@pytest.mark.parametrize(
    ("kind", "fault", "raw"),
    [
        (kind, fault, RAW[(one + other) % len(RAW)])
        for one, kind in enumerate(RECORDS)
        for other, fault in enumerate(FAULTS)
    ],
)
def test_a_record_is_added_once(proxy, store, key, torc_server, kind, raw, fault):
    (job,) = store.add_jobs(key, NewJobs(["j"], [""], [None])).job_keys
    role, name = RECORDS[kind].get("role"), RECORDS[kind].get("name")
    proxy.once(fault, writes_to("POST", "/user_data"))
    (added,) = store.add_user_data(key, [raw], job_keys=[job if role else None], role=role, names=[name])
    assert count_of(torc_server, key) == 1
    record = store.get_user_data(key, added)
    assert (record.name, record.data) == (name, msgspec.json.decode(raw))
    inputs, outputs = linked(torc_server, key)
    expected = [(int(job), int(added))]
    assert (inputs, outputs) == (expected if role == INPUT else [], expected if role == OUTPUT else [])


@pytest.mark.parametrize("fault", [unasked, lost])
@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("count", [3, 15])
def test_records_are_finished_by_the_same_call(
    proxy, store, key, torc_server, monkeypatch, kind, fault, count
):
    monkeypatch.setattr(v1_user_data, "MANY", 10)
    (job,) = store.add_jobs(key, NewJobs(["j"], [""], [None])).job_keys
    role, name = RECORDS[kind].get("role"), RECORDS[kind].get("name")
    data = [b'{"n":%d}' % n for n in range(count)]
    names = [name and f"{name}{n}" for n in range(count)]
    at = 1 if count == 3 or role else 0
    posts = itertools.count()

    def gone(request):
        if request.method == "POST" and next(posts) >= at:
            return fault(request)
        return None if next_read(request) else through(request)

    def next_read(request):
        return "name=torc_frames" in request.path and request.method == "GET"

    proxy.fault = gone
    arguments = {"job_keys": [job if role else None] * count, "role": role, "names": names}
    with pytest.raises(UnavailableError):
        store.add_user_data(key, data, **arguments)
    proxy.fault = through
    added = store.add_user_data(key, data, **arguments)
    assert count_of(torc_server, key) == count
    records = {str(r["id"]): r for r in everything(torc_server, "/user_data", workflow_id=key)}
    assert [records[one]["data"]["n"] for one in added] == list(range(count))
    assert name is None or [records[one]["name"] for one in added] == names
    pairs = linked(torc_server, key)[role == OUTPUT]
    assert pairs == ([(int(job), int(one)) for one in added] if role else [])
    again = store.add_user_data(key, data, **arguments)
    assert not set(added) & set(again)  # a call that succeeded is over


@pytest.mark.parametrize("fault", [unasked, lost, unheard])
def test_free_records_in_bulk_keep_names_and_order(proxy, store, key, torc_server, fault):
    data = [b'{"n":%d}' % n for n in range(200)]
    names = [None if n % 3 else f"same{n % 5}" for n in range(200)]
    kinds = [n % 2 == 0 for n in range(200)]
    proxy.once(fault, writes_to("POST", "/bulk_user_data"))
    added = store.add_user_data(key, data, names=names, is_ephemeral=kinds)
    found = [store.get_user_data(key, one) for one in added[:30]]
    assert [(r.data["n"], r.name, r.is_ephemeral) for r in found] == [
        (n, names[n], kinds[n]) for n in range(30)
    ]
    assert count_of(torc_server, key) == 200


@pytest.mark.parametrize("fault", FAULTS)
def test_data_is_replaced_in_spite_of_faults(proxy, store, key, fault, monkeypatch):
    monkeypatch.setattr(http_failures, "PATIENT", 3)
    keys = store.add_user_data(key, [b"{}", b"[]"])
    revs = store.update_user_data(key, keys, [b'{"a":0}', b'{"b":0}'])
    proxy.once(fault, writes_to("PUT", "/user_data/"))
    if fault is failed:
        with pytest.raises(UncertainWriteError):
            store.update_user_data(key, keys, [b'{"a":1}', b'{"b":1}'], revs=revs)
    # The same call again, with the revs of before.
    after = store.update_user_data(key, keys, [b'{"a":1}', b'{"b":1}'], revs=revs)
    assert [store.get_user_data(key, one).data for one in keys] == [{"a": 1}, {"b": 1}]
    assert [store.get_user_data(key, one).rev for one in keys] == after


@pytest.mark.parametrize("fault", FAULTS)
def test_records_are_deleted_in_spite_of_faults(proxy, store, key, torc_server, fault):
    keys = store.add_user_data(key, [b"{}", b"[]", b"null"])
    matches = writes_to("DELETE", f"/user_data/{keys[1]}")
    proxy.fault = lambda request: (fault if matches(request) else through)(request)
    try:
        store.delete_user_data(key, keys)
    except UnavailableError:
        proxy.fault = through
        store.delete_user_data(key, keys)
    assert count_of(torc_server, key) == 0
    proxy.fault = through
    with pytest.raises(NotFoundError):
        store.delete_user_data(key, keys)


def test_a_record_that_the_server_can_not_read_it_can_not_delete_either(store, key, torc_server):
    number = {"workflow_id": int(key), "name": "n", "data": 7}
    bad = torc_server.call("POST", "/user_data", json=number)["id"]
    (good,) = store.add_user_data(key, [b"{}"])
    with pytest.raises(UnreadableRecordError, match="bare number"):
        store.delete_user_data(key, [good, str(bad)])
    assert count_of(torc_server, key) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_commands_are_replaced_in_spite_of_faults(proxy, store, key, torc_server, fault, monkeypatch):
    monkeypatch.setattr(http_failures, "PATIENT", 3)
    keys = store.add_jobs(key, jobs_of("all")).job_keys
    proxy.once(fault, writes_to("PUT", "/jobs/"))
    if fault is failed:
        with pytest.raises(UncertainWriteError):
            store.update_commands(key, keys, ["new a", "new b"])
    store.update_commands(key, keys, ["new a", "new b"])
    jobs, free = state(torc_server, key)
    assert [(name, command) for name, command, *_ in jobs] == [("a", "new a"), ("b", "new b")]
    assert [job[2:] for job in jobs] == [job[2:] for job in of_kind("all")]
    assert free == []


@pytest.mark.parametrize("what", ["/jobs/", "/user_data/"])
@pytest.mark.parametrize("fault", FAULTS)
def test_jobs_are_deleted_in_spite_of_faults(proxy, store, key, torc_server, fault, what, monkeypatch):
    monkeypatch.setattr(http_failures, "PATIENT", 3)
    keys = store.add_jobs(key, jobs_of("all")).job_keys
    (alone,) = store.add_user_data(key, [b"{}"])
    proxy.once(fault, writes_to("DELETE", what))
    store.delete_jobs(key, keys)
    assert state(torc_server, key)[0] == []
    assert count_of(torc_server, key) == 1
    assert store.get_user_data(key, alone).data == {}


def doubled(request):
    """Send it twice, each on a connection of its own, at once: of two deletions the server may fail one."""
    with ThreadPoolExecutor(2) as pool:
        return max(
            pool.map(lambda one: one.forward(), [replace(request, upstream=None) for _ in range(2)]),
            key=lambda answer: answer[9:12],
        )


def test_what_is_deleted_twice_at_once_is_deleted(proxy, store, key, torc_server):
    keys = store.add_jobs(key, NewJobs([f"j{n}" for n in range(40)], [""] * 40, [None] * 40)).job_keys
    deletes = writes_to("DELETE", "/jobs/")
    proxy.fault = lambda request: (doubled if deletes(request) else through)(request)
    store.delete_jobs(key, keys)
    assert state(torc_server, key)[0] == []


def test_a_deletion_that_failed_and_did_nothing_is_told(proxy, store, key, torc_server):
    keys = store.add_jobs(key, NewJobs(["a"], [""], [None])).job_keys
    deletes = writes_to("DELETE", "/jobs/")
    nothing = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    proxy.fault = lambda request: nothing if deletes(request) else through(request)
    with pytest.raises(UncertainWriteError, match="not known"):
        store.delete_jobs(key, keys)
    assert len(state(torc_server, key)[0]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_busy_server_does_late_is_found_and_not_done_again(
    proxy, store, key, torc_server, monkeypatch, kind
):
    monkeypatch.setattr(exactly_once, "GRACE_S", 0.2)
    late = []

    def busy(request):
        late.append(threading.Timer(0.5, replace(request, upstream=None).forward))
        late[-1].start()

    proxy.once(busy, writes_to("POST", "/bulk_jobs"))
    added = store.add_jobs(key, jobs_of(kind))
    late[0].join()
    ids = [str(job["id"]) for job in everything(torc_server, "/jobs", workflow_id=key)]
    assert added.job_keys == ids
    assert state(torc_server, key) == (of_kind(kind), [])


def test_commands_of_many_jobs_are_replaced_with_few_reads(proxy, store, key, torc_server):
    count = 200
    keys = store.add_jobs(
        key, NewJobs([f"j{n}" for n in range(count)], [""] * count, [None] * count)
    ).job_keys
    proxy.requests.clear()
    store.update_commands(key, keys, [f"true {n}" for n in range(count)])
    assert len(proxy.requests) - len(proxy.writes()) < 10
    assert [job[1] for job in state(torc_server, key)[0]] == [f"true {n}" for n in range(count)]
    proxy.requests.clear()
    for commands in (["x" * 400_000] * count, ["\ud800"] * count):
        with pytest.raises(RefusedError, match="command of job"):
            store.update_commands(key, keys, commands)
    with pytest.raises(NotFoundError, match="999999"):
        store.update_commands(key, [*keys, "999999"], ["new"] * (count + 1))
    assert proxy.writes() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_workflow_is_added_once(proxy, store, torc_server, fault):
    store.add_workflow("ridge and more")
    torc_server.call("POST", "/workflows", json={"name": "ridge", "user": "somebody"})
    before = {workflow.key for workflow in store.workflows()}
    proxy.once(fault, writes_to("POST", "/workflows"))
    added = store.add_workflow("ridge", user="me", metadata={"a": 1})
    assert {workflow.key for workflow in store.workflows()} - before == {added.key}
    assert store.get_workflow(added.key) == added


@pytest.mark.parametrize("fault", [unasked, lost])
def test_a_workflow_is_finished_by_the_same_call(proxy, store, fault):
    before = {workflow.key for workflow in store.workflows()}

    def gone(request):
        if request.method == "POST":
            return fault(request)
        return None if proxy.writes("/workflows") else through(request)

    proxy.fault = gone
    with pytest.raises(UncertainWriteError):
        store.add_workflow("study", description="once")
    proxy.fault = through
    added = store.add_workflow("study", description="once")
    assert {workflow.key for workflow in store.workflows()} - before == {added.key}
    assert store.add_workflow("study", description="once").key != added.key


@pytest.mark.parametrize("fault", FAULTS)
def test_metadata_and_deletion_in_spite_of_faults(proxy, store, key, fault, monkeypatch):
    monkeypatch.setattr(http_failures, "PATIENT", 3)
    proxy.once(fault, writes_to("PUT", "/workflows/"))
    if fault is failed:
        with pytest.raises(UncertainWriteError):
            store.merge_metadata(key, {"a": [1]})
    store.merge_metadata(key, {"a": [1]})
    assert store.get_workflow(key).metadata == {"a": [1]}
    proxy.once(fault, writes_to("DELETE", "/workflows/"))
    store.delete_workflow(key)
    with pytest.raises(NotFoundError):
        store.get_workflow(key)


def test_connections_that_the_server_closed_meanwhile_are_no_fault(proxy, store, key, torc_server):
    proxy.hangs_up = True
    store.add_jobs(key, jobs_of("all"))
    (added,) = store.add_user_data(key, [b"{}"])
    store.update_user_data(key, [added], [b"[]"])
    store.delete_user_data(key, [added])
    assert state(torc_server, key) == (of_kind("all"), [])


def test_an_answer_that_takes_too_long_is_settled_by_reading(proxy, key, torc_server):
    impatient = open_store(proxy.url, timeout_s=0.5)
    over = threading.Event()

    def late(request):
        request.forward()
        over.wait(10)

    for path in ("/bulk_user_data", "/bulk_jobs", "/user_data?"):
        proxy.once(late, writes_to("POST", path))
        if path == "/user_data?":
            (job,) = (str(job["id"]) for job in everything(torc_server, "/jobs", workflow_id=key, name="b"))
            impatient.add_user_data(key, [b'{"late":1}'], job_keys=[job], role=OUTPUT, names=["late"])
        else:
            names = {"/bulk_user_data": "a", "/bulk_jobs": "b"}[path]
            impatient.add_jobs(key, NewJobs([names], [""], [b"{}"], outputs=True))
    over.set()
    impatient.close()
    assert state(torc_server, key) == (
        [
            ("a", "", [("input_a", {})], [("output_a", {})]),
            ("b", "", [("input_b", {})], [("late", {"late": 1}), ("output_b", {})]),
        ],
        [],
    )


# limits


def test_large_rows_go_in_several_requests_below_the_servers_limit(proxy, torc_server):
    df = pd.DataFrame({"n": range(40), "text": ["x" * 1_000_000] * 40})
    client = tf.connect(proxy.url)
    key = client.create_workflow("large").key
    with pytest.warns(tf.TorcFramesWarning, match="Pointer"):
        push(client, key, df)
    sizes = [len(request.body) for request in proxy.writes("/bulk_user_data")]
    assert len(sizes) >= 2
    assert max(sizes) < 40 * 2**20
    assert push(client, key, df).attrs["torc"]["unchanged"] == 40
    client.delete_workflow(key)
    client.close()


def test_long_commands_count_and_one_too_long_is_refused(proxy, store, key):
    command = "\x01" * 250_000  # six bytes each, as JSON
    new = NewJobs([f"j{n}" for n in range(150)], [command] * 150, [None] * 150)
    store.add_jobs(key, new)
    sizes = [len(request.body) for request in proxy.writes("/bulk_jobs")]
    assert len(sizes) > 1
    assert max(sizes) < 200 * 2**20
    before = len(proxy.writes())
    with pytest.raises(RefusedError, match="row 1: command is 400,000 characters"):
        store.add_jobs(key, NewJobs(["a", "b"], ["", "x" * 400_000], [None, None]))
    assert len(proxy.writes()) == before


def test_a_record_larger_than_a_request_is_refused_before_anything_is_sent(proxy, store, key):
    (small,) = store.add_user_data(key, [b"{}"])
    raw = b'{"a":"' + b"x" * 2_000_000 + b'"}'
    df = pd.DataFrame({"a": ["", "x" * 2_000_000]})
    client = tf.connect(proxy.url)
    before = len(proxy.writes())
    for write in (
        lambda: client.workflow(key).push(df, show_progress=False),
        lambda: store.add_jobs(key, NewJobs(["a", "b"], ["", ""], [b"{}", raw])),
        lambda: store.add_user_data(key, [b"{}", raw]),
        lambda: store.update_user_data(key, [small, small], [b"{}", raw]),
    ):
        with pytest.raises(RefusedError, match=r"row 1: has 2,000,0\d\d bytes.*tf\.Pointer"):
            write()
    client.close()
    assert len(proxy.writes()) == before
    fitting = b'{"a":"' + b"x" * (2_000_000 - 8) + b'"}'
    store.update_user_data(key, store.add_user_data(key, [fitting]), [fitting.replace(b"xx", b"yy")])


def test_more_rows_than_one_call_takes(proxy, store, key, torc_server):
    count = 100_001
    new = NewJobs([f"j{n}" for n in range(count)], [""] * count, [None] * count)
    assert len(set(store.add_jobs(key, new).job_keys)) == count
    page = torc_server.call("GET", "/jobs", params={"workflow_id": key, "limit": 0})
    assert page["total_count"] == count
    assert len(proxy.writes("/bulk_jobs")) == 11
    store.delete_workflow(key)


def test_a_name_given_twice_is_refused_and_both_rows_are_named(proxy, store, key):
    before = len(proxy.writes())
    with pytest.raises(RefusedError, match="row 2: has the name 'a', which row 0 has already"):
        store.add_jobs(key, NewJobs(["a", "b", "a"], [""] * 3, [b"{}"] * 3))
    assert len(proxy.writes()) == before


def test_a_name_may_come_again_in_a_later_call(store, key, torc_server):
    for _ in range(2):
        store.add_jobs(key, jobs_of("all"))
    jobs, free = state(torc_server, key)
    assert (jobs, free) == (of_kind("all") * 2, [])
    inputs, outputs = linked(torc_server, key)
    assert len({record for _, record in inputs + outputs}) == 8


def test_a_job_that_does_not_exist_is_refused_before_anything_is_stored(proxy, store, key):
    (job,) = store.add_jobs(key, NewJobs(["j"], [""], [None])).job_keys
    other = store.add_workflow("other").key
    (strange,) = store.add_jobs(other, NewJobs(["j"], [""], [None])).job_keys
    before = len(proxy.writes())
    for jobs in ([strange], ["999999999"], ["x"], [job, strange]):
        with pytest.raises(NotFoundError) as caught:
            store.add_user_data(key, [b"{}"] * len(jobs), job_keys=jobs, role=OUTPUT)
        assert caught.value.keys == (jobs[-1],)
    with pytest.raises(NotFoundError):
        store.add_jobs(key, NewJobs(["k"], [""], [b"{}"], depends_on=[[job, strange]]))
    assert len(proxy.writes()) == before


# several at once


def test_clients_that_push_different_tables_at_once_lose_nothing(torc_server, monkeypatch):
    monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", 100)
    clients = [tf.connect(torc_server.url) for _ in range(4)]
    key = clients[0].create_workflow("shared").key
    frames = [table(500, first=n * 500) for n in range(4)]
    # The dtypes are recorded before, as what several write there at once is a matter of who is last.
    push(clients[0], key, table(0))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda client, df: push(client, key, df), clients, frames))
    jobs = [job["id"] for job in everything(torc_server, "/jobs", workflow_id=key)]
    inputs, outputs = linked(torc_server, key)
    assert len(jobs) == 2_000
    assert sorted(job for job, _ in inputs) == sorted(job for job, _ in outputs) == sorted(jobs)
    assert len({record for _, record in inputs + outputs}) == 4_000 == count_of(torc_server, key)
    pulled = clients[0].workflow(key).parameters().sort_values("n")
    assert_frame_equal(pulled.reset_index(drop=True), pd.concat(frames, ignore_index=True))
    for client in clients:
        client.close()


@pytest.mark.parametrize("same", [True, False])
def test_another_clients_records_on_their_way_are_not_taken(proxy, torc_server, key, same):
    """Two add jobs of the same names at once, one between the two requests of the other."""
    one, two = open_store(proxy.url), open_store(proxy.url)
    other = jobs_of("all") if same else jobs_of("all", inputs=[b'{"b":1}', b'{"b":2}'])
    begun = threading.Event()

    def fault(request):
        if "/bulk_jobs" in request.path and not begun.is_set():
            begun.set()
            two.add_jobs(key, other)
        return through(request)

    proxy.fault = fault
    one.add_jobs(key, jobs_of("all"))
    jobs, free = state(torc_server, key)
    assert [job[0] for job in jobs] == ["a", "b"] * 2
    theirs = (
        [job[2] for job in of_kind("all")] if same else [[("input_a", {"b": 1})], [("input_b", {"b": 2})]]
    )
    assert [job[2] for job in jobs] == [*theirs, *(job[2] for job in of_kind("all"))]
    inputs, outputs = linked(torc_server, key)
    assert len(inputs) == len(outputs) == 4
    assert len({record for _, record in inputs + outputs}) == 8
    assert free == []
    # Records of other data are none of its business, nor are the outputs that were added with them.
    assert same or not [request for request in proxy.writes() if request.method == "DELETE"]
    one.close()
    two.close()


def test_a_pull_while_others_push_sees_whole_rows(torc_server, monkeypatch):
    monkeypatch.setattr(v1_jobs, "CHUNK_ROWS", 50)
    writer, reader = tf.connect(torc_server.url), tf.connect(torc_server.url)
    key = writer.create_workflow("study").key
    df = table(1_500)
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(push, writer, key, df)
        lengths = []
        while not pushing.done():
            pulled = reader.workflow(key).parameters()
            lengths.append(len(pulled))
            if len(pulled):
                assert_frame_equal(pulled.reset_index(drop=True), df.head(len(pulled)))
        pushing.result()
    assert sorted(lengths) == lengths
    check(torc_server, key, df)
    writer.close()
    reader.close()


def test_threads_add_records_to_their_jobs(store, key, torc_server):
    keys = store.add_jobs(key, NewJobs([f"j{n}" for n in range(8)], [""] * 8, [None] * 8)).job_keys

    def work(job):
        return [
            store.add_user_data(key, [b'{"step":%d}' % n], job_keys=[job], role=OUTPUT)[0] for n in range(20)
        ]

    with ThreadPoolExecutor(8) as pool:
        added = dict(zip(keys, pool.map(work, keys), strict=True))
    outputs = linked(torc_server, key)[1]
    assert sorted(outputs) == sorted((int(job), int(r)) for job, records in added.items() for r in records)


# values


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a":18446744073709551616}', "beyond 64 bits"),
        (b'{"a":-9223372036854775809}', "beyond 64 bits"),
        (b'{"a":"\\ud800"}', "lone surrogate"),
        (b'{"a":' * 121 + b"1" + b"}" * 121, "nested deeper"),
        (b"7", "bare number"),
        (b'{"a":NaN}', "no JSON"),
        (b'{"a":1e400}', "can't keep"),
    ],
)
def test_what_the_server_would_change_is_refused_before_anything_is_sent(proxy, store, key, raw, reason):
    (record,) = store.add_user_data(key, [b"{}"])
    before = len(proxy.writes())
    for write in (
        lambda: store.kept([b"{}", raw]),
        lambda: store.add_jobs(key, NewJobs(["a", "b"], ["", ""], [b"{}", raw])),
        lambda: store.add_user_data(key, [b"{}", raw]),
        lambda: store.update_user_data(key, [record, record], [b"{}", raw]),
    ):
        with pytest.raises(RefusedError, match=f"row 1: .*{reason}"):
            write()
    assert len(proxy.writes()) == before


@pytest.mark.parametrize("value", [2**64, "\ud800", float("inf")])
def test_a_table_that_can_not_be_kept_is_refused_whole(proxy, value):
    client = tf.connect(proxy.url)
    wf = client.create_workflow("study")
    before = len(proxy.writes())
    with pytest.raises(RefusedError, match="row 1"):
        wf.push(pd.DataFrame({"a": pd.Series([1, value], dtype=object)}), show_progress=False)
    client.close()
    assert len(proxy.writes()) == before


FLOATS = st.lists(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(-1e6, 1e6),
        st.floats(1e-320, 1e-290),
        st.floats(1e290, 1.7e308),
        st.integers(-(2**70), 2**70).map(float),
    ),
    min_size=1,
    max_size=400,
)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(floats=FLOATS)
def test_floats_come_back_as_told(store, key, floats):
    lines, told = [], []
    for value in floats:
        try:
            text, back = numbers.to_send(repr(value).encode())
        except OverflowError:
            continue
        lines.append(text)
        told.append(back)
        fitted = numbers.fit(b"[%s]" % repr(value).encode())
        assert msgspec.json.decode(fitted.send) == [float(text)]
        assert msgspec.json.decode(fitted.back) == [back]
    (record,) = store.add_user_data(key, [b"[]"])
    raw = b"[" + b",".join(lines) + b"]"
    body = b'{"workflow_id":%s,"name":"n","data":%s}' % (key.encode(), raw)
    store.service.http.send("PUT", f"/user_data/{record}", body)
    came = store.get_user_data(key, record).data
    assert list(map(repr, map(float, came))) == list(map(repr, told))
    again = [numbers.to_send(repr(back).encode())[1] for back in told]
    assert list(map(repr, again)) == list(map(repr, told))
