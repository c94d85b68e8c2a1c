"""Pushing a table to the embedded store, against inserting rows that are encoded already."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

import torc_frames as tf
from benchmarks.measure import Timings, alternate, repeats_for
from benchmarks.records import make_frame, make_rows
from torc_frames.store.sqlite.opening import open_file

__all__ = ["measure", "new_push"]

_STATEMENTS = (
    "INSERT INTO job (id, workflow_id, name, command, status, rev) VALUES (?, ?, ?, ?, ?, ?)",
    "INSERT INTO user_data (id, workflow_id, name, data, rev) VALUES (?, ?, ?, ?, ?)",
    "INSERT INTO link (job_id, record_id, role) VALUES (?, ?, ?)",
)

Rows = list[tuple[Any, ...]]


def new_push(folder: Path, names: itertools.count[int], df: pd.DataFrame) -> Callable[[], Any]:
    """Make a workflow in a new file and return the push of a table to it."""
    client = tf.connect(_new_file(folder, names))
    workflow = client.create_workflow("benchmark")

    def push() -> pd.DataFrame:
        return workflow.push(df, show_progress=False)

    return push


def measure(folder: Path, length: int) -> Timings:
    """Time the push of a table of this length."""
    df = make_frame(length)
    tables = _ready_rows(length)
    names = itertools.count()
    return alternate(
        lambda: new_push(folder, names, df),
        lambda: _new_floor(folder, names, tables),
        repeats_for(length),
        warm=length <= 100_000,
    )


def _new_file(folder: Path, names: itertools.count[int]) -> Path:
    for old in folder.glob("push-*"):
        old.unlink()
    return folder / f"push-{next(names)}.db"


def _ready_rows(length: int) -> list[Rows]:
    data = [orjson.dumps(row).decode() for row in make_rows(length)]
    return [
        [(at, 1, f"job_{at}", "", "ready", 2) for at in range(1, length + 1)],
        [(at, 1, f"input_job_{at}", text, 2) for at, text in enumerate(data, 1)],
        [(at, at, "input") for at in range(1, length + 1)],
    ]


def _new_floor(folder: Path, names: itertools.count[int], tables: list[Rows]) -> Callable[[], None]:
    """Make a file with the same schema and pragmas and return the insertion of all rows at once."""
    connection = open_file(str(_new_file(folder, names)), network=False, timeout=60)
    connection.execute("INSERT INTO workflow (name, created) VALUES ('benchmark', '2026-01-01')")

    def insert() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement, rows in zip(_STATEMENTS, tables, strict=True):
            connection.executemany(statement, rows)
        connection.execute("COMMIT")

    return insert
