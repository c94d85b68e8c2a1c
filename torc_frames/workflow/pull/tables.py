"""Verified pulls: read one workflow from a store into frames, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import Any

import pandas as pd

from torc_frames.errors import shorten, warn
from torc_frames.files.pointer_frames import MissingFiles, OnMissing, load_pointers
from torc_frames.frame.column import InexactChunkError, check_dtype_backend
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import Shape, choose
from torc_frames.frame.specs import Spec
from torc_frames.store.base import Store
from torc_frames.store.records import INPUT, OUTPUT, JobPage, ResultPage, Role
from torc_frames.workflow.pull import frames
from torc_frames.workflow.pull.curves import curves_frame, read_rows
from torc_frames.workflow.pull.files import pointer_names, pointers_of
from torc_frames.workflow.pull.links import Links
from torc_frames.workflow.pull.named import FromNames
from torc_frames.workflow.pull.parts import job_part, table_of, table_part
from torc_frames.workflow.pull.reading import Reading, check_role, verified
from torc_frames.workflow.pull.runs import (
    JobColumns,
    jobs_frame,
    runs_frame,
    shown_of_jobs,
    utilization_frame,
)
from torc_frames.workflow.pull.where import Where
from torc_frames.workflow.seen import written_revs

__all__ = [
    "again",
    "curves",
    "digest_of",
    "job_records",
    "jobs",
    "links",
    "runs",
    "table",
    "user_data",
    "utilization",
]


Build = Callable[[Reading], pd.DataFrame]


def jobs(store: Store, workflow_key: str, shape: Shape, where: str | None = None) -> pd.DataFrame:
    """Return one row a job; see `Workflow.jobs`."""
    chosen = Where(where, "jobs")

    def build(read: Reading) -> pd.DataFrame:
        pages, results = read.snap.jobs(), read.snap.results(latest=True)
        return _rows(read, chosen, lambda shape: _jobs(read, pages, results, shape))

    return _pull(store, workflow_key, build, shape, kind="jobs", how={}, where=chosen)


def runs(store: Store, workflow_key: str, shape: Shape) -> pd.DataFrame:
    """Return one row a run; see `Workflow.runs`."""

    def build(read: Reading) -> pd.DataFrame:
        return runs_frame(read.snap, read.shape)

    return _pull(store, workflow_key, build, shape, kind="runs")


def utilization(store: Store, workflow_key: str, under: float, shape: Shape) -> pd.DataFrame:
    """Return what each job asked for beside what it used; see `Workflow.utilization`."""

    def build(read: Reading) -> pd.DataFrame:
        whole = replace(read.shape, usecols=None, dtype_backend=None)
        found = _jobs(read, read.snap.jobs(), read.snap.results(latest=True), whole)
        return utilization_frame(found, under, read.shape)

    return _pull(store, workflow_key, build, shape, kind="utilization")


def curves(
    store: Store,
    workflow_key: str,
    names: Sequence[str],
    by: str | Sequence[str] | None,
    job_key: str | None,
    parameters: bool | Sequence[str],
    times: bool,
    shape: Shape,
) -> pd.DataFrame:
    """Return one row for each that jobs logged; see `Workflow.curves`."""

    def build(read: Reading) -> pd.DataFrame:
        chunks = read.snap.series(job_key=job_key)
        rows = read_rows(read.snap.jobs(job_key=job_key), chunks, read.shape)
        read.records = len(rows)
        inputs = None
        if parameters is not False:
            chosen = None if parameters is True else parameters
            whole = replace(read.shape, usecols=chosen, dtype_backend=None)
            inputs = frames.job_frame([job_part(read, INPUT, job_key, "names", whole)], whole)
        return curves_frame(rows, names, by, inputs, times, read.shape)

    return _pull(store, workflow_key, build, shape, recorded_dtypes=parameters is not False, kind="curves")


def links(store: Store, workflow_key: str, shape: Shape) -> pd.DataFrame:
    """Return one row a link; see `Workflow.links`."""

    def build(read: Reading) -> pd.DataFrame:
        return frames.links_frame(read.links(), read.shape)

    return _pull(store, workflow_key, build, shape, kind="links")


def user_data(
    store: Store,
    workflow_key: str,
    job_key: str | None,
    role: Role | None,
    shape: Shape,
    show: bool,
    where: str | None = None,
) -> pd.DataFrame:
    """Return one row a record; see `Workflow.user_data`."""
    check_role(role)
    chosen = Where(where, "user_data", role, is_narrow=job_key is not None)

    def build(read: Reading) -> pd.DataFrame:
        with read.linked(role, job_key) as (pages, links, count):
            return _rows(
                read, chosen, lambda shape: frames.user_data_frame(workflow_key, pages, links, count, shape)
            )

    how = {"job_key": job_key, "role": role}
    return _pull(store, workflow_key, build, shape, show, role == INPUT, "user_data", how, chosen)


def job_records(
    store: Store,
    workflow_key: str,
    role: Role,
    job_key: str | None,
    on_clash: OnClash,
    shape: Shape,
    show: bool = False,
    upstream: bool = False,
    named: FromNames | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Return one row a job: its records of one role; see `Workflow.parameters` and `results`."""
    kind = "parameters" if role == INPUT else "results"
    chosen = Where(where, kind, role, is_narrow=job_key is not None or bool(named))

    def build(read: Reading) -> pd.DataFrame:
        return _rows(read, chosen, partial(beside_names, read), bool(named))

    def beside_names(read: Reading, shape: Shape) -> pd.DataFrame:
        if not named:
            return records(read, shape)
        jobs = named.jobs(read.snap.jobs(job_key=job_key))
        joined = named.beside(records(read, shape), jobs, shape)
        read.one_record_a_job = False
        return joined

    def records(read: Reading, shape: Shape) -> pd.DataFrame:
        if upstream:
            return _with_upstream(read, job_key, on_clash, shape)
        pages = read.inputs(job_key) if role == INPUT else None
        return frames.job_frame([job_part(read, role, job_key, on_clash, shape, pages)], shape)

    how: dict[str, Any] = {"job_key": job_key, "on_clash": on_clash, **(named.how if named else {})}
    how |= {"upstream": True} if upstream else {}
    frame = _pull(store, workflow_key, build, shape, show, role == INPUT, kind, how, chosen)
    if named:
        named.tell()
    return frame


