"""Secrets that nothing shows: neither their repr, nor the frames of a traceback."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

__all__ = ["Masked", "masked", "without_frames"]

T = TypeVar("T")


class Masked(str):
    """A text that tracebacks with local variables, and pickles, do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled")


def masked(value: T) -> T:
    """Return a text that does not show itself, anything else as it is.

    Examples
    --------
    >>> masked("secret"), masked(None)
    ('***', None)
    """
    found: Any = Masked(value) if isinstance(value, str) and value else value
    return found  # type: ignore[no-any-return]


def without_frames(error: BaseException) -> BaseException:
    """Return an error whose frames, and those of the errors that it came from, are forgotten.

    What reads a traceback with its local variables would show the parts of a url there.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            waiting += [one.__cause__, one.__context__]
    return error
