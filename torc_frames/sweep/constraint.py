"""Which rows of a table a text keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.frame.expressions import Formula
from torc_frames.frame.functions import Bad, is_missing

__all__ = ["kept_by"]

_AT_ONCE = 10_000
_MOST_STEPS = 1 << 29
_SHORT: dict[int | None, type[np.floating[Any]]] = {2: np.float16, 4: np.float32}
_ANOTHER_WAY = "use a function of the table"


def kept_by(table: pd.DataFrame, text: str) -> np.ndarray:
    """Return for each row whether an expression over the columns holds.

    Missing values compare as pandas has it for their column's dtype: NaN, NaT and None of an object column
    differ from everything, where NA is of no truth, and the row is left out.

    Raises
    ------
    RefusedError
        If it is no `Formula`, has no value for a row, or gives something else than booleans.
    """
    try:
        formula = Formula(text, [name for name in table.columns if isinstance(name, str)])
    except RefusedError as error:
        why = str(error).removeprefix(f"{text!r}: ").removeprefix(f"{text!r} is no formula: ")
        raise RefusedError(f"where={text!r} is no query of the columns: {why}; {_ANOTHER_WAY}") from None
    if formula.size * len(table) > _MOST_STEPS:
        raise RefusedError(f"where={text!r} is too long for {counted(len(table), 'row')}: {_ANOTHER_WAY}")
    kept = np.zeros(len(table), np.bool_)
    for start in range(0, len(table), _AT_ONCE):  # texts that it makes are in memory for so many rows only
        part = table.iloc[start : start + _AT_ONCE]
        cells = {name: _cells(part[name]) for name in formula.needs}
        found = formula.values(cells, range(start, start + len(part)))
        kept[start : start + len(part)] = [_is_kept(text, row, one) for row, one in enumerate(found, start)]
    return kept


def _is_kept(text: str, row: int, found: Any) -> bool:
    if found is True or found is False:
        return found
    if type(found) is Bad:
        raise RefusedError(f"where={text!r} has no value for row {row}: {found.reason}")
    if is_missing(found):
        return False
    raise RefusedError(
        f"where={text!r} gives {found!r} for row {row}, not a boolean: compare it with something"
    )


def _cells(column: pd.Series) -> list[Any]:
    """Return values as formulas take them: NA as None, other missing ones as NaN."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(column)
    values = column.tolist()
    kind = _SHORT.get(getattr(dtype, "itemsize", None)) if dtype.kind == "f" else None
    if kind is not None:  # 0.1 is what it is written as, not the double next to it
        values = [value if is_missing(value) else float(str(kind(value))) for value in values]
    nullable = getattr(dtype, "na_value", None) is pd.NA
    missing = None if nullable else np.nan
    return [missing if gap else value for value, gap in zip(values, column.isna(), strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Category:
    """A category: equal to its value, and ordered as the categories are."""

    value: Any
    ranks: dict[Any, int] | None = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, _Category) else other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def _difference(self, other: Any) -> int:
        other = other.value if isinstance(other, _Category) else other
        if self.ranks is None or other not in self.ranks:
            raise TypeError(f"{self.value!r} and {other!r} are no categories of one order")
        return self.ranks[self.value] - self.ranks[other]

    def __lt__(self, other: Any) -> bool:
        return self._difference(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._difference(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._difference(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._difference(other) >= 0


def _categories(column: pd.Series) -> list[Any]:
    values = _cells(column.cat.categories.to_series())
    ranks = {value: rank for rank, value in enumerate(values)} if column.cat.ordered else None
    categories = [_Category(value, ranks) for value in values]
    return [np.nan if code < 0 else categories[code] for code in column.cat.codes.tolist()]
