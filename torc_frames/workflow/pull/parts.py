"""What one workflow gives to a table of jobs, and tables of what one or several gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import Shape
from torc_frames.store.records import INPUT, OUTPUT, JobPage, Role, UserDataPage
from torc_frames.workflow.progress import watched
from torc_frames.workflow.pull import frames
from torc_frames.workflow.pull.links import Links
from torc_frames.workflow.pull.named import FromNames
from torc_frames.workflow.pull.reading import Reading
from torc_frames.workflow.pull.runs import jobs_frame

__all__ = ["TablePart", "job_part", "table_of", "table_part"]

_FIRST_PAGES = 5
"""How many pages of records are decoded while the links are read, which say what becomes of them."""


class TablePart(NamedTuple):
    """What one workflow gives to a table, before the types of its columns are decided."""

    jobs: pd.DataFrame
    """Indexed by job key: the columns of jobs that are shown."""

    pages: list[JobPage]
    inputs: frames.JobPart
    outputs: frames.JobPart


def job_part(
    read: Reading,
    role: Role,
    job_key: str | None,
    on_clash: OnClash,
    shape: Shape,
    pages: Iterator[UserDataPage] | None = None,
) -> frames.JobPart:
    """Read the records of a role; `pages` are theirs, if they are on their way."""
    if pages is None:
        pages = read.snap.user_data(job_key=job_key, role=role, labels=False)
    linked = read.snap.links(job_key=job_key, role=role, labels=False)
    count = read.snap.count_user_data(job_key=job_key, role=role) if watched(read.show) else None
    with read.ahead(count, islice(pages, _FIRST_PAGES), linked, pages) as (first, link_pages, rest):
        records = frames.JobRecords(shape, on_clash)
        records.add(first)
        links = records.link(Links(link_pages))
        records.add(rest)
    read.one_record_a_job = links.one_record_a_job()
    # A clash is told with the job's name.
    part = records.part(lambda: read.links(role, job_key), lambda: read.names(role, job_key))
    read.note_clashes(role, records.clashes)
    return part


def table_part(read: Reading, on_clash: OnClash, shown: Callable[[str], bool]) -> TablePart:
    """Read jobs and their records; `shown` says of which columns of jobs."""
    whole = replace(read.shape, usecols=None)
    pages, results = list(read.snap.jobs()), read.snap.results(latest=True)
    records = read.snap.user_data(role=INPUT, labels=False, then=OUTPUT)
    wanted = replace(whole, usecols=shown)
    jobs = jobs_frame(pages, results, wanted, read.snap.stale, read.snap.measures)
    inputs = job_part(read, INPUT, None, on_clash, whole, records)
    outputs = job_part(read, OUTPUT, None, on_clash, replace(whole, specs={}))
    return TablePart(jobs, pages, inputs, outputs)


def table_of(parts: Sequence[TablePart], shape: Shape, named: FromNames | None = None) -> pd.DataFrame:
    """Return a row for each job, those of one part after those of another: its columns, params.*, results.*.

    Rows are numbered. Types are decided over all parts; `shape` has the recorded ones, of parameters.
    """
    whole = replace(shape, usecols=None)
    jobs = parts[0].jobs if len(parts) == 1 else pd.concat([part.jobs for part in parts])
    left = jobs.reset_index(drop=True)
    inputs = _rows(parts, [part.inputs for part in parts], whole)
    outputs = _rows(parts, [part.outputs for part in parts], replace(whole, specs={}))
    if named:
        said = named.jobs(page for part in parts for page in part.pages)
        inputs = named.beside(inputs, said.reset_index(drop=True), whole)
    joined = frames.beside(left, inputs, "params.")
    return frames.beside(joined, outputs, "results.")


def _rows(parts: Sequence[TablePart], records: Sequence[frames.JobPart], shape: Shape) -> pd.DataFrame:
    """Return records of jobs, indexed by the number of the row in the table."""
    frame = frames.job_frame(records, shape)
    rows, first, start = [np.arange(0)], 0, 0
    for part, record in zip(parts, records, strict=True):
        end = start + len(record.job_keys)
        rows.append(part.jobs.index.get_indexer(frame.index[start:end]) + first)
        first, start = first + len(part.jobs), end
    frame.index = pd.Index(np.concatenate(rows))
    return frame
