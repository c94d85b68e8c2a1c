"""A pulled file pushed back, unedited or edited."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.workflow.workflow import Workflow


def torc_frames(*arguments: str) -> Result:
    result = CliRunner().invoke(root, arguments, prog_name="torc-frames")
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def ridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)
    return tf.connect("torc_frames.db").create_workflow("ridge")


def series(values: list[Any], dtype: Any = object) -> pd.Series:
    return pd.Series(values, dtype=dtype)


TYPES = pd.DataFrame(
    {
        "us": series(["2026-01-02T03:04:05.000006", None], "datetime64[us]"),
        "ns": series(["2026-01-02T03:04:05.000000007", "2026-01-02"], "datetime64[ns]"),
        "day": series(["2026-01-02", "2026-01-03"], "datetime64[s]"),
        "utc": pd.to_datetime(["2020-01-01", None], utc=True),
        "zone": series(["2020-01-01", "2020-07-01T12:00:00.5"], "datetime64[us, Europe/Berlin]"),
        "took": pd.to_timedelta(["1 days 02:03:04.000005", None]),
        "kind": pd.Categorical(["x", None], categories=["y", "x"]),
        "size": pd.Categorical([2, 1], categories=[1, 2], ordered=True),
        "single": series([0.1, 1e-20], "float32"),
        "gap": series([1, None], "Int64"),
        "small": series([1, 2], "int8"),
        "digits": series(["1", "2"], "str"),
        "words": series(["true", "[1]"], "str"),
        "empty": series(["", None], "str"),
        "dict": series([{"a": 1, "b.c": {"d": [1.5, None]}}, {}]),
        "same": series([{"a": 1}, {"a": 2}]),
        "list": series([[1, "x"], None]),
        "mixed": series(["1", 1]),
        "nan": series(["x", float("nan")]),
        "big": series([2**64, 1]),
        "model.depth": series([3, None], "Int64"),
        "nothing": series([None, None]),
    }
)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "parquet", "xlsx"])
def test_a_pulled_file_pushed_back_changes_nothing(ridge: Workflow, suffix: str) -> None:
    ridge.push(TYPES)
    before, rev = ridge.parameters(), ridge.links().attrs["torc"]["rev"]
    assert_frame_equal(before.reset_index(drop=True), TYPES)
    torc_frames("pull", "--what", "parameters", "-o", f"p.{suffix}")
    told = torc_frames("push", f"p.{suffix}").stdout
    assert told == "0 jobs added, 0 changed, 2 unchanged in workflow 1 (ridge)\n"
    assert_frame_equal(ridge.parameters(), before)
    assert ridge.links().attrs["torc"]["rev"] == rev


def test_a_workbook_of_what_was_pulled_changes_nothing(ridge: Workflow) -> None:
    table = TYPES.drop(
        columns=["ns", "utc", "zone", "single", "empty", "mixed", "dict", "same", "list", "big"]
    )
    table["list"] = series([[1, "x"], None])
    ridge.push(table)
    rev = ridge.links().attrs["torc"]["rev"]
    sheet = ridge.parameters()
    sheet["us"] = sheet["us"].astype("str").where(sheet["us"].notna(), None)
    sheet["list"] = sheet["list"].map(json.dumps, na_action="ignore")
    sheet.to_excel("p.xlsx")
    assert "0 jobs added, 0 changed, 2 unchanged" in torc_frames("push", "p.xlsx").stdout
    assert ridge.links().attrs["torc"]["rev"] == rev


def test_edited_cells_are_read_as_their_column_is(ridge: Workflow) -> None:
    ridge.push(TYPES)
    torc_frames("pull", "--what", "parameters", "-o", "p.csv")
    edits = {
        "2026-01-02 03:04:05.000006": "2027-01-02",
        "1 days 02:03:04.000005": "2 days",
        "2020-07-01 12:00:00.500000+02:00": "2021-07-01T12:00:00Z",
        "18446744073709551616": "36893488147419103232",
        ",x,": ",z,",
    }
    text = Path("p.csv").read_text().replace("12:00:00.500+02:00", "12:00:00.500000+02:00")
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    Path("p.csv").write_text(text)
    assert "0 jobs added, 2 changed" in torc_frames("push", "p.csv").stdout
    after = ridge.parameters()
    assert after["us"].iloc[0] == pd.Timestamp("2027-01-02")
    assert after["took"].dt.total_seconds().iloc[0] == 2 * 24 * 60 * 60
    assert after["zone"].iloc[1] == pd.Timestamp("2021-07-01T12:00:00Z")
    assert after["kind"].iloc[0] == "z"
    same = [name for name in TYPES if name not in ("us", "took", "zone", "kind", "big")]
    assert_frame_equal(after[same].reset_index(drop=True), TYPES[same])
    assert after.drop(columns="kind").dtypes.tolist() == TYPES.drop(columns="kind").dtypes.tolist()


def test_an_edit_that_does_not_fit_changes_its_cell_alone(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"n": [1, 2], "single": series([0.1, 0.2], "float32")}))
    Path("p.csv").write_text("job_key,n,single\n1,many,0.3\n2,2,0.2\n")
    torc_frames("push", "p.csv")
    after = ridge.parameters()
    assert after["n"].tolist() == ["many", 2]
    assert_frame_equal(
        after[["single"]].reset_index(drop=True), pd.DataFrame({"single": [0.3, 0.2]}, dtype="float32")
    )


def test_errors_name_the_line_of_the_file(ridge: Workflow) -> None:
    ridge.add_job("one")
    Path("p.csv").write_text('job_key,s\n1,"a\nb"\n\n1,x\n')
    result = CliRunner().invoke(root, ["push", "p.csv"])
    assert result.exit_code == 1
    assert "line 5: is job 1" in result.stderr
