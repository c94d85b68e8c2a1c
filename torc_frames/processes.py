"""The processes of jobs: starting, awaiting and stopping them, and telling who runs a job."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from torc_frames import settings
from torc_frames.errors import RefusedError
from torc_frames.records import JobRecord

__all__ = ["JobProcess", "Launcher", "is_dead_runner", "runner_id"]

SPAWN_FAILED = 127

_GRACE_S = 5.0
_LOOK_S = 0.02


@dataclass(slots=True)
class JobProcess:
    """One run of one job; ``return_code`` and ``end_time`` are None until the process has ended."""

    job: JobRecord
    stem: Path
    start_time: str = field(default_factory=lambda: utc_now())
    process: subprocess.Popen[bytes] | None = None
    return_code: int | None = None
    end_time: str | None = None

    @property
    def stdout(self) -> Path:
        """The file of what the job prints."""
        return self.stem.with_name(self.stem.name + ".o")

    @property
    def stderr(self) -> Path:
        """The file of its errors."""
        return self.stem.with_name(self.stem.name + ".e")


class Launcher:
    """Runs the processes of jobs in one directory, with their files in another.

    Each job has a thread that starts its process and waits for it: a Ctrl-C, which reaches the main
    thread only, can't come between a process and its being known.

    Attributes
    ----------
    ended : queue.SimpleQueue of JobProcess
        Where each run is put when it has ended.
    """

    def __init__(self, url: str, output_dir: Path) -> None:
        self.url = url
        self.output_dir = output_dir
        self.cwd = os.getcwd()
        self.shell = _shell()
        self.ended: queue.SimpleQueue[JobProcess] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        self._threads: dict[str, threading.Thread] = {}

    def prepare(self, job: JobRecord) -> JobProcess:
        """Return the run of a started job, to be launched."""
        return JobProcess(job, self.output_dir / f"job_wf{job.workflow_key}_j{job.key}_r{job.run_id}")

    def launch(self, run: JobProcess) -> None:
        """Start a job's command; where that fails the run ends with code 127, and its .e file says why."""
        thread = threading.Thread(target=self._run, args=(run,), daemon=True)
        self._threads[run.job.key] = thread
        thread.start()

    def stop(self, runs: Iterable[JobProcess]) -> None:
        """Launch nothing more, and end runs with all they started: SIGTERM, SIGKILL after five seconds."""
        with self._lock:
            self._stopped = True
        listed = list(runs)
        processes = [run.process for run in listed if run.process is not None]
        try:
            _signal(processes, signal.SIGTERM)
            deadline = time.monotonic() + _GRACE_S
            while any(_group_lives(process) for process in processes) and time.monotonic() < deadline:
                time.sleep(_LOOK_S)
        finally:
            _signal(processes, signal.SIGKILL)
        for run in listed:
            thread = self._threads.get(run.job.key)
            if thread is not None and thread.ident is not None:
                thread.join(_GRACE_S)

    def _run(self, run: JobProcess) -> None:
        try:
            with open(run.stdout, "wb") as out, open(run.stderr, "wb") as err, self._lock:
                if self._stopped:
                    return
                run.process = self._spawn(run.job, out.fileno(), err.fileno())
        except (OSError, ValueError) as error:
            _note(run.stderr, f"torc_frames could not start the job: {error}\n")
            run.return_code = SPAWN_FAILED
        else:
            run.return_code = run.process.wait()
        run.end_time = utc_now()
        self.ended.put(run)

    def _spawn(self, job: JobRecord, out: int, err: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.shell, "-c", job.command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=self.cwd,
            env=settings.environment_for(job, self.url, self.output_dir, self.cwd),
            start_new_session=True,
        )


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def runner_id() -> str:
    """Return who this process is, as ``host:pid:start time of the process``."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start_time(pid) or ''}"


def is_dead_runner(runner: str) -> bool:
    """Return whether a runner was a process of this machine that is no more."""
    host, _, rest = runner.partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdecimal() or sys.platform == "win32":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    now = _start_time(int(pid))
    return now is not None and started != "" and now != started


def _start_time(pid: int) -> str | None:
    """Return when a process started (ticks since boot), "" if it has ended, None where that is unknown."""
    try:
        # The name in parentheses may hold anything; state is the first field after it, start time the 20th.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return None


def _shell() -> str:
    shell = shutil.which("bash") or shutil.which("sh")
    if shell is None:
        raise RefusedError("neither bash nor sh is on the PATH; jobs' commands need one of them")
    return shell


def _signal(processes: Iterable[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _note(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        return
