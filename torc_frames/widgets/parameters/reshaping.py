"""Adding, renaming, dropping and retyping columns of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.column import Ids, SheetColumn, format_for
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.rows import ViewPatch
from torc_frames.widgets.parameters.table import ColumnsPatch, NamePatch, Table, check_names
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.numerals import quoted

__all__ = ["add", "drop", "rename", "retype"]


def add(table: Table, step: Step, name: str, dtype: Any, default: str, at: int | None) -> None:
    """Add a column, with a text typed into every row."""
    _check_name(table, name, [column.name for column in table.columns])
    format = format_for(dtype)
    filler = pd.Series(np.zeros(table.rows.made, dtype="int64"))
    values = format.restored([None] * table.rows.made) if format.nullable else filler.astype(format.dtype)
    if values is None or (isinstance(format.dtype, pd.CategoricalDtype) and not format.choices):
        raise RefusedError(f"a column of dtype {dtype} needs its categories: pd.CategoricalDtype([...])")
    column = SheetColumn(name, values, format)
    column.attach(table.stored.get(name), table.rules.get(name))
    patch = column.write(table.rows.own, [default] * len(table.rows.own))
    if patch.typed:
        reason = next(iter(patch.typed.values()))[1]
        raise RefusedError(f"column {name!r} can't have {quoted(default)} in every row: {reason}")
    patch.swap()
    columns = list(table.columns)
    columns.insert(len(columns) if at is None else at, column)
    step.do(ColumnsPatch(table, columns, f"column {quoted(name)} added"))


def rename(table: Table, step: Step, old: str, new: str) -> None:
    """Give a column another name; to the store it is another column then."""
    column = table.column(old)
    if new == old:
        return
    _check_name(table, new, [one.name for one in table.columns if one is not column])
    step.do(NamePatch(table, column, new, f"column {quoted(old)} renamed {quoted(new)}"))


def drop(table: Table, step: Step, name: str) -> None:
    """Take a column out."""
    column = table.column(name)
    step.do(ColumnsPatch(table, _replaced(table.columns, column, []), f"column {quoted(name)} dropped"))
    here = table.rows.how
    if (there := here.renamed(name, None)) != here:
        step.do(ViewPatch(table.rows, here, there))


def retype(table: Table, step: Step, name: str, dtype: Any) -> None:
    """Make a column one of another dtype, as if its texts were typed into that."""
    column = table.column(name)
    categories = isinstance(dtype, str) and dtype == "category"
    format = _categories_of(column, table.rows.own) if categories else format_for(dtype)
    if (format.dtype, format.kind) == (column.format.dtype, column.format.kind):
        return
    columns = _replaced(table.columns, column, [column.retyped(format, table.rows.own)])
    step.do(ColumnsPatch(table, columns, f"column {quoted(name)} made {format.dtype}"))


def _check_name(table: Table, name: str, others: Sequence[str]) -> None:
    if name in others:
        raise RefusedError(f"there is a column {name!r} already")
    check_names([*others, name])


def _replaced(columns: Sequence[SheetColumn], old: SheetColumn, new: list[SheetColumn]) -> list[SheetColumn]:
    at = next(place for place, column in enumerate(columns) if column is old)
    return [*columns[:at], *new, *columns[at + 1 :]]


def _categories_of(column: SheetColumn, ids: Ids) -> Format:
    """Return the dtype of categories that are the values of a column."""
    if isinstance(column.format.dtype, pd.CategoricalDtype):
        return column.format
    series = column.series(ids[~np.isin(ids, list(column.blank))]).dropna()
    try:
        found = pd.Series(series.astype("category"))
    except TypeError:
        raise RefusedError(f"the values of {column.name!r} can't be categories: lists and objects") from None
    if not len(found):
        raise RefusedError(f"column {column.name!r} has no values to be categories")
    return Format.of(found.iloc[:0])
