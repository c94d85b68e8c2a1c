"""The application: from a request to its operation, and from what that says to the answer."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from torc_frames.errors import UnavailableError
from torc_frames.service.budget import FREE, Budget, Share
from torc_frames.service.calls import Call, path_values, query_values
from torc_frames.service.documents.collections import Documents
from torc_frames.service.errors import HttpError
from torc_frames.service.openapi import description
from torc_frames.service.refusals import refusal_of
from torc_frames.service.routes import Operation, operations
from torc_frames.service.safety import RequestGuard, Rules, read_body, refused
from torc_frames.store.wire.legacy import Form, encode

__all__ = ["Threads", "application"]

_BASE = "/_db/{database}/torc-service"
_DESCRIPTION = "/openapi.json"

log = logging.getLogger(__name__)


class Threads(NamedTuple):
    """Where the store is used: several threads read, one writes, as SQLite has one writer at a time."""

    readers: Executor
    writer: Executor


def application(
    documents: Documents,
    threads: Threads,
    rules: Rules,
    *,
    forms: Iterable[Form],
    database: str,
    max_body: int,
    budget: Budget,
) -> ASGIApp:
    """Return the service as an ASGI application.

    Parameters
    ----------
    documents : Documents
        What is served.
    threads : Threads
        In which it is used.
    rules : Rules
        What is refused before.
    forms : iterable of Form
        Which forms of the dialect; what two of them have in common is spoken in the last one's way, but
        in pages of the first's size.
    database : str
        The name in the url that the description at the root gives; any name is served.
    max_body : int
        The most bytes of a body.
    budget : Budget
        What all bodies and answers together may take.
    """
    table = [operation for form in forms for operation in operations(form)]
    endpoints: dict[str, _Endpoint] = {}
    for operation in table:
        endpoint = endpoints.setdefault(operation.path, _Endpoint(documents, threads, max_body, budget))
        endpoint.operations[operation.method] = operation
    # What is written in a path goes before what stands for anything.
    paths = sorted(endpoints, key=lambda path: [part.startswith("{") for part in path.split("/")])
    described = _describing(table, secured=rules.token is not None, database=database)
    routes = [
        Route(_BASE + path, endpoints[path], methods=list(endpoints[path].operations)) for path in paths
    ]
    routes += [Route(start + _DESCRIPTION, described, methods=["GET"]) for start in (_BASE, "")]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_route})
    app.router.redirect_slashes = False
    return RequestGuard(_undecoded(app), rules)


def _undecoded(app: ASGIApp) -> ASGIApp:
    """Return an application that sees paths as they were sent: an encoded slash does not part segments."""

    async def with_raw_path(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": scope["raw_path"].decode("latin-1")}, receive, send)

    return with_raw_path


class _Answer(Response):
    """An answer in parts: each is sent when the client has read those before.

    As a whole it would be in the memory of the connection, and sent for all that this is told.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, max(len(self.body), 1), FREE):
            end = start + FREE
            part = {"body": self.body[start:end], "more_body": end < len(self.body)}
            await send({"type": "http.response.body", **part})


class _Endpoint:
    """The operations of one path."""

    def __init__(self, documents: Documents, threads: Threads, max_body: int, budget: Budget) -> None:
        self.operations: dict[str, Operation] = {}
        self._documents = documents
        self._threads = threads
        self._max_body = max_body
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        with self._budget.share() as share:
            response = await self._answer(self.operations[method], scope, receive, share)
            if response is not None:
                await response(scope, receive, send)

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive, share: Share
    ) -> Response | None:
        """Return the answer, None if nobody waits for it any more."""
        call = Call(operation.method, operation.form, operation.pages, operation.collection, {})
        try:
            call = call._replace(path=_path_of(scope))
            if operation.query:
                skip, limit, filters = query_values(scope["query_string"], operation.query, operation.pages)
                call = call._replace(skip=skip, limit=limit, filters=filters)
            if operation.method != "GET":
                body = await read_body(scope, receive, self._max_body, share)
                if body is None:
                    return None
                call = call._replace(body=body)
            answer = await self._done(operation, call)
            if operation.method == "GET":
                share.hold(len(answer))
            else:  # what was written is not to look as if it were not
                share.keep(len(answer))
            return _Answer(answer, media_type="application/json")
        except Exception as error:  # noqa: BLE001 (whatever it is, the client gets an answer that says little)
            if isinstance(error, UnavailableError):
                log.warning("%s of %s: %s", scope["method"], scope["path"], error)
            return refused(refusal_of(error, call) or _unexpected(error, scope))

    async def _done(self, operation: Operation, call: Call) -> bytes:
        threads = self._threads.readers if operation.method == "GET" else self._threads.writer
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, operation.action, self._documents, call)


def _describing(
    table: list[Operation], *, secured: bool, database: str
) -> Callable[[Request], Awaitable[Response]]:
    """Return what serves the description; ``?form=first`` and ``?form=later`` narrow it."""

    async def described(request: Request) -> Response:
        wanted = request.query_params.get("form", "").upper()
        chosen = [operation for operation in table if wanted in ("", operation.form.name)]
        base = _BASE.format(database=request.path_params.get("database", database))
        body = encode(description(chosen, base, secured=secured))
        return Response(body, media_type="application/json")

    return described


def _path_of(scope: Scope) -> dict[str, str]:
    values: Mapping[str, str] = scope["path_params"]
    return path_values({name: value for name, value in values.items() if name != "database"})


def _unexpected(error: Exception, scope: Scope) -> HttpError:
    reference = secrets.token_hex(4)
    log.error("reference %s: %s of %s failed", reference, scope["method"], scope["path"], exc_info=error)
    return HttpError(
        500, f"something went wrong in the service; its log knows more by the reference {reference}"
    )


async def _no_such_route(request: Request, error: Exception) -> Response:
    """Answer a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        message = f"{request.method} is not a method of this path"
        return refused(HttpError(405, message, headers={"Allow": allowed}))
    return refused(HttpError(404, f"unknown path '{request.scope['path']}'"))
