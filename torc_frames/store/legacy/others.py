"""What else a workflow of a service of 2023 has."""

from __future__ import annotations

import msgspec

from torc_frames.errors import ReplyError
from torc_frames.store.legacy.lists import Get, LegacyListing, count, listed
from torc_frames.store.legacy.paths import BLOCKS, REQUIREMENTS
from torc_frames.store.legacy.service import Service, is_missing
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Items
from torc_frames.store.wire.v1 import SEVERAL_NODES

__all__ = ["count_others"]

_OTHERS = {
    "files": "files",
    "events": "events",
    "slurm schedulers": "slurm_schedulers",
    "local schedulers": "local_schedulers",
    "AWS schedulers": "aws_schedulers",
}
_UNTOLD = "services that do not tell which job waits for which"


def count_others(service: Service, workflow_key: str, get: Get) -> dict[str, int]:
    """Return how many things there are that no method of a snapshot shows, by what they are."""
    counts = {}
    for kind, collection in _OTHERS.items():
        path = service.paths.all_of(workflow_key, collection)
        counts[kind] = _count(get, LegacyListing(path, Items[msgspec.Raw]))
    path = service.paths.all_of(workflow_key, REQUIREMENTS)
    needs = listed(get, service.form, LegacyListing(path, Items[legacy.Need]))
    counts[SEVERAL_NODES] = sum(need.num_nodes > 1 for rows in needs for need in rows)
    try:
        get(service.paths.edges(workflow_key, BLOCKS), {"limit": 1})
    except ReplyError as error:
        if not is_missing(error):
            raise
        counts[_UNTOLD] = 1
    return {kind: found for kind, found in counts.items() if found}


def _count(get: Get, listing: LegacyListing) -> int:
    try:
        return count(get, listing)
    except ReplyError as error:
        if not is_missing(error):
            raise
        return 0
