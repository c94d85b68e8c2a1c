"""From a path or url to the store behind it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from torc_frames import settings
from torc_frames.errors import RefusedError, VersionError

if TYPE_CHECKING:
    from torc_frames.store.base import RunnableStore

__all__ = ["open_store"]

_FORMS = "a path such as study.db, sqlite:///relative.db or sqlite:////absolute.db"


def open_store(url: str | os.PathLike[str] | None = None) -> RunnableStore:
    """Open a store.

    Parameters
    ----------
    url : str or path, optional
        A path, ``sqlite:///relative.db`` or ``sqlite:////absolute.db``; without it what
        `torc_frames.settings.default_url` says. A path object is always a file.

    Raises
    ------
    VersionError
        For the url of a server: this version speaks to embedded stores only.
    RefusedError
        For any other kind of url.
    """
    if url is None:
        url = settings.default_url()
    path = _path_of(url) if isinstance(url, str) else os.fspath(url)
    from torc_frames.store.sqlite import SQLiteStore

    return SQLiteStore(path)


def _path_of(url: str) -> str:
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", url):
        raise RefusedError(f"a host and port is not the url of a store; a store is {_FORMS}")
    path = settings.database_path(url)
    if path is None:
        raise _not_embedded(url)
    return str(path)


def _not_embedded(url: str) -> VersionError | RefusedError:
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme not in ("http", "https"):
        return RefusedError(f"unknown kind of store {scheme}://; a store is {_FORMS}")
    # What stands before an @ may be a password, wherever the @ stands.
    host = "…" if "@" in rest else re.split(r"[/?#]", rest, maxsplit=1)[0]
    return VersionError(
        f"{scheme}://{host} is a server, and this version of torc_frames speaks to "
        f"embedded stores only: {_FORMS}"
    )
