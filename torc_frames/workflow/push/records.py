"""What becomes of input records that exist: where cells are set, and columns dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torc_frames.errors import Problem, RefusedError, shorten
from torc_frames.frame.encode import EncodedFrame
from torc_frames.frame.flatten import Path, job_column, job_path
from torc_frames.frame.joining import Joined
from torc_frames.frame.nested import has, holds, is_object, look_up, put, take
from torc_frames.frame.values import canonical, decode_data, encode_data
from torc_frames.workflow.push.stored import Existing

__all__ = ["RecordEdits", "check_drop", "dropped_cells", "near", "nowhere"]


class RecordEdits:
    """New data of records, gathered cell by cell.

    Parameters
    ----------
    existing : Existing
    whole : frozenset of path
        Objects at these paths are values, and may be replaced.
    """

    def __init__(self, existing: Existing, whole: frozenset[Path]) -> None:
        self._existing = existing
        self._whole = whole
        self._data: dict[str, Any] = {}
        self._set: dict[tuple[str, Path], tuple[str, set[str]]] = {}
        self._cells: dict[str, dict[Path, Joined]] = {}
        self._problems: list[Problem] = []

    def set(self, job_key: str, row: int, path: Path, value: Any) -> None:
        """Set a cell of a job in every record with a value there, or in one that has a null, or can.

        A cell that shows what each of several records holds is a list of as many values.
        """
        keys = self._existing.of_job[job_key]
        cell = self._cell(job_key, path)
        if cell is not None and cell.places:
            targets = [(keys[at], its) for at, its in cell.places]
        else:
            able = [key for key in keys if self._takes(key, path)]
            valued = [key for key in able if look_up(self._read(key), path) is not None]
            nulls = [key for key in able if has(self._read(key), path)]
            targets = [(key, path) for key in valued or nulls[:1] or able[:1]]
        if not targets:
            self._refuse(row, path, f"no input record of job {job_key} can take it")
        each = cell is not None and cell.are_apart and isinstance(value, list) and len(value) == len(targets)
        for (key, its), new in zip(targets, value if each else [value] * len(targets), strict=True):
            self._set_in(key, its, new, job_key, row)

    def _set_in(self, key: str, path: Path, value: Any, job_key: str, row: int) -> None:
        old = look_up(self._read(key), path)
        if isinstance(old, dict) and old and path not in self._whole and not isinstance(value, dict):
            self._refuse(row, path, f"job {job_key} has an object there, which a value would replace")
            return
        text, jobs = self._set.setdefault((key, path), (canonical(value), set()))
        if text != canonical(value):
            self._refuse(row, path, f"jobs {shorten(jobs)} and {job_key} share input record {key}")
        jobs.add(job_key)
        if is_object(self._data[key]):
            self._data[key] = self._data[key] or {}
            put(self._data[key], path, value)
        else:  # only the path ("data",) leads to a record that is no object
            self._data[key] = value

    def _cell(self, job_key: str, path: Path) -> Joined | None:
        """Return a cell as the store has it; None if no record holds it."""
        keys = self._existing.of_job[job_key]
        if len(keys) == 1:
            return Joined(None, [(0, path)]) if look_up(self._read(keys[0]), path) is not None else None
        if job_key not in self._cells:
            self._cells[job_key] = self._existing.cells(job_key, self._whole)
        return self._cells[job_key].get(path)

    def remove(self, job_key: str, path: Path) -> None:
        """Take a cell of a job out of every record that holds it, with objects that this empties."""
        keys, cell = self._existing.of_job[job_key], self._cell(job_key, path)
        apart = [] if cell is None else [(keys[at], its) for at, its in cell.places if its != path]
        for key, path in apart or [(key, path) for key in keys]:
            data = self._read(key)
            if (key, path) in self._set:
                self._set[key, path][1].add(job_key)
            elif holds(data, path, self._whole):
                self._set[key, path] = ("", {job_key})
                if is_object(data):
                    take(data, path)
                else:
                    self._data[key] = {}

    def finish(self) -> dict[str, bytes]:
        """Return the new data by record key.

        Raises
        ------
        RefusedError
            With every cell that could not be set.
        """
        for (key, path), (text, jobs) in self._set.items():
            others = set(self._existing.jobs_of[key]) - jobs
            if others:
                shared = f"input record {key} is shared by jobs {shorten(self._existing.jobs_of[key])}"
                mend = "give all of them the same value" if text else "drop it from all of them"
                self._refuse(None, path, f"{shared}: {mend}")
        if self._problems:
            raise RefusedError(self._problems)
        return {key: encode_data(self._data[key]) for key in dict.fromkeys(key for key, _ in self._set)}

    def _read(self, key: str) -> Any:
        if key not in self._data:
            self._data[key] = decode_data(key, self._existing.raws[key])
        return self._data[key]

    def _takes(self, key: str, path: Path) -> bool:
        data = self._read(key)
        for name in path[:-1]:
            if not is_object(data):
                return False
            data = (data or {}).get(name)
        return is_object(data)

    def _refuse(self, row: int | None, path: Path, reason: str) -> None:
        self._problems.append(Problem(row, job_column(path), reason))


def near(name: str, path: Path) -> bool:
    """Return whether a column is the one at a path, or of what is inside an object there."""
    try:
        return job_path(name)[: len(path)] == path
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
            path = job_path(name)
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
        path = job_path(name)
        if name not in before.cells:
            inside = [one for one in before.paths if near(one, path)]
            if inside:
                problems.append(Problem(None, name, f"is no column: drop={inside!r}"))
            continue
        for key in named:
            value = before.cells[name][at[key]] if key in at else None
            inputs = existing.of_job.get(key, ())
            if value is not None or any(holds(existing.data(one), path, whole) for one in inputs):
                found.setdefault(name, []).append(key)
    if problems:
        raise RefusedError(problems)
    return found


def nowhere(
    names: Sequence[str], existing: Existing, updates: Mapping[str, bytes], whole: frozenset[Path]
) -> list[str]:
    """Return the columns that no input record holds when it has been updated."""
    left = {name: job_path(name) for name in names}
    for key in existing.jobs_of if left else ():
        data = decode_data(key, updates.get(key, existing.raws[key]))
        of_name = (existing.names.get(key),)
        left = {
            name: path
            for name, path in left.items()
            if not holds(data, path, whole)
            and not (len(path) > 1 and path[:1] == of_name and holds(data, path[1:], whole))
        }
    return list(left)
