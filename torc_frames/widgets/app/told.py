"""Traits that say what a widget's model has: they are read and observed, and never set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

__all__ = ["Told"]


class Told(traitlets.TraitType[Any, Any]):
    """A trait that is read from the model; `tell` is for when that has changed.

    Parameters
    ----------
    read : callable
        Returns the value of a widget.

    Examples
    --------
    >>> class Counter(traitlets.HasTraits):
    ...     total = Told(lambda counter: 6 * 7)
    >>> counter, heard = Counter(), []
    >>> counter.observe(heard.append, "total")
    >>> Told.tell(counter, "total")
    >>> counter.total, heard[0].new
    (42, 42)
    """

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__(read_only=True)
        self._read = read

    def get(self, obj: Any, cls: Any = None) -> Any:
        """Return what the model has now."""
        return self._read(obj)

    @staticmethod
    def tell(owner: traitlets.HasTraits, *names: str) -> None:
        """Tell those who observe some of an owner's; what nobody observes isn't read."""
        observed = getattr(owner, "_trait_notifiers", {})
        for name in names:
            if observed.get(name) or observed.get(traitlets.All):
                change = {"name": name, "owner": owner, "old": None, "new": getattr(owner, name)}
                owner.notify_change(traitlets.Bunch(type="change", **change))
