"""Work that follows what is typed: in a thread, after a pause, and only the newest of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Latest"]


class Latest:
    """Does the newest of what it is asked to, apart from the kernel's own threads.

    Parameters
    ----------
    pause : float
        How many seconds to wait for something newer.

    Examples
    --------
    >>> done = []
    >>> latest = Latest(pause=0.05)
    >>> for number in range(10):
    ...     latest.ask(lambda number=number: done.append(number))
    >>> latest.wait()
    True
    >>> done[-1]
    9
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._changed = threading.Condition()
        self._work: Callable[[], None] | None = None
        self._asked = 0
        self._is_running = False

    def ask(self, work: Callable[[], None]) -> None:
        """Do this next, and forget what was asked before and has not begun."""
        with self._changed:
            self._work = work
            self._asked += 1
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="torc_frames-latest", daemon=True).start()

    def wait(self, timeout: float = 60) -> bool:
        """Wait until all is done; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_running, timeout)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except BaseException:
                self._next(end=True)
                raise

    def _next(self, end: bool = False) -> Callable[[], None] | None:
        """Wait until nothing newer has come for a while, and return it; without any, this thread is over."""
        asked = self._asked if end else -1
        while asked != self._asked:
            asked = self._asked
            time.sleep(self._pause)
        with self._changed:
            work, self._work = (None if end else self._work), None
            if work is None:
                self._is_running = False
                self._changed.notify_all()
            return work
