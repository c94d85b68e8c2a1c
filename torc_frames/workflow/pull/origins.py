"""Which call each run of a job was of, and where that was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torc_frames.store.base import Snapshot
from torc_frames.store.contents import read_calls
from torc_frames.store.records import ResultPage, RunCall

if TYPE_CHECKING:
    from torc_frames.workflow.pull.cells import Dtype

__all__ = ["ORIGIN", "calls_of", "known_of", "told_elsewhere"]

ORIGIN: dict[str, Dtype] = {
    "host": "str",
    "python_version": "str",
    "torc_frames_version": "str",
    "git_commit": "str",
    "git_clean": "boolean",
}
"""What is known of where a run was, and its dtype."""


def calls_of(pages: Iterable[ResultPage], calls: Sequence[RunCall]) -> list[RunCall | None]:
    """Return the call of each run, in the order of the pages, None where it is not known.

    The pages are of `Snapshot.results` with labels. Of a torc-server's run its compute node tells it.
    """
    listed = list(pages)
    if all("call" in page.more for page in listed):
        by_key = {call.key: call for call in calls}
        return [by_key.get(key) for page in listed for key in page.more["call"]]
    of_node = {node: call for call in calls for node in call.details.get("compute_nodes", ())}
    nodes = [node for page in listed for node in page.more.get("compute_node", [None] * len(page))]
    return [of_node.get(node) for node in nodes]


def known_of(snap: Snapshot, pages: Sequence[ResultPage]) -> list[dict[str, Any]]:
    """Return of each run what is known of where it was; the host also of runs that torc made by itself."""
    calls = calls_of(pages, read_calls(snap))
    known = [dict(call.details) if call else {} for call in calls]
    nodes = [node for page in pages for node in page.more.get("compute_node", ())]
    if nodes:
        hosts = {str(row["id"]): row.get("hostname") for row in snap.rows("compute_nodes")}
        for told, node in zip(known, nodes, strict=True):
            told.setdefault("host", hosts.get(node))
    return known


def told_elsewhere(call: RunCall) -> RunCall:
    """Return a call as a copy of the workflow has it: where it was, not what goes on there."""
    details = {name: value for name, value in call.details.items() if name in ORIGIN}
    return replace(call, ended=call.ended or call.started, details=details)
