"""What stores hold: workflows, jobs, user_data, and the pages of columns in which they travel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from typing import Any, Literal, NamedTuple

import msgspec

__all__ = [
    "MEASURED",
    "OF_TORC",
    "STATUSES",
    "UNSUCCESSFUL",
    "AddedJobs",
    "DependencyPage",
    "JobPage",
    "JobRecord",
    "Kind",
    "LinkPage",
    "NewJobs",
    "Origin",
    "Resources",
    "ResultPage",
    "Role",
    "RunCall",
    "RunResult",
    "SeriesChunk",
    "Source",
    "TorcSettings",
    "UserData",
    "UserDataPage",
    "WorkflowRecord",
]

Role = Literal["input", "output"]

Source = Literal["input", "output", "any", "job"]


class Origin(NamedTuple):
    """Where a column is from: records of a role, or any, and the keys there; or the jobs, and its name."""

    source: Source
    path: tuple[str, ...]


Kind = Literal["files", "job_file_relationships", "compute_nodes", "events", "slurm_stats", "calls"]
"""What else torc lists of a workflow, by its names; and calls that ran jobs, see `RunCall`."""

MEASURED = ("peak_memory_bytes", "avg_memory_bytes", "peak_cpu_percent", "avg_cpu_percent")
"""What torc measures of a run."""

OF_TORC = (
    *("resource_requirements", "num_nodes", "priority", "labels", "attempt_id", "compute_node"),
    *MEASURED,
)
"""The columns of jobs and runs that only torc fills; see `torc_frames.store.base.Snapshot.measures`."""

CALLS = "torc_frames"
"""The category of the events by which a torc-server keeps calls."""

INPUT: Role = "input"
OUTPUT: Role = "output"

# The statuses of torc that the embedded store uses; two come with workflows copied from a server, the last
# with jobs that clients of its service add.
READY = "ready"
BLOCKED = "blocked"
PENDING = "pending"
RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"
CANCELED = "canceled"
TERMINATED = "terminated"
PENDING_FAILED = "pending_failed"
UNINITIALIZED = "uninitialized"

STATUSES = (
    *(UNINITIALIZED, BLOCKED, READY, PENDING, RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED),
    *("disabled", PENDING_FAILED),
)
"""All that torc has for jobs, each where its database has the number of it."""

UNSUCCESSFUL = (FAILED, CANCELED, TERMINATED, PENDING_FAILED)
"""Those of jobs that ended without success."""


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    """One workflow. ``rev`` is opaque and new after every write anywhere in the workflow."""

    key: str
    name: str
    user: str | None = None
    description: str | None = None
    created: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rev: str | None = None
    project: str | None = None
    archived: bool = False
    run_id: int | None = None
    """How often torc has begun to run it; None where the store counts no runs of workflows."""


class Resources(msgspec.Struct, frozen=True):
    """What one job needs, in torc's terms: ``memory`` like ``"2g"``, ``runtime`` ISO 8601 like ``"PT1H"``."""

    num_cpus: int = 1
    num_gpus: int = 0
    memory: str | None = None
    runtime: str | None = None


class JobRecord(msgspec.Struct, frozen=True):
    """One job. ``run_id`` says which run of it is, or was, the last; 0 before the first."""

    key: str
    workflow_key: str
    name: str
    command: str
    status: str
    resources: Resources = Resources()
    run_id: int = 0
    rev: str | None = None


@dataclass(frozen=True, slots=True)
class UserData:
    """One record; ``data`` is decoded JSON, None for a record without data."""

    key: str
    workflow_key: str
    data: Any
    name: str | None = None
    is_ephemeral: bool = False
    rev: str | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """How one run of one job ended; times are ISO 8601 with a zone, in UTC."""

    job_key: str
    run_id: int
    status: str
    return_code: int
    start_time: str
    end_time: str


class SeriesChunk(msgspec.Struct, frozen=True):
    """Rows that a job logged and that were written together.

    ``rows`` is a JSON object a line, of one line each. ``times`` says when they were logged, in microseconds
    since 1970: of the first row, then how much later the next one was. ``odd`` has what JSON has not, where
    the rows have null: the row, the path of the value in it, and ``nan``, ``inf`` or ``-inf``. A chunk is
    known by its ``writer``, a name that no other one has, and its ``number`` there.
    """

    job_key: str
    run_id: int
    attempt_id: int
    writer: str
    number: int
    times: list[int]
    odd: list[tuple[int, list[str], Literal["nan", "inf", "-inf"]]]
    rows: str

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class RunCall:
    """One call that ran jobs of a workflow.

    Attributes
    ----------
    runner : str
        Who ran them; another one for each call.
    started, ended : str
        ISO 8601 with a zone, in UTC; ``ended`` is None until it has ended, or for good if it was killed.
    details : mapping
        What else is known of it: where it ran, where the output of its jobs is, and how it ended.
    key : int, optional
        What results of the store name it by.
    """

    runner: str
    started: str
    ended: str | None
    details: Mapping[str, Any]
    key: int | None = None


