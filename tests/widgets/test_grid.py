"""The grid without a browser: what it sends, and what it makes of whatever a page sends."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from editable import TextSource
from hypothesis import given
from hypothesis import strategies as st

import torc_frames
from torc_frames.errors import RefusedError
from torc_frames.widgets.table import messages
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import Grid
from torc_frames.widgets.table.source import Block, Row

STATIC = Path(torc_frames.__file__).parent / "widgets" / "static"


class Page:
    """Stands where the browser is: says what a page would, and keeps what Python sends."""

    def __init__(self, source: Any) -> None:
        self.source, self.sent = source, []
        self.grid = Grid(source, label="Texts")
        self.grid.send = self._hear

    def _hear(self, content: Any, buffers: Any = None) -> None:
        assert content.pop("from", "grid") == "grid"
        self.sent.append(json.loads(json.dumps(content)))

    def say(self, op: str, **fields: Any) -> list[dict[str, Any]]:
        self.sent.clear()
        self.grid._on_message(self.grid, {"to": "grid", "op": op, **fields}, [])
        return list(self.sent)


@pytest.fixture
def page() -> Page:
    return Page(TextSource(3))


def test_a_page_that_opens_is_told_of_the_table(page: Page) -> None:
    (head,) = page.say("hello")
    assert head["kind"] == "head"
    assert (head["gen"], head["length"], head["editable"], head["order"]) == (0, 3, True, None)
    assert [column["name"] for column in head["columns"]] == ["key", "name", "depth", "ok"]
    assert head["columns"][3]["choices"] == ["true", "false"]
    assert head["rows"][2] == {"t": ["2", "name 2", "20", "true"]}


def test_rows_come_a_page_at_a_time_and_long_texts_are_cut() -> None:
    source = TextSource(500)
    source.cells[300][1] = "x" * 3000
    page = Page(source)
    (rows,) = page.say("rows", gen=0, start=300, stop=400)
    assert (rows["start"], len(rows["rows"])) == (300, 100)
    assert (len(rows["rows"][0]["t"][1]), rows["rows"][0]["x"]) == (1000, [1])
    assert page.say("cell", gen=0, id="7", row=300, column=1) == [
        {"kind": "text", "id": "7", "text": "x" * 3000}
    ]
    assert len(page.say("rows", gen=0, start=0, stop=10**9)[0]["rows"]) == 500


def test_edits_are_made_and_the_changed_rows_sent(page: Page) -> None:
    (rows,) = page.say("set", gen=0, cells=[[1, 2, "many"]])
    assert rows["rows"] == [{"t": ["1", "name 1", "many", "true"], "e": {"2": "'many' is no whole number"}}]
    assert rows["status"] == "3 rows, 1 steps"
    (head,) = page.say("undo")
    assert (head["kind"], head["gen"]) == ("head", 1)
    page.say("paste", gen=1, block=[2, 1, 3, 2], text="a\nb")
    assert [cells[1] for cells in page.source.cells] == ["name 0", "name 1", "a", "b"]
    assert page.say("copy", gen=2, id="1", block=[2, 1, 4, 2])[0]["text"] == "a\nb"
    page.say("duplicate", gen=2, start=3, stop=4)
    page.say("delete", gen=3, start=0, stop=2)
    page.say("insert", gen=4, at=3, count=1)
    assert [cells[1] for cells in page.source.cells] == ["a", "b", "b", ""]
    page.say("sort", column=1, ascending=True)
    page.say("clear", gen=6, block=[0, 3, 4, 4])
    assert {cells[3] for cells in page.source.cells} == {""}
    page.say("select", gen=6, block=[0, 0, 2, 2])
    assert page.grid.selection == Block(0, 0, 2, 2)


def test_an_edit_of_rows_that_have_moved_is_refused(page: Page) -> None:
    page.source.insert_rows(0, 1)
    before = page.source._copy()
    head, note = page.say("set", gen=0, cells=[[0, 1, "misplaced"]])
    assert (head["kind"], head["gen"], note["kind"]) == ("head", 1, "note")
    assert "changed meanwhile" in note["text"]
    assert page.source.cells == before
    assert [each["kind"] for each in page.say("rows", gen=0, start=0, stop=1)] == ["head"]


def test_what_the_source_refuses_is_told(page: Page) -> None:
    (note,) = page.say("paste", gen=0, block=[0, 3, 1, 4], text="a\tb")
    assert note == {"kind": "note", "text": "2 columns don't fit"}


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("set", {"cells": [[3, 0, "a"]]}),
        ("set", {"cells": [[0, 4, "a"]]}),
        ("set", {"cells": [[0, True, "a"]]}),
        ("set", {"cells": []}),
        ("set", {"cells": [[0, 0, None]]}),
        ("clear", {"block": [0, 0, 4, 1]}),
        ("clear", {"block": [1, 0, 1, 1]}),
        ("clear", {"block": [-1, 0, 1, 1]}),
        ("delete", {"start": 2, "stop": 1}),
        ("insert", {"at": 4, "count": 1}),
        ("insert", {"at": 0, "count": 10**6}),
        ("insert", {"at": 0.5, "count": 1}),
        ("paste", {"block": [0, 0, 1, 1]}),
        ("undo", {"more": 1}),
        ("close", {}),
    ],
)
def test_messages_that_make_no_sense_are_refused(page: Page, op: str, fields: dict[str, Any]) -> None:
    before = page.source._copy()
    gen = {} if op in ("undo", "close") else {"gen": 0}
    assert [each["kind"] for each in page.say(op, **gen, **fields)] == ["note"]
    assert page.source.cells == before


def test_texts_are_found_in_turn_and_replaced_where_one_looks(page: Page) -> None:
    def find(text: str, at: list[int], way: str, **more: Any) -> Any:
        (answer,) = page.say("find", gen=0, id="1", text=text, at=at, way=way, **more)
        assert (answer.pop("kind"), answer.pop("id")) == ("answer", "1")
        return answer

    assert find("NAME", [1, 1], "here") == {"count": 3, "at": 2, "row": 1, "column": 1}
    assert find("NAME", [1, 1], "next") == {"count": 3, "at": 3, "row": 2, "column": 1}
    assert find("NAME", [2, 3], "next") == {"count": 3, "at": 1, "row": 0, "column": 1}
    assert find("NAME", [0, 1], "back") == {"count": 3, "at": 3, "row": 2, "column": 1}
    assert find("NAME", [0, 0], "here", case=True) == {"count": 0}
    assert find("0", [0, 0], "here", block=[1, 0, 3, 4])["count"] == 2
    assert find("1|2", [0, 0], "here", regex=True, whole=True)["count"] == 2
    assert "missing" in find("(", [0, 0], "here", regex=True)["error"]
    assert "nothing to look for" in find("", [0, 0], "here")["error"]
    assert "no row" in find("0", [0, 0], "here", block=[0, 0, 9, 1])["error"]
    rows, answer = page.say("replace", gen=0, id="2", text="0", by="9", block=[0, 1, 2, 3])
    assert (rows["kind"], answer) == ("rows", {"kind": "answer", "id": "2", "count": 3})
    assert [cells[1:3] for cells in page.source.cells] == [
        ["name 9", "9"],
        ["name 1", "19"],
        ["name 2", "20"],
    ]
    assert find("0", [0, 0], "here")["count"] == 2
    assert page.say("replace", gen=0, id="3", text="none", by="")[0]["count"] == 0
    assert len(page.source.past) == 1


def test_a_table_to_look_at_is_searched_and_not_replaced_in() -> None:
    page = Page(FrameSource(pd.DataFrame({"a": range(1000), "b": ["x"] * 1000})))
    page.say("sort", column=0, ascending=False)
    (answer,) = page.say("find", gen=1, id="1", text="7", whole=True)
    assert (answer["count"], answer["row"]) == (1, 992)
    (note,) = page.say("replace", gen=1, id="2", text="x", by="y")
    assert "can't be changed" in note["text"]


def test_columns_are_arranged_by_their_names_and_all_pages_are_told() -> None:
    page = Page(FrameSource(pd.DataFrame({"a": [2, 1], "b": [3, 4], "c": ["x", "y"]})))
    page.say("sort", column=0, ascending=True)
    (head,) = page.say("arrange", hidden=["b"], order=["c"], frozen=1)
    assert [column["name"] for column in head["columns"]] == ["c", "a"]
    assert head["arrangement"] == {"hidden": ["b"], "order": ["c"], "frozen": 1}
    assert (head["order"], [row["t"] for row in head["rows"]]) == ([1, True], [["y", "1"], ["x", "2"]])
    assert page.say("copy", gen=head["gen"], id="1", block=[0, 0, 1, 2])[0]["text"] == "y\t1"
    (head,) = page.say("hello")
    assert head["arrangement"]["hidden"] == ["b"]
    (head,) = page.say("arrange", hidden=["a"], order=[], frozen=0)
    assert ([column["name"] for column in head["columns"]], head["order"]) == (["b", "c"], None)
    assert "one stays" in page.say("arrange", hidden=["a", "b", "c"], order=[], frozen=0)[0]["text"]


INDEX = st.integers(-1, 5) | st.sampled_from([None, True, 0.0, "1", 10**20, float("nan")])
FIELDS = {
    "gen": st.sampled_from([0, 0, 0, 1, None]),
    "start": INDEX,
    "stop": INDEX,
    "at": INDEX | st.lists(INDEX, max_size=2),
    "count": INDEX,
    "row": INDEX,
    "column": INDEX,
    "ascending": st.sampled_from([True, False, None, 1]),
    "id": st.text(max_size=3),
    "text": st.text(max_size=9) | st.none(),
    "switched": st.booleans(),
    "hidden": st.lists(st.text(max_size=3), max_size=2),
    "order": st.lists(st.text(max_size=3), max_size=2),
    "frozen": INDEX,
    "choice": INDEX,
    "regex": st.booleans(),
    "whole": st.booleans(),
    "case": st.booleans(),
    "by": st.text(max_size=3),
    "way": st.sampled_from(["here", "next", "back", "up"]),
    "block": st.lists(INDEX, max_size=5),
    "target": st.lists(INDEX, max_size=5),
    "cells": st.lists(st.tuples(INDEX, INDEX, st.text(max_size=3)).map(list), max_size=3),
}
OPS = sorted(each.__struct_config__.tag for each in messages.Message.__args__)


@st.composite
def contents(draw: st.DrawFn) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4))
    op = draw(st.sampled_from(OPS))
    kind = next(each for each in messages.Message.__args__ if each.__struct_config__.tag == op)
    named = {name: draw(FIELDS[name]) for name in kind.__struct_fields__}
    if draw(st.integers(0, 9)) == 0:
        named[draw(st.sampled_from(sorted(FIELDS)))] = None
    return {"op": op, **named}


@given(st.lists(contents(), max_size=8))
def test_nothing_that_a_page_sends_raises_or_corrupts(sent: list[Any]) -> None:
    page = Page(TextSource(3))
    for content in sent:
        steps, before = len(page.source.past), page.source._copy()
        page.sent.clear()
        addressed = {**content, "to": "grid"} if isinstance(content, dict) else content
        page.grid._on_message(page.grid, addressed, [])
        refused = any(each["kind"] == "note" for each in page.sent)
        if refused:
            assert (len(page.source.past), page.source.cells) == (steps, before)
        assert all(len(cells) == 4 for cells in page.source.cells)
        assert all(isinstance(text, str) for cells in page.source.cells for text in cells)
    while page.source.past:
        page.source.undo()
    assert sorted(page.source.cells) == TextSource(3).cells


def test_a_table_to_look_at_is_not_edited() -> None:
    page = Page(FrameSource(pd.DataFrame({"a": [2, 1]})))
    assert page.say("hello")[0]["editable"] is False
    (note,) = page.say("set", gen=0, cells=[[0, 0, "9"]])
    assert "can't be changed" in note["text"]
    (head,) = page.say("sort", column=0, ascending=True)
    assert [row["t"] for row in head["rows"]] == [["1"], ["2"]]


def test_many_changed_rows_are_asked_for_again() -> None:
    page = Page(TextSource(1000))
    (stale,) = page.say("clear", gen=0, block=[0, 1, 900, 2])
    assert stale == {"kind": "stale", "gen": 0, "start": 0, "stop": 900, "status": "1000 rows, 1 steps"}


def test_too_many_cells_for_the_clipboard_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(TextSource(3))
    monkeypatch.setattr("torc_frames.widgets.table.grid._MOST_COPIED", 3)
    assert "too many" in page.say("copy", gen=0, id="1", block=[0, 0, 2, 2])[0]["text"]


def test_an_error_of_the_program_is_told_and_raised(page: Page) -> None:
    page.source.undo = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        page.grid._on_message(page.grid, {"to": "grid", "op": "undo"}, [])
    assert "ZeroDivisionError" in page.sent[-1]["text"]


def test_a_closed_grid_hears_no_more_of_its_source(page: Page) -> None:
    page.grid.close()
    page.source.insert_rows(0, 1)
    assert page.source.callbacks == []
    assert page.sent == []


def test_the_cell_to_go_to_must_exist(page: Page) -> None:
    page.grid.go_to(2, 3)
    assert page.sent == [{"kind": "focus", "row": 2, "column": 3}]
    with pytest.raises(RefusedError, match="no row 4"):
        page.grid.go_to(3, 0)


def test_what_is_kept_of_a_table_without_a_kernel_is_escaped() -> None:
    source = FrameSource(pd.DataFrame({"<b>": ["<script>alert(1)</script>"] * 30}))
    data, _metadata = Grid(source, label="<i>Texts</i>")._repr_mimebundle_()
    html = data["text/html"]
    assert set(re.findall(r"<(\w+)", html)) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;" in html
    assert "30 rows" in html
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "Grid('<i>Texts</i>', rows=30, columns=1)"


def test_both_sides_know_the_same_messages() -> None:
    scripts = "".join(path.read_text() for path in sorted((STATIC / "src" / "grid").glob("*.js")))
    sent = set(re.findall(r"\b(?:send|act|ask)\(\"(\w+)\"", scripts))
    sent |= set(re.findall(r"\? \"(redo)\" : \"undo\"", scripts)) | {"undo"}
    assert sent == set(OPS)
    code = (Path(torc_frames.__file__).parent / "widgets/table/grid.py").read_text()
    strings = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    kinds = {"head", "rows", "stale", "text", "answer", "offer", "note", "focus"}
    assert kinds <= strings
    assert kinds == set(re.findall(r"^``(\w+)``$", messages.__doc__ or "", re.MULTILINE))


def test_rows_are_sent_without_what_is_empty() -> None:
    assert messages.row(Row(["a"])) == {"t": ["a"]}
    assert messages.row(Row(["a"], "new", [0], {0: "wrong"})) == {
        "t": ["a"],
        "s": "new",
        "c": [0],
        "e": {"0": "wrong"},
    }
