"""What a torc-server knows of runs that are under way, and what an interrupted one left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from torc_frames.frame.values import encode_data
from torc_frames.store.paged.lists import Listing, decoded, listed
from torc_frames.store.records import PENDING, RUNNING
from torc_frames.store.v1.service import V1Service

__all__ = ["ActiveNodes", "active_nodes", "give_back", "statuses_of"]

ActiveNodes = dict[int, dict[str, Any]]
"""Compute nodes of a workflow, a runner each, as the server has them, by their ids."""


class ClaimedJob(msgspec.Struct, gc=False):
    """A job that a runner has."""

    id: int
    status: str
    compute_node_id: int | None = None


class StatusCounts(msgspec.Struct):
    """How many jobs a workflow has of each status."""

    jobs_by_status: dict[str, int]


def statuses_of(service: V1Service, workflow_key: str) -> Mapping[str, int]:
    """Return how many jobs there are of each status."""
    body = service.request("workflow", workflow_key, "GET", f"/workflows/{workflow_key}/status")
    counts: StatusCounts = decoded(StatusCounts, body, "the status of a workflow")
    return counts.jobs_by_status


def active_nodes(service: V1Service, workflow_key: str) -> ActiveNodes:
    """Return the compute nodes on which runners are at work, or did not say that they are no more."""
    listing = Listing("/compute_nodes", dict, {"workflow_id": workflow_key, "is_active": True}, key=_id)
    return {_id(node): node for nodes in listed(service.http.get, listing) for node in nodes}


def give_back(service: V1Service, workflow_key: str, nodes: ActiveNodes, mine: int | None) -> list[str]:
    """Make the jobs ready that a runner had which is no more, and return those that may be another's.

    Parameters
    ----------
    nodes : dict
        The compute nodes that are active, or did not say that they are no more.
    mine : int or None
        That of the runner; None if it is not known, or none.
    """
    run_id = service.fetch_workflow(workflow_key).run_id
    are_others = nodes.keys() > {mine}
    doubtful = []
    listing = Listing("/jobs", ClaimedJob, {"workflow_id": workflow_key})
    for job in [job for jobs in listed(service.http.get, listing) for job in jobs]:
        # A job that was claimed, and not yet started, has no compute node.
        is_claimed = job.status == PENDING and job.compute_node_id is None
        if (is_claimed and not are_others) or (job.status == RUNNING and job.compute_node_id == mine):
            path = f"/jobs/{job.id}/manage_status_change/ready/{run_id}"
            service.request("job", str(job.id), "PUT", path)
        elif is_claimed:
            doubtful.append(str(job.id))
    if mine in nodes:
        body = encode_data({**nodes[mine], "is_active": False})
        service.request("compute node", str(mine), "PUT", f"/compute_nodes/{mine}", body)
    return doubtful


def _id(node: Mapping[str, Any]) -> int:
    return int(node["id"])
