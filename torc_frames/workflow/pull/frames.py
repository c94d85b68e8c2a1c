"""Pages of records and links to DataFrames."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError, TornReadError
from torc_frames.frame import recorded
from torc_frames.frame.column import objects, to_backend
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import RESERVED, Path
from torc_frames.frame.joining import Joiner, OnClash, Shown, check_on_clash
from torc_frames.frame.shape import Shape, choose, frame_of, series_of
from torc_frames.frame.values import decode_lines
from torc_frames.store.records import UserDataPage
from torc_frames.workflow.pull.links import JobsOf, Links, Texts, check_keys

__all__ = [
    "JobPart",
    "JobRecords",
    "Records",
    "beside",
    "beside_reserved",
    "job_frame",
    "links_frame",
    "user_data_frame",
    "with_files",
    "with_room",
]


class Records:
    """Pages of records, of one workflow, to one row a record.

    Raises
    ------
    TornReadError
        If records are there twice, or not as many as the store counts.
    """

    def __init__(self, workflow_key: str, pages: Iterable[UserDataPage], count: int, shape: Shape) -> None:
        self.columns = shape.columns(reserved=True)
        self._workflow_key = workflow_key
        self._count = count
        self._keys, self._names, self._revs = Texts(), Texts(), Texts()
        for page in pages:
            self._keys.add(page.keys)
            self._names.add(page.names)
            self._revs.add(page.revs)
            self.columns.add_page((page.keys, page.data))
        check_keys(self._keys.column(), count)

    def cells(self, links: Links) -> dict[str, pa.Array | pa.ChunkedArray]:
        """Return the reserved columns."""
        job_keys, job_names, roles = JobsOf(links, self._keys.column()).page(0, self._count)
        return {
            "workflow_key": pa.repeat(self._workflow_key, self._count),
            "job_key": job_keys,
            "job_name": job_names,
            "role": roles,
            "record_key": self._keys.column(),
            "record_name": self._names.column(),
            "rev": self._revs.column(),
        }


def user_data_frame(
    workflow_key: str,
    pages: Iterable[UserDataPage],
    links: Callable[[], Links],
    count: int,
    shape: Shape,
) -> pd.DataFrame:
    """Return one row a record: the reserved columns, then the data; links are asked for after the records.

    Errors are those of `Records`.
    """
    records = Records(workflow_key, pages, count, shape)
    # What needs no links is made while they are on their way.
    data = series_of(records.columns.finish(), shape, count, reserved=RESERVED)
    cells = records.cells(links())
    return beside_reserved({name: cells[name].to_pandas() for name in RESERVED}, data, count, shape)


def beside_reserved(
    reserved: Mapping[str, pd.Series], data: Mapping[str, pd.Series], count: int, shape: Shape
) -> pd.DataFrame:
    """Return those columns that are wanted as a frame of one row a record."""
    own = {name: to_backend(column, shape.dtype_backend) for name, column in reserved.items()}
    chosen = choose([*own, *data], shape.usecols)
    return frame_of({name: own[name] if name in own else data[name] for name in chosen}, count)


class JobPart(NamedTuple):
    """What one workflow gives to a frame of one row a job, before its types are decided."""

    columns: Columns
    positions: np.ndarray
    """By job, the row of these columns that it has."""

    job_keys: pa.ChunkedArray


def job_frame(parts: Sequence[JobPart], shape: Shape) -> pd.DataFrame:
    """Return the rows of jobs, those of one workflow after those of another, indexed by job key."""
    columns = parts[0].columns if len(parts) == 1 else shape.columns()
    positions, start = [], 0
    for part in parts:
        positions.append(part.positions + start)
        start += part.columns.length
        if columns is not part.columns:
            columns.append(part.columns)
    series = series_of(columns.finish(), shape, columns.length)
    frame = frame_of({name: series[name] for name in choose(list(series), shape.usecols)}, columns.length)
    at = np.concatenate([np.arange(0), *positions])
    if len(at) != len(frame) or not (at == np.arange(len(frame))).all():
        frame = frame.take(at)
    keys = [chunk for part in parts for chunk in part.job_keys.chunks]
    frame.index = pd.Index(pa.chunked_array(keys, pa.string()).to_pandas(), name="job_key")
    return frame


class JobRecords:
    """Records of one role to one row a job, indexed by job key.

    Records of which a job has several are joined, so that those that come before the links are kept.

    Parameters
    ----------
    shape, on_clash
    shown : mapping, optional
        By job key what a table has of it; see `joined_cells`.

    Attributes
    ----------
    clashes : str or None
        What to say of cells that became lists.

    Raises
    ------
    ConflictError
        If two records of a job hold a key with different values, with ``on_clash="error"``.
    TornReadError
        If the records and the links do not belong together.
    """

    def __init__(self, shape: Shape, on_clash: OnClash, shown: Mapping[str, Shown] | None = None) -> None:
        check_on_clash(on_clash)
        self._shown = shown or {}
        self.clashes: str | None = None
        self._shape = shape
        self._on_clash: OnClash = on_clash
        self._columns = shape.columns()
        self._keys = Texts()
        self._pages: list[UserDataPage] = []
        self._links: Links | None = None

    def link(self, links: Links) -> Links:
        """Take the links of these records, once, and return them."""
        self._links = links
        if not links.has_several():
            self._pages.clear()
        return links

    def add(self, pages: Iterable[UserDataPage]) -> None:
        """Add pages of records."""
        several = self._links is not None and self._links.has_several()
        for page in pages:
            self._keys.add(page.keys)
            if several or self._links is None:
                self._pages.append(page)
            if not several:
                self._columns.add_page((page.keys, page.data))

    def frame(
        self, named: Callable[[], Links], names: Callable[[], Mapping[str, str | None]]
    ) -> pd.DataFrame:
        """Return the rows, in the order of the links; see `part`."""
        return job_frame([self.part(named, names)], self._shape)

    def part(self, named: Callable[[], Links], names: Callable[[], Mapping[str, str | None]]) -> JobPart:
        """Return what the rows are made of.

        `named` gives the links with the names of jobs, `names` those of the records; only what is needed is
        asked for.
        """
        links, shape = self._links or Links(()), self._shape
        check_keys(self._keys.column(), links.count())
        positions = links.positions(self._keys.column())
        if (positions < 0).any():
            raise TornReadError("links name records that are not there")
        columns = self._columns
        if links.has_several():
            columns = shape.columns()
            joiner = Joiner(self._on_clash, recorded.whole_paths(shape.specs), names)
            columns.add_flat(_joined_rows(self._pages, named(), joiner, self._shown))
            self.clashes = joiner.told()
            positions = np.arange(columns.length)
        return JobPart(columns, positions, links.jobs()[0])


def beside(left: pd.DataFrame, right: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return `left` with the columns of `right`, prefixed, for the same jobs; dtypes make room for gaps."""
    return _joined(left, right, right.index.get_indexer(left.index), prefix)


