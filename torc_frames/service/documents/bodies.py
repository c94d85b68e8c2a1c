"""What clients of the dialect of 2023 send: is it a document of its collection, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.errors import IllegalKeyError
from torc_frames.store.wire.legacy import JOBS, RESULTS, USER_DATA, WORKFLOWS, Form

__all__ = [
    "CONFIG",
    "CONFIGS",
    "DEFAULTS",
    "EDGE",
    "EVENTS",
    "FILES",
    "REQUIREMENTS",
    "SCHEDULERS",
    "SHAPES",
    "SPECIFICATION",
    "STATUS",
    "WORKFLOW_SPECIFICATION",
    "Attributes",
    "Body",
    "BodyShape",
    "Kind",
    "ids_in",
    "joined",
    "read_body",
    "value_of",
]

FILES = "files"
EVENTS = "events"
REQUIREMENTS = "resource_requirements"
CONFIGS = "workflow_configs"
SCHEDULERS = ("aws_schedulers", "local_schedulers", "slurm_schedulers")

Attributes = dict[str, msgspec.Raw]

_SYSTEM = ("_key", "_rev", "_id", "_oldRev")
_MAX_DEPTH = 250
_read = msgspec.json.Decoder(Attributes).decode


class Kind:
    """What the value of an attribute may be: in words, as a type, and in OpenAPI."""

    def __init__(self, noun: str, kind: Any, **schema: Any) -> None:
        self.noun = noun
        self.decode = msgspec.json.Decoder(kind).decode
        self.schema = {"type": noun.split()[1], **schema}


# As large as a number can be that JavaScript counts with.
_Int = Annotated[int, msgspec.Meta(ge=1 - 2**53, le=2**53 - 1)]

_TEXT = Kind("a string", str)
_TEXT_OR_NULL = Kind("a string", str | None, nullable=True)
_TEXTS = Kind("an array of strings", list[str], items=_TEXT.schema)
_FLAG = Kind("a boolean", bool)
_FLAG_OR_NULL = Kind("a boolean", bool | None, nullable=True)
_INT = Kind("an integer", _Int)
_NUMBER = Kind("a number", float)
_OBJECT = Kind("an object", Attributes)
_OBJECT_OR_NULL = Kind("an object", Attributes | None, nullable=True)
_OBJECTS = Kind("an array of objects", list[Attributes], items=_OBJECT.schema)
_OBJECTS_OR_NULL = Kind("an array of objects", list[Attributes] | None, items=_OBJECT.schema, nullable=True)

DEFAULTS: Mapping[str, Any] = {
    **{"cancel_on_blocking_job_failure": True, "interruptible": False, "supports_termination": False},
    **{"run_id": 0, "is_ephemeral": False, "is_archived": False},
    **{"num_cpus": 1, "num_gpus": 0, "num_nodes": 1, "memory": "1m"},
}
"""What attributes are that were not sent."""


class BodyShape(NamedTuple):
    """What the documents of a collection are."""

    noun: str
    """One of them, with its article, as the messages of the first form name it."""
    fields: Mapping[Form, Mapping[str, Kind]] = {}
    """What attributes they have in each form; in a form that is not here, any."""
    required: tuple[str, ...] = ()
    untold: str = ""
    """The attribute that the service's description leaves out."""


def _both(**fields: Kind) -> dict[Form, dict[str, Kind]]:
    return {Form.FIRST: fields, Form.LATER: fields}


SHAPES = {
    WORKFLOWS: BodyShape(
        "a workflow",
        {
            Form.FIRST: {"name": _TEXT, "user": _TEXT, "description": _TEXT},
            Form.LATER: {
                **dict.fromkeys(("name", "user", "description", "timestamp"), _TEXT_OR_NULL),
                "is_archived": _FLAG_OR_NULL,
            },
        },
    ),
    JOBS: BodyShape(
        "a job",
        {
            Form.FIRST: {
                **{"name": _TEXT, "command": _TEXT, "status": _TEXT, "run_id": _INT, "internal": _OBJECT},
                **{"cancel_on_blocking_job_failure": _FLAG, "interruptible": _FLAG},
            },
            Form.LATER: {
                **{"name": _TEXT, "command": _TEXT, "status": _TEXT, "internal": _OBJECT},
                **{"cancel_on_blocking_job_failure": _FLAG, "supports_termination": _FLAG},
                **{"invocation_script": _TEXT_OR_NULL, "schedule_compute_nodes": _OBJECT_OR_NULL},
                **{"resource_requirements": _TEXT, "scheduler": _TEXT, "blocked_by": _TEXTS},
                **{"input_files": _TEXTS, "output_files": _TEXTS},
                **{"input_user_data": _TEXTS, "output_user_data": _TEXTS},
            },
        },
        ("command",),
        untold="internal",
    ),
    USER_DATA: BodyShape(
        "an user data",
        {Form.LATER: {"name": _TEXT_OR_NULL, "is_ephemeral": _FLAG, "data": _OBJECT_OR_NULL}},
    ),
    RESULTS: BodyShape(
        "a result",
        _both(
            **{"job_key": _TEXT, "run_id": _INT, "return_code": _INT, "exec_time_minutes": _NUMBER},
            **{"completion_time": _TEXT, "status": _TEXT},
        ),
        ("job_key", "run_id", "return_code", "exec_time_minutes", "completion_time", "status"),
    ),
    FILES: BodyShape("a file", _both(name=_TEXT, path=_TEXT, st_mtime=_NUMBER), ("path",)),
    EVENTS: BodyShape("an event"),
    REQUIREMENTS: BodyShape(
        "a resource requirements",
        _both(
            **{"name": _TEXT, "num_cpus": _INT, "num_gpus": _INT, "num_nodes": _INT},
            **{"memory": _TEXT, "runtime": _TEXT},
        ),
    ),
}

