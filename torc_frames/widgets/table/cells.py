"""What the texts in cells mean: values as they are shown, and what is typed as values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from torc_frames.errors import shorten
from torc_frames.files.json5 import value_of
from torc_frames.files.read import decode_json
from torc_frames.frame.column import Column as JsonColumn
from torc_frames.frame.compare import as_series
from torc_frames.frame.dtypes import describe, restore
from torc_frames.frame.specs import Spec
from torc_frames.frame.values import RefusalError, is_missing, plain
from torc_frames.widgets.table import numerals, timetexts
from torc_frames.widgets.table.numerals import quoted
from torc_frames.widgets.table.source import GridColumn, Kind

__all__ = ["Format", "Parsed", "column_of", "kind_of", "read", "shown", "texts"]

_TRUE = frozenset({"true", "yes", "y", "t", "on", "1", "1.0", "wahr"})
_FALSE = frozenset({"false", "no", "n", "f", "off", "0", "0.0", "falsch"})
_NOTHING = frozenset({"", "nan", "na", "n/a", "#n/a", "<na>", "nat", "none", "null"})
"""What means a missing value wherever it can't be a text."""

_dumps = json.JSONEncoder(ensure_ascii=False).encode
_OPENS = ("{", "[", '"')
_MAYBE_JSON = frozenset('{["-0123456789tfn \t\r\n')


@dataclass(frozen=True, slots=True)
class Parsed:
    """What texts were read as.

    Attributes
    ----------
    good : list of int
        The positions of those that are values.
    values : Series
        Their values, in the dtype of the column.
    refused : dict
        By position: why the text is no value.
    """

    good: list[int]
    values: pd.Series
    refused: dict[int, str]


