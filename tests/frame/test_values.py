"""Values are kept exactly as JSON, or refused by name."""

import decimal
import enum
import json
import pathlib
import re
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import json_values

from torc_frames.errors import RefusedError, UnreadableRecordError
from torc_frames.frame.values import (
    RefusalError,
    canonical,
    decode_data,
    decode_lines,
    encode_data,
    is_missing,
    plain,
)


class Colour(enum.IntEnum):
    RED = 1


@given(json_values())
def test_what_is_encoded_is_decoded(value):
    raw = encode_data(value)
    assert b"\n" not in raw
    decoded = decode_data("1", raw)
    assert repr(decoded) == repr(value)
    assert json.loads(raw) == value


@pytest.mark.parametrize(
    ("value", "json_text"),
    [
        (np.int8(3), b"3"),
        (np.uint64(2**64 - 1), b"18446744073709551615"),
        (np.float32(0.1), b"0.10000000149011612"),
        (np.bool_(True), b"true"),
        (np.str_("x"), b'"x"'),
        (2**80, b"1208925819614629174706176"),
        (np.array([[1.5, 2], [0, -0.0]]), b"[[1.5,2.0],[0.0,-0.0]]"),
    ],
)
def test_scalars_of_numpy_and_large_integers_are_kept(value, json_text):
    assert encode_data(value) == json_text


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), "nan is not JSON"),
        (float("inf"), "inf is not JSON"),
        (b"x", "hex"),
        ((1, 2), "list"),
        ({1, 2}, "sorted list"),
        (1j, "complex"),
        (decimal.Decimal("0.1"), "Decimal"),
        (pathlib.Path("x"), "str()"),
        (uuid.UUID(int=1), "UUID"),
        (Colour.RED, ".value"),
        (pd.Timestamp("2020"), "pd.to_datetime"),
        (np.datetime64("2020"), "datetime64"),
        (np.longdouble(1), "longdouble"),
        (pd.DataFrame(), "Pointer"),
        ({1: 2}, "keys are strings"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (pd.Series([1]), "tolist"),
        (object(), "object"),
    ],
)
def test_what_json_cannot_keep_is_refused_by_name(value, says):
    with pytest.raises(RefusedError, match=re.escape(says)):
        encode_data(value)


def test_an_integer_that_python_does_not_print_is_refused():
    with pytest.raises(RefusedError, match="digits"):
        encode_data(1 << 20_000)


def test_a_refusal_says_where():
    with pytest.raises(RefusalError, match=r"at model\.layers\[1\]: inf"):
        plain({"model": {"layers": [1, float("inf")]}})


def test_what_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(RefusedError, match="deeper"):
        encode_data(value)


@pytest.mark.parametrize(
    "value", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT", "s")]
)
def test_missing_values(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", False, [], {}, np.int64(0), np.zeros(2), "nan"])
def test_present_values(value):
    assert not is_missing(value)


def test_content_is_typed_but_numbers_are_numbers():
    assert canonical({"a": 1, "b": [1.0, {"c": None}]}) == canonical({"b": [1, {}], "a": 1.0, "z": None})
    assert len({canonical(value) for value in (1, "1", True, "true", None, [1], 1.5, 2**60 + 1, 2**60)}) == 9
    assert canonical(1e300) == canonical(int(1e300))


@pytest.mark.parametrize("raw", [b"1e400", b'"\\ud800"', b"{", b"NaN", b"", b"[" * 5000])
def test_an_unreadable_record_is_named(raw):
    with pytest.raises(UnreadableRecordError, match="key 42") as caught:
        decode_lines(["41", "42"], b'{"a":1}\n' + raw)
    assert caught.value.key == "42"
