"""How much memory the bodies of all requests and answers together may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torc_frames.service.errors import HttpError

__all__ = ["FREE", "Budget", "Share"]

FREE = 64 * 1024
"""So much each request has in any case: what is small is answered also while others send all they can."""

_RETRY_S = 1


class Budget:
    """Bytes that requests under way share; for one event loop.

    Parameters
    ----------
    total : int
        How many there are.

    Examples
    --------
    >>> budget = Budget(1_000_000)
    >>> with budget.share() as one, budget.share() as other:
    ...     one.hold(900_000)
    ...     other.hold(10_000)
    ...     budget.held
    834464
    >>> budget.held
    0
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Return the share of one request, which is given back when that is over."""
        share = Share(self)
        try:
            yield share
        finally:
            share.hold(0)


class Share:
    """What one request holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._counted = 0

    def hold(self, size: int) -> None:
        """Hold so many bytes from now on.

        Raises
        ------
        HttpError
            503, if all requests together would hold too many; this one holds none then.
        """
        counted = _counted(size)
        others = self._budget.held - self._counted
        if counted and others + counted > self._budget.total and others:
            self._set(0)
            raise HttpError(
                503,
                "the requests under way hold all the memory that the service has for them",
                headers={"Retry-After": str(_RETRY_S)},
            )
        self._set(counted)

    def keep(self, size: int) -> None:
        """Hold so many bytes from now on, whatever others hold: of what was done the answer is sent."""
        self._set(_counted(size))

    def _set(self, counted: int) -> None:
        self._budget.held += counted - self._counted
        self._counted = counted


def _counted(size: int) -> int:
    return max(size - FREE, 0)
