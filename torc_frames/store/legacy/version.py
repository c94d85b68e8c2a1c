"""Which form of the dialect of 2023 a service speaks, and whether it is one."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from torc_frames.errors import ReplyError, ServerError, VersionError
from torc_frames.store.http.session import Http
from torc_frames.store.http.settings import DEFAULT_PATH
from torc_frames.store.paged.lists import ListPage
from torc_frames.store.wire.legacy import Form

__all__ = ["Spoken", "find_form"]

_MAJOR = "0"


class Spoken(NamedTuple):
    """What a service speaks: the form, and that in words."""

    form: Form
    told: str


class _Version(msgspec.Struct):
    version: str


def find_form(http: Http) -> Spoken:
    """Ask a service for its version, which the first form does not know.

    Raises
    ------
    VersionError
        If no service of 2023 answers.
    """
    try:
        version = msgspec.json.decode(http.get("/version"), type=_Version).version
    except ReplyError as error:
        if _status(error) not in (404, 405):
            raise
        _check_list(http)
        return Spoken(Form.FIRST, "of March 2023, the first form")
    except msgspec.MsgspecError as error:
        raise VersionError(f"no torc service of 2023 answers at {http.url}: {error}") from None
    except ServerError as error:
        raise _none(http, error) from None
    if version.partition(".")[0] != _MAJOR:
        raise VersionError(
            f"torc {version} answers at {http.url}, and not a service of 2023: the urls of a torc-server "
            f"end in {DEFAULT_PATH}"
        )
    return Spoken(Form.LATER, f"{version}, the later form, which is only read")


def _check_list(http: Http) -> None:
    """Make sure that it is a service: what knows nothing at all does not know its version either."""
    try:
        msgspec.json.decode(http.get("/workflows", {"limit": 1}), type=ListPage[msgspec.Raw])
    except (ServerError, msgspec.MsgspecError) as error:
        raise _none(http, error) from None


def _none(http: Http, error: Exception) -> Exception:
    """Return what is wrong; a service that failed is no other kind of thing."""
    status = _status(error)
    if status is not None and status not in (200, 404, 405):
        return error
    response = error.response if isinstance(error, ServerError) else None
    return VersionError(
        f"no torc service of 2023 answers at {http.url}: is the url right? That of ArangoDB's service "
        "usually ends in /_db/workflows/torc-service"
    ).with_response(response)


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status
