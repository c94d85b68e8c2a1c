"""The JSON of torc's service of 2023, in both its forms, as its clients and the service need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "BLOCKS",
    "CONSUMES",
    "JOBS",
    "MAX_KEY_LENGTH",
    "REQUIREMENTS",
    "REQUIRES",
    "RESULTS",
    "STORES",
    "USER_DATA",
    "WORKFLOWS",
    "Edge",
    "Form",
    "Keys",
    "LaterRecord",
    "LegacyJob",
    "LegacyRecord",
    "LegacyResult",
    "LegacyWorkflow",
    "Need",
    "decode",
    "document_id",
    "encode",
    "error",
    "in_order",
    "is_key",
    "key_of",
    "listed_row",
    "merged",
    "page",
    "read_record",
    "record",
    "system_attributes",
]

WORKFLOWS = "workflows"
JOBS = "jobs"
USER_DATA = "user_data"
RESULTS = "results"
REQUIREMENTS = "resource_requirements"

# The names of edges.
BLOCKS = "blocks"
CONSUMES = "consumes"
REQUIRES = "requires"
STORES = "stores"

MAX_KEY_LENGTH = 254

encode = msgspec.json.Encoder().encode

_KEY = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]+")
_SYSTEM = ("_id", "_key", "_rev", "_oldRev")
_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Form(Enum):
    """That of the manual page's day, 2023-03-29, and that of late 2023; by the most rows of a page."""

    FIRST = 1_000
    LATER = 100_000


class LegacyRecord(NamedTuple):
    """One record, whichever form it came in."""

    key: str
    rev: str | None
    data: bytes
    """Raw JSON; ``null`` if it has none."""
    name: str | None = None
    is_ephemeral: bool = False


class _Document(msgspec.Struct, rename={"key": "_key", "id": "_id", "rev": "_rev"}):
    key: str
    id: str | None = None
    rev: str | None = None


class LegacyWorkflow(_Document):
    """A workflow; only the later form has a timestamp."""

    name: str | None = None
    user: str | None = None
    description: str | None = None
    timestamp: str | None = None
    is_archived: bool | None = None


class LegacyJob(_Document):
    """A job; only the first form has a run_id."""

    command: str = ""
    name: str | None = None
    status: str = "uninitialized"
    run_id: int = 0


class LegacyResult(_Document):
    """How a run of a job ended."""

    job_key: str = ""
    run_id: int = 0
    return_code: int = 0
    exec_time_minutes: float = 0.0
    completion_time: str = ""
    status: str = ""


class Need(_Document):
    """What a job needs as a service tells it, be it a document or its defaults, which have no key."""

    key: str = ""
    name: str | None = None
    num_cpus: int = 1
    num_gpus: int = 0
    num_nodes: int = 1
    memory: str | None = None
    runtime: str | None = None


class LaterRecord(_Document):
    """A record of the later form, its data undecoded."""

    name: str | None = None
    is_ephemeral: bool | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class Edge(msgspec.Struct, rename={"key": "_key", "origin": "_from", "target": "_to"}):
    """A link between two documents, by their ids."""

    origin: str
    target: str
    key: str | None = None


class Keys(msgspec.Struct):
    """The keys of all jobs of a workflow."""

    items: list[str]


def decode(kind: type[Any], body: bytes) -> Any:
    """Return a document as one of the classes here; msgspec.MsgspecError if it is something else."""
    return msgspec.json.decode(body, type=kind)


def is_key(text: str) -> bool:
    """Return whether a client may choose this key for a document.

    Examples
    --------
    >>> is_key("92181820"), is_key("a/b"), is_key("")
    (True, False, False)
    """
    return len(text) <= MAX_KEY_LENGTH and _KEY.fullmatch(text) is not None


def document_id(collection: str, key: str, workflow_key: str | None = None) -> str:
    """Return the ``_id`` of a document; without a workflow, that of a workflow.

    Examples
    --------
    >>> document_id(JOBS, "92181820", "92181686")
    'jobs__92181686/92181820'
    >>> document_id(WORKFLOWS, "92181686")
    'workflows/92181686'
    """
    return f"{collection}/{key}" if workflow_key is None else f"{collection}__{workflow_key}/{key}"


def key_of(document_id: str, collection: str, workflow_key: str) -> str | None:
    """Return the key in an ``_id``, None if that is of another collection or workflow.

    Examples
    --------
    >>> key_of("jobs__7/12", JOBS, "7")
    '12'
    >>> key_of("user_data__7/12", JOBS, "7")
    """
    home, _, key = document_id.partition("/")
    return key if home == f"{collection}__{workflow_key}" and key else None


def system_attributes(collection: str, key: str, rev: str, workflow_key: str | None = None) -> dict[str, str]:
    """Return what every document has."""
    return {"_id": document_id(collection, key, workflow_key), "_key": key, "_rev": rev}


