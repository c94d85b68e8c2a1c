"""One frame of several workflows: each is read whole, side by side, and types are decided over all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from torc_frames.errors import UnverifiedPullError, warn
from torc_frames.frame import recorded
from torc_frames.frame.column import InexactChunkError, check_dtype_backend, objects, to_backend
from torc_frames.frame.columns import Columns
from torc_frames.frame.flatten import RESERVED
from torc_frames.frame.joining import OnClash, check_on_clash
from torc_frames.frame.shape import Shape, choose, series_of, strings
from torc_frames.frame.specs import Spec
from torc_frames.store.base import Store
from torc_frames.store.parallel import each
from torc_frames.store.records import INPUT, Role, WorkflowRecord
from torc_frames.store.whole import ATTEMPTS
from torc_frames.workflow.progress import progress
from torc_frames.workflow.pull import frames
from torc_frames.workflow.pull.named import FromNames
from torc_frames.workflow.pull.parts import TablePart, table_of, table_part
from torc_frames.workflow.pull.reading import Reading, check_role, verified
from torc_frames.workflow.pull.runs import JobColumns, jobs_frame, shown_of_jobs

__all__ = ["Placed", "of_source", "table", "user_data"]

_OF_WORKFLOW = ("store", "workflow_key", "workflow_name", "tags")
"""The columns that say which workflow a row is of."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Placed:
    """A workflow, and the store that has it."""

    store: Store
    record: WorkflowRecord


def table(
    sources: Sequence[Placed],
    on_clash: OnClash,
    shape: Shape,
    show: bool,
    named: FromNames,
    job_columns: JobColumns,
) -> pd.DataFrame:
    """Return a row for every job of every workflow; see `Client.table`."""
    check_on_clash(on_clash)
    sources = _each_once(sources)
    shown, check = shown_of_jobs(job_columns, shape.usecols)

    def build(read: Reading) -> TablePart:
        return table_part(read, on_clash, shown)

    def join(parts: Sequence[TablePart], shape: Shape) -> pd.DataFrame:
        given = parts or [_nothing(replace(shape, usecols=shown))]
        check()
        joined = table_of(given, shape, named)
        lengths = [len(part.jobs) for part in parts]
        about = _about(sources, lengths, ("workflow_name", "tags"))
        front = {name: to_backend(column, shape.dtype_backend) for name, column in about.items()}
        joined = pd.concat([pd.DataFrame(front, index=joined.index), joined], axis=1)
        joined.index = _index(sources, [part.jobs.index for part in given], lengths)
        return joined[choose(list(map(str, joined)), shape.usecols)]

    frame = _pulled(sources, build, join, shape, show, "table", recorded_dtypes=True)
    if named:
        named.tell()
    return frame


def of_source(frame: pd.DataFrame, source: Placed) -> pd.DataFrame:
    """Return the rows of a table that are of one workflow, as `Workflow.table` has them."""
    where = {"store": source.store.url, "workflow_key": source.record.key}
    index = frame.index
    rows = np.logical_and.reduce(
        [index.get_level_values(name) == value for name, value in where.items() if name in index.names]
    )
    own = frame[rows].droplevel([name for name in where if name in index.names])
    own = own.drop(columns=["workflow_name", "tags"])
    own.attrs = {"torc": {"url": source.store.url, "workflow_key": source.record.key, "kind": "table"}}
    return own


def user_data(sources: Sequence[Placed], role: Role | None, shape: Shape, show: bool) -> pd.DataFrame:
    """Return a row for every record of every workflow; see `Client.user_data`."""
    check_role(role)
    sources = _each_once(sources)
    front = [name for name in _OF_WORKFLOW if name != "store" or _are_of_several(sources)]
    shape = replace(shape, more_reserved=_OF_WORKFLOW)

    def build(read: Reading) -> tuple[Columns, dict[str, Any]]:
        with read.linked(role) as (pages, links, count):
            records = frames.Records(read.snap.workflow.key, pages, count, read.shape)
            return records.columns, records.cells(links())

    def join(parts: Sequence[tuple[Columns, dict[str, Any]]], shape: Shape) -> pd.DataFrame:
        columns, lengths = shape.columns(reserved=True), []
        for part, _ in parts:
            lengths.append(part.length)
            columns.append(part)
        own = {name: _texts([cells[name] for _, cells in parts]) for name in RESERVED}
        about = _about(sources, lengths, front)
        reserved = {name: about[name] if name in about else own[name] for name in (*front, *own)}
        data = series_of(columns.finish(), shape, columns.length, reserved=list(reserved))
        return frames.beside_reserved(reserved, data, columns.length, shape)

    return _pulled(sources, build, join, shape, show, "user_data", recorded_dtypes=role == INPUT)


