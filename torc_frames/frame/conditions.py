"""What of a formula a store can look for: comparisons of columns with constants, by ``and`` and ``or``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which loads pandas
    from torc_frames.frame.expressions import Formula

__all__ = ["Condition", "Group", "Test", "condition_of", "tests_of"]

_RELATIVE, _ABSOLUTE = 1e-9, 1e-300
"""How much wider the bounds of numbers are: a store may read a number off by its last bit."""

_TURNED: dict[type, type] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_LISTS = (ast.List, ast.Tuple, ast.Set)


@dataclass(frozen=True, slots=True)
class Test:
    """Values of a column that lie within bounds, these included.

    Attributes
    ----------
    column : str
        As it was written.
    low, high : float or str or None
        None for no bound. Booleans count as numbers, as they do in formulas.
    orders : bool
        Whether values of another kind than the bounds make an error; else they are just different.
    """

    column: str
    low: float | str | None
    high: float | str | None
    orders: bool

    @property
    def is_of_texts(self) -> bool:
        """Whether the bounds are texts."""
        return isinstance(self.high if self.low is None else self.low, str)


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all must hold, or any."""

    all: bool
    parts: tuple[Condition, ...]


Condition = Test | Group
"""What rows that a formula keeps meet; those that it does not keep may meet it, too."""


def condition_of(formula: Formula) -> Condition | None:
    """Return what all rows meet that a formula keeps, or has no value for unless a `Test` orders.

    None for a formula of which the truth of a row depends on more than its own values: the dtype of a column,
    which says what missing values compare as, or the row's number.
    """
    return _read(formula, formula.tree)


def tests_of(condition: Condition) -> Iterator[Test]:
    """Yield the tests of a condition."""
    if isinstance(condition, Test):
        yield condition
    else:
        for part in condition.parts:
            yield from tests_of(part)


def _read(formula: Formula, node: ast.expr) -> Condition | None:
    if isinstance(node, ast.BoolOp):
        return _group(isinstance(node.op, ast.And), [_read(formula, part) for part in node.values])
    if not isinstance(node, ast.Compare):
        return None
    sides = [node.left, *node.comparators]
    steps = zip(node.ops, sides, sides[1:], strict=False)
    return _group(True, [_compared(formula, *step) for step in steps])


def _group(every: bool, parts: list[Condition | None]) -> Condition | None:
    found = tuple(part for part in parts if part is not None)
    if len(found) < len(parts):
        return None
    return found[0] if len(found) == 1 else Group(every, found)


def _compared(formula: Formula, op: ast.cmpop, one: ast.expr, other: ast.expr) -> Condition | None:
    kind = type(op)
    if isinstance(other, _LISTS):
        if kind not in (ast.In, ast.Eq):
            return None
        return _group(False, [_compared(formula, ast.Eq(), one, each) for each in other.elts])
    if _column(formula, one) is None:
        one, other, kind = other, one, _TURNED.get(kind, kind)
    name, value = _column(formula, one), _constant(other)
    if name is None or value is None or kind not in (ast.Eq, *_TURNED):
        return None
    low, high = (value, value) if isinstance(value, str) else _around(value)
    if kind in (ast.Lt, ast.LtE):
        return Test(name, None, high, orders=True)
    if kind in (ast.Gt, ast.GtE):
        return Test(name, low, None, orders=True)
    return Test(name, low, high, orders=False)


def _column(formula: Formula, node: ast.expr) -> str | None:
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return None
    name = formula.name(node)
    # Python takes letters for others, unless they stand in backquotes.
    is_sure = name in formula.needs and (name.isascii() or name in formula.quoted)
    return name if is_sure else None


def _constant(node: ast.expr) -> Any:
    """Return a number or a text that every store compares alike, None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _constant(node.operand)
        return None if value is None or isinstance(value, str) else -value
    if not isinstance(node, ast.Constant) or not isinstance(node.value, (bool, int, float, str)):
        return None
    if isinstance(node.value, str):
        return node.value if "\0" not in node.value and _is_unicode(node.value) else None
    return +node.value


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _around(value: float) -> tuple[float, float]:
    largest = sys.float_info.max
    if abs(value) > largest:
        return (largest, float("inf")) if value > 0 else (float("-inf"), -largest)
    width = abs(value) * _RELATIVE + _ABSOLUTE
    return float(value) - width, float(value) + width
