"""One row for every job, its parameters and its results beside it, a page of columns at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import TornReadError
from torc_frames.files.arrow import Field
from torc_frames.frame.flatten import join
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import choose, ordered
from torc_frames.store.records import INPUT, OUTPUT
from torc_frames.workflow.pull.frames import with_room
from torc_frames.workflow.pull.reading import Reading
from torc_frames.workflow.pull.runs import JobColumns
from torc_frames.workflow.pull.spool import Spool
from torc_frames.workflow.pull.spooled import JobRows, batches
from torc_frames.workflow.pull.tables import jobs_of_table

__all__ = ["TableRows"]


class TableRows:
    """The rows of `Workflow.table`: what is shown of jobs, in memory, and their records, in files.

    Attributes
    ----------
    fields : list of Field
        The columns.
    index : str
        The name of the index of the frame.
    """

    index = "job_key"

    def __init__(
        self,
        read: Reading,
        on_clash: OnClash,
        job_columns: JobColumns,
        folder: str | os.PathLike[str] | None,
    ) -> None:
        whole = replace(read.shape, usecols=None)
        left = jobs_of_table(read, list(read.snap.jobs()), job_columns, read.shape)
        self._keys = pa.array(left.index, pa.string())
        self._spools = (Spool(folder), Spool(folder))
        inputs = JobRows(read, INPUT, on_clash, self._spools[0], whole)
        outputs = JobRows(read, OUTPUT, on_clash, self._spools[1], replace(whole, specs={}))
        parts = (("params.", inputs), ("results.", outputs))
        names = [prefix + name for prefix, rows in parts for name in _names(rows)]
        chosen = set(choose([*map(str, left), *names], read.shape.usecols))
        self._left = [(name, pa.array(left[name], from_pandas=True)) for name in left if name in chosen]
        self._sides = [_Side(rows, self._keys, prefix, chosen) for prefix, rows in parts]
        jobs = [_field(left[name], array.type) for name, array in self._left]
        self.fields = [*jobs, *(field for side in self._sides for field in side.fields)]

    def __len__(self) -> int:
        return len(self._keys)

    def pages(self) -> Iterator[list[pa.Array]]:
        """Yield, page by page, the keys of jobs and the columns."""
        sizes = np.sum([side.sizes(len(self)) for side in self._sides], axis=0)
        bounds = list(batches(sizes))
        for (start, stop), *parts in zip(bounds, *(side.pages(bounds) for side in self._sides), strict=True):
            left = [array.slice(start, stop - start) for _, array in self._left]
            yield [self._keys.slice(start, stop - start), *left, *(array for part in parts for array in part)]

    def close(self) -> None:
        """Give back the temporary files."""
        for spool in self._spools:
            spool.close()


class _Side:
    """The records of one role, beside all jobs."""

    def __init__(self, rows: JobRows, keys: pa.Array, prefix: str, chosen: set[str]) -> None:
        self._rows = rows
        self._at = np.asarray(pc.fill_null(pc.index_in(rows.keys(), value_set=keys), -1), np.int64)
        if (self._at < 0).any() or (np.diff(self._at) <= 0).any():
            raise TornReadError("links name jobs that are not there, or not in their order")
        found = rows.survey.fields(rows.paths, [name for name in _names(rows) if prefix + name in chosen])
        gaps = len(rows) < len(keys)
        self._found = found
        self.fields = [_beside(field, prefix, gaps) for field in found]

    def sizes(self, length: int) -> np.ndarray:
        """Return how many bytes of data each job has, of all of them."""
        sizes = np.zeros(length, np.int64)
        sizes[self._at] = self._rows.sizes()
        return sizes

    def pages(self, bounds: Sequence[tuple[int, int]]) -> Iterator[list[pa.Array]]:
        """Yield the columns of ranges of jobs, missing for those that have no record."""
        pages = self._rows.pages(lambda columns, length: [one.array(columns, length) for one in self._found])
        held: list[list[pa.Array]] = []
        first = end = 0
        for start, stop in bounds:
            low, high = np.searchsorted(self._at, [start, stop]).tolist()
            while end < high:
                labels, arrays = next(pages)
                held.append(arrays)
                end += len(labels["job_key"])
            joined = _concat(held, [field.type for field in self._found])
            places = np.full(stop - start, -1, np.int64)
            places[self._at[low:high] - start] = np.arange(low, high) - first
            at = pa.array(places, mask=places < 0)
            yield [array.take(at) for array in joined]
            held, first = [[array.slice(high - first) for array in joined]], high


def _names(rows: JobRows) -> list[str]:
    return ordered(map(join, rows.paths), rows.specs, beside_reserved=False)


def _concat(held: Sequence[Sequence[pa.Array]], types: Sequence[pa.DataType]) -> list[pa.Array]:
    return [
        pa.concat_arrays([arrays[at] for arrays in held]) if held else pa.nulls(0, kind)
        for at, kind in enumerate(types)
    ]


def _beside(field: Field, prefix: str, gaps: bool) -> Field:
    """Return a column as it is beside jobs, of which some may have no record: the dtype has room for gaps."""
    dtype = with_room(pd.Series(dtype=field.dtype)).dtype if gaps else field.dtype
    return replace(field, name=prefix + field.name, dtype=dtype)


def _field(column: pd.Series, kind: pa.DataType) -> Field:
    return Field(str(column.name), None, kind, column.dtype, lambda made: made.as_type(kind))
