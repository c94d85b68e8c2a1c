"""What a frame is to look like: which columns, of which dtypes, under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame import recorded
from torc_frames.frame.column import Column, DtypeBackend, to_backend
from torc_frames.frame.columns import Columns
from torc_frames.frame.dtypes import restore
from torc_frames.frame.flatten import job_path, join, moved_name, reserved_name
from torc_frames.frame.specs import Spec

__all__ = [
    "OnError",
    "Shape",
    "Usecols",
    "choose",
    "column_index",
    "frame_of",
    "key_index",
    "ordered",
    "series_of",
    "specs_of",
    "strings",
    "text_column",
]

Usecols = Sequence[str] | Callable[[str], bool] | None
OnError = Literal["raise", "warn"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How records become columns: recorded dtypes, the columns asked for, the backend of dtypes.

    ``on_error`` says what to do with records that can't be read, ``more_reserved`` which columns stand before
    the reserved ones.
    """

    specs: Mapping[str, Spec] = field(default_factory=dict)
    usecols: Usecols = None
    dtype_backend: DtypeBackend = None
    fast: bool = True
    on_error: OnError = "raise"
    more_reserved: tuple[str, ...] = ()

    def columns(self, *, reserved: bool = False) -> Columns:
        """Return a builder for the columns, beside the reserved ones or of one row a job."""
        name = partial(reserved_name, more=self.more_reserved) if reserved else moved_name
        return Columns(name=name, whole=recorded.whole_paths(self.specs), fast=self.fast)


def key_index(keys: Sequence[str | None], name: str = "job_key") -> pd.Index:
    """Return an index of keys, of pandas' own string dtype."""
    index: pd.Index = pd.Index(strings(keys).to_pandas(), name=name)
    return index


def column_index(names: Iterable[str]) -> pd.Index:
    """Return the columns of a frame: of pandas' own string dtype; without any, as pandas makes them."""
    listed = list(names)
    return pd.Index(listed, dtype="str") if listed else pd.RangeIndex(0)


def choose(names: list[str], usecols: Usecols, argument: str = "usecols") -> list[str]:
    """Return the wanted names, in the order they have; RefusedError for one that does not exist."""
    if usecols is None:
        return names
    if callable(usecols):
        return [name for name in names if usecols(name)]
    if isinstance(usecols, str):
        raise RefusedError(f"{argument}={usecols!r}: give a list of column names, [{usecols!r}]")
    unknown = [name for name in usecols if name not in names]
    if unknown:
        raise RefusedError(
            f"{argument}: no column {shorten(map(repr, unknown))}; there are: {shorten(map(repr, names))}"
        )
    return [name for name in names if name in set(usecols)]


def series_of(
    columns: Mapping[str, Column], shape: Shape, length: int, reserved: Sequence[str] = ()
) -> dict[str, pd.Series]:
    """Return the wanted columns, recorded ones first and in their recorded dtypes.

    Beside reserved columns only those that some record has; else all recorded ones.
    """
    specs = specs_of(shape, beside_reserved=bool(reserved))
    names = ordered(columns, specs, beside_reserved=bool(reserved))
    wanted = set(choose([*reserved, *names], shape.usecols))
    series = {}
    for name in names:
        if name in wanted:
            column = columns.get(name, Column())
            column.pad(length)
            spec = specs.get(name)
            made = restore(column, spec) if spec else None
            series[name] = to_backend(column.natural() if made is None else made, shape.dtype_backend)
        else:
            series[name] = pd.Series(dtype=object)
    return series


def specs_of(shape: Shape, *, beside_reserved: bool) -> Mapping[str, Spec]:
    """Return the recorded dtypes by the names that the columns have in the frame."""
    if not beside_reserved:
        return shape.specs
    return {_beside(name, shape.more_reserved): spec for name, spec in shape.specs.items()}


def ordered(names: Iterable[str], specs: Mapping[str, Spec], *, beside_reserved: bool) -> list[str]:
    """Return the names of columns in their order: recorded ones first; see `series_of`."""
    found = dict.fromkeys(names)
    first = [name for name in specs if name in found or not beside_reserved]
    return first + [name for name in found if name not in specs]


def _beside(name: str, more: tuple[str, ...]) -> str:
    try:
        return join(reserved_name(job_path(name), more))
    except RefusedError:
        return name  # not a name that a push records


def frame_of(cells: Mapping[str, pd.Series], length: int) -> pd.DataFrame:
    """Return columns of one length as a frame."""
    frame = pd.DataFrame(dict(cells), index=pd.RangeIndex(length), copy=False)
    frame.columns = column_index(cells)
    return frame


def strings(values: Sequence[str | None]) -> pa.Array:
    """Return texts as Arrow."""
    return pa.array(values, pa.string())


def text_column(pages: Iterable[Sequence[str | None]]) -> pd.Series:
    """Return pages of texts as one column."""
    return pd.Series(strings([value for page in pages for value in page]).to_pandas())
