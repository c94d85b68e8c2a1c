"""Functions that tests map over tables: workers import them by name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import torc_frames as tf


def square(n: int) -> dict[str, int]:
    return {"square": n * n}


def not_three(n: int) -> dict[str, int]:
    if n == 3:
        raise ValueError("three is\nnot taken")
    return {"square": n * n}


def not_three_until(n: int, mended: str) -> dict[str, int]:
    if n == 3 and not os.path.exists(mended):
        raise ValueError("three")
    return {"square": n * n}


def noted(n: int, folder: str) -> dict[str, int]:
    """Leave a line for each call."""
    with open(os.path.join(folder, "calls"), "a") as file:
        file.write(f"{n}\n")
    return {"square": n * n}


def noted_or_asleep(n: int, folder: str) -> dict[str, int]:
    """Leave a line for each call, and sleep if ``n`` is large and nobody says to be quick."""
    with open(os.path.join(folder, "calls"), "a") as file:
        file.write(f"{n} {os.getpid()}\n")
    if n >= 10 and not os.path.exists(os.path.join(folder, "quick")):
        # As by `os.system`, the program has the worker's own pipes open, too.
        nothing = subprocess.DEVNULL
        subprocess.Popen(["sleep", "60"], close_fds=False, stdout=nothing, stderr=nothing)
        time.sleep(60)
    return {"square": n * n}


def dies(n: int, folder: str) -> dict[str, int]:
    """End the worker at the sixth call, once those before it are done, until that is mended."""
    if n < 5:
        Path(folder, f"done-{n}").touch()
    if n == 5 and not os.path.exists(os.path.join(folder, "mended")):
        while len(list(Path(folder).glob("done-*"))) < 5:
            time.sleep(0.01)
        time.sleep(0.5)  # their results are on their way
        os._exit(9)
    return {"square": n * n}


def whole(row: dict[str, Any]) -> dict[str, Any]:
    return {"got": sorted(row), "n": row["n"]}


def only_positional(row: dict[str, Any], /, scale: int = 2) -> dict[str, Any]:
    return {"n": row["n"] * scale}


def kinds(**values: Any) -> dict[str, Any]:
    return {key: repr(value) for key, value in values.items()}


def returns(what: str, folder: str) -> Any:
    path = Path(folder) / f"{what}.csv"  # of its own: calls run side by side
    path.write_text("x\n1\n")
    return {
        "nothing": None,
        "numpy": {"i": np.int64(3), "x": np.float32(0.5), "yes": np.bool_(True), "nested": {"a": [1]}},
        "pointer": {"model": tf.Pointer(path)},
        "list": [1],
    }[what]


class UnshowableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def fails(how: str) -> None:
    def deeper(n: int) -> None:
        if n:
            deeper(n - 1)
        raise ValueError("x" * 50_000)

    if how == "long":
        deeper(50)
    if how == "exit":
        sys.exit(3)
    if how == "surrogate":
        raise ValueError("\ud800")
    if how == "unshowable":
        raise UnshowableError
    if how == "chained":
        try:
            deeper(0)
        except ValueError as error:
            raise KeyError("gone") from error


def logging(n: int) -> dict[str, Any]:
    """Log a row for each number up to one, and try to store what is to be returned."""
    job = tf.current_job()
    assert job.parameters == {"n": n}
    for epoch in range(n):
        job.log(epoch=epoch, loss=epoch / 2)
    try:
        job.store(last=0)
    except tf.RefusedError as error:
        return {"last": n, "refused": str(error)}
    raise AssertionError