def table(
    store: Store,
    workflow_key: str,
    on_clash: OnClash,
    loaded: Sequence[str],
    shape: Shape,
    show: bool,
    on_missing: OnMissing = "warn",
    named: FromNames | None = None,
    job_columns: JobColumns = False,
    where: str | None = None,
) -> pd.DataFrame:
    """Return one row a job: job columns, params.*, results.*; see `Workflow.table`."""
    left_out: list[dict[str, str]] = []
    unknown: dict[str, str] = {}
    chosen = Where(where, "table", is_narrow=bool(named))

    def build(read: Reading) -> pd.DataFrame:
        left_out.clear()
        unknown.clear()
        shown, check = shown_of_jobs(job_columns, shape.usecols)
        part = table_part(read, on_clash, lambda name: shown(name) or name in chosen.names)
        check()
        joined = table_of([part], read.shape, named)
        joined.index = part.jobs.index
        joined = chosen.rows(read, joined).drop(
            columns=[name for name in map(str, part.jobs) if not shown(name)]
        )
        for name in loaded:
            there = pointers_of(read, name, OUTPUT, store.base)
            if not there and (names := shorten(map(repr, pointer_names(read, OUTPUT)))):
                unknown[name] = names
            pairs = [pair for pair in there if pair[0] in joined.index]
            missing = MissingFiles(on_missing)
            if pairs:
                joined = frames.with_files(joined, f"results.{name}", load_pointers(pairs, missing))
            left_out.extend(missing.files)
        return joined[choose(list(map(str, joined)), shape.usecols)]

    more = job_columns if isinstance(job_columns, bool) else list(job_columns)
    asked = {"on_clash": on_clash, "load": list(loaded), "on_missing": on_missing, "job_columns": more}
    how = {**asked, **(named.how if named else {})}
    frame = _pull(store, workflow_key, build, shape, show, True, "table", how, chosen)
    if loaded:
        frame.attrs["torc"]["missing"] = left_out
    for name, names in unknown.items():
        warn(f"load: no output record has a pointer named {name!r}; there are: {names}")
    if named:
        named.tell()
    return frame


