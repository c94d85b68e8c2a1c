"""The editor of parameters in a real JupyterLab: typed and pasted into, planned, applied, reloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, Notebook
from PIL import Image

import torc_frames as tf

SETUP = """
import os; os.environ["TORC_FRAMES_DRAFTS"] = {drafts!r}
import pandas as pd, torc_frames as tf
from torc_frames.widgets import ParameterEditor
wf = tf.connect({url!r}).workflow({key!r})
"""
EDITOR = """
rules = {"alpha": tf.Rule(min=0), "solver": tf.Rule(choices=["svd", "sag", "lsqr"])}
editor = ParameterEditor(wf, command="python run.py", rules=rules)
editor
"""


def table() -> Any:
    return tf.grid(alpha=[0.01, 0.1, 1.0, 10.0], depth=[2, 4, 8], solver=["svd", "sag"])


class EditorPage:
    """An editor in an opened notebook, as a person sees it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.output = notebook.output(1)
        self.grid = self.output.get_by_role("grid")
        self.grid.locator(".slick-cell").first.wait_for()

    def cell(self, row: int, column: int) -> Any:
        return self.grid.locator(f"[role=row][aria-rowindex='{row + 2}'] [aria-colindex='{column + 1}']")

    def go(self, row: int, column: int) -> None:
        """Click a cell, and wait until the keys are its own: what is below the fold is scrolled to before."""
        self.cell(row, column).click()
        _expect(self.grid).to_have_attribute(
            "aria-activedescendant", self.cell(row, column).get_attribute("id"), timeout=15_000
        )

    def type(self, row: int, column: int, text: str) -> None:
        self.go(row, column)
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        _expect(self.cell(row, column)).to_have_text(text)

    def button(self, name: str) -> Any:
        return self.output.get_by_role("button", name=name, exact=True)

    def says(self, text: str) -> None:
        _expect(self.output.get_by_text(text).first).to_be_visible(timeout=15_000)


def _expect(what: Any) -> Any:
    from playwright.sync_api import expect

    return expect(what)


@pytest.fixture
def wf(tmp_path: Path) -> Any:
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("ridge")
    wf.push(table(), command="python run.py")
    yield wf
    client.close()


def opened(jupyter: Jupyter, wf: Any, tmp_path: Path, url: str | None = None) -> EditorPage:
    setup = SETUP.format(url=url or str(tmp_path / "study.db"), key=wf.key, drafts=str(tmp_path / "drafts"))
    notebook = jupyter.open(setup, EDITOR)
    notebook.run_all()
    return EditorPage(notebook)


def test_typing_planning_and_applying(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(0, 1, "0.5")
    page.type(1, 1, "-3")
    page.says("2 changed, 1 invalid")
    page.button("Plan").click()
    page.says("-3")
    assert wf.parameters()["alpha"].tolist()[:2] == [0.01, 0.01]
    page.type(1, 1, "0.02")
    page.button("Plan").click()
    page.says("2 jobs to update")
    page.button("Apply").click()
    page.says("Applied: 2 jobs changed")
    assert wf.parameters()["alpha"].tolist()[:3] == [0.5, 0.02, 0.01]
    page.notebook.wait_for("editor.sheet.is_dirty", False)


def test_pasting_grows_the_table_and_undo_takes_it_back(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.notebook.copy("0.7\t3\tsvd\n0.8\t5\tsag\n")
    page.go(23, 1)
    page.page.keyboard.press("Control+v")
    page.notebook.wait_for("len(editor.sheet)", 25)
    page.notebook.wait_for("editor.value['depth'].tolist()[-2:]", [3, 5])
    page.page.keyboard.press("Control+Z")
    page.notebook.wait_for("len(editor.sheet)", 24)
    page.page.keyboard.press("Control+Y")
    page.notebook.wait_for("len(editor.sheet)", 25)
    page.button("Apply").click()
    page.says("1 job added, 1 job changed")
    stored = wf.parameters()
    assert len(stored) == 25
    assert stored.iloc[-1].tolist() == [0.8, 5, "sag"]
    assert stored.dtypes.equals(table().dtypes)


def test_a_conflict_shows_both_values_and_waits(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(0, 1, "0.5")
    theirs = wf.parameters()
    theirs.loc["1", "alpha"] = 0.7
    wf.push(theirs, command="python run.py")
    page.button("Apply").click()
    page.says("Others have changed")
    page.says("0.7")
    page.notebook.screenshot("editor-conflict", page.output)
    assert wf.parameters().loc["1", "alpha"] == 0.7
    page.output.get_by_role("button", name="Keep all of mine").click()
    page.says("1 job to update")
    page.button("Apply").click()
    page.says("Applied")
    assert wf.parameters().loc["1", "alpha"] == 0.5


def test_a_reload_and_a_new_kernel_keep_the_edits(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(0, 1, "0.5")
    page.page.wait_for_timeout(100)
    page.notebook.wait_for("editor.session.draft.path.exists()", True)
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.notebook.load()
    page.notebook.run_all()
    again = EditorPage(page.notebook)
    _expect(again.cell(0, 1)).to_have_text("0.5")
    again.says("are back")


def test_panels_add_a_column_fill_it_and_filter(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.output.get_by_role("button", name="Columns").click()
    page.output.get_by_label("new column").fill("tol")
    page.output.get_by_label("new column").press("Tab")
    page.button("Add").click()
    page.notebook.wait_for("'tol' in editor.value.columns", True)
    page.output.get_by_role("button", name="Fill").first.click()
    page.output.get_by_label("fill", exact=True).select_option("tol")
    page.output.get_by_label("formula").fill("alpha / 100")
    page.output.get_by_label("formula").press("Tab")
    page.button("Fill").last.click()
    page.notebook.wait_for("editor.value['tol'].tolist()[0]", 0.0001)
    page.output.get_by_role("button", name="Filter").first.click()
    page.output.get_by_label("column", exact=True).last.select_option("solver")
    page.output.get_by_label("text").fill("sag")
    page.output.get_by_label("text").press("Tab")
    page.output.get_by_role("button", name="Add filter").click()
    page.notebook.wait_for("len(editor.sheet)", 12)
    page.notebook.screenshot("editor-panels", page.output)
    assert page.notebook.accessibility_problems(page.output) == []


def test_the_picture_of_the_readme(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(1, 1, "0.05")
    page.type(3, 1, "-1")
    page.cell(5, 1).click()
    page.page.keyboard.press("Control+Enter")
    page.page.keyboard.type("0.3")
    page.page.keyboard.press("Tab")
    page.page.keyboard.type("6")
    page.page.keyboard.press("Tab")
    page.page.keyboard.type("lsqr")
    page.page.keyboard.press("Enter")
    page.cell(8, 1).click()
    page.page.keyboard.press("Control+Delete")
    page.notebook.wait_for("[editor.sheet.counts[name] for name in ('changed', 'new', 'deleted')]", [2, 1, 1])
    page.cell(3, 1).click()
    assert page.notebook.accessibility_problems(page.output) == []
    made = page.notebook.screenshot("editor", page.output)
    page.notebook.theme(dark=True)
    page.notebook.screenshot("editor-dark", page.output)
    assert page.notebook.accessibility_problems(page.output) == []
    if made is not None:
        with Image.open(made) as picture:
            assert picture.width > 600
