"""A message and its buffers as one frame of a WebSocket, and back.

A frame has the length of its head as four bytes, the lowest first; the head, which is JSON in UTF-8:
``{"message": …, "sizes": [3, 0]}``; and the buffers of those sizes, one after the other. The page does the
same in ``static/src/host/frames.ts``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from torc_frames.errors import RefusedError

__all__ = ["packed", "unpacked"]

_LENGTH = struct.Struct("<I")


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message: dict[str, Any]
    sizes: list[int]


def packed(message: dict[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> bytes:
    """Return a message with its buffers as a frame.

    Examples
    --------
    >>> unpacked(packed({"kind": "text"}, [b"abc", b""]))
    ({'kind': 'text'}, [b'abc', b''])
    """
    parts = [bytes(buffer) for buffer in buffers]
    content = {"message": message, "sizes": [len(part) for part in parts]}
    # Of the standard library: a text may have half a surrogate pair, which others can't write.
    head = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *parts])


def unpacked(frame: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the message of a frame, and its buffers; RefusedError if it is none."""
    if len(frame) < _LENGTH.size:
        raise RefusedError("the page sent a frame without a head")
    start = _LENGTH.size + _LENGTH.unpack_from(frame)[0]
    try:
        head = msgspec.convert(json.loads(frame[_LENGTH.size : start]), _Head)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise RefusedError(f"the page sent a frame whose head can't be read: {error}") from None
    if start + sum(head.sizes) != len(frame) or min(head.sizes, default=0) < 0:
        raise RefusedError("the page sent a frame that is not as long as it says")
    buffers = []
    for size in head.sizes:
        buffers.append(frame[start : start + size])
        start += size
    return head.message, buffers
