"""A summary as printing reads it: keys, metrics, statistics, and the jobs that do not count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.tabulation.configurations import PARAMS, SUMMARY, named, numbers, resolve

__all__ = ["WORKFLOW", "Floats", "Summarized", "by_name", "is_summary", "read"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
T = TypeVar("T")

WORKFLOW = "workflow_name"
"""The column of a table of several workflows that says of which a row is."""

_COUNTS = ("jobs", "failed", "unfinished", "stale")


@dataclass(frozen=True, slots=True, eq=False)
class Summarized:
    """A frame of `torc_frames.summarize`, and what its columns are.

    Attributes
    ----------
    frame : DataFrame
        A row a configuration.
    keys, metrics, others, over : list of str
        The columns of parameters, the names of metrics without a statistic, of those that are wanted and of
        the others, and the parameters over which it was summarized.
    constants : mapping
        What was left out, as it has one value, by column.
    """

    frame: pd.DataFrame
    keys: list[str]
    metrics: list[str]
    others: list[str]
    over: list[str]
    constants: Mapping[str, Any]

    def stat(self, metric: str, name: str) -> Floats:
        """Return a statistic of a metric, NaN where there is none."""
        column = f"{metric}.{name}"
        if column not in self.frame:
            return np.full(len(self.frame), math.nan)
        return numbers(self.frame[column]).to_numpy()

    def lost(self) -> dict[str, int]:
        """Return how many jobs there are, and how many do not count, by reason."""
        there = [name for name in _COUNTS if name in self.frame]
        return {name: int(numbers(self.frame[name]).fillna(0).sum()) for name in there}


def is_summary(frame: pd.DataFrame, center: str, is_to_be_summarized: bool) -> bool:
    """Return whether a frame is a summary: it has such columns, and is not said or seen to be one of jobs."""
    if is_to_be_summarized or "status" in named(frame):
        return False
    return SUMMARY in frame.attrs or any(name.endswith(f".{center}") for name in named(frame))


def read(
    frame: pd.DataFrame, wanted: str | Iterable[str] | None, center: str, spread: str | None
) -> Summarized:
    """Return what the columns of a summary are, with the metrics that are wanted.

    Raises
    ------
    RefusedError
        For a metric that there is not, and if the statistics of center and spread are not there.
    """
    names, said = named(frame), frame.attrs.get(SUMMARY, {})
    ending = f".{center}"
    known = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    stats = said.get("stats") or [center, spread]
    if lacking := [
        f"{what}={stat!r}"
        for what, stat in (("center", center), ("spread", spread))
        if stat and stat not in stats
    ]:
        raise RefusedError(f"the summary has no {' and '.join(lacking)}, but {shorten(map(repr, stats))}")
    if not known:
        raise RefusedError("there is no metric: results that are numbers, such as results.loss")
    one = [wanted] if isinstance(wanted, str) else wanted
    metrics = known if one is None else [_metric(known, name) for name in dict.fromkeys(one)]
    keys = [name for name in names if name.startswith(PARAMS) or name == WORKFLOW]
    if not keys and not said:  # a frame that was made by pandas alone
        keys = [name for name in names if name.rpartition(".")[0] not in known and name not in _COUNTS]
    over = said.get("over") or []
    return Summarized(
        frame,
        keys,
        metrics,
        [name for name in known if name not in metrics],
        [over] if isinstance(over, str) else list(over),
        dict(said.get("constants") or {}),
    )


def _metric(metrics: Sequence[str], name: str) -> str:
    return resolve(pd.DataFrame(columns=list(metrics)), name, what="metric")


def by_name(given: Mapping[str, T] | None, names: Sequence[str], what: str) -> dict[str, T]:
    """Return an option's values by the whole names of columns, which may be given short.

    Raises
    ------
    RefusedError
        For a name that there is not.
    """
    if given is not None and not isinstance(given, Mapping):
        raise RefusedError(f"{what}={given!r}: give values by name, such as {what}={{'loss': …}}")
    there = pd.DataFrame(columns=list(names))
    return {resolve(there, name, what=f"name in {what}="): value for name, value in (given or {}).items()}
