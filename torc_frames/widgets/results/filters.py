"""Which rows of a table to show: conditions on columns, each as a mask and as the Python that makes it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten

__all__ = [
    "KEY",
    "Between",
    "Contains",
    "Filter",
    "Is",
    "Meaning",
    "MissingFilter",
    "NoResults",
    "OneOf",
    "bound",
    "choices",
    "column",
    "meaning",
]

KEY = "job_key"
"""The index of a table, which is filtered like a column."""

Meaning = Literal["number", "time", "span", "flag", "text", "choice", "object"]
"""What can be asked of a column."""

_MOST_CHOICES = 30
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OF_KIND: dict[str, Meaning] = {
    **dict.fromkeys("iuf", "number"),
    "b": "flag",
    "M": "time",
    "m": "span",
}
_SCALARS = (str, int, float, bool)


class Filter(Protocol):
    """A condition that rows meet or don't; a missing value meets none but `MissingFilter`."""

    @property
    def column(self) -> str:
        """The column it is about, or "" for the whole row."""

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """Return for each row whether it meets the condition."""

    def code(self) -> str:
        """Return the Python that makes the mask of a frame named ``df``."""

    def __str__(self) -> str:
        """Say it in words."""


@dataclass(frozen=True, slots=True)
class Between:
    """Numbers, times or durations from `low` to `high`, both included; None for no bound."""

    column: str
    low: Any = None
    high: Any = None

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        values = column(frame, self.column)
        if self.low is None or self.high is None:
            return _bools(values <= self.high) if self.low is None else _bools(values >= self.low)
        return _bools(values.between(self.low, self.high))

    def code(self) -> str:
        """See `Filter.code`."""
        values = _column_code(self.column)
        if self.low is None or self.high is None:
            side = f"<= {_value_code(self.high)}" if self.low is None else f">= {_value_code(self.low)}"
            return f"{values} {side}"
        return f"{values}.between({_value_code(self.low)}, {_value_code(self.high)})"

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.column} {f'≤ {self.high}' if self.low is None else f'≥ {self.low}'}"
        return f"{self.low} ≤ {self.column} ≤ {self.high}"


@dataclass(frozen=True, slots=True)
class Contains:
    """Values whose text has a text in it, in capitals or not."""

    column: str
    text: str

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        text = self.text.lower()
        found = column(frame, self.column).map(lambda value: text in str(value).lower(), na_action="ignore")
        return _bools(found.eq(True))

    def code(self) -> str:
        """See `Filter.code`."""
        found = f"lambda value: {self.text.lower()!r} in str(value).lower()"
        return f'{_column_code(self.column)}.map({found}, na_action="ignore").eq(True)'

    def __str__(self) -> str:
        return f"{self.column} contains {self.text!r}"


@dataclass(frozen=True, slots=True)
class Is:
    """Texts that are just this."""

    column: str
    text: str

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        return _bools(column(frame, self.column).eq(self.text))

    def code(self) -> str:
        """See `Filter.code`."""
        return f"{_column_code(self.column)}.eq({self.text!r})"

    def __str__(self) -> str:
        return f"{self.column} is {self.text!r}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """Values that are among some."""

    column: str
    values: tuple[str | int | float | bool, ...]

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        return _bools(column(frame, self.column).isin(list(self.values)))

    def code(self) -> str:
        """See `Filter.code`."""
        return f"{_column_code(self.column)}.isin({list(self.values)!r})"

    def __str__(self) -> str:
        return f"{self.column} is {shorten(self.values)}"


@dataclass(frozen=True, slots=True)
class MissingFilter:
    """Rows where a value is missing, or where it is not."""

    column: str
    missing: bool = True

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        values = column(frame, self.column)
        return _bools(values.isna() if self.missing else values.notna())

    def code(self) -> str:
        """See `Filter.code`."""
        return f"{_column_code(self.column)}.{'isna' if self.missing else 'notna'}()"

    def __str__(self) -> str:
        return f"{self.column} is {'missing' if self.missing else 'there'}"


@dataclass(frozen=True, slots=True)
class NoResults:
    """Jobs without any result; what is told of an error is none."""

    column: str = ""

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """See `Filter.mask`."""
        names = frame.columns
        chosen = names.str.startswith("results.") & ~names.str.startswith("results.error.")
        return _bools(frame.loc[:, chosen].isna().all(axis=1))

    def code(self) -> str:
        """See `Filter.code`."""
        chosen = 'df.columns.str.startswith("results.") & ~df.columns.str.startswith("results.error.")'
        return f"df.loc[:, {chosen}].isna().all(axis=1)"

    def __str__(self) -> str:
        return "without results"


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
    plain = [value.item() if isinstance(value, np.generic) else value for value in found]
    if not all(isinstance(value, _SCALARS) for value in plain):
        return None
    if any(isinstance(value, float) and not math.isfinite(value) for value in plain):
        return None
    try:
        return sorted(plain)
    except TypeError:
        return sorted(plain, key=lambda value: (type(value).__name__, value))


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
    text = text.strip()
    if not text:
        return None
    kind = meaning(values)
    if kind == "time":
        return _time(values.dtype, text)
    if kind == "span":
        return _span(text)
    try:
        number = int(text) if _INTEGER.fullmatch(text) else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RefusedError(f"{text!r} is no number; write 0.5 or 1e-3")
    return number if -(2**63) <= number < 2**63 else float(number)


def _time(dtype: Any, text: str) -> pd.Timestamp:
    try:
        time = pd.Timestamp(text)
        zone = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
        if zone is not None and time.tz is None:
            time = time.tz_localize(zone)
        elif zone is None and time.tz is not None:
            time = time.tz_convert("UTC").tz_localize(None)
    except ValueError as error:
        raise RefusedError(f"{text!r} is no time; write 2026-01-31 or 2026-01-31 13:45") from error
    if pd.isna(time):
        raise RefusedError(f"{text!r} is no time; write 2026-01-31 or 2026-01-31 13:45")
    return time


def _span(text: str) -> pd.Timedelta:
    try:
        (span,) = pd.to_timedelta([text])  # a text alone is what pandas 2.3 does not read on a new NumPy
    except ValueError as error:
        raise RefusedError(f"{text!r} is no duration; write 90s or 1 days 02:00:00") from error
    if pd.isna(span):
        raise RefusedError(f"{text!r} is no duration; write 90s or 1 days 02:00:00")
    return span


def _bools(mask: pd.Series) -> np.ndarray:
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False))


def _column_code(name: str) -> str:
    return "df.index.to_series()" if name == KEY else f"df[{name!r}]"


def _value_code(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"pd.Timestamp({value.isoformat()!r})"
    if isinstance(value, pd.Timedelta):
        return f"pd.Timedelta({value.value}, unit='ns')"
    return repr(value)
