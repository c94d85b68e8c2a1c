"""Tables a page at a time, where anywidget is missing: the widgets are those a person would click."""

from __future__ import annotations

import html
import subprocess
import sys
from typing import Any

import comm
import ipywidgets
import pandas as pd
import pytest
from editable import TextSource

from torc_frames.errors import RefusedError
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.paged import COLUMNS, ROWS, PagedTable


class Pages:
    def __init__(self, source: TextSource | FrameSource) -> None:
        self.source = source
        self.table = PagedTable(source, label="Texts")

    def click(self, name: str) -> None:
        for button in [*self.table.children[1].children, *self.table._heads]:
            if button.description.startswith(name):
                button.click()
                return
        raise LookupError(name)

    @property
    def texts(self) -> list[list[str]]:
        cells = self.table._cells.children
        width = 1 + self.width
        rows = [cells[at : at + width] for at in range(width, len(cells), width)]
        return [[field.value for field in row[1:]] for row in rows]

    @property
    def width(self) -> int:
        return sum(isinstance(each, ipywidgets.Button) for each in self.table._cells.children)

    @property
    def note(self) -> str:
        return html.unescape(self.table._note.value)


def test_rows_are_shown_25_a_page() -> None:
    pages = Pages(FrameSource(pd.DataFrame({"a": range(60), "b": 1.5})))
    assert [row[0] for row in pages.texts] == [str(at) for at in range(ROWS)]
    pages.click("▶")
    pages.click("▶")
    assert [row[0] for row in pages.texts] == [str(at) for at in range(50, 60)]
    pages.click("▶")
    assert len(pages.texts) == 10
    pages.click("◀")
    assert pages.texts[0] == ["25", "1.5"]
    assert "25 of 60 rows" in pages.note
    assert all(field.disabled for row in pages.table._fields for field in row)


def test_columns_are_shown_ten_at_a_time() -> None:
    pages = Pages(FrameSource(pd.DataFrame({f"c{at}": [at] for at in range(13)})))
    assert pages.texts == [[str(at) for at in range(COLUMNS)]]
    pages.click("▷")
    assert pages.texts == [["10", "11", "12"]]
    pages.click("▷")
    assert pages.texts == [["10", "11", "12"]]
    pages.click("◁")
    assert pages.width == COLUMNS
    pages.table.go_to(0, 12)
    assert pages.texts == [["10", "11", "12"]]
    with pytest.raises(RefusedError, match="row 2"):
        pages.table.go_to(1, 0)


def test_a_heading_sorts_up_down_and_not_at_all() -> None:
    pages = Pages(FrameSource(pd.DataFrame({"a": [2, 1, 3]})))
    for expected in (["1", "2", "3"], ["3", "2", "1"], ["2", "1", "3"]):
        pages.click("a")
        assert [row[0] for row in pages.texts] == expected


def test_what_is_typed_is_kept_shown_and_taken_back() -> None:
    pages = Pages(TextSource(40))
    pages.click("▶")
    pages.table._fields[1][1].value = "typed"
    assert pages.source.cells[26][1] == "typed"
    assert len(pages.source.past) == 1
    pages.table._fields[1][2].value = "many"
    assert "'many' is no whole number" in pages.note
    assert pages.table._fields[1][2].layout.border_top == "2px solid #d3302f"
    assert pages.table._fields[1][0].disabled
    pages.click("Undo")
    pages.click("Undo")
    assert pages.texts[1] == ["26", "name 26", "260", "true"]
    assert not pages.table._fields[1][2].layout.border_top
    pages.click("Redo")
    assert pages.source.cells[26][1] == "typed"


def test_rows_are_added_copied_and_deleted() -> None:
    pages = Pages(TextSource(30))
    pages.click("Add row")
    assert pages.texts[-1][0] == "new"
    assert len(pages.source) == 31
    pages.table._marks[1].value = pages.table._marks[2].value = True
    pages.click("Duplicate rows")
    assert [cells[1] for cells in pages.source.cells[25:31]] == [
        "name 25",
        "name 26",
        "name 27",
        "name 26",
        "name 27",
        "name 28",
    ]
    pages.table._marks[0].value = True
    pages.click("Delete rows")
    assert pages.source.cells[25][1] == "name 26"
    pages.click("Delete rows")
    assert "tick the rows first" in pages.note
    pages.table._marks[0].value = pages.table._marks[2].value = True
    pages.click("Delete rows")
    assert "lie together" in pages.note


def test_a_change_from_elsewhere_is_shown_and_heard_no_more_when_closed() -> None:
    pages = Pages(TextSource(3))
    pages.source.set_texts([(0, 1, "elsewhere")])
    assert pages.texts[0][1] == "elsewhere"
    pages.source.delete_rows(0, 3)
    assert pages.texts == []
    pages.table.close()
    assert pages.source.callbacks == []


def test_a_page_is_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter loses some of a thousand that are sent at once, and a cell whose end is lost never ends."""
    sent: list[str] = []

    class Counted(comm.DummyComm):
        def publish_msg(self, msg_type: str, *args: Any, **kwargs: Any) -> None:
            sent.append(msg_type)

    monkeypatch.setattr(comm, "create_comm", Counted)
    source = FrameSource(pd.DataFrame({f"c{at}": range(60) for at in range(COLUMNS)}))
    pages = Pages(source)
    cells = ROWS * COLUMNS
    assert cells < len(sent) < cells + 100
    sent.clear()
    pages.click("▶")
    assert pages.texts[0][0] == "25"
    assert cells <= len(sent) < cells + 10


def test_labels_are_no_html() -> None:
    table = PagedTable(TextSource(1), label="<script>")
    labels = [child.value for child in table.children if isinstance(child, ipywidgets.HTML)]
    assert not any("<script>" in label for label in labels)


def test_without_anywidget_tables_are_pages() -> None:
    code = """
import sys; sys.modules["anywidget"] = None
import importlib.util as u; find = u.find_spec
u.find_spec = lambda name, package=None: None if name == "anywidget" else find(name, package)
import pandas as pd
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.view import table_view
print(table_view(FrameSource(pd.DataFrame({"a": [1]})), label="Texts"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PagedTable('Texts', rows=1, columns=1)"
