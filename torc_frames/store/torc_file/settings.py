"""What a database of torc has of a workflow beside jobs and records, as its server tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from torc_frames.store.records import TorcSettings
from torc_frames.store.wire import torc_settings
from torc_frames.store.wire.torc_settings import PARTS

__all__ = ["read_settings"]

_INTERNAL = frozenset(("scheduler_type", "unblocking_processed", "slurm_config", "memory_bytes", "runtime_s"))
"""Columns that the server tells nobody of."""

_FLAGS = frozenset(
    {
        *("cancel_on_blocking_job_failure", "supports_termination"),
        *("compute_node_ignore_workflow_completion", "use_pending_failed", "enable_ro_crate"),
        *("is_archived", "is_canceled", "persistent", "is_recovery", "serialize_allocations"),
    }
)
_JSON = frozenset(
    {
        *("env", "labels", "schedule_compute_nodes", "action_config", "job_ids"),
        *("resource_monitor_config", "slurm_defaults", "execution_config", "dynamic_jobs"),
    }
)
_FILES = {"job_input_file": "input_file_ids", "job_output_file": "output_file_ids"}

Table = Callable[[str], Iterator[dict[str, Any]]]


def read_settings(table: Table) -> TorcSettings:
    """Return what the tables have of a workflow; see `torc_frames.store.base.Snapshot.settings`.

    Parameters
    ----------
    table : callable
        Yields the workflow's rows of a table.
    """
    (workflow,) = table("workflow")
    jobs = {str(row["id"]): torc_settings.of_job(_told(row)) for row in table("job")}
    for name, attribute in _FILES.items():
        for job, file in sorted((str(row["job_id"]), row["file_id"]) for row in table(name)):
            jobs[job].setdefault(attribute, []).append(file)
    parts = {kind: torc_settings.of_parts(map(_told, table(name))) for kind, name in PARTS.items()}
    return TorcSettings(torc_settings.of_workflow(_told(workflow)), jobs, parts)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: bool(value)
        if name in _FLAGS and value is not None
        else msgspec.json.decode(value)
        if name in _JSON and value is not None
        else value
        for name, value in row.items()
        if name not in _INTERNAL
    }
