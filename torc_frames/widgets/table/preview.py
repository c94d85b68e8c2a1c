"""The first rows of a table as static HTML, for where no kernel answers."""

from __future__ import annotations

from html import escape

from torc_frames.errors import counted
from torc_frames.widgets.table.source import Source

__all__ = ["preview"]

_ROWS = 10
_COLUMNS = 20
_LONGEST = 100


def preview(source: Source, label: str) -> str:
    """Return the first rows of a table; every text in it is escaped."""
    with source.lock:
        columns = list(source.columns[:_COLUMNS])
        rows = source.rows(0, _ROWS)
        length, width = len(source), len(source.columns)
    head = "".join(f'<th scope="col">{_text(column.name)}</th>' for column in columns)
    lines = [
        f"<tr>{''.join(f'<td>{_text(text)}</td>' for text in row.texts[:_COLUMNS])}</tr>" for row in rows
    ]
    more = f"{escape(label)}: {counted(length, 'row')}, {counted(width, 'column')}"
    if length > len(rows) or width > len(columns):
        more += f"; {len(rows)} and {len(columns)} of them are shown"
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f"<table><caption>{more}</caption>{body}</table>"


def _text(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
