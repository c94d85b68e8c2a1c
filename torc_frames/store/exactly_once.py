"""Settling writes to a server whose answer was lost: by reading, never by blindly writing again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from torc_frames.errors import ServerError, TornReadError, UnavailableError, UncertainWriteError

__all__ = ["GRACE_S", "TRIES", "Unfinished", "looked_for", "settled"]

TRIES = 4
"""How often a write is made whose answer is lost, and of which the server then shows nothing."""

GRACE_S = 1.0
"""After how many seconds one looks again for a write: a server that was given up may still be at it."""

_LOOKS = (0.1, 0.3, 0.6, 1.0, 2.0)
"""The pauses between looks for one write, in graces: most are there soon, some servers are busy."""

_REMEMBERED = 16

T = TypeVar("T")
S = TypeVar("S")


def settled(write: Callable[[], T], find: Callable[[], T | None], *, again: bool = False) -> T:
    """Return what a write answers; if the answer is lost, what `find` finds that it did.

    Where an earlier call may have done it, `again`, it is looked for first.

    Raises
    ------
    UncertainWriteError
        If answers are lost again and again, or the server can't be read.
    """
    if again and (there := find()) is not None:
        return there
    for left in reversed(range(TRIES)):
        try:
            return write()
        except UncertainWriteError as lost:
            found = looked_for(find, lost)
            if found is not None:
                return found
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def looked_for(find: Callable[[], T | None], lost: UncertainWriteError) -> T | None:
    """Return what is found of a write, looking several times; its error if nothing can be read."""
    try:
        found = find()
        for pause in _LOOKS:
            if found is not None:
                break
            time.sleep(pause * GRACE_S)
            found = find()
    except (UnavailableError, ServerError, TornReadError) as error:
        raise lost from error
    return found


class Unfinished:
    """Remembers how far calls came that failed, so that the same call again goes on from there."""

    def __init__(self) -> None:
        self._calls: list[tuple[object, object]] = []
        self._lock = threading.Lock()

    @contextmanager
    def resumed(self, call: object, state: S) -> Iterator[S]:
        """Give the state that the same call (by ``==``) left when it failed, or this one."""
        with self._lock:
            for at, (other, left) in enumerate(self._calls):
                if other == call:
                    del self._calls[at]
                    state = left  # type: ignore[assignment]
                    break
        try:
            yield state
        except BaseException:
            with self._lock:
                self._calls = [*self._calls[1 - _REMEMBERED :], (call, state)]
            raise
