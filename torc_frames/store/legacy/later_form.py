"""Adding jobs to a service of the later form: their records one by one, then the jobs in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from torc_frames.errors import TornReadError, UncertainWriteError
from torc_frames.store.exactly_once import TRIES, looked_for
from torc_frames.store.legacy import documents
from torc_frames.store.legacy.links import edges_of, link_of, read_edges
from torc_frames.store.legacy.lists import LegacyListing, count, listed
from torc_frames.store.legacy.new_jobs import AddCall
from torc_frames.store.legacy.once import Newest, NewRecord, Written, add_record, forget_deleted, same_data
from torc_frames.store.legacy.paths import CONSUMES, REQUIREMENTS, STORES
from torc_frames.store.legacy.records import records_of
from torc_frames.store.legacy.service import Service, decoded
from torc_frames.store.records import INPUT, OUTPUT, Role
from torc_frames.store.wire import legacy
from torc_frames.store.wire.legacy import JOBS, USER_DATA, Items, LegacyRecord

__all__ = ["BulkCall", "add_chunks"]

CHUNK_ROWS = 10_000
CHUNK_BYTES = 16 * 2**20

_EMPTY = b"{}"


@dataclass(slots=True)
class BulkCall(AddCall):
    """A call, and the records that it has added."""

    records: dict[tuple[Role, int], NewRecord] = field(default_factory=dict)
    """By role and row."""
    newest: Newest | None = None
    sent: int = 0
    """Up to which row jobs may have been added."""

    def begin_again(self, known: set[str]) -> None:
        """See `AddCall.begin_again`."""
        AddCall.begin_again(self, known)
        self.records.clear()
        self.newest, self.sent = None, 0


def add_chunks(service: Service, workflow_key: str, call: BulkCall) -> None:
    """Add what is not yet added."""
    forget_deleted(service, workflow_key, call.records.values())
    orphans = _Orphans(service, workflow_key, {new.record.key for new in call.records.values()})
    newest = call.newest = call.newest or Newest(service, workflow_key)
    for rows in _chunks(call, len(call.added.job_keys)):
        for role, row in _wanted(call, rows):
            _add_record(service, workflow_key, call, role, row, orphans, newest)
        _add_jobs(service, workflow_key, call, rows)
        call.added.job_keys.extend(call.job_keys[row] for row in rows)
        for role, keys in ((INPUT, call.added.input_keys), (OUTPUT, call.added.output_keys)):
            records = (call.records.get((role, row)) for row in rows)
            keys.extend(None if new is None else new.record.key for new in records)


def _chunks(call: AddCall, done: int) -> Iterator[range]:
    start, size = done, 0
    for row in range(done, len(call.jobs)):
        size += len(call.jobs.names[row]) + len(call.jobs.commands[row])
        if row - start == CHUNK_ROWS or size > CHUNK_BYTES:
            yield range(start, row)
            start, size = row, 0
    if start < len(call.jobs):
        yield range(start, len(call.jobs))


# records


def _wanted(call: AddCall, rows: range) -> list[tuple[Role, int]]:
    given: list[tuple[Role, int]] = [(INPUT, row) for row in rows if call.jobs.inputs[row] is not None]
    return given + [(OUTPUT, row) for row in (rows if call.jobs.outputs else ())]


def _add_record(
    service: Service,
    workflow_key: str,
    call: BulkCall,
    role: Role,
    row: int,
    orphans: _Orphans,
    newest: Newest,
) -> None:
    data = call.jobs.inputs[row] if role == INPUT else _EMPTY
    record = LegacyRecord("", None, data or _EMPTY, f"{role}_{call.jobs.names[row]}")
    new = call.records.setdefault((role, row), NewRecord(record))
    if not new.added and not new.sent:
        key = orphans.match(record)
        if key is not None:
            new.record, new.added = record._replace(key=key), True
            newest.take(key)
            return
    add_record(service, workflow_key, new, newest)


class _Orphans:
    """The records without a job that another call may have left, which ended before it added the jobs."""

    def __init__(self, service: Service, workflow_key: str, taken: Set[str]) -> None:
        self._of_name: dict[str | None, list[LegacyRecord]] = {}
        for attempt in range(TRIES):
            try:
                for record in _unlinked(service, workflow_key):
                    if record.key not in taken:
                        self._of_name.setdefault(record.name, []).append(record)
                return
            except TornReadError:
                self._of_name.clear()
                if attempt == TRIES - 1:
                    raise

    def match(self, record: LegacyRecord) -> str | None:
        """Return the key of one with this name and data, for this once."""
        left = self._of_name.get(record.name, [])
        found = next((one for one in left if not one.is_ephemeral and same_data(one.data, record.data)), None)
        if found is None:
            return None
        left.remove(found)
        return found.key


def _unlinked(service: Service, workflow_key: str) -> list[LegacyRecord]:
    get, form = service.http.get, service.form
    listing = records_of(service, workflow_key)
    links = sum(count(get, edges_of(service, workflow_key, name)) for name in (STORES, CONSUMES))
    if count(get, listing) <= links:
        return []
    rows = [row for page in listed(get, form, listing) for row in page if _may_be_left(row)]
    if not rows:
        return []
    # Read last: what was linked between the two lists is not left over.
    edges = read_edges(service, workflow_key, lambda edges: listed(get, form, edges)) or []
    linked = {record for _, _, record in edges}
    return [row for row in rows if row.key not in linked]


def _may_be_left(row: LegacyRecord) -> bool:
    return row.name is not None and row.name.startswith((f"{INPUT}_", f"{OUTPUT}_"))


# jobs


def _add_jobs(service: Service, workflow_key: str, call: BulkCall, rows: range) -> None:
    """Add the jobs of some rows, those that are not there."""
    if rows.start < call.sent:
        _find(service, workflow_key, call, rows)
    path = service.paths.all_of(workflow_key, "bulk_jobs")
    for attempt in range(TRIES):
        left = [row for row in rows if row not in call.job_keys]
        if not left:
            return
        call.sent = max(call.sent, rows.stop)

        def post(left: list[int] = left) -> bytes:
            bodies = [_body(service, workflow_key, call, row) for row in left]
            return service.send("POST", path, legacy.encode({"jobs": bodies}))

        try:
            reply = documents.write(service, post)
        except UncertainWriteError as lost:
            looked_for(lambda: _find(service, workflow_key, call, rows), lost)
            if attempt == TRIES - 1 and any(row not in call.job_keys for row in rows):
                raise
            continue
        made = decoded(Items[Written], reply, "new jobs").items
        call.job_keys.update(zip(left, (job.key for job in made), strict=True))


def _body(service: Service, workflow_key: str, call: BulkCall, row: int) -> dict[str, object]:
    jobs, command = call.jobs, documents.sent(service, call.jobs.commands[row])
    body: dict[str, object] = {"name": jobs.names[row], "command": command}
    for role in (INPUT, OUTPUT):
        own = call.records.get((role, row))
        keys = [] if own is None else [own.record.key]
        keys += jobs.links[role][row] if role in jobs.links else ()
        if keys:
            body[f"{role}_user_data"] = _ids(USER_DATA, keys, workflow_key)
    if jobs.depends_on is not None and jobs.depends_on[row]:
        body["blocked_by"] = _ids(JOBS, jobs.depends_on[row], workflow_key)
    need = call.need(row)
    if need is not None:
        body["resource_requirements"] = legacy.document_id(REQUIREMENTS, need, workflow_key)
    return body


def _ids(collection: str, keys: Sequence[str], workflow_key: str) -> list[str]:
    return [legacy.document_id(collection, key, workflow_key) for key in dict.fromkeys(keys)]


def _find(service: Service, workflow_key: str, call: BulkCall, rows: range) -> bool | None:
    """Note which jobs of some rows were added; return whether all were, None if none was.

    A job is known by its records, which no other has; one that has none by name and command.
    """
    get, form = service.http.get, service.form
    wanted = [row for row in rows if row not in call.job_keys]
    own = {
        new.record.key: row
        for row in wanted
        for role in (INPUT, OUTPUT)
        if (new := call.records.get((role, row))) is not None
    }
    edges = read_edges(service, workflow_key, lambda listing: listed(get, form, listing)) if own else None
    for edge in edges or ():
        link = link_of(form, edge)
        if link.record_key in own:
            call.job_keys[own[link.record_key]] = link.job_key
    alone = [row for row in wanted if row not in own.values()]
    if alone:
        _find_alone(service, workflow_key, call, alone)
    left = sum(row not in call.job_keys for row in wanted)
    return True if not left else None


def _find_alone(service: Service, workflow_key: str, call: BulkCall, rows: Sequence[int]) -> None:
    listing = LegacyListing(service.paths.all_of(workflow_key, JOBS), Items[legacy.LegacyJob])
    taken = call.taken
    there: dict[tuple[str, str], list[str]] = {}
    for jobs in listed(service.http.get, service.form, listing):
        for job in jobs:
            if job.key not in taken:
                there.setdefault((job.name or "", documents.shown(job.command)), []).append(job.key)
    for row in rows:
        keys = there.get((call.jobs.names[row], call.jobs.commands[row]), [])
        if keys:
            call.job_keys[row] = keys.pop(0)
