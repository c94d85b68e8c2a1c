"""Results that can't be kept, and runs that end in any way: what is shown is what the last run stored."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import numpy as np
import pandas as pd

import torc_frames as tf
from tests.trust.fault import Fault, Place
from torc_frames.errors import TorcFramesWarning
from torc_frames.store.records import RunResult
from torc_frames.workflow.run.job import Job
from torc_frames.workflow.workflow import Workflow

_TIME = "2026-01-01T00:00:00.000000+00:00"
_GOOD: tuple[Any, ...] = (3, 0.5, "text", True, None, [1, 2], math.nan, pd.NA, np.float32(0.5), np.arange(3))
_BAD: tuple[Any, ...] = (math.inf, b"\0", object(), {1, 2}, 1j, "\ud800", [1, -math.inf], np.zeros(20_000))
_NAMES = ("loss", "a.b", "error: no", "é", "", "deep", "x" * 300)


class _Endless:
    dtype, shape = "f", (3,)

    def tolist(self) -> Any:
        raise MemoryError


def _results(drawn: random.Random) -> tuple[dict[str, Any], set[str], set[str]]:
    """Return results, the names of those that are kept, and of those that can't be."""
    results: dict[str, Any] = {}
    kept, left = set(), set()
    for name in drawn.sample(_NAMES, drawn.randint(1, len(_NAMES))):
        is_good = drawn.random() < 0.6
        value = drawn.choice(_GOOD if is_good else (*_BAD, _Endless(), 10**5000))
        results[name] = {"in": [value]} if drawn.random() < 0.2 else value
        (kept if is_good else left).add(name)
    return results, kept, left


def _runs(place: Place) -> int:
    """Run one job many times, each storing what it likes and ending as it likes."""
    wf = tf.connect(place.folder / "study.db").create_workflow("hostile")
    wf.push(tf.grid(n=[1]), outputs=place.number % 2 == 0)
    drawn = place.random
    return sum(_run(wf, drawn) for _ in range(10))


def _run(wf: Workflow, drawn: random.Random) -> int:
    store: Any = wf._store
    store.reset_jobs(wf.key, ["1"])
    [record] = store.start_jobs(wf.key, ["1"], "trust")
    results, kept, left = _results(drawn) if drawn.random() < 0.8 else ({}, set(), set())
    job = Job(store, record, run_id=record.run_id)
    if results:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TorcFramesWarning)
            job.store(**results)
    failed = drawn.random() < 0.4
    ended = RunResult("1", record.run_id, "failed" if failed else "completed", int(failed), _TIME, _TIME)
    store.finish_job(wf.key, ended)
    outputs = [one.data for one in wf.job(1).user_data("output") if one.data]
    if results:
        [data] = outputs
        assert set(data) - {"error"} == kept, (set(data), kept)
        assert len(data.get("error", {}).get("unstored", [])) == len(left)
    elif failed:
        assert outputs == [], "results of an earlier run stand beside a failed one"
    wf.table()
    return 1


FAULTS = [
    Fault(
        "a job is run again and again and stores infinities, bytes, objects and arrays among its results: "
        "the rest is there, what is not is named, and nothing of an earlier run stands beside a failed one",
        "embedded",
        small=2,
        full=100,
        attempt=_runs,
    ),
]
