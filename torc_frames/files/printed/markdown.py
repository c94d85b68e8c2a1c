"""A printed table as Markdown, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torc_frames.frame.tabulation.cells import PrintedCell
from torc_frames.frame.tabulation.printed import Printed

__all__ = ["markdown", "text"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&#!])")
_BEGINS_BLOCK = re.compile(r"\A([-+=]|[0-9]+[.)])")
_MARKED = {"": "{}", "best": "**{}**", "second": "<u>{}</u>"}
_MARKED_PLAIN = {"": "{}", "best": "**{}**", "second": "_{}_"}
_MOST_ROWS = 60


def markdown(table: Printed) -> str:
    """Return a table of GitHub's Markdown, the caption above, the footnote below."""
    heads = [" ".join(filter(None, (column.group, column.heading))) for column in table.columns]
    rows = [[_marked(cell, _MARKED, True) for cell in row] for row in table.rows()]
    caption = [f"Table: {_escaped(table.caption)}", ""] if table.caption else []
    first, *others = _padded(table, [[_escaped(head) for head in heads], *rows])
    rule = [
        "-" * (len(head) - 1) + (":" if column.is_number else "-")
        for head, column in zip(first, table.columns, strict=True)
    ]
    foot = ["", _paragraph(table.foot)] if table.foot else []
    lines = [f"| {' | '.join(row)} |" for row in (first, rule, *others)]
    return "\n".join([*caption, *lines, *foot, ""])


def text(table: Printed) -> str:
    """Return a table for a terminal, of many rows the first."""
    groups = [""] * len(table.columns)
    for group, start, _ in table.groups():
        groups[start] = group
    heads = [column.heading for column in table.columns]
    said = table.rows()
    rows = [[_marked(cell, _MARKED_PLAIN, False) for cell in row] for row in said[:_MOST_ROWS]]
    lines = _padded(table, [*([groups] if any(groups) else []), heads, *rows])
    more = [f"... {len(said) - _MOST_ROWS:,} more rows"] if len(said) > _MOST_ROWS else []
    return "\n".join(
        [
            *filter(None, [table.caption]),
            *map(str.rstrip, map("  ".join, lines)),
            *more,
            *filter(None, [table.foot]),
        ]
    )


def _marked(cell: PrintedCell, marks: dict[str, str], escape: bool) -> str:
    number, behind = (_escaped(part) if escape else part for part in (cell.number(), cell.behind))
    return marks[cell.mark].format(number) + behind


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _paragraph(text: str) -> str:
    """Return a text as a paragraph, which is no list or heading, however it begins."""
    return _BEGINS_BLOCK.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", _escaped(text), count=1)


def _padded(table: Printed, rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return cells that are as wide as their column, three at least, numbers on the right."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        ]
        for row in rows
    ]
