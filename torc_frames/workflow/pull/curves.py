"""Rows that jobs logged, as one long frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import RefusedError, UnreadableRecordError, shorten
from torc_frames.frame.column import Column, objects, to_backend
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import DATA, Path, join
from torc_frames.frame.shape import Shape, choose, frame_of, strings
from torc_frames.store.contents import present_series
from torc_frames.store.records import JobPage, SeriesChunk
from torc_frames.workflow.pull.frames import beside

__all__ = ["curves_frame", "read_rows"]

_STEPS = ("epoch", "step", "global_step", "iteration", "batch")
"""Columns that say where on a curve a row is, by their names."""

_JOB_KEY, _LOGGED_AT = "job_key", "logged_at"
_PAGE_BYTES = 4 * 2**20

Odd = dict[str, list[tuple[int, float]]]
"""By column, at which rows it is NaN or infinite."""


@dataclass(slots=True)
class LoggedRows:
    """The rows of some jobs, in the order of the jobs, as columns of one length."""

    columns: dict[str, Column] = field(default_factory=dict)
    odd: Odd = field(default_factory=dict)
    job_keys: list[str] = field(default_factory=list)
    """Of the jobs that have rows."""
    counts: list[int] = field(default_factory=list)
    """How many rows each of them has."""
    times: list[np.ndarray] = field(default_factory=list)
    """By chunk, when each row was logged: microseconds since 1970 (int64)."""

    def __len__(self) -> int:
        return sum(self.counts)

    def series(self, name: str) -> pd.Series:
        """Return a column with the dtype that its values have by themselves."""
        column, odd = self.columns[name], self.odd.get(name)
        if not odd:
            return column.natural()
        rows, values = map(list, zip(*odd, strict=True))
        kind = column.kind()
        if kind in ("", "float") or (kind == "int" and column.floats_hold_ints()):
            floats = column.as_type(pa.float64()).to_numpy(zero_copy_only=False).copy()
            floats[rows] = values
            return pd.Series(floats, copy=False)
        made = objects(column.values())
        made.iloc[rows] = values
        return made


def read_rows(pages: Iterable[JobPage], chunks: Iterable[SeriesChunk], shape: Shape) -> LoggedRows:
    """Return what the present runs of jobs logged.

    Raises
    ------
    UnreadableRecordError
        For rows that are no JSON, or not as many as were logged.
    """
    runs = {key: run for page in pages for key, run in zip(page.keys, page.run_ids, strict=True)}
    rows, columns = LoggedRows(), Columns(name=_shown, fast=shape.fast)
    present = dict(present_series(runs, chunks))
    for key, found in present.items():
        rows.job_keys.append(key)
        rows.counts.append(sum(map(len, found)))
        rows.times += map(_times, found)
    read = [chunk for found in present.values() for chunk in found]
    for page in _pages(read):
        columns.add_page(page)
    rows.columns = columns.finish()
    for start, chunk in zip(accumulate(map(len, read), initial=0), read, strict=False):
        for row, path, kind in chunk.odd:
            rows.odd.setdefault(join(_shown(tuple(path))), []).append((start + row, float(kind)))
    for name in rows.odd:
        rows.columns.setdefault(name, Column()).pad(len(rows))
    return rows


def _times(chunk: SeriesChunk) -> np.ndarray:
    """Return when the rows of a chunk were logged; UnreadableRecordError for one that is damaged."""
    lines = chunk.rows.count("\n") + 1
    whole = len(chunk) == lines and all(0 <= row < lines and path for row, path, _ in chunk.odd)
    try:
        times = np.cumsum(np.array(chunk.times, np.int64))
    except OverflowError:
        whole = False
    if not whole:
        raise UnreadableRecordError(f"{chunk.number} of a series of job {chunk.job_key}", "rows are missing")
    return times


def _pages(chunks: Iterable[SeriesChunk]) -> Iterator[tuple[list[str], bytes]]:
    """Yield rows as pages of records."""
    keys: list[str] = []
    texts: list[bytes] = []
    size = 0
    for chunk in chunks:
        text = chunk.rows.encode("utf-8", "surrogatepass")
        keys += [f"of the series of job {chunk.job_key}"] * len(chunk)
        texts.append(text)
        size += len(text)
        if size > _PAGE_BYTES:
            yield keys, b"\n".join(texts)
            keys, texts, size = [], [], 0
    if keys:
        yield keys, b"\n".join(texts)


def _shown(path: Path) -> Path:
    """Return the path under which a value shows; what would name the row moves below ``data``, always."""
    return (DATA, *path) if path[-1] in (_JOB_KEY, _LOGGED_AT) and set(path[:-1]) <= {DATA} else path


def curves_frame(
    rows: LoggedRows,
    names: Sequence[str],
    by: str | Sequence[str] | None,
    inputs: pd.DataFrame | None,
    times: bool,
    shape: Shape,
) -> pd.DataFrame:
    """Return the long frame; see `Workflow.curves`.

    Parameters
    ----------
    inputs : DataFrame, optional
        The parameters to show beside the rows, one row a job.
    """
    steps = [by] if isinstance(by, str) else list(_STEPS if by is None else by)
    shown = _chosen(rows, names, steps, asked=by is not None)
    made = {name: rows.series(name) if name in rows.columns else pd.Series(dtype="float64") for name in shown}
    kept = np.ones(len(rows), dtype=bool)
    if names:
        kept = np.logical_or.reduce([_logged(rows, name, made[name]) for name in names])
    at_job = np.repeat(np.arange(len(rows.counts)), rows.counts)[kept]
    cells = {_JOB_KEY: pd.Series(strings(rows.job_keys).take(pa.array(at_job)).to_pandas())}
    if times:
        stamps = np.concatenate([*rows.times, np.array([], np.int64)])[kept]
        cells[_LOGGED_AT] = pd.Series(stamps.astype("datetime64[us]")).dt.tz_localize("UTC")
    cells |= {name: made[name][kept].reset_index(drop=True) for name in shown}
    cells |= _parameters(rows.job_keys, at_job, inputs)
    chosen = choose(list(cells), shape.usecols)
    return frame_of({name: to_backend(cells[name], shape.dtype_backend) for name in chosen}, len(at_job))


def _chosen(rows: LoggedRows, names: Sequence[str], steps: Sequence[str], *, asked: bool) -> list[str]:
    """Return the columns that are shown: all, or those of these names and the steps, in their order."""
    there = list(rows.columns)
    unknown = [name for name in [*names, *(steps if asked else ())] if name not in rows.columns]
    if unknown and there:
        raise RefusedError(
            f"no job logged {shorten(map(repr, unknown))}; there are: {shorten(map(repr, there))}"
        )
    if not names:
        return there
    return [name for name in there if name in names or name in steps] or list(dict.fromkeys(names))


def _logged(rows: LoggedRows, name: str, made: pd.Series) -> np.ndarray:
    logged = made.notna().to_numpy(dtype=bool, copy=True)
    logged[[row for row, _ in rows.odd.get(name, ())]] = True
    return logged


def _parameters(
    job_keys: Sequence[str], at_job: np.ndarray, inputs: pd.DataFrame | None
) -> dict[str, pd.Series]:
    if inputs is None:
        return {}
    jobs = pd.DataFrame(index=pd.Index(strings(job_keys).to_pandas(), name=_JOB_KEY))
    taken = beside(jobs, inputs, "params.").take(at_job)
    return {str(name): column.reset_index(drop=True) for name, column in taken.items()}
