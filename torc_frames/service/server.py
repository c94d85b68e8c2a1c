"""The process that serves: its address, its limits, its logs, and how it ends."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from torc_frames.errors import RefusedError
from torc_frames.service.app import Threads, application
from torc_frames.service.budget import Budget
from torc_frames.service.connections import protocol
from torc_frames.service.documents.collections import Documents
from torc_frames.service.process import Address, ended_by_signals, listen, place_of
from torc_frames.service.safety import ACCESS_LOG, Rules, address_of
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import Form

__all__ = ["Limits", "serve"]

_READERS = 4
_BODIES = 4
_LOCKED_SECONDS = 30.0
_HEADER_BYTES = 64 * 1024
_LOG_FORMAT = "%(asctime)s %(message)s"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take, and all of them.

    Attributes
    ----------
    body : int
        The most bytes of a body; all bodies and answers together have four times as many.
    headers_seconds, body_seconds, answer_seconds : float
        How long it may take to send a request's headers and its body, and to read the answer.
    idle_seconds : int
        How long it may be silent between two requests.
    end_seconds : int
        How long requests under way may take when the service is to end.
    """

    body: int = 64 * 1024 * 1024
    headers_seconds: float = 15.0
    body_seconds: float = 120.0
    answer_seconds: float = 300.0
    idle_seconds: int = 75
    end_seconds: int = 30


def serve(
    path: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8529,
    forms: Iterable[Form] = (Form.FIRST, Form.LATER),
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    name: str = "workflows",
    limits: Limits | None = None,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve an embedded store until the process is told to end (SIGTERM, SIGINT).

    Requests under way are finished then.

    Parameters
    ----------
    path : str or os.PathLike
        The store's file, made if it does not exist.
    host, port : str, int
        Where to listen; port 0 is any that is free.
    forms : iterable of Form
        Which forms of the dialect; where paths are the same, the last one's way is taken, in pages of the
        first's size.
    token : str, optional
        The secret that requests must show.
    allowed_hosts : iterable of str
        Names by which clients call the service, besides `host` and those of the loopback.
    name : str
        The database in the url; any is served.
    limits : Limits, optional
        For what a client may take.
    ready : callable
        Told the url, once the service listens.

    Raises
    ------
    RefusedError
        Without a token, for an address that others can reach.
    UnavailableError
        If the address is no address of this machine, or taken.
    StoreFileError, VersionError
        See `SQLiteStore`.
    """
    limits = limits or Limits()
    named = list(allowed_hosts)
    with (
        listen(_place(host, port, token)) as listener,
        ThreadPoolExecutor(_READERS, "reader") as readers,
        ThreadPoolExecutor(1, "writer") as writer,
        _logged(),
    ):
        if _is_any(host):
            named.append(socket.gethostname())
        else:
            named.insert(0, host)
        hosts = frozenset(each.lower().rstrip(".") for each in named)
        store = SQLiteStore(path, timeout=_LOCKED_SECONDS)
        app = application(
            Documents(store),
            Threads(readers, writer),
            Rules(hosts, None if token is None else token.encode()),
            forms=forms,
            database=name,
            max_body=limits.body,
            budget=Budget(_BODIES * limits.body),
        )
        server = uvicorn.Server(_config(app, limits))
        with closing(store), ended_by_signals(server):
            ready(_url(named[0], listener.getsockname()[1], name))
            server.run(sockets=[listener])


def _place(host: str, port: int, token: str | None) -> Address:
    place = place_of(host, port)
    found = address_of(str(place.address[0]))
    if token is None and (found is None or not found.is_loopback):
        raise RefusedError(
            f"{host} can be reached from other machines, and whoever reaches the service can change all "
            "that is in it: give it a token, in TORC_FRAMES_SERVE_TOKEN or a file that --token-file names"
        )
    return place


def _is_any(host: str) -> bool:
    address = address_of(host)
    return address is not None and address.is_unspecified


def _url(host: str, port: int, name: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/_db/{name}/torc-service"


def _config(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol(
            headers_seconds=limits.headers_seconds,
            body_seconds=limits.body_seconds,
            answer_seconds=limits.answer_seconds,
        ),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.end_seconds,
    )


@contextmanager
def _logged() -> Iterator[None]:
    """Write a line for each request, and what uvicorn has to say, on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    loggers = {
        logging.getLogger(ACCESS_LOG): logging.INFO,
        logging.getLogger("uvicorn.error"): logging.WARNING,
    }
    for logger, level in loggers.items():
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True
