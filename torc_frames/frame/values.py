"""Python values as JSON: kept exactly, or refused by name. Needs neither pandas nor numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from torc_frames.errors import Problem, RefusedError, UnreadableRecordError

__all__ = [
    "RefusalError",
    "canonical",
    "decode_data",
    "decode_lines",
    "duration_text",
    "encode_data",
    "encode_documents",
    "is_missing",
    "placed",
    "plain",
    "shortest",
    "unknown",
]

MAX_DEPTH = 127
"""How deep JSON may be nested; torc-server reads 128 levels."""

MAX_INT_BITS = 14_000
"""Python converts integers of up to 4,300 digits to text and back."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_MENDS = {
    "Decimal": "use str() to keep its digits, or float()",
    "Fraction": "use str() or float()",
    **dict.fromkeys(("bytes", "bytearray", "memoryview"), "use .hex() or base64"),
    "tuple": "use a list",
    **dict.fromkeys(("set", "frozenset"), "use a sorted list"),
    **dict.fromkeys(("complex", "clongdouble"), "use a list of its two parts"),
    "longdouble": "use float(), which may round",
    "void": "use .item()",
    "range": "use list()",
    **dict.fromkeys(("Index", "ExtensionArray"), "use .tolist()"),
    **dict.fromkeys(("Array", "ChunkedArray"), "use .to_pylist()"),
    "Scalar": "use .as_py()",
    **dict.fromkeys(("NAType", "NaTType"), "use None"),
    **dict.fromkeys(("ndarray", "Series"), "use .tolist(), or store a file and tf.Pointer(path)"),
    "DataFrame": "write it to a file and store tf.Pointer(path)",
    "datetime": "use .isoformat(), or a column of dtype datetime64",
    "datetime64": "use str(), or a column of dtype datetime64",
    **dict.fromkeys(
        ("Timestamp", "date"), "use .isoformat(), or make the column datetime64 with pd.to_datetime"
    ),
    "time": "use .isoformat()",
    "timedelta": "use .total_seconds(), or a column of dtype timedelta64",
    "timedelta64": "use a column of dtype timedelta64",
    "Timedelta": "use .total_seconds(), or make the column timedelta64 with pd.to_timedelta",
    "Interval": "use its .left and .right",
    **dict.fromkeys(("UUID", "Period", "DateOffset", "PurePath", "str"), "use str()"),
    "int": "use int()",
    "float": "use float()",
}
"""What to use instead of an object, by the name of its class or of one that it is made of."""

_ARRAY_MENDS = {
    "c": "use a list of real and one of imaginary parts",
    "M": "use numpy.datetime_as_string(array).tolist()",
    "m": "use its counts, .astype('int64').tolist()",
    "S": "use .astype(str).tolist()",
    "V": "use a list of objects, by the names of its fields",
}
"""By numpy's kind of dtype."""


class RefusalError(ValueError):
    """Why a value is no JSON; becomes a `Problem` with its row and column."""


def is_missing(value: Any) -> bool:
    """Return whether a cell is missing: None, a NaN, ``pd.NA`` or ``pd.NaT``."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
        or (type(value).__module__ == "numpy" and bool(value != value) if _is_scalar(value) else False)
    )


def plain(value: Any, depth: int = 1, where: str = "") -> Any:
    """Return a value as plain Python that JSON keeps exactly: None, bool, int, float, str, list, dict.

    Raises
    ------
    RefusalError
        Saying where in the value, what, and what to use instead.
    """
    kind = type(value)
    if kind is str:
        return _checked_str(value, where)
    if kind is bool or value is None:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise RefusalError(placed(where, f"{value} is not JSON; use None, a string or a number"))
        return value
    if kind is int:
        if value.bit_length() > MAX_INT_BITS:
            raise RefusalError(placed(where, "an integer of more than 4,000 digits; use a string"))
        return value
    if depth > MAX_DEPTH:
        raise RefusalError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [plain(item, depth + 1, f"{where}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, where): plain(item, depth + 1, f"{where}.{key}") for key, item in value.items()}
    if _is_scalar(value):
        return _numpy_scalar(value, depth, where)
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        return _list_of(value, depth, where)
    if hasattr(value, "to_json") and kind.__name__ == "Pointer":
        return value.to_json()
    raise RefusalError(unknown(value, where))


def encode_data(data: Any) -> bytes:
    """Return a record's data as compact JSON of one line, in UTF-8.

    Keys keep their order; numbers, strings and nesting are kept exactly.

    Raises
    ------
    RefusedError
        For what JSON can't keep: NaN and Infinity, bytes, dates, tuples, keys that are no strings, …

    Examples
    --------
    >>> encode_data({"alpha": 0.1, "layers": [8, 8]})
    b'{"alpha":0.1,"layers":[8,8]}'
    """
    try:
        return _encode(plain(data))
    except RefusalError as refusal:
        raise RefusedError(str(refusal)) from None


def encode_documents(documents: Sequence[Any]) -> list[bytes]:
    """Return documents as `encode_data` does; all that are refused are named by their position."""
    encoded, problems = [], []
    for position, document in enumerate(documents):
        try:
            encoded.append(_encode(plain(document)))
        except RefusalError as refusal:
            problems.append(Problem(position, None, str(refusal)))
    if problems:
        raise RefusedError(problems)
    return encoded


def decode_data(key: str, raw: bytes) -> Any:
    """Return decoded JSON of one record; UnreadableRecordError names it by `key`."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise UnreadableRecordError(key, str(error)) from None


