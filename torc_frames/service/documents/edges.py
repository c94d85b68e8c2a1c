"""What links documents of the embedded store: records to jobs, jobs to jobs, jobs to what they need."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from torc_frames.errors import NotFoundError, RefusedError, shorten
from torc_frames.service.documents.bodies import REQUIREMENTS, Body, value_of
from torc_frames.service.documents.jobs import JobDocuments
from torc_frames.service.documents.records import RecordDocuments
from torc_frames.service.documents.requirements import NEEDS, RequirementDocuments, require
from torc_frames.service.documents.rows import KEY, Collection, Place, Row
from torc_frames.store.keys import key_to_id
from torc_frames.store.legacy.links import LATER_EDGES, role_in_first
from torc_frames.store.records import INPUT, OUTPUT
from torc_frames.store.sqlite.deleting import WAITS, release, touch
from torc_frames.store.sqlite.keys import id_list
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import CONSUMES, JOBS, STORES, USER_DATA, Form

__all__ = ["COLLECTIONS", "EDGES", "Edges", "add_dependencies", "link", "target"]

_REQUIREMENTS = RequirementDocuments()

COLLECTIONS: Mapping[str, Collection] = {
    JOBS: JobDocuments(),
    USER_DATA: RecordDocuments(),
    REQUIREMENTS: _REQUIREMENTS,
}
"""What edges link."""

# What has no role is stored: the first form knows no other edge.
_AMONG = {INPUT: "role = 'input'", OUTPUT: "role IS NOT 'input'"}


def target(place: Place, collection: str, document_id: str, attribute: str) -> Row:
    """Return the row of an ``_id`` that an attribute names."""
    key = legacy.key_of(document_id, collection, place.key)
    if key is None:
        where = f"of the {collection} of workflow {place.key}"
        raise RefusedError(f'request body "{attribute}" is not the _id of one {where}: {document_id!r}')
    return COLLECTIONS[collection].find(place, key)


class Edges(ABC):
    """The edges of one name. Their keys are the ids of what they link; they never change."""

    def __init__(self, name: str, end: str, source: str, order: tuple[str, str], suffix: str = "''") -> None:
        self.name = name
        self.end = end
        self.source = source
        """SQL of where they are, those of a workflow."""
        self.order = order
        """SQL of the ids of what each links."""
        self.suffix = suffix
        """SQL of what follows the ids in a key."""

    @abstractmethod
    def _insert(self, place: Place, form: Form, origin: Row, end: Row) -> tuple[int, int]:
        """Add an edge, unless it is there, and return its ids."""

    @abstractmethod
    def _remove(self, place: Place, first: int, second: int, suffix: str) -> None:
        """Delete an edge."""

    def listed(
        self, place: Place, skip: int, limit: int, origin: str | None = None
    ) -> tuple[list[bytes], int]:
        """Return a page of edges, or of those from a job given by its id, and of how many it is one."""
        where, values = "", {"limit": limit, "skip": skip}
        if origin is not None:
            row = COLLECTIONS[JOBS].look_up(place, legacy.key_of(origin, JOBS, place.key) or "")
            where, values["first"] = f"AND {self.order[0]} = :first", row[0] if row else 0
        ((total,),) = place.rows(f"SELECT count(*) FROM {self.source} {where}", values)
        return [self._document(place, row) for row in self._rows(place, where, values)], total

    def get(self, place: Place, key: str) -> bytes:
        """Return an edge."""
        return self._document(place, self._find(place, key))

    def add(self, place: Place, form: Form, body: Body) -> bytes:
        """Add an edge and return it; one that is there already is the same."""
        if "data" in body.attributes:
            raise RefusedError('request body "data" of an edge can not be kept')
        origin = target(place, JOBS, value_of(body.attributes, "_from"), "_from")
        end = target(place, self.end, value_of(body.attributes, "_to"), "_to")
        ids = self._insert(place, form, origin, end)
        # What a record of the first form is, its key says.
        rows = self._of_ids(place, ids) or EDGES[CONSUMES]._of_ids(place, ids)
        return self._document(place, rows[0])

    def delete(self, place: Place, key: str) -> bytes:
        """Delete an edge and return it."""
        row = self._find(place, key)
        document = self._document(place, row)
        self._remove(place, *row[:3])
        return document

    def delete_all(self, place: Place) -> int:
        """Delete all edges of this name, and return how many there were."""
        rows = self._rows(place, "", {"limit": -1, "skip": 0})
        for row in rows:
            self._remove(place, *row[:3])
        return len(rows)

    def _find(self, place: Place, key: str) -> Row:
        first, _, rest = key.partition("-")
        second, dash, suffix = rest.partition("-")
        ids = (key_to_id(first), key_to_id(second))
        found = [row for row in self._of_ids(place, ids) if row[2] == dash + suffix]
        if not found:
            raise NotFoundError(self.name, [key], f"workflow {place.key}")
        return found[0]

    def _of_ids(self, place: Place, ids: tuple[int | None, int | None]) -> list[Row]:
        where = f"AND {self.order[0]} = :first AND {self.order[1]} = :second"
        return self._rows(place, where, {"limit": -1, "skip": 0, "first": ids[0], "second": ids[1]})

    def _rows(self, place: Place, where: str, values: Mapping[str, object]) -> list[Row]:
        """Return the ids and the suffix of edges, then the keys of what they link."""
        ids = ", ".join(self.order)
        sql = (
            f"SELECT {ids}, {self.suffix}, {self._keys(place)} FROM {self.source} {where} "
            f"ORDER BY {ids}, 3 LIMIT :limit OFFSET :skip"
        )
        return place.rows(sql, values)

    def _keys(self, place: Place) -> str:
        """Return the SQL of the keys of what is linked."""
        columns = zip((JOBS, self.end), self.order, strict=True)
        return ", ".join(_key_of(place, COLLECTIONS[name].table, column) for name, column in columns)

    def _document(self, place: Place, row: Row) -> bytes:
        first, second, suffix, origin, end = row
        system = legacy.system_attributes(self.name, f"{first}-{second}{suffix}", "1", place.key)
        linked = {
            "_from": legacy.document_id(JOBS, origin, place.key),
            "_to": legacy.document_id(self.end, end, place.key),
        }
        return legacy.encode({**system, **linked})


def _key_of(place: Place, table: str, column: str) -> str:
    """Return the SQL of the key of a row whose id is in a column."""
    sql = f"SELECT 1 FROM {table} WHERE workflow_id = :workflow AND document_key IS NOT NULL LIMIT 1"
    # Rows are read only where that can tell something: a record's key lies behind its data.
    if not place.rows(sql):
        return f"CAST({column} AS TEXT)"
    return f"(SELECT {KEY.format('linked')} FROM {table} AS linked WHERE linked.id = {column})"


class _Links(Edges):
    """From jobs to records."""

    def __init__(self, name: str) -> None:
        role = LATER_EDGES[name]
        source = "job CROSS JOIN link ON link.job_id = job.id WHERE job.workflow_id = :workflow"
        suffix = "''" if role == INPUT else "iif(role IS NULL, '', '-output')"
        super().__init__(
            name, USER_DATA, f"{source} AND {_AMONG[role]}", ("job.id", "link.record_id"), suffix
        )
        self.role = role

    def _insert(self, place: Place, form: Form, origin: Row, end: Row) -> tuple[int, int]:
        link(place, form, self.name, origin[0], end[0])
        return origin[0], end[0]

    def _remove(self, place: Place, first: int, second: int, suffix: str) -> None:
        touch(place, [second])
        role = self.role if suffix or self.role == INPUT else None
        place.connection.execute(
            "DELETE FROM link WHERE job_id = ? AND record_id = ? AND role IS ?", (first, second, role)
        )


def link(place: Place, form: Form, name: str, job_id: int, record_id: int) -> None:
    """Link a record to a job by an edge of a name, unless it is; see `role_in_first` for the first form."""
    role: str | None = LATER_EDGES[name]
    if form is Form.FIRST:
        ((key,),) = place.rows("SELECT document_key FROM user_data WHERE id = :id", {"id": record_id})
        role = role_in_first(name, key or str(record_id))
    sql = "SELECT 1 FROM link WHERE job_id = ? AND record_id = ? AND "
    sql += _AMONG[INPUT if role == INPUT else OUTPUT]
    if place.connection.execute(sql, (job_id, record_id)).fetchone() is None:
        touch(place, [record_id])
        place.connection.execute(
            "INSERT INTO link (job_id, record_id, role) VALUES (?, ?, ?)", (job_id, record_id, role)
        )


class _Blocks(Edges):
    """From a job to one that waits for it."""

    def __init__(self) -> None:
        source = "job CROSS JOIN dependency ON dependency.job_id = job.id WHERE job.workflow_id = :workflow"
        super().__init__("blocks", JOBS, source, ("dependency.depends_on_id", "job.id"))

    def _insert(self, place: Place, form: Form, origin: Row, end: Row) -> tuple[int, int]:
        add_dependencies(place, [(end[0], origin[0])])
        return origin[0], end[0]

    def _remove(self, place: Place, first: int, second: int, suffix: str) -> None:
        """See `Edges._remove`; a job that waits for nothing else is ready then."""
        place.rev()
        sql = "DELETE FROM dependency WHERE depends_on_id = ? AND job_id = ?"
        place.connection.execute(sql, (first, second))
        release(place, [second])


def add_dependencies(place: Place, pairs: Sequence[tuple[int, int]]) -> None:
    """Let the first of each pair of jobs wait for the second; ready ones are blocked then.

    Raises
    ------
    RefusedError
        If jobs would wait for each other, or one for itself.
    """
    if not pairs:
        return
    values = {"rev": place.rev(), "jobs": id_list({job for job, _ in pairs})}
    place.connection.executemany("INSERT OR IGNORE INTO dependency VALUES (?, ?)", pairs)
    followed = place.rows(
        "WITH RECURSIVE later (id) AS (SELECT value FROM json_each(:jobs) "
        "UNION SELECT job_id FROM later JOIN dependency ON depends_on_id = later.id) "
        "SELECT job_id, depends_on_id FROM dependency WHERE depends_on_id IN (SELECT id FROM later)",
        values,
    )
    order = TopologicalSorter[int]()
    for job, awaited in followed:
        order.add(job, awaited)
    try:
        order.prepare()
    except CycleError as error:
        sql = f"SELECT {KEY.format('job')} FROM job WHERE id IN (SELECT value FROM json_each(:jobs))"
        keys = shorten(key for (key,) in place.rows(sql, {"jobs": id_list(error.args[1])}))
        raise RefusedError(f"request body: these jobs would wait for each other: {keys}") from None
    place.rows(
        "UPDATE job SET status = 'blocked', rev = :rev WHERE status = 'ready' "
        f"AND id IN (SELECT value FROM json_each(:jobs)) AND {WAITS}",
        values,
    )


class _Requires(Edges):
    """From a job to what it needs, if that is more than by default; it needs one thing only."""

    def __init__(self) -> None:
        source = f"job WHERE workflow_id = :workflow AND (requirement_id IS NOT NULL OR {NEEDS})"
        super().__init__("requires", REQUIREMENTS, source, ("job.id", "job.id"))

    def _insert(self, place: Place, form: Form, origin: Row, end: Row) -> tuple[int, int]:
        require(place, [origin[0]], end)
        return origin[0], origin[0]

    def _remove(self, place: Place, first: int, second: int, suffix: str) -> None:
        """See `Edges._remove`; the job needs what jobs need by default then."""
        require(place, [first], None)

    def _keys(self, place: Place) -> str:
        return f"{_key_of(place, 'job', 'job.id')}, requirement_id, num_cpus, num_gpus, memory, runtime"

    def _rows(self, place: Place, where: str, values: Mapping[str, object]) -> list[Row]:
        sent, made = _REQUIREMENTS.keys(place)
        rows = super()._rows(place, where, values)
        return [(*row[:4], sent.get(row[4]) or made[(row[5], row[6], row[7], row[8])]) for row in rows]


EDGES: Mapping[str, Edges] = {
    STORES: _Links(STORES),
    CONSUMES: _Links(CONSUMES),
    "blocks": _Blocks(),
    "requires": _Requires(),
}
