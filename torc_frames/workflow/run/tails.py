"""The last lines that jobs wrote to stdout and stderr, as a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.shape import Shape
from torc_frames.store.base import Snapshot, Store
from torc_frames.workflow.pull.cells import Dtype, framed, series
from torc_frames.workflow.pull.listings import pulled
from torc_frames.workflow.run.said import FAILURES, last_runs, stored_errors

__all__ = ["logs"]

_COLUMNS: dict[str, Dtype] = {
    "job_key": "str",
    "job_name": "str",
    "run_id": "Int64",
    "status": "str",
    "return_code": "Int64",
    "stdout": "str",
    "stderr": "str",
}


def logs(
    store: Store,
    workflow_key: str,
    keys: Sequence[str] | None,
    *,
    failed: bool,
    lines: int,
    output_dir: str | os.PathLike[str] | None,
    shape: Shape,
) -> pd.DataFrame:
    """Return what the present runs of jobs said last; see `Workflow.logs`."""
    if isinstance(lines, bool) or not isinstance(lines, int) or lines < 1:
        raise RefusedError(f"lines={lines!r}: give a whole number from 1 on")
    if output_dir is not None and not os.path.isdir(output_dir):
        raise RefusedError(f"there is no folder {os.fspath(output_dir)}")

    def build(snap: Snapshot, shape: Shape) -> pd.DataFrame:
        runs = last_runs(snap, store.url, keys, output_dir)
        runs = [run for run in runs if run.job.status in FAILURES] if failed else runs
        out = [run.tail("stdout", lines) for run in runs]
        err = [
            (run.reason(lines) if run.job.status in FAILURES else None) or run.tail("stderr", lines)
            for run in runs
        ]
        silent = [run.job.key for run, said in zip(runs, err, strict=True) if not said]
        errors = stored_errors(snap, silent) if silent else {}
        for at, run in enumerate(runs):
            if told := errors.get(run.job.key):
                text = told.get("traceback") or ": ".join(told[name] for name in _ERROR if name in told)
                err[at] = "\n".join(text.rstrip().split("\n")[-lines:])
        jobs = [run.job for run in runs]
        cells: dict[str, list[Any]] = {
            "job_key": [job.key for job in jobs],
            "job_name": [job.name for job in jobs],
            "run_id": [job.run_id for job in jobs],
            "status": [job.status for job in jobs],
            "return_code": [run.return_code for run in runs],
            "stdout": out,
            "stderr": err,
        }
        made = {name: series(name, cells[name], dtype) for name, dtype in _COLUMNS.items()}
        return framed({**made, "run_id": made["run_id"].astype("int64")}, shape, len(runs))

    build.__name__ = "logs"
    return pulled(store, workflow_key, build, shape)


_ERROR = ("type", "message")
