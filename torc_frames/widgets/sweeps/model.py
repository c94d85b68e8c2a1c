"""A sweep as it is typed: axes, how they are combined, the table that they make, and its Python."""

from __future__ import annotations

import json
import keyword
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

import pandas as pd

from torc_frames.errors import Problem, RefusedError, TorcFramesError, TorcFramesWarning, counted
from torc_frames.sweep.grids import grid, product, zip_
from torc_frames.sweep.sampling import Method, sample
from torc_frames.widgets.sweeps.axes import DISTRIBUTIONS, Axis, Meant
from torc_frames.widgets.sweeps.typed import TypedError, whole

__all__ = ["MAX_ROWS", "METHODS", "WAYS", "SweepModel", "Way"]

Way = Literal["grid", "zip", "sample"]
WAYS: tuple[Way, ...] = get_args(Way)
METHODS: tuple[Method, ...] = get_args(Method)

MAX_ROWS = 1_000_000
"""Larger tables are counted, not made."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_SEED = 2**63 - 1


class SweepModel:
    """The axes of a sweep and what becomes of them, apart from any browser.

    Parameters
    ----------
    tables : mapping of str to DataFrame, optional
        Tables to combine the axes with, by the names that they have in Python.

    Attributes
    ----------
    axes : list of Axis
    way : {"grid", "zip", "sample"}
    method, n, seed : str
        How a sample is drawn; numbers as they are typed.
    where : str
        The constraint, a query; empty for none.
    factors : list of str
        Which of the tables every row is combined with.

    Examples
    --------
    >>> model = SweepModel()
    >>> model.axes = [Axis("alpha", texts={"values": "0.1, 1"}), Axis("solver", texts={"values": "svd, sag"})]
    >>> model.combinations
    4
    >>> print(model.code)
    import torc_frames as tf
    <BLANKLINE>
    df = tf.grid(
        alpha=[0.1, 1],
        solver=['svd', 'sag'],
    )
    >>> model.value.shape
    (4, 2)
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame] | None = None) -> None:
        self.lock = threading.RLock()
        self.tables = dict(tables or {})
        for name in self.tables:
            if not _is_name(name) or name in ("tf", "df"):
                raise RefusedError(f"a table's name is what it has in Python, not {name!r}")
        self.axes: list[Axis] = [Axis()]
        self.way: Way = "grid"
        self.method: Method = "random"
        self.n = "64"
        self.seed = "0"
        self.where = ""
        self.factors: list[str] = list(self.tables)
        self._made: tuple[str, pd.DataFrame | RefusedError] | None = None

    # what is typed

    def state(self) -> dict[str, Any]:
        """Return all that is typed, as JSON."""
        with self.lock:
            typed = {name: getattr(self, name) for name in ("way", "method", "n", "seed", "where")}
            return {"axes": [axis.state() for axis in self.axes], **typed, "factors": list(self.factors)}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], tables: Mapping[str, pd.DataFrame] | None = None
    ) -> SweepModel:
        """Return the model that `state` was of; RefusedError if it is of none."""
        model = cls(tables)
        way, method, axes = state.get("way"), state.get("method"), state.get("axes")
        if way not in WAYS or method not in METHODS or not isinstance(axes, list):
            raise RefusedError("this is no sweep's state")
        model.way, model.method = way, method
        model.axes = [Axis.from_state(axis) for axis in axes]
        model.n, model.seed, model.where = (str(state.get(name, "")) for name in ("n", "seed", "where"))
        model.factors = [name for name in model.tables if name in state.get("factors", ())]
        return model

    # what it means

    def axis_problem(self, at: int) -> str:
        """Return what is wrong with an axis, or nothing."""
        axis = self.axes[at]
        if not axis.name:
            return "a name is missing"
        if axis.name in [other.name for other in self.axes[:at]]:
            return f"there is an axis {axis.name!r} above"
        if any(axis.name in self.tables[name].columns for name in self.factors):
            return f"there is a column {axis.name!r} in a table that it is combined with"
        if self.way != "sample" and axis.name == "where":
            return "'where' is the constraint; choose another name"
        try:
            axis.meant()
        except TypedError as error:
            return str(error)
        if axis.kind in DISTRIBUTIONS and self.way != "sample":
            return f"{axis.kind} is drawn from: combine by sample, or choose another kind"
        return ""

    @property
    def problem(self) -> str:
        """What is wrong with how the axes are combined, or nothing; see `axis_problem` for the axes."""
        try:
            if self.way == "sample":
                whole(self.n, "how many", least=0)
                whole(self.seed, "seed", least=0, most=_MOST_SEED)
        except TypedError as error:
            return str(error)
        lengths = {axis.name: axis.meant().count for axis in self.axes} if self._axes_are_good else {}
        if self.way == "zip" and len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {count:,}" for name, count in lengths.items())
            return f"side by side, axes have equally many values, not {told}"
        return ""

    @property
    def note(self) -> str:
        """What is worth knowing about a sample, or nothing."""
        count = self._sampled
        if self.way != "sample" or self.method != "sobol" or not count or not count & (count - 1):
            return ""
        below = 1 << (count.bit_length() - 1)
        return (
            f"A Sobol sequence is spread evenly for {below:,} or {2 * below:,} points, less so for {count:,}"
        )

    @property
    def combinations(self) -> int | None:
        """How many rows there are before the constraint; None if something is wrong."""
        with self.lock:
            if not self._axes_are_good or self.problem:
                return None
            counts = [axis.meant().count or 0 for axis in self.axes]
            if not counts:
                rows = 1 if self.factors else 0
            elif self.way == "sample":
                rows = self._sampled or 0
            else:
                rows = counts[0] if self.way == "zip" else math.prod(counts)
            return rows * math.prod(len(self.tables[name]) for name in self.factors)

    @property
    def value(self) -> pd.DataFrame:
        """The table.

        Raises
        ------
        RefusedError
            If something typed is wrong, or there are more rows than `MAX_ROWS`.
        """
        with self.lock:
            self._check()
            state, made = self.state(), self._made
        key = json.dumps(state)
        if made is None or made[0] != key:  # without the lock: it may take seconds, and others go on typing
            self._made = made = key, SweepModel.from_state(state, self.tables)._make()
        if isinstance(made[1], RefusedError):
            raise RefusedError(made[1].problems)
        return made[1].copy()

    @property
    def code(self) -> str:
        """The Python that makes the same table, as ``df``; RefusedError if something typed is wrong."""
        with self.lock:
            self._check(count=False)
            where = [f"where={self.where.strip()!r}"] if self.where.strip() else []
            if not self.factors:
                return f"import torc_frames as tf\n\ndf = {self._call_code(where, '')}\n"
            tables = [*self.factors, *([self._call_code([], "    ")] if self.axes else [])]
            return f"import torc_frames as tf\n\ndf = {_call('tf.product', [*tables, *where], '')}\n"

    # inside

    @property
    def _axes_are_good(self) -> bool:
        return not any(map(self.axis_problem, range(len(self.axes))))

    @property
    def _sampled(self) -> int | None:
        try:
            return whole(self.n, "how many")
        except TypedError:
            return None

    def _check(self, count: bool = True) -> None:
        problems = [
            Problem(None, axis.name or f"axis {at + 1}", reason)
            for at, axis in enumerate(self.axes)
            if (reason := self.axis_problem(at))
        ]
        if not problems and (reason := self.problem):
            problems = [Problem(None, None, reason)]
        if problems:
            raise RefusedError(problems)
        rows = self.combinations or 0
        if count and rows > MAX_ROWS:
            raise RefusedError(f"{counted(rows, 'row')} are not made here: at most {MAX_ROWS:,}")

    def _make(self) -> pd.DataFrame | RefusedError:
        meant = {axis.name: axis.meant() for axis in self.axes}
        where = self.where.strip() or None
        try:
            if not self.factors:
                return self._table(meant, where)
            own = [self._table(meant, None)] if meant else []
            return product(*(self.tables[name] for name in self.factors), *own, where=where)
        except (TorcFramesError, ImportError, TypeError, ValueError) as error:
            return RefusedError(str(error))  # what a query gives may be anything

    def _table(self, meant: Mapping[str, Meant], where: str | None) -> pd.DataFrame:
        sources: dict[str, Any] = {name: each.source for name, each in meant.items()}
        if self.way == "sample":
            with warnings.catch_warnings():
                if self.note:  # which says the same
                    warnings.simplefilter("ignore", TorcFramesWarning)
                seed = whole(self.seed, "seed")
                return sample(self._sampled or 0, sources, method=self.method, seed=seed, where=where)
        make: Callable[..., pd.DataFrame] = grid if self.way == "grid" else zip_
        return make(where=where, **sources)

    def _call_code(self, where: list[str], indent: str) -> str:
        codes = {axis.name: axis.meant().code for axis in self.axes}
        if self.way == "sample":
            inner = f"{indent}    "
            space = "".join(f"{inner}    {name!r}: {code},\n" for name, code in codes.items())
            how = [f"method={self.method!r}", f"seed={whole(self.seed, 'seed')}"]
            parts = [str(self._sampled or 0), f"{{\n{space}{inner}}}", *how, *where]
            return _call("tf.sample", parts, indent)
        if all(map(_is_name, codes)):
            parts = [f"{name}={code}" for name, code in codes.items()]
        else:  # all in one, in their order, of which the last one changes fastest
            parts = [f"**{{{', '.join(f'{name!r}: {code}' for name, code in codes.items())}}}"]
        return _call("tf.grid" if self.way == "grid" else "tf.zip_", [*parts, *where], indent)


def _call(name: str, parts: Iterable[str], indent: str) -> str:
    lines = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{name}(\n{lines}{indent})" if lines else f"{name}()"


def _is_name(name: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(name)) and not keyword.iskeyword(name)
