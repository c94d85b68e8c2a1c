"""No cell of a CSV file is a formula, whichever separator a spreadsheet takes."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf
from torc_frames.files.cells import neutral, restored
from torc_frames.files.exports import write_csv
from torc_frames.files.tables import read_table

BEGINS = re.compile(r"[\t\r]|[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
READERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "blanks skipped": {"skipinitialspace": True},
    "quotes not doubled": {"doublequote": False},
}

TEXTS = st.one_of(
    st.text("=-@;\t\r\n\"' a", max_size=8),
    st.text("=+;\"'\x0b\x85\u2028 \ufeff\uff1d1", max_size=8),
    st.sampled_from(
        ["a;=cmd|'/C calc'!A0", 'x;"=1";', 'a\n=1;"\n@SUM(1)', "-1;-2", "a;-1", "\t=1", "a;\tb", ";;=1"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
)
JSON = st.recursive(
    TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=3
)


def live(text: str, sep: str, **options: Any) -> list[str]:
    """Return the cells that a spreadsheet would run."""
    cells = [
        cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=sep, **options) for cell in row
    ]
    return [cell for cell in cells if BEGINS.match(cell) and not NUMBER.fullmatch(cell)]


def written(frame: pd.DataFrame) -> str:
    file = io.BytesIO()
    write_csv(frame, file)
    return file.getvalue().decode()


@given(TEXTS)
@example(";\n=1")
@example(";' \"=1")
@example("';'=1")
def test_what_is_neutral_is_restored(text: str) -> None:
    assert restored(neutral(text)) == text
    assert neutral(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize(
    "text", ["a; b", "x = 1", "a\nb", "1;2", "it's; 'quoted'", "-1", "+1.5e3", "a, =1", "k=v;l=w"]
)
def test_what_is_no_formula_anywhere_is_left_alone(text: str) -> None:
    assert neutral(text) == text


@settings(max_examples=examples(120))
@given(
    cells=st.lists(st.tuples(TEXTS, TEXTS, JSON), min_size=1, max_size=4),
    names=st.lists(TEXTS, min_size=3, max_size=3, unique=True),
)
def test_no_reading_has_a_live_cell(cells: list[tuple[Any, ...]], names: list[str]) -> None:
    text, kind, data = zip(*cells, strict=True)
    frame = pd.DataFrame(
        {
            names[0]: pd.Series(text, dtype="str"),
            names[1]: pd.Series(pd.Categorical(kind)),
            names[2]: pd.Series(data, dtype=object),
            "took": pd.to_timedelta([-90] * len(cells), unit="min"),
            "n": -1.5,
        },
    )
    frame.index = pd.Index([str(row) for row in range(len(cells))], name="job_key")
    file = written(frame)
    for sep in ",;\t":
        for options in READERS.values():
            found = live(file, sep, **options)
            if options.get("skipinitialspace"):
                found = [cell for cell in found if cell.strip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20")]
            if sep != "," or options.get("doublequote", True):  # in which commas are inside of quotes
                assert found == []


@settings(max_examples=examples(25))
@given(cells=st.lists(st.tuples(TEXTS, JSON), min_size=1, max_size=4))
def test_a_push_takes_it_off_again(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[Any, ...]]
) -> None:
    text, data = zip(*cells, strict=True)
    folder = tmp_path_factory.mktemp("csv")
    wf = tf.connect(folder / "study.db").create_workflow("live")
    wf.push(pd.DataFrame({"text": pd.Series(text, dtype="str"), "data": pd.Series(data, dtype=object)}))
    before = wf.parameters()
    path = Path(folder / "t.csv")
    path.write_text(written(before), newline="")
    assert set(wf.plan(read_table(path, before)).rows["action"]) == {"unchanged"}
    wf.push(read_table(path, before))
    assert_frame_equal(wf.parameters(), before)


def test_what_it_looks_like() -> None:
    frame = pd.DataFrame(
        {"s": ["a;=cmd|'/C calc'!A0"], "j": [["x;@y"]], "t": pd.to_timedelta([-1], unit="h")}
    )
    assert written(frame) == 's,j,t\na;\'=cmd|\'/C calc\'!A0,"[""x;\'@y""]",\'-1 days +23:00:00\n'
