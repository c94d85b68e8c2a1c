"""Formulas over the columns of a table, as safe as a text from elsewhere needs them to be."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.at_once import mask
from torc_frames.frame.functions import (
    CONSTANTS,
    FUNCTIONS,
    OPERATORS,
    Bad,
    and_,
    coalesce,
    is_missing,
    or_,
    same,
    where,
)

__all__ = ["Formula"]

ROW = "row"
"""The name of the row's number, unless a column has it."""

_Cells = Mapping[str, Sequence[Any]]
_Compute = Callable[[_Cells, Sequence[int]], list[Any]]
"""Returns the values of an expression, one a row, from those of the columns and the rows' numbers."""

_MOST_CHARACTERS = 10_000
_MOST_DEPTH = 100
_LISTS = (ast.List, ast.Tuple, ast.Set)
_EQUAL = (ast.Eq, ast.NotEq)
_AMONG = (ast.In, ast.NotIn)
_OUTSIDE_TEXTS = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`(?P<name>(?:[^`]|``)+)`|(?P<and>&)|(?P<or>\|)|@\s*(?P<outer>\w*)',
    re.DOTALL,
)

_SPELLINGS = {r"(?<![=!<>])=(?!=)": "==", "&&": "and", r"\|\|": "or", "<>": "!=", "!(?!=)": "not"}
"""How other languages write what is written otherwise here."""


def _likely_mend(text: str) -> str:
    """Return what to say of a text that has the spelling of another language."""
    bare = _OUTSIDE_TEXTS.sub(lambda found: found[0] if found["and"] or found["or"] else "", text)
    found = {match[0]: right for wrong, right in _SPELLINGS.items() if (match := re.search(wrong, bare))}
    return "".join(f"; for {wrong!r} write {right!r}" for wrong, right in found.items())


class Formula:
    """An expression in Python's grammar of which little is allowed, read but never run as Python.

    Names of columns (in backquotes where they are no names: `` `v 1` ``; with dots as they are), numbers,
    strings, True, False, None, ``+ - * / // % **``, comparisons, ``in`` and ``not in`` a list, ``and or not``
    (also ``& | ~``, which mean the same), ``x if test else y``, ``row`` (from 0 on) and the functions of
    `FUNCTIONS`. Where a value is missing, so is the result; ``x == None`` asks for it. Integers are exact at
    any size.

    Parameters
    ----------
    text : str
    columns : sequence of str
    meant : callable, optional
        Returns the column that a name means which is none itself, or None.

    Attributes
    ----------
    needs : set of str
        The columns that it is about.
    tree : ast.expr
        How it was read.
    size : int
        Of how many parts it is.
    by_row : bool
        Whether it is about the row's number.

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
    >>> Formula("lr in [0.1, 0.5] & ~(lr > 0.2)", ["lr"]).values({"lr": [0.5, 0.1]}, range(2))
    [False, True]
    >>> Formula("lr.__class__", ["lr"])
    Traceback (most recent call last):
    ...
    torc_frames.errors.RefusedError: 'lr.__class__': no column 'lr.__class__'; there are: lr
    """

    def __init__(
        self, text: str, columns: Sequence[str], meant: Callable[[str], str | None] | None = None
    ) -> None:
        self.text = text
        self.needs: set[str] = set()
        self.size = 0
        self.by_row = False
        self._meant = meant
        self._columns = set(columns)
        # Python's grammar takes the letter of one font for that of another, such as the micro sign for mu.
        self._as_written = {normalize("NFKC", name): name for name in self._columns}
        self._as_written |= {name: name for name in self._columns}
        self._names: dict[str, str] = {}
        if len(text) > _MOST_CHARACTERS:
            raise RefusedError(f"a formula of {len(text):,} characters; up to {_MOST_CHARACTERS:,} are read")
        plain = _OUTSIDE_TEXTS.sub(self._plain, text)
        try:
            tree = ast.parse(plain.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = (
                error.msg + _likely_mend(text) if isinstance(error, SyntaxError) else "it is nested too deep"
            )
            raise RefusedError(f"{text!r} is no formula: {why}") from None
        self.tree, self._compute = tree, self._compiled(tree)

    @property
    def quoted(self) -> set[str]:
        """The names that stand in backquotes, which are as they are written."""
        return {*self._names.values()}

    def values(self, cells: _Cells, rows: Sequence[int]) -> list[Any]:
        """Return the result for each row; `Bad` where there is none.

        Parameters
        ----------
        cells : mapping
            By column: its values, missing ones None, and `Bad` where there is none. A NaN compares as in
            numpy: it differs from everything.
        rows : sequence of int
            The rows' numbers.
        """
        return self._compute(cells, rows)

    def mask(self, columns: Mapping[str, pd.Series]) -> np.ndarray | None:
        """Return whether it holds, of all rows at once; None if that takes `values`."""
        return mask(self.tree, lambda node: columns.get(self.name(node)))

    def _refuse(self, why: str) -> RefusedError:
        return RefusedError(f"{self.text!r}: {why}")

    def _plain(self, match: re.Match[str]) -> str:
        """Put a name of ours for one in backquotes, and words for ``&`` and ``|``, which bind like them."""
        if match["name"] is not None:
            name = f"__column_{len(self._names)}"
            while name in self.text or name in self._columns:
                name += "_"
            self._names[name] = match["name"].replace("``", "`")
            return name
        if match["outer"] is not None:
            raise self._refuse(
                f"@{match['outer']} is not defined: variables of the program are not seen; put the value "
                "into the text"
            )
        return " and " if match["and"] else " or " if match["or"] else match[0]

    def _compiled(self, node: ast.expr, depth: int = 0) -> _Compute:
        """Return what computes an expression, of which every part is allowed."""
        self.size += 1
        if depth > _MOST_DEPTH:
            raise self._refuse("nested too deep")
        if isinstance(node, ast.Constant):
            value = node.value
            if not (value is None or isinstance(value, (bool, int, float, str))):
                raise self._refuse(f"no {type(value).__name__} in formulas")
            return lambda cells, rows: [value] * len(rows)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(self.name(node))
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth + 1)
        lazy = isinstance(node, (ast.BoolOp, ast.IfExp))
        if isinstance(node, ast.Call):
            function, parts = self._called(node), node.args
            lazy = function in (where, coalesce)
        elif isinstance(node, ast.IfExp):
            function, parts = where, [node.test, node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            function, parts = and_ if isinstance(node.op, ast.And) else or_, node.values
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            function = self._operator(node.op)
            parts = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
        else:
            raise self._refuse(f"no {_said(node)} in formulas")
        return _each(function, [self._compiled(part, depth + 1) for part in parts], lazy=lazy)

    def _named(self, name: str) -> _Compute:
        if name in self._columns:
            self.needs.add(name)
            return lambda cells, rows: list(cells[name])
        if name == ROW:
            self.by_row = True
            return lambda cells, rows: list(rows)
        if name in CONSTANTS:
            return lambda cells, rows: [CONSTANTS[name]] * len(rows)
        near = {
            one: None
            for one in sorted(self._columns)
            if get_close_matches(name, [one, one.removeprefix("params.").removeprefix("results.")])
        }
        listed = [*near, *sorted(self._columns - near.keys())]
        known = f"there are: {shorten(listed)}" if listed else "there are none"
        raise self._refuse(f"no column {name!r}; {known}")

    def _called(self, node: ast.Call) -> Callable[..., Any]:
        """Return the function of a call whose arguments are as many as it takes."""
        name = self._written(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""
        if name not in FUNCTIONS:
            raise self._refuse(f"no function {name!r}; there are: {', '.join(sorted(FUNCTIONS))}")
        function, (least, most) = FUNCTIONS[name]
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            raise self._refuse(f"{name} takes its arguments one after another")
        if not least <= len(node.args) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self._refuse(f"{name} takes {wanted} arguments, not {len(node.args)}")
        return function

    def _comparison(self, node: ast.Compare, depth: int) -> _Compute:
        """Return what compares each side with the next; a list stands only on the right, for its elements."""
        sides, before = [self._compiled(node.left, depth)], node.left
        steps: list[tuple[Callable[..., Any], bool, slice]] = []
        for op, side in zip(node.ops, node.comparators, strict=True):
            if isinstance(before, _LISTS):
                raise self._refuse(f"no {_said(before)} in formulas")
            first = len(sides) - 1
            listed = isinstance(op, (*_AMONG, *_EQUAL)) and isinstance(side, _LISTS)
            if isinstance(op, _AMONG) and not listed:
                raise self._refuse("in takes a list of values, such as [1, 2]")
            nothing = any(isinstance(one, ast.Constant) and one.value is None for one in (before, side))
            lazy = listed or (isinstance(op, _EQUAL) and nothing)
            negated = isinstance(op, (ast.NotIn, ast.NotEq))
            function = (_is_not_among if negated else _is_among) if lazy else self._operator(op)
            parts = side.elts if listed else [side]  # type: ignore[attr-defined]
            sides += [self._compiled(part, depth) for part in parts]
            steps.append((function, lazy, slice(first, len(sides))))
            before = side

        def compute(cells: _Cells, rows: Sequence[int]) -> list[Any]:
            values = [side(cells, rows) for side in sides]
            found = [_mapped(function, *values[places], lazy=lazy) for function, lazy, places in steps]
            return found[0] if len(found) == 1 else _mapped(and_, *found, lazy=True)

        return compute

    def _operator(self, one: Any) -> Callable[..., Any]:
        if type(one) not in OPERATORS:
            raise self._refuse(f"no operator {type(one).__name__} in formulas")
        return OPERATORS[type(one)]

    def name(self, node: ast.expr) -> str:
        """Return the column, or the function, that a part of the tree names."""
        name = self._written(node)
        if name not in self._columns and self._meant is not None and (meant := self._meant(name)):
            self._columns.add(meant)
            return meant
        return name

    def _written(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._names.get(node.id) or self._as_written.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._written(node.value)}.{node.attr}"
        raise self._refuse(f"no attributes of {_said(node)} in formulas")


def _each(function: Callable[..., Any], parts: Sequence[_Compute], *, lazy: bool) -> _Compute:
    return lambda cells, rows: _mapped(function, *[part(cells, rows) for part in parts], lazy=lazy)


def _is_among(value: Any, *among: Any) -> bool | Bad:
    """Return whether a value is one of some; a missing one is if None is among them."""
    bad = next((one for one in (value, *among) if type(one) is Bad), None)
    if bad is not None:
        return bad
    if is_missing(value):
        return any(map(is_missing, among))
    return any(not is_missing(one) and same(value, one) for one in among)


def _is_not_among(*values: Any) -> bool | Bad:
    found = _is_among(*values)
    return found if isinstance(found, Bad) else not found


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


def _said(node: ast.AST) -> str:
    names = {"Lambda": "lambda", "Subscript": "x[...]", "NamedExpr": ":=", "JoinedStr": "f-strings"}
    return names.get(type(node).__name__, type(node).__name__.lower())
