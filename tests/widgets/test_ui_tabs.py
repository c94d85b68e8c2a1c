"""Widgets in a bare page: what pages and Python say to each other, and what is kept when a page goes."""

from __future__ import annotations

import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
import traitlets
from anywidget import AnyWidget
from cutting import Cutting
from editable import TextSource
from hosted import Hosted, expect, hosted
from servers import wait_until
from uis import upgrade, ws_frame

from torc_frames.errors import RefusedError
from torc_frames.widgets.host.frames import packed
from torc_frames.widgets.table.grid import Grid

ECHO = """
export default {
  initialize({ model }) { model.set("told", "initialized"); model.save_changes(); },
  render({ model, el }) {
    const said = document.createElement("p");
    said.id = "said";
    model.on("change:count", () => (said.textContent = `count ${model.get("count")}`));
    model.on("msg:custom", (content, buffers) => {
      const floats = new Float64Array(buffers[1].buffer, buffers[1].byteOffset, buffers[1].byteLength / 8);
      said.textContent = `${content.text} ${[...floats]}`;
      model.send({ text: "back" }, undefined, [floats, new Uint8Array([7, 8])]);
    });
    el.append(said);
    window.model = model;
  },
};
"""


class Echo(AnyWidget):
    """Says what it hears."""

    _esm = ECHO
    count = traitlets.Int(0).tag(sync=True)
    told = traitlets.Unicode("").tag(sync=True)
    data = traitlets.Any(b"\x00\x01").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Any, list[bytes]]] = []
        self.threads: set[int] = set()
        self.is_closed = False
        self.on_msg(self._on)

    def _on(self, _widget: Any, content: Any, buffers: list[memoryview]) -> None:
        self.threads.add(threading.get_ident())
        if content == "fail":
            raise RefusedError("this is refused")
        self.heard.append((content, [bytes(buffer) for buffer in buffers]))

    def close(self) -> None:
        self.is_closed = True
        super().close()


def said(bare: Hosted, text: str) -> None:
    expect(bare.here.locator("#said")).to_have_text(text)


