"""In which order the jobs of a workflow are added to another store, and how many at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from torc_frames.errors import RefusedError, shorten

__all__ = ["chunks"]

CHUNK = 50_000
"""How many jobs are added at once."""

MANY_CHUNKS = 500
"""More calls than that are not made to keep the order of jobs that wait for each other."""


def chunks(names: Mapping[str, str], waits: Mapping[str, Set[str]]) -> list[list[str]]:
    """Return which jobs to add in each call: none that waits for another of the same call, or has its name.

    Jobs keep their order unless they wait for later ones, or that took too many calls.

    Parameters
    ----------
    names : mapping
        The names of jobs by their keys, oldest first.
    waits : mapping
        By each of these keys, those of the jobs that it waits for.
    """
    order = _runnable_order(waits)
    found = list(_split(order, waits, names))
    if len(found) > MANY_CHUNKS:
        levels: dict[str, int] = {}
        for key in order:
            levels[key] = 1 + max((levels[other] for other in waits[key]), default=0)
        fewer = list(_split(sorted(order, key=levels.__getitem__), waits, names))
        found = fewer if 2 * len(fewer) < len(found) else found
    return found


def _runnable_order(waits: Mapping[str, Set[str]]) -> list[str]:
    """Return the jobs so that none comes before one it waits for, else in order."""
    place = {key: at for at, key in enumerate(waits)}
    sorter = TopologicalSorter(waits)
    try:
        sorter.prepare()
    except CycleError as error:
        stuck = sorted(set(error.args[1]), key=place.__getitem__)
        raise RefusedError(f"jobs that wait for each other: {shorten(stuck)}") from None
    order: list[str] = []
    free: list[tuple[int, str]] = []
    while sorter.is_active():
        for key in sorter.get_ready():
            heapq.heappush(free, (place[key], key))
        order.append(heapq.heappop(free)[1])
        sorter.done(order[-1])
    return order


def _split(
    order: Iterable[str], waits: Mapping[str, Set[str]], names: Mapping[str, str]
) -> Iterator[list[str]]:
    chunk: list[str] = []
    inside: set[str] = set()
    taken: set[str] = set()
    for key in order:
        if len(chunk) == CHUNK or names[key] in taken or not inside.isdisjoint(waits[key]):
            yield chunk
            chunk, inside, taken = [], set(), set()
        chunk.append(key)
        inside.add(key)
        taken.add(names[key])
    if chunk:
        yield chunk
