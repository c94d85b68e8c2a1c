"""Tables in: what the cells of CSV, JSON, Parquet and Excel files become."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.files.exports import write_csv
from torc_frames.files.tables import read_table
from torc_frames.frame.texts import typed
from torc_frames.workflow.workflow import Workflow

STRING = pd.Series(["text"]).dtype
"""str, or object before pandas 3."""


def torc_frames(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments, prog_name="torc-frames")


pytestmark = pytest.mark.usefixtures("clean_folder")


@pytest.fixture
def ridge() -> Workflow:
    return tf.connect("torc_frames.db").create_workflow("ridge")


def read(text: str, name: str = "t.csv") -> pd.DataFrame:
    Path(name).write_bytes(text.encode())
    return read_table(Path(name))


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-20", "0"], "int64", [1, -20, 0]),
        (["1", None], "Int64", [1, pd.NA]),
        (["9223372036854775807", "-9223372036854775808"], "int64", [2**63 - 1, -(2**63)]),
        (["9223372036854775808", "1"], "uint64", [2**63, 1]),
        (["18446744073709551616"], "str", None),
        (["9" * 5000], "str", None),
        (["0.1", "2"], "float64", [0.1, 2.0]),
        (["1e-05", "2.5E+10", None], "float64", [1e-05, 2.5e10, float("nan")]),
        (["0.5", "9007199254740993"], "str", None),
        (["1e999"], "str", None),
        (["007", "8"], "str", None),
        (["00.5"], "str", None),
        (["1.", ".5", "-.5"], "float64", [1.0, 0.5, -0.5]),
        (["+1", "-1", "2"], "int64", [1, -1, 2]),
        (["+1", "+0.5"], "float64", [1.0, 0.5]),
        (["+4915112345", " +4917099999", None, ""], "str", None),
        (["+18446744073709551615"], "str", None),
        (["18446744073709551615", "1"], "uint64", [2**64 - 1, 1]),
        (["18446744073709551615", None, " "], "UInt64", [2**64 - 1, pd.NA, pd.NA]),
        (["18446744073709551615", "-1"], "str", None),
        ([" 1", "2\u00a0", "  "], "Int64", [1, 2, pd.NA]),
        ([" true "], "bool", [True]),
        ([" a", " "], "str", None),
        (["1_000"], "str", None),
        (["٣"], "str", None),
        (["nan", "1"], "str", None),
        (["NA", "null", "None"], "str", None),
        (["True", "false", "TRUE"], "bool", [True, False, True]),
        (["true", None], "boolean", [True, pd.NA]),
        (["true", "1"], "str", None),
        (["2026-01-02"], "str", None),
        ([None, None], "object", [None, None]),
        ([], "object", []),
    ],
)
def test_a_csv_column_is_what_all_its_cells_are_written_as(
    cells: list[str | None], dtype: str, values: list[object] | None
) -> None:
    column = typed(cells)
    assert column.dtype == (STRING if dtype == "str" else dtype)
    expected = pd.Series(cells if values is None else values, dtype=column.dtype)
    pd.testing.assert_series_equal(column, expected)


def test_keys_and_names_of_jobs_are_strings() -> None:
    frame = read("job_key,n\n1,1\n,2\n")
    assert frame["job_key"].isna().tolist() == [False, True]
    assert frame["job_key"].dtype == STRING
    assert read("job_name,n\n007,1\n")["job_name"].dtype == STRING


def test_csv_as_spreadsheets_write_it_is_read() -> None:
    frame = read('\ufeffname,"a ""b"", c",x\r\n"line 1\nline 2",ä,1\r\n\r\n,,2\r\n')
    assert list(frame) == ["name", 'a "b", c', "x"]
    assert frame["name"][0] == "line 1\nline 2"
    assert frame["name"].isna().tolist() == [False, True]
    assert frame["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1\n1,2,3\n", "line 2 has 1 cells for 2 columns"),
        ("a,a\n1,2\n", "two columns of this name"),
        ("a,\n1,2\n", "a column without a name"),
        ('a\n"open\n', "can not read t.csv as csv"),
    ],
)
def test_csv_that_is_not_whole_is_refused(text: str, message: str) -> None:
    with pytest.raises(tf.RefusedError, match=message):
        read(text)


def test_csv_that_is_not_utf_8_is_refused() -> None:
    Path("t.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(tf.RefusedError, match=r"can not read t\.csv as csv"):
        read_table(Path("t.csv"))


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "Int64": st.none() | st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_infinity=False, allow_nan=False),
    "bool": st.booleans(),
    "boolean": st.none() | st.booleans(),
    "str": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).map(
        lambda text: f"x{text}"
    ),
}


@st.composite
def columns(draw: st.DrawFn, length: int) -> pd.Series:
    """Draw a column that CSV can hold: a value says its type, and Int64 and boolean have a gap."""
    dtype = draw(st.sampled_from(sorted(CELLS)))
    cells = draw(st.lists(CELLS[dtype], min_size=length, max_size=length))
    if dtype in ("Int64", "boolean"):
        cells = [None, draw(CELLS[dtype.lower().replace("boolean", "bool")]), *cells[2:]]
    return pd.Series(cells, dtype=dtype)


@given(st.data())
def test_csv_comes_back_as_it_was_written(data: st.DataObject) -> None:
    length = data.draw(st.integers(2, 5))
    drawn = data.draw(st.lists(columns(length), min_size=1, max_size=4))
    frame = pd.DataFrame({f"c{at}": column for at, column in enumerate(drawn)})
    with open("t.csv", "wb") as file:
        write_csv(frame, file)
    assert_frame_equal(read_table(Path("t.csv")), frame)


def test_json_keeps_what_it_holds() -> None:
    first = '{"big": 18446744073709551616, "model": {"depth": 3, "a.b": 1}}'
    second = '{"big": 1, "list": [1, {"x": null}]}'
    frame = read(f"[{first}, {second}]", "t.json")
    assert list(frame) == ["big", "model.depth", "model.a\\.b", "list"]
    assert frame["big"].tolist() == [2**64, 1]
    assert str(frame["model.depth"].dtype) == "Int64"
    assert frame["list"][1] == [1, {"x": None}]


def test_json_lines_are_a_table() -> None:
    frame = read('{"a": "x\u2028y"}\n\n{"a": null, "b": 1.5}\n', "t.jsonl")
    assert frame["a"][0] == "x\u2028y"
    assert frame["b"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "a table is a list of objects"),
        ("[1, {}, 2]", "not objects: rows 0, 2"),
        ('[{"a": 1, "a": 2}]', "the key 'a' is there twice"),
        ('[{"a": NaN}]', "NaN is not JSON"),
        ('[{"a": }]', "can not read t.json as json"),
        ('[{"a": "\\ud800"}]', "can not read t.json as json"),
    ],
)
def test_json_that_is_no_table_is_refused(text: str, message: str) -> None:
    with pytest.raises(tf.RefusedError, match=message):
        read(text, "t.json")


def test_parquet_of_another_program_keeps_its_types() -> None:
    table = pa.table(
        {
            "i": pa.array([2**60 + 1, None], pa.int64()),
            "u": pa.array([1, None], pa.uint8()),
            "b": pa.array([True, None]),
            "l": pa.array([[1, 2], None]),
            "s": pa.array([{"x": 1}, {"x": 2}]),
        }
    )
    pq.write_table(table, "t.parquet")
    frame = read_table(Path("t.parquet"))
    assert frame.dtypes.astype(str).tolist() == ["Int64", "UInt8", "boolean", "object", "object"]
    assert frame["i"][0] == 2**60 + 1
    assert frame["l"].tolist() == [[1, 2], None]
    assert frame["s"].tolist() == [{"x": 1}, {"x": 2}]


def sheet(*rows: list[object]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save("t.xlsx")


def test_an_excel_sheet_is_a_table() -> None:
    sheet(
        ["n", "x", "name", "ok", "day", "job_name"], [1, 0.5, "007", True, datetime(2026, 1, 2), "a"], [2, 1]
    )
    frame = read_table(Path("t.xlsx"))
    assert frame.dtypes.astype(str).tolist()[:2] == ["int64", "float64"]
    assert frame["name"][0] == "007"
    assert str(frame["ok"].dtype) == "boolean"
    assert frame["day"].dtype.kind == "M"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "is empty"),
        ([["n"], ["=1+1"]], "cell A2 is a formula without its value"),
        ([["n", None, "m"], [1, 2, 3]], "a column without a name"),
    ],
)
def test_an_excel_sheet_that_is_no_table_is_refused(rows: list[list[object]], message: str) -> None:
    sheet(*rows)
    with pytest.raises(tf.RefusedError, match=message):
        read_table(Path("t.xlsx"))


def test_without_openpyxl_excel_is_refused_with_what_to_do(
    ridge: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet(["n"], [1])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    result = torc_frames("push", "t.xlsx")
    assert result.exit_code == 1
    assert "pip install 'torc_frames[excel]'" in result.stderr


def test_a_broken_excel_file_is_refused(ridge: Workflow) -> None:
    Path("t.xlsx").write_text("no")
    assert "Error: can not read t.xlsx as xlsx" in torc_frames("push", "t.xlsx").stderr


def test_pushing_a_file_again_changes_nothing(ridge: Workflow) -> None:
    Path("grid.csv").write_text("alpha,id\n0.1,007\n2,008\n")
    arguments = [
        "push",
        "grid.csv",
        "--command",
        "run {alpha}",
        "--name",
        "a-{id}",
        "--outputs",
        *("--num-cpus", "2", "--num-gpus", "1", "--memory", "2g", "--runtime", "PT30M"),
    ]
    assert torc_frames(*arguments).exit_code == 0
    jobs = ridge.jobs()
    assert jobs["command"].tolist() == ["run 0.1", "run 2.0"]
    assert jobs["job_name"].tolist() == ["a-007", "a-008"]
    needs = jobs[["num_cpus", "num_gpus", "memory", "runtime"]]
    assert needs.to_numpy().tolist() == [[2, 1, "2g", "PT30M"]] * 2
    assert len(ridge.user_data(role="output")) == 2
    assert torc_frames(*arguments).exit_code == 0
    assert_frame_equal(ridge.jobs(), jobs)
    assert torc_frames("push", "grid.csv", "--on-exists", "error").exit_code == 1
    assert torc_frames("push", "grid.csv", "--on-exists", "append", "--depends-on", "1").exit_code == 0
    assert ridge.jobs()["status"].tolist() == ["ready", "ready", "blocked", "blocked"]


def test_what_makes_no_sense_as_a_need_is_told_with_the_mend(ridge: Workflow) -> None:
    Path("grid.csv").write_text("alpha\n0.1\n")
    result = torc_frames("push", "grid.csv", "--command", "true", "--runtime", "30m")
    assert result.exit_code == 1
    assert "line 2, column \"resources['runtime']\": '30m' is no duration" in result.stderr
    assert "write PT30M" in result.stderr
    assert len(ridge.jobs()) == 0


def test_a_table_edited_as_csv_updates_its_jobs(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"alpha": [0.1, 1.0], "tag": ["007", None]}))
    assert torc_frames("pull", "--what", "parameters", "-o", "p.csv").exit_code == 0
    Path("p.csv").write_text(Path("p.csv").read_text().replace("0.1", "0.25"))
    assert torc_frames("push", "p.csv").exit_code == 0
    assert ridge.parameters()["alpha"].tolist() == [0.25, 1.0]
    assert ridge.parameters()["tag"].iloc[0] == "007"
    assert len(ridge.jobs()) == 2


def test_a_file_of_another_kind_is_refused(ridge: Workflow) -> None:
    Path("t.doc").touch()
    result = torc_frames("push", "t.doc")
    assert result.exit_code == 1
    assert "'t.doc' is none of .csv, .parquet" in result.stderr


@pytest.mark.parametrize("arguments", [["pull", "--what", "parameters"], ["table"]], ids=["pull", "table"])
def test_several_records_with_different_values_are_printed_as_asked(
    ridge: Workflow, arguments: list[str]
) -> None:
    (job,) = ridge.push(pd.DataFrame({"alpha": [0.1]})).index
    ridge.add_user_data(job, {"alpha": 0.2}, role="input")
    failed = torc_frames(*arguments, "--on-clash", "error")
    assert failed.exit_code == 1
    assert "--on-clash" in failed.stderr
    shown = torc_frames(*arguments, "--format", "json")
    assert '"alpha":[0.1,0.2]' in shown.stdout
    assert "These cells are lists" in shown.stderr
    last = torc_frames(*arguments, "--on-clash", "last", "--format", "json")
    listed = torc_frames(*arguments, "--on-clash", "list", "--format", "json")
    assert '"alpha":0.2' in last.stdout
    assert '"alpha":[0.1,0.2]' in listed.stdout


def test_a_table_has_of_jobs_what_is_asked_for(ridge: Workflow) -> None:
    ridge.push(tf.grid(alpha=[0.1]), command="true")

    def columns(*asked: str) -> list[str]:
        return torc_frames("table", *asked, "--format", "csv").stdout.split("\n", 1)[0].split(",")

    assert columns() == ["job_key", "job_name", "status", "stale", "params.alpha"]
    assert columns("--job-columns") == ["job_key", *ridge.jobs(), "params.alpha"]
    some = ["job_key", "job_name", "command", "status", "stale", "run_id", "params.alpha"]
    assert columns("--job-columns", "run_id, command") == some
    refused = torc_frames("table", "--job-columns", "nope")
    assert refused.exit_code == 1
    assert "no column 'nope'; there are: 'job_name', 'command'" in refused.stderr


def test_a_way_to_join_records_goes_with_what_joins_them(ridge: Workflow) -> None:
    failed = torc_frames("pull", "--on-clash", "last")
    assert failed.exit_code == 2
    assert "--on-clash goes with --what parameters, results" in failed.stderr
