"""The editor of parameters in a real JupyterLab: typed and pasted into, reviewed, applied, reloaded."""

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

    @property
    def dialog(self) -> Any:
        return self.output.get_by_role("dialog")

    def review(self) -> Any:
        self.button("Review & apply").click()
        self.dialog.wait_for()
        return self.dialog

    def changes(self) -> list[str]:
        """The rows of a review, each as it is read."""
        rows = self.dialog.locator(".tf-review-table tbody tr")
        return [" ".join(text.split()) for text in rows.all_inner_texts()]

    def is_accessible(self, name: str) -> None:
        """Look at it light and dark, take a picture of each, and find nothing wrong."""
        for dark in (True, False):
            self.notebook.theme(dark)
            _expect(self.output.locator(".tf-app")).to_have_attribute(
                "data-theme", "dark" if dark else "light"
            )
            self.notebook.screenshot(f"{name}-{'dark' if dark else 'light'}", self.output)
            assert self.notebook.accessibility_problems(self.output) == []


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


def test_typing_reviewing_and_applying(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.says("as stored")
    page.type(0, 1, "0.5")
    page.type(1, 1, "-3")
    page.says("2 changed")
    page.button("1 invalid").click()
    page.is_accessible("editor-problems")
    page.dialog.get_by_role("button", name="alpha of job 2").click()
    page.dialog.wait_for(state="detached")
    _expect(page.grid).to_have_attribute("aria-activedescendant", page.cell(1, 1).get_attribute("id"))
    assert wf.parameters()["alpha"].tolist()[:2] == [0.01, 0.01]
    page.type(1, 1, "0.02")
    page.review()
    page.says("2 jobs to update")
    assert page.changes() == ["1 changed 0.01 → 0.5", "2 changed 0.01 → 0.02"]
    page.button("Apply").click()
    page.says("Applied: 2 jobs changed")
    assert wf.parameters()["alpha"].tolist()[:3] == [0.5, 0.02, 0.01]
    page.notebook.wait_for("editor.sheet.is_dirty", False)
    _expect(page.button("Review & apply")).to_be_enabled()  # it has a command
    _expect(page.button("Discard")).to_be_disabled()


def test_pasting_grows_the_table_and_undo_takes_it_back(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.notebook.copy("0.7\t3\tsvd\n0.8\t5\tsag\n")
    page.go(23, 1)
    page.page.keyboard.press("Control+v")
    page.notebook.wait_for("len(editor.sheet)", 25)
    page.notebook.wait_for("editor.value['depth'].tolist()[-2:]", [3, 5])
    page.button("Undo (Ctrl+Z)").click()
    page.notebook.wait_for("len(editor.sheet)", 24)
    page.button("Redo (Ctrl+Y)").click()
    page.notebook.wait_for("len(editor.sheet)", 25)
    page.review()
    page.button("Apply").click()
    page.says("1 job added, 1 job changed")
    stored = wf.parameters()
    assert len(stored) == 25
    assert stored.iloc[-1].tolist() == [0.8, 5, "sag"]
    assert stored.dtypes.equals(table().dtypes)


def test_a_conflict_is_decided_in_the_review(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(0, 1, "0.5")
    page.type(1, 1, "0.6")
    page.type(2, 1, "0.4")
    theirs = wf.parameters()
    theirs.loc[["1", "2"], "alpha"] = [0.7, 0.8]
    wf.push(theirs, command="python run.py")
    dialog = page.review()
    dialog.get_by_role("heading", name="Others have changed the same cells").wait_for()
    _expect(page.button("Choose what stays")).to_be_disabled()
    mine = dialog.get_by_role("button", name="Keep mine: alpha of job 1")
    dialog.get_by_title("Keep mine: alpha of job 1").click()
    dialog.get_by_title("Take theirs: alpha of job 2").click()
    assert mine.count() <= 1
    page.is_accessible("editor-conflict")
    assert wf.parameters()["alpha"].tolist()[:2] == [0.7, 0.8]
    page.button("Decide 2 conflicts").click()
    page.says("2 jobs to update")
    page.button("Apply").click()
    page.says("Applied: 2 jobs changed")
    assert wf.parameters()["alpha"].tolist()[:3] == [0.5, 0.8, 0.4]


def test_deleting_jobs_is_confirmed_by_the_words_of_the_button_with_the_keyboard_alone(
    lab: Jupyter, wf: Any, tmp_path: Path
) -> None:
    page = opened(lab, wf, tmp_path)
    keys = page.page.keyboard
    page.go(0, 1)
    keys.press("Shift+ArrowDown")
    keys.press("Control+Delete")
    page.notebook.wait_for("editor.sheet.deleted_keys", ["1", "2"])
    page.button("Review & apply").press("Enter")
    page.dialog.wait_for()
    has_focus(page, "Review")
    assert page.changes() == [
        "1 deleted, with its results 0.01 2 svd",
        "2 deleted, with its results 0.01 2 sag",
    ]
    page.is_accessible("editor-deletes")
    keys.press("Escape")
    page.dialog.wait_for(state="detached")
    has_focus(page, "Review & apply")
    assert len(wf.parameters()) == 24
    keys.press("Enter")
    page.dialog.wait_for()
    keys.press("Shift+Tab")
    has_focus(page, "Apply: delete 2 jobs and their results")
    keys.press("Enter")
    page.says("Applied: 2 jobs deleted")
    assert len(wf.parameters()) == 22


def test_discarding_is_asked(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(0, 1, "0.5")
    page.button("Discard").click()
    page.dialog.get_by_text("1 changed").wait_for()
    page.dialog.get_by_role("button", name="Cancel").click()
    page.dialog.wait_for(state="detached")
    assert page.notebook.value("editor.sheet.is_dirty") is True
    page.button("Discard").click()
    page.button("Discard edits").click()
    page.says("Edits discarded")
    _expect(page.cell(0, 1)).to_have_text("0.01")


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
    again.page.get_by_role("button", name="Throw them away").click()
    again.button("Discard edits").click()
    _expect(again.cell(0, 1)).to_have_text("0.01")
    _expect(again.output.get_by_text("are back")).to_have_count(0)


def test_panels_add_a_column_fill_it_and_filter(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.button("Columns").click()
    page.output.get_by_label("New column").fill("tol")
    page.button("Add column").click()
    page.notebook.wait_for("'tol' in editor.value.columns", True)
    page.is_accessible("editor-columns")
    page.button("Fill").click()
    page.output.get_by_label("Fill", exact=True).last.select_option("tol")
    page.output.get_by_label("with", exact=True).select_option("a formula")
    page.output.get_by_label("formula", exact=True).fill("alpha / 100")
    page.output.get_by_label("formula", exact=True).press("Enter")
    page.notebook.wait_for("editor.value['tol'].tolist()[0]", 0.0001)
    page.is_accessible("editor-fill")
    page.button("Filter").click()
    page.output.get_by_label("Column", exact=True).select_option("solver")
    page.output.get_by_label("Text", exact=True).fill("sag")
    page.button("Add filter").click()
    page.notebook.wait_for("len(editor.sheet)", 12)
    page.output.get_by_label("Rows where").fill("depth > 2 and alpha >= 1")
    page.output.get_by_label("Rows where").press("Enter")
    page.notebook.wait_for("len(editor.sheet)", 4)
    page.says("20 hidden")
    page.output.get_by_label("Rows where").fill("depth >")
    page.button("Show these").click()
    page.says("is no query of the columns")
    page.is_accessible("editor-filter")
    page.button("Take away: depth > 2 and alpha >= 1").click()
    page.notebook.wait_for("len(editor.sheet)", 12)
    page.button("Show all").click()
    page.notebook.wait_for("len(editor.sheet)", 24)


def test_an_empty_workflow_says_what_to_do(lab: Jupyter, tmp_path: Path) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("empty")
    setup = SETUP.format(url=str(tmp_path / "study.db"), key=wf.key, drafts=str(tmp_path / "drafts"))
    notebook = lab.open(setup, "editor = ParameterEditor(wf, command='run'); editor")
    notebook.run_all()
    output = notebook.output(1)
    output.get_by_text("No jobs yet").wait_for()
    notebook.screenshot("editor-empty", output)
    assert notebook.accessibility_problems(output) == []
    output.get_by_label("A table").fill("alpha\tsolver\n0.1\tsvd\n1\t<b>sag</b>")
    output.get_by_role("button", name="Add these rows").click()
    output.get_by_role("gridcell", name="<b>sag</b>").wait_for()
    notebook.wait_for("len(editor.value)", 2)


def test_hostile_texts_stay_texts(lab: Jupyter, tmp_path: Path) -> None:
    import pandas as pd

    bad = "<img src=x onerror=\"document.title='broken'\">"
    wf = tf.connect(tmp_path / "study.db").create_workflow(bad)
    wf.push(pd.DataFrame({bad: [bad, "y"], "n": [1, 2]}), command="run")
    page = opened(lab, wf, tmp_path)
    page.type(1, 1, bad + "2")
    page.type(0, 2, "<b>x</b>")
    page.review()
    page.says("<b>x</b>")
    page.dialog.get_by_role("button", name="Close").last.click()
    page.type(0, 2, "7")
    for panel in ("Columns", "Fill", "Filter"):
        page.button(panel).click()
    page.output.get_by_label("Text", exact=True).fill(bad)
    page.button("Add filter").click()
    page.notebook.wait_for("len(editor.sheet)", 2)
    theirs = wf.parameters()
    theirs.loc["2", bad] = bad + "3"
    wf.push(theirs)
    page.review()
    page.dialog.get_by_text(bad + "3").wait_for()
    page.button("Keep all of mine").click()
    page.says("2 jobs to update")
    assert page.output.locator("img, b:has-text('x')").count() == 0
    page.button("Apply").click()
    page.says("Applied: 2 jobs changed")
    assert page.page.title() != "broken"


def test_opening_sends_few_messages(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    setup = SETUP.format(url=str(tmp_path / "study.db"), key=wf.key, drafts=str(tmp_path / "drafts"))
    notebook = lab.open(setup, EDITOR)
    notebook.run(0)
    frames: list[Any] = []
    notebook.page.evaluate(_COUNT_JS)
    notebook.run(1)
    EditorPage(notebook).says("as stored")
    frames = notebook.page.evaluate("window.tfFrames")
    assert 0 < frames < 40, frames


_COUNT_JS = """() => {
  window.tfFrames = 0;
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.anyMessage.connect(() => { window.tfFrames += 1; });
}"""


def has_focus(page: EditorPage, name: str) -> None:
    page.page.wait_for_function(
        "name => document.activeElement.textContent.trim().startsWith(name)", arg=name
    )


def test_the_picture_of_the_readme(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    page = opened(lab, wf, tmp_path)
    page.type(1, 1, "0.05")
    page.type(3, 1, "-1")
    page.cell(5, 1).click()
    page.page.keyboard.press("Control+Enter")
    _expect(page.cell(6, 0)).to_have_text("")
    _expect(page.grid).to_have_attribute("aria-activedescendant", page.cell(6, 1).get_attribute("id"))
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
    page.says("2 changed, 1 new, 1 deleted")
    assert page.notebook.accessibility_problems(page.output) == []
    made = page.notebook.screenshot("editor", page.output)
    page.notebook.theme(dark=True)
    page.notebook.screenshot("editor-dark", page.output)
    assert page.notebook.accessibility_problems(page.output) == []
    if made is not None:
        with Image.open(made) as picture:
            assert picture.width > 600