def decode_lines(keys: list[str], data: bytes) -> list[Any]:
    """Return the decoded JSON of each line; UnreadableRecordError names the record it failed for."""
    try:
        decoded: list[Any] = _decode(b"[" + data.replace(b"\n", b",") + b"]")
    except (msgspec.MsgspecError, RecursionError, ValueError):
        decoded = []
    if len(decoded) == len(keys):
        return decoded
    return [decode_data(key, raw) for key, raw in zip(keys, data.split(b"\n"), strict=True)]


def canonical(value: Any) -> str:
    """Return a text that is equal for equal JSON: typed, but 1 is 1.0, and a null key is no key.

    Examples
    --------
    >>> canonical({"b": 1, "a": 2.0}) == canonical({"a": 2, "b": 1.0, "c": None})
    True
    >>> canonical("1") == canonical(1)
    False
    """
    if isinstance(value, dict):
        kept = [(key, canonical(item)) for key, item in sorted(value.items())]
        return "{" + ",".join(f"{canonical(key)}:{text}" for key, text in kept if text != "null") + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _encode(value).decode()


def shortest(text: str) -> str:
    """Leave out zeros at the end of a fraction: what a time is written as does not depend on its unit."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_text(count: int, digits: int) -> str:
    """Return a duration in ISO 8601, counted in a unit of so many digits of a second.

    Examples
    --------
    >>> duration_text(-61_500, 3)
    '-PT61.5S'
    """
    seconds, part = divmod(abs(count), 10**digits)
    return f"{'-' if count < 0 else ''}PT{shortest(f'{seconds}.{part:0{digits}d}')}S"


def _is_scalar(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0


def _list_of(array: Any, depth: int, where: str) -> Any:
    """Return the list that an array is in JSON."""
    mend = _ARRAY_MENDS.get(array.dtype.kind)
    if mend is not None:
        raise RefusalError(placed(where, f"an array of dtype {array.dtype} can't be kept exactly; {mend}"))
    return plain(array.tolist(), depth, where)


def _numpy_scalar(value: Any, depth: int, where: str) -> Any:
    if value.dtype.kind not in "biufU" or type(value).__name__ == "ndarray":
        raise RefusalError(unknown(value, where))
    item = value.item()
    if _is_scalar(item):
        raise RefusalError(unknown(value, where))
    return plain(item, depth, where)


def _checked_str(value: str, where: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RefusalError(placed(where, f"{value!r} holds a lone surrogate, which is no text")) from None
    return value


def _key(key: Any, where: str) -> str:
    if type(key) is not str:
        raise RefusalError(placed(where, f"the key {key!r} is a {type(key).__name__}; JSON keys are strings"))
    return _checked_str(key, where)


def unknown(value: Any, where: str = "") -> str:
    """Return why a value of an unknown type is no JSON, and what to use instead."""
    names = [base.__name__ for base in type(value).__mro__]
    mend = next((_MENDS[name] for name in names if name in _MENDS), "use a string, number, list or dict")
    if "Enum" in names:
        mend = "use its .value or .name"
    return placed(where, f"a {type(value).__name__} can't be kept exactly as JSON; {mend}")


def placed(where: str, reason: str) -> str:
    """Return a reason with the place inside of a value that it is about."""
    return f"at {where.lstrip('.')}: {reason}" if where else reason
