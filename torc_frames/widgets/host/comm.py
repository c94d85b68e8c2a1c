"""The comm of a widget whose page is at the other end of a WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from comm.base_comm import BaseComm
from ipywidgets import DOMWidget

__all__ = ["SocketComm"]


class SocketComm(BaseComm):
    """Hands what a widget says to a function, and what its page says to the widget.

    Parameters
    ----------
    widget : DOMWidget
        Its comm is replaced by this one, which has the same id.
    publish : callable
        Called with a message of Jupyter's widgets and its buffers, in any thread.
    """

    def __init__(self, widget: DOMWidget, publish: Callable[[dict[str, Any], Sequence[bytes]], None]) -> None:
        self._publish = publish
        before = widget.comm
        before.close()
        super().__init__(target_name="jupyter.widget", comm_id=before.comm_id)
        widget.comm = self

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Hand a message over; a page that opens asks for the state by itself."""
        if msg_type == "comm_msg":
            self._publish(data or {}, buffers or [])

    def deliver(self, data: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """Let the widget handle a message of its page."""
        views = [memoryview(buffer) for buffer in buffers]
        self.handle_msg({"content": {"data": data}, "buffers": views})
