"""How long it takes until the package, or its command line, has started, in fresh processes."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

__all__ = ["Start", "measure"]

_REPEATS = 11

_HELP = "import sys; sys.argv = ['torc-frames', '--help']; from torc_frames.cli import main; main()"
_STARTS = {
    "`python -c pass`": "pass",
    "`import pandas`": "import pandas",
    "`import torc_frames`": "import torc_frames",
    "`torc-frames --help`": _HELP,
}
_SEEN = "import atexit, sys; atexit.register(lambda: print('pandas' in sys.modules, file=sys.stderr)); "


@dataclass(frozen=True, slots=True)
class Start:
    """One way to start; seconds is None, and note says why, when it could not be measured."""

    name: str
    seconds: float | None
    pandas: bool = False
    note: str = ""


def measure() -> list[Start]:
    """Time each start, in turn, and see whether pandas was imported."""
    notes = {name: _missing(code) for name, code in _STARTS.items()}
    codes = {name: code for name, code in _STARTS.items() if not notes[name]}
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    pandas = {name: _run(_SEEN + code).splitlines()[-1] == "True" for name, code in codes.items()}
    for _ in range(_REPEATS):
        for name, code in codes.items():
            start = time.perf_counter()
            _run(code)
            seconds[name].append(time.perf_counter() - start)
    return [
        Start(name, statistics.median(seconds[name]), pandas[name])
        if name in codes
        else Start(name, None, note=notes[name])
        for name in _STARTS
    ]


def _missing(code: str) -> str:
    if code != _HELP:
        return ""
    spec = importlib.util.find_spec("torc_frames.cli")
    if spec is None or spec.origin is None:
        return "skipped: there is no torc_frames.cli yet"
    try:
        _run(code)
    except subprocess.CalledProcessError as error:
        return f"skipped: fails with {error.stderr.strip().splitlines()[-1]}"
    return ""


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr
