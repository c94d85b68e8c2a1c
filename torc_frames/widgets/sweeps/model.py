"""A sweep as it is typed: axes, how they are combined, the table that they make, and its Python."""

from __future__ import annotations

import json
import keyword
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from torc_frames.errors import Problem, RefusedError, TorcFramesError, TorcFramesWarning, counted
from torc_frames.sweep.grids import grid, product, zip_
from torc_frames.sweep.sampling import Method, sample
from torc_frames.widgets.sweeps.axes import DISTRIBUTIONS, FIELDS, Axis
from torc_frames.widgets.sweeps.typed import TypedError, whole
from torc_frames.workflow.suggest import suggest
from torc_frames.workflow.workflow import Workflow

__all__ = ["MAX_ROWS", "METHODS", "WAYS", "Fault", "SweepModel", "Way"]

Way = Literal["grid", "zip", "sample", "suggest"]
WAYS: tuple[Way, ...] = get_args(Way)
METHODS: tuple[Method, ...] = get_args(Method)

MAX_ROWS = 1_000_000
"""Larger tables are counted, not made."""

_MOST_SUGGESTED = 10_000
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_SEED = 2**63 - 1


_TEXTS = ("n", "seed", "where", "metric", "direction")


class Fault(NamedTuple):
    """What is wrong with a sweep, in which field, and whether there is just nothing yet."""

    field: str
    text: str
    missing: bool = False


