"""Where results come from: the machine, the versions, and the commit of the folder in which jobs run."""

from __future__ import annotations

import os
import platform
import re
import selectors
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import Any

from torc_frames.settings import __version__

__all__ = ["origin"]

_PATIENCE_S = 2.0
_ENOUGH = 4096
_COMMIT = re.compile("[0-9a-f]{40,64}")
# No hook or monitor of a repository runs here, only what makes its files (as Git LFS does).
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def origin() -> dict[str, Any]:
    """Return what is kept of where a call was made: host, versions, git commit and whether it was clean.

    The last two are of the working directory, and left out where there is no repository, no git, or one that
    takes longer than two seconds. Clean is a folder whose tracked files are as committed. Nothing else of the
    repository is kept: a url may hold a password.

    Examples
    --------
    >>> sorted(set(origin()) - {"git_commit", "git_clean"})
    ['host', 'python_version', 'torc_frames_version']
    """
    found: dict[str, Any] = {
        "host": socket.gethostname(),
        "python_version": platform.python_version(),
        "torc_frames_version": __version__,
    }
    commit = (_said_by("rev-parse", "--verify", "HEAD") or "").strip()
    if _COMMIT.fullmatch(commit):
        found["git_commit"] = commit
        changed = _said_by("status", "--porcelain", "--untracked-files=no")
        if changed is not None:
            found["git_clean"] = not changed.strip()
    return found


def _said_by(*arguments: str) -> str | None:
    """Return the beginning of what git says, None where it fails, or takes too long."""
    try:
        process = subprocess.Popen(
            [*_GIT, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    assert process.stdout is not None
    try:
        with process.stdout as out:
            said = _read(out.fileno(), time.monotonic() + _PATIENCE_S)
        return said if said is None or said or process.wait(_PATIENCE_S) == 0 else None
    except (OSError, subprocess.TimeoutExpired):
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(pipe: int, deadline: float) -> str | None:
    """Return what comes out of a pipe first; None if it neither comes nor ends until a time."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            return None
        return os.read(pipe, _ENOUGH).decode(errors="replace")
