"""The torc-client of late 2023, as PyPI has it, against `torc-frames serve`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import TESTS
from servers import cache_root, plain_environment
from services import Service

from torc_frames.store.sqlite.store import SQLiteStore

SCRIPT = TESTS / "run_torc_client_064.py"


def client_python() -> Path:
    """Return a Python that has torc-client 0.6.4, or skip; with TORC_FRAMES_REQUIRE_ALL, fail."""
    home = cache_root().parent / "torc-client-0.6.4"
    python = Path(os.environ.get("TORC_CLIENT_064_PYTHON") or home / "bin" / "python")
    if python.exists():
        return python
    hint = (
        f"{python} is missing; to make it: python3.11 -m venv {home} && "
        f"{home}/bin/pip install torc-client==0.6.4"
    )
    if os.environ.get("TORC_FRAMES_REQUIRE_ALL"):
        pytest.fail(hint, pytrace=False)
    pytest.skip(hint)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


Client = Callable[..., str]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Have the client do something, all in one process, as it takes seconds to start."""
    folder = tmp_path_factory.mktemp("client")
    with (
        (folder / "told").open("w+") as told,
        subprocess.Popen(
            [client_python(), SCRIPT],
            cwd=folder,
            env=plain_environment(folder) | {"HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None

        def do(*what: str) -> str:
            print(json.dumps(what), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer, f"the client ended:\n{(folder / 'told').read_text()}"
            fine, printed, errors = json.loads(answer)
            assert fine, f"{printed}\n{errors}"
            return printed

        yield do


@pytest.mark.parametrize("what", ["workflows", "jobs", "user_data", "functions", "others", "specifications"])
def test_the_client_s_calls_work(service: Service, client: Client, what: str) -> None:
    client("call", service.url, what)


def test_the_client_s_program_starts(service: Service, tmp_path: Path) -> None:
    """As people start it, not in a process that others prepared."""
    torc = client_python().with_name("torc")
    done = subprocess.run(
        [torc, "-n", "-F", "json", "-u", service.url, "workflows", "list"],
        env=plain_environment(tmp_path) | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "workflows" in json.loads(done.stdout)


def test_the_client_s_commands_work(service: Service, client: Client) -> None:
    def torc(*arguments: str) -> str:
        return client("torc", "-n", "-U", "carol", "-F", "json", "-u", service.url, *arguments)

    key = json.loads(torc("workflows", "create", "-n", "ridge", "-d", "alpha"))["key"]
    [listed] = json.loads(torc("workflows", "list"))["workflows"]
    assert (listed["_key"], listed["name"], listed["user"], listed["is_archived"]) == (
        *(key, "ridge", "carol"),
        False,
    )
    of = ("-k", key)
    for shown in ("show", "show-config", "show-status"):
        assert json.loads(torc(*of, "workflows", shown))
    job = json.loads(torc(*of, "jobs", "add", "-n", "a", "-c", "echo a"))["key"]
    assert json.loads(torc(*of, "jobs", "list"))["jobs"][0]["command"] == "echo a"
    added = torc(*of, "user-data", "add", "-n", "ud", "-d", "{a: 1, b: {c: 2}}", "-s", job)
    record = json.loads(added)["key"]
    torc(*of, "user-data", "add", "-n", "placeholder", "-c", job)
    assert [found["name"] for found in json.loads(torc(*of, "user-data", "list"))] == ["ud", "placeholder"]
    torc(*of, "user-data", "modify", record, "-d", "{z: 9}")
    assert json.loads(torc(*of, "user-data", "get", record))["data"] == {"z": 9}
    [stored] = json.loads(torc(*of, "jobs", "list-user-data", job))
    assert stored["_key"] == record
    torc(*of, "user-data", "delete", record)
    torc(*of, "jobs", "disable", job)
    assert json.loads(torc(*of, "jobs", "list"))["jobs"][0]["status"] == "disabled"
    assert json.loads(torc(*of, "results", "list")) == {"results": []}
    assert json.loads(torc(*of, "events", "list")) == []
    torc("workflows", "modify", key, "--archive", "true")
    assert json.loads(torc("workflows", "list"))["workflows"] == []
    torc("workflows", "delete", key)
    assert service.refusal("GET", f"/workflows/{key}")[0] == 404


def test_what_frames_made_is_shown(service: Service, client: Client) -> None:
    store = SQLiteStore(service.database)
    key = store.add_workflow("of nobody").key
    store.add_user_data(key, [b'{"a":1}', b"null", b"[1]"])
    store.close()
    torc = ("torc", "-n", "-u", service.url)
    listed = json.loads(client(*torc, "-F", "json", "workflows", "list", "--all-users"))["workflows"]
    assert [found["name"] for found in listed if found["_key"] == key] == ["of nobody"]
    records = json.loads(client(*torc, "-k", key, "user-data", "list"))
    assert [record.get("data") for record in records] == [{"a": 1}, None, {"data": [1]}]
