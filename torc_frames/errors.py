"""Every error that torc_frames raises on purpose, one tree.

TorcFramesError
├── NotFoundError (LookupError)
├── ConflictError
│   └── TornReadError
├── RefusedError (ValueError)
├── UnavailableError (ConnectionError)
│   ├── DroppedConnectionError
│   └── UncertainWriteError
├── UnauthorizedError (PermissionError)
├── ServerError
│   └── ReplyError
├── UnreadableRecordError (ValueError)
├── UnverifiedPullError
├── VersionError
├── StoreFileError (ValueError)
├── MissingExtraError (ImportError)
├── NotInJobError (LookupError)
├── FixedAttributeError (AttributeError)
├── RunFailedError
├── RunCanceledError (CancelledError)
└── PointerError
TorcFramesWarning
├── FailedJobsWarning
└── InexactFloatWarning
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError
from typing import NamedTuple, Self

__all__ = [
    "ConflictError",
    "DroppedConnectionError",
    "FailedJobsWarning",
    "FixedAttributeError",
    "InexactFloatWarning",
    "MissingExtraError",
    "NotFoundError",
    "NotInJobError",
    "PointerError",
    "Problem",
    "RefusedError",
    "ReplyError",
    "Response",
    "RunCanceledError",
    "RunFailedError",
    "ServerError",
    "StoreFileError",
    "TorcFramesError",
    "TorcFramesWarning",
    "UnauthorizedError",
    "UnavailableError",
    "UncertainWriteError",
    "UnreadableRecordError",
    "UnverifiedPullError",
    "VersionError",
    "warn",
]

_SHOWN = 10
_PACKAGE = __name__.partition(".")[0]


class Response(NamedTuple):
    """What came back for one request to a server; holds no secrets.

    ``status`` is None when no answer came; ``message`` is the server's, or says what happened instead.
    ``span_id`` finds the request in the server's log.
    """

    method: str
    url: str
    status: int | None
    message: str
    span_id: str | None

    def __str__(self) -> str:
        answer = "" if self.status is None else f" answered {self.status}"
        message = f": {self.message}" if self.message else ""
        span = f"; x-span-id {self.span_id}" if self.span_id else ""
        return f"{self.method} {self.url}{answer}{message}{span}"


class TorcFramesError(Exception):
    """Base of all errors of this package.

    Attributes
    ----------
    response : Response or None
        The server's answer that is the reason, where a server is concerned.
    """

    response: Response | None = None

    def __str__(self) -> str:
        return super().__str__() + self._answer()

    def with_response(self, response: Response | None) -> Self:
        """Set the server's answer, for the message and for `response`, and return the error."""
        self.response = response
        return self

    def _answer(self) -> str:
        return f" ({self.response})" if self.response is not None else ""


class TorcFramesWarning(UserWarning):
    """Base of all warnings of this package."""


class FailedJobsWarning(TorcFramesWarning):
    """Jobs of a run failed; it names the first reasons."""


class InexactFloatWarning(TorcFramesWarning):
    """Floats that a server gives back with another last digit; told before anything is sent."""


