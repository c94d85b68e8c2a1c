"""The small histogram of a heading: how a column's values lie, and what a part of it means as a filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from torc_frames.frame.where import cells
from torc_frames.widgets.results.axes import Floats, floats, spans_decades
from torc_frames.widgets.results.model import Meaning, between, choices, column, meaning, one_of
from torc_frames.widgets.table.cells import texts

__all__ = ["BINS", "Profile", "profile", "steps"]

BINS = 16
_STEPS = 21
_DIGITS = 3
_NUMBERS: tuple[Meaning, ...] = ("number", "time", "span")


@dataclass(frozen=True, slots=True)
class Profile:
    """How the values of a column lie.

    Attributes
    ----------
    name : str
    missing : int
    bins : array of int, shape (rows,)
        In which bin each row is, -1 where its value is missing.
    count : int
        How many bins there are; 0 where nothing is to be drawn.
    least, most : str
        The range as texts.
    ends : (float, float)
        Where the first bin begins and the last one ends; their logarithms if `log`.
    labels : list
        The value of each bin, of a column of few values.
    """

    name: str
    missing: int
    bins: npt.NDArray[np.int8]
    count: int = 0
    least: str = ""
    most: str = ""
    ends: tuple[float, float] = (0.0, 0.0)
    log: bool = False
    labels: Sequence[Any] | None = None

    def counts(self, places: npt.NDArray[np.intp] | None = None) -> list[int]:
        """Return how many rows are in each bin, of all rows or of some."""
        if not self.count:
            return []
        bins = self.bins if places is None else self.bins[places]
        return list(map(int, np.bincount(bins[bins >= 0], minlength=self.count)))

    def filter(self, frame: pd.DataFrame, low: float, high: float) -> str | None:
        """Return the filter for a part of the histogram, its ends as shares from 0 to 1; None for all of it.

        Examples
        --------
        >>> frame = pd.DataFrame({"n": range(11), "s": ["a", "b"] * 5 + ["a"]})
        >>> profile(frame, "n").filter(frame, 0.15, 0.52), profile(frame, "s").filter(frame, 0.2, 0.4)
        ('2 <= n <= 5', "s in ['a']")
        """
        if not self.count or (low <= 0 and high >= 1):
            return None
        if self.labels is not None:
            begin, end = math.floor(low * self.count), math.ceil(high * self.count)
            return one_of(self.name, self.labels[min(begin, self.count - 1) : max(end, begin + 1)])
        start, width = self.ends[0], self.ends[1] - self.ends[0]
        ends = (None if low <= 0 else start + low * width, None if high >= 1 else start + high * width)
        values = column(frame, self.name)
        first, last = (None if end is None else self._value(end, values) for end in ends)
        whole = self._whole(frame, first, up=True), self._whole(frame, last, up=False)
        return between(self.name, *_ordered(*whole))

    def _value(self, at: float, values: pd.Series) -> Any:
        kind = meaning(values)
        if kind == "time":
            moment = pd.Timestamp(round(at * 1e9), tz="UTC").round("ms")
            return moment.tz_convert(values.dt.tz)
        if kind == "span":
            return pd.Timedelta(round(at * 1e9)).round("ms")
        if self.log:
            return float(f"{10**at:.{_DIGITS - 1}e}")
        # As exactly as a pointer points.
        width = self.ends[1] - self.ends[0]
        return round(at, _DIGITS - 1 - math.floor(math.log10(width))) + 0.0

    def _whole(self, frame: pd.DataFrame, value: Any, *, up: bool) -> Any:
        """Return a bound of whole numbers as one."""
        if not isinstance(value, float) or column(frame, self.name).dtype.kind not in "iu":
            return value
        return math.ceil(value) if up else math.floor(value)


def _ordered(low: Any, high: Any) -> tuple[Any, Any]:
    """Return bounds that a narrow drag between two whole numbers has crossed, uncrossed."""
    return (high, low) if low is not None and high is not None and low > high else (low, high)


def profile(frame: pd.DataFrame, name: str) -> Profile:
    """Return how the values of a column lie.

    Examples
    --------
    >>> found = profile(pd.DataFrame({"loss": [0.001, 0.1, 10.0, None]}), "loss")
    >>> found.missing, found.least, found.most, found.log, found.counts()
    (1, '0.001', '10.0', True, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1])
    """
    values = column(frame, name)
    missing = int(values.isna().sum())
    if meaning(values) in _NUMBERS:
        return _of_numbers(name, values, missing)
    found = choices(values)
    nothing = Profile(name, missing, np.full(len(values), -1, np.int8))
    if not found or len(found) > BINS or len(found) == len(values) - missing:
        return nothing
    places = {value: at for at, value in enumerate(found)}
    bins = np.asarray([places.get(value, -1) for value in cells(values)], np.int8)
    return Profile(name, missing, bins, len(found), labels=found)


def _of_numbers(name: str, values: pd.Series, missing: int) -> Profile:
    made = floats(values)
    known = np.isfinite(made)
    bins = np.full(len(made), -1, np.int8)
    if not known.any():
        return Profile(name, missing, bins)
    places = np.flatnonzero(known)
    at = [places[np.argmin(made[places])], places[np.argmax(made[places])]]
    least, most = texts(values.iloc[at])
    if made[at[0]] == made[at[1]]:
        return Profile(name, missing, bins, least=least, most=most)
    log = spans_decades(values)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scaled = np.log10(made) if log else made
        low, high = float(scaled[at[0]]), float(scaled[at[1]])
        count, ends = _bins(values, low, high)
        share = (scaled - ends[0]) / (ends[1] - ends[0])
    if not math.isfinite(ends[1] - ends[0]):
        return Profile(name, missing, bins, least=least, most=most)
    bins[known] = np.clip(share[known] * count, 0, count - 1).astype(np.int8)
    return Profile(name, missing, bins, count, least, most, ends, log)


def _bins(values: pd.Series, low: float, high: float) -> tuple[int, tuple[float, float]]:
    """Return how many bins, and from where to where; few whole numbers have a bin each."""
    if values.dtype.kind in "iu" and high - low < BINS and low.is_integer() and high.is_integer():
        return int(high - low) + 1, (low - 0.5, high + 0.5)
    return BINS, (low, high)


def steps(values: Floats) -> list[float] | None:
    """Return the quantiles of numbers that colours go by, as ranks; None where all are the same."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return None
    found: list[float] = np.quantile(known, np.linspace(0, 1, _STEPS)).tolist()
    return found if all(map(math.isfinite, found)) else None
