"""Reading the lists of a server page by page, the next ones on their way while one is decoded."""

from __future__ import annotations

import operator
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Literal, TypeVar

import msgspec

from torc_frames.errors import ServerError, TornReadError

__all__ = [
    "FIRST_ROWS",
    "Get",
    "ListPage",
    "Listing",
    "Pages",
    "Reader",
    "count",
    "decoded",
    "grow",
    "listed",
]

AT_ONCE = 2
"""How many pages are asked for at once: a server reads one from its database while it sends another."""

MAX_ROWS = 99_999
PAGE_BYTES = 8 * 2**20
FIRST_ROWS = 2_000
_GROWTH = 8
_MANY_ROWS = 300_000

Get = Callable[[str, Mapping[str, object]], bytes]
T = TypeVar("T")


class ListPage(msgspec.Struct, Generic[T]):
    """A page of a list; ``max_limit`` is the most rows that a server gives at once."""

    items: list[T]
    total_count: int | None = None
    max_limit: int | None = None


class _Counted(msgspec.Struct):
    total_count: int | None = None
    items: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of a server: where it is, what its items are, and what tells its rows apart."""

    path: str
    item: Any
    params: Mapping[str, object] = field(default_factory=dict)
    row: Callable[[Any], Any] | None = None
    """What makes a row of an item."""
    key: Callable[[Any], Any] = operator.attrgetter("id")
    order: Literal["ascending", "any", "repeated"] = "ascending"
    """Whether keys ascend from row to row, are in any order, or may come again."""
    newest: str | None = "id"
    """The column that rows are in the order of, if the list can be asked for in another order, too."""
    age: Callable[[Any], Any] = operator.attrgetter("id")
    """What that column has in a row."""
    start: str = "offset"
    """The parameter that says how many rows to leave out."""
    exact: bool = True
    """Whether totals are right."""
    first_rows: int | None = None
    max_rows: int | None = None
    page_bytes: int | None = None

    def page(self, body: bytes, item: Any = None) -> ListPage[Any]:
        """Return a page, with its items as what they should be, or as another kind."""
        kind: Any = ListPage
        page: ListPage[Any] = decoded(kind[item or self.item], body, self.path)
        if self.exact and page.total_count is None:
            raise ServerError(f"what the server answered for {self.path} is not understood: it has no total")
        return page

    def ask(self, get: Get, **params: object) -> ListPage[Any]:
        """Ask for one page."""
        return self.page(get(self.path, {**self.params, **params}))


def decoded(kind: Any, body: bytes, what: str) -> Any:
    """Return a reply as what it should be; ServerError if it is something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise ServerError(f"what the server answered for {what} is not understood: {error}") from None


def count(get: Get, listing: Listing) -> int:
    """Return how many rows the server says that a list has."""
    # A torc-server can't write some rows: it is asked for none. Other totals are of pages of at least one.
    body = get(listing.path, {**listing.params, "limit": 0 if listing.exact else 1})
    page: _Counted = decoded(_Counted, body, listing.path)
    return len(page.items) if page.total_count is None else page.total_count


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

    def submit(self, do: Callable[..., bytes], *arguments: Any) -> Future[bytes]:
        """Make a request, in this context, as soon as fewer than `AT_ONCE` are under way."""
        return self._pool.submit(copy_context().run, do, *arguments)

    def begin_next(self) -> None:
        """Begin the next list that was planned and not begun."""
        with self.lock:
            while self._planned and self._planned[0].begun:
                self._planned.popleft()
            if self._planned:
                self._planned[0].begin()

    def verify(self, read: Iterable[Pages]) -> None:
        """Raise TornReadError if rows of lists that were read are not there any more."""
        for pages, same in [(one, self._pool.submit(one.still_there)) for one in read]:
            if not same.result():
                raise TornReadError(
                    f"rows of {pages.listing.path} were deleted or moved while the workflow was read"
                )

    def close(self) -> None:
        """Ask for nothing more, and wait for the requests that are under way."""
        self._pool.shutdown(cancel_futures=True)


