"""What to show of a table: rows, groups, order and columns, done by pandas and told as Python."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.values import RefusalError
from torc_frames.frame.where import cells, kept_by
from torc_frames.widgets.table.cells import read
from torc_frames.widgets.table.numerals import number

__all__ = [
    "COUNT",
    "KEY",
    "Aggregate",
    "Meaning",
    "Query",
    "between",
    "bound",
    "can_group",
    "choices",
    "column",
    "contains",
    "functions",
    "is_missing",
    "meaning",
    "one_of",
    "without_results",
]

KEY = "job_key"
"""The index of a table, which is filtered like a column."""

COUNT = "jobs"
"""The column of a grouped table that says how many rows a group has."""

Meaning = Literal["number", "time", "span", "flag", "text", "choice", "object"]
"""What can be asked of a column."""

_OF_KIND: dict[str, Meaning] = {
    **dict.fromkeys("iuf", "number"),
    "b": "flag",
    "M": "time",
    "m": "span",
}
_FUNCTIONS: dict[Meaning, tuple[str, ...]] = {
    "number": ("mean", "min", "max", "std", "median", "sum", "count", "first", "nunique"),
    "time": ("min", "max", "count", "first", "nunique"),
    "span": ("mean", "min", "max", "median", "sum", "count", "first", "nunique"),
    "flag": ("mean", "sum", "count", "first", "nunique"),
    "text": ("count", "first", "nunique"),
    "choice": ("count", "first", "nunique"),
    "object": ("count", "first"),
}
_SCALARS = (str, int, float, bool)
_MOST_CHOICES = 30
_LONGEST_KEY = 19
_WIDEST = 90


# what a column is


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column, or the index where that is meant."""
    return frame.index.to_series() if name == KEY and name not in frame else frame[name]


