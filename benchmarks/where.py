"""Rows that a text chooses, against sqlite3 with the same WHERE; and storing one result of a job."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson

import torc_frames as tf
from benchmarks.measure import Timings, alternate, repeats_for
from benchmarks.records import filled_store

__all__ = ["CALLS", "IN_PYTHON", "SHARES", "choosing", "storing"]

SHARES = (0.001, 0.01, 0.5)
"""Which part of the records is chosen, by a random number below it."""

CALLS = 200
"""How many results are stored in one timing of `Job.store`."""

IN_PYTHON = "`job.store(loss=…)`"
_REPEATS = 9
_WHERE = "SELECT id, data FROM user_data WHERE workflow_id = ? AND json_extract(data, '$.loss') < ?"
# What a table shows of these rows: the jobs, how they are, and what they stored.
_TABLE = """
    SELECT job.id, job.name, job.status, given.data, made.data FROM user_data AS given
    CROSS JOIN link AS taken ON taken.record_id = given.id AND taken.role = 'input'
    CROSS JOIN job ON job.id = taken.job_id
    LEFT JOIN link AS stored ON stored.job_id = job.id AND ifnull(stored.role, '') = 'output'
    LEFT JOIN user_data AS made ON made.id = stored.record_id
    WHERE given.workflow_id = ? AND json_extract(given.data, '$.loss') < ?
"""
_INSERT = """
import sqlite3, sys
con = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
con.execute("PRAGMA synchronous = NORMAL")
con.execute("INSERT INTO user_data (workflow_id, data, rev) VALUES (1, ?, 1)", ('{"loss": 0.5}',))
"""


def choosing(folder: Path, length: int) -> dict[tuple[str, float], Timings]:
    """Time pulls of the same rows as a SELECT of sqlite3 that decodes what it finds.

    Of a table it finds what a table has: the rows by the same WHERE, then their jobs and what these stored.
    """
    path, key = filled_store(folder, length)
    workflow = tf.connect(path).workflow(key)

    def records(alone: sqlite3.Connection, share: float) -> int:
        return len([orjson.loads(data) for _, data in alone.execute(_WHERE, (int(key), share))])

    def jobs(alone: sqlite3.Connection, share: float) -> int:
        rows = alone.execute(_TABLE, (int(key), share))
        return len([(*of, orjson.loads(given), made and orjson.loads(made)) for *of, given, made in rows])

    floors = {"user_data": records, "table": jobs}

    def found(kind: str, share: float) -> int:
        with closing(sqlite3.connect(path)) as alone:
            return floors[kind](alone, share)

    def timed(kind: str, share: float) -> Timings:
        pull: Callable[..., object] = getattr(workflow, kind)
        return alternate(
            lambda: lambda: pull(where=f"loss < {share}", show_progress=False),
            lambda: lambda: found(kind, share),
            repeats_for(length),
        )

    return {(kind, share): timed(kind, share) for kind in floors for share in SHARES}


def storing(folder: Path) -> dict[str, Timings]:
    """Time `Job.store` against an INSERT and its commit, the shell's command against a Python with one."""
    path = folder / "store.db"
    job = tf.connect(path).create_workflow("store").add_job("one")
    alone = sqlite3.connect(path, timeout=60, isolation_level=None)
    alone.execute("PRAGMA synchronous = NORMAL")
    data = orjson.dumps({"loss": 0.5}).decode()

    def ours() -> None:
        for at in range(CALLS):
            job.store(loss=at / 2)

    def floor() -> None:
        for _ in range(CALLS):
            alone.execute("INSERT INTO user_data (workflow_id, data, rev) VALUES (1, ?, 1)", (data,))

    shell = [sys.executable, "-m", "torc_frames.cli", "-u", str(path), "jobs", "store", job.key, "loss=0.5"]
    python = [sys.executable, "-c", _INSERT, str(path)]
    with closing(alone):
        return {
            IN_PYTHON: alternate(lambda: ours, lambda: floor, _REPEATS),
            "`torc-frames jobs store`": alternate(lambda: _run(shell), lambda: _run(python), _REPEATS),
        }


def _run(command: list[str]) -> Callable[[], object]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return lambda: subprocess.run(command, env=environment, capture_output=True, check=True)
