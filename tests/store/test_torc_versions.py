"""Databases of older torcs, made by their own migrations, are read as torc-server upgrades them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from servers import TorcServer, need_migrations

import torc_frames as tf
from torc_frames.workflow.workflow import Workflow

VERSIONS = ["0.30.0", "0.35.0", "0.41.0"]

compact = json.JSONEncoder(separators=(",", ":")).encode
OF_IT = {"workflow_id": 7}
DATA = {21: {"lr": 0.1, "n": 1}, 22: {"lr": 0.2, "n": 2}, 23: {"lr": 0.3, "n": 3}, 24: {"loss": 0.5}}
JOBS = {11: ("a", 5), 12: ("b", 6), 13: ("c", 2)}
NEED = {"memory": "2g", "memory_bytes": 2 * 2**30, "runtime": "PT1H", "runtime_s": 3600}
NODE = {"hostname": "h", "pid": 1, "start_time": "2026-01-01T00:00:00Z", "compute_node_type": "local"}
ENDED = {"run_id": 2, "attempt_id": 1, "compute_node_id": 5, "completion_time": "2026-01-02T00:00:00Z"}
ENDED |= {"exec_time_minutes": 1.5}
ONE = {"num_cpus": 1, "memory_gb": 1.0, "num_gpus": 0, "num_nodes": 1}
HAS_NEED = {"resource_requirements_id": 3}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("workflow", {"id": 7, "name": "study", "user": "me", "timestamp": "2026-01-01T00:00:00Z", "run_id": 2}),
    ("resource_requirements", OF_IT | NEED | {"id": 3, "name": "big", "num_cpus": 4, "num_gpus": 1}),
    *(
        (
            "job",
            OF_IT | {"id": job, "name": name, "command": "true", "status": status} | HAS_NEED,
        )
        for job, (name, status) in JOBS.items()
    ),
    *(
        ("user_data", OF_IT | {"id": key, "name": f"r{key}", "is_ephemeral": 0, "data": compact(data)})
        for key, data in DATA.items()
    ),
    *(("job_input_user_data", {"job_id": job, "user_data_id": job + 10}) for job in JOBS),
    ("job_output_user_data", {"job_id": 11, "user_data_id": 24}),
    ("job_depends_on", OF_IT | {"job_id": 13, "depends_on_job_id": 11}),
    (
        "compute_node",
        OF_IT | NODE | {"id": 5, "num_cpus": 1, "memory_gb": 1.0, "num_gpus": 0, "num_nodes": 1},
    ),
    *(
        (
            "result",
            OF_IT | ENDED | {"id": job, "job_id": job, "status": status, "return_code": code},
        )
        for job, code, status in [(11, 0, 5), (12, 3, 6)]
    ),
    *(("workflow_result", OF_IT | {"job_id": job, "result_id": job}) for job in (11, 12)),
]


@pytest.fixture(params=VERSIONS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database as that version of torc makes it, with a workflow in it."""
    path = tmp_path / "torc.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, "
            "installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, "
            "checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)"
        )
        for file in need_migrations(request.param):
            number, _, description = file.name.removesuffix(".up.sql").partition("_")
            connection.executescript(file.read_text())
            connection.execute(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) "
                "VALUES (?, ?, 1, ?, 1)",
                (int(number), description.replace("_", " "), hashlib.sha384(file.read_bytes()).digest()),
            )
        for table, row in ROWS:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        connection.commit()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return path


def frames(workflow: Workflow) -> dict[str, pd.DataFrame]:
    return {
        "user_data": workflow.user_data(),
        "parameters": workflow.parameters(),
        "results": workflow.results(),
        "jobs": workflow.jobs(),
        "links": workflow.links(),
        "table": workflow.table(),
    }


def test_what_is_in_an_older_database_is_read(database: Path) -> None:
    before = database.read_bytes()
    with tf.connect(database) as client:
        workflow = client.workflow("7")
        table = workflow.table(job_columns=["return_code", "num_cpus"])
        assert client.workflows()["name"].tolist() == ["study"]
    assert table["params.lr"].tolist() == [0.1, 0.2, 0.3]
    assert table["results.loss"].fillna(-1).tolist() == [0.5, -1, -1]
    assert table["status"].tolist() == ["completed", "failed", "ready"]
    assert table["return_code"].fillna(-1).tolist() == [0, 3, -1]
    assert table["num_cpus"].tolist() == [4, 4, 4]
    assert database.read_bytes() == before


def test_it_is_read_as_what_todays_server_makes_of_it(database: Path, tmp_path: Path) -> None:
    with tf.connect(database) as client:
        here = frames(client.workflow("7"))
    upgraded = tmp_path / "upgraded"
    upgraded.mkdir()
    shutil.copy(database, upgraded / "torc.db")
    with TorcServer.start(upgraded) as server, tf.connect(server.url) as client:
        there = frames(client.workflow("7"))
    for name, frame in here.items():
        assert_frame_equal(frame, there[name], obj=name)
