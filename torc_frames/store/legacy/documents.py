"""Jobs without a command, which services of 2023 may refuse: a blank is sent for none, where they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torc_frames.errors import RefusedError
from torc_frames.store.legacy.service import Service

__all__ = ["sent", "shown", "write"]

_LACKING = "empty commands"
_BLANK = " "

T = TypeVar("T")


def sent(service: Service, command: str) -> str:
    """Return what is sent for a command."""
    return _BLANK if command == "" and _LACKING in service.lacks else command


def shown(command: str) -> str:
    """Return the command of a job of the service."""
    return "" if command == _BLANK else command


def write(service: Service, do: Callable[[], T]) -> T:
    """Make a write that holds commands, again if it turns out that none may be empty."""
    try:
        return do()
    except RefusedError as error:
        message = "" if error.response is None else error.response.message
        if _LACKING in service.lacks or not ("command" in message and "empty" in message):
            raise
    service.lacks.add(_LACKING)
    return do()
