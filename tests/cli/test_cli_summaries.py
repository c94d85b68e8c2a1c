"""What ``table``, ``summarize`` and ``best`` print: on a terminal what one looks for, elsewhere all."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pandas.testing import assert_frame_equal
from terminals import on_a_terminal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.cli.text import short_text
from torc_frames.files.tables import read_table
from torc_frames.workflow.workflow import Workflow

pytestmark = pytest.mark.usefixtures("clean_folder")


def torc_frames(*arguments: str) -> Result:
    result = CliRunner().invoke(root, arguments, prog_name="torc-frames")
    assert result.exit_code == 0, result.output
    return result


def fit(gamma: float, alpha: int, solver: str, seed: int, layers: list[int]) -> dict[str, Any]:
    if gamma == 0.1 and seed == 2:
        raise ValueError("no \x1b[31mstep")
    return {
        "accuracy": 1 - gamma * alpha / 7 + seed / 1000,
        "epochs": 10 * seed,
        "time": {"fit": gamma * 12345.678},
    }


@pytest.fixture
def study() -> Workflow:
    wf = tf.connect("torc_frames.db").create_workflow("study")
    params = tf.grid(gamma=[0.001, 0.1], alpha=[1, 2], solver=["svd"], seed=[0, 1, 2], layers=[[8, 8]])
    with ThreadPoolExecutor(1) as threads, pytest.warns(tf.TorcFramesWarning, match="2 jobs failed"):
        wf.map(fit, params, threads, name="gamma={gamma} alpha={alpha} seed={seed}")
    return wf


def lines(printed: str) -> tuple[list[str], list[str], list[str]]:
    """The headings of a table, its rows, and what is said below and above."""
    said = [
        line for line in printed.splitlines() if line.endswith("shows all") or ":" in line or "Using" in line
    ]
    rule = next(at for at, line in enumerate(printed.splitlines()) if line.startswith("──"))
    rows = [line for line in printed.splitlines()[rule + 1 :] if line not in said]
    return printed.splitlines()[rule - 1].split(), rows, said


def test_a_terminal_shows_what_varies_and_says_what_is_the_same(study: Workflow) -> None:
    headings, rows, said = lines(on_a_terminal("-k", "1", "table", columns=100))
    assert headings == [
        *("job_key", "job_name", "status", "gamma", "alpha", "seed", "accuracy", "epochs", "time.fit")
    ]
    assert len(rows) == 12
    assert rows[0].split() == [
        "1",
        "gamma=0.001",
        "alpha=1…",
        "completed",
        "0.001",
        "1",
        "0",
        "0.9999",
        "0",
        "12.35",
    ]
    assert rows[6].split()[-3:] == ["0.9857", "0", "1235"]
    assert rows[8].split()[-4:] == ["failed", "0.1", "1", "2"]
    assert said == [
        "The same in all rows: solver = svd, layers = [8,8]",
        "4 more columns: stale, results.error.type, results.error.message, results.error.traceback; "
        "--all shows all",
    ]


@pytest.mark.parametrize("columns", [40, 61, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_numbers_are_never_cut(study: Workflow, columns: int) -> None:
    headings, rows, said = lines(
        on_a_terminal("-k", "study", "table", "--where", "gamma < 0.1", columns=columns)
    )
    assert max(map(len, rows)) <= columns
    assert len(rows) == 6
    assert headings[:2] == ["job_key", "job_name"]
    assert ("accuracy" in headings) == (columns > 40)
    assert said[0].startswith("The same in all rows: gamma = 0.001, solver = svd")
    shown = set(headings)
    for name in ("alpha", "seed", "accuracy", "epochs", "time.fit"):
        assert (name in shown) != any(f".{name}" in line for line in said)


def test_with_all_a_terminal_has_what_a_pipe_has(study: Workflow) -> None:
    piped = torc_frames("-k", "1", "table").stdout
    assert on_a_terminal("-k", "1", "table", "--all", columns=60) == piped
    assert len(piped.splitlines()) == 14
    assert piped.split()[:4] == ["job_key", "job_name", "status", "stale"]
    assert "1.0018571428571428" in piped
    assert "\x1b" not in piped
    torc_frames("-k", "1", "table", "-o", "t.txt")
    assert Path("t.txt").read_text() == piped


def test_columns_of_jobs_that_are_asked_for_are_shown(study: Workflow) -> None:
    asked = on_a_terminal("-k", "1", "table", "--job-columns", "return_code", columns=80)
    assert "return_code" in lines(asked)[0]
    all_of_them = on_a_terminal("-k", "1", "table", "--job-columns", columns=400)
    assert {"command", "num_cpus", "exec_time_minutes", "stale"} <= set(lines(all_of_them)[0])


def test_one_job_and_none_show_their_parameters(study: Workflow) -> None:
    for where in ("alpha == 2 and seed == 0 and gamma < 0.1", "alpha > 2"):
        headings, _, said = lines(on_a_terminal("-k", "1", "table", "--where", where, columns=160))
        assert {"gamma", "solver", "layers", "accuracy"} <= set(headings)
        assert not [line for line in said if "The same" in line]


def test_stale_jobs_and_names_that_two_have_are_told_apart() -> None:
    wf = tf.connect("torc_frames.db").create_workflow("names")
    wf.push(tf.grid(status=["on", "off"], loss=[1, 2]), command="torc-frames jobs store loss=1")
    wf.run(show_progress=False)
    edited = wf.parameters()
    edited.loc["2", "loss"] = 9
    wf.push(edited)
    headings, rows, _ = lines(on_a_terminal("table", columns=120))
    assert headings == [
        *("job_key", "job_name", "status", "stale", "params.status", "params.loss", "results.loss")
    ]
    assert [row.split()[3] for row in rows] == ["False", "True", "False", "False"]
    result = torc_frames("best", "results.loss", "-n", "1")
    assert "Warning: rows that have 'results.loss' are left out: 1 stale\n" in result.stderr


def test_summaries_have_all_formats(study: Workflow) -> None:
    made = tf.summarize(study.table(), over="seed")
    arguments = ("-k", "1", "summarize", "--over", "seed")
    printed = torc_frames(*arguments, "--format", "csv").stdout
    assert_frame_equal(pd.read_csv(io.StringIO(printed)), made, check_dtype=False)
    rows = json.loads(torc_frames(*arguments, "--format", "json", "--stat", "mean").stdout)
    assert [row["failed"] for row in rows] == [0, 0, 1, 1]
    assert rows[0]["results"]["epochs"] == {"mean": 10.0}
    for name in ("s.parquet", "s.xlsx"):
        told = torc_frames(*arguments, "-o", name)
        assert told.stderr.endswith(f"4 configurations to {name}\n")
        assert_frame_equal(read_table(Path(name)), made, check_dtype=False)
    headings, rows_shown, said = lines(on_a_terminal(*arguments, "--metric", "accuracy,epochs", columns=85))
    assert headings == ["gamma", "alpha", "jobs", "failed", "accuracy.mean", "accuracy.std", "epochs.mean"]
    assert rows_shown[2].split() == ["0.1", "1", "3", "1", "0.9862", "0.0007071", "5.0"]
    assert "unfinished, stale, results.accuracy.count" in said[-1]


def test_the_best_are_printed_with_their_metric(study: Workflow) -> None:
    headings, rows, said = lines(on_a_terminal("-k", "1", "best", "time.fit", "-n", "2", columns=64))
    assert headings[-2:] == ["gamma", "time.fit"]
    assert len(rows) == 6
    assert "solver = svd" in said[0]
    made = tf.best(study.table(), "accuracy", n=1, mode="max", by="alpha")
    printed = torc_frames(
        "-k", "1", "best", "accuracy", "-n", "1", "--mode", "max", "--by", "alpha", "-f", "csv"
    )
    assert pd.read_csv(io.StringIO(printed.stdout))["job_key"].astype(str).tolist() == made.index.tolist()
    over = torc_frames("-k", "1", "best", "accuracy", "--over", "seed", "-n", "1", "--format", "json").stdout
    assert [row["params"] for row in json.loads(over)] == [{"gamma": 0.1, "alpha": 2}]


def test_what_is_wrong_is_told_with_what_there_is(study: Workflow) -> None:
    for arguments, told in (
        (["best", "acuracy"], "Error: no metric 'acuracy'; there are 'results.accuracy', "),
        (["best", "accuracy", "-n", "0"], "0 is not in the range"),
        (["summarize", "--over", "sed"], "Error: no parameter 'sed'; there are 'params.seed'"),
        (["summarize", "--stat", "mode"], "Error: no statistic 'mode'; there are "),
    ):
        result = CliRunner().invoke(root, ["-k", "1", *arguments], prog_name="torc-frames")
        assert result.exit_code != 0
        assert told in result.output


def test_numbers_are_short() -> None:
    values = [1 / 3, 1e-300, 0.5, -1234.5678, 2.0**60, True, 12345, 99999.5, 0.0]
    assert list(map(short_text, values)) == [
        *("0.3333", "1e-300", "0.5", "-1235", "1.153e18", "True", "12345", "100000", "0.0")
    ]
