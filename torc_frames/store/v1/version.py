"""Which torc-server answers, and whether its version is one that is spoken here."""

from __future__ import annotations

import re

import msgspec

from torc_frames.errors import VersionError

__all__ = ["check_version"]

_SPOKEN = "torc 1.x"
_API_MAJOR = 0


class _Reply(msgspec.Struct):
    version: str
    api_version: str | None = None


def check_version(reply: bytes) -> str:
    """Return the version of a server, from its answer to ``GET /version``.

    Parameters
    ----------
    reply : bytes
        ``{"version": "1.0.0 (abc1234)", "api_version": "0.23.0"}``. The second numbers the HTTP interface on
        its own; torc calls another first number of that incompatible, too.

    Returns
    -------
    str
        Without what is in brackets: ``"1.0.0"``.

    Raises
    ------
    VersionError
        If that is another major version, or no torc-server.

    Examples
    --------
    >>> check_version(b'{"version":"1.0.0 (abc1234)","api_version":"0.23.0"}')
    '1.0.0'
    """
    try:
        answer = msgspec.json.decode(reply, type=_Reply)
    except msgspec.DecodeError as error:
        raise VersionError(f"no torc-server answered: {error}; is the url right?") from None
    version, major = _parse(answer.version)
    if major != 1:
        mend = "upgrade the server" if major < 1 else "upgrade torc_frames"
        raise VersionError(f"the server is torc {version}, and this torc_frames speaks to {_SPOKEN}: {mend}")
    api, api_major = (version, _API_MAJOR) if answer.api_version is None else _parse(answer.api_version)
    if api_major != _API_MAJOR:
        raise VersionError(
            f"the server is torc {version} with API {api}, and this torc_frames speaks to API "
            f"{_API_MAJOR}.x of {_SPOKEN}: upgrade torc_frames"
        )
    return version


def _parse(text: str) -> tuple[str, int]:
    """Return a version without its commit, and the major number of it."""
    match = re.match(r"v?((\d{1,9})\.[\w.+-]{1,40})(?: \(|$)", text, re.ASCII)
    if match is None:
        raise VersionError(f"no torc-server answered: {text[:40]!r} is no version; is the url right?")
    return match[1], int(match[2])
