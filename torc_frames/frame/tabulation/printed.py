"""A summary as it is printed: headings, cells with their marks, and the footnote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.tabulation.cells import PrintedCell, plain, value_texts
from torc_frames.frame.tabulation.comparisons import Baseline, Samples
from torc_frames.frame.tabulation.configurations import labels
from torc_frames.frame.tabulation.footnote import Tests, footnote
from torc_frames.frame.tabulation.marks import Mark
from torc_frames.frame.tabulation.metric_columns import MetricColumn, counting, metric_columns
from torc_frames.frame.tabulation.summarized import WORKFLOW, Summarized
from torc_frames.frame.tabulation.wishes import Wishes

__all__ = ["Printed", "PrintedColumn", "printed"]


class PrintedColumn(NamedTuple):
    """A column of cells below its heading, and below that of its group."""

    group: str
    heading: str
    cells: tuple[PrintedCell, ...]
    is_number: bool


@dataclass(frozen=True, slots=True)
class Printed:
    """Columns, of which the first `keys` say what a row is; the caption and the footnote.

    `p_values` are those of each metric that was compared with a baseline, corrected by Holm.
    """

    columns: tuple[PrintedColumn, ...]
    keys: int
    caption: str
    foot: str
    p_values: dict[str, list[float]] = field(default_factory=dict)

    def groups(self) -> list[tuple[str, int, int]]:
        """Return the groups with their first column and that after their last; none if no column has one."""
        found: list[tuple[str, int, int]] = []
        for at, column in enumerate(self.columns):
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1], at + 1)
            else:
                found.append((column.group, at, at + 1))
        return found if any(group for group, *_ in found) else []

    def rows(self) -> list[tuple[PrintedCell, ...]]:
        """Return the cells row by row; what stands above, in the first columns, is not said again."""
        rows = list(zip(*(column.cells for column in self.columns), strict=True))
        said: list[tuple[PrintedCell, ...]] = []
        for at, row in enumerate(rows):
            same = 0
            while at and same < self.keys - 1 and row[same] == rows[at - 1][same]:
                same += 1
            said.append((*[PrintedCell("")] * same, *row[same:]))
        return said


def printed(summary: Summarized, asked: Wishes, table: pd.DataFrame | None) -> Printed:
    """Return what is printed of a summary; `table` has the jobs, for tests.

    Raises
    ------
    RefusedError
        For names that there are not, values that an option does not take, and tests without the jobs.
    """
    wishes = asked.of(summary)
    columns = metric_columns(summary, wishes)
    tests = Tests(wishes.level)
    called = labels([*summary.keys, *summary.metrics])
    if "workflow" not in called.values():
        called[WORKFLOW] = "workflow"
    called |= dict(wishes.labels or {})
    p_values = _test(summary, wishes, columns, table, tests, called)
    front = [
        PrintedColumn(
            "",
            _with_unit(called[key], wishes, key),
            _texts(summary.frame[key]),
            _is_number(summary.frame[key]),
        )
        for key in summary.keys
    ]
    where = counting(columns)
    keys = len(front)
    if where == "column":
        cells = tuple(PrintedCell(f"{count:.0f}") for count in columns[0].counts)
        front.append(PrintedColumn("", "n jobs" if "n" in called.values() else "n", cells, True))
    full = int(np.nanmax([column.counts for column in columns])) if where == "brackets" else None
    whole = [
        *front,
        *(PrintedColumn(plain(c.group), c.heading(called[c.name]), c.cells(full), True) for c in columns),
    ]
    _check(whole)
    foot = footnote(summary, wishes, columns, tests, called)
    return Printed(tuple(whole), keys, plain(wishes.caption), foot, p_values)


def _with_unit(label: str, wishes: Wishes, key: str) -> str:
    unit = (wishes.units or {}).get(key)
    return plain(f"{label} ({unit})" if unit else label)


def _texts(values: pd.Series) -> tuple[PrintedCell, ...]:
    return tuple(PrintedCell(text) for text in value_texts(values))


def _is_number(values: pd.Series) -> bool:
    return values.dtype.kind in "iuf" and not isinstance(values.dtype, pd.CategoricalDtype)


def _check(columns: Sequence[PrintedColumn]) -> None:
    heads = pd.Series([(column.group, column.heading) for column in columns], dtype=object)
    if heads.duplicated().any():
        twice = [heading for _, heading in heads[heads.duplicated()]]
        raise RefusedError(f"labels=: two columns would be called {shorten(map(repr, twice))}")


def _test(
    summary: Summarized,
    wishes: Wishes,
    columns: Sequence[MetricColumn],
    table: pd.DataFrame | None,
    tests: Tests,
    called: Mapping[str, str],
) -> dict[str, list[float]]:
    """Set signs and marks of columns by tests; return the p-values against the baseline."""
    if wishes.baseline is None and wishes.bold != "not worse":
        return {}
    if table is None:
        raise RefusedError("tests need the jobs: give table=, or tabulate the table of jobs with over=")
    samples, p_values = Samples(summary, table), {}
    if wishes.baseline is not None:
        baseline = Baseline(summary, wishes.baseline, called)
        tests.baseline = baseline.label
        for column in columns:
            found = samples.compare(column.name, baseline.against)
            column.signs = ["*" if p < wishes.level else "" for p in found.p]
            p_values[column.name] = found.p
            tests.how.update(found.how)
    if wishes.bold == "not worse":
        for column in columns:
            _mark_not_worse(column, samples, wishes.level, tests)
    return p_values


def _mark_not_worse(column: MetricColumn, samples: Samples, level: float, tests: Tests) -> None:
    """Mark the best of a column, and what was tested against it and is not significantly worse."""
    numbers = column.as_read()
    known = np.where(np.isfinite(numbers), numbers, np.nan)
    if column.better is None or np.isnan(known).all():
        return
    best = int(np.nanargmin(known) if column.better == "min" else np.nanargmax(known))
    others = [None if row == best or np.isnan(known[row]) else best for row in range(len(known))]
    found = samples.compare(column.name, others)
    tests.how.update(found.how)
    marked: list[Mark] = [
        "best" if p >= level or at == best or number == known[best] else ""
        for at, (p, number) in enumerate(zip(found.p, known, strict=True))
    ]
    column.marks = marked if not all(marked) else [""] * len(marked)
