"""Why the embedded store refuses a document of the dialect of 2023."""

from __future__ import annotations

from torc_frames.errors import RefusedError

__all__ = ["DuplicateKeyError", "IllegalKeyError", "KeyMismatchError", "MissingRevError"]


class IllegalKeyError(RefusedError):
    """A ``_key`` that no document may have."""


class DuplicateKeyError(RefusedError):
    """A ``_key`` that another document of the collection has."""


class MissingRevError(RefusedError):
    """An update without ``_rev``."""


class KeyMismatchError(RefusedError):
    """An update whose ``_key`` is not that of the document it is for."""
