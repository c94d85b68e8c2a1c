"""Reading the lists of a torc-server page by page, the next one on its way while one is decoded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from torc_frames.errors import ServerError, TornReadError
from torc_frames.wire import v1

__all__ = ["FIRST_ROWS", "Get", "Listing", "count", "decoded", "grow", "listed"]

MAX_ROWS = 50_000
PAGE_BYTES = 8 * 2**20
FIRST_ROWS = 2_000
_GROWTH = 8

Get = Callable[[str, Mapping[str, object]], bytes]


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the server: where it is, what its pages are, and what tells its rows apart."""

    path: str
    params: Mapping[str, object]
    kind: type[Any]
    key: Callable[[Any], Any] = operator.attrgetter("id")
    unique: bool = True
    """Whether keys ascend from row to row."""


def decoded(kind: type[Any], body: bytes, what: str) -> Any:
    """Return a reply as what it should be; ServerError if it is something else."""
    try:
        return v1.decode(kind, body)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what torc-server answered for {what} is not understood: {error}") from None


def count(get: Get, listing: Listing) -> int:
    """Return how many rows the server says that a list has."""
    page = decoded(listing.kind, get(listing.path, {**listing.params, "limit": 0}), listing.path)
    return int(page.total_count)


def listed(get: Get, listing: Listing, counted: int | None = None) -> Iterator[list[Any]]:
    """Yield the rows of a list that are there when it is begun, or were when they were counted, oldest first.

    Each page begins with the last row of the one before: rows that were deleted meanwhile would move
    all that follow. What is added meanwhile comes after the end and is left out.

    Raises
    ------
    TornReadError
        If rows were deleted meanwhile.
    DroppedConnectionError
        If the server can't write a page.
    """

    def ask(offset: int, rows: int) -> bytes:
        overlap = int(offset > 0)
        page = {"offset": offset - overlap, "limit": rows + overlap}
        return get(listing.path, {**listing.params, **page})

    offset, rows, total, last = 0, FIRST_ROWS, -1, None
    pool = ThreadPoolExecutor(1)
    try:
        body = ask(offset, rows)
        while True:
            coming: Future[bytes] | None = None
            following, grown = offset + rows, grow(rows, len(body))
            if following < total:
                coming = pool.submit(ask, following, grown)
            page = decoded(listing.kind, body, listing.path)
            if total < 0:
                total = page.total_count if counted is None else counted
                coming = pool.submit(ask, following, grown) if following < total else None
            items = _continued(page.items, listing, offset, last, min(rows, total - offset))
            if items:
                last = listing.key(items[-1])
                yield items
            if coming is None:
                return
            offset, rows, body = following, grown, coming.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _continued(items: list[Any], listing: Listing, offset: int, last: Any, rows: int) -> list[Any]:
    """Return the rows of a page that are new, as many as there should be."""
    if offset:
        if not items or listing.key(items[0]) != last:
            raise TornReadError(f"rows of {listing.path} were deleted while it was read")
        items = items[1:]
    if len(items) < rows:
        raise TornReadError(f"{listing.path} became shorter while it was read")
    items = items[:rows]
    if listing.unique:
        keys = [last, *map(listing.key, items)] if offset else list(map(listing.key, items))
        if not all(map(operator.lt, keys, islice(keys, 1, None))):
            raise TornReadError(f"rows of {listing.path} came twice, or out of order")
    return items


def grow(rows: int, size: int) -> int:
    """Return how many rows to ask for next, after so many took so many bytes."""
    fitting = int(PAGE_BYTES * rows / max(size, 1))
    return max(1, min(rows * _GROWTH, fitting, MAX_ROWS))
