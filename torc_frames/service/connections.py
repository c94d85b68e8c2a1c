"""Connections that no slow client can hold for long."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["protocol"]


class _Patient(H11Protocol):
    """Waits only so long for all of a request's headers, for its body, and for the answer to be read."""

    headers_seconds: float
    body_seconds: float
    answer_seconds: float

    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; see `asyncio.Protocol`."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; see `asyncio.Protocol`."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to what the client sent meanwhile; uvicorn waits for the rest of that without end."""
        if not self.flow.write_paused:
            self._read_on()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a request whose body it stands in gets no other answer, see uvicorn."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            self.cycle.disconnected = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer; see `asyncio.Protocol`."""
        self._wait_for(None)
        self._read_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the client to read; see `asyncio.Protocol`."""
        super().pause_writing()
        if self._unread is None:  # an answer comes in parts, and has its time for all of them
            self._unread = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Wait no longer for that, unless more is to come; see `asyncio.Protocol`."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch(self) -> None:
        state = self.conn.their_state
        self._wait_for(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def _wait_for(self, awaited: object) -> None:
        """Give what is awaited its time from now on, unless that is what was awaited already."""
        if awaited is self._awaited:
            return
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited is not None:
            seconds = self.headers_seconds if awaited is h11.IDLE else self.body_seconds
            self._deadline = self.loop.call_later(seconds, self.transport.abort)


def protocol(*, headers_seconds: float, body_seconds: float, answer_seconds: float) -> type[asyncio.Protocol]:
    """Return the class of connections for uvicorn.

    Parameters
    ----------
    headers_seconds, body_seconds, answer_seconds : float
        How long a client may take to send the ones and to read the other, all in all.
    """
    limits = {
        "headers_seconds": headers_seconds,
        "body_seconds": body_seconds,
        "answer_seconds": answer_seconds,
    }
    return type("Patient", (_Patient,), limits)
