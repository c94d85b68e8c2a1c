"""A torc-server with workflows in it, as other clients make them."""

from __future__ import annotations

from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from servers import TorcServer

from torc_frames import select
from torc_frames.workflow.pull import where
from torc_frames.workflow.workflow import Workflow

DATA: dict[str, Any] = {
    "input_a": {"alpha": 0.1, "s": 'ü "\n\u2028', "deep": {"list": [1, None, 2.5]}},
    "input_b": {"alpha": 10, "flag": True},
    "shared": {"seed": 7},
    "output_a": {"loss": 1e300, "big": 2**64 - 1},
    "output_b": None,
    "torc_frames-0123456789abcdef0123456789abcdef": "text",
    "torc_frames-mine": [1, "true"],
    "true": True,
}
NUMBERS = {"int": 5, "negative": -7, "float": -2.5, "digits": 0.1234567890123456, "huge": 2**64 - 1}


def fill(server: TorcServer, more: dict[str, Any] = NUMBERS) -> str:
    """Make three workflows through the server, and return the key of the one in the middle."""
    other = server.call("POST", "/workflows", json={"name": "before", "user": ""})["id"]
    made = {"name": "study", "user": "me", "description": "d", "metadata": {"é": [1, 2.5, None]}}
    workflow = server.call("POST", "/workflows", json=made)["id"]
    server.call("POST", "/workflows", json={"name": "after", "user": "me"})
    (foreign,) = add_records(server, other, {"foreign": {}}).values()
    ids = add_records(server, workflow, DATA | more)
    need = {"workflow_id": workflow, "num_cpus": 4, "num_gpus": 1, "num_nodes": 1, "memory": "2g"}
    unsaid = {"name": "4 cpus, 1 gpus, any memory, any runtime", "memory": "1m", "runtime": "PT1M"}
    needs = [
        server.call("POST", "/resource_requirements", json=need | more)["id"]
        for more in ({"name": "large", "runtime": "PT1H"}, unsaid)
    ]
    a = add_job(server, workflow, "a", [ids["input_a"], ids["shared"]], [ids["output_a"]], need=needs[0])
    inputs = [ids["input_b"], ids["shared"], foreign]
    b = add_job(server, workflow, "b", inputs, [ids["output_b"]], need=needs[1], after=[a])
    add_job(server, workflow, "c", [], [], after=[b, a])
    add_job(server, other, "other", [foreign], [])
    node = {"workflow_id": workflow, "hostname": "h", "pid": 1, "start_time": "2026-01-01T00:00:00Z"}
    node |= {"num_cpus": 1, "memory_gb": 1.0, "num_gpus": 0, "num_nodes": 1, "compute_node_type": "local"}
    node["id"] = server.call("POST", "/compute_nodes", json=node)["id"]
    for run, job, code, end in [
        (1, a, 3, "2026-01-01T02:00:00.5+01:00"),
        (2, a, 0, "2026-01-02T00:00:00.000001Z"),
        (2, b, 1, "2026-01-02T00:01:00.123456789+00:00"),
    ]:
        result = {"job_id": job, "workflow_id": workflow, "run_id": run, "compute_node_id": node["id"]}
        result |= {"return_code": code, "exec_time_minutes": 1 / 3, "completion_time": end}
        server.call("POST", "/results", json={**result, "status": "failed" if code else "completed"})
    return str(workflow)


def add_records(server: TorcServer, workflow: int, data: dict[str, Any]) -> dict[str, int]:
    """Add records, and return their ids by name."""
    items = [{"workflow_id": workflow, "name": name, "data": value} for name, value in data.items()]
    made = server.call("POST", "/bulk_user_data", json={"user_data": items})["user_data"]
    return {record["name"]: record["id"] for record in made}


def add_job(
    server: TorcServer,
    workflow: int,
    name: str,
    inputs: list[int],
    outputs: list[int],
    *,
    need: int | None = None,
    after: list[int] | None = None,
) -> int:
    """Add a job, and return its id."""
    job = {"workflow_id": workflow, "name": name, "command": f"echo '{name}'\ntrue"}
    job |= {"input_user_data_ids": inputs, "output_user_data_ids": outputs}
    job |= {"resource_requirements_id": need, "depends_on_job_ids": after}
    return int(server.call("POST", "/jobs", json=job)["id"])


TEXTS = {
    "table": [
        *("params.seed == 7 and params.alpha > 1", "results.loss > 1 or params.flag == True", "run_id == 2"),
        *("job_name in ['c'] and num_cpus > 0", "params.alpha * 2 < 1"),
    ],
    "jobs": ["run_id > 1 and job_name != 'b'", "priority == 0"],
    "parameters": ["alpha < 1", "s > 'a'"],
    "results": ["big > 1", "loss < 1"],
    "user_data": ["alpha < 1", "loss > 1 and role == 'output'", "`data` == 'text'"],
}
"""By pull, which of the rows are chosen."""


def check_chosen(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that each text chooses the rows of the whole frame, of which little else is read."""
    monkeypatch.setattr(where, "FIRST", 0)
    for kind, texts in TEXTS.items():
        options = {"job_columns": True} if kind == "table" else {}
        whole = getattr(wf, kind)(**options)
        for text in texts:
            wanted, found = select(whole, where=text), getattr(wf, kind)(where=text, **options)
            if kind == "user_data":
                wanted = wanted.reset_index(drop=True)
            columns = wanted.columns[wanted.notna().any()]
            assert_frame_equal(found[columns], wanted[columns], check_dtype=False, obj=f"{kind}: {text}")
