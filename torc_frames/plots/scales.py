"""Where the values of a column are on an axis."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from torc_frames.errors import RefusedError
from torc_frames.frame.tabulation.configurations import is_numeric, numbers
from torc_frames.plots.description import Side
from torc_frames.sweep.axes import logarithmic

__all__ = ["MOST_NAMES", "Scale", "codes_of", "is_log", "scale_of"]

MOST_NAMES = 20
"""More values than these can't be told apart."""

_LONGEST_VALUE = 20

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scale:
    """Where the values of a column are on an axis, and what is written there."""

    places: Array
    """A number for each row, NaN where the value is missing; logarithms on a logarithmic axis."""

    log: bool = False
    names: tuple[str, ...] = ()
    """What the places 0, 1, … mean, if the values are no numbers."""

    times: bool = False
    """Whether places are microseconds since 1970, in UTC."""

    whole: bool = False

    @property
    def drawn(self) -> Array:
        """What a mark takes: the values themselves, of few names their places."""
        if self.times:
            return np.where(np.isnan(self.places), np.iinfo("int64").min, self.places).astype(
                "datetime64[us]"
            )
        return 10.0**self.places if self.log else self.places

    def axis(self, label: str, **more: Any) -> Side:
        """Return the axis of a panel."""
        return Side(label, log=self.log, names=self.names, times=self.times, whole=self.whole, **more)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest place."""
        given = self.places[np.isfinite(self.places)]
        return (float(given.min()), float(given.max())) if len(given) else (0.0, 0.0)

    def heights(self, places: Array) -> Array:
        """Return places as parts of the axis, 0 to 1; NaN where there is no place."""
        low, high = self.ends
        there = np.where(np.isfinite(places), places, np.nan)
        return (there - low) / (high - low) if high > low else np.where(np.isnan(there), np.nan, 0.5)

    def written(self, place: float) -> str:
        """Return what is told of a value at a place."""
        if self.names:
            return self.names[int(place)]
        if self.times:
            return f"{pd.Timestamp(int(place), unit='us'):%Y-%m-%d %H:%M}"
        return f"{10**place if self.log else place:g}"

    def ticks(self) -> list[tuple[float, str]]:
        """Return the places to mark, and what to write there."""
        low, high = self.ends
        if self.names:
            return list(enumerate(self.names))
        if self.times:
            return [(at, self.written(at)) for at in np.linspace(low, high, 4).tolist()]
        if low == high:
            return [(low, self.written(low))]
        if self.log and high - low > 1:
            step = max(1, int(high - low) // 5)
            return [(at, f"{10.0**at:g}") for at in range(math.ceil(low), math.floor(high) + 1, step)]
        low, high = (10**low, 10**high) if self.log else (low, high)
        marked = MaxNLocator(5, integer=self.whole).tick_values(low, high)
        values = [value for value in marked if low <= value <= high]
        return [(math.log10(value) if self.log else value, f"{value:g}") for value in values]


def is_log(df: pd.DataFrame, column: str, asked: bool | None) -> bool:
    """Return whether an axis is logarithmic: as asked, else as the recipe of the sweep has it."""
    if asked is not None:
        return asked
    return column.removeprefix("params.") in logarithmic(df.attrs) and _is_above_0(df[column])


def _is_above_0(values: pd.Series) -> bool:
    return is_numeric(values) and bool((numbers(values).dropna() > 0).all())


def scale_of(values: pd.Series, log: bool = False) -> Scale:
    """Return the scale of a column's values.

    Raises
    ------
    RefusedError
        For more than 20 values that are no numbers, and a logarithmic axis of what is no number above 0.
    """
    if log and not is_numeric(values):
        raise RefusedError(f"{values.name!r} is not of numbers, of which alone there are logarithms")
    if is_numeric(values):
        return _of_numbers(values, log)
    kind = "" if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype.kind
    if kind == "m":
        return Scale(values.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan))
    if kind == "M":
        plain = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
        whole = plain.to_numpy(dtype="datetime64[us]").astype("int64").astype("float64")
        return Scale(np.where(values.isna(), np.nan, whole), times=True)
    codes, names = codes_of(values)
    return Scale(np.where(codes < 0, np.nan, codes), names=tuple(names))


def _of_numbers(values: pd.Series, log: bool) -> Scale:
    places = numbers(values).to_numpy(dtype="float64")
    if log and (places <= 0).any():
        raise RefusedError(
            f"{values.name!r} has values that are not above 0, of which there are no logarithms"
        )
    whole = not log and values.dtype.kind in "iu"
    return Scale(np.log10(places) if log else places, log, whole=whole)


def codes_of(values: pd.Series, most: int = MOST_NAMES) -> tuple[Array, list[str]]:
    """Return which of a column's few values each is, -1 where it is missing, and their texts."""
    texts = values.astype(object).map(str, na_action="ignore")
    there = set(texts.dropna())
    if isinstance(values.dtype, pd.CategoricalDtype):
        ordered: Collection[Any] = values.cat.categories
    elif is_numeric(values):
        ordered = texts.iloc[np.argsort(numbers(values).to_numpy(), kind="stable")]
    else:
        ordered = texts.dropna().sort_values()
    names = [name for name in dict.fromkeys(map(str, ordered)) if name in there]
    if len(names) > most:
        raise RefusedError(
            f"{values.name!r} has {len(names)} values that are no numbers: too many to tell apart"
        )
    return np.asarray(pd.Categorical(texts, categories=names).codes, dtype="int64"), names
