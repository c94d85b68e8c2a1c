"""Objects whose attributes are not set: what is to be changed has a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torc_frames.errors import FixedAttributeError

__all__ = ["Fixed"]


class Fixed:
    """Refuses to set attributes, which would do nothing, once ``_fixed`` is set."""

    _fixed = False
    _setters: ClassVar[Mapping[str, str]] = {}
    """The call that sets what an attribute shows, by its name."""

    def __setattr__(self, name: str, value: object) -> None:
        known = getattr(type(self), name, None)
        is_trait = hasattr(known, "__set__") and not isinstance(known, property)
        is_trait = is_trait and not getattr(known, "read_only", False)
        if not self._fixed or name.startswith("_") or is_trait or (callable(known) and callable(value)):
            super().__setattr__(name, value)
            return
        kind = type(self).__name__
        setter = self._setters.get(name)
        does = f": {setter} does" if setter else " and would do nothing"
        raise FixedAttributeError(f"{name!r} can't be set on a {kind}{does}")
