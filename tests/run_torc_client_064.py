"""What torc-client 0.6.4 does with a service, in one process of a Python that has it.

Each line of stdin is a JSON array: ``["call", url, name of a function below]``, ``["torc", argument, ...]``.
Each line of stdout answers one: ``[whether it went well, its stdout, its errors]``.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner
from torc.api import add_jobs, iter_documents, make_api, map_function_to_jobs
from torc.cli.torc import cli
from torc.openapi_client import DefaultApi
from torc.openapi_client.exceptions import ApiException
from torc.openapi_client.models.edge_model import EdgeModel
from torc.openapi_client.models.file_model import FileModel
from torc.openapi_client.models.job_model import JobModel
from torc.openapi_client.models.resource_requirements_model import ResourceRequirementsModel
from torc.openapi_client.models.result_model import ResultModel
from torc.openapi_client.models.user_data_model import UserDataModel
from torc.openapi_client.models.workflow_model import WorkflowModel
from torc.openapi_client.models.workflow_specification_model import WorkflowSpecificationModel


def workflows(api: DefaultApi) -> None:
    made = api.add_workflow(WorkflowModel(name="ridge", user="alice", description="d"))
    other = api.add_workflow(WorkflowModel(name="other", user="bob"))
    assert made.id == f"workflows/{made.key}"
    assert made.timestamp
    assert api.get_workflow(made.key) == made
    assert keys(iter_documents(api.list_workflows, user="alice")) == [made.key]
    made.description, made.is_archived = "new", True
    changed = api.modify_workflow(made.key, made)
    assert (changed.description, changed.rev != made.rev) == ("new", True)
    assert keys(iter_documents(api.list_workflows, is_archived=True)) == [made.key]
    assert other.key in keys(iter_documents(api.list_workflows, is_archived=False))
    refused(409, api.modify_workflow, made.key, made)
    assert api.remove_workflow(made.key).key == made.key
    refused(404, api.get_workflow, made.key)
    assert api.get_version()["version"] == "0.6.4"
    assert api.ping()["message"]


def jobs(api: DefaultApi) -> None:
    workflow = new_workflow(api)
    given, wanted = (api.add_user_data(workflow, UserDataModel(name=name, data={"x": 1})) for name in "io")
    first = api.add_job(workflow, JobModel(name="first", command="true", input_user_data=[given.id]))
    needs = api.add_resource_requirements(workflow, ResourceRequirementsModel(name="small", num_cpus=2))
    second = api.add_job(
        workflow,
        JobModel(
            name="second",
            command="true",
            blocked_by=[first.id],
            output_user_data=[wanted.id],
            resource_requirements=needs.id,
            supports_termination=True,
            _key="chosen",
        ),
    )
    assert (first.status, second.key) == ("uninitialized", "chosen")
    assert keys(iter_documents(api.list_jobs, workflow)) == [first.key, "chosen"]
    assert keys(iter_documents(api.list_jobs, workflow, supports_termination=True)) == ["chosen"]
    assert keys(iter_documents(api.list_jobs_by_status, workflow, "uninitialized", limit=1)) == [first.key]
    assert keys(api.list_job_user_data_consumes(workflow, first.key).items) == [given.key]
    assert keys(api.list_job_user_data_stores(workflow, second.key).items) == [wanted.key]
    [blocks] = api.list_edges(workflow, "blocks").items
    assert (blocks.var_from, blocks.to) == (first.id, second.id)
    [requires] = api.list_edges(workflow, "requires").items
    assert (requires.var_from, requires.to) == (second.id, needs.id)
    got = api.get_job(workflow, first.key)
    got.status = "disabled"
    assert api.modify_job(workflow, first.key, got).status == "disabled"
    assert api.get_job(workflow, first.key).status == "disabled"
    assert api.list_job_keys(workflow)["items"] == [first.key, "chosen"]
    api.remove_job(workflow, first.key)
    refused(404, api.get_job, workflow, first.key)
    assert api.list_edges(workflow, "blocks").items == []
    assert len(api.list_user_data(workflow).items) == 2
    api.delete_jobs(workflow)
    assert api.list_jobs(workflow).total_count == 0


def user_data(api: DefaultApi) -> None:
    workflow = new_workflow(api)
    job = api.add_job(workflow, JobModel(command="true"))
    sent = {"nested": {"x": [1, None, 0.5]}, "big": 2**70, "text": "ü"}
    made = api.add_user_data(workflow, UserDataModel(name="a", data=sent, is_ephemeral=True))
    assert (made.data, made.is_ephemeral, made.id) == (sent, True, f"user_data__{workflow}/{made.key}")
    empty = api.add_user_data(workflow, UserDataModel(name="placeholder"))
    assert api.get_user_data(workflow, empty.key).data is None
    stored = api.add_job_user_data(workflow, job.key, UserDataModel(name="b", data={"y": 1}))
    edge = api.add_edge(workflow, "consumes", EdgeModel(_from=job.id, _to=made.id))
    assert api.get_edge(workflow, "consumes", edge.key).to == made.id
    assert keys(api.list_job_user_data_stores(workflow, job.key).items) == [stored.key]
    assert keys(api.list_job_user_data_consumes(workflow, job.key).items) == [made.key]
    assert keys(iter_documents(api.list_user_data, workflow)) == [made.key, empty.key, stored.key]
    assert keys(iter_documents(api.list_user_data, workflow, skip=1, limit=1.0)) == [empty.key]
    assert keys(iter_documents(api.list_user_data, workflow, is_ephemeral=True)) == [made.key]
    made.data = {"nested": {"z": 1}}
    api.modify_user_data(workflow, made.key, made)
    assert api.get_user_data(workflow, made.key).data == {"nested": {"z": 1}}
    refused(409, api.modify_user_data, workflow, made.key, made)
    api.remove_edge(workflow, "consumes", edge.key)
    assert api.list_job_user_data_consumes(workflow, job.key).items == []
    api.remove_user_data(workflow, made.key)
    refused(404, api.get_user_data, workflow, made.key)
    api.delete_user_data(workflow)
    assert api.list_user_data(workflow).total_count == 0


def functions(api: DefaultApi) -> None:
    workflow = new_workflow(api)
    params = [{"alpha": value} for value in (0.1, 1, 10)]
    made = map_function_to_jobs(api, workflow, "math", "sqrt", params, postprocess_func="fsum")
    assert [job.name for job in made] == ["1", "2", "3", "postprocess"]
    for job, expected in zip(made, params, strict=False):
        [record] = api.list_job_user_data_consumes(workflow, job.key).items
        assert record.data == {"module": "math", "func": "sqrt", "params": expected}
        [output] = api.list_job_user_data_stores(workflow, job.key).items
        assert (output.name, output.data) == (f"output_{job.name}", {})
        output.data = {"result": expected}
        api.modify_user_data(workflow, output.key, output)
        assert api.get_user_data(workflow, output.key).data == {"result": expected}
    assert len(api.list_job_user_data_consumes(workflow, made[-1].key).items) == 4
    many = [JobModel(name=f"job-{number}", command="true") for number in range(2500)]
    assert len(add_jobs(api, workflow, many, max_transfer_size=1000)) == 2500
    assert len(keys(iter_documents(api.list_jobs, workflow))) == 2504


def others(api: DefaultApi) -> None:
    workflow = new_workflow(api)
    job = api.add_job(workflow, JobModel(command="true"))
    result = api.add_result(
        workflow,
        ResultModel(
            job_key=job.key,
            run_id=1,
            return_code=0,
            exec_time_minutes=0.5,
            completion_time="2023-10-01 08:00:00.5",
            status="done",
        ),
    )
    assert api.get_latest_job_result(workflow, job.key).key == result.key
    assert keys(iter_documents(api.list_results, workflow, job_key=job.key, return_code=0)) == [result.key]
    api.remove_result(workflow, result.key)
    file = api.add_file(workflow, FileModel(name="f", path="/x", st_mtime=1.5))
    assert keys(iter_documents(api.list_files, workflow, path="/x")) == [file.key]
    event = api.add_event(workflow, {"category": "job", "type": "start"})
    assert [found["_key"] for found in api.list_events(workflow, category="job").items] == [event["_key"]]
    needs = api.add_resource_requirements(workflow, ResourceRequirementsModel(name="s", num_gpus=1))
    needs.memory = "3g"
    api.modify_resource_requirements(workflow, needs.key, needs)
    assert api.list_resource_requirements(workflow, name="s").items[0].memory == "3g"


def specifications(api: DefaultApi) -> None:
    given = {
        **{"name": "whole", "files": [{"name": "f", "path": "f.csv"}]},
        "user_data": [{"name": "i", "data": {"x": 1}}, {"name": "o"}],
        "jobs": [
            {"name": "a", "command": "true", "input_user_data": ["i"], "output_user_data": ["o"]},
            {"name": "b", "command": "true", "input_files": ["f"], "blocked_by": ["a"]},
        ],
    }
    made = api.add_workflow_specification(WorkflowSpecificationModel.from_dict(given))
    shown = api.get_workflow_specification(made.key)
    assert shown.name == "whole"
    assert [(one.name, one.data) for one in shown.user_data] == [("i", {"x": 1}), ("o", None)]
    first, second = shown.jobs
    assert (first.input_user_data, first.output_user_data) == (["i"], ["o"])
    assert (second.input_files, second.blocked_by) == (["f"], ["a"])
    [job, _] = iter_documents(api.list_jobs, made.key)
    [record] = api.list_job_user_data_consumes(made.key, job.key).items
    assert record.data == {"x": 1}
    assert api.get_workflow_config(made.key).compute_node_resource_stats.cpu is False
    assert api.get_workflow_status(made.key).run_id == 1
    assert api.get_workflow_specification_example().jobs


def new_workflow(api: DefaultApi) -> str:
    return str(api.add_workflow(WorkflowModel(name="w", user="alice")).key)


def keys(documents: Any) -> list[str]:
    return [document.key for document in documents]


def refused(status: int, method: Callable[..., Any], *arguments: Any) -> None:
    try:
        method(*arguments)
    except ApiException as error:
        assert error.status == status, error  # noqa: PT017 (there is no pytest there)
    else:
        raise AssertionError(f"{method.__name__} was done")


def call(url: str, name: str) -> tuple[bool, str, str]:
    try:
        globals()[name](make_api(url))
    except Exception:  # noqa: BLE001 (an assertion, above all)
        return False, "", traceback.format_exc()
    return True, "", ""


def command(*arguments: str) -> tuple[bool, str, str]:
    """Run a command of the client's `torc`."""
    done = CliRunner().invoke(cli, arguments, prog_name="torc")
    errors = "".join(traceback.format_exception(*done.exc_info)) if done.exit_code and done.exc_info else ""
    return done.exit_code == 0, done.stdout, done.stderr + errors


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        answers.write(json.dumps({"call": call, "torc": command}[what](*arguments)) + "\n")
        answers.flush()
