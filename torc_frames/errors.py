"""Every error that torc_frames raises on purpose, one tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = [
    "ConflictError",
    "NotFoundError",
    "NotInJobError",
    "PointerError",
    "Problem",
    "RefusedError",
    "StoreFileError",
    "TorcFramesError",
    "TorcFramesWarning",
    "UnavailableError",
    "UnreadableRecordError",
    "UnverifiedPullError",
    "VersionError",
]

_SHOWN = 10


class TorcFramesError(Exception):
    """Base of all errors of this package."""


class TorcFramesWarning(UserWarning):
    """Base of all warnings of this package."""


class NotFoundError(TorcFramesError, LookupError):
    """A workflow, job or record that does not exist in the store.

    Attributes
    ----------
    kind : str
        ``"workflow"``, ``"job"`` or ``"user_data"``.
    keys : tuple of str
        The keys that were asked for and do not exist.
    """

    def __init__(self, kind: str, keys: Iterable[str], where: str = "") -> None:
        self.kind = kind
        self.keys = tuple(keys)
        self.where = where
        super().__init__(kind, self.keys, where)

    def __str__(self) -> str:
        noun = f"{self.kind} key" + ("" if len(self.keys) == 1 else "s")
        place = f" in {self.where}" if self.where else ""
        return f"no {noun} {shorten(self.keys)}{place}"


class ConflictError(TorcFramesError):
    """What is written has changed, or exists already, in the store."""


class Problem(NamedTuple):
    """One thing wrong with one cell (or a whole row or column) of a table.

    ``row`` is the zero-based position of the row, ``column`` the column's name; either is None when
    the problem is not about one row or one column.
    """

    row: int | None
    column: str | None
    reason: str

    def __str__(self) -> str:
        where = [] if self.row is None else [f"row {self.row}"]
        where += [] if self.column is None else [f"column {self.column!r}"]
        return f"{', '.join(where)}: {self.reason}" if where else self.reason


class RefusedError(TorcFramesError, ValueError):
    """Input that can not be kept exactly, or makes no sense; nothing was written.

    Attributes
    ----------
    problems : tuple of Problem
        All that is wrong, not only the first.
    """

    def __init__(self, problems: str | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = [Problem(None, None, problems)]
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = [f"  {problem}" for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"  and {len(self.problems) - _SHOWN} more (see .problems)")
        return f"{len(self.problems)} problems, nothing was written:\n" + "\n".join(lines)


class UnavailableError(TorcFramesError, ConnectionError):
    """The store can not be reached, or stayed locked for too long."""


class UnreadableRecordError(TorcFramesError, ValueError):
    """A record whose data is not JSON that can be read.

    Attributes
    ----------
    key : str
        The record's key.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(key, reason)

    def __str__(self) -> str:
        return f"user_data key {self.key} can not be read: {self.reason}"


class UnverifiedPullError(TorcFramesError):
    """A pull whose parts did not belong together, several times over; no short table is returned."""


class VersionError(TorcFramesError):
    """A store of a version, or of a kind, that this torc_frames can not use."""


class StoreFileError(TorcFramesError, ValueError):
    """A file that is not a torc_frames store; it was not touched."""


class NotInJobError(TorcFramesError, LookupError):
    """``current_job()`` was called where no job's environment variables are set."""


class PointerError(TorcFramesError):
    """Files that pointers name are missing, or are not what they were.

    Attributes
    ----------
    problems : tuple of str
        What is wrong, one line a file.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        lines = [f"  {problem}" for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"  and {len(self.problems) - _SHOWN} more (see .problems)")
        return f"{len(self.problems)} files are not what their pointers say:\n" + "\n".join(lines)


def shorten(values: Iterable[object]) -> str:
    """Join values for a message, the first ten of them."""
    listed = [str(value) for value in values]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
