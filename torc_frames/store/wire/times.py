"""When runs started and ended, of which servers keep the end and how long it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["run_times"]

_YEARS = range(1678, 2262)
"""Those that nanoseconds in 64 bits hold whole, which older pandas counts times in."""


def run_times(completion_time: str, exec_time_minutes: float) -> tuple[str, str]:
    """Return when a run started and ended, ISO 8601 in UTC.

    Servers take any text and number for them: what is no time is empty, and so is one that a frame can't
    hold. A time without a zone counts as UTC.

    Examples
    --------
    >>> run_times("2023-03-29 08:21:33", 1.5)
    ('2023-03-29T08:20:03+00:00', '2023-03-29T08:21:33+00:00')
    """
    try:
        end = datetime.fromisoformat(completion_time)
        end = end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return "", ""
    try:
        start = _told(end - timedelta(minutes=exec_time_minutes))
    except (ValueError, OverflowError):
        start = ""
    return start, _told(end)


def _told(time: datetime) -> str:
    return time.isoformat() if time.year in _YEARS else ""
