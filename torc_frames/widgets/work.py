"""Work in threads, so that the kernel stays free: one thing at a time, the newest of several, or later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Background", "Latest", "StoppedError", "later"]

T = TypeVar("T")


class StoppedError(Exception):
    """The user has stopped what was going on."""


class Background:
    """Does one thing at a time.

    Parameters
    ----------
    on_busy : callable
        Called with whether something is going on, whenever that changes; it must not start anything.

    Attributes
    ----------
    is_busy : bool
        Whether something is going on: work, or what follows from it.
    can_stop : bool
        Whether what is going on, or was last, asks `check` now and then.
    """

    def __init__(self, on_busy: Callable[[bool], None]) -> None:
        self._on_busy = on_busy
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._is_closed = False
        self.is_busy = False
        self.can_stop = False

    def start(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[BaseException], None],
        *,
        can_stop: bool = False,
    ) -> bool:
        """Begin, and return True; False, and nothing is begun, if something else is going on, or closed.

        Parameters
        ----------
        work, then, failed : callable
            Called in a thread, `then` with what `work` returns, `failed` with what one of them raises.
        can_stop : bool
            Whether `work` asks `check` now and then.
        """
        with self._lock:
            if self.is_busy or self._is_closed:
                return False
            self._stop.clear()
            self._thread = threading.Thread(
                target=self._run, args=(work, then, failed), name="torc_frames-editor", daemon=True
            )
            self.is_busy, self.can_stop = True, can_stop
            self._on_busy(True)
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask what is going on to end at its next `check`."""
        self._stop.set()

    def check(self, seconds: float = 0) -> None:
        """Raise StoppedError if it was asked to end; wait so long for that."""
        if self._stop.wait(seconds):
            raise StoppedError("stopped")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of what is going on, and of what follows from it; return whether it came."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)
        return not self.is_busy

    def close(self) -> None:
        """Begin nothing any more, ask what is going on to end, and wait until it has."""
        with self._lock:
            self._is_closed = True
        self.stop()
        self.wait()

    def _run(
        self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[BaseException], None]
    ) -> None:
        try:
            then(work())
        except Exception as error:  # noqa: BLE001 (a thread has nobody to raise to: `failed` shows it)
            failed(error)
        finally:
            with self._lock:
                self.is_busy = False
                self._on_busy(False)


class Latest:
    """Does the newest of what it is asked to, after a pause in which nothing newer came.

    Parameters
    ----------
    pause : float
        In seconds.

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
        self._asking, self._working = threading.Lock(), threading.Lock()
        self._asked = 0
        self._timer: threading.Timer | None = None

    def ask(self, work: Callable[[], None]) -> None:
        """Do this next, and forget what was asked before and has not begun."""
        with self._asking:
            if self._timer is not None:
                self._timer.cancel()
            self._asked += 1
            self._timer = later(self._pause, self._do, self._asked, work)

    def wait(self, timeout: float = 60) -> bool:
        """Wait until all is done; return whether it is."""
        timer = self._timer
        if timer is not None:
            timer.join(timeout)
        return timer is None or not timer.is_alive()

    def _do(self, asked: int, work: Callable[[], None]) -> None:
        with self._working:
            if asked == self._asked:
                work()


def later(seconds: float, action: Callable[..., object], *arguments: object) -> threading.Timer:
    """Call something after a while, unless the timer is cancelled; the process does not wait for it."""
    timer = threading.Timer(seconds, action, arguments)
    timer.daemon = True
    timer.start()
    return timer
