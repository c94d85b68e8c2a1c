"""The manual page of 2023-03-29, run word for word."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import torc_frames as tf
from torc_frames.workflow import Workflow

REPOSITORY = Path(__file__).parents[1]
MANUAL = Path(__file__).parent / "data" / "manual-2023-03-29.txt"
JOB_KEY = "92181820"
INSTALLED = Path(sys.executable).with_name("torc-frames")
PROGRAM = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "torc_frames.cli"]

VARYING = {
    r"2023\\-03\\-29\\ 08:21:33,\d+": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}",
    r"\\\[torc\\.cli\\.jobs\\ jobs\\.py:103\\\]": r"\[torc_frames\.cli\.jobs jobs\.py:\d+\]",
    r"92\d{6}": r"\d+",
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


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("TORC_DATABASE_URL", str(tmp_path / "study.db"))
    for name in ("TORC_API_URL", "TORC_WORKFLOW_KEY", "TORC_WORKFLOW_ID"):
        monkeypatch.delenv(name, raising=False)
    return tf.connect(tmp_path / "study.db").create_workflow("manual")


def run(command: str, job_key: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command.replace(JOB_KEY, job_key))
    assert program == "torc"
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, env=dict(os.environ), check=True
    )


def matches(printed: str, expected: list[str]) -> bool:
    lines = printed.splitlines()
    pairs = zip(map(pattern, expected), lines, strict=True)
    return all(at.fullmatch(line) for at, line in pairs)


def test_the_commands_print_what_the_manual_shows(workflow: Workflow) -> None:
    (add, added), (get, got) = console_blocks()
    job = workflow.add_job("the job")
    assert len(added) == len(got) == 2

    first = run(add, job.key)
    assert first.stdout == ""
    assert matches(first.stderr, added), first.stderr
    keys = re.findall(r"user_data key=(\d+) to job key=(\d+)", first.stderr)
    assert [owner for _, owner in keys] == [job.key, job.key]

    second = run(get, job.key)
    assert second.stderr == ""
    assert matches(second.stdout, got), second.stdout
    assert re.findall(r"'_key': '(\d+)'", second.stdout) == [key for key, _ in reversed(keys)]


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
