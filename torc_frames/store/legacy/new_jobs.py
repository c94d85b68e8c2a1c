"""Adding jobs to a service of the first form, each with its records in one request, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torc_frames.errors import NotFoundError, Problem, RefusedError, ReplyError
from torc_frames.store.exactly_once import settled
from torc_frames.store.legacy.jobs import sent, shown, write
from torc_frames.store.legacy.keys import new_key
from torc_frames.store.legacy.links import links_of_job, role_in_first
from torc_frames.store.legacy.needs import body_of as need_body
from torc_frames.store.legacy.needs import name_of
from torc_frames.store.legacy.once import NewRecord, Written, add_edge, add_record, has_edge
from torc_frames.store.legacy.records import body_of, check
from torc_frames.store.legacy.service import Service
from torc_frames.store.paged.lists import decoded
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.store import added_needs, check_widths, text_problem
from torc_frames.store.records import INPUT, OUTPUT, AddedJobs, NewJobs, Resources, Role
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import (
    BLOCKS,
    JOBS,
    REQUIREMENTS,
    REQUIRES,
    STORES,
    USER_DATA,
    Form,
    LegacyRecord,
)

__all__ = ["AddCall", "add_each", "check_jobs", "needed"]

SPECIFICATIONS = "job_specifications"


@dataclass(slots=True)
class AddCall:
    """The jobs of one call, and how far it has come."""

    jobs: NewJobs
    known: set[str]
    """The jobs that there were before."""
    needs: dict[Resources, str] = field(default_factory=dict)
    """The keys of the documents of what the jobs need."""
    added: AddedJobs = field(default_factory=lambda: AddedJobs([], [], []))
    job_keys: dict[int, str] = field(default_factory=dict)
    """By row: the jobs that are known to be there, be they complete or not."""
    records: dict[int, dict[Role, LegacyRecord]] = field(default_factory=dict)
    """By row: the records, with the keys that they have."""
    sent: int = 0
    """Up to which row jobs may have been added."""
    blocking: dict[str, str] | None = None
    """The names of jobs that others wait for, by key, where names tell them apart."""

    def begin_again(self, known: set[str]) -> None:
        """Forget what was added: somebody has deleted jobs since."""
        self.known, self.added, self.sent = known, AddedJobs([], [], []), 0
        self.job_keys.clear()
        self.records.clear()

    def need(self, row: int) -> str | None:
        """Return the key of what a job needs, None for the default."""
        return None if self.jobs.resources is None else self.needs.get(self.jobs.resources[row])


def check_jobs(jobs: NewJobs, known: set[str], workflow_key: str) -> None:
    """Refuse jobs that make no sense here."""
    check_widths(jobs)
    check(Form.FIRST, [b"{}" if raw is None else raw for raw in jobs.inputs])
    texts = (("name", jobs.names), ("command", jobs.commands))
    problems = [
        Problem(row, None, f"{what} {reason}")
        for what, column in texts
        for row, text in enumerate(column)
        if (reason := text_problem(text))
    ]
    problems += _role_problems(jobs)
    if problems:
        raise RefusedError(problems)
    waits = [key for keys in jobs.depends_on or () for key in keys]
    missing = [key for key in dict.fromkeys(waits) if key not in known]
    if missing:
        raise NotFoundError("job", missing, f"workflow {workflow_key}")


def _role_problems(jobs: NewJobs) -> list[Problem]:
    """Return the links whose role is not that of the record, which has one for all jobs."""
    return [
        Problem(row, None, f"user_data key {key} can't be an {role} here: its key does not say so")
        for role, rows in jobs.links.items()
        for row, keys in enumerate(rows)
        for key in keys
        if role_in_first(STORES, key) != role
    ]


def needed(
    service: Service, workflow_key: str, resources: Sequence[Resources] | None
) -> dict[Resources, str]:
    """Return the keys of what jobs need, after adding what the workflow has not yet."""

    def post(need: Resources) -> str:
        reply = service.send("POST", service.path(workflow_key, REQUIREMENTS), need_body(need))
        return str(decoded(Written, reply, "what jobs need").key)

    return added_needs(resources, name_of, lambda: _listed(service, workflow_key), post)


def _listed(service: Service, workflow_key: str) -> dict[str, str]:
    needs = list(service.rows(service.listing(service.path(workflow_key, REQUIREMENTS), legacy.Need)))
    return {need.name: need.key for need in reversed(needs) if need.name is not None}


def add_each(service: Service, workflow_key: str, call: AddCall) -> None:
    """Add what is not yet added."""
    call.blocking = _blocking(service, workflow_key, call)
    for row in range(len(call.added.job_keys), len(call.jobs)):
        records = call.records.setdefault(row, _records(call, row))
        again, call.sent = row < call.sent, row + 1
        _add_job(service, workflow_key, call, row, again=again)
        call.added.job_keys.append(call.job_keys[row])
        call.added.input_keys.append(records[INPUT].key if INPUT in records else None)
        call.added.output_keys.append(records[OUTPUT].key if OUTPUT in records else None)


def _records(call: AddCall, row: int) -> dict[Role, LegacyRecord]:
    data = call.jobs.inputs[row]
    given: list[tuple[Role, bytes]] = [(INPUT, data)] if data is not None else []
    given += [(OUTPUT, b"{}")] if call.jobs.outputs else []
    return {role: LegacyRecord(new_key(role, named=True), None, raw) for role, raw in given}


def _add_job(service: Service, workflow_key: str, call: AddCall, row: int, *, again: bool) -> None:
    """Add a job with all that belongs to it; `again` if an earlier try may have come so far."""
    fresh = False

    def post() -> str:
        nonlocal fresh
        key = _post(service, workflow_key, call, row)
        fresh = True
        return key

    def find() -> str | None:
        return _find(service, workflow_key, call, row)

    call.job_keys[row] = settled(post, find, again=again)
    whole = fresh and SPECIFICATIONS not in service.lacks
    _complete(service, workflow_key, call, row, whole=whole, fresh=fresh)


def _post(service: Service, workflow_key: str, call: AddCall, row: int) -> str:
    return write(service, lambda: _post_once(service, workflow_key, call, row))


def _post_once(service: Service, workflow_key: str, call: AddCall, row: int) -> str:
    if SPECIFICATIONS not in service.lacks:
        try:
            path = service.path(workflow_key, SPECIFICATIONS)
            reply = service.send("POST", path, _specification(service, call, row))
            return str(decoded(Written, reply, "a new job").key)
        except ReplyError as error:
            if not is_missing(error):
                raise
            service.fetch_workflow(workflow_key)
            service.lacks.add(SPECIFICATIONS)
    command = sent(service, call.jobs.commands[row])
    body = legacy.encode({"name": call.jobs.names[row], "command": command})
    reply = service.send("POST", service.path(workflow_key, JOBS), body)
    return str(decoded(Written, reply, "a new job").key)


def _specification(service: Service, call: AddCall, row: int) -> bytes:
    records = [msgspec.Raw(body_of(one)) for one in call.records[row].values()]
    body: dict[str, object] = {
        "name": call.jobs.names[row],
        "command": sent(service, call.jobs.commands[row]),
        "user_data": records,
    }
    if call.need(row) is not None and call.jobs.resources is not None:
        body[REQUIREMENTS] = name_of(call.jobs.resources[row])
    if call.blocking is not None:
        body["blocked_by"] = [call.blocking[key] for key in _waits(call, row)]
    return legacy.encode(body)


def _waits(call: AddCall, row: int) -> list[str]:
    return [] if call.jobs.depends_on is None else list(dict.fromkeys(call.jobs.depends_on[row]))


def _blocking(service: Service, workflow_key: str, call: AddCall) -> dict[str, str] | None:
    """Return the names of the jobs that are waited for; None if others have these names, too."""
    wanted = {key for keys in call.jobs.depends_on or () for key in keys}
    if not wanted:
        return {}
    names = [(job.key, job.name or "") for job in _jobs(service, workflow_key)]
    found = {key: name for key, name in names if key in wanted}
    # The new jobs must not be taken for them either.
    alike = sum(name in {*found.values()} for name in [*(name for _, name in names), *call.jobs.names])
    return found if alike == len(found) and "" not in found.values() else None


def _jobs(service: Service, workflow_key: str, name: str | None = None) -> Iterator[legacy.LegacyJob]:
    params: dict[str, Any] = {} if name is None else {"name": name}
    return service.rows(service.listing(service.path(workflow_key, JOBS), legacy.LegacyJob, **params))


def _find(service: Service, workflow_key: str, call: AddCall, row: int) -> str | None:
    """Return the key of a row's job, None if it is not there.

    It is new, has the name and command, and the records' keys, or no records yet.
    """
    name, command = call.jobs.names[row], call.jobs.commands[row]
    taken = {*call.known, *call.job_keys.values()} - {call.job_keys.get(row, "")}
    own = {record.key for record in call.records[row].values()}
    for job in _jobs(service, workflow_key, name):
        if job.key in taken or (job.name or "", shown(job.command)) != (name, command):
            continue
        has = {one.key for one, _ in links_of_job(service, workflow_key, service.http.get, job.key)}
        if not own or own & has or not has:
            return job.key
    return None


def _complete(
    service: Service, workflow_key: str, call: AddCall, row: int, *, whole: bool, fresh: bool
) -> None:
    """Add what a job lacks that is there.

    Parameters
    ----------
    whole : bool
        Whether it came with all that a specification tells.
    fresh : bool
        Whether it has nothing else for certain.
    """
    job = call.job_keys[row]
    if not whole:
        for record in call.records[row].values():
            add_record(service, workflow_key, NewRecord(record, job, sent=not fresh))
    edges = [(STORES, job, USER_DATA, key) for rows in call.jobs.links.values() for key in rows[row]]
    need = call.need(row)
    if need is not None and not whole:
        edges.append((REQUIRES, job, REQUIREMENTS, need))
    if not whole or call.blocking is None:
        edges += [(BLOCKS, other, JOBS, job) for other in _waits(call, row)]
    for edge in dict.fromkeys(edges):
        if fresh or not has_edge(service, workflow_key, *edge):
            add_edge(service, workflow_key, *edge)
