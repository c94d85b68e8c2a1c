"""Pulling from the embedded store, against decoding the same JSON to dicts and no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

import torc_frames as tf
from benchmarks.measure import Timings, alternate, repeats_for
from benchmarks.records import filled_store

__all__ = ["PULLS", "floor", "measure"]

PULLS = ("user_data", "parameters")


def floor(path: Path, workflow_key: str) -> list[Any]:
    """Return the data of all records as dicts: what a script without this package would do at least."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT data FROM user_data WHERE workflow_id=?", (int(workflow_key),))
        return [orjson.loads(data) for (data,) in rows]
    finally:
        connection.close()


def measure(folder: Path, length: int) -> dict[str, Timings]:
    """Time each kind of pull."""
    path, key = filled_store(folder, length)
    workflow = tf.connect(path).workflow(key)

    def run(name: str) -> Timings:
        pull: Callable[..., Any] = getattr(workflow, name)
        return alternate(
            lambda: lambda: pull(show_progress=False), lambda: lambda: floor(path, key), repeats_for(length)
        )

    return {name: run(name) for name in PULLS}
