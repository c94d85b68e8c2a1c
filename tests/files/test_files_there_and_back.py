"""Whatever was pushed, a file that was pulled of it and is pushed back changes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from pandas.testing import assert_frame_equal
from strategies import examples, tables

import torc_frames as tf
from torc_frames.cli.root import root

FORMATS = ["csv", "json", "jsonl", "parquet", "xlsx"]


def torc_frames(*arguments: str) -> str:
    result = CliRunner().invoke(root, arguments, prog_name="torc-frames")
    assert result.exit_code == 0, result.output
    return result.output


def check(folder: Path, table: pd.DataFrame, suffix: str) -> None:
    url, file = str(folder / "t.db"), str(folder / f"t.{suffix}")
    wf = tf.connect(url).create_workflow("w")
    wf.push(table)
    before = wf.parameters()
    torc_frames("pull", "--what", "parameters", "-o", file, "-u", url, "-k", wf.key)
    told = torc_frames("push", file, "-u", url, "-k", wf.key)
    assert f"0 jobs added, 0 changed, {len(table)} unchanged" in told
    assert_frame_equal(wf.parameters(), before)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=examples(15))
@given(table=tables())
def test_any_table_comes_back_from_a_file(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, table: pd.DataFrame
) -> None:
    check(tmp_path_factory.mktemp("files"), table, suffix)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_fixed_offset_comes_back_from_a_file(tmp_path: Path, suffix: str) -> None:
    zoned = pd.Series(pd.to_datetime(["2026-01-01 12:00"])).dt.tz_localize("UTC+02:30").dt.as_unit("us")
    check(tmp_path, pd.DataFrame({"alpha": zoned}), suffix)
    check(tmp_path, pd.DataFrame({"alpha": zoned[:0]}), suffix)
