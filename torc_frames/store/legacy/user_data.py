"""Adding, changing and deleting the records of a service of the first form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    Problem,
    RefusedError,
    ReplyError,
    UncertainWriteError,
    shorten,
)
from torc_frames.store.exactly_once import TRIES
from torc_frames.store.legacy import keys as legacy_keys
from torc_frames.store.legacy import replacing
from torc_frames.store.legacy.once import (
    NewRecord,
    Written,
    add_record,
    forget_deleted,
    same_data,
)
from torc_frames.store.legacy.records import body_of, check
from torc_frames.store.legacy.service import Service
from torc_frames.store.paged.lists import decoded
from torc_frames.store.paged.service import is_missing
from torc_frames.store.paged.store import Given, NewRow, add_side_by_side
from torc_frames.store.parallel import Report, each, tell
from torc_frames.store.records import Role
from torc_frames.store.wire.legacy import USER_DATA, Form, LegacyRecord, in_order, merged

__all__ = ["add", "begin_to_delete", "delete_one", "fetch_one", "update"]

_LOT = 100
"""How many records are replaced at once."""


def add(service: Service, workflow_key: str, rows: list[NewRow], role: Role | None) -> list[str]:
    """Add records; see `torc_frames.store.base.Store.add_user_data`.

    Records are added one after the other, many of several jobs side by side. One has no name but
    ``<role>_<name of its job>``, and is never ephemeral; one that is added without a job has the role that is
    given as soon as it is linked to one.
    """
    check(Form.FIRST, [row.data for row in rows])
    service.check_jobs(workflow_key, (row.job_key for row in rows if row.job_key is not None))
    _check_labels(service, workflow_key, rows, role)
    fresh = [NewRecord(_new(raw, name, role), job) for raw, job, name, _ in rows]
    with service.unfinished.resumed(("add", workflow_key, role, rows), fresh) as news:
        forget_deleted(service, workflow_key, news)
        add_side_by_side(news, lambda new: add_record(service, workflow_key, new))
        return [new.record.key for new in news]


def _new(raw: bytes, name: str | None, role: Role | None) -> LegacyRecord:
    return LegacyRecord(legacy_keys.new_key(role, named=name is not None), None, raw)


def _check_labels(service: Service, workflow_key: str, rows: Sequence[NewRow], role: Role | None) -> None:
    """Refuse what a record of the first form has not: a lifetime, and any name but that of its role."""
    named = dict.fromkeys(job for _, job, name, _ in rows if name is not None and job is not None)
    own = {job: f"{role}_{service.fetch_job(workflow_key, job).name}" for job in named if role is not None}
    problems = []
    for row, (_, job, name, is_ephemeral) in enumerate(rows):
        # Who adds a record without a job links it to the one of that name later.
        fits = role is not None and (name == own[job] if job in own else str(name).startswith(f"{role}_"))
        if name is not None and not fits:
            problems.append(Problem(row, None, f"has the name {name!r}: records of this service have none"))
        if is_ephemeral:
            problems.append(Problem(row, None, "is ephemeral: records of this service can't be"))
    if problems:
        raise RefusedError(problems)


# changing


def update(
    service: Service,
    workflow_key: str,
    given: list[Given],
    report: Report | None = None,
) -> list[str | None]:
    """Replace data; see `torc_frames.store.base.Store.update_user_data`.

    Revs are compared before the first write, and by the service with each; a record that has the new data
    already is no conflict. Data that lacks something of the old one takes a few requests; see `replacing`.
    What others write to such a record just then is lost.
    """
    record_keys = [key for key, _, _ in given]
    check(Form.FIRST, [raw for _, raw, _ in given])
    written: dict[str, str | None] = {}
    with service.unfinished.resumed(("update", workflow_key, given), written) as written:
        current = fetch_all(service, workflow_key, record_keys)
        changes = {key: raw for key, raw, _ in given if in_order(raw) != in_order(current[key].data)}
        _check_changes(current, changes, given, written)
        strict = {key for key, _, rev in given if rev is not None}

        def change(item: tuple[str, bytes]) -> LegacyRecord:
            now = _put(service, workflow_key, current[item[0]], item[1], strict=item[0] in strict)
            written[item[0]] = now.rev
            return now

        tell(report, len(record_keys) - len(changes))
        exact = {key: raw for key, raw in changes.items() if _fits(current[key], raw)}
        changed = dict(zip(exact, each(change, exact.items(), report), strict=True))
        _replace_inexact(service, workflow_key, changed, changes)
        rough = [item for item in changes.items() if item[0] not in exact]
        for start in range(0, len(rough), _LOT):
            # What is stopped between two lots is left as it was, or is what it should be.
            lot = rough[start : start + _LOT]
            now = {record.key: record for record in each(change, lot)}
            _replace_inexact(service, workflow_key, now, changes)
            changed |= now
            tell(report, len(lot))
        return [changed.get(key, current[key]).rev for key in record_keys]


def _replace_inexact(
    service: Service, workflow_key: str, written: dict[str, LegacyRecord], wanted: Mapping[str, bytes]
) -> None:
    """Replace the records that are not what they should be: the service keeps some of the old data."""
    rest = [one for key, one in written.items() if in_order(one.data) != in_order(wanted[key])]
    if rest:
        replacing.replace(service, workflow_key, [one._replace(data=wanted[one.key]) for one in rest])
        written |= fetch_all(service, workflow_key, [one.key for one in rest])


def _fits(record: LegacyRecord, raw: bytes) -> bool:
    """Return whether a service makes a record what it is sent, and keeps nothing of what it had."""
    return in_order(merged(record.data, raw, deep=True)) == in_order(raw)


def _check_changes(
    current: Mapping[str, LegacyRecord],
    changes: Mapping[str, bytes],
    given: Sequence[Given],
    written: Mapping[str, str | None],
) -> None:
    stale = [
        key
        for key, _, rev in given
        if rev is not None and key in changes and current[key].rev not in (rev, written.get(key, rev))
    ]
    if stale:
        raise ConflictError(f"changed since they were read: user_data keys {shorten(dict.fromkeys(stale))}")


def _put(
    service: Service, workflow_key: str, record: LegacyRecord, raw: bytes, *, strict: bool
) -> LegacyRecord:
    """Write new data into a record, and return it as it is then: with what it had.

    Without `strict` it is written whatever others have written meanwhile.
    """
    path = service.path(workflow_key, USER_DATA, record.key)
    for attempt in range(TRIES):
        expected = merged(record.data, raw, deep=True)
        last = attempt == TRIES - 1
        try:
            reply = service.send("PUT", path, body_of(record._replace(data=raw)))
            return record._replace(data=expected, rev=decoded(Written, reply, "a record").rev)
        except UncertainWriteError:
            now = service.fetch_record(workflow_key, record.key)
            if same_data(now.data, expected) and now.rev != record.rev:
                return now
            if last:
                raise
            if strict and now.rev != record.rev:
                raise _changed(record.key) from None
        except ConflictError:
            if strict or last:
                raise _changed(record.key) from None
            now = service.fetch_record(workflow_key, record.key)
        except ReplyError as error:
            if not is_missing(error):
                raise
            raise NotFoundError("user_data", [record.key], f"workflow {workflow_key}") from None
        record = now
    raise AssertionError("the last attempt returns or raises")


def _changed(key: str) -> ConflictError:
    return ConflictError(f"changed since it was read: user_data key {key}")


# deleting


def begin_to_delete(service: Service, workflow_key: str, record_keys: Sequence[str]) -> None:
    """Make sure that records are there, and forget what was begun with them."""
    fetch_all(service, workflow_key, record_keys)
    if record_keys:
        replacing.forget(service, workflow_key, set(record_keys))


def delete_one(service: Service, workflow_key: str, record_key: str) -> None:
    """Delete a record, if it is there, and what was begun with it."""
    replacing.forget(service, workflow_key, {record_key})
    service.delete_record(workflow_key, record_key)


# reading


def fetch_one(service: Service, workflow_key: str, record_key: str) -> LegacyRecord:
    """Return one record; of one that somebody had begun to replace, what it will be."""
    try:
        return service.fetch_record(workflow_key, record_key)
    except NotFoundError as error:
        if error.kind != "user_data" or service.form is Form.LATER:
            raise
        begun = replacing.begun(service, workflow_key, record_key)
        if begun is None:
            raise
        return begun


def fetch_all(service: Service, workflow_key: str, record_keys: Iterable[str]) -> dict[str, LegacyRecord]:
    """Return records by their keys, those that somebody had begun to replace as they will be."""
    return service.fetch_all(
        workflow_key, record_keys, lambda missing: replacing.finish(service, workflow_key, missing)
    )
