"""The records that every benchmark uses: ten fields of mixed types, about 177 bytes of JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["FIELDS", "filled_store", "make_frame", "make_rows"]

SOLVERS = ["svd", "cholesky", "lsqr", "sag"]
DATASETS = ["diabetes", "california", "wine"]
FIELDS = ("alpha", "tol", "loss", "depth", "batch", "seed", "solver", "dataset", "tag", "intercept")


def make_frame(length: int) -> pd.DataFrame:
    """Return a table of parameters: three columns of floats, of ints, of strings, and one of booleans."""
    random = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "alpha": 10 ** random.uniform(-3, 2, length),
            "tol": 10.0 ** -random.integers(2, 7, length),
            "loss": random.random(length),
            "depth": random.integers(1, 30, length),
            "batch": 2 ** random.integers(4, 10, length),
            "seed": random.integers(0, 10**6, length),
            "solver": pd.array(random.choice(SOLVERS, length), dtype="str"),
            "dataset": pd.array(random.choice(DATASETS, length), dtype="str"),
            "tag": pd.array([f"r{row:07d}" for row in range(length)], dtype="str"),
            "intercept": random.random(length) < 0.5,
        }
    )


def make_rows(length: int) -> list[dict[str, Any]]:
    """Return the same records as plain Python."""
    columns = {name: column.tolist() for name, column in make_frame(length).items()}
    return [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def filled_store(folder: Path, length: int) -> tuple[Path, str]:
    """Push the records to a new file, unless that is done; return the file and the workflow's key."""
    import torc_frames as tf

    path = folder / f"pull-{length}.db"
    if path.exists():
        return path, "1"
    client = tf.connect(path)
    workflow = client.create_workflow("benchmark")
    workflow.push(make_frame(length), show_progress=False)
    client.close()
    return path, workflow.key
