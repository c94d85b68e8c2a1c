"""Frames of messages and buffers: what is packed is unpacked, on both sides, and what is none is refused."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from editable import TextSource
from hosted import hosted
from hypothesis import given, settings
from hypothesis import strategies as st

from torc_frames.errors import RefusedError
from torc_frames.widgets.host.frames import packed, unpacked
from torc_frames.widgets.table.grid import Grid

_EXACT = 2**53 - 1
TEXTS = st.text(st.characters())  # half a surrogate pair, too
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-_EXACT, _EXACT)
    | st.floats(-_EXACT, _EXACT)  # beyond, JavaScript writes what Python reads as another integer
    | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=8,
)
MESSAGES = st.dictionaries(TEXTS, VALUES, max_size=4)
BUFFERS = st.lists(st.binary(max_size=40), max_size=4)

_AGAIN = """async frames => {
  const { pack, unpack } = await import("/assets/host.js");
  const again = frame => {
    const bytes = Uint8Array.from(atob(frame), each => each.charCodeAt(0));
    const [message, buffers] = unpack(bytes.buffer);
    return btoa(String.fromCharCode(...new Uint8Array(pack(message, buffers))));
  };
  return frames.map(again);
}"""


@given(MESSAGES, BUFFERS)
def test_what_is_packed_is_unpacked(message: dict[str, Any], buffers: list[bytes]) -> None:
    assert unpacked(packed(message, buffers)) == (message, buffers)


def test_a_page_unpacks_what_python_packs_and_python_what_a_page_packs(browser: Any) -> None:
    with hosted(browser, lambda: Grid(TextSource(1), label="Texts")) as bare:

        @settings(max_examples=25)
        @given(st.lists(st.tuples(MESSAGES, BUFFERS), min_size=8, max_size=12))
        def check(examples: list[tuple[dict[str, Any], list[bytes]]]) -> None:
            frames = [base64.b64encode(packed(*example)).decode() for example in examples]
            came = [unpacked(base64.b64decode(frame)) for frame in bare.page.evaluate(_AGAIN, frames)]
            assert came == examples

        check()


@given(st.binary(max_size=60))
def test_what_is_no_frame_is_refused_and_nothing_else(frame: bytes) -> None:
    with suppress(RefusedError):
        unpacked(frame)


@given(MESSAGES, BUFFERS, st.data())
def test_a_frame_that_is_cut_or_longer_is_refused(
    message: dict[str, Any], buffers: list[bytes], data: st.DataObject
) -> None:
    frame = packed(message, buffers)
    cut = data.draw(st.integers(0, len(frame) - 1))
    for wrong in (frame[:cut], frame + b"\0"):
        with pytest.raises(RefusedError):
            unpacked(wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_not_packed(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        packed({"value": value})
