"""Which records belong to which jobs: the links of a pull as Arrow columns, in few bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from torc_frames.errors import TornReadError, shorten
from torc_frames.store.records import INPUT, OUTPUT, LinkPage

__all__ = ["JobsOf", "Links", "Texts", "check_keys"]

_ROLES = pa.array([None, INPUT, OUTPUT], pa.string())
_MADE = 2


@dataclass(slots=True)
class Texts:
    """A column of texts, gathered page by page."""

    pages: list[pa.Array] = field(default_factory=list)

    def add(self, texts: Sequence[str | None]) -> None:
        """Add a page."""
        self.pages.append(pa.array(texts, pa.string()))

    def column(self) -> pa.ChunkedArray:
        """Return all of it."""
        return pa.chunked_array(self.pages, pa.string())


class Links:
    """All links of a pull; they come ordered by job.

    Attributes
    ----------
    firsts : array
        Where the links of each job begin, and at the end how many there are.
    """

    def __init__(self, pages: Iterable[LinkPage]) -> None:
        records, jobs, names, roles = Texts(), Texts(), Texts(), Texts()
        for page in pages:
            records.add(page.record_keys)
            jobs.add(page.job_keys)
            names.add(page.job_names)
            roles.add(page.roles)
        self.record_keys, self.job_keys = records.column(), jobs.column()
        self.job_names = names.column()
        self.roles = np.asarray(pc.fill_null(pc.index_in(roles.column(), value_set=_ROLES), 0), np.int8)
        changes = pc.not_equal(self.job_keys.slice(1), self.job_keys.slice(0, max(0, len(self) - 1)))
        first = [0] if len(self) else []
        self.firsts = np.concatenate([first, np.flatnonzero(np.asarray(changes)) + 1, [len(self)]]).astype(
            np.int64
        )

    def __len__(self) -> int:
        return len(self.record_keys)

    def count(self) -> int:
        """Return how many records are linked."""
        return len(self) if _ascend(self.record_keys) else len(pc.unique(self.record_keys))

    def has_several(self) -> bool:
        """Return whether a job has several of them."""
        return len(self.firsts) <= len(self)

    def one_record_a_job(self) -> bool:
        """Return whether no job has several of them, and none of them several jobs."""
        return self.count() == len(self) and not self.has_several()

    def jobs(self, start: int = 0, stop: int | None = None) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Return the keys and the names of the jobs that have links, or of some of these."""
        at = pa.array(self.firsts[:-1][start:stop])
        return self.job_keys.take(at), self.job_names.take(at)

    def role_names(self) -> pa.Array:
        """Return the roles as texts, missing where there is none."""
        return _ROLES.take(pa.array(self.roles))

    def positions(self, keys: pa.ChunkedArray) -> np.ndarray:
        """Return where the record of each link stands among the keys, -1 for one that does not."""
        if self.record_keys.equals(keys):
            return np.arange(len(keys))
        found = pc.index_in(self.record_keys, value_set=keys.combine_chunks())
        return np.asarray(pc.fill_null(found, -1), np.int64)


class JobsOf:
    """For each record the job that made it, else the only one that it is linked to; missing for all others.

    Parameters
    ----------
    links : Links
    keys : Arrow column
        The keys of the records.
    """

    def __init__(self, links: Links, keys: pa.ChunkedArray) -> None:
        self._links = links
        self._length = len(keys)
        positions = links.positions(keys)
        self._plain = len(links) == len(keys) and bool((positions == np.arange(len(keys))).all())
        if not self._plain:
            self._scatter(positions)

    def _scatter(self, positions: np.ndarray) -> None:
        linked = positions >= 0
        at, roles = positions[linked], self._links.roles[linked]
        made = roles == _MADE
        several = np.bincount(at, minlength=self._length) != 1
        makers = np.bincount(at[made], minlength=self._length)
        self._link = np.zeros(self._length, np.int64)
        self._link[at] = np.flatnonzero(linked)
        self._link[at[made]] = np.flatnonzero(linked)[made]
        self._is_missing = several & (makers != 1)
        lowest, highest = (np.full(self._length, fill, np.int8) for fill in (2, 0))
        np.minimum.at(lowest, at, roles)
        np.maximum.at(highest, at, roles)
        self._roles = np.where((lowest == highest) | (makers == 1), highest, 0)

    def page(self, start: int, length: int) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Return job keys, names and roles of some of the records."""
        rows = slice(start, start + length)
        if self._plain:
            keys, names = (
                column.slice(start, length) for column in (self._links.job_keys, self._links.job_names)
            )
            roles = self._links.roles[rows]
        else:
            at = pa.array(self._link[rows], mask=self._is_missing[rows])
            keys, names = (column.take(at) for column in (self._links.job_keys, self._links.job_names))
            roles = self._roles[rows]
        return keys.combine_chunks(), names.combine_chunks(), _ROLES.take(pa.array(roles))


def check_keys(keys: pa.ChunkedArray, count: int, kind: str = "user_data") -> None:
    """Raise TornReadError if records are there twice, or not as many as the store counts."""
    if len(keys) != count:
        raise TornReadError(f"read {len(keys)} records where the store counts {count}")
    if not _ascend(keys) and len(pc.unique(keys)) < len(keys):
        counts = pc.value_counts(keys)
        twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
        raise TornReadError(f"{kind} keys were read twice: {shorten(twice.to_pylist())}")


def _ascend(keys: pa.ChunkedArray) -> bool:
    """Return whether keys are numbers that ascend, and so are unique; ten times faster than a set."""
    try:
        numbers = keys.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    return bool((np.diff(numbers) > 0).all())
