"""Text for people: neutral to the terminal, and aligned in tables."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

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
    if not file.isatty():
        file.writelines(_lines(texts, numeric))
        return
    width = shutil.get_terminal_size().columns
    names = _that_fit(texts, width)
    _print(_table({name: texts[name] for name in names}, numeric), file, width)
    hidden = [name for name in texts if name not in names]
    if hidden:
        print(
            f"{len(hidden)} more columns do not fit here: {', '.join(hidden)}; --format json shows them",
            file=sys.stderr,
        )


def _lines(texts: Mapping[str, Sequence[str]], numeric: set[str]) -> Iterator[str]:
    """Yield what rich would print if there were no limit to the width, many times faster."""
    widths = [_width(name, cells) for name, cells in texts.items()]
    yield _line(texts, widths, numeric, list(texts))
    yield "─" * (sum(widths) + _GAP * (len(widths) - 1)) + "\n"
    for row in zip(*texts.values(), strict=True):
        yield _line(texts, widths, numeric, row)


def _line(names: Iterable[str], widths: Sequence[int], numeric: set[str], cells: Sequence[str]) -> str:
    from rich.cells import cell_len

    parts = []
    for name, width, cell in zip(names, widths, cells, strict=True):
        pad = " " * (width - cell_len(cell))
        parts.append(pad + cell if name in numeric else cell + pad)
    return (" " * _GAP).join(parts).rstrip() + "\n"


def _width(name: str, cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, [name, *cells]))


def _is_numeric(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values} - {type(None)}
    return bool(kinds) and kinds <= {int, float}


def _that_fit(texts: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """Return the columns to show: from both ends inwards, as results stand last."""
    left = deque(texts)
    chosen: set[str] = set()
    used = 0
    while left:
        name = left.pop() if len(chosen) % 2 else left.popleft()
        used += min(_WIDEST, _width(name, texts[name])) + _GAP
        if chosen and used > width + _GAP:
            break
        chosen.add(name)
    return [name for name in texts if name in chosen]


def _table(texts: Mapping[str, Sequence[str]], numeric: set[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in texts:
        justify: Literal["right", "left"] = "right" if name in numeric else "left"
        table.add_column(Text(name), justify=justify, overflow="fold", max_width=_WIDEST)
    for row in zip(*texts.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _print(table: Table, file: IO[str], width: int) -> None:
    from rich.console import Console

    Console(file=file, width=width, highlight=False).print(table)
