"""`torc-frames ui` in a real Chromium: the list, the editors, reports, reloads, and a server that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cutting import Cutting
from hosted import expect
from jupyter import accessibility_problems, screenshot
from servers import wait_until
from uis import Tab, Ui

import torc_frames as tf
from torc_frames.widgets.host.editors import EDITORS

NAME = 'ridge <script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    directory = tmp_path_factory.mktemp("ui")
    client = tf.connect(directory / "study.db")
    wf = client.create_workflow(NAME, description=NAME, user="<i>ada</i>", tags=["<b>solar</b>"])
    wf.push(tf.grid(alpha=[0.1, 1.0], seed=[1, 2, 3], note=[NAME]), command="true")
    wf.run()
    for job in range(1, 6):
        wf.job(job).store(loss=1 / job, said=NAME)
    client.create_workflow("empty")
    with Ui(directory) as ui:
        yield ui
        assert ui.stop() == 0
        told = ui.log.read_text()
        assert "Traceback" not in told
        assert "Exception" not in told


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tab(ui: Ui, browser: Any) -> Iterator[Tab]:
    tab = Tab(ui, browser)
    yield tab
    tab.context.close()
    tab.watch.check()


def opened(page: Any, name: str = "ridge") -> Any:
    """Open a workflow, and wait for its results."""
    page.get_by_role("link", name=name).click()
    page.locator(".slick-cell").first.wait_for()
    return page


def problems(page: Any) -> list[str]:
    return accessibility_problems(page, page.locator("html"))


def test_the_address_opens_the_list_and_the_token_leaves_it(tab: Tab) -> None:
    page = tab.open()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("empty")
    expect(rows.nth(2)).to_contain_text(NAME)
    expect(rows.nth(2)).to_contain_text("completed6")
    expect(rows.nth(2)).to_contain_text("<i>ada</i>")
    assert page.url == f"{tab.ui.root}/"
    assert page.title() == "Workflows – torc_frames"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("window.hacked") is None
    page.get_by_role("searchbox").fill("SOLAR")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("status")).to_have_text("1 of 2 workflows")
    page.reload()
    expect(rows).to_have_count(3)


def test_pages_pass_axe(ui: Ui, browser: Any, scheme: str) -> None:
    tab = Tab(ui, browser, scheme)
    page = tab.open()
    page.get_by_role("table").wait_for()
    assert problems(page) == []
    screenshot(page, f"ui-list-{scheme}")
    opened(page)
    assert problems(page) == []
    screenshot(page, f"ui-results-{scheme}")
    page.get_by_role("link", name="Report").click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    assert problems(page) == []
    screenshot(page, f"ui-report-{scheme}")
    tab.context.clear_cookies()
    page.reload()
    page.get_by_label("Address or token").wait_for()
    assert problems(page) == []
    screenshot(page, f"ui-enter-{scheme}")
    tab.context.close()


def test_results_are_painted_and_every_address_can_be_loaded_anew(tab: Tab) -> None:
    page = opened(tab.open())
    assert page.url == f"{tab.ui.root}/w/1/results"
    assert page.title() == f"{NAME} – torc_frames"
    assert page.evaluate("window.hacked") is None
    page.reload()
    page.locator(".slick-cell").first.wait_for()
    page.go_back()
    page.get_by_role("table").wait_for()
    page.go_forward()
    page.locator(".slick-cell").first.wait_for()
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("table").wait_for()
    assert page.url == f"{tab.ui.root}/"


@pytest.mark.parametrize("name", EDITORS)
def test_every_editor_is_shown(ui: Ui, browser: Any, scheme: str, name: str) -> None:
    tab = Tab(ui, browser, scheme)
    page = tab.open()
    page.get_by_role("table").wait_for()
    page.goto(f"{ui.root}/w/1/{name}")
    editor = page.locator(".tf-ui-editor .tf-app")
    editor.wait_for()
    expect(editor).not_to_contain_text("Loading…")
    expect(editor).not_to_have_text("")
    assert page.get_by_role("navigation").locator("[aria-current=page]").count() == 1
    assert problems(page) == []
    screenshot(page, f"ui-{name}-{scheme}")
    page.goto(f"{ui.root}/w/2/{name}")  # a workflow without jobs
    page.locator(".tf-ui-editor .tf-app, .tf-ui-bad").first.wait_for()
    assert page.evaluate("window.hacked") is None
    tab.context.close()
    tab.watch.check()


def test_an_edit_outlives_a_reload_and_arrives_in_the_store(tmp_path: Path, browser: Any) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.1, 1.0]))
    with Ui(tmp_path) as ui:
        tab = Tab(ui, browser)
        page = tab.open()
        page.get_by_role("link", name="ridge").click()
        page.get_by_role("link", name="Parameters").click()
        cell = page.locator("[role=row][aria-rowindex='2'] [aria-colindex='2']")
        cell.click()
        page.keyboard.type("2.5")
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 row changed").or_(page.get_by_text("1 changed")).first).to_be_visible()
        page.reload()
        expect(cell).to_have_text("2.5")
        page.get_by_role("link", name="Report").click()
        page.get_by_role("link", name="Parameters").click()
        expect(cell).to_have_text("2.5")
        assert wf.parameters()["alpha"].tolist() == [0.1, 1.0]
        page.get_by_role("button", name="Review & apply").click()
        page.get_by_role("dialog").locator("footer .tf-main").click()
        wait_until(lambda: wf.parameters()["alpha"].tolist() == [2.5, 1.0], "the edit in the store")
        expect(page.get_by_role("dialog")).to_have_count(0)
        tab.context.close()
        tab.watch.check()


def test_the_report_is_shown_and_runs_its_own_script_only(tab: Tab) -> None:
    page = tab.open()
    page.get_by_role("table").wait_for()
    page.goto(f"{tab.ui.root}/w/1/report")
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(report.locator("#jobs tbody tr")).to_have_count(6)
    frame = page.frames[1]
    assert frame.evaluate("window.hacked") is None
    assert frame.evaluate("window.origin") == "null"
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").click()
    assert NAME.replace("<", "&lt;").replace(">", "&gt;")[:20] in download.value.path().read_text()


def test_a_workflow_that_is_not_there_is_told(tab: Tab) -> None:
    page = tab.open()
    page.get_by_role("table").wait_for()
    page.goto(f"{tab.ui.root}/w/%3Cb%3E77/results")
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("<b>77")


def test_without_the_token_nothing_is_shown_until_it_is_given(ui: Ui, browser: Any) -> None:
    tab = Tab(ui, browser)
    page = tab.context.new_page()
    page.goto(f"{ui.root}/w/1/results#token=wrong")
    field = page.get_by_label("Address or token")
    assert page.url == f"{ui.root}/w/1/results"
    field.fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    assert "ridge" not in page.content()
    field.fill(ui.url)
    field.press("Enter")
    page.locator(".slick-cell").first.wait_for()
    assert not tab.watch.away
    tab.context.close()


def test_another_site_gets_nothing_out_of_a_browser_that_is_in(tab: Tab) -> None:
    """A page that is not of the server, in the same browser, with its cookie."""
    tab.open().get_by_role("table").wait_for()
    page = tab.context.new_page()
    page.route(
        "http://evil.test/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html")
    )
    page.goto("http://evil.test/")
    got = page.evaluate(
        """async root => {
          const asked = fetch(`${root}/api/workflows`, {credentials: 'include'});
          const read = await asked.then(() => 'read', () => 'refused');
          const socket = new WebSocket(root.replace('http', 'ws') + '/editor');
          const opened = await new Promise(resolve => {
            socket.onopen = () => resolve('opened');
            socket.onerror = () => resolve('refused');
          });
          const frame = document.createElement('iframe');
          frame.src = root;
          document.body.append(frame);
          await new Promise(resolve => (frame.onload = resolve));
          let inside = 'nothing';
          try { inside = frame.contentDocument ? 'document' : 'nothing'; } catch { }
          return [read, opened, inside];
        }""",
        tab.ui.root,
    )
    assert got == ["refused", "refused", "nothing"]
    page.close()
    tab.watch.away.clear()
    tab.watch.errors.clear()  # which say so


def test_a_browser_that_the_server_knows_no_more_is_asked_for_the_address(ui: Ui, browser: Any) -> None:
    """Through a tunnel whose port is another one."""
    with Cutting(ui.root) as tunnel:
        tab = Tab(ui, browser)
        page = tab.context.new_page()
        page.goto(f"{tunnel.url}/w/1/parameters#token={ui.token}")
        cell = page.locator("[role=row][aria-rowindex='2'] [aria-colindex='2']")
        cell.click()
        tab.context.clear_cookies()
        tunnel.cut_once("up", 0)
        page.keyboard.press("ArrowDown")
        expect(page.get_by_text("open the address that it has printed").first).to_be_visible()
        page.get_by_label("Address or token").fill(ui.url)
        page.get_by_role("button", name="Open").click()
        expect(cell).to_be_visible()
        assert page.url == f"{tunnel.url}/w/1/parameters"
        tab.context.close()


def test_a_server_that_is_gone_is_one_sentence_and_its_pages_come_back(tmp_path: Path, browser: Any) -> None:
    wf = tf.connect(tmp_path / "study.db").create_workflow("ridge")
    wf.push(tf.grid(alpha=[0.1, 1.0]))
    with Ui(tmp_path) as ui:
        page = opened(Tab(ui, browser).open())
        ui.kill()
        said = page.get_by_role("main").get_by_role("status").first
        expect(said).to_contain_text("The server does not answer")
        assert page.get_by_text("does not answer").count() == 1
        screenshot(page, "ui-gone")
        assert page.locator(".tf-ui-editor").evaluate("node => node.inert")
        wait_until(lambda: page.locator(".slick-cell").count(), "what was there to stay")
        page.context.close()
