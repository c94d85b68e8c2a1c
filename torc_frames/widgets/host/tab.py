"""One editor of one tab: its widget, the thread that it is used in, and the page that shows it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from ipywidgets import DOMWidget

from torc_frames.errors import TorcFramesError
from torc_frames.widgets.host.comm import SocketComm
from torc_frames.widgets.host.frames import packed

__all__ = ["Make", "Shows", "Tab"]

Make = Callable[[], DOMWidget]

log = logging.getLogger(__name__)


class Shows(Protocol):
    """What shows an editor: a page at the other end of a WebSocket."""

    def put(self, frame: bytes) -> None:
        """Send it a frame, from any thread, without waiting."""


class Tab:
    """One editor of one tab of a browser.

    The widget is made, told what its page says, and closed in a thread of its own, one thing after the other,
    as a kernel does it. What it says while no page shows it is forgotten: a page that comes asks anew.

    Parameters
    ----------
    make : callable
        Makes the widget.

    Attributes
    ----------
    id : str
        By which a tab that is loaded anew finds it again.
    page : Shows or None
        What shows it now.
    """

    def __init__(self, make: Make) -> None:
        self.id = secrets.token_urlsafe(16)
        self.page: Shows | None = None
        self._comm: SocketComm | None = None
        self._widget: DOMWidget | None = None
        self._failure = ""
        self._thread = ThreadPoolExecutor(1, "torc_frames-ui")
        self._thread.submit(self._open, make)

    @property
    def has_failed(self) -> bool:
        """Whether the widget could not be made."""
        return bool(self._failure)

    def show(self, page: Shows) -> None:
        """Be shown by a page from now on."""
        self.page = page
        self._thread.submit(self._greet)

    def deliver(self, data: dict[str, Any], buffers: Sequence[bytes]) -> Future[None]:
        """Let the widget handle what its page says, after what it said before."""
        return self._thread.submit(self._deliver, data, buffers)

    def close(self) -> None:
        """Close the widget after all that it was told; does not wait for that."""
        self.page = None
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def wait(self) -> None:
        """Wait for the end of all that it was told."""
        self._thread.shutdown(wait=True)

    def _open(self, make: Make) -> None:
        try:
            self._widget = make()
            self._comm = SocketComm(self._widget, self._publish)
        except Exception as error:  # noqa: BLE001 (whatever it is, the page has to say it)
            self._failure = _told(error)

    def _greet(self) -> None:
        if self._failure:
            self._tell({"kind": "failed", "text": self._failure})
        else:
            self._tell({"kind": "session", "id": self.id})

    def _deliver(self, data: dict[str, Any], buffers: Sequence[bytes]) -> None:
        if self._comm is None:
            return
        try:
            self._comm.deliver(data, buffers)
        except Exception as error:  # noqa: BLE001 (the thread has nobody to raise to)
            self._tell({"kind": "error", "text": _told(error)})

    def _close(self) -> None:
        if self._widget is None:
            return
        try:
            self._widget.close()
            self._widget.layout.close()
        except Exception:
            log.exception("an editor could not be closed")

    def _publish(self, data: dict[str, Any], buffers: Sequence[bytes]) -> None:
        self._tell({"kind": "comm", "data": data}, buffers)

    def _tell(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        page = self.page
        if page is not None:
            page.put(packed(message, buffers))


def _told(error: Exception) -> str:
    if isinstance(error, (TorcFramesError, OSError)):
        return str(error)
    log.error("an editor failed", exc_info=error)
    return f"This failed: {type(error).__name__}: {error}"