def record(form: Form, workflow_key: str, one: LegacyRecord) -> bytes:
    """Return the document of a record; `read_record` is its inverse for data that is an object or null.

    In the first form a document is the data itself with system attributes, so that a record without
    data is an empty one; in the later form the data is the attribute ``data`` of a document. Data
    that is neither an object nor null becomes the attribute ``data`` of an object in both.

    Examples
    --------
    >>> one = LegacyRecord("12", "_a", b'{"key3": "val3"}')
    >>> record(Form.FIRST, "7", one)
    b'{"_id":"user_data__7/12","_key":"12","_rev":"_a","key3": "val3"}'
    >>> record(Form.LATER, "7", one)
    b'{"_id":"user_data__7/12","_key":"12","_rev":"_a","is_ephemeral":false,"data":{"key3": "val3"}}'
    """
    raw = one.data.strip()
    if raw != b"null" and raw[:1] != b"{":
        raw = b'{"data":%b}' % raw
    head = encode(system_attributes(USER_DATA, one.key, one.rev or "", workflow_key))[:-1]
    if form is Form.LATER:
        more: dict[str, object] = {"is_ephemeral": one.is_ephemeral}
        if one.name is not None:
            more["name"] = one.name
        data = b"" if raw == b"null" else b',"data":' + raw
        return head + b"," + encode(more)[1:-1] + data + b"}"
    inside = b"" if raw == b"null" else raw[1:-1].strip()
    if any(b'"%b' % name.encode() in inside for name in _SYSTEM) or b'"\\u' in inside:
        inside = encode(_without_system(_attributes(raw)))[1:-1]
    return head + (b"," + inside if inside else b"") + b"}"


def read_record(form: Form, document: bytes) -> LegacyRecord:
    """Return the record of a document; its key is "" if there is none.

    Raises
    ------
    msgspec.MsgspecError
        If the document is no object, or what is not data in it is not of the right type.
    """
    found = _attributes(document)
    key, rev = (_text(found.get(name)) for name in ("_key", "_rev"))
    if form is Form.FIRST:
        return LegacyRecord(key or "", rev, encode(_without_system(found)))
    is_ephemeral = found.get("is_ephemeral")
    return LegacyRecord(
        key or "",
        rev,
        bytes(found.get("data", b"null")),
        _text(found.get("name")),
        is_ephemeral is not None and bool(msgspec.json.decode(is_ephemeral, type=bool | None)),
    )


def _text(raw: msgspec.Raw | None) -> str | None:
    return None if raw is None else msgspec.json.decode(raw, type=str | None)


def _without_system(found: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {name: value for name, value in found.items() if name not in _SYSTEM}


def listed_row(kind: str, key: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as a row of torc's list of such things.

    Examples
    --------
    >>> listed_row("events", "7", {"_key": "7", "timestamp": 5, "category": "job"})
    {'id': '7', 'timestamp': 5, 'data': {'category': 'job'}}
    """
    own = {name: value for name, value in attributes.items() if name not in _SYSTEM}
    if kind == "events":
        told = isinstance(own.get("timestamp"), int)  # clients of the first form may have sent anything
        return {"id": key, "timestamp": own.pop("timestamp") if told else None, "data": own}
    return {**own, "id": key}


def page(form: Form, items: Iterable[bytes], skip: int, limit: int, total: int) -> bytes:
    """Return a page of documents, which are JSON already.

    Examples
    --------
    >>> page(Form.FIRST, [b'{"_key":"1"}'], 0, 1, 2)
    b'{"items":[{"_key":"1"}],"skip":0,"limit":1,"max_limit":1000,"count":1,"total_count":2,"has_more":true}'
    """
    rows = list(items)
    about = {
        "skip": skip,
        "limit": limit,
        "max_limit": form.value,
        "count": len(rows),
        "total_count": total,
        "has_more": skip + len(rows) < total,
    }
    return b'{"items":[' + b",".join(rows) + b"]," + encode(about)[1:]


def error(status: int, number: int, message: str) -> bytes:
    """Return the body of an answer that is an error.

    Examples
    --------
    >>> error(404, 1202, "Error: Document not found.")
    b'{"error":true,"errorNum":1202,"errorMessage":"Error: Document not found.","code":404}'
    """
    return encode({"error": True, "errorNum": number, "errorMessage": message, "code": status})


def merged(old: bytes, new: bytes, *, deep: bool) -> bytes:
    """Return raw JSON objects as one: the attributes of the new on top of the old ones'.

    Parameters
    ----------
    old, new : bytes
        Objects; all values stay as they are written.
    deep : bool
        Whether objects inside are merged, too, as the first form does, or replaced, as the later one does.

    Examples
    --------
    >>> merged(b'{"a":{"x":1},"b":2}', b'{"a":{"y":3}}', deep=True)
    b'{"a":{"x":1,"y":3},"b":2}'
    >>> merged(b'{"a":{"x":1},"b":2}', b'{"a":{"y":3}}', deep=False)
    b'{"a":{"y":3},"b":2}'
    """
    both = _attributes(old)
    for name, value in _attributes(new).items():
        before = bytes(both.get(name, b""))
        inside = deep and before[:1] == b"{" == bytes(value)[:1]
        both[name] = msgspec.Raw(merged(before, bytes(value), deep=True)) if inside else value
    return encode(both)


def in_order(raw: bytes) -> bytes:
    """Return JSON with the keys of objects sorted, to be compared.

    Examples
    --------
    >>> in_order(b'{"b":1.0, "a":[]}')
    b'{"a":[],"b":1.0}'
    """
    return _sorted(msgspec.json.decode(raw))


_sorted = msgspec.json.Encoder(order="deterministic").encode
