"""Text for people: neutral to the terminal, and aligned in tables."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

from torc_frames.errors import counted, printable, shorten
from torc_frames.files.cells import cell_text
from torc_frames.store.records import OF_TORC

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["TerminalView", "print_table", "printable", "short_text"]

_WIDEST = 40
_NARROW = 20
_HEIGHT = 25
_GAP = 3
_DIGITS = 4
_LONGEST_WHOLE = 15

_HEADS = ("job_name", "name", "path", "status", "return_code", "cpu_mark", "memory_mark", "runtime_mark")
_RECORD = (
    *("workflow_key", "job_key", "record_key", "record_name", "role", "rev"),
    *("command", "num_cpus", "num_gpus", "memory", "runtime", "run_id"),
    *("start_time", "end_time", "exec_time_minutes", "user", "description", "created"),
    *OF_TORC,
)
"""Columns that are neither parameters nor results, and say less."""


@dataclass(frozen=True, slots=True)
class TerminalView:
    """What of a table a terminal shows.

    Attributes
    ----------
    headings : dict of str to str
        The columns, and what stands above each.
    order : list of str
        The same columns, those before others that say more.
    constant : dict of str to str
        The columns that are the same in all rows, and what is said of each.
    """

    headings: dict[str, str]
    order: list[str]
    constant: dict[str, str]


def print_table(
    columns: Mapping[str, Sequence[Any]],
    file: IO[str],
    whole: str = "",
    view: TerminalView | None = None,
    *,
    everything: bool = False,
) -> None:
    """Print columns of JSON values; elsewhere than on a terminal all of them, as they are.

    On a terminal, if not everything is asked for, those of a view that fit, what says most first, with 4
    digits of decimal numbers; `whole` says how to see all.
    """
    if everything or not file.isatty():
        texts = _texts(columns, cell_text)
        file.writelines(_lines(texts, _numeric(columns)))
        return
    shown = columns if view is None else {name: columns[name] for name in view.headings}
    texts, numeric = _texts(shown, short_text), _numeric(shown)
    headings = {printable(name): printable(view.headings[name] if view else name) for name in shown}
    order = _by_weight(texts) if view is None else list(map(printable, view.order))
    width = shutil.get_terminal_size().columns
    widest = dict.fromkeys(texts, _WIDEST)
    fit = _that_fit(texts, headings, order, widest, width)
    if view is not None and len(fit) < len(texts):  # names say what the parameters say: less of them will do
        widest |= {name: _NARROW for name in texts if name not in numeric}
        fit = _that_fit(texts, headings, order, widest, width)
    from rich.console import Console

    cut = set() if view is None else texts.keys() - numeric
    table = _table({name: texts[name] for name in fit}, headings, widest, numeric, cut)
    Console(file=file, width=width, height=_HEIGHT, highlight=False).print(table)
    hidden = [name for name in map(printable, columns) if name not in fit]
    said = {printable(name) for name in view.constant} if view else set()
    _tell([name for name in hidden if name not in said], whole, view)


def _tell(hidden: Sequence[str], whole: str, view: TerminalView | None) -> None:
    """Tell what a terminal does not show, and how to see it."""
    if view is not None and view.constant:
        print(f"The same in all rows: {printable(shorten(view.constant.values()))}", file=sys.stderr)
    if hidden:
        why = "" if view is not None else " do not fit here" if len(hidden) > 1 else " does not fit here"
        told = f"{counted(len(hidden), 'more column')}{why}"
        print(f"{told}: {', '.join(hidden)}; {whole}", file=sys.stderr)


def _texts(columns: Mapping[str, Sequence[Any]], text_of: Callable[[Any], str]) -> dict[str, list[str]]:
    return {
        printable(name): [printable(text_of(value)) for value in values] for name, values in columns.items()
    }


def _numeric(columns: Mapping[str, Sequence[Any]]) -> set[str]:
    return {printable(name) for name, values in columns.items() if _is_numeric(values)}


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


def short_text(value: Any) -> str:
    """Return a JSON value as text, decimal numbers with 4 digits, or all those before the point.

    Examples
    --------
    >>> [short_text(value) for value in (0.123456, 1234.5, 123456.7, 1.5e-7, 100.0, 123456)]
    ['0.1235', '1234', '123457', '1.5e-7', '100.0', '123456']
    """
    if not isinstance(value, float):
        return cell_text(value)
    if 10**_DIGITS <= abs(value) < 10**_LONGEST_WHOLE:
        return f"{value:.0f}"
    rounded = float(f"{value:.{_DIGITS}g}")
    return cell_text(rounded) if rounded == value else cell_text(rounded).removesuffix(".0")


def _that_fit(
    texts: Mapping[str, Sequence[str]],
    headings: Mapping[str, str],
    order: Sequence[str],
    widest: Mapping[str, int],
    width: int,
) -> list[str]:
    """Return the columns to show, those before others that say more."""
    chosen: set[str] = set()
    left = width + _GAP
    for name in order:
        needed = min(widest[name], _width(headings[name], texts[name])) + _GAP
        if needed <= left or not chosen:
            chosen.add(name)
            left -= needed
    return [name for name in texts if name in chosen]


def _by_weight(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names in the order of what they say.

    The key, name and end of a job, the data from both ends inwards as results stand last, then the rest,
    with `stale` where nothing is; columns without a value after all others.
    """
    first = next(iter(texts), "")
    full = [name for name, cells in texts.items() if any(cells) or name == first]
    heads = [name for name in (first, *_HEADS) if name in full]
    quiet = _RECORD if "true" in texts.get("stale", ()) else (*_RECORD, "stale")
    data = deque(name for name in full if name not in heads and name not in quiet)
    ends = [data.pop() if turn % 2 == 0 else data.popleft() for turn in range(len(data))]
    return list(dict.fromkeys([*heads, *ends, *full, *texts]))


def _table(
    texts: Mapping[str, Sequence[str]],
    headings: Mapping[str, str],
    widest: Mapping[str, int],
    numeric: Set[str],
    cut: Set[str],
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in texts:
        justify: Literal["right", "left"] = "right" if name in numeric else "left"
        overflow: Literal["ellipsis", "fold"] = "ellipsis" if name in cut else "fold"
        table.add_column(
            Text(headings[name]),
            justify=justify,
            overflow=overflow,
            max_width=widest[name],
            no_wrap=name in cut,
        )
    for row in zip(*texts.values(), strict=True):
        table.add_row(*map(Text, row))
    return table
