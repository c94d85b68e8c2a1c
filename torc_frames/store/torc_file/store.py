"""torc's own SQLite file, which its server leaves behind: read without the server, never written."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from torc_frames.errors import RefusedError, StoreFileError, TorcFramesError, VersionError
from torc_frames.store.parallel import Report
from torc_frames.store.records import (
    AddedJobs,
    JobRecord,
    NewJobs,
    ResultPage,
    Role,
    RunResult,
    UserData,
    WorkflowRecord,
)
from torc_frames.store.sqlite import jobs as sqlite_jobs
from torc_frames.store.sqlite.backup import back_up
from torc_frames.store.sqlite.file import translated
from torc_frames.store.sqlite.identity import file_id
from torc_frames.store.sqlite.keys import (
    WORKFLOW_COLUMNS,
    decode_data,
    find_one,
    find_workflow,
    workflow_record,
)
from torc_frames.store.sqlite.opening import registry_lock, using
from torc_frames.store.sqlite.reading import ReadConnection
from torc_frames.store.torc_file.snapshot import TorcFileSnapshot, as_served, connect, show_as_ours
from torc_frames.store.wire.v1 import name_from_wire, rev_of

__all__ = ["TORC_1", "TorcFileStore", "is_torc_file"]

_SCHEME = "sqlite:///"

_MIGRATIONS = "_sqlx_migrations"
TORC_1 = 20261017000000
"""The newest migration of torc 1.0.0."""

_READ = {
    "workflow": "id name user description timestamp metadata run_id",
    "job": "id workflow_id name command status resource_requirements_id",
    "user_data": "id workflow_id name is_ephemeral data",
    "job_input_user_data": "job_id user_data_id",
    "job_output_user_data": "job_id user_data_id",
    "job_depends_on": "job_id depends_on_job_id",
    "resource_requirements": "id name num_cpus num_gpus memory runtime",
    "result": "id workflow_id job_id run_id status return_code exec_time_minutes completion_time",
}


def is_torc_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is torc's own database, of whatever version; the file is not touched.

    What does not exist or can't be read is none: whoever opens it as another store says what is wrong.
    """
    file = os.path.abspath(path)
    if not os.path.isfile(file):
        return False
    try:
        # Without locks first, which leaves no trace beside the files of others. All of a database can
        # still be in its write-ahead log; torc's first table there is that of its migrations.
        uri = f"{Path(file).as_uri()}?mode=ro&immutable=1"
        with registry_lock, closing(sqlite3.connect(uri, uri=True)) as connection:  # nobody forks meanwhile
            tables = _tables(connection)
        if not tables or _MIGRATIONS in tables:
            with closing(connect(file, file_id(file))) as connection, using(connection):
                tables = _tables(connection)
    except (sqlite3.Error, TorcFramesError):
        return False
    return {_MIGRATIONS, "workflow", "job", "user_data"} <= tables


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


