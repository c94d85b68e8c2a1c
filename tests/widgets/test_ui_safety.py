"""`torc-frames ui`: whom it lets in, what it tells browsers, what it logs, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from places import REPOSITORY
from servers import plain_environment, wait_until
from services import free_port
from uis import Ui, upgrade, ws_frame

import torc_frames as tf
from torc_frames.cli.root import root

NAME = "ridge <script>alert(1)</script>"
SOCKET = (
    "GET /editor HTTP/1.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def study(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    wf = tf.connect(directory / "study.db").create_workflow(NAME)
    wf.push(tf.grid(alpha=[0.1, 1.0]), command="echo {alpha}")
    return directory


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with Ui(study(tmp_path_factory.mktemp("ui"))) as ui:
        yield ui


@pytest.fixture(scope="module")
def cookie(ui: Ui) -> str:
    return ui.enter()


def raw(ui: Ui, *lines: str, body: str = "") -> tuple[int, str]:
    """Send a request as it is written; return the status and the whole answer."""
    with ui.connect() as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        connection.settimeout(30)
        answer = connection.recv(65536).decode("latin-1")
    return int(answer.split(" ", 2)[1]), answer


def host(ui: Ui) -> str:
    return "{}:{}".format(*ui.address)


# names


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9999", "[::1]:8530"])
def test_it_is_known_by_the_names_of_the_loopback_at_any_port(ui: Ui, cookie: str, name: str) -> None:
    lines = (f"Host: {name}", f"Cookie: {cookie}")
    assert raw(ui, "GET /api/workflows HTTP/1.1", *lines)[0] == 200
    assert raw(ui, *SOCKET, *lines, f"Origin: http://{name}")[0] == 101


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "",
        "a@localhost",
    ],
)
@pytest.mark.parametrize("path", ["/", "/w/1/results", "/assets/host.js", "/api/workflows", "/report/1"])
def test_other_names_are_refused(ui: Ui, cookie: str, name: str, path: str) -> None:
    status, answer = raw(ui, f"GET {path} HTTP/1.1", f"Host: {name}", f"Cookie: {cookie}")
    assert status == 400
    assert "ridge" not in answer


def test_a_socket_by_another_name_is_refused(ui: Ui, cookie: str) -> None:
    lines = ("Host: evil.example", f"Cookie: {cookie}", "Origin: http://evil.example")
    assert raw(ui, *SOCKET, *lines)[0] == 400


# other sites


@pytest.mark.parametrize(
    "header",
    [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: http://localhost:1",
        "Origin: http://[bad",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ],
)
def test_pages_of_other_sites_are_refused_although_they_have_the_cookie(
    ui: Ui, cookie: str, header: str
) -> None:
    lines = (f"Host: {host(ui)}", f"Cookie: {cookie}", header)
    for path in ("/api/workflows", "/api/alive", "/report/1"):
        assert raw(ui, f"GET {path} HTTP/1.1", *lines)[0] == 403
    own = () if header.startswith("Origin") else (f"Origin: http://{host(ui)}",)
    assert raw(ui, *SOCKET, *lines, *own)[0] == 403
    body = f'{{"token":"{ui.token}"}}'
    status, answer = raw(
        ui, "POST /enter HTTP/1.1", f"Host: {host(ui)}", header, f"Content-Length: {len(body)}", body=body
    )
    assert status == 403
    assert "set-cookie" not in answer.lower()


def test_a_socket_says_which_page_it_is_of(ui: Ui, cookie: str) -> None:
    assert raw(ui, *SOCKET, f"Host: {host(ui)}", f"Cookie: {cookie}")[0] == 403


def test_nothing_is_told_to_pages_of_other_origins(ui: Ui) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        answer = requests.request(
            method,
            ui.root + "/",
            headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
            timeout=30,
        )
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# the secret


def changed(text: str) -> str:
    return text[:-1] + ("A" if text[-1] != "A" else "B")


@pytest.mark.parametrize(
    "path", ["/api/workflows", "/api/alive", "/report/1", "/nothing", "/assets", "/editor"]
)
def test_nothing_but_code_is_served_without_the_cookie(ui: Ui, cookie: str, path: str) -> None:
    name, _, value = cookie.partition("=")
    for line in (
        "X: y",
        f"Cookie: {changed(cookie)}",
        f"Cookie: {name}=",
        f"Cookie: x={value}",
        'Cookie: ;;=ä"\\',
    ):
        status, answer = raw(ui, f"GET {path} HTTP/1.1", f"Host: {host(ui)}", line)
        assert status == 401
        assert "ridge" not in answer
        assert raw(ui, *SOCKET, f"Host: {host(ui)}", f"Origin: http://{host(ui)}", line)[0] == 401


@pytest.mark.parametrize("path", ["/", "/w/1/results", "/w/77/../..", "/assets/host.js", "/assets/host.css"])
def test_what_is_open_tells_nothing_of_the_store(ui: Ui, path: str) -> None:
    answer = requests.get(ui.root + path, timeout=30)
    assert answer.status_code == 200
    assert "ridge" not in answer.text
    assert "study" not in answer.text


@pytest.mark.parametrize("name", ["..%2Fhost.html", "%2e%2e/host.html", "host.html", "NOTICE.txt", ""])
def test_no_other_file_is_served(ui: Ui, name: str) -> None:
    assert raw(ui, f"GET /assets/{name} HTTP/1.1", f"Host: {host(ui)}")[0] == 404


def test_the_token_gives_a_cookie_that_scripts_and_other_sites_do_not_get(ui: Ui) -> None:
    answer = requests.post(f"{ui.root}/enter", json={"token": ui.token}, timeout=30)
    name, _, flags = answer.headers["Set-Cookie"].partition("=")
    assert re.fullmatch(r"torc-frames-[0-9a-f]{16}", name)
    assert flags.split("; ")[1:] == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert ui.token not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"token":7}',
        '{"token":""}',
        '{"token":"\\ud800"}',
        '{"token":"wrong"}',
        "x" * 5000,
        "[" * 900,
    ],
    ids=lambda body: body[:20],
)
def test_another_token_gives_none(ui: Ui, body: str) -> None:
    answer = requests.post(f"{ui.root}/enter", data=body, timeout=30)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_every_server_has_a_token_and_a_cookie_of_its_own(ui: Ui, cookie: str, tmp_path: Path) -> None:
    with Ui(study(tmp_path / "other")) as other:
        assert other.token != ui.token
        assert other.enter().partition("=")[0] != cookie.partition("=")[0]
        assert len(other.token) >= 40


def test_neither_token_nor_cookie_is_logged_or_told(ui: Ui, cookie: str) -> None:
    requests.get(f"{ui.root}/api/workflows?token={ui.token}", timeout=30)
    requests.get(f"{ui.root}/w/{ui.token}", timeout=30)
    requests.post(f"{ui.root}/enter", json={"token": ui.token, "more": [1]}, timeout=30)
    told = ui.log.read_text()
    assert ui.token not in told
    assert cookie.partition("=")[2] not in told


def test_what_browsers_may_do_is_little(ui: Ui, cookie: str) -> None:
    for path in ("/", "/assets/host.js", "/api/workflows", "/report/1", "/nothing"):
        headers = requests.get(ui.root + path, headers={"Cookie": cookie}, timeout=30).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "server" not in {name.lower() for name in headers}
    policy = requests.get(ui.root, timeout=30).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' blob:; ")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    report = requests.get(f"{ui.root}/report/1", headers={"Cookie": cookie}, timeout=30)
    assert report.headers["Content-Security-Policy"].startswith("sandbox allow-scripts allow-downloads;")
    assert "&lt;script&gt;alert(1)" in report.text


# frames that are none


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff{}",
        b"\x02\x00\x00\x00{}",
        b"\x20\x00\x00\x00" + b'{"message":{"kind":"open"}}     ',
        b"\x00\x04\x00\x00" + b"[" * 1024,
    ],
    ids=["empty", "short", "long", "no message", "half a message", "deep"],
)
@pytest.mark.parametrize("opcode", [1, 2], ids=["text", "binary"])
def test_frames_that_are_none_are_refused_and_harm_nobody(
    ui: Ui, cookie: str, data: bytes, opcode: int
) -> None:
    with ui.connect() as connection:
        connection.sendall(upgrade(host(ui), cookie))
        assert b" 101 " in connection.recv(4096)
        connection.sendall(ws_frame(data if opcode == 2 else b"text", opcode))
        answer = b""
        while b'"kind":"failed"' not in answer:
            answer += (part := connection.recv(65536))
            assert part, answer
    assert "Traceback" not in ui.log.read_text()


# the process


def test_it_ends_at_once_when_it_is_interrupted_although_a_page_is_there(tmp_path: Path) -> None:
    with Ui(study(tmp_path / "ui")) as ui:
        with ui.connect() as connection:
            connection.sendall(upgrade(host(ui), ui.enter()))
            assert b" 101 " in connection.recv(4096)
            start = time.monotonic()
            ui.signal(signal.SIGINT)
            assert ui.wait() == 0
            assert time.monotonic() - start < 10
        assert "Traceback" not in ui.log.read_text()


def test_it_listens_at_the_loopback_only(ui: Ui) -> None:
    assert ui.address[0] == "127.0.0.1"
    for family, _, _, _, address in socket.getaddrinfo(socket.gethostname(), ui.address[1]):
        if not str(address[0]).startswith(("127.", "::1")):
            with socket.socket(family) as probe, pytest.raises(OSError, match="refused"):
                probe.connect(address)


def test_a_port_that_is_taken_is_told_but_the_usual_one_gives_way(tmp_path: Path, ui: Ui) -> None:
    store = str(study(tmp_path / "ui") / "study.db")
    result = CliRunner().invoke(root, ["ui", store, "--no-browser", "--port", str(ui.address[1])])
    assert result.exit_code == 1
    assert "--port takes another" in result.stderr


def test_a_login_node_gets_the_line_for_the_tunnel(tmp_path: Path) -> None:
    with Ui(study(tmp_path / "ui"), environment={"SSH_CONNECTION": "10.1.1.1 5000 10.1.1.2 22"}) as ui:
        port = ui.address[1]
        wait_until(lambda: "Ctrl-C" in ui.log.read_text(), "what to do")
        assert f"ssh -N -L {port}:127.0.0.1:{port} " in ui.log.read_text()


def test_a_browser_is_told_a_file_that_only_the_user_reads(tmp_path: Path) -> None:
    """What a program is called with, every user of a machine can see."""
    seen = tmp_path / "seen"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {seen}.part; mv {seen}.part {seen}\n')
    program.chmod(0o700)
    store = study(tmp_path / "ui") / "study.db"
    environment = plain_environment(tmp_path) | {"PYTHONPATH": str(REPOSITORY), "BROWSER": f"{program} %s"}
    environment.pop("SSH_CONNECTION", None)
    command = [sys.executable, "-m", "torc_frames.cli", "ui", str(store), "--port", str(free_port())]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            wait_until(seen.exists, "the browser to be called")
            told = seen.read_text().strip()
            assert url.partition("#token=")[2] not in told
            page = Path(told.removeprefix("file://"))
            assert f'url={url}"' in page.read_text()
            assert stat.S_IMODE(page.stat().st_mode) == 0o600
            assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    assert not page.parent.exists()


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(root, ["ui", str(tmp_path / "nothing.db"), "--no-browser"])
    assert result.exit_code == 1
    assert "no database" in result.stderr
    assert os.listdir(tmp_path) == []
