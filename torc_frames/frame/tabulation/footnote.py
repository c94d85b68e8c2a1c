"""What a printed table was made of, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from torc_frames.errors import counted, shorten
from torc_frames.frame.tabulation.cells import plain, value_texts
from torc_frames.frame.tabulation.configurations import labels
from torc_frames.frame.tabulation.metric_columns import MetricColumn, counting
from torc_frames.frame.tabulation.summarized import Summarized
from torc_frames.frame.tabulation.wishes import Wishes

__all__ = ["Tests", "footnote"]

_STATS = {
    "mean": "mean",
    "median": "median",
    "iqm": "interquartile mean",
    "std": "standard deviation",
    "sem": "standard error of the mean",
    "ci95": "half width of the 95 % confidence interval by Student's t",
    "iqr": "interquartile range",
    "min": "minimum",
    "max": "maximum",
}


@dataclass(slots=True)
class Tests:
    """Which tests were made: against what, and how often by which."""

    level: float
    baseline: str = ""
    how: Counter[str] = field(default_factory=Counter)


def footnote(
    summary: Summarized,
    wishes: Wishes,
    columns: Sequence[MetricColumn],
    tests: Tests,
    called: Mapping[str, str],
) -> str:
    """Return what stands below a table: what its numbers are, of how many jobs, and which are lost."""
    sentences = [
        _numbers(summary, wishes, columns),
        _lost(summary, columns, called),
        _infinite(columns),
        _constants(summary, wishes),
        _marked(wishes, columns),
        _tested(wishes, tests),
    ]
    return plain(" ".join(f"{text[0].upper()}{text[1:]}." for text in sentences if text))


def _numbers(summary: Summarized, wishes: Wishes, columns: Sequence[MetricColumn]) -> str:
    where = counting(columns)
    counts = np.array([column.counts for column in columns], dtype=float)
    most = 0 if where == "unknown" else int(np.nanmax(counts))
    jobs = {
        "unknown": "",
        "same": f" (n = {most})",
        "column": " (n jobs)",
        "brackets": f" (n = {most}, or as in brackets)",
    }[where]
    if most == 1:
        return "" if where == "same" else f"values of single jobs{jobs}"
    center = _STATS.get(wishes.center, wishes.center)
    over = f" over {', '.join(labels(summary.over).values())}" if summary.over else ""
    if all(np.isnan(column.spreads).all() for column in columns):
        return f"{center}{over}{jobs}"
    spread = _STATS.get(wishes.spread or "", str(wishes.spread))
    both = f"{center} ({spread})" if wishes.spread == "iqr" else f"{center} ± {spread}"
    alone = "; a single job has no spread" if (counts == 1).any() else ""
    return f"{both}{over}{jobs}{alone}"


def _lost(summary: Summarized, columns: Sequence[MetricColumn], called: Mapping[str, str]) -> str:
    """Return how many jobs do not count: by reason, and by metric those that completed without it."""
    lost = summary.lost()
    jobs = lost.pop("jobs", 0)
    said = [
        f"{count} {reason if reason != 'unfinished' else 'not finished'}"
        for reason, count in lost.items()
        if count
    ]
    completed = jobs - sum(lost.values())
    for column in columns:
        if jobs and not np.isnan(column.counts).all():
            missing = completed - int(np.nansum(column.counts))
            said += [f"{missing} without {called[column.name]}"] if missing > 0 else []
    return f"of {counted(jobs, 'job')} not counted: {', '.join(said)}" if said else ""


def _infinite(columns: Sequence[MetricColumn]) -> str:
    return (
        "∞: a job gave an infinite value" if any(np.isinf(column.centers).any() for column in columns) else ""
    )


def _constants(summary: Summarized, wishes: Wishes) -> str:
    if not wishes.constants or not summary.constants:
        return ""
    called = labels(summary.constants) | dict(wishes.labels or {})
    texts = {name: value_texts(pd.Series([value]))[0] for name, value in summary.constants.items()}
    return f"in all rows {shorten(f'{called[name]} = {text}' for name, text in texts.items())}"


def _marked(wishes: Wishes, columns: Sequence[MetricColumn]) -> str:
    marks = {mark for column in columns for mark in column.marks}
    if "best" not in marks:
        return ""
    if wishes.bold == "not worse":
        return f"bold: the best, and what is not significantly worse (p ≥ {wishes.level:g})"
    return "best bold" + (", second underlined" if "second" in marks else "")


def _tested(wishes: Wishes, tests: Tests) -> str:
    """Return which tests were made, and how many could not be."""
    if not tests.how:
        return ""
    names = {"paired": "paired t-test", "Welch": "Welch's t-test"}
    made = [name for how, name in names.items() if tests.how[how]]
    if len(made) > 1:
        made = [f"{name} ({tests.how[how]})" for how, name in names.items()]
    sign = f"* differs from {tests.baseline}, p < {wishes.level:g}: " if tests.baseline else ""
    by = f"{sign}{' and '.join(made)}, Holm's correction within a column" if made else ""
    none = tests.how["none"]
    against = f" against {tests.baseline}" if tests.baseline and not made else ""
    untested = f"{none} not tested{against} (n < 2, infinite, or no variation)" if none else ""
    return "; ".join(filter(None, (by, untested)))
