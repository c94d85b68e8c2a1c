"""One column of a sheet: what the base has, and the cells that were edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import RefusedError
from torc_frames.frame.compare import as_series, differing, taken
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters import rules
from torc_frames.widgets.parameters.base import Plain, SheetBase, Typed
from torc_frames.widgets.parameters.ids import NO_IDS, Ids, Mask, among, merged
from torc_frames.widgets.table import source
from torc_frames.widgets.table.cells import Format

__all__ = ["SheetColumn", "column_of", "plain_of"]

_OBJECT_BYTES = 100
_tokens = count()


@dataclass(frozen=True, eq=False)
class SheetColumn:
    """The cells of a column, by row id; what is done to it makes another one.

    A text that can't be a value (it does not parse, or breaks the rule) is kept with the reason; the value
    below it stays what it was. Where there never was one, the cell is blank.

    Attributes
    ----------
    name : str
    origin : str or None
        The column of the base that it was made of.
    format : Format
        How its cells are written and read.
    retyped : bool
        Whether that is another dtype than the one of its origin.
    plain : Plain
        The cells that were not edited.
    ids : array of int64
        Those that have a value otherwise, in order.
    values : array
        That value.
    typed : mapping
        By id the texts that are none.
    token : int
        What it is known by, whatever it is called.
    """

    base: SheetBase
    name: str
    origin: str | None
    format: Format
    retyped: bool
    plain: Plain
    ids: Ids
    values: Any
    typed: Mapping[int, Typed] = field(default_factory=dict)
    token: int = field(default_factory=lambda: next(_tokens))

    # what is there

    @property
    def rule(self) -> Rule | None:
        """What its values must be like."""
        return self.base.rules.get(self.name)

    @cached_property
    def column(self) -> source.GridColumn:
        """The column as a grid paints it."""
        choices, rule = self.format.choices, self.rule
        if choices is None and rule is not None and rule.choices is not None and self.format.kind != "json":
            parsed = self.format.read(self.format.written(rule.choices))
            choices = tuple(dict.fromkeys(self.format.texts(parsed.values)))
        return source.GridColumn(
            self.name, self.format.kind, str(self.format.dtype), self.format.spec is None, choices
        )

    @property
    def edited(self) -> Ids:
        """The rows whose cells are other than in the base, of new rows those that are not missing."""
        return merged(self.ids, np.fromiter(self.typed, dtype=np.int64, count=len(self.typed)))

    @cached_property
    def unread(self) -> Mapping[int, Typed]:
        """By id the texts that are no values, those of the base included."""
        plain = self.plain.typed
        if plain and (len(self.ids) or self.typed):
            there = np.fromiter(plain, dtype=np.int64, count=len(plain))
            plain = {id: plain[id] for id in there[~among(there, self.ids)].tolist()}
        return {**plain, **self.typed} if self.typed else plain

    @cached_property
    def blank(self) -> Ids:
        """The rows in which there is no value at all."""
        return np.array([id for id, one in self.unread.items() if one.blank], dtype=np.int64)

    def series(self, ids: Ids) -> pd.Series:
        """Return the values of some rows; those of blank cells mean nothing."""
        length, values = len(self.plain.values), self.plain.values
        if not len(self.ids) and len(ids) == length and np.array_equal(ids, np.arange(length)):
            return as_series(values)
        at = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        own = self.ids[at] == ids if len(self.ids) else np.zeros(len(ids), dtype=np.bool_)
        here = (ids < length) & ~own
        if here.all():
            return taken(as_series(values), ids)
        order = np.zeros(len(ids), dtype=np.int64)
        order[here] = np.arange(1, 1 + here.sum())
        order[own] = np.arange(1 + here.sum(), 1 + here.sum() + own.sum())
        parts = [as_series(self.plain.filler), taken(as_series(values), ids[here])]
        parts.append(taken(as_series(self.values), at[own]))
        return taken(pd.concat(parts, ignore_index=True), order)

    def texts(self, ids: Ids) -> list[str]:
        """Return what cells show: what was typed, or their value."""
        shown = self.format.texts(self.series(ids))
        if self.unread:
            for at, id in enumerate(ids.tolist()):
                if id in self.unread:
                    shown[at] = self.unread[id].text
        return shown

    @cached_property
    def changed_ids(self) -> Ids:
        """The rows whose cells are not as the base has them in a column of this name, in order."""
        stored = self.base.stored.get(self.name)
        if self.name not in self.plain.changed:
            self.plain.changed[self.name] = np.flatnonzero(_other(self.plain.values, stored))
        other = self.plain.changed[self.name]
        there = self.ids < len(self.plain.values)
        if stored is None or there.all():
            known = None if stored is None else taken(stored, self.ids)
            own = self.ids[_other(self.values, known)]
        else:
            own = self.ids[there][_other(self.values[there], taken(stored, self.ids[there]))]
        unread = np.fromiter(self.unread, dtype=np.int64, count=len(self.unread))
        return merged(other[~among(other, self.ids)], np.concatenate([own, unread]))

    def changed(self, ids: Ids) -> Mask:
        """Return which cells are not as the store has them; in a column it has not, those with a value."""
        return among(ids, self.changed_ids)

    def reason(self, id: int) -> str | None:
        """Return what is wrong with a cell, by itself."""
        found = self.unread.get(id)
        return found.reason if found else self.broken.get(id)

    @cached_property
    def broken(self) -> Mapping[int, str]:
        """By row id why values, which were there already, are not as the rule wants them."""
        ids = np.arange(len(self.plain.values), dtype=np.int64)
        return self._broken(np.concatenate([ids, self.ids[self.ids >= len(ids)]]))

    def repeated(self, ids: Ids) -> dict[int, str]:
        """Return by row id why values repeat that may not."""
        if self.rule is None or not self.rule.unique:
            return {}
        valid = ids[~np.isin(ids, self.blank)]
        series = self.series(valid)
        if not pd.api.types.is_object_dtype(series.dtype):
            valid = valid[series.duplicated(keep=False).to_numpy()]
            series = self.series(valid)
        return {int(valid[at]): reason for at, reason in self.rule.repeated(series.tolist()).items()}

    def is_same(self, other: SheetColumn) -> bool:
        """Return whether another column is the same in all that is seen and pushed."""
        return self is other or (
            (self.name, self.origin, self.format.dtype, self.format.kind, self.typed)
            == (other.name, other.origin, other.format.dtype, other.format.kind, other.typed)
            and np.array_equal(self.ids, other.ids)
            and not differing(self.values, other.values).any()
        )

    def weight(self) -> int:
        """Return about how many bytes its edits keep."""
        typed = sum(len(one.text) + len(one.reason) + _OBJECT_BYTES for one in self.typed.values())
        codes = self.values.codes if isinstance(self.values, pd.Categorical) else self.values
        each = _OBJECT_BYTES if pd.api.types.is_object_dtype(codes.dtype) else 0
        return int(self.ids.nbytes + codes.nbytes) + each * len(codes) + typed

    # what is made of it

    def with_cells(
        self, ids: Ids, values: Any, typed: Mapping[int, Typed] | None = None, back: Ids = NO_IDS
    ) -> SheetColumn:
        """Return the column with other cells.

        Parameters
        ----------
        ids : array of int64
            Those that get a value.
        values : array
            One for each.
        typed : mapping
            By id texts that are no values, over those that are there.
        back : array of int64
            Cells that become what the base has.
        """
        typed = typed or {}
        touched = np.concatenate([ids, back])
        wanted = self._are_edits(ids, values)
        keep = ~np.isin(self.ids, touched)
        there = np.concatenate([self.ids[keep], ids[wanted]])
        order = np.argsort(there, kind="stable")
        parts = [as_series(self.values[keep]), as_series(values[wanted])]
        joined = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        texts = dict(self.typed)
        if texts:
            for id in touched.tolist():
                texts.pop(id, None)
        for id, one in typed.items():
            texts.pop(id, None)
            if self.plain.typed.get(id) != one:
                texts[id] = one
        made = replace(self, ids=there[order], values=taken(joined, order).array, typed=texts)
        if "broken" in vars(self) and self.rule is not None:
            kept = {id: why for id, why in self.broken.items() if id not in set(touched.tolist())}
            vars(made)["broken"] = kept | made._broken(touched)
        return made

    def write(self, ids: Ids, texts: Sequence[str]) -> SheetColumn:
        """Return the column with texts typed into cells."""
        return self._write(ids, texts, self.rule)

    def reverted(self, ids: Ids) -> SheetColumn:
        """Return the column with cells as the base has them."""
        return self.with_cells(NO_IDS, self.values[:0], back=ids)

    def with_new(self, ids: Ids) -> SheetColumn:
        """Return the column with the cells of new rows: they are missing, or want a value."""
        if self._wanted is None or not len(ids):
            return self
        return self.with_cells(NO_IDS, self.values[:0], dict.fromkeys(ids.tolist(), self._wanted))

    def with_copies(self, ids: Ids, of: Ids) -> SheetColumn:
        """Return the column with the cells of new rows that are the same as others."""
        series = self.series(of)
        pairs = zip(ids.tolist(), of.tolist(), strict=True)
        typed = {new: self.unread[old] for new, old in pairs if old in self.unread} if self.unread else {}
        if self._wanted is not None:
            # A missing value that a rule wants was there before the rule; in a new row it waits for one.
            typed = dict.fromkeys(ids[series.isna().to_numpy()].tolist(), self._wanted) | typed
        valid = ~np.isin(ids, [id for id, one in typed.items() if one.blank])
        return self.with_cells(ids[valid], series.array[valid], typed)

    def retyped_to(self, format: Format, rows: Ids) -> SheetColumn:
        """Return the column as if the texts of some rows were typed into one of another dtype.

        What is no value there has none: not even the one that it had in this dtype. Values that break the
        rule already stay values.
        """
        other = column_of(self.base, self.name, self.origin, format, self.token)
        if not self.retyped and self.origin is not None:
            # The rest is what typing it there makes.
            rows = rows[among(rows, self.edited) | (rows >= len(self.base))]
        return other.typed_from(self, rows, rows)

    def typed_from(self, other: SheetColumn, ids: Ids, of: Ids) -> SheetColumn:
        """Return the column with cells of another dtype's typed into it; what is no value there has none."""
        texts = other.texts_for(self.format, of)
        typed = np.array([id in other.unread for id in of.tolist()], dtype=np.bool_)
        made = self
        for which, rule in ((~typed, None), (typed, self.rule)):
            if which.any():
                listed = [texts[at] for at in np.flatnonzero(which).tolist()]
                made = made._write(ids[which], listed, rule, blank=True)
        return made

    def texts_for(self, format: Format, ids: Ids) -> list[str]:
        """Return what is typed into a column of another dtype: of strings in JSON what they say."""
        texts = self.texts(ids)
        if self.format.kind == "json" and format.kind != "json":
            for at, (id, value) in enumerate(zip(ids.tolist(), self.series(ids).tolist(), strict=True)):
                if isinstance(value, str) and id not in self.unread:
                    texts[at] = format.written([value])[0]
        return texts

    # inside

    def _write(self, ids: Ids, texts: Sequence[str], rule: Rule | None, blank: bool = False) -> SheetColumn:
        parsed = self.format.read(texts)
        good, values, refused = np.array(parsed.good, dtype=np.int64), parsed.values, parsed.refused
        broken = rules.broken(rule, values)
        if broken:
            refused = refused | {int(good[at]): reason for at, reason in broken.items()}
            kept = ~np.isin(np.arange(len(good)), list(broken))
            good, values = good[kept], values[kept]
        typed = {}
        for at, reason in refused.items():
            id = int(ids[at])
            before = self.unread.get(id)
            typed[id] = Typed(texts[at], reason, blank or (before is not None and before.blank))
        return self.with_cells(ids[good], values.array, typed)

    @cached_property
    def _wanted(self) -> Typed | None:
        """What a cell of a new row shows, if it can't be missing."""
        parsed = self.format.read([""])
        reasons = parsed.refused or rules.broken(self.rule, parsed.values)
        return Typed("", reasons[0], True) if reasons else None

    def _are_edits(self, ids: Ids, values: Any) -> Mask:
        """Return which values are others than those that are there without them."""
        series, length = as_series(values), len(self.plain.values)
        wanted: Mask = ~series.isna().to_numpy()
        here = ids < length
        if here.any():
            known, given = taken(as_series(self.plain.values), ids[here]), series.array[here]
            wanted[here] = differing(known, given)
            if self.plain.typed:
                wanted[here] |= np.isin(ids[here], [*self.plain.typed])
        return wanted

    def _broken(self, ids: Ids) -> dict[int, str]:
        if self.rule is None:
            return {}
        return {int(ids[at]): reason for at, reason in rules.broken(self.rule, self.series(ids)).items()}


