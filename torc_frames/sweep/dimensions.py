"""The axes of a space as Optuna has them: from cells to its values, and back to cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import MissingExtraError, Problem, RefusedError
from torc_frames.frame.dtypes import encode
from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.frame.tabulation.configurations import PARAMS, codes, is_numeric, parameters
from torc_frames.frame.values import canonical
from torc_frames.sweep.axes import logarithmic
from torc_frames.sweep.distributions import Choice, Distribution, Integers, LogUniform, Uniform, choice
from torc_frames.sweep.sampling import distributions_of

__all__ = ["SearchAxis", "axes_of", "inferred_space", "optuna_module"]

_FIRST_VERSION = 5
_NATIVE = (bool, int, float, str)
_NEAR = 1e-14
"""How far beyond a bound a float may be that a store gave back with another last digit."""


def optuna_module() -> ModuleType:
    """Return Optuna; ImportError says how to get one that will do."""
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("this needs Optuna: pip install 'torc_frames[optuna]'") from None
    if int(optuna.__version__.partition(".")[0]) < _FIRST_VERSION:
        old = f"this needs Optuna {_FIRST_VERSION}, and {optuna.__version__} is installed"
        raise MissingExtraError(f"{old}: pip install 'torc_frames[optuna]'")
    return optuna


class SearchAxis:
    """A parameter, and what its values are drawn from.

    To Optuna 1, True and 1.0 are one choice, and a list is none: choices of several types, and lists, go to
    it as texts.
    """

    def __init__(self, name: str, source: Distribution) -> None:
        self.name, self.source = name, source
        self._places: dict[Any, int] = {}
        """By what Optuna has of a choice, its place."""
        self._known: dict[str, Any] = {}
        """By the JSON of a choice, what Optuna has of it."""
        if isinstance(source, Choice):
            cells, refused = encode(source.values)
            if refused:
                raise RefusedError([Problem(None, name, reason) for reason in refused.values()])
            first: dict[str, int] = {}
            for place, cell in enumerate(cells):
                if source.weights is None or source.weights[place]:
                    first.setdefault(canonical(cell), place)
            self._places = _shown([(cells[place], place) for place in first.values()])
            self._known = dict(zip(first, self._places, strict=True))

    @cached_property
    def distribution(self) -> Any:
        """What Optuna draws from."""
        kinds = optuna_module().distributions
        if isinstance(self.source, Choice):
            return kinds.CategoricalDistribution([*self._places])
        low, high = self.source.low, self.source.high
        if isinstance(self.source, Integers):
            return kinds.IntDistribution(low, high)
        return kinds.FloatDistribution(low, high, log=isinstance(self.source, LogUniform))

    @property
    def size(self) -> float:
        """How many values there are."""
        if isinstance(self.source, Choice):
            return len(self._places)
        return self.source.high - self.source.low + 1 if isinstance(self.source, Integers) else math.inf

    @property
    def all(self) -> list[Any]:
        """All values, as Optuna has them, of an axis that has no more than there is room for."""
        if isinstance(self.source, Integers):
            return [*range(self.source.low, self.source.high + 1)]
        return [*self._places]

    def read(self, column: pd.Series) -> list[Any]:
        """Return what Optuna has of cells, None for one that is not of this axis."""
        source = self.source
        if not isinstance(source, Choice):
            return [_number(source, cell) for cell in column.tolist()]
        cells, refused = encode(column)
        known = [self._known.get(canonical(cell)) for cell in cells]
        return [None if row in refused else value for row, value in enumerate(known)]

    def kept(self, value: Any) -> Any:
        """Return what Optuna has drawn as every store gives it back."""
        return value if isinstance(self.source, (Choice, Integers)) else self.source.kept(value)

    def column(self, values: Sequence[Any]) -> pd.Series:
        """Return what Optuna has as cells, of the dtype that `sample` gives them."""
        if isinstance(self.source, Choice):
            places = np.array([self._places[value] for value in values], dtype=np.intp)
            return self.source.values.take(places).reset_index(drop=True)
        return pd.Series(values, dtype="int64" if isinstance(self.source, Integers) else "float64")


def axes_of(space: Mapping[str, Distribution | Iterable[Any]]) -> list[SearchAxis]:
    """Return the axes of a space; RefusedError names each that makes no sense."""
    found = distributions_of(space)
    for name in found:
        if not isinstance(name, str):
            raise RefusedError(f"column {name!r}: column names are strings")
    return [SearchAxis(name, source) for name, source in found.items()]


def inferred_space(table: pd.DataFrame) -> dict[str, Distribution]:
    """Return a space that has the points of a table: its parameters that vary, each between its extremes.

    Those that were spread by their logarithms are so here; what is not of numbers is one of its values.

    Examples
    --------
    >>> import pandas as pd
    >>> inferred_space(pd.DataFrame({"params.n": [1, 3], "params.rate": [0.5, 0.1], "params.k": [7, 7]}))
    {'n': Integers(low=1, high=3), 'rate': Uniform(low=0.1, high=0.5)}
    """
    found: dict[str, Distribution] = {}
    logs = logarithmic(table.attrs)
    for full in parameters(table):
        name, column = full.removeprefix(PARAMS), table[full].dropna()
        numbered, count = codes(column)
        if count > 1:
            first = np.unique(numbered, return_index=True)[1]
            found[name] = _around(column, name in logs) or choice(column.iloc[np.sort(first)])
    return found


def _around(column: pd.Series, is_log: bool) -> Distribution | None:
    """Return what numbers are between, None where there is no such thing."""
    if not is_numeric(column):
        return None
    values = [value for value in column.tolist() if -math.inf < value < math.inf]
    low, high = min(values, default=0), max(values, default=0)
    if all(isinstance(value, int) for value in values):
        return Integers(low, high) if max(-low, high) <= EXACT_IN_FLOAT else None
    if not (low < high and math.isfinite(float(high) - float(low))):
        return None
    return (LogUniform if is_log and low > 0 else Uniform)(float(low), float(high))


def _number(source: Uniform | LogUniform | Integers, cell: Any) -> float | int | None:
    value = cell.item() if isinstance(cell, np.generic) else cell
    if type(value) not in (int, float) or not -math.inf < value < math.inf:
        return None
    low, high = source.low, source.high
    if isinstance(source, Integers):
        return int(value) if low <= value <= high and value == int(value) else None
    if type(value) is float and math.isclose(value, near := min(max(value, low), high), rel_tol=_NEAR):
        value = near
    return float(value) if low <= value <= high else None


def _shown(choices: Sequence[tuple[Any, int]]) -> dict[Any, int]:
    """Return the places of choices by what Optuna has of them, which must be different, and no list."""
    kinds = {type(cell) for cell, _ in choices}
    if len(kinds) == 1 and kinds.issubset(_NATIVE):
        return dict(choices)
    shown: dict[Any, int] = {}
    for cell, place in choices:
        text = str(cell)
        while text in shown:
            text = f"{type(cell).__name__} {text}"
        shown[text] = place
    return shown
