"""Objects that a notebook, and IPython in a terminal, show by a description of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torc_frames.frame.description import Description

__all__ = ["Shown", "seen"]


class Shown:
    """Has a notebook show what `describe` returns; ``repr`` stays short, and asks no store."""

    __slots__ = ()

    def describe(self) -> Description:
        """Return what is seen first of it."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return seen(self)._repr_html_()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        # IPython in a terminal shows the text; a notebook both, of one look.
        return seen(self)._repr_mimebundle_()


def seen(thing: Any) -> Description:
    """Return the description of a thing; why there is none is told in its place, as nobody asked for it."""
    from torc_frames.frame.description import Description, Remark

    try:
        return thing.describe()  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001 - a cell shows it, and goes on
        return Description(repr(thing), Remark(f"{type(error).__name__}: {error}", tone="bad"))
