"""The command line as a whole: help, options, exit codes, errors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from places import REPOSITORY

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow

HEAVY = ("pandas", "pyarrow", "numpy", "ipywidgets")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from walk(below, (*path, name))


COMMANDS = list(walk(root))
LEAVES = [path for path in COMMANDS if not any(other[:-1] == path for other in COMMANDS if other)]


def torc_frames(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(root, arguments, input=stdin, prog_name="torc-frames")


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torc_frames.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, input="", check=False)


pytestmark = pytest.mark.usefixtures("clean_folder")


@pytest.fixture
def ridge() -> Workflow:
    return tf.connect("torc_frames.db").create_workflow("ridge")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    result = torc_frames(*path, "--help")
    assert result.exit_code == 0
    example = result.stdout.partition("Example:\n")[2]
    assert f"$ {' '.join(['torc-frames', *path])}" in example


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_is_in_the_readme(path: tuple[str, ...]) -> None:
    assert " ".join(["torc-frames", *path]) in (REPOSITORY / "README.md").read_text()


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = f"""
import sys, click
from torc_frames.cli.root import root
for path in {COMMANDS!r}:
    root.main([*path, "--help"], standalone_mode=False)
print("LOADED", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("LOADED []\n")


def test_the_help_says_how_to_complete_in_each_shell() -> None:
    assert all(f"={shell}_source" in torc_frames("--help").stdout for shell in ("bash", "zsh", "fish"))


def test_the_version_is_the_package_s() -> None:
    assert torc_frames("--version").stdout == f"torc-frames, version {tf.__version__}\n"


def test_a_first_study_from_an_empty_folder(tmp_path: Path) -> None:
    created = process("workflows", "create", "ridge", "--description", "alpha")
    assert (created.returncode, created.stdout) == (0, "1\n")
    assert "INFO [torc_frames.cli.workflows workflows.py:" in created.stderr
    (tmp_path / "grid.csv").write_text("alpha\n0.1\n0.2\n")
    pushed = torc_frames(
        "push",
        "grid.csv",
        "--command",
        "printf 'no\\a\\033[2J' >&2; test {alpha} = 0.1",
        "--name",
        "job-{alpha}",
    )
    assert pushed.stdout == "2 jobs added, 0 changed, 0 unchanged in workflow 1 (ridge)\n"
    ran = process("run", "--workers", "2")
    assert ran.returncode == 1
    [stderr_file] = (tmp_path / "torc_output").rglob("job_wf1_j2_r1.e")
    assert ran.stdout == (
        "Jobs: 1 completed, 1 failed\n"
        f"job 2 (job-0.2) failed with return code 1: {stderr_file}\n"
        "    no\\x07\n"
    )
    table = torc_frames("table", "--format", "csv")
    assert [line.split(",")[-1] for line in table.stdout.splitlines()] == ["params.alpha", "0.1", "0.2"]


def test_a_run_without_failures_exits_with_0(ridge: Workflow) -> None:
    ridge.add_job("fine", command="true")
    result = torc_frames("run", "--format", "json")
    assert result.exit_code == 0
    assert '"completed":1,"failed":0' in result.stdout
    assert torc_frames("run").stdout == "Jobs: nothing to run\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-u", "other.db", "-k", "2", "-f", "csv", "jobs", "list"),
        ("jobs", "-u", "other.db", "-k", "2", "-f", "csv", "list"),
        ("jobs", "list", "-u", "other.db", "-k", "2", "-f", "csv"),
        ("-u", "no.db", "-k", "9", "jobs", "list", "--database-url", "other.db", "-k2", "--format", "csv"),
    ],
)
def test_shared_options_stand_before_or_after_the_command(arguments: tuple[str, ...]) -> None:
    client = tf.connect("other.db")
    client.create_workflow("one").add_job("no")
    client.create_workflow("two").add_job("yes")
    result = torc_frames(*arguments)
    assert result.stdout.splitlines()[1].startswith("2,yes,")
    assert not Path("no.db").exists()


@pytest.mark.parametrize("name", ["TORC_WORKFLOW_KEY", "TORC_WORKFLOW_ID"])
def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    client = tf.connect("torc_frames.db")
    client.create_workflow("one").add_job("first")
    client.create_workflow("two").add_job("second")
    monkeypatch.setenv(name, "2")
    assert "second" in torc_frames("jobs", "list").stdout
    assert "first" in torc_frames("-k", "1", "jobs", "list").stdout


def test_the_only_workflow_is_taken_and_said_so(ridge: Workflow) -> None:
    assert torc_frames("jobs", "list").stderr == "Using workflow 1 (ridge)\n"


def test_of_several_workflows_one_must_be_chosen(ridge: Workflow) -> None:
    tf.connect("torc_frames.db").create_workflow("two\x1b[2J")
    result = torc_frames("table")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: which workflow? Give its key or name with -k:\n  1  ridge\n  2  two\\x1b[2J\n"
    )


