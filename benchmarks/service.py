"""The service of 2023: records a second through it, and pulls against those of its file direct."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

import torc_frames as tf
from benchmarks.measure import Report, Row, Timings, alternate, markdown
from benchmarks.records import filled_store, make_rows
from benchmarks.report import Say, machine
from torc_frames.workflow.workflow import Workflow

__all__ = ["report"]

ALONE = 2_000
"""How many records are written and read one request at a time."""

_PULLS = ("user_data", "parameters")
_REPEATS = 3


def report(folder: Path, sizes: Sequence[int], say: Say) -> Report:
    """Measure a service."""
    requests_table: list[tuple[str, float]] = []
    pulls: list[tuple[str, int, Timings]] = []
    for length in sizes:
        path, key = filled_store(folder, length)
        say(f"service, {length:,} records")
        with _running(path) as url:
            through, direct = tf.connect(url).workflow(key), tf.connect(path).workflow(key)
            pulls += [(name, length, _pull(through, direct, name)) for name in _PULLS]
            if not requests_table:
                requests_table = _one_by_one(url)
    rows = [
        Row([what, f"{ALONE / seconds:,.0f}", f"{seconds / ALONE * 1e3:.2f}"])
        for what, seconds in requests_table
    ]
    parts = [
        machine(),
        "### The service of 2023: one record a request",
        markdown(["", "records a second", "ms each"], rows),
        "### The service of 2023: pulls through it, and of its file direct",
        _pull_table(pulls),
    ]
    ratios = [timing.ratio for *_, timing in pulls]
    wrote, read = (seconds / ALONE * 1e3 for _, seconds in requests_table)
    fact = (
        f"Through `torc-frames serve` a pull takes {min(ratios):.1f} to {max(ratios):.1f} times that "
        f"of the file; one record a request, {wrote:.1f} ms to write and {read:.1f} ms to read."
    )
    return Report("\n\n".join(parts), facts=[fact])


@contextmanager
def _running(path: Path) -> Iterator[str]:
    """Serve a file from a process of its own, and give its url."""
    command = [sys.executable, "-m", "torc_frames.cli", "serve", str(path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _pull(through: Workflow, direct: Workflow, name: str) -> Timings:
    ours, other = getattr(through, name), getattr(direct, name)
    return alternate(
        lambda: lambda: ours(show_progress=False), lambda: lambda: other(show_progress=False), _REPEATS
    )


def _one_by_one(url: str) -> list[tuple[str, float]]:
    """Time requests for one record each, on one connection."""
    records = make_rows(ALONE)
    with requests.Session() as session:
        session.trust_env = False
        workflow = session.post(f"{url}/workflows", json={"name": "one by one"}).json()["_key"]
        begin = time.perf_counter()
        keys = [session.post(f"{url}/user_data/{workflow}", json=one).json()["_key"] for one in records]
        written = time.perf_counter()
        for key in keys:
            session.get(f"{url}/user_data/{workflow}/{key}").raise_for_status()
        read = time.perf_counter()
    return [("POST /user_data", written - begin), ("GET /user_data", read - written)]


def _pull_table(pulls: Sequence[tuple[str, int, Timings]]) -> str:
    rows = []
    for name, length, timing in pulls:
        ours, direct = timing.seconds
        cells = [f"`wf.{name}()`", f"{length:,}", f"{ours:.3f}", f"{length / ours:,.0f}", f"{direct:.3f}"]
        rows.append(Row([*cells, f"{timing.ratio:.1f}"]))
    heads = ["", "records", "seconds", "records a second", "seconds, direct", "ratio"]
    return markdown(heads, rows)
