"""One column of a sheet: its values by row, the texts that are none, and what the store has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.compare import as_series, differing
from torc_frames.frame.rules import Rule
from torc_frames.widgets.table import source
from torc_frames.widgets.table.cells import Format

__all__ = ["CellsPatch", "Ids", "Mask", "SheetColumn", "bytes_of", "format_for"]

Ids = np.ndarray[Any, np.dtype[np.int64]]
"""Rows by their ids: those of the base frame by position, new ones by number after them."""

Mask = np.ndarray[Any, np.dtype[np.bool_]]


_OBJECT_BYTES = 100


class SheetColumn:
    """The cells of a column, by row id.

    A text that can't be a value (it does not parse, or breaks the rule) is kept in ``typed``, with the
    reason; the value below it stays what it was. Where there never was one, the row is in ``blank``.

    Parameters
    ----------
    name : str
    values : Series
        Of as many rows as there are ids.
    format : Format
        How its cells are written and read.
    stored : Series or None
        What the store has in the column of this name, for the first ids.
    origin : str or None
        The column of the base frame whose values these were.
    token : object or None
        What it is known by, whatever it is called; None for a column that is none of those there were.
    """

    def __init__(
        self,
        name: str,
        values: pd.Series,
        format: Format,
        *,
        stored: pd.Series | None = None,
        origin: str | None = None,
        token: object | None = None,
    ) -> None:
        self.name = name
        self.token = object() if token is None else token
        self.format = format
        self.origin = origin
        self.values: Any = values.array.copy()
        self.typed: dict[int, tuple[str, str]] = {}
        self.blank: set[int] = set()
        self.rule: Rule | None = None
        self._choices: tuple[str, ...] | None = None
        self._broken: dict[int, str] | None = None
        self._mask: Mask | None = None
        self._stored: Any = None if stored is None else stored.array

    def attach(self, stored: pd.Series | None, rule: Rule | None) -> None:
        """Say what the store has in a column of this name, and which rule there is for it."""
        array = None if stored is None else stored.array
        if array is not self._stored:
            self._stored, self._mask = array, None
        if rule != self.rule:
            self.rule, self._broken = rule, None
        self._choices = self._texts_of_choices()

    @property
    def column(self) -> source.GridColumn:
        """The column as a grid paints it."""
        choices = self._choices if self.format.choices is None else self.format.choices
        return source.GridColumn(
            self.name, self.format.kind, str(self.format.dtype), self.format.spec is None, choices
        )

    def series(self, ids: Ids) -> pd.Series:
        """Return the values of some rows; those of blank cells mean nothing."""
        return as_series(self.values.take(ids))

    def texts(self, ids: Ids) -> list[str]:
        """Return what cells show: what was typed, or their value."""
        shown = self.format.texts(self.series(ids))
        if self.typed:
            for at, id in enumerate(ids.tolist()):
                if id in self.typed:
                    shown[at] = self.typed[id][0]
        return shown

    def grow(self, length: int) -> None:
        """Make room for the rows up to an id; what is there is missing, or means nothing."""
        short = length - len(self.values)
        if short > 0:
            more = self._empty(max(short, length // 8))
            self.values = pd.concat([as_series(self.values), more], ignore_index=True).array

    def write(self, ids: Ids, texts: Sequence[str]) -> CellsPatch:
        """Return what typing texts into cells changes."""
        parsed = self.format.read(texts)
        good, values, refused = parsed.good, parsed.values, parsed.refused
        broken = self._against_rule(values)
        if broken:
            refused = refused | {good[at]: reason for at, reason in broken.items()}
            kept = [at for at in range(len(good)) if at not in broken]
            good, values = [good[at] for at in kept], values.iloc[kept]
        array = self.values.take(ids)
        if len(good) == len(array):
            array = values.array
        elif good:
            array[np.array(good, dtype=np.int64)] = values.array
        typed = {int(ids[at]): (texts[at], reason) for at, reason in refused.items()}
        return CellsPatch(self, ids, array, typed, self.blank.intersection(typed))

    def fill_new(self, ids: Ids) -> CellsPatch:
        """Return what makes cells those of empty rows: missing, or wanting a value."""
        patch = self.write(ids, [""] * len(ids))
        patch.blank = set(patch.typed)
        return patch

    def copies(self, ids: Ids, of: Ids) -> CellsPatch:
        """Return what makes cells the same as others."""
        pairs = list(zip(ids.tolist(), of.tolist(), strict=True))
        typed = {new: self.typed[old] for new, old in pairs if old in self.typed}
        blank = {new for new, old in pairs if old in self.blank}
        missing = ids[self.series(of).isna().to_numpy()]
        # A missing value that a rule wants was there before the rule; in a row that is new it waits for one.
        wanting = {} if not len(missing) else self.write(missing, [""] * len(missing)).typed
        blank |= wanting.keys() - typed.keys()
        return CellsPatch(self, ids, self.values.take(of), wanting | typed, blank)

    def set_state(self, ids: Ids, values: Any, typed: dict[int, tuple[str, str]], blank: set[int]) -> None:
        """Set all there is about some cells."""
        self.values[ids] = values
        if self.typed or self.blank:
            for id in ids.tolist():
                self.typed.pop(id, None)
                self.blank.discard(id)
        self.typed.update(typed)
        self.blank |= blank
        self._refresh(ids)

    def state(self, ids: Ids) -> tuple[Any, dict[int, tuple[str, str]], set[int]]:
        """Return all there is about some cells, as `set_state` takes it."""
        typed = {id: self.typed[id] for id in ids.tolist() if id in self.typed} if self.typed else {}
        return self.values.take(ids), typed, self.blank.intersection(ids.tolist()) if self.blank else set()

    def changed(self, ids: Ids) -> Mask:
        """Return which cells are not as the store has them; in a column it has not, those with a value."""
        mask = np.zeros(len(ids), dtype=np.bool_)
        all_mask = self._changed_mask()
        there = ids < len(all_mask)
        mask[there] = all_mask[ids[there]]
        if self.typed:
            mask |= np.array([id in self.typed for id in ids.tolist()], dtype=np.bool_)
        return mask

    def reason(self, id: int) -> str | None:
        """Return what is wrong with a cell, by itself."""
        found = self.typed.get(id)
        return found[1] if found else self.broken().get(id)

    def broken(self) -> dict[int, str]:
        """Return by row id why values, which were there already, are not as the rule wants them."""
        if self._broken is None:
            values = as_series(self.values)
            self._broken = self._against_rule(values)
        return self._broken

    def unfit(self) -> set[int]:
        """Return the rows whose cell shows something else than a value that fits."""
        return {*self.typed, *self.broken()}

    def repeated(self, ids: Ids) -> dict[int, str]:
        """Return by row id why values repeat that may not."""
        if self.rule is None or not self.rule.unique:
            return {}
        valid = np.array([id for id in ids.tolist() if id not in self.blank], dtype=np.int64)
        series = self.series(valid)
        if not pd.api.types.is_object_dtype(series.dtype):
            valid = valid[series.duplicated(keep=False).to_numpy()]
            series = self.series(valid)
        return {int(valid[at]): reason for at, reason in self.rule.repeated(series.tolist()).items()}

    def retyped(self, format: Format, ids: Ids) -> SheetColumn:
        """Return the column as if the texts of some rows were typed into one of another dtype.

        What is no value there has none: not even the one that it had in this dtype. Values that break the
        rule already stay values.
        """
        length = len(self.values)
        values = format.restored([None] * length) if format.nullable else _zeros(length, format.dtype)
        if values is None:
            raise RefusedError(f"column {self.name!r} can't be of dtype {format.dtype}")
        other = SheetColumn(self.name, values, format, origin=self.origin, token=self.token)
        texts = self.texts_for(format, ids)
        typed = np.array([id in self.typed for id in ids.tolist()], dtype=np.bool_)
        for which, rule in ((~typed, None), (typed, self.rule)):
            other.rule = rule
            at = np.flatnonzero(which)
            if len(at):
                patch = other.write(ids[at], [texts[place] for place in at.tolist()])
                patch.blank = set(patch.typed)
                patch.swap()
        return other

    def texts_for(self, format: Format, ids: Ids) -> list[str]:
        """Return what is typed into a column of another dtype: of strings in JSON what they say."""
        texts = self.texts(ids)
        if self.format.kind == "json" and format.kind != "json":
            for at, (id, value) in enumerate(zip(ids.tolist(), self.values.take(ids).tolist(), strict=True)):
                if isinstance(value, str) and id not in self.typed:
                    texts[at] = format.written([value])[0]
        return texts

    def _refresh(self, ids: Ids) -> None:
        """Bring up to date what is known of all cells, after some of them are others."""
        if self._mask is not None and self._stored is not None:
            there = ids[ids < len(self._mask)]
            self._mask[there] = differing(self.values.take(there), self._stored.take(there))
        elif self._mask is not None:
            self._mask = None
        if self._broken is not None:
            for id in ids.tolist() if self._broken else ():
                self._broken.pop(id, None)
            found = self._against_rule(self.series(ids))
            self._broken |= {int(ids[at]): reason for at, reason in found.items()}

    def _changed_mask(self) -> Mask:
        if self._mask is None:
            if self._stored is None:
                self._mask = np.asarray(~as_series(self.values).isna().to_numpy())
            else:
                first = self.values[: len(self._stored)]
                self._mask = differing(first, self._stored)
        return self._mask

    def _against_rule(self, series: pd.Series) -> dict[int, str]:
        """Return by position why values break the rule."""
        if self.rule is None or not len(series):
            return {}
        rule, suspects = self.rule, _suspects(self.rule, series)
        values = series.iloc[suspects].tolist()
        found = ((at, rule.check(value)) for at, value in zip(suspects.tolist(), values, strict=True))
        return {at: reason for at, reason in found if reason}

    def _empty(self, count: int) -> pd.Series:
        made = self.format.restored([None] * count) if self.format.nullable else None
        return _zeros(count, self.format.dtype) if made is None else made

    def _texts_of_choices(self) -> tuple[str, ...] | None:
        if self.rule is None or self.rule.choices is None or self.format.kind == "json":
            return None
        parsed = self.format.read(self.format.written(self.rule.choices))
        return tuple(dict.fromkeys(self.format.texts(parsed.values)))


@dataclass(slots=True)
class CellsPatch:
    """Other cells of one column."""

    column: SheetColumn
    ids: Ids
    values: Any
    typed: dict[int, tuple[str, str]]
    blank: set[int]

    def swap(self) -> None:
        """Exchange what is here with what is in the column."""
        before = self.column.state(self.ids)
        self.column.set_state(self.ids, self.values, self.typed, self.blank)
        self.values, self.typed, self.blank = before

    def weight(self) -> int:
        """Return about how many bytes it keeps."""
        typed = sum(len(text) + len(reason) + _OBJECT_BYTES for text, reason in self.typed.values())
        return int(self.ids.nbytes) + bytes_of(self.values) + typed


def bytes_of(values: Any) -> int:
    """Return about how many bytes the values of a column keep."""
    if isinstance(values, pd.Categorical):
        return int(values.codes.nbytes)
    each = _OBJECT_BYTES if pd.api.types.is_object_dtype(values.dtype) else 0
    return int(values.nbytes) + each * len(values)


def format_for(dtype: Any) -> Format:
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


def _zeros(count: int, dtype: Any) -> pd.Series:
    return pd.Series(np.zeros(count, dtype="int64")).astype(dtype)


def _suspects(rule: Rule, series: pd.Series) -> Ids:
    """Return the positions of values that may break a rule; of numbers within bounds it is known."""
    every = np.arange(len(series), dtype=np.int64)
    plain = rule.choices is None and rule.pattern is None
    numbers = isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf"
    if not (plain and numbers and all(isinstance(bound, (int, float)) for bound in rule.bounds.values())):
        return every if (not plain or rule.bounds or rule.required) else every[:0]
    values = series.to_numpy()
    bad = np.isnan(values) if rule.required and series.dtype.kind == "f" else np.zeros(len(values), np.bool_)
    tests = {"min": np.less, "above": np.less_equal, "max": np.greater, "below": np.greater_equal}
    for name, bound in rule.bounds.items():
        bad = bad | tests[name](values, bound)
    return np.asarray(every[bad])