def again(store: Store, workflow_key: str, kind: str, how: Mapping[str, Any]) -> pd.DataFrame:
    """Pull as a frame was pulled, by what its ``attrs["torc"]`` says of that."""
    shape = Shape(usecols=how["usecols"], dtype_backend=how["dtype_backend"], on_error=how["on_error"])
    where = how.get("where")
    if kind == "jobs":
        return jobs(store, workflow_key, shape, where)
    if kind == "user_data":
        return user_data(store, workflow_key, how["job_key"], how["role"], shape, False, where)
    named = FromNames(how.get("pattern"), how.get("command_pattern"))
    if kind == "table":
        on_clash, missing, more = how["on_clash"], how["on_missing"], how.get("job_columns", True)
        return table(store, workflow_key, on_clash, how["load"], shape, False, missing, named, more, where)
    role = INPUT if kind == "parameters" else OUTPUT
    upstream, on_clash = how.get("upstream", False), how["on_clash"]
    return job_records(
        store, workflow_key, role, how["job_key"], on_clash, shape, False, upstream, named, where
    )


def jobs_of_table(
    read: Reading, pages: Iterable[JobPage], job_columns: JobColumns, shape: Shape
) -> pd.DataFrame:
    """Return what a table shows of jobs."""
    shown, check = shown_of_jobs(job_columns, shape.usecols)
    left = _jobs(read, pages, read.snap.results(latest=True), replace(shape, usecols=shown))
    check()
    return left


def digest_of(specs: Mapping[str, Spec]) -> str:
    """Return a digest of recorded dtypes."""
    return blake2b(repr(list(specs.items())).encode(), digest_size=8).hexdigest()


def _rows(
    read: Reading, where: Where, frame: Callable[[Shape], pd.DataFrame], whole: bool = False
) -> pd.DataFrame:
    """Return the rows and columns that are asked for; all columns are made only where that takes them."""
    if not (where or whole):
        return frame(read.shape)
    made = where.rows(read, frame(replace(read.shape, usecols=None)))
    return made[choose(list(map(str, made)), read.shape.usecols)]


def _jobs(
    read: Reading, pages: Iterable[JobPage], results: Iterator[ResultPage], shape: Shape
) -> pd.DataFrame:
    return jobs_frame(pages, results, shape, read.snap.stale, read.snap.measures)


def _written(shape: Shape) -> dict[str, Any]:
    usecols = None if shape.usecols is None or callable(shape.usecols) else list(shape.usecols)
    return {"usecols": usecols, "dtype_backend": shape.dtype_backend, "on_error": shape.on_error}


def _with_upstream(read: Reading, job_key: str | None, on_clash: OnClash, shape: Shape) -> pd.DataFrame:
    """Return one row a job: all its input records, those that other jobs made among them."""
    pages = list(read.snap.links(job_key=job_key))
    links = Links(page.only([role == INPUT for role in page.roles]) for page in pages)
    wanted = {*links.record_keys.to_pylist()}
    records = frames.JobRecords(shape, on_clash)
    records.link(links)
    found = (page.only(wanted) for page in read.snap.user_data(job_key=job_key, labels=False))
    with read.ahead(links.count(), (page for page in found if page)) as (fetched,):
        records.add(fetched)
    frame = records.frame(lambda: links, lambda: read.names(None, job_key))
    read.note_clashes(None, records.clashes)  # what others made is no input of user_data
    return frame


def _pull(
    store: Store,
    workflow_key: str,
    build: Build,
    shape: Shape,
    show: bool = False,
    recorded_dtypes: bool = False,
    kind: str = "",
    how: Mapping[str, Any] | None = None,
    where: Where | None = None,
) -> pd.DataFrame:
    """Build a frame from one snapshot, again when the parts read don't belong together."""
    check_dtype_backend(shape.dtype_backend)
    if where:
        build, how = partial(where.read, build), {**(how or {}), **where.how}
    frame, read, about = verified(
        store, workflow_key, partial(_build, build), shape, show, recorded_dtypes, kind
    )
    if read.one_record_a_job:
        about["dtypes"] = digest_of(read.shape.specs)
    if how is not None and not callable(shape.usecols):
        about |= {"pull": {**how, **_written(shape)}, "shape": list(frame.shape)}
    if read.revs:
        about["revs"] = written_revs(read.revs)
    frame.attrs["torc"] = about
    return frame


def _build(build: Build, read: Reading) -> pd.DataFrame:
    try:
        return build(read)
    except InexactChunkError:
        read.shape = replace(read.shape, fast=False)
        read.forget()
        return build(read)
