"""The table of operations, of which both the service and its description are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torc_frames.service import actions
from torc_frames.service.actions import Action
from torc_frames.service.calls import Parameter
from torc_frames.service.documents.bodies import (
    CONFIG,
    EDGE,
    EVENTS,
    FILES,
    REQUIREMENTS,
    SHAPES,
    STATUS,
    WORKFLOW_SPECIFICATION,
)
from torc_frames.service.documents.bodies import SPECIFICATION as JOB_SPECIFICATION
from torc_frames.service.documents.collections import COLLECTIONS
from torc_frames.store.wire.legacy import JOBS, RESULTS, USER_DATA, WORKFLOWS, Form

__all__ = ["MODELS", "PAGE_OF", "Operation", "operations"]

PAGE_OF = "page_of_"
"""How the name of a page's schema begins; the schema of what is on the page follows."""

_DOCUMENT, _ITEMS = "document", "items"
_JOB, _FIRST_JOB, _RECORD = "JobModel", "jobs_workflow_model", "UserDataModel"
_EDGE, _FIRST_EDGE = "EdgeModel", "workflow_name_model"
_RESULT, _FIRST_RESULT = "ResultModel", "results_workflow_model"
_SPECIFICATION = "job_specifications_workflow_model"
_WORKFLOW_SPECIFICATION = "workflow_specifications_model"
_EDGES = "edges"


class Operation(NamedTuple):
    """What one method does on one path.

    Attributes
    ----------
    name : str
        The ``operationId``: what generated clients call it.
    collection : str
        That of the documents in question.
    answer, body : str
        Names of schemas, see `torc_frames.service.openapi`; ``body`` is "" where none is taken.
    """

    form: Form
    method: str
    path: str
    name: str
    action: Action
    collection: str
    answer: str
    body: str = ""
    query: tuple[Parameter, ...] = ()

    @property
    def pages(self) -> Form:
        """The form by whose size lists are cut; that of workflows has the same path in both."""
        return Form.FIRST if self.collection == WORKFLOWS else self.form


class _Names(NamedTuple):
    """A collection: what the later form calls one of it, and its model in the first form and the later."""

    collection: str
    one: str
    models: tuple[str, str]


_WORKFLOWS = _Names(WORKFLOWS, "workflow", ("workflows_model", "WorkflowModel"))
_OF_A_WORKFLOW = (
    _Names(JOBS, "job", (_FIRST_JOB, _JOB)),
    _Names(USER_DATA, USER_DATA, (_DOCUMENT, _RECORD)),
    _Names(RESULTS, "result", (_FIRST_RESULT, _RESULT)),
    _Names(FILES, "file", ("files_workflow_model", "FileModel")),
    _Names(EVENTS, "event", (_DOCUMENT, _DOCUMENT)),
    _Names(
        *(REQUIREMENTS, REQUIREMENTS),
        ("resource_requirements_workflow_model", "ResourceRequirementsModel"),
    ),
)

MODELS = {
    _FIRST_EDGE: (EDGE, Form.FIRST),
    _EDGE: (EDGE, Form.LATER),
    _SPECIFICATION: (JOB_SPECIFICATION, Form.FIRST),
    _WORKFLOW_SPECIFICATION: (WORKFLOW_SPECIFICATION, Form.FIRST),
    "workflow_config_model": (CONFIG, Form.FIRST),
    "workflow_status_model": (STATUS, Form.FIRST),
    **{
        model: (SHAPES[names.collection], form)
        for names in (_WORKFLOWS, *_OF_A_WORKFLOW)
        for form, model in zip((Form.FIRST, Form.LATER), names.models, strict=True)
        if model != _DOCUMENT
    },
}
"""By the name of a schema, the shape of the documents that it describes, and the form that they have."""

_GENERIC: tuple[tuple[str, str, Action, str], ...] = (
    ("GET", "", actions.list_documents, "list_{many}"),
    ("POST", "", actions.add, "add_{one}"),
    ("DELETE", "", actions.remove_all, "delete_{many}"),
    ("GET", "/{key}", actions.get, "get_{one}"),
    ("PUT", "/{key}", actions.update, "modify_{one}"),
    ("DELETE", "/{key}", actions.remove, "remove_{one}"),
)
"""What every collection has: method, how the path ends, and what the later form calls it."""


def operations(form: Form) -> Iterator[Operation]:
    """Yield all operations of a form."""
    for operation in _generic(form, _WORKFLOWS, "/workflows"):
        if operation.action is not actions.remove_all:
            yield operation
    yield from _whole(form)
    for names in _OF_A_WORKFLOW:
        name = names.collection
        start = f"/{name}/{{workflow}}" if form is Form.FIRST else f"/workflows/{{workflow}}/{name}"
        yield from _generic(form, names, start)
    yield from _only_first() if form is Form.FIRST else _only_later()


def _generic(form: Form, names: _Names, start: str) -> Iterator[Operation]:
    later = form is Form.LATER
    model = names.models[later]
    answers: dict[Action, str] = {actions.list_documents: PAGE_OF + model, actions.remove_all: _DOCUMENT}
    for method, end, action, called in _GENERIC:
        yield _operation(
            *(form, method, start + end, action, names.collection, answers.get(action, model)),
            body=model if method in ("POST", "PUT") else "",
            filters=_filters(form, names.collection) if action is actions.list_documents else (),
            name=called.format(one=names.one, many=names.collection) if later else "",
        )


