"""The columns of a table file as what the workflow has them as already."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pandas as pd

from torc_frames.files.exports import write_csv
from torc_frames.files.read import decode_json
from torc_frames.files.sheets import sheet_cells
from torc_frames.frame.column import Column, objects
from torc_frames.frame.dtypes import describe, encode, restore
from torc_frames.frame.flatten import Path, split
from torc_frames.frame.numerals import Numerals
from torc_frames.frame.specs import Spec, all_categories, kind_of
from torc_frames.frame.texts import typed, values_of
from torc_frames.frame.values import RefusalError

__all__ = ["Parameters", "adopt"]


def adopt(series: pd.Series, like: pd.Series) -> pd.Series:
    """Return a column in the dtype of another, if that keeps its values, else as it is.

    Examples
    --------
    >>> when = pd.Series(["2026-01-02"], dtype="datetime64[us]")
    >>> str(adopt(pd.Series(["2026-03-04 05:06:07"]), when).dtype)
    'datetime64[us]'
    >>> str(adopt(pd.Series(["tomorrow"]), when).dtype) == "datetime64[us]"
    False
    """
    try:
        spec = describe(like)
    except RefusalError:
        return series
    if spec["dtype"] == "object" and like.isna().all():
        return series
    made = _made(series, spec)
    if made is None and kind_of(spec).startswith("m8"):
        durations = _durations(series)
        made = None if durations is None else _made(durations, spec)
    return series if made is None else made.set_axis(series.index)


class Parameters:
    """The parameters that a workflow has, to read a file of them by."""

    def __init__(self, current: pd.DataFrame) -> None:
        self.current = current

    def whole(self) -> frozenset[Path]:
        """Return the paths at which objects are values."""
        return frozenset(
            split(str(name))
            for name, series in self.current.items()
            if series.dtype.kind == "O" and any(isinstance(value, dict) for value in series)
        )

    def adopted(self, name: str, series: pd.Series) -> pd.Series:
        """Return a column of the file in the dtype that it has in the workflow, if that fits."""
        return adopt(series, self.current[name]) if name in self.current else series

    def of_parquet(self, name: str, series: pd.Series) -> pd.Series:
        """Return a column of a Parquet file; that says its dtype, but not of all."""
        dtype = self.current[name].dtype if name in self.current else None
        kinds = (pd.CategoricalDtype, pd.ArrowDtype, pd.StringDtype)
        lost = isinstance(dtype, kinds) or str(dtype).startswith(("object", "datetime64[s"))
        return self.adopted(name, series) if lost else series

    def of_sheet(self, name: str, series: pd.Series, values: list[Any], keys: list[Any]) -> pd.Series:
        """Return a column of a spreadsheet: objects are JSON there, durations may be days.

        What is written as a pull writes it is what is there already.
        """
        if name not in self.current:
            return series
        like = self.current[name]
        if like.dtype.kind == "m" and series.dtype.kind in "if":
            series = pd.to_timedelta(series, unit="D").dt.round("us")
        elif _holds_objects(like) and series.dtype.kind not in "mM" and not self._is_text(name):
            series = objects([_decoded(value) for value in series])
        written = sheet_cells(like)
        cells = self._as_stored(
            name, encode(series)[0], keys, lambda row, at: _same(values[row], written[at])
        )
        made = adopt(cells, like)
        return made if made.dtype == like.dtype else adopt(series, like)

    def takes_numbers(self, name: str) -> bool:
        """Return whether texts of a file may be numbers: the workflow has no texts or the like there."""
        if name not in self.current:
            return True
        return pd.api.types.is_numeric_dtype(self.current[name].dtype)

    def of_texts(
        self, name: str, texts: list[str | None], keys: list[str | None], numerals: Numerals
    ) -> pd.Series:
        """Return a column of CSV cells; what is written as a pull writes it is what is there already.

        Where the workflow has no texts a cell is what it is written as, whatever the others are.
        """
        if name not in self.current:
            return typed(texts, numerals)
        like = self.current[name]
        is_text = self._is_text(name)
        if is_text:
            base = Column.of(texts).natural()
        elif self.takes_numbers(name):
            base = Column.of(values_of(texts, numerals)).natural()
        else:
            base = typed(texts, numerals)
        if str(like.dtype).lower() == "float32" and base.dtype.kind == "f":
            base = base.astype("float32")
        cells, _ = encode(base)
        if _holds_objects(like) and not is_text:
            cells = [_decoded(cell) for cell in cells]
        written = self._written[name]
        return adopt(
            self._as_stored(name, cells, keys, lambda row, at: (texts[row] or "") == written[at]), like
        )

    def _as_stored(
        self, name: str, cells: list[Any], keys: list[Any], same: Callable[[int, int], bool]
    ) -> pd.Series:
        """Return cells of a file; what is the same there as a pull writes it is what the workflow has."""
        for row, at in enumerate(map(self._rows.get, keys)):
            if at is not None and same(row, at):
                cells[row] = self._cells[name][at]
        return Column.of(cells).natural()

    def _is_text(self, name: str) -> bool:
        return Column.of(self._cells[name]).kind() == "str"

    @cached_property
    def _cells(self) -> dict[str, list[Any]]:
        return {str(name): encode(series)[0] for name, series in self.current.items()}

    @cached_property
    def _rows(self) -> dict[str | None, int]:
        return {str(key): row for row, key in enumerate(self.current.index)}

    @cached_property
    def _written(self) -> dict[str, tuple[str, ...]]:
        file = io.BytesIO()
        write_csv(self.current, file, raw=True)
        names, *rows = csv.reader(io.StringIO(file.getvalue().decode("utf-8", "surrogatepass"), newline=""))
        columns = zip(*rows, strict=True) if rows else iter([()] * len(names))
        return dict(zip(names, columns, strict=True))


def _made(series: pd.Series, spec: Spec) -> pd.Series | None:
    cells, refused = encode(series)
    if refused:
        return None
    if spec["dtype"] == "category" and not spec["ordered"]:
        scalars = (cell for cell in cells if cell is not None and not isinstance(cell, (list, dict)))
        spec = {**spec, "categories": all_categories(spec["categories"], scalars)}
    return restore(Column.of(cells), spec)


def _same(cell: Any, written: Any) -> bool:
    """Return whether a sheet's cell is as it was written; Excel has no empty texts."""
    return (cell is None and written in (None, "")) or (type(cell) is type(written) and cell == written)


def _durations(series: pd.Series) -> pd.Series | None:
    """Return durations written as pandas writes them."""
    if series.dtype.kind in "biufcM":
        return None
    try:
        return pd.to_timedelta(series)
    except (ValueError, TypeError):
        return None


def _holds_objects(like: pd.Series) -> bool:
    return like.dtype.kind == "O" and pd.api.types.is_object_dtype(like.dtype)


def _decoded(value: Any) -> Any:
    """Return the list or object that a text is the JSON of; others, and one with a key twice, as they are."""
    if not (isinstance(value, str) and value.startswith(("{", "["))):
        return value
    try:
        return decode_json(value, nan=True)
    except (ValueError, RecursionError):
        return value
