"""The servers that tests start do what they say, and end with the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from places import TESTS
from servers import USERS, VERSION, TorcServer, find_binary, need_binary, run_torc, wait_until, wipe


def add_workflow(server: TorcServer, user: str | None = None) -> int:
    owner = user or server.username or "somebody"
    return server.call("POST", "/workflows", user=user, json={"name": "study", "user": owner})["id"]


def workflow_count(server: TorcServer, user: str | None = None) -> int:
    return server.call("GET", "/workflows", user=user)["total_count"]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/version", timeout=10).ok
    except requests.ConnectionError:
        return False


def test_a_plain_server_answers_anybody(torc_server: TorcServer) -> None:
    answer = requests.get(f"{torc_server.url}/version", timeout=10)
    assert answer.json()["version"].startswith(VERSION)


def test_ports_are_free_ones_so_that_servers_run_side_by_side(
    torc_server: TorcServer, fresh_server: TorcServer
) -> None:
    add_workflow(fresh_server)
    wipe(torc_server)
    assert fresh_server.url != torc_server.url
    assert (workflow_count(fresh_server), workflow_count(torc_server)) == (1, 0)


@pytest.mark.parametrize(
    "login", [None, ("alice", "wrong"), ("nobody", USERS["alice"]), ("alice", USERS["bob"].encode())]
)
def test_a_server_with_passwords_refuses_who_has_none(auth_server: TorcServer, login: object) -> None:
    answer = requests.get(f"{auth_server.url}/workflows", auth=login, timeout=10)
    assert (answer.status_code, answer.text) == (401, "Unauthorized")


def test_users_of_a_server_with_passwords_see_their_own_workflows(auth_server: TorcServer) -> None:
    wipe(auth_server)
    key = add_workflow(auth_server, "bob")
    assert (workflow_count(auth_server, "bob"), workflow_count(auth_server, "alice")) == (1, 0)
    assert auth_server.request("GET", f"/workflows/{key}", user="alice").status_code == 403


def test_a_server_with_tls_is_trusted_only_with_its_authority(tls_server: TorcServer) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            session.get(f"{tls_server.url}/version", timeout=10)
        trusted = session.get(f"{tls_server.url}/version", timeout=10, verify=str(tls_server.ca_cert))
    assert trusted.json()["version"].startswith(VERSION)


@pytest.mark.parametrize("kind", ["torc_server", "auth_server", "tls_server"])
def test_torc_itself_finds_a_server_by_its_settings(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server = request.getfixturevalue(kind)
    wipe(server)
    key = add_workflow(server)
    found = run_torc(server, "-f", "json", "workflows", "get", str(key), directory=tmp_path)
    assert json.loads(found)["id"] == key


def test_a_killed_server_comes_back_with_its_data(fresh_server: TorcServer) -> None:
    add_workflow(fresh_server)
    url = fresh_server.url
    fresh_server.kill()
    assert not answers(url)
    fresh_server.restart()
    assert (fresh_server.url, workflow_count(fresh_server)) == (url, 1)


def test_a_stopped_server_is_gone_and_can_be_stopped_again(tmp_path: Path) -> None:
    with TorcServer.start(tmp_path) as server:
        assert answers(server.url)
        server.stop()
        assert not answers(server.url)


def test_a_server_does_not_outlive_tests_that_were_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from servers import TorcServer\n"
        "print(TorcServer.start(Path(sys.argv[1])).url, flush=True); sys.stdin.read()"
    )
    need_binary("torc-server")
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        assert answers(url)
        tests.kill()
    wait_until(lambda: not answers(url), "the server's end")


def test_a_start_that_fails_says_what_the_server_said(fresh_server: TorcServer, tmp_path: Path) -> None:
    port = int(fresh_server.url.split(":")[2].split("/")[0])
    with pytest.raises(RuntimeError, match=r"(?s)did not start: the process ended.*Address already in use"):
        TorcServer.start(tmp_path, port=port)


def test_wipe_deletes_archived_workflows_and_unreadable_records(torc_server: TorcServer) -> None:
    wipe(torc_server)
    key = add_workflow(torc_server)
    for data in (None, 7, {"a": 1}):
        record = {"workflow_id": key, "name": "record", "data": data}
        torc_server.call("POST", "/user_data", json=record)
    with pytest.raises(requests.ConnectionError):
        torc_server.call("GET", "/user_data", params={"workflow_id": key})
    archived = add_workflow(torc_server)
    archive = {"name": "study", "user": "somebody", "is_archived": True}
    torc_server.call("PUT", f"/workflows/{archived}", json=archive)
    wipe(torc_server)
    assert torc_server.request("GET", f"/workflows/{key}").status_code == 404
    assert torc_server.request("GET", f"/workflows/{archived}").status_code == 404


def write_program(folder: Path, name: str = "torc-server") -> Path:
    folder.mkdir(parents=True)
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_programs_are_found_by_variable_then_path_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cache = write_program(tmp_path / "cache" / f"torc-{VERSION}" / "bin")
    on_path = write_program(tmp_path / "path")
    own = write_program(tmp_path / "own")
    monkeypatch.setenv("TORC_FRAMES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("TORC_BIN_DIR", str(tmp_path / "own"))
    for expected in (own, on_path, in_cache):
        assert find_binary("torc-server") == expected
        expected.unlink()
    assert find_binary("torc-server") is None


def test_a_missing_program_skips_a_test_unless_all_are_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORC_FRAMES_CACHE", str(tmp_path))
    monkeypatch.setenv("TORC_BIN_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("TORC_FRAMES_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="cargo install torc --version"):
        need_binary("torc-server")
    monkeypatch.setenv("TORC_FRAMES_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="cargo install torc --version"):
        need_binary("torc-server")
