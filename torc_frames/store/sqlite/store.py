"""The embedded store: workflows in one SQLite file, no server."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

from torc_frames.errors import ConflictError, RefusedError, shorten
from torc_frames.store.base import Snapshot
from torc_frames.store.keys import key_to_id
from torc_frames.store.parallel import Report, tell
from torc_frames.store.records import (
    Role,
    SeriesChunk,
    UserData,
    WorkflowRecord,
)
from torc_frames.store.sqlite.backup import back_up
from torc_frames.store.sqlite.calls import SQLiteCalls
from torc_frames.store.sqlite.connections import Connections, Create, Write
from torc_frames.store.sqlite.deleting import remove_records
from torc_frames.store.sqlite.file import Connection, is_network
from torc_frames.store.sqlite.jobs import SQLiteJobs
from torc_frames.store.sqlite.keys import (
    WORKFLOW_COLUMNS,
    check_lengths,
    decode_data,
    encode_metadata,
    find_all,
    find_one,
    find_workflow,
    find_workflow_id,
    id_list,
    next_id,
    texts,
    workflow_record,
)
from torc_frames.store.sqlite.series import add_chunks

__all__ = ["SQLiteStore"]

_SCHEME = "sqlite:///"

_TOLD_ROWS = 1_000
"""How many records are written between two reports."""


class SQLiteStore(SQLiteJobs, SQLiteCalls):
    """Keeps workflows in one file; a `RunnableStore`.

    Any number of threads and processes may use the file at once. What was acknowledged survives the
    death of the process; on a network file system, which is slower, also that of the machine. A file that
    is deleted or replaced meanwhile is neither read nor written, but an UnavailableError; after `close`,
    whatever is there then is opened. On Linux the same holds for what is copied over the file in place.

    On Linux, a process may do with the files of its store what it likes: nothing acknowledged is lost. To
    open and close ``-shm`` while others write can make a read fail, or be repeated. Elsewhere, and within a
    write on a network file system, opening and closing the file by other means drops SQLite's locks.

    Parameters
    ----------
    path : str or os.PathLike
        The file, or its ``sqlite:///`` url. If this user can't write it, or beside it, it is only read.
    network : bool, optional
        Whether the file is on a file system that several machines share. Found out if not given.
    timeout : float
        For how many seconds to wait while another process writes.
    create : {"now", "to write", "never"}
        When to make a store where there is none, or an empty file: at once, or when something is written,
        until when to read is a NotFoundError. Never is an UnavailableError at once.
    blank : bool
        Whether to read a store that is still to be made as an empty one.

    Raises
    ------
    StoreFileError
        If the file is something else, or its directory does not exist. Nothing is touched.
    VersionError
        If a newer torc_frames made the file. Nothing is touched.
    UnavailableError
        If the file can not be read or written, or stayed locked.

    Examples
    --------
    >>> import tempfile
    >>> store = SQLiteStore(tempfile.mkdtemp() + "/study.db")
    >>> workflow = store.add_workflow("ridge")
    >>> store.add_user_data(workflow.key, [b'{"alpha": 0.1}', b'{"alpha": 10}'])
    ['1', '2']
    >>> store.get_user_data(workflow.key, "2").data
    {'alpha': 10}
    >>> store.close()
    """

    url: str
    base: str | None
    needs_role = False
    roles_are_of_records = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        network: bool | None = None,
        timeout: float = 60.0,
        create: Create = "now",
        blank: bool = False,
    ) -> None:
        self._locate(path)
        self._asked = (network, timeout)
        shared = is_network(self.path) if network is None else network
        self._connections = Connections(
            self.path, network=shared, timeout=timeout, create=create, blank=blank
        )
        self._connections.open()

    def _locate(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path).removeprefix(_SCHEME))
        self.url = _SCHEME + self.path
        self.base = os.path.dirname(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # What was there when it was pickled has to be there again.
        create = "never" if self._connections.is_there() else "to write"
        return _open, (self.path, *self._asked, create, self._connections.blank)

    # workflows

    def workflows(self) -> list[WorkflowRecord]:
        """See `Store.workflows`."""
        with self._connections.reading() as connection:
            rows = connection.execute(f"SELECT {WORKFLOW_COLUMNS} FROM workflow ORDER BY id").fetchall()
        return [workflow_record(row) for row in rows]

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        with self._connections.reading() as connection:
            return find_workflow(connection, workflow_key, self.path)

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        project: str | None = None,
    ) -> WorkflowRecord:
        """See `Store.add_workflow`."""
        created = datetime.now(UTC).isoformat()
        kept = None if project is None else encode_metadata({"project": project})
        values = (name, user, description, created, encode_metadata(metadata or {}), kept)
        with self._connections.writing() as connection:
            (row,) = connection.execute(
                "INSERT INTO workflow (id, name, user, description, created, metadata, attributes) "
                f"VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING {WORKFLOW_COLUMNS}",
                (next_id(connection, "workflow"), *values),
            ).fetchall()
        return workflow_record(row)

    def workflow_keys(self, name: str) -> list[str]:
        """See `Store.workflow_keys`."""
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT id FROM workflow WHERE name = ? ORDER BY id", (name,))
            return [str(number) for (number,) in rows]

    def count_jobs(self, workflow_keys: Sequence[str]) -> list[Mapping[str, int]]:
        """See `Store.count_jobs`."""
        ids = id_list(number for key in workflow_keys if (number := key_to_id(key)) is not None)
        sql = (
            "SELECT workflow_id, status, count(*) FROM job "
            "WHERE workflow_id IN (SELECT value FROM json_each(?)) GROUP BY workflow_id, status"
        )
        counts: dict[str, dict[str, int]] = {key: {} for key in workflow_keys}
        with self._connections.reading() as connection:
            for workflow, status, count in connection.execute(sql, (ids,)):
                counts[str(workflow)][status] = count
        return [counts[key] for key in workflow_keys]

    def update_workflow(
        self, workflow_key: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        """See `Store.update_workflow`."""
        with self._connections.write(workflow_key) as write:
            write.connection.execute(
                "UPDATE workflow SET name = ifnull(:name, name), document_rev = :rev, "
                "description = nullif(ifnull(:description, description), '') WHERE id = :id",
                {"name": name, "description": description, "id": write.workflow_id, "rev": write.rev()},
            )

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """See `Store.merge_metadata`."""
        encode_metadata(patch)
        with self._connections.write(workflow_key) as write:
            metadata = find_workflow(write.connection, workflow_key).metadata
            merged = encode_metadata({**metadata, **patch})
            # Compared as text, because to Python 1, 1.0 and True are equal.
            if merged != encode_metadata(metadata):
                write.rev()
                write.connection.execute(
                    "UPDATE workflow SET metadata = ? WHERE id = ?", (merged, write.workflow_id)
                )

    def delete_workflow(self, workflow_key: str) -> None:
        """See `Store.delete_workflow`."""
        with self._connections.write(workflow_key) as write:
            write.connection.execute("DELETE FROM workflow WHERE id = ?", (write.workflow_id,))

    def snapshot(self, workflow_key: str) -> AbstractContextManager[Snapshot]:
        """See `Store.snapshot`; for as long as it is open it shows one moment."""
        return self._connections.snapshot(workflow_key)

    def transaction(self) -> AbstractContextManager[None]:
        """See `Store.transaction`; other writers wait until it ends."""
        return self._connections.transaction()

    # user_data

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """See `Store.kept`; all raw JSON is kept as it is."""
        return list(data)

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """See `Store.get_user_data`."""
        with self._connections.reading() as connection:
            workflow, name, is_ephemeral, rev, raw = self._record(connection, workflow_key, record_key)
        data = decode_data(record_key, raw)
        return UserData(str(record_key), workflow, data, name, is_ephemeral, str(rev))

    def _record(
        self, connection: Connection, workflow_key: str, record_key: str
    ) -> tuple[str, str | None, bool, object, bytes | None]:
        """Return the workflow of a record, its name, whether it is ephemeral, its rev and its data."""
        workflow = find_workflow_id(connection, workflow_key, self.path)
        columns = "name, is_ephemeral, rev, CAST(data AS BLOB)"
        name, is_ephemeral, rev, raw = find_one(connection, "user_data", workflow, record_key, columns)
        return str(workflow), name, bool(is_ephemeral), rev, raw

    def add_user_data(
        self,
        workflow_key: str,
        data: Sequence[bytes],
        *,
        job_keys: Sequence[str | None] | None = None,
        role: Role | None = None,
        names: Sequence[str | None] | None = None,
        is_ephemeral: bool | Sequence[bool] = False,
    ) -> list[str]:
        """See `Store.add_user_data`."""
        flags = [is_ephemeral] * len(data) if isinstance(is_ephemeral, bool) else is_ephemeral
        check_lengths(data=data, job_keys=job_keys, names=names, is_ephemeral=flags)
        if role not in (None, "input", "output"):
            raise RefusedError(f"{role!r} is not a role: input, output or None")
        items = texts(data)
        with self._connections.write(workflow_key) as write:
            links = None if job_keys is None else _jobs_of(write, job_keys)
            if not items:
                return []
            workflow, rev = write.workflow_id, write.rev()
            first = write.next_id("user_data", len(items))
            ids = range(first, first + len(items))
            write.connection.executemany(
                "INSERT INTO user_data (id, name, data, is_ephemeral, workflow_id, rev) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                zip(
                    ids,
                    names or repeat(None),
                    items,
                    map(bool, flags),
                    repeat(workflow),
                    repeat(rev),
                    strict=False,
                ),
            )
            if links is not None:
                write.connection.executemany(
                    "INSERT INTO link (job_id, record_id, role) VALUES (?, ?, ?)",
                    ((job, record, role) for job, record in zip(links, ids, strict=False) if job is not None),
                )
        return list(map(str, ids))

    def update_user_data(
        self,
        workflow_key: str,
        record_keys: Sequence[str],
        data: Sequence[bytes],
        *,
        revs: Sequence[str | None] | None = None,
        report: Report | None = None,
    ) -> list[str | None]:
        """See `Store.update_user_data`."""
        check_lengths(record_keys=record_keys, data=data, revs=revs)
        items = texts(data)
        with self._connections.write(workflow_key) as write:
            rows = find_all(write.connection, "user_data", write.workflow_id, record_keys, "id, rev")
            stale = [
                key
                for key, rev in zip(record_keys, revs or repeat(None), strict=False)
                if rev is not None and str(rev) != str(rows[str(key)][1])
            ]
            if stale:
                raise ConflictError(f"changed since they were read: user_data keys {shorten(stale)}")
            if not items:
                return []
            rev = write.rev()
            ids = [rows[str(key)][0] for key in record_keys]
            for start in range(0, len(ids), _TOLD_ROWS):
                part = slice(start, start + _TOLD_ROWS)
                write.connection.executemany(
                    "UPDATE user_data SET data = ?, rev = ?, document_rev = NULL WHERE id = ?",
                    zip(items[part], repeat(rev), ids[part], strict=False),
                )
                tell(report, len(ids[part]))
        return [str(rev)] * len(items)

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """See `Store.delete_user_data`."""
        with self._connections.write(workflow_key) as write:
            rows = find_all(write.connection, "user_data", write.workflow_id, record_keys)
            if rows:
                remove_records(write, [number for (number,) in rows.values()])

    # series

    def add_series(self, workflow_key: str, chunks: Sequence[SeriesChunk]) -> None:
        """See `Store.add_series`; an older run's go with the first chunk of a newer one."""
        with self._connections.write(workflow_key) as write:
            if chunks:
                add_chunks(write.connection, write.workflow_id, chunks)

    def backup(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """See `FileStore.backup`."""
        return back_up(self.path, self._connections.moment, path, overwrite=overwrite)

    def close(self) -> None:
        """See `Store.close`."""
        self._connections.close()


def _open(path: str, network: bool | None, timeout: float, create: Create, blank: bool) -> SQLiteStore:
    return SQLiteStore(path, network=network, timeout=timeout, create=create, blank=blank)


def _jobs_of(write: Write, job_keys: Sequence[str | None]) -> list[int | None]:
    rows = find_all(write.connection, "job", write.workflow_id, [key for key in job_keys if key is not None])
    return [None if key is None else rows[str(key)][0] for key in job_keys]
