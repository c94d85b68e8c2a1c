"""Reading records around those that a torc-server can't write: it drops the connection instead.

It can't write a record whose data is a bare number, and in a list none without data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torc_frames.errors import DroppedConnectionError, ReplyError, TornReadError, UnreadableRecordError
from torc_frames.store.v1_lists import FIRST_ROWS, Get, Listing, count, decoded, grow
from torc_frames.store.v1_parallel import each
from torc_frames.wire import v1

__all__ = ["UNREADABLE", "around", "one_by_one", "readable"]

UNREADABLE = "torc-server drops the connection when asked for it, as it does for a bare number"

MAX_SEARCH = 5_000
"""How many keys are tried for records that no list tells of."""


def around(get: Get, listing: Listing, linked: set[int], workflow_key: str) -> tuple[list[Any], list[int]]:
    """Return all records of a workflow, oldest first, and which of them can't be read.

    Those without data, and those that can't be read, are null.

    Parameters
    ----------
    linked : set of int
        The records that are linked to jobs: lists tell the ids of those, whatever their data.

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
    if len(found) < total:
        known = [*found, *linked]
        near = range(min(known, default=1) - 100, max(known, default=1) + 100)
        gaps = [key for key in near if key > 0 and key not in found][:MAX_SEARCH]
        others, dropped = one_by_one(get, gaps, workflow_key)
        found |= {item.id: item for item in others if item.id not in dropped}
        if len(found) + len(dropped) == total:  # else some are of other workflows
            found |= {item.id: item for item in others}
            unreadable += dropped
    if len(found) < total:
        missing = total - len(found)
        raise UnreadableRecordError(
            "unknown", f"workflow {workflow_key} has {missing} more than the server gives back or tells of"
        )
    if len(found) > total:
        raise TornReadError(f"{listing.path} changed while it was read")
    return [found[key] for key in sorted(found)], unreadable


def one_by_one(get: Get, ids: Iterable[int], workflow_key: str) -> tuple[list[v1.Record], list[int]]:
    """Return the records of these ids that are the workflow's, and which of them can't be read."""
    unreadable: list[int] = []

    def one(record_id: int) -> v1.Record | None:
        try:
            record = decoded(v1.Record, get(f"/user_data/{record_id}", {}), "a record")
        except DroppedConnectionError:
            unreadable.append(record_id)
            return v1.Record(record_id, v1.name_to_wire(None), int(workflow_key))
        except ReplyError as error:
            if error.response is not None and error.response.status == 404:
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
        page = decoded(listing.kind, body, listing.path).items
        if len(page) != rows:
            raise TornReadError(f"{listing.path} became shorter while it was read")
        found += page
        rows = max(1, (end - len(found)) // 2) if end < total else grow(rows, len(body))
    if len({listing.key(item) for item in found}) != len(found):
        raise TornReadError(f"{listing.path} changed while it was read")
    return found
