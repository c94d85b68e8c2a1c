"""Tables through the clipboard."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.widgets.table.clipboard import read_cells, write_cells

CELLS = st.text(st.sampled_from('a"\t\n\r, 1'), max_size=5) | st.text(max_size=4)


@given(
    st.integers(1, 3).flatmap(
        lambda wide: st.lists(st.lists(CELLS, min_size=wide, max_size=wide), min_size=1)
    )
)
def test_what_is_copied_is_what_is_pasted(rows):
    assert read_cells(write_cells(rows)) == rows


@given(st.text(max_size=30) | st.text(st.sampled_from('a"\t\n\r'), max_size=12))
def test_any_text_can_be_pasted_and_none_of_it_is_lost(text):
    rows = read_cells(text)
    assert read_cells(write_cells(rows)) == rows
    kept = "".join(cell for row in rows for cell in row)
    assert [char for char in kept if char not in '"\t\r\n'] == [
        char for char in text if char not in '"\t\r\n'
    ]


def test_cells_with_line_breaks_come_as_excel_writes_them():
    file = io.StringIO()
    rows = [["a", "two\nlines", 'say "x"\nnow'], ["1", "tab\there", ""]]
    csv.writer(file, dialect="excel-tab").writerows(rows)
    assert read_cells(file.getvalue()) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("1", [["1"]]),
        ("1\r\n", [["1"]]),
        ("1\n\n", [["1"], [""]]),
        ('"1"\t"open', [['"1"', '"open']]),
        ('5" pipe\tx', [['5" pipe', "x"]]),
        ('""', [['""']]),
        ("a\t", [["a", ""]]),
    ],
)
def test_quotes_that_only_look_like_quoting_stay(text, rows):
    assert read_cells(text) == rows
