"""Text for people: neutral to the terminal, and aligned in tables."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

from torc_frames.files.cells import cell_text
from torc_frames.frame.description import printable
from torc_frames.store.records import OF_TORC

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["print_table", "printable"]

_WIDEST = 40
_GAP = 3
_DIGITS = 6

_HEADS = ("job_name", "name", "path", "status", "return_code", "cpu_mark", "memory_mark", "runtime_mark")
_RECORD = (
    *("workflow_key", "job_key", "record_key", "record_name", "role", "rev"),
    *("command", "num_cpus", "num_gpus", "memory", "runtime", "run_id"),
    *("start_time", "end_time", "exec_time_minutes", "user", "description", "created"),
    *OF_TORC,
)
"""Columns that are neither parameters nor results, and say less."""


def print_table(columns: Mapping[str, Sequence[Any]], file: IO[str], whole: str = "") -> None:
    """Print columns of JSON values; elsewhere than on a terminal all of them, as they are.

    On a terminal those that fit, what says most first, with 6 digits of decimal numbers; `whole` says how
    to see all.
    """
    shown = _shown if file.isatty() else cell_text
    texts = {
        printable(name): [printable(shown(value)) for value in values] for name, values in columns.items()
    }
    numeric = {printable(name) for name, values in columns.items() if _is_numeric(values)}
    if not file.isatty():
        file.writelines(_lines(texts, numeric))
        return
    width = shutil.get_terminal_size().columns
    names = _that_fit(texts, width)
    from rich.console import Console

    table = _table({name: texts[name] for name in names}, numeric)
    Console(file=file, width=width, highlight=False).print(table)
    hidden = [name for name in texts if name not in names]
    if hidden:
        print(
            f"{len(hidden)} more column{'s do' if len(hidden) > 1 else ' does'} not fit here: "
            f"{', '.join(hidden)}; {whole}",
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


def _shown(value: Any) -> str:
    return cell_text(float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value)


def _that_fit(texts: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """Return the columns to show, those before others that say more."""
    chosen: set[str] = set()
    left = width + _GAP
    for name in _by_weight(texts):
        needed = min(_WIDEST, _width(name, texts[name])) + _GAP
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
