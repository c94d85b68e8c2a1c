"""CSV files that jobs point to: read as what is written, by the one rule that pushes have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from strategies import examples

import torc_frames as tf
from torc_frames.files.read import read_table
from torc_frames.files.tables import read_table as read_pushed
from torc_frames.frame.texts import typed

CELL = st.sampled_from(
    [
        *(
            "0",
            "-0",
            "7",
            "-12",
            "+3",
            "007",
            "1.",
            ".5",
            "-0.25",
            "-0.0",
            "1e5",
            "-2E-3",
            "0.1e400",
            "1e400",
        ),
        *("123456789012345", "9007199254740993", "999999999999999999", "9223372036854775807", " 8 ", "1,5"),
        *(
            "18446744073709551615",
            "18446744073709551616",
            "2" * 400,
            "true",
            "False",
            "left",
            "\u0661",
            "\u22121",
        ),
    ]
)


@settings(max_examples=examples(200))
@given(st.lists(CELL | st.integers().map(str) | st.floats(allow_infinity=False, allow_nan=False).map(repr)))
@example(["9007199254740993", "1.5"])
@example(["1e400", "1.5"])
@example(["+4915112345", "+4917099999"])
@example(["18446744073709551615"])
@example(["123456789012345", "0.1"])
@example(["-0", "0.5"])
def test_pointers_and_pushes_read_csv_alike(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    pd.DataFrame({"row": range(len(cells)), "a": pd.Series(cells, dtype="str")}).to_csv(path, index=False)
    loaded = read_table(str(path), "csv")
    assert_series_equal(loaded["a"], typed(cells), check_names=False)
    assert_frame_equal(loaded, read_pushed(path))
    signs = [
        np.signbit(frame["a"]).tolist() for frame in (loaded, read_pushed(path)) if frame["a"].dtype == "f8"
    ]
    assert signs[:1] == signs[1:]


FILES: dict[str, tuple[str, dict[str, list[Any]]]] = {
    "beyond a float": ("a\n9007199254740993\n1.5\n", {"a": ["9007199254740993", "1.5"]}),
    "too large": ("a\n1e400\n1\n", {"a": ["1e400", "1"]}),
    "unsigned": ("a\n18446744073709551615\n1\n", {"a": [2**64 - 1, 1]}),
    "unsigned with a gap": ("a,b\n18446744073709551615,1\n,2\n", {"a": [2**64 - 1, pd.NA], "b": [1, 2]}),
    "phones": ("a\n+4915112345\n+49\n", {"a": ["+4915112345", "+49"]}),
    "infinite": ("a,b\ninf,1\n-inf,\n0.5,\n", {"a": [np.inf, -np.inf, 0.5], "b": [1, pd.NA, pd.NA]}),
    "missing": ("a,b\n,NA\n,1\n", {"a": [np.nan, np.nan], "b": [pd.NA, 1]}),
    "more cells than names": ("a\n1,5\n2,6\n", {"index": [1, 2], "a": [5, 6]}),
    "row names": ("a\n007,5\n008,6\n", {"index": ["007", "008"], "a": [5, 6]}),
}


@pytest.mark.parametrize("name", FILES)
def test_load_changes_no_value(name: str, tmp_path: Path) -> None:
    content, expected = FILES[name]
    path = tmp_path / "t.csv"
    path.write_text(content)
    wf = tf.connect(tmp_path / "a.db").create_workflow("load")
    wf.push(pd.DataFrame({"x": [1]}))
    wf.job(1).store(rows=tf.Pointer(path))
    loaded = wf.load("rows").drop(columns="job_key")
    assert repr({name: column.tolist() for name, column in loaded.items()}) == repr(expected)
    wf.load("rows", to=tmp_path / "out")
    streamed = pd.read_parquet(tmp_path / "out").drop(columns="job_key")
    assert_frame_equal(streamed.astype(loaded.dtypes), loaded)
