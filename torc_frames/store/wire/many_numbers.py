"""What torc-server makes of the numbers of many records at once: what `numbers.fit` says, but faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torc_frames.store.wire.numbers import POWERS, in_string, to_send

__all__ = ["FittedLines", "fit_lines"]

_BLOCK_LINES = 20_000
_EXACT = 15
"""Numbers of so many characters are read exactly, if they have no exponent."""

_FLOAT = r"^-?(?P<whole>[0-9]{1,19})(?:\.(?P<fraction>[0-9]{1,40}))?(?:[eE]\+?(?P<power>-?[0-9]{1,3}))?$"
_MAX_DIGITS = 19
_IN_NUMBERS = bytes(chr(at) in "0123456789.-+eE" for at in range(256))

Array = Any
"""A numpy array: numpy and Arrow are imported when there is something to do."""


class FittedLines(NamedTuple):
    """Lines as they are sent and come back, and of each the first float that comes back as another."""

    send: list[bytes]
    back: list[bytes]
    inexact: dict[int, tuple[str, str]]
    odd: list[int]
    """The lines that `numbers.fit` has to look at; they are as they were."""


class _Change(NamedTuple):
    """A float: its line, where it starts in a block, its text, what is sent and what comes back."""

    row: int
    start: int
    text: bytes
    send: bytes
    back: bytes


class _Floats(NamedTuple):
    values: Array
    read: Array
    """What the server reads."""
    far: Array
    """Whether it has an exponent, so that its neighbours may come back as it."""
    odd: Array
    """Whether `numbers.fit` has to look at it: no float, or very long, large or small."""


def fit_lines(lines: Sequence[bytes]) -> FittedLines:
    """Return what becomes of many lines of JSON, none of which holds a newline."""
    fitted = FittedLines([], [], {}, [])
    for start in range(0, len(lines), _BLOCK_LINES):
        block = lines[start : start + _BLOCK_LINES]
        data = b"\n".join([b"", *block, b""])
        changes, odd = _changes(data, block)
        fitted.send.extend(_spliced(data, block, changes, sent=True))
        fitted.back.extend(_spliced(data, block, changes, sent=False))
        for change in changes:
            if change.back is not change.text:
                fitted.inexact.setdefault(start + change.row, (change.text.decode(), change.back.decode()))
        fitted.odd.extend(start + row for row in odd)
    return fitted


def _spliced(data: bytes, lines: Sequence[bytes], changes: list[_Change], sent: bool) -> Sequence[bytes]:
    """Return lines as they are sent, or as they come back."""
    if not changes:
        return lines
    pieces: list[bytes] = []
    done = 0
    for change in changes:
        pieces += (data[done : change.start], change.send if sent else change.back)
        done = change.start + len(change.text)
    pieces.append(data[done:])
    return b"".join(pieces).split(b"\n")[1:-1]


def _changes(data: bytes, lines: Sequence[bytes]) -> tuple[list[_Change], list[int]]:
    """Return the floats that are sent or come back with another text, and the odd lines."""
    import numpy as np

    starts, ends = _suspects(data)
    texts = [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    line_starts: Array = np.cumsum([1, *[len(line) + 1 for line in lines]])
    at_line: Array = np.searchsorted(line_starts, starts, side="right") - 1
    there = _read(texts)
    is_odd = np.zeros(len(lines), np.bool_)
    is_odd[at_line[there.odd]] = True
    again = np.flatnonzero(~is_odd[at_line] & ((np.abs(there.values) != there.read) | there.far))
    values, far = there.values[again], there.far[again]
    back = _read([repr(one).encode() for one in there.read[again].tolist()])
    changed = back.odd | (back.read != np.abs(values))
    again, rows = again[changed], at_line[again[changed]]
    columns = (
        again.tolist(),
        rows.tolist(),
        starts[again].tolist(),
        _quoted(data, starts[again], line_starts[rows]).tolist(),
        (far | back.odd)[changed].tolist(),
        np.copysign(back.read, values)[changed].tolist(),
    )
    changes = [
        _change(row, start, texts[at], None if is_far else told)
        for at, row, start, quoted, is_far, told in zip(*columns, strict=True)
        if not (quoted if b"\\" not in lines[row] else in_string(lines[row], start - int(line_starts[row])))
    ]
    return changes, np.flatnonzero(is_odd).tolist()


def _change(row: int, start: int, text: bytes, value: float | None) -> _Change:
    sent = text
    if value is None:
        sent, value = to_send(text)
    return _Change(row, start, text, sent, text if value == float(text) else repr(value).encode())


def _suspects(data: bytes) -> tuple[Array, Array]:
    """Return where runs of characters of numbers start and end that are long, or have an exponent."""
    import numpy as np

    flags = np.frombuffer(data.translate(_IN_NUMBERS), dtype=np.bool_)
    edges = np.flatnonzero(flags[1:] != flags[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    suspect = ends - starts > _EXACT
    text = np.frombuffer(data, dtype=np.uint8)
    powers = np.flatnonzero(((text[1:] | 32) == ord("e")) & (text[:-1] - np.uint8(ord("0")) < 10))
    suspect[np.searchsorted(starts, powers, side="right") - 1] = True
    return starts[suspect], ends[suspect]


def _quoted(data: bytes, places: Array, line_starts: Array) -> Array:
    """Return whether an odd number of quotation marks stands before each place in its line."""
    import numpy as np

    quotes = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord('"'))
    return (np.searchsorted(quotes, places) - np.searchsorted(quotes, line_starts)) % 2 == 1


def _read(texts: list[bytes]) -> _Floats:
    """Read numbers without their signs as `numbers.server_reads` does."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pa.array(texts, pa.string())
    whole, fraction, power = pc.extract_regex(numbers, _FLOAT).flatten()
    digits = pc.utf8_ltrim(pc.binary_join_element_wise(whole, fraction, ""), "0")
    digits = pc.if_else(pc.equal(digits, ""), "0", digits)
    fits = pc.fill_null(pc.less_equal(pc.binary_length(digits), _MAX_DIGITS), False)
    significand = pc.if_else(fits, digits, "0").cast(pa.uint64()).to_numpy().astype(np.float64)
    values = pc.if_else(fits, numbers, "0").cast(pa.float64()).to_numpy()
    exponent = pc.if_else(pc.equal(power, ""), "0", power).cast(pa.int64())
    exponent = pc.fill_null(pc.subtract(exponent, pc.binary_length(fraction)), 0).to_numpy()
    far = pc.fill_null(pc.not_equal(power, ""), False).to_numpy(zero_copy_only=False)
    is_float = far | (pc.fill_null(pc.binary_length(fraction), 0).to_numpy() > 0)
    near = np.abs(exponent) < len(POWERS)
    scale = np.array(POWERS)[np.where(near, np.abs(exponent), 0)]
    with np.errstate(over="ignore"):
        read = np.where(exponent >= 0, significand * scale, significand / scale)
    odd = ~fits.to_numpy(zero_copy_only=False) | ~is_float | ~near | ~np.isfinite(read)
    return _Floats(values, read, far, odd)
