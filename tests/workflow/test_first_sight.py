"""What a notebook shows of a store, a workflow and its jobs, and what is asked for it."""

import re
import sqlite3
import warnings
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import stores
from IPython.core.formatters import DisplayFormatter
from proxy import Proxy
from stores import on_each_store, on_sqlite

import torc_frames as tf
from tests.trust.markup import text_of
from torc_frames.workflow import overview
from torc_frames.workflow.client import Client

wf = stores.study


def seen(thing):
    """Return the text of what a notebook shows, which has the same words as what is printed."""
    assert thing._repr_mimebundle_().keys() == {"text/plain", "text/html"}
    shown = text_of(thing._repr_html_())
    printed = repr(thing.describe())
    assert len(printed.splitlines()) < 60
    assert max(map(len, printed.splitlines())) <= 320
    return f"{printed}\n{shown}"


def ran(store, wf, keys):
    """Have some jobs completed, if that can be without torc."""
    if hasattr(store, "start_jobs"):
        for job in keys:
            wf.job(job).store(loss=0.5 * int(job))


def test_a_workflow_shows_counts_ranges_and_the_next_call(wf, store):
    wf.push(tf.grid(alpha=[0.001, 0.01, 0.1, 1.0, 10.0], seed=[7]), command="true")
    ran(store, wf, wf.jobs().index)
    told = seen(wf)
    assert "5 jobs: 5 " in told
    assert "0.001 … 10" in told
    assert "constant: seed = 7" in told
    if hasattr(store, "start_jobs"):
        assert "wf.run()" in told
        assert "loss" in told
        assert "█████" in told


def test_a_store_shows_its_newest_workflows(store):
    client = Client(store)
    assert "0 workflows" in seen(client)
    for name in "abcdefghijkl":
        last = client.create_workflow(f"wf-{name}")
    last.push(tf.grid(n=[1, 2]))
    told = repr(client.describe())
    assert told.splitlines()[0] == f"{client.url}: 12 workflows"
    assert told.index("wf-l") < told.index("wf-c")
    assert "wf-b" not in told
    assert "and 2 older" in told
    assert "2 ready" in seen(client) or "2 uninitialized" in seen(client)


@on_each_store
def test_an_empty_workflow_says_how_it_is_filled(wf):
    assert "wf.push(" in seen(wf)
    assert "0 jobs" in seen(wf)


@on_each_store
def test_a_job_shows_what_it_has_and_what_is_next(wf):
    key = wf.push(pd.DataFrame({"a": [0.25], "name": ["x"]}), command="echo {a}").index[0]
    wf.job(key).store(loss=0.5)
    told = seen(wf.job(key))
    for one in ("'x'", "0.25", "loss", "0.5", "echo 0.25", "wf.run()"):
        assert one in told


@pytest.mark.stores("torc-server", "service")
def test_a_server_is_asked_for_little(wf, store, monkeypatch):
    sweep = tf.product(tf.grid(n=range(6)), tf.sample(5, {"alpha": tf.loguniform(1e-3, 1e2)}))
    keys = wf.push(sweep, command="true").index
    asked = []
    for thing in (wf, wf.job(keys[3]), Client(store)):
        before = store.service.http.requests
        thing._repr_mimebundle_()
        asked.append(store.service.http.requests - before)
    assert max(asked) <= 16, asked
    monkeypatch.setattr(overview, "_MOST_JOBS", 20)
    before = store.service.http.requests
    told = repr(wf.describe())
    assert store.service.http.requests - before <= 6
    assert "30 records are too many to be read for this: wf.table()" in told
    assert re.search(r"alpha +0.001 … 100 +loguniform", told)
    assert re.search(r"n +0 … 5 +choice", told)