def test_a_workflow_that_is_given_as_to_torc_is_told_how(ridge: Workflow) -> None:
    result = torc_frames("jobs", "list", "11")
    assert result.exit_code == 2
    assert "unexpected extra arguments (11); the workflow is given as -k 11" in result.stderr
    assert "-k" not in torc_frames("jobs", "get-user-data", "1", "2").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("workflows", "list"),
        ("workflows", "delete", "1", "-n"),
        ("jobs", "add", "x"),
        ("jobs", "add-user-data", "1", "{}"),
        ("user-data", "list"),
        ("table",),
        ("run",),
    ],
)
def test_a_misspelled_path_makes_no_database(arguments: tuple[str, ...]) -> None:
    result = torc_frames("-u", "sudy.db", *arguments)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: no database sudy.db; make one with `torc-frames workflows create NAME`\n"
    )
    assert os.listdir() == []


def test_creating_a_workflow_makes_the_database() -> None:
    assert torc_frames("workflows", "create", "w", "-u", "sqlite:///new.db").stdout == "1\n"
    assert Path("new.db").exists()


def test_deleting_a_workflow_asks_first(ridge: Workflow) -> None:
    assert torc_frames("workflows", "delete", "1", stdin="n\n").exit_code == 1
    assert torc_frames("workflows", "delete", "1").exit_code == 1
    assert len(tf.connect("torc_frames.db").workflows()) == 1
    assert torc_frames("workflows", "delete", "1", stdin="y\n").exit_code == 0
    assert len(tf.connect("torc_frames.db").workflows()) == 0


def test_no_prompts_deletes_at_once(ridge: Workflow) -> None:
    assert torc_frames("-n", "workflows", "delete", "1").exit_code == 0
    assert len(tf.connect("torc_frames.db").workflows()) == 0


def test_showing_a_workflow_counts_its_jobs(ridge: Workflow) -> None:
    ridge.add_job("one")
    ridge.add_job("two")
    shown = torc_frames("workflows", "show", "1", "--format", "csv").stdout
    assert shown.splitlines()[0].endswith("jobs,ready")
    assert shown.splitlines()[1].endswith("2,2")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("workflows", "show", "7"), 1, "Error: no workflow key 7"),
        (("jobs", "get-user-data", "7"), 1, "Error: no job key 7"),
        (("user-data", "get", "7"), 1, "Error: no user_data key 7"),
        (("-u", "http://localhost:1/x", "table"), 1, "Error: http://localhost:1/x can not be reached"),
        (("jobs", "lst"), 2, "Error: No such command"),
        (("push", "no.csv"), 2, "Error: Invalid value for 'FILE'"),
        (("pull", "-o", "x.doc"), 2, "Error: 'x.doc' does not say a format"),
        (("pull", "-o", "no/x.csv"), 1, "Error: can not write no/x.csv: there is no folder no\n"),
        (("pull", "--what", "jobs", "--job", "1"), 2, "Error: --job goes with"),
        (("pull", "--what", "jobs", "--role", "input"), 2, "Error: --role goes with"),
        (("jobs", "get-user-data", "1", "-f", "csv"), 2, "Error: single records are no csv table"),
        (("run", "-f", "csv"), 2, "Error: how a run ended is no csv table"),
        (("run", "--workers", "0"), 2, "Error: Invalid value for '--workers'"),
    ],
)
def test_errors_are_a_line_and_an_exit_code(
    ridge: Workflow, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ridge.add_job("one")
    result = torc_frames(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_program_that_fails_exits_with_its_code(ridge: Workflow) -> None:
    for arguments, code, message in (
        (("workflows", "show", "7"), 1, "Error: no workflow key 7"),
        (("jobs", "lst"), 2, "Error: No such command 'lst'"),
    ):
        result = process(*arguments)
        assert (result.returncode, result.stdout) == (code, "")
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(ridge: Workflow) -> None:
    result = process("--debug", "jobs", "get-user-data", "7")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback")
    assert result.stderr.rstrip().endswith("NotFoundError: no job key 7")


def test_a_file_that_is_no_database_is_told_in_one_line() -> None:
    Path("torc_frames.db").write_text("not a database, but long enough to be one" * 100)
    result = torc_frames("workflows", "list")
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: [^\n]+\n", result.stderr)


def test_warnings_are_one_line(ridge: Workflow) -> None:
    Path("big.jsonl").write_text('{"a":"' + "x" * 3_000_000 + '"}\n')
    result = process("push", "big.jsonl")
    assert result.returncode == 0
    told = [line for line in result.stderr.splitlines() if "Using workflow" not in line]
    assert len(told) == 1
    assert told[0].startswith("Warning: ")


def test_an_interrupted_run_exits_with_130(ridge: Workflow) -> None:
    ridge.add_job("long", command="touch started; sleep 60")
    command = [sys.executable, "-m", "torc_frames.cli", "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as runner:
        limit = time.monotonic() + 30
        while not Path("started").exists() and time.monotonic() < limit:
            time.sleep(0.02)
        runner.send_signal(signal.SIGINT)
        _, error = runner.communicate(timeout=30)
    assert runner.returncode == 130
    assert "Traceback" not in error
    assert ridge.jobs()["status"].tolist() == ["ready"]


def test_a_closed_pipe_is_no_error(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=range(4_000)), show_progress=False)  # more than a pipe holds
    for format in ("table", "csv", "json"):
        line = f"{sys.executable} -m torc_frames.cli -k 1 jobs list --format {format} | head -1"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1


def test_python_m_and_the_entry_point_are_one_program() -> None:
    from torc_frames import cli

    assert cli.__all__ == ["main"]
    assert process("--version").stdout == torc_frames("--version").stdout
