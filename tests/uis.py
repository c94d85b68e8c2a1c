"""`torc-frames ui` as a process of its own, and a browser that has its address."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hosted import Watch
from services import Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_COMMAND = (sys.executable, "-m", "torc_frames.cli", "ui")
_VIEWPORT: Any = {"width": 1280, "height": 900}
_PAGE_MS = 30_000


def upgrade(netloc: str, cookie: str, origin: str | None = None) -> bytes:
    """Return the request that makes a connection a WebSocket of an editor."""
    lines = (
        "GET /editor HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Host: {netloc}",
        f"Cookie: {cookie}",
        f"Origin: {origin or f'http://{netloc}'}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def ws_frame(data: bytes, opcode: int = 2) -> bytes:
    """Return a frame of a WebSocket, as a client sends it; of fewer than 64 KiB."""
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + data


class Ui(Service):
    """A server of a store that exists.

    Attributes
    ----------
    url : str
        Its address as it was printed, with the token.
    """

    def __init__(self, directory: Path, *, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, "--no-browser", command=_COMMAND, environment=environment)

    @property
    def root(self) -> str:
        """Its address without the token."""
        return self.url.partition("/#")[0]

    @property
    def token(self) -> str:
        """The secret of its address."""
        return self.url.partition("#token=")[2]

    def enter(self) -> str:
        """Show the token, and return the cookie, as a browser would send it."""
        answer = self._session.post(f"{self.root}/enter", json={"token": self.token}, timeout=30)
        assert answer.status_code == 204
        return answer.headers["Set-Cookie"].partition(";")[0]


class Tab:
    """A page of a browser at such a server, and what it does wrong."""

    def __init__(self, ui: Ui, browser: Browser, scheme: Any = "light") -> None:
        self.ui = ui
        self.context = browser.new_context(viewport=_VIEWPORT, color_scheme=scheme)
        self.context.set_default_timeout(_PAGE_MS)
        self.watch = Watch(self.context, ui.root)

    def open(self) -> Page:
        """Open the address that was printed."""
        page = self.context.new_page()
        page.goto(self.ui.url)
        return page
