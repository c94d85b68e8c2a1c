"""Reading records around those that a torc-server can't write: it drops the connection instead.

It can't write a record whose data is a bare number, and in a list none without data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from torc_frames.errors import (
    DroppedConnectionError,
    ReplyError,
    TornReadError,
    UnauthorizedError,
    UnreadableRecordError,
)
from torc_frames.store.paged.lists import FIRST_ROWS, Get, Listing, count, decoded, grow
from torc_frames.store.paged.service import is_missing
from torc_frames.store.parallel import each
from torc_frames.store.wire import v1

__all__ = ["UNREADABLE", "around", "one_by_one", "readable"]

UNREADABLE = "torc-server drops the connection when asked for it, as it does for a bare number"

MAX_SEARCH = 20_000
"""How many keys are tried for records that no list tells of."""

_NEAR = 2_500
_WORKFLOWS = 10
_AT_A_TIME = 16, 512
"""How many of those are tried at a time, at first and at most: what is searched for is mostly near."""


def around(
    get: Get, listing: Listing, linked: set[int], workflow_key: str, *, all_of_them: bool = True
) -> tuple[list[Any], list[int]]:
    """Return all records of a workflow, oldest first, and which of them can't be read.

    Those without data, and those that can't be read, are null.

    Parameters
    ----------
    linked : set of int
        The records that are linked to jobs: lists tell the ids of those, whatever their data.
    all_of_them : bool
        Whether records without jobs are wanted, too: no list tells of those, so they have to be searched.

    Raises
    ------
    UnreadableRecordError
        If there are more records than can be found.
    TornReadError
        If the list changed meanwhile.
    """
    total = count(get, listing)
    found = {item.id: item for item in readable(get, listing, total)}
    hidden, unreadable = one_by_one(get, linked - set(found), workflow_key)
    found |= {item.id: item for item in hidden}
    likely: dict[int, Any] = {}
    if all_of_them and len(found) < total:
        for keys in _near(found, workflow_key, get):
            others, dropped = one_by_one(get, keys, workflow_key)
            likely |= {item.id: item for item in others if item.id in dropped}
            found |= {item.id: item for item in others if item.id not in dropped}
            if len(found) + len(likely) >= total:
                break
    if len(found) + len(likely) == total:
        # Nobody says whose record it is that can't be read, but it is where this workflow's would be.
        found |= likely
        unreadable += likely
    if all_of_them and len(found) < total:
        raise UnreadableRecordError(
            "unknown",
            f"workflow {workflow_key} has {total - len(found)} records without a job, and torc-server, which "
            "can't list records without data and bare numbers, does not tell their keys; it drops the "
            "connection. parameters(), results() and table() do without them",
        )
    if len(found) > total:
        raise TornReadError(f"{listing.path} changed while it was read")
    return [found[key] for key in sorted(found)], unreadable


def _near(known: Mapping[int, Any], workflow_key: str, get: Get) -> Iterator[list[int]]:
    """Yield ids that are not known, some at a time, likely ones first.

    Ids ascend over all workflows, and a workflow's records are often made with it: those beside known
    ones, then those after the records of workflows that are older, and before those of newer ones.
    """
    seen: set[int] = set()

    def candidates() -> Iterator[int]:
        if known:
            last, first = max(known), min(known)
            above, below = range(last + 1, last + _NEAR), range(last, first - _NEAR, -1)
            # In turn: who searches all of one side first tries thousands in vain.
            yield from chain.from_iterable(zip(above, below, strict=False))
            yield from below[len(above) :]
        for step in (-1, 1):
            beside = _beside(get, int(workflow_key), step)
            yield from () if beside is None else range(beside, beside - step * _NEAR, -step)
        yield from range(1, MAX_SEARCH)

    def unknown() -> Iterator[int]:
        for key in candidates():
            if key > 0 and key not in known and key not in seen:
                seen.add(key)
                yield key

    likely = islice(unknown(), MAX_SEARCH)
    rows, most = _AT_A_TIME
    while keys := list(islice(likely, rows)):
        yield keys
        rows = min(2 * rows, most)


def _beside(get: Get, workflow_id: int, step: int) -> int | None:
    """Return the id of the record of another workflow, older or newer, that is nearest to this workflow's."""
    for other in range(workflow_id + step, max(0, workflow_id + step * _WORKFLOWS), step):
        path = f"/workflows/{other}/job_user_data_relationships"
        try:
            nearest = Listing(path, v1.Relationship)
            rows = nearest.ask(get, limit=1, sort_by="user_data_id", reverse_sort=step < 0).items
        except (ReplyError, UnauthorizedError):
            continue  # deleted, or somebody else's
        if rows:
            return int(rows[0].user_data_id)
    return None


def one_by_one(get: Get, ids: Iterable[int], workflow_key: str) -> tuple[list[v1.V1Record], list[int]]:
    """Return the records of these ids that are the workflow's, and which of them can't be read."""
    unreadable: list[int] = []

    def one(record_id: int) -> v1.V1Record | None:
        try:
            record = decoded(v1.V1Record, get(f"/user_data/{record_id}", {}), "a record")
        except DroppedConnectionError:
            unreadable.append(record_id)
            return v1.V1Record(record_id, v1.name_to_wire(None), int(workflow_key))
        except ReplyError as error:
            if is_missing(error):
                return None
            raise
        return record if str(record.workflow_id) == workflow_key else None

    records = each(one, sorted(ids))
    return [record for record in records if record is not None], sorted(unreadable)


def readable(get: Get, listing: Listing, total: int) -> list[Any]:
    """Return the rows of a list of records that the server can write, in no order.

    It can't write bare numbers, and in a list no nulls; sorted by data backwards, those come last.

    Raises
    ------
    TornReadError
        If the list changed meanwhile.
    """
    params = {**listing.params, "sort_by": "data", "reverse_sort": True}
    found: list[Any] = []
    end, rows = total, FIRST_ROWS
    while len(found) < end:
        rows = min(rows, end - len(found))
        try:
            body = get(listing.path, {**params, "offset": len(found), "limit": rows})
        except DroppedConnectionError:
            end = len(found) + rows - 1 if rows == 1 else len(found) + rows
            rows = max(1, rows // 2)
            continue
        page = listing.page(body).items
        if len(page) != rows:
            raise TornReadError(f"{listing.path} became shorter while it was read")
        found += page
        rows = max(1, (end - len(found)) // 2) if end < total else grow(rows, len(body))
    if len({listing.key(item) for item in found}) != len(found):
        raise TornReadError(f"{listing.path} changed while it was read")
    return found
