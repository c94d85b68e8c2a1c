"""Reading a workflow whole: again, where what was read does not belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torc_frames.errors import TornReadError, UnverifiedPullError

__all__ = ["ATTEMPTS", "read_whole"]

ATTEMPTS = 3

T = TypeVar("T")


def read_whole(url: str, read: Callable[[], T]) -> T:
    """Return what is read from the store of a url; UnverifiedPullError if it is torn time and again."""
    torn: TornReadError | None = None
    for _ in range(ATTEMPTS):
        try:
            return read()
        except TornReadError as error:
            torn = error
    raise UnverifiedPullError(f"{torn}, {ATTEMPTS} times over, from {url}") from torn
