"""How much memory a pull or a push takes at most, each measured in a process of its own."""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "measure", "peak", "store_input"]

KINDS = ("user_data", "parameters", "push")


def store_input(folder: Path, length: int) -> None:
    """Write the table that the process of a push reads; to read it leaves less behind than to make it."""
    from benchmarks.records import make_frame

    path = _input(folder, length)
    if not path.exists():
        make_frame(length).to_feather(path)


def measure(folder: Path, kind: str, length: int, server: Sequence[str] = ()) -> int:
    """Return how many bytes more than before were resident at the peak, the result included.

    `server` is the url of a server and the keys of two of its workflows, the first of ten records.
    """
    command = [sys.executable, "-m", "benchmarks.memory", kind, str(folder), str(length), *server]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(answer.stdout)["bytes"])


def _input(folder: Path, length: int) -> Path:
    return folder / f"input-{length}.feather"


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("length", type=int)
    parser.add_argument("server", nargs="*")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of floats whose last digit a server changes
    prepare = _prepare_on_server if given.server else _prepare
    call = prepare(given.kind, given.folder, given.length, *given.server)
    _forget_peak()
    before = _resident()
    result = call()
    highest = peak()
    print(json.dumps({"bytes": highest - before, "rows": len(result)}))


def _prepare(kind: str, folder: Path, length: int) -> Any:
    import pandas as pd

    from benchmarks.push import new_push
    from benchmarks.records import filled_store

    if kind == "push":
        new_push(
            folder, itertools.count(10**9), pd.read_feather(_input(folder, 10))
        )()  # load what it imports
        return new_push(folder, itertools.count(10**9 + 1), pd.read_feather(_input(folder, length)))
    import torc_frames as tf

    small, key = filled_store(folder, 10)
    getattr(tf.connect(small).workflow(key), kind)(show_progress=False)
    path, key = filled_store(folder, length)
    pull = getattr(tf.connect(path).workflow(key), kind)
    return lambda: pull(show_progress=False)


def _prepare_on_server(kind: str, folder: Path, length: int, url: str, small: str, key: str) -> Any:
    import pandas as pd

    import torc_frames as tf

    client = tf.connect(url)
    if kind == "push":
        df = pd.read_feather(_input(folder, length))
        client.create_workflow("small").push(pd.read_feather(_input(folder, 10)), show_progress=False)
        workflow = client.create_workflow("push")
        return lambda: workflow.push(df, show_progress=False)
    getattr(client.workflow(small), kind)(show_progress=False)
    pull = getattr(client.workflow(key), kind)
    return lambda: pull(show_progress=False)


def _resident() -> int:
    return _status("VmRSS") or peak()


def peak() -> int:
    """Return how many bytes were resident at most in this process."""
    # On Linux ru_maxrss starts at the size of the parent process, and VmHWM does not.
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status("VmHWM") or usage * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak is also that of making the input


if __name__ == "__main__":
    _main()
