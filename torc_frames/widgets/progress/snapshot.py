"""The monitor as static HTML, for where no kernel answers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from torc_frames.errors import counted
from torc_frames.widgets.progress.model import Progress

__all__ = ["snapshot"]


def snapshot(title: str, now: Progress, messages: dict[str, str]) -> str:
    """Return how many jobs have which status, and the last that failed; every text in it is escaped."""
    counts = _table("", ("status", "jobs"), [(status, f"{many:,}") for status, many in now.counts.items()])
    bad = [(one.job_key, one.job_name, messages.get(one.job_key, "")) for one in now.failures]
    failures = _table("failed last", ("job", "name", "reason"), bad) if bad else ""
    told = f"{now.ended:,} of {counted(now.jobs, 'job')} ended"
    return f"<div><p><b>{escape(title)}</b>: {told}</p>{counts}{failures}</div>"


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    whole = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f"<table><caption>{escape(caption)}</caption>{whole}</table>"
