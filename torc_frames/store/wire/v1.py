"""The JSON of torc-server 1.x: what its lists hold, what it keeps of a record, the bodies of writes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from torc_frames.store.records import Resources, WorkflowRecord
from torc_frames.store.wire.limits import MAX_RECORD_BYTES, Kept, Outgoing, kept, outgoing, size_problems

__all__ = [
    "DEFAULT_REQUIREMENT",
    "MAX_COMMAND_CHARACTERS",
    "MAX_RECORD_BYTES",
    "SEVERAL_NODES",
    "Added",
    "AddedFiles",
    "AddedRecords",
    "BulkJobs",
    "Dependency",
    "JobIds",
    "Kept",
    "ListedRecord",
    "Outgoing",
    "Relationship",
    "V1Job",
    "V1Record",
    "V1Requirement",
    "V1Result",
    "V1Workflow",
    "WorkflowStatus",
    "encode",
    "in_order",
    "is_own_need",
    "job_body",
    "kept",
    "kept_metadata",
    "name_from_wire",
    "name_to_wire",
    "outgoing",
    "record_body",
    "relationship",
    "requirement_body",
    "requirement_of",
    "resources_of",
    "rev_of",
    "same",
    "size_problems",
    "with_records",
    "workflow_of",
]

MAX_COMMAND_CHARACTERS = 300_000
"""Of a job's name and command together, for the same reason; JSON may need six bytes for each."""

NAMELESS = re.compile(r"torc_frames-[0-9a-f]{32}")
"""The server wants a name for each record; these stand for none."""

DEFAULT_REQUIREMENT = "default"
"""The server's name for what jobs need that don't say."""

SEVERAL_NODES = "resource requirements of several nodes"
"""What `Snapshot.others` calls those: what jobs need is shown without its number of nodes."""

_DEFAULT_MEMORY, _DEFAULT_RUNTIME = "1m", "PT1M"
_DEFAULT_REQUIREMENTS = [
    (DEFAULT_REQUIREMENT, 1, 0, _DEFAULT_MEMORY, runtime) for runtime in (_DEFAULT_RUNTIME, "P0DT1M")
]

encode = msgspec.json.Encoder().encode

_NULL = msgspec.Raw(b"null")


class V1Record(msgspec.Struct, gc=False):
    """One record; without data it is null."""

    id: int
    name: str
    workflow_id: int
    data: msgspec.Raw = _NULL
    is_ephemeral: bool = False


class ListedRecord(msgspec.Struct, gc=False):
    """One record in a list of a workflow's."""

    id: int
    name: str
    data: msgspec.Raw = _NULL
    is_ephemeral: bool = False


class Relationship(msgspec.Struct, gc=False):
    """A job that makes and a job that reads a record, or one of the two."""

    user_data_id: int
    producer_job_id: int | None = None
    producer_job_name: str = ""
    consumer_job_id: int | None = None
    consumer_job_name: str = ""


class Added(msgspec.Struct, gc=False):
    """What was added."""

    id: int


class AddedRecords(msgspec.Struct):
    """Records that were added in bulk."""

    user_data: list[Added]


class AddedFiles(msgspec.Struct):
    """Files that were added in bulk."""

    files: list[Added]


class BulkJobs(msgspec.Struct):
    """Jobs that were added in bulk."""

    jobs: list[Added]


class V1Job(msgspec.Struct, gc=False):
    """One job; relationships are there when it is asked for alone."""

    id: int
    workflow_id: int
    name: str
    command: str
    status: str = "uninitialized"
    resource_requirements_id: int | None = None
    attempt_id: int | None = None
    priority: int | None = None
    labels: list[str] | None = None
    compute_node_id: int | None = None
    input_user_data_ids: tuple[int, ...] = ()
    output_user_data_ids: tuple[int, ...] = ()
    depends_on_job_ids: tuple[int, ...] = ()


class V1Result(msgspec.Struct, gc=False, rename={"job_key": "job_id"}):
    """How a run of a job ended."""

    id: int
    job_key: int
    run_id: int
    status: str
    return_code: int
    exec_time_minutes: float
    completion_time: str
    attempt_id: int | None = None
    compute_node_id: int | None = None
    peak_memory_bytes: int | None = None
    avg_memory_bytes: int | None = None
    peak_cpu_percent: float | None = None
    avg_cpu_percent: float | None = None
    job_name: str | None = None


class WorkflowStatus(msgspec.Struct):
    """How many jobs a workflow has of each status."""

    jobs_by_status: dict[str, int]


class Dependency(msgspec.Struct, gc=False):
    """Which job waits for which."""

    job_id: int
    depends_on_job_id: int


class JobIds(msgspec.Struct):
    """The ids of all jobs of a workflow."""

    job_ids: list[int]


class V1Requirement(msgspec.Struct, gc=False):
    """What jobs need."""

    id: int
    name: str
    num_cpus: int
    num_gpus: int
    memory: str
    runtime: str
    num_nodes: int = 1


class V1Workflow(msgspec.Struct):
    """One workflow; ``run_id`` counts its runs."""

    id: int
    name: str
    user: str
    description: str | None = None
    timestamp: str | None = None
    metadata: dict[str, Any] | None = None
    project: str | None = None
    is_archived: bool | None = None
    is_canceled: bool | None = None
    run_id: int = 0


