"""Filling cells from formulas and sequences, and replacing texts in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torc_frames.errors import Problem, RefusedError
from torc_frames.frame.expressions import Formula
from torc_frames.frame.functions import Bad
from torc_frames.frame.values import is_missing
from torc_frames.widgets.parameters.column import SheetColumn
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.ids import Ids
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block

__all__ = [
    "Linspace",
    "Logspace",
    "Repeated",
    "Series",
    "StepSeries",
    "fill_formula",
    "fill_series",
    "found",
    "replace",
]


@dataclass(frozen=True, slots=True)
class StepSeries:
    """A start, and what is added from row to row; 0.1 and 0.1 make 0.3, not 0.30000000000000004.

    Examples
    --------
    >>> StepSeries(0.1, 0.1).values(4)
    [0.1, 0.2, 0.3, 0.4]
    >>> StepSeries(10, -5).values(3)
    [10, 5, 0]
    """

    start: int | float
    step: int | float = 1

    def values(self, count: int) -> list[Any]:
        """Return so many of them."""
        start, step = _fraction(self.start), _fraction(self.step)
        if isinstance(self.start, int) and isinstance(self.step, int):
            return [self.start + self.step * at for at in range(count)]
        return _line(start, step, count)


@dataclass(frozen=True, slots=True)
class Linspace:
    """Numbers at equal distances from the first to the last row.

    Examples
    --------
    >>> Linspace(0, 1).values(5)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """

    first: int | float
    last: int | float

    def values(self, count: int) -> list[Any]:
        """Return so many of them."""
        first, last = _fraction(self.first), _fraction(self.last)
        return _line(first, (last - first) / max(count - 1, 1), count)


@dataclass(frozen=True, slots=True)
class Logspace:
    """Numbers at equal ratios from the first to the last row, both included.

    Examples
    --------
    >>> Logspace(0.001, 10).values(5)
    [0.001, 0.01, 0.1, 1.0, 10.0]
    """

    first: int | float
    last: int | float

    def values(self, count: int) -> list[Any]:
        """Return so many of them."""
        if not (self.first > 0 and self.last > 0):
            raise RefusedError(f"logspace from {self.first} to {self.last}: both must be above 0")
        low, high = math.log10(self.first), math.log10(self.last)
        step = (high - low) / max(count - 1, 1)
        found = [10 ** (low + step * at) for at in range(count)]
        if found:
            found[-1] = float(self.last)
            found[0] = float(self.first)
        return found


@dataclass(frozen=True, slots=True)
class Repeated:
    """A list, again and again; texts in it are as if typed.

    Examples
    --------
    >>> Repeated(["sgd", "adam"]).values(3)
    ['sgd', 'adam', 'sgd']
    """

    items: Sequence[Any]

    def values(self, count: int) -> list[Any]:
        """Return so many of them."""
        if not len(self.items):
            raise RefusedError("a list to repeat has at least one value")
        return [self.items[at % len(self.items)] for at in range(count)]


Series = StepSeries | Linspace | Logspace | Repeated


def fill_formula(step: Step, text: str, where: str | Block) -> None:
    """Fill cells with what a formula over the other columns gives.

    Raises
    ------
    RefusedError
        If it is none, or has no value for a row: then nothing is filled.
    """
    state = step.state
    ids, columns = targets(state, where)
    formula = Formula(text, [column.name for column in state.columns])
    cells = {name: _values(state.column(name), ids) for name in formula.needs}
    results = formula.values(cells, state.places(ids).tolist())
    problems = [
        Problem(at, None, result.reason if isinstance(result, Bad) else "the result is not a number")
        for at, result in enumerate(results)
        if isinstance(result, Bad) or (isinstance(result, float) and result != result)
    ]
    if problems:
        raise RefusedError(problems)
    for column in columns:
        step.write(column, ids, column.format.written(results))


def fill_series(step: Step, series: Series, where: str | Block) -> None:
    """Fill cells, from the first row shown to the last, with a sequence."""
    ids, columns = targets(step.state, where)
    values = series.values(len(ids))
    for column in columns:
        step.write(column, ids, column.format.written(values))


def found(state: State, search: Search, name: str | None) -> list[tuple[int, int]]:
    """Return the row and column, as shown, of each cell in which a text is."""
    places = []
    for position, column in enumerate(state.shown, state.offset):
        if name in (None, column.name):
            rows = search.found(column.texts(state.view)).nonzero()[0].tolist()
            places += [(row, position) for row in rows]
    return sorted(places)


def replace(step: Step, search: Search, by: str, where: str | Block | None) -> int:
    """Replace a text in the cells that are shown and not deleted; return in how many."""
    state = step.state
    ids, columns = state.view, list(state.shown)
    if isinstance(where, str):
        columns = [state.column(where)]
    elif where is not None:
        ids = ids[max(where.top, 0) : where.bottom]
        columns = columns[max(where.left - state.offset, 0) : max(where.right - state.offset, 0)]
    ids = ids[~state.are_deleted(ids)]
    count = 0
    for column in columns:
        if column.format.spec is None:
            continue
        texts = column.texts(ids)
        replaced = search.replaced(texts, by)
        other = [at for at, text in enumerate(replaced) if text != texts[at]]
        step.write(column, ids[other], [replaced[at] for at in other])
        count += len(other)
    return count


def targets(state: State, where: str | Block) -> tuple[Ids, list[SheetColumn]]:
    """Return the rows, those that are shown and not deleted, and the columns to fill."""
    if isinstance(where, str):
        ids, columns = state.view, [state.writable(state.column(where))]
    else:
        ids = state.view[max(where.top, 0) : where.bottom]
        columns = [state.at(position) for position in range(where.left, where.right)]
    return ids[~state.are_deleted(ids)], columns


def _values(column: SheetColumn, ids: Ids) -> list[Any]:
    """Return values as formulas take them."""
    values = [None if is_missing(value) else value for value in column.series(ids).tolist()]
    if column.unread:
        for at, id in enumerate(ids.tolist()):
            if id in column.unread:
                text = column.unread[id].text
                values[at] = Bad(
                    f"{text!r} in column {column.name!r} is no value" if text else "a value is wanting"
                )
    return values


def _fraction(value: int | float) -> Fraction:
    try:
        return Fraction(str(value))
    except ValueError:
        raise RefusedError(f"{value!r} is no number") from None


def _line(start: Fraction, step: Fraction, count: int) -> list[Any]:
    """Return the floats that are nearest to the numbers of a line: Python divides integers exactly."""
    below = start.denominator * step.denominator
    first, more = start.numerator * step.denominator, step.numerator * start.denominator
    return [(first + more * at) / below for at in range(count)]
