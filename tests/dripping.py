"""A server that sends a byte every now and then, and the phases of a request in which it may do so."""

from __future__ import annotations

import contextlib
import socket
import threading

__all__ = ["PHASES", "TLS", "Dripping"]


class Dripping:
    """A server that says one thing, and then sends a byte every now and then, to all who come."""

    def __init__(self, first: bytes, more: bytes) -> None:
        self.first, self.more = first, more
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.closed = threading.Event()
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while not self.closed.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.drip, args=(connection,)))
            self.threads[-1].start()

    def drip(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(self.first)
            at = 0
            while not self.closed.wait(0.05):
                if not self.more:
                    continue
                connection.sendall(self.more[at % len(self.more) :][:1])
                at += 1

    def close(self) -> None:
        self.closed.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)


OK = b"HTTP/1.1 200 OK\r\n"
PHASES = {
    "status": (b"", b"HTTP/1.1 200 " + b"O" * 5000),
    "headers": (OK, b"X-A: b\r\n"),
    "one long header": (OK + b"X-A: ", b"a"),
    "body by length": (OK + b"Content-Length: 100000\r\n\r\n", b"1"),
    "body until the end": (OK + b"\r\n[", b"1"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
    "length of a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-A: b\r\n"),
    "100 again and again": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body of an error": (b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n", b"1"),
    "body of a redirect": (b"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 100000\r\n\r\n", b"1"),
    "body of a 503": (b"HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 9999\r\n\r\n", b"1"),
    "nothing": (b"", b""),
}
TLS = {
    "a handshake": (b"", b"\x16\x03\x03\x40\x00" + b"\x02" * 10_000),
    "a handshake of alerts": (b"", b"\x15\x03\x03\x00\x02\x01\x00"),
}
