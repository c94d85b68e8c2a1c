"""Adding, renaming, dropping and retyping columns of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.widgets.parameters.base import check_names
from torc_frames.widgets.parameters.column import SheetColumn, column_of
from torc_frames.widgets.parameters.history import Step
from torc_frames.widgets.parameters.ids import Ids
from torc_frames.widgets.table.cells import Format
from torc_frames.widgets.table.numerals import quoted

__all__ = ["add", "drop", "rename", "retype"]


def add(step: Step, name: str, dtype: Any, default: str, at: int | None) -> None:
    """Add a column, with a text typed into every row."""
    state = step.state
    _check_name(name, [column.name for column in state.columns])
    format = _format_for(dtype)
    if isinstance(format.dtype, pd.CategoricalDtype) and not format.choices:
        raise RefusedError(f"a column of dtype {dtype} needs its categories: pd.CategoricalDtype([...])")
    column = column_of(state.base, name, None, format).write(state.own, [default] * len(state.own))
    wrong = next((column.unread[id] for id in state.own.tolist() if id in column.unread), None)
    if wrong is not None:
        raise RefusedError(f"column {name!r} can't have {quoted(default)} in every row: {wrong.reason}")
    columns = list(state.columns)
    columns.insert(len(columns) if at is None else at, column)
    step.change_columns(columns, f"column {quoted(name)} added")


def rename(step: Step, old: str, new: str) -> None:
    """Give a column another name; to the store it is another column then."""
    column = step.state.column(old)
    if new != old:
        _check_name(new, [one.name for one in step.state.columns if one is not column])
        step.rename(column, new, f"column {quoted(old)} renamed {quoted(new)}")


def drop(step: Step, name: str) -> None:
    """Take a column out."""
    column = step.state.column(name)
    columns = [one for one in step.state.columns if one is not column]
    step.change_columns(columns, f"column {quoted(name)} dropped")


def retype(step: Step, name: str, dtype: Any) -> None:
    """Make a column one of another dtype, as if its texts were typed into that."""
    column, rows = step.state.column(name), step.state.own
    categories = isinstance(dtype, str) and dtype == "category"
    format = _categories_of(column, rows) if categories else _format_for(dtype)
    if (format.dtype, format.kind) == (column.format.dtype, column.format.kind):
        return
    made = column.retyped_to(format, rows)
    columns = [made if one is column else one for one in step.state.columns]
    step.change_columns(columns, f"column {quoted(name)} made {format.dtype}")


def _format_for(dtype: Any) -> Format:
    """Return how cells of a dtype are written, of strings and JSON also by their names.

    Raises
    ------
    RefusedError
        For what is no dtype, or none that can be kept.
    """
    if isinstance(dtype, str) and dtype.lower() == "json":
        dtype = "object"
    try:
        empty = pd.Series([], dtype=dtype)
    except (TypeError, ValueError) as error:
        raise RefusedError(
            f"{dtype!r} is no dtype: {error}; use one like int64, Int64, float64, str"
        ) from None
    format = Format.of(empty)
    if format.spec is None:
        raise RefusedError(f"cells of dtype {dtype} can't be kept")
    if dtype in ("str", str) and format.kind == "json":
        return Format(format.dtype, "string", format.spec)
    return format


def _check_name(name: str, others: Sequence[str]) -> None:
    if name in others:
        raise RefusedError(f"there is a column {name!r} already")
    check_names([*others, name])


def _categories_of(column: SheetColumn, ids: Ids) -> Format:
    """Return the dtype of categories that are the values of a column."""
    if isinstance(column.format.dtype, pd.CategoricalDtype):
        return column.format
    series = column.series(ids[~np.isin(ids, column.blank)]).dropna()
    try:
        found = pd.Series(series.astype("category"))
    except TypeError:
        raise RefusedError(f"the values of {column.name!r} can't be categories: lists and objects") from None
    if not len(found):
        raise RefusedError(f"column {column.name!r} has no values to be categories")
    return Format.of(found.iloc[:0])
