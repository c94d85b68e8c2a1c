"""What torc's ``memory`` and ``runtime`` say, and what one job needs to be run here."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from torc_frames.errors import RefusedError
from torc_frames.store.records import Resources

__all__ = [
    "Needs",
    "bad_memory",
    "bad_runtime",
    "memory_bytes",
    "needs_of",
    "runtime_seconds",
    "shown_bytes",
]

_UNITS = "kmgt"
_MEMORY = re.compile(rf"([0-9]+)([{_UNITS}]?)", re.IGNORECASE)
_LIKE_MEMORY = re.compile(r"\s*([0-9]{1,9})\s*([kmgt])i?(b|bytes?|igs?)?\s*", re.IGNORECASE)
_MOST_BYTES = 2**63

# torc ignores what comes after what it can read: "PT1H30" would be one hour, "PT90" nothing.
_RUNTIME = re.compile(
    r"P(?=.)(?:(?P<weeks>[0-9]+)W|(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?=.)(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+(?:[.,][0-9]*)?)S)?)?)"
)
_LIKE_RUNTIME = re.compile(
    r"\s*([0-9]{1,9})\s*(s|m|h|d|w)(ec|in|r|ours?|inutes?|econds?|ays?|eeks?)?s?\s*", re.IGNORECASE
)
_MOST_OF_A_UNIT = 2**32
_SHOWN = 40

# A year and a month are as long as torc takes them to be.
_SECONDS = {
    "years": 31_557_600,
    "months": 2_629_800,
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}


class Needs(NamedTuple):
    """What a job needs: CPUs, GPUs, bytes (None: not said) and seconds (None: not said)."""

    cpus: int = 1
    gpus: int = 0
    memory: int | None = None
    runtime: float | None = None


@lru_cache(maxsize=1024)
def needs_of(resources: Resources) -> Needs:
    """Return what a job needs; RefusedError for a memory or runtime that says nothing."""
    memory, runtime = resources.memory or None, resources.runtime or None
    reasons = [
        f"{name}={reason}"
        for name, reason in (
            ("memory", memory and bad_memory(memory)),
            ("runtime", runtime and bad_runtime(runtime)),
        )
        if reason
    ]
    if reasons:
        raise RefusedError("; ".join(reasons))
    return Needs(
        max(1, resources.num_cpus),
        max(0, resources.num_gpus),
        None if memory is None else _bytes(memory),
        None if runtime is None else _seconds(runtime),
    )


def bad_memory(text: str) -> str | None:
    """Return why a text is no memory as torc says it, None if it is one.

    Examples
    --------
    >>> bad_memory("2 gigs")
    "'2 gigs' is no memory, which is a whole number and k, m, g or t: write 2g"
    """
    match = _MEMORY.fullmatch(text)
    if match is None:
        like = _LIKE_MEMORY.fullmatch(text)
        mend = f"write {like[1]}{like[2].lower()}" if like else "write 512m or 2g"
        return f"{_quoted(text)} is no memory, which is a whole number and k, m, g or t: {mend}"
    size = _bytes(text) if len(match[1]) < 20 else _MOST_BYTES
    return None if 0 < size < _MOST_BYTES else f"{_quoted(text)} is {'too much' if size else 'nothing'}"


def bad_runtime(text: str) -> str | None:
    """Return why a text is no duration as torc reads it, None if it is one."""
    if _RUNTIME.fullmatch(text) is None:
        return f"{_quoted(text)} is no duration in ISO 8601: write {_like_runtime(text)}"
    numbers = re.findall("[0-9]+(?=[A-Z.,])", text)
    if any(len(number) > 99 or int(number) >= _MOST_OF_A_UNIT for number in numbers):
        return f"{_quoted(text)} is too long"
    return None


def memory_bytes(text: str | None) -> int | None:
    """Return a memory as a number of bytes, None where nothing is said that can be read."""
    return _bytes(text) if text and bad_memory(text) is None else None


def runtime_seconds(text: str | None) -> float | None:
    """Return a runtime as a number of seconds, None where nothing is said that can be read."""
    return _seconds(text) if text and bad_runtime(text) is None else None


def shown_bytes(count: int) -> str:
    """Return a number of bytes in the largest unit that it reaches.

    Examples
    --------
    >>> shown_bytes(3 * 1024**3 // 2), shown_bytes(700)
    ('1.5g', '700')
    """
    size, unit = float(count), ""
    for larger in _UNITS:
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}".removesuffix(".0") + unit


def _bytes(text: str) -> int:
    number, unit = text.rstrip(_UNITS + _UNITS.upper()), text[-1].lower()
    return int(number) << 10 * (_UNITS.find(unit) + 1)


def _seconds(text: str) -> float:
    found = _RUNTIME.fullmatch(text)
    assert found is not None
    said = {name: number for name, number in found.groupdict().items() if number is not None}
    return sum(float(number.replace(",", ".")) * _SECONDS[name] for name, number in said.items())


def _like_runtime(text: str) -> str:
    """Return what was meant, where that is plain, else examples."""
    if _RUNTIME.fullmatch(text.strip().upper()):
        return text.strip().upper()
    like = _LIKE_RUNTIME.fullmatch(text)
    if like is None:
        return "PT30M, PT1H30M or P2D"
    unit = like[2].upper()
    return f"P{'T' if unit in 'SMH' else ''}{like[1]}{unit}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
