"""Verified pulls: read one workflow from a store into frames, whole or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeVar

import pandas as pd

from torc_frames.errors import RefusedError, UnreadableRecordError, warn
from torc_frames.frame import assemble, recorded
from torc_frames.frame.flatten import Path, split
from torc_frames.frame.joining import OnClash
from torc_frames.frame.shape import Shape, choose
from torc_frames.frame.specs import Spec
from torc_frames.frame.types import InexactChunkError, check_dtype_backend
from torc_frames.frame.values import decode_data, decode_lines
from torc_frames.pointer_files import Missing, OnMissing, Pairs, load_pointers
from torc_frames.pointers import Pointer, is_pointer
from torc_frames.progress import progress
from torc_frames.records import INPUT, OUTPUT, LinkPage, Role, UserDataPage
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.whole import read_whole
from torc_frames.targets import written_revs

__all__ = [
    "Reading",
    "again",
    "check_role",
    "digest_of",
    "job_records",
    "jobs",
    "links",
    "load",
    "table",
    "user_data",
    "verified",
]

AHEAD = 3
"""How many pages are fetched before they are needed."""


@dataclass(slots=True)
class Reading:
    """One snapshot being read."""

    snap: Snapshot
    shape: Shape
    show: bool = False
    records: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    revs: dict[str, str] = field(default_factory=dict)
    """Of input records, where the workflow has no rev that tells what was seen."""
    one_record_a_job: bool = False

    def links(
        self, role: Role | None = None, job_key: str | None = None, labels: bool = True
    ) -> assemble.Links:
        """Return links as columns."""
        return assemble.read_links(self.snap.links(job_key=job_key, role=role, labels=labels))

    @contextmanager
    def ahead(
        self, count: int, pages: Iterator[UserDataPage], links: Iterable[LinkPage] = ()
    ) -> Iterator[tuple[Iterator[UserDataPage], Iterator[LinkPage]]]:
        """Give pages, and after them links, that a thread fetches while those before are decoded.

        Neither SQLite nor Arrow holds Python's lock, so that both work at once. The thread has ended
        when the ``with`` block has, whatever happened: the snapshot may be closed then.
        """
        self.records += count
        if self.shape.on_error == "warn":
            pages = map(self._readable, pages)
        fetched: Generator[Any] = _in_thread(chain(pages, [None], links))
        try:
            with progress(count, "pull", self.show, unit="record") as bar:
                yield _counted(iter(partial(next, fetched), None), bar.update), fetched
        finally:
            fetched.close()

    def inputs(self, job_key: str | None = None) -> Iterator[UserDataPage]:
        """Yield input records, and note their revs where those tell what was seen."""
        noted = self.snap.workflow.rev is None
        for page in self.snap.user_data(job_key=job_key, role=INPUT, labels=noted):
            if noted:
                pairs = zip(page.keys, page.revs, strict=True)
                self.revs.update((key, rev) for key, rev in pairs if rev is not None)
            yield page

    def _readable(self, page: UserDataPage) -> UserDataPage:
        """Return a page with null in place of what is no JSON."""
        try:
            decode_lines(page.keys, page.data)
        except UnreadableRecordError:
            lines = page.lines()
            for at, key in enumerate(page.keys):
                try:
                    decode_data(key, lines[at])
                except UnreadableRecordError as error:
                    self.unreadable[key] = error.reason
                    lines[at] = b"null"
            return replace(page, data=b"\n".join(lines))
        return page

    def check_readable(self) -> None:
        """Raise, or warn of, records that can't be read."""
        self.unreadable.update(self.snap.unreadable)
        if not self.unreadable:
            return
        keys = list(self.unreadable)
        error = UnreadableRecordError(keys[0], self.unreadable[keys[0]], keys)
        if self.shape.on_error == "raise":
            raise UnreadableRecordError(
                keys[0], f"{self.unreadable[keys[0]]}; on_error='warn' leaves them missing", keys
            )
        warn(f"{error}; they are missing")


Build = Callable[[Reading], pd.DataFrame]
T = TypeVar("T")


def jobs(store: Store, workflow_key: str, shape: Shape) -> pd.DataFrame:
    """Return one row a job; see `Workflow.jobs`."""

    def build(read: Reading) -> pd.DataFrame:
        return assemble.jobs_frame(read.snap.jobs(), read.snap.results(), read.shape, read.snap.stale)

    return _pull(store, workflow_key, build, shape, kind="jobs", how={})


def links(store: Store, workflow_key: str, shape: Shape) -> pd.DataFrame:
    """Return one row a link; see `Workflow.links`."""

    def build(read: Reading) -> pd.DataFrame:
        return assemble.links_frame(read.links(), read.shape)

    return _pull(store, workflow_key, build, shape, kind="links")


