"""What a server's reply says: its message made harmless, when to come back, where it points."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

__all__ = ["causes", "clean", "message_of", "origin_of", "reason_of", "retry_after"]

_SHOWN = 400
_TITLE_WITHIN = 4096
_MESSAGES = ("message", "errorMessage", "error")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    r"""Return a server's text as one short line without control characters, and without the secrets.

    Examples
    --------
    >>> clean("no\x1b[2J such\nrecord; you sent swordfish", ["swordfish"])
    'no\\x1b[2J such record; you sent ***'
    """
    for secret in secrets:
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    more = "…" if len(text) > _SHOWN else ""
    return "".join(c if c.isprintable() else _escaped(c) for c in text[:_SHOWN]) + more


def message_of(body: bytes) -> str:
    """Return what the body of an error says, of whatever kind it is.

    Examples
    --------
    >>> message_of(b'{"error":{"error":"NotFound","message":"Workflow not found with ID: 9"}}')
    'Workflow not found with ID: 9'
    >>> message_of(b"Unauthorized"), message_of(b""), message_of(b"<html><title>502 Oops</title>")
    ('Unauthorized', '', 'a page of HTML, 502 Oops')
    """
    try:
        return _said(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        text = body.decode(errors="replace")
        if not text.lstrip().startswith("<"):
            return text
        title = _TITLE.search(text[:_TITLE_WITHIN])
        return "a page of HTML" + (f", {title[1].strip()}" if title else "")


def _said(value: Any) -> str:
    """Find the message in torc's errors, which are nested or not."""
    inner = value
    while isinstance(inner, dict):
        value, inner = inner, next((inner[name] for name in _MESSAGES if inner.get(name)), None)
    if isinstance(inner, str):
        return inner
    return msgspec.json.encode(value if inner is None else inner).decode()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def retry_after(header: str | None) -> float | None:
    """Return for how many seconds a Retry-After header asks to wait, or None.

    Examples
    --------
    >>> retry_after("7"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (7.0, 0.0, None)
    """
    if header is None:
        return None
    if re.fullmatch(r"\d{1,18}(\.\d*)?", header.strip(), re.ASCII):
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def origin_of(location: str, base: str) -> str:
    """Return scheme, host and port of a redirect's target.

    Examples
    --------
    >>> origin_of("https://me:secret@other:8443/login?token=1", "http://host/")
    'https://other:8443'
    """
    try:
        parts = urlsplit(urljoin(base, location))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "somewhere that is no url"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made from: requests and urllib3 wrap several times."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__context__, cause.__cause__, getattr(cause, "reason", None), *cause.args]


def reason_of(found: Sequence[BaseException]) -> str:
    """Say in the system's own words what happened: those of requests would show urls and headers."""
    for cause in found:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate verify failed: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return str(cause.reason or cause.strerror)
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror
        if type(cause) is OSError and len(cause.args) == 1:
            # http.client's, of a proxy's tunnel
            return str(cause)
    return (
        "timed out" if any(isinstance(cause, TimeoutError) for cause in found) else type(found[-1]).__name__
    )