def relationship(row: Relationship) -> tuple[int, int | None, int | None]:
    """Return what tells a relationship from others."""
    return row.user_data_id, row.producer_job_id, row.consumer_job_id


def workflow_of(workflow: V1Workflow) -> WorkflowRecord:
    """Return a workflow of the server as a record; it has no rev there."""
    return WorkflowRecord(
        key=str(workflow.id),
        name=workflow.name,
        user=workflow.user or None,
        description=workflow.description or None,
        created=workflow.timestamp,
        metadata=workflow.metadata or {},
        project=workflow.project or None,
        archived=bool(workflow.is_archived),
        run_id=workflow.run_id,
    )


def name_to_wire(name: str | None) -> str:
    """Return the name for a record on the server, a new one of our own for none."""
    return f"torc_frames-{uuid.uuid4().hex}" if name is None else name


def name_from_wire(name: str) -> str | None:
    """Return the name of a record, None for one that was given in place of none."""
    return None if name.startswith("torc_frames-") and NAMELESS.fullmatch(name) else name


def rev_of(raw: bytes) -> str:
    """Return what stands for a rev, which the server does not have: a digest of the data it gives."""
    return "d" + blake2b(raw, digest_size=10).hexdigest()


def requirement_of(resources: Resources) -> tuple[str, int, int, str, str]:
    """Return name, num_cpus, num_gpus, memory and runtime for what a job needs, torc's defaults filled in.

    The name says which were not given, so that they come back so.
    """
    given = [f"{resources.num_cpus} cpus", f"{resources.num_gpus} gpus"]
    given += [resources.memory or "any memory", resources.runtime or "any runtime"]
    memory, runtime = resources.memory or _DEFAULT_MEMORY, resources.runtime or _DEFAULT_RUNTIME
    return ", ".join(given), resources.num_cpus, resources.num_gpus, memory, runtime


def resources_of(requirement: V1Requirement | None) -> Resources:
    """Return what a job needs; torc's defaults count as not given only where the name says so."""
    if requirement is None:
        return Resources()
    memory, runtime = requirement.memory, requirement.runtime
    stored = (requirement.name, requirement.num_cpus, requirement.num_gpus, memory, runtime)
    if stored in _DEFAULT_REQUIREMENTS:
        return Resources()
    for given in ((None, None), (None, runtime), (memory, None)):
        resources = Resources(requirement.num_cpus, requirement.num_gpus, *given)
        if requirement_of(resources) == stored:
            return resources
    return Resources(requirement.num_cpus, requirement.num_gpus, memory, runtime)


def is_own_need(part: Mapping[str, Any]) -> bool:
    """Return whether `resources_of` tells all of a resource requirement."""
    need = msgspec.convert(part, V1Requirement)
    if need.num_nodes > 1:
        return False
    resources = resources_of(need)
    return resources == Resources() or need.name == requirement_of(resources)[0]


def requirement_body(workflow_id: int, resources: Resources) -> bytes:
    """Return the body that adds a resource requirement."""
    fields = ("name", "num_cpus", "num_gpus", "memory", "runtime")
    return encode({"workflow_id": workflow_id, **dict(zip(fields, requirement_of(resources), strict=True))})


def record_body(workflow_id: int, name: str, data: bytes, is_ephemeral: bool = False) -> bytes:
    """Return the JSON of one record to add or change."""
    return b'{"workflow_id":%d,"name":%s,"is_ephemeral":%s,"data":%s}' % (
        workflow_id,
        encode(name),
        b"true" if is_ephemeral else b"false",
        data,
    )


def job_body(
    workflow_id: int,
    name: str,
    command: str,
    *,
    depends_on: Iterable[int] = (),
    requirement: int | None = None,
    settings: bytes = b"{}",
) -> bytes:
    """Return the JSON of one job to add or change; `settings` is an object of all else that is said of it."""
    body = b'{"workflow_id":%d,"name":%s,"command":%s' % (workflow_id, encode(name), encode(command))
    if depends_on:
        body += b',"depends_on_job_ids":[%s]' % b",".join(b"%d" % one for one in depends_on)
    if requirement is not None:
        body += b',"resource_requirements_id":%d' % requirement
    return body + (b"}" if settings == b"{}" else b"," + settings[1:])


def with_records(body: bytes, role: str, ids: bytes) -> bytes:
    """Return the JSON of a job with its records of a role, given as ids with commas between."""
    if not ids:
        return body
    return b'%s,"%s_user_data_ids":[%s]}' % (body[:-1], role.encode(), ids)


def kept_metadata(raw: bytes) -> Any:
    """Return metadata as the server gives it back."""
    return msgspec.json.decode(outgoing([raw]).back[0])


def in_order(raw: bytes) -> bytes:
    """Return JSON with the keys of objects sorted, as the server gives it back."""
    return _sorted(msgspec.json.decode(raw))


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same, in value and type, whatever the order of keys."""
    return bool(_sorted(one) == _sorted(other))


_sorted = msgspec.json.Encoder(order="deterministic").encode
