"""Who runs a job, whether that is still so, and what its processes are, to end them."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from torc_frames.errors import RefusedError, TorcFramesError, shorten
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.procfs import Process

__all__ = [
    "MARK",
    "end_processes",
    "has_ended",
    "is_child_of",
    "is_same_process",
    "job_processes",
    "mark_of",
    "runner_id",
    "shown_runner",
    "signal_runner",
    "token_of",
    "utc_now",
]

MARK = "TORC_FRAMES_RUN"
"""The variable by which the processes of a job are known, whatever session they are in."""

_GRACE_S = 5.0
_KILL_S = 5.0
_LOOK_S = 0.02
_LONGEST_LOOK_S = 0.2
_MACHINE_ID = Path("/etc/machine-id")


Jobs = Mapping[str, Process | None]


class _Runner(NamedTuple):
    """The parts of a runner's id; "" for what is not known."""

    host: str
    boot: str
    machine: str
    namespace: str
    pid: int
    started: str


def runner_id(pid: int | None = None) -> str:
    """Return who runs jobs now, another id at each call, as ``host:place:pid:start time of the process``.

    The place says which start of which machine this is and which PID namespace, as a pid means nothing
    outside it, and ends with what tells this call from others: by the id the processes of its jobs are known.

    Parameters
    ----------
    pid : int, optional
        Of a child that is to run them, if that is not this process.
    """
    me = _me(pid)
    place = ".".join((me.boot, me.machine, me.namespace, secrets.token_hex(8)))
    return f"{me.host}:{place}:{me.pid}:{me.started}"


def shown_runner(runner: str) -> str:
    """Return a runner's id as a person would say it."""
    found = _parsed(runner)
    said = runner if found is None else f"process {found.pid} of {found.host}"
    return said if said.isprintable() else ascii(said)  # a server's events may be anybody's


def token_of(runner: str) -> str:
    """Return what tells a call from all others, for people to name it by."""
    found = _parsed(runner)
    told = runner if found is None else runner.split(":")[1].rpartition(".")[2]
    return told if told.isprintable() else ascii(told)


def signal_runner(runner: str, number: int) -> bool:
    """Send a signal to the process of a runner, and return whether it was there.

    Raises
    ------
    RefusedError
        If that process is not known to be of this machine and PID namespace, or is another user's.
    """
    found = _parsed(runner)
    if found is None or found[:4] != _me()[:4]:
        raise RefusedError(f"{shown_runner(runner)} can't be reached from here: end the run where it runs")
    try:
        _signal(Process(found.pid, 0, found.started), number)
    except ProcessLookupError:
        return False
    except PermissionError:
        who = shown_runner(runner)
        raise RefusedError(f"{who} is another user's: only that user can end the run, or root") from None
    return True


def is_same_process(runner: str) -> bool:
    """Return whether a runner was, or is, this process."""
    return _parsed(runner) == _me()


def is_child_of(runner: str) -> bool:
    """Return whether a runner started this process."""
    found = _parsed(runner)
    return found is not None and found[:4] == _me()[:4] and found.pid == os.getppid()


def has_ended(runner: str) -> bool | None:
    """Return whether a runner is no more; None where that can't be known from here.

    That is so for one of another machine, or in a PID namespace (a container) that is not seen from here.
    """
    found, here = _parsed(runner), _me()
    if found is None or found.host != here.host or sys.platform == "win32":
        return None
    if found.boot != here.boot and found.boot and here.boot:
        # The machine was started anew, if it is the same one: names of hosts and containers come twice.
        same = found.machine == here.machine and found.machine != ""
        both = found.namespace == here.namespace == procfs.FIRST_NAMESPACE
        return True if same and both else None
    if found.namespace != here.namespace and found.namespace and here.namespace:
        if not procfs.namespaces_are_shown():
            return None
        return not procfs.named_in_namespace(found.namespace, found.pid, found.started)
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    now = procfs.start_time(found.pid) if procfs.available() else None
    return now is not None and (now == "" or (found.started != "" and now != found.started))


def mark_of(runner: str, job_key: str) -> str:
    """Return the mark of the processes of a job that one runner runs."""
    return f"{runner}/{job_key}"


