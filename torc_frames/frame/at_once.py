"""Comparisons of whole columns, where pandas makes them as formulas do row by row."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.frame.functions import read_as

__all__ = ["mask"]

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUAL = (ast.Eq, ast.NotEq)


def mask(node: ast.expr, column: Callable[[ast.expr], pd.Series | None]) -> np.ndarray | None:
    """Return for each row whether an expression holds; None if rows have to be looked at one by one.

    That is done of what is missing, of signed integers and doubles, of times and durations, and of these by
    ``and`` and ``or``.

    Parameters
    ----------
    column : callable
        Returns the column that a name is of, None if it is of none.
    """
    if isinstance(node, ast.BoolOp):
        parts = [found for part in node.values if (found := mask(part, column)) is not None]
        both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return reduce(both, parts) if len(parts) == len(node.values) else None
    if not isinstance(node, ast.Compare):
        return None
    sides = [_side(part, column) for part in (node.left, *node.comparators)]
    steps = zip(node.ops, sides, sides[1:], strict=False)
    parts = [found for step in steps if (found := _compared(*step)) is not None]
    return reduce(np.logical_and, parts) if len(parts) == len(node.ops) else None


def _side(node: ast.expr, column: Callable[[ast.expr], pd.Series | None]) -> Any:
    """Return a column or a constant; of anything else a thing that nothing is compared with."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _side(node.operand, column)
        return -value if type(value) in (int, float) else node
    if isinstance(node, ast.Constant):
        return node.value
    found = column(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
    return node if found is None else found


def _compared(op: ast.cmpop, one: Any, other: Any) -> np.ndarray | None:
    turned = not isinstance(one, pd.Series)
    column, value = (other, one) if turned else (one, other)
    if type(op) not in _OPERATORS or not isinstance(column, pd.Series):
        return None
    if value is None:
        missing = column.isna().to_numpy(dtype=bool)
        return (missing if isinstance(op, ast.Eq) else ~missing) if isinstance(op, _EQUAL) else None
    value = _alike(column, value)
    if value is None:
        return None
    found: pd.Series = _OPERATORS[type(op)](*((value, column) if turned else (column, value)))
    return found.to_numpy(dtype=bool)


def _alike(column: pd.Series, value: Any) -> Any:
    """Return what a column is compared with as it is, None if there is no such thing."""
    if not isinstance(column.dtype, (np.dtype, pd.DatetimeTZDtype)):
        return None  # NA is of no truth
    kind = column.dtype.kind
    if isinstance(value, pd.Series):
        same = value.dtype == column.dtype and (kind == "i" or column.dtype == np.float64)
        return value if same else None
    if kind == "i":
        return value if type(value) is int and abs(value) < 2**63 else None
    if column.dtype == np.float64:
        exact = type(value) is float or (type(value) is int and abs(value) <= EXACT_IN_FLOAT)
        return value if exact else None
    return _time(column, value) if kind in "mM" and isinstance(value, str) else None


def _time(column: pd.Series, text: str) -> datetime | timedelta | None:
    like: Any = next(iter(column.dropna().head(1)), None)
    try:
        found = None if like is None else read_as(like, text)
    except ValueError:
        return None  # which is told of the row
    aware = getattr(found, "tzinfo", None) is not None
    return found if aware == isinstance(column.dtype, pd.DatetimeTZDtype) else None
