"""Processes as Linux' ``/proc`` tells of them; elsewhere, or where it is hidden, nothing is told."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "FIRST_NAMESPACE",
    "Process",
    "ancestors",
    "available",
    "boot",
    "memory_files",
    "memory_over",
    "named_in_namespace",
    "namespace",
    "namespaces_are_shown",
    "processes",
    "start_time",
    "started_with",
    "with_descendants",
]

FIRST_NAMESPACE = str(0xEFFFFFFC)
"""The PID namespace in which a machine begins, from which all others are seen."""

_PROC = Path("/proc")
_ENDED = ("Z", "X")
_MEMORY_FILE = "/memfd:"


class Process(NamedTuple):
    """A process that has not ended; ``started``, in ticks since boot, tells it from later ones of its pid."""

    pid: int
    parent: int
    started: str


def available() -> bool:
    """Return whether ``/proc`` is there and numbers processes as this one does."""
    try:
        return os.readlink(_PROC / "self") == str(os.getpid())
    except OSError:
        return False


def boot() -> str:
    """Return what tells this start of the machine from others, "" where that is unknown."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")[:12]
    except OSError:
        return ""


def namespace() -> str:
    """Return which PID namespace this process is in, "" where that is unknown."""
    return _namespace_of("self") or ""


def start_time(pid: int) -> str | None:
    """Return when a process started (ticks since boot), "" if it has ended, None where that is unknown."""
    fields = _stat(pid)
    if fields is None:
        return None
    return "" if fields[0] in _ENDED else fields[19]


def processes() -> dict[int, Process]:
    """Return the processes that have not ended, of all users, by pid."""
    found = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None and fields[0] not in _ENDED:
            found[pid] = Process(pid, int(fields[1]), fields[19])
    return found


def started_with(name: str, among: Collection[Process]) -> Iterator[tuple[Process, str]]:
    """Yield the processes that were started with a variable in their environment, and its value."""
    prefix = f"{name}=".encode()
    for process in among:
        try:
            environment = (_PROC / str(process.pid) / "environ").read_bytes()
        except OSError:
            continue  # another user's, or ended
        if prefix in environment:
            values = [entry for entry in environment.split(b"\0") if entry.startswith(prefix)]
            if values:
                yield process, values[-1].removeprefix(prefix).decode(errors="replace")


def memory_files(among: Collection[Process]) -> Iterator[tuple[Process, str]]:
    """Yield the processes that hold files in memory open (`os.memfd_create`), and the name of each."""
    for process in among:
        folder = _PROC / str(process.pid) / "fd"
        try:
            targets = [_link(folder / number) for number in os.listdir(folder)]
        except OSError:
            continue
        for target in targets:
            if target is not None and target.startswith(_MEMORY_FILE):
                yield process, target.removeprefix(_MEMORY_FILE).removesuffix(" (deleted)")


def with_descendants(roots: Collection[Process], among: dict[int, Process]) -> set[Process]:
    """Return processes and all that they started, and those started, as far as the line is unbroken."""
    children: dict[int, list[Process]] = {}
    for process in among.values():
        children.setdefault(process.parent, []).append(process)
    found, waiting = set(roots), list(roots)
    while waiting:
        new = [child for child in children.get(waiting.pop().pid, ()) if child not in found]
        found.update(new)
        waiting += new
    return found


def ancestors(pid: int, among: dict[int, Process]) -> set[int]:
    """Return the pids of a process and of those that started it."""
    found: set[int] = set()
    while pid in among and pid not in found:
        found.add(pid)
        pid = among[pid].parent
    return found


def memory_over(among: Collection[Process], limit: int) -> int | None:
    """Return how much memory processes hold together, None where it is no more than a limit.

    What several of them share counts once. Where that is not told, each is counted by itself.
    """
    # What each holds is read cheaply, and more than all hold together.
    if sum(map(_resident_bytes, among)) <= limit:
        return None
    used = sum(map(_proportional_bytes, among))
    return used if used > limit else None


def namespaces_are_shown() -> bool:
    """Return whether all processes of the machine, in all its PID namespaces, are seen from here."""
    return available() and namespace() == FIRST_NAMESPACE and _pid_inside(1) is not None


def named_in_namespace(which: str, pid: int, started: str) -> bool:
    """Return whether a process is seen that has this pid in its own PID namespace."""
    for process in processes().values():
        if _pid_inside(process.pid) != pid:
            continue
        found = _namespace_of(str(process.pid))
        # Another user's namespace can't be read; then when it started must do.
        if found == which or (found is None and process.started == started):
            return True
    return False


def _pids() -> Iterator[int]:
    if available():
        yield from (int(name) for name in os.listdir(_PROC) if name.isdecimal())


def _stat(pid: int) -> list[str] | None:
    try:
        # The name in parentheses may hold anything; state is the first field after it, the parent the second,
        # the start time the 20th.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields if len(fields) > 19 else None


def _resident_bytes(process: Process) -> int:
    try:
        fields = (_PROC / str(process.pid) / "statm").read_text().split()
    except OSError:
        return 0  # it has ended
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def _proportional_bytes(process: Process) -> int:
    """Return how much memory a process holds, of what it shares its part."""
    try:
        lines = (_PROC / str(process.pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        lines = []  # another user's, ended, or a Linux of before 2017
    line = next((line for line in lines if line.startswith("Pss:")), None)
    return _resident_bytes(process) if line is None else int(line.split()[1]) * 1024


def _namespace_of(process: str) -> str | None:
    return (_link(_PROC / process / "ns/pid") or "").removeprefix("pid:[").removesuffix("]") or None


def _pid_inside(pid: int) -> int | None:
    """Return the pid that a process has in its own namespace."""
    try:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return None
    line = next((line for line in lines if line.startswith("NSpid:")), None)
    return None if line is None else int(line.split()[-1])


def _link(path: Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
