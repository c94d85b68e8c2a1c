"""`wf.run()` on the real torc-server: torc's own program runs the jobs, and we tell how it went."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from servers import TorcServer, need_binary, run_torc, wait_until, wipe
from stores import on_each_store, only

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.progress import Bar
from torc_frames.workflow.run.options import RunOptions
from torc_frames.workflow.run.torc import TorcRun
from torc_frames.workflow.run.torc_program import TorcProgram
from torc_frames.workflow.workflow import Workflow

RESOURCES = {"num_cpus": 1, "memory": "200m", "runtime": "PT5M"}
PATIENCE_S = 60


@pytest.fixture
def folder(clean_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, where jobs run; torc is on the PATH."""
    monkeypatch.setenv("PATH", f"{need_binary('torc').parent}{os.pathsep}{os.environ['PATH']}")
    return clean_folder


@pytest.fixture
def server(torc_server: TorcServer) -> TorcServer:
    wipe(torc_server)
    return torc_server


def workflow(server: TorcServer, monkeypatch: pytest.MonkeyPatch | None = None) -> Workflow:
    if monkeypatch is not None:
        for name, value in server.settings().items():
            monkeypatch.setenv(name, value)
    return tf.connect(server.url).create_workflow("by torc")


def push(
    wf: Workflow, codes: list[int], command: str = "echo said {code} >&2; exit {code}", **more
) -> pd.DataFrame:
    return wf.push(pd.DataFrame({"code": codes}), command=command, resources=RESOURCES, **more)


@pytest.fixture(params=["torc_server", "auth_server", "tls_server"])
def any_server(request: pytest.FixtureRequest) -> TorcServer:
    found: TorcServer = request.getfixturevalue(request.param)
    wipe(found)
    return found


