"""What torc's resource monitor sampled of jobs while they ran, from its own files."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError, StoreFileError
from torc_frames.frame.shape import Shape
from torc_frames.store.sqlite.file import is_network
from torc_frames.store.sqlite.identity import file_id
from torc_frames.store.sqlite.opening import using
from torc_frames.store.sqlite.reading import connect
from torc_frames.workflow.pull.cells import Dtype, framed, series

__all__ = ["samples_frame"]

_DEFAULT = "torc_output"
_FOLDER = "resource_utilization"
_LABEL = re.compile(r"resource_metrics_wf(?P<workflow>[0-9]+)_(?:h(?P<host>.*)_r(?P<run>[0-9]+)|sl.*)\.db")
_SQL = """
    SELECT sample.job_id, job_name, timestamp, cpu_percent, memory_bytes, num_processes
    FROM job_resource_samples AS sample LEFT JOIN job_metadata AS named ON named.job_id = sample.job_id
    ORDER BY sample.job_id, timestamp
"""
_COLUMNS: dict[str, Dtype] = {
    "job_key": "str",
    "job_name": "str",
    "timestamp": "seconds",
    "cpu_percent": "float64",
    "memory_bytes": "Int64",
    "num_processes": "Int64",
    "hostname": "str",
    "run_id": "Int64",
}


def samples_frame(workflow_key: str, output_dir: str | os.PathLike[str] | None, shape: Shape) -> pd.DataFrame:
    """Return one row a sample, by run, then by job; see `Workflow.resource_samples`."""
    if output_dir is not None and not os.path.isdir(output_dir):
        raise RefusedError(
            f"there is no folder {os.fspath(output_dir)}: give the one of `torc run --output-dir`"
        )
    folder = Path(_DEFAULT if output_dir is None else output_dir) / _FOLDER
    rows = [row for file in _files(folder, workflow_key) for row in file]
    cells = {
        name: series(name, [row[at] for row in rows], dtype)
        for at, (name, dtype) in enumerate(_COLUMNS.items())
    }
    return framed(cells, shape, len(rows))


def _files(folder: Path, workflow_key: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the samples of each file of a workflow, the earlier run first."""
    found = [(match, path) for path in folder.glob("*.db") if (match := _LABEL.fullmatch(path.name))]
    own = [(match, path) for match, path in found if match["workflow"] == workflow_key]
    for match, path in sorted(own, key=lambda one: (int(one[0]["run"] or 0), one[1].name)):
        run = None if match["run"] is None else int(match["run"])
        yield [(*row, match["host"], run) for row in _read(str(path))]


def _read(path: str) -> list[tuple[Any, ...]]:
    try:
        with closing(connect(path, file_id(path), network=is_network(path))) as connection, using(connection):
            rows: list[tuple[Any, ...]] = connection.execute(_SQL).fetchall()
            connection.verify()
            return rows
    except sqlite3.Error as error:
        raise StoreFileError(f"{path} is no file of torc's resource monitor: {error}") from error
