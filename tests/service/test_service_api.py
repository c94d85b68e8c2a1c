"""Requests drawn from the service's description: the service answers all of them as it describes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from services import Service

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    "response_schema_conformance",
)
SECONDS = 250

# Of what there is, so that requests reach further than to what does not exist.
THERE = """
[parameters]
"path.workflow" = "{workflow}"
"path.key" = ["1", "2", "3", "mine"]
"path.name" = ["stores", "consumes", "blocks", "requires"]
"path.status" = ["uninitialized", "ready"]
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


def drawn(service: Service, phases: str, *options: str, most: int = 3) -> None:
    """Have schemathesis send what it draws; it ends with 1 if an answer is not as it should be.

    How much that is depends on the description alone: within a time, a busy machine would try less.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", f"{most}"]
    command += ["--generation-deterministic"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--no-color", *options]
    done = subprocess.run(
        command, cwd=service.directory, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(r"\b[1-9][0-9]* passed", done.stdout.split("Test cases:")[1])
    log = service.log.read_text()
    assert "Traceback" not in log
    assert service.call("GET", "/version")


@pytest.mark.parametrize("most", [1, pytest.param(3, marks=pytest.mark.long)])
def test_requests_of_any_kind_are_answered_as_described(service: Service, most: int) -> None:
    # Requests at the edges of the description are sent where there is something.
    drawn(service, "fuzzing,stateful", most=most)


# Those at all edges of the description, for each field of each call, take longest.
@pytest.mark.parametrize("phases", ["fuzzing", pytest.param("coverage,fuzzing", marks=pytest.mark.long)])
def test_requests_for_what_there_is_are_answered_as_described(service: Service, phases: str) -> None:
    workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
    service.call("POST", f"/workflows/{workflow}/bulk_jobs", {"jobs": [{"command": "true"}] * 3})
    for job in ("1", "2", "3"):
        service.call("POST", f"/jobs/user_data/{workflow}/{job}", {"a": {"b": 1}})
    service.call("POST", f"/jobs/{workflow}", {"command": "true", "_key": "mine"})
    service.call("POST", f"/user_data/{workflow}", {"_key": "mine"})
    (service.directory / "schemathesis.toml").write_text(THERE.format(workflow=workflow))
    # What deletes the workflow would leave nothing for the others.
    drawn(service, phases, "--exclude-operation-id", "delete_workflows_key")
    statuses = [line.split()[-3] for line in service.log.read_text().splitlines()]
    assert statuses.count("200") > (100 if "coverage" in phases else 40)
