"""What jobs return, as JSON: what can be kept of it, and why the rest can't. Needs no pandas, no numpy."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, MappingView, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, TypeGuard

from torc_frames.errors import RefusedError
from torc_frames.frame.flatten import Path, join, split
from torc_frames.frame.values import (
    MAX_DEPTH,
    RefusalError,
    duration_text,
    is_missing,
    placed,
    plain,
    shortest,
    unknown,
)

__all__ = ["MOST_ITEMS", "UNSTORED", "Keepable", "keepable", "note_unstored", "result_value", "without"]

MOST_ITEMS = 10_000
"""How many values an array may have to become a list; larger ones belong into files."""

UNSTORED = ("error", "unstored")
"""Where a record says which results are not in it, and why."""

_MOST_LINES = 1_000
_MOST_REASON = 300

_BESIDE = ".".join(UNSTORED)
"""The key that says it in a record that has an ``error`` of its own, which is no object."""


_BARE: dict[type, Callable[[Any], Any]] = {str: str.__str__, int: int.__int__, float: float.__float__}
"""The value of an object of a class that was made of one of these, such as an IntEnum, without its class."""

_BYTES = (bytes, bytearray, memoryview)


class Keepable(NamedTuple):
    """What can be kept of results as plain values, and why the others can't, by their paths."""

    values: dict[str, Any]
    unstored: dict[Path, str]


def keepable(results: Mapping[Any, Any]) -> Keepable:
    """Return what can be kept of results, and why the others can't.

    Missing values (NaN, NA, NaT) become None; tuples, arrays, ranges and other sequences lists; scalars of
    numpy and pandas, and what is a str, int or float by its class, plain ones; times and durations texts in
    ISO 8601. Of a dict the values that can be kept are; a list is kept as a whole or not.

    Examples
    --------
    >>> kept = keepable({"loss": float("nan"), "epochs": 3, "best": {"at": (1, 2), "raw": b""}})
    >>> kept.values
    {'loss': None, 'epochs': 3, 'best': {'at': [1, 2]}}
    >>> kept.unstored
    {('best', 'raw'): "a bytes can't be kept exactly as JSON; use .hex() or base64"}
    """
    unstored: dict[Path, str] = {}
    return Keepable(_object(results, (), unstored), unstored)


def result_value(value: Any, depth: int = 1, where: str = "") -> Any:
    """Return one value as plain Python, as `keepable` says.

    Raises
    ------
    RefusalError
        If it can't be kept.
    """
    if isinstance(value, str | bool | int | float) and type(value) in (str, bool, int, float):
        return None if value != value else plain(value, depth, where)
    if is_missing(value):
        return None
    for kind, bare in _BARE.items():
        if isinstance(value, kind):
            return plain(bare(value), depth, where)
    if depth > MAX_DEPTH:
        raise RefusalError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {
            _key(key, where): result_value(item, depth + 1, f"{where}.{key}") for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [result_value(item, depth + 1, f"{where}[{at}]") for at, item in enumerate(value)]
    if (text := _time_text(value)) is not None:
        return text
    if _is_array(value):
        return _of_array(value, depth, where)
    if isinstance(value, Sequence | MappingView) and not isinstance(value, _BYTES):
        return _of_sequence(value, depth, where)
    return plain(value, depth, where)


def note_unstored(
    values: dict[str, Any], unstored: Mapping[Path, str], stored: Iterable[str] = ()
) -> dict[str, Any]:
    """Return a record's values with what says which results are not in it.

    Parameters
    ----------
    values : dict
        The record's values, those of earlier calls included.
    unstored : mapping of path to str
        Which could not be stored now, and why.
    stored : iterable of str
        The keys that were given now: what was said of them before holds no more.
    """
    given = {*stored, *(path[0] for path in unstored)}
    before = _lines(values)
    lines = [line for line in before if _first_key(line) not in given]
    for path, reason in unstored.items():
        cut = reason if len(reason) <= _MOST_REASON else f"{reason[:_MOST_REASON]}…"
        lines.append(f"{_shown(path)}: {cut}")
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES:,} more"]
    return _with_lines(values, lines) if lines or before else values


