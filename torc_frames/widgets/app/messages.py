"""What an editor's page and its widget in Python say to each other, whatever the editor.

The page sends objects whose ``op`` is the name of a class below, or of the editor's own, in small letters.
``to`` names the part that it is for, such as a grid; a message without it is for the editor.

``open``
    A page has opened, and knows nothing yet. Python answers with the whole ``state``.
``ping``
    Is somebody there? The answer is ``pong``.
``asset``
    ``name``: send a module of the front end.

Python sends objects with a ``kind``, and with ``from`` where a part says it:

``state``
    Whatever has changed of what the page shows, by name.
``answer``
    ``id``, and what was asked for by a message with that ``id``.
``note``
    ``text`` and ``tone`` (info, good, warning, error): something that a person is to be told.
``asset``
    ``name``, and a buffer: the module, gzipped.
``pong``
    Nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from torc_frames.errors import RefusedError

__all__ = ["Asset", "Id", "Op", "Open", "Ping", "read"]

Id = Annotated[str, msgspec.Meta(max_length=100)]
"""What the answer to a message is known by."""


class Op(msgspec.Struct, frozen=True, tag_field="op", tag=str.lower, forbid_unknown_fields=True):
    """What a page sends."""


class Open(Op, frozen=True):
    """A page has opened, and knows nothing yet."""


class Ping(Op, frozen=True):
    """Asks whether somebody is there."""


class Asset(Op, frozen=True):
    """Send a module of the front end."""

    name: Annotated[str, msgspec.Meta(max_length=100)]


def read(content: Any, kinds: Any, whose: str) -> Any:
    """Return the message that a page sent; RefusedError if it is none of some kinds.

    Parameters
    ----------
    content : Any
        What the page sent, as it is.
    kinds : type
        The messages that there are, a union.
    whose : str
        What they are messages of, for the error.
    """
    try:
        return msgspec.convert(content, kinds)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RefusedError(f"the page sent what is no message of {whose}: {error}") from None
