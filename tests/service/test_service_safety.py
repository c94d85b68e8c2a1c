"""`torc-frames serve`: whom it lets in, what it bears, what it logs, and how it ends."""

from __future__ import annotations

import base64
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import requests
import uvicorn
from click.testing import CliRunner
from places import TESTS
from servers import plain_environment, wait_until
from services import REPOSITORY, Service, free_port

import torc_frames as tf
from torc_frames.cli.root import root

TOKEN = "glass mountains: walk slowly, pässword"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service"), "--allow-host", "Node17.cluster") as service:
        yield service


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for a token."""
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "token").write_text(TOKEN + "\n")
    with Service(directory, "--token-file", str(directory / "token")) as service:
        yield service


@pytest.fixture
def workflow(service: Service) -> str:
    return str(service.call("POST", "/workflows", {"name": "ridge"})["_key"])


def raw(service: Service, *lines: str, body: bytes = b"") -> bytes:
    """Send a request as it is written, and return the answer."""
    head = "\r\n".join([*lines, "Connection: close", "", ""]).format(path=service.path)
    return service.send(head.encode() + body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# names


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.1:65000", "127.1.2.3"),
        *("[::1]", "[::1]:8529", "node17.cluster", "node17.CLUSTER:9"),
    ],
)
def test_it_is_known_by_the_names_of_this_machine_and_those_allowed(service: Service, host: str) -> None:
    assert status(raw(service, "GET {path}/workflows HTTP/1.1", f"Host: {host}")) == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:8529",
            "10.0.0.1",
        ),
        *(
            "",
            "a@localhost",
            "localhost:80:80",
            "[::1",
            "localhost/",
            "0.0.0.0",
            "[::]",
            "node17",
            "localhost evil",
        ),
    ],
)
def test_other_names_are_refused(service: Service, host: str) -> None:
    answer = raw(service, "GET {path}/workflows HTTP/1.1", f"Host: {host}")
    assert status(answer) == 400
    assert b"items" not in answer


def test_a_request_without_a_name_is_refused(service: Service) -> None:
    assert status(raw(service, "GET {path}/workflows HTTP/1.0")) == 400
    assert status(raw(service, "GET {path}/workflows HTTP/1.1")) == 400


# other web pages


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_pages_of_others_change_nothing(
    service: Service, workflow: str, headers: dict[str, str], method: str
) -> None:
    path = f"/user_data/{workflow}" + ("/torc_frames" if method == "PUT" else "")
    kept = service.call("POST", f"/user_data/{workflow}", {"kept": True})
    answer = service.request(method, path, json={"a": 1}, headers=headers)
    assert (answer.status_code, answer.json()["errorNum"]) == (403, 403)
    assert service.call("GET", f"/user_data/{workflow}")["items"] == [kept]


def test_pages_of_its_own_may_change_things(service: Service, workflow: str) -> None:
    origin = "http://{}:{}".format(*service.address)
    for headers in ({"Origin": origin}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        answer = service.request("POST", f"/user_data/{workflow}", json={}, headers=headers)
        assert answer.status_code == 200


def test_no_page_of_others_may_read(service: Service, workflow: str) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = service.request(method, f"/user_data/{workflow}", headers=asked)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None, ""),
        *("application/jsonp", "text/plain; application/json", "application/json-patch"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_a_form_can_send_is_refused(
    service: Service, workflow: str, kind: str | None, method: str
) -> None:
    kept = service.call("POST", f"/user_data/{workflow}", {"kept": True})
    headers = {} if kind is None else {"Content-Type": kind}
    answer = service.request(method, f"/user_data/{workflow}", data=b'{"a": 1}', headers=headers)
    assert (answer.status_code, answer.json()["errorNum"]) == (415, 415)
    assert service.call("GET", f"/user_data/{workflow}")["items"] == [kept]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken(service: Service, workflow: str, kind: str) -> None:
    answer = service.request(
        "POST", f"/user_data/{workflow}", data=b'{"a": 1}', headers={"Content-Type": kind}
    )
    assert answer.status_code == 200


def test_without_a_body_no_kind_is_needed(service: Service, workflow: str) -> None:
    assert service.request("DELETE", f"/user_data/{workflow}").status_code == 200
    answer = service.request("DELETE", f"/user_data/{workflow}", json={})
    assert answer.status_code == 200


# the token


def login(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_the_token_lets_in(guarded: Service) -> None:
    for headers in (
        {"Authorization": b"Bearer " + TOKEN.encode()},
        {"Authorization": b"bearer " + TOKEN.encode()},
        login("root", TOKEN),
        login("", TOKEN),
    ):
        assert guarded.request("GET", "/workflows", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        *({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"}),
        *({"Authorization": f"Bearer {TOKEN}x".encode()}, {"Authorization": TOKEN.encode()}),
        *(login("root", "wrong"), login("root", ""), login(TOKEN, ""), {"Authorization": "Basic !!!"}),
        *({"Authorization": "Basic eA=="}, {"Authorization": f"Digest {TOKEN}".encode()}),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("path", ["/workflows", "/version", "/openapi.json", "/nothing"])
def test_without_the_token_nothing_is_told(guarded: Service, headers: dict[str, str], path: str) -> None:
    answer = guarded.request("GET", path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, 401)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="torc-frames", Basic realm=')


def test_the_description_says_that_a_token_is_needed(guarded: Service, service: Service) -> None:
    described = guarded.request("GET", "/openapi.json", headers=login("x", TOKEN)).json()
    assert described["security"] == [{"basic": []}, {"bearer": []}]
    assert "security" not in service.call("GET", "/openapi.json")


def test_the_token_may_stand_in_the_environment(tmp_path: Path) -> None:
    with Service(tmp_path, environment={"TORC_FRAMES_SERVE_TOKEN": "abc"}) as guarded:
        assert guarded.request("GET", "/workflows").status_code == 401
        answer = guarded.request("GET", "/workflows", headers={"Authorization": "Bearer abc"})
        assert answer.status_code == 200


def test_an_address_that_others_reach_is_served_with_a_token(tmp_path: Path) -> None:
    options = ("--host", "0.0.0.0", "--allow-host", "localhost")
    with Service(tmp_path, *options, environment={"TORC_FRAMES_SERVE_TOKEN": "abc"}) as guarded:
        assert re.fullmatch(r"http://localhost:\d+/_db/workflows/torc-service", guarded.url)
        answer = guarded.request("GET", "/workflows", headers={"Authorization": "Bearer abc"})
        assert answer.status_code == 200


def test_ipv6_is_spoken(tmp_path: Path) -> None:
    with Service(tmp_path, "--host", "::1", "--name", "mine") as service:
        assert re.fullmatch(r"http://\[::1\]:\d+/_db/mine/torc-service", service.url)
        assert service.call("GET", "/workflows")["items"] == []
        assert service.call("GET", "/openapi.json")["servers"] == [{"url": "/_db/mine/torc-service"}]


# what does not start


def refused(directory: Path, *arguments: str, **environment: str) -> str:
    """Return what a service tells that does not start."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(directory)
        for name in os.environ:
            if name.startswith("TORC_"):
                patched.delenv(name)
        for name, value in {"XDG_CONFIG_HOME": str(directory), **environment}.items():
            patched.setenv(name, value)
        # One that does start is told as well, and ends.
        patched.setattr(uvicorn.Server, "run", lambda self, sockets: None)
        done = CliRunner().invoke(root, ["serve", *arguments], prog_name="torc-frames")
    assert (done.exit_code in (1, 2), done.stdout) == (True, ""), done
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_others_reach_needs_a_token(tmp_path: Path, host: str) -> None:
    told = refused(tmp_path, "study.db", "--host", host)
    assert "TORC_FRAMES_SERVE_TOKEN" in told
    assert "--token-file" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("token", ["", " \n", "a\nb", "a\x00b", "x" * 5000], ids=range(5))
