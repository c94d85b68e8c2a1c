"""Signals that end this process end its jobs first, as Ctrl-C does."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

__all__ = ["EndedBySignal", "check_signals", "ended_by_signals", "is_of_a_signal", "wait_for_signal"]

log = logging.getLogger(__name__)

_NAMES = ("SIGTERM", "SIGHUP")
_MOMENT_S = 0.5
_SHELL = 128
"""What a shell adds to the number of the signal that ended a command."""


class EndedBySignal(BaseException):
    """A signal came that ends this process; what runs is ended first."""


@dataclass(slots=True)
class _Watch:
    received: int | None = None
    over: bool = False
    replaced: list[int] = field(default_factory=list)

    def receive(self, number: int, _: FrameType | None) -> None:
        """Interrupt what the main thread does, once: a second signal does not stop its end."""
        if self.received is None:
            self.received = number
            if not self.over:
                raise EndedBySignal(signal.Signals(number).name)


_watch: _Watch | None = None


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `EndedBySignal` in the block; the process ends by the signal after it.

    Only in the main thread, and only where a signal would end the process: one that is ignored (nohup) stays
    so, and a handler of the user's stays in charge.
    """
    global _watch
    if _watch is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    _watch = watch = _Watch()
    try:
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is signal.SIG_DFL:
                watch.replaced.append(number)
                signal.signal(number, watch.receive)
        yield
    finally:
        watch.over = True
        _watch = None
        for number in watch.replaced:
            if signal.getsignal(number) == watch.receive:
                signal.signal(number, signal.SIG_DFL)
        if watch.received is not None:
            _end(watch.received)


def check_signals() -> None:
    """Raise `EndedBySignal` if one came: what a callback raises may have been lost."""
    if _watch is not None and _watch.received is not None:
        raise EndedBySignal(signal.Signals(_watch.received).name)


def wait_for_signal() -> None:
    """Wait a moment for a signal that ends this process, too, as it ended a job.

    Slurm, systemd and `timeout` send it to all processes at once.
    """
    if threading.current_thread() is threading.main_thread():
        time.sleep(_MOMENT_S)


def is_of_a_signal(return_code: int) -> bool:
    """Return whether a job ended by a signal of those that are sent to all processes at once."""
    numbers = [getattr(signal, name) for name in ("SIGINT", *_NAMES) if hasattr(signal, name)]
    return -return_code in numbers or return_code - _SHELL in numbers


def _end(number: int) -> None:
    """End this process by a signal, as it would have been without us."""
    log.warning("ended by %s; its jobs were ended first", signal.Signals(number).name)
    signal.raise_signal(number)
    # The first process of a container is not ended by signals that it does not handle.
    raise SystemExit(_SHELL + number)
