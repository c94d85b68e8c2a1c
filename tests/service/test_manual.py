"""The manual page of 2023-03-29, run word for word."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import DATA, REPOSITORY
from servers import cache_root
from services import Service

import torc_frames as tf
from torc_frames.workflow.workflow import Workflow

GENERATOR = "swagger-codegen-cli-3.0.41.jar"
GENERATOR_OPTIONS = (
    f"-Dartifact=io.swagger.codegen.v3:swagger-codegen-cli:3.0.41 -DoutputDirectory={cache_root().parent}"
)

MANUAL = DATA / "manual-2023-03-29.txt"
HOST = "http://localhost:8529/_db/workflows/torc-service"
WORKFLOW_KEY, JOB_KEY = "92181686", "92181820"
INSTALLED = Path(sys.executable).with_name("torc-frames")
PROGRAM = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "torc_frames.cli"]

VARYING = {
    r"2023\\-03\\-29\\ 08:21:33,\d+": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}",
    r"\\\[torc\\.cli\\.jobs\\ jobs\\.py:103\\\]": r"\[torc_frames\.cli\.jobs jobs\.py:\d+\]",
    r"92\d{6}": r"[\w-]+",
    r"_fw\w+(?:\\-)+": r"[^']+",
}
"""Patterns of the manual's escaped text, and of what stands there now."""


def console_blocks() -> list[tuple[str, list[str]]]:
    """Return each console command of the manual, and the lines it prints there."""
    blocks = re.findall(r"code-block:: console\n\n((?:   .*\n)+)", MANUAL.read_text())
    lines = [[line.removeprefix("   ") for line in block.splitlines()] for block in blocks]
    return [(first.removeprefix("$ "), rest) for first, *rest in lines]


def pattern(line: str) -> re.Pattern[str]:
    """Return what a line of the manual is, but for keys, revs, times and the position in the file."""
    text = re.escape(line)
    for theirs, ours in VARYING.items():
        text = re.sub(theirs, lambda _, ours=ours: ours, text)  # type: ignore[misc]
    return re.compile(text)


def python_code() -> str:
    """Return the Python code of the manual."""
    (block,) = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", MANUAL.read_text())
    return textwrap.dedent(block)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service with the workflow and the job of the manual."""
    with Service(tmp_path_factory.mktemp("manual")) as service:
        service.call("POST", "/workflows", {"_key": WORKFLOW_KEY, "name": "manual", "user": "me"})
        service.call("POST", f"/jobs/{WORKFLOW_KEY}", {"_key": JOB_KEY, "name": "the job", "command": "true"})
        yield service


@pytest.fixture(scope="module")
def swagger_client(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Python client as torc's users generated them, made of the service's description."""
    generator, java = cache_root().with_name(GENERATOR), shutil.which("java")
    if java is None or not generator.exists():
        hint = f"java or {generator} is missing; to get it: mvn -q dependency:copy {GENERATOR_OPTIONS}"
        if os.environ.get("TORC_FRAMES_REQUIRE_ALL"):
            pytest.fail(hint, pytrace=False)
        pytest.skip(hint)
    folder = tmp_path_factory.mktemp("swagger_client")
    description = folder / "openapi.json"
    description.write_bytes(service.request("GET", "/openapi.json").content)
    # It ends soon, so that compiling what it runs well takes longer than running it.
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(generator), "generate"]
    command += ["-l", "python", "-i", str(description), "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(params=["file", "service"])
def workflow(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    """A workflow of a file, or of the service, which the commands find by their variables."""
    url = str(tmp_path / "study.db")
    if request.param == "service":
        url = request.getfixturevalue("first_service").url
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("TORC_DATABASE_URL", url)
    for name in ("TORC_API_URL", "TORC_WORKFLOW_KEY", "TORC_WORKFLOW_ID"):
        monkeypatch.delenv(name, raising=False)
    workflow = tf.connect(url).create_workflow("manual")
    if request.param == "service":
        monkeypatch.setenv("TORC_WORKFLOW_KEY", workflow.key)
    return workflow


def run(command: str, job_key: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command.replace(JOB_KEY, job_key))
    assert program == "torc"
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, env=dict(os.environ), check=True
    )


def matches(printed: str, expected: list[str]) -> bool:
    # A key of the first form, which torc_frames chooses, is longer than those there, and breaks the line.
    lines = printed.replace(",\n ", ", ").splitlines()
    pairs = zip(map(pattern, expected), lines, strict=True)
    return all(at.fullmatch(line) for at, line in pairs)


def test_the_commands_print_what_the_manual_shows(workflow: Workflow) -> None:
    (add, added), (get, got) = console_blocks()
    job = workflow.add_job("the job")
    assert len(added) == len(got) == 2

    first = run(add, job.key)
    assert first.stdout == ""
    assert matches(first.stderr, added), first.stderr
    keys = re.findall(r"user_data key=([\w-]+) to job key=(\d+)", first.stderr)
    assert [owner for _, owner in keys] == [job.key, job.key]

    second = run(get, job.key)
    assert second.stderr == ""
    assert matches(second.stdout, got), second.stdout
    assert re.findall(r"'_key': '([\w-]+)'", second.stdout) == [key for key, _ in reversed(keys)]


def test_the_python_way_of_the_manual(workflow: Workflow) -> None:
    job = workflow.add_job("the job")
    keys = workflow.add_user_data(job, {"key1": "val1", "key2": "val2"}, {"key3": "val3"})
    records = workflow.job(job.key).user_data()
    assert [record.key for record in records] == keys
    assert [record.data for record in records] == [{"key1": "val1", "key2": "val2"}, {"key3": "val3"}]


def test_the_documents_of_the_command_and_of_python_are_the_same(workflow: Workflow) -> None:
    command, python = workflow.add_job("command"), workflow.add_job("python")
    run(console_blocks()[0][0], command.key)
    workflow.add_user_data(python, {"key1": "val1", "key2": "val2"}, {"key3": "val3"})
    assert [record.data for record in command.user_data()] == [record.data for record in python.user_data()]


def test_the_python_code_of_the_manual_runs_word_for_word(service: Service, swagger_client: Path) -> None:
    code = python_code()
    assert (code.count(HOST), code.count(WORKFLOW_KEY), code.count(JOB_KEY)) == (1, 1, 1)
    done = subprocess.run(
        [sys.executable, "-c", code.replace(HOST, service.url)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(swagger_client)},
        check=True,
    )
    *added, stores = done.stdout.splitlines()
    keys = [re.fullmatch(r"Added user data key=(\d+)", line)[1] for line in added]  # type: ignore[index]
    assert len(keys) == 2
    assert stores.startswith(f"Job key={JOB_KEY} stores [{{")
    places = [stores.index(f"'_key': '{key}'") for key in keys]
    assert places[0] > places[1], "the newest comes first"
    job = tf.connect(service.url).workflow(WORKFLOW_KEY).job(JOB_KEY)
    assert [record.data for record in job.user_data()] == [{"key1": "val1", "key2": "val2"}, {"key3": "val3"}]
