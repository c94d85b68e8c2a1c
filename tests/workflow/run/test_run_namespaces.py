"""Runners that don't see each other: PID namespaces of one machine, under one name, with one database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import held
import pytest

from torc_frames.errors import ConflictError, TorcFramesWarning
from torc_frames.store.records import NewJobs
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.processes import has_ended, runner_id, shown_runner
from torc_frames.workflow.run.runner import reset_jobs, run

study = held.used_study

NOT_FIRST = f"{sys.executable} -c '{held.RUN}' & wait"
"""As in most containers: the runner is not the first process of its namespace."""


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    return held.need_namespaces()


@pytest.fixture
def folder(study: SQLiteStore, tmp_path: Path) -> Path:
    return tmp_path


def is_runner(pid: int, started: str) -> bool:
    try:
        code = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # another one, which has just ended
        return False
    return procfs.start_time(pid) == started and b"torc_frames.workflow.run.runner" in code


def run_ids(store: SQLiteStore) -> list[int]:
    with store.snapshot("1") as snapshot:
        return [run_id for page in snapshot.jobs() for run_id in page.run_ids]


def test_runners_in_two_namespaces_never_run_a_job_twice(
    unshare: list[str], study: SQLiteStore, folder: Path
) -> None:
    command = (
        "exec 9>>lock-$TORC_JOB_KEY; flock -n 9 || echo $TORC_JOB_KEY >> twice; echo $TORC_JOB_KEY >> log; "
    )
    wait = "while test ! -e go; do sleep 0.05; done"
    study.add_jobs("1", NewJobs([f"n{n}" for n in range(6)], [command + wait] * 6, [None] * 6))
    (folder / "quick").touch()
    first = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    held.wait_until(lambda: len(held.lines(folder / "log")) == 2, "two jobs of the first")
    second = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    held.wait_until(lambda: len(held.lines(folder / "log")) == 4, "two jobs of the second")
    third = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    held.wait_until(lambda: len(held.lines(folder / "log")) == 6, "two jobs of the third")
    last = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    assert last.wait(held.PATIENCE_S) == 0
    assert "6 jobs of workflow 1 are left to other runners" in held.told(folder)
    (folder / "go").touch()
    assert [one.wait(held.PATIENCE_S) for one in (first, second, third)] == [0, 0, 0]
    assert Counter(held.lines(folder / "log")) == dict.fromkeys(map(str, range(3, 9)), 1)
    assert run_ids(study) == [1] * 8
    assert held.statuses(study) == ["completed"] * 8
    assert held.lines(folder / "twice") == []


def pid_inside(pid: int) -> str:
    """Return what a process is called in its own namespace."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]


@pytest.mark.parametrize("command", [[sys.executable, "-c", held.RUN], ["bash", "-c", NOT_FIRST]])
def test_one_that_is_gone_is_known_from_outside_and_its_jobs_are_ended(
    unshare: list[str], study: SQLiteStore, folder: Path, command: list[str]
) -> None:
    if procfs.namespace() != procfs.FIRST_NAMESPACE:
        pytest.skip("this is a container, which sees no other ones")
    process = held.start([*unshare, *command], folder)
    held.wait_until(lambda: len(held.lines(folder / "started")) == held.JOBS, "the jobs' start")
    [runner] = set(study.runners("1").values())
    assert has_ended(runner) is False
    with pytest.raises(ConflictError, match=f"jobs 1 are being run by {shown_runner(runner)}: end"):
        reset_jobs(study, "1", ["1"])
    *_, inner, started = runner.split(":")
    # Others may have started in the same moment.
    found = [one.pid for one in procfs.processes().values() if is_runner(one.pid, started)]
    [pid] = [one for one in found if pid_inside(one) == inner]
    os.kill(pid, signal.SIGKILL)
    held.wait_until(lambda: has_ended(runner), "the runner's end")
    (folder / "quick").touch()
    assert run(study, "1", workers=2).completed == held.JOBS
    process.wait(held.PATIENCE_S)
    assert held.lines(folder / "twice") == []
    assert held.holders(folder) == []


def test_one_that_can_not_be_seen_counts_as_alive_until_its_jobs_are_freed(
    unshare: list[str], study: SQLiteStore, folder: Path
) -> None:
    process = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    held.wait_until(lambda: len(held.lines(folder / "started")) == held.JOBS, "the jobs' start")
    process.kill()
    process.wait(held.PATIENCE_S)
    (folder / "quick").touch()
    other = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    assert other.wait(held.PATIENCE_S) == 0
    assert held.statuses(study) == ["running"] * held.JOBS
    assert "wf.reset_jobs(…) makes them ready again" in held.told(folder)
    reset = [sys.executable, "-m", "torc_frames.cli", "-u", "study.db", "jobs", "reset", "1", "2"]
    assert held.start([*unshare, *reset], folder).wait(held.PATIENCE_S) == 0, held.told(folder)
    assert held.statuses(study) == ["ready"] * held.JOBS
    other = held.start([*unshare, sys.executable, "-c", held.RUN], folder)
    assert other.wait(held.PATIENCE_S) == 0
    assert held.statuses(study) == ["completed"] * held.JOBS


def changed(**parts: str) -> str:
    """Return the id of a runner that differs from this process in some parts."""
    host, place, pid, started = runner_id().split(":")
    boot, machine, namespace, token = place.split(".")
    said = {
        "host": host,
        "boot": boot,
        "machine": machine,
        "namespace": namespace,
        "pid": pid,
        "started": started,
    }
    said |= parts
    place = ".".join([said["boot"], said["machine"], said["namespace"], token])
    return ":".join([said["host"], place, said["pid"], said["started"]])


@pytest.mark.skipif(not procfs.available(), reason="needs /proc")
@pytest.mark.parametrize(
    ("parts", "ended"),
    [
        ({}, False),
        ({"started": "1"}, True),
        ({"pid": "4194304"}, True),
        ({"host": "elsewhere"}, None),
        ({"host": "elsewhere", "started": "1"}, None),
        # A container that has the name of this one, on this machine or another.
        ({"namespace": "1", "boot": "b"}, None),
        ({"namespace": "1", "boot": "b", "machine": ""}, None),
        # Another machine of this name.
        ({"boot": "b", "machine": "m"}, None),
        ({"boot": "b", "machine": ""}, None),
    ],
)
def test_a_runner_has_ended_only_where_that_can_be_known(parts: dict[str, str], ended: bool | None) -> None:
    assert has_ended(changed(**parts)) is ended


@pytest.mark.parametrize(
    "text", ["", ":", "a client of the service", "host:1", "host:x:1", "a:b:c:d:e", "::1"]
)
def test_what_is_no_id_of_ours_is_nobody_who_has_ended(text: str) -> None:
    assert has_ended(text) is None
    assert shown_runner(text) == text


def test_jobs_left_to_a_live_runner_are_told_without_a_way_to_free_them(
    study: SQLiteStore, folder: Path
) -> None:
    (folder / "quick").touch()
    with subprocess.Popen(["sleep", "60"]) as other:
        study.start_jobs("1", ["1"], changed(pid=str(other.pid), started=procfs.start_time(other.pid) or ""))
        with pytest.warns(TorcFramesWarning, match=r"left to other runners: process \d+ of \S+$"):
            run(study, "1", workers=1)
        other.kill()


def test_a_child_that_nobody_has_waited_for_yet_has_ended() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(runner_id(child.pid)) is True
