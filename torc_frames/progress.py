"""A progress bar where a person can see it, and nothing elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol, Self, cast

__all__ = ["Bar", "progress"]

_DELAY_S = 1


class Bar(Protocol):
    """What callers use of a progress bar."""

    def __enter__(self) -> Self:
        """Show the bar for as long as the block lasts."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close the bar."""

    def update(self, n: int = 1) -> Any:
        """Say that `n` more are done."""


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def update(self, n: int = 1) -> None:
        return None


def progress(total: int | None, desc: str, show: bool = True, *, unit: str = "it") -> Bar:
    """Return a progress bar for a ``with`` block.

    It appears after one second, on a terminal or in a notebook; otherwise, or with ``show=False``, the
    bar does nothing.
    """
    if not (show and _visible()):
        return _Silent()
    from tqdm.auto import tqdm

    return cast(Bar, tqdm(total=total, desc=desc, unit=unit, delay=_DELAY_S))


def _visible() -> bool:
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()
