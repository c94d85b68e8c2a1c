"""The grid in a real JupyterLab and Notebook 7: painted, typed into, pasted into, by keyboard and mouse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter import Jupyter, Notebook
from nbconvert import HTMLExporter
from places import TESTS

import torc_frames

IMPORTS = f"""
import sys; sys.path.insert(0, {str(TESTS)!r})
import numpy as np, pandas as pd
from editable import TextSource
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import Grid
"""
FRAME = """
def frame(rows, columns):
    return pd.DataFrame({f'c{at}': np.arange(rows) * (at + 1) for at in range(columns)})
"""


class GridPage:
    """A grid in an opened notebook, as a person sees it."""

    def __init__(self, notebook: Notebook, cell: int = 1) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.output = notebook.output(cell)
        self.grid = self.output.get_by_role("grid")
        self.status = self.output.get_by_role("status")
        self.grid.locator(".slick-cell").first.wait_for()

    def cell(self, row: int, column: int) -> Any:
        return self.grid.locator(f"[role=row][aria-rowindex='{row + 2}'] [aria-colindex='{column + 1}']")

    def go(self, row: int, column: int) -> None:
        self.cell(row, column).click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def shows(self, row: int, column: int, text: str) -> None:
        _expect(self.cell(row, column)).to_have_text(text)

    def says(self, text: str) -> None:
        _expect(self.status).to_contain_text(text)

    def is_at(self, row: int, column: int) -> None:
        node = self.cell(row, column)
        node.wait_for()
        _expect(self.grid).to_have_attribute("aria-activedescendant", node.get_attribute("id"))


def _expect(what: Any) -> Any:
    from playwright.sync_api import expect

    return expect(what)


def opened(jupyter: Jupyter, code: str) -> GridPage:
    notebook = jupyter.open(IMPORTS + FRAME, code)
    notebook.run_all()
    return GridPage(notebook)


def test_cells_are_typed_edited_cleared_and_taken_back(application: Jupyter) -> None:
    grid = opened(application, "source = TextSource(5); Grid(source, label='Texts')")
    value = grid.notebook.value
    grid.go(0, 1)
    grid.type("abc")
    grid.press("Enter")
    grid.shows(0, 1, "abc")
    grid.is_at(1, 1)
    grid.notebook.wait_for("source.cells[0][1]", "abc")
    grid.press("F2", "End")
    grid.type(" more")
    grid.press("Tab")
    grid.notebook.wait_for("source.cells[1][1]", "name 1 more")
    grid.is_at(1, 2)
    grid.type("x")
    grid.press("Escape")
    grid.shows(1, 2, "10")
    grid.press("Delete")
    grid.notebook.wait_for("source.cells[1][2]", "")
    grid.type("1.5")
    grid.press("Shift+Tab")
    grid.shows(1, 2, "1.5")
    _expect(grid.cell(1, 2)).to_have_attribute("aria-invalid", "true")
    grid.press("ArrowRight")
    grid.says("'1.5' is no whole number")
    grid.press("Control+z", "Control+z")
    grid.notebook.wait_for("source.cells[1][2]", "10")
    grid.press("Control+y")
    grid.notebook.wait_for("source.cells[1][2]", "")
    grid.press("Control+Shift+z")
    grid.notebook.wait_for("source.cells[1][2]", "1.5")
    grid.press("ArrowRight", " ")
    grid.notebook.wait_for("source.cells[1][3]", "false")
    grid.press("Enter", "t", "Enter")
    grid.notebook.wait_for("source.cells[1][3]", "true")
    grid.is_at(2, 3)
    grid.go(2, 0)
    grid.type("9")
    grid.says("read-only")
    assert value("len(source.past)") == 6


def test_keys_move_and_select_as_in_a_spreadsheet(lab: Jupyter) -> None:
    grid = opened(lab, "grid = Grid(FrameSource(frame(1000, 10)), label='Numbers'); grid")
    grid.go(0, 1)
    for keys, row, column in [
        (["ArrowRight"], 0, 2),
        (["End"], 0, 9),
        (["Tab"], 1, 0),
        (["Shift+Tab"], 0, 9),
        (["ArrowRight"], 1, 0),
        (["ArrowLeft"], 0, 9),
        (["Home"], 0, 0),
        (["Control+End"], 999, 9),
        (["Tab"], 999, 9),
        (["Control+ArrowUp"], 0, 9),
        (["Control+ArrowLeft"], 0, 0),
        (["Enter"], 1, 0),
        (["Control+Home", "Control+ArrowDown"], 999, 0),
        (["Control+Home"], 0, 0),
    ]:
        grid.press(*keys)
        grid.is_at(row, column)
    for keys, block in [
        (["Shift+ArrowDown", "Shift+ArrowRight"], [0, 0, 2, 2]),
        (["Control+Shift+ArrowDown"], [0, 0, 1000, 2]),
        (["Control+a"], [0, 0, 1000, 10]),
        (["Escape", "ArrowDown", "Shift+ "], [1, 0, 2, 10]),
        (["Escape", "Control+ "], [0, 0, 1000, 1]),
        (["Control+Home", "Shift+PageDown", "Shift+PageUp"], [0, 0, 1, 1]),
    ]:
        grid.press(*keys)
        grid.notebook.wait_for("grid.selection", block)
    grid.go(2, 2)
    grid.cell(4, 5).click(modifiers=["Shift"])
    grid.notebook.wait_for("grid.selection", [2, 2, 5, 6])
    grid.type("9")
    grid.says("can't be changed")


def test_no_key_reaches_the_notebook_but_those_that_save(application: Jupyter) -> None:
    grid = opened(application, "source = TextSource(5); Grid(source, label='Texts')")
    cells = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    grid.go(0, 1)
    for key in ["b", "Enter", "d", "d", "Escape", "a", "Escape", "Shift+Enter", "Control+m", "Escape"]:
        grid.press(key)
    grid.press("x", "Escape", "z", "Escape", "0", "Escape", "Escape")
    assert grid.page.evaluate(cells) == 2
    assert grid.page.evaluate("window.jupyterapp.shell.currentWidget.content.mode") == "command"
    with grid.page.expect_request(lambda request: request.method == "PUT" and "contents" in request.url):
        grid.press("Control+s")


def test_escape_and_tab_leave_the_table(lab: Jupyter) -> None:
    code = (
        "import ipywidgets as w; w.VBox([Grid(TextSource(3), label='Texts'), w.Button(description='next')])"
    )
    grid = opened(lab, code)
    grid.go(0, 1)
    grid.press("Tab")
    grid.is_at(0, 2)
    grid.press("Escape", "Tab")
    _expect(grid.output.get_by_role("button", name="next")).to_be_focused()
    grid.press("Shift+Tab")
    _expect(grid.grid).to_be_focused()
    grid.press("Tab")
    grid.is_at(0, 3)


def test_cells_are_pasted_from_the_clipboard_and_rows_grow(application: Jupyter) -> None:
    grid = opened(application, "source = TextSource(3); Grid(source, label='Texts')")
    grid.notebook.copy("a\t1\ttrue\nb\t2\tfalse\nc\t3\t\n")
    grid.go(1, 1)
    grid.press("Control+v")
    expected = [["name 0", "0", "true"], ["a", "1", "true"], ["b", "2", "false"], ["c", "3", ""]]
    grid.notebook.wait_for("[cells[1:] for cells in source.cells]", expected)
    grid.shows(3, 1, "c")
    grid.press("Control+z")
    grid.notebook.wait_for("len(source.cells)", 3)
    grid.go(0, 2)
    grid.notebook.copy("1\t2\t3")
    grid.press("Control+v")
    grid.says("3 columns don't fit")
    assert grid.notebook.value("len(source.past)") == 0


def test_blocks_are_copied_and_cut(lab: Jupyter) -> None:
    grid = opened(
        lab, "source = TextSource(500); source.cells[1][1] = 'two\\nlines'; Grid(source, label='Texts')"
    )
    grid.go(0, 1)
    grid.press("Shift+ArrowDown", "Shift+ArrowRight", "Control+c")
    grid.says("4 cells copied")
    assert grid.notebook.clipboard() == 'name 0\t0\n"two\nlines"\t10'
    grid.press("Control+x")
    grid.notebook.wait_for("source.cells[1]", ["1", "", "", "true"])
    grid.press("Control+Home", "ArrowRight", "Control+Shift+ArrowDown", "Control+c")
    grid.says("500 cells copied")
    assert grid.notebook.clipboard().splitlines()[-1] == "name 499"


def test_rows_are_added_copied_and_deleted_by_keys(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(3); Grid(source, label='Texts')")
    grid.go(0, 1)
    grid.press("Control+Enter")
    grid.is_at(1, 1)
    grid.type("fresh")
    grid.press("Enter")
    grid.notebook.wait_for("[cells[1] for cells in source.cells]", ["name 0", "fresh", "name 1", "name 2"])
    grid.press("ArrowUp", "Control+Shift+d")
    grid.notebook.wait_for("[cells[1] for cells in source.cells][1:3]", ["fresh", "fresh"])
    grid.is_at(2, 1)
    grid.press("Shift+ArrowDown", "Control+Delete")
    grid.notebook.wait_for("[cells[1] for cells in source.cells]", ["name 0", "fresh", "name 2"])
    grid.press("Control+a", "Control+Delete")
    grid.notebook.wait_for("source.cells", [])
    grid.press("Control+Enter")
    grid.notebook.wait_for("len(source.cells)", 1)
    grid.is_at(0, 0)


def test_cells_are_filled_down_and_right_by_keys(lab: Jupyter) -> None:
    grid = opened(lab, SHEET)
    grid.go(0, 1)
    grid.press("Shift+ArrowDown", "Shift+ArrowDown", "Control+d")
    grid.notebook.wait_for("sheet.value['steps'].tolist()", [1, 1, 1])
    grid.press("Escape", "ArrowDown", "ArrowRight", "Control+r")
    grid.notebook.wait_for("sheet.value['depth'].tolist()[1]", 1)
    grid.press("ArrowDown", "ArrowRight", "Control+d")
    grid.notebook.wait_for("sheet.value['lr'].tolist()", [0.1, 0.25, 0.25])
    grid.press("Control+z", "Control+z", "Control+z")
    grid.notebook.wait_for("sheet.is_dirty", False)


def test_the_handle_is_dragged_to_copy_and_to_go_on(lab: Jupyter) -> None:
    grid = opened(lab, "from torc_frames.widgets.parameters.model import Sheet\n" + HANDLED)
    grid.go(0, 0)
    grid.press("Shift+ArrowDown")
    drag_handle(grid, 3, 0)
    grid.notebook.wait_for("sheet.value['n'].tolist()", [1, 3, 5, 7, 0, 0])
    grid.notebook.wait_for("grid.selection", [0, 0, 4, 1])
    grid.go(0, 0)
    grid.press("Shift+ArrowDown")
    drag_handle(grid, 3, 0, switched=True)
    grid.notebook.wait_for("sheet.value['n'].tolist()", [1, 3, 1, 3, 0, 0])
    grid.go(2, 1)
    drag_handle(grid, 2, 2)
    grid.notebook.wait_for("sheet.value['y'].tolist()[2]", 0.5)
    grid.go(4, 0)
    drag_handle(grid, 2, 0)
    grid.notebook.wait_for("sheet.value['n'].tolist()", [1, 3, 0, 0, 0, 0])
    grid.go(0, 1)
    grid.output.locator(".tf-handle").dblclick()
    grid.notebook.wait_for("sheet.value['x'].tolist()", [0.5] * 6)
    for _ in range(5):
        grid.press("Control+z")
    grid.notebook.wait_for("sheet.is_dirty", False)
    handle = grid.output.locator(".tf-handle").bounding_box()
    grid.page.mouse.move(handle["x"] + 4, handle["y"] + 4)
    grid.page.mouse.down()
    to = grid.cell(4, 1).bounding_box()
    grid.page.mouse.move(to["x"] + 4, to["y"] + 4, steps=4)
    _expect(grid.output.locator(".tf-filled")).to_be_visible()
    grid.notebook.screenshot("grid-filling", grid.output)
    grid.press("Escape")
    grid.page.mouse.up()
    _expect(grid.output.locator(".tf-filled")).to_be_hidden()
    assert grid.notebook.value("sheet.is_dirty") is False


HANDLED = """
sheet = Sheet(pd.DataFrame({'n': [1, 3, 0, 0, 0, 0], 'x': [0.5] * 3 + [2.0] * 3, 'y': np.zeros(6)}))
grid = Grid(sheet, label='Parameters'); grid
"""


def drag_handle(grid: GridPage, row: int, column: int, *, switched: bool = False) -> None:
    grid.notebook.wait_for("grid.selection is not None", True)
    handle = grid.output.locator(".tf-handle").bounding_box()
    to = grid.cell(row, column).bounding_box()
    grid.page.mouse.move(handle["x"] + 4, handle["y"] + 4)
    grid.page.mouse.down()
    grid.page.mouse.move(to["x"] + to["width"] / 2, to["y"] + to["height"] / 2, steps=4)
    if switched:
        grid.page.keyboard.down("Control")
    grid.page.mouse.up()
    if switched:
        grid.page.keyboard.up("Control")


def test_texts_are_found_and_replaced_in_what_is_selected(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(2000); grid = Grid(source, label='Texts'); grid")
    field = grid.output.get_by_role("textbox", name="Find")
    count = grid.output.locator(".tf-count")
    grid.go(0, 0)
    grid.press("Control+f")
    _expect(field).to_be_focused()
    grid.type("1999")
    _expect(count).to_have_text("1 of 3")
    grid.is_at(1999, 0)
    grid.press("Enter")
    _expect(count).to_have_text("2 of 3")
    grid.is_at(1999, 1)
    grid.press("Shift+Enter", "Shift+Enter")
    _expect(count).to_have_text("3 of 3")
    grid.press("Escape")
    _expect(field).to_be_hidden()
    grid.press("Control+Home", "ArrowRight")
    grid.press("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight", "Control+h")
    field.fill("name 1")
    _expect(count).to_have_text("1 of 1")
    grid.notebook.screenshot("grid-find", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []
    field.fill("0")
    _expect(count).to_have_text("3 of 4")
    by = grid.output.get_by_role("textbox", name="Replace by")
    by.fill("7")
    grid.output.get_by_role("button", name="Replace in all").click()
    _expect(count).to_have_text("replaced in 4 cells")
    expected = [["name 7", "7"], ["name 1", "17"], ["name 2", "27"], ["name 3", "30"]]
    assert grid.notebook.value("[cells[1:3] for cells in source.cells[:4]]") == expected
    assert grid.notebook.value("len(source.past)") == 1
    grid.output.get_by_role("button", name="Only in the cells").click()
    field.fill("name 199[01]")
    _expect(count).to_have_text("no cell")
    grid.output.get_by_role("button", name="Regular expression").click()
    _expect(count).to_have_text("1 of 2")
    by.fill("last")
    grid.press("Enter")
    grid.notebook.wait_for("source.cells[1990][1]", "last")
    grid.is_at(1991, 1)
    _expect(count).to_have_text("1 of 1")
    field.fill("(")
    _expect(count).to_contain_text("missing")
    cells = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    grid.press("b", "Escape")
    assert grid.page.evaluate(cells) == 2
    _expect(grid.grid).to_be_focused()


def test_a_table_to_look_at_is_searched_while_it_is_sorted(lab: Jupyter) -> None:
    grid = opened(lab, "source = FrameSource(frame(500, 3)); Grid(source, label='Numbers')")
    grid.go(0, 0)
    grid.press("Control+h")
    _expect(grid.output.get_by_role("textbox", name="Replace by")).to_be_hidden()
    grid.type("499")
    _expect(grid.output.locator(".tf-count")).to_have_text("1 of 1")
    grid.is_at(499, 0)
    grid.notebook.execute("source.sort(0, False)")
    grid.press("Enter")
    grid.is_at(0, 0)
    grid.press("Escape", "Shift+ArrowDown", "Control+f")
    _expect(grid.output.get_by_role("button", name="Only in the cells")).to_be_visible()
    grid.notebook.execute("source.sort(0, True)")
    grid.says("rows have moved")
    _expect(grid.output.get_by_role("textbox", name="Find")).to_be_hidden()


def test_what_a_paste_means_is_asked_and_never_guessed(lab: Jupyter) -> None:
    grid = opened(lab, SHEET)
    offer = grid.output.get_by_role("group", name="What the texts mean")
    _expect(offer).to_be_hidden()
    grid.notebook.copy("1,000\n2,500\n")
    grid.go(0, 1)
    grid.press("Control+v")
    _expect(offer).to_contain_text("Read 1,000 as 1000, 2 cells in all?")
    _expect(grid.grid).to_be_focused()
    grid.press("F6", "Enter")
    grid.notebook.wait_for("sheet.value['steps'].tolist()", [1000, 2500, 3])
    _expect(offer).to_be_hidden()
    _expect(grid.grid).to_be_focused()
    grid.press("Control+z")
    grid.shows(0, 1, "1,000")
    grid.press("Control+z")
    grid.notebook.wait_for("sheet.is_dirty", False)
    grid.notebook.copy("1,234\n0.5\n3,125")
    grid.go(0, 3)
    grid.press("Control+v")
    _expect(offer).to_contain_text("Read 1,234 as 1234")
    grid.go(0, 3)
    grid.type("2,345")
    grid.press("Enter")
    _expect(offer).to_contain_text("What does 2,345 mean?")
    grid.notebook.screenshot("grid-offer", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []
    offer.get_by_role("button", name="decimal comma").click()
    grid.notebook.wait_for("sheet.value['lr'].tolist()[0]", 2.345)
    grid.go(0, 6)
    grid.type("31.12.2026")
    grid.press("Enter")
    offer.get_by_role("button", name="Leave as errors").click()
    _expect(offer).to_be_hidden()
    grid.shows(0, 6, "31.12.2026")
    _expect(grid.cell(0, 6)).to_have_attribute("aria-invalid", "true")


def test_the_grid_has_a_menu_of_its_own(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(4); grid = Grid(source, label='Texts'); grid")
    menu = grid.output.get_by_role("menu", name="Table")
    items = menu.get_by_role("menuitem")

    def choose(name: str) -> None:
        menu.get_by_role("menuitem", name=name).click()
        _expect(menu).to_have_count(0)
        _expect(grid.grid).to_be_focused()

    grid.cell(1, 1).click(button="right")
    _expect(items.first).to_be_focused()
    _expect(grid.page.locator(".lm-Menu")).to_have_count(0)
    grid.is_at(1, 1)
    grid.notebook.screenshot("grid-menu")
    assert grid.notebook.accessibility_problems(grid.output) == []
    choose("Copy")
    grid.says("1 cell copied")
    assert grid.notebook.clipboard() == "name 1"
    grid.go(3, 1)
    grid.press("Shift+F10")
    _expect(items.first).to_be_focused()
    grid.press("ArrowDown", "Enter")
    grid.notebook.wait_for("source.cells[3][1]", "name 1")
    grid.press("ArrowUp", "ContextMenu", "d", "Enter")
    grid.notebook.wait_for("len(source.cells)", 5)
    grid.press("ContextMenu", "Escape")
    _expect(menu).to_have_count(0)
    _expect(grid.grid).to_be_focused()
    grid.cell(0, 1).click(button="right")
    choose("Insert row below")
    grid.notebook.wait_for("[cells[1] for cells in source.cells][:3]", ["name 0", "", "name 1"])
    grid.cell(0, 1).click(button="right")
    choose("Fill down")
    grid.cell(1, 1).click(button="right")
    choose("Fill down")
    grid.notebook.wait_for("source.cells[1][1]", "name 0")
    grid.output.get_by_role("columnheader", name="depth").click(button="right")
    _expect(menu.get_by_role("menuitem", name="Copy")).to_have_count(0)
    choose("Sort descending")
    grid.notebook.wait_for("source.order", [2, False])
    cells = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    assert grid.page.evaluate(cells) == 2


def test_columns_are_hidden_moved_frozen_and_fitted_in_all_views(lab: Jupyter) -> None:
    code = "data = frame(50, 30); data.insert(1, 'text', ['long ' * 20] * 50); source = FrameSource(data)"
    notebook = lab.open(IMPORTS + FRAME, f"{code}; grid = Grid(source, label='Numbers'); grid", "grid")
    notebook.run_all()
    grid, other = GridPage(notebook, 1), GridPage(notebook, 2)

    def choose(column: int, name: str) -> None:
        grid.output.locator(".slick-header-column").nth(column).click(button="right")
        grid.output.get_by_role("menuitem", name=name).click()

    def columns() -> str:
        return "[column.name for column in source.columns][:4]"

    choose(2, "Hide column")
    notebook.wait_for(columns(), ["c0", "text", "c2", "c3"])
    choose(2, "Move left")
    notebook.wait_for(columns(), ["c0", "c2", "text", "c3"])
    choose(1, "Freeze up to here")
    notebook.wait_for("source.arrangement.frozen", 2)
    _expect(other.grid.locator(".tf-frozen-last").first).to_have_text(re.compile("c2"))
    grid.go(3, 1)
    grid.press("End")
    grid.is_at(3, 29)
    shown, last = grid.cell(3, 0).bounding_box(), grid.cell(3, 29).bounding_box()
    host = grid.grid.bounding_box()
    assert shown["x"] == pytest.approx(host["x"], abs=2)
    assert last["x"] + last["width"] <= host["x"] + host["width"] + 1
    frozen = grid.cell(3, 1).bounding_box()
    heading = grid.output.locator(".slick-header-column").nth(1).bounding_box()
    assert heading["x"] == frozen["x"]
    notebook.screenshot("grid-frozen", grid.output)
    grid.go(5, 1)
    grid.is_at(5, 1)
    active = grid.output.locator(".tf-active").bounding_box()
    assert active["x"] == pytest.approx(frozen["x"], abs=1)
    for _ in range(29):
        grid.press("ArrowRight")
    grid.is_at(6, 0)
    grid.press("End")
    for at in range(28, 1, -1):
        grid.press("ArrowLeft")
        grid.is_at(6, at)
        box = grid.cell(6, at).bounding_box()
        assert box["x"] >= frozen["x"] + frozen["width"] - 1
    border = grid.output.locator(".slick-header-column").nth(2).locator(".slick-resizable-handle")
    border.dblclick()
    grid.page.wait_for_function("node => node.offsetWidth > 500", arg=grid.cell(6, 2).element_handle())
    assert notebook.value("source.order") is None
    choose(0, "Show all columns")
    notebook.wait_for("len(source.columns)", 31)
    assert notebook.accessibility_problems(grid.output) == []


def test_boxes_are_switched_by_click_and_space(lab: Jupyter) -> None:
    grid = opened(lab, BOXES)
    box = grid.cell(0, 0).locator(".tf-box")
    box.click()
    grid.notebook.wait_for("sheet.value['ok'].tolist()[0]", False)
    grid.shows(0, 0, "false")
    box.click()
    grid.notebook.wait_for("sheet.value['ok'].tolist()[0]", True)
    grid.press("ArrowDown", "ArrowDown", " ")
    grid.notebook.wait_for("sheet.value['ok'].tolist()[2]", True)
    grid.press("Delete")
    _expect(grid.cell(2, 0).locator(".tf-box")).to_have_class(re.compile("tf-missing"))
    grid.type("maybe")
    grid.press("Enter")
    grid.shows(2, 0, "maybe")
    _expect(grid.cell(2, 0).locator(".tf-box")).to_have_count(0)
    grid.notebook.screenshot("grid-boxes", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []
    assert grid.notebook.value("[str(dtype) for dtype in sheet.value.dtypes]") == ["boolean", "category"]


def test_choices_are_narrowed_and_chosen(lab: Jupyter) -> None:
    grid = opened(lab, BOXES)
    value = "sheet.value['kind'].astype(object).where(sheet.value['kind'].notna(), None).tolist()"
    options = grid.output.get_by_role("option")
    grid.go(0, 1)
    grid.press("Enter")
    _expect(options).to_have_text(["(missing)", "small", "medium", "large", "very large"])
    grid.notebook.screenshot("grid-choices")
    grid.press("ArrowDown", "Enter")
    grid.notebook.wait_for(value, ["medium", "large", None])
    grid.type("lar")
    _expect(options).to_have_text(["large", "very large"])
    grid.press("ArrowDown", "Enter")
    grid.notebook.wait_for(value, ["medium", "very large", None])
    grid.type("s")
    grid.press("Tab")
    grid.notebook.wait_for(value, ["medium", "very large", "small"])
    grid.go(0, 1)
    grid.press("F2")
    options.nth(0).click()
    grid.notebook.wait_for(value, [None, "very large", "small"])
    _expect(options).to_have_count(0)
    _expect(grid.grid).to_be_focused()
    grid.press("Enter", "Escape")
    grid.type("huge")
    grid.press("Enter")
    grid.shows(0, 1, "huge")
    _expect(grid.cell(0, 1)).to_have_attribute("aria-invalid", "true")


BOXES = """
from torc_frames.widgets.parameters.model import Sheet
sheet = Sheet(pd.DataFrame({
    'ok': pd.array([True, False, None], dtype='boolean'),
    'kind': pd.Categorical(['small', 'large', None], categories=['small', 'medium', 'large', 'very large']),
}))
Grid(sheet, label='Parameters')
"""


def test_a_sorted_table_is_edited_where_it_shows(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(9); Grid(source, label='Texts')")
    header = grid.output.get_by_role("columnheader", name="name")
    header.click()
    _expect(header).to_have_attribute("aria-sort", "ascending")
    header.click()
    _expect(header).to_have_attribute("aria-sort", "descending")
    grid.shows(0, 1, "name 8")
    grid.go(0, 1)
    grid.type("last")
    grid.press("Enter")
    grid.notebook.wait_for("[cells[1] for cells in source.cells if cells[0] == '8']", ["last"])
    grid.press("Control+Home", "ArrowUp", "Enter")
    _expect(grid.output.get_by_role("columnheader", name="key")).to_have_attribute("aria-sort", "ascending")
    grid.shows(8, 1, "last")
    for order in ("ascending", "descending", "none"):
        header.click()
        _expect(header).to_have_attribute("aria-sort", order)


def test_the_last_of_100_000_rows_is_there_at_a_key(lab: Jupyter) -> None:
    grid = opened(lab, "Grid(FrameSource(frame(100_000, 20)), label='Numbers')")
    grid.go(0, 0)
    grid.press("Control+End")
    grid.shows(99_999, 19, str(99_999 * 20))
    grid.press("Control+Home")
    grid.shows(0, 1, "0")


def test_a_page_opened_anew_shows_the_table_as_python_has_it(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(3); Grid(source, label='Texts')")
    grid.go(0, 1)
    grid.type("kept")
    grid.press("Enter")
    grid.notebook.wait_for("source.cells[0][1]", "kept")
    grid.press("Control+s")
    grid.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    grid.notebook.reload()
    again = GridPage(grid.notebook)
    again.shows(0, 1, "kept")
    again.go(1, 1)
    again.type("still alive")
    again.press("Enter")
    again.notebook.wait_for("source.cells[1][1]", "still alive")


def test_two_views_of_one_grid_show_the_same(lab: Jupyter) -> None:
    notebook = lab.open(IMPORTS, "source = TextSource(3); grid = Grid(source, label='Texts'); grid", "grid")
    notebook.run_all()
    one, other = GridPage(notebook, 1), GridPage(notebook, 2)
    one.go(0, 1)
    one.type("both")
    one.press("Enter")
    other.shows(0, 1, "both")
    notebook.execute("source.set_texts([(2, 1, 'from Python')])")
    one.shows(2, 1, "from Python")
    other.shows(2, 1, "from Python")
    notebook.execute("grid.close()")
    _expect(one.output.get_by_role("grid")).to_have_count(0)


def test_what_is_typed_while_rows_move_is_given_back_and_not_misplaced(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(3); Grid(source, label='Texts')")
    grid.go(0, 1)
    grid.type("half")
    grid.notebook.execute("source.insert_rows(0, 1)")
    grid.says('while you typed "half"')
    assert grid.notebook.value("[cells[1] for cells in source.cells]") == ["", "name 0", "name 1", "name 2"]


def test_texts_of_others_are_shown_and_never_run(lab: Jupyter) -> None:
    texts = "{'<img src=x onerror=alert(1)>': ['<b>bold</b>', '<script>1</script>']}"
    grid = opened(lab, f"Grid(FrameSource(pd.DataFrame({texts})), label='<i>')")
    grid.shows(0, 0, "<b>bold</b>")
    assert grid.output.locator("b, script, img, i").count() == 0


def test_long_texts_come_when_they_are_edited(lab: Jupyter) -> None:
    grid = opened(lab, "source = TextSource(2); source.cells[0][1] = 'x' * 5000; Grid(source, label='Texts')")
    assert len(grid.cell(0, 1).inner_text()) == 1000
    grid.go(0, 1)
    grid.press("Enter")
    grid.output.locator("textarea").wait_for()
    grid.press("End")
    grid.type("y")
    grid.press("Alt+Enter")
    grid.type("z")
    grid.press("Enter")
    grid.notebook.wait_for("source.cells[0][1] == 'x' * 5000 + 'y' + chr(10) + 'z'", True)


def test_columns_are_made_wider_by_mouse_and_keys(lab: Jupyter) -> None:
    grid = opened(lab, "Grid(FrameSource(frame(9, 4)), label='Numbers')")
    width = grid.cell(0, 1).bounding_box()["width"]
    handle = grid.output.locator(".slick-resizable-handle").nth(1).bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + 10
    grid.page.mouse.move(x, y)
    grid.page.mouse.down()
    grid.page.mouse.move(x + 60, y, steps=4)
    grid.page.mouse.up()
    assert grid.cell(0, 1).bounding_box()["width"] == pytest.approx(width + 60, abs=3)
    assert grid.output.locator("[aria-sort=ascending]").count() == 0
    grid.go(0, 1)
    grid.press("ArrowUp", "Shift+ArrowLeft")
    assert grid.cell(0, 1).bounding_box()["width"] == pytest.approx(width + 44, abs=3)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_grid_is_accessible_and_handsome(lab: Jupyter, dark: bool) -> None:
    grid = opened(lab, MARKED)
    grid.notebook.theme(dark)
    grid.go(1, 1)
    grid.press("Shift+ArrowDown", "Shift+ArrowRight")
    grid.notebook.screenshot(f"grid-{'dark' if dark else 'light'}", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []
    grid.press("Escape", "Enter")
    grid.notebook.screenshot(f"grid-editing-{'dark' if dark else 'light'}", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []


MARKED = """
from torc_frames.widgets.table.source import Row
class Marked(TextSource):
    def rows(self, start, stop):
        rows = super().rows(start, stop)
        for at, row in enumerate(rows, start):
            state = {3: 'new', 4: 'deleted'}.get(at, '')
            rows[at - start] = Row(row.texts, state, [1, 2] if at == 2 else [], row.errors)
        return rows