@dataclass(frozen=True)
class Format:
    """How the cells of one column are written as texts, and read; made of the whole column once.

    ``read`` gives back what ``texts`` was given, dtype included, for every dtype that a push keeps. In a
    column of strings an empty text is a missing value, and two double quotes are the empty string (and
    four of them a string of two, and so on). In a column of objects a text is JSON, lists and objects are
    JSON5, and a text is a string by itself where it is neither: ``abc`` is a string, ``1`` a number,
    ``"1"`` a string again.

    Examples
    --------
    >>> format = Format.of(pd.Series([0.1, None]))
    >>> format.texts(pd.Series([0.1, None]))
    ['0.1', '']
    >>> parsed = format.read(["1e-3", "abc"])
    >>> parsed.values.tolist(), parsed.refused
    ([0.001], {1: "'abc' is no number"})
    """

    dtype: Any
    kind: Kind
    spec: Spec | None
    """None for a dtype that can be looked at only."""

    choices: tuple[str, ...] | None = None
    places: dict[str, int] = field(default_factory=dict, repr=False)
    """By text: which category it is."""

    @classmethod
    def of(cls, values: Any) -> Format:
        """Return how a column's values are written; of a dtype alone, objects have None as missing."""
        series = as_series(values)
        dtype = series.dtype
        spec: Spec | None
        try:
            spec = describe(series)
        except RefusalError:
            spec = {"dtype": "object"} if pd.api.types.is_object_dtype(dtype) else None
        if not isinstance(dtype, pd.CategoricalDtype):
            return cls(dtype, kind_of(dtype, series), spec)
        choices = tuple(texts(dtype.categories))
        return cls(dtype, "category", spec, choices, {text: at for at, text in enumerate(choices)})

    def written(self, values: Iterable[Any]) -> list[str]:
        """Return the texts by which Python values, of any type, are typed into the column.

        Examples
        --------
        >>> Format.of("str").written([1, "", None]), Format.of("int64").written([2.0, "3"])
        (['1', '""', ''], ['2.0', '3'])
        """
        if self.kind == "json":
            return [shown(value) for value in values]
        write = _write_string if self.kind == "string" and not timetexts.is_time(self.dtype) else str
        return [
            write(value)
            if isinstance(value, str)
            else repr(value)
            if type(value) in (int, float) and value == value
            else shown(value)
            for value in values
        ]

    @property
    def nullable(self) -> bool:
        """Whether a cell can be missing."""
        return not (isinstance(self.dtype, np.dtype) and self.dtype.kind in "biu")

    def texts(self, values: Any) -> list[str]:
        """Return values, some or all of the column, as they are shown; a missing one is an empty text."""
        series = as_series(values)
        dtype = series.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            choices = texts(series.cat.categories)
            return ["" if code < 0 else choices[code] for code in series.cat.codes.tolist()]
        if self.kind == "json":
            return [shown(value) for value in series.tolist()]
        if timetexts.is_time(dtype):
            return timetexts.texts(series)
        if self.kind == "float":
            return numerals.float_texts(series)
        write = _WRITERS.get(self.kind, str)
        gaps = series.isna().tolist()
        return ["" if gap else write(value) for value, gap in zip(series.tolist(), gaps, strict=True)]

    def read(self, typed: Sequence[str]) -> Parsed:
        """Return what texts mean."""
        found: list[Any] = []
        good: list[int] = []
        refused: dict[int, str] = {}
        reader = self._reader()
        for at, text in enumerate(typed):
            try:
                found.append(reader(text))
                good.append(at)
            except RefusalError as refusal:
                refused[at] = str(refusal)
        values = self.restored(found)
        if values is None:
            return self._read_singly(typed, good, found, refused)
        return Parsed(good, values, refused)

    def restored(self, encoded: list[Any]) -> pd.Series | None:
        """Return JSON values as `encode` gives them in the dtype of the column, None if one does not fit."""
        if self.spec is None:
            return None
        made = restore(JsonColumn.of(encoded), self.spec)
        return made if made is None or made.dtype == self.dtype else made.astype(self.dtype)

    def _read_singly(
        self, typed: Sequence[str], places: list[int], found: list[Any], refused: dict[int, str]
    ) -> Parsed:
        """Name the texts that are well-formed, and still don't fit into the dtype."""
        fits = [self.restored([value]) is not None for value in found]
        good = [at for at, fit in zip(places, fits, strict=True) if fit]
        for at, fit in zip(places, fits, strict=True):
            if not fit:
                refused[at] = f"{quoted(typed[at])} is beyond what {self.dtype} holds"
        values = self.restored([value for value, fit in zip(found, fits, strict=True) if fit])
        empty = pd.Series([], dtype=self.dtype)
        return Parsed(good, empty if values is None else values, refused)

    def _reader(self) -> Callable[[str], Any]:
        """Return what makes a JSON value, as `encode` gives it, of a text."""
        if self.spec is None:
            return self._refuse_all
        if self.kind == "json":
            return _read_json
        if self.kind == "category":
            return self._read_choice
        if self.kind == "string" and not timetexts.is_time(self.dtype):
            return _read_string
        reader = self._reader_of_values()

        def read_value(text: str) -> Any:
            stripped = text.strip()
            if stripped.lower() not in _NOTHING:
                return reader(stripped)
            if self.nullable:
                return None
            raise RefusalError(self._not_missing())

        return read_value

    def _reader_of_values(self) -> Callable[[str], Any]:
        if self.kind == "bool":
            return _read_bool
        if self.kind in ("int", "float"):
            return numerals.reader(self.dtype)
        return timetexts.reader(self.dtype)

    def _read_choice(self, text: str) -> Any:
        if text not in self.places and text.strip() in self.places:
            text = text.strip()
        if text not in self.places and text.strip() == "":
            return None
        if text not in self.places and len(self.places):
            text = self._same_value(text)
        spec = self.spec or {}
        return spec["categories"][self.places[text]]

    def _same_value(self, text: str) -> str:
        """Return how the category is written that a text means, like 1.0 for 1."""
        parsed = Format.of(self.dtype.categories).read([text])
        found = texts(parsed.values)[0] if parsed.good else text
        if found not in self.places:
            raise RefusalError(f"{quoted(text)} is none of the categories: {shorten(self.places)}")
        return found

    def _not_missing(self) -> str:
        name = str(self.dtype)
        other = {"b": "boolean", "u": f"UInt{name[4:]}"}.get(self.dtype.kind, name.capitalize())
        return f"{name} can't be missing: type a value, or retype the column to {other}"

    def _refuse_all(self, text: str) -> Any:
        raise RefusalError(f"cells of dtype {self.dtype} can't be edited")


