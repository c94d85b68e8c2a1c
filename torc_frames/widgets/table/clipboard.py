"""Tables as tab-separated text, as spreadsheets copy and paste them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["read_cells", "write_cells"]

_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=\t|\r|\n|\Z)')
_BARE = re.compile(r"[^\t\r\n]*")
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_NEEDS_QUOTES = re.compile(r'[\t\r\n]|^"')


def write_cells(rows: Iterable[Sequence[str]]) -> str:
    r"""Return texts of cells as one tab-separated text.

    A text with a tab, a line break or a quote in front stands in quotes, its own quotes doubled.

    Examples
    --------
    >>> write_cells([["1", "two\nlines"], ["", 'so "x"']])
    '1\t"two\nlines"\n\tso "x"'
    """
    lines = ["\t".join(map(_written, row)) for row in rows]
    text = "\n".join(lines)
    return text if not lines or lines[-1] else f"{text}\n"


def read_cells(text: str) -> list[list[str]]:
    r"""Return the cells of a tab-separated text; the inverse of `write_cells`.

    Spreadsheets quote cells with tabs or line breaks, and copy others as they are: quotes around a cell
    are part of it unless there is a tab, a line break or a doubled quote between them.

    Examples
    --------
    >>> read_cells('1\t"two\nlines"\r\n"a"\t"b"\r\n')
    [['1', 'two\nlines'], ['"a"', '"b"']]
    """
    rows: list[list[str]] = []
    at = 0
    while at < len(text):
        row: list[str] = []
        while True:
            cell, at = _cell(text, at)
            row.append(cell)
            if not text.startswith("\t", at):
                break
            at += 1
        rows.append(row)
        end = _END_OF_LINE.match(text, at)
        at = end.end() if end else at
    return rows


def _written(text: str) -> str:
    if not _NEEDS_QUOTES.search(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _cell(text: str, at: int) -> tuple[str, int]:
    """Return one cell, and where it ends."""
    quoted = _QUOTED.match(text, at)
    if quoted and re.search(r'[\t\r\n]|""', quoted[1]):
        return quoted[1].replace('""', '"'), quoted.end()
    bare = _BARE.match(text, at)
    return (bare[0], bare.end()) if bare else ("", at)
