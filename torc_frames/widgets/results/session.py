"""A workflow's table being looked at: what is asked of it, what that shows, and files of that."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pandas as pd

from torc_frames.errors import RefusedError, counted, shorten
from torc_frames.files.exports import write_csv, write_parquet
from torc_frames.files.sheets import write_sheet
from torc_frames.files.whole import written_whole
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import OnError
from torc_frames.frame.where import kept_by
from torc_frames.widgets.results.model import (
    KEY,
    OF_JOBS,
    Aggregate,
    Arrangement,
    Query,
    one_of,
    without_results,
)
from torc_frames.widgets.table.frames import FrameSource
from torc_frames.widgets.table.source import Change
from torc_frames.workflow.workflow import Workflow

__all__ = ["FORMATS", "Chosen", "Exploration", "ShownSource", "Summary", "export"]


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


class Exploration:
    """What is shown of ``wf.table(job_columns=True)``; each change is told to those who asked for that.

    Parameters
    ----------
    workflow : Workflow
    on_clash, on_error
        As for `Workflow.table`.

    Attributes
    ----------
    frame : DataFrame
        The whole table, as it was pulled last.
    lock : threading.RLock
        Held while something changes, and by whoever reads several things that belong together.
    """

    def __init__(
        self, workflow: Workflow, *, on_clash: OnClash = "names", on_error: OnError = "raise"
    ) -> None:
        self.lock = threading.RLock()
        # One of its own: what is read here is not what `Workflow.refresh` would refresh.
        self.workflow = copy(workflow)
        self.frame = self.workflow.table(
            job_columns=True, on_clash=on_clash, on_error=on_error, show_progress=False
        )
        self.arrangement = Arrangement.of(self.frame)
        given = {"on_clash": (on_clash, "names"), "on_error": (on_error, "raise")}
        self._options = [f"{name}={value!r}" for name, (value, default) in given.items() if value != default]
        self._callbacks: list[Callable[[], None]] = []
        self._chosen = Chosen()
        self._query = Query(columns=self.arrangement.shown)
        self._shown = self._query.apply(self.frame)

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
        """The rows that meet the filters, with all their columns."""
        with self.lock:
            return self._query.filtered(self.frame)

    @property
    def code(self) -> str:
        """The Python that makes `value` of ``wf``."""
        with self.lock:
            frame, options = self.frame.drop(columns=list(OF_JOBS), errors="ignore"), self._options
            if self._query.fitting(frame) != (self._query, []):
                frame, options = self.frame, ["job_columns=True", *options]
            return self._query.code(frame, f"wf.table({', '.join(options)})")

    @property
    def summary(self) -> Summary:
        """What there is, filters aside."""
        with self.lock:
            counts = self.frame["status"].value_counts()
            statuses = {str(name): int(count) for name, count in counts.items()}
            bare = int(kept_by(self.frame, without_results(self.frame)).sum())
            stale = int(self.frame["stale"].sum())
            return Summary(len(self.frame), statuses, bare, stale)

    @property
    def told(self) -> str:
        """One line about what is shown."""
        with self.lock:
            chosen, whole = len(self.chosen), len(self.frame)
            jobs = counted(whole, "job") if chosen == whole else f"{chosen:,} of {counted(whole, 'job')}"
            return f"{counted(len(self._shown), 'group')} of {jobs}" if self._query.groups else jobs

    # what is asked

    @property
    def asked(self) -> Chosen:
        """Which rows are shown."""
        return self._chosen

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
            self.frame = now.frame
            self.arrangement = self.arrangement.fitting(now.frame)
            fit, lost = replace(self._query, filters=self._chosen.filters).fitting(now.frame)
            there = set(now.frame["status"].unique())
            lost += [one_of("status", [status]) for status in self._chosen.statuses if status not in there]
            statuses = tuple(status for status in self._chosen.statuses if status in there)
            chosen = replace(self._chosen, statuses=statuses, filters=fit.filters)
            self._set(replace(fit, filters=chosen.all(now.frame), columns=self.arrangement.shown), chosen)
        changes = {"added": now.added, "updated": now.updated, "removed": now.removed}
        said = ", ".join(f"{len(keys):,} {how}" for how, keys in changes.items() if keys) or "nothing changed"
        return f"{said}; no longer possible: {shorten(lost)}" if lost else said

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after each change, with `lock` held."""
        self._callbacks.append(callback)

    def _set(self, query: Query, chosen: Chosen | None = None) -> None:
        self._shown = query.apply(self.frame)
        self._query, self._chosen = query, chosen or self._chosen
        for callback in list(self._callbacks):
            callback()


class ShownSource(FrameSource):
    """The frame that an `Exploration` shows; follows it."""

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration
        super().__init__(exploration.shown)
        self.lock = exploration.lock  # one for both: with two, each might wait for the other

    @property
    def order(self) -> tuple[int, bool] | None:
        """The column that rows are sorted by, and whether ascending."""
        asked = self._exploration.query.sort
        names = [column.name for column in self.columns]
        return None if asked is None or asked[0] not in names else (names.index(asked[0]), asked[1])

    @property
    def status(self) -> str:
        """How many rows there are."""
        return self._exploration.told

    def sort(self, column: int, ascending: bool | None) -> None:
        """See `Source.sort`."""
        with self.lock:
            if not 0 <= column < len(self.columns):
                raise RefusedError(f"there is no column {column} to sort by")
            self._exploration.sort(self.columns[column].name, ascending)

    def follow(self, at: str | None = None, column: int = 0) -> None:
        """Show what the exploration shows now; `at` is the key of a job to go to, if it is shown."""
        with self.lock:
            self.replace(self._exploration.shown)
            row = self.row_of(at)
            if row is not None:
                self._tell(Change(rows=(row, row + 1), focus=(row, min(column, len(self.columns) - 1))))

    def key_at(self, row: int) -> str | None:
        """Return the key of the job in a row, None for a group."""
        index = self.frame.index
        return str(index[row]) if index.name == KEY and row < len(index) else None

    def row_of(self, key: str | None) -> int | None:
        """Return the row of a job, None if it is not shown."""
        index = self.frame.index
        if key is None or index.name != KEY or key not in index:
            return None
        return int(index.get_indexer(pd.Index([key]))[0])


FORMATS: dict[str, Callable[[pd.DataFrame, IO[bytes]], None]] = {
    ".parquet": write_parquet,
    ".csv": write_csv,
    ".xlsx": write_sheet,
}
"""How files are written, by their suffix."""


def export(frame: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a frame to a Parquet, CSV or Excel file, as its suffix says, and return where it is.

    Raises
    ------
    RefusedError
        For another suffix, a file that exists (without `overwrite`), a folder that does not, and what the
        format can't hold.
    TorcFramesError
        If openpyxl is missing for an Excel file.

    Examples
    --------
    >>> import pandas as pd
    >>> path = export(pd.DataFrame({"note": ["=1+1"], "n": [1]}), tmp / "table.csv")
    >>> print(path.read_text(), end="")
    note,n
    '=1+1,1
    """
    target = Path(path)
    write = FORMATS.get(target.suffix.lower())
    if write is None:
        raise RefusedError(f"{target.name!r} ends in none of {', '.join(FORMATS)}")
    if not target.parent.is_dir():
        raise RefusedError(f"there is no folder {str(target.parent)!r}")
    if target.exists() and not (overwrite and target.is_file()):
        raise RefusedError(f"{str(target)!r} exists already: choose another name, or overwrite it")
    with written_whole(target) as file:
        write(frame, file)
    return target
