"""Connections that keep to a deadline byte by byte, and know whether a request has left this machine."""

from __future__ import annotations

import contextlib
import http.client
import io
import math
import queue
import socket
import threading
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

if TYPE_CHECKING:
    import ssl

    from requests import PreparedRequest
    from urllib3 import PoolManager

__all__ = ["CONNECT_TIMEOUT", "EXCHANGE", "Adapter", "Exchange"]

CONNECT_TIMEOUT = 10.0

_BLOCK = 1 << 20
_CONNECTIONS = 64


class Exchange(threading.local):
    """The request that the current thread is sending: how long it may take, how far it has come.

    Attributes
    ----------
    deadline : float
        When it must be over, by `time.monotonic`.
    silence : float
        For how many seconds the server may send nothing.
    sent : bool
        Whether any of the request may have left this machine.
    fresh : bool
        Whether its connection was opened for it, and not left over from the one before.
    """

    deadline: float = math.inf
    silence: float = 60.0
    sent: bool = True
    fresh: bool = True
    _opened: bool = False

    def begin(self, deadline: float, silence: float) -> None:
        """Begin a request."""
        self.deadline, self.silence = deadline, silence
        # Connections that are not ours (SOCKS) never tell; then the worst is assumed.
        self.sent, self.fresh, self._opened = True, True, False

    def opening(self) -> None:
        """Note that a connection is opened for the request."""
        self.sent, self._opened = False, True

    def sending(self) -> None:
        """Note that the request itself is sent from here on."""
        self.sent, self.fresh = True, self._opened

    def pause(self) -> float:
        """Return for how long the next bytes may keep one waiting; TimeoutError if there is no time left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, self.silence)


EXCHANGE = Exchange()


class _TimedReader(io.RawIOBase):
    """What a server sends. A timeout of the socket alone would begin anew with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(EXCHANGE.pause())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedReply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _TimedReply

    def connect(self) -> None:
        EXCHANGE.opening()
        super().connect()
        # Only asked by urllib3 for a warning per request where certificates are not checked: Http warns.
        self.is_verified = True

    def _new_conn(self) -> socket.socket:
        """Connect to one of the host's addresses, all of them within the request's time."""
        host = self._dns_host
        try:
            addresses = _addresses(host.strip("[]"), self.port)
            for left in range(len(addresses), 0, -1):
                self._dns_host = addresses[-left]
                self.timeout = min(CONNECT_TIMEOUT, EXCHANGE.pause() / left)
                try:
                    sock = super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError):
                    if left == 1:
                        raise
                else:
                    sock.settimeout(min(CONNECT_TIMEOUT, EXCHANGE.pause()))  # for the handshake of TLS
                    return sock
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        finally:
            self._dns_host = host
        raise NewConnectionError(self, "the host has no address")

    def endheaders(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        EXCHANGE.sending()
        super().endheaders(*args, **options)

    def send(self, data: Any) -> None:
        # By the block: the timeout of a socket is one for all that is sent at once, be it 200 MB.
        view = memoryview(data)
        for start in range(0, len(view), _BLOCK):
            if self.sock is not None:
                self.sock.settimeout(EXCHANGE.pause())
            super().send(view[start : start + _BLOCK])


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host; TimeoutError if its look-up takes longer than the request may.

    The system's own look-up can't be ended: where it takes too long, it goes on in a thread that nobody waits
    for.
    """
    with contextlib.suppress(ValueError):
        return [str(ip_address(host))]
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            answers.put(
                error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, str(error))
            )

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=EXCHANGE.pause())
    except queue.Empty:
        raise TimeoutError("the look-up of the host's name takes too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Adapter(HTTPAdapter):
    """Sends requests of any number of threads over connections that it keeps.

    It is used without a `requests.Session`: one of those reads ~/.netrc, keeps cookies, and reads the
    body of a redirect, whatever its size, even when it is not to follow it.

    Parameters
    ----------
    context : ssl.SSLContext, optional
        Used for https.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Keep connections of our own kind."""
        super().init_poolmanager(*args, **options)
        _use_own_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Keep connections of our own kind, except to a SOCKS proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            _use_own_connections(manager)
        return manager

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return what requests does, with the context."""
        host, options = super().build_connection_pool_key_attributes(request, verify, cert)
        if self._context is not None:
            options["ssl_context"] = self._context
        return host, options


def _use_own_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
