"""Which columns a push drops, and from which jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.encode import EncodedFrame
from torc_frames.frame.flatten import Path, split
from torc_frames.frame.nested import holds
from torc_frames.frame.values import decode_data
from torc_frames.workflow.push.stored import Existing

__all__ = ["check_drop", "dropped_cells", "near", "nowhere"]


def near(name: str, path: Path) -> bool:
    """Return whether a column is the one at a path, or of what is inside an object there."""
    try:
        return split(name)[: len(path)] == path
    except RefusedError:
        return False  # a name that no push records


def check_drop(drop: Sequence[str], paths: Mapping[str, Path], named: bool) -> None:
    """Refuse columns to drop that are in the table as well, and a table that names no jobs.

    Parameters
    ----------
    drop : sequence of str
    paths : mapping
        Those of the table's columns.
    named : bool
        Whether the table has job keys or names.
    """
    problems = []
    for name in drop:
        if not isinstance(name, str):
            problems.append(Problem(None, str(name), "drop= takes names of columns"))
            continue
        try:
            path = split(name)
        except RefusedError as error:
            problems.append(Problem(None, name, str(error)))
            continue
        both = [one for one, its in paths.items() if its[: len(path)] == path or path[: len(its)] == its]
        if name in both:
            problems.append(Problem(None, name, "is to be dropped, and is in the table: df.drop(columns=…)"))
        elif both:
            problems.append(Problem(None, name, f"is to be dropped, and overlaps with column {both[0]!r}"))
    if problems:
        raise RefusedError(problems)
    if drop and not named:
        raise RefusedError("drop= is for jobs that exist, and the table names none: push wf.parameters()")


def dropped_cells(
    before: EncodedFrame,
    at: Mapping[str, int],
    drop: Sequence[str],
    named: Mapping[str, int],
    existing: Existing,
    whole: frozenset[Path],
) -> dict[str, list[str]]:
    """Return the jobs that have a cell which is to go, by column; null is missing, and goes, too.

    Raises
    ------
    RefusedError
        For names of objects that show as several columns.
    """
    found: dict[str, list[str]] = {}
    problems = []
    for name in drop:
        path = split(name)
        if name not in before.cells:
            inside = [one for one in before.paths if near(one, path)]
            if inside:
                problems.append(Problem(None, name, f"is no column: drop={inside!r}"))
            continue
        for key in named:
            value = before.cells[name][at[key]] if key in at else None
            inputs = existing.inputs.get(key, ())
            if value is not None or any(holds(existing.data(one), path, whole) for one in inputs):
                found.setdefault(name, []).append(key)
    if problems:
        raise RefusedError(problems)
    return found


def nowhere(
    names: Sequence[str], existing: Existing, updates: Mapping[str, bytes], whole: frozenset[Path]
) -> list[str]:
    """Return the columns that no input record holds when it has been updated."""
    left = {name: split(name) for name in names}
    for key in existing.jobs_of if left else ():
        data = decode_data(key, updates.get(key, existing.raws[key]))
        left = {name: path for name, path in left.items() if not holds(data, path, whole)}
    return list(left)
