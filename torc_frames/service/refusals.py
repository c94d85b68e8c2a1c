"""What the service answers when it does not do what it was asked: status, number and words."""

from __future__ import annotations

from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from torc_frames.service.calls import Call
from torc_frames.service.errors import DuplicateKeyError, HttpError, IllegalKeyError
from torc_frames.store.wire.legacy import WORKFLOWS

__all__ = ["refusal_of"]

_COLLECTIONS = {"workflow": "workflows", "job": "jobs", "result": "results"}


def refusal_of(failure: Exception, call: Call) -> HttpError | None:
    """Return what to answer when a call failed so; None if that should not have happened."""
    if isinstance(failure, HttpError):
        return failure
    if isinstance(failure, NotFoundError):
        return HttpError(404, f"Error: Document not found. Operation: {_operation(failure, call)}")
    if isinstance(failure, ConflictError):
        return HttpError(409, f"Error: Conflicting revision. Operation: {_update(call)}")
    if isinstance(failure, DuplicateKeyError | IllegalKeyError):
        return HttpError(400, f"Database error occurred: {failure}", number=failure.number)
    if isinstance(failure, RefusedError):
        return HttpError(400, str(failure))
    if isinstance(failure, RecursionError):
        return HttpError(400, "request body is nested too deeply")
    if isinstance(failure, UnavailableError):
        return HttpError(503, "the database is busy or can not be reached", headers={"Retry-After": "1"})
    return None


def _operation(failure: NotFoundError, call: Call) -> str:
    kind = _COLLECTIONS.get(failure.kind, failure.kind)
    key = failure.keys[0]
    if call.method == "PUT" and kind == call.collection and key == call.path.get("key"):
        return _update(call)
    return f"Get {kind} with key={key}"


def _update(call: Call) -> str:
    noun = "workflow" if call.collection == WORKFLOWS else call.collection
    return f"Update {noun} key={call.path.get('key')}"
