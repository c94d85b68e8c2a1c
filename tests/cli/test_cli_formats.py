"""Tables out: as text, JSON, CSV and Parquet, to stdout and to files."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from places import REPOSITORY
from terminals import on_a_terminal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.files.cells import is_live, neutral, restored
from torc_frames.files.tables import read_table
from torc_frames.workflow.workflow import Workflow


def torc_frames(*arguments: str) -> Result:
    result = CliRunner().invoke(root, arguments, prog_name="torc-frames")
    assert result.exit_code == 0, result.output
    return result


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
    table, _, hint = narrow.partition("2 more columns: ")
    assert max(map(len, table.splitlines())) <= 60
    assert table.split()[:5] == ["job_key", "job_name", "status", "x", "loss"]
    assert [" 0.3333 " in table, " 0.3\n" in table] == [True, True]
    assert hint == "stale, params.none; --all shows all\n"
    with_jobs = on_a_terminal("-k", "1", "table", "--job-columns", columns=60)
    assert ": command, num_cpus, " in with_jobs
    records = on_a_terminal("-k", "1", "pull", columns=60)
    assert "more columns do not fit here: " in records
    assert records.endswith("; -o FILE (table.csv, say) takes all\n")
    assert "--format csv shows all" in on_a_terminal("-k", "1", "jobs", "list", columns=40)
    assert "0.3333333333333333" in torc_frames("table").stdout


def test_a_narrow_terminal_shows_who_uses_too_little(ridge: Workflow) -> None:
    ridge.push(tf.grid(n=[1]), command="true", resources={"runtime": "PT1H", "memory": "1g"})
    ridge.run()
    printed = on_a_terminal("-k", "1", "pull", "--what", "utilization", columns=60)
    assert printed.split()[:5] == ["job_key", "job_name", "status", "run_id", "runtime_mark"]


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


# what a spreadsheet would run

LIVE = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "\ufeff=1",
    "\uff1d1+1",
    '=HYPERLINK("http://x","y")',
    "'=1+1",
    "#N/A",
    "- item",
]
PLAIN = ["a=1", "-1", "+1.5e3", "'quoted' = 1", "it's", "", "1;=2"]
TEXTS = st.one_of(
    st.sampled_from(LIVE + PLAIN),
    st.text("'=+-@\t\r\n\"1;, a_x0", max_size=6),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)


@given(TEXTS)
@example("''=")
def test_what_is_made_neutral_is_not_live_and_is_restored(text: str) -> None:
    assert restored(neutral(text)) == text
    assert not is_live(neutral(text))
    assert neutral(text).replace("'", "") == text.replace("'", "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4),
    names=st.lists(TEXTS, min_size=2, unique=True),
)
def test_texts_survive_a_spreadsheet_file_and_never_run(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], names: list[str]
) -> None:
    from torc_frames.files.exports import write_csv
    from torc_frames.files.sheets import write_sheet

    folder = tmp_path_factory.mktemp("files")
    names = [name or "x" for name in names[:2]]
    if names[0] == names[1] or {*names} & {"job_key", "job_name"}:
        return
    kinds = ("str", "category")
    frame = pd.DataFrame(
        {name: pd.Series([row[at] for row in rows], dtype=kinds[at]) for at, name in enumerate(names)}
    )
    of_csv = [[cell or None for cell in row] for row in rows]  # which has no empty texts
    for suffix, write in ((".csv", write_csv), (".xlsx", write_sheet)):
        path = folder / f"t{suffix}"
        with path.open("wb") as file:
            write(frame, file)
        like = frame.astype(object)  # so that 1 stays a text
        back = read_table(path, like)
        assert list(back) == names
        found = back.astype(object).where(back.notna(), None)
        assert found.to_numpy().tolist() == (of_csv if suffix == ".csv" else list(map(list, rows)))
        if suffix == ".xlsx":
            assert not formulas(path)


def formulas(path: Path) -> list[str]:
    """Return what in the XML of a workbook is a formula, or a cell that is no text, number or boolean."""
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    return [
        found
        for sheet in sheets
        for found in re.findall(r"<f[ >/][^<]*|<c [^>]*t=\"(?:str|e)\"[^>]*>", sheet)
    ]


def test_a_pulled_csv_carries_no_formula_and_is_pushed_without_a_change(ridge: Workflow) -> None:
    table = pd.DataFrame(
        {
            "text": pd.Series(LIVE + PLAIN, dtype="str"),
            "kind": pd.Categorical(LIVE + PLAIN),
            "mixed": pd.Series([*LIVE, *PLAIN[:-2], -5, ["=1"]], dtype=object),
            "n": range(-9, len(LIVE + PLAIN) - 9),
            "took": pd.to_timedelta(range(-9, len(LIVE + PLAIN) - 9), unit="h").as_unit("us"),
            "=1+1": 1.5,
            "-x": "a",
        }
    )
    ridge.push(table)
    before = ridge.parameters()
    rev = ridge.links().attrs["torc"]["rev"]
    torc_frames("pull", "--what", "parameters", "-o", "p.csv")
    cells = pd.read_csv("p.csv", dtype=str, keep_default_na=False)
    texts = ["text", "kind", "mixed"]
    assert not any(is_live(cell) for name in texts for cell in cells[name])
    assert not any(map(is_live, cells.columns))
    assert cells["n"].tolist()[0] == "-9"
    assert "0 changed" in torc_frames("push", "p.csv").stdout
    assert ridge.links().attrs["torc"]["rev"] == rev
    assert_frame_equal(ridge.parameters(), before)
    torc_frames("pull", "--what", "parameters", "-o", "raw.csv", "--raw-csv")
    assert pd.read_csv("raw.csv", dtype=str, keep_default_na=False)["text"].tolist() == LIVE + PLAIN
    assert "0 changed" in torc_frames("push", "raw.csv", "--raw-csv").stdout


def test_a_new_table_of_csv_has_its_apostrophes_taken_off(ridge: Workflow) -> None:
    Path("p.csv").write_text("'=name,n\n'=1+1,1\n''@x,-2\nit's,3\n")
    torc_frames("push", "p.csv")
    assert ridge.parameters()["=name"].tolist() == ["=1+1", "'@x", "it's"]
    assert ridge.parameters()["n"].tolist() == [1, -2, 3]
    torc_frames("workflows", "create", "raw", "-u", "raw.db")
    torc_frames("push", "p.csv", "--raw-csv", "-u", "raw.db")
    assert tf.connect("raw.db").workflow(1).parameters()["'=name"].tolist() == ["'=1+1", "''@x", "it's"]


def test_lists_of_other_commands_carry_no_formula_either(ridge: Workflow) -> None:
    ridge.add_job("=1+1", command="@x")
    printed = torc_frames("jobs", "list", "--format", "csv").stdout
    assert "1,'=1+1,'@x," in printed


def test_a_workbook_holds_texts_numbers_and_times_but_no_formula(ridge: Workflow) -> None:
    length = len(LIVE + PLAIN)
    table = pd.DataFrame(
        {
            "text": pd.Series(LIVE + PLAIN, dtype="str").replace("", "x"),
            "n": range(-9, length - 9),
            "gap": pd.array([None, *range(length - 1)], dtype="Int64"),
            "loss": [float("nan"), *([-0.1] * (length - 1))],
            "ok": [True, *([False] * (length - 1))],
            "day": pd.to_datetime(["2026-01-02T03:04:05.678"] * length).as_unit("us"),
            "exact": pd.to_datetime(["2026-01-02T03:04:05.678901"] * length).as_unit("us"),
            "old": pd.to_datetime(["1848-03-18"] * length).as_unit("us"),
            "zone": pd.to_datetime(["2026-01-02"] * length).tz_localize("Europe/Berlin").as_unit("us"),
            "took": pd.to_timedelta(range(-9, length - 9), unit="h").as_unit("us"),
            "list": [[1, "=x"]] * length,
            "=1+1": "=2+2",
        }
    )
    ridge.push(table)
    rev = ridge.links().attrs["torc"]["rev"]
    torc_frames("pull", "--what", "parameters", "-o", "p.xlsx")
    assert not formulas(Path("p.xlsx"))
    sheet = pd.read_excel("p.xlsx", keep_default_na=False)
    assert sheet["text"].tolist()[:2] == LIVE[:2]
    assert sheet["n"].tolist() == table["n"].tolist()
    assert sheet["day"].tolist() == table["day"].tolist()
    assert sheet["exact"].tolist()[0] == "2026-01-02 03:04:05.678901"
    assert sheet.columns[-1] == "=1+1"
    assert "0 jobs added, 0 changed" in torc_frames("push", "p.xlsx").stdout
    assert ridge.links().attrs["torc"]["rev"] == rev


def test_integers_that_excel_would_round_are_texts(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"big": [2**53 + 1, -1], "small": [2**53, -1]}))
    torc_frames("pull", "--what", "parameters", "-o", "p.xlsx")
    _, *rows = openpyxl.load_workbook("p.xlsx").active.values
    assert rows == [("1", "9007199254740993", 2**53), ("2", "-1", -1)]
    assert "0 jobs added, 0 changed" in torc_frames("push", "p.xlsx").stdout


def test_a_text_that_is_too_long_for_excel_is_refused_by_name(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"s": ["x", "y" * 32_768]}))
    failed = CliRunner().invoke(root, ["pull", "--what", "parameters", "-o", "p.xlsx"])
    assert failed.exit_code == 1
    assert "row 1, column 's': a text of 32,768 characters" in failed.stderr
    assert not Path("p.xlsx").exists()
