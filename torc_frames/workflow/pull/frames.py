"""Pages of jobs, records and links to DataFrames."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError, TornReadError, shorten
from torc_frames.frame import recorded
from torc_frames.frame.column import objects, to_backend
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import RESERVED, Path
from torc_frames.frame.joining import OnClash, check_on_clash, join_records
from torc_frames.frame.shape import Shape, choose, frame_of, key_index, series_of, strings, text_column
from torc_frames.frame.values import decode_lines
from torc_frames.store.records import JobPage, LinkPage, ResultPage, UserDataPage

__all__ = [
    "JobRecords",
    "Links",
    "beside",
    "jobs_frame",
    "links_frame",
    "read_links",
    "user_data_frame",
    "with_files",
]


@dataclass(slots=True)
class Links:
    """All links of a pull, as columns."""

    record_keys: list[str] = field(default_factory=list)
    job_keys: list[str] = field(default_factory=list)
    job_names: list[str] = field(default_factory=list)
    roles: list[str | None] = field(default_factory=list)

    def count(self) -> int:
        """Return how many records are linked."""
        return len(self.record_keys) if _ascend(self.record_keys) else len(set(self.record_keys))

    def has_several(self) -> bool:
        """Return whether a job has several of them; links come ordered by job."""
        return any(map(operator.eq, self.job_keys, islice(self.job_keys, 1, None)))

    def one_record_a_job(self) -> bool:
        """Return whether no job has several of them, and none of them several jobs."""
        return self.count() == len(self.record_keys) and not self.has_several()


def read_links(pages: Iterable[LinkPage]) -> Links:
    """Gather pages of links."""
    links = Links()
    for page in pages:
        links.record_keys += page.record_keys
        links.job_keys += page.job_keys
        links.job_names += page.job_names
        links.roles += page.roles
    return links


def user_data_frame(
    workflow_key: str,
    pages: Iterable[UserDataPage],
    link_pages: Iterable[LinkPage],
    count: int,
    shape: Shape,
) -> pd.DataFrame:
    """Return one row a record: the reserved columns, then the data; links are read after the records.

    Raises
    ------
    TornReadError
        If records are there twice, or not as many as the store counts.
    """
    columns = shape.columns(reserved=True)
    keys, names, revs = _read_records(pages, columns, count)
    # What needs no links is made while they are on their way.
    data = series_of(columns.finish(), shape, count, reserved=RESERVED)
    cells = {
        "workflow_key": pa.repeat(workflow_key, len(keys)),
        "record_key": strings(keys),
        "record_name": strings(names),
        "rev": strings(revs),
    }
    links = read_links(link_pages)
    positions = _positions(links.record_keys, keys)
    cells |= {
        "job_key": _of_one_link(positions, links.job_keys, len(keys)),
        "job_name": _of_one_link(positions, links.job_names, len(keys)),
        "role": strings(_one_role(positions, links.roles, len(keys))),
    }
    reserved = {name: to_backend(cells[name].to_pandas(), shape.dtype_backend) for name in RESERVED}
    chosen = choose([*reserved, *data], shape.usecols)
    return frame_of({name: reserved[name] if name in reserved else data[name] for name in chosen}, count)


class JobRecords:
    """Records of one role to one row a job, indexed by job key.

    Records of which a job has several are joined, so that those that come before the links are kept.

    Raises
    ------
    ConflictError
        If two records of a job hold a key with different values.
    TornReadError
        If the records and the links do not belong together.
    """

    def __init__(self, shape: Shape, on_clash: OnClash) -> None:
        check_on_clash(on_clash)
        self._shape = shape
        self._on_clash: OnClash = on_clash
        self._columns = shape.columns()
        self._keys: list[str] = []
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
            self._keys += page.keys
            if several or self._links is None:
                self._pages.append(page)
            if not several:
                self._columns.add_page((page.keys, page.data))

    def frame(self, named: Callable[[], Links]) -> pd.DataFrame:
        """Return the rows, in the order of the links; `named` gives the links with the names of jobs."""
        links, shape = self._links or Links(), self._shape
        _check_count(self._keys, links.count())
        positions = _positions(links.record_keys, self._keys)
        if (positions < 0).any():
            raise TornReadError("links name records that are not there")
        columns, jobs = self._columns, links.job_keys
        if links.has_several():
            columns = shape.columns()
            whole = recorded.whole_paths(shape.specs)
            columns.add_flat(_joined_rows(self._pages, named(), whole, self._on_clash))
            jobs = list(dict.fromkeys(jobs))
            positions = np.arange(len(jobs))
        series = series_of(columns.finish(), shape, columns.length)
        frame = frame_of({name: series[name] for name in choose(list(series), shape.usecols)}, columns.length)
        if not _one_to_one(positions, len(frame)):
            frame = frame.take(positions)
        frame.index = key_index(jobs)
        return frame


Stale = Callable[[], Mapping[str, bool | None] | None]


def jobs_frame(
    pages: Iterable[JobPage], results: Iterable[ResultPage], shape: Shape, stale: Stale
) -> pd.DataFrame:
    """Return one row a job, with how its last run ended; indexed by job key.

    `stale` is asked only if its column is wanted; see `torc_frames.store.base.Snapshot.stale`.
    """
    jobs = list(pages)
    ends: dict[str, tuple[int, str, str]] = {}
    for page in results:
        ended = zip(page.return_codes, page.start_times, page.end_times, strict=True)
        ends.update(zip(page.job_keys, ended, strict=True))
    keys = [key for page in jobs for key in page.keys]
    _check_unique(keys, "job")
    last = [ends.get(key, (None, None, None)) for key in keys]
    start, end = (_times([row[at] for row in last]) for at in (1, 2))
    texts = {"job_name": "names", "command": "commands", "status": "statuses"}
    cells: dict[str, pd.Series] = {
        **{name: text_column([getattr(page, part) for page in jobs]) for name, part in texts.items()},
        "stale": pd.Series(dtype="boolean"),
        "num_cpus": pd.Series([n for page in jobs for n in page.num_cpus], dtype="int64"),
        "num_gpus": pd.Series([n for page in jobs for n in page.num_gpus], dtype="int64"),
        "memory": text_column([page.memory for page in jobs]),
        "runtime": text_column([page.runtimes for page in jobs]),
        "run_id": pd.Series([n for page in jobs for n in page.run_ids], dtype="int64"),
        "return_code": pd.Series([row[0] for row in last], dtype="Int64"),
        "start_time": start,
        "end_time": end,
        "exec_time_minutes": (end - start).dt.total_seconds() / 60,
    }
    chosen = choose(list(cells), shape.usecols)
    if "stale" in chosen:
        cells["stale"] = _stale(keys, stale())
    frame = frame_of({name: to_backend(cells[name], shape.dtype_backend) for name in chosen}, len(keys))
    frame.index = key_index(keys)
    return frame


def _stale(keys: list[str], told: Mapping[str, bool | None] | None) -> pd.Series:
    """Return for each job whether it is stale, missing where that can't be told."""
    values = [None] * len(keys) if told is None else [told.get(key, False) for key in keys]
    return pd.Series(values, dtype="boolean")


