"""Blank lines at the end of what is pasted write nothing."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.source import Block


def table() -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "n": pd.Series([1, 2, 3, 4], dtype="Int64"),
            "x": [0.1, 0.2, 0.3, 0.4],
            "s": pd.Series(["a", "b", "c", "d"], dtype="str"),
        }
    )
    made.index = pd.Index(list("1234"), dtype="str", name="job_key")
    return made


def pasted(text: str, top: int = 0, left: int = 1, **size: int) -> list[list[str]]:
    sheet = Sheet(table())
    block = Block(top, left, top + size.get("down", 1), left + size.get("across", 1))
    sheet.paste(block, text)
    return [row.texts[1:] for row in sheet.rows(0, len(sheet))]


AS_IT_WAS = [["1", "0.1", "a"], ["2", "0.2", "b"], ["3", "0.3", "c"], ["4", "0.4", "d"]]

# As they leave a column of 8 and 9, a row of 8 and 9, and a blank cell.
COLUMNS = [
    "8\n9",
    "8\n9\n",
    "8\r\n9\r\n",
    "8\r9\r",
    "8\n9\n\n",
    "8\r\n9\r\n\r\n",
    "8\n9\n\n\n\n",
    "8\n9\n  \n",
]
ROWS = ["8\t9", "8\t9\n", "8\t9\r\n", "8\t9\n\n", "8\t9\r\n\r\n", "8\t9\n \n\n"]


@pytest.mark.parametrize("text", COLUMNS)
def test_a_column_writes_its_cells_and_no_more(text):
    assert pasted(text) == [["8", "0.1", "a"], ["9", "0.2", "b"], *AS_IT_WAS[2:]]


@pytest.mark.parametrize("text", COLUMNS)
def test_a_column_at_the_end_adds_no_row_for_a_blank_line(text):
    assert pasted(text, top=3) == [*AS_IT_WAS[:3], ["8", "0.4", "d"], ["9", "", ""]]


@pytest.mark.parametrize("text", ROWS)
def test_a_row_writes_its_cells_and_no_more(text):
    assert pasted(text) == [["8", "9.0", "a"], *AS_IT_WAS[1:]]


@pytest.mark.parametrize("text", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
def test_a_blank_cell_that_was_copied_clears_the_one_cell(text):
    assert pasted(text) == [["", "0.1", "a"], *AS_IT_WAS[1:]]


def test_a_row_of_blank_cells_is_one():
    assert pasted("8\t9\r\n\t\r\n") == [["8", "9.0", "a"], ["", "", "b"], *AS_IT_WAS[2:]]


def test_blank_lines_in_between_are_cells_of_a_column_and_none_of_a_table():
    assert pasted("8\n\n9\n")[:3] == [["8", "0.1", "a"], ["", "0.2", "b"], ["9", "0.3", "c"]]
    assert pasted("8\t5\n\n9\t6\n")[:3] == [["8", "5.0", "a"], ["2", "0.2", "b"], ["9", "6.0", "c"]]


def test_what_is_repeated_is_what_was_copied_without_the_blank_line():
    assert [row[0] for row in pasted("8\n9\n\n", down=4)] == ["8", "9", "8", "9"]


def test_spaces_are_a_text_in_a_column_of_texts():
    assert [row[2] for row in pasted("x\n  \n\n", left=3)] == ["x", "  ", "c", "d"]


lines = st.lists(st.sampled_from(["7", "8", "", "5"]), min_size=1, max_size=4)


@given(cells=lines, end=st.sampled_from(["\n", "\r\n", "\r"]), blank=st.integers(0, 4), top=st.integers(0, 3))
def test_whatever_comes_after_the_last_cell_is_nothing(cells, end, blank, top):
    cells = [*cells, "6"]
    once = pasted(end.join(cells), top)
    assert pasted(end.join(cells) + end * blank, top) == once
    assert once[top + len(cells) :] == AS_IT_WAS[top + len(cells) :]


def test_a_column_that_ends_blank_is_pasted_where_it_was_copied_and_nothing_is_repeated():
    assert pasted("8\n\n", down=2) == [["8", "0.1", "a"], *AS_IT_WAS[1:]]
    assert pasted("8\n", down=2)[:2] == [["8", "0.1", "a"], ["8", "0.2", "b"]]
