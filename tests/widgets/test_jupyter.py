"""What drives the browser in other tests does what it says."""

from __future__ import annotations

import pytest
from jupyter import Jupyter


def test_a_box_is_ticked_and_seen_by_python(application: Jupyter) -> None:
    notebook = application.open("import ipywidgets", "box = ipywidgets.Checkbox(); box")
    notebook.run_all()
    notebook.output(1).get_by_role("checkbox").check()
    notebook.wait_for("box.value", True)
    notebook.execute("other = {'a': [1, None]}")
    assert notebook.value("other") == {"a": [1, None]}
    notebook.copy("a\tb")
    assert notebook.clipboard() == "a\tb"
    notebook.theme(dark=True)
    notebook.screenshot(f"harness-{application.server.application}")
    notebook.theme(dark=False)
    notebook.load()
    assert notebook.value("box.value") is True


def test_a_cell_that_fails_is_an_error(lab: Jupyter) -> None:
    notebook = lab.open("1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run(0)


def test_requests_that_leave_and_errors_in_the_console_are_found(lab: Jupyter) -> None:
    notebook = lab.open("1")
    notebook.page.evaluate("console.error('broken')")
    with pytest.raises(AssertionError, match="broken"):
        lab.check()
    lab.errors.clear()
    notebook.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    with pytest.raises(AssertionError, match="left"):
        lab.check()
    lab.errors.clear()
    lab.requests.clear()


_died: list[bool] = []


def test_a_test_is_run_again_with_another_browser_if_its_own_dies(lab: Jupyter) -> None:
    notebook = lab.open("1")
    if not _died:
        _died.append(True)
        lab.context.browser.new_browser_cdp_session().send("Browser.crash")
    notebook.run_all()
    assert notebook.value("1 + 1") == 2
