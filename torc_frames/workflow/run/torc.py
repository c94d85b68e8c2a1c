"""`torc run` and `torc submit` of this machine, for the jobs of a torc-server."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from torc_frames import settings
from torc_frames.errors import Problem, RefusedError, TorcFramesError, counted, shorten, warn
from torc_frames.settings import is_secret
from torc_frames.store.http.replies import clean
from torc_frames.store.records import (
    BLOCKED,
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING,
    PENDING_FAILED,
    READY,
    RUNNING,
    TERMINATED,
    UNINITIALIZED,
    JobPage,
    JobRecord,
)
from torc_frames.store.v1.runs import active_nodes, give_back, statuses_of
from torc_frames.workflow.progress import Bar, progress, watched
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.logs import TORC_OUTPUT, job_stem, torc_error_files
from torc_frames.workflow.run.machine import OwnPython
from torc_frames.workflow.run.outputs import jobs_with_output
from torc_frames.workflow.run.processes import MARK, end_processes, mark_of, runner_id
from torc_frames.workflow.run.procfs import Process
from torc_frames.workflow.run.schedule import Failure, RunSummary, machine_for
from torc_frames.workflow.run.signals import check_signals, ended_by_signals

if TYPE_CHECKING:
    from torc_frames.store.v1.store import V1Store

__all__ = ["Slurm", "run"]

Slurm = bool | Mapping[str, object]
"""Whether to submit to Slurm; or how, by the names of options of ``torc slurm regenerate``."""

log = logging.getLogger(__name__)

_VERSION = re.compile(r"torc [0-9]+\.[0-9]+")
_NODE = re.compile(r"^\[[^\]]+\] Job started (?:\w+=[0-9]+ )*?compute_node_id=([0-9]+)", re.MULTILINE)
_OPTION = re.compile("[a-z][a-z_-]*[a-z]")
_ENDED = (COMPLETED, FAILED, CANCELED, TERMINATED)
_TICK_S = 1.0
_GRACE_S = 5.0
_TAIL_BYTES = 600
_FEW = 500
_POLL = ("--poll-interval", "1")


def run(
    store: V1Store,
    workflow_key: str,
    *,
    workers: int | None,
    rerun: str | None,
    output_dir: str | os.PathLike[str] | None,
    show_progress: bool,
    slurm: Slurm | None,
) -> RunSummary:
    """Have torc run the jobs of a workflow, here or on Slurm; see `Workflow.run`."""
    call = TorcRun(store, workflow_key, Path(os.path.abspath(output_dir or TORC_OUTPUT)))
    if slurm is not None and slurm is not False:
        if workers is not None:
            raise RefusedError("workers= is for a run on this machine, and slurm= is not")
        arguments = _submission(workflow_key, slurm, call.output_dir)
        before = call.prepared(rerun)
        log.info("%s", clean(call.torc.call(*arguments)))
        return call.summary(before)
    with ended_by_signals():
        before = call.prepared(rerun)
        waiting = [job for job in before.values() if job.status not in _ENDED]
        if waiting:
            call.check_not_canceled()
            slots = (os.cpu_count() or 1) if workers is None else workers
            _tell_of_impossible(waiting, slots, call.for_others)
            limit = () if workers is None else ("--num-cpus", str(workers))
            with progress(len(waiting), "jobs", show_progress, unit="job") as bar:
                call.work(limit, bar if watched(show_progress) else None)
    return call.summary(before)


class TorcRun:
    """One run of the jobs of a workflow by torc.

    Raises
    ------
    RefusedError
        If torc is not on this machine.
    """

    def __init__(self, store: V1Store, workflow_key: str, output_dir: Path) -> None:
        self.torc = TorcProgram(store)
        self.output_dir = output_dir
        self.for_others: dict[str, str] = {}
        """By job: why a runner of one machine, without labels, leaves it alone; see `prepared`."""
        self._store = store
        self._key = workflow_key

    def prepared(self, rerun: str | None) -> dict[str, JobRecord]:
        """Make the jobs ready that are to run again, or are new, and return all."""
        before = self._jobs()
        statuses = {key: job.status for key, job in before.items()}
        again = self._to_reset(statuses, rerun)
        for start in range(0, len(again), _FEW):
            chosen = again[start : start + _FEW]
            self.torc.call("jobs", "reset-status", *chosen, "--no-prompts")
        are_new = UNINITIALIZED in statuses.values() and len({*statuses.values()}) > 1
        if not (again or are_new or rerun == "changed"):
            return before
        # A workflow that was never initialized is by `torc run`.
        told = self.torc.call("-f", "json", "workflows", "reinit", self._key, "--async")
        task = msgspec.json.decode(told)["task_id"]
        self.torc.call("tasks", "wait", "--poll-fallback-interval", "1", str(task))
        return self._jobs()

    def check_not_canceled(self) -> None:
        """RefusedError for a workflow that was canceled, of which torc runs nothing and says so nowhere."""
        if self._store.service.fetch_workflow(self._key).is_canceled:
            raise RefusedError(
                f"workflow {self._key} was canceled, and torc runs none of its jobs; "
                f"`torc workflows reinit {self._key}` takes that back"
            )

    def work(self, limit: Sequence[str], bar: Bar | None) -> None:
        """Run `torc run` to its end; what interrupts this ends it with its jobs, which are ready then."""
        service = self._store.service
        before = active_nodes(service, self._key)
        self.output_dir.mkdir(parents=True, exist_ok=True)
        arguments = ("run", self._key, "--output-dir", str(self.output_dir), *_POLL, *limit)
        said = ""
        try:
            with self.torc.started("--log-level", "info", *arguments) as running:
                try:
                    shown = _EndedJobs(bar, lambda: statuses_of(service, self._key))
                    while not running.ended(_TICK_S):
                        check_signals()
                        shown.update()
                    shown.update()
                except BaseException:
                    said = running.said()
                    raise
        except BaseException:
            try:
                self._give_back(before, _NODE.search(said))
            except TorcFramesError as error:
                # What failed, or was interrupted, is the error, whatever becomes of the server.
                warn(f"jobs of workflow {self._key} may be left as running: {error}")
            raise

    def summary(self, before: Mapping[str, JobRecord]) -> RunSummary:
        """Return what became of the jobs."""
        with self._store.snapshot(self._key) as snapshot:
            codes = {
                key: (code, run)
                for page in snapshot.results()
                for key, code, run in zip(page.job_keys, page.return_codes, page.run_ids, strict=True)
            }
        had_ended = {key for key, job in before.items() if job.status in _ENDED}
        changed = {key: job.status for key, job in self._jobs().items() if key not in had_ended}
        counts = Counter(changed.values())
        failures = [
            Failure(key, code, self._error_file(key, run_id))
            for key, now in changed.items()
            if now in (FAILED, TERMINATED) and key in codes
            for code, run_id in [codes[key]]
        ]
        return RunSummary(
            completed=counts[COMPLETED],
            failed=counts[FAILED] + counts[TERMINATED],
            canceled=counts[CANCELED],
            not_run=sum(counts[status] for status in (READY, BLOCKED, UNINITIALIZED)),
            running_elsewhere=counts[RUNNING] + counts[PENDING],
            output_dir=self.output_dir,
            failures=tuple(failures),
        )

    def _error_file(self, job_key: str, run_id: int) -> Path:
        stem = job_stem(self._key, job_key, run_id)
        found = torc_error_files(self.output_dir, stem)
        return found[0] if found else self.output_dir / "job_stdio" / f"{stem}_a1.e"

    def _jobs(self) -> dict[str, JobRecord]:
        with self._store.snapshot(self._key) as snapshot:
            pages = list(snapshot.jobs())
        self.for_others = {key: reason for page in pages for key, reason in _for_others(page, self._key)}
        return {job.key: job for page in pages for job in page.jobs(self._key)}

    def _to_reset(self, statuses: Mapping[str, str], rerun: str | None) -> list[str]:
        wanted: set[str] = set() if rerun is None else {FAILED, CANCELED, TERMINATED, PENDING_FAILED}
        if rerun == "all":
            wanted.add(COMPLETED)
        again = {key for key, status in statuses.items() if status in wanted}
        if rerun == "missing":
            completed = {key for key, status in statuses.items() if status == COMPLETED}
            again |= completed - jobs_with_output(self._store, self._key)
        return [key for key in statuses if key in again]

    def _give_back(self, before: Mapping[int, Any], told: re.Match[str] | None) -> None:
        """Make the jobs ready that torc had, whose compute node is what it told, or the only new one."""
        service, here = self._store.service, socket.gethostname()
        nodes = active_nodes(service, self._key)
        new = [key for key, node in nodes.items() if key not in before and node["hostname"] == here]
        mine = int(told[1]) if told else new[0] if len(new) == 1 else None
        left = give_back(service, self._key, nodes, mine)
        if left:
            warn(
                f"jobs {shorten(left)} of workflow {self._key} are pending, and may be another runner's; if "
                f"they are not, `torc jobs reset-status {left[0]} --no-prompts` makes one run again"
            )


def _for_others(page: JobPage, workflow_key: str) -> Iterator[tuple[str, str]]:
    for key, nodes, labels in zip(page.keys, page.more["num_nodes"], page.more["labels"], strict=True):
        if labels:
            runner = shlex.join(["torc", "run", workflow_key, "--label", ",".join(labels)])
            yield key, f"is for a runner of its labels (`{runner}`)"
        elif (nodes or 1) > 1:
            yield key, f"needs num_nodes={nodes}, and this is one machine"


def _tell_of_impossible(jobs: Sequence[JobRecord], slots: int, for_others: Mapping[str, str]) -> None:
    """Warn of jobs that torc will not run here; RefusedError if there are no others."""
    machine = machine_for(jobs, slots)
    found = [(job, for_others.get(job.key) or machine.lacks(job.resources)) for job in jobs]
    lacking = [f"job {job.key} ({job.name}) {reason}" for job, reason in found if reason]
    if len(lacking) == len(jobs):
        raise RefusedError([Problem(None, None, reason) for reason in lacking])
    if lacking:
        warn(f"{counted(len(lacking), 'job')} can't run here: {shorten(lacking)}")


class _EndedJobs:
    """How many jobs have ended, as a bar shows it; nothing is asked where nobody looks."""

    def __init__(self, bar: Bar | None, counts: Callable[[], Mapping[str, int]]) -> None:
        self._bar, self._counts = bar, counts
        self._done = self._ended()

    def update(self) -> None:
        """Show what ended since; a server that does not answer is torc's to wait for."""
        if self._bar is not None:
            with suppress(TorcFramesError):
                done = self._ended()
                self._bar.update(max(0, done - self._done))
                self._done = max(done, self._done)

    def _ended(self) -> int:
        if self._bar is None:
            return 0
        return sum(count for status, count in self._counts().items() if status in _ENDED)


