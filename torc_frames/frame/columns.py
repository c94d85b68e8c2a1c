"""Records to columns: the slow, obvious way, and the fast one that must give exactly the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from torc_frames.frame.column import Column
from torc_frames.frame.exact import EXACT_IN_FLOAT
from torc_frames.frame.flatten import DATA, Path, join, leaves
from torc_frames.frame.values import decode_lines

__all__ = ["Columns", "Page"]

Page = tuple[list[str], bytes]
"""Keys of records, and their data as one line of JSON each."""

Trie = dict[str, Any]

_NULL_IN_LIST = re.compile(rb"[\[,]\s*null")
_NULL_LINE = re.compile(rb"^null$", re.MULTILINE)


class HasKinds(Protocol):
    """A column, or what is known of one."""

    @property
    def kinds(self) -> Set[str]:
        """The kinds of its values; none where all are missing."""


class _NotColumnarError(Exception):
    """Arrow would read this page differently than the slow way; the page goes that way."""


class Columns:
    """The columns of many records, gathered page by page.

    Parameters
    ----------
    name : callable
        Returns the path at which a column shows, of that where its values are; no two of them the same.
    whole : frozenset of path
        Objects at these paths are values, not flattened.
    fast : bool
        Whether Arrow may read the pages that it reads exactly.
    """

    def __init__(
        self,
        *,
        name: Callable[[Path], Path] = tuple,
        whole: frozenset[Path] = frozenset(),
        fast: bool = True,
    ) -> None:
        self.length = 0
        self._name = name
        self._whole = whole
        self._fast = fast
        self._columns: dict[Path, Column] = {}
        self._order: Trie = {}
        self._texts: Trie = {}

    def add_page(self, page: Page) -> None:
        """Add records as they come from a store."""
        keys, data = page
        if self._fast:
            try:
                return self._add_table(len(keys), data)
            except (_NotColumnarError, pa.ArrowException):
                pass
        return self.add_rows(decode_lines(keys, data))

    def add_rows(self, rows: list[Any]) -> None:
        """Add decoded records; the obvious way, and the measure of the other."""
        cells: dict[Path, list[Any]] = {}
        for at, row in enumerate(rows):
            if row is None:
                continue
            pairs = leaves(row, self._whole) if isinstance(row, dict) else [((DATA,), row)]
            for path, value in pairs:
                name = self._name(path) if isinstance(row, dict) else path
                values = cells.get(name)
                if values is None:
                    values = cells[name] = [None] * len(rows)
                    self._appear(name)
                values[at] = value
        for name, values in cells.items():
            self._column(name).add_values(self.length, values)
        self.length += len(rows)

    def add_flat(self, rows: Iterable[Mapping[Path, Any]]) -> None:
        """Add rows of values by the path at which they show."""
        listed = list(rows)
        names = dict.fromkeys(path for row in listed for path in row)
        for name in names:
            self._appear(name)
            self._column(name).add_values(self.length, [row.get(name) for row in listed])
        self.length += len(listed)

    def append(self, other: Columns) -> None:
        """Add the rows of another builder after those that are here."""
        _merge(self._order, other._order)
        for path, column in other._columns.items():
            self._column(path).append(self.length, column)
        self.length += other.length

    def finish(self) -> dict[str, Column]:
        """Return the columns by name, in the order of first appearance, the parts of an object together.

        A name that is null wherever it isn't an object has no column of its own.
        """
        for column in self._columns.values():
            column.pad(self.length)
        return {join(path): self._columns[path] for path in self.paths(self._columns)}

    def take(self) -> dict[Path, Column]:
        """Return the columns of what was added since the last call; of that only their order is kept."""
        columns, length = self._columns, self.length
        for column in columns.values():
            column.pad(length)
        self._columns, self.length = {}, 0
        return columns

    def paths(self, columns: Mapping[Path, HasKinds]) -> list[Path]:
        """Return the paths of those that are columns, in their order; see `finish`."""
        return list(_walk(self._order, (), columns))

    def _appear(self, name: Path) -> None:
        order = self._order
        for key in name:
            order = order.setdefault(key, {})

    def _column(self, name: Path) -> Column:
        return self._columns.setdefault(name, Column())

    def _add_table(self, length: int, data: bytes) -> None:
        if data.startswith(b"null") or b"\nnull" in data:
            data = _NULL_LINE.sub(b"{}", data)
        table = _read(data, self._texts)
        order = list(_schema_paths((), table.schema, self._whole))
        if _holds_list(table.schema) and _NULL_IN_LIST.search(data):
            raise _NotColumnarError  # pyarrow 26 reads nulls in lists into arrays that are too short
        if _merge_texts(self._texts, table.schema):
            table = _read(data, self._texts)
        if table.num_rows != length:
            raise _NotColumnarError
        arrays = [
            (path, *_accept(array))
            for field, chunked in zip(table.schema, table.columns, strict=True)
            for path, array in _leaf_arrays((field.name,), _one(chunked), self._whole)
        ]
        for path in order:
            self._appear(self._name(path))
        for path, array, kind, inexact in arrays:
            name = self._name(path)
            self._column(name).add_array(self.length, array, kind, inexact)
        self.length += length


def _walk(order: Trie, above: Path, columns: Mapping[Path, HasKinds]) -> Iterator[Path]:
    for key, below in order.items():
        path = (*above, key)
        column = columns.get(path)
        if column is not None and (column.kinds or not below):
            yield path
        yield from _walk(below, path, columns)


def _merge(order: Trie, other: Trie) -> None:
    for key, below in other.items():
        _merge(order.setdefault(key, {}), below)


def _one(chunked: pa.ChunkedArray) -> pa.Array:
    return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()


def _read(data: bytes, texts: Trie) -> pa.Table:
    """Read a page as one block, so that fields come in the order of first appearance."""
    return pj.read_json(
        pa.BufferReader(data),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema([(name, _text_type(below)) for name, below in texts.items()])
        ),
    )


def _holds_list(fields: Iterable[pa.Field]) -> bool:
    return any(
        pa.types.is_list(field.type) or (pa.types.is_struct(field.type) and _holds_list(field.type))
        for field in fields
    )


def _schema_paths(above: Path, fields: Iterable[pa.Field], whole: frozenset[Path]) -> Iterator[Path]:
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type) and path not in whole:
            yield from _schema_paths(path, field.type, whole)
        else:
            yield path


def _leaf_arrays(path: Path, array: pa.Array, whole: frozenset[Path]) -> Iterator[tuple[Path, pa.Array]]:
    if not pa.types.is_struct(array.type):
        yield path, array
        return
    fields = [array.field(at) for at in range(array.type.num_fields)]
    empty = array.is_valid()
    for field in fields:
        empty = pc.and_(empty, field.is_null())
    if path in whole or not fields or pc.any(empty).as_py():
        raise _NotColumnarError  # {} and {"key": null} look alike to Arrow
    for field, child in zip(array.type, array.flatten(), strict=True):
        yield from _leaf_arrays((*path, field.name), child, whole)


def _accept(array: pa.Array) -> tuple[pa.Array, str, bool]:
    """Return an array with its kind and whether its floats may have been integers; or refuse it."""
    if pa.types.is_list(array.type):
        if _accept(array.flatten())[2]:
            raise _NotColumnarError
        return array, "other", False
    if pa.types.is_float64(array.type):
        numbers = array.drop_null().to_numpy()
        if not np.all(np.abs(numbers) < EXACT_IN_FLOAT) or np.any((numbers == 0) & np.signbit(numbers)):
            raise _NotColumnarError  # large integers were rounded, -0 may be an integer, and NaN is no JSON
        return array, "float", bool(np.any(numbers == np.trunc(numbers)))
    kind = _KINDS.get(array.type)
    if kind is None:
        raise _NotColumnarError
    return array, kind, False


_KINDS = {pa.null(): "", pa.bool_(): "bool", pa.int64(): "int", pa.string(): "str"}


def _merge_texts(texts: Trie, schema: Iterable[pa.Field]) -> bool:
    """Note which fields Arrow took for timestamps: they are strings. Returns whether there were any."""
    found = False
    for field in schema:
        inner = field.type
        while pa.types.is_list(inner):
            inner = inner.value_type
        if pa.types.is_timestamp(inner):
            texts[field.name] = _as_text(field.type)
            found = True
        elif pa.types.is_struct(field.type):
            below = texts.get(field.name, {})
            if isinstance(below, dict) and _merge_texts(below, field.type):
                texts[field.name] = below
                found = True
    return found


def _as_text(kind: pa.DataType) -> pa.DataType:
    return pa.list_(_as_text(kind.value_type)) if pa.types.is_list(kind) else pa.string()


def _text_type(below: Trie | pa.DataType) -> pa.DataType:
    if isinstance(below, dict):
        return pa.struct([(name, _text_type(inner)) for name, inner in below.items()])
    return below
