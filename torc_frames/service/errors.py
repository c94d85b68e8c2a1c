"""Answers of the service that are errors."""

from __future__ import annotations

from collections.abc import Mapping

from torc_frames.errors import RefusedError
from torc_frames.store.wire.legacy import error

__all__ = ["DuplicateKeyError", "HttpError", "IllegalKeyError"]


class IllegalKeyError(RefusedError):
    """A ``_key`` that no document may have."""

    number = 1221


class DuplicateKeyError(RefusedError):
    """A ``_key`` that another document of the collection has."""

    number = 1210


class HttpError(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int
        Of HTTP.
    message : str
        For people.
    number : int, optional
        The database's number of the error; the status where it has none.
    headers : mapping, optional
        To send with it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        number: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.number = status if number is None else number
        self.headers = dict(headers or {})
        super().__init__(status, message)

    @property
    def body(self) -> bytes:
        """What is sent."""
        return error(self.status, self.number, self.message)
