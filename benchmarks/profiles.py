"""Where the time of a pull or a push goes."""

from __future__ import annotations

import cProfile
import itertools
import pstats
from pathlib import Path

import torc_frames as tf
from benchmarks.push import new_push
from benchmarks.records import filled_store, make_frame

__all__ = ["run"]

_LENGTH = 100_000
_TOP = 25


def run(what: str, folder: Path) -> None:
    """Print the most expensive functions of both kinds of pull, or of a push, at 100,000 records."""
    if what == "push":
        df, names = make_frame(_LENGTH), itertools.count()
        new_push(folder, names, df)()
        calls = {"push": new_push(folder, names, df)}
    else:
        path, key = filled_store(folder, _LENGTH)
        workflow = tf.connect(path).workflow(key)
        calls = {"user_data": workflow.user_data, "parameters": workflow.parameters}
    for name, call in calls.items():
        profile = cProfile.Profile()
        profile.runcall(call)
        print(f"## {name}, {_LENGTH:,} records")
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_TOP)
