"""The shapes of documents, as the service's description shows them."""

from __future__ import annotations

from typing import Any

from torc_frames.service.routes import PAGE_OF

__all__ = ["ERROR", "schema", "schemas"]

ERROR = "default_error_response"

_STRING, _INTEGER, _NUMBER, _BOOLEAN = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
_OBJECT = {"type": "object"}
_STRINGS = {"type": "array", "items": _STRING}
_SYSTEM = dict.fromkeys(("_key", "_id", "_rev"), _STRING)


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return made | ({"required": required.split()} if required else {})


def _default(kind: dict[str, Any], value: object) -> dict[str, Any]:
    return {**kind, "default": value}


_NULLABLE = {"type": "string", "nullable": True}
_JOB = {
    "name": _STRING,
    "command": _STRING,
    "status": _STRING,
    "cancel_on_blocking_job_failure": _default(_BOOLEAN, True),
}
_JOB_FIRST = _object(
    "command", **_JOB, interruptible=_default(_BOOLEAN, False), run_id=_default(_INTEGER, 0), **_SYSTEM
)
_JOB_LATER = _object(
    "command",
    **_JOB,
    invocation_script=_NULLABLE,
    schedule_compute_nodes={"type": "object", "nullable": True},
    supports_termination=_default(_BOOLEAN, False),
    resource_requirements=_STRING,
    scheduler=_STRING,
    **dict.fromkeys(
        ("input_files", "output_files", "input_user_data", "output_user_data", "blocked_by"), _STRINGS
    ),
    **_SYSTEM,
)
_SPECIFICATION = _object(
    "command",
    **_JOB,
    key=_STRING,
    user_data={"type": "array", "items": _OBJECT},
    interruptible=_default(_BOOLEAN, False),
    scheduler=_STRING,
    resource_requirements=_STRING,
    **dict.fromkeys(("input_files", "output_files", "blocked_by"), _STRINGS),
)
_WORKFLOW = dict.fromkeys(("name", "user", "description"), _STRING) | _SYSTEM
_RECORD = _object("", is_ephemeral=_default(_BOOLEAN, False), name=_STRING, data=_OBJECT, **_SYSTEM)
_RESULT = _object(
    "job_key run_id return_code exec_time_minutes completion_time status",
    job_key=_STRING,
    run_id=_INTEGER,
    return_code=_INTEGER,
    exec_time_minutes=_NUMBER,
    completion_time=_STRING,
    status=_STRING,
    **_SYSTEM,
)
_FILE = _object("path", name=_STRING, path=_STRING, st_mtime=_NUMBER, **_SYSTEM)
_REQUIREMENTS = _object(
    "",
    name=_STRING,
    num_cpus=_default(_INTEGER, 1),
    num_gpus=_default(_INTEGER, 0),
    num_nodes=_default(_INTEGER, 1),
    memory=_default(_STRING, "1m"),
    runtime=_STRING,
    **_SYSTEM,
)
_EDGE = _object("_from _to", _from=_STRING, _to=_STRING, **_SYSTEM)

_MODELS = {
    "jobs_workflow_model": _JOB_FIRST,
    "JobModel": _JOB_LATER,
    "JobsModel": _object("jobs", jobs={"type": "array", "items": {"$ref": "#/components/schemas/JobModel"}}),
    "job_specifications_workflow_model": _SPECIFICATION,
    "workflows_model": _object("", **_WORKFLOW),
    "WorkflowModel": _object("", **_WORKFLOW, timestamp=_STRING, is_archived=_default(_BOOLEAN, False)),
    "UserDataModel": _RECORD,
    "results_workflow_model": _RESULT,
    "ResultModel": _RESULT,
    "files_workflow_model": _FILE,
    "FileModel": _FILE,
    "resource_requirements_workflow_model": _REQUIREMENTS,
    "ResourceRequirementsModel": _REQUIREMENTS,
    "workflow_name_model": _EDGE,
    "EdgeModel": _EDGE,
    "items_of_JobModel": _object(
        "", items={"type": "array", "items": {"$ref": "#/components/schemas/JobModel"}}
    ),
    "items": _object("", items={"type": "array", "items": _OBJECT}),
    ERROR: _object(
        "error errorNum errorMessage code",
        error=_BOOLEAN,
        errorNum=_INTEGER,
        errorMessage=_STRING,
        code=_INTEGER,
    ),
}


def schema(name: str) -> dict[str, Any]:
    """Return where the schema of a name is found; documents of any shape are just objects."""
    return _OBJECT if name == "document" else {"$ref": f"#/components/schemas/{name}"}


def schemas(names: set[str]) -> dict[str, Any]:
    """Return the schemas of these names, pages among them, and of what they refer to."""
    found: dict[str, Any] = {ERROR: _MODELS[ERROR]}
    for name in sorted(names - {"document"}):
        item = name.removeprefix(PAGE_OF)
        found[name] = _page(item) if item != name else _MODELS[name]
        for part in (item, "JobModel" if name == "JobsModel" else item):
            if part in _MODELS:
                found[part] = _MODELS[part]
    return found


def _page(item: str) -> dict[str, Any]:
    return _object(
        "skip max_limit count total_count has_more",
        items={"type": "array", "items": schema(item)},
        **dict.fromkeys(("skip", "limit", "max_limit", "count", "total_count"), _INTEGER),
        has_more=_BOOLEAN,
    )