class TorcFileStore:
    """Reads torc's own database; a `RunnableStore` that refuses to write.

    The file may be in use by a torc-server, be left by one that was killed, or be read-only, and so may
    its folder. The frames are those that the server gives, and also hold what it can not give: records
    that are bare numbers.

    Parameters
    ----------
    path : str or os.PathLike
        The file, or its ``sqlite:///`` url.

    Raises
    ------
    StoreFileError
        If the file is something else.
    VersionError
        If another version of torc made it, whose tables differ.
    UnavailableError
        If it can not be read.
    """

    url: str
    schema: int
    """The newest migration of torc that the file has."""
    needs_role = True
    roles_are_of_records = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path).removeprefix(_SCHEME))
        self.url = _SCHEME + self.path
        self._id = file_id(self.path)
        with self._reading() as connection:
            self.schema = _schema(connection)

    def __repr__(self) -> str:
        return f"TorcFileStore({self.path!r})"

    @contextmanager
    def _open(self) -> Iterator[ReadConnection]:
        """Lend a connection of its own, which is cheap, closes with the file, and needs no locks of ours."""
        with closing(connect(self.path, self._id)) as connection:
            with translated(self.path), using(connection):
                _check(connection, self.path)
                show_as_ours(connection)
                connection.execute("BEGIN")
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[ReadConnection]:
        with self._open() as connection:
            with translated(self.path), using(connection):
                yield connection
            connection.verify()

    # reading

    def workflows(self) -> list[WorkflowRecord]:
        """See `Store.workflows`."""
        with self._reading() as connection:
            rows = connection.execute(f"SELECT {WORKFLOW_COLUMNS} FROM workflow ORDER BY id").fetchall()
        return [replace(workflow_record(row), rev=None) for row in rows]

    def get_workflow(self, workflow_key: str) -> WorkflowRecord:
        """See `Store.get_workflow`."""
        with self._reading() as connection:
            return replace(find_workflow(connection, workflow_key, self.path), rev=None)

    @contextmanager
    def snapshot(self, workflow_key: str) -> Iterator[TorcFileSnapshot]:
        """See `Store.snapshot`; one read transaction."""
        with self._open() as connection:
            with translated(self.path):
                snapshot = TorcFileSnapshot(connection, self.path, workflow_key)
            yield snapshot

    def get_job(self, job_key: str, workflow_key: str | None = None) -> JobRecord:
        """See `Store.get_job`."""
        with self._reading() as connection:
            workflow = None
            if workflow_key is not None:
                workflow = int(find_workflow(connection, workflow_key, self.path).key)
            return replace(sqlite_jobs.get_job(connection, job_key, workflow), rev=None)

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """See `Store.get_user_data`."""
        with self._reading() as connection:
            workflow = int(find_workflow(connection, workflow_key, self.path).key)
            columns = "id, name, is_ephemeral, CAST(ifnull(data, 'null') AS BLOB)"
            number, name, is_ephemeral, raw = find_one(connection, "user_data", workflow, record_key, columns)
        key, served = str(number), as_served(raw)
        data = decode_data(key, served)
        return UserData(key, str(workflow), data, name_from_wire(name), bool(is_ephemeral), rev_of(served))

    @contextmanager
    def _moment(self) -> Iterator[tuple[ReadConnection, Callable[[], None]]]:
        with self._open() as connection:
            yield connection, connection.verify

    def backup(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """See `FileStore.backup`."""
        return back_up(self.path, self._moment, path, overwrite=overwrite)

    def close(self) -> None:
        """See `Store.close`; between two calls nothing is open."""

    # writing, all of it refused

    def _refuse(self) -> NoReturn:
        raise RefusedError(
            f"{self.path} is torc's own database, which only its server writes: start "
            f"`torc-server run --database {shlex.quote(self.path)}` and connect to its url"
        )

    def transaction(self) -> AbstractContextManager[None]:
        """Refuse at once, before anything is made ready to be written."""
        self._refuse()

    def add_workflow(
        self,
        name: str,
        *,
        user: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WorkflowRecord:
        """Refuse."""
        self._refuse()

    def merge_metadata(self, workflow_key: str, patch: Mapping[str, Any]) -> None:
        """Refuse."""
        self._refuse()

    def delete_workflow(self, workflow_key: str) -> None:
        """Refuse."""
        self._refuse()

    def add_jobs(self, workflow_key: str, jobs: NewJobs) -> AddedJobs:
        """Refuse."""
        self._refuse()

    def update_commands(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        commands: Sequence[str],
        *,
        report: Report | None = None,
    ) -> None:
        """Refuse."""
        self._refuse()

    def delete_jobs(
        self, workflow_key: str, job_keys: Sequence[str], *, report: Report | None = None
    ) -> None:
        """Refuse."""
        self._refuse()

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """Refuse, as nothing is kept."""
        self._refuse()

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
        """Refuse."""
        self._refuse()

    def update_user_data(
        self,
        workflow_key: str,
        record_keys: Sequence[str],
        data: Sequence[bytes],
        *,
        revs: Sequence[str | None] | None = None,
        report: Report | None = None,
    ) -> list[str | None]:
        """Refuse."""
        self._refuse()

    def delete_user_data(self, workflow_key: str, record_keys: Sequence[str]) -> None:
        """Refuse."""
        self._refuse()

    def start_jobs(self, workflow_key: str, job_keys: Sequence[str], runner: str) -> list[JobRecord]:
        """Refuse."""
        self._refuse()

    def finish_job(self, workflow_key: str, result: RunResult) -> None:
        """Refuse."""
        self._refuse()

    def drop_outputs(self, workflow_key: str, job_key: str, run_id: int | None = None) -> None:
        """Refuse."""
        self._refuse()

    def reset_jobs(self, workflow_key: str, job_keys: Sequence[str]) -> None:
        """Refuse."""
        self._refuse()

    def add_runs(
        self,
        workflow_key: str,
        job_keys: Sequence[str],
        statuses: Sequence[str],
        run_ids: Sequence[int],
        results: ResultPage,
    ) -> None:
        """Refuse."""
        self._refuse()

    def runners(self, workflow_key: str) -> dict[str, str]:
        """Refuse: it is asked for before jobs are run, which writes."""
        self._refuse()


def _check(connection: ReadConnection, path: str) -> None:
    """Raise unless the tables are those of torc 1.0, or have at least all that is read of them."""
    tables = _tables(connection)
    if _MIGRATIONS not in tables:
        raise StoreFileError(f"{path} is not a database of torc")
    found = _schema(connection)
    columns = "SELECT name FROM pragma_table_info(?)"
    there = {f"{table}.{name}" for table in _READ for (name,) in connection.execute(columns, (table,))}
    missing = [
        column
        for table, names in _READ.items()
        for name in names.split()
        if (column := f"{table}.{name}") not in there
    ]
    if found >= TORC_1 and not missing:
        return
    lacks = f" and lacks {', '.join(missing)}" if missing else ""
    remedy = (
        f"`torc-server run --database {shlex.quote(path)}` of torc 1.0 upgrades it"
        if found < TORC_1
        else "connect to the url of its torc-server, or upgrade torc_frames"
    )
    raise VersionError(
        f"{path} was made by another version of torc: its schema is {found}{lacks}, and torc_frames reads "
        f"{TORC_1}, that of torc 1.0; {remedy}"
    )


def _schema(connection: ReadConnection) -> int:
    (found,) = connection.execute(f"SELECT ifnull(max(version), 0) FROM {_MIGRATIONS}").fetchone()
    return int(found)
