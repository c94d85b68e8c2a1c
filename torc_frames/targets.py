"""Which jobs the rows of a table name, and what each new job needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
import pandas as pd

from torc_frames.errors import NotFoundError, Problem, RefusedError, shorten
from torc_frames.frame.values import decode_data, is_missing
from torc_frames.records import Resources
from torc_frames.resources import bad_memory, bad_runtime

__all__ = [
    "DependsOn",
    "ResourceTable",
    "Seen",
    "Targets",
    "dependencies",
    "identify",
    "read_revs",
    "resource_list",
    "rev_of_content",
    "what_was_seen",
    "written_revs",
]

DependsOn = str | int | Sequence[str | int] | Sequence[Sequence[str | int]] | None
ResourceTable = Mapping[str, Any] | pd.DataFrame | None

KEYS = ("job_key", "job_name")

_sorted = msgspec.json.Encoder(order="deterministic").encode


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


def written_revs(revs: Mapping[str, str]) -> str:
    """Return revs by record key as a text: frames copy what they carry, and texts cost nothing to copy."""
    return msgspec.json.encode(revs).decode()


def read_revs(text: object) -> dict[str, str] | None:
    """Return what `written_revs` has written; None for anything else."""
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if isinstance(text, str) else None
    except msgspec.MsgspecError:
        return None


def rev_of_content(raw: bytes) -> str:
    """Return what stands for the rev of a record that was written, where the store did not tell it.

    It is a digest of its JSON, whatever the order of keys.
    """
    return "=" + blake2b(_sorted(decode_data("", raw)), digest_size=10).hexdigest()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store had when a table was pulled: the rev of the workflow, or those of its records."""

    rev: str | None = None
    revs: Mapping[str, str] | None = None
    left: frozenset[str] = frozenset()
    """Records that were left as others made them, though the table says otherwise."""

    def is_newer(self, key: str, rev: str | None, raw: bytes) -> bool:
        """Return whether a record is not as it was seen, by its rev or its data now."""
        before = (self.revs or {}).get(key)
        if before is not None and before.startswith("="):
            return before != rev_of_content(raw)
        return before != rev


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


def what_was_seen(df: pd.DataFrame, url: str, workflow_key: str) -> Seen | None:
    """Return what a pulled table has seen of the store, None for a table of other origin.

    Raises
    ------
    RefusedError
        For a table of jobs that are not this workflow's, or that does not hold parameters.
    """
    about = df.attrs.get("torc")
    if not isinstance(about, dict) or "job_key" not in (df.index.name, *df.columns):
        return None
    if (about.get("url"), about.get("workflow_key")) != (url, workflow_key):
        raise RefusedError(
            f"the job keys of this table are of workflow {about.get('workflow_key')} of {about.get('url')}: "
            "df.reset_index(drop=True) makes new jobs here"
        )
    if about.get("kind") != "parameters":
        raise RefusedError(
            f"this is a table of {about.get('kind')}, which would become parameters: edit and push "
            "wf.parameters(), or df.attrs.clear() if its columns are meant as parameters"
        )
    left = about.get("left")
    keys = frozenset(map(str, left)) if isinstance(left, list) else frozenset()
    return Seen(about.get("rev"), read_revs(about.get("revs")), keys)


def dependencies(
    depends_on: DependsOn, length: int, known: Collection[str], deleted: Collection[str] = ()
) -> list[list[str]] | None:
    """Return the keys of the jobs that each row waits for.

    Raises
    ------
    RefusedError
        If there is a list for each row, but not of the table's length; for jobs that are to be deleted.
    NotFoundError
        For keys that do not exist.
    """
    if depends_on is None:
        return None
    if isinstance(depends_on, (str, int)):
        depends_on = [depends_on]
    given = list(depends_on)
    if any(isinstance(item, (list, tuple)) for item in given):
        if len(given) != length:
            raise RefusedError(f"depends_on has {len(given)} lists for {length} rows")
        rows = [[str(key) for key in (item if isinstance(item, (list, tuple)) else [item])] for item in given]
    else:
        rows = [[str(key) for key in given]] * length
    unknown = dict.fromkeys(key for row in rows for key in row if key not in known)
    going = [key for key in unknown if key in deleted]
    if going:
        raise RefusedError(f"depends_on names jobs {shorten(going)}, which are to be deleted")
    if unknown:
        raise NotFoundError("job", unknown, "the workflow (depends_on)")
    return rows


def resource_list(resources: ResourceTable, length: int) -> list[Resources] | None:
    """Return what the job of each row needs.

    Raises
    ------
    RefusedError
        For names that torc does not have, and values that make no sense, by row.
    """
    if resources is None:
        return None
    fields = tuple(Resources.__dataclass_fields__)
    unknown = [str(name) for name in resources if name not in fields]
    if unknown:
        raise RefusedError(f"resources: no {shorten(unknown)}; torc has {', '.join(fields)}")
    columns = {name: _spread(name, resources[name], length) for name in map(str, resources)}
    problems = [
        Problem(row, f"resources[{name!r}]", reason)
        for name, values in columns.items()
        for row, value in enumerate(values)
        if (reason := _bad_resource(name, value))
    ]
    if problems:
        raise RefusedError(problems)
    return [Resources(**{name: values[row] for name, values in columns.items()}) for row in range(length)]


def _texts(values: list[Any], kind: str) -> tuple[list[str | None], list[Problem]]:
    texts: list[str | None] = []
    problems = []
    for row, value in enumerate(values):
        if is_missing(value):
            texts.append(None)
        elif isinstance(value, str):
            texts.append(value)
        elif kind == "job_key" and not isinstance(value, bool) and _is_whole(value):
            texts.append(str(int(value)))
        else:
            problems.append(Problem(row, kind, f"{value!r} is no {kind}; those are strings"))
    return texts, problems


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())


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


def _spread(name: str, values: Any, length: int) -> list[Any]:
    if isinstance(values, str) or not hasattr(values, "__len__"):
        values = values.item() if hasattr(values, "item") else values
        return [values] * length
    listed = [None if is_missing(value) else value for value in pd.Series(values).tolist()]
    if len(listed) != length:
        raise RefusedError(f"resources[{name!r}] has {len(listed)} values for {length} rows")
    return listed


def _bad_resource(name: str, value: Any) -> str | None:
    if name.startswith("num_"):
        least = 1 if name == "num_cpus" else 0
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if good else f"{value!r} is no whole number from {least} on"
    if value is None:
        return None
    if not isinstance(value, str):
        return f"{value!r} is no string like '2g' or 'PT1H'"
    return bad_memory(value) if name == "memory" else bad_runtime(value)
