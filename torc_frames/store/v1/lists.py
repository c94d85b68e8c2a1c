"""Reading the lists of a torc-server page by page, the next one on its way while one is decoded."""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import msgspec

from torc_frames.errors import ServerError, TornReadError
from torc_frames.store.wire import v1

__all__ = [
    "FIRST_ROWS",
    "Get",
    "Listing",
    "Pages",
    "Reader",
    "count",
    "decoded",
    "ends_with",
    "grow",
    "listed",
    "relations",
]

AT_ONCE = 2
"""How many pages are asked for at once: the server reads one from its database while it sends another."""

MAX_ROWS = 99_999
PAGE_BYTES = 8 * 2**20
FIRST_ROWS = 2_000
_GROWTH = 8
_MANY_ROWS = 300_000

Get = Callable[[str, Mapping[str, object]], bytes]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the server: where it is, what its pages are, and what tells its rows apart."""

    path: str
    params: Mapping[str, object]
    kind: type[Any]
    key: Callable[[Any], Any] = operator.attrgetter("id")
    unique: bool = True
    """Whether keys ascend from row to row."""
    newest: str = "id"
    """The column that rows are in the order of."""
    age: Callable[[Any], Any] = operator.attrgetter("id")
    """What that column has in a row."""
    first_rows: int | None = None
    page_bytes: int | None = None


def relations(workflow_key: object) -> Listing:
    """Return the list of relationships; the server joins all anew for each page, so that few are best."""
    path = f"/workflows/{workflow_key}/job_user_data_relationships"
    return Listing(
        path,
        {},
        v1.LinkItems,
        v1.relationship,
        unique=False,
        newest="user_data_id",
        age=operator.attrgetter("user_data_id"),
        first_rows=10 * FIRST_ROWS,
        page_bytes=2 * PAGE_BYTES,
    )


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


def ends_with(get: Get, listing: Listing, rows: int, last: Any) -> bool:
    """Return whether a row still has the place in a list that it had, so that none before it was deleted."""
    newest = {**listing.params, "sort_by": listing.newest, "reverse_sort": True, "limit": 1}
    page = decoded(listing.kind, get(listing.path, newest), listing.path)
    if page.total_count != rows:
        # There are newer rows. The server takes longer to count its way to the place of this one.
        place = {**listing.params, "offset": rows - 1, "limit": 1}
        page = decoded(listing.kind, get(listing.path, place), listing.path)
    return bool(page.items) and listing.age(page.items[0]) == listing.age(last)


def listed(get: Get, listing: Listing) -> Iterator[list[Any]]:
    """Yield the rows of one list, a page at a time; see `Pages`."""
    reader = Reader(get)
    try:
        yield from reader.plan(listing)
    finally:
        reader.close()


class Reader:
    """Reads lists, with requests under way while what has come is decoded.

    Lists are begun in the order in which they are planned, each when the one before has come. Nothing
    is asked for before the first of them is iterated over.
    """

    def __init__(self, get: Get) -> None:
        self.get = get
        self.lock = threading.RLock()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._planned: deque[Pages] = deque()

    def plan(self, listing: Listing, counted: int | None = None) -> Pages:
        """Return the pages of a list, to be read after those that were planned before; see `Pages`."""
        pages = Pages(self, listing, counted)
        self._planned.append(pages)
        return pages

    def submit(self, do: Callable[..., T], *arguments: Any) -> Future[T]:
        """Make a request as soon as fewer than `AT_ONCE` are under way."""
        return self._pool.submit(do, *arguments)

    def begin_next(self) -> None:
        """Begin the next list that was planned and not begun."""
        with self.lock:
            while self._planned and self._planned[0].begun:
                self._planned.popleft()
            if self._planned:
                self._planned[0].begin()

    def still_end(self, lists: Iterable[tuple[Listing, int, Any]]) -> list[bool]:
        """Return for each list, its rows and the last of them, whether they are there; see `ends_with`."""
        coming = [self.submit(ends_with, self.get, *one) for one in lists]
        return [one.result() for one in coming]

    def close(self) -> None:
        """Ask for nothing more, and wait for the requests that are under way."""
        self._pool.shutdown(cancel_futures=True)


class Pages:
    """The rows of a list, oldest first: what is there when it is begun, or was when it was counted.

    Each page begins with the last row of the one before: rows that were deleted meanwhile would move
    all that follow. What is added meanwhile comes after the end and is left out. Iterating raises
    TornReadError if rows were deleted meanwhile, DroppedConnectionError if the server can't write a page.
    """

    def __init__(self, reader: Reader, listing: Listing, counted: int | None) -> None:
        self.begun = False
        self._counted = counted
        self._reader = reader
        self._listing = listing
        self._coming: deque[tuple[int, int, Future[bytes]]] = deque()
        self._asked = 0
        self._arrived = 0
        self._total = 0
        self._rows = listing.first_rows or FIRST_ROWS
        self._row_bytes = 0.0

    def begin(self) -> None:
        """Ask for the first page, unless that was done."""
        with self._reader.lock:
            if not self.begun:
                self.begun = True
                self._submit()

    def __iter__(self) -> Iterator[list[Any]]:
        self.begin()
        listing, last = self._listing, None
        while self._coming:
            offset, rows, coming = self._coming.popleft()
            body = coming.result()
            self._ask_ahead()
            items = decoded(listing.kind, body, listing.path).items
            del body, coming
            rows = min(rows, self._total - offset)
            if not offset and len(items) < rows:
                rows = self._go_on_from(len(items))
            items = _continued(items, listing, offset, last, rows)
            if items:
                last = listing.key(items[-1])
                yield items

    def _go_on_from(self, rows: int) -> int:
        """Ask for what follows a first page of fewer rows than asked for.

        The server counts after it has read a page: others may have added rows in between.
        """
        with self._reader.lock:
            for _, _, coming in self._coming:
                coming.cancel()
            self._coming.clear()
            self._asked = self._arrived = rows
            if not rows:
                self._total = 0
            self._ask_ahead()
        return rows

    def _ask_ahead(self) -> None:
        with self._reader.lock:
            while self._asked < self._total and len(self._coming) <= AT_ONCE:
                self._submit()

    def _submit(self) -> None:
        offset, rows = self._asked, self._rows
        self._asked += rows
        self._coming.append((offset, rows, self._reader.submit(self._ask, offset, rows)))

    def _ask(self, offset: int, rows: int) -> bytes:
        listing, overlap = self._listing, int(offset > 0)
        page = {"offset": offset - overlap, "limit": rows + overlap}
        body = self._reader.get(listing.path, {**listing.params, **page})
        with self._reader.lock:
            if not offset:
                total = decoded(v1.Total, body, listing.path).total_count
                self._total = total if self._counted is None else self._counted
            self._arrived += rows
            self._row_bytes = max(self._row_bytes, len(body) / rows)
            # The server counts all rows anew for each page: many rows come in larger pages.
            page_bytes = (listing.page_bytes or PAGE_BYTES) * max(1, self._total // _MANY_ROWS)
            self._rows = grow(rows, self._row_bytes * rows, page_bytes)
            self._ask_ahead()
            if self._arrived >= self._total:
                self._reader.begin_next()
        return body


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


def grow(rows: int, size: float, page_bytes: int | None = None) -> int:
    """Return how many rows to ask for next, after so many took so many bytes."""
    fitting = int((page_bytes or PAGE_BYTES) * rows / max(size, 1))
    return max(1, min(rows * _GROWTH, fitting, MAX_ROWS))
