"""A TCP proxy in front of a real server, which does to requests and answers what a test says."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Request:
    """One request that came in; `forward` sends it on and returns the bytes of the server's answer."""

    method: str
    path: str
    head: bytes
    body: bytes
    port: int
    upstream: http.client.HTTPConnection | None = field(default=None, repr=False)
    """A connection to the server, as long as the client waits; later ones are opened when needed."""
    answer: bytes = field(default=b"", repr=False)

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def forward(self) -> bytes:
        if self.upstream is not None:
            return self._ask(self.upstream)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as upstream:
            return self._ask(upstream)

    def _ask(self, upstream: http.client.HTTPConnection) -> bytes:
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")[1:] if line]
        headers = {name.decode(): value.strip().decode("latin-1") for name, _, value in lines}
        headers = {name: value for name, value in headers.items() if name.lower() not in _REPLACED}
        try:
            upstream.request(self.method, self.path, self.body or None, headers)
            reply = upstream.getresponse()
            body = reply.read()
        except BaseException:
            upstream.close()
            raise
        kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _HOP]
        head = [f"HTTP/1.1 {reply.status} {reply.reason}", *(f"{name}: {value}" for name, value in kept)]
        if reply.status != 204:
            head.append(f"Content-Length: {len(body)}")
        self.answer = "\r\n".join([*head, "", ""]).encode("latin-1") + body
        return self.answer

    def throw(self) -> None:
        """Send it on, without waiting for the answer."""
        upstream = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        upstream.sendall(self.head + b"\r\n" + self.body)
        threading.Thread(target=_wait_for_answer, args=(upstream,), daemon=True).start()


def _wait_for_answer(upstream: socket.socket) -> None:
    """Hang up once the server has begun to answer.

    If its client goes away in the midst of a write, torc-server 1.0 can leave a transaction open, and
    answers nothing but that its database is locked until it is started anew.
    """
    with upstream, contextlib.suppress(OSError):
        upstream.recv(1)


_REPLACED = ("host", "connection", "content-length")
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")

Fault = Callable[[Request], bytes | None]


def through(request: Request) -> bytes | None:
    """No fault."""
    return request.forward()


def unasked(request: Request) -> bytes | None:
    """Hang up, the server sees nothing."""
    return None


def lost(request: Request) -> bytes | None:
    """Hang up after the server has answered."""
    request.forward()
    return None


def unheard(request: Request) -> bytes | None:
    """Send it to the server and hang up at once."""
    request.throw()
    return None


def cut(request: Request) -> bytes | None:
    """Hang up in the middle of the answer."""
    answer = request.forward()
    return answer[: answer.index(b"\r\n\r\n") + 8]


def unavailable(request: Request) -> bytes | None:
    """Do it, and say that nobody is there."""
    request.forward()
    return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def failed(request: Request) -> bytes | None:
    """Do it, and say that it failed."""
    request.forward()
    return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


def missing(request: Request) -> bytes | None:
    """Say that there is no such path."""
    body = b'{"error":true,"errorNum":404,"errorMessage":"unknown path","code":404}'
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


class Proxy:
    """Listens on a port of its own; `fault` is asked about each request."""

    def __init__(self, server: Any, fault: Fault = through) -> None:
        self.server, self.fault = server, fault
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.hangs_up = False
        """Whether each connection is closed after an answer, without saying so."""
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.path = urlsplit(server.url).path
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{self.path}"
        self._start(self._accept)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def writes(self, path: str = "") -> list[Request]:
        """Return the writes that came in, to a path."""
        return [r for r in self.requests if r.is_write and r.path.startswith(self.path + path)]

    def once(self, fault: Fault, matches: Callable[[Request], bool]) -> None:
        """Do this to the first request from now on that matches, and nothing to all others."""
        left = [True]

        def do(request: Request) -> bytes | None:
            with self.lock:
                now = left[0] and matches(request)
                left[0] = left[0] and not now
            return (fault if now else through)(request)

        self.fault = do

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", 0)
        try:
            with connection, connection.makefile("rb") as stream:
                while request := self._read(stream):
                    with self.lock:
                        self.requests.append(request)
                    upstream = request.upstream = _usable(upstream, request.port)
                    try:
                        answer = self.fault(request)
                    except ConnectionRefusedError:
                        answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
                    finally:
                        request.upstream = None
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if self.hangs_up or (request.answer and answer != request.answer):
                        return
        except (OSError, http.client.HTTPException):
            # The server is gone, and with it this connection.
            return
        finally:
            upstream.close()

    def _read(self, stream: Any) -> Request | None:
        head = b""
        while (line := stream.readline()) not in (b"\r\n", b""):
            head += line
        words = head.split(b" ", 2)
        if len(words) < 3:
            # The end, or a stranger: ZeroMQ calls a kernel that is gone at the port that is now ours.
            return None
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        method, path, _ = words
        port = int(self.server.url.split(":")[2].split("/")[0])
        return Request(method.decode(), path.decode(), head, stream.read(length), port)


def _usable(upstream: http.client.HTTPConnection, port: int) -> http.client.HTTPConnection:
    """Return a connection to the server: the one of the last request, unless the server has closed it."""
    if upstream.port == port and (upstream.sock is None or not select.select([upstream.sock], [], [], 0)[0]):
        return upstream
    upstream.close()
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)
