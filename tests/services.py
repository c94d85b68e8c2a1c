"""`torc-frames serve` as a process of its own, started and stopped by tests."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from places import REPOSITORY
from servers import plain_environment, wait_until

_COMMAND = (sys.executable, "-m", "torc_frames.cli", "serve")
_STOP_SECONDS = 60
_LOG_TAIL = 4000


class Service:
    """A service of its own: a process, a database, a free port.

    Attributes
    ----------
    url : str
        With ``/_db/workflows/torc-service``, as the process printed it.
    directory, database, log : Path
        ``log`` is what it writes to stderr.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        database: str = "study.db",
        command: Sequence[str] = _COMMAND,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.database = directory / database
        self.log = directory / "service.log"
        self.url = ""
        self._options = options
        self._command = command
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        # Proxies, .netrc and certificates of this machine have no say.
        self._session.trust_env = False

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it (again) with the same database, and wait until it has printed its url."""
        told = self.directory / "service.out"
        command = [*self._command, str(self.database), "--port", "0", *self._options]
        with told.open("wb") as out, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=plain_environment(self.directory) | {"PYTHONPATH": str(REPOSITORY)} | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                # Ctrl-C is for pytest, which then stops it.
                start_new_session=True,
            )
        try:
            wait_until(lambda: told.read_text().endswith("\n") or self._ended(), "the service's url")
        except BaseException:
            self.kill()
            raise
        self.url = told.read_text().strip()
        if not self.url:
            self.kill()
            raise RuntimeError(f"the service did not start: {self.log.read_text()[-_LOG_TAIL:]}")

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the process has ended, and return its exit code."""
        assert self._process is not None
        code = self._process.wait(_STOP_SECONDS)
        self._process = None
        return code

    def stop(self) -> int:
        """Ask the process to end, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """Take the process away as a power cut does; nothing if it has ended."""
        process, self._process = self._process, None
        self._session.close()
        if process is not None:
            process.kill()
            process.wait()

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request; `path` is below the url."""
        return self._session.request(method, self.url + path, **{"timeout": 60, **arguments})

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request, and return the JSON of its answer; an error if it is refused."""
        more = {} if body is None else {"json": body}
        answer = self.request(method, path, params=query, **more)
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def refusal(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str]:
        """Send a request that is refused, and return the status and the message."""
        more = {} if body is None else {"json": body}
        answer = self.request(method, path, params=query, **more)
        told = answer.json()
        assert (told["error"], told["code"]) == (True, answer.status_code)
        return answer.status_code, told["errorMessage"]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    @property
    def path(self) -> str:
        """The path of its url."""
        return urlsplit(self.url).path

    def connect(self) -> socket.socket:
        """Return a connection, for bytes as they are."""
        return socket.create_connection(self.address, timeout=60)

    def send(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the service closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