def meaning(values: pd.Series) -> Meaning:
    """Return what can be asked of a column.

    Examples
    --------
    >>> import pandas as pd
    >>> [meaning(pd.Series(cells)) for cells in ([1, 2], [True], ["a", None], [{"a": 1}, "b"])]
    ['number', 'flag', 'text', 'object']
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "choice"
    if isinstance(dtype, pd.StringDtype) or dtype == "string[pyarrow]":
        return "text"
    if dtype.kind == "O" and pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty"):
        return "text"
    return _OF_KIND.get(dtype.kind, "object")


def choices(values: pd.Series) -> list[str | int | float | bool] | None:
    """Return the values of a column, sorted, if there are so few that one can choose among them.

    Examples
    --------
    >>> import pandas as pd
    >>> choices(pd.Series(["b", "a", None, "b"]))
    ['a', 'b']
    >>> choices(pd.Series(range(100)))
    """
    if meaning(values) in ("time", "span", "object"):
        return None
    found = values.drop_duplicates().dropna()
    if len(found) > _MOST_CHOICES:
        return None
    plain = found.tolist() if isinstance(values.dtype, pd.CategoricalDtype) else cells(found)
    if not all(isinstance(value, _SCALARS) for value in plain):
        return None
    if any(isinstance(value, float) and not math.isfinite(value) for value in plain):
        return None
    try:
        return sorted(plain)
    except TypeError:
        return sorted(plain, key=lambda value: (type(value).__name__, value))


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


# filters: texts of `torc_frames.select`


def between(name: str, low: Any, high: Any) -> str:
    """Return the filter for what lies between two values, both included; None for no bound.

    Examples
    --------
    >>> between("results.loss", 0.5, None), between("v 1", 1, 2)
    ('results.loss >= 0.5', '1 <= `v 1` <= 2')
    """
    written = _written(name)
    first, last = (repr(value if type(value) in (int, float) else str(value)) for value in (low, high))
    if low is None or high is None:
        return f"{written} <= {last}" if low is None else f"{written} >= {first}"
    return f"{first} <= {written} <= {last}"


def contains(name: str, text: str) -> str:
    """Return the filter for values whose text has a text in it, in capitals or not."""
    return f"contains({_written(name)}, {text!r})"


def one_of(name: str, values: Sequence[str | int | float | bool]) -> str:
    """Return the filter for values that are among some."""
    return f"{_written(name)} in {list(values)!r}"


def is_missing(name: str, missing: bool = True) -> str:
    """Return the filter for rows where a value is missing, or where it is not."""
    return f"{_written(name)} {'==' if missing else '!='} None"


def without_results(frame: pd.DataFrame) -> str:
    """Return the filter for jobs without any result; what is told of an error is none."""
    names = [name for name in map(str, frame) if name.startswith("results.")]
    return " and ".join(is_missing(name) for name in names if not name.startswith("results.error.")) or "True"


def bound(values: pd.Series, text: str) -> Any:
    """Return what a text means as a bound of a column; None for an empty one.

    Raises
    ------
    RefusedError
        If it is no number, time or duration, whichever the column has.

    Examples
    --------
    >>> import pandas as pd
    >>> bound(pd.Series([0.5]), "1e-3"), bound(pd.Series([1]), "2")
    (0.001, 2)
    >>> bound(pd.Series(pd.to_datetime(["2026-01-01T00:00:00Z"])), "2026-02-03")
    Timestamp('2026-02-03 00:00:00+0000', tz='UTC')
    """
    if not text.strip():
        return None
    try:
        found = number(text) if meaning(values) == "number" else read(text, values)
    except RefusalError as refusal:
        raise RefusedError(str(refusal)) from None
    if pd.isna(found):
        raise RefusedError(f"{text!r} is no {'time' if meaning(values) == 'time' else 'duration'}")
    return found


def _written(name: str) -> str:
    parts = name.split(".")
    if all(part.isidentifier() and part.isascii() and not keyword.iskeyword(part) for part in parts):
        return name
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


# all that is asked


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

    Rows that meet all filters, texts of `torc_frames.select`; of those the groups and their aggregates, if
    there are groups, and else the columns; sorted by a column, ascending or not, equal ones in the order of
    the table, missing ones last.
    """

    filters: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    columns: tuple[str, ...] | None = None
    sort: tuple[str, bool] | None = None

    def filtered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that meet all filters."""
        return Query(self.filters).apply(frame)

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what is shown of a frame, as a frame of its own.

        Raises
        ------
        RefusedError
            For columns that the frame does not have, and functions that theirs do not allow.
        """
        made = [shown for _, shown in self._steps(frame)]
        return made[-1] if made else frame.copy()

    def code(self, frame: pd.DataFrame, source: str = "wf.table()") -> str:
        """Return Python that makes, as ``df``, the frame that `apply` returns of this one."""
        needed = ["import torc_frames as tf", ""] if self.filters else []
        return "\n".join([*needed, f"df = {source}", *(f"df = {told}" for told, _ in self._steps(frame))])

    def fitting(self, frame: pd.DataFrame) -> tuple[Query, list[str]]:
        """Return what of it can be asked of another frame, and what not, in words."""
        there = {*frame.columns, KEY}
        filters = tuple(text for text in self.filters if _fits(text, frame))
        groups = tuple(name for name in self.groups if name in there)
        aggregates = tuple(
            one
            for one in self.aggregates
            if one.column in there and one.function in functions(column(frame, one.column))
        )
        lost = [text for text in self.filters if text not in filters]
        lost += [f"groups by {name}" for name in self.groups if name not in groups]
        lost += [one.name for one in self.aggregates if one not in aggregates]
        columns = None if self.columns is None else tuple(name for name in self.columns if name in there)
        fit = replace(self, filters=filters, groups=groups, aggregates=aggregates, columns=columns)
        shown = {*(fit.groups or columns or frame.columns), KEY, COUNT, *(one.name for one in aggregates)}
        if self.sort is not None and self.sort[0] not in shown:
            fit = replace(fit, sort=None)
        return fit, lost

    def _steps(self, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each step as Python of the frame before it, ``df``, and what it makes."""
        shown = frame
        for text in self.filters:
            shown = shown[kept_by(shown, text)]
            yield f"tf.select(df, where={text!r})", shown
        if self.groups:
            self._check_groups(shown)
            how: dict[str, Any] = {"dropna": False, "observed": True, "as_index": False}
            groups, named = list(self.groups), self._named(frame)
            shown = shown.groupby(groups, **how).agg(**named)
            told = ", ".join(f"{name}={value}" for name, value in how.items())
            yield f"df.groupby({groups!r}, {told}).agg(**{named!r})", shown
        elif self.columns is not None:
            shown = shown[list(self.columns)]
            yield f"df[{_list_code(self.columns)}]", shown
        if self.sort is not None:
            name, ascending = self.sort
            key, written = _BY[_ordering(shown, name)]
            shown = shown.sort_values(name, ascending=ascending, kind="stable", key=key)
            yield f'df.sort_values({name!r}, ascending={ascending}, kind="stable"{written})', shown

    def _named(self, frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
        others = [str(name) for name in frame.columns if name not in self.groups]
        if not others:
            raise RefusedError("there is no column left to aggregate: group by fewer")
        counted = {COUNT: (others[0], "size")}
        return counted | {one.name: (one.column, one.function) for one in self.aggregates}

    def _check_groups(self, frame: pd.DataFrame) -> None:
        unknown = [
            name for name in (*self.groups, *(one.column for one in self.aggregates)) if name not in frame
        ]
        if unknown:
            raise RefusedError(
                f"no column {shorten(map(repr, unknown))}; there are {shorten(map(repr, frame))}"
            )
        for name in self.groups:
            if not can_group(frame[name]):
                raise RefusedError(
                    f"rows can't be grouped by {name!r}: it holds lists, objects or mixed values"
                )
        for one in self.aggregates:
            if one.column in self.groups:
                raise RefusedError(f"{one.column!r} is what rows are grouped by: aggregate another column")
            if one.function not in (allowed := functions(frame[one.column])):
                raise RefusedError(
                    f"{one.function!r} can't be told of {one.column!r}; {', '.join(allowed)} can"
                )


def _fits(text: str, frame: pd.DataFrame) -> bool:
    try:
        kept_by(frame, text)
    except RefusedError:
        return False
    return True


def _list_code(names: tuple[str, ...]) -> str:
    """Return a list in Python, in a line or in as many as it has names."""
    line = repr(list(names))
    return line if len(line) <= _WIDEST else "\n".join(["[", *(f"    {name!r}," for name in names), "]"])


def _ordering(shown: pd.DataFrame, name: str) -> str:
    """Return by what the rows of a frame are sorted: keys as numbers, what can't be compared as text."""
    if name == KEY and name not in shown:
        short = all(key.isdecimal() and len(key) < _LONGEST_KEY for key in shown.index)
        return "number" if short else ""
    return "text" if meaning(shown[name]) == "object" else ""


_BY: dict[str, tuple[Callable[[Any], Any] | None, str]] = {
    "": (None, ""),
    "number": (lambda keys: keys.astype("int64"), ', key=lambda keys: keys.astype("int64")'),
    "text": (
        lambda values: values.map(str, na_action="ignore"),
        ', key=lambda values: values.map(str, na_action="ignore")',
    ),
}
