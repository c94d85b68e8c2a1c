"""What a torc-server makes of numbers: reckoned one by one, and of many records at once."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from torc_frames.store.wire.many_numbers import fit_lines
from torc_frames.store.wire.numbers import MAX_INT, MIN_INT, FittedNumber, fit

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    finite,
    st.floats(0, 1),
    st.floats(-1e-5, 1e-5),
    st.integers(MIN_INT, MAX_INT),
    finite.map(repr),
    st.text('0123456789.-+eE\\":,', max_size=30),
)
values = st.recursive(
    numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.lists(values.map(msgspec.json.Encoder().encode), max_size=20))
@example([b'{"a":0.10000000000000001}', b"1.00000000000000000000001", b"[1E-5,12345678901234567.0,1.5E+3]"])
@example([b'"\\"0.12345678901234567"', b'"a:0.6394267984578837"', b"-0.6394267984578837", b"-0.0", b"null"])
def test_many_records_at_once_are_as_one_by_one(lines: list[bytes]) -> None:
    found = fit_lines(lines)
    for row, line in enumerate(lines):
        if row in found.odd:
            assert (found.send[row], found.back[row]) == (line, line)
        else:
            assert FittedNumber(found.send[row], found.back[row], found.inexact.get(row)) == fit(line)
    assert set(found.inexact) <= set(range(len(lines))) - set(found.odd)
