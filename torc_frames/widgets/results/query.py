"""What to show of a table: rows, groups, order and columns, done by pandas and told as Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.widgets.results.filters import KEY, Filter, Meaning, column, meaning

__all__ = ["COUNT", "Aggregate", "Query", "can_group", "functions"]

COUNT = "jobs"
"""The column of a grouped table that says how many rows a group has."""

_ANY = ("count", "first")
_FUNCTIONS: dict[Meaning, tuple[str, ...]] = {
    "number": ("mean", "min", "max", "std", "median", "sum", "count", "first", "nunique"),
    "time": ("min", "max", "count", "first", "nunique"),
    "span": ("mean", "min", "max", "median", "sum", "count", "first", "nunique"),
    "flag": ("mean", "sum", "count", "first", "nunique"),
    "text": ("count", "first", "nunique"),
    "choice": ("count", "first", "nunique"),
    "object": _ANY,
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number of each group: a function of a column's values."""

    column: str
    function: str

    @property
    def name(self) -> str:
        """The column that it becomes."""
        return f"{self.function} {self.column}"


@dataclass(frozen=True, slots=True)
class Query:
    """What to show of a table.

    Rows that meet all filters; of those the groups and their aggregates, if there are groups, and else the
    columns; sorted by a column, ascending or not, equal ones in the order of the table, missing ones last.
    """

    filters: tuple[Filter, ...] = ()
    groups: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    columns: tuple[str, ...] | None = None
    sort: tuple[str, bool] | None = None

    def filtered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that meet all filters."""
        if not self.filters:
            return frame
        mask = self.filters[0].mask(frame)
        for condition in self.filters[1:]:
            mask = mask & condition.mask(frame)
        return frame[mask]

    def unsorted(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what is shown, before it is sorted.

        Raises
        ------
        RefusedError
            For columns that the frame does not have, and functions that theirs do not allow.
        """
        rows = self.filtered(frame)
        if self.groups:
            _check_groups(rows, self.groups, self.aggregates)
            grouped = rows.groupby(list(self.groups), dropna=False, observed=True, as_index=False)
            whole: pd.DataFrame = grouped.agg(**self._named(frame))
            return whole
        return rows if self.columns is None else rows[list(self.columns)]

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what is shown of a frame, as a frame of its own."""
        shown = self.unsorted(frame)
        if self.sort is None:
            return shown.copy()
        name, ascending = self.sort
        key = _BY[_ordering(shown, name)][0]
        return shown.sort_values(name, ascending=ascending, kind="stable", key=key)

    def code(self, frame: pd.DataFrame, source: str = "wf.table()") -> str:
        """Return Python that makes, as ``df``, the frame that `apply` returns of this one."""
        lines = list(self._lines(frame))
        needed = ["import pandas as pd", ""] if any("pd." in line for line in lines) else []
        return "\n".join([*needed, f"df = {source}", *lines])

    def fitting(self, frame: pd.DataFrame) -> tuple[Query, list[str]]:
        """Return what of it can be asked of another frame, and what not, in words."""
        there = {*frame.columns, KEY}
        filters = [one for one in self.filters if not one.column or _fits(one, frame)]
        groups = tuple(name for name in self.groups if name in there)
        aggregates = tuple(
            one
            for one in self.aggregates
            if one.column in there and one.function in functions(column(frame, one.column))
        )
        lost = [str(one) for one in self.filters if one not in filters]
        lost += [f"groups by {name}" for name in self.groups if name not in groups]
        lost += [one.name for one in self.aggregates if one not in aggregates]
        columns = None if self.columns is None else tuple(name for name in self.columns if name in there)
        fit = replace(self, filters=tuple(filters), groups=groups, aggregates=aggregates, columns=columns)
        shown = {*(fit.groups or columns or frame.columns), KEY, COUNT, *(one.name for one in aggregates)}
        if self.sort is not None and self.sort[0] not in shown:
            fit = replace(fit, sort=None)
        return fit, lost

    def _lines(self, frame: pd.DataFrame) -> Iterator[str]:
        for condition in self.filters:
            yield f"df = df[{condition.code()}]"
        shown = frame
        if self.groups:
            grouped = f"df.groupby({list(self.groups)!r}, dropna=False, observed=True, as_index=False)"
            yield f"df = {grouped}.agg(**{self._named(frame)!r})"
            shown = self.unsorted(frame)
        elif self.columns is not None:
            yield f"df = df[{_list_code(self.columns)}]"
        if self.sort is not None:
            name, ascending = self.sort
            key = _BY[_ordering(shown, name)][1]
            yield f'df = df.sort_values({name!r}, ascending={ascending}, kind="stable"{key})'

    def _named(self, frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
        others = [str(name) for name in frame.columns if name not in self.groups]
        if not others:
            raise RefusedError("there is no column left to aggregate: group by fewer")
        counted = {COUNT: (others[0], "size")}
        return counted | {one.name: (one.column, one.function) for one in self.aggregates}


def functions(values: pd.Series) -> tuple[str, ...]:
    """Return by what functions a column can be aggregated.

    Examples
    --------
    >>> import pandas as pd
    >>> functions(pd.Series(["a", "b"]))
    ('count', 'first', 'nunique')
    """
    return _FUNCTIONS[meaning(values)]


def can_group(values: pd.Series) -> bool:
    """Return whether rows can be grouped by the values of a column."""
    return meaning(values) != "object"


def _check_groups(frame: pd.DataFrame, groups: tuple[str, ...], aggregates: tuple[Aggregate, ...]) -> None:
    unknown = [name for name in (*groups, *(one.column for one in aggregates)) if name not in frame]
    if unknown:
        raise RefusedError(f"no column {shorten(map(repr, unknown))}; there are {shorten(map(repr, frame))}")
    for name in groups:
        if not can_group(frame[name]):
            raise RefusedError(f"rows can't be grouped by {name!r}: it holds lists, objects or mixed values")
    for one in aggregates:
        if one.column in groups:
            raise RefusedError(f"{one.column!r} is what rows are grouped by: aggregate another column")
        if one.function not in functions(frame[one.column]):
            allowed = ", ".join(functions(frame[one.column]))
            raise RefusedError(f"{one.function!r} can't be told of {one.column!r}; {allowed} can")


def _fits(condition: Filter, frame: pd.DataFrame) -> bool:
    if condition.column not in frame and condition.column != KEY:
        return False
    try:
        condition.mask(frame.iloc[:1])
    except (TypeError, ValueError):
        return False
    return True


def _list_code(names: tuple[str, ...]) -> str:
    """Return a list in Python, in a line or in as many as it has names."""
    line = repr(list(names))
    return line if len(line) <= _WIDEST else "\n".join(["[", *(f"    {name!r}," for name in names), "]"])


_WIDEST = 90


def _ordering(shown: pd.DataFrame, name: str) -> str:
    """Return by what the rows of a frame are sorted: keys as numbers, what can't be compared as text."""
    if name == KEY and name not in shown:
        return "number" if all(map(_is_short_number, shown.index)) else ""
    return "text" if meaning(shown[name]) == "object" else ""


def _is_short_number(key: str) -> bool:
    return key.isdecimal() and len(key) < _LONGEST_KEY


_LONGEST_KEY = 19
_BY: dict[str, tuple[Callable[[Any], Any] | None, str]] = {
    "": (None, ""),
    "number": (lambda keys: keys.astype("int64"), ', key=lambda keys: keys.astype("int64")'),
    "text": (
        lambda values: values.map(str, na_action="ignore"),
        ', key=lambda values: values.map(str, na_action="ignore")',
    ),
}