def test_a_token_that_is_none_is_a_mistake(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    assert "holds no token" in refused(tmp_path, "study.db", "--token-file", "token")
    if "\0" not in token:
        assert "holds no token" in refused(tmp_path, "study.db", TORC_FRAMES_SERVE_TOKEN=token)
    assert not (tmp_path / "study.db").exists()


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path, "study.db", "--token-file", "token")


def test_a_port_that_is_taken_is_told(service: Service, tmp_path: Path) -> None:
    port = str(service.address[1])
    told = refused(tmp_path, "study.db", "--port", port)
    assert (
        told
        == f"Error: can not listen at 127.0.0.1, port {port}: Address already in use; --port takes another\n"
    )
    assert not (tmp_path / "study.db").exists()


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path, "study.db", "--host", "192.0.2.1", TORC_FRAMES_SERVE_TOKEN="abc")
    assert "can not listen at 192.0.2.1, port 8529: Cannot assign requested address" in told
    told = refused(tmp_path, "study.db", "--host", "no.such.host.invalid", TORC_FRAMES_SERVE_TOKEN="abc")
    assert "no.such.host.invalid is no address of this machine" in told


def test_only_files_of_our_own_are_served(tmp_path: Path) -> None:
    assert "only a file can be served" in refused(tmp_path, "http://me:secret@host:8080/torc-service/v1")
    assert "secret" not in refused(tmp_path, "http://me:secret@host:8080/torc-service/v1")
    assert "only a file can be served" in refused(tmp_path, TORC_API_URL="http://host:8080/torc-service/v1")
    (tmp_path / "text").write_text("no database" * 200)
    assert "text" in refused(tmp_path, "text")
    with closing(sqlite3.connect(tmp_path / "torc.db")) as torc:
        for table in ("_sqlx_migrations", "workflow", "job", "user_data"):
            torc.execute(f"CREATE TABLE {table} (id)")
    assert "torc-server run --database" in refused(tmp_path, "torc.db")
    assert "given twice" in refused(tmp_path, "a.db", "-u", "b.db")


