"""A workflow's table being looked at: what is asked of it, and what that shows."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from torc_frames.errors import RefusedError, counted, shorten
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError
from torc_frames.frame.tabulation.configurations import standing
from torc_frames.widgets.results.arrangement import OF_JOBS, Arrangement
from torc_frames.widgets.results.asked import Chosen, Narrowed, Summary, best_first, goal_of, ranked
from torc_frames.widgets.results.axes import Axes, First, Ranges, floats, suggested
from torc_frames.widgets.results.model import (
    KEY,
    Aggregate,
    Query,
    one_of,
)
from torc_frames.widgets.results.profiles import Profile
from torc_frames.widgets.results.whole import Whole
from torc_frames.workflow.report.ranks import Mode
from torc_frames.workflow.workflow import Workflow

__all__ = ["Exploration"]

_Places = npt.NDArray[np.intp]


class Exploration:
    """What is shown of ``wf.table(job_columns=True)``; each change is told to those who asked for that.

    Parameters
    ----------
    workflow : Workflow
    objective : str, optional
        The result that rows are ranked and sorted by. Default: the first whose name says its better end, else
        the first that has several values.
    mode : {"min", "max"}, optional
        Which end of it is best. Default: as its name says, else "min".
    on_clash, on_error
        As for `Workflow.table`.

    Attributes
    ----------
    frame : DataFrame
        The whole table, as it was pulled last.
    goal : Goal or None
        What rows are ranked by.
    ranges : dict
        What is brushed, see `brush`.
    lock : threading.RLock
        Held while something changes, and by whoever reads several things that belong together.

    Raises
    ------
    RefusedError
        For an objective that is no column of numbers.
    """

    def __init__(
        self,
        workflow: Workflow,
        objective: str | None = None,
        mode: Mode | None = None,
        *,
        on_clash: OnClash = "names",
        on_error: OnError = "raise",
    ) -> None:
        self.lock = threading.RLock()
        # One of its own: what is read here is not what `Workflow.refresh` would refresh.
        self.workflow = copy(workflow)
        self._table = Whole(
            self.workflow.table(job_columns=True, on_clash=on_clash, on_error=on_error, show_progress=False)
        )
        self.goal = goal_of(self.frame, objective, mode)
        self.arrangement = Arrangement.by_use(self.frame, self._objective)
        given = {"on_clash": (on_clash, "names"), "on_error": (on_error, "raise")}
        self._options = [f"{name}={value!r}" for name, (value, default) in given.items() if value != default]
        self._callbacks: list[Callable[[], None]] = []
        self._chosen = Chosen()
        self.ranges: dict[str, tuple[float, float]] = {}
        self._narrowed: dict[str, Narrowed] = {}
        self._rows, self._kept, self._picked = self.frame, None, None
        self._places, self._best = None, None
        self._take(Query(columns=self.arrangement.shown, sort=best_first(self.goal)))

    _rows: pd.DataFrame
    _kept: _Places | None
    _picked: npt.NDArray[np.bool_] | None
    _places: _Places | None
    _best: int | None
    _query: Query
    _shown: pd.DataFrame
    _of: tuple[Whole, tuple[str, ...]] | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The whole table, as it was pulled last."""
        return self._table.frame

    @property
    def _objective(self) -> str | None:
        return None if self.goal is None else self.goal.name

    # what is shown

    @property
    def query(self) -> Query:
        """All that is asked."""
        return self._query

    @property
    def shown(self) -> pd.DataFrame:
        """What is shown, which is not to be changed; see `value`."""
        return self._shown

    @property
    def value(self) -> pd.DataFrame:
        """What is shown, as a frame of the caller's own."""
        return self._shown.copy()

    @property
    def chosen(self) -> pd.DataFrame:
        """The rows that meet the filters, all columns, in the table's order; not to be changed."""
        return self._rows

    @property
    def kept(self) -> _Places | None:
        """Where the rows of `chosen` are in `frame`; None for all."""
        return self._kept

    @property
    def code(self) -> str:
        """The Python that makes `value` of ``wf``."""
        with self.lock:
            return self._code(self._query)

    def _code(self, query: Query) -> str:
        frame, options = self.frame.drop(columns=list(OF_JOBS), errors="ignore"), self._options
        if query.fitting(frame) != (query, []):
            frame, options = self.frame, ["job_columns=True", *options]
        return query.code(frame, f"wf.table({', '.join(options)})")

    @property
    def summary(self) -> Summary:
        """What there is, filters aside."""
        return self._table.summary

    @property
    def told(self) -> str:
        """One line about what is shown."""
        with self.lock:
            chosen, whole = len(self.chosen), len(self.frame)
            jobs = counted(whole, "job") if chosen == whole else f"{chosen:,} of {counted(whole, 'job')}"
            return f"{counted(len(self._shown), 'group')} of {jobs}" if self._query.groups else jobs

    @property
    def places(self) -> _Places | None:
        """Where the rows of `shown` are in `chosen`; None for groups."""
        if self._places is None and not self._query.groups:
            self._places = _where(self._rows, self._shown)
        return self._places

    def place_of(self, key: str) -> int | None:
        """Return where a job is in `chosen`, None if it is not."""
        found = int(self._rows.index.get_indexer(pd.Index([key]))[0])
        return None if found < 0 else found

    @property
    def best(self) -> int | None:
        """Where the best row is in `chosen`, None if there is none.

        As `torc_frames.best` has it: only jobs count that completed with the parameters that they have.
        """
        if self._best is None and self.goal is not None:
            values = np.where(standing(self._rows).counted, floats(self._rows[self.goal.name]), math.nan)
            find = np.nanargmin if self.goal.mode == "min" else np.nanargmax
            self._best = -1 if np.isnan(values).all() else int(find(values))
        return None if self._best in (None, -1) else self._best

    # what is drawn

    @property
    def axes(self) -> Axes:
        """The columns of `frame` as axes."""
        return self._table.axes

    @property
    def drawable(self) -> list[str]:
        """The columns that can be drawn."""
        return self._table.drawable

    @property
    def first(self) -> First:
        """What to draw first."""
        return suggested(self.frame, self._objective, self.drawable)

    def profile(self, name: str) -> Profile:
        """Return how a column of `frame` lies."""
        return self._table.profile(name)

    @property
    def picked(self) -> npt.NDArray[np.bool_] | None:
        """Which rows of `chosen` are brushed; None if nothing is."""
        return self._picked

    @property
    def brushed(self) -> pd.DataFrame:
        """The rows that are brushed, with all columns, in the order that is shown."""
        with self.lock:
            picked, places = self._picked, self.places
            if picked is None:
                return self._rows.iloc[:0].copy()
            return self._rows.iloc[np.flatnonzero(picked) if places is None else places[picked[places]]]

    def brush(self, ranges: Ranges) -> None:
        """Pick the rows within all ranges of columns; without ranges, none.

        Of columns of few values the ends are places among these, of times seconds since the first.

        Raises
        ------
        RefusedError
            For what can't be drawn, and ends that are no numbers; nothing changes then.
        """
        with self.lock:
            for name, ends in ranges.items():
                if not all(map(math.isfinite, ends)):
                    raise RefusedError(f"a brush of {name!r} from {ends[0]} to {ends[1]}: give numbers")
            self._picked = self._pick(ranges)
            self.ranges = dict(ranges)
            self._tell()

    def keep_brushed(self) -> None:
        """Make filters of what is brushed."""
        with self.lock:
            if self.ranges:
                made = self.axes.filters(self.ranges)
                self.ranges, self._picked = {}, None
                self.choose(replace(self._chosen, filters=(*self._chosen.filters, *made)))

    def code_of(self, keys: pd.Index | None) -> str:
        """Return the Python that makes a frame of what is brushed, or of some jobs; with all columns."""
        with self.lock:
            if keys is not None:
                told = self._code(Query())
                return f"{told}\ndf = df.loc[{[str(key) for key in keys]!r}]"
            made = self.axes.filters(self.ranges)
            sort = None if self._query.groups else self._query.sort
            return self._code(Query((*self._query.filters, *made), sort=sort))

    def _pick(self, ranges: Ranges) -> npt.NDArray[np.bool_] | None:
        if not ranges:
            return None
        within = self.axes.within(ranges)
        return within if self._kept is None else within[self._kept]

    # what is asked

    @property
    def asked(self) -> Chosen:
        """Which rows are shown."""
        return self._chosen

    @property
    def narrowed(self) -> dict[str, Narrowed]:
        """The parts of headings' histograms that are filters, by column."""
        return {name: one for name, one in self._narrowed.items() if one.text in self._chosen.filters}

    def aim(self, objective: str, mode: Mode | None = None) -> None:
        """Rank rows by another result, sort them so, and show it first.

        Raises
        ------
        RefusedError
            If it is no column of numbers.
        """
        with self.lock:
            goal = goal_of(self.frame, objective, mode)
            assert goal is not None
            self.goal = goal
            order = (goal.name, *(name for name in self.arrangement.order if name != goal.name))
            self.arrangement = Arrangement(order, self.arrangement.hidden - {goal.name})
            sort = self._query.sort if self._query.groups else best_first(goal)
            self._set(replace(self._query, columns=self.arrangement.shown, sort=sort))

    def narrow(self, name: str, low: float, high: float) -> None:
        """Filter by a part of a column's histogram, its ends from 0 to 1; all of it takes that back."""
        with self.lock:
            if name not in self.frame:
                raise RefusedError(f"there is no column {name!r}")
            text = self.profile(name).filter(self.frame, min(low, high), max(low, high))
            before = self._narrowed.pop(name, None)
            rest = tuple(one for one in self._chosen.filters if before is None or one != before.text)
            if text is not None:
                self._narrowed[name] = Narrowed(min(low, high), max(low, high), text)
                rest = (*(one for one in rest if one != text), text)
            self.choose(replace(self._chosen, filters=rest))

    def where(self, text: str) -> None:
        """Filter by a text of `torc_frames.select`, besides what is filtered by already."""
        with self.lock:
            rest = tuple(one for one in self._chosen.filters if one != text)
            self.choose(replace(self._chosen, filters=(*rest, text)))

    def drop(self, text: str) -> None:
        """Filter by a text no longer."""
        with self.lock:
            rest = tuple(one for one in self._chosen.filters if one != text)
            self.choose(replace(self._chosen, filters=rest))

    def choose(self, chosen: Chosen) -> None:
        """Show these rows only.

        Raises
        ------
        RefusedError
            For columns that there are not; nothing changes then.
        """
        with self.lock:
            self._set(replace(self._query, filters=chosen.all(self.frame)), chosen)

    def toggle_status(self, status: str) -> None:
        """Show jobs of a status, besides others that were chosen; again: no longer."""
        with self.lock:
            rest = tuple(one for one in self._chosen.statuses if one != status)
            there = status in self._chosen.statuses
            self.choose(replace(self._chosen, statuses=rest if there else (*rest, status)))

    def toggle_without_results(self) -> None:
        """Show jobs without results only; again: no longer."""
        with self.lock:
            self.choose(replace(self._chosen, without_results=not self._chosen.without_results))

    def toggle_stale(self) -> None:
        """Show jobs only whose parameters changed since their run; again: no longer."""
        with self.lock:
            self.choose(replace(self._chosen, stale=not self._chosen.stale))

    def group(self, groups: tuple[str, ...], aggregates: tuple[Aggregate, ...] = ()) -> None:
        """Show groups of rows and aggregates of their values; without groups, rows.

        Raises
        ------
        RefusedError
            For what the columns' dtypes don't allow; nothing changes then.
        """
        with self.lock:
            fit = replace(self._query, groups=groups, aggregates=aggregates, sort=None)
            self._set(fit)

    def sort(self, name: str, ascending: bool | None) -> None:
        """Sort what is shown by one of its columns; None for the order of the table."""
        with self.lock:
            self._set(replace(self._query, sort=None if ascending is None else (name, ascending)))

    def arrange(self, arrangement: Arrangement) -> None:
        """Show these columns, in this order."""
        with self.lock:
            query = replace(self._query, columns=arrangement.shown)
            if not query.groups and query.sort is not None and query.sort[0] not in (*arrangement.shown, KEY):
                query = replace(query, sort=None)
            self.arrangement = arrangement
            self._set(query)

    def refresh(self) -> str:
        """Show what the store has now, asked the same, and return in words what changed.

        Raises
        ------
        TorcFramesError
            If the store can't be read; what is shown stays.
        """
        now = self.workflow.refresh(self.frame)
        with self.lock:
            before = self.arrangement.fitting(now.frame)
            self._table = Whole(now.frame)
            goal = self.goal
            if goal is None or goal.name not in ranked(now.frame):
                goal = goal_of(now.frame, None, None)
            if goal != self.goal:
                before = Arrangement.by_use(now.frame, None if goal is None else goal.name, before.hidden)
            self.arrangement = before
            fit, lost = replace(self._query, filters=self._chosen.filters).fitting(now.frame)
            if goal != self.goal and not fit.groups:
                fit = replace(fit, sort=best_first(goal))
            self.goal = goal
            there = set(now.frame["status"].unique())
            lost += [one_of("status", [status]) for status in self._chosen.statuses if status not in there]
            statuses = tuple(status for status in self._chosen.statuses if status in there)
            chosen = replace(self._chosen, statuses=statuses, filters=fit.filters)
            self.ranges = self._fitting_ranges()
            self._set(replace(fit, filters=chosen.all(now.frame), columns=self.arrangement.shown), chosen)
        changes = {"added": now.added, "updated": now.updated, "removed": now.removed}
        said = ", ".join(f"{len(keys):,} {how}" for how, keys in changes.items() if keys) or "nothing changed"
        return f"{said}; no longer possible: {shorten(lost)}" if lost else said

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after each change, with `lock` held."""
        self._callbacks.append(callback)

    def _fitting_ranges(self) -> dict[str, tuple[float, float]]:
        """Return what of a brush is still of columns that can be drawn."""
        return {name: ends for name, ends in self.ranges.items() if name in self.drawable}

    def _set(self, query: Query, chosen: Chosen | None = None) -> None:
        self._take(query)
        self._chosen = chosen or self._chosen
        self._tell()

    def _take(self, query: Query) -> None:
        of = (self._table, query.filters)
        same = self._of is not None and self._of[0] is of[0] and self._of[1] == of[1]
        rows = self._rows if same else query.filtered(self.frame) if query.filters else self.frame
        self._shown = replace(query, filters=()).apply(rows)
        if not same:
            self._rows, self._of = rows, of
            self._kept = _where(self.frame, rows) if query.filters else None
            self._picked = self._pick(self.ranges)
        self._query, self._places, self._best = query, None, None

    def _tell(self) -> None:
        for callback in list(self._callbacks):
            callback()


def _where(frame: pd.DataFrame, part: pd.DataFrame) -> _Places:
    """Return where the rows of a part of a frame are in it; keys of jobs are there once."""
    return frame.index.get_indexer(part.index)
