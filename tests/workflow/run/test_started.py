"""Runs in processes of their own: found again, waited for, canceled, and never a job twice."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mapped
import pandas as pd
import pytest
from click.testing import CliRunner
from places import REPOSITORY
from servers import TorcServer, need_binary, wait_until, wipe
from services import Service
from stores import wipe_service

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.run import detached
from torc_frames.workflow.run.handle import handles
from torc_frames.workflow.run.processes import MARK
from torc_frames.workflow.workflow import Workflow

PATIENCE_S = 60


@pytest.fixture
def wf(clean_folder: Path) -> Iterator[Workflow]:
    wf = tf.connect("study.db").create_workflow("started")
    yield wf
    for run in wf.running():
        if run.log is not None:
            run.cancel()


def push(wf: Workflow, jobs: int, command: str, **more: object) -> list[str]:
    return list(wf.push(tf.grid(n=list(range(jobs))), command=command, **more).index)


def until(path: str) -> str:
    return f"until [ -e {path} ]; do sleep 0.02; done"


def statuses(wf: Workflow) -> dict[str, int]:
    return {str(status): int(count) for status, count in wf.jobs()["status"].value_counts().items()}


def test_it_returns_at_once_and_tells_how_far_it_is(wf: Workflow) -> None:
    push(wf, 3, until("go"))
    run = wf.start(workers=2)
    wait_until(lambda: statuses(wf) == {"running": 2, "ready": 1}, "two jobs that run", PATIENCE_S)
    now = run.status()
    assert (now.state, now.counts) == ("running", {"running": 2, "ready": 1})
    assert (run.running(), run.done(), run.cancelled()) == (True, False, False)
    with pytest.raises(TimeoutError, match=r"not ended within 0\.05 seconds; it goes on"):
        run.wait(0.05)
    Path("go").touch()
    summary = run.wait(PATIENCE_S)
    assert (summary.completed, summary.failed) == (3, 0)
    assert (run.done(), run.exception(), run.result()) == (True, None, summary)
    assert run.status().state == "finished"
    assert run.cancel() is False


def test_jobs_come_as_they_end_and_what_run_warns_of_does_wait(wf: Workflow) -> None:
    push(wf, 3, "test {n} = 0 || " + until("go-{n}") + "; exit {n}")
    run = wf.start(workers=3)
    ended = run.as_completed(PATIENCE_S)
    assert next(ended).key == "1"
    Path("go-2").touch()
    third = next(ended)
    assert (third.key, third.status) == ("3", "failed")
    Path("go-1").touch()
    assert [job.key for job in ended] == ["2"]
    with pytest.warns(tf.FailedJobsWarning, match="2 jobs failed"):
        summary = run.wait(PATIENCE_S)
    assert sorted(failure.return_code for failure in summary.failures) == [1, 2]
    assert sorted(job.key for job in wf.start().as_completed(PATIENCE_S)) == []


KERNEL = """
import sys, time, torc_frames as tf
run = tf.connect("study.db").workflow(sys.argv[1]).start(workers=2)
print(run.id, flush=True)
time.sleep(600)
"""


def kernel(wf: Workflow) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KERNEL, wf.key]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_it_outlives_the_process_that_started_it_and_is_found_by_another(wf: Workflow) -> None:
    push(wf, 4, until("go"))
    with kernel(wf) as process:
        assert process.stdout is not None
        started = process.stdout.readline().strip()
        wait_until(lambda: statuses(wf).get("running") == 2, "two jobs that run", PATIENCE_S)
        os.killpg(process.pid, signal.SIGKILL)
    [run] = wf.running()
    assert run.id == started
    Path("go").touch()
    assert run.wait(PATIENCE_S).completed == 4
    assert wf.running() == []
    assert wf.runs()["run_id"].tolist() == [1] * 4


@pytest.mark.filterwarnings("ignore:.* left to other runners")
def test_two_of_them_run_no_job_twice(wf: Workflow) -> None:
    push(wf, 40, "echo {n} >> ran")
    runs = [wf.start(workers=4) for _ in range(2)]
    assert len({run.id for run in runs}) == 2
    with concurrent.futures.ThreadPoolExecutor() as threads:
        summaries = list(threads.map(lambda run: run.wait(PATIENCE_S), runs))
    assert sum(summary.completed for summary in summaries) == 40
    assert sorted(map(int, Path("ran").read_text().split())) == list(range(40))
    mine = [{job.key for job in run.as_completed(PATIENCE_S)} for run in runs]
    assert len(mine[0]) + len(mine[1]) == 40 == len(mine[0] | mine[1])


def test_a_canceled_run_gives_its_jobs_back_and_ends_what_they_started(wf: Workflow) -> None:
    push(wf, 3, "echo $$ > pid-{n}; sleep 600")
    run = wf.start(workers=2)
    wait_until(lambda: len(list(Path().glob("pid-*"))) == 2, "two jobs", PATIENCE_S)
    assert run.cancel(PATIENCE_S) is True
    assert statuses(wf) == {"ready": 3}
    assert (run.status().state, run.cancelled()) == ("canceled", True)
    with pytest.raises(concurrent.futures.CancelledError, match="ready again"):
        run.wait()
    assert isinstance(run.exception(), tf.RunCanceledError)
    for file in Path().glob("pid-*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


def test_a_run_that_is_killed_says_so_and_the_next_one_goes_on(wf: Workflow) -> None:
    push(wf, 2, "test -e second || " + until("never"))
    run = wf.start(workers=1)
    wait_until(lambda: statuses(wf).get("running") == 1, "a job that runs", PATIENCE_S)
    os.kill(int(run._call.runner.split(":")[2]), signal.SIGKILL)
    with pytest.raises(tf.RunFailedError, match="ended without a word"):
        run.wait(PATIENCE_S)
    assert run.status().state == "killed"
    assert wf.running() == []
    Path("second").touch()
    assert wf.start(workers=2).wait(PATIENCE_S).completed == 2


def test_a_runner_that_fails_at_once_says_why(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    push(wf, 1, "true")
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))  # without a shell
    run = wf.start()
    with pytest.raises(tf.RunFailedError, match="RefusedError: neither bash nor sh is on the PATH"):
        run.wait(PATIENCE_S)
    assert isinstance(run.exception(), tf.RunFailedError)
    assert statuses(wf) == {"ready": 1}
    (tmp_path / "path" / "sitecustomize.py").write_text("raise SystemExit('no such module')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    with pytest.raises(tf.RunFailedError, match=r"ended without a word(.|\n)*no such module"):
        wf.start().wait(PATIENCE_S)


def test_what_run_refuses_is_not_started(wf: Workflow) -> None:
    push(wf, 1, "true", resources={"num_cpus": 3})
    Path("taken").touch()
    for options, told in (
        ({"workers": 2}, "needs num_cpus=3"),
        ({"workers": 0}, "whole number"),
        ({"timeout": "soon"}, "number of seconds"),
        ({"timeout": -1}, "number of seconds"),
        ({"retries": -1}, "retries"),
        ({"retries": 0.5}, "retries"),
        ({"where": "params.m > 1"}, "where="),
        ({"jobs": ["9"]}, "no job key 9"),
        ({"jobs": tf.grid(n=[1])}, "job_key"),
        (
            {"output_dir": "taken", "workers": 3},
            "no folder for output at .*taken' .File exists.*another output_dir",
        ),
        ({"output_dir": "a\0b", "workers": 3}, "no folder for output"),
    ):
        with pytest.raises((tf.RefusedError, tf.NotFoundError), match=told):
            wf.start(**options)  # type: ignore[arg-type]
        with pytest.raises((tf.RefusedError, tf.NotFoundError), match=told):
            wf.run(**options)  # type: ignore[arg-type]
    assert handles(wf._store, wf.key, over=True) == []


def test_a_run_of_this_very_process_is_found_and_interrupted_as_by_ctrl_c(wf: Workflow) -> None:
    push(wf, 1, "touch runs; sleep 600")
    code = "import sys, torc_frames as tf; tf.connect('study.db').workflow(sys.argv[1]).run()"
    with subprocess.Popen([sys.executable, "-c", code, wf.key], stderr=subprocess.PIPE) as process:
        wait_until(Path("runs").exists, "the job", PATIENCE_S)
        [run] = wf.running()
        assert run.log is None
        assert run.cancel(PATIENCE_S)
        assert process.stderr is not None
        assert b"KeyboardInterrupt" in process.stderr.read()
    assert statuses(wf) == {"ready": 1}
    assert run.cancelled()


@pytest.mark.parametrize("how", ["run", "start"])
def test_jobs_are_chosen_by_keys_frames_and_texts(wf: Workflow, how: str) -> None:
    keys = push(wf, 5, "echo {n} >> ran")

    def ran(**options: object) -> list[int]:
        Path("ran").write_text("")
        summary = wf.run(**options) if how == "run" else wf.start(**options).wait(PATIENCE_S)  # type: ignore[arg-type]
        numbers = sorted(map(int, Path("ran").read_text().split()))
        assert (summary.completed, summary.not_run) == (len(numbers), 0)
        return numbers

    assert ran(jobs=keys[0]) == [0]
    assert ran(jobs=[int(keys[0]), wf.job(keys[1])]) == [1]
    table = wf.table()
    assert ran(jobs=table[table["params.n"] >= 3], where="params.n < 4") == [3]
    assert ran(jobs=table.index[3:], rerun="all") == [3, 4]
    assert ran(jobs=wf.jobs()["status"].loc[keys[2:3]]) == [2]
    assert ran() == []


def test_jobs_that_were_not_chosen_stay_as_they_are(wf: Workflow) -> None:
    first = push(wf, 2, "exit {n}")
    wf.push(tf.grid(m=[1]), command="true", depends_on=first[:1])
    assert wf.run(jobs=first).completed == 1
    assert wf.jobs()["status"].tolist() == ["completed", "failed", "ready"]
    assert wf.run(jobs=[], rerun="all").completed == 0
    assert wf.jobs()["status"].tolist() == ["completed", "failed", "ready"]


def test_a_job_that_fails_is_tried_again_and_each_try_is_a_run(wf: Workflow) -> None:
    flaky = wf.add_job("flaky", command="echo x >> tries; test $(wc -l < tries) -gt 2")
    broken = wf.add_job("broken", command="false")
    for job in (flaky, broken):
        wf.add_job(f"after {job.name}", command="true", depends_on=job.key)
    summary = wf.run(workers=2, retries=2)
    assert (summary.completed, summary.failed, summary.canceled) == (2, 1, 1)
    assert [failure.job_key for failure in summary.failures] == [broken.key]
    runs = wf.runs().groupby("job_key")[["run_id", "return_code"]].agg(list)
    assert runs.loc["1"].tolist() == [[1, 2, 3], [1, 1, 0]]
    assert runs.loc["2"].tolist() == [[1, 2, 3], [1, 1, 1]]
    assert wf.jobs()["status"].tolist() == ["completed", "failed", "completed", "canceled"]


def test_tries_of_a_started_run_come_once(wf: Workflow) -> None:
    wf.add_job("flaky", command="test -e tried || { touch tried; exit 1; }")
    run = wf.start(retries=3)
    assert [(job.key, job.status, job.run_id) for job in run.as_completed(PATIENCE_S)] == [
        ("1", "completed", 2)
    ]
    assert run.wait().failed == 0


@pytest.mark.parametrize("timeout", [0.3, "PT0.3S"])
def test_a_job_is_held_to_the_timeout_and_to_its_own_runtime(wf: Workflow, timeout: float | str) -> None:
    wf.push(tf.grid(m=[1]), command="sleep 600")
    push(wf, 1, "sleep 600", resources={"runtime": "PT0.2S"})
    began = time.monotonic()
    summary = wf.run(workers=4, timeout=timeout)
    assert time.monotonic() - began < 30
    assert {failure.return_code for failure in summary.failures} == {152}
    reasons = {failure.job_key: failure.reason for failure in summary.failures}
    assert "timeout of 0.3 seconds" in reasons["1"]
    assert "runtime of PT0.2S" in reasons["2"]


def test_a_function_that_can_be_imported_goes_on_by_itself(
    wf: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    run = wf.map(mapped.not_three, tf.grid(n=[2, 3]), wait=False, workers=2)
    with pytest.warns(tf.FailedJobsWarning, match=r"1 job failed \(2\): .*not taken"):
        assert run.wait(PATIENCE_S).completed == 1
    assert wf.table()["results.error.type"].tolist()[1] == "ValueError"
    assert "ValueError: three is" in wf.job(2).stderr
    for function, more, told in (
        (lambda n: {}, {}, "jobs that go on by themselves import the function"),
        (mapped.not_three, {"executor": concurrent.futures.ThreadPoolExecutor()}, "leave the executor out"),
    ):
        with pytest.raises(tf.RefusedError, match=told):
            wf.map(function, tf.grid(n=[4]), wait=False, **more)
    assert len(wf.jobs()) == 2


def shell(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(root, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def test_the_command_line_detaches_lists_waits_and_cancels(wf: Workflow) -> None:
    push(wf, 2, until("go"))
    of = ("-u", "study.db", "-k", wf.key)
    code, out, err = shell(*of, "run", "--detach", "--workers", "2")
    run = out.strip()
    assert code == 0
    assert f"runs wait {run}" in err
    assert "process " in err
    listed = json.loads(shell(*of, "-f", "json", "runs", "list")[1])
    assert [row["run"] for row in listed] == [run]
    assert pd.Timestamp(listed[0]["started"]).tz is not None
    assert shell(*of, "runs", "cancel", run[:4])[1] == f"{run} canceled\n"
    assert "no run of workflow 1 goes on" in shell(*of, "runs", "cancel")[2]
    assert json.loads(shell(*of, "-f", "json", "runs", "list")[1]) == []
    assert json.loads(shell(*of, "-f", "json", "runs", "list", "--all")[1])[0]["state"] == "canceled"
    for given in (["wait", "zz"], ["cancel"]):
        code, _, err = shell(*of, "runs", *given)
        assert (code, "torc-frames runs list --all" in err) == (1, True)
    shell(*of, "run", "--detach", "--job", "1")
    Path("go").touch()
    assert shell(*of, "runs", "wait")[:2] == (0, "Jobs: 1 completed\n")
    assert shell(*of, "run", "--where", "params.n > 5")[1] == "Jobs: nothing to run\n"
    assert shell(*of, "run", "--timeout", "60", "--retries", "1")[1] == "Jobs: 1 completed\n"


@pytest.mark.parametrize("told", [b"", b'{"url": "study'])
def test_it_ends_by_itself_where_nobody_tells_it_what_to_do(wf: Workflow, told: bytes) -> None:
    process = detached._spawned(Path("log"), os.environ, wf._store.url, wf.key)
    process.communicate(told, timeout=PATIENCE_S)
    assert process.returncode == 0


def test_it_begins_though_another_process_holds_the_pipe_open(wf: Workflow) -> None:
    with detached._spawned(Path("log"), os.environ, wf._store.url, wf.key) as process:
        assert process.stdin is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        process.wait(PATIENCE_S)
        assert "KeyError" in Path("log").read_text()


def test_a_call_of_map_that_another_session_finds_has_a_summary(wf: Workflow) -> None:
    found = []

    def halved(n: int) -> dict[str, float]:
        found.extend(tf.connect("study.db").workflow(wf.key).running())
        return {"half": 1 / n}

    with concurrent.futures.ThreadPoolExecutor(1) as threads, pytest.warns(match="1 job failed"):
        wf.map(halved, tf.grid(n=[0, 1]), threads)
    run = found[0]
    with pytest.warns(tf.FailedJobsWarning, match="ZeroDivisionError"):
        summary = run.wait(PATIENCE_S)
    assert (run.status().state, summary.completed, summary.failed) == ("finished", 1, 1)
    assert [job.status for job in run.as_completed()] == ["failed", "completed"]


@pytest.mark.parametrize(
    "summary", [{}, {"failures": 3}, {"failures": [["1", None, "e", "no"]]}, {"failures": [[1, 1, 1, 1]]}]
)
def test_what_is_noted_as_a_summary_and_is_none_is_told(wf: Workflow, summary: dict[str, object]) -> None:
    store: Any = wf._store
    store.note_call(wf.key, "here:x:1:2", {"summary": summary}, ended="2026-01-01T00:00:00+00:00")
    with pytest.raises(tf.RunFailedError, match="noted of its end can not be read"):
        handles(store, wf.key, over=True)[0].wait()


def test_what_anybody_noted_can_not_control_a_terminal(wf: Workflow) -> None:
    error = {"type": "Error", "message": "\x1b[2Jgone\x07", "canceled": False}
    store: Any = wf._store
    store.note_call(wf.key, "\x1b[2J:\x07:1:2", {"error": error}, ended="2026-01-01T00:00:00+00:00")
    run = handles(store, wf.key, over=True)[0]
    with pytest.raises(tf.RunFailedError) as raised:
        run.wait()
    assert all(text.isprintable() for text in (str(raised.value), repr(run), run.id))


def test_a_run_whose_failed_job_was_deleted_is_waited_for_by_the_shell(wf: Workflow) -> None:
    push(wf, 1, "false")
    run = wf.start()
    assert run.exception(PATIENCE_S) is None
    wf.delete_jobs("1")
    told = CliRunner().invoke(root, ["-u", "study.db", "-k", wf.key, "runs", "wait", run.id])
    assert (told.exit_code, "job 1 (deleted since) failed" in told.stdout) == (1, True)


@pytest.fixture
def by_torc(torc_server: TorcServer, clean_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    wipe(torc_server)
    monkeypatch.setenv("PATH", f"{need_binary('torc').parent}{os.pathsep}{os.environ['PATH']}")
    return tf.connect(torc_server.url).create_workflow("by torc")


NEEDS = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}


def test_on_a_server_it_is_torc_that_goes_on(by_torc: Workflow) -> None:
    by_torc.push(tf.grid(n=[0, 3]), command=until("go") + "; exit {n}", resources=NEEDS)
    code = KERNEL.replace('"study.db"', repr(by_torc._store.url))
    command = [sys.executable, "-c", code, by_torc.key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        started = process.stdout.readline().strip()
        os.killpg(process.pid, signal.SIGKILL)
    [run] = tf.connect(by_torc._store.url).workflow(by_torc.key).running()
    assert (run.id, run.status().state) == (started, "running")
    Path("go").touch()
    assert sorted(job.status for job in run.as_completed(PATIENCE_S)) == ["completed", "failed"]
    with pytest.warns(tf.FailedJobsWarning):
        assert run.wait(PATIENCE_S).completed == 1
    assert by_torc.running() == []


def test_on_a_server_a_canceled_run_gives_its_jobs_back(
    by_torc: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_torc.push(tf.grid(n=[1]), command="touch begun; sleep 600", resources=NEEDS)
    monkeypatch.setenv(MARK, "of a job that starts it")
    run = by_torc.start()
    wait_until(Path("begun").exists, "the job", PATIENCE_S)
    environment = Path(f"/proc/{run._call.runner.split(':')[2]}/environ").read_bytes()
    assert MARK.encode() not in environment
    assert run.cancel(PATIENCE_S)
    assert statuses(by_torc) == {"ready": 1}
    assert run.cancelled()


def test_on_a_server_jobs_are_tried_again_and_chosen_as_far_as_torc_can(by_torc: Workflow) -> None:
    by_torc.push(tf.grid(n=[0, 1]), command="echo x >> tries-{n}; exit {n}", resources=NEEDS)
    for options, told in (
        ({"timeout": 5}, "torc holds each job to its own runtime"),
        ({"jobs": by_torc.jobs().index[:1]}, "torc runs all jobs that are ready, and can't leave out"),
        ({"where": "params.n > 0"}, "torc runs all jobs that are ready"),
    ):
        with pytest.raises(tf.RefusedError, match=told):
            by_torc.run(**options)  # type: ignore[arg-type]
        with pytest.raises(tf.RefusedError, match=told):
            by_torc.start(**options)  # type: ignore[arg-type]
    summary = by_torc.run(retries=1)
    assert (summary.completed, summary.failed) == (1, 1)
    assert [len(Path(f"tries-{n}").read_text().split()) for n in (0, 1)] == [1, 2]
    assert by_torc.run(where="params.n == 0", rerun="all").completed == 1
    assert [len(Path(f"tries-{n}").read_text().split()) for n in (0, 1)] == [2, 2]


def test_events_that_anybody_noted_are_no_obstacle(by_torc: Workflow, torc_server: TorcServer) -> None:
    by_torc.push(tf.grid(n=[0]), command="true", resources=NEEDS)
    for details in ({"jobs": [{}], "retries": "x"}, {"compute_nodes": [[1]]}, {"jobs": 3}, 5):
        data = {"category": "torc_frames", "runner": "here:x:1:2", "details": details}
        told = {"workflow_id": int(by_torc.key), "timestamp": 0, "data": data}
        torc_server.call("POST", "/events", json=told)
    [run] = by_torc.running()
    assert run.status().counts == {"uninitialized": 1}
    assert (len(by_torc.runs()), len(by_torc.logs())) == (0, 0)


def test_on_a_service_that_is_only_read_nothing_is_started(service: Service) -> None:
    wipe_service(service)
    with tf.connect(service.database) as client:
        client.create_workflow("read").add_job("a", command="true")
    wf = tf.connect(service.url).workflow(name="read")
    assert wf.running() == []
    assert len(wf.logs()) == 0
    with pytest.raises(tf.RefusedError, match="are not run from here"):
        wf.start()
