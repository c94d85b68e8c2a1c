"""Which rows of a table have no successful result yet."""

from __future__ import annotations

import warnings

import pandas as pd

from torc_frames.errors import InexactFloatWarning
from torc_frames.files.foreign import Table
from torc_frames.store.base import Snapshot
from torc_frames.store.records import COMPLETED
from torc_frames.store.whole import read_whole
from torc_frames.workflow.push.stored import Existing, existing_of
from torc_frames.workflow.push.table import Prepared, PushOptions, prepare
from torc_frames.workflow.push.targets import match_rows
from torc_frames.workflow.workflow import Workflow

__all__ = ["missing"]

_DONE = "done"
"""What a service of 2023 calls jobs that ended, well or not."""


def missing(workflow: Workflow, params: Table) -> pd.DataFrame:
    """Return the rows of a table of parameters that have no successful result in a workflow.

    A row is known by its content, as in `Workflow.push`: it has a result if a job of the same parameters
    has completed, and its parameters were not changed since (`Workflow.jobs` says ``stale`` of those). Two
    equal rows need two such jobs.

    Parameters
    ----------
    workflow : Workflow
        Where the results are.
    params : DataFrame, or a table of Polars, Arrow or DuckDB
        As for `Workflow.push`.

    Returns
    -------
    DataFrame
        Those rows, in their order; with a new plain index, or with their job keys, if the table has those.

    Raises
    ------
    RefusedError
        For a table that could not be pushed.

    Examples
    --------
    >>> import torc_frames as tf
    >>> wf = tf.connect(tmp / "study.db").create_workflow("missing")
    >>> params = tf.grid(n=[0, 1, 2])
    >>> _ = wf.push(params, command="exit {n}")
    >>> _ = wf.run(workers=2)
    >>> tf.missing(wf, params)
       n
    0  1
    1  2
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InexactFloatWarning)  # nothing is sent
        prepared = prepare(workflow._store, workflow.key, params, PushOptions())

    def read() -> tuple[Existing, set[str]]:
        with workflow._store.snapshot(workflow.key) as snap:
            existing = existing_of(snap, None)
            done = _completed(snap, existing)
            snap.verify()
            return existing, done

    existing, done = read_whole(workflow._store.url, read)
    existing.check_readable()
    found = _rows(prepared, existing, done)
    table = prepared.table
    rest = table.iloc[[row for row in range(len(table)) if row not in found]]
    return rest if rest.index.name == "job_key" else rest.reset_index(drop=True)


def _completed(snap: Snapshot, existing: Existing) -> set[str]:
    ended = {key for key, job in existing.jobs.items() if job.status == _DONE}
    well: dict[str, bool] = {}
    for page in snap.results(latest=True) if ended else ():
        well |= {key: code == 0 for key, code in zip(page.job_keys, page.return_codes, strict=True)}
    completed = {key for key, job in existing.jobs.items() if job.status == COMPLETED}
    stale = {key for key, is_stale in (snap.stale() or {}).items() if is_stale}
    return (completed | {key for key in ended if well.get(key)}) - stale


def _rows(prepared: Prepared, existing: Existing, done: set[str]) -> set[int]:
    """Return the rows that have a result."""
    contents = {key: existing.content(key) for key in existing.of_job if key in done}
    named = {row: key for row, key in enumerate(prepared.targets.find(existing.keys)) if key is not None}
    found: set[int] = set()
    for row, key in named.items():
        own = {key: contents.pop(key)} if key in contents else {}
        found |= set(match_rows([row], prepared.lines, own))
    others = [row for row in range(len(prepared.lines)) if row not in named]
    return found | set(match_rows(others, prepared.lines, contents))
