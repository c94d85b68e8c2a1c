"""Which rows of a table a text keeps: the one language of filters and constraints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import total_ordering
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, counted
from torc_frames.frame.expressions import Formula
from torc_frames.frame.functions import Bad, is_missing

__all__ = ["cells", "formula_of", "kept_by", "kept_rows", "select"]

_AT_ONCE = 10_000
_MOST_STEPS = 1 << 29
_SHORT: dict[int | None, type[np.floating[Any]]] = {2: np.float16, 4: np.float32}
_ANOTHER_WAY = "use a function of the table"


def select(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows of a table that a text keeps, with their index.

    Parameters
    ----------
    table : DataFrame
        Its index counts as a column, if it has a name.
    where : str
        As for `grid`: columns, constants, comparisons, arithmetic, ``and``, ``or`` and ``not``. ``x == None``
        asks for missing values, ``contains(x, 'text')`` for a text, in capitals or not; what is no name in
        Python stands in backquotes.

    Raises
    ------
    RefusedError
        If the text is none of these, has no value for a row, or gives something else than booleans.

    Examples
    --------
    >>> import torc_frames as tf
    >>> tf.select(tf.grid(depth=[1, 2], solver=["svd", "sag"]), where="depth > 1 and solver != 'sag'")
       depth solver
    2      2    svd
    """
    return table[kept_by(table, where)]


def kept_by(table: pd.DataFrame, text: str) -> np.ndarray:
    """Return for each row whether an expression over the columns holds.

    Missing values compare as pandas has it for their column's dtype: NaN, NaT and None of an object column
    differ from everything, where NA is of no truth, and the row is left out.

    Raises
    ------
    RefusedError
        If it is no `Formula`, has no value for a row, or gives something else than booleans.
    """
    names = [name for name in (*table.columns, *table.index.names) if isinstance(name, str)]
    return kept_rows(table, formula_of(text, names))


def formula_of(text: str, names: Sequence[str], meant: Callable[[str], str | None] | None = None) -> Formula:
    """Return what a text says of rows; see `Formula`, and `kept_by`."""
    if not isinstance(text, str):
        raise RefusedError(f"where={text!r}: give a text, such as 'loss < 0.1'")
    try:
        return Formula(text, names, meant)
    except RefusedError as error:
        why = str(error).removeprefix(f"{text!r}: ").removeprefix(f"{text!r} is no formula: ")
        raise RefusedError(f"where={text!r} is no query of the columns: {why}; {_ANOTHER_WAY}") from None


def kept_rows(
    table: pd.DataFrame, formula: Formula, named: Callable[[int], str] = "row {}".format
) -> np.ndarray:
    """Return for each row whether a formula holds; see `kept_by`. What a row is called, `named` says."""
    text = formula.text
    if formula.size * len(table) > _MOST_STEPS:
        raise RefusedError(f"where={text!r} is too long for {counted(len(table), 'row')}: {_ANOTHER_WAY}")
    needed = {name: _column(table, name) for name in sorted(formula.needs)}
    if (mask := formula.mask(needed)) is not None:
        return mask
    asked = pd.DataFrame(needed, index=range(len(table)))
    rows, of_row = (None, None) if formula.by_row else _each_once(asked)
    asked = asked if rows is None else asked.take(rows)
    kept = np.zeros(len(asked), np.bool_)
    for start in range(0, len(asked), _AT_ONCE):  # texts that it makes are in memory for so many rows only
        part = asked.iloc[start : start + _AT_ONCE]
        given = {name: cells(part[name]) for name in needed}
        found = formula.values(given, range(start, start + len(part)))
        at = range(start, start + len(part)) if rows is None else rows[start : start + len(part)].tolist()
        kept[start : start + len(part)] = list(map(_is_kept, repeat(text), repeat(named), at, found))
    return kept if of_row is None else kept[of_row]


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    found = table[name] if name in table.columns else table.index.get_level_values(name).to_series()
    return found.reset_index(drop=True)


def _each_once(table: pd.DataFrame) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the rows that are the first of their values, and for each row which it is.

    A grid has few combinations of them, and many rows. None where values of several types could be equal,
    or hardly any row comes twice.
    """
    codes, combinations = np.zeros(len(table), np.int64), 1
    for _, column in table.items():
        if column.dtype == object and any(type(value) is not str for value in column):
            return None, None
        of_column, values = pd.factorize(column, use_na_sentinel=False)
        combinations *= max(len(values), 1)
        if combinations > len(table) // 2:
            return None, None
        codes = codes * len(values) + of_column
    _, rows, of_row = np.unique(codes, return_index=True, return_inverse=True)
    return rows, of_row


def _is_kept(text: str, named: Callable[[int], str], row: int, found: Any) -> bool:
    if found is True or found is False:
        return found
    if type(found) is Bad:
        raise RefusedError(f"where={text!r} has no value for {named(row)}: {found.reason}")
    if is_missing(found):
        return False
    raise RefusedError(
        f"where={text!r} gives {found!r} for {named(row)}, not a boolean: compare it with something"
    )


def cells(column: pd.Series) -> list[Any]:
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


@total_ordering
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

    def __lt__(self, other: Any) -> bool:
        other = other.value if isinstance(other, _Category) else other
        if self.ranks is None or other not in self.ranks:
            raise TypeError(f"{self.value!r} and {other!r} are no categories of one order")
        return self.ranks[self.value] < self.ranks[other]


def _categories(column: pd.Series) -> list[Any]:
    values = cells(column.cat.categories.to_series())
    ranks = {value: rank for rank, value in enumerate(values)} if column.cat.ordered else None
    categories = [_Category(value, ranks) for value in values]
    return [np.nan if code < 0 else categories[code] for code in column.cat.codes.tolist()]
