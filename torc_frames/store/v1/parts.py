"""What a torc-server has of a workflow beside jobs and records: read, and added to a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from torc_frames.store.http.session import Http
from torc_frames.store.paged.lists import Get, Listing, count, decoded
from torc_frames.store.records import TorcSettings
from torc_frames.store.wire import torc_settings, v1
from torc_frames.store.wire.torc_settings import ACTIONS, FILES, NEEDS, OTHERS, PARTS

__all__ = ["add", "count_others", "read"]

_OBJECT = dict[str, Any]
_ACTIONS = "/workflows/{}/actions"
_BULK = 10_000
_ENDS = {"consumer": "input_file_ids", "producer": "output_file_ids"}


def read(
    get: Get,
    listed: Callable[[Listing], Iterator[list[Any]]],
    workflow_key: str,
    workflow: Mapping[str, Any],
    ends: Iterable[Mapping[str, Any]],
) -> TorcSettings:
    """Return what there is; see `torc_frames.store.base.Snapshot.settings`.

    Parameters
    ----------
    ends : iterable of dict
        Which job makes and which reads a file: a list of jobs that tells it takes long.
    """

    def rows(path: str, newest: str | None = "id") -> Iterator[Any]:
        key, params = itemgetter("id"), {"workflow_id": workflow_key}
        return chain.from_iterable(listed(Listing(path, _OBJECT, params, key=key, age=key, newest=newest)))

    parts = {}
    for kind, table in PARTS.items():
        if kind == ACTIONS:
            actions = decoded(list[_OBJECT], get(_ACTIONS.format(workflow_key), {}), kind)
            found = iter(sorted(actions, key=itemgetter("id")))
        elif kind == "failure handlers":
            found = rows(f"/workflows/{workflow_key}/failure_handlers", newest=None)
        else:
            found = rows(_path(table))
        parts[kind] = torc_settings.of_parts(found)
    jobs = {str(job["id"]): torc_settings.of_job(job) for job in rows("/jobs")}
    files = {(row.get(f"{end}_job_id"), name, row["file_id"]) for row in ends for end, name in _ENDS.items()}
    for job, name, file in sorted(files, key=itemgetter(2)):
        if str(job) in jobs:
            jobs[str(job)].setdefault(name, []).append(file)
    return TorcSettings(torc_settings.of_workflow(workflow), jobs, parts)


def count_others(get: Get, workflow_key: str, kind: str) -> int:
    """Return how many things there are of a kind of `torc_frames.store.wire.torc_settings.OTHERS`."""
    table = OTHERS[kind]
    if table == "remote_worker":
        return len(decoded(list, get(f"/workflows/{workflow_key}/remote_workers", {}), kind))
    if table == "ro_crate_entity":
        return count(get, Listing(f"/workflows/{workflow_key}/ro_crate_entities", _OBJECT))
    return count(get, Listing(_path(table), _OBJECT, {"workflow_id": workflow_key}))


def add(http: Http, workflow_key: str, kind: str, parts: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add things of one kind; see `torc_frames.store.base.SettingsStore.add_parts`."""
    bodies = [{**part, "id": None, "workflow_id": int(workflow_key)} for part in parts]
    if kind == FILES:
        return _add_files(http, bodies)
    path = _ACTIONS.format(workflow_key) if kind == ACTIONS else _path(PARTS[kind])
    there = _needs(http, workflow_key) if kind == NEEDS else {}

    def one(body: Mapping[str, Any]) -> int:
        number = there.get(str(body.get("name")))
        if number is not None:
            http.send("PUT", f"{path}/{number}", v1.encode(body), repeatable=True)
            return number
        return int(decoded(v1.Added, http.send("POST", path, v1.encode(body)), kind).id)

    return list(map(one, bodies))


def _add_files(http: Http, bodies: Sequence[Mapping[str, Any]]) -> list[int]:
    ids: list[int] = []
    for start in range(0, len(bodies), _BULK):
        reply = http.send("POST", "/bulk_files", v1.encode({"files": bodies[start : start + _BULK]}))
        ids += [file.id for file in decoded(v1.AddedFiles, reply, "new files").files]
    return ids


def _needs(http: Http, workflow_key: str) -> dict[str, int]:
    """Return what jobs of a new workflow can need, by name."""
    listing = Listing("/resource_requirements", v1.V1Requirement, {"workflow_id": workflow_key})
    return {need.name: need.id for need in listing.ask(http.get).items}


def _path(table: str) -> str:
    return f"/{table}" if table.endswith("s") else f"/{table}s"
