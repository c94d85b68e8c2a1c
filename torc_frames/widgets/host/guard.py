"""Which requests a browser's pages get through: of this machine, of no other site, with the secret."""

from __future__ import annotations

import hmac
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from torc_frames.service.errors import HttpError
from torc_frames.service.safety import check_host, check_lengths, check_sender, refused

__all__ = ["ENTER", "AccessKeys", "PageGuard"]

ENTER = "/enter"
"""Where a page shows the token, and gets the cookie."""

_OPEN_FOLDERS = ("/assets/", "/w/")
"""What is served to whoever asks: code, and pages that have nothing in them yet."""

# Styles are made on pages: by SlickGrid for its columns, and by the editors, which bring their own sheets.
_POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class AccessKeys:
    """The token that the address has, and the cookie that a browser gets for it.

    The cookie's name is another one for each server: browsers keep cookies by host, whatever the port.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._name = f"torc-frames-{secrets.token_hex(8)}"
        self._secret = secrets.token_urlsafe(32)

    def __repr__(self) -> str:
        return "AccessKeys()"

    @property
    def cookie(self) -> str:
        """The header that gives a browser the cookie, until it is closed."""
        return f"{self._name}={self._secret}; Path=/; HttpOnly; SameSite=Strict"

    def is_token(self, shown: str) -> bool:
        """Return whether it is the token, in a time that says nothing about it."""
        return hmac.compare_digest(shown.encode(errors="replace"), self.token.encode())

    def is_shown(self, scope: Scope) -> bool:
        """Return whether a request has the cookie."""
        shown = HTTPConnection(scope).cookies.get(self._name, "")
        return hmac.compare_digest(shown.encode(errors="replace"), self._secret.encode())


class PageGuard:
    """Refuses what no page of ours sends, and has browsers load nothing from elsewhere."""

    def __init__(self, app: ASGIApp, keys: AccessKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket; see ASGI."""

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(raw=list(message["headers"]))
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                message = {**message, "headers": headers.raw}
            await send(message)

        try:
            self._check(scope)
        except HttpError as refusal:
            await refused(refusal)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        check_lengths(headers)
        check_host(headers.get("host", ""), scope, frozenset())
        if path == "/" or path.startswith(_OPEN_FOLDERS):
            return
        check_sender(headers)
        if scope["type"] == "websocket" and "origin" not in headers:
            raise HttpError(403, "a WebSocket says which page it is of")
        if path != ENTER and not self._keys.is_shown(scope):
            raise HttpError(401, "the address that `torc-frames ui` printed opens this")
