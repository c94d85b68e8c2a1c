"""What is asked of a table besides its columns: a result to rank by, and filters by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.widgets.results.model import meaning, one_of, without_results
from torc_frames.workflow.report.ranks import Mode, objective_of

__all__ = ["Chosen", "Goal", "Narrowed", "Summary", "best_first", "goal_of", "ranked"]


@dataclass(frozen=True, slots=True)
class Goal:
    """The result that rows are ranked by, and which end of it is best."""

    name: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A part of a heading's histogram, from 0 to 1, and the filter that it is."""

    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is of a table at a glance."""

    jobs: int
    statuses: dict[str, int]
    """How many jobs have each status, the most frequent first."""

    without_results: int
    stale: int = 0
    """How many show results of other parameters than stand beside them."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows are shown: those with one of the statuses, if any, that meet all the rest."""

    statuses: tuple[str, ...] = ()
    without_results: bool = False
    filters: tuple[str, ...] = ()
    """Texts of `torc_frames.select`."""

    stale: bool = False

    def all(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """Return all of it as filters of a table."""
        statuses = (one_of("status", self.statuses),) if self.statuses else ()
        bare = (without_results(frame),) if self.without_results else ()
        stale = ("stale",) if self.stale else ()
        return (*statuses, *bare, *stale, *self.filters)


def goal_of(frame: pd.DataFrame, objective: str | None, mode: Mode | None) -> Goal | None:
    """Return what rows are ranked by; see `objective_of`."""
    found = objective_of(frame, objective, mode)
    if found is not None and found.name not in ranked(frame):  # numbers among other things
        if objective is not None:
            raise RefusedError(f"objective {found.name!r} is of dtype object: it can't be ranked")
        return None
    return None if found is None else Goal(found.name, found.mode or "min")


def ranked(frame: pd.DataFrame) -> set[str]:
    """Return the columns that rows can be ranked by."""
    return {str(name) for name in frame.columns if meaning(frame[name]) == "number"}


def best_first(goal: Goal | None) -> tuple[str, bool] | None:
    """Return how rows are sorted by it."""
    return None if goal is None else (goal.name, goal.mode == "min")
