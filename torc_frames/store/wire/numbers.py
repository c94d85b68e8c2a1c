"""What torc-server makes of numbers: which come back as they went, and what to send for those that don't.

The server reads JSON floats with a fast algorithm: digits as one whole number, then one multiplication
or division by a power of ten. Of 17 digits that is off by the last bit in about one of ten cases. It
reads them so twice, when a record is stored and when it is fetched; in between stands the shortest
text of what it read first.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "MAX_INT",
    "MIN_INT",
    "POWERS",
    "FittedNumber",
    "comes_back_as",
    "doubtful_lines",
    "fit",
    "in_string",
    "server_reads",
    "to_send",
]

MIN_INT, MAX_INT = -(2**63), 2**64 - 1
"""The integers that the server keeps."""

POWERS = [float(f"1e{n}") for n in range(309)]
_SIGNIFICAND = 2**64
_NEIGHBOURS = 3
_REMEMBERED = 10_000

_NUMBER = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_SUSPECT = re.compile(rb"-?[0-9](?:[0-9.]{15,}(?:[eE][+-]?[0-9]+)?|[0-9.]{0,14}[eE][+-]?[0-9]+)")
_ONLY_NUMBERS = bytes(at if chr(at) in "0123456789.-+eE" else 10 if at == 10 else 32 for at in range(256))
_RUNS = bytes(48 if chr(at) in "0123456789.-+eE" else 32 for at in range(256))
_LONG = b"0" * 16
_DIGITS = bytes(48 if chr(at) in "0123456789" else 101 if chr(at) in "eE" else 32 for at in range(256))
_POWER = re.compile(rb"[0-9][eE]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def server_reads(text: bytes) -> float:
    """Return what the server makes of a JSON float; OverflowError if it refuses it."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no JSON number")
    sign, whole, fraction, power = match.groups(default=b"")
    digits, exponent = whole + fraction, int(power or 0) - len(fraction)
    significand = int(digits)
    if significand >= _SIGNIFICAND:
        significand, dropped = _cut(digits)
        exponent += dropped
    value = float(significand)
    if exponent < -308 and value:
        value, exponent = value / 1e308, exponent + 308
    if abs(exponent) > 308:
        if value and exponent > 0:
            raise OverflowError(text.decode())
        value = 0.0
    else:
        value = value * POWERS[exponent] if exponent >= 0 else value / POWERS[-exponent]
    if math.isinf(value):
        raise OverflowError(text.decode())
    return -value if sign else value


def comes_back_as(text: bytes) -> float:
    """Return the float that a float of this text is, once it was sent, stored and fetched."""
    return server_reads(repr(server_reads(text)).encode())


@lru_cache(_REMEMBERED)
def to_send(text: bytes) -> tuple[bytes, float]:
    """Return the text to send so that a float comes back the same, or nearest to it, and what comes back."""
    value = float(text)
    best, best_back = text, comes_back_as(text)
    if best_back == value or not _is_far(text):
        return best, best_back
    down = up = value
    for _ in range(_NEIGHBOURS):
        down, up = math.nextafter(down, -math.inf), math.nextafter(up, math.inf)
        for near in (down, up):
            back = _back(near)
            if back is not None and abs(back - value) < abs(best_back - value):
                best, best_back = repr(near).encode(), back
    return best, best_back


class FittedNumber(NamedTuple):
    """JSON as it is to be sent, as it comes back, and the first float that comes back as another."""

    send: bytes
    back: bytes
    inexact: tuple[str, str] | None = None


def fit(raw: bytes) -> FittedNumber:
    """Return JSON with its numbers in the form to send, and as the server gives it back.

    Raises
    ------
    OverflowError
        For a number that the server refuses, or an integer that it would make a float.
    """
    suspects = [match for match in _SUSPECT.finditer(raw) if not _is_kept(match[0])]
    if not suspects:
        return FittedNumber(raw, raw)
    send, back, inexact, done = [], [], None, 0
    for match in suspects:
        start, end = match.span()
        text = match[0]
        if in_string(raw, start):
            continue
        if text.lstrip(b"-").isdigit():
            if not MIN_INT <= int(text) <= MAX_INT:
                raise OverflowError(f"{text[:40].decode()} is beyond 64 bits")
            continue
        sent, value = to_send(text)
        told = text if value == float(text) else repr(value).encode()
        if told is not text and inexact is None:
            inexact = text.decode(), told.decode()
        send += [raw[done:start], sent]
        back += [raw[done:start], told]
        done = end
    rest = raw[done:]
    return FittedNumber(b"".join([*send, rest]), b"".join([*back, rest]), inexact)


def doubtful_lines(data: bytes) -> list[int]:
    """Return which lines of JSON have numbers that `fit` has to look at; the others are sent as they are.

    Whatever looks like a number counts, also inside strings: few lines need that closer look.
    """
    powers = b"0e" in data.translate(_DIGITS)
    if not powers and _LONG not in data.translate(_RUNS):
        return []
    return [
        row
        for row, line in enumerate(data.translate(_ONLY_NUMBERS).split(b"\n"))
        if any(len(text) > 15 and not _is_kept(text.rstrip(b"eE")) for text in line.split())
        or (powers and _POWER.search(line) is not None)
    ]


def _is_far(text: bytes) -> bool:
    """Return whether a float is so large or small that its neighbours may come back as it."""
    return b"e" in text or b"E" in text


def _is_kept(text: bytes) -> bool:
    """Return whether it is a float that the server reads in one division, to the same value."""
    whole, point, fraction = text.partition(b".")
    if not point or len(text) > 20 or not fraction.isdigit() or not whole.lstrip(b"-").isdigit():
        return False
    return int(whole + fraction) / POWERS[len(fraction)] == float(text)


def in_string(raw: bytes, at: int) -> bool:
    """Return whether a place in JSON lies inside a string."""
    if b"\\" not in raw:
        return raw.count(b'"', 0, at) % 2 == 1
    return any(match.start() < at < match.end() for match in _STRING.finditer(raw))


def _cut(digits: bytes) -> tuple[int, int]:
    """Return as many digits as the server takes, and how many it leaves out."""
    significand = 0
    for at, digit in enumerate(digits):
        longer = significand * 10 + digit - 48
        if longer >= _SIGNIFICAND:
            return significand, len(digits) - at
        significand = longer
    return significand, 0


def _back(value: float) -> float | None:
    if math.isinf(value):
        return None
    try:
        return comes_back_as(repr(value).encode())
    except OverflowError:
        return None
