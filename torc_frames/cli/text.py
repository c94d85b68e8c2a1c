"""Text for people: neutral to the terminal, and aligned in tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["cell_text", "print_table", "printable"]

_WIDEST = 40
_GAP = 3


def printable(text: str) -> str:
    r"""Return text in which nothing can control a terminal: such characters become ``\x1b`` and the like.

    Examples
    --------
    >>> print(printable("\x1b[31mred\n"))
    \x1b[31mred\n
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def cell_text(value: Any) -> str:
    """Return how a JSON value shows in a table or in CSV: strings as they are, missing as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    from torc_frames.frame.values import encode_data

    return encode_data(value).decode()


def print_table(columns: Mapping[str, Sequence[Any]], file: IO[str]) -> None:
    """Print columns of JSON values; on a terminal as many of them as fit, elsewhere all in full width."""
    texts = {
        printable(name): [printable(cell_text(value)) for value in values] for name, values in columns.items()
    }
    numeric = {printable(name) for name, values in columns.items() if _is_numeric(values)}
    terminal = file.isatty()
    width = shutil.get_terminal_size().columns if terminal else sys.maxsize
    names = _that_fit(texts, width) if terminal else list(texts)
    _print(_table({name: texts[name] for name in names}, numeric, fold=terminal), file, width)
    hidden = [name for name in texts if name not in names]
    if hidden:
        print(
            f"{len(hidden)} columns do not fit here: {', '.join(hidden)}. All are in --format json, or -o FILE.",
            file=sys.stderr,
        )


def _is_numeric(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values} - {type(None)}
    return bool(kinds) and kinds <= {int, float}


def _that_fit(texts: Mapping[str, Sequence[str]], width: int) -> list[str]:
    from rich.cells import cell_len

    names: list[str] = []
    used = 0
    for name, cells in texts.items():
        used += min(_WIDEST, max(map(cell_len, [name, *cells]))) + _GAP
        if names and used > width:
            break
        names.append(name)
    return names


def _table(texts: Mapping[str, Sequence[str]], numeric: set[str], fold: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in texts:
        table.add_column(
            Text(name),
            justify="right" if name in numeric else "left",
            overflow="fold",
            no_wrap=not fold,
            max_width=_WIDEST if fold else None,
        )
    for row in zip(*texts.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _print(table: Table, file: IO[str], width: int) -> None:
    from rich.console import Console

    console = Console(file=file, width=min(width, 1 << 24), highlight=False)
    console.print(table)
