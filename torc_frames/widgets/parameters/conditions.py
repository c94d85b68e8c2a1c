"""What rows are chosen and sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.where import formula_of
from torc_frames.widgets.table.source import Layout

__all__ = ["Condition", "Test", "View"]

Test = Literal[
    "contains", "equals", "range", "choices", "missing", "changed", "invalid", "new", "deleted", "where"
]

_AS_IT_IS = Layout()
_NEED_COLUMN = ("range", "choices", "missing")
_OF_ROWS = ("new", "deleted", "where")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition that rows are chosen by; a filter is several of them, all of which hold.

    Parameters
    ----------
    column : str or None
        The column whose cells are looked at; None for any of them.
    test : str
        ``"contains"`` or ``"equals"`` (`text`, in what the cell shows, upper case or lower), ``"range"``
        (from `low` to `high`, typed as in a cell; empty for no bound), ``"choices"`` (the cell shows one of
        `choices`; an empty text is a missing value), ``"missing"``, ``"changed"`` (not as the store has
        it), ``"invalid"``, and of rows ``"new"``, ``"deleted"`` and ``"where"`` (`text` holds, an expression
        over the columns as for `torc_frames.select`).
    negated : bool
        Whether the rows are wanted for which it does not hold.

    Raises
    ------
    RefusedError
        For a test that there is not, or that needs a column.

    Examples
    --------
    >>> Condition("lr", "range", low="0.01", high="")
    Condition(column='lr', test='range', text='', low='0.01', high='', choices=(), negated=False)
    """

    column: str | None
    test: Test
    text: str = ""
    low: str = ""
    high: str = ""
    choices: tuple[str, ...] = ()
    negated: bool = False

    def __post_init__(self) -> None:
        if self.test not in get_args(Test):
            raise RefusedError(f"filter: no test {self.test!r}; there are {shorten(get_args(Test))}")
        if self.test in _NEED_COLUMN and self.column is None:
            raise RefusedError(f"filter: {self.test} is asked of a column; name one")
        if self.test in _OF_ROWS and self.column is not None:
            raise RefusedError(f"filter: {self.test} is asked of rows, not of a column")
        object.__setattr__(self, "choices", tuple(self.choices))


@dataclass(frozen=True, slots=True)
class View:
    """How rows are sorted, by a column's name (None for keys), and chosen; how columns are arranged."""

    order: tuple[str | None, bool] | None = None
    conditions: tuple[Condition, ...] = ()
    arrangement: Layout = _AS_IT_IS

    def named(self, names: Mapping[str, str | None]) -> View:
        """Return the same for columns that have other names by now, without those that are gone."""
        fixed: dict[str | None, str | None] = {None: None, "job_key": "job_key"}
        known = fixed | {old: new for old, new in names.items() if new is not None}
        order = (known[self.order[0]], self.order[1]) if self.order and self.order[0] in known else None
        kept = (one for one in self.conditions if one.column in known and _is_of(one, fixed, names))
        conditions = tuple(replace(one, column=known[one.column]) for one in kept)
        hidden, places = (
            tuple(str(known[name]) for name in those if name in known)
            for those in (self.arrangement.hidden, self.arrangement.order)
        )
        return View(order, conditions, replace(self.arrangement, hidden=hidden, order=places))


def _is_of(
    condition: Condition, fixed: Mapping[str | None, str | None], names: Mapping[str, str | None]
) -> bool:
    """Return whether the columns that an expression names, if it is one, are called so still."""
    if condition.test != "where":
        return True
    same = [old for old, new in names.items() if old == new]
    try:
        formula_of(condition.text, [*(name for name in fixed if name), *same])
    except RefusedError:
        return False
    return True
