"""torc's own SQLite file, which its server leaves behind: read without the server, never written."""

# ruff: noqa: S608 (what is put into SQL is written in this package; values are bound)

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from torc_frames.errors import RefusedError, StoreFileError, VersionError, warn
from torc_frames.store.records import UserData
from torc_frames.store.sqlite.connections import Connections
from torc_frames.store.sqlite.file import Connection, is_network
from torc_frames.store.sqlite.keys import decode_data
from torc_frames.store.sqlite.reading import ReadConnection
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.torc_file.kinds import MIGRATIONS, tables_of
from torc_frames.store.torc_file.snapshot import TorcFileSnapshot, as_served, show_as_ours
from torc_frames.store.wire.v1 import name_from_wire, rev_of

__all__ = ["TORC_1", "TorcFileStore"]

TORC_1 = 20261017000000
"""The newest migration of torc 1.0.0."""

_READ = {
    "workflow": "id name user description timestamp metadata run_id project is_archived",
    "job": "id workflow_id name command status resource_requirements_id attempt_id priority",
    "user_data": "id workflow_id name is_ephemeral data",
    "job_input_user_data": "job_id user_data_id",
    "job_output_user_data": "job_id user_data_id",
    "job_depends_on": "job_id depends_on_job_id",
    "resource_requirements": "id name num_cpus num_gpus memory runtime num_nodes",
    "result": "id workflow_id job_id run_id status return_code exec_time_minutes completion_time attempt_id "
    "compute_node_id peak_memory_bytes avg_memory_bytes peak_cpu_percent avg_cpu_percent",
    "workflow_result": "workflow_id job_id result_id",
}


class TorcConnections(Connections):
    """Opens the file for each call and each snapshot, which is cheap, and leaves no locks behind."""

    snapshot_class = TorcFileSnapshot

    def __init__(self, path: str) -> None:
        super().__init__(path, network=is_network(path), timeout=0, create="never")
        self.read_only = True

    def _prepare(self, connection: ReadConnection) -> None:
        _check(connection, self.path)
        show_as_ours(connection)

    def refuse(self) -> NoReturn:
        """Refuse to write, and say who can."""
        raise RefusedError(
            f"{self.path} is torc's own database, which only its server writes: start "
            f"`torc-server run --database {shlex.quote(self.path)}` and connect to its url"
        )

    def writing(self, *, at_leisure: bool = False) -> NoReturn:
        """Refuse."""
        self.refuse()

    def transaction(self) -> NoReturn:
        """Refuse at once, before anything is made ready to be written."""
        self.refuse()


class TorcFileStore(SQLiteStore):
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

    schema: int
    """The newest migration of torc that the file has."""
    needs_role = True
    _connections: TorcConnections
    _as_stored: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._locate(path)
        self._connections = TorcConnections(self.path)
        with self._connections.reading() as connection:
            self.schema = _schema(connection)
        if self.schema > TORC_1:
            warn(
                f"{self.path} was made by a newer torc than torc_frames knows (schema {self.schema}, not "
                f"{TORC_1}): it has all that is read, so it is tried"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,), {"base": self.base}

    def get_user_data(self, workflow_key: str, record_key: str) -> UserData:
        """See `Store.get_user_data`."""
        with self._connections.reading() as connection:
            workflow, name, is_ephemeral, _, raw = self._record(connection, workflow_key, record_key)
        served = as_served(raw or b"null") if self._as_stored else raw or b"null"
        data, shown = decode_data(record_key, served), name_from_wire(name or "")
        return UserData(str(record_key), workflow, data, shown, is_ephemeral, rev_of(served))

    def kept(self, data: Sequence[bytes]) -> list[bytes]:
        """Refuse, as nothing is kept."""
        self._connections.refuse()

    def runners(self, workflow_key: str) -> dict[str, str]:
        """Refuse: it is asked for before jobs are run, which writes."""
        self._connections.refuse()


def _check(connection: Connection, path: str) -> None:
    """Raise unless the tables have all that is read of them, as those of torc 0.30 to 1.0 do."""
    tables = tables_of(connection)
    if MIGRATIONS not in tables:
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
    if missing:
        remedy = (
            f"`torc-server run --database {shlex.quote(path)}` of torc 1.0 upgrades it"
            if found < TORC_1
            else "connect to the url of its torc-server, or upgrade torc_frames"
        )
        raise VersionError(
            f"{path} was made by another version of torc: its schema is {found} and lacks "
            f"{', '.join(missing)}, and torc_frames reads what torc 0.30 to 1.0 ({TORC_1}) have; {remedy}"
        )


def _schema(connection: Connection) -> int:
    (found,) = connection.execute(f"SELECT ifnull(max(version), 0) FROM {MIGRATIONS}").fetchone()
    return int(found)
