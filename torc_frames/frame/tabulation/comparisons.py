"""Each configuration against a baseline, or against the best one, by its jobs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.dtypes import encode
from torc_frames.frame.tabulation.cells import value_texts
from torc_frames.frame.tabulation.configurations import configurations, numbers, standing
from torc_frames.frame.tabulation.significance import Tested, holm, t_test
from torc_frames.frame.tabulation.summarized import Summarized, by_name
from torc_frames.frame.values import canonical

__all__ = ["Baseline", "Comparisons", "Samples"]


class Comparisons(NamedTuple):
    """P-values of a column, corrected by Holm, NaN where nothing was tested; and how often by which test."""

    p: list[float]
    how: Counter[str]


class Samples:
    """The values of each row of a summary, by the jobs that it was made of."""

    def __init__(self, summary: Summarized, table: pd.DataFrame) -> None:
        missing = [name for name in (*summary.keys, *summary.over, *summary.metrics) if name not in table]
        if missing:
            raise RefusedError(
                f"table= has no column {shorten(map(repr, missing))}: give what was summarized"
            )
        found = configurations(table, summary.keys)
        self._rows_of = dict(
            zip(_texts(table.iloc[found.first], summary.keys), range(len(found)), strict=True)
        )
        self._of_row = found.of_row
        self._keys = _texts(summary.frame, summary.keys)
        self._counted = standing(table).counted
        self._table = table
        seeds = configurations(table, summary.over)
        self._seeds = seeds.of_row if summary.over else None

    def compare(self, metric: str, against: Sequence[int | None]) -> Comparisons:
        """Compare each row with another one, None for no comparison."""
        values = numbers(self._table[metric]).to_numpy()
        rows = np.flatnonzero(self._counted & ~np.isnan(values))
        groups = pd.Series(rows).groupby(self._of_row[rows]).indices
        taken = {key: rows[groups[at]] for key, at in self._rows_of.items() if at in groups}
        results = [
            Tested(math.nan, "none") if other is None else self._tested(values, taken, row, other)
            for row, other in enumerate(against)
        ]
        asked = [result.how for result, other in zip(results, against, strict=True) if other is not None]
        return Comparisons(holm([result.p for result in results]), Counter(asked))

    def _tested(self, values: Any, taken: Mapping[str, Any], row: int, other: int) -> Tested:
        none = np.array([], dtype=np.intp)
        at = [taken.get(self._keys[each], none) for each in (row, other)]
        seeds: tuple[list[Hashable], list[Hashable]] | None = None
        if self._seeds is not None:
            seeds = (self._seeds[at[0]].tolist(), self._seeds[at[1]].tolist())
        return t_test(values[at[0]].tolist(), values[at[1]].tolist(), seeds)


class Baseline:
    """The row that each row of a summary is compared with: with the same parameters, but for those given."""

    def __init__(
        self, summary: Summarized, given: Mapping[str, Any] | int, called: Mapping[str, str]
    ) -> None:
        self.against: list[int | None]
        if isinstance(given, Mapping):
            chosen = by_name(given, [*summary.keys, *summary.constants], "baseline")
            rows, rest = self._rows(summary, chosen), [key for key in summary.keys if key not in chosen]
            texts = {name: value_texts(pd.Series([value]))[0] for name, value in chosen.items()}
            self.label = ", ".join(f"{called[name]} = {text}" for name, text in texts.items())
        else:
            rows, rest = [self._row(summary, given)], []
            self.label = f"row {rows[0] + 1}"
        others = _texts(summary.frame, rest if len(rows) > 1 else [])
        home = {others[row]: row for row in rows}
        if len(home) < len(rows):
            raise RefusedError(f"baseline={given!r}: several rows of it have the same other parameters")
        self.rows = frozenset(rows)
        self.against = [None if row in self.rows else home.get(text) for row, text in enumerate(others)]

    @staticmethod
    def _rows(summary: Summarized, chosen: Mapping[str, Any]) -> list[int]:
        if fixed := [name for name in chosen if name not in summary.keys]:
            raise RefusedError(f"baseline=: {shorten(map(repr, fixed))} is the same in all rows")
        names = list(chosen)
        wanted = canonical([encode(pd.Series([value]))[0][0] for value in chosen.values()])
        rows = [row for row, text in enumerate(_texts(summary.frame, names)) if text == wanted]
        if not rows or len(rows) == len(summary.frame):
            there = shorten(dict.fromkeys(_texts(summary.frame, names)))
            found = "all rows" if rows else "no row"
            raise RefusedError(f"baseline={dict(chosen)!r} is {found}; of {shorten(names)} there are {there}")
        return rows

    @staticmethod
    def _row(summary: Summarized, given: int) -> int:
        if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
            raise RefusedError(f"baseline={given!r}: give {{'method': 'exact'}}, or the position of a row")
        if not -len(summary.frame) <= given < len(summary.frame):
            raise RefusedError(f"baseline={given}: there are {len(summary.frame)} rows, from 0 on")
        return int(given) % len(summary.frame)


def _texts(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return what is equal for rows with the same cells; 1 is 1.0."""
    cells = [encode(frame[name])[0] for name in names]
    return [canonical(list(row)) for row in zip(*cells, strict=True)] if cells else ["[]"] * len(frame)
