"""What a plan does, at one look: the cells that change, by column, commands, new rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from torc_frames.frame.description import CellTable, Marked, first_rows
from torc_frames.workflow.push.steps import shown_cell

__all__ = ["SHOWN", "cells_seen", "commands_seen", "lines", "rows_seen"]

SHOWN = 20
"""How many changes are shown, of cells and of commands."""

_LOOKED_AT = 10_000
"""Of so many cells those that change alike are one line."""

_MOST_KEYS = 5

_Change = tuple[bool, object, object, list[str]]
"""Whether it is in conflict, what there was, what is to be, and the jobs of which that is so."""


def cells_seen(cells: pd.DataFrame) -> CellTable | None:
    """Return the cells that change, by column, those in conflict first; None without any."""
    if not len(cells):
        return None
    counts = cells["column"].value_counts(sort=False)
    first = cells.sort_values("conflict", ascending=False, kind="stable")
    by_column = _changes(first.head(_LOOKED_AT))
    most = max(2, SHOWN // len(by_column))
    rows, seen = [], 0
    for column, changes in list(by_column.items())[:SHOWN]:
        for at, (conflict, stored, pushed, keys) in enumerate(changes[:most]):
            named = (column, f"{counts[column]:,}") if at == 0 else ("", "")
            mark = Marked("CONFLICT") if conflict else ""
            rows.append((*named, mark, shown_cell(stored), shown_cell(pushed), _jobs(keys)))
            seen += len(keys)
    rest = len(cells) - seen
    more = f"and {rest:,} more cells (see .cells)" if rest else ""
    return CellTable(("column", "cells", "", "before", "after", "jobs"), rows, (1,), more=more)


def _changes(cells: pd.DataFrame) -> dict[str, list[_Change]]:
    """Return the changes of each column, those of several jobs that are alike as one."""
    found: dict[str, dict[tuple[bool, str, str], _Change]] = {}
    columns = (cells[name].tolist() for name in ("job_key", "column", "stored", "pushed", "conflict"))
    for key, column, stored, pushed, conflict in zip(*columns, strict=True):
        alike = (conflict, repr(stored), repr(pushed))
        change = found.setdefault(column, {}).setdefault(alike, (conflict, stored, pushed, []))
        change[3].append(key)
    return {column: list(changes.values()) for column, changes in found.items()}


def _jobs(keys: Sequence[str]) -> str:
    if len(keys) <= _MOST_KEYS:
        return ", ".join(keys)
    return f"{', '.join(keys[:_MOST_KEYS])} and {len(keys) - _MOST_KEYS:,} more"


def commands_seen(commands: pd.DataFrame) -> CellTable | None:
    """Return the commands that change, None without any."""
    if not len(commands):
        return None
    rows = [
        (key, shown_cell(stored), shown_cell(pushed))
        for key, stored, pushed in commands.head(SHOWN).itertuples(index=False)
    ]
    rest = len(commands) - len(rows)
    more = f"and {rest:,} more commands (see .commands)" if rest else ""
    return CellTable(("job", "its command before", "after"), rows, more=more)


def rows_seen(new: pd.DataFrame) -> CellTable | None:
    """Return the first of the rows that become jobs, None without any."""
    return first_rows(new, "the table, see .rows") if len(new) else None


def lines(cells: pd.DataFrame, commands: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each change; of many, what `cells_seen` and `commands_seen` show."""
    if len(cells) > SHOWN and (table := cells_seen(cells)):
        yield from table.lines()
    else:
        columns = (cells[name].tolist() for name in ("job_key", "column", "stored", "pushed", "conflict"))
        for key, column, stored, pushed, conflict in zip(*columns, strict=True):
            mark = "CONFLICT " if conflict else ""
            yield f"  {mark}job {key}: {column} {shown_cell(stored)} -> {shown_cell(pushed)}"
    if len(commands) > SHOWN and (table := commands_seen(commands)):
        yield from table.lines()
    else:
        for key, stored, pushed in commands.itertuples(index=False):
            yield f"  job {key}: its command {shown_cell(stored)} -> {shown_cell(pushed)}"