@dataclass(frozen=True, slots=True)
class UserDataPage:
    """Some records of a workflow as columns of one length, oldest record first.

    ``data`` is newline-delimited JSON: one line a record, in the order of ``keys``, the raw JSON text
    of its data with no newline inside (``null`` for a record without data).
    """

    keys: list[str]
    names: list[str | None]
    revs: list[str | None]
    data: bytes

    def __len__(self) -> int:
        return len(self.keys)

    def lines(self) -> list[bytes]:
        """Return the raw JSON of each record."""
        return self.data.split(b"\n") if self.keys else []

    def only(self, wanted: set[str]) -> UserDataPage:
        """Return the records with these keys."""
        if wanted.issuperset(self.keys):
            return self
        chosen = [key in wanted for key in self.keys]
        return UserDataPage(
            keys=list(compress(self.keys, chosen)),
            names=list(compress(self.names, chosen)),
            revs=list(compress(self.revs, chosen)),
            data=b"\n".join(compress(self.lines(), chosen)),
        )


@dataclass(frozen=True, slots=True)
class LinkPage:
    """Which records belong to which jobs; ``roles`` are input, output, or None for neither."""

    record_keys: list[str]
    job_keys: list[str]
    job_names: list[str]
    roles: list[str | None]

    def __len__(self) -> int:
        return len(self.record_keys)

    def records_as(self, role: str) -> list[str]:
        """Return the records that have a role, in the order of the links."""
        return list(compress(self.record_keys, [one == role for one in self.roles]))

    def only(self, chosen: Sequence[bool]) -> LinkPage:
        """Return some of the links."""
        return LinkPage(
            record_keys=list(compress(self.record_keys, chosen)),
            job_keys=list(compress(self.job_keys, chosen)),
            job_names=list(compress(self.job_names, chosen)),
            roles=list(compress(self.roles, chosen)),
        )


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs of a workflow as columns of one length, oldest job first."""

    keys: list[str]
    names: list[str]
    commands: list[str]
    statuses: list[str]
    num_cpus: list[int]
    num_gpus: list[int]
    memory: list[str | None]
    runtimes: list[str | None]
    run_ids: list[int]
    revs: list[str | None]
    more: Mapping[str, list[Any]] = field(default_factory=dict, kw_only=True)
    """By name, what only some stores keep; see `Snapshot.measures`."""

    def __len__(self) -> int:
        return len(self.keys)

    def jobs(self, workflow_key: str) -> Iterator[JobRecord]:
        """Return the jobs one by one."""
        needs = map(Resources, self.num_cpus, self.num_gpus, self.memory, self.runtimes)
        columns = (self.names, self.commands, self.statuses, needs, self.run_ids, self.revs)
        return map(JobRecord, self.keys, repeat(workflow_key), *columns)


@dataclass(frozen=True, slots=True)
class ResultPage:
    """How runs of jobs ended, as columns of one length, oldest first; see `RunResult`."""

    job_keys: list[str]
    run_ids: list[int]
    statuses: list[str]
    return_codes: list[int]
    start_times: list[str]
    end_times: list[str]
    more: Mapping[str, list[Any]] = field(default_factory=dict, kw_only=True)
    """By name, what only some stores keep; see `Snapshot.measures`. ``job_name`` where it was asked for, and
    in an embedded store ``call``, the key of a `RunCall`."""

    def __len__(self) -> int:
        return len(self.job_keys)


@dataclass(frozen=True, slots=True)
class DependencyPage:
    """``job_keys[i]`` may start only after ``depends_on_keys[i]`` has completed."""

    job_keys: list[str]
    depends_on_keys: list[str]

    def __len__(self) -> int:
        return len(self.job_keys)


@dataclass(frozen=True, slots=True)
class TorcSettings:
    """What torc has of a workflow that no page shows, in the words and values of its own JSON.

    Only what is set is here: what says no more than its default, or belongs to runs, is left out.

    Attributes
    ----------
    workflow : mapping
        Attributes of the workflow, such as ``env``.
    jobs : mapping
        By job key, attributes of the job, such as ``priority``; of other things they hold ids.
    parts : mapping
        By kind, such as ``"failure handlers"``, things that the workflow has, each with its ``id``.
    """

    workflow: Mapping[str, Any] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewJobs:
    """Jobs to add, as columns of one length.

    ``inputs`` is the raw JSON of each job's input record (None for a job without one); ``outputs``
    asks for an empty output record (``{}``) for every job; ``depends_on`` holds keys of jobs that
    exist already. Records are named ``input_<job name>`` and ``output_<job name>``. ``links`` holds, by
    role, keys of records that exist already and are to be linked to each job. ``settings`` is the raw JSON
    of an object a job, what else a `SettingsStore` is told of it.
    """

    names: Sequence[str]
    commands: Sequence[str]
    inputs: Sequence[bytes | None]
    outputs: bool = False
    depends_on: Sequence[Sequence[str]] | None = None
    resources: Sequence[Resources] | None = None
    links: Mapping[str | None, Sequence[Sequence[str]]] = field(default_factory=dict)
    settings: Sequence[bytes] | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class AddedJobs:
    """The keys of added jobs and of their records, in the order in which they were given."""

    job_keys: list[str]
    input_keys: list[str | None]
    output_keys: list[str | None]
