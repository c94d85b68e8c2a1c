"""The shapes of documents, as the service's description shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torc_frames.service.documents.bodies import DEFAULTS, SPECIFICATION, BodyShape
from torc_frames.service.routes import MODELS, PAGE_OF
from torc_frames.store.wire.legacy import Form

__all__ = ["ERROR", "schema", "schemas"]

ERROR = "default_error_response"

_KINDS = ("string", "integer", "number", "boolean", "object")
_STRING, _INTEGER, _NUMBER, _BOOLEAN, _OBJECT = ({"type": kind} for kind in _KINDS)


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
    system = {} if shape is SPECIFICATION else dict.fromkeys(("_key", "_id", "_rev"), _STRING)
    return _object(shape.required, **properties, **system)


def schema(name: str) -> dict[str, Any]:
    """Return where the schema of a name is found; documents of any shape are just objects."""
    return _OBJECT if name == "document" else {"$ref": f"#/components/schemas/{name}"}


_MODELS = {
    **{name: _model(shape, form) for name, (shape, form) in MODELS.items()},
    "JobsModel": _object(["jobs"], jobs=_list_of(schema("JobModel"))),
    "items_of_JobModel": _object([], items=_list_of(schema("JobModel"))),
    "items": _object([], items=_list_of(_OBJECT)),
    ERROR: _object(
        ["error", "errorNum", "errorMessage", "code"],
        **{"error": _BOOLEAN, "errorNum": _INTEGER, "errorMessage": _STRING, "code": _INTEGER},
    ),
}


def schemas(names: set[str]) -> dict[str, Any]:
    """Return the schemas of these names, pages among them, and of what they refer to."""
    found: dict[str, Any] = {ERROR: _MODELS[ERROR]}
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
        **{"items": _list_of(schema(item)), **dict.fromkeys(counts, _INTEGER), "has_more": _BOOLEAN},
    )
