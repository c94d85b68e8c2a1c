"""Every attribute that torc-server describes of workflows and jobs is in a copy, or is named."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import TorcServer, need_binary
from services import Service

import torc_frames as tf

VALUES = {
    "rules": '[{"exit_codes": [1], "max_retries": 2}]',
    "memory": "3g",
    "runtime": "PT2H",
    "walltime": "04:00:00",
    "labels": ["a", "b"],
    "dynamic_jobs": {"max_iterations": 7},
    "execution_config": {"mode": "direct"},
    "resource_monitor_config": {"enabled": True},
    "schedule_compute_nodes": {"scheduler_id": 1, "num_jobs": 2},
    "metadata": {"é": [1, None]},
}
"""Those that torc-server takes only in some form; of all others the kind says enough."""

OF_RUNS = {"executed", "trigger_count", "status", "attempt_id", "compute_node_id", "start_time"}
NEVER_STORED = {"schedule_compute_nodes"}
"""The server forgets it at once."""

BY_SERVER = {"id", "workflow_id", "timestamp", "run_id", "is_archived", "is_canceled", "origin"}


@pytest.fixture(scope="module")
def schemas() -> Any:
    """What torc-server says of itself."""
    text = subprocess.run([need_binary("torc-openapi")], capture_output=True, check=True, text=True).stdout
    return yaml.safe_load(text)["components"]["schemas"]


def attributes(schemas: Any, model: str) -> dict[str, Any]:
    """Return a value for each attribute of a model that a client may set, none of them the default."""
    return {
        name: value
        for name, schema in schemas[model]["properties"].items()
        if name not in BY_SERVER and not name.endswith(("_id", "_ids"))
        if (value := VALUES.get(name, by_kind(name, schema))) is not None
    }


def by_kind(name: str, schema: Any) -> Any:
    kinds = schema.get("type", "null")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    values = {"string": f"the {name}", "integer": 7, "number": 1.5, "object": {"A": "1"}}
    return False if name == "cancel_on_blocking_job_failure" else values.get(kind, kind == "boolean" or None)


@pytest.fixture
def client(torc_server: TorcServer) -> Iterator[tf.Client]:
    with tf.connect(torc_server.url) as client:
        yield client


@pytest.fixture
def made(schemas: Any, torc_server: TorcServer) -> str:
    """A workflow that has every attribute, and a job that has every one; another job has none."""
    workflow = torc_server.call("POST", "/workflows", json=attributes(schemas, "WorkflowModel"))["id"]

    def add(where: str, model: str, **more: Any) -> int:
        body = attributes(schemas, model) | more | {"workflow_id": workflow}
        return int(torc_server.call("POST", where, json=body)["id"])

    torc_server.call("POST", "/jobs", json={"workflow_id": workflow, "name": "plain", "command": "true"})
    need = add("/resource_requirements", "ResourceRequirementsModel")
    handler = add("/failure_handlers", "FailureHandlerModel")
    add("/slurm_schedulers", "SlurmSchedulerModel")
    scheduler = add("/slurm_schedulers", "SlurmSchedulerModel", name="second")
    add("/local_schedulers", "LocalSchedulerModel")
    files = [add("/files", "FileModel", name=name, path=name) for name in "abc"]
    job = add(
        "/jobs",
        "JobModel",
        resource_requirements_id=need,
        failure_handler_id=handler,
        scheduler_id=scheduler,
        input_file_ids=[files[2], files[0]],
        output_file_ids=[files[1]],
    )
    action = {"trigger_type": "on_jobs_ready", "action_type": "schedule_nodes", "job_ids": [job]}
    add(
        f"/workflows/{workflow}/actions",
        "WorkflowActionModel",
        **action,
        action_config={"scheduler_id": scheduler},
    )
    return str(workflow)


def told(server: TorcServer, key: str) -> dict[str, Any]:
    """Return all that a server tells of a workflow, with names for ids."""
    lists = (
        "resource_requirements",
        "failure_handlers",
        "slurm_schedulers",
        "local_schedulers",
        "files",
        "jobs",
    )
    things = {
        name: server.call("GET", f"/workflows/{key}/{name}" if name == "failure_handlers" else f"/{name}",
                          params={"workflow_id": key, "include_relationships": "true"})["items"]
        for name in lists
    }  # fmt: skip
    things["actions"] = server.call("GET", f"/workflows/{key}/actions")
    names = {name: {row["id"]: row.get("name") for row in rows} for name, rows in things.items()}
    of = {
        "input_file_ids": "files",
        "output_file_ids": "files",
        "job_ids": "jobs",
        "scheduler_id": "slurm_schedulers",
    }
    of |= {"resource_requirements_id": "resource_requirements", "failure_handler_id": "failure_handlers"}

    def named(name: str, value: Any) -> Any:
        if name in of:
            known = names[of[name]]
            return sorted(known[one] for one in value) if isinstance(value, list) else known.get(value, value)
        return {key: named(key, one) for key, one in value.items()} if isinstance(value, dict) else value

    rows = {
        name: [
            {
                key: named(key, value)
                for key, value in row.items()
                if key not in {"id", "workflow_id", *OF_RUNS}
            }
            for row in rows
        ]
        for name, rows in things.items()
    }
    workflow = server.call("GET", f"/workflows/{key}")
    return {
        **rows,
        "workflow": {name: value for name, value in workflow.items() if name not in ("id", "timestamp")},
    }


class TestBetweenServers:
    """Server to server, the same or another one."""

    def test_a_copy_is_equal_attribute_by_attribute(
        self, schemas: Any, torc_server: TorcServer, client: tf.Client, made: str
    ) -> None:
        report = client.copy(made)
        assert report.left_out == []
        expected = told(torc_server, made)
        assert told(torc_server, report.workflow.key) == expected
        everything = schemas["JobModel"]["properties"].keys() - OF_RUNS - NEVER_STORED - BY_SERVER
        full = expected["jobs"][1]
        everything -= {"depends_on_job_ids", "input_user_data_ids", "output_user_data_ids"}
        assert everything <= full.keys()

    def test_ids_of_the_other_server_are_not_taken_for_those_of_this(
        self, schemas: Any, torc_server: TorcServer, fresh_server: TorcServer, client: tf.Client, made: str
    ) -> None:
        with tf.connect(fresh_server.url) as other:
            assert client.copy(made, to=other).left_out == []
            (copied,) = other.workflows().index
            assert told(fresh_server, copied) == told(torc_server, made)

    def test_what_only_the_server_may_say_is_named(
        self, torc_server: TorcServer, client: tf.Client, made: str
    ) -> None:
        group = torc_server.call("POST", "/access_groups", json={"name": "team"})["id"]
        torc_server.call("POST", f"/workflows/{made}/access_groups/{group}", json={})
        torc_server.call("POST", f"/workflows/{made}/archive", json={"is_archived": True})
        event = {"workflow_id": int(made), "timestamp": 5, "data": {}}
        torc_server.call("POST", "/events", json=event)
        named = {text.partition(":")[0].partition(" of ")[0] for text in client.copy(made).left_out}
        assert named >= {"events", "is_archived"}

    def test_a_database_left_by_a_server_copies_as_the_server_does(
        self, torc_server: TorcServer, client: tf.Client, made: str
    ) -> None:
        with tf.connect(torc_server.database) as left:
            report = left.copy(made, to=client)
            theirs, ours = (one._store.snapshot(made) for one in (client, left))
            with theirs as theirs, ours as ours:
                assert ours.settings() == theirs.settings()
                assert ours.others() == theirs.others()
        assert report.left_out == []
        assert told(torc_server, report.workflow.key) == told(torc_server, made)

    def test_what_a_later_torc_has_and_this_server_does_not_take_is_named(
        self, fresh_server: TorcServer, client: tf.Client, schemas: Any
    ) -> None:
        key = fresh_server.call("POST", "/workflows", json={"name": "later", "user": "me"})["id"]
        job = {"workflow_id": key, "name": "a", "command": "true"}
        fresh_server.call("POST", "/jobs", json=job)
        fresh_server.stop()
        with closing(sqlite3.connect(fresh_server.database)) as database, database:
            database.execute("ALTER TABLE job ADD COLUMN pinned TEXT")
            database.execute("ALTER TABLE job ADD COLUMN container_id INTEGER")
            database.execute("UPDATE job SET pinned = 'yes', container_id = 3")
        with tf.connect(fresh_server.database) as left:
            report = left.copy(str(key), to=client)
        assert report.left_out == ["container_id of 1 job", "pinned of 1 job"]


class TestIntoAFile:
    """A file keeps what frames show; all else is named."""

    def test_every_attribute_is_named(
        self, schemas: Any, torc_server: TorcServer, client: tf.Client, made: str, tmp_path: Path
    ) -> None:
        report = client.copy(made, to=tf.connect(tmp_path / "study.db"))
        left_out = report.left_out
        assert report.workflow._store.get_workflow(report.workflow.key).project == "the project"
        columns = {
            "project",
            "name",
            "user",
            "description",
            "metadata",
            "command",
            "resource_requirements_id",
        }
        expected = told(torc_server, made)
        for whose, thing, default in (
            ("the workflow", expected["workflow"], {"run_id": 0, "is_archived": False, "is_canceled": False}),
            ("1 job", expected["jobs"][1], expected["jobs"][0]),
        ):
            wanted = {name for name in thing if thing[name] != default.get(name)} - columns - OF_RUNS
            assert {f"{name} of {whose}" for name in wanted} <= set(left_out)
        for kind, count in {"failure handlers": 1, "slurm schedulers": 2, "local schedulers": 1, "files": 3,
                            "workflow actions": 1, "names of resource requirements": 1}.items():  # fmt: skip
            assert f"{kind}: {count}" in left_out
        assert [
            text for text in left_out if not re.fullmatch(r"\w+ of (the workflow|\d jobs?)|[\w ]+: \d+", text)
        ] == []

    def test_what_was_measured_of_runs_is_named(
        self, torc_server: TorcServer, client: tf.Client, made: str, tmp_path: Path
    ) -> None:
        node = {"workflow_id": int(made), "hostname": "h", "pid": 1, "start_time": "2026-01-01T00:00:00Z"}
        node |= {"num_cpus": 1, "memory_gb": 1.0, "num_gpus": 0, "num_nodes": 1, "compute_node_type": "local"}
        node["id"] = torc_server.call("POST", "/compute_nodes", json=node)["id"]
        job = int(client.workflow(made).jobs().index[0])
        result = {"workflow_id": int(made), "job_id": job, "compute_node_id": node["id"], "return_code": 0}
        result |= {"exec_time_minutes": 1.0, "completion_time": "2026-01-01T00:01:00Z", "status": "completed"}
        for run_id, more in enumerate(({}, {"peak_memory_bytes": 5}, {"avg_cpu_percent": 0.0}), 1):
            torc_server.call("POST", "/results", json={**result, "run_id": run_id, **more})
        left_out = client.copy(made, to=tf.connect(tmp_path / "study.db")).left_out
        assert {"memory and CPU of 2 runs", "compute nodes: 1"} <= set(left_out)

    def test_a_project_goes_there_and_back(self, client: tf.Client, tmp_path: Path) -> None:
        file = tf.connect(tmp_path / "study.db")
        there = file.copy(file.create_workflow("w", project="solar"), to=client)
        back = client.copy(there.workflow, to=file)
        assert there.left_out == back.left_out == []
        for report in (there, back):
            assert report.workflow._store.get_workflow(report.workflow.key).project == "solar"


class TestFromAService:
    """What clients of 2023 say of jobs and torc-server has too goes along."""

    def test_the_same_attributes(
        self, first_service: Service, torc_server: TorcServer, client: tf.Client
    ) -> None:
        with tf.connect(first_service.url) as there:
            wf = there.create_workflow("study")
            job = {
                "name": "a",
                "command": "true",
                "cancel_on_blocking_job_failure": False,
                "interruptible": True,
            }
            first_service.call("POST", f"/jobs/{wf.key}", job)
            report = there.copy(wf, to=client)
            assert report.left_out == ["interruptible (of 2023) of 1 job"]
            (copied,) = told(torc_server, report.workflow.key)["jobs"]
            assert copied["cancel_on_blocking_job_failure"] is False
