"""Which torc-server answers, and whether its version is one that is spoken here."""

from __future__ import annotations

import re

import msgspec

from torc_frames.errors import VersionError, warn

__all__ = ["check_version"]

_API = (0, 23)
"""The HTTP interface that is spoken here: its major number, and the least minor; of torc 0.41 and of 1.0."""


class _Reply(msgspec.Struct):
    version: str
    api_version: str | None = None


def check_version(reply: bytes) -> str:
    """Return the version of a server that speaks the interface needed.

    torc numbers its HTTP interface apart from its releases, and calls another major number of it
    incompatible. One that is newer than what is known here is warned of, and tried.

    Parameters
    ----------
    reply : bytes
        The answer to ``GET /version``: ``{"version": "1.0.0 (abc1234)", "api_version": "0.23.0"}``.

    Returns
    -------
    str
        Without what is in brackets: ``"1.0.0"``.

    Raises
    ------
    VersionError
        If its interface is older or of another major number, or it is no torc-server.

    Examples
    --------
    >>> check_version(b'{"version":"1.0.0 (abc1234)","api_version":"0.23.0"}')
    '1.0.0'
    """
    try:
        answer = msgspec.json.decode(reply, type=_Reply)
    except msgspec.DecodeError as error:
        raise VersionError(f"no torc-server answered: {error}; is the url right?") from None
    version, release = _parse(answer.version)
    if answer.api_version is None:
        told, api = "no API version", _API if release[0] == 1 else release
    else:
        text, api = _parse(answer.api_version)
        told = f"API {text}"
    needed = f"API {_API[0]}.{_API[1]} or a later {_API[0]}.x, that of torc 0.41 and 1.0"
    if api[0] != _API[0] or api < _API:
        mend = "upgrade the server" if api < _API else "upgrade torc_frames"
        raise VersionError(f"the server is torc {version} with {told}, torc_frames speaks {needed}: {mend}")
    if api > _API:
        warn(f"the server is torc {version} with {told}, newer than what torc_frames knows: it is tried")
    return version


def _parse(text: str) -> tuple[str, tuple[int, int]]:
    """Return a version without its commit, and its first two numbers."""
    match = re.match(r"v?((\d{1,9})\.(\d{1,9})[\w.+-]{0,40})(?: \(|$)", text, re.ASCII)
    if match is None:
        raise VersionError(f"no torc-server answered: {text[:40]!r} is no version; is the url right?")
    return match[1], (int(match[2]), int(match[3]))
