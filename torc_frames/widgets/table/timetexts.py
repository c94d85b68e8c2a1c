"""Times, dates, durations and periods as texts that lose nothing, and what may be typed for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd
import pyarrow as pa

from torc_frames.frame.dtypes import encode
from torc_frames.frame.numerals import as_number
from torc_frames.frame.specs import UNITS, time_unit, time_zone
from torc_frames.frame.values import RefusalError, duration_text
from torc_frames.widgets.table import meanings

__all__ = ["is_moment", "is_time", "reader", "texts"]

_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ]\s*(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<part>\d+))?)?"
    r"\s*(?P<offset>Z|[+-]\d\d:?\d\d(?::\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?P<sign>-?)(?:(?P<days>\d+)\s*d(?:ays?)?,?\s*)?(?P<hours>\d+):(?P<minutes>\d\d)"
    r"(?::(?P<seconds>\d\d(?:\.\d+)?))?",
    re.ASCII | re.IGNORECASE,
)
_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?)\s*(ns|us|ms|s|sec|min|h|hours?|d|days?)", re.ASCII | re.IGNORECASE)
_ISO = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_BEFORE = re.compile(r".*(?=[+-]\d\d:\d\d(?::\d\d)?$)")
"""What stands before the offset of a time."""

_SECONDS = {"ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "ms": Fraction(1, 1000), "s": Fraction(1)}
_SECONDS |= {"sec": Fraction(1), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_MOST_CHARACTERS = 60


def is_moment(dtype: Any) -> bool:
    """Return whether a dtype is of times or dates."""
    return (time_unit(dtype) or "").startswith("M")


def is_time(dtype: Any) -> bool:
    """Return whether a dtype is of times, dates, durations or periods."""
    return time_unit(dtype) is not None or isinstance(dtype, pd.PeriodDtype)


def texts(series: pd.Series) -> list[str]:
    """Return times as texts; a missing one is an empty text.

    Examples
    --------
    >>> texts(pd.Series(pd.to_datetime(["2026-11-02 09:30"], utc=True)).dt.tz_convert("Europe/Berlin"))
    ['2026-11-02 10:30:00+01:00']
    >>> texts(pd.Series(pd.to_timedelta([5400.5], unit="s")))
    ['1:30:00.5']
    """
    dtype = series.dtype
    if time_zone(dtype) is not None:
        return _zoned_texts(series)
    encoded, _ = encode(series)
    if _is_duration(dtype):
        return ["" if text is None else _clock(text) for text in encoded]
    return ["" if text is None else text.replace("T", " ") if is_moment(dtype) else text for text in encoded]


def reader(dtype: Any) -> Callable[[str], str]:
    """Return what reads times of a dtype, as `torc_frames.frame.dtypes.encode` writes them."""
    if isinstance(dtype, pd.PeriodDtype):
        return lambda text: _period(text, dtype)
    if _is_duration(dtype):
        return lambda text: _duration(text, dtype)
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_date(dtype.pyarrow_dtype):
        return _date
    zone = time_zone(dtype)
    if zone is None:
        return lambda text: _naive(text, dtype)
    return lambda text: _zoned(text, dtype, zone)


def _is_duration(dtype: Any) -> bool:
    return (time_unit(dtype) or "").startswith("m")


def _digits(dtype: Any) -> int:
    """Return how many digits of a second times of a dtype have."""
    return UNITS[str(time_unit(dtype))[3:-1]]


def _zoned_texts(series: pd.Series) -> list[str]:
    dtype: Any = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        series = series.astype(pd.DatetimeTZDtype(dtype.pyarrow_dtype.unit, dtype.pyarrow_dtype.tz))
    local = texts(series.dt.tz_localize(None))
    return [text and text + _BEFORE.sub("", str(time)) for text, time in zip(local, series, strict=True)]


def _naive(text: str, dtype: Any) -> str:
    match = _matched(text)
    if match["offset"]:
        raise RefusalError(f"{text!r}: {dtype} knows no time zone; leave out {match['offset']}")
    return _written(match, text, dtype)


def _zoned(text: str, dtype: Any, zone: Any) -> str:
    match = _matched(text)
    main, dot, part = _written(match, text, dtype).partition(".")
    try:
        local = datetime.fromisoformat(f"{main}{(match['offset'] or '').upper()}")
        utc = local.astimezone(UTC) if match["offset"] else local - _ahead(local, zone)
    except RefusalError:
        raise
    except (OverflowError, ValueError):  # an offset that there is not, or beyond all years
        raise RefusalError(_no_time(text)) from None
    return f"{utc.replace(tzinfo=None).isoformat()}{dot}{part}Z"


def _ahead(local: datetime, zone: Any) -> timedelta:
    """Return how far the clocks of a zone are ahead of UTC when they show a time."""
    clock = pd.Series([local])
    zoned = clock.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    utc = zoned.dt.tz_convert("UTC").dt.tz_localize(None)
    if utc.isna().iloc[0]:
        raise RefusalError(f"'{local}': clocks change then in {zone}; add the offset, like +01:00")
    return timedelta(seconds=(clock - utc).dt.total_seconds().iloc[0])


def _matched(text: str) -> re.Match[str]:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise RefusalError(_no_time(text))
    return match


def _no_time(text: str) -> str:
    found, quoted = meanings.dates(text), repr(text[:_MOST_CHARACTERS])
    if len(found) > 1:
        return meanings.advice(found, f"{quoted} is ambiguous")
    told = f", so {found[0][0]}" if found else " or 2026-11-02 09:30:00"
    return f"{quoted} is no time: write it like 2026-11-02{told}"


def _written(match: re.Match[str], text: str, dtype: Any) -> str:
    """Return a time in ISO 8601, without its offset."""
    _check_date(match["date"], text)
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise RefusalError(_no_time(text))
    part = (match["part"] or "").rstrip("0")
    _check_digits(part, text, dtype)
    return f"{match['date']}T{hour:02d}:{minute:02d}:{second:02d}" + (f".{part}" if part else "")


def _check_date(text: str, whole: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise RefusalError(f"{whole[:_MOST_CHARACTERS]!r} is no time: {error}") from None


def _check_digits(part: str, text: str, dtype: Any) -> None:
    digits = _digits(dtype)
    if len(part) > digits:
        keeps = f"{digits} digits of a second" if digits else "whole seconds"
        raise RefusalError(f"{text!r}: {dtype} keeps {keeps}")


def _date(text: str) -> str:
    match = _matched(text)
    if any(int(match[name] or 0) for name in ("hour", "minute", "second", "part")):
        raise RefusalError(f"{text!r}: the column keeps dates, without the time of day")
    _check_date(match["date"], text)
    return match["date"]


def _clock(text: str) -> str:
    """Return a duration as hours, minutes and seconds."""
    sign, _, rest = text.partition("PT")
    seconds, dot, part = rest.removesuffix("S").partition(".")
    minutes, second = divmod(int(seconds), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{second:02d}{dot}{part}"


def _duration(text: str, dtype: Any) -> str:
    seconds = _seconds(text) if len(text) <= _MOST_CHARACTERS else None
    if seconds is None:
        raise RefusalError(
            f"{text[:_MOST_CHARACTERS]!r} is no duration: write it like 1:30:00, 90 s or 1.5 h"
        )
    count = seconds * 10**9
    if count.denominator != 1:
        raise RefusalError(f"{text!r}: {dtype} keeps {_digits(dtype)} digits of a second")
    told = duration_text(int(count), 9)
    _check_digits(told.removesuffix("S").partition(".")[2], text, dtype)
    return told


def _seconds(text: str) -> Fraction | None:
    if match := _CLOCK.fullmatch(text):
        days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
        seconds = Fraction(match["seconds"] or 0)
        total = days * 86400 + hours * 3600 + minutes * 60 + seconds
        return -total if match["sign"] else total
    if match := _ISO.fullmatch(text):
        if not any(match.groups()[1:]):
            return None
        parts = [Fraction(found or 0) for found in match.groups()[1:]]
        total = sum((part * by for part, by in zip(parts, (86400, 3600, 60, 1), strict=True)), Fraction(0))
        return -total if match[1] else total
    if match := _AMOUNT.fullmatch(text):
        unit = match[2].lower()
        return Fraction(match[1]) * _SECONDS.get(unit, _SECONDS.get(unit[0], Fraction(1)))
    return Fraction(0) if as_number(text) == 0 else None


def _period(text: str, dtype: pd.PeriodDtype) -> str:
    try:
        return str(pd.PeriodIndex([text], dtype=dtype)[0])
    except (ValueError, TypeError):
        raise RefusalError(f"{text[:_MOST_CHARACTERS]!r} is no period: write it like 2026-11") from None