def without(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return values without the one at a path, nor the objects that held nothing else."""
    key, *rest = path
    left = {name: value for name, value in values.items() if name != key}
    if rest and isinstance(values.get(key), dict) and (inner := without(values[key], tuple(rest))):
        return {name: inner if name == key else value for name, value in values.items()}
    return left


def _object(results: Mapping[Any, Any], above: Path, unstored: dict[Path, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in results.items():
        path = (*above, _printable(name))
        try:
            key = _key(name, "")
            if isinstance(value, Mapping) and value and len(path) < MAX_DEPTH:
                inner = _object(value, (*above, key), unstored)
                if inner:
                    kept[key] = inner
            else:
                kept[key] = result_value(value, len(path) + 1)
        except RefusalError as refusal:
            unstored[path] = str(refusal)
        except Exception as error:  # noqa: BLE001 - whatever an object of the user's raises when it is read
            unstored[path] = f"a {type(value).__name__} can't be read: {type(error).__name__}"
    return kept


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        (checked,) = plain({str.__str__(key): None})
        return str(checked)
    reason = f"the key {_printable(key)} is a {type(key).__name__}; JSON keys are strings"
    raise RefusalError(placed(where, reason))


def _printable(key: Any) -> str:
    text = str.__str__(key) if isinstance(key, str) else repr(key)
    return text.encode("utf-8", "backslashreplace").decode()


def _time_text(value: Any) -> str | None:
    """Return a time, date or duration as dtypes of columns write them; None for what is none."""
    if isinstance(value, datetime):
        zoned = value.tzinfo is not None
        text = (value.astimezone(UTC).replace(tzinfo=None) if zoned else value).isoformat()
        return shortest(text) + ("Z" if zoned else "")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.days * 86_400 + value.seconds
        # That of pandas has nanoseconds, too.
        count = (seconds * 1_000_000 + value.microseconds) * 1_000 + getattr(value, "nanoseconds", 0)
        return duration_text(count, 9)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "M" and _is_numpy(value) and value.ndim == 0:
        return shortest(str(value))
    if kind == "m" and _is_numpy(value) and value.ndim == 0:
        item = value.item()
        if isinstance(item, timedelta):
            return _time_text(item)
        if str(value.dtype) == "timedelta64[ns]":
            return duration_text(item, 9)
        raise RefusalError(f"a duration of dtype {value.dtype} can't be kept exactly; use a number")
    return str(value) if type(value).__name__ == "Period" and hasattr(value, "freqstr") else None


def _is_numpy(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "numpy"


def _is_array(value: Any) -> bool:
    """Return whether a value is an array or scalar of numpy, pandas, torch and the like."""
    return (
        hasattr(value, "tolist")
        and hasattr(value, "dtype")
        and isinstance(getattr(value, "shape", None), tuple)
    )


def _of_array(value: Any, depth: int, where: str) -> Any:
    shape = tuple(value.shape)
    if math.prod(shape) > MOST_ITEMS:
        size = f"a {type(value).__name__} of {math.prod(shape):,} values is too large for a record"
        raise RefusalError(placed(where, f"{size}; write it to a file and store tf.Pointer(path)"))
    if getattr(value.dtype, "kind", "") == "V":
        raise RefusalError(unknown(value, where))
    if shape and _is_numpy(value) and value.dtype.kind in "mM":
        return [result_value(item, depth + 1, f"{where}[{at}]") for at, item in enumerate(value)]
    items = value.tolist()
    if type(items) is type(value):  # a longdouble, which has no plain form
        raise RefusalError(unknown(value, where))
    return result_value(items, depth, where)


def _of_sequence(value: Sequence[Any] | MappingView, depth: int, where: str) -> Any:
    """Return what has an order as a list; a range may be longer than there is memory."""
    if isinstance(value, range) and value[MOST_ITEMS:]:
        raise RefusalError(placed(where, f"a range of over {MOST_ITEMS:,} values is too large for a record"))
    items: list[Any] = list(value)  # type: ignore[arg-type]
    return result_value(items, depth, where)


def _shown(path: Path) -> str:
    """Return the name of a result as a column has it, in quotes where it holds what ends a name."""
    name = join(path)
    return json.dumps(name) if ":" in name or name.startswith('"') else name


def _first_key(line: str) -> str:
    """Return the key of the record that a line is about."""
    try:
        name = json.JSONDecoder().raw_decode(line)[0] if line.startswith('"') else line.partition(":")[0]
        return split(name)[0]
    except (ValueError, RefusedError):
        return line


def _lines(values: Mapping[str, Any]) -> list[str]:
    """Return what a record says of results that are not in it."""
    error = values.get(UNSTORED[0])
    found = error.get(UNSTORED[1]) if isinstance(error, dict) else None
    return [line for lines in (found, values.get(_BESIDE)) if _is_lines(lines) for line in lines]


def _is_lines(found: Any) -> TypeGuard[list[str]]:
    return isinstance(found, list) and all(isinstance(line, str) for line in found)


def _with_lines(values: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    rest = {key: value for key, value in values.items() if key != _BESIDE or not _is_lines(value)}
    error = rest.get(UNSTORED[0])
    if error is None or isinstance(error, dict):
        own = {
            key: value for key, value in (error or {}).items() if key != UNSTORED[1] or not _is_lines(value)
        }
        if UNSTORED[1] not in own:
            error = own | ({UNSTORED[1]: lines} if lines else {})
            return {key: value for key, value in rest.items() if key != UNSTORED[0]} | (
                {UNSTORED[0]: error} if error else {}
            )
    return rest | ({_BESIDE: lines} if lines else {})
