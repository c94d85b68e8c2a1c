"""The process behind ``torc-frames ui``: where it listens, what it prints and opens, and how it ends."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from torc_frames.errors import UnavailableError
from torc_frames.service.connections import protocol
from torc_frames.service.process import ended_by_signals, listen, place_of
from torc_frames.widgets.host.application import application
from torc_frames.widgets.host.editors import EDITORS, maker
from torc_frames.widgets.host.guard import AccessKeys
from torc_frames.widgets.host.tabs import Tabs
from torc_frames.workflow.client import Client

__all__ = ["PORT", "config", "serve_pages"]

PORT = 8530

_HOST = "127.0.0.1"
_MOST_EDITORS = 32
_KEPT_SECONDS = 600.0
_MOST_BYTES = 64 * 1024 * 1024
_END_SECONDS = 5


def serve_pages(
    client: Client,
    *,
    port: int | None = None,
    browser: bool = True,
    ready: Callable[[str], None] = print,
    say: Callable[[str], None] = print,
) -> None:
    """Show the workflows of a store in a browser until the process is told to end (SIGTERM, SIGINT).

    Parameters
    ----------
    client : Client
        The store.
    port : int, optional
        Where to listen on this machine's loopback; 0 is any that is free. Default: 8530, or any that is free
        if that is taken.
    browser : bool
        Whether to open a browser; on a machine that one is logged in to by SSH it is not.
    ready : callable
        Told the address, once the server listens.
    say : callable
        Told what to do with it, line by line.

    Raises
    ------
    UnavailableError
        If the port is taken.
    """
    keys = AccessKeys()
    with _listener(port) as listener:
        found = listener.getsockname()[1]
        address = f"http://{_HOST}:{found}/#token={keys.token}"
        tabs = Tabs(maker(client), most=_MOST_EDITORS, seconds=_KEPT_SECONDS)
        server = uvicorn.Server(config(application(client, tabs, keys, list(EDITORS))))
        with ended_by_signals(server), _opened(address, browser and "SSH_CONNECTION" not in os.environ):
            ready(address)
            for line in _hints(found):
                say(line)
            server.run(sockets=[listener])
        for tab in tabs.close():
            tab.wait()


def config(app: ASGIApp) -> uvicorn.Config:
    """Return how uvicorn is to serve the application: quietly, and to nobody for long who is slow."""
    return uvicorn.Config(
        app,
        http=protocol(headers_seconds=15, body_seconds=30, answer_seconds=300),
        ws="wsproto",
        ws_max_size=_MOST_BYTES,
        ws_per_message_deflate=False,
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_END_SECONDS,
    )


def _listener(port: int | None) -> socket.socket:
    try:
        return listen(place_of(_HOST, PORT if port is None else port))
    except UnavailableError:
        if port is not None:
            raise
        return listen(place_of(_HOST, 0))


def _hints(port: int) -> Iterator[str]:
    """Yield what to do with the address."""
    if "SSH_CONNECTION" in os.environ:
        yield "On your own machine, before you open that address there:"
        yield f"  ssh -N -L {port}:{_HOST}:{port} {getpass.getuser()}@{socket.gethostname()}"
    yield "Ctrl-C ends it."


@contextmanager
def _opened(address: str, browser: bool) -> Iterator[None]:
    """Have a browser open an address.

    It is told a file that only this user can read, which leads there: what a program is called with, every
    user of a machine can see.
    """
    if not browser:
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="torc-frames-"))
    try:
        page = folder / "open.html"
        page.touch(0o600)
        page.write_text(
            '<!doctype html><meta charset="utf-8"><title>torc_frames</title>'
            f'<meta http-equiv="refresh" content="0; url={escape(address)}">'
            f'<a href="{escape(address)}">torc_frames</a>\n'
        )
        webbrowser.open(page.as_uri())
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
