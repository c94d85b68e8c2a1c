"""What an edit costs: pushing and planning one edited row, and an editor's plan of one cell."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import torc_frames as tf
from benchmarks.measure import Timings, alternate
from benchmarks.records import make_frame
from torc_frames.store.http.session import Http
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.workflow import Workflow

__all__ = ["EDIT", "EDITOR", "SNAPSHOTS", "editor", "requests", "scripts"]

EDIT, EDITOR, SNAPSHOTS = 0.1, 0.3, 2
"""Targets: of a pull, for a script and for an editor; snapshots of an apply, at most."""

_REPEATS = 7
_WIDE = 20


def scripts(folder: Path, length: int) -> dict[str, Timings]:
    """Time a push, and a plan, of one row that was edited in a pulled table, in turn with pulling it."""
    workflow = tf.connect(folder / f"edit-{length}.db").create_workflow("edit")
    workflow.push(make_frame(length), show_progress=False)
    values = itertools.count(1)

    def edited(call: Callable[[pd.DataFrame], Any]) -> Callable[[], Callable[[], Any]]:
        table = _pulled(workflow)

        def prepare() -> Callable[[], Any]:
            table.loc["7", "loss"] = float(next(values))
            return lambda: call(table)

        return prepare

    calls: dict[str, Callable[[pd.DataFrame], Any]] = {
        "push": lambda table: workflow.push(table, show_progress=False),
        "plan": workflow.plan,
    }
    return {
        name: alternate(edited(call), lambda: lambda: _pulled(workflow), _REPEATS)
        for name, call in calls.items()
    }


def editor(folder: Path, length: int) -> tuple[Timings, int]:
    """Time an editor's plan of one cell in 20 columns; and count the snapshots that applying it takes."""
    from torc_frames.widgets import ParameterEditor

    workflow = tf.connect(folder / f"editor-{length}.db").create_workflow("editor")
    random = np.random.default_rng(3)
    table = pd.DataFrame({f"c{at}": random.random(length) for at in range(_WIDE)})
    workflow.push(table, show_progress=False)
    with patch.dict(os.environ, {"TORC_FRAMES_DRAFTS": str(folder / "drafts")}):
        session = ParameterEditor(workflow).session
        session.sheet.set_texts([(5, 1, "7.5")])
        timings = alternate(lambda: session.propose, lambda: lambda: _pulled(workflow), _REPEATS)
        proposal = session.propose()
        with _counted(SQLiteStore, "snapshot") as snapshots:
            session.apply(proposal)
    return timings, len(snapshots)


def requests(url: str, length: int) -> dict[str, tuple[int, int]]:
    """Return how many requests of a server, and bytes of answers, a pull and a push of one row take."""
    client = tf.connect(url)
    workflow = client.create_workflow("edit")
    workflow.push(make_frame(length), show_progress=False)
    found = {}
    with _counted(Http, "get") as got, _counted(Http, "send") as sent:
        table = _pulled(workflow)
        found["`wf.parameters()`"] = _taken(got, sent)
        table.iloc[length // 2, 2] = 0.5
        workflow.push(table, show_progress=False)
        found["`wf.push()` of one edited row"] = _taken(got, sent)
    client.delete_workflow(workflow.key)
    return found


def _taken(*answers: list[Any]) -> tuple[int, int]:
    """Return how many answers there are, and their bytes; and begin anew."""
    told = sum(map(len, answers)), sum(len(each) for some in answers for each in some)
    for some in answers:
        some.clear()
    return told


@contextmanager
def _counted(kind: type[Any], name: str) -> Iterator[list[Any]]:
    """Gather what a method returns."""
    found: list[Any] = []
    method = getattr(kind, name)

    def count(self: Any, *arguments: Any, **options: Any) -> Any:
        result = method(self, *arguments, **options)
        found.append(result)
        return result

    with patch.object(kind, name, count):
        yield found


def _pulled(workflow: Workflow) -> pd.DataFrame:
    return workflow.parameters(show_progress=False)
