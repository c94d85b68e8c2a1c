"""The processes of jobs: starting them, holding them to their limits, awaiting and stopping them."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torc_frames.errors import RefusedError
from torc_frames.settings import (
    API_URL,
    ATTEMPT_ID,
    DATABASE_URL,
    JOB_ID,
    JOB_KEY,
    JOB_NAME,
    OUTPUT_DIR,
    RUN_ID,
    WORKFLOW_ID,
    WORKFLOW_KEY,
    WORKFLOW_SUBMISSION_DIR,
    absolute_url,
    is_secret,
)
from torc_frames.store.records import JobRecord
from torc_frames.store.resources import Needs, needs_of, shown_bytes
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.logs import job_stem
from torc_frames.workflow.run.machine import CUDA_DEVICES, OwnPython
from torc_frames.workflow.run.processes import MARK, end_processes, job_processes, mark_of, utc_now
from torc_frames.workflow.run.procfs import Process

__all__ = ["JobProcess", "Launcher", "environment_for"]

SPAWN_FAILED = 127
FOLDER_DELETED = 1
# As torc's own runner says them, after Slurm.
OUT_OF_MEMORY = 137
OUT_OF_TIME = 152

_LOOK_S = 1.0
_SHARE = 20
"""Looking at how much memory jobs use takes at most this part of a core's time: one of so many."""

_END_S = 11.0
"""How long ending a job's processes may take."""


class Over(NamedTuple):
    """Why a run was ended, and its return code."""

    return_code: int
    reason: str


@dataclass(slots=True, eq=False)
class JobProcess:
    """One run of one job; ``return_code`` and ``end_time`` are None until the process has ended."""

    job: JobRecord
    stem: Path
    mark: str
    gpus: tuple[str, ...] = ()
    timeout: float | None = None
    start_time: str = field(default_factory=lambda: utc_now())
    process: subprocess.Popen[bytes] | None = None
    shell: Process | None = None
    begun: float = 0.0
    over: Over | None = None
    alone: bool = True
    folders: tuple[object, ...] = ()
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

    @property
    def needs(self) -> Needs:
        """What the job needs."""
        return needs_of(self.job.resources)

    @property
    def left_s(self) -> float:
        """How long it may still run."""
        limits = [limit for limit in (self.needs.runtime, self.timeout) if limit is not None]
        if not limits or self.process is None or self.over is not None:
            return float("inf")
        return self.begun + min(limits) - time.monotonic()

    @property
    def out_of_time(self) -> Over:
        """What it ends with when no time is left."""
        runtime = self.needs.runtime
        if self.timeout is not None and (runtime is None or self.timeout < runtime):
            return Over(OUT_OF_TIME, f"its timeout of {self.timeout:g} seconds was over")
        return Over(OUT_OF_TIME, f"its runtime of {self.job.resources.runtime} was over")