class SweepModel:
    """The axes of a sweep and what becomes of them, apart from any browser.

    Parameters
    ----------
    tables : mapping of str to DataFrame, optional
        Tables to combine the axes with, by the names that they have in Python.
    workflow : Workflow, optional
        Whose results an optimiser sees that suggests rows.

    Attributes
    ----------
    axes : list of Axis
    way : {"grid", "zip", "sample", "suggest"}
        Every combination, or values side by side, each combined with `n` draws if some axes are drawn from;
        `n` draws of all axes; or `n` rows as `torc_frames.suggest` proposes them.
    method, n, seed : str
        How is drawn; numbers as they are typed.
    metric, direction : str
        What is to be made best, of suggestions.
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

    def __init__(
        self, tables: Mapping[str, pd.DataFrame] | None = None, workflow: Workflow | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.tables, self.workflow = dict(tables or {}), workflow
        for name in self.tables:
            if not _is_name(name) or name in ("tf", "df", "wf"):
                raise RefusedError(f"a table's name is what it has in Python, not {name!r}")
        self.axes: list[Axis] = []
        self.way: Way = "grid"
        self.method: Method = "random"
        self.n = "64"
        self.seed = "0"
        self.where = ""
        self.metric = "loss"
        self.direction = "minimize"
        self.factors: list[str] = list(self.tables)
        self._made: tuple[str, pd.DataFrame | RefusedError] | None = None

    # what is typed

    def state(self) -> dict[str, Any]:
        """Return all that is typed, as JSON."""
        with self.lock:
            typed = {name: getattr(self, name) for name in ("way", "method", *_TEXTS)}
            return {"axes": [axis.state() for axis in self.axes], **typed, "factors": list(self.factors)}

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame] | None = None,
        workflow: Workflow | None = None,
    ) -> SweepModel:
        """Return the model that `state` was of; RefusedError if it is of none."""
        model = cls(tables, workflow)
        way, method, axes = state.get("way"), state.get("method"), state.get("axes")
        if way not in WAYS or method not in METHODS or not isinstance(axes, list):
            raise RefusedError("this is no sweep's state")
        model.way, model.method = way, method
        model.axes = [Axis.from_state(axis) for axis in axes]
        for name in _TEXTS:
            setattr(model, name, str(state.get(name, getattr(model, name))))
        model.factors = [name for name in model.tables if name in state.get("factors", ())]
        return model

    # what it means

    def axis_fault(self, at: int) -> Fault | None:
        """Return what is wrong with an axis, and in which of its fields."""
        axis = self.axes[at]
        if not axis.name:
            return Fault("name", "a name is missing", missing=True)
        if axis.name in [other.name for other in self.axes[:at]]:
            return Fault("name", f"there is an axis {axis.name!r} above")
        if any(axis.name in self.tables[name].columns for name in self.factors):
            return Fault("name", f"there is a column {axis.name!r} in a table that it is combined with")
        if self.way in ("grid", "zip") and axis.name == "where" and axis.kind not in DISTRIBUTIONS:
            return Fault("name", "'where' is the constraint; choose another name")
        try:
            axis.meant()
        except TypedError as error:
            fields = {called: name for name, called in FIELDS[axis.kind]}
            return Fault(fields.get(error.what, FIELDS[axis.kind][0][0]), str(error), error.missing)
        return None

    def axis_problem(self, at: int) -> str:
        """Return what is wrong with an axis, or nothing."""
        fault = self.axis_fault(at)
        return fault.text if fault else ""

    @property
    def is_drawn(self) -> bool:
        """Whether something is drawn, so that `n` and `seed` count."""
        return self.way in ("sample", "suggest") or any(axis.kind in DISTRIBUTIONS for axis in self.axes)

    @property
    def fault(self) -> Fault | None:
        """What is wrong with how the axes are combined; see `axis_fault` for the axes."""
        try:
            if self.is_drawn:
                whole(self.n, "how many", least=0, most=_MOST_SUGGESTED if self.way == "suggest" else None)
                whole(self.seed, "seed", least=0, most=_MOST_SEED)
        except TypedError as error:
            return Fault("seed" if error.what == "seed" else "n", str(error), error.missing)
        if self.way == "suggest":
            if self.workflow is None:
                return Fault("way", "suggestions are of a workflow's results: SweepBuilder(wf)")
            if self.factors:
                return Fault("way", "suggestions are not combined with other tables")
            if not self.metric.strip():
                return Fault("metric", "a metric is missing", missing=True)
        if self.way == "zip" and self._axes_are_good:
            lengths = {axis.name: count for axis in self.axes if (count := axis.meant().count) is not None}
            if len(set(lengths.values())) > 1:
                told = ", ".join(f"{name} {count:,}" for name, count in lengths.items())
                return Fault("way", f"side by side, axes have equally many values, not {told}")
        return None

    @property
    def problem(self) -> str:
        """What is wrong with how the axes are combined, or nothing; see `axis_problem` for the axes."""
        return self.fault.text if self.fault else ""

    @property
    def note(self) -> str:
        """What is worth knowing about a sample, or nothing."""
        count = self._sampled
        if (
            self.way == "suggest"
            or not self.is_drawn
            or self.method != "sobol"
            or not count
            or not count & (count - 1)
        ):
            return ""
        below = 1 << (count.bit_length() - 1)
        return (
            f"A Sobol sequence is spread evenly for {below:,} or {2 * below:,} points, less so for {count:,}"
        )

    @property
    def sizes(self) -> list[int] | None:
        """How many values each thing has that is combined; None if something is wrong."""
        with self.lock:
            if not self._axes_are_good or self.fault:
                return None
            found = [len(self.tables[name]) for name in self.factors]
            counts = [count for axis in self.axes if (count := axis.meant().count) is not None]
            if self.way in ("grid", "zip"):
                found += counts if self.way == "grid" else counts[:1]
            if self.is_drawn and self.axes:
                found.append(self._sampled or 0)
            return found

    @property
    def combinations(self) -> int | None:
        """How many rows there are before the constraint; None if something is wrong."""
        sizes = self.sizes
        return None if sizes is None else math.prod(sizes) if sizes else 0

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
            self._made = made = key, SweepModel.from_state(state, self.tables, self.workflow)._make()
        if isinstance(made[1], RefusedError):
            raise RefusedError(made[1].problems)
        return made[1].copy()

    @property
    def code(self) -> str:
        """The Python that makes the same table, as ``df``; RefusedError if something typed is wrong."""
        with self.lock:
            self._check(count=False)
            where = [f"where={self.where.strip()!r}"] if self.where.strip() else []
            if len(self._tables) == 1 and not self.factors:
                return f"import torc_frames as tf\n\ndf = {self._call_code(self._tables[0], where, '')}\n"
            tables = [*self.factors, *(self._call_code(part, [], "    ") for part in self._tables)]
            return f"import torc_frames as tf\n\ndf = {_call('tf.product', [*tables, *where], '')}\n"

    def forget(self) -> None:
        """Make the table anew when it is asked for: the workflow has other results now."""
        self._made = None

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

    @property
    def _tables(self) -> list[_OwnTable]:
        """The tables that the axes make, by how, to be combined with each other and the factors."""
        if self.way in ("sample", "suggest"):
            return [_OwnTable(self.way, self.axes)] if self.axes else []
        listed = [axis for axis in self.axes if axis.kind not in DISTRIBUTIONS]
        drawn = [axis for axis in self.axes if axis.kind in DISTRIBUTIONS]
        parts = [_OwnTable(self.way, listed), _OwnTable("sample", drawn)]
        return [part for part in parts if part.axes] or ([] if self.factors else parts[:1])

    def _make(self) -> pd.DataFrame | RefusedError:
        where = self.where.strip() or None
        try:
            with warnings.catch_warnings():
                if self.note:  # which says the same
                    warnings.simplefilter("ignore", TorcFramesWarning)
                parts = self._tables
                if len(parts) == 1 and not self.factors:
                    return self._table(parts[0], where)
                own = [self._table(part, None) for part in parts]
                return product(*(self.tables[name] for name in self.factors), *own, where=where)
        except (TorcFramesError, ImportError, TypeError, ValueError) as error:
            return RefusedError(str(error))  # what a query gives may be anything

    def _table(self, part: _OwnTable, where: str | None) -> pd.DataFrame:
        sources: dict[str, Any] = {axis.name: axis.meant().source for axis in part.axes}
        n, seed = self._sampled or 0, whole(self.seed, "seed")
        if part.way == "sample":
            return sample(n, sources, method=self.method, seed=seed, where=where)
        if part.way == "suggest" and self.workflow is not None:
            metric: str = self.metric.strip()
            return suggest(
                self.workflow, sources, n, metric=metric, direction=self.direction, seed=seed, where=where
            )
        make: Callable[..., pd.DataFrame] = grid if part.way == "grid" else zip_
        return make(where=where, **sources)

    def _call_code(self, part: _OwnTable, where: list[str], indent: str) -> str:
        codes = {axis.name: axis.meant().code for axis in part.axes}
        if part.way in ("sample", "suggest"):
            inner = f"{indent}    "
            lines = "".join(f"{inner}    {name!r}: {code},\n" for name, code in codes.items())
            space = f"{{\n{lines}{inner}}}"
            n, seed = str(self._sampled or 0), f"seed={whole(self.seed, 'seed')}"
            if part.way == "sample":
                return _call("tf.sample", [n, space, f"method={self.method!r}", seed, *where], indent)
            aim = [f"metric={self.metric.strip()!r}", f"direction={self.direction!r}"]
            return _call("tf.suggest", ["wf", space, n, *aim, seed, *where], indent)
        if all(map(_is_name, codes)):
            parts = [f"{name}={code}" for name, code in codes.items()]
        else:  # all in one, in their order, of which the last one changes fastest
            parts = [f"**{{{', '.join(f'{name!r}: {code}' for name, code in codes.items())}}}"]
        return _call("tf.grid" if part.way == "grid" else "tf.zip_", [*parts, *where], indent)


class _OwnTable(NamedTuple):
    """Axes that make a table of their own, and how."""

    way: Way
    axes: list[Axis]


def _call(name: str, parts: Iterable[str], indent: str) -> str:
    lines = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{name}(\n{lines}{indent})" if lines else f"{name}()"


def _is_name(name: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(name)) and not keyword.iskeyword(name)
