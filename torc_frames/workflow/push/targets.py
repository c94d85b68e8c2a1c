"""Which job each row of a table is: by its key or name, or by its content."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from torc_frames.errors import NotFoundError, Problem, RefusedError, shorten
from torc_frames.frame.values import canonical, decode_data, is_missing
from torc_frames.workflow.push.resources import is_whole

__all__ = ["Targets", "identify", "match_rows"]


KEYS = ("job_key", "job_name")


@dataclass(frozen=True, slots=True)
class Targets:
    """By row: the job key or job name that the table gives, None for rows that are new jobs."""

    kind: str | None
    values: list[str | None]

    def find(self, names: Mapping[str, Sequence[str]]) -> list[str | None]:
        """Return the job key of each row, given all job keys by their names.

        Raises
        ------
        NotFoundError
            For keys and names that do not exist.
        RefusedError
            For a job that two rows name, and a name that two jobs have.
        """
        if self.kind == "job_name":
            found = [None if name is None else names.get(name, ()) for name in self.values]
            unknown = [
                name for name, keys in zip(self.values, found, strict=True) if keys is not None and not keys
            ]
            if unknown:
                raise RefusedError(f"no job is named {shorten(map(repr, unknown))}; name= names new jobs")
            several = {name for name, keys in zip(self.values, found, strict=True) if keys and len(keys) > 1}
            if several:
                raise RefusedError(f"several jobs are named {shorten(map(repr, several))}: use job_key")
            keys = [None if at is None else at[0] for at in found]
        else:
            keys = self.values
            known = {key for same in names.values() for key in same}
            unknown = [key for key in keys if key is not None and key not in known]
            if unknown:
                raise NotFoundError("job", [str(key) for key in unknown], "the workflow")
        _check_once(keys)
        return keys


def identify(df: pd.DataFrame) -> tuple[pd.DataFrame, Targets]:
    """Split a table into its parameters and the jobs that its index, or a column, names.

    Raises
    ------
    RefusedError
        For an index that is neither of jobs nor of plain numbers of rows, in whatever order, and for two
        ways of naming jobs.
    """
    if "record_key" in df.columns:
        raise RefusedError(
            "column 'record_key': this looks like the frame of user_data(), a row a record; "
            "edit and push the frame of parameters(), a row a job"
        )
    columns = [str(name) for name in df.columns if name in KEYS]
    index = df.index
    if index.nlevels == 1 and index.name in KEYS:
        given = [str(index.name), *columns]
    elif index.name is None and index.nlevels == 1 and _are_numbers_of_rows(index):
        given = columns
    elif index.nlevels > 1 or index.name is not None:
        raise RefusedError(f"the index {list(index.names)} would be lost: df.reset_index() makes it columns")
    else:
        mend = "df.reset_index(drop=True)"
        if index.dtype.kind == "O" or pd.api.types.is_string_dtype(index.dtype):
            mend = (
                f'df.rename_axis("job_key") if it is of job keys, else {mend}, which makes new jobs; new '
                "rows are pushed as a table of their own"
            )
        raise RefusedError(f"the index has no name and is not of numbers: {mend}")
    if len(given) > 1:
        raise RefusedError(f"jobs are named by {' and by '.join(given)}: drop one of them")
    if not given:
        return df.reset_index(drop=True), Targets(None, [None] * len(df))
    values = df[columns[0]] if columns else index
    kind = given[0]
    keys, problems = _texts(values.tolist(), kind)
    if problems:
        raise RefusedError(problems)
    params = df.drop(columns=columns).reset_index(drop=True)
    return params, Targets(kind, keys)


def _are_numbers_of_rows(index: pd.Index) -> bool:
    """Return whether an index is what rows of a plain range keep when they are sorted, sampled or joined."""
    return not len(index) or pd.api.types.is_integer_dtype(index.dtype)


def _texts(values: list[Any], kind: str) -> tuple[list[str | None], list[Problem]]:
    texts: list[str | None] = []
    problems = []
    for row, value in enumerate(values):
        if is_missing(value):
            texts.append(None)
        elif isinstance(value, str):
            texts.append(value)
        elif kind == "job_key" and not isinstance(value, bool) and is_whole(value):
            texts.append(str(int(value)))
        else:
            problems.append(Problem(row, kind, f"{value!r} is no {kind}; those are strings"))
    return texts, problems


def _check_once(keys: list[str | None]) -> None:
    rows = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None:
            rows[key].append(row)
    problems = [
        Problem(at[1], None, f"is job {key}, which row {at[0]} is already")
        for key, at in rows.items()
        if len(at) > 1
    ]
    if problems:
        raise RefusedError(problems)


def match_rows(
    rows: list[int], lines: Sequence[bytes], contents: Mapping[str, Sequence[bytes]]
) -> dict[int, str]:
    """Return by row the job that has its content; each job is of one row.

    Parameters
    ----------
    rows : list of int
        Which of the lines to find.
    lines : sequence of bytes
        By row: its record, raw JSON.
    contents : mapping
        By job: what a row of the same content may look like.
    """
    found = _match(rows, lines.__getitem__, contents)
    taken = set(found.values())
    rest = [row for row in rows if row not in found]
    others = {
        key: [_canonical(raw) for raw in raws] for key, raws in contents.items() if rest and key not in taken
    }
    found.update(_match(rest, lambda row: _canonical(lines[row]), others))
    return found


def _match(
    rows: list[int],
    content: Callable[[int], bytes | str],
    contents: Mapping[str, Sequence[bytes | str]],
) -> dict[int, str]:
    jobs: dict[bytes | str, deque[str]] = defaultdict(deque)
    for key, forms in contents.items():
        for form in dict.fromkeys(forms):
            jobs[form].append(key)
    found: dict[int, str] = {}
    taken: set[str] = set()
    for row in rows if jobs else ():
        same = jobs.get(content(row), deque())
        while same and row not in found:
            key = same.popleft()
            if key not in taken:
                found[row] = key
                taken.add(key)
    return found


def _canonical(raw: bytes) -> str:
    return canonical(decode_data("", raw))