class Launcher:
    """Runs the processes of jobs in one directory, with their files in another.

    Each job has a thread that starts its process and waits for it: a Ctrl-C, which reaches the main
    thread only, can't come between a process and its being known.

    Attributes
    ----------
    ended : queue.SimpleQueue of JobProcess
        Where each run is put when it has ended.
    """

    def __init__(self, url: str, output_dir: Path, runner: str, timeout: float | None = None) -> None:
        self.url = url
        self.output_dir = output_dir
        self.runner = runner
        self.timeout = timeout
        self.cwd = _working_directory()
        self.shell = _shell()
        self.ended: queue.SimpleQueue[JobProcess] = queue.SimpleQueue()
        self._python = OwnPython()
        self._lock = threading.Lock()
        self._stopped = False
        self._threads: dict[str, threading.Thread] = {}
        self._going: set[JobProcess] = set()
        self._next_look = 0.0

    def prepare(self, job: JobRecord, gpus: tuple[str, ...] = ()) -> JobProcess:
        """Return the run of a started job, to be launched."""
        stem = self.output_dir / job_stem(job.workflow_key, job.key, job.run_id)
        return JobProcess(job, stem, mark_of(self.runner, job.key), gpus, self.timeout)

    def launch(self, run: JobProcess) -> None:
        """Start a job's command; where that fails the run ends with code 127, and its .e file says why."""
        thread = threading.Thread(target=self._run, args=(run,), daemon=True)
        self._threads[run.job.key] = thread
        thread.start()

    def limit(self) -> None:
        """End what runs longer, or uses more memory, than its job says; to be called every second."""
        with self._lock:
            going = [run for run in self._going if run.over is None]
        for run in going:
            if run.left_s <= 0:
                self._end(run, run.out_of_time)
        limited = [run for run in going if run.needs.memory is not None and run.over is None]
        now = time.monotonic()
        if not limited or now < self._next_look:
            return
        found = job_processes(_shells(limited))
        for run in limited:
            used = procfs.memory_over(found[run.mark], run.needs.memory or 0)
            if used is not None:
                told = f"it used {shown_bytes(used)} of memory, and said {run.job.resources.memory}"
                self._end(run, Over(OUT_OF_MEMORY, told), grace=0)
        self._next_look = time.monotonic() + max(_LOOK_S, _SHARE * (time.monotonic() - now))

    def stop(self, runs: Iterable[JobProcess]) -> None:
        """Launch nothing more, and end runs with all they started: SIGTERM, SIGKILL after five seconds."""
        with self._lock:
            self._stopped = True
        listed = list(runs)
        end_processes(_shells(listed))
        for run in listed:
            thread = self._threads.get(run.job.key)
            if thread is not None and thread.ident is not None:
                thread.join(_END_S)

    def close(self) -> None:
        """Leave nothing behind."""
        self._python.close()

    def _end(self, run: JobProcess, over: Over, **how: float) -> None:
        with self._lock:
            # One that has ended meanwhile has the end it came to by itself.
            if run not in self._going or run.over is not None:
                return
            run.over = over
        threading.Thread(target=end_processes, args=(_shells([run]),), kwargs=how, daemon=True).start()

    def _run(self, run: JobProcess) -> None:
        try:
            with self._lock:
                if self._stopped:
                    return
                self._begin(run)
            assert run.process is not None
            code = run.process.wait()
            with self._lock:
                self._going.discard(run)
                over = run.over or self._deleted(run, code)
            run.return_code = code if over is None else over.return_code
            if over is not None:
                _note(run.stderr, f"torc_frames: the job failed: {over.reason}\n")
        except (OSError, ValueError) as error:
            _note(run.stderr, f"torc_frames could not start the job: {error}\n")
            run.return_code = SPAWN_FAILED
        run.end_time = utc_now()
        self.ended.put(run)

    def _begin(self, run: JobProcess) -> None:
        """Start the process of a run; what an earlier job may have deleted is there again."""
        for folder in (self.cwd, self.output_dir):
            os.makedirs(folder, exist_ok=True)
        run.folders = self._folders()
        with open(run.stdout, "wb") as out, open(run.stderr, "wb") as err:
            run.process = self._spawn(run, out.fileno(), err.fileno())
        run.begun = time.monotonic()
        started = procfs.start_time(run.process.pid) if procfs.available() else None
        run.shell = Process(run.process.pid, os.getpid(), started or "")
        run.alone = not self._going
        for other in self._going:
            other.alone = False
        self._going.add(run)

    def _spawn(self, run: JobProcess, out: int, err: int) -> subprocess.Popen[bytes]:
        environment = environment_for(run.job, self.url, self.output_dir, self.cwd)
        environment |= {"PATH": self._python.path, MARK: run.mark}
        if run.gpus:
            environment[CUDA_DEVICES] = ",".join(run.gpus)
        return subprocess.Popen(
            [self.shell, "-c", run.job.command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=self.cwd,
            env=environment,
            start_new_session=True,
        )

    def _folders(self) -> tuple[object, ...]:
        return tuple(_identity(folder) for folder in (self.cwd, self.output_dir))

    def _deleted(self, run: JobProcess, code: int) -> Over | None:
        """Return that a run deleted its folders, where no other job can have done it."""
        if not run.alone or self._folders() == run.folders:
            return None
        gone = [
            told
            for told, before, now in zip(
                (f"its working directory {self.cwd}", f"the folder of its output {self.output_dir}"),
                run.folders,
                self._folders(),
                strict=True,
            )
            if before != now
        ]
        os.makedirs(self.output_dir, exist_ok=True)
        return Over(code or FOLDER_DELETED, f"{' and '.join(gone)} was deleted while it ran")


def environment_for(
    job: JobRecord, url: str, output_dir: str | os.PathLike[str], submission_dir: str | os.PathLike[str]
) -> dict[str, str]:
    """Return the environment for the process of one job of an embedded store: this process's, and the job's.

    Both names of each key are set, and both urls, so that nothing of an enclosing job shines through. Torc's
    passwords, cookies and tokens are left out: an embedded store needs none.
    """
    absolute = absolute_url(url)
    return {name: value for name, value in os.environ.items() if not is_secret(name, value)} | {
        API_URL: absolute,
        DATABASE_URL: absolute,
        WORKFLOW_KEY: job.workflow_key,
        WORKFLOW_ID: job.workflow_key,
        JOB_KEY: job.key,
        JOB_ID: job.key,
        JOB_NAME: job.name,
        RUN_ID: str(job.run_id),
        ATTEMPT_ID: "1",
        OUTPUT_DIR: os.path.abspath(output_dir),
        WORKFLOW_SUBMISSION_DIR: os.path.abspath(submission_dir),
    }


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError as error:
        raise RefusedError(
            "the working directory of this process is no more, and jobs run in it: os.chdir() to another"
        ) from error


def _identity(folder: str | Path) -> object:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shells(runs: Iterable[JobProcess]) -> dict[str, Process | None]:
    return {run.mark: run.shell for run in runs}


def _shell() -> str:
    shell = shutil.which("bash") or shutil.which("sh")
    if shell is None:
        raise RefusedError("neither bash nor sh is on the PATH; jobs' commands need one of them")
    return shell


def _note(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return
