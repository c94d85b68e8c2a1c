"""A WebSocket of a page: what it says goes to its tab, what that says goes to it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.widgets.host.frames import packed, unpacked
from torc_frames.widgets.host.tab import Tab
from torc_frames.widgets.host.tabs import Opening, Tabs

__all__ = ["converse"]

_MOST_WAITING = 64 * 1024 * 1024
"""So many bytes may wait for a page that reads slowly; one that is further behind has to ask anew."""

_MOST_UNDER_WAY = 100
"""So many messages of a page may wait for its widget, before no more are read."""

_AGAIN = 1013

T = TypeVar("T")


class _Said(msgspec.Struct, frozen=True, tag_field="kind", tag="comm", forbid_unknown_fields=True):
    """A message of Jupyter's widgets."""

    data: dict[str, Any]


class _Page:
    """What is sent to a page: one frame after the other, as fast as it reads."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._lock = threading.Lock()
        self._waiting = 0

    def put(self, frame: bytes) -> None:
        """Send a frame, from any thread, without waiting."""
        with self._lock:
            is_behind = self._waiting > _MOST_WAITING
            self._waiting += len(frame)
        self._add(None if is_behind else frame)

    def end(self) -> None:
        """Close the connection after what is sent already."""
        self._add(None)

    def _add(self, frame: bytes | None) -> None:
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._frames.put_nowait, frame)

    async def send_all(self) -> None:
        """Send all frames; close the connection if it is too far behind."""
        with suppress(WebSocketDisconnect):
            while (frame := await self._frames.get()) is not None:
                await self._websocket.send_bytes(frame)
                with self._lock:
                    self._waiting -= len(frame)
            await self._websocket.close(_AGAIN)


async def converse(websocket: WebSocket, tabs: Tabs) -> None:
    """Let a page and its tab talk until the page is gone."""
    await websocket.accept()
    page = _Page(websocket)
    sender = asyncio.create_task(page.send_all())
    tab: Tab | None = None
    try:
        tab = await tabs.take((await _next(websocket, Opening))[0], page)
        await _listen(websocket, tab)
    except TorcFramesError as error:
        page.put(packed({"kind": "failed", "text": str(error)}))
        page.end()
        await sender
    except WebSocketDisconnect:
        pass
    finally:
        if tab is not None:
            tabs.leave(tab, page)
        sender.cancel()


async def _listen(websocket: WebSocket, tab: Tab) -> None:
    """Hand over all that a page says, in turn; what it said last is done although it is gone."""
    room = asyncio.Semaphore(_MOST_UNDER_WAY)
    loop = asyncio.get_running_loop()

    def done(_: Future[None]) -> None:
        with suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(room.release)

    while True:
        said, buffers = await _next(websocket, _Said)
        await room.acquire()
        tab.deliver(said.data, buffers).add_done_callback(done)


async def _next(websocket: WebSocket, kind: type[T]) -> tuple[T, list[bytes]]:
    """Return the next message and its buffers; RefusedError if it is none of its kind."""
    received = await websocket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    message, buffers = unpacked(received.get("bytes") or b"")
    try:
        return msgspec.convert(message, kind), buffers
    except msgspec.ValidationError as error:
        raise RefusedError(f"the page sent what is no message of it: {error}") from None
