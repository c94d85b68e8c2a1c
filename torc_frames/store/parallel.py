"""Requests side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["AT_ONCE", "TELL_S", "Report", "each", "tell"]

AT_ONCE = 8

TELL_S = 0.1
"""How often it is reported what is done."""

Report = Callable[[int], object]
"""Told how many more things are done, in the thread that called; what it raises ends the call."""

T = TypeVar("T")
R = TypeVar("R")


def each(do: Callable[[T], R], items: Iterable[T], report: Report | None = None) -> list[R]:
    """Do something with each item, a few at once, and return the answers in order.

    After the first failure no other one is begun, and those that are under way are waited for.
    """
    listed = list(items)
    if len(listed) < 2:
        answers = [do(item) for item in listed]
        tell(report, len(answers))
        return answers
    pool = ThreadPoolExecutor(min(AT_ONCE, len(listed)))
    try:
        futures = [pool.submit(do, item) for item in listed]
        pending = set(futures)
        while pending:
            timeout = None if report is None else TELL_S
            done, pending = wait(pending, timeout, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            tell(report, len(done))
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def tell(report: Report | None, done: int) -> None:
    """Report that some things are done, if there are any, and anybody wants to know."""
    if report is not None and done:
        report(done)