class TorcProgram:
    """The program `torc` of this machine, which speaks to one server as a store does.

    Credentials are in its environment, never in its arguments, which everybody on a machine sees.
    """

    def __init__(self, store: V1Store) -> None:
        self._program = _find()
        self._environment, self._secrets = _environment(store)

    def call(self, *arguments: str) -> str:
        """Run it to its end, and return its stdout.

        Raises
        ------
        TorcFramesError
            If it fails, with what it says.
        """
        with tempfile.TemporaryFile() as out:
            with self.started(*arguments, stdout=out) as running:
                while not running.ended(_TICK_S):
                    check_signals()
            out.seek(0)
            return out.read().decode(errors="replace")

    @contextmanager
    def started(self, *arguments: str, stdout: IO[bytes] | None = None) -> Iterator[TorcProcess]:
        """Run it beside the block, at the end of which it is ended with all that it has started.

        SIGINT comes first, as Ctrl-C sends it. What it says of its failing is an error.
        """
        mark = mark_of(runner_id(), "torc")
        python = OwnPython()
        with tempfile.TemporaryFile() as errors:
            running = TorcProcess(errors)
            try:
                running.process = subprocess.Popen(
                    [self._program, *arguments],
                    env=self._environment | {"PATH": python.path, MARK: mark},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL if stdout is None else stdout,
                    stderr=errors,
                    start_new_session=True,  # Ctrl-C comes to us, who pass it on
                )
                yield running
            finally:
                running.end(mark)
                python.close()
            if code := running.process.returncode:
                said = clean(running.said()[-_TAIL_BYTES:], self._secrets)
                raise TorcFramesError(f"`torc {shlex.join(arguments)}` ended with code {code}: {said}")


