"""Requests side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["AT_ONCE", "each"]

AT_ONCE = 8

T = TypeVar("T")
R = TypeVar("R")


def each(do: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do something with each item, a few at once, and return the answers in order.

    After the first failure no other one is begun, and those that are under way are waited for.
    """
    listed = list(items)
    if len(listed) < 2:
        return [do(item) for item in listed]
    pool = ThreadPoolExecutor(min(AT_ONCE, len(listed)))
    try:
        futures = [pool.submit(do, item) for item in listed]
        for future in wait(futures, return_when=FIRST_EXCEPTION).done:
            future.result()
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)
