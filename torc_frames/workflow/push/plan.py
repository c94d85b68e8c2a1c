"""A push that is shown before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import counted, shorten
from torc_frames.files.foreign import Table
from torc_frames.frame.description import Calls, Counts, Description, Remark
from torc_frames.frame.flatten import job_column
from torc_frames.frame.shown import Shown
from torc_frames.frame.values import plain
from torc_frames.store.base import Store
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.progress import Progress
from torc_frames.workflow.push import apply as push
from torc_frames.workflow.push.changes import cells_seen, commands_seen, lines, rows_seen
from torc_frames.workflow.push.edits import Cells
from torc_frames.workflow.push.steps import Steps, told_remembered
from torc_frames.workflow.push.stored import Existing
from torc_frames.workflow.push.table import Prepared, PushOptions, own_cells, prepare, told_of

__all__ = ["Plan"]

_KEEPS = ("wf.plan(df, on_conflict='ours')", "writes what is in conflict, too; 'theirs' leaves it")
ACTIONS = ("create", "update", "unchanged", "conflict")


class Plan(Shown, Fixed):
    """What pushing a table would do; made by `Workflow.plan`, which writes nothing.

    Attributes
    ----------
    rows : DataFrame
        One row for each row of the table, with its index: ``action`` (str: create, update, unchanged or
        conflict), ``job_key`` (str, missing where a job is to be created), ``cells`` (int64, how many
        differ).
    cells : DataFrame
        One row for each cell that differs from what the store has: ``job_key``, ``column`` (str), ``stored``,
        ``pushed`` (object, missing cells None), ``conflict`` (bool: somebody else has changed the cell to
        another value since the table was pulled).
    commands: DataFrame
        One row for each job that exists and gets another command: ``job_key``, ``stored``, ``pushed`` (str).
    deleted: list of str
        Keys of the jobs that are deleted, with their results.
    remembered: dict
        The command and name, templates, that new jobs have of earlier pushes.
    """

    rows: pd.DataFrame
    cells: pd.DataFrame
    commands: pd.DataFrame
    deleted: list[str]
    remembered: dict[str, str]

    def __init__(self, store: Store, workflow_key: str, df: Table, options: PushOptions) -> None:
        self._store = store
        self._workflow_key = workflow_key
        self._prepared = prepare(store, workflow_key, df, options, only_edits=True)
        with told_of(self._prepared.rows):
            existing, self._steps = push.planned(store, workflow_key, self._prepared)
            self._steps.jobs, _ = push.made(self._prepared, self._steps, existing)
        self.deleted = list(existing.deleted)
        self.remembered = dict(self._steps.remembered)
        self.rows = _rows(self._prepared, self._steps)
        self.cells = _cells(self._steps)
        self.commands = _commands(self._steps, existing)
        self._fixed = True

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each action; and under "delete" how many jobs are deleted, if any are."""
        found = self.rows["action"].value_counts()
        counts = {action: int(found.get(action, 0)) for action in ACTIONS}
        return {**counts, "delete": len(self.deleted)} if self.deleted else counts

    def apply(self, *, progress: Progress = True) -> pd.DataFrame:
        """Do it, and return the table as `Workflow.push` does.

        Stopped anywhere, it is finished by another call, which doubles nothing, and does not mind jobs that
        were to be deleted and are gone. Jobs are deleted before all else; in an embedded store all is done or
        nothing.

        Parameters
        ----------
        progress : bool or callable
            Show a progress bar when it takes more than a second; or call ``progress(done, total)`` at the
            beginning, and then several times a second, with how many jobs have been added, changed or
            deleted, and of how many. It is called in this thread, and what it raises stops the apply there:
            an embedded store is then as it was, and on a server the next call goes on.

        Raises
        ------
        ConflictError
            If there are conflicts, or the store has changed since the plan was made so that something else
            would be done. Nothing is written then.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge")
        >>> plan = wf.plan(tf.grid(alpha=[0.1, 1.0]))
        >>> plan.apply().attrs["torc"]["added"]
        2
        """
        prepared = own_cells(self._prepared)
        return push.apply(self._store, self._workflow_key, prepared, self._steps, progress)

    def describe(self) -> Description:
        """Return which cells change, by column, which jobs are new or deleted: what a notebook shows."""
        new = self._prepared.table[(self.rows["action"] == "create").to_numpy()].dropna(axis=1, how="all")
        return Description(
            "",
            Counts(self._of(), self._told()),
            *(Remark(note, "bad" if self.deleted else "") for note in self._notes()),
            cells_seen(self.cells),
            commands_seen(self.commands),
            Remark(f"{counted(len(new), 'new job')}:") if len(new) else None,
            rows_seen(new),
            Calls([_KEEPS] if self.counts["conflict"] else [("plan.apply()", "does it")]),
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{count} {action}" for action, count in self._told().items())
        notes = (f"  {note}" for note in self._notes())
        return "\n".join([f"{self._of()}: {told}", *notes, *lines(self.cells, self.commands)])

    def _of(self) -> str:
        return f"Plan of {counted(len(self.rows), 'row')}"

    def _told(self) -> dict[str, int]:
        return {action: count for action, count in self.counts.items() if count or action != "conflict"}

    def _notes(self) -> Iterator[str]:
        if self.deleted:
            what = "job" if len(self.deleted) == 1 else "jobs"
            yield f"delete {what} {shorten(self.deleted)}, with their results"
        if told := told_remembered(self.remembered, len(self._steps.new)):
            yield told


def _rows(prepared: Prepared, steps: Steps) -> pd.DataFrame:
    actions = ["create" if key is None else "unchanged" for key in steps.job_keys]
    in_conflict = {key for key, _ in steps.conflicts}
    for key, row in steps.named.items():
        if key in in_conflict:
            actions[row] = "conflict"
        elif key in steps.changed:
            actions[row] = "update"
    counts = [0 if key is None else len(_shown(steps.cells.get(key, {}))) for key in steps.job_keys]
    table = prepared.table
    if prepared.rows is None:
        keys = pd.array(steps.job_keys, dtype="str")
        return pd.DataFrame(
            {"action": pd.array(actions, dtype="str"), "job_key": keys, "cells": counts}, index=table.index
        )
    which, cells = np.zeros(len(table), dtype=np.intp), np.zeros(len(table), dtype=np.int64)
    which[prepared.rows], cells[prepared.rows] = np.arange(1, 1 + len(actions)), counts
    told = pd.array(["unchanged", *actions], dtype="str").take(which)
    return pd.DataFrame(
        {"action": told, "job_key": table.index.astype("str").array, "cells": cells}, index=table.index
    )


def _cells(steps: Steps) -> pd.DataFrame:
    found = [
        (key, job_column(path), plain(stored), plain(pushed), (key, path) in steps.conflicts)
        for key, cells in steps.cells.items()
        for path, (stored, pushed) in _shown(cells).items()
    ]
    columns: list[list[Any]] = [list(column) for column in zip(*found, strict=True)] or [[], [], [], [], []]
    return pd.DataFrame(
        {
            "job_key": pd.array(columns[0], dtype="str"),
            "column": pd.array(columns[1], dtype="str"),
            "stored": pd.Series(columns[2], dtype=object),
            "pushed": pd.Series(columns[3], dtype=object),
            "conflict": pd.Series(columns[4], dtype=bool),
        }
    )


def _shown(cells: Cells) -> Cells:
    """Return cells without those that are missing before and after: nulls of a column that is dropped."""
    return {path: both for path, both in cells.items() if both != (None, None)}


def _commands(steps: Steps, existing: Existing) -> pd.DataFrame:
    columns = {
        "job_key": list(steps.commands),
        "stored": [existing.jobs[key].command for key in steps.commands],
        "pushed": list(steps.commands.values()),
    }
    return pd.DataFrame({name: pd.array(texts, dtype="str") for name, texts in columns.items()})
