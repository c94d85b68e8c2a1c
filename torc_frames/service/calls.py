"""A request as its operation sees it: path, numbers, filters and body, all checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from torc_frames.service.errors import HttpError
from torc_frames.store.wire.legacy import WORKFLOWS, Form

__all__ = ["Call", "Parameter", "path_values", "query_values"]

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
_LARGEST = 2**63 - 1
_MAX_DIGITS = 300


class Parameter(NamedTuple):
    """A query parameter that is not ignored."""

    name: str
    kind: str = "string"
    """What it is in OpenAPI: string, integer, boolean or number."""


class Call(NamedTuple):
    """One request.

    ``collection`` is the one whose document the path names, "" if it names none. ``pages`` is the form by
    whose size lists are cut. ``body`` is raw JSON, an object, or empty where the operation takes none.
    """

    method: str
    form: Form
    pages: Form
    collection: str
    path: Mapping[str, str]
    skip: int = 0
    limit: int = 0
    filters: Mapping[str, object] = {}
    body: bytes = b""

    @property
    def workflow(self) -> str:
        """The key of the workflow in the path."""
        return self.path["workflow"]

    @property
    def home(self) -> str | None:
        """The workflow that the collection is in; that of the workflows is in none."""
        return None if self.collection == WORKFLOWS else self.workflow

    @property
    def key(self) -> str:
        """The key of the document in the path."""
        return self.path["key"]


def path_values(raw: Mapping[str, str]) -> dict[str, str]:
    """Return the segments of a path as text; they come as they were sent.

    Examples
    --------
    >>> path_values({"workflow": "7", "key": "a%2Fb"})
    {'workflow': '7', 'key': 'a/b'}
    """
    try:
        return {name: unquote_to_bytes(value).decode() for name, value in raw.items()}
    except UnicodeDecodeError:
        raise HttpError(400, "the path is not UTF-8") from None


def query_values(
    query: bytes, parameters: Sequence[Parameter], pages: Form
) -> tuple[int, int, dict[str, object]]:
    """Return skip, limit and filters; parameters that are not known are ignored.

    Examples
    --------
    >>> known = [Parameter("status"), Parameter("interruptible", "boolean")]
    >>> query_values(b"skip=2&limit=5000.0&interruptible=True&sort=x", known, Form.FIRST)
    (2, 1000, {'interruptible': True})
    """
    try:
        given = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise HttpError(400, "the query is not UTF-8") from None
    skip = _count("skip", given.get("skip", "0"))
    limit = _count("limit", given.get("limit", str(pages.value)))
    filters = {
        name: _value(name, given[name], kind)
        for name, kind in parameters
        if kind != "number" and name in given
    }
    return skip, min(limit, pages.value), filters


def _value(name: str, text: str, kind: str) -> object:
    if kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise HttpError(400, f'query parameter "{name}" must be a boolean')
        return _BOOLEANS[text.lower()]
    return _integer(name, text) if kind == "integer" else text


def _integer(name: str, text: str) -> int:
    """Return a number without fraction; some clients write it with a point."""
    if _NUMBER.fullmatch(text) is None or len(text) > _MAX_DIGITS:
        raise HttpError(400, f'query parameter "{name}" must be a number')
    number = int(text) if text.lstrip("-").isdigit() else float(text)
    if not math.isinf(number) and number % 1:
        raise HttpError(400, f'query parameter "{name}" must be a number without a fraction')
    # The database takes no larger ones, and has none.
    return int(min(max(number, -_LARGEST), _LARGEST))


def _count(name: str, text: str) -> int:
    number = _integer(name, text)
    if number < 0:
        raise HttpError(400, f'query parameter "{name}" must be a number that is not negative')
    return number
