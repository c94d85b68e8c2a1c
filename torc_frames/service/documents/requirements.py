"""What jobs of the embedded store need, as documents: those that clients sent, and those made of jobs."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from torc_frames.errors import RefusedError
from torc_frames.service.documents.bodies import DEFAULTS, REQUIREMENTS, SHAPES, Body
from torc_frames.service.documents.files_events import KeptDocuments
from torc_frames.service.documents.rows import Filters, Place, Row
from torc_frames.store.legacy.needs import resources_of
from torc_frames.store.sqlite.keys import id_list
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import Form, Need

__all__ = ["NEEDS", "RequirementDocuments", "Values", "require"]

Values = tuple[int, int, str | None, str | None]
"""num_cpus, num_gpus, memory and runtime."""

_COLUMNS = ("num_cpus", "num_gpus", "memory", "runtime")
_NOTHING: Values = (1, 0, None, None)
_RUNTIME = {Form.FIRST: "P0DT1H", Form.LATER: "P0DT1M"}

NEEDS = "NOT (num_cpus = 1 AND num_gpus = 0 AND memory IS NULL AND runtime IS NULL)"
"""Whether a job needs anything but what jobs need by default."""


class RequirementDocuments(KeptDocuments):
    """What a client sent, then one document for all jobs of the same needs that none of those tells."""

    name = REQUIREMENTS
    scope = f"workflow_id = :workflow AND collection = '{REQUIREMENTS}'"
    filters: ClassVar[Filters] = {form: dict.fromkeys(SHAPES[REQUIREMENTS].fields[form], "") for form in Form}

    def listed(
        self, place: Place, form: Form, skip: int, limit: int, filters: Mapping[str, object]
    ) -> tuple[list[bytes], int]:
        """See `Collection.listed`."""
        asked = {name: value for name, value in filters.items() if name in self.filters[form]}
        rows = [
            row
            for row in (*self._sent(place), *self._made(place).values())
            if "_key" not in filters or (row[1] or str(row[0])) == filters["_key"]
            if asked.items() <= msgspec.json.decode(row[3]).items()
        ]
        return self.documents(place, form, rows[skip : skip + limit]), len(rows)

    def look_up(self, place: Place, key: str) -> Row | None:
        """See `Collection.look_up`."""
        if (row := super().look_up(place, key)) is not None:
            return row
        return {row[1]: row for row in self._made(place).values()}.get(key)

    def keys(self, place: Place) -> tuple[dict[int, str], dict[Values, str]]:
        """Return the keys of what was sent, by id, and the key to which each job's needs lead."""
        sent = self._sent(place)
        of_values = {values: row[1] for values, row in self._made(place).items()}
        of_values |= {values_of(row): row[1] or str(row[0]) for row in reversed(sent)}
        return {row[0]: row[1] or str(row[0]) for row in sent}, of_values

    def _sent(self, place: Place) -> list[Row]:
        return place.rows(f"SELECT {self.columns} FROM document WHERE {self.scope} ORDER BY id")

    def _made(self, place: Place) -> dict[Values, Row]:
        sent = self._sent(place)
        known = {values_of(row) for row in sent}
        taken = {row[1] for row in sent}
        made = {}
        for *found, _ in place.rows(
            f"SELECT {', '.join(_COLUMNS)}, min(id) FROM job WHERE workflow_id = :workflow "
            f"AND requirement_id IS NULL AND {NEEDS} GROUP BY {', '.join(_COLUMNS)} ORDER BY min(id)"
        ):
            values = (found[0], found[1], found[2], found[3])
            if values in known:
                continue
            key = "-".join(_quoted(value) for value in values)
            while key in taken:
                key += "-"
            document = {**dict(zip(_COLUMNS, values, strict=True)), "num_nodes": 1}
            made[values] = (0, key, 0, legacy.encode(document))
        return made

    def add(self, place: Place, form: Form, body: Body) -> int:
        """See `Collection.add`; the same ones, added again without a key, are one."""
        known = {"runtime": _RUNTIME[form], **DEFAULTS}
        raw = {name: msgspec.Raw(legacy.encode(known[name])) for name in self.filters[form] if name in known}
        whole = body._replace(attributes={**raw, **body.attributes})
        found = self.same(place, whole) if body.key is None else None
        return super().add(place, form, whole) if found is None else found

    def _change(self, place: Place, form: Form, row: Row, body: Body) -> None:
        """See `Collection._change`; the jobs that require it need something else then."""
        if not row[0]:
            raise RefusedError(f"{self.name} key {row[1]} is made of what jobs need: it can not be updated")
        jobs = _jobs(place, "requirement_id = :id", {"id": row[0]})
        super()._change(place, form, row, body)
        require(place, jobs, self.find(place, row[1] or str(row[0])))

    def delete(self, place: Place, form: Form, key: str) -> bytes:
        """See `Collection.delete`; the jobs that required it need what jobs need by default."""
        row = self.find(place, key)
        if row[0]:
            return super().delete(place, form, key)
        same = " AND ".join(f"{name} IS :{name}" for name in _COLUMNS)
        values = dict(zip(_COLUMNS, values_of(row), strict=True))
        require(place, _jobs(place, f"requirement_id IS NULL AND {same}", values), None)
        return self.document(place, form, row)

    def delete_all(self, place: Place) -> int:
        """See `Collection.delete_all`; all jobs need what jobs need by default then."""
        count = len(self._made(place))
        count += super().delete_all(place)
        require(place, _jobs(place, NEEDS, {}), None)
        return count

    def remove(self, place: Place, ids: Sequence[int]) -> None:
        """See `Collection.remove`."""
        which = "requirement_id IN (SELECT value FROM json_each(:ids))"
        jobs = _jobs(place, which, {"ids": id_list(ids)})
        super().remove(place, ids)
        require(place, jobs, None)


def _jobs(place: Place, which: str, values: Mapping[str, object]) -> list[int]:
    """Return the ids of jobs that meet a condition in SQL."""
    found = place.rows(f"SELECT id FROM job WHERE workflow_id = :workflow AND {which}", values)
    return [job for (job,) in found]


def require(place: Place, jobs: Sequence[int], row: Row | None) -> None:
    """Let jobs need what a document says; without one, what jobs need by default."""
    if not jobs:
        return
    place.rev()
    values = _NOTHING if row is None else values_of(row)
    place.rows(
        "UPDATE job SET requirement_id = :requirement, num_cpus = :num_cpus, num_gpus = :num_gpus, "
        "memory = :memory, runtime = :runtime WHERE id IN (SELECT value FROM json_each(:jobs))",
        {
            **dict(zip(_COLUMNS, values, strict=True)),
            **{"requirement": row[0] or None if row else None, "jobs": id_list(jobs)},
        },
    )


def values_of(row: Row) -> Values:
    """Return what the document of a row says; the service's defaults count as not said.

    Those are one megabyte, in which no program runs, and whatever the name says was not given.
    """
    found: dict[str, Any] = msgspec.json.decode(row[3])
    said: dict[str, Any] = {
        name: found.get(name, default) for name, default in zip(_COLUMNS, _NOTHING, strict=True)
    }
    needs = resources_of(Need(key=".", name=found.get("name"), **said))
    memory = None if needs.memory == DEFAULTS["memory"] else needs.memory
    return needs.num_cpus, needs.num_gpus, memory, needs.runtime


def _quoted(value: object) -> str:
    if value is None:
        return "_"
    return re.sub(r"[^A-Za-z0-9.]", lambda found: "_" + found[0].encode().hex(), str(value))
