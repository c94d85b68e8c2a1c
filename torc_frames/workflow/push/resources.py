"""What rows need and wait for, as it is given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from torc_frames.errors import NotFoundError, Problem, RefusedError, shorten
from torc_frames.files.foreign import Table, as_frame
from torc_frames.frame.values import is_missing
from torc_frames.store.keys import as_key
from torc_frames.store.records import Resources
from torc_frames.store.resources import bad_memory, bad_runtime

__all__ = ["DependsOn", "ResourceTable", "dependencies", "is_whole", "resource_list"]

DependsOn = str | int | Sequence[str | int] | Sequence[Sequence[str | int]] | None


ResourceTable = Mapping[str, Any] | Table | None


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
    several = not isinstance(depends_on, str) and hasattr(depends_on, "__iter__")
    given: Sequence[Any] = [*depends_on] if several else [depends_on]  # type: ignore[misc]
    if any(isinstance(item, (list, tuple)) for item in given):
        if len(given) != length:
            raise RefusedError(f"depends_on has {len(given)} lists for {length} rows")
        rows = [
            [as_key(key, "job") for key in (item if isinstance(item, (list, tuple)) else [item])]
            for item in given
        ]
    else:
        rows = [[as_key(key, "job") for key in given]] * length
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
    resources = resources if isinstance(resources, Mapping) else as_frame(resources)
    fields = Resources.__struct_fields__
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


def is_whole(value: Any) -> bool:
    """Return whether a value is a number without a fraction."""
    return hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())


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