def warn(message: str, category: type[Warning] = TorcFramesWarning) -> None:
    """Warn, as of the line outside this package that led to it."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class NotFoundError(TorcFramesError, LookupError):
    """A workflow, job or record that does not exist in the store.

    Attributes
    ----------
    kind : str
        ``"workflow"``, ``"job"`` or ``"user_data"``.
    keys : tuple of str
        The keys, or names, that were asked for and do not exist.
    hint : str
        What was meant, perhaps.
    """

    def __init__(
        self, kind: str, keys: Iterable[str], where: str = "", hint: str = "", by: str = "key"
    ) -> None:
        self.kind = kind
        self.keys = tuple(keys)
        self.where = where
        self.hint = hint
        self.by = by
        super().__init__(kind, self.keys, where, hint, by)

    def __str__(self) -> str:
        told = f"{self.kind} {self.by}" + ("" if len(self.keys) == 1 else "s") + f" {shorten(self.keys)}"
        if self.by == "name":
            told = f"{self.kind} named {shorten(map(repr, self.keys))}"
        place = f" in {self.where}" if self.where else ""
        hint = f": {self.hint}" if self.hint else ""
        return f"no {told}{place}{hint}{self._answer()}"


class ConflictError(TorcFramesError):
    """What is written has changed, or exists already, in the store."""


class TornReadError(ConflictError):
    """What was read does not belong together: somebody wrote meanwhile. Pulls are repeated then."""


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
        return _listed(self.problems, "problems", self._answer())


class UnavailableError(TorcFramesError, ConnectionError):
    """The store can not be reached, or stayed locked for too long."""


class DroppedConnectionError(UnavailableError):
    """The server closed the connection without an answer, again and again.

    A torc-server does that for a page with records that it can not write as JSON.
    """


class UncertainWriteError(UnavailableError):
    """A write was sent, and it is not known whether the server did it: read before writing again."""


class UnauthorizedError(TorcFramesError, PermissionError):
    """The server wants other credentials, or does not let this user do it."""


class ServerError(TorcFramesError):
    """A server's answer that makes no sense here: a failure, a redirect, HTML, too much, not JSON."""


class ReplyError(ServerError):
    """A server's refusal of one request: 404, 409, 422 and the like, see ``response.status``.

    Attributes
    ----------
    repeated : bool
        Whether the request was sent before in the same call and may have been done then: a 404 to a
        delete can mean that it is done.
    """

    repeated: bool = False


class UnreadableRecordError(TorcFramesError, ValueError):
    """Records whose data is not JSON that can be read.

    Attributes
    ----------
    key : str
        The first record's key.
    reason : str
        What is wrong with it.
    keys : tuple of str
        All such records' keys.
    """

    def __init__(self, key: str, reason: str, keys: Iterable[str] = ()) -> None:
        self.key = key
        self.reason = reason
        self.keys = tuple(keys) or (key,)
        super().__init__(key, reason, self.keys)

    def __str__(self) -> str:
        noun = "user_data key" + ("" if len(self.keys) == 1 else "s")
        return f"{noun} {shorten(self.keys)} can not be read: {self.reason}{self._answer()}"


class UnverifiedPullError(TorcFramesError):
    """A pull whose parts did not belong together, several times over; no short table is returned."""


class VersionError(TorcFramesError):
    """A store of a version, or of a kind, that this torc_frames can not use."""


class StoreFileError(TorcFramesError, ValueError):
    """A file that is not a torc_frames store; it was not touched."""


class MissingExtraError(TorcFramesError, ImportError):
    """A package that is needed for this, and not for all; it says how to install it."""


class NotInJobError(TorcFramesError, LookupError):
    """``current_job()`` was called where no job's environment variables are set."""


class FixedAttributeError(TorcFramesError, AttributeError):
    """An attribute that was set, where that would do nothing."""


class RunFailedError(TorcFramesError):
    """A run that could not do its work, or was killed; what its jobs did until then is there."""


class RunCanceledError(TorcFramesError, CancelledError):
    """A run that was canceled, or interrupted; jobs that had not ended are ready again."""


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
        return _listed(self.problems, "files are not what their pointers say", self._answer())


def printable(text: str) -> str:
    r"""Return text in which nothing can control a terminal: such characters become ``\x1b`` and the like.

    Examples
    --------
    >>> print(printable("\x1b[31mred\n"))
    \x1b[31mred\n
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(count: int, noun: str) -> str:
    """Return a number of things for a message."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _listed(problems: Sequence[object], what: str, answer: str) -> str:
    """Return the one problem, or the first ten of several, a line each."""
    if len(problems) == 1:
        return f"{problems[0]}{answer}"
    lines = [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more (see .problems)")
    return f"{len(problems)} {what}{answer}:\n" + "\n".join(lines)


def shorten(values: Iterable[object]) -> str:
    """Join values for a message, the first ten of them."""
    listed = [str(value) for value in values]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