@on_sqlite
def test_of_many_jobs_some_are_read_at_random(wf, store, monkeypatch):
    other = Client(store).create_workflow("between")
    for start in range(0, 400, 100):
        wf.push(tf.grid(n=range(start, start + 100), k=[1, 2]))
        other.push(tf.grid(m=range(start, start + 100)))
    monkeypatch.setattr(overview, "_MOST_JOBS", 100)
    monkeypatch.setattr(overview, "_SAMPLED_JOBS", 100)
    told = seen(wf)
    assert told == seen(wf)
    assert re.search(r"of \d{2,3} jobs, chosen at random", told)
    assert "n " in told
    assert "1, 2" in told
    assert "800 jobs" in told
    with store.snapshot(wf.key) as snap:
        some = [key for page in snap.sampled(100, 800).jobs() for key in page.keys]
        everyone = {key for page in snap.jobs() for key in page.keys}
        assert len(some) == len(set(some))
        assert 50 < len(some) < 200
        assert set(some) < everyone
        assert np.std(list(map(int, some))) > 200  # from all over
    empty = Client(store).create_workflow("empty")
    with store.snapshot(empty.key) as snap:
        assert list(snap.sampled(100, 0).jobs()) == []


@on_sqlite
def test_many_records_of_few_jobs_are_not_all_read(wf, monkeypatch):
    keys = wf.push(tf.grid(n=range(40))).index
    for key in keys:
        wf.add_user_data(key, *({"x": n} for n in range(5)), role="output")
    monkeypatch.setattr(overview, "_MOST_RECORDS", 120)
    monkeypatch.setattr(overview, "_LEAST_JOBS", 3)
    assert re.search(r"of \d\d? jobs, chosen", seen(wf))


@on_sqlite
def test_a_record_that_can_not_be_read_is_told(wf, store):
    wf.push(tf.grid(n=[1, 2, 3]))
    with closing(sqlite3.connect(store.path)) as database, database:
        database.execute("UPDATE user_data SET data = '{bad' WHERE id = 2")
    told = seen(wf)
    assert "1 record can not be read" in told
    assert "1, 3" in told
    assert "UnreadableRecordError" in text_of(wf.job(2)._repr_html_())


@on_sqlite
def test_a_repr_asks_no_store(wf, store):
    key = wf.push(tf.grid(n=[1])).index[0]
    client, job = Client(store), wf.job(key)
    before = repr([client, wf, job])
    client.delete_workflow(wf)
    assert repr([client, wf, job]) == before
    assert len(before) < 250


@on_each_store
def test_what_was_deleted_is_told_in_a_sentence(wf, store):
    job = wf.job(wf.push(tf.grid(n=[1])).index[0])
    Client(store).delete_workflow(wf)
    for thing in (wf, job):
        assert "NotFoundError: no workflow key" in text_of(thing._repr_html_())
        assert repr(thing) in thing._repr_mimebundle_()["text/plain"]
        with pytest.raises(tf.NotFoundError):
            thing.describe()


def test_a_server_that_is_gone_is_told_soon_and_without_its_password(torc_server):
    with Proxy(torc_server) as proxy:
        client = tf.connect(proxy.url, username="ann", password="s3cret-word")
        wf = client.create_workflow("gone")
    shown = [thing._repr_mimebundle_() for thing in (client, wf)]
    for forms in shown:
        assert "UnavailableError: " in text_of(forms["text/html"])
        assert "s3cret" not in str(forms)
    assert client._store.service.http.requests < 12


