"""Cells as tab-separated text, as spreadsheets write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["written"]

_SPECIAL = frozenset('"\t\n\r')


def written(rows: Iterable[Sequence[str]]) -> str:
    r"""Return rows of cells as text.

    Examples
    --------
    >>> written([["a", "1"], ["two\nlines", 'a "b" c']])
    'a\t1\n"two\nlines"\t"a ""b"" c"'
    """
    return "\n".join("\t".join(map(_quoted, row)) for row in rows)


def _quoted(text: str) -> str:
    if _SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