def user_data(
    store: Store, workflow_key: str, job_key: str | None, role: Role | None, shape: Shape, show: bool
) -> pd.DataFrame:
    """Return one row a record; see `Workflow.user_data`."""

    def build(read: Reading) -> pd.DataFrame:
        if role is None and job_key is None:
            count = read.snap.count_user_data()
            pages, links = read.snap.user_data(), read.snap.links()
        else:
            pages = read.snap.user_data(job_key=job_key, role=role)
            linked = list(read.snap.links(job_key=job_key, role=role))
            count = assemble.read_links(linked).count()
            links = iter(linked)
        with read.ahead(count, pages, links) as fetched:
            return assemble.user_data_frame(workflow_key, *fetched, count, read.shape)

    check_role(role)
    how = {"job_key": job_key, "role": role}
    return _pull(store, workflow_key, build, shape, show, role == INPUT, kind="user_data", how=how)


def job_records(
    store: Store,
    workflow_key: str,
    role: Role,
    job_key: str | None,
    on_clash: OnClash,
    shape: Shape,
    show: bool = False,
) -> pd.DataFrame:
    """Return one row a job: its records of one role; see `Workflow.parameters` and `results`."""

    def build(read: Reading) -> pd.DataFrame:
        pages = read.inputs(job_key) if role == INPUT else None
        return _job_records(read, role, job_key, on_clash, read.shape, pages)

    kind = "parameters" if role == INPUT else "results"
    how = {"job_key": job_key, "on_clash": on_clash}
    return _pull(store, workflow_key, build, shape, show, role == INPUT, kind, how)


def table(
    store: Store,
    workflow_key: str,
    on_clash: OnClash,
    loaded: Sequence[str],
    shape: Shape,
    show: bool,
    on_missing: OnMissing = "warn",
) -> pd.DataFrame:
    """Return one row a job: job columns, params.*, results.*; see `Workflow.table`."""
    left_out: list[dict[str, str]] = []

    def build(read: Reading) -> pd.DataFrame:
        left_out.clear()
        whole = replace(read.shape, usecols=None)
        pages, results = read.snap.jobs(), read.snap.results()
        records = read.snap.user_data(role=INPUT, labels=False, then=OUTPUT)
        left = assemble.jobs_frame(pages, results, whole, read.snap.stale)
        inputs = _job_records(read, INPUT, None, on_clash, whole, records)
        outputs = _job_records(read, OUTPUT, None, on_clash, replace(whole, specs={}))
        joined = assemble.beside(assemble.beside(left, inputs, "params."), outputs, "results.")
        for name in loaded:
            pairs = _pairs(read, name, OUTPUT)
            missing = Missing(on_missing)
            if pairs:
                joined = assemble.with_files(joined, f"results.{name}", load_pointers(pairs, missing))
            left_out.extend(missing.files)
        return joined[choose(list(map(str, joined)), shape.usecols)]

    how = {"on_clash": on_clash, "load": list(loaded), "on_missing": on_missing}
    frame = _pull(store, workflow_key, build, shape, show, recorded_dtypes=True, kind="table", how=how)
    if loaded:
        frame.attrs["torc"]["missing"] = left_out
    return frame


def again(store: Store, workflow_key: str, kind: str, how: Mapping[str, Any]) -> pd.DataFrame:
    """Pull as a frame was pulled, by what its ``attrs["torc"]`` says of that."""
    shape = Shape(usecols=how["usecols"], dtype_backend=how["dtype_backend"], on_error=how["on_error"])
    if kind == "jobs":
        return jobs(store, workflow_key, shape)
    if kind == "user_data":
        return user_data(store, workflow_key, how["job_key"], how["role"], shape, show=False)
    if kind == "table":
        return table(store, workflow_key, how["on_clash"], how["load"], shape, False, how["on_missing"])
    role = INPUT if kind == "parameters" else OUTPUT
    return job_records(store, workflow_key, role, how["job_key"], how["on_clash"], shape)


def digest_of(specs: Mapping[str, Spec]) -> str:
    """Return a digest of recorded dtypes."""
    return blake2b(repr(list(specs.items())).encode(), digest_size=8).hexdigest()


def _written(shape: Shape) -> dict[str, Any]:
    usecols = None if shape.usecols is None or callable(shape.usecols) else list(shape.usecols)
    return {"usecols": usecols, "dtype_backend": shape.dtype_backend, "on_error": shape.on_error}


