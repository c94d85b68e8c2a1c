"""What processes that serve have in common: where they listen, and how signals end them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from torc_frames.errors import UnavailableError

__all__ = ["Address", "ended_by_signals", "listen", "place_of"]

_BACKLOG = 1024


class Address(NamedTuple):
    """Where to listen: a host and a port, and what they are as an address."""

    host: str
    port: int
    family: socket.AddressFamily
    address: tuple[Any, ...]


def place_of(host: str, port: int) -> Address:
    """Return where a host and a port are; UnavailableError if the host is none of this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UnavailableError(f"{host} is no address of this machine: {error.strerror}") from error
    return Address(host, port, family, address)


def listen(place: Address) -> socket.socket:
    """Return a socket that listens at a place; UnavailableError if it is taken."""
    listener = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place.address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"can not listen at {place.host}, port {place.port}: {error.strerror}; --port takes another"
        ) from error
    return listener


@contextmanager
def ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Have signals end the server; uvicorn alone would raise them again, so that the process ends by them."""
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
