"""Which Arrow type each column of a table has, decided over all of it, and its values in that type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa

from torc_frames.errors import TornReadError
from torc_frames.frame.column import ARROW, Column, as_native, one_kind, to_backend
from torc_frames.frame.dtypes import restore
from torc_frames.frame.flatten import Path, join
from torc_frames.frame.specs import Spec

__all__ = [
    "JSON_TEXT",
    "NOT_HELD",
    "Field",
    "Survey",
    "can_be_written",
    "dtype_of",
    "exact_type",
    "json_texts",
    "label_field",
    "schema_of",
]

JSON_TEXT = b"torc_frames.json"
"""Marks a column whose strings are JSON, in the metadata of its Arrow or Parquet field."""

NOT_HELD = (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError)
"""What Arrow raises of values that none of its types holds."""

_DEEPEST = 24
"""How deep lists and objects may be nested in an Arrow type; its C interface takes 64 levels."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Field:
    """A column as Arrow has it: its values at a path of the records, if any has a value there."""

    name: str
    path: Path | None
    type: pa.DataType
    dtype: Any
    """What it is in pandas."""
    convert: Callable[[Column], Any]
    is_json: bool = False
    """Whether its values are written as JSON, as no one Arrow type holds them."""

    def array(self, columns: Mapping[Path, Column], length: int) -> pa.Array:
        """Return the values of a page."""
        column = columns.get(self.path) if self.path is not None else None
        if column is None:
            column = Column()
            column.pad(length)
        array = self.convert(column)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


class Survey:
    """What of the values decides the types of columns, gathered page by page; values are not kept.

    Parameters
    ----------
    specs : mapping
        Recorded dtypes by the name of the column.
    """

    def __init__(self, specs: Mapping[str, Spec]) -> None:
        self.seen: dict[Path, _SeenTypes] = {}
        self.length = 0
        self._specs = specs

    def add(self, columns: Mapping[Path, Column], length: int) -> None:
        """Look at the columns of a page; those of earlier ones that it lacks are missing there."""
        for path, column in columns.items():
            seen = self.seen.get(path)
            if seen is None:
                seen = self.seen[path] = _SeenTypes(self._specs.get(join(path)))
                if self.length:
                    seen.miss()
            seen.add(column)
        for path, seen in self.seen.items():
            if path not in columns and length:
                seen.miss()
        self.length += length

    def fields(self, paths: Iterable[Path], names: Iterable[str]) -> list[Field]:
        """Return what the wanted columns are; those that no record has by what is recorded of them."""
        at = {join(path): path for path in paths}
        found = []
        for name in names:
            path = at.get(name)
            seen = self.seen[path] if path is not None else _SeenTypes(self._specs.get(name))
            if path is None and self.length:
                seen.miss()
            found.append(seen.field(name, path))
        return found


class _SeenTypes:
    """What is known of the values of one column."""

    def __init__(self, spec: Spec | None) -> None:
        self.kinds: set[str] = set()
        self._spec = spec if spec is not None and spec["dtype"] != "object" else None
        self._restored: pd.Series | None = None
        self._gaps = False
        self._floats_hold_ints = True
        self._values_as: pa.DataType | None = pa.null()
        self._restore(Column())

    def add(self, column: Column) -> None:
        self.kinds |= column.kinds
        self._gaps = self._gaps or any(
            None in chunk if isinstance(chunk, list) else chunk.null_count > 0 for chunk in column.chunks
        )
        self._floats_hold_ints = self._floats_hold_ints and column.floats_hold_ints()
        self._restore(column)
        if "other" in self.kinds:
            for chunk in column.chunks:
                kind = exact_type(chunk) if isinstance(chunk, list) else chunk.type
                self._values_as = _joined(self._values_as, kind)

    def miss(self) -> None:
        """Note that a record, at least, has no such value."""
        gap = Column()
        gap.pad(1)
        self.add(gap)

    def field(self, name: str, path: Path | None) -> Field:
        if self._restored is not None and self._spec is not None:
            return _restored_field(name, path, self._restored, self._spec, self._gaps)
        kind = one_kind(self.kinds, lambda: self._floats_hold_ints)
        target = ARROW.get(kind)
        if target is not None:
            dtype = dtype_of(target, self._gaps)
            return Field(name, path, target, dtype, lambda column: column.as_type(target))
        if kind == "":
            return Field(name, path, pa.null(), object, lambda column: pa.nulls(column.length))
        exact = self._values_as
        if self.kinds == {"other"} and exact is not None and _can_be_written(exact):
            return Field(name, path, exact, object, lambda column: pa.array(column.values(), exact))
        return Field(
            name, path, pa.string(), object, lambda column: json_texts(column.values()), is_json=True
        )

    def _restore(self, column: Column) -> None:
        """Note whether the recorded dtype holds these values, too; what is restored first says the dtype."""
        if self._spec is None:
            return
        made = restore(column, self._spec)
        if made is None or isinstance(made.dtype, pd.PeriodDtype):
            self._spec = None  # to others than pandas, a period would be a bare number
        elif self._restored is None:
            self._restored = as_native(made.iloc[:0])
            if not _is_arrow(self._restored):
                self._spec = None