def _pulled(
    sources: Sequence[Placed],
    build: Callable[[Reading], T],
    join: Callable[[Sequence[T], Shape], pd.DataFrame],
    shape: Shape,
    show: bool,
    kind: str,
    *,
    recorded_dtypes: bool,
) -> pd.DataFrame:
    """Return what is joined of what is built of each workflow.

    Both are done again where a push changed meanwhile what is an object over all workflows, or numbers are
    needed as they were written.
    """
    check_dtype_backend(shape.dtype_backend)

    def specs_of(records: Iterable[WorkflowRecord]) -> dict[str, Spec]:
        return recorded.over_all(recorded.read(one.metadata) for one in records if recorded_dtypes)

    specs = specs_of(source.record for source in sources)
    for _ in range(1 + ATTEMPTS):
        planned = replace(shape, specs=specs)
        parts, reads, abouts, told = _read(sources, build, planned, show, kind)
        specs = specs_of(read.snap.workflow for read in reads)
        if recorded.whole_paths(specs) != recorded.whole_paths(planned.specs):
            continue
        try:
            frame = join(parts, replace(planned, specs=specs))
        except InexactChunkError:
            shape = replace(shape, fast=False)
            continue
        for text in told:
            warn(text)
        frame.attrs["torc"] = _joined_about(abouts, kind)
        return frame
    raise UnverifiedPullError("others push objects to these workflows, time and again: try again later")


def _read(
    sources: Sequence[Placed], build: Callable[[Reading], T], shape: Shape, show: bool, kind: str
) -> tuple[list[T], list[Reading], list[dict[str, Any]], list[str]]:
    """Read all workflows, several at once; the texts are what to warn of."""
    told: list[tuple[int, str]] = []

    def read_one(at: int) -> tuple[T, Reading, dict[str, Any]]:
        source = sources[at]
        whose = f"workflow {source.record.key} ({source.record.name})"

        def planned(read: Reading) -> T:
            read.shape, read.alone = shape, len(sources) == 1
            return build(read)

        def tell(text: str) -> None:
            told.append((at, f"{whose}: {text}"))

        return verified(source.store, source.record.key, planned, shape, False, False, kind, tell)

    with progress(len(sources), "pull", show, unit="workflow") as bar:
        found = each(read_one, range(len(sources)), bar.update)
    texts = [text for _, text in sorted(told)]
    return [part for part, _, _ in found], [read for _, read, _ in found], [one for _, _, one in found], texts


def _joined_about(abouts: Sequence[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return where a frame is from, as ``attrs["torc"]`` says it."""
    about: dict[str, Any] = {
        "kind": kind,
        "workflows": [{name: one[name] for name in ("url", "workflow_key", "rev")} for one in abouts],
        "pulled_at": min((one["pulled_at"] for one in abouts), default=None),
        "records": sum(one["records"] for one in abouts),
        "requests": sum(one["requests"] for one in abouts),
    }
    if logs := dict.fromkeys(name for one in abouts for name in one.get("log", ())):
        about["log"] = list(logs)
    if logs := dict.fromkeys(name for one in abouts for name in one.get("log", ())):
        about["log"] = list(logs)
    if any("unreadable" in one for one in abouts):
        about["unreadable"] = [one.get("unreadable", {}) for one in abouts]
    return about


def _each_once(sources: Sequence[Placed]) -> list[Placed]:
    return list({(one.store.url, one.record.key): one for one in sources}.values())


def _are_of_several(sources: Sequence[Placed]) -> bool:
    return len({source.store.url for source in sources}) > 1


def _about(sources: Sequence[Placed], lengths: Sequence[int], names: Sequence[str]) -> dict[str, pd.Series]:
    """Return for each row what is said of its workflow, by the names of the columns."""
    told = [
        {
            "store": source.store.url,
            "workflow_key": source.record.key,
            "workflow_name": source.record.name,
            "tags": list(recorded.tags_of(source.record.metadata)),
        }
        for source in sources
    ]
    rows = np.repeat(np.arange(len(sources)), lengths)
    about = {}
    for name in names:
        values: list[Any] = [one[name] for one in told]
        if name == "tags":
            about[name] = pd.Series(objects(values).to_numpy()[rows], dtype=object)
        else:
            about[name] = pd.Series(strings(values).take(pa.array(rows)).to_pandas())
    return about


def _index(sources: Sequence[Placed], job_keys: Sequence[pd.Index], lengths: Sequence[int]) -> pd.MultiIndex:
    """Return the index of jobs: their keys, before them those of their workflows."""
    names = ["store", "workflow_key"] if _are_of_several(sources) else ["workflow_key"]
    about = _about(sources, lengths, names)
    keys = job_keys[0].append(list(job_keys[1:]))
    return pd.MultiIndex.from_arrays([*about.values(), keys], names=[*names, "job_key"])


def _texts(chunks: Sequence[pa.Array | pa.ChunkedArray]) -> pd.Series:
    arrays = [
        one for chunk in chunks for one in (chunk.chunks if isinstance(chunk, pa.ChunkedArray) else [chunk])
    ]
    return pd.Series(pa.chunked_array(arrays, pa.string()).to_pandas())


def _nothing(shape: Shape) -> TablePart:
    """Return what no workflow gives to a table."""
    jobs = jobs_frame((), (), shape, dict, False)
    none = frames.JobPart(Columns(), np.arange(0), pa.chunked_array([], pa.string()))
    return TablePart(jobs, [], none, none)
