"""CSV files of other programs: what is found, told, and refused, and with which mend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import torc_frames as tf
from torc_frames.cli.root import root
from torc_frames.files.cells import neutral_name, restored_name
from torc_frames.files.delimited import CsvOptions
from torc_frames.files.exports import write_csv
from torc_frames.files.tables import read_table
from torc_frames.workflow.workflow import Workflow

NA = pd.NA


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TORC_")]:
        monkeypatch.delenv(name)


def read(content: str | bytes, **options: Any) -> tuple[dict[str, list[Any]], list[str]]:
    """Return the columns of a file with the types of cells, and what is told."""
    path = Path("t.csv")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told: list[str] = []
    frame = read_table(path, csv_options=CsvOptions(**options), tell=told.append)
    # A missing text is None in pandas 2.
    columns = {str(name): column.tolist() for name, column in frame.items()}
    return {
        name: [float("nan") if one is None else one for one in cells] for name, cells in columns.items()
    }, told


FOUND = "t.csv: cells are separated by ';', the decimal mark is ','"
FILES: dict[str, tuple[str | bytes, dict[str, list[Any]], list[str]]] = {
    "German Excel": (
        "alpha;Länge;Ort\r\n0,5;1,25;Köln\r\n-1;3;Bonn, Süd\r\n",
        {"alpha": [0.5, -1.0], "Länge": [1.25, 3.0], "Ort": ["Köln", "Bonn, Süd"]},
        [FOUND],
    ),
    "semicolons and points": (
        "a;b\n0.5;1\n1.5;2\n",
        {"a": [0.5, 1.5], "b": [1, 2]},
        ["t.csv: cells are separated by ';', the decimal mark is '.'"],
    ),
    "German thousands": (
        "a;b\n0,5;1.234\n1,5;2.500\n",
        {"a": [0.5, 1.5], "b": ["1.234", "2.500"]},
        [
            FOUND,
            "t.csv: column 'b' has texts: 0 of 2 cells are numbers, but not '1.234' (line 2), '2.500' "
            "(line 3); --thousands . reads it as numbers",
        ],
    ),
    "Excel's first line": (
        'sep=;\na;b\n1;"x;y"\n',
        {"a": [1], "b": ["x;y"]},
        ["t.csv: cells are separated by ';', the decimal mark is '.'"],
    ),
    "tabs": (
        "a\tb\n1\tx, y; z\n",
        {"a": [1], "b": ["x, y; z"]},
        ["t.csv: cells are separated by '\\t', the decimal mark is '.'"],
    ),
    "Excel's Unicode text": (
        "a\tb\n1\tä\n".encode("utf-16"),
        {"a": [1], "b": ["ä"]},
        ["t.csv: cells are separated by '\\t', the decimal mark is '.'"],
    ),
    "UTF-8 of Windows": ("\ufeffa,b\r\n1,ä\r\n", {"a": [1], "b": ["ä"]}, []),
    "R's write.csv": (
        '"","alpha","kind"\n"1",0.5,"x"\n"2",1.5,"y"\n',
        {"alpha": [0.5, 1.5], "kind": ["x", "y"]},
        ["t.csv: the first column, which has no name and counts the rows, is left out"],
    ),
    "pandas' index": (
        ",alpha\n0,0.5\n1,\n",
        {"alpha": [0.5, float("nan")]},
        ["t.csv: the first column, which has no name and counts the rows, is left out"],
    ),
    "separators at the end": (
        "a;b;\n1;2;\n3;4;\n",
        {"a": [1, 3], "b": [2, 4]},
        ["t.csv: cells are separated by ';', the decimal mark is '.'"],
    ),
    "a header with blanks": (" a , b\u00a0\n1,2\n", {"a": [1], "b": [2]}, []),
    "padded cells": ("a,b\n 3 , .5\n+1,-.5\n,2.\n", {"a": [3, 1, NA], "b": [0.5, -0.5, 2.0]}, []),
    "scientific notation": ("a\n1e-3\n2.5E+10\n1.\n", {"a": [1e-3, 2.5e10, 1.0]}, []),
    "truths": ("a,b\nTRUE,yes\n false ,no\n", {"a": [True, False], "b": ["yes", "no"]}, []),
    "codes": ("id\n007\n12\nNA\n", {"id": ["007", "12", "NA"]}, []),
    "texts": ("s\nleft\nright\n3\n", {"s": ["left", "right", "3"]}, []),
    "names of norms": ("norm\nl2\ninf\n", {"norm": ["l2", "inf"]}, []),
    "dates": ("day\n2026-01-02\n2026-01-03\n", {"day": ["2026-01-02", "2026-01-03"]}, []),
    "quoted new lines": ('a,b\n1,"x\ny"\n2,"say ""hi"""\n', {"a": [1, 2], "b": ["x\ny", 'say "hi"']}, []),
    "quotes inside": ('a,b\n1,5" pipe\n', {"a": [1], "b": ['5" pipe']}, []),
    "a comma in a quoted name": (
        '"x, mm";y\n0,5;2\n',
        {"x, mm": [0.5], "y": [2]},
        [FOUND],
    ),
    "missing in many spellings": (
        "a\n1\nNA\n2.5\nNA\nn/a\n",
        {"a": ["1", "NA", "2.5", "NA", "n/a"]},
        [
            "t.csv: column 'a' has texts: 2 of 5 cells are numbers, but not 'NA' (line 3 and 1 more), 'n/a' "
            "(line 6); --na-values NA --na-values n/a reads it as numbers"
        ],
    ),
    "thousands": (
        'a\n"1,234"\n"12,345,678.5"\n7\n',
        {"a": ["1,234", "12,345,678.5", "7"]},
        [
            "t.csv: column 'a' has texts: 1 of 3 cells are numbers, but not '1,234' (line 2), '12,345,678.5' "
            "(line 3); --thousands , reads it as numbers"
        ],
    ),
    "only thousands": (
        'a\n"1,000"\n',
        {"a": ["1,000"]},
        [
            "t.csv: column 'a' has texts: 0 of 1 cells are numbers, but not '1,000' (line 2); "
            "--thousands , reads it as numbers"
        ],
    ),
    "percent": (
        "a\n12%\n3.5 %\n1\n",
        {"a": ["12%", "3.5 %", "1"]},
        ["t.csv: column 'a' has texts: 1 of 3 cells are numbers, but not '12%' (line 2), '3.5 %' (line 3)"],
    ),
    "one word": (
        "a\n1\n2\ntimeout\n",
        {"a": ["1", "2", "timeout"]},
        ["t.csv: column 'a' has texts: 2 of 3 cells are numbers, but not 'timeout' (line 4)"],
    ),
    "truths but for one": (
        "a\ntrue\nfalse\n?\n",
        {"a": ["true", "false", "?"]},
        [
            "t.csv: column 'a' has texts: 2 of 3 cells are true or false, but not '?' (line 4); "
            "--na-values '?' reads it as true or false"
        ],
    ),
    "phone numbers": (
        "a,b\n+4915112345,+1\n+4917099999,-1\n,2\n",
        {"a": ["+4915112345", "+4917099999", float("nan")], "b": [1, -1, 2]},
        ["t.csv: column 'a' is text: all its integers have a plus sign, as phone numbers and codes do"],
    ),
    "integers of 64 bits without a sign": (
        "a\n18446744073709551615\n1\n",
        {"a": [2**64 - 1, 1]},
        [],
    ),
    "integers of more than 64 bits": (
        "a\n18446744073709551615\n-1\n",
        {"a": ["18446744073709551615", "-1"]},
        [
            "t.csv: column 'a' is text: 64 bits do not hold all its integers, such as 18446744073709551615 "
            "(line 2)"
        ],
    ),
    "more digits than a float has room for": (
        "a\n0.5\n9007199254740993\n",
        {"a": ["0.5", "9007199254740993"]},
        ["t.csv: column 'a' is text: as a number 9007199254740993 (line 3) would be rounded"],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_program(name: str) -> None:
    content, expected, told = FILES[name]
    columns, messages = read(content)
    assert repr(columns) == repr(expected)
    assert messages == told


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a\n1\nNA\n", {"na_values": ("NA",)}, [1, NA]),
        ("a\n1\n NA \n?\n", {"na_values": ("NA", "?")}, [1, NA, NA]),
        ('a\n"1,234.5"\n7\n', {"thousands": ","}, [1234.5, 7.0]),
        ('a\n"1,23"\n7\n', {"thousands": ","}, ["1,23", "7"]),
        ("a\n1.234,5\n0,25\n", {"thousands": ".", "decimal": ",", "sep": ";"}, [1234.5, 0.25]),
        ("a\n0,5\n1\n", {"decimal": ","}, [0.5, 1.0]),
        ("a\n0,5\n1\n", {"sep": ";", "decimal": ","}, [0.5, 1.0]),
        ("a;b\n1.234;x\n", {"thousands": "."}, [1234]),
        ('a,b\n"0,5",1\n"0.5",2\n', {"decimal": ","}, ["0,5", "0.5"]),
        ("a|b\n1|2\n", {"sep": "|"}, [1]),
        ("a\nMü\n".encode("cp1252"), {"encoding": "cp1252"}, ["Mü"]),
        ("a\nMü\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, ["Mü"]),
    ],
)
def test_what_is_asked_for_is_done(
    content: str | bytes, options: dict[str, Any], expected: list[Any]
) -> None:
    columns, _ = read(content, **options)
    assert repr(columns["a"]) == repr(expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"a,b\n1,\xfc\n",
            r"line 2: 0xfc is no utf-8; if a program of Windows wrote it, say --encoding cp1252",
        ),
        ("a\nx\n".encode("utf-16-le"), "every other byte is 0: say --encoding utf-16-le"),
        ("a;b,c\n1;2,3\n", "can be read with ',' and ';' between its cells: say which, --sep"),
        ("x,mm;y,mm\n0,5;1,5\n", "can be read with ',' and ';'"),
        ("a,b\n1,2\n3\n4,5,6\n", "(?s)line 3 has 1 cells for 2 columns.*line 4 has 3 cells"),
        ("sep=;\na;b\n1\n", "line 3 has 1 cells for 2 columns"),
        ('a,b\n1,"x\ny\n', "line 2: a quote is opened, and never closed"),
        ('a,b\n1,"x" y\n', "line 2: .*quotes inside of a quoted cell are doubled"),
        ("a, a\n1,2\n", "two columns of this name, column 1 and 2"),
        ("alpha,beta\n1,0.5,x\n2,0.5,y\n", "each row has a cell more than the columns .*row.names=FALSE"),
        ("a\n1,5\n2,5\n", "line 2 has a comma, and 'a' is the only column: .*--sep ';' --decimal ,"),
        ("a\n1\n-2,5e3\n", "line 3 has a comma, and 'a' is the only column: .*--sep ';' --decimal ,"),
        ("a\n1,x\n2,y\n", "are that R's row names"),
        (",a\nx,1\ny,2\n", r"a column without a name: column 1; .*to_csv\(index=False\)"),
        ("a,,b\n1,2,3\n", "a column without a name: column 2"),
    ],
)
def test_what_is_no_whole_table_is_refused_with_its_line(content: str | bytes, message: str) -> None:
    with pytest.raises(tf.RefusedError, match=message):
        read(content)


