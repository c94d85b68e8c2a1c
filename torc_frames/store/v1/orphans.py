"""Records that no job has: what pushes left that were interrupted between adding records and jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torc_frames.errors import DroppedConnectionError, ReplyError, TornReadError
from torc_frames.store.exactly_once import GRACE_S, TRIES
from torc_frames.store.http.session import Http
from torc_frames.store.paged.lists import Listing, count, listed
from torc_frames.store.paged.service import is_missing
from torc_frames.store.v1.links import relations
from torc_frames.store.v1.unreadable import readable
from torc_frames.store.wire import v1

__all__ = ["LeftOver", "NewRecords", "delete_record"]


@dataclass(slots=True)
class NewRecords:
    """Records that new jobs need, as columns; no name comes twice."""

    names: list[str]
    backs: list[bytes]
    """Their data, as the server gives it back."""
    bodies: list[bytes]
    """The JSON that adds each."""
    inputs: Sequence[int | None]
    """By output: where in the columns the input of the same job is; None for inputs, or if there is none."""

    def __len__(self) -> int:
        return len(self.names)


@dataclass(slots=True)
class _Counts:
    records: int
    links: int


class LeftOver:
    """The records of one workflow that are left over; for one thread at a time.

    As long as the server's counts are those that are expected, nothing is read again.
    """

    def __init__(self, http: Http, workflow_id: int) -> None:
        self._get = http.get
        self._http = http
        self._key = str(workflow_id)
        self._counts: _Counts | None = None
        self._left: dict[str, list[v1.V1Record]] = {}

    def take(self, records: NewRecords, doubtful: bool = False, fence: bool = True) -> list[int | None]:
        """Return for each record the id of one that is left over, of the same name and data, or None.

        Such a record may have been added a moment ago, and the request that links it to a job be on its
        way: by another client, or by this one, which has given up waiting. So one waits a little, and
        then deletes one record of each lot that was added together: that request now fails as a whole.

        Parameters
        ----------
        doubtful : bool
            Whether these records may have been added by a request whose answer was lost.
        fence : bool
            Whether to delete one of each lot; not where it was only just added by this client.
        """
        if not records:
            return []
        found = self._match(records)
        if not doubtful and not any(found):
            return found
        time.sleep(GRACE_S)
        self.forget()
        again = self._match(records)
        ids = [now if doubtful or now == then else None for then, now in zip(found, again, strict=True)]
        fences = {lot[-1] for lot in _lots(sorted(one for one in ids if one)) if fence}
        for one in fences:
            delete_record(self._http, one)
        self.forget()
        return [None if one in fences else one for one in ids]

    def same(self, records: NewRecords) -> list[int]:
        """Return all records that are left over and have the name and data of one of these."""
        left = self._left if self._counts is not None else self._read()
        rows = zip(records.names, records.backs, strict=True)
        return [row.id for name, back in rows for row in left.get(name, ()) if _same(back, [row])]

    def check(self) -> None:
        """Read again if the server has another number of records or links than is known here."""
        if self._counts != self._count():
            self.forget()

    def added(self, linked: int) -> None:
        """Note that so many records were added, and each linked to one job."""
        if self._counts is not None:
            self._counts.records += linked
            self._counts.links += linked

    def forget(self) -> None:
        """Read again the next time."""
        self._counts = None

    def _match(self, records: NewRecords) -> list[int | None]:
        left = self._left if self._counts is not None else self._read()
        if not left:
            return [None] * len(records)
        found: list[int | None] = []
        for name, back, its_input in zip(records.names, records.backs, records.inputs, strict=True):
            # Of outputs, which are all equal, only the one that was added with the input.
            alone = its_input is not None and found[its_input] is None
            found.append(None if alone else _same(back, left.get(name, ())))
        return found

    def _read(self) -> dict[str, list[v1.V1Record]]:
        """Return the records without a job, by name."""
        for attempt in range(TRIES):
            now = self._count()
            try:
                self._left = {} if now.records == 0 else self._unlinked(now.records)
                self._counts = now
                break
            except TornReadError:
                if attempt == TRIES - 1:
                    raise
        return self._left

    def _count(self) -> _Counts:
        return _Counts(count(self._get, self._records), count(self._get, relations(self._key)))

    def _unlinked(self, total: int) -> dict[str, list[v1.V1Record]]:
        linked = self._linked()
        if len(linked) == total:
            return {}
        try:
            pages = listed(self._get, self._records)
            rows = [row for page in pages for row in page if row.id not in linked]
        except DroppedConnectionError:
            # Those that can't be read are not of ours.
            rows = [row for row in readable(self._get, self._records, total) if row.id not in linked]
        # Once more: what was linked between the two lists is not left over.
        linked = self._linked() if rows else linked
        by_name: dict[str, list[v1.V1Record]] = {}
        for row in rows:
            if row.id not in linked:
                by_name.setdefault(row.name, []).append(row)
        return by_name

    @property
    def _records(self) -> Listing:
        return Listing("/user_data", v1.ListedRecord, {"workflow_id": self._key})

    def _linked(self) -> set[int]:
        return {row.user_data_id for rows in listed(self._get, relations(self._key)) for row in rows}


def delete_record(http: Http, record_id: int) -> bool:
    """Delete a record; False if it was not there."""
    try:
        http.send("DELETE", f"/user_data/{record_id}", repeatable=True)
    except ReplyError as error:
        if not is_missing(error):
            raise
        return False
    return True


def _same(data: bytes, left: Iterable[v1.V1Record]) -> int | None:
    """Return the newest of some records that has this data."""
    same = [row.id for row in left if v1.in_order(bytes(row.data)) == v1.in_order(data)]
    return max(same, default=None)


def _lots(ids: Sequence[int]) -> list[list[int]]:
    """Split ascending ids where one is left out; one request adds records of consecutive ids."""
    lots = [list(ids[:1])] if ids else []
    for before, one in pairwise(ids):
        if one == before + 1:
            lots[-1].append(one)
        else:
            lots.append([one])
    return lots
