"""What torc-server has of workflows and jobs beside what is read as columns: names, kinds and defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["ACTIONS", "FILES", "NEEDS", "OTHERS", "PARTS", "of_2023", "of_job", "of_parts", "of_workflow"]

NEEDS = "resource requirements"
FILES = "files"
ACTIONS = "workflow actions"

PARTS = {
    NEEDS: "resource_requirements",
    "failure handlers": "failure_handler",
    "slurm schedulers": "slurm_scheduler",
    "local schedulers": "local_scheduler",
    FILES: "file",
    ACTIONS: "workflow_action",
}
"""By kind, the tables of a database of torc; those come first that others name by id."""

OTHERS = {
    "compute nodes": "compute_node",
    "events": "event",
    "remote workers": "remote_worker",
    "RO-Crate entities": "ro_crate_entity",
    "scheduled compute nodes": "scheduled_compute_node",
    "slurm stats": "slurm_stats",
}
"""By kind, the tables of what is of runs, or else is not copied."""

_DEFAULTS = {
    "cancel_on_blocking_job_failure": True,
    "compute_node_wait_for_new_jobs_seconds": 90,
    "compute_node_wait_for_healthy_database_minutes": 20,
    "compute_node_min_time_for_new_jobs_seconds": 300,
}
"""Of all else the default is nothing: null, false, 0 or empty."""

_WORKFLOW = frozenset({"id", "name", "user", "description", "timestamp", "metadata", "run_id", "project"})
_JOB = frozenset(
    {
        *("id", "workflow_id", "name", "command", "depends_on_job_ids"),
        *("input_user_data_ids", "output_user_data_ids"),
        *("status", "attempt_id", "compute_node_id", "start_time"),
    }
)
_JOB_OF_2023 = frozenset(
    {
        *("_id", "_key", "_rev", "name", "command", "status", "run_id", "resource_requirements"),
        *("blocked_by", "input_user_data", "output_user_data"),
    }
)
_PART = frozenset({"workflow_id", "executed", "executed_at", "executed_by", "trigger_count"})


def of_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set of a workflow, beside what a `WorkflowRecord` has."""
    return _set(workflow, _WORKFLOW)


def of_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set of a job, beside what pages show and what is of its runs."""
    return _set(job, _JOB)


def of_2023(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set of a job of a service of 2023, beside what pages show and what is of its runs.

    What torc-server has under another name, or in another form, is named so that it is not taken for that.
    """
    same = ("cancel_on_blocking_job_failure", "supports_termination", "invocation_script")
    return {
        name if name in same else f"{name} (of 2023)": value
        for name, value in _set(job, _JOB_OF_2023).items()
    }


def of_parts(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what is said of things that a workflow has, beside what is of its runs."""
    return [
        {name: value for name, value in part.items() if name not in _PART and value is not None}
        for part in parts
    ]


def _set(attributes: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in attributes.items()
        if name not in known and value is not None and value != _DEFAULTS.get(name, type(value)())
    }
