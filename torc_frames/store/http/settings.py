"""Which server to speak to, as whom, and what to trust: arguments, TORC_* variables, torc's config files."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from torc_frames import settings
from torc_frames.errors import RefusedError, TorcFramesWarning
from torc_frames.settings import Said
from torc_frames.settings.regular import open_regular

__all__ = [
    "DEFAULT_PATH",
    "ServerSettings",
    "dialect_of",
    "is_loopback",
    "read_certificates",
    "server_settings",
]

DEFAULT_PATH = "/torc-service/v1"

_EXAMPLE = f"http://host:8080{DEFAULT_PATH}"
_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^/?#]*)@)?(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#@]*)?",
    re.IGNORECASE | re.ASCII,
)
_LEGACY = re.compile(r"/_db/[^/]+/torc-service(/|$)")
# Control characters, and halves of characters, which no encoding can send.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BOOLEANS = dict.fromkeys(("1", "true", "on", "yes"), True) | dict.fromkeys(
    ("0", "false", "off", "no"), False
)
_TLS_VARIABLES = {"ca_cert": settings.TLS_CA_CERT, "insecure": settings.TLS_INSECURE}
_MOST_CERTIFICATE_BYTES = 16 << 20
_CREDENTIALS = ("username", "password", "cookie")
_ARGUMENT = "argument"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to speak to a server.

    Neither a password nor a cookie is ever shown, and a pickle does not hold them: where it is loaded they
    are read from the environment.

    Attributes
    ----------
    url : str
        Without a slash at the end, user, query and fragment.
    username, password : str or None
        For basic authentication; both or neither.
    cookie : str or None
        The ``Cookie`` header as it is.
    ca_cert : str or None
        The absolute path of a file of certificates to trust as well.
    insecure : bool
        Whether any certificate will do.
    timeout_s : float
        How long the server may be silent.
    limit_s : float
        How long one call may take in all, its repetitions included.
    send_credentials : bool
        Whether the user named this server, and not only a ``./torc.toml``. If not, there are none here.
    sources : mapping of str to str
        Where each setting came from, by its name: those that were said, also the withheld ones.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cookie: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    insecure: bool = False
    timeout_s: float = 60.0
    limit_s: float = 600.0
    send_credentials: bool = True
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        others = (self.ca_cert, self.insecure, self.timeout_s, self.limit_s)
        return _load, (self.url, self.username, *others, self.send_credentials, dict(self.sources))


def server_settings(
    url: str | None = None,
    *,
    username: str | None = None,
    password: str | None = None,
    ca_cert: str | None = None,
    insecure: bool | None = None,
    cookie: str | None = None,
    timeout: float | None = None,
) -> ServerSettings:
    """Return how to speak to a server: arguments first, then as `settings.said` reads them.

    Parameters
    ----------
    url : str, optional
        ``http(s)://host:port/path``. Without a path it is ``/torc-service/v1``. A ``user:password@`` before
        the host is taken as such, and is weaker than the arguments for them.
    username, password : str, optional
        Basic authentication; without a password there is none.
    ca_cert : str, optional
        A file with certificates (PEM) to trust as well.
    insecure : bool, optional
        Whether any certificate will do.
    cookie : str, optional
        A ``Cookie`` header as it is.
    timeout : float, optional
        For how many seconds a call may last, by the clock, all that is tried again included. Default: 600,
        of which the server may be silent for 60.

    Raises
    ------
    RefusedError
        If a setting makes no sense, no server is named, or a file can not be read or is broken.

    Warns
    -----
    TorcFramesWarning
        If a password or cookie is withheld, as only a ``./torc.toml`` names the server; if that file's TLS
        settings are not used, as the user named it; if a password or cookie goes out unencrypted.
    """
    named = next(_said("url", url), None)
    if named is None:
        raise RefusedError(f"no server is named: give its url ({_EXAMPLE}) or set {settings.API_URL}")
    server = _server(named)
    trusted = not named.cloned or server.origin in _own_origins()
    found = _credentials(server, named, username, password, cookie)
    _warn_of_credentials(server, trusted, found)
    file = _tls(server, trusted, "ca_cert", ca_cert)
    any_will_do = _tls(server, trusted, "insecure", insecure)
    seconds = 60.0 if timeout is None else _seconds(timeout)
    places = {"url": named, **found, "ca_cert": file, "insecure": any_will_do}
    if timeout is not None:
        places["timeout"] = Said("", _ARGUMENT)
    return ServerSettings(
        url=server.url,
        ca_cert=None if file is None else _certificates(file),
        insecure=any_will_do is not None and _boolean(any_will_do),
        timeout_s=seconds,
        limit_s=600.0 if timeout is None else seconds,
        send_credentials=trusted,
        sources={name: place.source for name, place in places.items() if place is not None},
        **({name: place.text for name, place in found.items()} if trusted else {}),
    )


def dialect_of(url: str) -> Literal["v1", "legacy"]:
    """Return which dialect a server speaks, by its url: today's, or that of 2023.

    Examples
    --------
    >>> dialect_of("http://host:8529/_db/workflows/torc-service")
    'legacy'
    """
    return "legacy" if _LEGACY.search(url) else "v1"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or address alone.

    Examples
    --------
    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "[::1]", "127.example.com")]
    [True, True, True, False]
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    origin: str
    host: str
    username: str = ""
    password: str = field(default="", repr=False)


def _said(setting: str, argument: object, in_url: str = "", source: str = "") -> Iterator[Said]:
    """Yield what is said about a setting, strongest first: argument, url, then as `settings.said`."""
    if setting == "insecure" and isinstance(argument, bool):
        argument = str(argument).lower()
    if argument is not None and not isinstance(argument, str):
        raise RefusedError(f"{setting} is text, not {type(argument).__name__}")
    if argument:
        yield Said(argument, _ARGUMENT)
    if in_url:
        yield Said(in_url, source)
    yield from settings.said(setting)


def _server(named: Said) -> _Server:
    """Take a url apart; no message repeats it, as it may hold a password."""
    wrong = f"{_name('url', named)} is not the url of a server, such as {_EXAMPLE}"
    match = _URL.fullmatch(named.text)
    if match is None or re.search(r"[\x00-\x20\\]", named.text):
        hint = "without ? and #" if re.search("[?#]", named.text) else "only http:// and https://"
        at = " (in a user or password, write / ? # as %2F %3F %23)" if "@" in named.text else ""
        raise RefusedError(f"{wrong}: {hint}{at}")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or {"http": 80, "https": 443}[scheme])
    if not 0 < port < 65536:
        raise RefusedError(f"{wrong}: the port is a number from 1 to 65535")
    if host.startswith("[") and _address(host) is None:
        raise RefusedError(f"{wrong}: what is in [] is not an IPv6 address")
    username, _, password = (match["user"] or "").partition(":")
    path = (match["path"] or "").rstrip("/") or DEFAULT_PATH
    return _Server(
        url=f"{scheme}://{host}{':' + match['port'] if match['port'] else ''}{path}",
        origin=f"{scheme}://{host}:{port}",
        host=host,
        username=unquote(username, errors="surrogateescape"),
        password=unquote(password, errors="surrogateescape"),
    )


def _own_origins() -> set[str]:
    """Return the servers that the user has named, wherever."""
    return {_server(place).origin for place in settings.said("url") if not place.cloned}


def _credentials(
    server: _Server, named: Said, username: object = None, password: object = None, cookie: object = None
) -> dict[str, Said]:
    """Return username, password and cookie, those that there are."""
    places = {
        "username": _said("username", username, server.username, named.source),
        "password": _said("password", password, server.password, named.source),
        "cookie": _said("cookie", cookie),
    }
    found = {name: first for name, said in places.items() if (first := next(said, None))}
    if "password" not in found:
        found.pop("username", None)
    elif "username" not in found:
        raise RefusedError(f"a password without a user: set {settings.USERNAME}")
    for name, place in found.items():
        if _UNSENDABLE.search(place.text):
            raise RefusedError(
                f"{_name(name, place)} holds a line break or another character that can't be sent"
            )
        if name == "username" and ":" in place.text:
            raise RefusedError(f"{_name(name, place)} holds a colon, which no user name can")
        if name == "cookie" and not place.text.isascii():
            raise RefusedError(f"{_name(name, place)} holds other than ASCII characters")
    return found


def _warn_of_credentials(server: _Server, trusted: bool, found: Mapping[str, Said]) -> None:
    secrets = " and ".join(_name(name, place) for name, place in found.items() if name != "username")
    if secrets and not trusted:
        _warn(
            f"{secrets}: not sent to {server.origin}, as only .{os.sep}{settings.LOCAL_CONFIG} names that "
            f"server, and it may have come with a repository; if it is yours, set "
            f"{settings.API_URL}={server.url}"
        )
    elif secrets and server.origin.startswith("http:") and not is_loopback(server.host):
        _warn(
            f"{secrets}: sent to {server.origin} UNENCRYPTED, anybody on the way can read it; "
            "use https:// or a tunnel to localhost"
        )


def _tls(server: _Server, trusted: bool, setting: str, argument: object) -> Said | None:
    """Return what the strongest place says that has a say.

    A ``./torc.toml`` has none where credentials may be sent: it could let others read them.
    """
    for place in _said(setting, argument):
        harmless = setting == "insecure" and not _boolean(place)
        if harmless or not (place.cloned and trusted):
            return place
        _warn(
            f"{_name(setting, place)}: not used for {server.origin}, as you named that server and the file "
            f"may have come with a repository; if it is yours, set {_TLS_VARIABLES[setting]}"
        )
    return None


def _certificates(place: Said) -> str:
    """Return the absolute path of a file of certificates."""
    import ssl

    path = os.path.abspath(os.path.join(place.folder or "", place.text))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=read_certificates(path))
        certificates = context.cert_store_stats()["x509"]
    except ssl.SSLError:
        certificates = 0
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RefusedError(f"{_name('ca_cert', place)}: can not read {path}: {reason}") from None
    if not certificates:
        raise RefusedError(f"{_name('ca_cert', place)}: {path} holds no certificate (PEM)")
    return path


def read_certificates(path: str) -> str:
    """Return the text of a file of certificates; OSError if it is no regular file."""
    with open_regular(path) as file:
        return file.read(_MOST_CERTIFICATE_BYTES).decode("ascii", "ignore")


def _boolean(place: Said) -> bool:
    try:
        return _BOOLEANS[place.text.lower()]
    except KeyError:
        raise RefusedError(f"{_name('insecure', place)} is true or false, not {place.text!r}") from None


def _seconds(timeout: float) -> float:
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not math.isfinite(timeout) or timeout <= 0:
        raise RefusedError(f"timeout is a number of seconds above 0, not {timeout!r}")
    return float(timeout)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None  # a name


def _name(setting: str, place: Said) -> str:
    return f"{setting} ({place.source})"


def _warn(message: str) -> None:
    warnings.warn(message, TorcFramesWarning, stacklevel=4)


def _load(
    url: str,
    username: str | None,
    ca_cert: str | None,
    insecure: bool,
    timeout_s: float,
    limit_s: float,
    send_credentials: bool,
    sources: Mapping[str, str],
) -> ServerSettings:
    """Make settings from a pickle, with the credentials of this environment."""
    named = Said(url, sources["url"])
    found = _credentials(_server(named), named, username) if send_credentials else {}
    kept = {name: source for name, source in sources.items() if name not in _CREDENTIALS}
    return ServerSettings(
        url=url,
        ca_cert=ca_cert,
        insecure=insecure,
        timeout_s=timeout_s,
        limit_s=limit_s,
        send_credentials=send_credentials,
        sources=kept | {name: place.source for name, place in found.items()},
        **{name: place.text for name, place in found.items()},
    )
