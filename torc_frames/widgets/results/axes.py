"""Columns as figures draw them: float32, sent once; and what a brush over them means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.where import cells
from torc_frames.widgets.results.model import between, choices, meaning, one_of

__all__ = [
    "Axes",
    "DrawnAxis",
    "First",
    "Floats",
    "Ranges",
    "drawable",
    "floats",
    "spans_decades",
    "suggested",
]

Floats = npt.NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float]]
"""A brush: for each column from where to where; both ends are in it, and are compared as float32."""

_PARALLEL_AXES = 6
_DECADES = 2.5


@dataclass(frozen=True, slots=True)
class DrawnAxis:
    """A column as it is drawn."""

    name: str
    values: npt.NDArray[np.float32]
    """NaN is missing; of few values their places in `labels`, of times seconds since the first."""

    labels: tuple[str, ...] | None = None
    log: bool = False
    time: bool = False


@dataclass(frozen=True, slots=True)
class First:
    """The columns that are drawn first; None where there is nothing to draw."""

    x: str | None
    y: str | None
    columns: tuple[str, ...]


class Axes:
    """The columns of a table as axes, each made when it is asked for first.

    Parameters
    ----------
    frame : DataFrame

    Examples
    --------
    >>> frame = pd.DataFrame({"loss": [0.1, 0.2, 0.3], "solver": ["a", "b", "a"]})
    >>> axes = Axes(frame)
    >>> axes["solver"].values.tolist(), axes["solver"].labels
    ([0.0, 1.0, 0.0], ('a', 'b'))
    >>> ranges = {"loss": (0.1, 0.25), "solver": (0, 0)}
    >>> axes.within(ranges).tolist()
    [True, False, False]
    >>> axes.filters(ranges)
    ['0.1 <= loss <= 0.2', "solver in ['a']"]
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._made: dict[str, DrawnAxis] = {}

    def __getitem__(self, name: str) -> DrawnAxis:
        if name not in self._made:
            if name not in self._frame:
                raise RefusedError(f"there is no column {name!r} to draw")
            self._made[name] = _axis(name, self._frame[name])
        return self._made[name]

    def within(self, ranges: Ranges) -> npt.NDArray[np.bool_]:
        """Return which rows are within all ranges."""
        kept = np.ones(len(self._frame), np.bool_)
        for name, ends in ranges.items():
            kept &= self._inside(name, ends)
        return kept

    def filters(self, ranges: Ranges) -> list[str]:
        """Return ranges as texts of `torc_frames.select`, which keep the same rows."""
        return [self._filter(name, ends) for name, ends in ranges.items()]

    def _inside(self, name: str, ends: tuple[float, float]) -> npt.NDArray[np.bool_]:
        return _between(self[name].values, ends)

    def _filter(self, name: str, ends: tuple[float, float]) -> str:
        labels, values = self[name].labels, self._frame[name]
        if labels is not None:
            places = np.flatnonzero(_between(np.arange(len(labels), dtype=np.float32), ends))
            found = choices(values) or []
            return one_of(name, [found[at] for at in places])
        # The values at its ends: exactly what float32 has let in.
        inside = values[self._inside(name, ends)]
        if inside.empty:
            return "False"
        low, high = inside.min(), inside.max()
        return between(name, _plain(low), _plain(high))


_MOST = float(np.finfo(np.float32).max)


def _between(values: npt.NDArray[np.float32], ends: tuple[float, float]) -> npt.NDArray[np.bool_]:
    low, high = (np.float32(min(max(end, -_MOST), _MOST)) for end in ends)
    return (values >= low) & (values <= high)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _axis(name: str, values: pd.Series) -> DrawnAxis:
    kind, found = meaning(values), choices(values)
    if kind in ("number", "time", "span"):
        made = floats(values)
        if kind == "time":
            made = made - np.nanmin(made) if np.isfinite(made).any() else made
        with np.errstate(over="ignore"):
            narrow = made.astype(np.float32)
        return DrawnAxis(name, narrow, log=spans_decades(values), time=kind != "number")
    if found is None:
        raise RefusedError(f"{name!r} can't be drawn: it is not of numbers, times, or few values")
    places = {value: at for at, value in enumerate(found)}
    coded = [places.get(value, math.nan) for value in cells(values)]
    return DrawnAxis(name, np.asarray(coded, np.float32), tuple(str(value) for value in found))


def floats(values: pd.Series) -> Floats:
    """Return numbers, times (in seconds since 1970) or durations (in seconds) as float64; NaN is missing."""
    if meaning(values) == "number":
        return np.asarray(values.to_numpy("float64", na_value=np.nan))
    if meaning(values) == "time":
        plain = pd.to_datetime(values, utc=True).dt.tz_localize(None)
        spans = plain - pd.Timestamp(0)
    else:
        spans = pd.to_timedelta(values)
    return np.asarray((spans / pd.Timedelta(1, "s")).to_numpy("float64", na_value=np.nan))


def spans_decades(values: pd.Series) -> bool:
    """Return whether numbers are all positive, and so far apart that an axis of them is logarithmic."""
    if meaning(values) != "number":
        return False
    given = floats(values)
    given = given[np.isfinite(given)]
    if not len(given) or given.min() <= 0:
        return False
    return math.log10(given.max()) - math.log10(given.min()) > _DECADES


def drawable(frame: pd.DataFrame) -> list[str]:
    """Return the columns that can be an axis: numbers, times, and few values; parameters come first."""
    able = (
        str(name)
        for name in frame.columns
        if meaning(frame[name]) in ("number", "time", "span") or len(choices(frame[name]) or ()) > 1
    )
    return sorted(able, key=_weight)


def suggested(frame: pd.DataFrame, objective: str | None, able: Iterable[str]) -> First:
    """Return what to draw first: how the objective depends on the parameters.

    Examples
    --------
    >>> names = ["params.n", "params.solver", "results.loss"]
    >>> frame = pd.DataFrame([[1, "a", 0.5], [2, "b", 0.4]], columns=names)
    >>> suggested(frame, "results.loss", drawable(frame))
    First(x='params.n', y='results.loss', columns=('params.n', 'params.solver', 'results.loss'))
    """
    listed = list(able)
    varied = [name for name in listed if name != objective and frame[name].nunique() > 1]
    params = [name for name in varied if name.startswith("params.")]
    others = [name for name in (*varied, *listed) if name not in params and name != objective]
    numbers = [name for name in params if meaning(frame[name]) == "number"]
    x = next(iter((*numbers, *params, *others)), None)
    y = objective or next((name for name in others if name != x), None)
    columns = (*params[: _PARALLEL_AXES - 1], *([objective] if objective else []))
    return First(x, y, columns if len(columns) > 1 else tuple(listed[:3]))


def _weight(name: str) -> int:
    if name.startswith("results.error."):
        return 3
    return next((at for at, start in enumerate(("params.", "results.")) if name.startswith(start)), 2)