NAMES = st.text("a b\u00a0'=;\t", min_size=1, max_size=5)


@given(NAMES)
@example("' a")
@example(" =a ")
def test_a_name_with_blanks_is_marked_and_comes_back(name: str) -> None:
    assert restored_name(neutral_name(name)) == name


TEXTS = st.text("a;,\t\"'\n\r 1.=-", max_size=6).map(lambda text: text if "a" in text else f"{text}a")


@given(
    names=st.lists(NAMES.filter(lambda name: "a" in name), min_size=1, max_size=3, unique=True),
    cells=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=3),
)
def test_what_was_written_is_never_split_elsewhere(names: list[str], cells: list[tuple[str, ...]]) -> None:
    frame = pd.DataFrame(
        {name: pd.Series([row[at] for row in cells], dtype="str") for at, name in enumerate(names)}
    )
    with open("t.csv", "wb") as file:
        write_csv(frame, file)
    assert_frame_equal(read_table(Path("t.csv")), frame)


OTHERS = {
    "\u22121": "; U+2212 is a minus sign there: write '-'",
    "\u20131,5": "; U+2013 is a minus sign there: write '-'",
    "\u0661": "; its digits are not 0 to 9",
    "0x10": "; 0x begins a hexadecimal number: write it as a decimal one",
    "1e400": "; it is too large for a float",
    "-inf": "; a record can't hold an infinity",
    "Infinity": "; a record can't hold an infinity",
    "[1]": "",
    "timeout": "",
    "$5": "",
    "1_000": None,
}


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("missing", ["", "NA\n"])
def test_no_option_makes_a_value_missing(text: str, missing: str) -> None:
    columns, told = read(f'a\n1\n2\n3\n"{text}"\n{missing}')
    assert columns["a"][3] == text
    assert f"but not {text!r} (line 5)" in told[0]
    meaning = OTHERS[text]
    if meaning is not None:
        assert told[0].endswith(f"(line 6){meaning}" if missing else f"(line 5){meaning}")
    assert f"--na-values {text}" not in told[0]