@on_sqlite
def test_a_failed_job_shows_the_end_of_what_it_said(wf):
    wf.push(tf.grid(n=[0, 3]), command="echo no such file >&2; exit {n}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tf.FailedJobsWarning)
        summary = wf.run(show_progress=False)
    told = seen(wf.job(2))
    assert "failed" in told
    assert "return code 3" in told
    assert "  | no such file" in told
    assert "what 1 failed job said last" in seen(wf)
    assert "1 completed, 1 failed" in seen(summary)
    assert "no such file" in seen(summary)


@on_sqlite
def test_runs_are_shown_while_they_go_on_and_after(wf):
    assert "No runs go on" in seen(wf.running())
    wf.push(tf.grid(n=[1]), command="sleep 600")
    run = wf.start()
    assert run.id in seen(wf.running())
    assert "run.cancel()" in seen(run)
    run.cancel()
    assert "canceled" in seen(run)
    assert wf.running() == []


@on_sqlite
def test_frames_that_changed_and_copies_are_shown_in_few_lines(wf, store):
    wf.push(tf.grid(n=range(30)))
    frame = wf.table()
    wf.job(1).store(loss=1.0)
    refreshed = wf.refresh(frame)
    assert repr(refreshed) == "Refreshed(0 added, 1 updated, 0 removed; a frame of 30 rows)"
    assert "and 25 more rows" in seen(refreshed)
    report = Client(store).copy(wf, show_progress=False)
    assert "30 jobs, 31 records" in seen(report)
    assert "nothing was left out" in seen(report)
    compared = seen(Client(store).compare(wf, report.workflow))
    assert "30 pairs" in compared


@on_sqlite
def test_stale_jobs_and_jobs_without_commands_are_told(wf):
    params = wf.push(tf.grid(n=[1, 2]))
    assert "wf.push(wf.parameters(), command='…')" in seen(wf)
    wf.push(params, command="true")
    wf.run(show_progress=False)
    params["n"] = [3, 4]
    wf.push(params)
    assert "wf.run(rerun='changed')" in seen(wf)
    assert "2 jobs stale" in seen(wf)


@on_sqlite
def test_pointers_say_where_and_what_they_are(tmp_path):
    pointer = tf.Pointer.save(pd.DataFrame({"x": [1]}), tmp_path)
    told = seen(pointer)
    for one in (pointer.path, pointer.sha256, f"{pointer.size:,} bytes", "a DataFrame, by pandas"):
        assert one in told
    (tmp_path / "a.bin").write_bytes(b"xyz")
    other = tf.Pointer(tmp_path / "a.bin")
    assert "of no format that is read" in seen(other)
    (tmp_path / "a.bin").unlink()
    assert "is missing" in seen(other)
    secret = {"torc_pointer": 1, "path": "https://u:s3cret@host/x", "size": 1, "sha256": "", "format": "csv"}
    assert "s3cret" not in seen(tf.Pointer.from_json(secret))
    [job] = (wf := tf.connect(tmp_path / "study.db").create_workflow("w")).push(tf.grid(n=[1])).index
    wf.job(job).store(curve=secret)
    assert "a url that may not be opened" in seen(wf.job(job))
    assert "s3cret" not in seen(wf.job(job))


@on_sqlite
def test_ipython_shows_the_text_in_a_terminal_and_both_in_a_notebook_by_one_look(wf, store, monkeypatch):
    wf.push(tf.grid(n=[1, 2]))
    looks = []
    monkeypatch.setattr(
        type(wf), "describe", lambda self: looks.append(1) or overview.describe_workflow(store, self.key)
    )
    forms, _ = DisplayFormatter().format(wf)
    assert set(forms) == {"text/plain", "text/html"}
    assert "2 jobs: 2 ready" in forms["text/plain"]
    assert len(looks) == 1
    assert DisplayFormatter().format([wf])[0]["text/plain"] == f"[{wf!r}]"


def test_the_file_of_a_server_is_described_without_what_it_can_not_do(torc_server, monkeypatch):
    served = tf.connect(torc_server.url).create_workflow("file")
    key = served.push(tf.grid(n=range(30)), command="echo {n}").index[0]
    client = tf.connect(torc_server.database)
    wf = client.workflow(served.key)
    assert repr(wf.describe()) == repr(served.describe()).replace("\nwf.run()  # runs 30 jobs", "")
    assert "echo 0" in seen(wf.job(key))
    assert "30 uninitialized" in seen(client)
    monkeypatch.setattr(overview, "_MOST_JOBS", 20)
    monkeypatch.setattr(overview, "_SAMPLED_JOBS", 10)
    assert re.search(r"of \d\d? jobs, chosen at random", seen(wf))
