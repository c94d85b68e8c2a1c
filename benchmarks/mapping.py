"""What `wf.map` adds to each call of a function, against the same executor without a store."""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from benchmarks.records import make_frame, make_rows

__all__ = ["LENGTH", "TARGET_MS", "Mapped", "measure"]

LENGTH = 2_000
"""How many rows are mapped."""

TARGET_MS = 5.0

_WORKERS = 2
_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a map on one kind of executor took."""

    name: str
    timings: Timings

    @property
    def added_ms(self) -> float:
        """What a job takes more than the call alone."""
        ours, bare = self.timings.seconds
        return (ours - bare) / LENGTH * 1e3


def work(**row: Any) -> dict[str, Any]:
    """Return something of a row, as a function does that takes no time."""
    return {"fields": len(row), "first": next(iter(row.values()))}


def measure(folder: Path) -> list[Mapped]:
    """Time maps of a table to new workflows, with executors that have started already."""
    names = itertools.count()
    frame = make_frame(LENGTH)
    with ExitStack() as stack:
        spawn = multiprocessing.get_context("spawn")
        executors = {
            "ProcessPoolExecutor": ProcessPoolExecutor(_WORKERS, mp_context=spawn),
            "ThreadPoolExecutor": ThreadPoolExecutor(_WORKERS),
        }
        return [
            Mapped(name, _timings(folder, names, frame, stack.enter_context(executor)))
            for name, executor in executors.items()
        ]


def _timings(folder: Path, names: Iterator[int], frame: pd.DataFrame, executor: Executor) -> Timings:
    rows = make_rows(LENGTH)

    def new_map() -> Callable[[], Any]:
        workflow = tf.connect(folder / f"map-{next(names)}.db").create_workflow("benchmark")
        return lambda: workflow.map(work, frame, executor, show_progress=False)

    def new_calls() -> Callable[[], Any]:
        return lambda: deque(executor.map(_call, rows), maxlen=0)

    return alternate(new_map, new_calls, _REPEATS)


def _call(row: dict[str, Any]) -> dict[str, Any]:
    return work(**row)