class Pages:
    """The rows of a list, in its order: what is there when it is begun, or was when it was counted.

    Each page begins with the last row of the one before: rows that were deleted meanwhile would move
    all that follow. What is added meanwhile comes after the end and is left out. Iterating, once, raises
    TornReadError if rows were deleted meanwhile, DroppedConnectionError if the server can't write a page.

    Where totals are wrong, as services of 2023 told them, one goes on until a page is short; what is
    beyond a total that is more than the first page was added later, and is left out.

    Attributes
    ----------
    rows : int
        How many have been read.
    last : row or None
        The last of them.
    """

    def __init__(self, reader: Reader, listing: Listing, counted: int | None) -> None:
        self.listing = listing
        self.begun = False
        self.rows = 0
        self.last: Any = None
        self._reader = reader
        self._total = counted
        self._end = 0
        """Up to where there is something to ask for, as far as is known."""
        self._coming: deque[tuple[int, int, Future[bytes]]] = deque()
        self._asked = 0
        self._arrived = 0
        self._limit = min(listing.first_rows or FIRST_ROWS, _most(listing))
        self._row_bytes = 0.0
        self._keys: set[Any] = set()

    def begin(self) -> None:
        """Ask for the first page, unless that was done."""
        with self._reader.lock:
            if not self.begun:
                self.begun = True
                self._submit()

    def __iter__(self) -> Iterator[list[Any]]:
        self.begin()
        while self._coming:
            offset, rows, coming = self._coming.popleft()
            body = coming.result()
            self._ask_ahead()
            items = self.listing.page(body).items
            del body, coming
            if items := self._new(self._made(items), offset, rows):
                self.rows, self.last = offset + len(items), items[-1]
                yield items

    def _ask_ahead(self) -> None:
        most = AT_ONCE if self.listing.exact else 0
        with self._reader.lock:
            while self._asked < self._end and len(self._coming) <= most:
                self._submit()

    def _submit(self) -> None:
        offset, rows = self._asked, self._limit
        self._asked += rows
        self._coming.append((offset, rows, self._reader.submit(self._ask, offset, rows)))

    def _ask(self, offset: int, rows: int) -> bytes:
        overlap = int(offset > 0)
        page = {self.listing.start: offset - overlap, "limit": rows + overlap}
        body = self._reader.get(self.listing.path, {**self.listing.params, **page})
        with self._reader.lock:
            self._arrived += rows
            if not offset or not self.listing.exact:
                rows = self._look(offset, rows, self.listing.page(body, msgspec.Raw))
            self._row_bytes = max(self._row_bytes, len(body) / max(rows, 1))
            page_bytes = self.listing.page_bytes or PAGE_BYTES
            if self.listing.exact:
                # The server counts all rows anew for each page: many rows come in larger pages.
                page_bytes *= max(1, (self._total or 0) // _MANY_ROWS)
            self._limit = grow(rows, self._row_bytes * rows, page_bytes, _most(self.listing))
            self._ask_ahead()
            if self._arrived >= self._end:
                self._reader.begin_next()
        return body

    def _look(self, offset: int, rows: int, page: ListPage[msgspec.Raw]) -> int:
        """Find out of a page how far the list goes on, and return how many rows it has.

        A server counts after it has read a page: others may have added rows in between, so that one with a
        right total goes on after a first page of fewer rows than asked for.
        """
        found, overlap, told = len(page.items), int(offset > 0), page.total_count
        end = self._asked = self._arrived = offset - overlap + found
        if not offset and self._total is None and told is not None and (self.listing.exact or told > found):
            self._total = told
        if self.listing.exact:
            self._end = (self._total or 0) if end else 0
        else:
            full = found >= min(rows + overlap, page.max_limit or rows + overlap)
            more = end > offset and (full or (told is not None and end < told))
            self._end = end + (more and (self._total is None or end < self._total))
        return found

    def _made(self, items: list[Any]) -> list[Any]:
        return items if self.listing.row is None else list(map(self.listing.row, items))

    def _new(self, items: list[Any], offset: int, rows: int) -> list[Any]:
        """Return the rows of a page that are new, and were there from the beginning."""
        listing, before = self.listing, []
        if offset:
            if not items or listing.key(items[0]) != listing.key(self.last):
                raise TornReadError(f"rows of {listing.path} were deleted or moved while it was read")
            before, items = items[:1], items[1:]
        if self._total is not None:
            left = self._total - offset
            if listing.exact and offset and len(items) < min(rows, left):
                raise TornReadError(f"{listing.path} became shorter while it was read")
            items = items[: max(left, 0)]
        if listing.order == "ascending":
            keys = list(map(listing.key, before + items))
            right = all(map(operator.lt, keys, islice(keys, 1, None)))
        elif listing.order == "any":
            known = len(self._keys)
            self._keys.update(map(listing.key, items))
            right = len(self._keys) == known + len(items)
        else:
            right = True
        if not right:
            raise TornReadError(f"rows of {listing.path} came twice, or out of order")
        return items

    def still_there(self) -> bool:
        """Return whether the last row has the place that it had, so that none before it was deleted."""
        listing, get = self.listing, self._reader.get
        if listing.newest is not None:
            page = listing.ask(get, sort_by=listing.newest, reverse_sort=True, limit=1)
            if page.total_count == self.rows:
                return self._is_last(page.items)
            # There are newer rows. The server takes longer to count its way to the place of this one.
        return self._is_last(listing.ask(get, **{listing.start: self.rows - 1, "limit": 1}).items)

    def _is_last(self, items: list[Any]) -> bool:
        age = self.listing.age
        return bool(items) and bool(age(self._made(items)[0]) == age(self.last))


def _most(listing: Listing) -> int:
    return listing.max_rows or MAX_ROWS


def grow(rows: int, size: float, page_bytes: int = PAGE_BYTES, max_rows: int | None = None) -> int:
    """Return how many rows to ask for next, after so many took so many bytes."""
    fitting = int(page_bytes * rows / max(size, 1))
    return max(1, min(rows * _GROWTH, fitting, max_rows or MAX_ROWS))
