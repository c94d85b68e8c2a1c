"""The application: its pages, what they ask for, and the editors at the other end of their WebSockets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from torc_frames.errors import NotFoundError, TorcFramesError
from torc_frames.service.errors import HttpError
from torc_frames.service.safety import refused
from torc_frames.widgets.host.guard import ENTER, AccessKeys, PageGuard
from torc_frames.widgets.host.overview import overview
from torc_frames.widgets.host.pages import converse
from torc_frames.widgets.host.tabs import Tabs
from torc_frames.workflow.client import Client

__all__ = ["application", "asset"]

_STATIC = Path(__file__).parents[1] / "static"
_ASSETS = {"host.js": "text/javascript", "host.css": "text/css"}
_LONGEST_TOKEN = 1_000
_REPORT_POLICY = "sandbox allow-scripts allow-downloads; frame-ancestors 'self'"


def application(client: Client, tabs: Tabs, keys: AccessKeys, editors: Sequence[str]) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    client : Client
        Whose workflows are shown.
    tabs : Tabs
        The editors that pages have open.
    keys : AccessKeys
        What opens it.
    editors : list of str
        The names of the editors that there are.
    """
    host = _Host(client, tabs, keys, editors)
    routes = [
        Route("/", _shell),
        Route("/w/{rest:path}", _shell),
        Route("/assets/{name}", asset),
        Route(ENTER, host.enter, methods=["POST"]),
        Route("/api/alive", host.alive),
        Route("/api/workflows", host.workflows),
        Route("/report/{key}", host.report),
        WebSocketRoute("/editor", host.editor),
    ]
    return PageGuard(Starlette(routes=routes), keys)


class _Host:
    """What pages ask for."""

    def __init__(self, client: Client, tabs: Tabs, keys: AccessKeys, editors: Sequence[str]) -> None:
        self._client, self._tabs, self._keys, self._editors = client, tabs, keys, editors

    async def enter(self, request: Request) -> Response:
        """Give a browser the cookie, for the token of the address."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST_TOKEN:
                break
        if not self._keys.is_token(_token(body)):
            return refused(HttpError(403, "this is not the token that `torc-frames ui` printed"))
        return Response(status_code=204, headers={"Set-Cookie": self._keys.cookie})

    async def alive(self, _request: Request) -> Response:
        """Say that the server is there, and knows the browser."""
        return Response(status_code=204)

    async def workflows(self, _request: Request) -> Response:
        """List the workflows."""
        return await _answered(lambda: _json({**overview(self._client), "editors": list(self._editors)}))

    async def report(self, request: Request) -> Response:
        """Make the report of a workflow, a page that may run its own script and reach nothing."""
        key = request.path_params["key"]
        headers = {"content-security-policy": _REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
        if "save" in request.query_params:
            headers["content-disposition"] = 'attachment; filename="report.html"'
        return await _answered(lambda: Response(_report(self._client, key), 200, headers, "text/html"))

    async def editor(self, websocket: WebSocket) -> None:
        """Connect a page with the editor that it shows."""
        await converse(websocket, self._tabs)


async def _shell(_request: Request) -> Response:
    return FileResponse(_STATIC / "host.html", media_type="text/html")


async def asset(request: Request) -> Response:
    """Serve a file of the front end."""
    name = request.path_params["name"]
    if name not in _ASSETS:
        return refused(HttpError(404, "there is no such file"))
    return FileResponse(_STATIC / "dist" / "host" / name, media_type=_ASSETS[name])


async def _answered(ask: Callable[[], Response]) -> Response:
    """Return what a call in a thread returns, or why it failed."""
    try:
        return await run_in_threadpool(ask)
    except NotFoundError as error:
        return refused(HttpError(404, str(error)))
    except (TorcFramesError, OSError) as error:
        return refused(HttpError(503, str(error)))


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _report(client: Client, key: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="torc-frames-") as folder:
        return client.workflow(key).report(Path(folder) / "report.html").read_bytes()


def _token(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=dict[str, str]).get("token", "")
    except msgspec.MsgspecError:
        return ""
