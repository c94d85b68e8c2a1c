"""Formulas over the columns of a table, as safe as a text from elsewhere needs them to be."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.values import MAX_INT_BITS

__all__ = ["Bad", "Formula"]

ROW = "row"
"""The name of the row's number, unless a column has it."""

_MOST_CHARACTERS = 10_000
_LONGEST_TEXT = 10_000
_MOST_DEPTH = 100
_MOST_PLACES = 300


@dataclass(frozen=True, slots=True)
class Bad:
    """What a formula has for a row that it has no value for, and why."""

    reason: str


class Formula:
    """An expression in Python's grammar of which little is allowed, read but never run as Python.

    Names of columns (in backquotes where they are no names: `` `v 1` ``; with dots as they are), numbers,
    strings, True, False, None, ``+ - * / // % **``, comparisons, ``and or not``, ``x if test else y``,
    ``row`` (from 0 on) and the functions of `FUNCTIONS`. Where a value is missing, so is the result.
    Integers are exact at any size.

    Raises
    ------
    RefusedError
        For anything else, and for names that are no columns.

    Examples
    --------
    >>> formula = Formula("where(lr > 0.1, lr / 2, lr) * 2 ** row", ["lr"])
    >>> formula.needs
    {'lr'}
    >>> formula.values({"lr": [0.5, 0.1, None]}, range(3))
    [0.25, 0.2, None]
    >>> Formula("lr.__class__", ["lr"])
    Traceback (most recent call last):
    ...
    torc_frames.errors.RefusedError: 'lr.__class__': no column 'lr.__class__'; there are: lr
    """

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self.text = text
        self.needs: set[str] = set()
        self._columns = set(columns)
        self._names: dict[str, str] = {}
        if len(text) > _MOST_CHARACTERS:
            raise RefusedError(f"a formula of {len(text):,} characters; up to {_MOST_CHARACTERS:,} are read")
        plain = self._without_backquotes(text)
        try:
            self._tree = ast.parse(plain.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = error.msg if isinstance(error, SyntaxError) else "it is nested too deep"
            raise RefusedError(f"{text!r} is no formula: {why}") from None
        self._check(self._tree)

    def values(self, cells: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> list[Any]:
        """Return the result for each row; `Bad` where there is none.

        Parameters
        ----------
        cells : mapping
            By column: its values, missing ones None, and `Bad` where there is none.
        rows : sequence of int
            The rows' numbers.
        """
        return self._evaluate(self._tree, cells, rows)

    def _refuse(self, why: str) -> RefusedError:
        return RefusedError(f"{self.text!r}: {why}")

    def _without_backquotes(self, text: str) -> str:
        """Put a name of ours for each name in backquotes outside of strings."""

        def replaced(match: re.Match[str]) -> str:
            if match[1] is None:
                return match[0]
            name = f"__column_{len(self._names)}"
            self._names[name] = match[1].replace("``", "`")
            return name

        return re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`((?:[^`]|``)+)`', replaced, text)

    def _check(self, node: ast.expr, depth: int = 0) -> None:
        """Refuse what is not allowed, before anything is computed."""
        if depth > _MOST_DEPTH:
            raise self._refuse("nested too deep")
        if isinstance(node, ast.Constant):
            if not (node.value is None or isinstance(node.value, (bool, int, float, str))):
                raise self._refuse(f"no {type(node.value).__name__} in formulas")
        elif isinstance(node, (ast.Name, ast.Attribute)):
            self._check_name(node)
        elif isinstance(node, ast.Call):
            self._check_call(node, depth)
        elif isinstance(node, ast.Compare):
            self._check_operators(node.ops)
            for part in (node.left, *node.comparators):
                self._check(part, depth + 1)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            self._check_operators([node.op])
            for part in [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]:
                self._check(part, depth + 1)
        elif isinstance(node, (ast.BoolOp, ast.IfExp)):
            parts = node.values if isinstance(node, ast.BoolOp) else [node.test, node.body, node.orelse]
            for part in parts:
                self._check(part, depth + 1)
        else:
            raise self._refuse(f"no {_said(node)} in formulas")

    def _check_name(self, node: ast.Name | ast.Attribute) -> None:
        name = self._name(node)
        if name in self._columns:
            self.needs.add(name)
        elif name not in (ROW, *CONSTANTS):
            known = f"there are: {shorten(sorted(self._columns))}" if self._columns else "there are none"
            raise self._refuse(f"no column {name!r}; {known}")

    def _check_call(self, node: ast.Call, depth: int) -> None:
        name = self._name(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""
        if name not in FUNCTIONS:
            raise self._refuse(f"no function {name!r}; there are: {', '.join(sorted(FUNCTIONS))}")
        least, most = FUNCTIONS[name][1]
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            raise self._refuse(f"{name} takes its arguments one after another")
        if not least <= len(node.args) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self._refuse(f"{name} takes {wanted} arguments, not {len(node.args)}")
        for part in node.args:
            self._check(part, depth + 1)

    def _check_operators(self, operators: Sequence[Any]) -> None:
        for one in operators:
            if type(one) not in OPERATORS:
                raise self._refuse(f"no operator {type(one).__name__} in formulas")

    def _name(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._name(node.value)}.{node.attr}"
        raise self._refuse(f"no attributes of {_said(node)} in formulas")

    def _evaluate(self, node: ast.expr, cells: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> list[Any]:
        def value(part: ast.expr) -> list[Any]:
            return self._evaluate(part, cells, rows)

        if isinstance(node, ast.Constant):
            return [node.value] * len(rows)
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = self._name(node)
            if name in self._columns:
                return list(cells[name])
            return list(rows) if name == ROW else [CONSTANTS[name]] * len(rows)
        if isinstance(node, ast.Call):
            function = FUNCTIONS[self._name(node.func)][0]
            lazy = function in (_where, _coalesce)
            return _mapped(function, *map(value, node.args), lazy=lazy)
        if isinstance(node, ast.IfExp):
            return _mapped(_where, value(node.test), value(node.body), value(node.orelse), lazy=True)
        if isinstance(node, ast.BoolOp):
            function = _and if isinstance(node.op, ast.And) else _or
            return _mapped(function, *map(value, node.values), lazy=True)
        if isinstance(node, ast.Compare):
            sides = [value(part) for part in (node.left, *node.comparators)]
            found = [
                _mapped(OPERATORS[type(op)], one, other)
                for op, one, other in zip(node.ops, sides, sides[1:], strict=False)
            ]
            return found[0] if len(found) == 1 else _mapped(_and, *found, lazy=True)
        if isinstance(node, ast.UnaryOp):
            return _mapped(OPERATORS[type(node.op)], value(node.operand))
        if isinstance(node, ast.BinOp):
            return _mapped(OPERATORS[type(node.op)], value(node.left), value(node.right))
        raise self._refuse(f"no {_said(node)} in formulas")


def _mapped(function: Callable[..., Any], *columns: list[Any], lazy: bool = False) -> list[Any]:
    """Apply a function row by row; unless it is lazy, missing arguments make missing results."""
    found = []
    for values in zip(*columns, strict=True):
        if not lazy:
            bad = next((one for one in values if type(one) is Bad), None)
            if bad is not None or any(one is None for one in values):
                found.append(bad)
                continue
        try:
            found.append(function(*values))
        except ZeroDivisionError:
            found.append(Bad("division by zero"))
        except (TypeError, ValueError, OverflowError) as error:
            found.append(Bad(str(error) or type(error).__name__))
    return found


def _number(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    raise TypeError(f"{_short(value)} is no number")


def _power(base: Any, exponent: Any) -> Any:
    _number(base), _number(exponent)
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        _check_bits(max(base.bit_length(), 1) * exponent if abs(base) > 1 else 1)
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError(f"{base} ** {exponent} is no real number")
    return result


def _times(one: Any, other: Any) -> Any:
    if isinstance(one, (str, list)) or isinstance(other, (str, list)):
        raise TypeError("texts and lists can't be multiplied")
    if isinstance(one, int) and isinstance(other, int):
        _check_bits(one.bit_length() + other.bit_length())
    return one * other


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, list) or isinstance(other, list):
        raise TypeError("lists can't be added")
    if isinstance(one, str) != isinstance(other, str):
        raise TypeError(f"{_short(one)} and {_short(other)} can't be added; str(x) makes a text")
    if isinstance(one, str) and len(one) + len(other) > _LONGEST_TEXT:
        raise ValueError(f"a text of more than {_LONGEST_TEXT:,} characters")
    return one + other


def _check_bits(bits: int) -> None:
    if bits > MAX_INT_BITS:
        raise ValueError("an integer of more than 4,000 digits")


def _modulo(one: Any, other: Any) -> Any:
    if isinstance(one, str):
        raise TypeError("% does not format texts; use + and str(x)")
    return one % other


def _not(value: Any) -> bool:
    return not _truth(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"{_short(value)} is neither true nor false; compare it with something")


def _and(*values: Any) -> Any:
    """Return the first that is not true, as Python does; what is missing is known to be so only then."""
    return _logical(values, stops=False)


def _or(*values: Any) -> Any:
    return _logical(values, stops=True)


def _logical(values: Sequence[Any], stops: bool) -> Any:
    missing = False
    for value in values:
        if type(value) is Bad:
            return value
        if value is None:
            missing = True
        elif _truth(value) is stops:
            return stops
    return None if missing else not stops


def _where(test: Any, one: Any, other: Any) -> Any:
    if test is None or type(test) is Bad:
        return test
    return one if _truth(test) else other


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _rounded(value: Any, digits: Any = None) -> Any:
    if digits is None:
        return round(_number(value))
    if not isinstance(digits, int) or abs(digits) > _MOST_PLACES:
        raise ValueError(f"round takes a number of places up to {_MOST_PLACES}, not {_short(digits)}")
    return round(_number(value), digits)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _of_number(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: function(_number(value))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _said(node: ast.AST) -> str:
    names = {"Lambda": "lambda", "Subscript": "x[...]", "NamedExpr": ":=", "JoinedStr": "f-strings"}
    return names.get(type(node).__name__, type(node).__name__.lower())


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: _plus,
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.USub: lambda value: -value,
    ast.UAdd: lambda value: +value,
    ast.Not: _not,
    ast.Eq: _same,
    ast.NotEq: lambda one, other: not _same(one, other),
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

CONSTANTS = {"pi": math.pi}

_MANY = 50
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int]]] = {
    "where": (_where, (3, 3)),
    "coalesce": (_coalesce, (1, _MANY)),
    "abs": (_of_number(abs), (1, 1)),
    "round": (_rounded, (1, 2)),
    "floor": (_of_number(math.floor), (1, 1)),
    "ceil": (_of_number(math.ceil), (1, 1)),
    "sqrt": (_of_number(math.sqrt), (1, 1)),
    "exp": (_of_number(math.exp), (1, 1)),
    "log": (_of_number(math.log), (1, 1)),
    "log2": (_of_number(math.log2), (1, 1)),
    "log10": (_of_number(math.log10), (1, 1)),
    "sin": (_of_number(math.sin), (1, 1)),
    "cos": (_of_number(math.cos), (1, 1)),
    "tan": (_of_number(math.tan), (1, 1)),
    "min": (min, (2, _MANY)),
    "max": (max, (2, _MANY)),
    "int": (_of_number(int), (1, 1)),
    "float": (_of_number(float), (1, 1)),
    "str": (_text, (1, 1)),
}
"""By name: what it does, and how many arguments it takes."""
