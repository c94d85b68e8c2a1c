"""Any widget of ours in a bare page of a real Chromium, with its Python side in the test's own process.

    def test_a_cell_is_typed(browser: Browser) -> None:
        with hosted(browser, lambda: Grid(source, label="Texts")) as bare:
            bare.here.get_by_role("grid").wait_for()      # Playwright's locator of what the page shows
            bare.page.keyboard.type("abc")                # Playwright's page
            wait_until(lambda: source.cells[0][1] == "abc", "the cell")
            assert bare.accessibility_problems() == []

The page has one element and the module of ``torc-frames ui`` that connects it, under the same policy: nothing
is loaded from elsewhere, nothing is evaluated. At the end the test fails if a request went elsewhere, or
if the page wrote an error to its console. Each page that is opened (``bare.open()``) has a widget of its own;
``bare.widgets`` are all that were made, which live in threads of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import uvicorn
from ipywidgets import DOMWidget
from jupyter import accessibility_problems, screenshot
from servers import wait_until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from torc_frames.service.process import listen, place_of
from torc_frames.widgets.host.application import asset
from torc_frames.widgets.host.guard import AccessKeys, PageGuard
from torc_frames.widgets.host.pages import converse
from torc_frames.widgets.host.server import config
from torc_frames.widgets.host.tabs import Tabs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A bare page</title>'
    '<link rel="icon" href="data:,"><script type="module" src="/bare.js"></script></head>'
    '<body><main><h1>A bare page</h1><div id="here"></div></main></body></html>'
)
_SCRIPT = (
    'import { openEditor } from "/assets/host.js";'
    'window.close_it = openEditor(document.getElementById("here"), { workflow: "bare", editor: "widget" });'
)
_VIEWPORT: Any = {"width": 1280, "height": 900}
_PAGE_MS = 30_000

Scheme = Literal["light", "dark"]


def expect(what: Any) -> Any:
    """Return what Playwright's `expect` does, which waits as long as a busy machine needs."""
    from playwright.sync_api import expect

    expect.set_options(timeout=_PAGE_MS)
    return expect(what)


class Watch:
    """Hears all requests of a browser's pages, and the errors that they write."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.homes = {urlsplit(url).netloc}
        self.away: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))
        context.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def check(self) -> None:
        """Raise AssertionError if a request went elsewhere, or a page wrote an error."""
        assert not self.away, f"requests that left {self.homes}: {self.away}"
        assert not self.errors, f"errors in the browser's console: {self.errors}"

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self.homes:
            self.away.append(url)


class Hosted:
    """A server of widgets, and the browser that shows them.

    Attributes
    ----------
    url : str
    widgets : list of DOMWidget
        All that were made, oldest first.
    page : Page
        The page that was opened last.
    """

    page: Page

    def __init__(self, url: str, keys: AccessKeys, browser: Browser, scheme: Scheme) -> None:
        self.url = url
        self.keys = keys
        self.widgets: list[DOMWidget] = []
        self.context = browser.new_context(viewport=_VIEWPORT, color_scheme=scheme)
        self.context.set_default_timeout(_PAGE_MS)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        self.watch = Watch(self.context, url)
        name, _, value = keys.cookie.partition(";")[0].partition("=")
        self.context.add_cookies([{"name": name, "value": value, "url": url}])

    def open(self, url: str = "") -> Page:
        """Open one more page, which gets a widget of its own; a url is another way to the server."""
        self.watch.homes.add(urlsplit(url).netloc)
        self.page = self.context.new_page()
        self.page.goto(url or self.url)
        return self.page

    @property
    def here(self) -> Locator:
        """The element that the widget is shown in."""
        return self.page.locator("#here")

    @property
    def widget(self) -> Any:
        """The widget that was made last."""
        wait_until(lambda: self.widgets, "a widget")
        return self.widgets[-1]

    def accessibility_problems(self) -> list[str]:
        """Return what axe-core finds wrong with the widget, each with the nodes that have it."""
        return accessibility_problems(self.page, self.here)

    def screenshot(self, name: str) -> Path | None:
        """Take a picture of the page, if TORC_FRAMES_SCREENSHOTS says where to."""
        return screenshot(self.page, name)


@contextmanager
def hosted(
    browser: Browser,
    make: Callable[[], DOMWidget],
    *,
    scheme: Scheme = "light",
    most: int = 32,
    seconds: float = 60,
) -> Iterator[Hosted]:
    """Show a widget in a bare page for as long as the block lasts.

    Parameters
    ----------
    browser : Browser
        Of the fixture.
    make : callable
        Makes the widget, in the thread that it lives in.
    scheme : {"light", "dark"}
        What the system of the browser prefers.
    most, seconds
        As for `Tabs`.
    """
    keys = AccessKeys()

    def made(_workflow: str, _editor: str, _job: str) -> DOMWidget:
        widget = make()
        bare.widgets.append(widget)
        return widget

    tabs = Tabs(made, most=most, seconds=seconds)

    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def script(_request: Request) -> Response:
        return Response(_SCRIPT, media_type="text/javascript")

    async def alive(_request: Request) -> Response:
        return Response(status_code=204)

    async def editor(websocket: WebSocket) -> None:
        await converse(websocket, tabs)

    routes = [
        Route("/", page),
        Route("/bare.js", script),
        Route("/assets/{name}", asset),
        Route("/api/alive", alive),
        WebSocketRoute("/editor", editor),
    ]
    server = uvicorn.Server(config(PageGuard(Starlette(routes=routes), keys)))
    with listen(place_of("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        bare = Hosted(f"http://127.0.0.1:{listener.getsockname()[1]}", keys, browser, scheme)
        try:
            bare.open()
            yield bare
            bare.watch.check()
        finally:
            bare.context.close()
            server.should_exit = True
            thread.join(30)
            for tab in tabs.close():
                tab.wait()