_SPECIFIED = {
    **{"name": _TEXT, "key": _TEXT, "command": _TEXT, "user_data": _OBJECTS},
    **{"cancel_on_blocking_job_failure": _FLAG, "interruptible": _FLAG, "scheduler": _TEXT},
    **{"resource_requirements": _TEXT, "blocked_by": _TEXTS},
    **{"input_files": _TEXTS, "output_files": _TEXTS},
}
SPECIFICATION = BodyShape(
    "a job",
    {
        Form.FIRST: _SPECIFIED,
        Form.LATER: {
            **_SPECIFIED,
            **{"supports_termination": _FLAG, "invocation_script": _TEXT, "schedule_compute_nodes": _OBJECT},
            **{"input_user_data": _TEXTS, "output_user_data": _TEXTS},
        },
    },
    ("command",),
)
WORKFLOW_SPECIFICATION = BodyShape(
    "a workflow",
    _both(
        **dict.fromkeys(("name", "key", "user", "description"), _TEXT_OR_NULL),
        **dict.fromkeys(("jobs", FILES, REQUIREMENTS, "user_data"), _OBJECTS_OR_NULL),
        **dict.fromkeys(("schedulers", "config"), _OBJECT_OR_NULL),
    ),
)

CONFIG = BodyShape("a config", _both(compute_node_resource_stats=_OBJECT))
STATUS = BodyShape("a status", _both(is_canceled=_FLAG, run_id=_INT, auto_tune_status=_OBJECT))
EDGE = BodyShape("an edge", _both(_from=_TEXT, _to=_TEXT, data=_OBJECT), ("_from", "_to"), untold="data")


class Body(NamedTuple):
    """A document that was sent."""

    attributes: Attributes
    """All but the system's, each undecoded on one line."""
    key: str | None
    rev: str | None


def read_body(form: Form, shape: BodyShape, document: bytes, *, new: bool = True) -> Body:
    """Return what is in a document.

    Parameters
    ----------
    new : bool
        Whether it must be complete; of an update, what is not sent stays as it is.

    Raises
    ------
    RefusedError
        If it is not JSON, or not of the shape, or nested deeper than all that reads it can follow.
    IllegalKeyError
        If the key of a new one is no string.
    """
    try:
        # `Raw` alone takes text that is not UTF-8, and numbers that nobody could read.
        whole = msgspec.json.decode(document)
        found = _read(document.replace(b"\n", b" ").replace(b"\r", b" "))
    except msgspec.ValidationError as error:
        raise RefusedError(f"request body must be an object that can be read: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"request body is not JSON: {error}") from None
    if document.count(b"{") + document.count(b"[") > _MAX_DEPTH and _is_deep(whole):
        raise RefusedError(f"request body is nested deeper than {_MAX_DEPTH} levels")
    system = {name: found.pop(name) for name in _SYSTEM if name in found}
    attributes = _checked(form, shape, found, new=new)
    if not new:
        return Body(attributes, _text(system, "_key"), _text(system, "_rev"))
    key = value_of(system, "_key")
    if not isinstance(key, str | None):
        raise IllegalKeyError(f"illegal document key: {key!r:.300}")
    return Body(attributes, key, None)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [one for each in inside for one in each if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _checked(form: Form, shape: BodyShape, found: Attributes, *, new: bool) -> Attributes:
    fields = shape.fields.get(form)
    for name in shape.required if new else ():
        if name not in found:
            raise RefusedError(f'request body "{name}" is required')
    for name, value in found.items() if fields is not None else ():
        kind = fields.get(name) if fields else None
        if kind is None:
            raise RefusedError(f'request body "{name}" is not allowed')
        try:
            kind.decode(value)
        except msgspec.ValidationError:
            raise RefusedError(f'request body "{name}" must be {kind.noun}') from None
    return found


def _text(system: Attributes, name: str) -> str | None:
    try:
        return msgspec.json.decode(system.get(name, b"null"), type=str | None)
    except msgspec.ValidationError:
        raise RefusedError(f'request body "{name}" must be a string') from None


def value_of(attributes: Mapping[str, msgspec.Raw], name: str, default: Any = None) -> Any:
    """Return the decoded value of an attribute, `default` if it is not there or null."""
    raw = attributes.get(name)
    value = None if raw is None else msgspec.json.decode(raw)
    return default if value is None else value


def ids_in(attributes: Attributes, name: str) -> list[str]:
    """Return an attribute that is an array of strings, without those that come twice."""
    return list(dict.fromkeys(value_of(attributes, name, [])))


def joined(head: bytes, raw: bytes) -> bytes:
    """Return two raw JSON objects, the first not empty, as one."""
    inside = raw.strip()[1:-1].strip()
    return head[:-1] + b"," + inside + b"}" if inside else head
