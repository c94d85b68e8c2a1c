"""Rows known by columns, plans, and single jobs on the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow

pytestmark = pytest.mark.usefixtures("clean_folder")


def torc_frames(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames", input=typed)


@pytest.fixture
def ridge() -> Workflow:
    wf = tf.connect("torc_frames.db").create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.1, 1.0], seed=[1]), command="echo {alpha}")
    Path("more.csv").write_text("alpha,seed,lr\n0.1,1,5\n1.0,2,6\n")
    return wf


ON = ("push", "more.csv", "--on", "alpha", "--on", "seed")


def test_a_plan_writes_nothing(ridge: Workflow) -> None:
    before = ridge.user_data()
    result = torc_frames(*ON, "--plan")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Plan of 2 rows: 1 create, 1 update, 0 unchanged",
        "  1 new job with the command 'echo {alpha}', which the workflow remembers",
        "  job 1: lr missing -> 5",
    ]
    told = json.loads(torc_frames(*ON, "--plan", "--format", "json").stdout)
    assert told["counts"] == {"create": 1, "update": 1, "unchanged": 0, "conflict": 0}
    assert told["cells"] == [{"job_key": "1", "column": "lr", "stored": None, "pushed": 5, "conflict": False}]
    assert [row["action"] for row in told["rows"]] == ["update", "create"]
    assert told["remembered"] == {"command": "echo {alpha}"}
    assert torc_frames(*ON, "--plan", "--format", "csv").stdout.startswith("action,job_key,cells\n")
    pd.testing.assert_frame_equal(ridge.user_data(), before)


def test_a_plan_shows_commands_that_change(ridge: Workflow) -> None:
    result = torc_frames(*ON, "--plan", "--command", "true\x1b[2J")
    assert "job 1: its command 'echo 0.1' -> 'true\\x1b[2J'" in result.stdout
    told = json.loads(torc_frames(*ON, "--plan", "--command", "true", "-f", "json").stdout)
    assert told["commands"] == [{"job_key": "1", "stored": "echo 0.1", "pushed": "true"}]


def test_rows_known_by_columns_are_pushed(ridge: Workflow) -> None:
    result = torc_frames(*ON)
    assert result.stdout == "1 job added, 1 changed, 0 unchanged in workflow 1 (ridge)\n"
    assert "1 new job with the command 'echo {alpha}', which the workflow remembers" in result.stderr
    assert ridge.parameters()["lr"].tolist() == [5, pd.NA, 6]
    assert ridge.jobs()["command"].tolist()[2] == "echo 1.0"
    result = torc_frames("push", "more.csv", "--on", "beta")
    assert result.exit_code == 1
    assert "the table has no column 'beta'" in result.stderr


def test_a_conflict_is_shown_and_decided(ridge: Workflow) -> None:
    torc_frames("pull", "--what", "parameters", "-o", "p.parquet")
    table = pd.read_parquet("p.parquet")
    table.loc["1", "seed"] = 7
    table.to_parquet("p.parquet")
    ridge.push(ridge.parameters().assign(seed=8))
    result = torc_frames("push", "p.parquet", "--plan")
    assert "CONFLICT job 1: seed 8 -> 7" in result.stdout
    assert torc_frames("push", "p.parquet").exit_code == 1
    assert torc_frames("push", "p.parquet", "--on-conflict", "ours").exit_code == 0
    assert ridge.parameters().loc["1", "seed"] == 7


def test_a_job_is_shown(ridge: Workflow) -> None:
    tf.connect("torc_frames.db").create_workflow("other")
    ridge.job(2).store(loss=0.5, note="a\x1b[2J")
    shown = torc_frames("jobs", "show", "2").stdout
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert lines["workflow"] == "1 (ridge)"
    assert (lines["job_key"], lines["command"], lines["status"]) == ("2", "echo 1.0", "ready")
    assert (lines["params.alpha"], lines["results.loss"]) == ("1.0", "0.5")
    assert lines["results.note"] == "a\\x1b[2J"
    [row] = json.loads(torc_frames("jobs", "show", "2", "--format", "json").stdout)
    assert row["params"] == {"alpha": 1.0, "seed": 1}
    assert row["results"]["loss"] == 0.5


def test_a_job_that_is_not_there_is_told(ridge: Workflow) -> None:
    other = tf.connect("torc_frames.db").create_workflow("other")
    other.add_job("theirs")
    for command in ("show", "delete"):
        assert torc_frames("jobs", command, "9").stderr == "Error: no job key 9\n"
        result = torc_frames("jobs", command, "3", "-k", "ridge")
        assert "no job key 3 in workflow 1: 3 is of workflow 2" in result.stderr
    assert len(other.jobs()) == 1


def test_deleting_jobs_asks_first(ridge: Workflow) -> None:
    ridge.add_job("x\x1b[2J")
    tf.connect("torc_frames.db").create_workflow("other").add_job("theirs")
    for typed in ("n\n", ""):
        result = torc_frames("jobs", "delete", "1", "3", typed=typed)
        assert result.exit_code == 1
        assert "Delete 1 (job_1), 3 (x\\x1b[2J) of workflow 1 (ridge), with all results?" in result.stderr
    assert torc_frames("jobs", "delete", "1", "4", "--no-prompts").exit_code == 1
    assert len(ridge.jobs()) == 3
    assert torc_frames("jobs", "delete", "1", "3", typed="y\n").exit_code == 0
    assert torc_frames("jobs", "delete", "2", "2", "--no-prompts").exit_code == 0
    assert len(ridge.jobs()) == 0


def test_tables_of_any_size_become_datasets(ridge: Workflow) -> None:
    ridge.job(2).store(loss=0.5)
    result = torc_frames("table", "--dataset", "all", "--job-columns", "command")
    assert result.stderr.endswith("table to all\n")
    pd.testing.assert_frame_equal(pd.read_parquet("all"), ridge.table(job_columns=["command"]))
    assert torc_frames("pull", "--what", "results", "--dataset", "all").exit_code == 1
    assert torc_frames("pull", "--what", "results", "--dataset", "all", "--overwrite").exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet("all"), ridge.results())


@pytest.mark.parametrize(
    "arguments",
    [
        ("pull", "--what", "jobs"),
        ("pull", "--job", "1"),
        ("pull", "--format", "csv"),
        ("table", "--load", "curve"),
        ("table", "-o", "t.csv"),
    ],
)
def test_what_is_no_dataset_is_told(ridge: Workflow, arguments: tuple[str, ...]) -> None:
    assert torc_frames(*arguments, "--dataset", "out").exit_code == 2
    assert not Path("out").exists()
