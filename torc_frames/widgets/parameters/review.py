"""What applying an edited table would do, for a page to show: what is wrong, conflicts, cells row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import counted
from torc_frames.frame.compare import same
from torc_frames.widgets.parameters.conflicts import CellConflict
from torc_frames.widgets.parameters.session import Proposal
from torc_frames.widgets.table.cells import shown

__all__ = ["of_problems", "of_proposal", "summary"]

_MOST_ROWS = 100
_MOST_COLUMNS = 30
_MOST_CONFLICTS = 100
_MOST_PROBLEMS = 50
_LONGEST = 120

_VERBS = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "conflict": "in conflict",
    "unchanged": "unchanged",
}


def of_problems(found: pd.DataFrame) -> dict[str, Any]:
    """Return what keeps a table from being applied.

    Returns
    -------
    dict
        ``total``, and of the first ``problems`` each the number of its ``row`` in the table, its ``job`` and
        ``column`` (each null where it has none), ``text`` and ``reason``.
    """
    listed = found.head(_MOST_PROBLEMS)[["row", "job_key", "column", "text", "reason"]]
    problems = [
        {
            "row": None if pd.isna(row) else int(row),
            "job": None if pd.isna(key) else str(key),
            "column": None if pd.isna(column) else str(column),
            "text": _cut(text),
            "reason": reason,
        }
        for row, key, column, text, reason in listed.itertuples(index=False)
    ]
    return {"total": len(found), "problems": problems}


def of_proposal(proposal: Proposal) -> dict[str, Any]:
    """Return what a proposal says.

    Returns
    -------
    dict
        ``summary`` (str), ``empty`` (bool), ``notes`` (list of str), ``verb`` (what the button says that does
        it), ``deleted`` (how many jobs are deleted), ``conflicts`` (the first of them, each with ``job`` and
        ``column``, which are empty for columns and rows as a whole, and the texts ``mine``, ``theirs`` and
        ``before``; null is missing) and ``conflicts_total``, ``columns`` and ``rows``: each row with
        ``what`` (changed, new or deleted), ``job`` and ``cells``, by column null or what it was and becomes;
        ``more`` (how many rows there are besides) and ``more_columns``.
    """
    rows, total = _rows(proposal)
    names = [column.name for column in proposal.taken.state.columns]
    told = {name for row in rows for name in row["cells"]}
    columns = [name for name in [*names, *sorted(told.difference(names))] if name in told]
    kept = columns[:_MOST_COLUMNS]
    lines = [{**row, "cells": [row["cells"].get(name) for name in kept]} for row in rows]
    return {
        "summary": summary(proposal),
        "empty": proposal.is_empty,
        "notes": [*proposal.notes, *_commands(proposal)],
        "verb": _verb(len(proposal.deleted)),
        "deleted": len(proposal.deleted),
        "conflicts": [_conflict(found) for found in proposal.conflicts[:_MOST_CONFLICTS]],
        "conflicts_total": len(proposal.conflicts),
        "columns": kept,
        "rows": lines,
        "more": total - len(rows),
        "more_columns": len(columns) - len(kept),
    }


def summary(proposal: Proposal) -> str:
    """Return in one line what applying a proposal would do."""
    if proposal.is_empty:
        return "Nothing to apply: the store has all of this."
    counts = proposal.counts
    told = [f"{counted(counts[action], 'job')} {verb}" for action, verb in _VERBS.items() if counts[action]]
    return f"Applying this: {', '.join(told)}"


def _verb(deleted: int) -> str:
    if not deleted:
        return "Apply"
    return f"Apply: delete {counted(deleted, 'job')} and {'its' if deleted == 1 else 'their'} results"


def _rows(proposal: Proposal) -> tuple[list[dict[str, Any]], int]:
    """Return the first rows of each kind that would be other than they are, and how many there are."""
    undecided = {(found.job_key, found.column) for found in proposal.conflicts}
    changed: dict[str, dict[str, Any]] = {}
    keys = set()
    cells = proposal.plan.cells[["job_key", "column", "stored", "pushed"]]
    for key, column, stored, pushed in cells.itertuples(index=False):
        if not undecided.isdisjoint([(key, column), (key, ""), ("", column)]):
            continue
        keys.add(key)
        if key in changed or len(changed) < _MOST_ROWS:
            changed.setdefault(key, {})[column] = [_text(stored), _text(pushed)]
    rows = [{"what": "changed", "job": key, "cells": cells} for key, cells in changed.items()]
    new, deleted = list(_new(proposal)), list(_deleted(proposal, undecided))
    counts = proposal.counts
    total = len(keys) + counts["create"] + counts["delete"]
    return [*rows, *new, *deleted], total


def _new(proposal: Proposal) -> Iterator[dict[str, Any]]:
    places = np.flatnonzero((proposal.plan.rows["action"] == "create").to_numpy())[:_MOST_ROWS]
    frame = proposal.taken.frame.iloc[places]
    for values in frame.itertuples(index=False, name=None):
        cells = zip(frame.columns, values, strict=True)
        yield {
            "what": "new",
            "job": None,
            "cells": {str(name): [None, _text(value)] for name, value in cells},
        }


def _deleted(proposal: Proposal, undecided: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    base = proposal.taken.state.base
    keys = [key for key in proposal.deleted if (key, "") not in undecided][:_MOST_ROWS]
    frame = base.frame.iloc[[base.ids[key] for key in keys]]
    for key, values in zip(keys, frame.itertuples(index=False, name=None), strict=True):
        cells = zip(frame.columns, values, strict=True)
        yield {
            "what": "deleted",
            "job": key,
            "cells": {str(name): [_text(value), None] for name, value in cells},
        }


def _commands(proposal: Proposal) -> list[str]:
    found = proposal.plan.commands
    if not len(found):
        return []
    first = found.iloc[0]
    more = f" (and of {counted(len(found) - 1, 'more job')})" if len(found) > 1 else ""
    return [
        f"The command of job {first['job_key']} becomes {_cut(first['pushed'])!r} instead of "
        f"{_cut(first['stored'])!r}{more}"
    ]


def _conflict(found: CellConflict) -> dict[str, Any]:
    if found.job_key and found.column:
        mine, theirs, before = (_text(value) for value in (found.mine, found.theirs, found.before))
    else:
        mine = "the row is deleted" if found.job_key else "the column is dropped"
        names = [name for name, value in found.theirs.items() if not same(value, found.before.get(name))]
        of = "" if found.job_key else "job "
        theirs = _cut("; ".join(f"{of}{name}: {shown(found.theirs[name])}" for name in names))
        before = _cut("; ".join(f"{of}{name}: {shown(found.before.get(name))}" for name in names))
    return {"job": found.job_key, "column": found.column, "mine": mine, "theirs": theirs, "before": before}


def _text(value: Any) -> str | None:
    """Return what a cell of a value shows; None of a missing one."""
    return None if value is None else _cut(shown(value)) or None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
