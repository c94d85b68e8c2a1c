"""What could be lost by a click or a key, in a real JupyterLab: asked before, or said after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, Notebook
from PIL import Image

import torc_frames as tf

SETUP = """
import os; os.environ["TORC_FRAMES_DRAFTS"] = {drafts!r}
import torc_frames as tf
from torc_frames.widgets import ParameterEditor, ResultsExplorer
from torc_frames.widgets.parameters.conditions import Condition
wf = tf.connect({url!r}).workflow(1)
"""


def _expect(what: Any) -> Any:
    from playwright.sync_api import expect

    return expect(what)


@pytest.fixture
def wf(tmp_path: Path) -> Any:
    client = tf.connect(tmp_path / "study.db")
    wf = client.create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.1, 1.0, 10.0], depth=[2, 4]), command="run")
    yield wf
    client.close()


def opened(lab: Jupyter, tmp_path: Path, cell: str) -> Notebook:
    setup = SETUP.format(url=str(tmp_path / "study.db"), drafts=str(tmp_path / "drafts"))
    notebook = lab.open(setup, cell, "")
    notebook.run(0)
    notebook.run(1)
    notebook.output(1).get_by_role("grid").locator(".slick-cell").first.wait_for()
    return notebook


def no_menu_of_the_notebook(notebook: Notebook, *places: Any) -> None:
    """A right click there opens no menu of the notebook's, as one at a cell of it does."""
    menu = notebook.page.locator(".lm-Menu-item")
    for place in places:
        place.click(button="right")
        assert menu.count() == 0
    notebook.page.locator(".jp-Notebook-cell").nth(0).locator(".jp-InputPrompt").click(button="right")
    menu.filter(has_text="Delete Cell").first.wait_for()
    notebook.page.keyboard.press("Escape")
    menu.first.wait_for(state="detached")


def test_deleting_jobs_is_asked_and_undo_says_what_it_took_back(
    lab: Jupyter, wf: Any, tmp_path: Path
) -> None:
    notebook = opened(lab, tmp_path, "editor = ParameterEditor(wf, command='run'); editor")
    output, keys = notebook.output(1), notebook.page.keyboard
    grid = output.get_by_role("grid")
    cell = grid.locator(".slick-cell").first
    no_menu_of_the_notebook(
        notebook, cell, grid.get_by_role("columnheader").first, output.get_by_text("as stored")
    )

    # A filter is not taken back: what is deleted afterwards is what there is to see.
    cell.click()
    keys.press("Control+Delete")
    notebook.wait_for("editor.sheet.deleted_keys", ["1"])
    notebook.execute("editor.sheet.filter(Condition('depth', 'equals', '4'))")
    _expect(grid).to_have_attribute("aria-rowcount", "4")
    keys.press("Control+Z")
    status = output.locator(".tf-status")
    _expect(status).to_have_text("took back: 1 row deleted (rows that the filter hides)")
    notebook.wait_for("(len(editor.sheet), editor.sheet.deleted_keys)", [3, []])
    keys.press("Control+Y")
    _expect(status).to_have_text("did again: 1 row deleted (rows that the filter hides)")
    keys.press("Control+Z")
    keys.press("Control+A")
    keys.press("Control+Delete")
    notebook.wait_for("editor.sheet.deleted_keys", ["2", "4", "6"])

    # What is deleted is what the button says: the review is in test_parameter_editor_browser.
    output.get_by_role("button", name="Review & apply").press("Enter")
    output.get_by_role("button", name="Apply: delete 3 jobs and their results").press("Enter")
    output.get_by_text("Applied: 3 jobs deleted").wait_for()
    assert wf.parameters()["depth"].tolist() == [2, 2, 2]


def test_a_figure_has_its_own_colours_on_a_dark_page(lab: Jupyter, wf: Any, tmp_path: Path) -> None:
    for job_key, row in wf.parameters().iterrows():
        wf.job(job_key).store(loss=row["alpha"] + row["depth"])
    notebook = opened(lab, tmp_path, "explorer = ResultsExplorer(wf); explorer")
    output = notebook.output(1)
    output.get_by_role("button", name="Parallel").click()
    figure = output.get_by_role("img", name="Parallel")
    figure.wait_for()
    light = colours(notebook, figure, tmp_path / "light.png")
    notebook.theme(dark=True)
    assert colours(notebook, figure, tmp_path / "dark.png") == light
    notebook.screenshot("explorer-figure-dark", output)
    no_menu_of_the_notebook(
        notebook, output.locator(".slick-cell").first, output.get_by_role("button", name="Refresh")
    )


def colours(notebook: Notebook, figure: Any, path: Path) -> set[tuple[int, ...]]:
    """The colours that a figure has on the page, inside of its corners."""
    assert figure.evaluate(_FILTERS_JS) == []
    figure.screenshot(path=path, animations="disabled")
    image = Image.open(path).convert("RGB")
    inner = image.crop((8, 8, image.width - 8, image.height - 8))
    return {colour for count, colour in inner.getcolors(inner.width * inner.height) if count > 20}


_FILTERS_JS = """node => {
  const found = [];
  for (let at = node; at; at = at.parentElement) {
    const {filter, mixBlendMode: blend} = getComputedStyle(at);
    if (filter !== 'none' || blend !== 'normal') found.push(`${at.className}: ${filter} ${blend}`);
  }
  return found;
}"""
