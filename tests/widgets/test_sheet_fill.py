"""Cells that go on as those beside them begin: copies and series, down, up and to the sides."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.source import Block


def sheet(texts: list[str], dtype: Any, more: int = 3) -> Sheet:
    """Return a sheet of one column with texts typed into it, and empty cells below."""
    made = Sheet(pd.DataFrame({"x": pd.Series([None] * (len(texts) + more)).astype(dtype)}))
    made.set_texts([(row, 0, text) for row, text in enumerate(texts)])
    return made


def column(sheet: Sheet, at: int = 0) -> list[str]:
    return [row.texts[at] for row in sheet.rows(0, len(sheet))]


def filled(texts: list[str], dtype: Any, *, switched: bool = False, more: int = 3) -> list[str]:
    made = sheet(texts, dtype, more)
    made.fill(Block(0, 0, len(texts), 1), Block(len(texts), 0, len(texts) + more, 1), switched)
    return column(made)[len(texts) :]


@pytest.mark.parametrize(
    ("dtype", "texts", "expected"),
    [
        ("Int64", ["3"], ["3", "3", "3"]),
        ("Int64", ["3", "5"], ["7", "9", "11"]),
        ("Int64", ["3", "1"], ["-1", "-3", "-5"]),
        ("Int64", ["1", "2", "4"], ["1", "2", "4"]),
        ("Int64", ["9007199254740993", "9007199254740995"], ["9007199254740997"]),
        ("float64", ["0.1", "0.2"], ["0.3", "0.4", "0.5"]),
        ("float64", ["0.2", "0.30000000000000004", "0.4"], ["0.5"]),
        ("float64", ["1", ""], ["1.0", "", "1.0"]),
        ("object", ["1", "2"], ["3", "4", "5"]),
        ("object", ["1.5", "2"], ["2.5", "3.0", "3.5"]),
        ("object", ["a", "b"], ["a", "b", "a"]),
        ("str", ["1", "2"], ["1", "2", "1"]),
        ("boolean", ["true", "false"], ["true", "false", "true"]),
        ("datetime64[s]", ["2026-01-30"], ["2026-01-30 00:00:00"]),
        ("datetime64[s]", ["2026-01-30", "2026-01-31"], ["2026-02-01 00:00:00", "2026-02-02 00:00:00"]),
        ("datetime64[s]", ["2026-11-01", "2026-12-01"], ["2027-01-01 00:00:00", "2027-02-01 00:00:00"]),
        ("datetime64[s]", ["2026-01-31", "2026-02-28"], ["2026-03-28 00:00:00"]),
        ("datetime64[s]", ["2026-01-01 23:00", "2026-01-01 23:30"], ["2026-01-02 00:00:00"]),
        (
            "datetime64[us, Europe/Berlin]",
            ["2026-10-23 12:00", "2026-10-24 12:00"],
            ["2026-10-25 12:00:00+01:00", "2026-10-26 12:00:00+01:00"],
        ),
        (
            "datetime64[us, Europe/Berlin]",
            ["2026-10-25 00:30", "2026-10-25 01:30"],
            ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"],
        ),
        ("timedelta64[s]", ["0:10:00", "0:05:00"], ["0:00:00", "-0:05:00"]),
        ("period[M]", ["2026-11", "2026-12"], ["2027-01", "2027-02"]),
    ],
)
def test_cells_go_on_as_they_begin(dtype: str, texts: list[str], expected: list[str]) -> None:
    assert filled(texts, dtype, more=len(expected)) == expected


@pytest.mark.parametrize(
    ("dtype", "texts", "expected"),
    [
        ("Int64", ["3"], ["4", "5", "6"]),
        ("float64", ["0.5"], ["1.5", "2.5", "3.5"]),
        ("Int64", ["3", "5"], ["3", "5", "3"]),
        ("datetime64[s]", ["2026-01-30", "2026-01-31"], ["2026-01-30 00:00:00", "2026-01-31 00:00:00"]),
        ("str", ["a"], ["a"]),
    ],
)
def test_switched_it_is_the_other_way(dtype: str, texts: list[str], expected: list[str]) -> None:
    assert filled(texts, dtype, switched=True, more=len(expected)) == expected


@given(st.integers(-(2**40), 2**40), st.integers(-(2**20), 2**20), st.integers(2, 4), st.integers(1, 9))
def test_whole_numbers_are_exact(start: int, step: int, begin: int, more: int) -> None:
    texts = [str(start + step * at) for at in range(begin)]
    expected = [str(start + step * at) for at in range(begin, begin + more)]
    assert filled(texts, "Int64", more=more) == expected


@given(st.decimals(-1000, 1000, places=3), st.decimals(-10, 10, places=3), st.integers(1, 9))
def test_floats_are_those_nearest_to_what_is_written(start: Any, step: Any, more: int) -> None:
    texts = [str(float(start)), str(float(start + step))]
    expected = [float(Fraction(start) + Fraction(step) * at) for at in range(2, 2 + more)]
    assert list(map(float, filled(texts, "float64", more=more))) == expected


def test_up_and_to_the_sides_and_back_in_one_step() -> None:
    frame = pd.DataFrame({"a": [1, 0, 3], "b": [1.5, 0.0, 0.0], "c": [2, 0, 0], "d": ["x", "y", "z"]})
    made = Sheet(frame)
    made.fill(Block(2, 0, 3, 1), Block(0, 0, 2, 1))
    assert column(made) == ["3", "3", "3"]
    made.fill(Block(0, 0, 1, 2), Block(0, 2, 1, 4))
    assert made.rows(0, 1)[0].texts == ["3", "1.5", "0", "-1.5"]
    assert made.rows(0, 1)[0].errors == {}
    made.fill(Block(1, 3, 2, 4), Block(1, 0, 2, 3))
    assert made.rows(1, 2)[0].errors[0] == "'y' is no whole number"
    assert [made.undo() for _ in range(4)] == [
        "3 cells in 3 columns changed",
        "2 cells in 2 columns changed",
        "2 cells of a changed",
        None,
    ]
    assert made.value.equals(Sheet(frame).value)


def test_keys_and_deleted_rows_stay_and_what_does_not_fit_is_told_by_cell() -> None:
    frame = pd.DataFrame(
        {"a": pd.array([126, 127, 0, 0], dtype="int8")},
        index=pd.Index(["1", "2", "3", "4"], name="job_key", dtype="str"),
    )
    made = Sheet(frame)
    made.delete_rows(2, 3)
    made.fill(Block(0, 0, 2, 2), Block(2, 0, 4, 2))
    assert [row.texts for row in made.rows(2, 4)] == [["3", "0"], ["4", "129"]]
    assert "beyond int8" in made.rows(3, 4)[0].errors[1]
    with pytest.raises(RefusedError, match="job_key"):
        made.fill(Block(0, 0, 1, 1), Block(1, 0, 2, 1))
    with pytest.raises(RefusedError, match="same columns"):
        made.fill(Block(0, 0, 1, 1), Block(1, 1, 2, 2))


@pytest.mark.parametrize(
    ("dtype", "texts"),
    [
        ("float64", ["1e308", "1.5e308"]),
        ("datetime64[ns]", ["2026-01-01", "2226-01-02"]),
        ("datetime64[ns]", ["2026-01-01", "2226-01-01"]),
        ("date32[pyarrow]", ["2026-01-01", "9026-01-02"]),
    ],
)
def test_series_that_leave_what_there_is_are_refused(dtype: str, texts: list[str]) -> None:
    made = sheet(texts, pd.api.types.pandas_dtype(dtype))
    before = column(made)
    with pytest.raises(RefusedError, match="leaves"):
        made.fill(Block(0, 0, 2, 1), Block(2, 0, 5, 1))
    assert column(made) == before
