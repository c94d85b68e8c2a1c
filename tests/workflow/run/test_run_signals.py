"""What signals and kills do to runs: nothing of a job is left, and none runs twice side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import held
import pytest

from torc_frames.errors import TorcFramesWarning
from torc_frames.store.records import NewJobs
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run.processes import MARK, has_ended, mark_of
from torc_frames.workflow.run.runner import run
from torc_frames.workflow.run.signals import EndedBySignal, ended_by_signals

study = held.used_study

PYTHON = [sys.executable, "-c"]


@pytest.fixture
def folder(study: SQLiteStore, tmp_path: Path) -> Path:
    return tmp_path


def started(command: list[str], folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a run, and wait for its jobs."""
    process = held.start(command, folder, **variables)
    held.wait_until(lambda: len(held.lines(folder / "started")) == held.JOBS, "the jobs' start")
    return process


def add(store: SQLiteStore, *commands: str) -> list[str]:
    names = [f"more_{n}" for n in range(len(commands))]
    return store.add_jobs("1", NewJobs(names, commands, [None] * len(commands))).job_keys


def test_a_handler_of_the_user_s_stays_in_charge(study: SQLiteStore, folder: Path) -> None:
    body = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit('saved'))\n"
    process = started([*PYTHON, body + held.RUN], folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(held.PATIENCE_S) == 1
    assert "saved" in held.told(folder)
    assert held.statuses(study) == ["ready"] * held.JOBS
    assert held.holders(folder) == []


def test_a_hangup_that_is_ignored_stays_so(study: SQLiteStore, folder: Path) -> None:
    process = started(["nohup", *PYTHON, held.RUN], folder)
    process.send_signal(signal.SIGHUP)
    for pid in [line.split()[1] for line in held.lines(folder / "started")]:
        os.killpg(int(pid), signal.SIGKILL)
    assert process.wait(held.PATIENCE_S) == 0
    assert held.statuses(study) == ["failed"] * held.JOBS


def test_what_ends_all_processes_at_once_is_no_failure_of_jobs(study: SQLiteStore, folder: Path) -> None:
    process = started([*PYTHON, held.RUN], folder)
    pids = [int(line.split()[1]) for line in held.lines(folder / "started")]
    for pid in [*pids, process.pid]:
        os.killpg(pid, signal.SIGTERM)  # the jobs first, as Slurm may
    assert process.wait(held.PATIENCE_S) == -signal.SIGTERM
    assert held.statuses(study) == ["ready"] * held.JOBS
    assert held.holders(folder) == []


def test_a_job_that_somebody_ends_alone_has_failed(study: SQLiteStore, folder: Path) -> None:
    (folder / "quick").touch()
    add(study, "kill $$; sleep 60")
    assert run(study, "1", workers=1).failures[0].return_code == -signal.SIGTERM


def test_a_second_signal_does_not_stop_the_end(study: SQLiteStore, folder: Path) -> None:
    add(study, "trap '' TERM; exec 9>>lock-3; echo 3 $$ >> stubborn; while true; do sleep 0.1; done")
    process = started([*PYTHON, held.RUN.replace("workers=2", "workers=3")], folder)
    held.wait_until(lambda: held.lines(folder / "stubborn"), "the job's start")
    process.send_signal(signal.SIGTERM)
    held.wait_until(lambda: len(held.holders(folder)) <= 2, "the first jobs' end")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(held.PATIENCE_S) == -signal.SIGTERM
    assert held.statuses(study) == ["ready"] * 3
    assert held.holders(folder) == []


def test_handlers_are_put_back_and_only_the_main_thread_has_them(study: SQLiteStore, folder: Path) -> None:
    (folder / "quick").touch()
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with ended_by_signals(), ended_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    run(study, "1", workers=2)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before
    seen = []

    def inside() -> None:
        with ended_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == before[:1]


def test_a_signal_that_a_callback_swallowed_ends_the_run_too(study: SQLiteStore, folder: Path) -> None:
    body = """
import os, signal
from torc_frames.workflow.run import schedule
class Noisy:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
look = schedule.check_signals
def check():
    if os.path.exists("started") and not os.path.exists("sent"):
        open("sent", "w").close()
        Noisy()
    look()
schedule.check_signals = check
"""
    process = held.start([*PYTHON, body + held.RUN], folder)
    assert process.wait(held.PATIENCE_S) == -signal.SIGTERM
    assert "Exception ignored" in held.told(folder)
    assert held.statuses(study) == ["ready"] * held.JOBS


def test_the_first_process_of_a_container_ends_too(study: SQLiteStore, folder: Path) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespace can be made here: see test_run_namespaces.py")
    process = started([*unshare, *PYTHON, held.RUN], folder)
    [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    assert process.wait(held.PATIENCE_S) == 128 + signal.SIGTERM
    assert held.statuses(study) == ["ready"] * held.JOBS
    assert held.holders(folder) == []


def test_a_kernel_that_is_ended_ends_its_jobs(study: SQLiteStore, folder: Path) -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(folder), env=os.environ | {"PYTHONPATH": str(held.TESTS.parent)}
    )
    try:
        client.execute(held.RUN)
        held.wait_until(lambda: len(held.lines(folder / "started")) == held.JOBS, "the jobs' start")
        os.kill(manager.provisioner.process.pid, signal.SIGTERM)
        manager.provisioner.process.wait(held.PATIENCE_S)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    assert held.statuses(study) == ["ready"] * held.JOBS
    assert held.holders(folder) == []


# what a killed runner leaves


def left_by(process: subprocess.Popen[bytes], study: SQLiteStore) -> dict[str, str]:
    """Kill a runner, and return who ran which job."""
    runners = study.runners("1")
    process.kill()
    process.wait()
    held.wait_until(lambda: all(map(has_ended, runners.values())), "the runner's end")
    return runners


def test_only_what_the_killed_runner_left_of_this_job_is_ended(study: SQLiteStore, folder: Path) -> None:
    runners = left_by(started([*PYTHON, held.RUN], folder), study)
    (folder / "quick").touch()
    strangers = {
        "another job": mark_of(runners["1"], "11"),
        "a job with a key of the same beginning": mark_of(runners["1"], "1x"),
        "another run": mark_of(runners["1"].replace(":", ":x", 1), "1"),
        "an older form": "1",
    }
    kept = [subprocess.Popen(["sleep", "300"], env=os.environ | {MARK: mark}) for mark in strangers.values()]
    kept.append(subprocess.Popen(["sleep", "300"], env=os.environ | {"OTHER": mark_of(runners["1"], "1")}))
    # Its other name for the variable must not count either.
    kept.append(subprocess.Popen(["sleep", "300"], env=os.environ | {f"X{MARK}": mark_of(runners["1"], "1")}))
    child = subprocess.Popen(
        ["sleep", "300"], env={MARK: mark_of(runners["1"], "1"), "PATH": os.environ["PATH"]}
    )
    try:
        assert run(study, "1", workers=2).completed == held.JOBS
        assert child.wait(held.PATIENCE_S) == -signal.SIGTERM
        assert [process.poll() for process in kept] == [None] * len(kept)
    finally:
        for process in [*kept, child]:
            process.kill()
            process.wait()
    assert held.lines(folder / "twice") == []


def test_a_run_inside_what_is_left_does_not_end_itself(study: SQLiteStore, folder: Path) -> None:
    runners = left_by(started([*PYTHON, held.RUN], folder), study)
    (folder / "quick").touch()
    inside = held.start([*PYTHON, held.RUN], folder, **{MARK: mark_of(runners["1"], "1")})
    assert inside.wait(held.PATIENCE_S) == 0
    assert held.statuses(study) == ["completed"] * held.JOBS
    assert held.lines(folder / "twice") == []


def test_what_is_left_and_deaf_to_sigterm_is_killed(study: SQLiteStore, folder: Path) -> None:
    deaf = "trap '' TERM; setsid bash -c \"trap '' TERM; while true; do sleep 0.1; done\" & wait"
    add(
        study,
        f"exec 9>>lock-3; flock -n 9 || echo 3 >> twice; test -e quick || {{ echo 3 $$ >> third; {deaf}; }}",
    )
    process = started([*PYTHON, held.RUN.replace("workers=2", "workers=3")], folder)
    held.wait_until(lambda: held.lines(folder / "third"), "the third job's start")
    left_by(process, study)
    (folder / "quick").touch()
    assert run(study, "1", workers=3).completed == 3
    assert held.lines(folder / "twice") == []
    assert held.holders(folder) == []


def test_children_without_their_environment_are_found_by_their_parents(
    study: SQLiteStore, folder: Path
) -> None:
    bare = "env -i setsid sleep 300 & sleep 300"
    add(study, f"exec 9>>lock-3; test -e quick || {{ echo 3 $$ >> third; {bare}; }}")
    process = started([*PYTHON, held.RUN.replace("workers=2", "workers=3")], folder)
    held.wait_until(lambda: held.lines(folder / "third"), "the third job's start")
    left_by(process, study)
    (folder / "quick").touch()
    run(study, "1", workers=3)
    assert held.holders(folder) == []


def test_a_daemon_of_a_job_that_has_completed_is_left(study: SQLiteStore, folder: Path) -> None:
    add(study, "setsid sleep 300 & echo $! > daemon")
    process = started([*PYTHON, held.RUN.replace("workers=2", "workers=3")], folder)
    held.wait_until(lambda: held.statuses(study)[-1] == "completed", "the job's end")
    left_by(process, study)
    (folder / "quick").touch()
    assert run(study, "1", workers=2).completed == held.JOBS
    daemon = int((folder / "daemon").read_text())
    os.kill(daemon, signal.SIGKILL)


def test_where_nothing_tells_of_processes_a_run_after_a_kill_says_so(
    study: SQLiteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started([*PYTHON, held.RUN], folder)
    left_by(process, study)
    for pid in held.holders(folder):
        os.kill(pid, signal.SIGKILL)
    (folder / "quick").touch()
    monkeypatch.setattr("torc_frames.workflow.run.procfs._PROC", folder / "none")
    with pytest.warns(TorcFramesWarning, match="jobs 1, 2 are started again; what their killed runner left"):
        assert run(study, "1", workers=2).completed == held.JOBS


def test_ctrl_c_without_proc_ends_the_groups_of_jobs(study: SQLiteStore, folder: Path) -> None:
    body = (
        "from pathlib import Path; from torc_frames.workflow.run import procfs; procfs._PROC = Path('none')\n"
    )
    process = started([*PYTHON, body + held.RUN], folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(held.PATIENCE_S) == -signal.SIGTERM
    pids = [int(line.split()[1]) for line in held.lines(folder / "started")]
    assert not set(pids).intersection(held.holders(folder))
    assert held.statuses(study) == ["ready"] * held.JOBS


def test_the_error_that_a_signal_raises_is_no_exception_that_code_catches() -> None:
    assert not issubclass(EndedBySignal, Exception)