class TorcProcess:
    """A run of the program, and the file of what it says on stderr."""

    def __init__(self, errors: IO[bytes]) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._errors = errors

    def ended(self, seconds: float) -> bool:
        """Wait some seconds for its end, and return whether it came."""
        assert self.process is not None
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def said(self) -> str:
        """Return what it has said on stderr."""
        # Without a seek: the program writes where the file's one position is.
        number = self._errors.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")

    def end(self, mark: str) -> None:
        """End it, unless it has ended, and what it has left."""
        shell = None
        if self.process is not None and self.process.poll() is None:
            started = procfs.start_time(self.process.pid) if procfs.available() else None
            shell = Process(self.process.pid, os.getpid(), started or "")
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGINT)
            self.ended(_GRACE_S)
        elif self.process is not None and self.process.returncode == 0:
            return
        end_processes({mark: shell})
        if self.process is not None:
            self.process.wait()


def _find() -> str:
    """Return the path of `torc`: on the PATH, beside this Python or torc-server, or where cargo puts it."""
    beside = [
        os.path.dirname(path) for path in (sys.executable, os.environ.get("TORC_SERVER_BIN", "")) if path
    ]
    places = [
        *os.environ.get("PATH", os.defpath).split(os.pathsep),
        *beside,
        os.path.expanduser("~/.cargo/bin"),
    ]
    for folder in dict.fromkeys(filter(None, places)):
        # There are other programs of that name.
        found = shutil.which("torc", path=folder)
        if found and _VERSION.match(_version(found)):
            return os.path.abspath(found)
    raise RefusedError(
        "torc runs the jobs of its server, and is not on the PATH: put it there, or get it by "
        "`SQLX_OFFLINE=true cargo install torc --locked`; or run it where it is: `torc run KEY`, with "
        f"{settings.API_URL} set"
    )