def label_field(name: str) -> Field:
    """Return a column of keys or names."""
    return Field(
        name,
        None,
        pa.string(),
        dtype_of(pa.string(), gaps=False),
        lambda column: column.as_type(pa.string()),
    )


def schema_of(fields: Iterable[Field], index: str | None, about: Mapping[str, Any]) -> pa.Schema:
    """Return the schema of a table, with what pandas needs to know to make the same dtypes of it.

    Parameters
    ----------
    fields : iterable of Field
    index : str, optional
        The name of the column that is the index in pandas; it comes first.
    about : mapping
        Where the table is from; pandas has it as ``attrs["torc"]``.
    """
    listed = list(fields)
    empty = pd.DataFrame({field.name: pd.Series(dtype=field.dtype) for field in listed})
    empty.attrs["torc"] = dict(about)
    text = dtype_of(pa.string(), gaps=False)
    if index is not None:
        empty.index = pd.Index([], dtype=text, name=index)
    metadata = pa.Schema.from_pandas(empty, preserve_index=index is not None).metadata
    columns = []
    if index is not None:  # pandas has another name for it where a column has its own
        taken = any(field.name == index for field in listed)
        columns.append(pa.field("__index_level_0__" if taken else index, pa.string()))
    columns += [
        pa.field(field.name, field.type, metadata={JSON_TEXT: b"1"} if field.is_json else None)
        for field in listed
    ]
    attrs = _encode({"torc": about})
    return pa.schema(columns, {b"pandas": metadata[b"pandas"], b"PANDAS_ATTRS": attrs})


def json_texts(values: Iterable[Any]) -> pa.Array:
    """Return JSON values, each as its text; None stays missing."""
    return pa.array([None if value is None else _encode(value).decode() for value in values], pa.string())


def exact_type(values: list[Any]) -> pa.DataType | None:
    """Return the Arrow type that gives back exactly the same JSON values, None if there is none.

    Examples
    --------
    >>> print(exact_type([[1, 2], None, []]))
    list<item: int64>
    >>> exact_type([[1], [0.5]]) is exact_type([{"a": 1}, {"b": 1}]) is None
    True
    """
    try:
        array = pa.array(values)
        same = _encode(array.to_pylist()) == _encode(values)
    except (pa.ArrowException, OverflowError, TypeError):
        return None
    return array.type if same else None


def can_be_written(values: list[Any]) -> bool:
    """Return whether Parquet holds JSON values as they are, so that others read them, too."""
    kind = exact_type(values)
    return kind is not None and (pa.types.is_null(kind) or _can_be_written(kind))


def _restored_field(name: str, path: Path | None, like: pd.Series, spec: Spec, gaps: bool) -> Field:
    target = pa.Array.from_pandas(like).type
    dtype = like.dtype
    if isinstance(dtype, pd.StringDtype):
        target = pa.string()
    elif isinstance(dtype, pd.CategoricalDtype) and target.value_type not in (pa.string(), pa.large_string()):
        # Parquet has categories of texts only.
        target = target.value_type
        dtype = dtype_of(target, gaps) if target in ARROW.values() else dtype.categories.dtype

    def convert(column: Column) -> pa.Array:
        made = restore(column, spec)
        if made is None:
            raise TornReadError(f"column {name!r} is not what it was when it was read first")
        array = pa.Array.from_pandas(as_native(made))
        return array if array.type == target else array.cast(target)

    return Field(name, path, target, dtype, convert)


def dtype_of(kind: pa.DataType, gaps: bool) -> Any:
    """Return what pandas makes of an Arrow type: with gaps a dtype that has room for them."""
    series = pd.Series(pa.array([], kind).to_pandas())
    nullable = gaps and series.dtype.kind in "bi"
    return to_backend(series, "numpy_nullable").dtype if nullable else series.dtype


def _is_arrow(series: pd.Series) -> bool:
    """Return whether Arrow has such a dtype; it has no categories of several kinds."""
    try:
        pa.Array.from_pandas(series)
    except NOT_HELD:
        return False
    return True


def _joined(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    """Return the type that holds exactly what either does, None if there is none."""
    if one is None or other is None or one == other:
        return one if one == other else None
    if pa.types.is_null(one) or pa.types.is_null(other):
        return other if pa.types.is_null(one) else one
    if pa.types.is_list(one) and pa.types.is_list(other):
        inner = _joined(one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        names = [field.name for field in one]
        inners = [_joined(a.type, b.type) for a, b in zip(one, other, strict=False)]
        if names == [field.name for field in other] and None not in inners:
            return pa.struct(list(zip(names, inners, strict=True)))
    return None


def _can_be_written(kind: pa.DataType, depth: int = 0) -> bool:
    """Return whether Parquet files of this type are read by others.

    None do empty objects or lists alone, and types that are deeper than a few dozen levels.
    """
    if depth > _DEEPEST:
        return False
    if pa.types.is_list(kind):
        return _can_be_written(kind.value_type, depth + 1)
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_can_be_written(field.type, depth + 1) for field in kind)
    return not pa.types.is_null(kind)
