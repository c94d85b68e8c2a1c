"""Figures of the editors on a bare page, in a real Chromium: shown, pointed at, and read by their pixels.

Figures are canvases, so a test asks what a person could: the words beside the pointer, the text for screen
readers, what the page is told, and how many pixels of a layer have a colour.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from jupyter import violations
from places import DATA, REPOSITORY
from servers import need

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODULE = REPOSITORY / "torc_frames/widgets/static/dist/figures.js"
LIGHT = {
    "ink": "#1b1f27",
    "muted": "#5b6472",
    "line": "#e3e6eb",
    "raised": "#ffffff",
    "accent": "#1f5fd6",
    "best": "#d9480f",
    "ramp-0": "#c9d3e0",
    "ramp-1": "#3a9fae",
    "ramp-2": "#3b1d8f",
    "good": "#1a7f4b",
    "bad": "#c4302b",
    "busy": "#8a3fd1",
    "idle": "#7d8a3b",
}
DARK = {
    **LIGHT,
    "ink": "#e8ebf0",
    "muted": "#9aa4b2",
    "line": "#2a303a",
    "raised": "#20252d",
    "accent": "#6ea3ff",
    "best": "#ff9d5c",
    "ramp-0": "#3a4352",
    "ramp-1": "#2ba79b",
    "ramp-2": "#f2e85c",
}
_PAGE = DATA / "figure.html"


class Drawn:
    """A figure on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.node = page.locator("#figure")
        self.front = page.locator("canvas[data-layer=front]")
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def reset(self) -> None:
        """Make the page what it was when it was opened."""
        self.errors.clear()
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.tokens(LIGHT)

    def tokens(self, colours: Mapping[str, str]) -> None:
        self.page.evaluate("colours => tokens(colours)", dict(colours))

    def show(
        self, kind: str, axes: Sequence[Mapping[str, Any]], keys: Sequence[str] | None = None, **look: Any
    ) -> None:
        """Draw a figure anew, and wait until it is painted. Of values None is missing, "inf" infinite."""
        names = [str(at + 1) for at in range(len(axes[0]["values"]))] if keys is None else list(keys)
        self.page.evaluate("given => show(...given)", [kind, [dict(axis) for axis in axes], look, names])

    def again(self, **look: Any) -> None:
        """Draw the same figure with another look."""
        self.page.evaluate("look => again(look)", look)

    def frame(self) -> None:
        """Wait until what was asked for is painted."""
        self.page.evaluate("frame()")

    def said(self, what: str) -> Any:
        """Return what listeners heard so far: of ``"ranges"``, ``"hover"`` or ``"choose"``."""
        self.frame()
        return self.page.evaluate("what => said[what]", what)

    @property
    def ranges(self) -> dict[str, list[float]]:
        return self.said("ranges")[-1]

    def point(self, x: float, y: float) -> None:
        left, top = self._corner()
        self.page.mouse.move(left + x, top + y)
        self.frame()

    def click(self, x: float, y: float) -> None:
        self.point(x, y)
        self.page.mouse.down()
        self.page.mouse.up()
        self.frame()

    def drag(self, start: Sequence[float], end: Sequence[float], *, is_released: bool = True) -> None:
        self.point(*start)
        self.page.mouse.down()
        self.point((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.point(*end)
        if is_released:
            self.page.mouse.up()
            self.frame()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.front.press(key)
        self.frame()

    @property
    def tip(self) -> str:
        """The words beside the pointer, as a person sees them: one line a row."""
        tip = self.node.locator(".tf-figure-tip")
        return tip.inner_text().replace("\n", " ") if tip.is_visible() else ""

    @property
    def about(self) -> str:
        """What a screen reader says of the figure."""
        return self.page.evaluate(
            "document.getElementById(document.querySelector('[aria-describedby]').getAttribute('aria-describedby')).textContent"
        )

    def pixels(
        self, layer: str, colour: str, part: Sequence[float] | None = None, slack: int = 12
    ) -> list[list[float]]:
        """Return where a layer has a colour; of a part of it (left, top, width, height), if one is given."""
        return self.page.evaluate("given => pixels(...given)", [layer, colour, slack, part])

    def count(self, layer: str, colour: str, part: Sequence[float] | None = None, slack: int = 12) -> int:
        """Return how many pixels of a layer, or a part of it, have a colour."""
        return self.page.evaluate("given => pixels(...given).length", [layer, colour, slack, part])

    def place_of(self, row: int, **look: Any) -> tuple[float, float]:
        """Return where a row is, by the ring of the best."""
        self.again(best=row, **look)
        found = self.pixels("rows", LIGHT["best"], slack=40)
        assert found
        across, down = zip(*found, strict=True)
        return (min(across) + max(across)) / 2, (min(down) + max(down)) / 2

    def load(self, *names: str) -> None:
        """Give the page parts of the module that it does not export, as ``parts``."""
        static = MODULE.parents[1]
        esbuild = static / "node_modules/.bin/esbuild"
        need("esbuild", esbuild.exists(), f"npm install in {static}")
        made = subprocess.run(
            [str(esbuild), "--bundle", "--format=esm", "--loader=ts"],
            cwd=static / "src/figures",
            input="".join(f'export * from "./{name}";' for name in names),
            capture_output=True,
            check=True,
            text=True,
        )
        self.page.evaluate("source => load(source)", made.stdout)

    def violations(self) -> dict[str, list[str]]:
        """Return what axe-core finds wrong."""
        return violations(self.page, self.node)

    def _corner(self) -> tuple[float, float]:
        box = self.front.bounding_box()
        assert box
        return box["x"], box["y"]


@contextmanager
def drawn(browser: Browser, **context: Any) -> Iterator[Drawn]:
    """Yield a page to draw on; what it wrote to its console as an error is one of the test, too."""
    with _served() as url:
        opened = browser.new_context(viewport={"width": 900, "height": 700}, **context)
        try:
            page = opened.new_page()
            made = Drawn(page)
            page.goto(url)
            page.wait_for_function("window.ready")
            made.tokens(LIGHT)
            yield made
            assert not made.errors
        finally:
            opened.close()


@contextmanager
def _served() -> Iterator[str]:
    texts = {"/": ("text/html", _PAGE.read_bytes()), "/figures.js": ("text/javascript", MODULE.read_bytes())}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = texts.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
