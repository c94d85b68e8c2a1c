"""Traits that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from torc_frames.errors import FixedAttributeError

__all__ = ["Live"]


class Live(traitlets.TraitType[Any, Any]):
    """A trait to look at and to observe, made anew each time that it is asked for.

    Parameters
    ----------
    make : callable
        Returns what it is now, of the widget.
    """

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def get(self, obj: Any, _cls: Any = None) -> Any:
        """Return what it is now."""
        return self._make(obj)

    def set(self, obj: Any, _value: Any) -> None:
        """Refuse it."""
        raise FixedAttributeError(
            f"{self.name!r} can't be set on a {type(obj).__name__} and would do nothing"
        )

    @staticmethod
    def changed(obj: traitlets.HasTraits, name: str) -> None:
        """Tell those who observe it, if there are any; it is not made for nobody."""
        if any(obj._trait_notifiers.get(each) for each in (name, traitlets.All)):
            new = getattr(obj, name)
            obj.notify_change(
                traitlets.Bunch(name=name, old=traitlets.Undefined, new=new, owner=obj, type="change")
            )
