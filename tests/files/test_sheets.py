"""Excel files: every cell comes back as it was written, and a row is a row."""

from __future__ import annotations

import datetime
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from strategies import examples

import torc_frames as tf
from torc_frames.files.sheets import read_sheet, write_sheet
from torc_frames.files.tables import read_table

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.text(" \t\r\n\x0b\x1f\x85\u3000_x000DFa5", max_size=12),
    st.sampled_from(
        ["", " ", "\n", " a ", "1", "007", "1e5", "TRUE", "=1+1", "#N/A", "_x000D_", "_x005F_x41_"]
    ),
)
# Each: how a cell is drawn, whether it may be missing, the dtype.
KINDS: dict[str, tuple[st.SearchStrategy[Any], bool, Any]] = {
    "float64": (FINITE, True, "float64"),
    "int64": (st.integers(-(2**63), 2**63 - 1), False, "int64"),
    "Int64": (st.integers(-(2**63), 2**63 - 1), True, "Int64"),
    "big": (st.integers(2**64, 2**80), False, "object"),
    "bool": (st.booleans(), False, "bool"),
    "boolean": (st.booleans(), True, "boolean"),
    "str": (TEXTS, True, "str"),
    "mixed": (FINITE | st.booleans() | st.integers() | TEXTS, False, "object"),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Draw columns that have their dtype in a file, too: of Int64 and boolean one cell is missing."""
    length = draw(st.integers(2, 5))
    columns = {}
    for kind in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, unique=True)):
        cells, gaps, dtype = KINDS[kind]
        drawn = draw(st.lists(cells, min_size=length, max_size=length))
        if gaps:
            drawn[draw(st.integers(0, length - 2))] = None
        if kind == "mixed":
            drawn[:2] = ["a", 1]
        columns[kind] = pd.Series(drawn, dtype=dtype)
    columns["last"] = pd.Series(range(length))
    return pd.DataFrame(columns)


def written(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "t.xlsx"
    with path.open("wb") as file:
        write_sheet(frame, file)
    return path


@settings(max_examples=examples(60))
@given(frame=frames())
def test_a_workbook_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame
) -> None:
    back = read_table(written(frame, tmp_path_factory.mktemp("sheets")))
    assert_frame_equal(back, frame)
    assert repr(back.to_dict("list")) == repr(frame.to_dict("list"))  # -0.0 is not 0.0, True is not 1


def test_no_float_loses_a_digit(tmp_path: Path) -> None:
    bits = np.random.default_rng(7).integers(0, 2**64, 2_000, dtype=np.uint64).view("float64")
    floats = np.concatenate(
        [bits[np.isfinite(bits)], np.random.default_rng(7).random(2_000), [5e-324, -0.0, 2.0]]
    )
    back = read_table(written(pd.DataFrame({"x": floats}), tmp_path))
    assert back["x"].to_numpy().tobytes() == floats.tobytes()


def test_the_digits_stand_in_the_file(tmp_path: Path) -> None:
    path = written(pd.DataFrame({"x": [0.1 + 0.2], "n": [2**53 + 1]}), tmp_path)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert re.findall(r'<c r="A2"[^>]*t="n"[^>]*><v>([^<]*)', sheet) == ["0.30000000000000004"]
    assert re.findall(r'<c r="B2"[^>]*t="inlineStr"[^>]*><is><t>([^<]*)', sheet) == ["9007199254740993"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([datetime.date(2026, 1, 2), None], pd.ArrowDtype(pa.date32())),
        ([datetime.date(1848, 3, 18), None], pd.ArrowDtype(pa.date32())),
        ([pd.Timestamp("2026-01-02T03:04:05.678"), None], pd.ArrowDtype(pa.timestamp("ms"))),
        ([pd.Timestamp("2026-01-02T03:04:05.678901"), None], "datetime64[us]"),
        ([pd.Timestamp("9999-12-31"), None], "datetime64[s]"),
        ([pd.Timestamp("2026-01-02", tz="UTC"), None], pd.ArrowDtype(pa.timestamp("ms", "UTC"))),
        ([pd.Timedelta("-1s"), None], pd.ArrowDtype(pa.duration("ms"))),
        ([0.1, None], "float32"),
        ([2**64 - 1, 1], "uint64"),
        (["", None], "str"),
        ([" ", "\r"], "str"),
        ([[1, 2.5, None], ["a"]], "object"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_pulled_workbook_changes_nothing(tmp_path: Path, values: list[Any], dtype: Any) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("sheet")
    wf.push(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))
    params = wf.parameters()
    path = written(params, tmp_path)
    assert set(wf.plan(read_table(path, params)).rows["action"]) == {"unchanged"}


def test_an_edited_date_is_a_date(tmp_path: Path) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("sheet")
    dates = pd.Series([datetime.date(2026, 1, 2)], dtype=pd.ArrowDtype(pa.date32()))
    wf.push(pd.DataFrame({"day": dates}))
    params = wf.parameters()
    path = written(params, tmp_path)
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B2"] = datetime.datetime(2026, 3, 4)
    book.save(path)
    wf.push(read_table(path, params))
    assert wf.parameters()["day"].tolist() == [datetime.date(2026, 3, 4)]
    assert wf.parameters()["day"].dtype == dates.dtype


def sheet(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_an_empty_row_inside_is_a_row_and_one_after_the_last_is_none(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", [], ["n", "name"], [1, "a"], [], [None, None], [4, "d"], [None], [])
    frame = read_table(path)
    assert frame["n"].tolist() == [1, pd.NA, pd.NA, 4]
    assert frame["name"].isna().tolist() == [False, True, True, False]
    wf = tf.connect(tmp_path / "study.db").create_workflow("rows")
    assert wf.push(frame).attrs["torc"]["added"] == 4


def test_what_a_formula_left_empty_is_missing(tmp_path: Path) -> None:
    path = sheet(tmp_path / "t.xlsx", ["n"], [1], ['=IF(A2>1,A2,"")'], [3])
    kept = path.with_name("kept.xlsx")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(kept, "w") as copy:
        for name in archive.namelist():
            text = archive.read(name)
            if name.endswith("sheet1.xml"):  # as Excel saves it
                assert b'<c r="A3"><f>' in text
                text = text.replace(b'<c r="A3"><f>', b'<c r="A3" t="str"><f>')
            copy.writestr(name, text)
    assert read_table(kept)["n"].tolist() == [1, pd.NA, 3]


@given(TEXTS)
@example("_x005F_x000D_")
@settings(max_examples=examples(50))
def test_names_are_kept_like_texts(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = written(pd.DataFrame({name: [1]}), tmp_path_factory.mktemp("sheets"))
    assert read_sheet(path)[0] == [name]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 32_768, "a text of 32,768 characters; Excel has room for 32,767"),
        ("\U0001f600" * 16_384, "a text of 16,384 characters; Excel has room for 32,767"),
        ("\ud800", "lone surrogate"),
        (b"\x00", "a bytes can't be kept"),
    ],
    ids=["long", "long in UTF-16", "surrogate", "bytes"],
)
def test_what_a_workbook_cannot_hold_is_refused_by_name(tmp_path: Path, value: Any, reason: str) -> None:
    frame = pd.DataFrame({"x": pd.Series(["fine", value], dtype=object)})
    with pytest.raises(tf.RefusedError, match=f"row 1, column 'x': .*{reason}"):
        written(frame, tmp_path)


def test_every_frame_of_the_package_is_written(path: Path, tmp_path: Path) -> None:
    client = tf.connect(path)
    wf = client.create_workflow("study")
    zoned = pd.to_datetime(["2026-03-29 01:30:00.123456", None]).tz_localize("Europe/Berlin")
    table = pd.DataFrame({"n": [1, 2], "zoned": zoned, "layers": [[8], [8, 4]], "text": ["=1+1", "@"]})
    table["arrow"] = table["zoned"].astype("timestamp[us, tz=Europe/Berlin][pyarrow]")
    table["took"] = pd.to_timedelta(["90s", None])
    wf.push(table, command="true")
    wf.run(workers=2)
    frames = [wf.table(), wf.table(job_columns=True), wf.jobs(), wf.runs(), wf.user_data(), wf.parameters()]
    frames += [wf.results(), wf.links(), wf.events(), wf.utilization(), client.workflows()]
    for frame in frames:
        file = tf.to_excel(frame, tmp_path / "frame.xlsx")
        read = pd.read_excel(file)
        expected = frame if frame.index.name is None else frame.reset_index()
        assert list(read.columns) == list(expected.columns)
        assert len(read) == len(expected)
        for name in expected:
            if isinstance(expected[name].dtype, pd.DatetimeTZDtype) and len(expected):
                cut = expected[name].dt.tz_convert("UTC").dt.tz_localize(None).dt.floor("ms")
                assert read[name].astype(cut.dtype).equals(cut)
    read = pd.read_excel(tf.to_excel(wf.parameters(), tmp_path / "frame.xlsx"))
    assert read["text"].tolist() == ["=1+1", "@"]
    assert read["arrow"].equals(read["zoned"])
    assert read["took"][0] == "0 days 00:01:30"


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tf.RefusedError, match=r"does not end in \.xlsx"):
        tf.to_excel(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
