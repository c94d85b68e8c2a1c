"""Runs of jobs that tell when two of one job go on side by side, and what is left of them.

Each job holds a lock of its own, as do all that it starts, two children with a session of their own among
them. A run that finds its lock held notes that in the file ``twice``.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import TESTS

from torc_frames.store.records import NewJobs
from torc_frames.store.sqlite.store import SQLiteStore

PATIENCE_S = 60
JOBS = 2

COMMAND = (
    "exec 9>>lock-$TORC_JOB_KEY; flock -n 9 || echo $TORC_JOB_KEY >> twice; "
    "test -e quick || { setsid sleep 300 & bash -c '(setsid bash -c \"exec sleep 300\" &)'; "
    "echo $TORC_JOB_KEY $$ >> started; sleep 300; }; echo $TORC_JOB_KEY >> ended"
)

RUN = """
from torc_frames.workflow.run.runner import run
from torc_frames.store.sqlite.store import SQLiteStore
run(SQLiteStore("study.db"), "1", workers=2)
"""

MAP = """
import held, torc_frames as tf
if __name__ == "__main__":
    tf.connect("study.db").workflow("1").map(held.called, tf.grid(n=[1, 2]))
"""

Starter = list[str]

_processes: list[subprocess.Popen[bytes]] = []


def called(n: int) -> dict[str, int]:
    """Do in Python what the command does."""
    lock = os.open(f"lock-{n}", os.O_WRONLY | os.O_CREAT)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _note("twice", n)
    if not os.path.exists("quick"):
        subprocess.Popen(["setsid", "sleep", "300"], close_fds=False)
        double = ["bash", "-c", '(setsid bash -c "exec sleep 300" &)']
        subprocess.run(double, close_fds=False, check=True)
        _note("started", f"{n} {os.getpid()}")
        time.sleep(300)
    _note("ended", n)
    os.close(lock)
    return {"n": n}


def starters(folder: Path) -> dict[str, Starter]:
    """Return the commands that run the jobs of a study, by what they use."""
    (folder / "mapping.py").write_text(MAP)
    return {
        "run": [sys.executable, "-c", RUN],
        "map": [sys.executable, "mapping.py"],
        "command line": [sys.executable, "-m", "torc_frames.cli", "-u", "study.db", "run", "--workers", "2"],
    }


def study(folder: Path, kind: str = "run") -> SQLiteStore:
    """Make a study of two jobs."""
    store = SQLiteStore(folder / "study.db")
    store.add_workflow("held")
    if kind != "map":
        store.add_jobs("1", NewJobs([f"job_{n}" for n in range(JOBS)], [COMMAND] * JOBS, [None] * JOBS))
    return store


def start(command: Starter, folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start what runs the jobs, in a session of its own, as a terminal or a scheduler would.

    What it tells goes to a file: what is left of it would keep a pipe open.
    """
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    environment = os.environ | {"PYTHONPATH": path, **variables}
    with (folder / "told").open("ab") as told:
        _processes.append(
            subprocess.Popen(
                command, cwd=folder, env=environment, stdout=told, stderr=told, start_new_session=True
            )
        )
    return _processes[-1]


def clean(folder: Path) -> None:
    """End what was started, and what is left of jobs."""
    while _processes:
        with _processes.pop() as process:
            process.kill()
    for pid in holders(folder):
        os.kill(pid, signal.SIGKILL)


def told(folder: Path) -> str:
    return (folder / "told").read_text()


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def holders(folder: Path) -> list[int]:
    """Return the processes that hold a lock of a job."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                targets = [os.readlink(fd) for fd in (process / "fd").iterdir()]
            except OSError:
                continue
            if any(target.startswith(f"{folder}/lock-") for target in targets):
                found.append(int(process.name))
    return found


def statuses(store: SQLiteStore) -> list[str]:
    with store.snapshot("1") as snapshot:
        return [status for page in snapshot.jobs() for status in page.statuses]


def tried(folder: Path, kind: str, number: signal.Signals) -> None:
    """Send a signal to what runs two jobs, and see that all is ended, and run once by the next."""
    store = study(folder, kind)
    command = starters(folder)[kind]
    process = start(command, folder)
    try:
        wait_until(lambda: len(lines(folder / "started")) == JOBS, "the jobs' start")
        process.send_signal(number)
        process.wait(PATIENCE_S)
        if number != signal.SIGKILL:
            assert holders(folder) == [], "processes are left"
            assert statuses(store) == ["ready"] * JOBS, told(folder)
            assert store.runners("1") == {}
        if number != signal.SIGINT:
            assert process.returncode == -number, told(folder)
        (folder / "quick").touch()
        assert start(command, folder).wait(PATIENCE_S) == 0, told(folder)
        assert statuses(store) == ["completed"] * JOBS
        assert lines(folder / "twice") == [], "a job ran twice, side by side"
        assert holders(folder) == []
    finally:
        clean(folder)
        store.close()


def need_namespaces() -> list[str]:
    """Return the command that makes a PID namespace, or skip; with TORC_FRAMES_REQUIRE_ALL, fail."""
    import pytest  # not where workers import this module

    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        reason = str(error)
    else:
        if done.returncode == 0:
            return command
        reason = done.stderr.strip()
    told = f"no PID namespace can be made here, which takes root and unshare: {reason}"
    if os.environ.get("TORC_FRAMES_REQUIRE_ALL"):
        raise pytest.fail.Exception(told, pytrace=False)
    raise pytest.skip.Exception(told)


def raced(folder: Path, chance: random.Random) -> int:
    """Have runners in two PID namespaces and one outside run jobs at once; return how many jobs."""
    unshare, count = need_namespaces(), 24
    store = SQLiteStore(folder / "study.db")
    store.add_workflow("raced")
    command = (
        "exec 9>>lock-$TORC_JOB_KEY; flock -n 9 || echo $TORC_JOB_KEY >> twice; "
        f"echo $TORC_JOB_KEY >> log; sleep 0.0{chance.randint(1, 9)}"
    )
    store.add_jobs("1", NewJobs([f"n{n}" for n in range(count)], [command] * count, [None] * count))
    run = [sys.executable, "-c", RUN]
    commands = [[*unshare, *run], [*unshare, *run], run]
    chance.shuffle(commands)
    try:
        runs = []
        for one in commands:
            runs.append(start(one, folder))
            time.sleep(chance.random() / 2)
        assert [one.wait(PATIENCE_S) for one in runs] == [0, 0, 0], told(folder)
        assert statuses(store) == ["completed"] * count
        assert sorted(lines(folder / "log")) == sorted(str(n + 1) for n in range(count)), "a job ran twice"
        assert lines(folder / "twice") == []
    finally:
        clean(folder)
        store.close()
    return count


def _note(name: str, text: object) -> None:
    with open(name, "a") as file:
        file.write(f"{text}\n")


def environment(n: int) -> dict[str, str]:
    """Return what a function sees of its environment, and what it starts."""
    seen = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    return {"environment": f"{dict(os.environ)}{seen}"}


@pytest.fixture
def used_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    """A study in the working directory, of which nothing runs on."""
    monkeypatch.chdir(tmp_path)
    store = study(tmp_path)
    yield store
    clean(tmp_path)
    store.close()