def links_frame(links: Links, shape: Shape) -> pd.DataFrame:
    """Return one row a link."""
    cells = {
        "record_key": links.record_keys,
        "job_key": links.job_keys,
        "role": links.role_names(),
    }
    chosen = choose(list(cells), shape.usecols)
    series = {name: to_backend(cells[name].to_pandas(), shape.dtype_backend) for name in chosen}
    return frame_of(series, len(links))


def with_files(table: pd.DataFrame, prefix: str, files: pd.DataFrame) -> pd.DataFrame:
    """Replace the columns of a pointer by those of its file, with a row for each row of the file.

    Raises
    ------
    RefusedError
        If a job has several rows in the table already, and several in the file.
    """
    left = table.drop(columns=[name for name in table if str(name).startswith(f"{prefix}.")])
    if left.index.has_duplicates and files["job_key"].duplicated().any():
        raise RefusedError(f"{prefix!r} and another one both have several rows a job; load one at a time")
    right = files.set_index("job_key")
    if len(right):
        positions, _ = right.index.get_indexer_non_unique(left.index)
    else:  # pandas 2 divides by the number of rows
        positions = np.full(len(left), -1, dtype=np.intp)
    rows = right.index.value_counts().reindex(left.index).fillna(1).to_numpy(dtype=np.int64)
    return _joined(left.take(np.repeat(np.arange(len(left)), rows)), right, positions, f"{prefix}.")


def _joined(left: pd.DataFrame, right: pd.DataFrame, positions: np.ndarray, prefix: str) -> pd.DataFrame:
    """Return `left` with, prefixed, the rows of `right` at the positions, missing ones where that is -1."""
    cells = {prefix + str(name): _spread(column, positions) for name, column in right.items()}
    added = pd.DataFrame({name: column.set_axis(left.index) for name, column in cells.items()}, left.index)
    return pd.concat([left, added], axis=1)


def _spread(column: pd.Series, positions: np.ndarray) -> pd.Series:
    """Return the cells at the positions; objects that are missing are so as those of the column are."""
    if pd.api.types.is_object_dtype(column.dtype):
        values = column.to_numpy()
        missing = values[column.isna().to_numpy()][:1].tolist()
        # pandas would take objects that are texts for its own texts
        return pd.Series(np.append(values, objects(missing or [None]))[positions], dtype=object)
    gaps = bool((positions < 0).any())
    taken = (with_room(column) if gaps else column).array.take(positions, allow_fill=gaps)
    return pd.Series(taken)


def with_room(column: pd.Series) -> pd.Series:
    """Return a column in a dtype that has room for missing values."""
    dtype = column.dtype
    return to_backend(column, "numpy_nullable") if getattr(dtype, "kind", "") in "biu" else column


def _joined_rows(
    pages: Iterable[UserDataPage], links: Links, joiner: Joiner, shown: Mapping[str, Shown]
) -> list[dict[Path, Any]]:
    records: dict[str, Any] = {}
    for page in pages:
        records.update(zip(page.keys, decode_lines(page.keys, page.data), strict=True))
    linked = links.record_keys.to_pylist()
    if not records.keys() >= set(linked):
        raise TornReadError("links name records that are not there")
    jobs = list(zip(*(column.to_pylist() for column in links.jobs()), strict=True))

    def rows() -> list[dict[Path, Any]]:
        bounds = itertools.pairwise(links.firsts.tolist())
        return [
            joiner.row(
                linked[start:stop],
                [records[at] for at in linked[start:stop]],
                f"job {key} ({name})",
                shown.get(key, {}),
            )
            for (key, name), (start, stop) in zip(jobs, bounds, strict=True)
        ]

    joined = rows()
    return rows() if joiner.is_too_wide() else joined
