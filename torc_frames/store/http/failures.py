"""What went wrong with a request: what the server did, whether to try again, and what to tell the user."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3

from torc_frames.errors import (
    DroppedConnectionError,
    ReplyError,
    Response,
    ServerError,
    TorcFramesError,
    UnauthorizedError,
    UnavailableError,
)
from torc_frames.store.http.connections import EXCHANGE
from torc_frames.store.http.replies import causes, clean, message_of, origin_of, reason_of, retry_after
from torc_frames.store.http.settings import dialect_of

if TYPE_CHECKING:
    from torc_frames.store.http.settings import ServerSettings

__all__ = ["BROKEN", "FEW", "Did", "Failures", "HttpFailure"]

MAX_ERROR_BODY = 64 << 10

# How often a thing is tried: a server that has answered before is waited for, about 15 s.
ONCE, FEW, PATIENT = 1, 3, 8

BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)

_MISUSED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidProxyURL,
)
_NOT_THERE = (502, 503, 504)
# torc-server says so itself, and retries its own work on these three.
_LOCKED = ("database is locked", "database is busy", "sqlite_busy")


class Did(Enum):
    """What a server did for a request that failed."""

    NOTHING = "nothing: it may be sent again"
    UNKNOWN = "who knows"
    ANSWER = "answered, and would again"


class HttpFailure(NamedTuple):
    """One request that failed: the error it becomes if it stays that way, and how often to try."""

    error: type[TorcFramesError]
    reason: str
    response: Response
    did: Did
    tries: int = ONCE
    wait: float | None = None


class Failures:
    """Makes failures of exceptions and replies; none of them shows a secret.

    Parameters
    ----------
    settings : ServerSettings
        What was asked for.
    url : str
        The server's, as it may be shown.
    secrets : list of str
        What is taken out of everything that a server says.
    proxied : bool
        Whether a proxy is in between.

    Attributes
    ----------
    answered : bool
        Whether there was any reply so far: who has answered before is waited for.
    """

    def __init__(self, settings: ServerSettings, url: str, secrets: list[str], proxied: bool) -> None:
        self._settings, self._url, self._secrets, self._proxied = settings, url, secrets, proxied
        self.answered = False

    def broken(self, request: requests.PreparedRequest, error: Exception, status: int | None) -> HttpFailure:
        """Tell a request that did not arrive from an answer that did not."""
        if EXCHANGE.sent and not isinstance(error, _MISUSED):
            return self._lost(request, error, status)
        return self._unsent(request, error)

    def _unsent(self, request: requests.PreparedRequest, error: Exception) -> HttpFailure:
        found = list(causes(error))
        tls = next((cause for cause in found if isinstance(cause, ssl.SSLError)), None)
        tries = ONCE
        if isinstance(error, _MISUSED):
            hint = "check its url, and the proxy's in HTTP_PROXY or HTTPS_PROXY"
        elif isinstance(tls, ssl.SSLCertVerificationError):
            hint = "set TORC_TLS_CA_CERT to the file of the certificate that the server's is signed with"
        elif tls is not None and not isinstance(tls, ssl.SSLEOFError):
            hint = "does it speak https there, or http?"
        elif self._proxied:
            hint, tries = "check the proxy in HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY", FEW
        elif any(isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN for cause in found):
            hint = "is the name of the host right?"
        else:
            program = "torc-server" if dialect_of(self._url) == "v1" else "the service"
            hint, tries = f"is {program} running there?", PATIENT if self.answered else FEW
        response = self._response(request, None, reason_of(found))._replace(span_id=None)
        reason = f"{self._url} can not be reached: {hint}"
        return HttpFailure(UnavailableError, reason, response, Did.NOTHING, tries)

    def _lost(self, request: requests.PreparedRequest, error: Exception, status: int | None) -> HttpFailure:
        """Say what is known of a request that was sent, and whose answer did not come, or not all of it."""
        found = list(causes(error))
        kind: type[TorcFramesError] = UnavailableError
        tries = PATIENT
        if time.monotonic() >= EXCHANGE.deadline:
            reason = f"no complete answer within {self._settings.limit_s:g} s"
        elif any(isinstance(cause, TimeoutError) for cause in found):
            reason, tries = f"the server was silent for {self._settings.timeout_s:g} s", FEW
        elif status is not None or any(map(_is_cut_status, found)):
            reason = "the answer was cut off"
        elif any(isinstance(cause, (ConnectionError, ssl.SSLEOFError)) for cause in found):
            kind, reason = DroppedConnectionError, "the server closed the connection without an answer"
        else:
            kind, reason, tries = ServerError, "what answers does not speak HTTP", ONCE
        response = self._response(request, status, reason_of(found))
        return HttpFailure(kind, reason, response, Did.UNKNOWN, tries)

    def cut(self, request: requests.PreparedRequest, reply: requests.Response) -> HttpFailure:
        """Say that a reply is not all there."""
        response = self._response(request, reply.status_code, "", reply)
        return HttpFailure(UnavailableError, "the answer was cut off", response, Did.UNKNOWN, PATIENT)

    def senseless(
        self, request: requests.PreparedRequest, reply: requests.Response, reason: str, body: bytes = b""
    ) -> HttpFailure:
        """Say that a reply that claims success is none of torc-server's."""
        said = message_of(body) if body else ""
        response = self._response(request, reply.status_code, said, reply)
        return HttpFailure(ServerError, clean(reason, self._secrets), response, Did.ANSWER)

    def refused(self, request: requests.PreparedRequest, reply: requests.Response) -> HttpFailure:
        """Say what a reply means that is not a success."""
        status = reply.status_code
        said = message_of(_error_body(reply))
        wait = retry_after(reply.headers.get("Retry-After"))
        locked = status == 500 and any(word in said.lower() for word in _LOCKED)
        error: type[TorcFramesError] = UnavailableError
        did, tries = Did.ANSWER, ONCE
        if status == 429 or (status == 503 and wait is not None):
            reason, did, tries = "the server is busy", Did.NOTHING, PATIENT
            reason += "" if wait is None else f" and asks to come back in {wait:.3g} s"
        elif locked or status in _NOT_THERE:
            reason = "the server's database stayed locked" if locked else "the server is not there"
            did, tries = Did.UNKNOWN, PATIENT
        elif status in (401, 403, 407):
            error, reason = UnauthorizedError, self._who(status, said)
        elif 300 <= status < 400:
            target = clean(origin_of(reply.headers.get("Location", ""), self._url), self._secrets)
            reason = (
                f"redirects are not followed; this one leads to {target}: if that is the server, use its url"
            )
            error = ServerError
        elif 400 <= status < 500:
            error, reason = ReplyError, "the server refused the request"
        else:
            error, reason, did = ServerError, "the server failed", Did.UNKNOWN
        response = self._response(request, status, said, reply)
        return HttpFailure(error, reason, response, did, tries, wait)

    def _who(self, status: int, said: str) -> str:
        """Say what to check when nobody is let in."""
        user = self._settings.username
        if status == 407:
            return "the proxy wants a login: put it into HTTP_PROXY or HTTPS_PROXY"
        if not self._settings.send_credentials:
            return (
                "no credentials were sent, as only a file in this directory names the server: "
                "set TORC_API_URL if you trust it"
            )
        if self._settings.password is None:
            return "the server wants to know who asks: set TORC_PASSWORD (and TORC_USERNAME)"
        if status == 401 or "anonymous" in said.lower():
            return f"wrong user or password: check {self._origins()}"
        return f"{user} may not do this: ask for access, or check {self._origins()}"

    def _origins(self) -> str:
        """Say where user and password are from, and who the user is."""
        told = {"argument": "those that were given, with the url or as arguments"}
        sources = self._settings.sources
        password, user = (sources.get(name, "argument") for name in ("password", "username"))
        if user in ("USER", "USERNAME"):
            user = f"{user}, or set TORC_USERNAME"
        named = dict.fromkeys(told.get(source, source) for source in (password, user))
        return f"{' and '.join(named)} (the user is {self._settings.username})"

    def _response(
        self,
        request: requests.PreparedRequest,
        status: int | None,
        message: str,
        reply: requests.Response | None = None,
    ) -> Response:
        own = request.headers["X-Span-ID"]
        span = own if reply is None else reply.headers.get("x-span-id", own)
        message, span = clean(message, self._secrets), clean(span, self._secrets)
        return Response(str(request.method), str(request.url), status, message, span)


def _is_cut_status(cause: BaseException) -> bool:
    """Return whether an answer ended within its first line."""
    if not isinstance(cause, http.client.BadStatusLine):
        return False
    line = str(cause.args[0])
    return not line.endswith("\n") and (line.startswith("HTTP/") or "HTTP/".startswith(line))


def _error_body(reply: requests.Response) -> bytes:
    if "Content-Encoding" in reply.headers:
        return b""
    try:
        body: bytes = reply.raw.read(MAX_ERROR_BODY, decode_content=False)
    except BROKEN:
        # The status says enough.
        return b""
    return body
