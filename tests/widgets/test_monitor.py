"""The monitor: what it tells of jobs, and the thread that looks."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import not_three
from servers import wait_until

import torc_frames as tf
from torc_frames.widgets.progress.model import COLUMNS, course, progress
from torc_frames.widgets.progress.session import JobReader, Pace, Watch
from torc_frames.widgets.progress.widget import Monitor

NOW = pd.Timestamp("2026-03-01T12:00:00", tz="UTC")
QUICK = Pace(0.02, 0.05)


def jobs(*rows):
    """Jobs by status, and when they were started and ended: minutes ago."""
    frame = pd.DataFrame(
        [
            (
                f"job {at}",
                row[0],
                1,
                *([None] * 3 if len(row) < 3 else [row[3] if row[3:] else 0, row[1], row[2]]),
            )
            for at, row in enumerate(rows)
        ],
        columns=list(COLUMNS),
        index=pd.Index([str(at + 1) for at in range(len(rows))], name="job_key"),
    )
    for name in ("start_time", "end_time"):
        ago = pd.to_numeric(frame[name])
        frame[name] = (NOW - pd.to_timedelta(ago.fillna(0) * 60, unit="s")).where(ago.notna())
        frame[name] = frame[name].astype("datetime64[us, UTC]")
    return frame.astype({"return_code": "Int64"})


def test_counts_come_in_the_order_of_a_job_s_life():
    now = progress(jobs(("failed", 2, 1, 3), ("ready",), ("completed", 3, 2), ("odd",), ("running",)), NOW)
    assert list(now.counts) == ["completed", "running", "ready", "failed", "odd"]
    assert (now.jobs, now.ended, now.running, now.failed, now.is_over) == (5, 2, 1, 1, False)


def test_the_pace_is_that_of_the_last_minutes():
    old = [("completed", 101, 100)] * 50
    new = [("completed", ago + 1, ago) for ago in range(10)]
    now = progress(jobs(*old, *new, *[("ready",)] * 19, ("running",)), NOW)
    assert now.rate == pytest.approx(1.0)
    assert now.left == pytest.approx(timedelta(minutes=20), abs=timedelta(seconds=1))


def test_a_run_that_has_just_begun_is_not_measured_by_minutes_before_it():
    now = progress(jobs(*[("completed", 1, 0.5)] * 6, ("running",), ("ready",)), NOW)
    assert now.rate == pytest.approx(6.0)


def test_few_jobs_that_take_long_have_a_pace_too():
    now = progress(jobs(("completed", 120, 60), ("completed", 60, 30), ("running",)), NOW)
    assert now.rate == pytest.approx(2 / 120)
    assert now.left == timedelta(hours=1)


def test_what_is_not_known_is_not_told():
    assert progress(jobs(("running",), ("ready",)), NOW).rate is None
    assert progress(jobs(("completed", 1, 0.5), ("ready",)), NOW).left is None  # nothing runs
    none = progress(jobs(), NOW)
    assert (none.jobs, none.counts, none.rate, none.is_over) == (0, {}, None, False)


def test_clocks_that_are_ahead_make_no_nonsense():
    now = progress(jobs(("completed", -4, -5), ("running",)), NOW)
    assert now.rate == pytest.approx(1.0)


def test_the_last_failures_come_first_and_are_few():
    rows = [("failed", 20 - at, 19 - at, at + 1) for at in range(8)] + [
        ("done", 1, 0.5, 0),
        ("done", 1, 0.1, 9),
    ]
    now = progress(jobs(*rows), NOW)
    assert now.failed == 9
    assert [one.return_code for one in now.failures] == [9, 8, 7, 6, 5]
    assert now.failures[0].job_key == "10"


STATUSES = st.sampled_from(["completed", "failed", "running", "ready", "blocked", "canceled", "done", "new"])


@given(st.lists(st.tuples(STATUSES, st.floats(0, 1e4), st.floats(-10, 1e4)), max_size=12))
def test_any_jobs_make_sense(drawn):
    rows = [
        (status, max(start, end), end) if status in ("completed", "failed", "done") else (status,)
        for status, start, end in drawn
    ]
    now = progress(jobs(*rows), NOW)
    assert sum(now.counts.values()) == now.jobs == len(rows)
    assert 0 <= now.ended <= now.jobs
    assert now.rate is None or now.rate > 0
    assert now.left is None or now.left >= timedelta(0)


def pushed(client, count=4, command="exit 0"):
    wf = client.create_workflow("watched")
    wf.push(tf.grid(n=list(range(count))), command=command)
    return wf


def test_a_file_that_did_not_change_costs_one_look_at_its_rev(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"))
    reader = JobReader(wf)
    assert len(reader.read()) == 4
    before = reader.requests
    assert [reader.read() for _ in range(5)] == [None] * 5
    assert reader.requests == before + 5
    wf.run(workers=1)
    assert reader.read()["status"].tolist() == ["completed"] * 4


def test_a_server_is_asked_little(torc_server):
    wf = pushed(tf.connect(torc_server.url), 50)
    reader = JobReader(wf)
    assert len(reader.read()) == 50
    first = reader.requests
    assert len(reader.read()) == 50
    assert reader.requests == 2 * first
    assert first <= 7
    watch = Watch(wf, lambda state: None)
    assert watch._pace.shortest >= 1


def test_what_is_refreshed_is_not_what_a_monitor_read(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"))
    table = wf.table()
    JobReader(wf).read()
    assert list(wf.refresh().frame) == list(table)


def test_a_failure_is_told_with_the_last_lines_of_its_stderr(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 1, "echo first >&2; echo '<b>boom</b>' >&2; exit 3")
    wf.run(workers=1)
    monitor = Monitor(wf)
    assert monitor.watch.state.messages == {"1": "first\n<b>boom</b>"}
    html = monitor._repr_mimebundle_()[0]["text/html"]
    assert "&lt;b&gt;boom&lt;/b&gt;" in html
    assert "<b>boom" not in html
    assert monitor.progress.failures[0].return_code == 3
    answers = said(monitor, op="writtenby", id="7", job="1")
    assert answers == [{"kind": "answer", "id": "7", "texts": {"stderr": "first\n<b>boom</b>"}}]
    assert monitor.selected == "1"


def test_a_failure_of_a_function_is_told_with_its_error(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("mapped")
    with ThreadPoolExecutor() as threads, pytest.warns(tf.TorcFramesWarning):
        wf.map(not_three, tf.grid(n=[2, 3]), threads)
    monitor = Monitor(wf)
    assert monitor.watch.state.messages == {"2": "ValueError: three is\nnot taken"}
    [answer] = said(monitor, op="writtenby", id="1", job="2")
    assert "in not_three" in answer["texts"]["traceback"]


def test_what_is_not_known_of_a_failure_is_said_so(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 1, "echo boom >&2; exit 1")
    summary = wf.run(workers=1, output_dir=tmp_path / "elsewhere")
    summary.failures[0].stderr.unlink()
    monitor = Monitor(wf)
    assert monitor.watch.state.messages == {"1": ""}
    assert said(monitor, op="writtenby", id="1", job="1")[0]["texts"] == {}


def test_it_takes_the_handle_of_a_run(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 2, "true")
    run = wf.start(workers=2)
    monitor = Monitor(run)
    run.wait(60)
    assert monitor.watch.join(20)
    assert monitor.progress.counts == {"completed": 2}


def test_it_watches_a_run_and_stops_by_itself(tmp_path):
    # Each job waits until jobs were seen to run after the one two before it had ended.
    last = tmp_path / "seen"
    waits = f"until [ $(cat {last} || echo -9) -ge $((TORC_JOB_KEY - 2)) ]; do sleep 0.02; done"
    wf = pushed(tf.connect(tmp_path / "study.db"), 6, waits)
    seen = []

    def see(state):
        seen.append(state)
        if state.progress.running:
            last.write_text(str(state.progress.ended))

    watch = Watch(wf, see, cheap=QUICK)
    watch.start()
    wf.run(workers=2)
    assert watch.join(20)
    assert watch.state.progress.counts == {"completed": 6}
    assert (watch.state.watching, watch.state.told) == (False, "all jobs have ended")
    assert any(state.progress.running for state in seen)
    assert len({state.progress.ended for state in seen}) > 2


def test_it_stops_when_nothing_runs(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"))
    watch = Watch(wf, lambda state: None, idle=0.2, cheap=QUICK)
    watch.start()
    assert watch.join(20)
    assert watch.state.told == "nothing was seen to run for 1 s"
    watch.start()
    assert watch.state.watching
    watch.stop()
    assert watch.join(20)
    assert watch.state.told == "stopped"


def test_jobs_that_run_again_are_watched_again(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 2)
    wf.run(workers=1)
    watch = Watch(wf, lambda state: None, idle=30, cheap=QUICK)
    watch.start()
    time.sleep(0.2)
    assert watch.state.watching  # all have ended, as they had before: somebody may run them again
    wf.run(workers=1, rerun="all")
    wait_until(lambda: watch.state.progress.is_over, "the end")
    watch.stop()
    assert watch.join(20)


def test_a_server_that_is_gone_is_told_and_asked_less_and_less(fresh_server):
    wf = pushed(tf.connect(fresh_server.url, timeout=2))
    watch = Watch(wf, lambda state: None, server=Pace(0.05, 0.1, after_errors=0.4))
    watch.start()
    fresh_server.stop()
    wait_until(lambda: watch.state.error, "an error", 60)
    assert watch.state.watching
    assert watch.state.progress.jobs == 4  # what was seen stays
    fresh_server.restart()
    wait_until(lambda: not watch.state.error, "the server's return", 60)
    watch.stop()
    assert watch.join(60)


def test_a_workflow_that_is_deleted_ends_it(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    wf = pushed(client)
    watch = Watch(wf, lambda state: None, cheap=QUICK)
    watch.start()
    client.delete_workflow(wf.key)
    assert watch.join(20)
    assert watch.state.told == "the workflow is gone"
    assert "no workflow key" in watch.state.error


def test_closed_it_looks_no_longer_and_leaves_no_thread(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"))
    before = threading.active_count()
    monitors = [Monitor(wf) for _ in range(3)]
    assert all(monitor.watching for monitor in monitors)
    assert threading.active_count() == before + 3
    for monitor in monitors:
        monitor.start()  # twice is once
        monitor.close()
        assert monitor.watch.join(20)
    assert threading.active_count() == before


def said(monitor, **message):
    """What a monitor says because of a message from its page, but for what it shows anyway."""
    told = []
    monitor.send = lambda content, buffers=None: told.append(content)
    monitor._on_message(monitor, message, [])
    del monitor.send
    return [one for one in told if one["kind"] != "state"]


def test_its_page_pauses_and_goes_on_watching(tmp_path):
    monitor = Monitor(pushed(tf.connect(tmp_path / "study.db")))
    assert said(monitor, op="follow", on=False) == []
    assert not monitor.watching
    said(monitor, op="follow", on=True)
    assert monitor.watching
    monitor.close()


def test_what_it_shows_is_observed(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 2)
    monitor = Monitor(wf)
    seen = []
    monitor.observe(lambda change: seen.append(change["new"]), "value")
    wf.run(workers=1)
    assert monitor.watch.join(20)
    assert seen[-1] == monitor.value == {"completed": 2}
    with pytest.raises(tf.FixedAttributeError):
        monitor.value = {}


def test_what_is_to_be_cancelled_is_told_before_and_then_cancelled(tmp_path):
    wf = pushed(
        tf.connect(tmp_path / "study.db"),
        5,
        f"if [ {{n}} = 0 ]; then exit 0; fi; touch {tmp_path}/{{n}}; sleep 100",
    )
    run = wf.start(workers=2)
    wait_until(lambda: (tmp_path / "1").exists() and (tmp_path / "2").exists(), "two jobs to run")
    monitor = Monitor(run)
    [asked] = said(monitor, op="intended", id="1")
    assert asked["runs"] == [run.id]
    assert "end 2 running jobs, 2 waiting are not started" in asked["text"]
    assert asked["does"] == "End 2 running jobs"
    said(monitor, op="endruns", runs=asked["runs"])
    wait_until(lambda: not monitor._ending.is_busy, "the end")
    assert run.cancelled()
    assert monitor.value == {"completed": 1, "ready": 4}
    [again] = said(monitor, op="intended", id="2")
    assert again["runs"] == []
    assert "No run of torc_frames goes on" in again["text"]
    [note] = said(monitor, op="endruns", runs=asked["runs"])
    assert (note["tone"], note["text"]) == ("error", "the run has ended meanwhile: nothing was cancelled")
    monitor.close()


def test_a_run_of_some_jobs_cancels_those_alone(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 4, f"touch {tmp_path}/{{n}}; sleep 100")
    run = wf.start(jobs=["1", "2"], workers=1)
    wait_until(lambda: (tmp_path / "0").exists(), "a job to run")
    monitor = Monitor(wf)
    [asked] = said(monitor, op="intended", id="1")
    assert "end 1 running job, 1 waiting is not started" in asked["text"]
    monitor.close()
    run.cancel()


def test_it_shows_no_markup_of_others(tmp_path):
    wf = tf.connect(tmp_path / "study.db").create_workflow("<script>alert(1)</script>")
    wf.push(tf.grid(n=[0, 1]), command="exit {n}", name="<i>{n}</i>")
    wf.run(workers=1)
    monitor = Monitor(wf)
    assert repr(monitor) == "Monitor(workflow='1')"
    html = monitor._repr_mimebundle_()[0]["text/html"]
    assert "<script" not in html
    assert "<i>" not in html
    assert "2 of 2 jobs ended" in html
    assert not monitor.watching


def test_jobs_that_run_have_begun_when_they_were_first_seen(tmp_path):
    wf = pushed(tf.connect(tmp_path / "study.db"), 2, f"touch {tmp_path}/{{n}}; sleep 100")
    run = wf.start(workers=1)
    wait_until(lambda: (tmp_path / "0").exists(), "a job to run")
    watch = Watch(wf, lambda state: None)
    [running] = watch.state.progress.now_running
    assert running.job_key == "1"
    watch.look()
    assert watch.state.progress.now_running == (running,)
    assert watch.state.progress.began == running.start_time
    assert watch.course().iloc[-1].tolist()[1:] == [0, 0, 1, 1]
    run.cancel()


def test_what_began_before_a_pause_is_another_run():
    now = progress(
        jobs(("completed", 100, 90), ("completed", 30, 20), ("completed", 25, 15), ("failed", 10, 1)), NOW
    )
    assert now.began == NOW - timedelta(minutes=30)
    assert now.last == NOW - timedelta(minutes=1)


@given(st.lists(st.tuples(STATUSES, st.floats(0, 1e4), st.floats(-10, 1e4)), max_size=12))
def test_counts_over_time_are_of_all_jobs_and_end_as_they_are(drawn):
    rows = [
        (status, max(start, end), end)
        if status in ("completed", "failed")
        else (status, start, None, None)
        if status == "running"
        else (status,)
        for status, start, end in drawn
    ]
    table = jobs(*rows)
    went = course(table, NOW, most=9)
    assert len(went) <= 9
    assert (went.drop(columns="time") >= 0).all(axis=None)
    assert (went.drop(columns="time").sum(axis=1) == len(rows)).all()
    assert went["time"].is_monotonic_increasing
    if len(went):
        last = went.iloc[-1]
        for status in ("completed", "failed", "running"):
            assert last[status] == sum(row[0] == status for row in rows)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OPS = ["follow", "writtenby", "countsthen", "intended", "endruns", "open", "ping", "asset", "x"]
TEXTS = st.text(max_size=5)
FIELDS = {"op": st.sampled_from(OPS), "on": st.booleans(), "id": TEXTS, "job": TEXTS, "runs": st.lists(TEXTS)}
MESSAGES = ANYTHING | st.fixed_dictionaries(
    {}, optional={name: values | ANYTHING for name, values in FIELDS.items()}
)


@settings(max_examples=150)
@given(message=MESSAGES)
def test_whatever_a_page_sends_neither_raises_nor_changes_jobs(message, shared_monitor):
    before = shared_monitor.value
    said(shared_monitor, **message) if isinstance(message, dict) else shared_monitor._on_message(
        None, message, []
    )
    assert shared_monitor.value == before


@pytest.fixture(scope="module")
def shared_monitor(tmp_path_factory):
    wf = pushed(tf.connect(tmp_path_factory.mktemp("monitor") / "study.db"), 2, "exit {n}")
    wf.run(workers=1)
    with closing(Monitor(wf)) as monitor:
        yield monitor


@pytest.mark.parametrize("pace", [Pace(0.5, 2.0), Pace(2.0, 15.0)])
def test_it_looks_less_often_when_nothing_happens_or_looking_takes_long(pace):
    waited = [pace.shortest]
    for _ in range(9):
        waited.append(pace.next(waited[-1], 0.001, changed=False))
    assert waited == sorted(waited)
    assert waited[-1] == pace.longest
    assert pace.next(waited[-1], 0.001, changed=True) == pace.shortest
    assert pace.next(0.5, 3.0, changed=True) == pytest.approx(30)


def test_a_workflow_that_can_not_be_read_is_an_error_at_once(tmp_path):
    client = tf.connect(tmp_path / "study.db")
    wf = pushed(client)
    client.delete_workflow(wf.key)
    with pytest.raises(tf.NotFoundError):
        Monitor(wf)
