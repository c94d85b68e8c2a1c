"""Cells that go on as those beside them begin: copies, or series of numbers and times."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.numerals import INTEGER, as_number
from torc_frames.frame.specs import time_zone
from torc_frames.widgets.parameters.column import SheetColumn
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.ids import Ids
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table import timetexts
from torc_frames.widgets.table.source import Block

__all__ = ["fill"]

_At = Callable[[int], str]
"""Gives the text of a cell by its distance from the first."""

_NUMBERS = ("int", "float", "json")
_SAFE_DAY = 28
"""The last day that every month has."""


def fill(step: Step, source: Block, target: Block, switched: bool = False) -> None:
    """Fill cells above, below, left or right of others; deleted rows stay as they are.

    Two or more numbers or times at a constant distance go on as a series, other cells are repeated.
    `switched` does it the other way: such a series is repeated, and one number is counted up from.

    Raises
    ------
    RefusedError
        For cells that are not beside the others, for the column of keys alone, and for series that leave
        what there is, like the year 9999.
    """
    if not 0 <= source.top < source.bottom <= len(step.state.view):
        raise RefusedError(f"there are no rows {source.top + 1} to {source.bottom} to fill from")
    if (source.left, source.right) == (target.left, target.right):
        _fill_down(step, source, target, switched)
    elif (source.top, source.bottom) == (target.top, target.bottom):
        _fill_across(step, source, target, switched)
    else:
        raise RefusedError("cells are filled from others in the same columns, or in the same rows")


def _fill_down(step: Step, source: Block, target: Block, switched: bool) -> None:
    ids, places = _alive(step.state, target)
    for position in _writable(step.state, target):
        column = step.state.at(position)
        rows = step.state.view[source.top : source.bottom]
        at = _series(column, rows, switched) or _repeated(column.texts(rows))
        step.write(column, ids, [at(place - source.top) for place in places])


def _fill_across(step: Step, source: Block, target: Block, switched: bool) -> None:
    ids, _ = _alive(step.state, target)
    begins = [step.state.at(position) for position in range(source.left, source.right)]
    for position in _writable(step.state, target):
        column, far = step.state.at(position), position - source.left
        copied = begins[far % len(begins)].texts_for(column.format, ids)
        step.write(column, ids, _rows_on(begins, ids, far, copied, switched))


def _rows_on(
    begins: Sequence[SheetColumn], ids: Ids, far: int, copied: list[str], switched: bool
) -> list[str]:
    """Return how rows go on, each by itself: its series, or what is copied."""
    if any(column.format.kind not in _NUMBERS for column in begins):
        return copied
    rows = zip(*(column.texts(ids) for column in begins), strict=True)
    found = (_numbers(texts, switched) for texts in rows)
    return [text if at is None else at(far) for at, text in zip(found, copied, strict=True)]


def _alive(state: State, target: Block) -> tuple[Ids, list[int]]:
    """Return the rows to fill, and where they are shown."""
    ids = state.view[target.top : target.bottom]
    alive = ~state.are_deleted(ids)
    return ids[alive], (np.flatnonzero(alive) + target.top).tolist()


def _writable(state: State, target: Block) -> list[int]:
    """Return columns, without those that can't be edited if there are several."""
    positions = range(target.left, target.right)
    if len(positions) == 1:
        return [*positions]
    kept = {at for at, column in enumerate(state.shown, state.offset) if column.format.spec is not None}
    return [position for position in positions if position in kept]


def _repeated(texts: Sequence[str]) -> _At:
    return lambda at: texts[at % len(texts)]


def _series(column: SheetColumn, rows: Ids, switched: bool) -> _At | None:
    """Return how the cells of a column go on, None for copies."""
    texts = column.texts(rows)
    if column.format.kind in _NUMBERS:
        return _numbers(texts, switched)
    if not timetexts.is_time(column.format.dtype) or len(rows) < 2 or switched:
        return None
    if "" in texts or any(id in column.unread for id in rows.tolist()):
        return None
    return _times(column, rows)


def _numbers(texts: Sequence[str], switched: bool) -> _At | None:
    if any(as_number(text) is None for text in texts) or (len(texts) > 1) == switched:
        return None
    values = [Fraction(text) for text in texts]
    first, steps = values[0], [after - before for before, after in pairwise(values)] or [Fraction(1)]
    if not _alike(steps):
        return None
    step = sum(steps, Fraction(0)) / len(steps)
    whole = all(INTEGER.fullmatch(text) for text in texts)

    def at(place: int) -> str:
        value = first + step * place
        try:
            return str(value.numerator) if whole else repr(value.numerator / value.denominator)
        except OverflowError:
            raise RefusedError(f"the series {', '.join(texts[:3])} … leaves what floats hold") from None

    return at


def _alike(steps: Sequence[Fraction]) -> bool:
    """Return whether steps are the same, but for what floats can't tell."""
    least, most = min(steps), max(steps)
    return most - least <= abs(most) * Fraction(1, 10**9)


def _times(column: SheetColumn, rows: Ids) -> _At | None:
    series = column.series(rows)
    zoned = time_zone(series.dtype) is not None
    values = series.tolist()
    # In a zone days are those of its calendar, 23 or 25 hours long twice a year.
    local = series.dt.tz_localize(None).tolist() if zoned else values
    months = _months(local)
    if months is not None:
        return lambda at: str(_month_on(local[0], months * at))
    by_day = _step(local)
    if zoned and by_day is not None and by_day % pd.Timedelta(days=1) == pd.Timedelta(0):
        values = local
    step = _step(values)
    if step is None:
        return None

    def at(place: int) -> str:
        try:
            value = values[0] + step * place
        except (OverflowError, ValueError):
            raise RefusedError(f"the series from {values[0]} on leaves what {series.dtype} holds") from None
        if isinstance(value, datetime.timedelta):
            return column.format.texts(pd.Series([value]).astype(series.dtype))[0]
        return str(value)

    return at


def _step(values: Sequence[Any]) -> Any:
    """Return what is added from one to the next, None if that differs."""
    numbers = [value.ordinal if isinstance(value, pd.Period) else value for value in values]
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else None


def _months(values: Sequence[Any]) -> int | None:
    """Return how many months are between times that are of the same day of the month, None for others."""
    if not isinstance(values[0], datetime.date) or values[0].day > _SAFE_DAY:
        return None
    if any(_month_on(value, _month(values[0]) - _month(value)) != values[0] for value in values):
        return None
    found: int | None = _step([_month(value) for value in values])
    return found


def _month(value: datetime.date) -> int:
    return value.year * 12 + value.month - 1


def _month_on(value: Any, months: int) -> Any:
    year, month = divmod(_month(value) + months, 12)
    try:
        return value.replace(year=year, month=month + 1)
    except (OverflowError, ValueError):
        raise RefusedError(f"the series from {value} on leaves the years that there are") from None
