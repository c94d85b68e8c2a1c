"""The service's description in OpenAPI 3, made of the table of its operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torc_frames.service.routes import Operation
from torc_frames.service.schemas import ERROR, schema, schemas
from torc_frames.settings import __version__
from torc_frames.store.wire.legacy import Form

__all__ = ["description"]

_SUMMARY = "torc's service of 2023, as torc_frames serves it from an embedded store."


def description(operations: Iterable[Operation], base: str, *, secured: bool) -> dict[str, Any]:
    """Return the description of these operations.

    Parameters
    ----------
    operations : iterable of Operation
        Of two with the same method and path the first is described: that is the first form's.
    base : str
        The path below which they are served.
    secured : bool
        Whether a token is asked for.
    """
    paths: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        if operation.method.lower() not in methods:
            methods[operation.method.lower()] = _described(operation)
            names |= {operation.answer, operation.body} - {""}
    made: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": "torc-service", "description": _SUMMARY, "version": __version__},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": schemas(names)},
    }
    if secured:
        kinds = {kind: {"type": "http", "scheme": kind} for kind in ("basic", "bearer")}
        made["components"]["securitySchemes"] = kinds
        made["security"] = [{kind: []} for kind in kinds]
    return made


def _described(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": _parameter(name, kind, operation.pages)}
        for name, kind in operation.query
    ]
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": (operation.action.__doc__ or "").partition("\n")[0].rstrip("."),
        "parameters": parameters,
        "responses": {
            "200": _content("Done.", operation.answer),
            "default": _content("Not done.", ERROR),
        },
    }
    if operation.body:
        made["requestBody"] = {"required": True, **_content("", operation.body)}
    return made


def _parameter(name: str, kind: str, pages: Form) -> dict[str, Any]:
    if name not in ("skip", "limit"):
        return {"type": kind}
    most = {"default": 0 if name == "skip" else pages.value}
    return {"type": "number", "minimum": 0, "multipleOf": 1, **most}


def _content(text: str, name: str) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": schema(name)}}}
    return {"description": text, **content} if text else content
