"""Reading a snapshot, verified against its counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from torc_frames.errors import RefusedError, UnreadableRecordError, warn
from torc_frames.frame import recorded
from torc_frames.frame.shape import Shape
from torc_frames.frame.values import decode_data, decode_lines
from torc_frames.store.base import Snapshot, Store
from torc_frames.store.records import INPUT, OUTPUT, Role, UserDataPage
from torc_frames.store.whole import read_whole
from torc_frames.sweep.axes import log_names
from torc_frames.workflow.progress import progress
from torc_frames.workflow.pull.links import Links

__all__ = ["Reading", "check_role", "verified"]

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
    alone: bool = True
    """Whether no other workflow is read at the same time."""
    clashes: dict[Role | None, str] = field(default_factory=dict)
    """Which cells became lists, by the role of the records; None of those of both."""
    told: list[str] = field(default_factory=list)
    """What to warn of."""

    def forget(self) -> None:
        """Begin anew, before all is read once more."""
        self.records = 0
        self.unreadable.clear()
        self.revs.clear()
        self.clashes.clear()

    def links(self, role: Role | None = None, job_key: str | None = None, labels: bool = True) -> Links:
        """Return links as columns."""
        return Links(self.snap.links(job_key=job_key, role=role, labels=labels))

    @contextmanager
    def linked(
        self, role: Role | None, job_key: str | None = None
    ) -> Iterator[tuple[Iterator[UserDataPage], Callable[[], Links], int]]:
        """Give the pages of records, what returns their links after them, and how many records there are."""
        are_all = role is None and job_key is None
        links = None if are_all else self._links_with_makers(role, job_key)
        count = self.snap.count_user_data() if links is None else links.count()
        pages = self.snap.user_data(job_key=job_key, role=role)
        with self.ahead(count, pages, self.snap.links() if are_all else ()) as (records, rest):
            yield records, lambda: links or Links(rest), count

    def _links_with_makers(self, role: Role | None, job_key: str | None) -> Links:
        """Return links; what a job consumes is linked to the jobs that made it."""
        if job_key is None or role is not None:
            return self.links(role, job_key)
        own = list(self.snap.links(job_key=job_key))
        given = [key for page in self.snap.links(job_key=job_key, role=INPUT) for key in page.record_keys]
        consumed = {key for page in own for key in page.records_as(INPUT)}.difference(given)
        if not consumed:
            return Links(own)
        rest = [page.only([key not in consumed for key in page.record_keys]) for page in own]
        return Links([*rest, *self.snap.links(record_keys=sorted(consumed))])

    @contextmanager
    def ahead(self, count: int | None, *parts: Iterable[Any]) -> Iterator[list[Iterator[Any]]]:
        """Give parts of pages, one after the other, that a thread fetches while those before are decoded.

        Neither SQLite nor Arrow holds Python's lock, so that both work at once; beside other workflows that
        are read, a thread more is none the faster. It has ended when the ``with`` block has, whatever
        happened: the snapshot may be closed then.
        """
        pages = chain.from_iterable(chain(part, [None]) for part in parts)
        fetched: Generator[Any] = _in_thread(pages) if self.alone else (page for page in pages)
        try:
            with progress(count, "pull", self.show, unit="record") as bar:
                told = self._told(fetched, bar.update)
                yield [iter(partial(next, told), None) for _ in parts]
        finally:
            fetched.close()

    def _told(self, pages: Iterator[Any], update: Callable[[int], object]) -> Iterator[Any]:
        """Yield pages; those of records are counted, and readable if they have to be."""
        for page in pages:
            if isinstance(page, UserDataPage):
                yield self._readable(page) if self.shape.on_error == "warn" else page
                self.records += len(page)
                update(len(page))
            else:
                yield page

    def inputs(self, job_key: str | None = None) -> Iterator[UserDataPage]:
        """Yield input records, and note their revs where those tell what was seen."""
        noted = self.snap.workflow.rev is None
        for page in self.snap.user_data(job_key=job_key, role=INPUT, labels=noted):
            if noted:
                pairs = zip(page.keys, page.revs, strict=True)
                self.revs.update((key, rev) for key, rev in pairs if rev is not None)
            yield page

    def names(self, role: Role | None, job_key: str | None = None) -> dict[str, str | None]:
        """Return the names of records by key."""
        pages = self.snap.user_data(job_key=job_key, role=role)
        return {key: name for page in pages for key, name in zip(page.keys, page.names, strict=True)}

    def note_clashes(self, role: Role | None, told: str | None) -> None:
        """Note that cells of a role became lists."""
        if told is not None:
            self.clashes[role] = told

    def tell_of_clashes(self) -> None:
        """Note what to tell of cells that became lists."""
        if self.clashes:
            of = "; ".join(f"{role or 'upstream'} {told}" for role, told in self.clashes.items())
            roles = " and ".join(f"wf.user_data({f'role={r!r}' if r else ''})" for r in self.clashes)
            self.told.append(
                f"several records of a job hold different values, and no names tell them apart: {of}. These "
                f"cells are lists; {roles} has a row for each record"
            )

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
        """Raise, or note what to tell of, records that can't be read."""
        self.unreadable.update(self.snap.unreadable)
        if not self.unreadable:
            return
        keys = list(self.unreadable)
        error = UnreadableRecordError(keys[0], self.unreadable[keys[0]], keys)
        if self.shape.on_error == "raise":
            raise UnreadableRecordError(
                keys[0], f"{self.unreadable[keys[0]]}; on_error='warn' leaves them missing", keys
            )
        self.told.append(f"{error}; they are missing")


T = TypeVar("T")


def check_role(role: str | None) -> None:
    """Refuse what is no role."""
    if role not in (None, INPUT, OUTPUT):
        raise RefusedError(f"role={role!r}: use 'input', 'output' or None")


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


def verified(
    store: Store,
    workflow_key: str,
    build: Callable[[Reading], T],
    shape: Shape,
    show: bool,
    recorded_dtypes: bool,
    kind: str,
    tell: Callable[[str], object] = warn,
) -> tuple[T, Reading, dict[str, Any]]:
    """Return what is built from one snapshot, and where it is from, as ``attrs["torc"]`` says it.

    It is built again when the parts read don't belong together. `tell` is called with what to warn of.
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
            read.tell_of_clashes()
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
            if kind == "table" and (logs := log_names(recorded.recipes(snap.workflow.metadata))):
                about["log"] = logs
            return built, read, about

    built, read, about = read_whole(store.url, read_once)
    for text in read.told:
        tell(text)
    return built, read, about