def beside(left: pd.DataFrame, right: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return `left` with the columns of `right`, prefixed, for the same jobs; dtypes make room for gaps."""
    return _joined(left, right, right.index.get_indexer(left.index), prefix)


def links_frame(links: Links, shape: Shape) -> pd.DataFrame:
    """Return one row a link."""
    cells: dict[str, Sequence[str | None]] = {
        "record_key": links.record_keys,
        "job_key": links.job_keys,
        "role": links.roles,
    }
    chosen = choose(list(cells), shape.usecols)
    series = {name: to_backend(text_column([cells[name]]), shape.dtype_backend) for name in chosen}
    return frame_of(series, len(links.record_keys))


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
    taken = (_with_room(column) if gaps else column).array.take(positions, allow_fill=gaps)
    return pd.Series(taken)


def _with_room(column: pd.Series) -> pd.Series:
    dtype = column.dtype
    return to_backend(column, "numpy_nullable") if getattr(dtype, "kind", "") in "biu" else column


def _read_records(
    pages: Iterable[UserDataPage], columns: Columns, count: int
) -> tuple[list[str], list[str | None], list[str | None]]:
    keys: list[str] = []
    names: list[str | None] = []
    revs: list[str | None] = []
    for page in pages:
        keys += page.keys
        names += page.names
        revs += page.revs
        columns.add_page((page.keys, page.data))
    _check_count(keys, count)
    return keys, names, revs


def _check_count(keys: list[str], count: int) -> None:
    if len(keys) != count:
        raise TornReadError(f"read {len(keys)} records where the store counts {count}")
    _check_unique(keys, "user_data")


def _check_unique(keys: list[str], kind: str) -> None:
    if not _ascend(keys) and len(set(keys)) != len(keys):
        twice = [key for key, n in pd.Series(keys).value_counts().items() if n > 1]
        raise TornReadError(f"{kind} keys were read twice: {shorten(twice)}")


def _ascend(keys: list[str]) -> bool:
    """Return whether keys are numbers that ascend, and so are unique; ten times faster than a set."""
    try:
        numbers = strings(keys).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    return bool((np.diff(numbers) > 0).all())


def _positions(wanted: list[str], keys: list[str]) -> np.ndarray:
    """Return where each wanted key stands among the keys, -1 for those that don't."""
    if wanted == keys:
        return np.arange(len(keys))
    return pd.Index(keys, dtype=object).get_indexer(pd.Index(wanted, dtype=object))


def _one_to_one(positions: np.ndarray, length: int) -> bool:
    return len(positions) == length and bool((positions == np.arange(length)).all())


def _of_one_link(positions: np.ndarray, values: list[str], length: int) -> pa.Array:
    """Return for each record the value of its link, missing where it has none or several."""
    if _one_to_one(positions, length):
        return strings(values)
    linked = positions >= 0
    single = np.bincount(positions[linked], minlength=length) == 1
    at = np.zeros(length, dtype=np.int64)
    at[positions[linked]] = np.flatnonzero(linked)
    return strings(values).take(pa.array(at, mask=~single))


def _one_role(positions: np.ndarray, roles: list[str | None], length: int) -> list[str | None]:
    """Return the role that all links of a record share, else None."""
    if _one_to_one(positions, length):
        return roles
    seen: list[set[str | None]] = [set() for _ in range(length)]
    for at, role in zip(positions.tolist(), roles, strict=True):
        if at >= 0:
            seen[at].add(role)
    return [next(iter(kinds)) if len(kinds) == 1 else None for kinds in seen]


def _joined_rows(
    pages: Iterable[UserDataPage], links: Links, whole: frozenset[Path], on_clash: OnClash
) -> list[dict[Path, Any]]:
    records: dict[str, Any] = {}
    for page in pages:
        records.update(zip(page.keys, decode_lines(page.keys, page.data), strict=True))
    of_job: dict[str, list[Any]] = {}
    names: dict[str, str] = {}
    for record_key, job_key, job_name in zip(links.record_keys, links.job_keys, links.job_names, strict=True):
        if record_key not in records:
            raise TornReadError("links name records that are not there")
        of_job.setdefault(job_key, []).append(records[record_key])
        names[job_key] = job_name
    return [
        join_records(held, f"job {job_key} ({names[job_key]})", on_clash, whole)
        for job_key, held in of_job.items()
    ]


def _times(values: list[Any]) -> pd.Series:
    parsed = pd.to_datetime(pd.Series(values, dtype=object), format="ISO8601", utc=True)
    return parsed.astype("datetime64[us, UTC]")
