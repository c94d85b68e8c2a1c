"""Records of a service of 2023: their documents, and what can't be kept of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from torc_frames.errors import Problem, RefusedError
from torc_frames.store.wire.legacy import Form, LegacyRecord, encode
from torc_frames.store.wire.limits import json_problem

__all__ = ["body_of", "check"]

_SYSTEM = ("_id", "_key", "_rev", "_oldRev")


def body_of(record: LegacyRecord) -> bytes:
    """Return the document that adds a record in the first form, or with its rev changes it.

    Examples
    --------
    >>> body_of(LegacyRecord("a", None, b'{"x":1}'))
    b'{"_key":"a","x":1}'
    """
    told = {"_key": record.key} | ({} if record.rev is None else {"_rev": record.rev})
    inside = record.data.strip()[1:-1].strip()
    return encode(told)[:-1] + (b"," + inside if inside else b"") + b"}"


def check(form: Form, lines: Sequence[bytes]) -> None:
    """Refuse raw JSON that can't be had back as it is.

    Raises
    ------
    RefusedError
        With all that is wrong, by row.
    """
    problems = [
        Problem(row, None, reason) for row, line in enumerate(lines) if (reason := _refusal(form, line))
    ]
    if problems:
        raise RefusedError(problems)


def _refusal(form: Form, line: bytes) -> str | None:
    if reason := json_problem(line, msgspec.json.decode):
        return reason
    data: Any = msgspec.json.decode(line)
    if data is None and form is Form.LATER:
        return None
    if not isinstance(data, dict):
        null = ", and its first form can't tell null from {}" if data is None else ""
        return f"a service of 2023 keeps objects only{null}; put it into one"
    system = [name for name in _SYSTEM if name in data] if form is Form.FIRST else []
    if system:
        return f"has {', '.join(system)}, which the service of 2023 sets itself; use another name"
    return None
