"""Reading the lists of a service of 2023 page by page, the next one on its way while one is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from torc_frames.errors import TornReadError
from torc_frames.store.legacy.service import decoded
from torc_frames.store.wire.legacy import Form, Items

__all__ = ["Get", "LegacyListing", "LegacyPages", "LegacyReader", "count", "listed"]

FIRST_ROWS = 2_000
PAGE_BYTES = 8 * 2**20
_GROWTH = 8

Get = Callable[[str, Mapping[str, object]], bytes]


@dataclass(frozen=True, slots=True)
class LegacyListing:
    """One list: where it is, what its pages are (`Items` of a kind), and its rows, each with a ``key``."""

    path: str
    pages: Any
    params: Mapping[str, object] = field(default_factory=dict)
    row: Callable[[Any], Any] | None = None
    """What makes a row of an item."""


class LegacyReader:
    """Reads the lists of one service, each page asked for while the one before is decoded."""

    def __init__(self, get: Get, form: Form) -> None:
        self.get = get
        self.max_rows = form.value
        self._pool = ThreadPoolExecutor(2)

    def pages(self, listing: LegacyListing, counted: int | None = None) -> LegacyPages:
        """Return the rows of a list: what is there when it is begun, or was when it was counted."""
        return LegacyPages(self, listing, counted)

    def submit(self, do: Callable[..., bytes], *arguments: Any) -> Callable[[], bytes]:
        """Do something in a thread, and return what waits for it."""
        return self._pool.submit(do, *arguments).result

    def close(self) -> None:
        """Ask for nothing more, and wait for the requests that are under way."""
        self._pool.shutdown(cancel_futures=True)


class LegacyPages:
    """The rows of a list, in its order.

    Each page begins with the last row of the one before: rows that were deleted, or came in between,
    would move all that follow. Services of that day told wrong totals of what was filtered, so that
    one goes on until a page is short; what is beyond a total that is more than the first page was added
    later, and is left out. Iterating, once, raises TornReadError if the list changed meanwhile.

    Attributes
    ----------
    rows : int
        How many there were, once all have been read.
    last : row or None
        The last of them.
    keys : set of str
        Of all that were read.
    """

    def __init__(self, reader: LegacyReader, listing: LegacyListing, counted: int | None) -> None:
        self.listing = listing
        self.rows = 0
        self.last: Any = None
        self.keys: set[str] = set()
        self._reader = reader
        self._total = counted

    def __iter__(self) -> Iterator[list[Any]]:
        limit = min(FIRST_ROWS, self._reader.max_rows)
        coming = self._reader.submit(self._ask, 0, limit)
        while True:
            body = coming()
            page = decoded(self.listing.pages, body, self.listing.path)
            goes_on = self._goes_on(page, min(limit, page.max_limit or limit))
            if goes_on:
                limit = _grown(len(page.items), len(body), self._reader.max_rows)
                coming = self._reader.submit(self._ask, self._end(page) - 1, limit)
            items = self._new(page.items)
            del page, body
            if items:
                yield items
            if not goes_on:
                return

    def _end(self, page: Items[Any]) -> int:
        """Return how many rows there are up to the end of a page."""
        return self.rows + len(page.items) - (self.rows > 0)

    def _goes_on(self, page: Items[Any], limit: int) -> bool:
        end, told = self._end(page), page.total_count
        if self._total is None and not self.rows and told is not None and told > len(page.items):
            self._total = told
        if end == self.rows or (self._total is not None and end >= self._total):
            return False
        return len(page.items) >= limit or (told is not None and end < told)

    def _ask(self, skip: int, limit: int) -> bytes:
        return self._reader.get(self.listing.path, {**self.listing.params, "skip": skip, "limit": limit})

    def _new(self, items: list[Any]) -> list[Any]:
        """Return the rows of a page that are new and were there from the beginning."""
        rows = items if self.listing.row is None else list(map(self.listing.row, items))
        if self.rows:
            if not rows or rows[0].key != self.last.key:
                raise TornReadError(f"rows of {self.listing.path} were deleted or moved while it was read")
            rows = rows[1:]
        if self._total is not None:
            rows = rows[: self._total - self.rows]
        before = len(self.keys)
        self.keys.update(row.key for row in rows)
        if len(self.keys) != before + len(rows):
            raise TornReadError(f"rows of {self.listing.path} came twice")
        self.rows += len(rows)
        self.last = rows[-1] if rows else self.last
        return rows

    def still_there(self) -> bool:
        """Return whether the last row has the place that it had, so that none before it was deleted."""
        if not self.rows:
            return True
        body = self._ask(self.rows - 1, 1)
        items = decoded(self.listing.pages, body, self.listing.path).items
        rows = items if self.listing.row is None else list(map(self.listing.row, items))
        return bool(rows) and rows[0].key == self.last.key


def listed(get: Get, form: Form, listing: LegacyListing) -> Iterator[list[Any]]:
    """Yield the rows of one list, a page at a time; see `LegacyPages`."""
    reader = LegacyReader(get, form)
    try:
        yield from reader.pages(listing)
    finally:
        reader.close()


def count(get: Get, listing: LegacyListing) -> int:
    """Return how many rows the service says that a list has; not to be asked of one that is filtered."""
    body = get(listing.path, {**listing.params, "limit": 1})
    page = decoded(listing.pages, body, listing.path)
    return len(page.items) if page.total_count is None else int(page.total_count)


def _grown(rows: int, size: int, max_rows: int) -> int:
    """Return how many rows to ask for next, after so many took so many bytes."""
    fitting = int(PAGE_BYTES * rows / max(size, 1))
    return max(2, min(rows * _GROWTH, fitting, max_rows))
