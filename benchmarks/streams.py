"""How much memory `wf.to_parquet` takes in all, each dataset written by a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import peak
from benchmarks.records import filled_store

__all__ = ["TABLES", "TARGET_MB", "Written", "measure"]

TABLES = ("user_data", "parameters")

TARGET_MB = 500.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a dataset took: seconds, the most that was resident of the whole process, and its size."""

    what: str
    length: int
    seconds: float
    peak_mb: float
    size_mb: float


def measure(folder: Path, length: int) -> list[Written]:
    """Write a dataset of each table."""
    path, key = filled_store(folder, length)
    return [_measure(path, key, what, length) for what in TABLES]


def _measure(path: Path, key: str, what: str, length: int) -> Written:
    command = [sys.executable, "-m", "benchmarks.streams", str(path), key, what]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Written(what, length, **json.loads(answer.stdout))


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("key")
    parser.add_argument("what", choices=TABLES)
    given = parser.parse_args()
    import torc_frames as tf

    workflow = tf.connect(given.path).workflow(given.key)
    out = given.path.with_suffix(f".{given.what}")
    start = time.perf_counter()
    workflow.to_parquet(out, given.what, overwrite=True, show_progress=False)
    seconds = time.perf_counter() - start
    size = sum(part.stat().st_size for part in out.iterdir())
    print(json.dumps({"seconds": seconds, "peak_mb": peak() / 1e6, "size_mb": size / 1e6}))


if __name__ == "__main__":
    _main()
