"""The program `torc` of this machine: where it is, its environment, and its processes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from torc_frames import settings
from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.settings import is_secret
from torc_frames.store.http.replies import clean
from torc_frames.workflow.run import procfs
from torc_frames.workflow.run.machine import OwnPython
from torc_frames.workflow.run.processes import MARK, end_processes, mark_of, runner_id
from torc_frames.workflow.run.procfs import Process
from torc_frames.workflow.run.signals import check_signals

if TYPE_CHECKING:
    from torc_frames.store.v1.store import V1Store

__all__ = ["TICK_S", "TorcProcess", "TorcProgram", "server_environment"]

TICK_S = 1.0
"""How often it is looked whether a process has ended, and how far it is."""

_VERSION = re.compile(r"torc [0-9]+\.[0-9]+")
_GRACE_S = 5.0
_TAIL_BYTES = 600


class TorcProgram:
    """The program `torc` of this machine, which speaks to one server as a store does.

    Credentials are in its environment, never in its arguments, which everybody on a machine sees.
    """

    def __init__(self, store: V1Store) -> None:
        self._program = _find()
        self._environment, self._secrets = server_environment(store), _secrets_of(store)

    def call(self, *arguments: str) -> str:
        """Run it to its end, and return its stdout.

        Raises
        ------
        TorcFramesError
            If it fails, with what it says.
        """
        with tempfile.TemporaryFile() as out:
            with self.started(*arguments, stdout=out) as running:
                while not running.ended(TICK_S):
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


def server_environment(store: V1Store) -> dict[str, str]:
    """Return the environment in which a program speaks to the server as the store does."""
    server = store.settings
    said = {
        settings.API_URL: server.url,
        settings.USERNAME: server.username,
        settings.PASSWORD: server.password,
        settings.COOKIE_HEADER: server.cookie,
        settings.TLS_CA_CERT: server.ca_cert,
        settings.TLS_INSECURE: "true" if server.insecure else None,
        settings.BASE: store.base,
    }
    own = {name: value for name, value in os.environ.items() if not is_secret(name, value)}
    for name in (*said, settings.DATABASE_URL):
        if name != settings.USERNAME:
            own.pop(name, None)
    return own | {name: value for name, value in said.items() if value is not None}


def _secrets_of(store: V1Store) -> list[str]:
    return [secret for secret in (store.settings.password, store.settings.cookie) if secret]
