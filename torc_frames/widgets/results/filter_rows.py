"""The filters of the explorer as fields: a row each, of a column, a condition and its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from torc_frames.errors import RefusedError
from torc_frames.widgets.parts import Message, button, row
from torc_frames.widgets.results.model import (
    KEY,
    Meaning,
    between,
    bound,
    choices,
    column,
    contains,
    is_missing,
    meaning,
    one_of,
)
from torc_frames.widgets.results.parts import dropdown, field, on_value, options, selection
from torc_frames.widgets.results.session import Exploration

__all__ = ["FilterBar", "FilterRow"]

_BETWEEN, _CONTAINS, _IS, _ONE_OF = "is between", "contains", "is", "is one of"
_MISSING, _THERE = "is missing", "is not missing"
_CONDITIONS: dict[Meaning, tuple[str, ...]] = {
    "number": (_BETWEEN,),
    "time": (_BETWEEN,),
    "span": (_BETWEEN,),
    "flag": (),
    "text": (_CONTAINS, _IS),
    "choice": (_CONTAINS,),
    "object": (_CONTAINS,),
}
_MOST_LINES = 5


class FilterRow(widgets.HBox):
    """One filter: its column, its condition, and values where that takes some.

    Parameters
    ----------
    exploration : Exploration
    name : str
        The column to begin with.
    changed : callable
        Called after each change.
    removed : callable
        Called with the row when it is to be taken away.
    """

    def __init__(
        self,
        exploration: Exploration,
        name: str,
        changed: Callable[[], None],
        removed: Callable[[FilterRow], None],
    ) -> None:
        self._exploration, self._changed = exploration, changed
        self.column = dropdown("Column", [KEY, *exploration.arrangement.order])
        self.condition = dropdown("Condition", [])
        self.text = field("text", width="14em", named=False)
        self.low, self.high = field("from"), field("to")
        self.choices = selection("values", [], width="14em", named=False)
        self.message = Message()
        self._values = row()
        self._quiet = False
        remove = button("Remove", lambda: removed(self), tooltip="remove this filter")
        super().__init__([row(self.column, self.condition, self._values, remove, self.message)])
        self.column.value = name
        on_value(self.column, self._on_column)
        on_value(self.condition, self._on_condition)
        for one in (self.text, self.low, self.high, self.choices):
            on_value(one, self._tell)
        self._on_column()

    def read(self) -> str | None:
        """Return the filter; None as long as nothing is typed, or what is typed is refused."""
        try:
            made = self._made(self.column.value)
        except RefusedError as error:
            self.message.fail(error)
            return None
        self.message.clear()
        return made

    def _made(self, name: str) -> str | None:
        text, chosen = self.text.value, self.choices.value
        match self.condition.value:
            case "is between":
                values = column(self._exploration.frame, name)
                low, high = bound(values, self.low.value), bound(values, self.high.value)
                if low is not None and high is not None and low > high:
                    raise RefusedError(f"nothing is between {low} and {high}")
                return None if low is None and high is None else between(name, low, high)
            case "contains":
                return contains(name, text) if text else None
            case "is":
                return one_of(name, [text]) if text else None
            case "is one of":
                return one_of(name, chosen) if chosen else None
            case _:
                return is_missing(name, self.condition.value == _MISSING)

    def _on_column(self) -> None:
        values = column(self._exploration.frame, self.column.value)
        found = choices(values)
        ways = [*_CONDITIONS[meaning(values)], *([_ONE_OF] if found else []), _MISSING, _THERE]
        if meaning(values) in ("choice", "text") and found:
            ways.insert(0, ways.pop(ways.index(_ONE_OF)))
        self._quiet = True
        self.choices.value = ()
        self.choices.options = options(found or [])
        self.choices.rows = max(2, min(_MOST_LINES, len(found or [])))
        self.text.value = self.low.value = self.high.value = ""
        self.condition.options = options(ways)
        self.condition.value = ways[0]
        self._quiet = False
        self._on_condition()

    def _on_condition(self) -> None:
        if self._quiet:
            return
        shown: dict[Any, tuple[widgets.Widget, ...]] = {
            _BETWEEN: (self.low, self.high),
            _CONTAINS: (self.text,),
            _IS: (self.text,),
            _ONE_OF: (self.choices,),
        }
        self._values.children = shown.get(self.condition.value, ())
        self._tell()

    def _tell(self) -> None:
        if not self._quiet:
            self._changed()


class FilterBar(widgets.VBox):
    """All filters, which are combined by and, and a button for another."""

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration
        self.rows: list[FilterRow] = []
        super().__init__()

    def add(self) -> FilterRow:
        """Add a row for a filter."""
        names = [
            one for one in self._exploration.arrangement.shown if one.startswith(("results.", "params."))
        ]
        made = FilterRow(self._exploration, next(reversed(names), "status"), self._apply, self._remove)
        self.rows.append(made)
        self._show()
        return made

    def clear(self) -> None:
        """Take all filters away."""
        self.rows.clear()
        self._show()
        self._apply()

    def fit(self) -> None:
        """Take away the rows whose filters can't be asked of the table any more."""
        asked = self._exploration.asked.filters
        there = {KEY, *self._exploration.arrangement.order}
        self.rows = [one for one in self.rows if one.column.value in there and one.read() in (None, *asked)]
        self._show()

    def _remove(self, one: FilterRow) -> None:
        self.rows.remove(one)
        self._show()
        self._apply()

    def _show(self) -> None:
        self.children = tuple(self.rows)

    def _apply(self) -> None:
        with self._exploration.lock:
            filters = tuple(made for made in (one.read() for one in self.rows) if made is not None)
            if filters != self._exploration.asked.filters:
                self._exploration.choose(replace(self._exploration.asked, filters=filters))
