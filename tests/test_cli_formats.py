"""Tables out: as text, JSON, CSV and Parquet, to stdout and to files."""

from __future__ import annotations

import io
import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow import Workflow

REPOSITORY = Path(__file__).parents[1]


def torc_frames(*arguments: str) -> Result:
    result = CliRunner().invoke(root, arguments, prog_name="torc-frames")
    assert result.exit_code == 0, result.output
    return result


def on_a_terminal(*arguments: str, columns: int) -> str:
    """Run a command with a terminal of that width as its stdout."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb"}
    command = [sys.executable, "-m", "torc_frames.cli", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        printed = b""
        try:
            while part := os.read(ours, 65536):
                printed += part
        except OSError:
            pass  # Linux's way to say that the other end is closed
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


@pytest.fixture
def ridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    return tf.connect("torc_frames.db").create_workflow("ridge")


TYPES = pd.DataFrame(
    {
        "i": [1, -2],
        "gap": pd.array([1, None], dtype="Int64"),
        "f": [0.1, 2.0],
        "ok": [True, False],
        "s": ["007", 'a,"b"\n\rc'],
        "when": pd.Series(["2026-01-02T03:04:05.000006", None], dtype="datetime64[us]"),
        "kind": pd.Categorical(["x", None]),
        "big": pd.Series([2**64, 1], dtype=object),
        "list": pd.Series([[1, 2.5, None], []], dtype=object),
        "ints": pd.Series([[1, 2], None], dtype=object),
        "mixed": pd.Series(["1", 1], dtype=object),
        "model.depth": [3, 4],
        "model.loss": ["l1", None],
    }
)


def test_json_is_exact_and_nested(ridge: Workflow) -> None:
    ridge.push(TYPES)
    rows = json.loads(torc_frames("pull", "--what", "parameters", "--format", "json").stdout)
    assert rows[0] == {
        "job_key": "1",
        "i": 1,
        "gap": 1,
        "f": 0.1,
        "ok": True,
        "s": "007",
        "when": "2026-01-02T03:04:05.000006",
        "kind": "x",
        "big": 2**64,
        "list": [1, 2.5, None],
        "ints": [1, 2],
        "mixed": "1",
        "model": {"depth": 3, "loss": "l1"},
    }
    assert rows[1]["gap"] is None
    assert rows[1]["model"] == {"depth": 4, "loss": None}
    assert type(rows[1]["f"]) is float


def test_json_of_nothing_is_an_empty_array(ridge: Workflow) -> None:
    assert torc_frames("jobs", "list", "--format", "json").stdout == "[]\n"
    assert torc_frames("jobs", "list", "--format", "jsonl").stdout == ""
    assert torc_frames("jobs", "list").stdout.startswith("job_key   job_name")


def test_json_where_a_value_and_an_object_share_a_name(ridge: Workflow) -> None:
    ridge.add_user_data(None, {"a": 1}, {"a": {"b": 2}}, {"c": None})
    rows = json.loads(torc_frames("user-data", "list", "--format", "json").stdout)
    assert [row.get("a") for row in rows] == [1, {"b": 2}, None]


@pytest.mark.parametrize("suffix", ["parquet", "json", "jsonl"])
def test_what_is_pulled_to_a_file_is_pushed_without_a_change(ridge: Workflow, suffix: str) -> None:
    ridge.push(TYPES)
    before = ridge.parameters()
    revs = ridge.user_data()["rev"].tolist()
    torc_frames("pull", "--what", "parameters", "-o", f"p.{suffix}")
    torc_frames("push", f"p.{suffix}", "--format", "json")
    again = ridge.parameters()
    assert_frame_equal(before.reset_index(drop=True), TYPES)
    assert ridge.user_data()["rev"].tolist() == revs
    assert len(again) == 2
    assert_frame_equal(again, before)


def test_pulled_rows_without_their_keys_are_new_jobs_elsewhere(ridge: Workflow) -> None:
    table = TYPES.drop(columns=["when", "kind"])
    ridge.push(table)
    rows = json.loads(torc_frames("pull", "--what", "parameters", "--format", "json").stdout)
    Path("rows.json").write_text(json.dumps([{**row, "job_key": None} for row in rows]))
    torc_frames("workflows", "create", "copy", "-u", "copy.db")
    torc_frames("push", "rows.json", "-u", "copy.db")
    copied = tf.connect("copy.db").workflow(1).parameters()
    assert_frame_equal(copied.reset_index(drop=True), table)


def test_mixed_columns_are_json_strings_in_parquet_and_said_so(ridge: Workflow) -> None:
    ridge.push(TYPES)
    result = torc_frames("pull", "--what", "parameters", "-o", "p.parquet")
    assert "Stored as JSON strings, for their mixed values: big, list, mixed\n" in result.stderr
    table = pq.read_table("p.parquet")
    assert table.column("list").to_pylist() == ["[1,2.5,null]", "[]"]
    assert table.column("mixed").to_pylist() == ['"1"', "1"]
    assert table.column("ints").to_pylist() == [[1, 2], None]


def test_parquet_goes_to_a_pipe_but_to_no_terminal(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=[0.1, 1.0]))
    command = [sys.executable, "-m", "torc_frames.cli", "pull", "--what", "parameters", "--format", "parquet"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert_frame_equal(pd.read_parquet(io.BytesIO(done.stdout)), ridge.parameters())
    printed = on_a_terminal("pull", "--format", "parquet", columns=80)
    assert "Error: Parquet is no text: give -o FILE" in printed


def test_csv_is_what_pandas_writes(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=[0.1, 1.0], name=["x", "ä"]))
    printed = torc_frames("pull", "--what", "parameters", "--format", "csv").stdout
    assert printed == ridge.parameters().to_csv(lineterminator="\n")
    torc_frames("table", "-o", "t.csv")
    assert Path("t.csv").read_text().splitlines()[0].endswith("params.alpha,params.name")


def test_lists_in_csv_are_json(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"x": [[1, "a"], None, True, "s"]}))
    printed = torc_frames("pull", "--what", "parameters", "--format", "csv").stdout
    assert printed == 'job_key,x\n1,"[1,""a""]"\n2,\n3,True\n4,s\n'


def test_a_table_off_a_terminal_is_whole(ridge: Workflow) -> None:
    columns = {f"column_{n}": ["x" * 100] for n in range(20)}
    ridge.push(pd.DataFrame({**columns, "n": [1], "gap": [None], "[bold]": ["[red]x[/]"]}))
    printed = torc_frames("pull", "--what", "parameters").stdout
    assert printed.count("x" * 100) == 20
    assert "[bold]" in printed
    assert "[red]x[/]" in printed
    assert len(printed.splitlines()) == 3
    torc_frames("pull", "--what", "parameters", "-o", "t.txt")
    assert Path("t.txt").read_text() == printed


def test_a_table_on_a_terminal_fits_and_says_what_does_not(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"long": ["q" * 90], "[red]markup[/]": ["\x1b[31m"], "last": [1]}))
    printed = on_a_terminal("-k", "1", "pull", "--what", "parameters", columns=80)
    assert printed.count("q") == 90
    assert "[red]markup[/]" in printed
    assert "\\x1b[31m" in printed
    assert "more column" not in printed


def test_a_narrow_terminal_shows_what_says_most(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"x": [1 / 3], "none": [None]}), command="echo " + "q" * 30)
    ridge.job(1).store(loss=0.30000000000000004)
    narrow = on_a_terminal("-k", "1", "table", columns=60)
    table, _, hint = narrow.partition("more columns do not fit here: ")
    assert max(map(len, table.splitlines()[:-1])) <= 60
    assert table.split()[:5] == ["job_key", "job_name", "status", "params.x", "results.loss"]
    assert [" 0.333333 " in table, " 0.3\n" in table] == [True, True]
    assert hint.startswith("command, num_cpus, ")
    assert hint.endswith("; -o FILE (table.csv, say) takes all\n")
    assert "--format csv shows all" in on_a_terminal("-k", "1", "jobs", "list", columns=40)
    assert "0.3333333333333333" in torc_frames("table").stdout


def test_a_table_loads_the_files_behind_pointers(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=[0.1]))
    Path("log.csv").write_text("step,id\n1,007\n2,008\n")
    ridge.job(1).store(log=tf.Pointer("log.csv"))
    printed = torc_frames("table", "--load", "log", "--format", "jsonl").stdout
    logs = [json.loads(line)["results"]["log"] for line in printed.splitlines()]
    assert logs == [{"step": 1, "id": "007"}, {"step": 2, "id": "008"}]


def test_other_pulls_are_tables_too(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=[1]), outputs=True)
    ridge.job(1).store(loss=0.5)
    links = torc_frames("pull", "--what", "links", "--format", "csv").stdout
    assert links == "record_key,job_key,role\n1,1,input\n2,1,output\n"
    results = torc_frames("pull", "--what", "results", "--job", "1", "--format", "jsonl").stdout
    assert results == '{"job_key":"1","loss":0.5}\n'
    assert torc_frames("pull", "--what", "jobs").stdout == torc_frames("jobs", "list").stdout


def test_an_output_file_is_replaced_whole_or_not_at_all(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"x": [1]}))
    path = Path("out.csv")
    path.write_text("precious")
    path.chmod(0o600)
    Path("link.csv").symlink_to(path)
    torc_frames("pull", "--what", "parameters", "-o", "link.csv")
    assert path.read_text() == "job_key,x\n1,1\n"
    assert Path("link.csv").is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("precious")
    failed = CliRunner().invoke(root, ["pull", "--job", "99", "-o", "out.csv"])
    assert failed.exit_code == 1
    assert path.read_text() == "precious"
    assert [name for name in os.listdir() if name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pull"], "2 records"),
        (["pull", "--what", "parameters", "--job", "1"], "1 job"),
        (["pull", "--what", "links"], "2 links"),
        (["table"], "2 jobs"),
    ],
)
def test_what_was_written_to_a_file_is_told(ridge: Workflow, arguments: list[str], told: str) -> None:
    ridge.push(pd.DataFrame({"x": [1, 2]}))
    result = CliRunner().invoke(root, [*arguments, "-o", "x.csv"])
    assert result.stderr.splitlines()[-1] == f"{told} to x.csv"
    assert result.stdout == ""


def test_a_new_output_file_has_usual_permissions(ridge: Workflow) -> None:
    Path("plain").touch()
    torc_frames("table", "-o", "t.json")
    assert Path("t.json").stat().st_mode == Path("plain").stat().st_mode
