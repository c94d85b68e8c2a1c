"""Which columns of a table are shown, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from torc_frames.store.records import OF_TORC

__all__ = ["OF_JOBS", "Arrangement"]

OF_JOBS = frozenset(
    {
        *("command", "num_cpus", "num_gpus", "memory", "runtime", "run_id"),
        *("return_code", "start_time", "end_time", "exec_time_minutes"),
        *OF_TORC,
    }
)
"""What a table has of jobs only if it is asked for."""

_HIDDEN = OF_JOBS | {"results.error.traceback"}
"""What says least about the results of jobs."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """All columns in their order, and those of them that are hidden, each with its place."""

    order: tuple[str, ...]
    hidden: frozenset[str] = _HIDDEN

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Arrangement:
        """Return the columns of a table as they come."""
        return cls(tuple(map(str, frame.columns)))

    @classmethod
    def by_use(
        cls, frame: pd.DataFrame, objective: str | None, hidden: frozenset[str] = _HIDDEN
    ) -> Arrangement:
        """Return them as they are looked at: the objective, other results, parameters, and what jobs are.

        Examples
        --------
        >>> import pandas as pd
        >>> names = ["status", "params.n", "results.loss", "results.score"]
        >>> Arrangement.by_use(pd.DataFrame(columns=names), "results.score").shown
        ('results.score', 'results.loss', 'params.n', 'status')
        """

        def use(name: str) -> int:
            if name == objective:
                return 0
            starts = ("results.", "params.")
            return next((at for at, start in enumerate(starts, 1) if name.startswith(start)), 3)

        return cls(tuple(sorted(map(str, frame.columns), key=use)), hidden)

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that are shown, in order."""
        return tuple(name for name in self.order if name not in self.hidden)

    def show(self, names: Iterable[str]) -> Arrangement:
        """Return it with some columns shown, where they were."""
        return replace(self, hidden=self.hidden.difference(names))

    def hide(self, names: Iterable[str]) -> Arrangement:
        """Return it with some columns hidden, but never all."""
        hidden = self.hidden.union(names)
        return self if hidden.issuperset(self.order) else replace(self, hidden=hidden)

    def move(self, names: Sequence[str], step: int) -> Arrangement:
        """Return it with some shown columns a place further to the left (-1) or to the right (1).

        Examples
        --------
        >>> Arrangement(("a", "b", "c", "d"), frozenset({"b"})).move(["d"], -1).shown
        ('a', 'd', 'c')
        >>> Arrangement(("a", "b", "c")).move(["a", "b"], 1).shown
        ('c', 'a', 'b')
        """
        shown = list(self.shown)
        places = sorted((shown.index(name) for name in names if name in shown), reverse=step > 0)
        for at in places:
            other = at + step
            if 0 <= other < len(shown) and shown[other] not in names:
                shown[at], shown[other] = shown[other], shown[at]
        moved = iter(shown)
        return replace(self, order=tuple(name if name in self.hidden else next(moved) for name in self.order))

    def fitting(self, frame: pd.DataFrame) -> Arrangement:
        """Return it for another table: new columns come after those that precede them there."""
        names = list(map(str, frame.columns))
        order = [name for name in self.order if name in set(names)]
        before = None
        for name in names:
            if name not in self.order:
                order.insert(0 if before is None else order.index(before) + 1, name)
            before = name
        return replace(self, order=tuple(order))
