"""Speaks HTTP with a server: what may be sent again is, and whatever goes wrong becomes one of our errors."""

from __future__ import annotations

import base64
import os
import random
import secrets
import ssl
import threading
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec
import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

from torc_frames.errors import (
    DroppedConnectionError,
    RefusedError,
    ReplyError,
    TorcFramesError,
    TorcFramesWarning,
    UncertainWriteError,
)
from torc_frames.settings import __version__, hurried
from torc_frames.settings.masked import Masked
from torc_frames.store.http.connections import CONNECT_TIMEOUT, EXCHANGE, Adapter
from torc_frames.store.http.failures import BROKEN, FEW, Did, Failures, HttpFailure
from torc_frames.store.http.settings import is_loopback, read_certificates

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["Http"]

MAX_BODY = 2 << 30
MAX_RETRY_AFTER = 60.0

_BLOCK = 1 << 20
_SHORTEST_SECRET = 6
_RANDOM = random.SystemRandom()
_BACKOFF, _BACKOFF_DROPPED, _MAX_BACKOFF = 0.25, 0.05, 10.0


class Http:
    """Sends requests to one server; for any number of threads.

    Redirects are never followed, ~/.netrc and cookies of the server are not used. Proxies are those of
    the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), but not for this machine itself.

    Parameters
    ----------
    settings : ServerSettings
        Where the server is, as whom to speak, whom to trust, how long to wait.

    Attributes
    ----------
    url : str
        What all paths are below; holds no secret.
    requests : int
        How many requests were made so far, those made again included.

    Raises
    ------
    RefusedError
        If the file of certificates can not be read.

    Notes
    -----
    All methods raise, with the server's answer as ``error.response``:

    UnauthorizedError
        401 and 403.
    ReplyError
        Any other 4xx: the caller knows what it means.
    UnavailableError
        Nobody answers, or only that it is busy, for as long as it was worth trying.
    DroppedConnectionError
        The connection of a GET was closed without an answer, several times.
    UncertainWriteError
        A write was sent, and no answer says whether it was done.
    ServerError
        The answer is none: 500 to a GET, a redirect, not JSON, too large.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        parts = urlsplit(settings.url)
        self.url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self.requests = 0
        self._counting = threading.Lock()
        checked = parts.scheme == "https" and not settings.insecure
        self._context = _context(settings.ca_cert) if checked and settings.ca_cert else None
        self._proxies = {} if is_loopback(parts.hostname or "") else get_environ_proxies(self.url)
        self._adapters: dict[int, Adapter] = {}
        self._headers, hidden = _headers(settings)
        proxied = select_proxy(self.url, self._proxies) is not None
        self._failures = Failures(settings, self.url, hidden, proxied)
        if settings.insecure and parts.scheme == "https":
            warnings.warn(
                f"the certificate of {parts.hostname} is not checked: whoever is in between can read and "
                "change everything, passwords included (TORC_TLS_INSECURE)",
                TorcFramesWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"Http({self.url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Http holds connections: pickle its settings")

    def get(
        self, path: str, params: Mapping[str, object] | None = None, *, attempts: int | None = None
    ) -> bytes:
        """Return the JSON that the server has at a path.

        Parameters
        ----------
        path : str
            Below `url`, beginning with a slash, quoted.
        params : mapping, optional
            The query; what is None is left out.
        attempts : int, optional
            How often to try when the server closes the connection without an answer. (On a connection
            left over from an earlier request that means nothing, and does not count.)
        """
        return self._call(
            "GET", path, None, params, repeatable=True, drops=FEW if attempts is None else attempts
        )

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        params: Mapping[str, object] | None = None,
        *,
        repeatable: bool = False,
    ) -> bytes:
        """Write, and return the JSON of the answer.

        Parameters
        ----------
        method : str
            ``"POST"``, ``"PUT"``, ``"PATCH"`` or ``"DELETE"``.
        path, params
            As for `get`.
        body : bytes, optional
            JSON.
        repeatable : bool
            Whether doing it twice is the same as doing it once. If not, it is only sent again where the
            server certainly did nothing.
        """
        return self._call(method, path, body, params, repeatable=repeatable, drops=FEW)

    def close(self) -> None:
        """Close the connections; they are opened again when needed."""
        adapter = self._adapters.pop(os.getpid(), None)
        if adapter is not None:
            adapter.close()

    # one call: requests until one succeeds

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, object] | None,
        *,
        repeatable: bool,
        drops: int,
    ) -> bytes:
        request = self._prepare(method, path, body, params)
        deadline = time.monotonic() + self._settings.limit_s
        tried: Counter[type[TorcFramesError]] = Counter()
        uncertain = False
        while True:
            outcome = self._attempt(request, deadline)
            if isinstance(outcome, bytes):
                return outcome
            uncertain |= outcome.did is Did.UNKNOWN
            tried[outcome.error] += 1
            again = outcome.did is Did.NOTHING or (outcome.did is Did.UNKNOWN and repeatable)
            dropped = outcome.error is DroppedConnectionError
            if dropped and again and not EXCHANGE.fresh and time.monotonic() < deadline:
                # It was left over, and the server may have closed it long ago: that says nothing.
                tried[outcome.error] -= 1
                continue
            pause = _pause(outcome, sum(tried.values()))
            tries = min(outcome.tries, FEW) if hurried.get() else outcome.tries
            enough = tried[outcome.error] >= (drops if dropped else tries)
            if not again or enough or time.monotonic() + pause >= deadline:
                raise _error(outcome, method != "GET", uncertain)
            time.sleep(pause)

    def _prepare(
        self, method: str, path: str, body: bytes | None, params: Mapping[str, object] | None
    ) -> requests.PreparedRequest:
        query = {name: _parameter(value) for name, value in (params or {}).items() if value is not None}
        url = self.url + path + ("?" + urlencode(query, quote_via=quote) if query else "")
        headers = self._headers if body is None else self._headers | {"Content-Type": "application/json"}
        request = requests.PreparedRequest()
        request.prepare(method=method, url=url, headers=headers, data=body)
        return request

    # one request

    def _attempt(self, request: requests.PreparedRequest, deadline: float) -> bytes | HttpFailure:
        # Errors of requests hold the headers, as do the frames of their tracebacks: they end here.
        request.headers["X-Span-ID"] = secrets.token_hex(8)
        with self._counting:
            self.requests += 1
        EXCHANGE.begin(deadline, self._settings.timeout_s)
        status = None
        try:
            reply = self._adapter().send(
                request,
                stream=True,
                timeout=(min(CONNECT_TIMEOUT, EXCHANGE.pause()), self._settings.timeout_s),
                verify=not self._settings.insecure,
                proxies=self._proxies,
            )
            with closing(reply.raw):
                status = reply.status_code
                self._failures.answered = True
                return self._read(request, reply)
        except BROKEN as error:
            return self._failures.broken(request, error, status)

    def _read(self, request: requests.PreparedRequest, reply: requests.Response) -> bytes | HttpFailure:
        if not 200 <= reply.status_code < 300:
            return self._failures.refused(request, reply)
        encoding = reply.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            return self._failures.senseless(request, reply, f"the answer is compressed ({encoding}), unasked")
        framed = reply.raw.length_remaining is not None or reply.raw.chunked
        body = _body(reply.raw)
        if body is None:
            return self._failures.senseless(request, reply, f"the answer is larger than {MAX_BODY:,} bytes")
        wrong = _malformed(body) if body or not framed else None
        if wrong is None:
            return body
        if not framed and not body.lstrip().startswith(b"<"):
            # Nothing but the JSON itself tells whether this is all of it.
            return self._failures.cut(request, reply)
        reason = f"the answer is not JSON ({wrong}): is {self.url} the url of a server's API?"
        return self._failures.senseless(request, reply, reason, body[:_BLOCK])

    def _adapter(self) -> Adapter:
        # One for each process: a forked one must not write into the connections of its parent.
        pid = os.getpid()
        return self._adapters.get(pid) or self._adapters.setdefault(pid, Adapter(self._context))


def _headers(settings: ServerSettings) -> tuple[dict[str, str], list[str]]:
    """Return the headers of every request, and what must never be shown, longest first."""
    headers = {
        "User-Agent": f"torc_frames/{__version__}",
        "Accept": "application/json",
        # A few bytes of gzip could become any number.
        "Accept-Encoding": "identity",
    }
    hidden = {settings.password, settings.cookie} - {None, ""}
    if settings.send_credentials and settings.password:
        pair = f"{settings.username or ''}:{settings.password}"
        token = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = Masked(f"Basic {token}")
        hidden |= {token, pair}
    if settings.send_credentials and settings.cookie:
        headers["Cookie"] = Masked(settings.cookie)
        values = {part.partition("=")[2].strip() for part in settings.cookie.split(";")}
        hidden |= {value for value in values if len(value) >= _SHORTEST_SECRET}
    texts = [text for text in hidden if text is not None]
    texts += [msgspec.json.encode(str(text)).decode()[1:-1] for text in texts]
    return headers, sorted(map(Masked, set(texts)), key=len, reverse=True)


def _context(ca_cert: str) -> ssl.SSLContext:
    """Return what trusts the certificates of a file; requests adds those that it trusts itself."""
    context = create_urllib3_context()
    try:
        context.load_verify_locations(cadata=read_certificates(ca_cert))
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"no certificates can be read from {ca_cert} (TORC_TLS_CA_CERT): {error}"
        ) from None
    return context


def _parameter(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(failure: HttpFailure, write: bool, uncertain: bool) -> TorcFramesError:
    if write and uncertain and failure.did is not Did.ANSWER:
        reason = f"it is not known whether the server did this write: {failure.reason}"
        return UncertainWriteError(reason).with_response(failure.response)
    error = failure.error(failure.reason).with_response(failure.response)
    if isinstance(error, ReplyError):
        error.repeated = uncertain
    return error


def _pause(failure: HttpFailure, tried: int) -> float:
    """Return for how long to wait: exponential, and at random, as a thousand jobs fail at the same time."""
    base = _BACKOFF_DROPPED if failure.error is DroppedConnectionError else _BACKOFF
    backoff = _RANDOM.uniform(0, min(_MAX_BACKOFF, base * 2.0**tried))
    return min(failure.wait or 0.0, MAX_RETRY_AFTER) + backoff


def _body(raw: Any) -> bytes | None:
    """Read a body; None if it is too large."""
    if (raw.length_remaining or 0) > MAX_BODY:
        return None
    blocks: list[bytes] = []
    size = 0
    while block := raw.read(_BLOCK, decode_content=False):
        blocks.append(block)
        size += len(block)
        if size > MAX_BODY:
            return None
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _malformed(body: bytes) -> str | None:
    """Say why a body is not JSON, if it is not. It is not decoded: 2 GB/s."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return str(error)
    return None
