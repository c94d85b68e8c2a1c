"""What texts that are no values of a column may mean: by all that was pasted, and never without asking."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torc_frames.errors import counted
from torc_frames.widgets.table.meanings import dates_by_order, numbers_by_mark, written
from torc_frames.widgets.table.source import GridColumn

__all__ = ["Interpretation", "Pasted", "choices", "question"]

_TRUE = frozenset(
    {"ja", "oui", "vrai", "vero", "verdadero", "verdadeiro", "sí", "sì", "sim", "tak", "✓", "✔", "☑"}
)
_FALSE = frozenset({"nein", "non", "faux", "falso", "não", "nej", "nee", "✗", "✘", "☐"})

_LABELS = {".": "decimal point", ",": "decimal comma", "day": "day first", "month": "month first"}
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Pasted:
    """A text that was typed or pasted, where it is shown, and whether it was refused there."""

    row: int
    column: int
    text: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One way to read texts.

    Attributes
    ----------
    label : str
        Which way that is; empty if there is no other.
    cells : list of tuple
        Row, column and text of each cell that becomes another one.
    example : str
        One of them: what was pasted, and what it is.
    """

    label: str
    cells: list[tuple[int, int, str]]
    example: str


def choices(columns: Sequence[GridColumn], pasted: Sequence[Pasted]) -> list[Interpretation]:
    """Return the ways in which refused texts can be read; none if there is no refused text that can.

    A column is read one way: where one text in it tells what comes before decimals, or whether days come
    before months, the others mean the same; where none does, or two differ, both ways are given. What was
    no value becomes one, and what would be another value that way, like 1.234 beside 1,5, becomes that.

    Examples
    --------
    >>> column = GridColumn("x", "float", "float64")
    >>> [choice.example for choice in choices([column], [Pasted(0, 0, "1,234", True)])]
    ['1,234 → 1234', '1,234 → 1.234']
    >>> texts = [Pasted(0, 0, "1,234", True), Pasted(1, 0, "0.5", False)]
    >>> [choice.example for choice in choices([column], texts)]
    ['1,234 → 1234']
    """
    by_column: dict[int, list[Pasted]] = {}
    for one in pasted:
        by_column.setdefault(one.column, []).append(one)
    read = [_read(columns[at], cells) for at, cells in by_column.items() if any(one.refused for one in cells)]
    ways: list[tuple[str, ...]] = [()]
    for orders in (".,", ("day", "month")):
        if any(set(each) >= set(orders) for each in read):
            ways = [(*way, order) for way in ways for order in orders]
    made = [_choice(way, read) for way in ways]
    return [each for each in made if each.cells]


def question(found: Sequence[Interpretation]) -> str:
    """Return what a person is asked about choices.

    Examples
    --------
    >>> question([Interpretation("", [(0, 0, "1234.5"), (1, 0, "2")], "1,234.5 → 1234.5")])
    'Read 1,234.5 as 1234.5, 2 cells in all?'
    """
    before, _, after = found[0].example.partition(" → ")
    cells = max(len(each.cells) for each in found)
    more = f", {counted(cells, 'cell')} in all" if cells > 1 else ""
    return f"Read {before} as {after}{more}?" if len(found) == 1 else f"What does {before} mean{more}?"


_Way = dict[str, list[tuple[Pasted, str]]]
"""By way of reading (empty where there is one only): cells, each with its new text."""


def _choice(way: tuple[str, ...], read: Sequence[_Way]) -> Interpretation:
    cells = [cell for each in read for order in ("", *way) for cell in each.get(order, [])]
    cells.sort(key=lambda cell: (cell[0].row, cell[0].column))
    # The example is one on which the ways differ, if they do.
    differing = [
        cell for each in read for order in way for cell in each.get(order, []) if _differs(cell, each)
    ]
    shown = next(iter(differing or cells), None)
    example = f"{_short(shown[0].text)} → {shown[1]}" if shown else ""
    found = [(one.row, one.column, text) for one, text in cells]
    return Interpretation(", ".join(_LABELS[order] for order in way), found, example)


def _differs(cell: tuple[Pasted, str], of: _Way) -> bool:
    return any(other is cell[0] and text != cell[1] for cells in of.values() for other, text in cells)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _read(column: GridColumn, cells: Sequence[Pasted]) -> _Way:
    if column.kind in ("int", "float"):
        whole = column.kind == "int"
        found = [
            {mark: value for mark, value in numbers_by_mark(one.text).items() if not whole or value % 1 == 0}
            for one in cells
        ]
        return _ways(cells, found, (".", ","), lambda value: written(value, whole))
    if column.kind == "datetime":
        return _ways(cells, [dates_by_order(one.text) for one in cells], ("day", "month"), str)
    if column.kind == "bool":
        words = [(one, _bool(one.text)) for one in cells if one.refused]
        return {"": [(one, text) for one, text in words if text is not None]}
    return {}


def _bool(text: str) -> str | None:
    word = text.strip().lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else None


def _ways(
    cells: Sequence[Pasted],
    found: Sequence[Mapping[str, Hashable]],
    orders: tuple[str, ...],
    write: Callable[[Any], str],
) -> _Way:
    """Return how texts are read: one way if the texts tell which, else both."""
    one_only = {next(iter(each)) for each in found if len(each) == 1}
    ways = orders[:1]
    if any(len(set(each.values())) > 1 for each in found):
        ways = tuple(one_only) if len(one_only) == 1 else orders
    made: _Way = {}
    for order in ways:
        changed = made.setdefault(order if len(ways) > 1 else "", [])
        for one, each in zip(cells, found, strict=True):
            value = each.get(order, next(iter(each.values()), None))
            # What was a value stays one unless it means another that way.
            if value is not None and (one.refused or value != each.get(".", value)):
                changed.append((one, write(value)))
    return made
