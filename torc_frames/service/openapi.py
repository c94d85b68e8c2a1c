"""The service's description in OpenAPI 3, made of its operations and the shapes of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torc_frames.service.documents.bodies import DEFAULTS, SPECIFICATION, WORKFLOW_SPECIFICATION, BodyShape
from torc_frames.service.routes import MODELS, PAGE_OF, Operation
from torc_frames.settings import __version__
from torc_frames.store.wire.legacy import Form

__all__ = ["description"]

_SUMMARY = "torc's service of 2023, as torc_frames serves it from an embedded store."


_ERROR = "default_error_response"

_KINDS = ("string", "integer", "number", "boolean", "object")
_STRING, _INTEGER, _NUMBER, _BOOLEAN, _OBJECT = ({"type": kind} for kind in _KINDS)


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
        "components": {"schemas": _schemas(names)},
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
            "default": _content("Not done.", _ERROR),
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
    content = {"content": {"application/json": {"schema": _schema(name)}}}
    return {"description": text, **content} if text else content


def _object(required: Iterable[str], **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return made | ({"required": list(required)} if required else {})


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _model(shape: BodyShape, form: Form) -> dict[str, Any]:
    """Return the schema of the documents of a shape."""
    properties = {
        name: kind.schema
        if name in shape.required or name not in DEFAULTS
        else {**kind.schema, "default": DEFAULTS[name]}
        for name, kind in shape.fields[form].items()
        if name != shape.untold
    }
    system = (
        {}
        if shape in (SPECIFICATION, WORKFLOW_SPECIFICATION)
        else dict.fromkeys(("_key", "_id", "_rev"), _STRING)
    )
    return _object(shape.required, **properties, **system)


def _schema(name: str) -> dict[str, Any]:
    """Return where the schema of a name is found; documents of any shape are just objects."""
    return _OBJECT if name == "document" else {"$ref": f"#/components/schemas/{name}"}


_MODELS = {
    **{name: _model(shape, form) for name, (shape, form) in MODELS.items()},
    "JobsModel": _object(["jobs"], jobs=_list_of(_schema("JobModel"))),
    "items_of_JobModel": _object([], items=_list_of(_schema("JobModel"))),
    "items": _object([], items=_list_of(_OBJECT)),
    _ERROR: _object(
        ["error", "errorNum", "errorMessage", "code"],
        **{"error": _BOOLEAN, "errorNum": _INTEGER, "errorMessage": _STRING, "code": _INTEGER},
    ),
}


def _schemas(names: set[str]) -> dict[str, Any]:
    """Return the schemas of these names, pages among them, and of what they refer to."""
    found: dict[str, Any] = {_ERROR: _MODELS[_ERROR]}
    for name in sorted(names - {"document"}):
        item = name.removeprefix(PAGE_OF)
        found[name] = _page(item) if item != name else _MODELS[name]
        if item in _MODELS:
            found[item] = _MODELS[item]
    return found


def _page(item: str) -> dict[str, Any]:
    counts = ("skip", "limit", "max_limit", "count", "total_count")
    return _object(
        ["skip", "max_limit", "count", "total_count", "has_more"],
        **{"items": _list_of(_schema(item)), **dict.fromkeys(counts, _INTEGER), "has_more": _BOOLEAN},
    )