def test_traits_messages_and_buffers_go_both_ways(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        widget = bare.widget
        wait_until(lambda: widget.told == "initialized", "the page to say so")
        bare.here.locator("#said").wait_for(state="attached")
        widget.count = 7
        said(bare, "count 7")
        widget.send({"text": "floats"}, buffers=[b"x", memoryview(bytes(8)), b""])
        said(bare, "floats 0")
        wait_until(lambda: widget.heard == [({"text": "back"}, [bytes(8), b"\x07\x08"])], "the answer")
        assert bare.page.evaluate("[...new Uint8Array(model.get('data').buffer)]") == [0, 1]
        bare.page.evaluate("model.set('data', new Uint8Array([5, 6]).buffer); model.save_changes()")
        wait_until(lambda: bytes(widget.data) == b"\x05\x06", "the bytes")
        assert len(widget.threads) == 1
        assert threading.get_ident() not in widget.threads


def test_all_that_a_page_says_arrives_in_its_order(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        bare.page.evaluate("for (let at = 0; at < 2000; at++) model.send(at)")
        wait_until(lambda: len(bare.widget.heard) == 2000, "all messages")
        assert [content for content, _ in bare.widget.heard] == list(range(2000))


def test_what_a_page_said_last_is_done_although_it_is_gone(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        bare.page.evaluate("for (let at = 0; at < 50; at++) model.send(at); window.close_it()")
        wait_until(lambda: len(bare.widget.heard) == 50, "all messages")


def test_a_cell_that_is_typed_arrives_and_outlives_a_reload(browser: Any) -> None:
    source = TextSource(5)
    with hosted(browser, lambda: Grid(source, label="Texts")) as bare:
        cell = bare.here.locator("[role=row][aria-rowindex='2'] [aria-colindex='2']")
        cell.click()
        bare.page.keyboard.type("<b>abc</b>")
        bare.page.keyboard.press("Enter")
        wait_until(lambda: source.cells[0][1] == "<b>abc</b>", "the cell")
        bare.page.reload()
        expect(cell).to_have_text("<b>abc</b>")
        assert len(bare.widgets) == 1
        bare.screenshot("ui-bare-grid")
        assert bare.accessibility_problems() == []


def test_a_second_tab_has_its_own_and_a_doubled_one_too(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        first = bare.page
        bare.open()
        bare.here.locator("#said").wait_for(state="attached")
        assert len(bare.widgets) == 2
        with first.expect_popup() as opened:  # which gets a copy of the session storage
            first.evaluate("void window.open(location.href)")
        bare.page = opened.value
        bare.here.locator("#said").wait_for(state="attached")
        keys = "JSON.stringify(Object.values(sessionStorage))"
        assert first.evaluate(keys) != opened.value.evaluate(keys)
        assert len(bare.widgets) == 3
        first.reload()
        bare.page = first
        bare.here.locator("#said").wait_for(state="attached")
        assert len(bare.widgets) == 3


def test_a_widget_is_closed_some_time_after_its_page(browser: Any) -> None:
    with hosted(browser, Echo, seconds=0.3) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        widget = bare.widget
        bare.page.close()
        wait_until(lambda: widget.is_closed, "the widget to be closed")


def test_there_are_only_so_many_and_one_that_is_left_makes_room(browser: Any) -> None:
    with hosted(browser, Echo, most=2) as bare:
        pages = [bare.page, bare.open()]
        wait_until(lambda: len(bare.widgets) == 2, "two widgets")
        bare.here.locator("#said").wait_for(state="attached")
        bare.open()
        expect(bare.here.get_by_role("status")).to_contain_text("2 editors are open")
        pages[0].close()
        bare.page.reload()
        bare.here.locator("#said").wait_for(state="attached")
        wait_until(lambda: bare.widgets[0].is_closed, "the first to be closed")
        assert not bare.widgets[1].is_closed


class Waiting(Grid):
    """Sends the first page that asks for a module none until it may."""

    asked, may = threading.Event(), threading.Event()

    def _deal_with(self, content: Any) -> None:
        if content == {"op": "asset", "name": "app"} and not self.asked.is_set():
            self.asked.set()
            self.may.wait(60)
        super()._deal_with(content)


def test_a_module_whose_widget_goes_before_it_comes_is_asked_for_by_the_next(browser: Any) -> None:
    with hosted(browser, lambda: Waiting(TextSource(1), label="Texts")) as bare:
        assert Waiting.asked.wait(30)
        try:
            bare.page.evaluate(
                """async () => {
                  const { openEditor } = await import("/assets/host.js");
                  const what = { workflow: "bare", editor: "second" };
                  const second = document.createElement("div");
                  document.getElementById("here").parentElement.append(second);
                  openEditor(second, what); // which waits for the module that the first has asked for
                  await new Promise((resolve) => setTimeout(resolve, 300));
                  window.close_it();
                }"""
            )
            bare.page.locator(".slick-cell").first.wait_for()
            assert len(bare.widgets) == 2
        finally:
            Waiting.may.set()


def test_what_fails_is_said(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        bare.page.evaluate("model.send('fail'); model.send('after')")
        wait_until(lambda: bare.widget.heard == [("after", [])], "what came after")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RefusedError("there is <b>no</b> such workflow"), "there is <b>no</b> such workflow"),
        (KeyError("alpha"), "This failed: KeyError: 'alpha'"),
    ],
    ids=["ours", "another"],
)
def test_a_widget_that_can_not_be_made_says_why(browser: Any, error: Exception, told: str) -> None:
    def make() -> AnyWidget:
        raise error

    with hosted(browser, make) as bare:
        expect(bare.here.get_by_role("status")).to_have_text(told)


def test_a_line_that_is_cut_is_taken_up_with_all_that_arrived(browser: Any) -> None:
    source = TextSource(5)
    with hosted(browser, lambda: Grid(source, label="Texts")) as bare, Cutting(bare.url) as tunnel:
        bare.open(tunnel.url)
        made = len(bare.widgets)
        cell = bare.here.locator("[role=row][aria-rowindex='2'] [aria-colindex='2']")
        cell.click()
        bare.page.keyboard.type("kept")
        bare.page.keyboard.press("Enter")
        wait_until(lambda: source.cells[0][1] == "kept", "the cell")
        tunnel.cut_once("up", 0)
        bare.page.keyboard.type("lost")
        bare.page.keyboard.press("Enter")
        said = bare.here.locator(".tf-ui-note")
        expect(said).to_contain_text("what you do here is not kept")
        expect(said).to_be_hidden()
        expect(cell).to_have_text("kept")
        second = bare.here.locator("[role=row][aria-rowindex='3'] [aria-colindex='2']")
        expect(second).to_have_text("name 1")
        second.click()
        bare.page.keyboard.type("again")
        bare.page.keyboard.press("Enter")
        wait_until(lambda: source.cells[1][1] == "again", "the cell")
        assert len(bare.widgets) <= made + 1
        bare.watch.errors.clear()  # which say that the line was cut


def test_what_a_page_does_not_read_does_not_fill_the_memory(browser: Any) -> None:
    with hosted(browser, Echo) as bare:
        bare.here.locator("#said").wait_for(state="attached")
        parts = urlsplit(bare.url)
        cookie = bare.keys.cookie.partition(";")[0]
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
            connection.sendall(upgrade(parts.netloc, cookie))
            assert b" 101 " in connection.recv(4096)
            opening = {"kind": "open", "workflow": "bare", "editor": "widget", "page": "slow"}
            connection.sendall(ws_frame(packed(opening)))
            wait_until(lambda: len(bare.widgets) == 2, "the widget of the slow page")
            assert b'"kind":"session"' in connection.recv(4096)
            for _ in range(200):
                bare.widget.send("much", buffers=[bytes(1024 * 1024)])
            length, last = 0, b""
            while part := connection.recv(1 << 20):
                length, last = length + len(part), (last + part)[-20:]
        assert 32 < length / 1024 / 1024 < 100
        assert last.endswith(b"\x88\x02" + (1013).to_bytes(2, "big"))
