"""Where results come from: the machine, the versions, and the commit of the folder in which jobs run."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

from torc_frames.settings import __version__

__all__ = ["origin"]

_PATIENCE_S = 2.0
# What a repository says of itself runs nothing here.
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
    commit = _said_by("rev-parse", "--verify", "HEAD")
    if commit:
        found["git_commit"] = commit.strip()
        changed = _said_by("status", "--porcelain", "--untracked-files=no")
        if changed is not None:
            found["git_clean"] = not changed.strip()
    return found


def _said_by(*arguments: str) -> str | None:
    """Return what git says, None where it fails or takes too long."""
    with tempfile.TemporaryFile() as out:
        try:
            process = subprocess.Popen(
                [*_GIT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,  # no pipe, which what git has started could hold open
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):
            return None
        try:
            code = process.wait(_PATIENCE_S)
        except BaseException as error:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return None
        out.seek(0)
        return out.read(1 << 20).decode(errors="replace") if code == 0 else None