def _version(program: str) -> str:
    try:
        return subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _environment(store: V1Store) -> tuple[dict[str, str], list[str]]:
    """Return the environment in which torc speaks to the server as the store does, and the secrets in it."""
    server = store.settings
    said = {
        settings.API_URL: server.url,
        settings.USERNAME: server.username,
        settings.PASSWORD: server.password,
        settings.COOKIE_HEADER: server.cookie,
        settings.TLS_CA_CERT: server.ca_cert,
        settings.TLS_INSECURE: "true" if server.insecure else None,
    }
    own = {name: value for name, value in os.environ.items() if not is_secret(name, value)}
    for name in (*said, settings.DATABASE_URL):
        if name != settings.USERNAME:
            own.pop(name, None)
    secrets = [secret for secret in (server.password, server.cookie) if secret]
    return own | {name: value for name, value in said.items() if value is not None}, secrets


def _submission(workflow_key: str, slurm: Slurm, output_dir: Path) -> list[str]:
    """Return the arguments that submit a workflow to Slurm.

    Raises
    ------
    RefusedError
        For options that are none.
    """
    where = f"--output-dir={output_dir}"
    if slurm is True or slurm == {}:
        return ["submit", workflow_key, "--no-prompts", where]
    if not isinstance(slurm, Mapping):
        raise RefusedError(f"slurm is True, or a dict such as {{'account': 'project'}}, not {slurm!r}")
    arguments = ["slurm", "regenerate", workflow_key, where]
    for name, value in {"submit": "dry_run" not in slurm, **slurm}.items():
        option = str(name).replace("_", "-")
        if not isinstance(name, str) or not _OPTION.fullmatch(name) or isinstance(value, (list, tuple, dict)):
            raise RefusedError(
                f"slurm={{{name!r}: {value!r}}} is no option of `torc slurm regenerate`, which --help lists"
            )
        if value is True:
            arguments.append(f"--{option}")
        elif value is not None and value is not False:
            arguments.append(f"--{option}={value}")
    return arguments
