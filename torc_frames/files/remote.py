"""Files at object stores and the like, by fsspec: brought here, verified, and taken there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from torc_frames.errors import RefusedError, UnavailableError
from torc_frames.files.places import OBJECT_STORES

__all__ = ["brought", "digest", "taken"]

_BLOCK = 2**20
_SUFFIX = 20
"""How long the ending of a copy's name may be: a record says it."""

_MISSING = (FileNotFoundError, IsADirectoryError)


def digest(url: str, most: int | None = None) -> tuple[int, str] | None:
    """Return size and sha256 of a file, None if there is none; of one larger than `most` size and ""."""
    return _read(url, None, most)


@contextmanager
def brought(url: str, most: int | None = None) -> Iterator[tuple[str, tuple[int, str] | None]]:
    """Give a copy of a file on this machine, and what `digest` returns of it; the copy is deleted then."""
    suffix = os.path.splitext(url)[1][:_SUFFIX]
    handle, path = tempfile.mkstemp(prefix="torc_frames-", suffix=suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            found = _read(url, file, most)
        yield path, found
    finally:
        os.unlink(path)


def taken(path: str, url: str) -> None:
    """Copy a file of this machine to a url, whole or not at all where the store can."""
    system, there = _file_system(url)
    try:
        if url.partition("://")[0].lower() not in OBJECT_STORES:  # which have no folders
            system.makedirs(there.rpartition("/")[0], exist_ok=True)
        system.put_file(path, there)
    except Exception as error:  # noqa: BLE001 - each store has errors of its own
        raise _failed("write", url, error) from None


def _read(url: str, copy: IO[bytes] | None, most: int | None) -> tuple[int, str] | None:
    system, there = _file_system(url)
    found, size = hashlib.sha256(), 0
    try:
        told = system.info(there)
        if told.get("type") == "directory":
            return None
        if most is not None and isinstance(told.get("size"), int) and told["size"] > most:
            return told["size"], ""
        with system.open(there, "rb") as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if most is not None and size > most:
                    return size, ""
                found.update(block)
                if copy is not None:
                    copy.write(block)
    except _MISSING:
        return None
    except Exception as error:  # noqa: BLE001 - each store has errors of its own
        raise _failed("read", url, error) from None
    return size, found.hexdigest()


def _file_system(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise RefusedError(f"{url} is read by fsspec: pip install 'torc_frames[remote]'") from None
    try:
        system, there = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except Exception as error:  # noqa: BLE001 - each store has errors of its own
        hint = "; install it beside torc_frames" if isinstance(error, ImportError) else ""
        raise RefusedError(f"can not open {url}: {error}{hint}") from None
    return system, there


def _failed(what: str, url: str, error: Exception) -> UnavailableError:
    return UnavailableError(f"can not {what} {url}: {type(error).__name__}: {error}")