@pytest.mark.parametrize("text", ["NA", "n/a", "#N/A", "null", "None", "-", "--", ".", "?", "NaN", "NaT"])
def test_spellings_of_missing_are_offered_as_such(text: str) -> None:
    _, told = read(f"a\n1\n{text}\n")
    assert "reads it as numbers" in told[0]
    assert read(f"a\n1\n{text}\n", na_values=(text,))[0]["a"] == [1, NA]


# the command


@pytest.fixture
def ridge() -> Workflow:
    return tf.connect("torc_frames.db").create_workflow("ridge")


def push(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["push", *arguments], prog_name="torc-frames")


def test_the_command_tells_and_takes_its_own_advice(ridge: Workflow) -> None:
    Path("t.csv").write_text("alpha;n\n0,5;1\nNA;2\n")
    result = push("t.csv")
    assert result.exit_code == 0
    assert "but not 'NA' (line 3); --na-values NA reads it as numbers" in result.stderr
    assert ridge.parameters()["alpha"].tolist() == ["0,5", "NA"]
    other = tf.connect("torc_frames.db").create_workflow("other")
    assert push("t.csv", "--na-values", "NA", "-k", other.key).exit_code == 0
    assert repr(other.parameters()["alpha"].tolist()) == "[0.5, nan]"


