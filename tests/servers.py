"""The real torc-server, started and stopped by tests."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest
import requests

VERSION = "1.0.0"
BASE_PATH = "/torc-service/v1"
USERS = {"alice": "glass mountains walk slowly", "bob": "pässword:with colon"}

_BUILD = f"SQLX_OFFLINE=true cargo install torc --version {VERSION} --locked --features server-bin --root "
_START_SECONDS = 30
_STOP_SECONDS = 20
_LOG_TAIL = 4000
_TRIES = 10


def cache_root() -> Path:
    """Return the folder outside the checkout that `.ci/run` installs torc into."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TORC_FRAMES_CACHE") or Path(cache) / "torc_frames") / f"torc-{VERSION}"


def find_binary(name: str) -> Path | None:
    """Return the path of a program of torc: in TORC_BIN_DIR, on the PATH, or in the cache."""
    own = os.environ.get("TORC_BIN_DIR")
    folders = [*([own] if own else []), os.environ.get("PATH", os.defpath), str(cache_root() / "bin")]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found).absolute() if found else None


def need(what: str, found: Any, hint: str) -> Any:
    """Return what was found, or skip the test; with TORC_FRAMES_REQUIRE_ALL, fail it."""
    if found:
        return found
    message = f"{what} is missing; to get it: {hint}"
    if os.environ.get("TORC_FRAMES_REQUIRE_ALL"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def need_binary(name: str) -> Path:
    """Return the path of a program of torc; see `need`."""
    found: Path = need(name, find_binary(name), f"{_BUILD}{cache_root()}")
    return found


def need_migrations(version: str) -> list[Path]:
    """Return the SQL by which an older torc makes its database, in order; see `need`."""
    found = sorted((cache_root().parent / f"torc-{version}" / "migrations").glob("*.up.sql"))
    files: list[Path] = need(
        f"the SQL of torc {version}'s database", found, "run .ci/run, or unpack its crate"
    )
    return files


def find_examples() -> Path | None:
    """Return the folder of the examples of torc's crate: where `.ci/run` keeps it, or cargo has it."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "registry" / "src"
    places = [cache_root().parent / f"torc-{VERSION}-examples", *cargo.glob(f"*/torc-{VERSION}/examples")]
    return next((place for place in places if place.is_dir()), None)


def need_examples() -> Path:
    """Return the folder of the examples of torc's crate; see `need`."""
    found: Path = need(f"the examples of torc {VERSION}", find_examples(), "run .ci/run, or unpack its crate")
    return found


def wait_until(condition: Callable[[], Any], what: str, seconds: float = _START_SECONDS) -> Any:
    """Return what the condition returns as soon as that is true; TimeoutError if it never is."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.01)
    return value


class TorcServer:
    """A torc-server of its own: a process, a database, a port.

    Attributes
    ----------
    url : str
        With ``/torc-service/v1``.
    directory, database, log : Path
    username, password : str or None
        Of the first of `USERS`, if it asks for one.
    ca_cert : Path or None
        The certificate of the authority that vouches for it, if it speaks TLS.
    """

    def __init__(self, directory: Path, *, auth: bool = False, tls: bool = False, port: int = 0) -> None:
        self.directory = directory
        self.database = directory / "torc.db"
        self.log = directory / "torc-server.log"
        self.username: str | None = None
        self.password: str | None = None
        if auth:
            self.username, self.password = next(iter(USERS.items()))
        self.ca_cert = directory / "ca.pem" if tls else None
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, directory: Path, *, auth: bool = False, tls: bool = False, port: int = 0) -> TorcServer:
        """Start a server with an empty database in a directory, and wait until it answers."""
        server = cls(directory, auth=auth, tls=tls, port=port)
        if auth:
            _write_passwords(server._password_file)
        if tls:
            _write_certificates(directory)
        server.restart()
        return server

    def __enter__(self) -> TorcServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self.ca_cert else 'http'}://127.0.0.1:{self._port}{BASE_PATH}"

    def stop(self) -> None:
        """Ask the process to end, and wait until it has; nothing if it has already."""
        self._end(lambda process: process.terminate())

    def kill(self) -> None:
        """Take the process away as a power cut does."""
        self._end(lambda process: process.kill())

    def restart(self) -> None:
        """Start it (again) with the same database and port, and wait until it answers."""
        self.stop()
        for left in reversed(range(_TRIES)):
            try:
                self._start()
                return
            except RuntimeError as error:
                # A connection of somebody else may have been given the port meanwhile.
                if not left or "AddrInUse" not in str(error):
                    raise
            time.sleep(1)

    def _start(self) -> None:
        with self.log.open("ab") as log:
            mark = log.tell()
            self._process = self._spawn(log)
        try:
            self._port = wait_until(lambda: self._announced_port(mark), "torc-server's port")
            wait_until(self._answers, "torc-server's answer")
        except BaseException as error:
            self.kill()
            if not isinstance(error, Exception):
                raise
            tail = self.log.read_text(errors="replace")[-_LOG_TAIL:]
            raise RuntimeError(f"torc-server did not start: {error}\n{tail}") from error

    def request(
        self, method: str, path: str, *, user: str | None = None, **arguments: Any
    ) -> requests.Response:
        """Send a request as the first of `USERS` or another one; `path` is below the url."""
        name = user or self.username
        with requests.Session() as session:
            # Proxies, .netrc and certificates of this machine have no say.
            session.trust_env = False
            # Bytes, as text would be sent in Latin-1.
            credentials: Any = (name.encode(), USERS[name].encode()) if self.username and name else None
            session.auth = credentials
            session.verify = str(self.ca_cert) if self.ca_cert else True
            return session.request(method, self.url + path, **{"timeout": 60, **arguments})

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request, and return the JSON of its answer; an error if it is refused."""
        answer = self.request(method, path, **arguments)
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def settings(self) -> dict[str, str]:
        """Return the TORC_* variables by which `torc` and its jobs find the server."""
        variables = {"TORC_API_URL": self.url}
        if self.username and self.password:
            variables |= {"TORC_USERNAME": self.username, "TORC_PASSWORD": self.password}
        if self.ca_cert:
            variables["TORC_TLS_CA_CERT"] = str(self.ca_cert)
        return variables

    @property
    def _password_file(self) -> Path:
        return self.directory / "htpasswd"

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [str(need_binary("torc-server")), "run", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--database", str(self.database), "--completion-check-interval-secs", "1"]
        # It ends when its stdin does, so it does not outlive tests that were killed.
        command += ["--shutdown-on-stdin-eof"]
        if self.username:
            command += ["--auth-file", str(self._password_file), "--require-auth", "--enforce-access-control"]
        if self.ca_cert:
            cert, key = self.directory / "cert.pem", self.directory / "key.pem"
            command += ["--https", "--tls-cert", str(cert), "--tls-key", str(key)]
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env=plain_environment(self.directory),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for pytest, which then stops it.
            start_new_session=True,
        )

    def _announced_port(self, mark: int) -> int | None:
        self._check_that_it_runs()
        with self.log.open("rb") as log:
            log.seek(mark)
            for line in log.read().splitlines(keepends=True):
                if line.startswith(b"TORC_SERVER_PORT=") and line.endswith(b"\n"):
                    return int(line.partition(b"=")[2])
        return None

    def _answers(self) -> bool:
        self._check_that_it_runs()
        try:
            return self.request("GET", "/version", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def _check_that_it_runs(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError("the process ended")

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            how(process)
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


def plain_environment(directory: Path) -> dict[str, str]:
    """Return this process's environment without what would configure torc."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TORC_")}
    for name in ("DATABASE_URL", "RUST_LOG"):
        kept.pop(name, None)
    return kept | {"XDG_CONFIG_HOME": str(directory)}


def run_torc(
    server: TorcServer,
    *arguments: str,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
) -> str:
    """Run `torc` against a server, in a directory, and return its stdout; an error if it fails.

    Jobs that it runs find `torc` and the programs of this Python on their PATH.
    """
    torc = need_binary("torc")
    folders = [str(torc.parent), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    done = subprocess.run(
        [str(torc), *arguments],
        cwd=directory,
        env=plain_environment(directory)
        | server.settings()
        | {"PATH": os.pathsep.join(folders)}
        | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"torc {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def wipe(server: TorcServer) -> None:
    """Delete all workflows of a server, of all its users; keys begin anew, as in an empty one."""
    for user in USERS if server.username else (None,):
        for key in _workflow_keys(server, user):
            server.call("DELETE", f"/workflows/{key}", user=user)
    with closing(sqlite3.connect(server.database)) as database, database:
        # The server leaves what its jobs' RO-Crates had, and a new workflow would have it by its key.
        database.execute("DELETE FROM ro_crate_entity")
        database.execute("DELETE FROM sqlite_sequence")


def _workflow_keys(server: TorcServer, user: str | None) -> Iterator[int]:
    for archived in ("false", "true"):
        query = {"is_archived": archived, "limit": "100000"}
        for workflow in server.call("GET", "/workflows", user=user, params=query)["items"]:
            yield workflow["id"]


def _write_passwords(path: Path) -> None:
    program = str(need_binary("torc-htpasswd"))
    for name, password in USERS.items():
        command = [program, "add", "--file", str(path), "--password", password, "--cost", "4", name]
        subprocess.run(command, check=True, capture_output=True, env=plain_environment(path.parent))


def _write_certificates(directory: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    (directory / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