def test_jobs_of_a_server_are_run_and_told_of_as_those_of_a_file(
    any_server: TorcServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wf = workflow(any_server, monkeypatch)
    jobs = push(wf, [0, 3])
    push(wf, [1], depends_on=[jobs.index[1]])
    summary = wf.run(workers=2)
    assert (summary.completed, summary.failed, summary.canceled, summary.not_run) == (1, 1, 1, 0)
    assert summary.output_dir == folder / "torc_output"
    [failure] = summary.failures
    assert (failure.job_key, failure.return_code) == (jobs.index[1], 3)
    assert failure.stderr.read_text() == "said 3\n"
    assert wf.jobs()["return_code"].tolist()[:2] == [0, 3]
    again = wf.run()
    assert (again.completed, again.failed, again.canceled) == (0, 0, 0)


def test_no_password_is_in_what_everybody_sees(
    auth_server: TorcServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wf = workflow(auth_server, monkeypatch)
    push(wf, [0], "cat /proc/[0-9]*/cmdline > seen 2>/dev/null; echo $TORC_PASSWORD > own; : {code}")
    assert wf.run().completed == 1
    assert auth_server.password is not None
    assert b"--output-dir" in (folder / "seen").read_bytes()
    assert auth_server.password.encode() not in (folder / "seen").read_bytes()
    assert (folder / "own").read_text().strip() == auth_server.password  # the job asks the server, too
    with pytest.raises(tf.TorcFramesError) as told:
        wf.run(slurm=True)
    assert auth_server.password not in str(told.value)


def test_a_password_for_another_server_is_not_given_to_torc(
    server: TorcServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wf = workflow(server)
    monkeypatch.setenv("TORC_API_URL", "http://other:1/torc-service/v1")
    monkeypatch.setenv("TORC_PASSWORD", "for another")
    push(wf, [0], "echo $TORC_API_URL $TORC_PASSWORD > own; : {code}")
    assert wf.run().completed == 1
    assert (folder / "own").read_text().strip() == server.url


def test_what_ended_runs_again_as_it_is_asked(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    push(wf, [0, 3], "test -e mended || exit {code}", outputs=True)
    assert wf.run().failed == 1
    (folder / "mended").touch()
    assert wf.run(rerun="failed").completed == 1
    stored = wf.jobs().index[0]
    wf.job(stored).store(done=True)
    assert wf.run(rerun="missing").completed == 1
    assert wf.run(rerun="all").completed == 2
    with pytest.warns(tf.TorcFramesWarning, match=r"1 new job.*wf\.run\(\), or `torc-frames run`, does both"):
        push(wf, [7])
    summary = wf.run()
    assert (summary.failed, summary.failures[0].return_code) == (1, 7)


def test_a_job_whose_parameters_changed_runs_again_and_no_other(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    push(wf, [1, 2], "true", outputs=True)
    assert wf.run().completed == 2
    edited = wf.parameters()
    edited.iloc[0, 0] = 5
    with pytest.warns(
        tf.TorcFramesWarning,
        match=r"1 job that changed.*wf\.run\(rerun='changed'\), or .* --rerun changed`, does both",
    ):
        wf.push(edited)
    assert wf.run().completed == 0
    assert wf.run(rerun="changed").completed == 1


def test_the_command_line_runs_them_too(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    push(wf, [0, 3])
    done = CliRunner().invoke(root, ["-u", server.url, "-k", wf.key, "run", "--workers", "1", "-f", "json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["completed"], told["failed"]) == (1, 1)
    assert Path(told["failures"][0]["stderr"]).read_text() == "said 3\n"


RUN = """
import sys, torc_frames as tf
tf.connect(sys.argv[1]).workflow(sys.argv[2]).run()
"""
SLEEP = "echo $$ > pid-{code}; if test -e quick; then exit 0; fi; setsid sleep 300 & sleep 300"


@pytest.fixture
def interrupted(server: TorcServer, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs jobs that take long, and has begun two of them."""
    wf = workflow(server)
    push(wf, [0, 1, 2, 3], SLEEP, name="sleep-{code}")
    process = subprocess.Popen([sys.executable, "-c", RUN, server.url, wf.key], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(list(folder.glob("pid-*"))) >= 2, "the first jobs", PATIENCE_S)
        yield process
    finally:
        process.kill()
        process.wait()


def is_there(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_torc_and_its_jobs_and_they_run_again(
    server: TorcServer, folder: Path, interrupted: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    pids = [int((file).read_text()) for file in folder.glob("pid-*")]
    interrupted.send_signal(number)
    assert interrupted.wait(PATIENCE_S) == (-number if number == signal.SIGTERM else -signal.SIGINT)
    [key] = tf.connect(server.url).workflows().index
    wf = tf.connect(server.url).workflow(key)
    assert wf.jobs()["status"].tolist() == ["ready"] * 4
    assert not any(map(is_there, pids))
    assert not [
        node for node in server.call("GET", f"/compute_nodes?workflow_id={key}")["items"] if node["is_active"]
    ]
    (folder / "quick").touch()
    assert wf.run().completed == 4


def test_jobs_of_another_runner_stay_its_own(
    server: TorcServer, folder: Path, interrupted: subprocess.Popen[bytes]
) -> None:
    [key] = tf.connect(server.url).workflows().index
    wf = tf.connect(server.url).workflow(key)
    others = TorcProgram(wf._store).started("run", key, "--max-parallel-jobs", "1", "--output-dir", "other")
    running = others.__enter__()
    wait_until(lambda: len(list(folder.glob("pid-*"))) >= 3, "a job of the other", PATIENCE_S)
    interrupted.send_signal(signal.SIGINT)
    interrupted.wait(PATIENCE_S)
    assert wf.jobs()["status"].value_counts().to_dict() == {"ready": 3, "running": 1}
    assert not running.ended(0)
    with pytest.raises(tf.TorcFramesError, match="ended with code -2"):
        others.__exit__(None, None, None)


def test_a_server_that_goes_away_is_an_error_with_what_torc_says(
    fresh_server: TorcServer, folder: Path
) -> None:
    wf = workflow(fresh_server)
    push(wf, [0])
    call = TorcRun(wf._store, wf.key, RunOptions(output_dir=folder), "")
    fresh_server.stop()
    with pytest.raises(tf.TorcFramesError, match=r"`torc jobs list 1` ended with code 1: .*(rror|refused)"):
        call.torc.call("jobs", "list", wf.key)


def test_where_torc_is_not_that_is_said_and_how_to_get_it(
    server: TorcServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wf = workflow(server)
    push(wf, [0])
    other = folder / "bin" / "torc"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho torc of somebody else\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}/bin")
    monkeypatch.setenv("HOME", str(folder))
    with pytest.raises(tf.RefusedError, match=r"not on the PATH.*cargo install torc"):
        wf.run()
    monkeypatch.setenv("TORC_SERVER_BIN", str(need_binary("torc-server")))
    assert wf.run().completed == 1


def test_options_that_make_no_sense_are_refused_and_nothing_runs(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    push(wf, [0])
    for options, told in (
        ({"workers": 0}, "whole number from 1 on"),
        ({"rerun": "some"}, "rerun is one of"),
        ({"workers": 2, "slurm": True}, "workers= is for a run on this machine"),
        ({"slurm": {"-x": 1}}, "is no option"),
        ({"slurm": {"account": ["a"]}}, "is no option"),
        ({"slurm": "account"}, "slurm is True, or a dict"),
    ):
        with pytest.raises(tf.RefusedError, match=told):
            wf.run(**options)
    assert wf.jobs()["status"].tolist() == ["uninitialized"]


def test_jobs_that_can_not_run_here_are_told_at_once(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    large = wf.push(pd.DataFrame({"n": [1]}), command="true", resources={**RESOURCES, "memory": "900t"})
    with pytest.raises(tf.RefusedError, match=rf"job {large.index[0]} \(job_1\) needs memory=900t"):
        wf.run()
    push(wf, [0], depends_on=[])
    call = TorcRun(wf._store, wf.key, RunOptions(workers=2), "")
    with pytest.warns(tf.TorcFramesWarning, match="1 job can't run here: job 1 .*900t"):
        call.check(call.waiting(call.prepared()))


def test_a_command_is_changed_after_what_the_refusal_says(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    jobs = push(wf, [0, 0], command="exit {code}", on_exists="append")
    wf.run()
    jobs.loc[jobs.index[1], "code"] = 3
    with (
        pytest.warns(tf.TorcFramesWarning),
        pytest.raises(tf.RefusedError, match="it is completed") as caught,
    ):
        wf.push(jobs, command="exit {code}")
    assert wf.plan(wf.parameters()).cells.empty
    told = str(caught.value).split("`")[1]
    assert told == f"torc jobs reset-status {jobs.index[1]} --no-prompts"
    run_torc(server, *told.split()[1:], directory=folder)
    wf.push(jobs.iloc[1:], command="exit {code}")
    assert wf.run().failed == 1
    assert wf.jobs()[["return_code", "run_id"]].to_numpy().tolist() == [[0, 1], [3, 2]]


def test_a_canceled_workflow_is_run_after_what_the_refusal_says(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    push(wf, [0])
    run_torc(server, "cancel", wf.key, "--no-prompts", directory=folder)
    with pytest.raises(tf.RefusedError, match=r"was canceled") as caught:
        wf.run()
    run_torc(server, *str(caught.value).split("`")[1].split()[1:], directory=folder)
    assert wf.run().completed == 1


def test_why_torc_failed_a_job_that_said_nothing_is_told(server: TorcServer, folder: Path) -> None:
    key = tf.connect(server.url).create_workflow("no output").key
    file = {"workflow_id": int(key), "name": "made", "path": str(folder / "never.csv")}
    made = server.call("POST", "/files", json=file)["id"]
    job = {"workflow_id": int(key), "name": "silent", "command": "true", "output_file_ids": [made]}
    server.call("POST", "/jobs", json=job)
    done = CliRunner().invoke(root, ["-u", server.url, "-k", key, "run"])
    assert done.exit_code == 1
    assert "(silent) failed with return code 1" in done.output
    assert f"expected output files are missing: {folder / 'never.csv'}" in done.output


def test_jobs_for_other_runners_are_told_before_torc_waits_for_them(server: TorcServer, folder: Path) -> None:
    wf = workflow(server)
    key = int(wf.key)
    group = {"workflow_id": key, "name": "wide", "num_nodes": 4, "memory": "1g", "runtime": "PT1M"}
    wide = server.call("POST", "/resource_requirements", json=group)["id"]
    job = {"workflow_id": key, "command": "true"}
    server.call("POST", "/jobs", json={**job, "name": "mpi", "resource_requirements_id": wide})
    server.call("POST", "/jobs", json={**job, "name": "render", "labels": ["gpu", "a b"]})
    with pytest.raises(tf.RefusedError) as caught:
        wf.run()
    reasons = [problem.reason for problem in caught.value.problems]
    assert "(mpi) needs num_nodes=4, and this is one machine" in reasons[0]
    assert f"(render) is for a runner of its labels (`torc run {key} --label 'a b,gpu'`)" in reasons[1]


class Counted(Bar):
    def __init__(self) -> None:
        self.count = 0

    def update(self, n: int = 1) -> None:
        self.count += n


def test_the_bar_counts_the_jobs_that_end(server: TorcServer, folder: Path) -> None:
    wf, bar = workflow(server), Counted()
    push(wf, [0, 3, 4])
    run = TorcRun(wf._store, wf.key, RunOptions(output_dir=folder), "test")
    run.work(run.prepared(), bar)
    assert bar.count == 3


def test_slurm_is_torcs_own_to_submit_to_and_its_options_are_handed_through(
    server: TorcServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wf = workflow(server)
    push(wf, [0])
    with pytest.raises(tf.TorcFramesError, match=r"`torc submit .*has no schedule_nodes action"):
        wf.run(slurm=True)
    with pytest.raises(tf.TorcFramesError, match="unexpected argument '--nothing'"):
        wf.run(slurm={"nothing": 1})
    with caplog.at_level("INFO", logger="torc_frames"):
        summary = wf.run(slurm={"account": "a b", "profile": "kestrel", "dry_run": True})
    assert (summary.not_run, summary.completed) == (1, 0)
    assert "a b" in caplog.text


@on_each_store
def test_jobs_of_other_stores_are_run_as_before_or_not_at_all(store, store_kind) -> None:
    wf = Workflow(store, store.add_workflow("others"))
    only(store_kind.server != "torc_server", "torc runs its jobs")
    with pytest.raises(tf.RefusedError, match=r"leave it out|are not run from here"):
        wf.run(slurm=True)


def test_a_job_of_torc_logs_and_saves_below_the_base_and_its_next_run_begins_anew(
    server: TorcServer, folder: Path
) -> None:
    (folder / "train.py").write_text(
        "import numpy as np\nimport torc_frames as tf\njob = tf.current_job()\n"
        "for epoch in range(2):\n    job.log(epoch=epoch, run=job.run_id)\n"
        "job.store(curve=tf.Pointer.save(np.ones(2), 'study/out'))\n"
    )
    wf = tf.connect(server.url, base=folder / "study").create_workflow("by torc")
    push(wf, [0], f"{sys.executable} train.py")
    for run in (1, 2):
        assert wf.run(workers=1, rerun="all").completed == 1
        assert wf.curves()[["epoch", "run"]].to_numpy().tolist() == [[0, run], [1, run]]
    assert wf.results()["curve.relative"].str.startswith("out/job-").all()
    (folder / "study").rename(folder / "moved")
    assert wf.load("curve", base=folder / "moved", on_missing="raise")["value"].tolist() == [1.0, 1.0]
