"""From a path or url to the store behind it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from torc_frames import settings
from torc_frames.errors import RefusedError, StoreFileError
from torc_frames.files.places import absolute
from torc_frames.settings.masked import masked, without_frames
from torc_frames.settings.regular import irregular

if TYPE_CHECKING:
    from torc_frames.store.base import Store
    from torc_frames.store.legacy.store import LegacyStore
    from torc_frames.store.v1.store import V1Store

__all__ = ["open_store"]

_FORMS = (
    "a path such as study.db, sqlite:///relative.db or sqlite:////absolute.db, "
    "or the url of a server such as http://localhost:8080/torc-service/v1, or of a service of 2023 such as "
    "http://localhost:8529/_db/workflows/torc-service"
)


def open_store(
    url: str | os.PathLike[str] | None = None,
    *,
    base: str | os.PathLike[str] | None = None,
    **credentials: Any,
) -> Store:
    """Open a store.

    Parameters
    ----------
    url : str or path, optional
        A path, ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or the url of a torc-server or of a
        service of 2023; without it what `torc_frames.settings.default_url` says. A path object is always a
        file.
    base : str or path, optional
        What pointers are relative to, where that is not the folder of the store's own file.
    **credentials
        For a server, see `torc_frames.store.http.settings.server_settings`.

    Raises
    ------
    VersionError
        For a server of another version, or of a kind that is not spoken.
    UnavailableError, UnauthorizedError
        If the server does not answer, or wants other credentials.
    RefusedError
        For any other kind of url.
    """
    url = masked(url)
    credentials = {name: masked(value) for name, value in credentials.items()}
    try:
        store = _open(url, credentials, base is None)
        if base is not None:
            store.base = absolute(base)
        return store
    except BaseException as error:  # noqa: BLE001 - whichever, its frames hold parts of the url
        raise without_frames(error)  # noqa: B904 - the same error


def _open(url: str | os.PathLike[str] | None, credentials: dict[str, Any], at_home: bool) -> Store:
    named = settings.default_url() if url is None else url
    path = _path_of(named) if isinstance(named, str) else os.fspath(named)
    if path is None:
        # A url that nobody gave here is looked up again there, with the trust that its place deserves.
        return _open_server(None if url is None else str(url), credentials)
    given = [name for name, value in credentials.items() if value is not None]
    if given:
        raise RefusedError(f"{', '.join(given)}: for a server, and {path} is a file")
    kind = irregular(path)
    if kind not in (None, "a directory"):  # of which the store itself tells
        raise StoreFileError(f"{path} is {kind}, not a file that a store is in")
    from torc_frames.store.torc_file.kinds import is_json, is_torc_file

    if is_json(path):
        from torc_frames.store.torc_file.exported import ExportStore

        return ExportStore(path)
    if is_torc_file(path):
        from torc_frames.store.torc_file.store import TorcFileStore

        return TorcFileStore(path)
    from torc_frames.store.sqlite.store import SQLiteStore

    if not at_home:
        raise RefusedError(
            f"base=: for a server; pointers in {path} are relative to its folder; use it in wf.load"
        )
    # The default store is no typing error: as long as nobody has written it is empty.
    return SQLiteStore(path, create="to write", blank=named == settings.DEFAULT_URL)


def _open_server(url: str | None, credentials: dict[str, Any]) -> Store:
    from torc_frames.store.http.settings import dialect_of, server_settings

    server = server_settings(url, **credentials)
    store: V1Store | LegacyStore
    if dialect_of(server.url) == "legacy":
        from torc_frames.store.legacy.store import LegacyStore

        store = LegacyStore(server)
    else:
        from torc_frames.store.v1.store import V1Store

        store = V1Store(server)
    store.check()
    return store


def _path_of(url: str) -> str | None:
    """Return the file of a url, None for that of a server."""
    path = settings.database_path(url)
    if path is not None:
        return str(path)
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise RefusedError(f"unknown kind of store {scheme}://; a store is {_FORMS}")
    return None
