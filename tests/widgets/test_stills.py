"""What a saved notebook shows where no kernel answers, and that it is not shown beside the live view."""

from __future__ import annotations

import re
from base64 import b64decode
from html import escape
from xml.etree import ElementTree

import nbformat
from hypothesis import given
from hypothesis import strategies as st
from jupyter import Jupyter
from nbconvert import HTMLExporter

from torc_frames.widgets.app.stills import beside, scatter

IMPORTS = """
import pandas as pd
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.grid import Grid
"""
GRID = """
grid = Grid(FrameSource(pd.DataFrame({'alpha': [0.5, 1.5], '<b>': ['<script>', 'x']})), label='<i>')
grid
"""
SVG = "{http://www.w3.org/2000/svg}"
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def drawn(image: str) -> ElementTree.Element:
    source = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', image)
    assert source
    return ElementTree.fromstring(b64decode(source[1]))


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=20), st.text(max_size=20), st.booleans())
def test_all_points_are_within_the_picture(points: list[tuple[float, float]], name: str, least: bool) -> None:
    x, y = map(list, zip(*points, strict=True))
    name = re.sub(r"[^\x20-\uD7FF]", "", name)
    image = scatter(x, y, (name, "<loss>"), least=least)
    circles = drawn(image).findall(f"{SVG}circle")
    assert len(circles) == len(points) + 1  # the best has a ring, too
    for each in circles:
        assert 0 <= float(each.attrib["cx"]) <= 460
        assert 0 <= float(each.attrib["cy"]) <= 240
    assert escape(f"{name}, the {'least' if least else 'greatest'} is") in image


def test_of_many_points_the_ends_are_drawn() -> None:
    x = [float(at) for at in range(5000)]
    y = [-each for each in x]
    circles = drawn(scatter(x, y, ("x", "y"), least=False)).findall(f"{SVG}circle")
    assert 400 <= len(circles) <= 405
    assert {"62.0", "448.0"} <= {each.attrib["cx"] for each in circles}


def test_one_point_is_no_picture() -> None:
    assert scatter([1.0], [2.0], ("x", "y"), least=True) == ""


def test_a_key_is_text() -> None:
    assert beside('"><script>', "<table></table>").endswith(
        'data-torc-frames="&quot;&gt;&lt;script&gt;"><table></table></div>'
    )


def saved(lab: Jupyter) -> nbformat.NotebookNode:
    path = max(lab.server.notebooks.glob("*.ipynb"), key=lambda each: each.stat().st_mtime)
    return nbformat.read(path, as_version=4)


def test_a_saved_notebook_shows_the_still_and_a_live_one_the_widget(lab: Jupyter) -> None:
    notebook = lab.open(IMPORTS, GRID)
    notebook.run_all()
    output = notebook.output(1)
    output.locator(".slick-cell").first.wait_for()
    still = output.locator(".tf-still table")
    assert still.count() == 1
    assert not still.is_visible()

    output.locator(".slick-cell").first.click()
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    html, _ = HTMLExporter().from_notebook_node(saved(lab))
    assert html.count("<caption>&lt;i&gt;: 2 rows, 2 columns</caption>") == 1
    assert "&lt;script&gt;" in html
    assert "model not found" not in html

    notebook.execute("grid.close()")
    notebook.page.locator(".tf-still table").wait_for(state="visible")


def test_a_notebook_that_is_opened_again_without_its_kernel_shows_the_still(lab: Jupyter) -> None:
    notebook = lab.open(IMPORTS, GRID)
    notebook.run_all()
    notebook.output(1).locator(".slick-cell").first.wait_for()
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    notebook.execute("grid.close(); del grid")
    notebook.reload()
    notebook.page.locator(".tf-still table").wait_for(state="visible")
    assert not notebook.page.get_by_text("model not found").is_visible()
    notebook.screenshot("still", notebook.output(1))
    lab.errors[:] = [error for error in lab.errors if "widget model not found" not in error]
