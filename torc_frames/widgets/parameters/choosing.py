"""Which rows a filter chooses, and in which order they are sorted."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.column import objects
from torc_frames.frame.values import RefusalError
from torc_frames.frame.where import formula_of, kept_rows
from torc_frames.widgets.parameters.checking import Checks
from torc_frames.widgets.parameters.column import SheetColumn
from torc_frames.widgets.parameters.conditions import Condition, View
from torc_frames.widgets.parameters.ids import NO_IDS, Ids, Mask
from torc_frames.widgets.parameters.state import State
from torc_frames.widgets.table.cells import read, shown

__all__ = ["arranged"]

_MOST_DIGITS = 18


def arranged(state: State, checks: Checks, how: View) -> Ids:
    """Return the rows to show, in order; RefusedError for conditions that make no sense."""
    ids: Ids = state.own
    for condition in how.conditions:
        ids = ids[_chosen(condition, state, checks, ids)]
    if how.order is None:
        return ids
    name, ascending = how.order
    if name is None:
        return _sorted_by_key(state, ids, ascending)
    return _sorted_ids(state.column(name), ids, ascending)


def _chosen(condition: Condition, state: State, checks: Checks, ids: Ids) -> Mask:
    """Return for which rows a condition holds, or for which it does not if it is negated.

    Raises
    ------
    RefusedError
        If there is no such column, or a bound is no value of its dtype.
    """
    columns = state.by_name()
    if condition.test == "new":
        mask = ~state.keyed(ids)
    elif condition.test == "deleted":
        mask = state.are_deleted(ids)
    elif condition.test == "where":
        mask = _where(condition.text, state, ids)
    elif condition.column is None:
        mask = _of_keys(condition, state, ids)
        for column in columns.values():
            mask |= _of_column(condition, column, state, checks, ids)
        if condition.test == "invalid":
            mask |= np.isin(ids, list(checks.wrong(None)))
    elif condition.column == "job_key" and state.base.keyed:
        mask = _of_keys(condition, state, ids)
    elif condition.column in columns:
        mask = _of_column(condition, columns[condition.column], state, checks, ids)
    else:
        raise RefusedError(f"filter: there is no column {condition.column!r}")
    return ~mask if condition.negated else mask


def _where(text: str, state: State, ids: Ids) -> Mask:
    """Return for which rows an expression over the columns holds; never where one of them has no value."""
    columns = state.by_name()
    formula = formula_of(text, [*columns, *(["job_key"] if state.base.keyed else [])])
    needed = [columns[name] for name in formula.needs if name in columns]
    complete: Mask = ~np.isin(ids, np.concatenate([NO_IDS, *(column.blank for column in needed)]))
    there = ids[complete]
    table = pd.DataFrame({column.name: column.series(there) for column in needed}, index=range(len(there)))
    if "job_key" in formula.needs and "job_key" not in columns:
        table["job_key"] = pd.array([state.base.key(id) for id in there.tolist()], dtype="str")
    complete[complete] = kept_rows(table, formula)
    return complete


def _sorted_ids(column: SheetColumn, ids: Ids, ascending: bool) -> Ids:
    """Return rows sorted by a column, equal ones as they were; those without a value last."""
    if len(column.blank):
        without = np.isin(ids, column.blank)
        kept = ids[~without]
        return np.concatenate([_sorted(column.series(kept), kept, ascending), ids[without]])
    return _sorted(column.series(ids), ids, ascending)


def _sorted(series: pd.Series, ids: Ids, ascending: bool) -> Ids:
    """Return rows sorted by their values."""
    if not pd.api.types.is_object_dtype(series.dtype):
        plain = series.reset_index(drop=True)
        order = plain.sort_values(ascending=ascending, kind="stable", na_position="last").index.to_numpy()
        return np.asarray(ids[order])
    missing = series.isna().to_numpy()
    keys = [_sort_key(value) for value in series[~missing].tolist()]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__, reverse=not ascending), dtype=np.int64)
    return np.concatenate([ids[~missing][order], ids[missing]])


def _sorted_by_key(state: State, ids: Ids, ascending: bool) -> Ids:
    """Return rows sorted by job key: the shorter first, as keys are counted; new ones last."""
    keys = [state.base.key(id) for id in ids.tolist()]
    if all(key is not None and key.isdecimal() and len(key) < _MOST_DIGITS for key in keys):
        return _sorted(pd.Series(np.array(keys, dtype=np.int64)), ids, ascending)
    lengths = pd.Series([None if key is None else f"{len(key):06d}{key}" for key in keys], dtype=object)
    return _sorted(lengths, ids, ascending)


def _sort_key(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, (int, float)):
        return 0, value
    return (2, value) if isinstance(value, str) else (3, shown(value))


def _of_keys(condition: Condition, state: State, ids: Ids) -> Mask:
    if condition.test in ("changed", "invalid") or not state.base.keyed:
        return np.zeros(len(ids), dtype=np.bool_)
    if condition.test == "range":
        raise RefusedError("filter: keys have no range; use contains or choices")
    return _of_texts(condition, [state.base.key(id) or "" for id in ids.tolist()])


def _of_column(condition: Condition, column: SheetColumn, state: State, checks: Checks, ids: Ids) -> Mask:
    if condition.test == "changed":
        # New rows are new; of them nothing has changed.
        return np.asarray(column.changed(ids) & state.keyed(ids))
    if condition.test == "invalid":
        return np.isin(ids, list(checks.wrong(column)))
    if condition.test == "range":
        return _in_range(condition, column, ids)
    if condition.test == "missing" and not column.unread:
        return np.asarray(column.series(ids).isna().to_numpy())
    return _of_texts(condition, column.texts(ids))


def _of_texts(condition: Condition, texts: Sequence[str]) -> Mask:
    wanted = condition.text.casefold()
    if condition.test == "contains":
        found = [wanted in text.casefold() for text in texts]
    elif condition.test == "equals":
        found = [wanted == text.casefold() for text in texts]
    elif condition.test == "missing":
        found = [not text for text in texts]
    else:
        choices = set(condition.choices)
        found = [text in choices for text in texts]
    return np.array(found, dtype=np.bool_)


def _in_range(condition: Condition, column: SheetColumn, ids: Ids) -> Mask:
    series = column.series(ids)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    mask = ~series.isna().to_numpy()
    if len(column.blank):
        mask &= ~np.isin(ids, column.blank)
    for text, least in ((condition.low, True), (condition.high, False)):
        if text.strip():
            mask &= _within(series, _bound(text, column), least)
    return np.asarray(mask)


def _bound(text: str, column: SheetColumn) -> Any:
    """Return what a bound means; between whole numbers it may be any number."""
    try:
        return read(text, "float64" if column.format.kind in ("int", "float") else _plain_dtype(column))
    except RefusalError as refusal:
        raise RefusedError(f"filter of column {column.name!r}: {refusal}") from None


def _plain_dtype(column: SheetColumn) -> Any:
    dtype = column.format.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Series(dtype.categories)
    return objects(["text"]) if column.format.kind == "string" and dtype == np.dtype(object) else dtype


def _within(series: pd.Series, bound: Any, least: bool) -> Mask:
    compare = operator.ge if least else operator.le
    if pd.api.types.is_object_dtype(series.dtype):
        numbers = (int, float) if isinstance(bound, (int, float)) else (str,)
        values = series.tolist()
        fits = [isinstance(value, numbers) and not isinstance(value, bool) for value in values]
        pairs = zip(values, fits, strict=True)
        return np.array([fit and bool(compare(value, bound)) for value, fit in pairs], dtype=np.bool_)
    found = pd.Series(compare(series, bound))
    return np.asarray(found.to_numpy(dtype=np.bool_, na_value=False))
