"""A table of a workflow read into a temporary file, and from there a page of columns at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from torc_frames.errors import TornReadError
from torc_frames.files.arrow import Survey
from torc_frames.frame import recorded
from torc_frames.frame.column import Column, InexactChunkError
from torc_frames.frame.flatten import RESERVED, Path
from torc_frames.frame.joining import Joiner, OnClash
from torc_frames.frame.shape import Shape, specs_of
from torc_frames.frame.values import decode_lines
from torc_frames.store.records import Role
from torc_frames.workflow.pull.links import JobsOf, Texts, check_keys
from torc_frames.workflow.pull.reading import Reading
from torc_frames.workflow.pull.spool import Spool

__all__ = ["JobRows", "RecordRows", "SpooledRows", "batches"]

_BATCH_ROWS = 20_000
_BATCH_BYTES = 16 * 2**20

T = TypeVar("T")
Use = Callable[[Mapping[Path, Column], int], T]
"""What is made of the columns of a page, by path, and how many rows it has."""


def batches(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that are a page, by how many bytes of data each row has."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(ends):
        full = (ends[start - 1] if start else 0) + _BATCH_BYTES
        fitting = int(np.searchsorted(ends, full, side="right"))
        stop = max(start + 1, min(fitting, start + _BATCH_ROWS, len(ends)))
        yield start, stop
        start = stop


class RecordRows:
    """One row a record, as `Workflow.user_data` has them.

    Attributes
    ----------
    labels : tuple of str
        The columns that are not data; they come first.
    index : str or None
        Which of them is the index of the frame; then it is the only one.
    specs : mapping
        Recorded dtypes by column.
    survey, paths
        What was seen of the columns when the table was read whole, and where they are.
    """

    labels = RESERVED
    index = None

    def __init__(self, read: Reading, role: Role | None, spool: Spool) -> None:
        self._shape = read.shape
        self._spool = spool
        self._workflow_key = read.snap.workflow.key
        self.specs = specs_of(read.shape, beside_reserved=True)
        self.survey = Survey(self.specs)
        decoder = _Decoder(read.shape, reserved=True)
        keys = Texts()
        with read.linked(role) as (pages, links, count):
            for page in pages:
                spool.add(page)
                keys.add(page.keys)
                decoder.read(page.keys, page.data, self.survey.add)
            linked = links()
        check_keys(keys.column(), count)
        self.paths = decoder.paths(self.survey)
        self._jobs = JobsOf(linked, keys.column())

    def __len__(self) -> int:
        return self.survey.length

    def pages(self, use: Use[T]) -> Iterator[tuple[Mapping[str, pa.Array], T]]:
        """Yield, page by page, the columns that are not data, and what is made of those that are."""
        decoder = _Decoder(self._shape, reserved=True)
        start = 0
        for page in self._spool.pages():
            job_keys, job_names, roles = self._jobs.page(start, len(page))
            labels = {
                "workflow_key": pa.repeat(self._workflow_key, len(page)),
                "job_key": job_keys,
                "job_name": job_names,
                "role": roles,
                "record_key": pa.array(page.keys, pa.string()),
                "record_name": pa.array(page.names, pa.string()),
                "rev": pa.array(page.revs, pa.string()),
            }
            yield labels, decoder.read(page.keys, page.data, use)
            start += len(page)


class JobRows:
    """One row a job, its records of one role joined, as `Workflow.parameters` and `results` have them.

    The attributes are those of `RecordRows`.
    """

    labels = ("job_key",)
    index = "job_key"

    def __init__(
        self, read: Reading, role: Role, on_clash: OnClash, spool: Spool, shape: Shape | None = None
    ) -> None:
        self._shape = shape = shape or read.shape
        self._spool = spool
        self.specs = specs_of(shape, beside_reserved=False)
        self.survey = Survey(self.specs)
        self._links = read.links(role, labels=False)
        self._several = self._links.has_several()
        if self._several:
            self._links = read.links(role)  # a clash is told with the job's name
        self._firsts = self._links.firsts
        decoder = _Decoder(shape)
        keys = Texts()
        count = self._links.count()
        with read.ahead(count, read.snap.user_data(role=role, labels=False)) as (fetched,):
            for page in fetched:
                spool.add(page)
                keys.add(page.keys)
                if not self._several:
                    decoder.read(page.keys, page.data, self.survey.add)
        check_keys(keys.column(), count)
        self._positions = self._links.positions(keys.column())
        if (self._positions < 0).any():
            raise TornReadError("links name records that are not there")
        self._joiner = Joiner(on_clash, recorded.whole_paths(self.specs), partial(read.names, role))
        if self._several:
            decoder = self._survey_joined(decoder)
            read.note_clashes(role, self._joiner.told())
        self.paths = decoder.paths(self.survey)

    def _survey_joined(self, decoder: _Decoder) -> _Decoder:
        for _, rows in self._joined_rows():
            if self._joiner.is_too_wide():
                self.survey = Survey(self.specs)
                return self._survey_joined(_Decoder(self._shape))
            self.survey.add(decoder.flat(rows), len(rows))
        return decoder

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def keys(self) -> pa.Array:
        """Return the keys of the jobs."""
        return self._links.jobs()[0].combine_chunks()

    def sizes(self) -> np.ndarray:
        """Return how many bytes of data each job has."""
        ends = np.append(0, np.cumsum(self._spool.sizes(self._positions)))
        sizes: np.ndarray = np.diff(ends[self._firsts])
        return sizes

    def pages(self, use: Use[T]) -> Iterator[tuple[Mapping[str, pa.Array], T]]:
        """See `RecordRows.pages`."""
        decoder = _Decoder(self._shape)
        if self._several:
            return self._joined(decoder, use)
        in_order = len(self._positions) == self.survey.length and not np.any(np.diff(self._positions) != 1)
        return self._as_they_come(decoder, use) if in_order else self._by_job(decoder, use)

    def _as_they_come(self, decoder: _Decoder, use: Use[T]) -> Iterator[tuple[Mapping[str, pa.Array], T]]:
        start = 0
        for page in self._spool.pages():
            yield self._label(start, start + len(page)), decoder.read(page.keys, page.data, use)
            start += len(page)

    def _by_job(self, decoder: _Decoder, use: Use[T]) -> Iterator[tuple[Mapping[str, pa.Array], T]]:
        for start, stop in batches(self.sizes()):
            yield self._label(start, stop), decoder.read(*self._records(start, stop), use)

    def _joined(self, decoder: _Decoder, use: Use[T]) -> Iterator[tuple[Mapping[str, pa.Array], T]]:
        for label, rows in self._joined_rows():
            yield label, use(decoder.flat(rows), len(rows))

    def _joined_rows(self) -> Iterator[tuple[Mapping[str, pa.Array], list[dict[Path, Any]]]]:
        for start, stop in batches(self.sizes()):
            linked, data = self._records(start, stop)
            records = decode_lines(linked, data)
            firsts = self._firsts[start : stop + 1].tolist()
            keys, names = (column.to_pylist() for column in self._links.jobs(start, stop))
            parts = [slice(first - firsts[0], end - firsts[0]) for first, end in pairwise(firsts)]
            rows = [
                self._joiner.row(linked[part], records[part], f"job {key} ({name})")
                for part, key, name in zip(parts, keys, names, strict=True)
            ]
            yield self._label(start, stop), rows

    def _label(self, start: int, stop: int) -> Mapping[str, pa.Array]:
        return {"job_key": self._links.jobs(start, stop)[0].combine_chunks()}

    def _records(self, start: int, stop: int) -> tuple[list[str], bytes]:
        """Return keys and data of the records of some of the jobs."""
        links = slice(self._firsts[start], self._firsts[stop])
        keys = self._links.record_keys[links].to_pylist()
        return keys, b"\n".join(self._spool.lines(self._positions[links]))


SpooledRows = RecordRows | JobRows
"""The rows of a table that was read whole, and what was seen of their columns."""


class _Decoder:
    """Records to columns, a page at a time; what is known of earlier pages makes the next ones faster."""

    def __init__(self, shape: Shape, *, reserved: bool = False) -> None:
        self._columns = shape.columns(reserved=reserved)

    def read(self, keys: list[str], data: bytes, use: Use[T]) -> T:
        """Return what is made of the columns of a page, which may need its numbers as they are written."""
        self._columns.add_page((keys, data))
        try:
            return use(self._columns.take(), len(keys))
        except InexactChunkError:
            self._columns.add_rows(decode_lines(keys, data))
            return use(self._columns.take(), len(keys))

    def flat(self, rows: list[dict[Path, Any]]) -> Mapping[Path, Column]:
        """Return the columns of rows of values by path."""
        self._columns.add_flat(rows)
        return self._columns.take()

    def paths(self, survey: Survey) -> list[Path]:
        """Return the paths of the columns that were seen, in their order."""
        return self._columns.paths(survey.seen)
