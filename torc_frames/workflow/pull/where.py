"""Which rows of a pull a text keeps, of which no more is read than the store has to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.frame.conditions import Condition, Group, Test, condition_of, tests_of
from torc_frames.frame.expressions import ROW
from torc_frames.frame.flatten import DATA, RESERVED, split
from torc_frames.frame.functions import CONSTANTS
from torc_frames.frame.shape import Shape
from torc_frames.frame.specs import Spec, kind_of, recorded_dtype
from torc_frames.frame.where import formula_of, kept_rows
from torc_frames.store.base import SelectiveSnapshot
from torc_frames.store.records import INPUT, OUTPUT, Origin, Role, Source
from torc_frames.workflow.pull.reading import Reading
from torc_frames.workflow.pull.runs import jobs_frame

__all__ = ["FIRST", "Where"]

FIRST = 1_000
"""How many rows say what columns there are, beside those that are returned."""

_PREFIXES: dict[str, Role] = {"params.": INPUT, "results.": OUTPUT}
_SOURCES: dict[str, Source] = {"parameters": INPUT, "results": OUTPUT, "user_data": "any", "table": "any"}


class _UntoldError(TorcFramesError):
    """That only the whole table tells what a text means, or keeps."""


class Where:
    """Rows of one kind of pull, as a text chooses them; of none, all.

    Parameters
    ----------
    text : str or None
        See `select`.
    kind : {"table", "jobs", "user_data", "parameters", "results"}
        In a table, a name may be that of a parameter or of a result.
    role : {"input", "output"}, optional
        That of the records.
    is_narrow : bool
        Whether all is read, and then chosen from: it is little anyway, or all of it is needed to tell.
    """

    def __init__(
        self, text: str | None, kind: str, role: Role | None = None, *, is_narrow: bool = False
    ) -> None:
        self._is_narrow = is_narrow
        self.how = {} if text is None else {"where": text}
        self._text, self._kind, self._role = text, kind, role
        self._prefixes = _PREFIXES if kind == "table" else {}
        self.names: Collection[str] = ()
        """The names that stand in it."""
        self._places: Mapping[str, Origin] | None = None
        """Where what is needed was looked for, None if all is read."""
        if text is not None:
            self._formula = formula_of(text, [], lambda name: None if name in (ROW, *CONSTANTS) else name)
            self.names = self._formula.needs

    def __bool__(self) -> bool:
        return self._text is not None

    def read(self, build: Callable[[Reading], pd.DataFrame], read: Reading) -> pd.DataFrame:
        """Build a frame of as few rows as have to be read; `build` calls `rows`."""
        whole, before = read.snap, 0
        self._places = None
        if not self._is_narrow and isinstance(whole, SelectiveSnapshot):
            read.snap = self._narrowed(read, whole) or whole
            before = read.snap.requests
        try:
            return build(read)
        except _UntoldError:
            self._places = None
            read.forget()
        finally:
            if read.snap is not whole:
                whole.requests, read.snap = whole.requests + read.snap.requests - before, whole
        return build(read)

    def rows(self, read: Reading, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a frame, whole or of what was read, that are kept."""
        if self._text is None:
            return frame
        names = [name for name in (*frame.columns, frame.index.name) if isinstance(name, str)]
        try:
            formula = formula_of(self._text, names, lambda name: self._meant(read, names, name))
        except RefusedError:
            if self._places is not None:
                raise _UntoldError from None
            raise
        if self._places is not None and not all(self._is_told(frame, name) for name in formula.needs):
            raise _UntoldError
        keys = frame["record_key"] if self._kind == "user_data" else frame.index
        what = "record" if self._kind == "user_data" else "job"
        try:
            mask = kept_rows(frame, formula, lambda row: f"{what} {keys.tolist()[row]}")
        except RefusedError:
            if self._places is not None:  # what is missing counts as its column's dtype has it
                raise _UntoldError from None
            raise
        kept = frame if mask.all() else frame[mask]
        return kept.reset_index(drop=True) if self._kind == "user_data" else kept

    def _meant(self, read: Reading, names: list[str], name: str) -> str | None:
        """Return the parameter or the result of a name, which must not be that of both."""
        if name in (ROW, *CONSTANTS) and not any(prefix + name in names for prefix in self._prefixes):
            return None
        found = {role: prefix + name for prefix, role in self._prefixes.items() if prefix + name in names}
        if self._places is not None and len(found) == 1:
            place = self._places.get(name)
            others = [role for role in self._prefixes.values() if role not in found]
            snap = read.snap
            if place is None or not isinstance(snap, SelectiveSnapshot):
                raise _UntoldError
            if any(snap.may_have(place.path, role) for role in others):
                raise _UntoldError
        if len(found) > 1:
            raise RefusedError(f"{name!r} is {' and '.join(map(repr, found.values()))}: write which")
        return next(iter(found.values()), None)

    def _is_told(self, frame: pd.DataFrame, name: str) -> bool:
        """Return whether a column was looked for, and has values that tell how missing ones compare."""
        places = self._places or {}
        if name in places and places[name].source == "job":
            return True
        if len(self.names) > 1 and len(frame) and frame[name].isna().all():
            return False
        bare = next((name.removeprefix(one) for one in self._prefixes if name.startswith(one)), name)
        return name in places or bare in places

    def _narrowed(self, read: Reading, snap: SelectiveSnapshot) -> SelectiveSnapshot | None:
        """Return what shows all rows that are kept; None if that is not to be told but of all."""
        jobs = jobs_frame((), (), Shape(), lambda: None, read.snap.measures)  # what columns they have
        names = self._formula.needs
        self._places = {name: place for name in names if (place := self._place(name, jobs)) is not None}
        condition = condition_of(self._formula)
        sought = None
        if condition is not None and len(self._places) == len(names):
            sought = self._sought(condition, snap, read.shape.specs, jobs)
        if isinstance(sought, (Test, Group)) and any(tests_of(sought)):
            if self._kind == "user_data":
                return snap.records_like(sought, self._places, self._role, FIRST)
            return snap.jobs_like(sought, self._places, FIRST)
        if self._kind == "table" and names and all(name in jobs for name in names):
            pages, runs = read.snap.jobs(), read.snap.results(latest=True)
            shape = Shape(usecols=sorted(names))
            told = jobs_frame(pages, runs, shape, read.snap.stale, read.snap.measures)
            return snap.only(told.index[kept_rows(told, self._formula)].tolist(), FIRST)
        self._places = None
        return None

    def _place(self, name: str, jobs: pd.DataFrame) -> Origin | None:
        source, path = _SOURCES.get(self._kind), name
        known = [jobs.index.name, *(jobs.columns if self._kind in ("table", "jobs") else ())]
        if name in (RESERVED if self._kind == "user_data" else known):
            return Origin("job", (name,))
        for prefix, role in self._prefixes.items():
            if name.startswith(prefix):
                source, path = role, name.removeprefix(prefix)
        try:
            keys = split(path)
        except RefusedError:
            return None
        return None if source is None or keys[0] == DATA else Origin(source, keys)

    def _sought(
        self, condition: Condition, snap: SelectiveSnapshot, specs: Mapping[str, Spec], jobs: pd.DataFrame
    ) -> Condition | bool | None:
        """Return what is looked for of a condition; True where that is nothing, None if it can't be."""
        assert self._places is not None
        if isinstance(condition, Group):
            parts = [self._sought(part, snap, specs, jobs) for part in condition.parts]
            if None in parts:
                return None
            if not condition.all and any(part is True for part in parts):
                return True
            kept = tuple(part for part in parts if isinstance(part, (Test, Group)))
            return Group(condition.all, kept) if kept or not condition.all else True
        place = self._places[condition.column]
        if place.source == "job":
            can_find = self._kind != "user_data" and snap.can_find(place)  # among records, jobs are not
            return _of_jobs(condition, jobs.dtypes.get(place.path[0], "str"), can_find)
        has_specs = place.source != OUTPUT and (self._kind != "user_data" or self._role == INPUT)
        spec = specs.get(condition.column.removeprefix("params.")) if has_specs else None
        return condition if snap.can_find(place) and _is_plain(spec, condition) else None


def _of_jobs(test: Test, dtype: Any, can_find: bool) -> Condition | bool | None:
    """Return a test of what is known of jobs, True if it is not looked for; None where it may be an error."""
    is_number = pd.api.types.is_numeric_dtype(dtype)
    is_text = not (is_number or pd.api.types.is_datetime64_any_dtype(dtype) or test.column == "labels")
    if not (is_text if test.is_of_texts else is_number):
        return None
    return test if can_find else True


def _is_plain(spec: Spec | None, test: Test) -> bool:
    """Return whether a recorded dtype compares as the JSON does."""
    if spec is None or spec["dtype"] in ("object", "string"):
        return True
    if spec["dtype"] == "category":
        return not test.orders and _is_plain(spec["of"], test)
    dtype: Any = recorded_dtype(spec)
    is_short = getattr(dtype, "kind", "") == "f" and dtype.itemsize < np.dtype("f8").itemsize
    return kind_of(spec) == "plain" and not is_short
