"""Requests side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["AT_ONCE", "each"]

AT_ONCE = 8

T = TypeVar("T")
R = TypeVar("R")


def each(do: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do something with each item, a few at once, and return the answers in order.

    After the first failure no other one is begun.
    """
    listed = list(items)
    if len(listed) < 2:
        return [do(item) for item in listed]
    pool = ThreadPoolExecutor(min(AT_ONCE, len(listed)))
    try:
        return [future.result() for future in [pool.submit(do, item) for item in listed]]
    finally:
        pool.shutdown(cancel_futures=True)