def column_of(
    base: SheetBase, name: str, origin: str | None, format: Format | None = None, token: int | None = None
) -> SheetColumn:
    """Return a column without edits, of the base or a new one."""
    retyped = False
    if origin is not None:
        stored = _stored_format(base, origin)
        format = format or stored
        retyped = (format.dtype, format.kind) != (stored.dtype, stored.kind)
    assert format is not None
    plain = plain_of(base, origin, format)
    made = SheetColumn(base, name, origin, format, retyped, plain, NO_IDS, plain.values[:0])
    return made if token is None else replace(made, token=token)


def plain_of(base: SheetBase, origin: str | None, format: Format) -> Plain:
    """Return a column of the base in a dtype, or the cells of one that was added: they are missing.

    Raises
    ------
    RefusedError
        If there can't be a column of this dtype.
    """
    about = (origin, str(format.dtype), format.kind)
    found = base.plains.get(about)
    if found is None or found[0].dtype != format.dtype or found[0].choices != format.choices:
        found = base.plains[about] = (format, _plain(base, origin, format))
    plain: Plain = found[1]
    return plain


def _stored_format(base: SheetBase, origin: str) -> Format:
    if (origin,) not in base.plains:
        base.plains[origin,] = Format.of(base.stored[origin])
    found: Format = base.plains[origin,]
    return found


def _plain(base: SheetBase, origin: str | None, format: Format) -> Plain:
    missing = format.restored([None]) if format.nullable else None
    filler = pd.Series(np.zeros(1, dtype="int64")).astype(format.dtype) if missing is None else missing
    if filler is None:
        raise RefusedError(f"a column can't be of dtype {format.dtype}")
    if origin is not None:
        stored, plain = base.stored[origin], _stored_format(base, origin)
        if (plain.dtype, plain.kind) == (format.dtype, format.kind):
            return Plain(stored.array, filler.array)
    empty = Plain(taken(filler, np.zeros(len(base), dtype=np.int64)).array, filler.array)
    rows = np.arange(len(base), dtype=np.int64)
    made = SheetColumn(base, origin or "", origin, format, True, empty, NO_IDS, empty.values[:0])
    if origin is None:
        made = made.with_new(rows)
    elif len(rows):
        made = made.typed_from(column_of(base, origin, origin), rows, rows)
    return Plain(made.series(rows).array, filler.array, made.typed)


def _other(values: Any, stored: pd.Series | None) -> Mask:
    if stored is None:
        return np.asarray(~as_series(values).isna().to_numpy())
    return differing(values, stored)