source = Marked(8); source.cells[5][2] = 'many'
Grid(source, label='Texts')
"""


def test_what_is_kept_for_web_pages_is_not_shown_beside_the_live_grid(lab: Jupyter) -> None:
    grid = opened(lab, "Grid(TextSource(3), label='Texts')")
    _expect(grid.output.locator("table")).to_be_hidden()
    grid.press("Control+s")
    grid.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    path = max(lab.server.notebooks.glob("*.ipynb"), key=lambda each: each.stat().st_mtime)
    notebook = nbformat.read(path, as_version=4)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert "<caption>Texts: 3 rows, 4 columns</caption>" in html


def test_a_grid_works_in_a_shadow_root(lab: Jupyter) -> None:
    """As in marimo: styles, focus and keys stay within."""
    notebook = lab.open("1")
    script = Path(torc_frames.__file__).parent / "widgets" / "static" / "dist" / "app.js"
    notebook.page.evaluate(SHADOW_JS, script.read_text())
    page = notebook.page
    page.locator("#host .slick-cell").first.wait_for()
    page.locator("#host .slick-row .l1").first.click()
    page.keyboard.press("ArrowRight")
    page.keyboard.type("ab")
    page.keyboard.press("Enter")
    assert page.evaluate("window.sent.filter(each => each.op === 'set')") == [
        {"to": "grid", "op": "set", "gen": 0, "cells": [[0, 2, "ab"]]}
    ]
    assert page.evaluate("document.activeElement.id") == "host"
    assert page.locator("#host .slick-cell").first.bounding_box()["height"] == 26
    notebook.screenshot("grid-shadow-root", page.locator("#host"))
    page.close()  # what was put into it is not for the next test


def test_what_is_drawn_from_outside_stands_in_the_grid_and_is_copied_as_text(lab: Jupyter) -> None:
    notebook = lab.open("1")
    page = notebook.page
    script = Path(torc_frames.__file__).parent / "widgets" / "static" / "dist" / "app.js"
    page.evaluate(DECORATED_JS, script.read_text())
    row = page.locator("#host .slick-row")
    _expect(row.nth(0).locator(".l1 .short")).to_have_text("0.33")
    _expect(row.nth(0).locator(".l1")).to_have_attribute("title", "0.3333333333333333")
    _expect(row.nth(0).locator(".l0")).to_have_text("fast <b>")
    _expect(row.nth(1)).to_have_class(re.compile(r"\bbest\b"))
    _expect(page.locator("#host .bars")).to_have_count(2)
    row.nth(0).locator(".l1").click()
    page.keyboard.press("Control+c")
    _expect(page.locator("#host .tf-status")).to_contain_text("1 cell copied")
    assert notebook.clipboard() == "0.3333333333333333"
    page.locator("#host .slick-header-column").nth(1).click()
    page.evaluate("window.view.widen(1, 32)")
    width = row.nth(0).locator(".l1").bounding_box()["width"]
    page.evaluate("window.best = 0; window.digits = 4; window.view.redecorate()")
    _expect(row.nth(0).locator(".l1 .short")).to_have_text("0.3333")
    _expect(row.nth(0)).to_have_class(re.compile(r"\bbest\b"))
    _expect(row.nth(1)).not_to_have_class(re.compile(r"\bbest\b"))
    _expect(page.locator("#host .slick-header-column").nth(1)).to_have_attribute("aria-sort", "ascending")
    assert row.nth(0).locator(".l1").bounding_box()["width"] == width
    _expect(page.locator("#host .tf-active")).to_be_visible()
    page.close()  # what was put into it is not for the next test


DECORATED_JS = """async script => {
  const host = Object.assign(document.createElement('div'), {id: 'host'});
  Object.assign(host.style, {position: 'fixed', inset: '0 0 auto 0', zIndex: 9999, background: 'white'});
  document.body.append(host);
  host.className = 'tf-app';
  let hear;
  const columns = [['name', 'string'], ['loss', 'float']].map(
    ([name, kind]) => ({name, kind, dtype: kind, read_only: false}));
  const rows = [{t: ['fast <b>', '0.3333333333333333']}, {t: ['slow', '1.0']}];
  const head = {
    kind: 'head', gen: 0, length: 2, columns, order: null, editable: false, status: '', start: 0, rows};
  const model = {
    get: name => ({_label: 'Texts', _height: 300})[name],
    on: (_name, listener) => { hear = listener; },
    off: () => {},
    send: message => { if (message.op === 'hello') setTimeout(() => hear(head)); },
  };
  window.best = 1;
  window.digits = 2;
  const make = (className, textContent) =>
    Object.assign(document.createElement('span'), {className, textContent});
  const hooks = {
    heading: column => make('bars', column.name),
    cell: (column, text) =>
      column.kind === 'float' ? make('short', Number(text).toFixed(window.digits)) : undefined,
    rowClass: row => row === window.best ? 'best' : '',
  };
  const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
  const {View, dress} = await import(url);
  dress(document);
  window.view = new View(model, host, hooks);
}"""


SHADOW_JS = """async script => {
  const host = Object.assign(document.createElement('div'), {id: 'host'});
  Object.assign(host.style, {position: 'fixed', inset: '0 0 auto 0', zIndex: 9999, background: 'white'});
  document.body.append(host);
  const root = host.attachShadow({mode: 'open'});
  const el = document.createElement('div');
  root.append(el);
  window.sent = [];
  const hearing = [];
  const columns = ['a', 'b', 'c'].map(name => ({name, kind: 'string', dtype: 'str', read_only: false}));
  const rows = [0, 1].map(row => ({t: columns.map(({name}) => name + row)}));
  const table = {gen: 0, length: 2, columns, order: null, editable: true};
  const head = {from: "grid", kind: "head", ...table, status: "", start: 0, rows};
  const model = {
    get: name => ({_editor: 'grid', _label: 'Texts', _height: 300})[name],
    on: (_name, listener) => hearing.push(listener),
    off: () => {},
    send: message => {
      window.sent.push(message);
      if (message.to && message.op === 'hello') setTimeout(() => hearing.forEach(hear => hear(head)));
    },
  };
  const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
  (await import(url)).render({model, el});
}"""


SHEET = """
from torc_frames.widgets.parameters.model import Sheet
frame = pd.DataFrame({
    'steps': [1, 2, 3], 'depth': pd.array([1, None, 3], dtype='Int64'), 'lr': [0.1, 0.25, None],
    'fast': [True, False, True], 'name': ['a', 'b', None],
    'when': pd.to_datetime(['2026-01-01 00:00', '2026-01-02 12:30', None]),
    'solver': pd.Categorical(['svd', 'sag', 'svd'], categories=['sag', 'svd']),
    'model': [{'depth': 1}, [1, 2], 'text'],
}, index=pd.Index(['7', '8', '9'], name='job_key'))
sheet = Sheet(frame)
Grid(sheet, label='Parameters')
"""
DTYPES = "[str(dtype) for dtype in sheet.value.dtypes] == [str(dtype) for dtype in frame.dtypes]"


def test_every_dtype_is_typed_and_kept(lab: Jupyter) -> None:
    grid = opened(lab, SHEET)
    grid.go(0, 1)
    for text in ["42", "", "1e-3", "f", "new name", "2026-11-23 08:00", "sag", '{"depth": [2, 3]}']:
        if text:
            grid.type(text)
        else:
            grid.press("Delete")
        grid.press("Tab")
    value = "sheet.value.iloc[0]"
    grid.notebook.wait_for(f"{value}['model'] == {{'depth': [2, 3]}}", True)
    expected = [42, True, 0.001, False, "new name", "2026-11-23T08:00:00", "sag"]
    found = "v['steps'].item(), v['depth'] is pd.NA, v['lr'].item(), bool(v['fast']), v['name']"
    found = f"[[{found}, v['when'].isoformat(), v['solver']] for v in [{value}]][0]"
    grid.notebook.execute("import numpy as np")
    assert grid.notebook.value(found.replace("v['steps'].item()", "int(v['steps'])")) == expected
    assert grid.notebook.value(DTYPES) is True
    grid.notebook.wait_for("sheet.is_dirty", True)
    for column in range(8):
        header = grid.output.get_by_role("columnheader").nth(column).bounding_box()
        cell = grid.cell(0, column).bounding_box()
        assert (header["x"], header["width"]) == (cell["x"], cell["width"])
    grid.notebook.screenshot("sheet-changed", grid.output)
    for _ in range(8):
        grid.press("Control+z")
    grid.notebook.wait_for("sheet.is_dirty", False)
    assert grid.notebook.value("sheet.value.equals(Sheet(frame).value)") is True


def test_a_sheet_is_pasted_into_grown_marked_and_undone(lab: Jupyter) -> None:
    grid = opened(lab, SHEET)
    grid.notebook.copy("10\t20\t0.5\n11\tx\t0.6\n12\t22\t0.7\n")
    grid.go(1, 1)
    grid.press("Control+v")
    grid.shows(2, 2, "x")
    _expect(grid.cell(2, 2)).to_have_attribute("aria-invalid", "true")
    grid.notebook.wait_for("len(sheet)", 4)
    grid.notebook.wait_for("sheet.value['steps'].tolist()[:3]", [1, 10, 11])
    assert grid.notebook.value(DTYPES) is True
    grid.go(0, 1)
    grid.press("Control+Delete")
    _expect(grid.output.locator(".tf-deleted")).to_have_count(1)
    _expect(grid.output.locator(".tf-new")).to_have_count(1)
    grid.press("ArrowDown", "ArrowDown", "ArrowRight")
    grid.says("'x' is no whole number")
    grid.notebook.screenshot("sheet-marked", grid.output)
    assert grid.notebook.accessibility_problems(grid.output) == []
    grid.press("Control+z", "Control+z")
    grid.notebook.wait_for("[len(sheet), sheet.is_dirty]", [3, False])
    grid.press("Control+y")
    grid.notebook.wait_for("len(sheet)", 4)