def job_processes(jobs: Jobs, *, calls: bool = False) -> dict[str, set[Process]]:
    """Return, by mark, the processes of jobs that have not ended, and all that these started.

    Parameters
    ----------
    jobs : mapping
        The shell of each job, a child of this process, by the job's mark; None where it is another's child.
    calls : bool
        Also look for processes that another one, now dead, had do calls of a mapped function.
    """
    there = procfs.processes()
    mine = procfs.ancestors(os.getpid(), there)  # this process may itself be what a job has started
    others = [process for pid, process in there.items() if pid not in mine]
    roots = {
        mark: {shell} if shell is not None and there.get(shell.pid) == shell else set()
        for mark, shell in jobs.items()
    }
    found = procfs.started_with(MARK, others)
    for process, mark in chain(found, procfs.memory_files(others)) if calls else found:
        if mark in roots:
            roots[mark].add(process)
    return {mark: procfs.with_descendants(of_job, there) for mark, of_job in roots.items()}


def end_processes(jobs: Jobs, *, calls: bool = False, grace: float = _GRACE_S) -> None:
    """End the processes of jobs: SIGTERM, and SIGKILL to those that are left after the grace, in seconds.

    Parameters
    ----------
    jobs, calls
        As for `job_processes`. A shell is the first of a process group, all of which is ended.
    grace : float

    Raises
    ------
    TorcFramesError
        If some can't be ended.
    """
    known: set[Process] = set()
    told: set[Process] = set()
    groups = _signal_groups([shell.pid for shell in jobs.values() if shell], signal.SIGTERM if grace else 0)
    look, deadline = _LOOK_S, time.monotonic() + grace
    try:
        while _left(known, jobs, calls) or groups:
            if time.monotonic() >= deadline:
                break
            _signal_all(known - told, signal.SIGTERM)
            told |= known
            time.sleep(look)
            look = min(2 * look, _LONGEST_LOOK_S)
            groups = _signal_groups(groups, 0)
    finally:
        _signal_groups(groups, signal.SIGKILL)
        deadline = time.monotonic() + _KILL_S
        while _left(known, jobs, calls):
            _signal_all(known, signal.SIGKILL)
            if time.monotonic() >= deadline:
                pids = shorten(sorted(str(process.pid) for process in known))
                raise TorcFramesError(f"processes of jobs can not be ended: {pids}; end them, then run again")
            time.sleep(_LOOK_S)


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _me(pid: int | None = None) -> _Runner:
    pid = os.getpid() if pid is None else pid
    started = procfs.start_time(pid) if procfs.available() else None
    return _Runner(socket.gethostname(), procfs.boot(), _machine(), procfs.namespace(), pid, started or "")


@cache
def _machine() -> str:
    """Return what tells this machine from others of its name; a digest, as the id is not for others."""
    try:
        text = _MACHINE_ID.read_text().strip()
    except OSError:
        return ""
    return blake2b(text.encode(), digest_size=4, person=b"torc_frames").hexdigest() if text else ""


def _parsed(runner: str) -> _Runner | None:
    """Return the parts of a runner's id; None for what is not one."""
    host, *place, pid, started = runner.split(":") if runner.count(":") in (2, 3) else ("", "", "")
    if not host or not pid.isdecimal():
        return None
    boot, machine, namespace, _ = place[0].split(".") if place and place[0].count(".") == 3 else ("",) * 4
    return _Runner(host, boot, machine, namespace, int(pid), started)


def _signal_all(those: Iterable[Process], number: int) -> None:
    for process in those:
        with suppress(ProcessLookupError, PermissionError):
            _signal(process, number)


def _signal(process: Process, number: int) -> None:
    """Signal this very process, not a later one that was given its pid."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # an older kernel
        if procfs.start_time(process.pid) == process.started:
            os.kill(process.pid, number)
        return
    try:
        if procfs.start_time(process.pid) == process.started:
            signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _left(known: set[Process], jobs: Jobs, calls: bool) -> set[Process]:
    """Bring what is known of jobs' processes up to date, and return it.

    Those seen once stay known when what started them is gone.
    """
    known.update(*job_processes(jobs, calls=calls).values())
    known.difference_update([one for one in known if procfs.start_time(one.pid) != one.started])
    return known


def _signal_groups(groups: Iterable[int], number: int) -> list[int]:
    """Signal process groups (0: nothing), and return those that there are."""
    there = []
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            there.append(group)
    return there