def test_a_text_among_numbers_that_are_there_is_told(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"n": [1, 2, 3]}))
    Path("t.csv").write_text("job_key,n\n1,NA\n2, 5 \n3,3\n")
    assert "column 'n' has texts: 2 of 3 cells are numbers, but not 'NA' (line 2)" in push("t.csv").stderr
    assert ridge.parameters()["n"].tolist() == ["NA", 5, 3]


def test_texts_that_are_texts_in_the_workflow_are_no_news(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({"s": ["1", "NA"]}))
    Path("t.csv").write_text("job_key,s\n1,2\n2,NA\n")
    assert "has texts" not in push("t.csv").stderr
    assert ridge.parameters()["s"].tolist() == ["2", "NA"]


def test_a_column_that_has_blanks_in_its_name_keeps_them(ridge: Workflow) -> None:
    ridge.push(pd.DataFrame({" a ": [1], "b": [2]}))
    for raw in ([], ["--raw-csv"]):
        pulled = CliRunner().invoke(root, ["pull", "--what", "parameters", "-o", "p.csv", *raw])
        assert pulled.exit_code == 0
        assert "0 jobs added, 0 changed, 1 unchanged" in push("p.csv", *raw).stdout


@pytest.mark.parametrize(("given_sep", "sep"), [("tab", "\t"), ("\\t", "\t"), (";", ";")])
def test_separators_by_name(ridge: Workflow, given_sep: str, sep: str) -> None:
    Path("t.csv").write_text(f"a{sep}b\n1{sep}2\n")
    assert push("t.csv", "--sep", given_sep).exit_code == 0
    assert ridge.parameters()["b"].tolist() == [2]


@pytest.mark.parametrize("sep", ["", "ab", '"', "x"])
def test_what_can_not_separate_is_refused(ridge: Workflow, sep: str) -> None:
    Path("t.csv").write_text("a\n1\n")
    result = push("t.csv", "--sep", sep)
    assert result.exit_code == 2
    assert "is no separator of one character" in result.stderr


@pytest.mark.parametrize(
    ("one", "other"), [("--sep", "--decimal"), ("--thousands", "--sep"), ("--decimal", "--thousands")]
)
def test_a_mark_has_one_meaning(ridge: Workflow, one: str, other: str) -> None:
    Path("t.csv").write_text("a\n1\n")
    result = push("t.csv", one, ";", other, ";")
    assert result.exit_code == 2
    assert f"';' is {one} already" in result.stderr


def test_a_cell_of_objects_with_a_key_twice_stays_a_text() -> None:
    current = pd.DataFrame({"a": pd.Series([{"x": 1}], dtype=object)})
    Path("t.csv").write_text('a\n"{""x"": 1, ""x"": 2}"\n"{""x"": 2}"\n')
    assert read_table(Path("t.csv"), current)["a"].tolist() == ['{"x": 1, "x": 2}', {"x": 2}]