@pytest.mark.parametrize("options", [("--name", "a/b"), ("--max-body", "much"), ("--port", "70000")])
def test_options_that_make_no_sense_are_told(tmp_path: Path, options: tuple[str, str]) -> None:
    assert options[0] in refused(tmp_path, "study.db", *options)


def test_a_missing_extra_is_told(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('no', name='starlette')")
    done = subprocess.run(
        [sys.executable, "-m", "torc_frames.cli", "serve", "study.db"],
        cwd=tmp_path,
        env=plain_environment(tmp_path) | {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: serve needs more: pip install 'torc_frames[server]'\n"


def test_the_default_is_the_store_of_all_commands(tmp_path: Path) -> None:
    port = str(free_port())
    command = [sys.executable, "-m", "torc_frames.cli", "serve", "--port", port]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TORC_")}
    environment |= {"PYTHONPATH": str(REPOSITORY), "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"http://127.0.0.1:{port}/_db/workflows/torc-service\n"
        process.terminate()
        assert process.wait(30) == 0
    assert (tmp_path / "torc_frames.db").exists()


# what it bears


def test_a_body_that_is_too_large_is_refused_and_the_next_is_not(tmp_path: Path) -> None:
    with Service(tmp_path, "--max-body", "1m") as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        path = f"/user_data/{workflow}"
        for size in (MEGABYTE + 1, 3 * MEGABYTE):
            told = service.refusal("POST", path, {"a": "x" * size})
            assert told == (413, "request body is larger than 1,048,576 bytes")
        headers = {"Content-Type": "application/json"}
        chunks = (b"x" * 65536 for _ in range(40))
        assert service.request("POST", path, data=chunks, headers=headers).status_code == 413
        announced = raw(
            service,
            f"POST {{path}}{path} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {10**15}",
        )
        assert status(announced) == 413
        expecting = raw(
            service,
            f"POST {{path}}{path} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {2 * MEGABYTE}",
            "Expect: 100-continue",
        )
        assert status(expecting) == 413
        assert service.call("GET", path)["total_count"] == 0
        service.call("POST", path, {"a": "x" * (MEGABYTE - 100)})


def test_headers_without_end_are_refused(service: Service) -> None:
    lines = ["GET {path}/workflows HTTP/1.1", "Host: localhost"]
    assert status(raw(service, *lines, "X-Long: " + "x" * 20_000)) == 200
    assert status(raw(service, *lines, "X-Long: " + "x" * 40_000)) == 431
    for endless in ("X-Long: " + "x" * 1_000_000, "X-Short: x\r\n" * 100_000):
        answer = b""
        with service.connect() as connection, suppress(OSError):
            connection.sendall("\r\n".join([*lines, endless]).format(path=service.path).encode())
            answer = connection.recv(65536)
        assert answer == b"" or status(answer) == 400
    assert service.call("GET", "/workflows")


@pytest.mark.parametrize(
    "request_",
    [
        *(
            b"",
            b"\0\0\0",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        ),
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=range(10),
)
def test_what_is_no_http_does_not_break_it(service: Service, request_: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(request_)
        connection.shutdown(1)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer == b"" or status(answer) == 400
    assert service.call("GET", "/workflows")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits 0.7 s for headers, 1 s for bodies and readers, and 1 s between requests."""
    command = (sys.executable, str(TESTS / "serve_impatiently.py"))
    with Service(tmp_path_factory.mktemp("impatient"), command=command) as service:
        service.call("POST", "/workflows", {"name": "w"})
        yield service


HEAD = "POST {path}/user_data/1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        ("", b""),
        ("GET {path}/workflows HTTP/1.1\r\n", b"X-A: b\r\n"),
        (HEAD + "Content-Length: 100000\r\n\r\n", b" "),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        ("GET {path}/version HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
        ("GET {path}/version HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nX: y"),
        (
            "GET {path}/version HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD + "Content-Length: 9\r\n\r\n",
            b"",
        ),
    ],
    ids=["silent", "headers", "body", "chunks", "idle", "idle-headers", "at-once"],
)
def test_a_slow_client_is_cut(impatient: Service, start: str, drop: bytes) -> None:
    before = impatient.call("GET", "/user_data/1")
    begin = time.monotonic()
    with impatient.connect() as connection:
        connection.sendall(start.format(path=impatient.path).encode())
        connection.settimeout(0.05)
        while time.monotonic() < begin + 10:
            try:
                connection.sendall(drop)
                if connection.recv(65536) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        seconds = time.monotonic() - begin
    assert 0.5 < seconds < 5
    assert impatient.call("GET", "/user_data/1") == before


@pytest.fixture(scope="module")
def large(impatient: Service) -> str:
    """The path of a workflow's records, of 20 MB."""
    workflow = impatient.call("POST", "/workflows", {"name": "large"})["_key"]
    for _ in range(20):
        impatient.call("POST", f"/user_data/{workflow}", {"a": "x" * MEGABYTE})
    return f"/user_data/{workflow}"


@pytest.mark.parametrize("at_once", [0, MEGABYTE // 10], ids=["nothing", "a-little"])
def test_a_client_that_does_not_read_is_cut(impatient: Service, large: str, at_once: int) -> None:
    begin, read = time.monotonic(), 0
    with impatient.connect() as connection:
        connection.sendall(f"GET {impatient.path}{large} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with suppress(ConnectionError):
            while time.monotonic() < begin + 2.5:
                read += len(connection.recv(at_once)) if at_once else 0
                time.sleep(0.05)
            while chunk := connection.recv(MEGABYTE):
                read += len(chunk)
    assert read < 20 * MEGABYTE
    assert len(impatient.call("GET", large)["items"]) == 20


def test_a_client_that_reads_all_of_each_answer_is_not_cut(impatient: Service, large: str) -> None:
    with impatient.connect() as connection, connection.makefile("rb") as answers:
        for _ in range(4):
            connection.sendall(f"GET {impatient.path}{large} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            time.sleep(0.1)  # the service has to wait for it
            head = b"".join(iter(answers.readline, b"\r\n"))
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            assert len(answers.read(length)) == length > 20 * MEGABYTE
            time.sleep(0.3)


def test_slow_clients_do_not_keep_others_waiting(impatient: Service) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(impatient.connect())
            connection.sendall(HEAD.format(path=impatient.path).encode() + b"Content-Length: 100000\r\n\r\n{")
        begin = time.monotonic()
        impatient.call("POST", "/user_data/1", {"a": 1})
        assert time.monotonic() - begin < 0.9


def test_200_idle_connections_do_not_slow_a_request(service: Service) -> None:
    def milliseconds() -> float:
        took = []
        for _ in range(60):
            begin = time.perf_counter()
            service.call("GET", "/workflows", limit=1)
            took.append(1000 * (time.perf_counter() - begin))
        return statistics.median(took)

    service.call("GET", "/workflows", limit=1)
    alone = milliseconds()
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(service.connect())
        crowded = milliseconds()
    assert crowded < 3 * alone + 5, f"{crowded:.1f} ms beside 200 connections, {alone:.1f} ms alone"


def test_readers_do_not_wait_for_a_writer(service: Service, workflow: str) -> None:
    with closing(sqlite3.connect(service.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=service.call, args=("POST", f"/user_data/{workflow}", {"a": 1}))
        writer.start()
        time.sleep(0.1)
        begin = time.monotonic()
        requests.get(f"{service.url}/user_data/{workflow}", timeout=60)
        assert time.monotonic() - begin < 10
        other.rollback()
        writer.join()
    assert service.call("GET", f"/user_data/{workflow}")["total_count"] == 1


# what it tells, and to whom


def test_a_request_is_one_line_of_the_log_without_secrets(guarded: Service) -> None:
    mark = guarded.log.stat().st_size
    guarded.request("GET", "/workflows?_key=query-secret", headers=login("user-secret", TOKEN))
    guarded.request("GET", "/no%0A%1B%5B2Jsuch", headers=login("x", TOKEN))
    guarded.request(
        "DELETE", "/workflows/1?x=query-secret", headers={"Authorization": "Bearer header-secret"}
    )

    def lines() -> list[str] | None:
        found = guarded.log.read_text()[mark:].splitlines()
        return found if len(found) >= 3 else None

    listed = wait_until(lines, "three lines")
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} 127\.0\.0\.1:\d+ (\w+) (\S+) (\d+) \d+\.\d ms"
    found = [re.fullmatch(pattern, line) for line in listed]
    assert [match and match.groups() for match in found] == [
        ("GET", f"{guarded.path}/workflows", "200"),
        ("GET", f"{guarded.path}/no%0A%1B%5B2Jsuch", "404"),
        ("DELETE", f"{guarded.path}/workflows/1", "401"),
    ]
    text = guarded.log.read_text()
    encoded = login("user-secret", TOKEN)["Authorization"].split()[1]
    assert not [secret for secret in ("secret", TOKEN, encoded) if secret in text]


def test_long_paths_do_not_fill_the_log(service: Service) -> None:
    mark = service.log.stat().st_size
    service.request("GET", "/workflows/" + "x" * 10_000)
    assert service.log.stat().st_size - mark < 1000


def test_trouble_inside_is_told_by_a_reference_only(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        service.call("POST", f"/workflows/{workflow}/bulk_jobs", {"jobs": [{"command": "x" * 500}] * 2000})
        service.stop()
        size = service.database.stat().st_size
        with service.database.open("r+b") as file:
            file.seek(size // 2)
            file.write(os.urandom(size - size // 2))
        service.start()
        answer = service.request("GET", f"/jobs/{workflow}")
        assert (answer.status_code, answer.json()["errorNum"]) == (500, 500)
        told = answer.json()["errorMessage"]
        [reference] = re.findall(r"by the reference (\w+)$", told)
        assert str(tmp_path) not in answer.text
        assert "Traceback" not in answer.text
        log = service.log.read_text()
        assert f"reference {reference}: GET of {service.path}/jobs/{workflow} failed" in log
        assert "StoreFileError" in log


def test_a_database_that_stays_locked_is_told_as_busy(tmp_path: Path) -> None:
    script = tmp_path / "serve.py"
    script.write_text(
        "import sys\n"
        "from torc_frames.service import server\n"
        "server._LOCKED_SECONDS = 0.2\n"
        "server.serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True))\n"
    )
    with Service(tmp_path, command=(sys.executable, str(script))) as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        with closing(sqlite3.connect(service.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = service.request("POST", f"/user_data/{workflow}", json={})
            assert (answer.status_code, answer.json()["errorNum"]) == (503, 503)
            assert answer.headers["Retry-After"] == "1"
            assert str(tmp_path) not in answer.text
            other.rollback()
        service.call("POST", f"/user_data/{workflow}", {})


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_nothing_is_acknowledged_that_a_file_which_is_gone_would_take(tmp_path: Path, how: str) -> None:
    with Service(tmp_path) as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        kept = service.call("POST", f"/user_data/{workflow}", {"a": 1})
        (tmp_path / "aside").mkdir()
        for file in tmp_path.glob("study.db*"):
            file.rename(tmp_path / "aside" / file.name)
        if how == "replaced":
            tf.connect(service.database).create_workflow("other")
        for method in ("POST", "GET", "POST", "GET", "GET", "GET", "GET"):
            body = {} if method == "POST" else None
            assert service.refusal(method, f"/user_data/{workflow}", body)[0] == 503
        assert service.database.exists() is (how == "replaced")
        assert f"{service.database} was deleted or replaced" in service.log.read_text()
        for file in tmp_path.glob("study.db*"):
            file.unlink()
        for file in (tmp_path / "aside").iterdir():
            file.rename(tmp_path / file.name)
        assert service.call("GET", f"/user_data/{workflow}")["items"] == [kept]


# how it ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_acknowledged_is_in_the_file(tmp_path: Path, number: signal.Signals) -> None:
    with Service(tmp_path) as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        url = f"{service.url}/user_data/{workflow}"
        acknowledged: list[str] = []

        def post() -> None:
            with requests.Session() as session:
                while True:
                    try:
                        answer = session.post(url, json={"a": "x" * 1000}, timeout=60)
                    except requests.RequestException:
                        return
                    acknowledged.append(answer.json()["_key"])

        threads = [threading.Thread(target=post) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > 100, "the first hundred")
        service.signal(number)
        assert service.wait() == (-number if number == signal.SIGKILL else 0)
        for thread in threads:
            thread.join(60)
    stored = tf.connect(service.database).workflow(workflow).user_data()
    assert set(acknowledged) <= set(stored["record_key"])
    assert "Traceback" not in service.log.read_text()


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        answers: list[int] = []

        def post() -> None:
            answers.append(
                requests.post(f"{service.url}/user_data/{workflow}", json={}, timeout=60).status_code
            )

        with closing(sqlite3.connect(service.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            thread = threading.Thread(target=post)
            thread.start()
            time.sleep(0.3)
            service.signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(requests.ConnectionError):
                requests.get(service.url, timeout=60)
            other.rollback()
        assert service.wait() == 0
        thread.join(60)
    assert answers == [200]
    assert len(tf.connect(service.database).workflow(workflow).user_data()) == 1


def test_it_ends_at_once_when_clients_are_only_connected(tmp_path: Path) -> None:
    with Service(tmp_path) as service, service.connect() as idle, service.connect() as partly:
        idle.sendall(f"GET {service.path}/version HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        partly.sendall(b"GET / HTTP/1.1\r\n")
        begin = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begin < 5


def test_a_second_service_serves_the_same_file(service: Service, workflow: str, tmp_path: Path) -> None:
    with Service(tmp_path, database=str(service.database)) as other:
        made = other.call("POST", f"/user_data/{workflow}", {"a": 1})
        assert service.call("GET", f"/user_data/{workflow}")["items"] == [made]
