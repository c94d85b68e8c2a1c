"""A progress bar where a person can see it, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

__all__ = ["Bar", "Progress", "progress", "watched"]

Progress = bool | Callable[[int, int], object]
"""Whether to show a bar; or what is told how many are done, and of how many. What it raises ends the work."""

_DELAY_S = 1


class Bar:
    """What callers use of a progress bar; this one shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def update(self, n: int = 1) -> Any:
        """Say that `n` more are done."""


class _Told(Bar):
    def __init__(self, total: int, tell: Callable[[int, int], object]) -> None:
        self._done, self._total, self._tell = 0, total, tell

    def __enter__(self) -> Self:
        self._tell(0, self._total)
        return self

    def update(self, n: int = 1) -> None:
        if n:
            self._done += n
            self._tell(self._done, self._total)


def progress(total: int | None, desc: str, show: Progress = True, *, unit: str = "it") -> Bar:
    """Return a progress bar for a ``with`` block.

    It appears after one second, on a terminal or in a notebook; otherwise, or with ``show=False``, the
    bar does nothing. A callable is told at the beginning, too.
    """
    if callable(show):
        return _Told(total or 0, show)
    if not watched(show):
        return Bar()
    from tqdm.auto import tqdm

    return cast(Bar, tqdm(total=total, desc=desc, unit=unit, delay=_DELAY_S))


def watched(show: Progress) -> bool:
    """Return whether anybody sees how far it has come."""
    if callable(show):
        return True
    return show and _visible()


def _visible() -> bool:
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()
