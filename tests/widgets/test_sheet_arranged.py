"""A sheet whose columns are hidden and in another order: what is edited by position is what is shown."""

from __future__ import annotations

import pandas as pd
import pytest

from torc_frames.errors import RefusedError
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, Layout


@pytest.fixture
def sheet() -> Sheet:
    index = pd.Index(["1", "2"], name="job_key", dtype="str")
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"], "d": [7, 8]}, index=index)
    made = Sheet(frame, rules={"b": Rule(min=0)})
    made.arrange(Layout(hidden=("b",), order=("d", "c"), frozen=2))
    return made


def names(sheet: Sheet) -> list[str]:
    return [column.name for column in sheet.columns]


def test_positions_are_those_of_columns_that_are_shown(sheet: Sheet) -> None:
    assert names(sheet) == ["job_key", "d", "c", "a"]
    assert sheet.rows(0, 1)[0].texts == ["1", "7", "x", "1"]
    assert sheet.text(Block(0, 1, 2, 3)) == "7\tx\n8\ty"
    sheet.set_texts([(0, 1, "70")])
    sheet.paste(Block(1, 2, 2, 3), "z\t9")
    sheet.clear(Block(0, 2, 1, 3))
    sheet.fill(Block(0, 1, 1, 2), Block(1, 1, 2, 2))
    value = sheet.value
    assert value["d"].tolist() == [70, 70]
    assert (value["c"].tolist()[1], value["a"].tolist()) == ("z", [1, 9])
    assert value["b"].tolist() == [0.5, 1.5]
    assert list(value.columns) == ["a", "b", "c", "d"]
    assert sheet.rows(1, 2)[0].changed == [1, 2, 3]
    with pytest.raises(RefusedError, match="add columns first"):
        sheet.paste(Block(0, 3, 1, 4), "1\t2")


def test_what_is_hidden_is_neither_found_nor_replaced_nor_marked(sheet: Sheet) -> None:
    assert sheet.find(Search("1")) == [(0, 3)]
    assert sheet.replace(Search("1"), "5") == 1
    assert sheet.value["b"].tolist() == [0.5, 1.5]
    sheet.fill_formula("-row - 1", "b")
    assert [row.errors for row in sheet.rows(0, 2)] == [{}, {}]
    assert sheet.counts["invalid"] == 2
    assert sheet.position_of("1", "b") is None
    assert sheet.position_of("1", "c") == (0, 2)
    sheet.arrange(Layout())
    assert [list(row.errors) for row in sheet.rows(0, 2)] == [[2], [2]]


def test_it_is_no_step_and_outlives_steps_renames_and_another_base(sheet: Sheet) -> None:
    assert (sheet.can_undo, sheet.is_dirty) == (False, False)
    sheet.set_texts([(0, 1, "70")])
    sheet.rename_column("c", "e")
    sheet.arrange(Layout(hidden=("a",), order=("e",)))
    sheet.undo()
    sheet.undo()
    assert names(sheet) == ["job_key", "c", "b", "d"]
    sheet.sort(1, False)
    assert sheet.order == (1, False)
    sheet.rebase(sheet.base)
    assert names(sheet) == ["job_key", "c", "b", "d"]
    sheet.arrange(Layout(hidden=("c",)))
    assert sheet.order is None
    sheet.drop_column("c")
    sheet.undo()
    assert "c" in sheet.value.columns


def test_one_column_stays() -> None:
    plain = Sheet(pd.DataFrame({"a": [1]}))
    with pytest.raises(RefusedError, match="one stays"):
        plain.arrange(Layout(hidden=("a",)))
