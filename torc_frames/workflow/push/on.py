"""Rows that are known by some of their columns: which job each one is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torc_frames.errors import Problem, RefusedError, shorten
from torc_frames.frame.encode import EncodedFrame
from torc_frames.frame.specs import key_of
from torc_frames.frame.values import canonical
from torc_frames.workflow.push.targets import KEYS

__all__ = ["check_on", "find_on", "names_of_on"]

_WIDTH = 60

Key = tuple[Any, ...]


def names_of_on(on: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the columns that rows are known by, as `Workflow.push` takes them; None if it is not by columns.

    Raises
    ------
    RefusedError
        For what names no column.
    """
    if on is None:
        return None
    names = (on,) if isinstance(on, str) else tuple(on)
    if not names:
        raise RefusedError("on= names no column: say which columns tell the rows apart, or leave it out")
    other = [repr(name) for name in names if not isinstance(name, str)]
    if other:
        raise RefusedError(f"on= takes names of columns, not {shorten(other)}")
    return tuple(dict.fromkeys(names))


def check_on(on: Sequence[str], on_exists: str, frame: EncodedFrame) -> None:
    """Refuse a table whose rows these columns can't tell apart.

    Raises
    ------
    RefusedError
        With all that is wrong: columns that the table has not, cells that are missing, rows that are there
        twice.
    """
    if on_exists == "append":
        raise RefusedError("on_exists='append' makes a new job of each row, and on= finds jobs: drop one")
    unknown = [name for name in on if name not in frame.cells]
    if unknown:
        named = [name for name in unknown if name in KEYS]
        mend = (
            f"rows are known by {named[0]} where the table has it, without on="
            if named
            else f"there are {shorten(map(repr, frame.cells)) or 'none'}"
        )
        raise RefusedError(f"on: the table has no column {shorten(map(repr, unknown))}; {mend}")
    problems = [
        Problem(row, name, "is missing, and on= knows the row by it")
        for name in on
        for row, cell in enumerate(frame.cells[name])
        if cell is None
    ]
    first: dict[Key, int] = {}
    for row, key in enumerate(_keys(on, frame)):
        if None not in key and first.setdefault(key, row) != row:
            reason = f"has the same {', '.join(on)} as row {first[key]}: name more columns in on="
            problems.append(Problem(row, None, reason))
    if problems:
        raise RefusedError(problems)


def find_on(
    on: Sequence[str],
    frame: EncodedFrame,
    stored: EncodedFrame,
    at: Mapping[str, int],
    named: Sequence[str | None],
) -> list[str | None]:
    """Return the job of each row, None for those that no job has; 1 is 1.0, and not True.

    Parameters
    ----------
    on : sequence of str
    frame, stored : EncodedFrame
        The table, and these columns as the workflow has them.
    at : mapping
        By job key the row of `stored`.
    named : sequence of str or None
        The jobs that the table names beside.

    Raises
    ------
    RefusedError
        For a column that no job has, or that holds texts here and something else there; for rows that several
        jobs are, and rows that are another job by their key or name.
    """
    if at:
        _check_columns(on, frame, stored)
    jobs: dict[Key, list[str]] = {}
    for job, key in zip(at, _keys(on, stored) if at else (), strict=True):
        jobs.setdefault(key, []).append(job)
    problems: list[Problem] = []
    found: list[str | None] = []
    for row, key in enumerate(_keys(on, frame)):
        there = jobs.get(key, [])
        if len(there) > 1:
            reason = f"{_shown(on, frame, row)} are jobs {shorten(there)}: name more columns in on="
            problems.append(Problem(row, None, reason))
        elif named[row] is not None and there != [named[row]]:
            by = f"job {there[0]}" if there else "new"
            reason = f"is job {named[row]} by its key or name, and {by} by on=: df.reset_index(drop=True)"
            problems.append(Problem(row, None, reason))
        found.append(there[0] if there else None)
    if problems:
        raise RefusedError(problems)
    return found


def _check_columns(on: Sequence[str], frame: EncodedFrame, stored: EncodedFrame) -> None:
    problems = []
    for name in on:
        if name not in stored.cells:
            problems.append(Problem(None, name, "is in on=, and no job of the workflow has it"))
            continue
        here, there = _are_texts(frame.cells[name]), _are_texts(stored.cells[name])
        if {here, there} == {True, False}:
            texts, others = ("here", "in the workflow") if here else ("in the workflow", "here")
            reason = f"is in on=, and holds texts {texts} and none {others}: convert it, as with .astype"
            problems.append(Problem(None, name, reason))
    if problems:
        raise RefusedError(problems)


def _are_texts(cells: Sequence[Any]) -> bool | None:
    """Return whether all cells are texts, or none is; None where there are both, or no cells."""
    kinds = {isinstance(cell, str) for cell in cells if cell is not None}
    return kinds.pop() if len(kinds) == 1 else None


def _keys(on: Sequence[str], frame: EncodedFrame) -> Iterator[Key]:
    """Yield what rows are compared by; missing cells are None in it."""
    columns = [
        [
            None if cell is None else canonical(cell) if isinstance(cell, (list, dict)) else key_of(cell)
            for cell in frame.cells[name]
        ]
        for name in on
    ]
    return zip(*columns, strict=True)


def _shown(on: Sequence[str], frame: EncodedFrame, row: int) -> str:
    text = ", ".join(f"{name}={frame.cells[name][row]!r}" for name in on)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
