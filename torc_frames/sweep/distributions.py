"""What `torc_frames.sample` draws the values of a column from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.sweep.columns import column_of, read_column, written_column

__all__ = [
    "Choice",
    "Distribution",
    "Integers",
    "LogUniform",
    "Uniform",
    "choice",
    "integers",
    "loguniform",
    "read_distribution",
    "uniform",
]

_DIGITS = 15
"""Floats of so many digits come back from every store as they went, from torc-server, too."""


@dataclass(frozen=True)
class _Between:
    """What is drawn between two bounds."""

    kind: ClassVar[str]
    low: float
    high: float

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"kind": self.kind, "low": self.low, "high": self.high}

    def kept(self, value: float) -> float:
        """Return a value with the digits that every store keeps, within the bounds."""
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)

    def _column(self, values: np.ndarray) -> pd.Series:
        return pd.Series([self.kept(value) for value in values.tolist()], dtype="float64")


@dataclass(frozen=True)
class Uniform(_Between):
    """Floats, all equally likely."""

    kind = "uniform"

    def at(self, points: np.ndarray) -> pd.Series:
        """Return the values at points from 0 to 1."""
        return self._column(self.low + (self.high - self.low) * points)


@dataclass(frozen=True)
class LogUniform(_Between):
    """Floats, whose logarithms are all equally likely."""

    kind = "loguniform"

    def at(self, points: np.ndarray) -> pd.Series:
        """Return the values at points from 0 to 1."""
        low, high = math.log(self.low), math.log(self.high)
        return self._column(np.exp(low + (high - low) * points))


@dataclass(frozen=True)
class Integers(_Between):
    """Integers, all equally likely."""

    kind = "integers"
    low: int
    high: int

    def at(self, points: np.ndarray) -> pd.Series:
        """Return the values at points from 0 to 1."""
        steps = np.floor((self.high - self.low + 1) * points).astype(np.int64)
        return pd.Series(np.minimum(self.low + steps, self.high))


@dataclass(frozen=True, eq=False)
class Choice:
    """One of some values."""

    values: pd.Series
    weights: tuple[float, ...] | None = None

    def at(self, points: np.ndarray) -> pd.Series:
        """Return the values at points from 0 to 1."""
        shares = np.full(len(self.values), 1.0) if self.weights is None else np.array(self.weights)
        edges = np.cumsum(shares) / shares.sum()
        places = np.minimum(np.searchsorted(edges, points, side="right"), np.flatnonzero(shares).max())
        return self.values.take(places).reset_index(drop=True)

    def written(self) -> dict[str, Any]:
        """Return it as JSON."""
        weights = {} if self.weights is None else {"weights": list(self.weights)}
        return {"kind": "choice", **written_column(self.values), **weights}


Distribution = Uniform | LogUniform | Integers | Choice


def uniform(low: float, high: float) -> Uniform:
    """Return floats between two bounds, all equally likely, for `sample`.

    Parameters
    ----------
    low, high : float
        The bounds, which may come up themselves. Values are drawn with 15 digits: those every store, even a
        torc-server, gives back as they are.

    Raises
    ------
    RefusedError
        If they are not finite, or the lower one is not below the other.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.sample(2, {"momentum": tf.uniform(0, 1)}, seed=7)
       momentum
    0  0.625095
    1  0.897214
    """
    return Uniform(*_bounds("uniform", low, high))


def loguniform(low: float, high: float) -> LogUniform:
    """Return floats between two bounds, each order of magnitude equally likely, for `sample`.

    Parameters
    ----------
    low, high : float
        The bounds, both above 0, which may come up themselves. Values have 15 digits, see `uniform`.

    Raises
    ------
    RefusedError
        If they are not finite or not above 0, or the lower one is not below the other.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.sample(2, {"alpha": tf.loguniform(1e-3, 1e2)}, seed=7)
           alpha
    0   1.334988
    1  30.624500
    """
    low, high = _bounds("loguniform", low, high)
    if low <= 0:
        raise RefusedError(f"loguniform({low!r}, {high!r}): both bounds must be above 0")
    return LogUniform(low, high)


def integers(low: int, high: int) -> Integers:
    """Return integers between two bounds, all equally likely, for `sample`.

    Parameters
    ----------
    low, high : int
        The bounds; both may come up themselves.

    Raises
    ------
    RefusedError
        If they are no integers, beyond 2^53, or the lower one is above the other.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.sample(3, {"depth": tf.integers(1, 6)}, seed=7)["depth"].tolist()
    [4, 6, 5]
    """
    for bound in (low, high):
        if isinstance(bound, bool) or not isinstance(bound, (int, np.integer)) or abs(bound) > EXACT_IN_FLOAT:
            raise RefusedError(f"integers({low!r}, {high!r}): bounds are integers of at most 2**53")
    if low > high:
        raise RefusedError(f"integers({low!r}, {high!r}): the lower bound comes first")
    return Integers(int(low), int(high))


def choice(values: Iterable[Any], weights: Sequence[float] | None = None) -> Choice:
    """Return one of some values, for `sample`.

    Parameters
    ----------
    values : iterable
        What there is to choose from, of any type that JSON or pandas has.
    weights : sequence of float, optional
        How likely each value is, compared to the others; all equally without it.

    Raises
    ------
    RefusedError
        If there are no values, or the weights don't fit them.

    Examples
    --------
    >>> import torc_frames as tf
    >>> solver = tf.choice(["svd", "lsqr"], weights=[1, 3])
    >>> tf.sample(1000, {"solver": solver, "seed": range(10**6)}, seed=7)["solver"].value_counts().to_dict()
    {'lsqr': 762, 'svd': 238}
    """
    column = column_of("choice", values)
    if column.empty:
        raise RefusedError("choice([]): there is nothing to choose from")
    if weights is None:
        return Choice(column)
    return Choice(column, _shares(weights, len(column)))


def read_distribution(name: str, found: Mapping[str, Any]) -> Distribution:
    """Return what `written` has written."""
    kind = found.get("kind")
    if kind == "choice":
        return choice(read_column(name, found), found.get("weights"))
    makers: dict[Any, Callable[[Any, Any], Distribution]] = {
        "uniform": uniform,
        "loguniform": loguniform,
        "integers": integers,
    }
    if kind not in makers:
        raise RefusedError(f"the recipe draws {name} from {kind!r}, which this torc_frames does not know")
    return makers[kind](found["low"], found["high"])


def _shares(weights: Iterable[Any], count: int) -> tuple[float, ...]:
    if isinstance(weights, (str, bytes)) or not isinstance(weights, Iterable):
        raise RefusedError(f"choice: weights are a list of numbers, not {weights!r}")
    listed = list(weights) if getattr(weights, "ndim", 1) == 1 else []
    if len(listed) != count:
        shape = getattr(weights, "shape", None)
        given = f"weights of shape {shape}" if shape is not None else f"{len(listed)} weights"
        raise RefusedError(f"choice: {given} for {count} values")
    try:
        shares = [float(share) if isinstance(share, Real) else math.nan for share in listed]
    except OverflowError:
        shares = [math.inf]
    if not math.isfinite(sum(shares)) or min(shares) < 0 or not sum(shares):
        shown = shorten(map(repr, listed))
        raise RefusedError(f"choice: weights are numbers from 0 of a finite sum above 0, not {shown}")
    return tuple(shares)


def _bounds(name: str, low: float, high: float) -> tuple[float, float]:
    try:
        if isinstance(low, str) or isinstance(high, str):
            raise TypeError
        bounds = float(low), float(high)
    except OverflowError:
        bounds = math.inf, math.inf
    except (TypeError, ValueError):
        raise RefusedError(f"{name}({low!r}, {high!r}): bounds are numbers") from None
    if not (math.isfinite(bounds[0]) and math.isfinite(bounds[1] - bounds[0])):
        raise RefusedError(f"{name}({low!r}, {high!r}): bounds are finite numbers, not too far apart")
    if not bounds[0] < bounds[1]:
        raise RefusedError(f"{name}({low!r}, {high!r}): the lower bound comes first")
    return bounds
