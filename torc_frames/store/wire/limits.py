"""What a torc-server keeps of the records that are sent to it, and what it refuses."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress, count

import msgspec

from torc_frames.errors import InexactFloatWarning, Problem, RefusedError, warn
from torc_frames.store.wire.many_numbers import FittedLines, fit_lines
from torc_frames.store.wire.numbers import doubtful_lines, fit

__all__ = ["MAX_RECORD_BYTES", "Kept", "Outgoing", "json_problem", "kept", "outgoing", "size_problems"]

MAX_DEPTH = 120
"""The server reads 128 levels, of which a bulk request takes some for itself."""

MAX_RECORD_BYTES = 2_000_000
"""The server takes 2 MiB a request, but for bulk ones; a record must fit into the request that changes it."""


class Kept(bytes):
    """Raw JSON as the server gives it back, that is known to come back if it is sent."""

    __slots__ = ()

    @property
    def sent(self) -> bytes:
        """What to send for it."""
        return self


class _Fitted(Kept):
    """Raw JSON that comes back if something else is sent."""

    sent: bytes = b""


def _fitted(back: bytes, sent: bytes) -> Kept:
    one = _Fitted(back)
    one.sent = sent
    return one


@dataclass(slots=True)
class Outgoing:
    """Records as they are sent, as they come back, and what comes back with another last digit."""

    send: list[bytes]
    back: list[bytes]
    inexact: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By row: the first such float, and what becomes of it."""


def outgoing(lines: Sequence[bytes]) -> Outgoing:
    """Return what to send of records, and what the server will keep of them.

    Raises
    ------
    RefusedError
        With all that the server would refuse, change or never give back, by row.
    """
    known = [line.sent for line in lines if isinstance(line, Kept)]
    if len(known) == len(lines):
        return Outgoing(known, [*lines])
    reasons = _refusals(lines)
    right = lines if not reasons else [b"" if row in reasons else line for row, line in enumerate(lines)]
    fitted = fit_lines(right) if len(right) >= _MANY_LINES else _one_by_one(right)
    sent = Outgoing(*fitted[:3])
    for row in fitted.odd:
        try:
            sent.send[row], sent.back[row], inexact = fit(lines[row])
        except OverflowError as error:
            reasons[row] = f"{error}, which torc-server can't keep; use a string"
            continue
        if inexact is not None:
            sent.inexact[row] = inexact
    problems = [Problem(row, None, reason) for row, reason in sorted(reasons.items())]
    if problems:
        raise RefusedError(problems)
    return sent


def _one_by_one(lines: Sequence[bytes]) -> FittedLines:
    return FittedLines([*lines], [*lines], {}, doubtful_lines(b"\n".join(lines)))


_MANY_LINES = 100
"""Fewer are fitted one by one: a job that stores its results does without numpy and Arrow."""

_BLOCK_LINES = 20_000
_validate = msgspec.json.Decoder(msgspec.Raw).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _refusals(lines: Sequence[bytes]) -> dict[int, str]:
    """Return why lines are refused, by row; most blocks need no look at each."""
    reasons: dict[int, str] = {}
    for start in range(0, len(lines), _BLOCK_LINES):
        block = lines[start : start + _BLOCK_LINES]
        if not _are_plain(block):
            rows = enumerate(block, start)
            reasons |= {row: reason for row, line in rows if (reason := _refusal(line))}
    return reasons


def _are_plain(lines: Sequence[bytes]) -> bool:
    """Return whether all lines are JSON for certain, and nothing about them needs a closer look."""
    text = b"[" + b",".join(lines) + b"]"
    if b"\n" in text or b"\\u" in text or not _DIGITS.isdisjoint(line[:1] for line in lines):
        return False
    if any(line.count(b"[") + line.count(b"{") > MAX_DEPTH for line in lines):
        return False
    try:
        if not text.isascii():
            text.decode()
        return [*map(len, _split(text))] == [*map(len, lines)]
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return False


def json_problem(line: bytes, decode: Callable[[bytes], object]) -> str | None:
    """Return why a line is not JSON of one line that can be sent and decoded, None if it is."""
    if b"\n" in line:
        return "is JSON of several lines"
    try:
        if not line.isascii():
            line.decode()
        if b"\\u" in line:
            json.dumps(json.loads(line), ensure_ascii=False).encode()
        decode(line)
    except UnicodeEncodeError:
        return "holds a lone surrogate, which is no text"
    except (UnicodeDecodeError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    return None


def _refusal(line: bytes) -> str | None:
    if line[:1] in _DIGITS:
        return "torc-server can't give back a record that is a bare number; put it into an object"
    if reason := json_problem(line, _validate):
        return reason
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels, more than torc-server reads"
    return None


_DIGITS = frozenset(b"%c" % digit for digit in b"-0123456789")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]')


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(line):
        if match[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif match[0][:1] != b'"':
            depth -= 1
    return deepest


def size_problems(lines: Iterable[bytes]) -> list[Problem]:
    """Return the records that are larger than the server takes, as problems by row."""
    return [
        Problem(
            row,
            None,
            f"has {len(line):,} bytes, more than torc-server takes; write it to a file and store "
            "tf.Pointer(path)",
        )
        for row, line in enumerate(lines)
        if len(line) > MAX_RECORD_BYTES
    ]


def kept(lines: Sequence[bytes]) -> list[bytes]:
    """Return what the server gives back for records, up to the order of keys; warn of floats it changes.

    Raises
    ------
    RefusedError
        With all that the server would refuse, change or never give back, by row.
    """
    problems = size_problems(lines)
    if problems:
        raise RefusedError(problems)
    sent = outgoing(lines)
    if sent.inexact:
        row, (was, becomes) = next(iter(sent.inexact.items()))
        warn(
            f"torc-server changes the last digit of some floats, in {len(sent.inexact)} of {len(lines)} "
            f"records; the first in row {row}, where {was} comes back as {becomes}. Floats of 15 digits are "
            "kept: df.round(), or round(value, 12)",
            InexactFloatWarning,
        )
    made: list[bytes] = [*map(Kept, sent.back)]
    for row in compress(count(), map(operator.ne, sent.back, sent.send)):
        made[row] = _fitted(sent.back[row], sent.send[row])
    return made