def _filters(form: Form, collection: str) -> Iterator[Parameter]:
    """Yield what a list of a collection can be asked for by."""
    if collection != WORKFLOWS:
        yield Parameter("_key")
    kinds = SHAPES[collection].fields.get(form, {})
    for name in COLLECTIONS[collection].filters.get(form, ()):
        yield Parameter(name, kinds[name].schema["type"] if name in kinds else "string")


def _operation(
    form: Form,
    method: str,
    path: str,
    action: Action,
    collection: str,
    answer: str,
    body: str = "",
    *,
    filters: Iterable[Parameter] = (),
    name: str = "",
) -> Operation:
    """Return an operation; without a name it is named after method and path, as all of the first form are."""
    name = name or method.lower() + path.replace("/", "_").replace("{", "").replace("}", "")
    paged = [Parameter("skip", "number"), Parameter("limit", "number")] if answer.startswith(PAGE_OF) else []
    return Operation(form, method, path, name, action, collection, answer, body, (*paged, *filters))


def _whole(form: Form) -> Iterator[Operation]:
    """Yield what is done with workflows as a whole."""
    later = form is Form.LATER

    def operation(
        method: str, path: str, action: Action, answer: str, name: str, body: str = ""
    ) -> Operation:
        return _operation(form, method, path, action, WORKFLOWS, answer, body, name=name if later else "")

    path, one = "/workflow_specifications", "workflow_specification"
    answer = _WORKFLOWS.models[later]
    yield operation("POST", path, actions.add_specified, answer, f"add_{one}", _WORKFLOW_SPECIFICATION)
    yield operation("GET", f"{path}/example", actions.example, _WORKFLOW_SPECIFICATION, f"get_{one}_example")
    yield operation("GET", f"{path}/{{key}}", actions.specification, _WORKFLOW_SPECIFICATION, f"get_{one}")
    for what, action in (("config", actions.config), ("status", actions.status)):
        path = f"/workflows/{{key}}/{what}" if later else f"/workflows/{what}/{{key}}"
        yield operation("GET", path, action, f"workflow_{what}_model", f"get_workflow_{what}")


def _only_first() -> Iterator[Operation]:
    first = partial(_operation, Form.FIRST)
    yield first("GET", "/job_keys/{workflow}", actions.list_job_keys, JOBS, _DOCUMENT)
    path = "/jobs/find_by_status/{workflow}/{status}"
    yield first("GET", path, actions.list_by_status, JOBS, PAGE_OF + _FIRST_JOB)
    path = "/jobs/user_data/{workflow}/{key}"
    yield first("GET", path, actions.list_job_records(None), USER_DATA, _ITEMS)
    yield first("POST", path, actions.add_job_record, USER_DATA, _DOCUMENT, _DOCUMENT)
    path = "/job_specifications/{workflow}"
    yield first("POST", path, actions.add_job_specification, JOBS, _FIRST_JOB, _SPECIFICATION)
    path = "/results/find_by_job/{workflow}/{key}"
    yield first("GET", path, actions.latest_result, RESULTS, _FIRST_RESULT)
    path = "/edges/{workflow}/{name}"
    origin = [Parameter("_from")]
    yield first("GET", path, actions.list_edges, _EDGES, PAGE_OF + _FIRST_EDGE, filters=origin)
    yield first("POST", path, actions.add_edge, _EDGES, _FIRST_EDGE, _FIRST_EDGE)
    yield first("DELETE", path, actions.delete_edges, _EDGES, _DOCUMENT)
    yield first("GET", path + "/{key}", actions.get_edge, _EDGES, _FIRST_EDGE)
    yield first("DELETE", path + "/{key}", actions.delete_edge, _EDGES, _FIRST_EDGE)


def _only_later() -> Iterator[Operation]:
    def later(method: str, path: str, name: str, *rest: Any) -> Operation:
        return _operation(Form.LATER, method, path, *rest, name=name)

    yield later("GET", "/ping", "ping", actions.ping, "", _DOCUMENT)
    yield later("GET", "/version", "get_version", actions.version, "", _DOCUMENT)
    start = "/workflows/{workflow}"
    yield later("GET", f"{start}/job_keys", "list_job_keys", actions.list_job_keys, JOBS, _DOCUMENT)
    path = f"{start}/jobs/find_by_status/{{status}}"
    yield later("GET", path, "list_jobs_by_status", actions.list_by_status, JOBS, PAGE_OF + _JOB)
    yield later(
        "POST", f"{start}/bulk_jobs", "add_jobs", actions.add_jobs, JOBS, "items_of_JobModel", "JobsModel"
    )
    path = f"{start}/jobs/{{key}}/user_data"
    yield later("POST", path, "add_job_user_data", actions.add_job_record, USER_DATA, _RECORD, _RECORD)
    for edge in ("stores", "consumes"):
        action = actions.list_job_records(edge)
        name = f"list_job_user_data_{edge}"
        yield later("GET", f"{path}_{edge}", name, action, USER_DATA, PAGE_OF + _RECORD)
    path = f"{start}/results/find_by_job/{{key}}"
    yield later("GET", path, "get_latest_job_result", actions.latest_result, RESULTS, _RESULT)
    path = f"{start}/edges/{{name}}"
    yield later("GET", path, "list_edges", actions.list_edges, _EDGES, PAGE_OF + _EDGE)
    yield later("POST", path, "add_edge", actions.add_edge, _EDGES, _EDGE, _EDGE)
    yield later("DELETE", path, "delete_edges", actions.delete_edges, _EDGES, _DOCUMENT)
    yield later("GET", path + "/{key}", "get_edge", actions.get_edge, _EDGES, _EDGE)
    yield later("DELETE", path + "/{key}", "remove_edge", actions.delete_edge, _EDGES, _EDGE)
