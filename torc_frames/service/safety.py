"""Which requests are let through to the service, and the line in the log that each of them leaves."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from torc_frames.service.budget import Share
from torc_frames.service.errors import HttpError

__all__ = [
    "ACCESS_LOG",
    "RequestGuard",
    "Rules",
    "address_of",
    "check_host",
    "check_lengths",
    "check_sender",
    "read_body",
    "refused",
]

ACCESS_LOG = "torc_frames.service.access"

_MAX_HEADERS = 32 * 1024
_MAX_PATH_IN_LOG = 400
_DISCARDED = 4
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]/@]+))(?::[0-9]*)?")
_HTTP_PORT = ":80"
_CHALLENGE = 'Bearer realm="torc-frames", Basic realm="torc-frames", charset="UTF-8"'
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)

log = logging.getLogger(ACCESS_LOG)


class Rules(NamedTuple):
    """What a request has to be like.

    Attributes
    ----------
    hosts : frozenset of str
        The names and addresses, in lower case, by which the service may be called; those of this machine's
        loopback and the address a request came in on always may.
    token : bytes or None
        The secret that a request must show.
    """

    hosts: frozenset[str]
    token: bytes | None


class RequestGuard:
    """Refuses what breaks the rules before the service sees it, and logs every request."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; see ASGI."""
        start = time.perf_counter()
        status: int | str = "-"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        try:
            try:
                check(scope, self._rules)
            except HttpError as refusal:
                await refused(refusal)(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        finally:
            _log(scope, status, time.perf_counter() - start)


def refused(refusal: HttpError) -> Response:
    """Return the answer that a refusal is."""
    return Response(refusal.body, refusal.status, refusal.headers, "application/json")


def check(scope: Scope, rules: Rules) -> None:
    """Raise `HttpError` if a request breaks a rule."""
    headers = Headers(scope=scope)
    check_lengths(headers)
    check_host(headers.get("host", ""), scope, rules.hosts)
    if rules.token is not None and not _shows(headers.get("authorization", ""), rules.token):
        raise HttpError(
            401,
            "the service's token is needed, as Bearer or as password",
            headers={"WWW-Authenticate": _CHALLENGE},
        )
    if scope["method"] not in _SAFE_METHODS:
        check_sender(headers)
        _check_content_type(headers)


def check_lengths(headers: Headers) -> None:
    """Refuse long headers, and a body of two lengths, in which a proxy may let a second request through."""
    if sum(len(name) + len(value) for name, value in headers.raw) > _MAX_HEADERS:
        raise HttpError(431, f"the headers are longer than {_MAX_HEADERS:,} bytes")
    if "content-length" in headers and "transfer-encoding" in headers:
        raise HttpError(
            400,
            "a request has a Content-Length or a Transfer-Encoding, not both",
            headers={"Connection": "close"},
        )


def check_host(host: str, scope: Scope, allowed: frozenset[str]) -> None:
    """Refuse names that a web page of somebody else can have point to this machine."""
    found = _HOST.fullmatch(host)
    name = "" if found is None else (found["address"] or found["name"]).lower().rstrip(".")
    address = address_of(name)
    if address is not None:
        server = (scope.get("server") or ("",))[0]
        if address.is_loopback or address == address_of(server):
            return
    if name != "localhost" and name not in allowed:
        raise HttpError(400, "this service is not known by the name in the Host header; see --allow-host")


def address_of(name: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a name is, None if it is none.

    Examples
    --------
    >>> address_of("::1"), address_of("::ffff:10.0.0.5"), address_of("localhost")
    (IPv6Address('::1'), IPv4Address('10.0.0.5'), None)
    """
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _shows(authorization: str, token: bytes) -> bool:
    """Return whether a header shows the token, in a time that says nothing about it."""
    scheme, _, value = authorization.partition(" ")
    shown = value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            _, _, shown = base64.b64decode(shown, validate=True).partition(b":")
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(shown, token)


def check_sender(headers: Headers) -> None:
    """Refuse what a web page of somebody else has a browser send."""
    if headers.get("sec-fetch-site", "none").lower() not in ("none", "same-origin"):
        raise HttpError(403, "requests from other sites are refused")
    origin = headers.get("origin")
    if origin is None:
        return
    try:
        sender = urlsplit(origin).netloc
    except ValueError:
        sender = ""
    host = headers.get("host", "")
    if sender.lower().removesuffix(_HTTP_PORT) != host.lower().removesuffix(_HTTP_PORT):
        raise HttpError(403, "requests from other origins are refused")


def _check_content_type(headers: Headers) -> None:
    """Refuse the kinds of body that a browser sends elsewhere without asking."""
    if headers.get("content-length", "0").strip("0") == "" and "transfer-encoding" not in headers:
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(415, "the body must be sent as Content-Type: application/json")


async def read_body(scope: Scope, receive: Receive, limit: int, share: Share) -> bytes | None:
    """Return the body of a request, None if the client went away.

    What is too large, or for which there is no memory now, is read to its end within reason, because many
    clients listen only then.
    """
    refusal: HttpError | None = None
    too_large = HttpError(
        413, f"request body is larger than {limit:,} bytes", headers={"Connection": "close"}
    )
    headers = Headers(scope=scope)
    announced = int(headers.get("content-length", "0"))
    if announced > limit and (announced > _DISCARDED * limit or "expect" in headers):
        raise too_large
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            refusal = too_large
        elif refusal is None:
            try:
                share.hold(size)
            except HttpError as full:
                refusal = full
        if refusal is None:
            chunks.append(chunk)
        else:
            chunks.clear()
            share.hold(0)
        if size > _DISCARDED * limit:
            break
    if refusal is not None:
        raise refusal
    return b"".join(chunks)


def _log(scope: Scope, status: int | str, seconds: float) -> None:
    """Log a request, without its query: that may hold secrets."""
    address = "{}:{}".format(*scope["client"]) if scope.get("client") else "-"
    raw = scope.get("raw_path") or scope["path"].encode()
    path = "".join(char if "!" <= char <= "~" else f"\\x{ord(char):02x}" for char in raw.decode("latin-1"))
    if len(path) > _MAX_PATH_IN_LOG:
        path = f"{path[:_MAX_PATH_IN_LOG]}…"
    log.info("%s %s %s %s %.1f ms", address, scope["method"], path, status, 1000 * seconds)