def kind_of(dtype: Any, values: pd.Series | None = None) -> Kind:
    """Return how the cells of a dtype are shown and typed; objects may be strings, as their values tell.

    Examples
    --------
    >>> [kind_of(dtype) for dtype in ("int64", "boolean", "datetime64[s]", "object", "timedelta64[s]")]
    ['int', 'bool', 'datetime', 'json', 'string']
    """
    dtype = pd.api.types.pandas_dtype(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(dtype):
        return "int"
    if pd.api.types.is_float_dtype(dtype):
        return "float"
    if timetexts.is_moment(dtype):
        return "datetime"
    if not pd.api.types.is_object_dtype(dtype):
        return "string"
    of_strings = values is not None and pd.api.types.infer_dtype(values, skipna=True) == "string"
    return "string" if of_strings else "json"


def column_of(name: str, values: Any, *, read_only: bool = False) -> GridColumn:
    """Return a column as a grid paints it, of its values or its dtype."""
    format = Format.of(values)
    return GridColumn(name, format.kind, str(format.dtype), read_only or format.spec is None, format.choices)


def texts(values: Any) -> list[str]:
    """Return values as they are shown, and may be typed again; a missing one is an empty text.

    Parameters
    ----------
    values : Series, Index or array
        A whole column, of any dtype; of a part of one, `Format.texts` knows better how it is shown.
        What can't be read it shows as Python does.

    Examples
    --------
    >>> texts(pd.Series(["a", "", None], dtype="str"))
    ['a', '""', '']
    >>> texts(pd.Series([{"depth": 3}, "abc", "1", 1], dtype=object))
    ['{"depth": 3}', 'abc', '"1"', '1']
    """
    series = as_series(values)
    return Format.of(series).texts(series)


def read(text: str, values: Any) -> Any:
    """Return what a text means in a column, given by its values or its dtype.

    Raises
    ------
    RefusalError
        Saying why it means nothing there.

    Examples
    --------
    >>> read("TRUE", "bool"), read("2.0", "Int64"), read("", "Int64")
    (True, 2, <NA>)
    >>> read("", "int64")
    Traceback (most recent call last):
    ...
    torc_frames.frame.values.RefusalError: int64 can't be missing: type a value, or retype the column to Int64
    """
    parsed = Format.of(values).read([text])
    if parsed.refused:
        raise RefusalError(parsed.refused[0])
    value = parsed.values.iloc[0]
    return value.item() if isinstance(value, np.generic) and not timetexts.is_time(value.dtype) else value


def shown(value: Any) -> str:
    """Return the text of one JSON value in a column of objects; of other things what Python shows."""
    if isinstance(value, str):
        return value if _is_bare(value) else _dumps(value)
    if is_missing(value):
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, dict, list)):
        try:
            return _dumps(value)
        except (TypeError, ValueError, RecursionError):
            return str(value)
    return str(value)


def _write_string(value: Any) -> str:
    text = str(value)
    return f'{text}""' if _is_quotes(text) else text


def _read_string(text: str) -> Any:
    if text == "":
        return None
    return plain(text[2:] if _is_quotes(text) else text)


def _is_quotes(text: str) -> bool:
    """Return whether a text is nothing but pairs of double quotes."""
    return len(text) % 2 == 0 and text.count('"') == len(text)


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    "bool": lambda value: "true" if value else "false",
    "string": _write_string,
}


def _read_bool(text: str) -> bool:
    lower = text.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise RefusalError(f"{quoted(text)} is neither true nor false")


def _is_bare(text: str) -> bool:
    """Return whether a string of a column of objects means itself as it is."""
    if not text or text.isspace():
        return False
    if text[0] not in _MAYBE_JSON:
        return True
    try:
        return bool(_read_json(text) == text)
    except RefusalError:
        return False


def _read_json(text: str) -> Any:
    stripped = text.strip()
    if not stripped:
        return None
    try:
        value = decode_json(text)
    except (ValueError, RecursionError) as error:
        if not stripped.startswith(_OPENS):
            return plain(text)
        value = _read_json5(text, error)
    return plain(value)


def _read_json5(text: str, error: Exception) -> Any:
    """Return the value of a text in JSON5, if it is more than a string; else tell why it is no JSON."""
    why = "nested too deep" if isinstance(error, RecursionError) else str(error)
    if isinstance(error, json.JSONDecodeError):
        why = f"{error.msg} (at character {error.pos + 1})"
        if not text.strip().startswith('"'):
            try:
                return value_of(text)
            except ValueError as other:
                why = f"{why}; {other}"
    raise RefusalError(f"{quoted(text)} is no JSON: {why}") from None