def load(
    store: Store,
    workflow_key: str,
    name: str,
    role: Role,
    on_missing: OnMissing = "warn",
    write: Callable[[Pairs, Missing], pd.DataFrame] = load_pointers,
) -> pd.DataFrame:
    """Return the rows of the files behind pointers, or what else is made of them; see `Workflow.load`."""

    def build(read: Reading) -> Pairs:
        pairs = _pairs(read, name, role)
        if not pairs:
            key = read.snap.workflow.key
            raise RefusedError(f"no {role} record of workflow {key} has a pointer named {name!r}")
        return pairs

    check_role(role)
    if not isinstance(name, str):
        raise RefusedError(f"load takes the name of a pointer, not {name!r}")
    missing = Missing(on_missing)
    pairs, _, about = verified(store, workflow_key, build, Shape(), False, False, "files")
    frame = write(pairs, missing)
    frame.attrs["torc"] = {**about, "missing": missing.files}
    return frame


def _job_records(
    read: Reading,
    role: Role,
    job_key: str | None,
    on_clash: OnClash,
    shape: Shape,
    pages: Iterator[UserDataPage] | None = None,
) -> pd.DataFrame:
    if pages is None:
        pages = read.snap.user_data(job_key=job_key, role=role, labels=False)
    linked = read.links(role, job_key, labels=False)
    if linked.has_several():
        linked = read.links(role, job_key)  # a clash is told with the job's name
    count = linked.count()
    read.one_record_a_job = count == len(linked.record_keys) and not linked.has_several()
    with read.ahead(count, pages) as (records, _):
        return assemble.job_records_frame(records, linked, count, shape, on_clash)


def _pairs(read: Reading, name: str, role: Role) -> Pairs:
    """Return the pointers of a name, each with its job."""
    pages = read.snap.user_data(role=role, labels=False)
    linked = read.links(role, labels=False)
    with read.ahead(linked.count(), pages) as (records, _):
        at_record = dict(_pointers(records, split(name)))
    pairs = zip(linked.job_keys, linked.record_keys, strict=True)
    return [(job_key, at_record[key]) for job_key, key in pairs if key in at_record]


def check_role(role: str | None) -> None:
    """Refuse what is no role."""
    if role not in (None, INPUT, OUTPUT):
        raise RefusedError(f"role={role!r}: use 'input', 'output' or None")


def _pointers(pages: Iterable[UserDataPage], path: Path) -> Iterator[tuple[str, Pointer]]:
    for page in pages:
        for key, data in zip(page.keys, decode_lines(page.keys, page.data), strict=True):
            for name in path:
                data = data.get(name) if isinstance(data, dict) else None
            if is_pointer(data):
                yield key, Pointer.from_json(data)


def _in_thread(items: Iterator[Any]) -> Generator[Any]:
    end = object()
    thread = ThreadPoolExecutor(1)
    try:
        coming = deque(thread.submit(next, items, end) for _ in range(AHEAD))
        while (item := coming.popleft().result()) is not end:
            coming.append(thread.submit(next, items, end))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)


def _counted(pages: Iterator[UserDataPage], update: Callable[[int], object]) -> Iterator[UserDataPage]:
    for page in pages:
        yield page
        update(len(page))


def _pull(
    store: Store,
    workflow_key: str,
    build: Build,
    shape: Shape,
    show: bool = False,
    recorded_dtypes: bool = False,
    kind: str = "",
    how: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Build a frame from one snapshot, again when the parts read don't belong together."""
    check_dtype_backend(shape.dtype_backend)
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


def verified(
    store: Store,
    workflow_key: str,
    build: Callable[[Reading], T],
    shape: Shape,
    show: bool,
    recorded_dtypes: bool,
    kind: str,
) -> tuple[T, Reading, dict[str, Any]]:
    """Return what is built from one snapshot, and where it is from, as ``attrs["torc"]`` says it.

    It is built again when the parts read don't belong together.
    """
    if shape.on_error not in ("raise", "warn"):
        raise RefusedError(f"on_error={shape.on_error!r}: use 'raise' or 'warn'")

    def read_once() -> tuple[T, Reading, dict[str, Any]]:
        pulled_at = datetime.now(UTC)
        with store.snapshot(workflow_key) as snap:
            specs = recorded.read(snap.workflow.metadata) if recorded_dtypes else {}
            read = Reading(snap, replace(shape, specs=specs), show)
            built = build(read)
            snap.verify()
            read.check_readable()
            about: dict[str, Any] = {
                "url": store.url,
                "workflow_key": snap.workflow.key,
                "kind": kind,
                "rev": snap.workflow.rev,
                "pulled_at": pulled_at.isoformat(),
                "records": read.records,
                "requests": snap.requests,
            }
            if read.unreadable:
                about["unreadable"] = dict(read.unreadable)
            return built, read, about

    return read_whole(store.url, read_once)


def _build(build: Build, read: Reading) -> pd.DataFrame:
    try:
        return build(read)
    except InexactChunkError:
        read.shape = replace(read.shape, fast=False)
        read.records = 0
        read.unreadable.clear()
        read.revs.clear()
        return build(read)
