"""A relay in front of a server that cuts connections after a number of bytes, of requests or of answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Cutting:
    """Listens on a port of its own, and sends on all bytes until there were as many as it may, then cuts all.

    Attributes
    ----------
    url : str
        That of the server, by way of it.
    left : dict
        How many bytes go on "up" to the server and "down" from it; None for all.
    cuts : int
        How many connections it cut.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.passed = {"up": 0, "down": 0}
        self.left: dict[str, int | None] = {"up": None, "down": None}
        self.cuts = 0
        self._start(self._accept)

    def __enter__(self) -> Cutting:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _hang_up(each)
        for thread in self._threads:
            thread.join(10)

    def cut_once(self, way: str, after: int) -> None:
        """Cut the connection on which so many bytes more have gone one way; all others go on."""
        self.left[way] = after

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, timeout=60)
            except OSError:
                return
            self._open += [client, server]
            self._start(self._relay, client, server, "up")
            self._start(self._relay, server, client, "down")

    def _relay(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                some, cut = self._may_pass(way, data)
                sink.sendall(some)
                if cut:
                    # The server has begun to answer, or is not asked: see `proxy.Request.throw`.
                    break
        for each in (source, sink):
            _hang_up(each)

    def _may_pass(self, way: str, data: bytes) -> tuple[bytes, bool]:
        with self._lock:
            left = self.left[way]
            cut = left is not None and left < len(data)
            some = data[:left] if cut else data
            if cut:
                self.left[way], self.cuts = None, self.cuts + 1
            elif left is not None:
                self.left[way] = left - len(data)
            self.passed[way] += len(some)
            return some, cut


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
