"""Parameters that stand in jobs' names and commands, beside those of their records."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from torc_frames.errors import RefusedError, warn
from torc_frames.files.adoption import adopt
from torc_frames.frame.column import Column, to_backend
from torc_frames.frame.dtypes import encode
from torc_frames.frame.patterns import JobPattern
from torc_frames.frame.shape import Shape
from torc_frames.store.records import JobPage
from torc_frames.workflow.pull.frames import beside

__all__ = ["FromNames"]


class FromNames:
    """A pattern of jobs' names or commands, and what there is to tell of how it was read.

    Parameters
    ----------
    pattern, command_pattern : str or None
        As for `JobPattern`; neither for none.
    """

    def __init__(self, pattern: str | None, command_pattern: str | None) -> None:
        self.how = {"pattern": pattern, "command_pattern": command_pattern}
        for name, text in self.how.items():
            if text is not None and not isinstance(text, str):
                raise RefusedError(f"{name}={text!r}: give a text, such as 'train_lr{{lr}}_bs{{bs}}'")
        given = pattern is not None or command_pattern is not None
        self._pattern = JobPattern(pattern, command_pattern) if given else None
        self._told: list[str] = []

    def __bool__(self) -> bool:
        return self._pattern is not None

    def jobs(self, pages: Iterable[JobPage]) -> pd.DataFrame:
        """Return the names and commands of jobs, indexed by job key."""
        rows = [row for page in pages for row in zip(page.keys, page.names, page.commands, strict=True)]
        frame = pd.DataFrame(rows, columns=["job_key", "job_name", "command"], dtype="str")
        return frame.set_index("job_key")

    def beside(self, records: pd.DataFrame, jobs: pd.DataFrame, shape: Shape) -> pd.DataFrame:
        """Return the parameters of records, and beside them what names say that no record does.

        Its rows are those of the records, and of the jobs whose names or commands are of the pattern.
        """
        if self._pattern is None:
            return records
        read = self._pattern.read(jobs["job_name"].tolist(), jobs["command"].tolist())
        self._told = read.told
        said = pd.DataFrame(
            {name: column.set_axis(jobs.index) for name, column in read.columns.items()}, index=jobs.index
        )
        said = said[said.notna().any(axis=1) | said.index.isin(records.index)]
        known = beside(said[[]], records, "")
        for name, column in said.items():
            if name in known:
                known[name] = _filled(known[name], column)
            else:
                known[name] = to_backend(_again(column), shape.dtype_backend)
        return known

    def only(self, parameters: pd.DataFrame) -> pd.DataFrame:
        """Return of a table that was pulled with this pattern what the pattern is about.

        Raises
        ------
        RefusedError
            If there is no pattern.
        """
        if self._pattern is None:
            raise RefusedError(
                "what is to be read of which names? Give a pattern, such as 'train_lr{lr}_bs{bs}'"
            )
        return parameters[self._pattern.columns].dropna(how="all")

    def tell(self) -> None:
        """Warn of the jobs of which nothing was read."""
        for line in self._told:
            warn(line)


def _again(column: pd.Series) -> pd.Series:
    """Return a column of some jobs in the dtype that their values have by themselves."""
    return _on(column.index, Column.of(encode(column)[0]).natural())


def _filled(known: pd.Series, said: pd.Series) -> pd.Series:
    """Return what records hold, and where they hold nothing what names say."""
    if not known.isna().any():
        return known
    pairs = zip(encode(known)[0], encode(said)[0], strict=True)
    values = [value if value is not None else other for value, other in pairs]
    return _on(known.index, adopt(Column.of(values).natural(), known))


def _on(index: pd.Index, column: pd.Series) -> pd.Series:
    return pd.Series(column.array, index=index, copy=False)
