"""Workflows whose jobs have ended, made at once: as a store takes over what was run elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import torc_frames as tf
from torc_frames.frame.values import encode_documents
from torc_frames.store.base import RunnableStore
from torc_frames.store.records import ResultPage, RunCall
from torc_frames.workflow.client import Client
from torc_frames.workflow.workflow import Workflow

ORIGIN = {
    "host": "node7",
    "python_version": "3.13.1",
    "torc_frames_version": tf.__version__,
    "git_commit": "0123456789abcdef" * 2 + "01234567",
    "git_clean": True,
}
BEGAN = datetime.datetime(2026, 11, 30, 8, tzinfo=datetime.UTC)

Results = Sequence[Mapping[str, Any] | None]


def study(store: RunnableStore, params: pd.DataFrame, results: Results, **about: Any) -> Workflow:
    """Return a workflow whose jobs have these results; those without have failed."""
    wf = Client(store).create_workflow(**{"name": "study", **about})
    keys = wf.push(params, command="true").index.tolist()
    there = [(key, found) for key, found in zip(keys, results, strict=True) if found is not None]
    data = encode_documents([found for _, found in there])
    store.add_user_data(wf.key, data, job_keys=[key for key, _ in there], role="output")
    statuses = ["failed" if found is None else "completed" for found in results]
    starts = [BEGAN + datetime.timedelta(seconds=3 * at) for at in range(len(keys))]
    ends = [start + datetime.timedelta(seconds=4 + at % 7) for at, start in enumerate(starts)]
    page = ResultPage(
        keys,
        [1] * len(keys),
        statuses,
        [int(status == "failed") for status in statuses],
        [start.isoformat() for start in starts],
        [end.isoformat() for end in ends],
        more={"call": [0] * len(keys)},
    )
    calls = [RunCall("runner", BEGAN.isoformat(), BEGAN.isoformat(), ORIGIN)]
    store.add_runs(wf.key, keys, statuses, [1] * len(keys), page, calls)
    return wf


def sweep(count: int) -> tuple[pd.DataFrame, list[Mapping[str, Any] | None]]:
    """Return a sweep of seven parameters, and the results of its jobs, of which one in 33 failed."""
    space = {
        "lr": tf.loguniform(1e-4, 1.0),
        "momentum": tf.uniform(0.0, 1.0),
        "dropout": tf.uniform(0.0, 0.5),
        "depth": tf.integers(1, 12),
        "width": tf.integers(8, 512),
        "solver": tf.choice(["svd", "sag", "lsqr"]),
        "seed": tf.integers(0, 4),
    }
    params = tf.sample(count, space, seed=0)
    random = np.random.default_rng(0)
    noise = random.normal(1, 0.03, len(params))
    loss = (np.log10(params["lr"]) + 2) ** 2 / 10 + params["depth"] / 50 + noise
    failed = np.arange(len(params)) % 33 == 7
    epochs = random.integers(10, 200, len(params))
    found = zip(loss.tolist(), epochs.tolist(), failed.tolist(), strict=True)
    return params, [
        None if bad else {"loss": one, "accuracy": 1 / (1 + one), "epochs": count}
        for one, count, bad in found
    ]
